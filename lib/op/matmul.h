// The ways to run a matrix product, for the op and for tests that compare them.
#ifndef WF_OP_MATMUL_H
#define WF_OP_MATMUL_H
#include "core/view.h"

// c[i][m][n] = sum over k of a[i][m][k] b[i][k][n]; `batch` walks a (view 0) and b (view 1); c is
// dense.
struct wf_matmul {
    enum weft_dtype dtype;
    int64_t m, n, k, count; // count: matrices in the batch
    int64_t a_m, a_k, b_k, b_n;
    struct wf_dims batch;
    bool wide;
};

// One way, and for which devices and problems; the first that applies is taken.
struct wf_matmul_variant {
    const char *name;
    bool (*applies)(const weft_device *dev, const struct wf_matmul *p);
    bool (*run)(weft_device *dev, const struct wf_matmul *p, const cl_mem *abc,
                struct weft_error *err);
};
extern const struct wf_matmul_variant
    wf_matmul_variants[]; // the last applies always; ends with {0}

#endif
