#!/usr/bin/env python3
"""Writes what PyTorch computes, for peer_test to compare weft with.

usage: dump.py [--venv DIR] FOLDER [OP...]

PyTorch's wheel carries samples of the arguments of every op (op_db), and of the options of every
optimizer (optim_db). For those that weft has (adapters.py) this writes to FOLDER:

    samples.txt         one line for each sample: the op, "sample" or "optim", its number, and options
                        as key=value; lists are comma-separated, booleans 0 or 1. A line
                        "OP skip N REASON" counts the samples that weft's API cannot express.
    OP/N.inK.npy        the inputs; of an optimizer the parameters before the first step
    OP/N.outK.npy       the results; of an optimizer the parameters after each step, [step, ...]
    OP/N.upK.npy        the gradient of result K that goes in, where it has one; of an optimizer the
                        gradients of each step, [step, ...]
    OP/N.gradK.npy      the gradient of input K that comes out, where there is one

With OPs only those. PyTorch is installed from PyPI into the virtual environment DIR
[FOLDER/venv], unless it is there: 3 GB to load, 6 GB on the disk.
"""
import argparse
import collections
import os
import pathlib
import subprocess
import sys
import warnings

MAX_DIMS = 8     # WEFT_MAX_DIMS
MAX_TENSORS = 16 # PEER_TENSORS in sample.h
STEPS = 10


def enter(venv):
    """Goes on in the virtual environment, which is made if need be."""
    python = venv / 'bin' / 'python'
    ready = venv / 'ready' # the last thing made, so that one that was cut short is made anew
    if not ready.exists():
        print(f'installing PyTorch into {venv}', flush=True)
        subprocess.run([sys.executable, '-m', 'venv', '--clear', venv], check=True)
        subprocess.run([python, '-m', 'pip', 'install', '--quiet', '--no-cache-dir', 'torch',
                        'numpy', 'expecttest'], check=True)
        ready.touch()
    if pathlib.Path(sys.prefix).resolve() != venv.resolve():
        os.execv(python, [python, *sys.argv])


class Dump:
    """The folder: lines of samples.txt, and arrays."""

    def __init__(self, folder):
        self.folder = folder
        (folder / 'samples.txt').unlink(missing_ok=True)
        self.lines = (folder / 'samples.part').open('w')
        self.number = collections.Counter()
        self.skipped = collections.Counter()

    def write(self, op, kind, arrays, options):
        from adapters import option_text
        number = self.number[op]
        self.number[op] += 1
        (self.folder / op).mkdir(exist_ok=True)
        for name, tensors in arrays.items():
            for k, t in enumerate(tensors):
                if t is not None:
                    save(self.folder / op / f'{number}.{name}{k}.npy', t)
        words = [f'{key}={option_text(v)}' for key, v in options.items() if v is not None]
        print(op, kind, number, *words, file=self.lines)

    def skip(self, op, reason):
        self.skipped[op, reason] += 1

    def close(self):
        for (op, reason), count in sorted(self.skipped.items()):
            print(op, 'skip', count, reason, file=self.lines)
        self.lines.close()
        (self.folder / 'samples.part').rename(self.folder / 'samples.txt')
        print(f'{sum(self.number.values())} samples of {len(self.number)} ops and optimizers,',
              f'{sum(self.skipped.values())} not expressible')


def save(path, tensor):
    """C order; the 16-bit types, which hold no more than a float does, as float."""
    import numpy
    import torch
    tensor = tensor.detach()
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()
    numpy.save(path, numpy.array(tensor.resolve_neg().numpy(), order='C'))


def check_tensors(tensors):
    from adapters import DTYPES, need
    need(len(tensors) <= MAX_TENSORS, f'more than {MAX_TENSORS} tensors')
    for t in tensors:
        need(t.dtype in DTYPES, 'complex numbers')
        need(t.dim() <= MAX_DIMS, f'more than {MAX_DIMS} dimensions')


def gradients(inputs, results):
    """The gradients that go in, one for each result, and those that come out, for each input."""
    import torch
    twice = len({id(t) for t in inputs}) < len(inputs)
    wanted = [t for t in inputs if t.requires_grad]
    ups = [torch.randn(y.shape) if y.requires_grad and y.dtype == torch.float32 else None
           for y in results]
    if twice or not wanted or not any(u is not None for u in ups):
        return [], []
    pairs = [(y, u) for y, u in zip(results, ups) if u is not None]
    found = iter(torch.autograd.grad([y for y, _ in pairs], wanted, [u for _, u in pairs],
                                     allow_unused=True))
    return ups, [next(found) if t.requires_grad else None for t in inputs]


def adapt(adapter, sample):
    """The inputs and options of weft's call."""
    from adapters import Skip
    try:
        inputs, options = adapter(sample.input, *sample.args, **sample.kwargs)
    except TypeError as error:
        if 'argument' not in str(error):
            raise
        raise Skip('arguments that weft has not') from error
    return list(inputs), options


def dump_sample(dump, name, op, adapter, take, sample):
    inputs, options = adapt(adapter, sample)
    check_tensors(inputs)
    results = op(sample.input, *sample.args, **sample.kwargs)
    if take:
        results = take(results)
    options = {k: v(results) if callable(v) else v for k, v in options.items()}
    results = [results] if not isinstance(results, (list, tuple)) else list(results)
    check_tensors(results)
    ups, grads = gradients(inputs, results)
    dump.write(name, 'sample', {'in': inputs, 'out': results, 'up': ups, 'grad': grads}, options)


def dump_op(dump, name, op, adapter, dtypes, take):
    import torch
    from adapters import Skip
    for dtype in [{'f': torch.float32, 'i': torch.int64, 'b': torch.bool}[d] for d in dtypes]:
        if not op.supports_dtype(dtype, 'cpu'):
            continue
        torch.manual_seed(0)
        train = dtype.is_floating_point and op.supports_autograd
        for sample in op.sample_inputs('cpu', dtype, requires_grad=train):
            try:
                dump_sample(dump, name, op, adapter, take, sample)
            except Skip as reason:
                dump.skip(name, str(reason))


def dump_ops(dump, only):
    from torch.testing._internal.common_methods_invocations import op_db
    from adapters import OPS
    for name, source, adapter, dtypes, *take in OPS:
        if only and name not in only:
            continue
        wanted, _, variant = source.partition('/')
        found = [op for op in op_db
                 if op.name == wanted and variant in ('', op.variant_test_name)
                 # What takes a part of the result, and what takes it whole, are other ops.
                 and (variant or not op.variant_test_name.startswith('reduction_'))]
        if not found:
            sys.exit(f'dump.py: op_db has no {source}')
        for op in found:
            dump_op(dump, name, op, adapter, dtypes, take[0] if take else None)


def optimizer_options(optimizer, names):
    """What it computes with, from its defaults, which hold what was given too."""
    options = {}
    for name in names.split():
        value = optimizer.defaults[name]
        if name == 'betas':
            options['beta1'], options['beta2'] = (float(b) for b in value)
        else:
            options[name] = value if isinstance(value, bool) else float(value)
    return options


def dump_steps(dump, name, optimizer, names, params):
    import torch
    before = [p.detach().clone() for p in params]
    grads = [torch.randn(STEPS, *p.shape) for p in params]
    after = [torch.empty(STEPS, *p.shape) for p in params]
    for step in range(STEPS):
        for p, g, a in zip(params, grads, after):
            p.grad = g[step].clone()
        optimizer.step()
        for p, a in zip(params, after):
            a[step] = p.detach()
    dump.write(name, 'optim', {'in': before, 'out': after, 'up': grads},
               optimizer_options(optimizer, names))


def dump_optimizers(dump, only):
    import torch
    from torch.testing._internal.common_optimizers import optim_db
    from adapters import HOW, OPTIMIZERS
    for name, cls, names in OPTIMIZERS:
        if only and name not in only:
            continue
        info = next(o for o in optim_db if o.optim_cls.__name__ == cls)
        torch.manual_seed(0)
        for given in info.optim_inputs_func(device='cpu'):
            if given.params and isinstance(given.params[0], dict):
                dump.skip(name, 'groups of parameters')
                continue
            params = [torch.nn.Parameter(torch.randn(s)) for s in ([3, 5], [5], [2, 3, 4])]
            options = {k: v for k, v in given.kwargs.items() if k not in HOW}
            dump_steps(dump, name, info.optim_cls(params, **options), names, params)


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1][7:], description=__doc__)
    parser.add_argument('--venv', type=pathlib.Path)
    parser.add_argument('folder', type=pathlib.Path)
    parser.add_argument('op', nargs='*')
    args = parser.parse_args()
    enter((args.venv or args.folder / 'venv').absolute())
    args.folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter('ignore')
    dump = Dump(args.folder)
    dump_ops(dump, args.op)
    dump_optimizers(dump, args.op)
    dump.close()


main()
