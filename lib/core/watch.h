// What is looked at between two records of a plan that runs.
#ifndef WF_CORE_WATCH_H
#define WF_CORE_WATCH_H
#include "core/scope.h"

// A plan begins: its live records are those from `lowest` on.
void wf_watch_begin(weft_scope *s, int lowest);
// Asked before a record runs, and once before all updates of a plan: was the scope cancelled, from
// another thread or by its progress callback? Would the record read borrowed data again? Errors
// without the op's name.
bool wf_watch_step(weft_scope *s, struct wf_record *r, struct weft_error *err);
// The plan has run, to its end.
void wf_watch_end(weft_scope *s);

#endif
