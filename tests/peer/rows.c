// The rows of the ops. See rows.h.
#include "rows.h"
#include <string.h>

static weft_tensor *unable(struct call *c, const char *why)
{
    c->unable = why;
    return NULL;
}

// b, times the alpha of PyTorch's add and sub.
static weft_tensor *times_alpha(struct call *c)
{
    double alpha = option_number(c->sample, "alpha", 1);
    return alpha == 1 ? c->x[1] : weft_scale(c->s, c->x[1], alpha);
}

static weft_tensor *call_add(struct call *c)
{
    return weft_add(c->s, c->x[0], times_alpha(c));
}

static weft_tensor *call_sub(struct call *c)
{
    return weft_sub(c->s, c->x[0], times_alpha(c));
}

static weft_tensor *call_div(struct call *c)
{
    if (option(c->sample, "rounding") && c->x[0]->dtype == WEFT_F32)
        return unable(c, "division of floats with rounding");
    return weft_div(c->s, c->x[0], c->x[1]);
}

static weft_tensor *call_leaky_relu(struct call *c)
{
    return weft_leaky_relu(c->s, c->x[0], option_number(c->sample, "slope", 0.01));
}

static weft_tensor *call_elu(struct call *c)
{
    return weft_elu(c->s, c->x[0], option_number(c->sample, "alpha", 1));
}

static weft_tensor *call_celu(struct call *c)
{
    return weft_celu(c->s, c->x[0], option_number(c->sample, "alpha", 1));
}

// The limits of PyTorch's samples are tensors.
static weft_tensor *call_clamp(struct call *c)
{
    int next = 1;
    weft_tensor *y = c->x[0];
    if (option_flag(c->sample, "min_input"))
        y = weft_maximum(c->s, y, c->x[next++]);
    if (option_flag(c->sample, "max_input"))
        y = weft_minimum(c->s, y, c->x[next]);
    return y;
}

static weft_tensor *call_where(struct call *c)
{
    return weft_where(c->s, c->x[0], c->x[1], c->x[2]);
}

static weft_tensor *call_mod(struct call *c)
{
    if (option_flag(c->sample, "truncate"))
        return unable(c, "a remainder of the sign of the dividend");
    return weft_mod(c->s, c->x[0], c->x[1]);
}

static weft_tensor *call_gelu(struct call *c)
{
    return option_flag(c->sample, "tanh") ? unable(c, "the approximation by tanh")
                                          : weft_gelu(c->s, c->x[0]);
}

// The types of 16 bits were saved as the floats that they are.
static weft_tensor *call_cast(struct call *c)
{
    enum weft_dtype dtype = option_dtype(c->sample, "dtype");
    weft_tensor *y = weft_cast(c->s, c->x[0], dtype);
    return dtype == WEFT_F16 || dtype == WEFT_BF16 ? weft_cast(c->s, y, WEFT_F32) : y;
}

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

static weft_tensor *call_cross_entropy(struct call *c)
{
    const struct sample *m = c->sample;
    if (option_flag(m, "weight"))
        return unable(c, "class weights");
    if (option_number(m, "smoothing", 0) != 0)
        return unable(c, "label smoothing");
    if (!option_is(m, "reduction", "mean"))
        return unable(c, "a reduction that is not the mean");
    if (c->x[1]->dtype != WEFT_I64)
        return unable(c, "probabilities as targets");
    if (c->x[0]->ndim != 2)
        return unable(c, "dimensions other than batch and class");
    for (int64_t i = 0; i < m->in[1].count; i++) {
        if (((const int64_t *)m->in[1].data)[i] == (int64_t)option_number(m, "ignore", -100))
            return unable(c, "labels to ignore");
    }
    return weft_cross_entropy(c->s, c->x[0], c->x[1]);
}

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

static weft_tensor *call_full(struct call *c)
{
    int64_t shape[PEER_TENSORS];
    int ndim = option_list(c->sample, "shape", shape);
    return weft_full(c->s, option_dtype(c->sample, "dtype"), ndim, shape,
                     option_number(c->sample, "value", 0));
}

static weft_tensor *call_transpose(struct call *c)
{
    return weft_transpose(c->s, c->x[0], (int)option_number(c->sample, "dim0", 0),
                          (int)option_number(c->sample, "dim1", 0));
}

static const struct op_row op_rows[] = {
    {"neg", .unary = weft_neg},
    {"exp", .unary = weft_exp},
    {"log", .unary = weft_log},
    {"sqrt", .unary = weft_sqrt},
    {"square", .unary = weft_square},
    {"tanh", .unary = weft_tanh},
    {"sigmoid", .unary = weft_sigmoid},
    {"relu", .unary = weft_relu},
    {"abs", .unary = weft_abs},
    {"expm1", .unary = weft_expm1},
    {"log1p", .unary = weft_log1p},
    {"rsqrt", .unary = weft_rsqrt},
    {"sin", .unary = weft_sin},
    {"cos", .unary = weft_cos},
    {"tan", .unary = weft_tan},
    {"asin", .unary = weft_asin},
    {"acos", .unary = weft_acos},
    {"atan", .unary = weft_atan},
    {"sinh", .unary = weft_sinh},
    {"cosh", .unary = weft_cosh},
    {"softsign", .unary = weft_softsign},
    {"selu", .unary = weft_selu},
    {"silu", .unary = weft_silu},
    {"mish", .unary = weft_mish},
    {"hardsigmoid", .unary = weft_hardsigmoid},
    {"hardswish", .unary = weft_hardswish},
    {"erf", .unary = weft_erf},
    {"sign", .unary = weft_sign},
    {"floor", .unary = weft_floor},
    {"ceil", .unary = weft_ceil},
    {"round", .unary = weft_round},
    {"trunc", .unary = weft_trunc},
    {"logical_not", .unary = weft_logical_not},
    {"minimum", .binary = weft_minimum},
    {"maximum", .binary = weft_maximum},
    {"pow", .binary = weft_pow},
    {"atan2", .binary = weft_atan2},
    {"ne", .binary = weft_ne},
    {"lt", .binary = weft_lt},
    {"le", .binary = weft_le},
    {"gt", .binary = weft_gt},
    {"ge", .binary = weft_ge},
    {"logical_and", .binary = weft_logical_and},
    {"logical_or", .binary = weft_logical_or},
    {"logical_xor", .binary = weft_logical_xor},
    {"leaky_relu", .call = call_leaky_relu},
    {"elu", .call = call_elu},
    {"celu", .call = call_celu},
    {"clamp", .call = call_clamp},
    {"where", .call = call_where},
    {"mod", .call = call_mod},
    {"gelu", .call = call_gelu},
    {"add", .call = call_add},
    {"sub", .call = call_sub},
    {"mul", .binary = weft_mul},
    {"div", .call = call_div},
    {"eq", .binary = weft_eq},
    {"cast", .call = call_cast},
    {"sum", .reduce = weft_sum},
    {"mean", .reduce = weft_mean},
    {"max", .reduce = weft_max},
    {"argmax", .call = call_argmax},
    {"matmul", .binary = weft_matmul},
    {"cross_entropy", .call = call_cross_entropy},
    {"reshape", .call = call_reshape},
    {"flatten", .call = call_reshape},
    {"transpose", .call = call_transpose},
    {"expand", .call = call_expand},
    {"full", .call = call_full},
};

const struct op_row *op_row_of(const char *name)
{
    for (size_t i = 0; i < sizeof op_rows / sizeof *op_rows; i++) {
        if (!strcmp(op_rows[i].name, name))
            return &op_rows[i];
    }
    return NULL;
}

static weft_tensor *call_reduce(const struct op_row *r, struct call *c)
{
    int64_t list[PEER_TENSORS];
    int axes[PEER_TENSORS], n = option_list(c->sample, "axes", list);
    for (int i = 0; i < n; i++)
        axes[i] = (int)list[i];
    return r->reduce(
        c->s, c->x[0],
        weft_reduce_params(.axes = axes, .naxes = n, .keep_dims = option_flag(c->sample, "keep")));
}

void op_row_call(const struct op_row *r, struct call *c)
{
    c->y[0] = r->unary    ? r->unary(c->s, c->x[0])
              : r->binary ? r->binary(c->s, c->x[0], c->x[1])
              : r->reduce ? call_reduce(r, c)
                          : r->call(c);
}
