"""What the tests of the command share: running it, files for it, and what every error must be like.

A test is run as `command_NAME_test.py WEFT [arguments of unittest...]`.
"""
import atexit
import json
import math
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = pathlib.Path('/usr/share/datasets/fashion-mnist')
LAST_LINE = re.compile(r'test accuracy [01]\.\d{4}')
WEFT = str(pathlib.Path(sys.argv.pop(1)).resolve())
PATIENCE = int(os.environ.get('CK_TIMEOUT_MULTIPLIER', 1))  # of tests that run slower than usual
TEMP = pathlib.Path(tempfile.mkdtemp(prefix='weft-command-'))
atexit.register(shutil.rmtree, TEMP)


def environment(**changes):
    """The environment without weft's variables, with a cache that the tests share."""
    env = {k: v for k, v in os.environ.items() if not k.startswith('WEFT_')}
    env['WEFT_CACHE'] = str(TEMP / 'cache')
    env['WEFT_TUNING'] = ''
    env.update(changes)
    return {k: v for k, v in env.items() if v is not None}


def run(*args, timeout=300, stdout=subprocess.PIPE, preexec_fn=None, **changes):
    return subprocess.run([WEFT, *args], stdout=stdout, stderr=subprocess.PIPE, text=True,
                          timeout=timeout * PATIENCE, env=environment(**changes), check=False,
                          preexec_fn=preexec_fn)


class Case(unittest.TestCase):
    def assert_fails(self, result, code, *parts):
        """One line on stderr that begins with "weft: " and has each of the parts."""
        self.assertEqual(result.returncode, code, result.stderr)
        lines = [x for x in result.stderr.splitlines() if not x.startswith('training on ')]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith('weft: '), lines[0])
        for part in parts:
            self.assertIn(str(part), lines[0])

    def assert_works(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)


def lines_of_json(text):
    return [json.loads(line) for line in text.splitlines()]


def table(name, rows, columns, row, head=True):
    """A CSV file in TEMP with row(i) for each of the rows."""
    path = TEMP / name
    lines = [','.join(columns)] if head else []
    lines += [','.join(str(x) for x in row(i)) for i in range(rows)]
    path.write_text('\n'.join(lines) + '\n')
    return str(path)


def animal(i):
    """Two numbers that tell the third, a word."""
    kind = i * 7 % 3
    return 100 + 10 * kind + i % 5 * 0.3, -4 * kind + i % 4 * 0.5, ('ant', 'bee', 'cow')[kind]


def npy(dtype, shape, data):
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    return b'\x93NUMPY\1\0\x76\0' + head.encode().ljust(117) + b'\n' + data


def array(dtype, *shape):
    """An npy file with numbers of struct's dtype; shape ends with a function of the place."""
    shape, value = shape[:-1], shape[-1]
    kind = {'e': '<f2', 'f': '<f4', 'd': '<f8', 'b': '|i1', 'B': '|u1', 'i': '<i4', 'q': '<i8'}
    count = math.prod(shape)
    return npy(kind[dtype], shape, struct.pack(f'<{count}{dtype}', *map(value, range(count))))


def npz(name, **arrays):
    with zipfile.ZipFile(TEMP / name, 'w') as archive:
        for key, data in arrays.items():
            archive.writestr(f'{key}.npy', data)
    return str(TEMP / name)


def pairs(name, x, y):
    """An npz file in TEMP: rows of two numbers, and a target each; a class, if they are whole."""
    path, whole, n = str(TEMP / name), isinstance(y[0], int), len(y)
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('x.npy', npy('<f4', (n, 2), struct.pack(f'<{2 * n}f', *x)))
        archive.writestr('y.npy', npy('<i8' if whole else '<f4', (n,),
                                      struct.pack(f'<{n}{"q" if whole else "f"}', *y)))
    return path


def line_of(i):
    a, b = i * 37 % 101, i * 11 % 53
    return a, b, 2 * a - 3 * b + 1000
