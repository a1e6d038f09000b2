// Running what a plan has chosen.
#ifndef WF_CORE_RUN_H
#define WF_CORE_RUN_H
#include "core/scope.h"

// Runs the live records from `lowest` on. `target` (may be NULL) keeps its storage.
bool wf_run(weft_scope *s, int lowest, struct wf_tensor *target);
// The same on the stand-in of a dry run: no update, no callback, no check that data are still
// there.
bool wf_run_dry(weft_scope *s, weft_device *dev, int lowest, struct wf_tensor *target);

#endif
