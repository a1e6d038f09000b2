// Gradients of one's own, as the backward pass sees them.
#ifndef WF_NN_GRADS_H
#define WF_NN_GRADS_H
#include "nn/params.h"

const weft_params *wf_grads_params(const weft_grads *g);
// Where the gradient of a parameter goes, made at the first question; NULL when out of memory.
struct wf_variable *wf_grads_slot(weft_grads *g, struct wf_param *q, struct weft_error *err);

#endif
