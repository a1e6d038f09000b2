// Elementwise kernels made from an expression.
#ifndef WF_OP_EXPRESSION_H
#define WF_OP_EXPRESSION_H
#include "core/op.h"

enum { WF_EXPRESSION_ARGS = 4 };

struct wf_expression {
    const char *text;                    // "x0 * x1", of type T
    const char *arg[WF_EXPRESSION_ARGS]; // the names of the inputs in it, in order
    double a0;                           // the option of that name, if the text has it
    bool has_a0;
};

// out = text, for every element. The inputs broadcast to the shape of `out`, which is dense. T is
// the computing type of the first input, or of `out` if there is none; the result is converted to
// the dtype of `out`, from floating to integer with saturation.
bool wf_expression_run(weft_device *dev, const char *op, const struct wf_expression *e, int nin,
                       struct wf_tensor *const *in, struct wf_tensor *out, struct weft_error *err);

// The type in kernels that elements of this dtype have in memory, and that they are computed in.
const char *wf_storage_type(enum weft_dtype d);
const char *wf_compute_type(enum weft_dtype d);

#endif
