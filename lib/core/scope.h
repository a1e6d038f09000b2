// The scope: what is recorded, who owns it, and what went wrong.
#ifndef WF_CORE_SCOPE_H
#define WF_CORE_SCOPE_H
#include "base/arena.h"
#include "base/text.h"
#include "core/op.h"

enum { WF_MAX_LABELS = 64 };

// What a scope knows of a variable beyond the variable itself.
struct wf_leaf {
    struct wf_variable *variable;
    int pending;            // updates of it that are recorded and have not run
    struct wf_tensor *grad; // the gradient that a record of this scope leaves in it; NULL: none
    bool grad_known;        // `grad` holds, not variable->grad
    int grads_pending;      // changes of the gradient that are recorded and have not run
    uint64_t grad_version;  // of the variable's gradient once they have
    struct wf_leaf *next;
};

// A stretch of records whose values are not kept for the gradient: it is run again instead.
struct wf_segment {
    int first, last;         // records first .. last-1
    bool holds;              // counted in the `saved` of what it reads from outside
    struct wf_segment *next; // in the order in which they ended
};

struct weft_scope {
    weft_device *dev;
    struct weft_error err;
    bool train, eager;
    uint64_t seed, stream;
    uint64_t draws; // random tensors recorded since the scope was made; nothing rewinds it
    atomic_bool cancelled;
    struct wf_arena arena; // records, attributes, labels: until the reset
    struct wf_record **record;
    int nrecords, room;
    int first_pending; // every record below has run
    struct wf_tensor *tensors;
    struct wf_leaf *leaves;
    struct wf_segment *segments, *last_segment;
    struct wf_text label;
    size_t label_start[WF_MAX_LABELS]; // its length before each push
    int labels;
    const char *label_copy; // in the arena; NULL: to be copied at the next record
    bool (*progress)(void *priv, const struct weft_progress *at);
    void *progress_priv;
    int steps, steps_done;  // records of the plan that is running
    struct wf_group *group; // of that plan
    int ngroups, group_room;
    int round; // of the groups that are open
};

// Leaves an error in the scope, "label: text"; always false.
bool wf_scope_fail(weft_scope *s, enum weft_status status, const char *fmt, ...) WF_PRINTF(3, 4);
// What of a label stands in an error text, which is short: its end, and "..." or "" before it.
const char *wf_label_end(const char *label, const char **cut);
// A wrong call: WEFT_PARAM, and an abort where the library was built with -Ddebug-abort=true.
bool wf_scope_wrong(weft_scope *s, const char *fmt, ...) WF_PRINTF(2, 3);
// Neither NULL nor in error.
bool wf_scope_ok(const weft_scope *s);
// Is x a tensor that this scope may use? Leaves an error that begins with the op's name if not.
bool wf_scope_takes(weft_scope *s, const char *op, const weft_tensor *x);

// Likewise, and are there `bytes` bytes of room at dst for all of x?
bool wf_can_read(weft_scope *s, const char *call, const weft_tensor *x, const void *dst,
                 size_t bytes);

// Out of host memory in this op or call: "label: OP: out of host memory"; always false.
bool wf_scope_nomem(weft_scope *s, const char *op);
// A tensor without record, storage or strides, owned by the scope; NULL after an error.
struct wf_tensor *wf_scope_tensor(weft_scope *s, const char *op, enum weft_dtype dtype, int ndim,
                                  const int64_t *shape);
// Are this dtype and shape possible on the device? Errors begin with `op`.
bool wf_scope_shape(weft_scope *s, const char *op, enum weft_dtype dtype, int ndim,
                    const int64_t *shape);
// The scope's notes on a variable; NULL when out of memory. Errors begin with the variable's name.
struct wf_leaf *wf_scope_leaf(weft_scope *s, struct wf_variable *v);
// A tensor that reads a variable as it is after the updates recorded so far.
weft_tensor *wf_scope_variable(weft_scope *s, struct wf_variable *v, bool tracked, int ndim,
                               const int64_t *shape);
// Appends a record like r that reads `in` [r->nin] and runs only if something needs it.
struct wf_record *wf_record_clone(weft_scope *s, const struct wf_record *r, struct wf_tensor **in);

// Says whether the gradient of this record is still to come and will read what its row saves.
void wf_note_saved(struct wf_record *r, bool saves);

#endif
