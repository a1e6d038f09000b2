// The rows of elementwise operations. See rows.h.
#include "rows.h"
#include <string.h>

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
    const char *rounding = option(c->sample, "rounding");
    if (rounding && !strcmp(rounding, "floor"))
        return weft_floor_div(c->s, c->x[0], c->x[1]);
    weft_tensor *y = weft_div(c->s, c->x[0], c->x[1]);
    return rounding ? weft_trunc(c->s, y) : y;
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
    return (option_flag(c->sample, "truncate") ? weft_fmod : weft_mod)(c->s, c->x[0], c->x[1]);
}

static weft_tensor *call_gelu(struct call *c)
{
    return (option_flag(c->sample, "tanh") ? weft_gelu_tanh : weft_gelu)(c->s, c->x[0]);
}

static weft_tensor *call_softplus(struct call *c)
{
    return weft_softplus_beta(c->s, c->x[0], option_number(c->sample, "beta", 1),
                              option_number(c->sample, "threshold", 20));
}

// The types of 16 bits were saved as the floats that they are.
static weft_tensor *call_cast(struct call *c)
{
    enum weft_dtype dtype = option_dtype(c->sample, "dtype");
    weft_tensor *y = weft_cast(c->s, c->x[0], dtype);
    return dtype == WEFT_F16 || dtype == WEFT_BF16 ? weft_cast(c->s, y, WEFT_F32) : y;
}

const struct op_row op_rows_elementwise[] = {
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
    {"softplus", .call = call_softplus},
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
    {0},
};
