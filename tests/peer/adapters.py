"""How PyTorch's samples map to weft's calls: one line of OPS for each source of samples.

An adapter has the signature of the PyTorch function. It returns the tensors that go into weft's call
and its options, or raises Skip with the reason why weft's API has no such call. An option that is
a function is called with PyTorch's result.
"""
import math

import torch


class Skip(Exception):
    """The sample cannot be expressed; the text says why."""


def need(condition, reason):
    if not condition:
        raise Skip(reason)


DTYPES = {torch.float32: 'F32', torch.float16: 'F16', torch.bfloat16: 'BF16',
          torch.float64: 'F64', torch.int8: 'I8', torch.uint8: 'U8', torch.int32: 'I32',
          torch.int64: 'I64', torch.bool: 'BOOL'}


def is_tensor(x):
    return isinstance(x, torch.Tensor)


def operands(*values):
    """Tensors of one dtype; a Python number becomes a tensor without dimensions."""
    dtypes = {x.dtype for x in values if is_tensor(x)}
    need(len(dtypes) == 1, 'operands of different dtypes')
    dtype = dtypes.pop()
    for x in values:
        if not is_tensor(x):
            fits = dtype.is_floating_point or (isinstance(x, int) and dtype != torch.bool)
            need(not isinstance(x, complex) and (fits or isinstance(x, bool)),
                 'operands of different dtypes')
    return [x if is_tensor(x) else torch.tensor(x, dtype=dtype) for x in values]


def axis_of(x, dim):
    need(x.dim() > 0, 'an axis of a scalar')
    return int(dim)


def axes_of(x, dim):
    axes = [] if dim is None else list(dim) if isinstance(dim, (list, tuple)) else [dim]
    need(x.dim() > 0 or not axes, 'an axis of a scalar')
    return [int(a) for a in axes]


def no_dtype(x, dtype):
    # The sum and the product of bool are I64 by themselves.
    need(dtype is None or dtype == x.dtype != torch.bool, 'a dtype of the result')


# Elementwise.

def unary(x, inplace=False):
    return [x], {}


def cast(x, memory_format=None):
    return [x], {'dtype': lambda y: DTYPES[y.dtype]}


def softplus(x, beta=1.0, threshold=20.0):
    return [x], {'beta': float(beta), 'threshold': float(threshold)}


def leaky_relu(x, negative_slope=0.01, inplace=False):
    return [x], {'slope': float(negative_slope)}


def elu(x, alpha=1.0, inplace=False):
    return [x], {'alpha': float(alpha)}


def gelu(x, approximate='none'):
    return [x], {'tanh': approximate == 'tanh'}


def rounding(x, decimals=0):
    need(decimals == 0, 'decimals')
    return [x], {}


def clamp(x, min=None, max=None):
    """A bound that is a tensor is an input, and the options say which is there."""
    inputs, options = [x], {}
    for name, bound in (('min', min), ('max', max)):
        if is_tensor(bound):
            inputs.append(bound)
            options[name + '_input'] = True
        elif bound is not None:
            need(isinstance(bound, int) or x.dtype.is_floating_point,
                 'operands of different dtypes')
            options[name] = float(bound)
    operands(*inputs)
    return inputs, options


def clamp_low(x, bound):
    return clamp(x, min=bound)


def clamp_high(x, bound):
    return clamp(x, max=bound)


def binary(a, b):
    return operands(a, b), {}


def scaled(a, b, alpha=1):
    inputs = operands(a, b)
    need(inputs[0].dtype.is_floating_point or isinstance(alpha, int), 'operands of different dtypes')
    return inputs, {'alpha': float(alpha) if alpha != 1 else None}


def divide(a, b, rounding_mode=None):
    inputs = operands(a, b)
    whole = not inputs[0].dtype.is_floating_point
    need(not whole or rounding_mode, 'integers divided give floats')
    return inputs, {'rounding': rounding_mode}


def remainder(a, b):
    return operands(a, b), {}


def fmod(a, b):
    return operands(a, b), {'truncate': True}


def where(x, condition, other):
    need(condition.dtype == torch.bool, 'a condition that is not bool')
    return [condition] + operands(x, other), {}


# Random.

def dropout(x, p=0.5, training=True, inplace=False):
    need(not training or p in (0, 1), 'random numbers of another generator')
    return [x], {'p': float(p) if training else 0.0}


# Reductions.

def reduce(x, dim=None, keepdim=False, *, dtype=None):
    no_dtype(x, dtype)
    return [x], {'axes': axes_of(x, dim), 'keep': bool(keepdim)}


def arg(x, dim=None, keepdim=False):
    return [x], {'axis': None if dim is None else axis_of(x, dim), 'keep': bool(keepdim)}


def variance(x, dim=None, unbiased=None, keepdim=False, *, correction=None):
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 0 if unbiased is False else 1
    return [x], {'axes': axes_of(x, dim), 'keep': bool(keepdim), 'correction': float(correction)}


def norm(x, ord=2, dim=None, keepdim=False, *, dtype=None):
    no_dtype(x, dtype)
    need(ord in (None, 'fro') or isinstance(ord, (int, float)), 'a norm of matrices')
    order = 2.0 if ord in (None, 'fro') else float(ord)
    return [x], {'axes': axes_of(x, dim), 'keep': bool(keepdim), 'order': order}


def p_norm(x, p='fro', dim=None, keepdim=False, *, dtype=None):
    return norm(x, p, dim, keepdim, dtype=dtype)


def along(x, dim, dtype=None, keepdim=False):
    no_dtype(x, dtype)
    return [x], {'axis': axis_of(x, dim)}


# Losses.

def loss(x, target, weight=None, size_average=None, reduce=None, reduction='mean'):
    need(weight is None, 'a weight')
    return operands(x, target), {'reduction': reduction}


def huber(x, target, reduction='mean', delta=1.0, weight=None):
    need(weight is None, 'a weight')
    return operands(x, target), {'reduction': reduction, 'delta': float(delta)}


def cross_entropy(x, target, weight=None, size_average=None, ignore_index=-100, reduce=None,
                  reduction='mean', label_smoothing=0.0):
    return [x, target] + ([weight] if weight is not None else []), {
        'reduction': reduction, 'weight': weight is not None, 'smoothing': float(label_smoothing),
        'ignore': ignore_index}


def bce(x, target, weight=None, size_average=None, reduce=None, reduction='mean',
        pos_weight=None):
    extra = [t for t in (weight, pos_weight) if t is not None]
    return [x, target] + extra, {'reduction': reduction, 'weight': weight is not None,
                                 'pos_weight': pos_weight is not None}


def kl_div(x, target, size_average=None, reduce=None, reduction='mean', log_target=False):
    return operands(x, target), {'reduction': reduction, 'log_target': bool(log_target)}


# Moving data.

def concat(tensors, dim=0):
    need(all(t.dim() == tensors[0].dim() for t in tensors), 'an empty tensor of other dimensions')
    return operands(*tensors), {'axis': axis_of(tensors[0], dim)}


def stack(tensors, dim=0):
    return operands(*tensors), {'axis': int(dim)}


def split(x, split_size, dim=0):
    return [x], {'axis': axis_of(x, dim), 'sizes': lambda y: [t.shape[dim] for t in y]}


def pad(x, pad, mode='constant', value=None):
    return [x], {'pad': list(pad), 'mode': mode, 'value': float(value or 0)}


def flip(x, *dims, **named):
    dims = named.get('dims', dims)
    dims = dims[0] if dims and isinstance(dims[0], (list, tuple)) else dims
    return [x], {'axes': axes_of(x, list(dims))}


def flip_lr(x):
    return [x], {'axes': [1]}


def flip_ud(x):
    return [x], {'axes': [0]}


def gather(x, dim, index, sparse_grad=False):
    need(index.dtype in (torch.int32, torch.int64), 'an index that is neither I32 nor I64')
    return [x, index], {'axis': axis_of(x, dim)}


def scatter_add(x, dim, index, src):
    need(index.dim() > 0, 'an axis of a scalar')
    return [x, index] + operands(x, src)[1:], {'axis': axis_of(x, dim)}


def one_hot(x, num_classes=-1):
    return [x], {'classes': lambda y: y.shape[-1]}


def embedding(weight, index, padding_idx=None, max_norm=None, norm_type=2.0,
              scale_grad_by_freq=False, sparse=False):
    need(max_norm is None, 'a largest norm')
    need(not scale_grad_by_freq, 'gradients scaled by frequency')
    return [weight, index], {'padding': padding_idx}


def topk(x, k, dim=-1, largest=True, sorted=True):
    return [x], {'k': int(k), 'axis': axis_of(x, dim), 'smallest': not largest}


def sort(x, dim=-1, descending=False, stable=False):
    return [x], {'axis': axis_of(x, dim), 'descending': bool(descending)}


def triangle(x, diagonal=0):
    return [x], {'diagonal': int(diagonal)}


def made(*args, **named):
    """arange, eye and full: what they make follows from the result, but for the numbers."""
    return [], {'dtype': lambda y: DTYPES[y.dtype], 'shape': lambda y: list(y.shape)}


def arange(first, *rest, **named):
    """One number alone is the end; the end can have a name."""
    start, end, step = first, named.get('end'), 1
    if rest:
        end, step = rest[0], (*rest, 1)[1]
    elif end is None:
        start, end = 0, first
    return [], {**made()[1], 'start': float(start), 'end': float(end), 'step': float(step)}


def full(size, fill_value, **named):
    return [], {**made()[1], 'value': float(fill_value)}


def view(x, *args, **named):
    return [x], {'shape': lambda y: list(y.shape)}


def like(x, other):
    return view(x)


def transpose(x, dim0, dim1):
    return [x], {'dim0': axis_of(x, dim0), 'dim1': axis_of(x, dim1)}


def flip_matrix(x):
    need(x.dim() == 2, 'an axis of a scalar' if x.dim() == 0 else 'a row')
    return transpose(x, 0, 1)


def narrow(x, dim, start, length):
    dim, start = axis_of(x, dim), int(start)
    return [x], {'axis': dim, 'start': start + x.shape[dim] * (start < 0), 'length': int(length)}


def first(result):
    return result[0]


def second(result):
    return result[1]


# Which dtypes the op takes: f float32, i int64, b bool.

def elementwise(names, dtypes='f', adapter=unary, prefix=''):
    return [(name, prefix + name, adapter, dtypes) for name in names.split()]


# weft's name, PyTorch's (name/variant, or name for all of its variants), the adapter, the dtypes,
# and what is taken of the result, if not all.
OPS = [
    *elementwise('neg abs sign square', 'fi'),
    *elementwise('exp expm1 log log1p sqrt rsqrt sin cos tan asin acos atan sinh cosh tanh sigmoid '
                 'erf'),
    *elementwise('floor ceil trunc', 'fi'),
    *elementwise('softsign selu silu mish hardsigmoid hardswish', prefix='nn.functional.'),
    ('relu', 'nn.functional.relu', unary, 'fi'),
    ('softplus', 'nn.functional.softplus', softplus, 'f'),
    ('leaky_relu', 'nn.functional.leaky_relu', leaky_relu, 'f'),
    ('elu', 'nn.functional.elu', elu, 'f'),
    ('celu', 'nn.functional.celu', elu, 'f'),
    ('gelu', 'nn.functional.gelu', gelu, 'f'),
    ('round', 'round', rounding, 'fi'),
    ('clamp', 'clamp', clamp, 'fi'),
    ('clamp', 'clamp_min', clamp_low, 'fi'),
    ('clamp', 'clamp_max', clamp_high, 'fi'),
    ('add', 'add', scaled, 'fi'),
    ('sub', 'sub', scaled, 'fi'),
    ('mul', 'mul', binary, 'fi'),
    ('div', 'div', divide, 'fi'),
    ('mod', 'remainder', remainder, 'fi'),
    ('mod', 'fmod', fmod, 'fi'),
    ('minimum', 'minimum', binary, 'fi'),
    ('maximum', 'maximum', binary, 'fi'),
    ('pow', 'pow', binary, 'fi'),
    ('atan2', 'atan2', binary, 'f'),
    *elementwise('eq ne lt le gt ge', 'fib', binary),
    *elementwise('logical_and logical_or logical_xor', 'fib', binary),
    ('logical_not', 'logical_not', unary, 'fib'),
    ('where', 'where', where, 'fib'),
    *[('cast', name, cast, 'fib')
      for name in 'float double half bfloat16 bool byte char int long'.split()],
    ('dropout', 'nn.functional.dropout', dropout, 'f'),
    *elementwise('sum prod', 'fib', reduce),
    ('mean', 'mean', reduce, 'f'),
    ('max', 'amax', reduce, 'fi'),
    ('max', 'max/reduction_no_dim', reduce, 'fi'),
    ('max', 'max/reduction_with_dim', reduce, 'fi', first),
    ('min', 'amin', reduce, 'fi'),
    ('min', 'min/reduction_no_dim', reduce, 'fi'),
    ('min', 'min/reduction_with_dim', reduce, 'fi', first),
    ('argmax', 'argmax', arg, 'fi'),
    ('argmax', 'max/reduction_with_dim', arg, 'f', second),
    ('argmin', 'argmin', arg, 'fi'),
    ('argmin', 'min/reduction_with_dim', arg, 'f', second),
    ('var', 'var', variance, 'f'),
    ('std', 'std', variance, 'f'),
    ('norm', 'linalg.vector_norm', norm, 'f'),
    ('norm', 'norm', p_norm, 'f'),
    ('logsumexp', 'logsumexp', reduce, 'f'),
    *elementwise('any all', 'fib', reduce),
    ('cumsum', 'cumsum', along, 'fi'),
    *[('matmul', name, binary, 'f') for name in 'matmul mm bmm mv dot'.split()],
    ('softmax', 'softmax', along, 'f'),
    ('log_softmax', 'log_softmax', along, 'f'),
    ('mse_loss', 'nn.functional.mse_loss', loss, 'f'),
    ('l1_loss', 'nn.functional.l1_loss', loss, 'f'),
    ('huber_loss', 'nn.functional.huber_loss', huber, 'f'),
    ('cross_entropy', 'nn.functional.cross_entropy', cross_entropy, 'f'),
    ('nll_loss', 'nn.functional.nll_loss', cross_entropy, 'f'),
    ('bce', 'nn.functional.binary_cross_entropy', bce, 'f'),
    ('bce_with_logits', 'nn.functional.binary_cross_entropy_with_logits', bce, 'f'),
    ('kl_div', 'nn.functional.kl_div', kl_div, 'f'),
    ('concat', 'cat', concat, 'fib'),
    ('split', 'split', split, 'fi'),
    ('split', 'split_with_sizes', split, 'fi'),
    ('stack', 'stack', stack, 'fib'),
    ('pad', 'nn.functional.pad', pad, 'f'),
    ('flip', 'flip', flip, 'fib'),
    ('flip', 'fliplr', flip_lr, 'f'),
    ('flip', 'flipud', flip_ud, 'f'),
    ('gather', 'gather', gather, 'fi'),
    ('scatter_add', 'scatter_add', scatter_add, 'fi'),
    ('index_select', 'index_select', gather, 'fi'),
    ('one_hot', 'nn.functional.one_hot', one_hot, 'i'),
    ('embedding', 'nn.functional.embedding', embedding, 'f'),
    ('topk', 'topk', topk, 'fi'),
    ('sort', 'sort', sort, 'fi'),
    ('tril', 'tril', triangle, 'fib'),
    ('triu', 'triu', triangle, 'fib'),
    ('arange', 'arange', arange, 'fi'),
    ('eye', 'eye', made, 'fib'),
    ('full', 'full', full, 'fib'),
    *[('reshape', name, view, 'fib') for name in 'reshape view unsqueeze squeeze'.split()],
    ('flatten', 'flatten', view, 'f'),
    ('transpose', 'transpose', transpose, 'fib'),
    ('transpose', 't', flip_matrix, 'f'),
    ('expand', 'expand', view, 'fib'),
    ('expand', 'broadcast_to', view, 'f'),
    ('expand', 'expand_as', like, 'f'),
    ('slice', 'narrow', narrow, 'fib'),
]

# Options of an optimizer that change how it computes and not what.
HOW = {'foreach', 'fused', 'differentiable', 'capturable'}
# weft's name, PyTorch's class, and the options that say what it computes.
OPTIMIZERS = [
    ('sgd', 'SGD', 'lr momentum dampening weight_decay nesterov maximize'),
    ('adam', 'Adam', 'lr betas eps weight_decay amsgrad maximize decoupled_weight_decay'),
    ('adamw', 'AdamW', 'lr betas eps weight_decay amsgrad maximize'),
    ('rmsprop', 'RMSprop', 'lr alpha eps weight_decay momentum centered maximize'),
    ('adagrad', 'Adagrad', 'lr lr_decay weight_decay initial_accumulator_value eps maximize'),
    ('adadelta', 'Adadelta', 'lr rho eps weight_decay maximize'),
]


def option_text(value):
    """A value as it stands in a line of samples.txt."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, (list, tuple)):
        return ','.join(option_text(v) for v in value)
    return str(value)
