// Reductions, for their fronts and for ops that begin with one.
#ifndef WF_OP_REDUCE_H
#define WF_OP_REDUCE_H
#include "core/op.h"

enum wf_reduction {
    WF_SUM,
    WF_MEAN,
    WF_PROD,
    WF_MAX,
    WF_MIN,
    WF_ANY,
    WF_ALL,
    WF_ARGMAX,
    WF_ARGMIN,
    WF_VAR,
    WF_STD,
    WF_LOG_SUM_EXP,
    WF_NORM,     // of p = a
    WF_NORM_0,   // likewise of these p
    WF_NORM_1,   //
    WF_NORM_2,   //
    WF_NORM_MAX, // infinity
    WF_NORM_MIN, // minus infinity
};

// The attribute of a reduction's record.
struct wf_reduce {
    enum wf_reduction kind;
    double a; // p of a norm, the correction of a variance
    bool reduced[WEFT_MAX_DIMS];
    bool all; // no axes were given
};

// x reduced, into y: dense, on the device; of the dtype that it is to have.
bool wf_reduce_run(weft_device *dev, const char *op, const struct wf_reduce *a,
                   const struct wf_tensor *x, enum weft_dtype dtype, cl_mem y,
                   struct weft_error *err);

// The type that a reduction computes in.
enum weft_dtype wf_reduce_compute(enum wf_reduction kind, enum weft_dtype d);

#endif
