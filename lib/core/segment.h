// Segments: stretches of records that a gradient runs again instead of reading what they left.
#ifndef WF_CORE_SEGMENT_H
#define WF_CORE_SEGMENT_H
#include "core/scope.h"

// Makes the records from `first` on a segment: what is inside is not kept for the gradient, what it
// reads from outside is. Segments nest.
bool wf_segment_end(weft_scope *s, int first);
// Has anything inside a gradient by now?
bool wf_segment_has_grad(const weft_scope *s, const struct wf_segment *g);
// Appends a clone of the segment, with the gradients of its tensors and the segments inside it.
// Updates run once: they are not cloned.
bool wf_segment_clone(weft_scope *s, struct wf_segment *g);
// Gives the segment's tensors the gradients that their clones have.
void wf_segment_take_grads(weft_scope *s, const struct wf_segment *g);

#endif
