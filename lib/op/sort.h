// The order of the elements of rows, for whichever operation needs one.
#ifndef WF_OP_SORT_H
#define WF_OP_SORT_H
#include "core/op.h"

struct wf_sort {
    const char *op;
    int axis;
    bool descending;
    int64_t keep; // the first few of each row that are wanted, at most its length
};
// Writes where the elements of x lie along the axis, in stable order, as I64 to the dense y, which
// has the shape of x with `keep` along the axis. NaN is the largest; -0 equals 0.
bool wf_sort_indices(weft_device *dev, const struct wf_sort *o, const struct wf_tensor *x, cl_mem y,
                     struct weft_error *err);

#endif
