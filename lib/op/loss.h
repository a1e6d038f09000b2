// What the losses share: their options, and how they are reduced.
#ifndef WF_OP_LOSS_H
#define WF_OP_LOSS_H
#include "op/op.h"

// Options that a loss may know.
enum {
    WF_LOSS_WEIGHT = 1,
    WF_LOSS_POS_WEIGHT = 2,
    WF_LOSS_SMOOTHING = 4,
    WF_LOSS_DELTA = 8,
    WF_LOSS_MARGIN = 16,
    WF_LOSS_IGNORE = 32,
    WF_LOSS_LOG_TARGET = 64,
    WF_LOSS_BATCH_MEAN = 128,
};

struct wf_loss {
    const char *op;
    unsigned knows;
    struct weft_loss_params o; // filled by wf_loss_takes()
};

// May the scope use the tensors, is x floating, and are the options known and of values that make
// sense?
bool wf_loss_takes(weft_scope *s, struct wf_loss *l, const weft_tensor *x,
                   const weft_tensor *target, const struct weft_loss_params *params);
// Reduces the loss of each element as the options say.
weft_tensor *wf_loss_reduce(weft_scope *s, const struct wf_loss *l, weft_tensor *each);

// The rows of loss.def, which lib/op/elementwise.c makes.
enum wf_loss_row {
#define LOSS(name, nin, na, ...) WF_LOSS_ROW_##name,
#include "op/loss.def"
#undef LOSS
};
// Records one on inputs that have been checked.
weft_tensor *wf_loss_record(weft_scope *s, enum wf_loss_row row, const weft_tensor *const *in,
                            double a);

#endif
