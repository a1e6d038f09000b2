#!/usr/bin/env python3
"""Makes the npy and npz files of this folder, which npy_test and npz_test read.

usage: make_arrays.py FOLDER

They were made by NumPy 1.24.2 (Debian: python3-numpy).
"""
import pathlib
import sys

import numpy as np

VALUES = {'f': [0, 1, -2.5, 3, 100, -5], 'i': [0, 1, -2, 3, 100, -5], 'u': [0, 1, 200, 3, 100, 255],
          'b': [0, 1, 1, 0, 0, 1]}
DTYPES = 'f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1'.split()


def array(dtype):
    return np.array(VALUES[dtype[0]]).astype(np.dtype(dtype)).reshape(2, 3)


def main():
    folder = pathlib.Path(sys.argv[1])

    def save(name, a, version=None):
        with open(folder / f'{name}.npy', 'wb') as f:
            np.lib.format.write_array(f, a, version)

    for dtype in DTYPES:
        save(dtype, array(dtype))
        if dtype[1] != '1':
            save(f'big_{dtype}', array(dtype).astype('>' + dtype))
    save('fortran', np.asfortranarray(array('f4')))
    save('fortran_big', np.asfortranarray(np.arange(24, dtype='>i2').reshape(2, 3, 4)))
    save('version_2', array('f4'), (2, 0))
    save('version_3', array('f4'), (3, 0))
    save('scalar', np.array(7.5, 'f4'))
    save('vector', np.array([1, 2, 3], 'i4'))
    save('empty', np.zeros((0, 3), 'f8'))
    save('eight', np.arange(6, dtype='u1').reshape(1, 2, 1, 3, 1, 1, 1, 1))
    save('long', np.zeros(100000, 'b1')[:70])
    save('bad_large', np.array([0, 2**63], 'u8'))
    save('bad_complex', np.array([1j], 'c8'))
    save('bad_text', np.array(['abc']))
    save('bad_bytes', np.array([b'abc']))
    save('bad_date', np.array(['2020-01-01'], 'M8[D]'))
    save('bad_fields', np.zeros(2, [('a', 'f4'), ('b', 'i4')]))
    save('bad_object', np.array([{}], object))
    save('bad_nine', np.zeros((1,) * 9, 'f4'))
    arrays = {'x': array('f4'), 'y': np.array([3, 4]), 'big': array('i2').astype('>i2'),
              'one': np.array(2.0)}
    np.savez(folder / 'stored.npz', **arrays)
    np.savez_compressed(folder / 'deflated.npz', **arrays, zeros=np.zeros((100, 100)))


main()
