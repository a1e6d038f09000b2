// The gradient of a variable, as the records of several scopes see and change it.
#ifndef WF_NN_GRADIENT_H
#define WF_NN_GRADIENT_H
#include "core/scope.h"

// The gradient after the changes that the scope has recorded; NULL: there is none or, an error,
// another scope has changed it or is about to.
weft_tensor *wf_gradient(weft_scope *s, struct wf_variable *v, int ndim, const int64_t *shape);
// Records that g is added to the gradient of v, which has this shape.
bool wf_gradient_add(weft_scope *s, struct wf_variable *v, int ndim, const int64_t *shape,
                     weft_tensor *g);
// Records that g, which is dense, is the gradient of v from now on.
bool wf_gradient_put(weft_scope *s, struct wf_variable *v, weft_tensor *g);
// Records that the gradients of n variables are forgotten.
bool wf_gradient_clear(weft_scope *s, int n, struct wf_variable **var);

#endif
