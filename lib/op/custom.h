// What maps and ops of the program's own share.
#ifndef WF_OP_CUSTOM_H
#define WF_OP_CUSTOM_H
#include "op/op.h"

// Copies a text into the scope's arena; NULL when out of memory, with an error in the scope.
char *wf_custom_copy(weft_scope *s, const char *text);
// Is it a name for an operation? Leaves an error that begins with `call` if not.
bool wf_custom_name(weft_scope *s, const char *call, const char *name);

#endif
