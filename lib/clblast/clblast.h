// CLBlast's matrix product, where that library is installed. It is loaded at run time, when it is
// first asked for, and never needed: a program that embeds weft is not linked to its C++ runtime.
//
// All calls go through one lock, for below 1.6.1 CLBlast's cache of kernels is not thread-safe, and
// the library does not tell its version.
#ifndef WF_CLBLAST_CLBLAST_H
#define WF_CLBLAST_CLBLAST_H
#include "dev/device.h"

// c = a b for each matrix of a batch, row by row; offsets, leading dimensions (the elements from
// one row to the next, of a transposed one from one column to the next) and the steps from one
// matrix to the next are in elements.
struct wf_clblast_gemm {
    bool f64; // F64, else F32
    size_t m, n, k, count;
    struct wf_clblast_matrix {
        cl_mem mem;
        bool transposed;
        size_t offset, row, step;
    } a, b, c;
};

// Is the library there, and does it use the same OpenCL as this device?
bool wf_clblast_found(const weft_device *dev);
// Enqueues on the device's queue. Must only be called where it was found.
bool wf_clblast_gemm(weft_device *dev, const struct wf_clblast_gemm *g, struct weft_error *err);

#endif
