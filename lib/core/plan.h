// The plan: what of the records has to run, and running it.
#ifndef WF_CORE_PLAN_H
#define WF_CORE_PLAN_H
#include "core/scope.h"

// Runs everything pending, in order, and whatever else `target` (may be NULL) needs: afterwards it
// has storage.
bool wf_plan_run(weft_scope *s, struct wf_tensor *target);
// Marks the records that wf_plan_run would run as live and puts them into groups, and nothing else;
// *lowest is the first of them. wf_plan_end() forgets it.
bool wf_plan_begin(weft_scope *s, struct wf_tensor *target, int *lowest);
void wf_plan_end(weft_scope *s, int lowest);
// Runs the pending updates with what they need, and nothing else.
bool wf_plan_updates(weft_scope *s);
// As wf_plan_run; then *out holds the tensor dense. It is x, or a dense copy that the scope owns,
// whose errors begin with `call`.
bool wf_plan_dense(weft_scope *s, const char *call, struct wf_tensor *x, struct wf_tensor **out);

#endif
