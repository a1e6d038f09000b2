// What picking by an index and adding where an index says have in common.
#ifndef WF_OP_INDEX_H
#define WF_OP_INDEX_H
#include "core/op.h"
#include "core/view.h"

// How an index is laid over a tensor: element by element, or one index [n] for the whole axis.
struct wf_indexed {
    int axis;
    bool shared;
    bool zero;    // what an index outside gives is 0 of floats too
    int64_t skip; // of sums: an index that is left out; negative: none
    bool onto;    // of sums: they begin with what is there, not with zeros
};

// Lines of defines for cl/index.cl.
void wf_index_defines(const weft_device *dev, bool wide, enum weft_dtype index, int rank, char *out,
                      size_t room);
// The size of a group for cl/index.cl.
size_t wf_index_local(const weft_device *dev);
// I64 or I32? Leaves an error if not.
bool wf_want_index(weft_scope *s, const char *op, const weft_tensor *index);

// src added up where the index says, in a tensor of the shape of x: `onto` x, or to zeros.
weft_tensor *wf_scatter(weft_scope *s, const weft_tensor *x, const weft_tensor *index,
                        const weft_tensor *src, const struct wf_indexed *a);
// Picks from x as `a` says, by an op of index.c.
weft_tensor *wf_take(weft_scope *s, const struct wf_op *op, const weft_tensor *x,
                     const weft_tensor *index, const struct wf_indexed *a);
extern const struct wf_op wf_op_gather;

#endif
