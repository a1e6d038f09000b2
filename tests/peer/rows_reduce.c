// The rows of reductions and matrix products. See rows.h.
#include "rows.h"

// Without an axis PyTorch takes the tensor as one row.
static weft_tensor *call_argmax(struct call *c)
{
    const int64_t row = -1;
    const struct npy *want = &c->sample->out[0];
    weft_tensor *y = option(c->sample, "axis")
                         ? weft_argmax(c->s, c->x[0], (int)option_number(c->sample, "axis", 0))
                         : weft_argmax(c->s, weft_reshape(c->s, c->x[0], 1, &row), 0);
    return option_flag(c->sample, "keep") ? weft_reshape(c->s, y, want->ndim, want->shape) : y;
}

const struct op_row op_rows_reduce[] = {
    {"sum", .reduce = weft_sum},     {"mean", .reduce = weft_mean},     {"max", .reduce = weft_max},
    {"argmax", .call = call_argmax}, {"matmul", .binary = weft_matmul}, {0},
};
