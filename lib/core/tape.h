// The tape: the scope's records, walked from the end to make gradients.
#ifndef WF_CORE_TAPE_H
#define WF_CORE_TAPE_H
#include "core/scope.h"

// What the tape needs of the ops above it: they record.
struct wf_tape_ops {
    weft_tensor *(*ones)(weft_scope *s, const weft_tensor *like);
    weft_tensor *(*add)(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
};

// Records the gradients of the scalar y with respect to x or, without x, to the parameters of
// `store`; they are left in wf_tensor.grad until wf_tape_forget().
bool wf_tape_walk(weft_scope *s, const char *call, const weft_tensor *y, struct wf_tensor *x,
                  const void *store, const struct wf_tape_ops *ops);
void wf_tape_forget(weft_scope *s);

#endif
