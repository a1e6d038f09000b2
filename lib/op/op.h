// What the fronts of the operations share, and the table of all rows.
#ifndef WF_OP_OP_H
#define WF_OP_OP_H
#include "core/scope.h"
#include <weft/op.h>

// The rows of each family, for tests and benches; each list, and the list of lists, ends with NULL.
#define WF_OP_FAMILIES(X) \
    X(elementwise)        \
    X(shape)              \
    X(fill)               \
    X(reduce)             \
    X(matmul)             \
    X(cross_entropy)      \
    X(random)             \
    X(slice)              \
    X(concat)             \
    X(pad)                \
    X(triangle)           \
    X(index)              \
    X(scatter)            \
    X(sort)               \
    X(softmax)            \
    X(scan)
#define X(family) extern const struct wf_op *const wf_##family##_rows[];
WF_OP_FAMILIES(X)
#undef X
extern const struct wf_op *const *const wf_op_families[];

// The shape that a and b broadcast to; false, with an error, if they don't.
bool wf_broadcast(weft_scope *s, const char *op, const weft_tensor *a, const weft_tensor *b,
                  int *ndim, int64_t *shape);
// Sums g over what broadcasting repeated, so that it has the shape of x.
weft_tensor *wf_sum_to(weft_scope *s, weft_tensor *g, const weft_tensor *x);
// A negative axis counted from the end; -1, with an error, if there is no such axis.
int wf_axis(weft_scope *s, const char *op, int axis, int ndim);
// May `axes` [naxes] list axes of ndim dimensions? Leaves an error if not.
bool wf_check_axes(weft_scope *s, const char *op, int naxes, const int *axes, int ndim);
// Is x floating? Leaves an error if not.
bool wf_want_float(weft_scope *s, const char *op, const weft_tensor *x);
// A scalar 1 of the dtype and shape of a tensor with one element.
weft_tensor *wf_ones_like(weft_scope *s, const weft_tensor *x);
// x in storage of its own, dense and from its start; x's own if it is so.
weft_tensor *wf_dense(weft_scope *s, const weft_tensor *x);
// a + b of two gradients. Those of slices that do not overlap are put beside each other.
weft_tensor *wf_add_grads(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
// The bytes of a value in a dtype, in memory.
struct wf_pattern {
    char bytes[8];
};
struct wf_pattern wf_pattern_of(enum weft_dtype dtype, double value);
// Was x made by weft_transpose of the last two dimensions?
bool wf_is_transposed(const weft_tensor *x);

#endif
