// How a kernel is told where the elements of its tensors lie.
#ifndef WF_CORE_VIEW_H
#define WF_CORE_VIEW_H
#include "core/tensor.h"
#include "dev/launch.h"

enum { WF_MAX_VIEWS = 10 };

// Several tensors walked together: one shape, and a stride for each. cl/common.h has the same as
// `struct dims`, of RANK dimensions and VIEWS tensors.
struct wf_dims {
    int rank, views;
    int64_t shape[WEFT_MAX_DIMS];
    int64_t stride[WF_MAX_VIEWS][WEFT_MAX_DIMS]; // in elements; 0 where a tensor is repeated
    int64_t offset[WF_MAX_VIEWS];
};

// Begins a walk over a shape.
void wf_dims_init(struct wf_dims *d, int ndim, const int64_t *shape);
// Adds a tensor, which broadcasts to the shape.
void wf_dims_add(struct wf_dims *d, const struct wf_tensor *t);
// Drops dimensions of 1 and joins those that every tensor walks as one. At least one is left.
void wf_dims_collapse(struct wf_dims *d);
// The highest index of one tensor's elements.
int64_t wf_dims_last(const struct wf_dims *d, int view);
// Does an index of the walk exceed what the narrow form of a kernel can hold?
bool wf_dims_wide(const weft_device *dev, const struct wf_dims *d);
// Does one of this tensor, whose strides and offset count?
bool wf_tensor_wide(const weft_device *dev, const struct wf_tensor *t);

// The bytes of `struct dims`, as INDEX numbers.
struct wf_dims_arg {
    union {
        int32_t narrow[(WF_MAX_VIEWS + 1) * WEFT_MAX_DIMS + WF_MAX_VIEWS];
        int64_t wide[(WF_MAX_VIEWS + 1) * WEFT_MAX_DIMS + WF_MAX_VIEWS];
    } u;
    size_t bytes;
};
void wf_dims_pack(const struct wf_dims *d, bool wide, struct wf_dims_arg *out);

#endif
