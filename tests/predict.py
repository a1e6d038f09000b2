#!/usr/bin/env python3
"""Runs the examples early_stopping and predict one after the other: what one saves, the other uses.

usage: predict.py EARLY_STOPPING PREDICT DATA-DIR

The first trains for an epoch; the second gets test images as PGM files. Most must be right, and a
picture that is none, or a model of another shape, is an error in one line. Exit code: 1 if not.
"""
import gzip
import pathlib
import subprocess
import sys
import tempfile

CLASSES = ('T-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag',
           'ankle boot')
PICTURES, LEAST = 50, 35


def read_idx(folder, name, header):
    path = folder / name
    raw = path.read_bytes() if path.exists() else gzip.open(f'{path}.gz').read()
    return raw[header:]


def expect_error(command, folder, text):
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    lines = run.stderr.splitlines()
    if run.returncode != 1 or len(lines) != 1 or text not in lines[0]:
        sys.exit(f'{command}: exit code {run.returncode}, {run.stderr!r}; wanted 1 and "{text}"')


def main():
    train, predict, data = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
    images = read_idx(data, 't10k-images-idx3-ubyte', 16)
    labels = read_idx(data, 't10k-labels-idx1-ubyte', 8)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([train, data, '1'], cwd=folder, check=True)
        names = []
        for i in range(PICTURES):
            names.append(f'{i}.pgm')
            picture = b'P5\n28 28\n255\n' + images[784 * i:784 * (i + 1)]
            pathlib.Path(folder, names[-1]).write_bytes(picture)
        out = subprocess.run([predict, 'model.safetensors', *names], cwd=folder, check=True,
                             stdout=subprocess.PIPE, text=True).stdout.splitlines()
        right = sum(line.startswith(f'{name}: {CLASSES[labels[i]]} (')
                    for i, (name, line) in enumerate(zip(names, out, strict=True)))
        print(f'{right} of {PICTURES} are right')
        if right < LEAST:
            sys.exit(1)
        pathlib.Path(folder, 'text').write_text('no picture')
        expect_error([predict, 'model.safetensors', 'text'], folder, 'text: a PGM of 28 x 28')
        expect_error([predict, 'text', '0.pgm'], folder, 'text: ')
        expect_error([predict, 'none.safetensors', '0.pgm'], folder, 'none.safetensors')


main()
