// Copies elements between any strides.
#ifndef WF_CORE_COPY_H
#define WF_CORE_COPY_H
#include "core/view.h"

// Where the elements of a slice lie along an axis.
struct wf_slice {
    int axis;
    int64_t start, step;
};

// The elements of `from`, in the order of its shape, to the dense `to`, which has as many of the
// same size.
bool wf_copy_elements(weft_device *dev, const struct wf_tensor *from, struct wf_tensor *to,
                      struct weft_error *err);

// Elements of `bytes` bytes from view 0 of `d`, in mem[0], to view 1, in mem[1]. Strides may be
// negative; the shape may be empty. The buffers may be one, if nothing that is read is written.
bool wf_copy_view(weft_device *dev, const struct wf_dims *d, size_t bytes, const cl_mem mem[2],
                  struct weft_error *err);

// `from` into the slice start, start + step, ... along an axis of the dense `to`.
bool wf_copy_into(weft_device *dev, const struct wf_tensor *from, struct wf_tensor *to,
                  const struct wf_slice *at, struct weft_error *err);

// The type in kernels of elements that are only moved: 1, 2, 4, 8 or 16 bytes.
const char *wf_bits_type(size_t bytes);

// The work-items that a plain loop over elements runs with.
size_t wf_loop_local(const weft_device *dev, const struct wf_kernel *k);

#endif
