// The rows of shapes and of tensors from nothing. See rows.h.
#include "rows.h"

static weft_tensor *call_reshape(struct call *c)
{
    int64_t shape[PEER_TENSORS];
    int ndim = option_list(c->sample, "shape", shape);
    return weft_reshape(c->s, c->x[0], ndim, shape);
}

static weft_tensor *call_expand(struct call *c)
{
    int64_t shape[PEER_TENSORS];
    int ndim = option_list(c->sample, "shape", shape);
    return weft_expand(c->s, c->x[0], ndim, shape);
}

static weft_tensor *call_transpose(struct call *c)
{
    return weft_transpose(c->s, c->x[0], (int)option_number(c->sample, "dim0", 0),
                          (int)option_number(c->sample, "dim1", 0));
}

static weft_tensor *call_full(struct call *c)
{
    int64_t shape[PEER_TENSORS];
    int ndim = option_list(c->sample, "shape", shape);
    return weft_full(c->s, option_dtype(c->sample, "dtype"), ndim, shape,
                     option_number(c->sample, "value", 0));
}

const struct op_row op_rows_shape[] = {
    {"reshape", .call = call_reshape},     {"flatten", .call = call_reshape},
    {"transpose", .call = call_transpose}, {"expand", .call = call_expand},
    {"full", .call = call_full},           {0},
};
