#!/usr/bin/env python3
"""Writes the safetensors files of this folder, which interchange_test reads, with Python's package.

usage: make_safetensors.py FOLDER          (needs safetensors; made with version 0.8.0)

all.safetensors       every dtype that weft has, with values that its test knows
metadata.safetensors  the same tensors, and texts beside them
other.safetensors     dtypes that weft lacks
wide.safetensors      a number that no dtype of weft has
torch_like.safetensors  names and dtypes as PyTorch gives them to a small network in half precision
"""
import ctypes
import pathlib
import struct
import sys

from safetensors import TensorSpec, serialize_file


def halves(*bits):
    return struct.pack(f'<{len(bits)}H', *bits)


def tensors():
    inf, nan = float('inf'), float('nan')
    floats = (0.0, -0.0, 1.5, inf, -inf, nan)
    t = {
        'f64': ('float64', [2, 3], struct.pack('<6d', *floats)),
        'f32': ('float32', [3, 2], struct.pack('<6f', *floats)),
        # 0, the least subnormal, 1.5, -2, the largest, infinity, NaN
        'f16': ('float16', [7], halves(0, 1, 0x3e00, 0xc000, 0x7bff, 0x7c00, 0x7e00)),
        'bf16': ('bfloat16', [7], halves(0, 1, 0x3fc0, 0xc000, 0x7f7f, 0x7f80, 0x7fc0)),
        'i64': ('int64', [2], struct.pack('<2q', -2**63, 2**63 - 1)),
        'i32': ('int32', [1, 2], struct.pack('<2i', -2**31, 2**31 - 1)),
        'i8': ('int8', [3], struct.pack('<3b', -128, 0, 127)),
        'u8': ('uint8', [3], bytes([0, 1, 255])),
        'bool': ('bool', [2], bytes([0, 1])),
        'scalar': ('float32', [], struct.pack('<f', 0.1)),
        'empty': ('float32', [0, 4], b''),
        'name with "quotes", \\ and \u00e9\u6f22': ('float32', [1], struct.pack('<f', 2)),
    }
    return t


def other():
    return {
        'i16': ('int16', [3], struct.pack('<3h', -32768, -1, 32767)),
        'u16': ('uint16', [2], struct.pack('<2H', 1, 65535)),
        'u32': ('uint32', [2], struct.pack('<2I', 1, 2**32 - 1)),
        'u64': ('uint64', [2], struct.pack('<2Q', 1, 2**63 - 1)),
        'e4m3': ('float8_e4m3fn', [16, 16], bytes(range(256))),
        'e5m2': ('float8_e5m2', [16, 16], bytes(range(256))),
    }


def torch_like():
    def bf16(*values):
        return b''.join(struct.pack('<f', v)[2:] for v in values)
    t = {
        'module.fc.weight': ('bfloat16', [2, 3], bf16(1, 2, 3, 4, 5, 6)),
        'module.fc.bias': ('float16', [2], struct.pack('<2e', 0.5, -0.25)),
        'module.bn.running_mean': ('float64', [2], struct.pack('<2d', 0.1, 1e300)),
        'module.bn.num_batches_tracked': ('int64', [], struct.pack('<q', 12345)),
    }
    return t


def write(tensors, path, metadata=None):
    memory = {n: ctypes.create_string_buffer(b, len(b) + 1) for n, (_, _, b) in tensors.items()}
    specs = {n: TensorSpec(dtype=d, shape=s, data_ptr=ctypes.addressof(memory[n]), data_len=len(b))
             for n, (d, s, b) in tensors.items()}
    serialize_file(specs, path, metadata)


def main():
    folder = pathlib.Path(sys.argv[1])
    write(tensors(), folder / 'all.safetensors')
    write(tensors(), folder / 'metadata.safetensors', {'format': 'pt', 'made by': 'weft'})
    write(other(), folder / 'other.safetensors')
    write({'u64': ('uint64', [1], struct.pack('<Q', 2**63))}, folder / 'wide.safetensors')
    write(torch_like(), folder / 'torch_like.safetensors')


if __name__ == '__main__':
    main()
