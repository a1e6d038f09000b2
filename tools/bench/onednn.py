"""The products of oneDNN, by its C functions: dnnl_sgemm and, of bytes, dnnl_gemm_s8s8s32.

On the CPU, with as many threads as OpenMP is told. Not run itself: see tools/bench/matmul.
"""
import ctypes
from ctypes import byref, c_char, c_float, c_int32, c_int64, c_int8, c_void_p

import clblast

NAMES = ('libdnnl.so.3', 'libdnnl.so.2')


def pointer(array):
    return c_void_p(array.ctypes.data)


class Onednn:
    def __init__(self):
        for name in NAMES[:-1]:
            try:
                self.library = ctypes.CDLL(name)
                return
            except OSError:
                pass
        self.library = clblast.load(NAMES[-1], 'libdnnl2')

    def make(self, a, b, ta, tb):
        """A function that multiplies into its `c`; a and b are arrays as they lie in memory, F32 or
        I8. It was run once, and gave what NumPy gives."""
        import numpy
        x, y = a.T if ta else a, b.T if tb else b
        (m, k), n = x.shape, y.shape[1]
        whole = a.dtype == numpy.int8
        c = numpy.zeros((m, n), numpy.int32 if whole else numpy.float32)
        sides = [c_char(b'T' if t else b'N') for t in (ta, tb)]
        sizes = [c_int64(size) for size in (m, n, k)]
        ends = (c_float(0), pointer(c), c_int64(n))
        rows = [c_int64(array.shape[1]) for array in (a, b)]
        if whole:
            nothing = c_int32(0)
            function = self.library.dnnl_gemm_s8s8s32
            arguments = (*sides, c_char(b'F'), *sizes, c_float(1), pointer(a), rows[0], c_int8(0),
                         pointer(b), rows[1], c_int8(0), *ends, byref(nothing))
        else:
            function = self.library.dnnl_sgemm
            arguments = (*sides, *sizes, c_float(1), pointer(a), rows[0], pointer(b), rows[1],
                         *ends)

        def run():
            clblast.check(function(*arguments), function.__name__)
        run.c, run.kept = c, (a, b)
        run()
        if whole:
            right = numpy.array_equal(c, x.astype(numpy.int32) @ y.astype(numpy.int32))
        else:
            right = numpy.allclose(c, x @ y, rtol=0, atol=1e-5 * 4 * k)
        if not right:
            raise RuntimeError(f'oneDNN: another product than NumPy\'s at {m}x{k}x{n}')
        return run
