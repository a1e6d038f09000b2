// How draws are keyed.
#ifndef WF_OP_RANDOM_H
#define WF_OP_RANDOM_H
#include "core/scope.h"

// The numbers of a draw: those of philox(key, counter, high). Different streams and draws of a seed
// never share both.
struct wf_draw {
    uint64_t key, high;
};
// That of the next draw of the scope, which it counts.
struct wf_draw wf_draw_next(weft_scope *s);

extern const struct wf_op wf_op_permutation;

#endif
