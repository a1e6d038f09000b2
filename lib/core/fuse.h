// Which records run together, as one kernel.
#ifndef WF_CORE_FUSE_H
#define WF_CORE_FUSE_H
#include "core/scope.h"

enum { WF_GROUP_RECORDS = 24, WF_GROUP_INPUTS = 8 };

// Records that run as one, at the place of the last of them.
struct wf_group {
    const struct wf_fuser *fuser;          // of the first
    struct wf_record *first, *last;        // linked by `next`, in order
    const weft_tensor *shape;              // a tensor of the shape of all results; NULL: any shape
    struct wf_tensor *in[WF_GROUP_INPUTS]; // what is read from outside
    int records, inputs, options;
    int round; // open while this is the round of the scope
};

// How an op's records join those of others; one for each way of running several as one.
struct wf_fuser {
    // May r, which reads a result of g, be its next record? Not called for a group that is full.
    bool (*joins)(const struct wf_group *g, const struct wf_record *r);
    // Can these n records run as one on this device? Outputs with storage are wanted; others are
    // only read by the records themselves.
    bool (*fits)(weft_device *dev, int n, struct wf_record *const *r);
    bool (*run)(weft_device *dev, int n, struct wf_record *const *r, struct weft_error *err);
    // Numbers that a record hands over beside its tensors. NULL: none.
    int (*options)(const struct wf_record *r);
    // Two groups may become one where a record reads both.
    bool merges;
};

// Puts the live records from `lowest` on into groups (wf_record.group, 0: alone). False when out of
// memory.
bool wf_fuse(weft_scope *s, int lowest);
static inline struct wf_group *wf_group_of(weft_scope *s, const struct wf_record *r)
{
    return r->group ? &s->group[r->group - 1] : NULL;
}
// Is the only reader of t in this plan yet to come, and does nothing else hold on to it?
bool wf_is_passed_on(const struct wf_tensor *t);

#endif
