// The table of what weft has: a row for each op and each optimizer. To add an op, add its row in
// rows_FAMILY.c, of the form that its function has; one that fits no form has a function of its
// own.
#ifndef PEER_ROWS_H
#define PEER_ROWS_H
#include "sample.h"

// One sample as weft sees it: x, the inputs, are given; the row makes y from them, as many as
// PyTorch gives. If weft's API has no such call, the row says why in `unable` and leaves y alone.
struct call {
    const struct sample *sample;
    weft_scope *s;
    weft_tensor *x[PEER_TENSORS], *y[PEER_TENSORS];
    const char *unable;
};

// Exactly one of the functions is given.
struct op_row {
    const char *name; // as in adapters.py
    weft_tensor *(*unary)(weft_scope *, const weft_tensor *);
    weft_tensor *(*binary)(weft_scope *, const weft_tensor *, const weft_tensor *);
    weft_tensor *(*reduce)(weft_scope *, const weft_tensor *, const struct weft_reduce_params *);
    weft_tensor *(*call)(struct call *);
};

// Each family's rows; they end with {0}.
#define PEER_FAMILIES(X) \
    X(elementwise)       \
    X(index)             \
    X(loss)              \
    X(random)            \
    X(reduce)            \
    X(shape)
#define X(family) extern const struct op_row op_rows_##family[];
PEER_FAMILIES(X)
#undef X

// NULL without an error for an optimizer that weft has not with these options; *unable says why.
struct optim_row {
    const char *name;
    weft_optim *(*create)(weft_params *p, const struct sample *m, const char **unable,
                          struct weft_error *err);
};

// Says why this sample has no such call; NULL.
weft_tensor *unable(struct call *c, const char *why);
const struct op_row *op_row_of(const char *name);
const struct optim_row *optim_row_of(const char *name);
// Makes c->y[0] and what else the op gives.
void op_row_call(const struct op_row *r, struct call *c);

#endif
