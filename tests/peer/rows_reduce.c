// The rows of reductions and matrix products. See rows.h.
#include "rows.h"

// Without an axis PyTorch takes the tensor as one row.
static weft_tensor *call_argument(struct call *c,
                                  weft_tensor *(*f)(weft_scope *, const weft_tensor *, int))
{
    const int64_t row = -1;
    const struct npy *want = &c->sample->out[0];
    weft_tensor *y = option(c->sample, "axis")
                         ? f(c->s, c->x[0], (int)option_number(c->sample, "axis", 0))
                         : f(c->s, weft_reshape(c->s, c->x[0], 1, &row), 0);
    return option_flag(c->sample, "keep") ? weft_reshape(c->s, y, want->ndim, want->shape) : y;
}

static weft_tensor *call_argmax(struct call *c)
{
    return call_argument(c, weft_argmax);
}

static weft_tensor *call_argmin(struct call *c)
{
    return call_argument(c, weft_argmin);
}

// With a number beside the axes.
static weft_tensor *call_number(struct call *c, const char *key,
                                weft_tensor *(*f)(weft_scope *, const weft_tensor *, double,
                                                  const struct weft_reduce_params *))
{
    int64_t list[PEER_TENSORS];
    int axes[PEER_TENSORS], n = option_list(c->sample, "axes", list);
    for (int i = 0; i < n; i++)
        axes[i] = (int)list[i];
    return f(
        c->s, c->x[0], option_number(c->sample, key, 0),
        weft_reduce_params(.axes = axes, .naxes = n, .keep_dims = option_flag(c->sample, "keep")));
}

static weft_tensor *call_var(struct call *c)
{
    return call_number(c, "correction", weft_var);
}

static weft_tensor *call_std(struct call *c)
{
    return call_number(c, "correction", weft_std);
}

static weft_tensor *call_norm(struct call *c)
{
    return call_number(c, "order", weft_norm);
}

static weft_tensor *call_cumsum(struct call *c)
{
    return weft_cumsum(c->s, c->x[0], (int)option_number(c->sample, "axis", 0));
}

const struct op_row op_rows_reduce[] = {
    {"sum", .reduce = weft_sum},       {"mean", .reduce = weft_mean},
    {"prod", .reduce = weft_prod},     {"max", .reduce = weft_max},
    {"min", .reduce = weft_min},       {"any", .reduce = weft_any},
    {"all", .reduce = weft_all},       {"logsumexp", .reduce = weft_logsumexp},
    {"argmax", .call = call_argmax},   {"argmin", .call = call_argmin},
    {"var", .call = call_var},         {"std", .call = call_std},
    {"norm", .call = call_norm},       {"cumsum", .call = call_cumsum},
    {"matmul", .binary = weft_matmul}, {0},
};
