// Elementwise records, for rows that are not in elementwise.def.
#ifndef WF_OP_ELEMENTWISE_H
#define WF_OP_ELEMENTWISE_H
#include "core/scope.h"

// A row of that name whose records have an expression as their attribute, without a gradient.
struct wf_op wf_elementwise_op(const char *name);
// Records the derivative `text` of an input of r, with the operands that it speaks of: g, y, x0, x1
// and x2.
weft_tensor *wf_elementwise_dx(weft_scope *s, const struct wf_record *r, const char *text,
                               const struct wf_op *op, weft_tensor *gy);
// Does the expression speak of this name?
bool wf_speaks_of(const char *text, const char *name);

#endif
