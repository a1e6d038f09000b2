"""CLBlast's matrix product through its C functions, on the OpenCL device that weft takes.

Straight from here and not through weft, so that its time has nothing of weft's in it: calls that are enqueued and one
wait for the queue, on buffers that are there. Not run itself: see tools/bench/matmul.
"""
import ctypes
import json
import subprocess
import sys
from ctypes import byref, c_float, c_int, c_size_t, c_uint, c_uint64, c_void_p

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112
READ_WRITE, COPY = 1, 1 << 5
ALL_DEVICES, DEVICE_NAME = 0xFFFFFFFF, 0x102B
F32 = 32
# CLBlast's tuners (Debian: clblast-utils), the kernel that they are for, and a size like those of the
# cases.
TUNERS = {'clblast_tuner_xgemm': ('Xgemm', 512), 'clblast_tuner_xgemm_direct': ('XgemmDirect', 256)}

RESULTS = {'clCreateContext': c_void_p, 'clCreateCommandQueue': c_void_p,
           'clCreateBuffer': c_void_p}
ARGUMENTS = {
    'clGetPlatformIDs': [c_uint, c_void_p, c_void_p],
    'clGetDeviceIDs': [c_void_p, c_uint64, c_uint, c_void_p, c_void_p],
    'clGetDeviceInfo': [c_void_p, c_uint, c_size_t, c_void_p, c_void_p],
    'clCreateContext': [c_void_p, c_uint, c_void_p, c_void_p, c_void_p, c_void_p],
    'clCreateCommandQueue': [c_void_p, c_void_p, c_uint64, c_void_p],
    'clCreateBuffer': [c_void_p, c_uint64, c_size_t, c_void_p, c_void_p],
    'clEnqueueReadBuffer': [c_void_p, c_void_p, c_uint, c_size_t, c_size_t, c_void_p, c_uint,
                            c_void_p, c_void_p],
    'clReleaseMemObject': [c_void_p],
    'clFinish': [c_void_p],
}


def load(name, package):
    try:
        return ctypes.CDLL(name)
    except OSError:
        raise RuntimeError(f'{name} is not here (Debian: {package})') from None


def check(code, call):
    if code:
        raise RuntimeError(f'{call}: error {code}')


def best_parameters(folder):
    """Of the fastest configuration in the files that a tuner wrote. It tries two kinds of kernels,
    and each at first in a small and then in a large space."""
    results = [result for path in folder.glob('*.json')
               for result in json.loads(path.read_text())['results']]
    if not results:
        raise RuntimeError(f'{folder}: the tuner has found nothing')
    best = min(results, key=lambda result: result['time'])
    return {key: value for key, value in best['parameters'].items() if key != 'PRECISION'}


class Clblast:
    """On the first device of that name."""

    def __init__(self, device_name):
        self.cl = load('libOpenCL.so.1', 'ocl-icd-libopencl1')
        self.library = load('libclblast.so.1', 'libclblast1')
        for name, arguments in ARGUMENTS.items():
            function = getattr(self.cl, name)
            function.argtypes, function.restype = arguments, RESULTS.get(name, c_int)
        code = c_int()
        self.device, self.place = self.find(device_name)
        self.context = self.cl.clCreateContext(None, 1, byref(self.device), None, None,
                                               byref(code))
        check(code.value, 'clCreateContext')
        self.queue = c_void_p(self.cl.clCreateCommandQueue(self.context, self.device, 0,
                                                           byref(code)))
        check(code.value, 'clCreateCommandQueue')

    def find(self, wanted):
        """The device, and where it is: the number of its platform, and its own there."""
        count = c_uint()
        platforms, devices = (c_void_p * 16)(), (c_void_p * 64)()
        check(self.cl.clGetPlatformIDs(16, platforms, byref(count)), 'clGetPlatformIDs')
        for i, platform in enumerate(platforms[:count.value]):
            found = c_uint()
            if self.cl.clGetDeviceIDs(platform, ALL_DEVICES, 64, devices, byref(found)):
                continue
            for k, device in enumerate(devices[:found.value]):
                name = ctypes.create_string_buffer(1024)
                self.cl.clGetDeviceInfo(device, DEVICE_NAME, 1024, name, None)
                if name.value.decode(errors='replace').strip() == wanted:
                    return c_void_p(device), (i, k)
        raise RuntimeError(f'OpenCL has no device with the name "{wanted}"')

    def tune(self, folder):
        """Takes what its tuners found; runs those that have not come to their end before."""
        folder.mkdir(parents=True, exist_ok=True)
        for tuner, (kernel, size) in TUNERS.items():
            if not (folder / kernel).is_dir():
                self.run_tuner(tuner, size, folder / (kernel + '.part'), folder / kernel)
            self.override(kernel, best_parameters(folder / kernel))

    def run_tuner(self, tuner, size, part, whole):
        platform, device = self.place
        print(f'{tuner}: tuning into {whole}', file=sys.stderr, flush=True)
        part.mkdir(exist_ok=True)
        command = [tuner, '-platform', platform, '-device', device, '-precision', F32, '-m', size,
                   '-n', size, '-k', size, '-runs', 1]
        try:
            with open(part / 'log', 'w') as log:
                subprocess.run(list(map(str, command)), cwd=part, stdout=log, stderr=log,
                               check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise RuntimeError(f'{tuner} (Debian: clblast-utils): {error}') from None
        part.rename(whole)

    def override(self, kernel, parameters):
        names = (ctypes.c_char_p * len(parameters))(*map(str.encode, parameters))
        values = (c_size_t * len(parameters))(*parameters.values())
        check(self.library.CLBlastOverrideParameters(
            self.device, kernel.encode(), c_int(F32), c_size_t(len(parameters)), names, values),
            'CLBlastOverrideParameters')

    def buffer(self, array):
        code = c_int()
        mem = self.cl.clCreateBuffer(self.context, READ_WRITE | COPY, array.nbytes,
                                     array.ctypes.data, byref(code))
        check(code.value, 'clCreateBuffer')
        return c_void_p(mem)

    def make(self, a, b, ta, tb):
        """A function that enqueues a product, and has a finish() that waits; a and b are arrays as
        they lie in memory. It was run once, and gave what NumPy gives."""
        import numpy
        x, y = a.T if ta else a, b.T if tb else b
        (m, k), n = x.shape, y.shape[1]
        c = numpy.zeros((m, n), numpy.float32)
        mems = [self.buffer(array) for array in (a, b, c)]
        # Converted once: what a call costs is CLBlast's.
        arguments = (c_int(ROW_MAJOR), c_int(TRANSPOSED if ta else PLAIN),
                     c_int(TRANSPOSED if tb else PLAIN), c_size_t(m), c_size_t(n), c_size_t(k),
                     c_float(1), mems[0], c_size_t(0), c_size_t(a.shape[1]), mems[1], c_size_t(0),
                     c_size_t(b.shape[1]), c_float(0), mems[2], c_size_t(0), c_size_t(n),
                     byref(self.queue), None)
        gemm, finish, queue = self.library.CLBlastSgemm, self.cl.clFinish, self.queue

        def run():
            check(gemm(*arguments), 'CLBlastSgemm')
        run.finish = lambda: check(finish(queue), 'clFinish')
        run.kept = Buffers(self.cl, mems)
        run()
        check(self.cl.clEnqueueReadBuffer(queue, mems[2], 1, 0, c.nbytes, c.ctypes.data, 0, None,
                                          None), 'clEnqueueReadBuffer')
        if not numpy.allclose(c, x @ y, rtol=0, atol=1e-5 * 4 * k):
            raise RuntimeError(f'CLBlast: another product than NumPy\'s at {m}x{k}x{n}')
        return run


class Buffers:
    """Gives them back when it goes."""

    def __init__(self, cl, mems):
        self.cl, self.mems = cl, mems

    def __del__(self):
        for mem in self.mems:
            self.cl.clReleaseMemObject(mem)
