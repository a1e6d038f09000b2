#!/usr/bin/env python3
"""Makes the curves that tests/curve_test.c compares with: PyTorch's loss in double and in float.

usage: make.py [--data DIR]
  --data DIR   MNIST or its kin as four IDX files [/usr/share/datasets/fashion-mnist]

Wants PyTorch and numpy (PyPI). Writes NAME.csv beside this file for each optimizer. The first line is
how far the loss in float is from that in double, at most and as the root of the mean square, in the
worst of ORDERS runs, which have the rows of each batch in other orders and so differ in rounding
alone; then a line a step with the loss in double. The perceptron 784-512-512-10, its first weights (see
`weights`) and the batches (rows 128 k .. 128 k + 127 of the training images) are those of the test.
"""
import argparse
import gzip
import pathlib

import numpy
import torch

STEPS, BATCH, SIZES = 200, 128, (784, 512, 512, 10)
# How near float comes to double is partly luck: most of Adam's orders deviate by 2.1e-4, and 3 of
# 40 by 7.8e-4, as one gradient more or less is cut off at a relu's corner.
ORDERS = 40
OPTIMIZERS = {
    'sgd': lambda params: torch.optim.SGD(params, lr=0.01, momentum=0.9, nesterov=True),
    'adam': lambda params: torch.optim.Adam(params, lr=1e-4),
}


def read_idx(folder, name, header):
    path = folder / name
    raw = path.read_bytes() if path.exists() else gzip.open(f'{path}.gz').read()
    return numpy.frombuffer(raw, numpy.uint8, offset=header)


def weights():
    """For each layer the weight and the bias, uniform in +-1/sqrt(in), from one 64-bit LCG."""
    state, made = 1, []
    for n_in, n_out in zip(SIZES, SIZES[1:]):
        for shape in ((n_out, n_in), (n_out,)):
            values = numpy.empty(shape, numpy.float32).ravel()
            bound = 1 / n_in ** 0.5
            for i in range(values.size):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
                values[i] = (2 * ((state >> 40) / 2 ** 24) - 1) * bound
            made.append(values.reshape(shape))
    return made


def in_order(number, n):
    """Rows 0 .. n-1, those of each batch shuffled among themselves; order 0: as they are."""
    draw = numpy.random.default_rng(number)
    rows = numpy.arange(n)
    for i in range(STEPS if number else 0):
        draw.shuffle(rows[i * BATCH:(i + 1) * BATCH])
    return torch.from_numpy(rows)


def curve(optimizer, dtype, first, x, y):
    torch.manual_seed(0)
    layers = []
    for n_in, n_out in zip(SIZES, SIZES[1:]):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers[:-1]).to(dtype)
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), first):
            parameter.copy_(torch.from_numpy(value))
    step = OPTIMIZERS[optimizer](net.parameters())
    losses = []
    for i in range(STEPS):
        rows = slice(i * BATCH, (i + 1) * BATCH)
        loss = torch.nn.functional.cross_entropy(net(x[rows].to(dtype) / 255), y[rows])
        step.zero_grad()
        loss.backward()
        step.step()
        losses.append(loss.item())
    return losses


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--data', type=pathlib.Path,
                        default=pathlib.Path('/usr/share/datasets/fashion-mnist'))
    args = parser.parse_args()
    images = read_idx(args.data, 'train-images-idx3-ubyte', 16).reshape(-1, 784).copy()
    labels = read_idx(args.data, 'train-labels-idx1-ubyte', 8).astype(numpy.int64)
    x, y, first = torch.from_numpy(images), torch.from_numpy(labels), weights()
    for name in OPTIMIZERS:
        wide = curve(name, torch.float64, first, x, y)
        orders = [in_order(i, len(y)) for i in range(ORDERS)]
        narrow = [curve(name, torch.float32, first, x[rows], y[rows]) for rows in orders]
        path = pathlib.Path(__file__).parent / f'{name}.csv'
        off = numpy.abs(numpy.array(narrow) - numpy.array(wide))
        most, rms = off.max(axis=1), numpy.sqrt((off ** 2).mean(axis=1))
        path.write_text(f'{most.max():.9g},{rms.max():.9g}\n'
                        + ''.join(f'{loss:.17g}\n' for loss in wide))
        print(f'{path}: {STEPS} steps, float deviates by up to '
              + ', '.join(f'{m:.3g}' for m in sorted(most)))


if __name__ == '__main__':
    main()
