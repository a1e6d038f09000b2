// Elementwise kernels made from an expression.
#ifndef WF_OP_EXPRESSION_H
#define WF_OP_EXPRESSION_H
#include "core/op.h"

enum { WF_EXPRESSION_ARGS = 5, WF_EXPRESSION_OPTIONS = 2 };

struct wf_expression {
    const char *text;                    // "x0 * x1", of type T
    const char *arg[WF_EXPRESSION_ARGS]; // the names of the inputs in it, in order
    enum weft_dtype compute;             // whose computing type T is [of the first input]
    double a[WF_EXPRESSION_OPTIONS];     // the options a0, a1 of the text
    int na;
};

// out = text, for every element. The inputs broadcast to the shape of `out`, which is dense, and
// are converted to T. The result is converted to the dtype of `out`, from floating to integer with
// saturation.
bool wf_expression_run(weft_device *dev, const char *op, const struct wf_expression *e, int nin,
                       struct wf_tensor *const *in, struct wf_tensor *out, struct weft_error *err);

// The type in kernels that elements of this dtype have in memory, and that they are computed in.
const char *wf_storage_type(enum weft_dtype d);
const char *wf_compute_type(enum weft_dtype d);

#endif
