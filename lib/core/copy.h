// Copies elements from any strides to dense memory.
#ifndef WF_CORE_COPY_H
#define WF_CORE_COPY_H
#include "core/tensor.h"

// The elements of `from`, in the order of its shape, to the dense `to`, which has as many of the
// same size.
bool wf_copy_elements(weft_device *dev, const struct wf_tensor *from, struct wf_tensor *to,
                      struct weft_error *err);

// The work-items that a plain loop over elements runs with.
size_t wf_loop_local(const weft_device *dev, const struct wf_kernel *k);

#endif
