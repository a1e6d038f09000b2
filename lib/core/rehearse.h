// A dry run of what is recorded.
#ifndef WF_CORE_REHEARSE_H
#define WF_CORE_REHEARSE_H
#include "core/scope.h"
#include "dev/dry.h"

// Runs what an ask for `target` would on a stand-in of the device, has `look` (may be NULL) called
// while the records are as the run has left them, and puts everything back.
bool wf_rehearse(weft_scope *s, struct wf_tensor *target, struct wf_dry *dry,
                 void (*look)(weft_scope *s, void *priv), void *priv);

#endif
