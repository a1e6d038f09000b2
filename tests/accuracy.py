#!/usr/bin/env python3
"""Compares what weft and PyTorch learn: the test accuracy on Fashion-MNIST over several seeds.

usage: accuracy.py [--build DIR] [--python PYTHON] [--seeds N] [--epochs N] [--data DIR]

The perceptron 784-512-512-10, cross entropy, Adam from 1e-3 down to 0 along a cosine, batches of
128, pixels in 0 .. 1. Run by hand, a few minutes; PYTHON [this one] has PyTorch and numpy. Exit code: 1 if the mean of weft's
last accuracies lies outside of PyTorch's range over its seeds, give or take what one standard
deviation of them is, or if it is below 0.88 after 5 epochs.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'data' / 'curves'))

BATCH, TEST_BATCH = 128, 500


def weft(args, seed):
    out = subprocess.run(
        [args.build / 'tools' / 'weft', 'train', '--model', 'mlp', '--hidden', '512,512', '--batch',
         str(BATCH), '--optimizer', 'adam', '--lr', '1e-3', '--schedule',
         'cosine', '--seed', str(seed), '--data', args.data,
         '--epochs', str(args.epochs)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(re.search(r'^test accuracy ([\d.]+)$', out, re.M)[1])


def pytorch(args, seed, sets):
    import torch
    torch.manual_seed(seed)
    nn = torch.nn
    net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
                        nn.Linear(512, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x, y, test_x, test_y = sets
    steps = args.epochs * -(-len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(args.epochs):
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = nn.functional.cross_entropy(net(x[rows].float() / 255), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        right = sum((net(a.float() / 255).argmax(1) == b).sum().item()
                    for a, b in zip(test_x.split(TEST_BATCH), test_y.split(TEST_BATCH)))
    return right / len(test_x)


def read_sets(folder):
    import make
    import numpy
    import torch
    made = []
    for split in ('train', 't10k'):
        images = make.read_idx(folder, f'{split}-images-idx3-ubyte', 16).reshape(-1, 784).copy()
        labels = make.read_idx(folder, f'{split}-labels-idx1-ubyte', 8).astype(numpy.int64)
        made += [torch.from_numpy(images), torch.from_numpy(labels)]
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', type=pathlib.Path, default=ROOT / 'build')
    parser.add_argument('--python', type=pathlib.Path)
    parser.add_argument('--seeds', type=int, default=3)
    parser.add_argument('--epochs', type=int, default=5)
    parser.add_argument('--data', type=pathlib.Path,
                        default=pathlib.Path('/usr/share/datasets/fashion-mnist'))
    args = parser.parse_args()
    if args.python and pathlib.Path(sys.executable).resolve() != args.python.resolve():
        os.execv(args.python, [args.python, *sys.argv])
    sets = read_sets(args.data)
    ours, theirs = [], []
    for seed in range(args.seeds):
        ours.append(weft(args, seed))
        theirs.append(pytorch(args, seed, sets))
        print(f'seed {seed}: weft {ours[-1]:.4f}, PyTorch {theirs[-1]:.4f}', flush=True)
    mean, spread = statistics.mean(ours), statistics.stdev(theirs) if len(theirs) > 1 else 0
    print(f'mean: weft {mean:.4f}, PyTorch {statistics.mean(theirs):.4f} '
          f'({min(theirs):.4f} to {max(theirs):.4f})')
    inside = min(theirs) - spread <= mean <= max(theirs) + spread
    sys.exit(0 if inside and (args.epochs < 5 or mean >= 0.88) else 1)


main()
