// Running what a plan has chosen.
#ifndef WF_CORE_RUN_H
#define WF_CORE_RUN_H
#include "core/scope.h"

// Runs the live records from `lowest` on. `target` (may be NULL) keeps its storage.
bool wf_run(weft_scope *s, int lowest, struct wf_tensor *target);

#endif
