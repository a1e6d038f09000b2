// References of the elementwise operations.
#include "ref_rows.h"
#include <math.h>
#include <stdlib.h>

#define REF1(name, expression)                                                              \
    static void ref_##name(const struct array *x, struct array *y, const struct op_case *c) \
    {                                                                                       \
        (void)c;                                                                            \
        array_make(y, x->ndim, x->shape);                                                   \
        for (int64_t i = 0; i < array_count(y); i++) {                                      \
            double x0 = x->v[i];                                                            \
            y->v[i] = expression;                                                           \
        }                                                                                   \
    }
#define REF2(name, expression)                                                              \
    static void ref_##name(const struct array *x, struct array *y, const struct op_case *c) \
    {                                                                                       \
        (void)c;                                                                            \
        array_broadcast(&x[0], &x[1], y);                                                   \
        for (int64_t i = 0; i < array_count(y); i++) {                                      \
            double x0 = array_at(&x[0], y, i), x1 = array_at(&x[1], y, i);                  \
            y->v[i] = expression;                                                           \
        }                                                                                   \
    }

CALL1(neg)
CALL1(exp)
CALL1(log)
CALL1(sqrt)
CALL1(square)
CALL1(tanh)
CALL1(sigmoid)
CALL1(relu)
CALL2(add)
CALL2(sub)
CALL2(mul)
CALL2(div)
CALL2(eq)
CALL1(abs)
CALL1(expm1)
CALL1(log1p)
CALL1(rsqrt)
CALL1(sin)
CALL1(cos)
CALL1(tan)
CALL1(asin)
CALL1(acos)
CALL1(atan)
CALL1(sinh)
CALL1(cosh)
CALL1(softplus)
CALL1(softsign)
CALL1(selu)
CALL1(gelu)
CALL1(gelu_tanh)
CALL1(silu)
CALL1(mish)
CALL1(hardsigmoid)
CALL1(hardswish)
CALL1(erf)
CALL1(sign)
CALL1(floor)
CALL1(ceil)
CALL1(round)
CALL1(trunc)
CALL1(logical_not)
CALL2(mod)
CALL2(fmod)
CALL2(floor_div)
CALL2(minimum)
CALL2(maximum)
CALL2(pow)
CALL2(atan2)
CALL2(ne)
CALL2(lt)
CALL2(le)
CALL2(gt)
CALL2(ge)
CALL2(logical_and)
CALL2(logical_or)
CALL2(logical_xor)
REF1(neg, -x0)
REF1(exp, exp(x0))
REF1(log, log(x0))
REF1(sqrt, sqrt(x0))
REF1(square, x0 *x0)
REF1(tanh, tanh(x0))
REF1(sigmoid, 1 / (1 + exp(-x0)))
REF1(relu, x0 < 0 ? 0 : x0)
REF1(scale, x0 * c->a)
REF1(same, x0)
REF2(add, x0 + x1)
REF2(sub, x0 - x1)
REF2(mul, x0 *x1)
REF2(div, x0 / x1)
REF2(eq, x0 == x1)
REF1(abs, fabs(x0))
REF1(expm1, expm1(x0))
REF1(log1p, log1p(x0))
REF1(rsqrt, 1 / sqrt(x0))
REF1(sin, sin(x0))
REF1(cos, cos(x0))
REF1(tan, tan(x0))
REF1(asin, asin(x0))
REF1(acos, acos(x0))
REF1(atan, atan(x0))
REF1(sinh, sinh(x0))
REF1(cosh, cosh(x0))
REF1(softplus, log1p(exp(x0)))
REF1(softsign, x0 / (1 + fabs(x0)))
REF1(selu, 1.0507009873554804934193349852946 *
               (x0 > 0 ? x0 : 1.6732632423543772848170429916717 * expm1(x0)))
REF1(gelu, x0 * 0.5 * erfc(-x0 / sqrt(2)))
// By the sigmoid of twice the argument of tanh; in long double, for exp makes much of its rounding.
REF1(gelu_tanh,
     (double)(x0 / (1 + expl(-2 * sqrtl(2 / acosl(-1)) * (x0 + 0.044715L * x0 * x0 * x0)))))
REF1(silu, x0 / (1 + exp(-x0)))
REF1(mish, x0 *tanh(log1p(exp(x0))))
REF1(hardsigmoid, fmin(fmax((x0 + 3) / 6, 0), 1))
REF1(hardswish, x0 *fmin(fmax((x0 + 3) / 6, 0), 1))
REF1(erf, erf(x0))
REF1(sign, (x0 > 0) - (x0 < 0))
REF1(floor, floor(x0))
REF1(ceil, ceil(x0))
REF1(round, nearbyint(x0))
REF1(trunc, trunc(x0))
REF1(logical_not, x0 == 0)
REF2(mod, x0 - x1 * floor(x0 / x1))
REF2(fmod, fmod(x0, x1))
REF2(floor_div, floor(x0 / x1))
REF2(minimum, fmin(x0, x1))
REF2(maximum, fmax(x0, x1))
REF2(pow, pow(x0, x1))
REF2(atan2, atan2(x0, x1))
REF2(ne, x0 != x1)
REF2(lt, x0 < x1)
REF2(le, x0 <= x1)
REF2(gt, x0 > x1)
REF2(ge, x0 >= x1)
REF2(logical_and, x0 != 0 && x1 != 0)
REF2(logical_or, x0 != 0 || x1 != 0)
REF2(logical_xor, (x0 != 0) != (x1 != 0))
REF1(leaky_relu, x0 > 0 ? x0 : c->a * x0)
REF1(elu, x0 > 0 ? x0 : c->a * expm1(x0))
REF1(celu, x0 > 0 ? x0 : c->a * expm1(x0 / c->a))
REF1(softplus_beta, x0 * c->a > c->b ? x0 : log1p(exp(x0 * c->a)) / c->a)
REF1(clamp, fmin(fmax(x0, c->a), c->b))

#define CALL_OPTION(name)                                                                          \
    static weft_tensor *call_##name(weft_scope *s, weft_tensor *const *x, const struct op_case *c) \
    {                                                                                              \
        return weft_##name(s, x[0], c->a);                                                         \
    }
CALL_OPTION(scale)
CALL_OPTION(leaky_relu)
CALL_OPTION(elu)
CALL_OPTION(celu)

static weft_tensor *call_clamp(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_clamp(s, x[0], c->a, c->b);
}

static weft_tensor *call_softplus_beta(weft_scope *s, weft_tensor *const *x,
                                       const struct op_case *c)
{
    return weft_softplus_beta(s, x[0], c->a, c->b);
}

static weft_tensor *call_where(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    (void)c;
    return weft_where(s, x[0], x[1], x[2]);
}

static void ref_where(const struct array *x, struct array *y, const struct op_case *c)
{
    struct array all;
    (void)c;
    array_broadcast(&x[1], &x[2], &all);
    array_broadcast(&x[0], &all, y);
    free(all.v);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = array_at(&x[array_at(&x[0], y, i) != 0 ? 1 : 2], y, i);
}

// There and back through the other floating type that holds the values.
static weft_tensor *call_cast(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    (void)c;
    bool f64 = weft_device_has(weft_scope_device(s), WEFT_CAP_F64);
    weft_tensor *other = weft_cast(s, x[0], f64 ? WEFT_F64 : WEFT_F32);
    return other ? weft_cast(s, other, x[0]->dtype) : NULL;
}

// To the dtype in a.
static weft_tensor *cast_to(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_cast(s, x[0], (enum weft_dtype)(int)c->a);
}

// The sizes at which tiles, vectors and blocks end, and nothing.
#define SHAPES(LO, HI)                                                                           \
    {.in = {{2, {3, 5}}}, .lo = LO, .hi = HI}, {.in = {{1, {1}}}, .lo = LO, .hi = HI},           \
        {.in = {{1, {31}}}, .lo = LO, .hi = HI}, {.in = {{2, {32, 33}}}, .lo = LO, .hi = HI},    \
        {.in = {{3, {2, 63, 65}}}, .lo = LO, .hi = HI}, {.in = {{1, {64}}}, .lo = LO, .hi = HI}, \
        {.in = {{0}}, .lo = LO, .hi = HI}, {.in = {{2, {3, 0}}}, .lo = LO, .hi = HI},            \
    {                                                                                            \
        .in = {{1, {9000}}}, .lo = LO, .hi = HI                                                  \
    }
#define PAIRS(LO, HI)                                                                        \
    {.in = {{2, {3, 5}}, {2, {3, 5}}}, .lo = LO, .hi = HI},                                  \
        {.in = {{2, {33, 65}}, {1, {65}}}, .lo = LO, .hi = HI},                              \
        {.in = {{1, {64}}, {2, {31, 1}}}, .lo = LO, .hi = HI},                               \
        {.in = {{3, {2, 1, 32}}, {3, {1, 63, 32}}}, .lo = LO, .hi = HI},                     \
        {.in = {{0}, {1, {7}}}, .lo = LO, .hi = HI}, {.in = {{0}, {0}}, .lo = LO, .hi = HI}, \
        {.in = {{2, {0, 4}}, {1, {4}}}, .lo = LO, .hi = HI},                                 \
    {                                                                                        \
        .in = {{1, {9000}}, {1, {9000}}}, .lo = LO, .hi = HI                                 \
    }
// Results that are larger than both inputs.
#define PAIR                                                                             \
    .alike = true,                                                                       \
    .bad = BAD(NOMEM_("the result [2048,2048]", .in = {{2, {2048, 1}}, {2, {1, 2048}}}), \
               SHAPE_("[4] and [2,3] do not broadcast", .in = {{1, {4}}, {2, {2, 3}}}))
#define TEST(name_)                                                                             \
    .name = #name_, .nin = 2, .kind = {WHOLE, WHOLE}, .call = call_##name_, .ref = ref_##name_, \
    .cases = {{.in = {{2, {33, 65}}, {1, {65}}}, .lo = 0, .hi = 3},                             \
              {.in = {{1, {64}}, {0}}, .lo = 0, .hi = 3}},                                      \
    .takes = ALL_TYPES, PAIR
#define FLAT_NUMBERS(name, ...) FLAT(name, __VA_ARGS__), .takes = NUMBERS

const struct op_ref op_refs_elementwise[] = {
    {ONE(neg, 0, SHAPES(-2, 2)), .takes = NUMBERS},
    {ONE(exp, 4, SHAPES(-4, 4))},
    {ONE(log, 4, SHAPES(0.1, 9))},
    {ONE(sqrt, 4, SHAPES(0.1, 9))},
    {ONE(square, 1, SHAPES(-2, 2)), .takes = NUMBERS},
    {ONE(tanh, 6, SHAPES(-4, 4))},
    {ONE(sigmoid, 6, SHAPES(-6, 6))},
    {ONE(relu, 0, SHAPES(-2, 2)), .takes = NUMBERS},
    {ONE(abs, 0, SHAPES(-2, 2)), .takes = NUMBERS},
    {ONE(expm1, 4, SHAPES(-4, 4))},
    {ONE(log1p, 4, SHAPES(-0.9, 9))},
    {ONE(rsqrt, 6, SHAPES(0.1, 9))},
    {ONE(sin, 6, SHAPES(-9, 9))},
    {ONE(cos, 6, SHAPES(-9, 9))},
    {ONE(tan, 8, SHAPES(-1.4, 1.4))},
    {ONE(asin, 8, SHAPES(-0.99, 0.99))},
    {ONE(acos, 8, SHAPES(-0.99, 0.99))},
    {ONE(atan, 8, SHAPES(-9, 9))},
    {ONE(sinh, 8, SHAPES(-4, 4))},
    {ONE(cosh, 8, SHAPES(-4, 4))},
    {ONE(softplus, 8, SHAPES(-9, 9))},
    {ONE(softsign, 4, SHAPES(-4, 4))},
    {ONE(selu, 8, SHAPES(-4, 4))},
    {ONE(gelu, 32, SHAPES(-4, 4))},
    {ONE(gelu_tanh, 32, SHAPES(-4, 4))},
    {ONE(silu, 8, SHAPES(-6, 6))},
    {ONE(mish, 16, SHAPES(-6, 6))},
    {ONE(hardsigmoid, 6, SHAPES(-6, 6))},
    {ONE(hardswish, 8, SHAPES(-6, 6))},
    {ONE(erf, 16, SHAPES(-3, 3))},
    {ONE(leaky_relu, 2, {.in = {{2, {33, 5}}}, .a = 0.01, .lo = -2, .hi = 2},
         {.in = {{1, {9000}}}, .a = -2, .lo = -2, .hi = 2})},
    {ONE(elu, 8, {.in = {{2, {33, 5}}}, .a = 1, .lo = -4, .hi = 4},
         {.in = {{1, {9000}}}, .a = 1.5, .lo = -4, .hi = 4})},
    {ONE(celu, 8, {.in = {{2, {33, 5}}}, .a = 1, .lo = -4, .hi = 4},
         {.in = {{1, {9000}}}, .a = 1.5, .lo = -4, .hi = 4}),
     .bad = BAD(PARAM_("alpha is 0; another number was wanted", .a = 0))},
    {ONE(clamp, 0, {.in = {{2, {33, 5}}}, .a = -1, .b = 0.5, .lo = -2, .hi = 2},
         {.in = {{1, {9000}}}, .a = -INFINITY, .b = 0, .lo = -2, .hi = 2}),
     .takes = NUMBERS,
     .bad = BAD(PARAM_("from 2 to 1; the first must not be larger, nor NaN", .a = 2, .b = 1),
                PARAM_("from nan to 1; the first must not be larger, nor NaN", .a = NAN, .b = 1),
                PARAM_("from 0 to nan; the first must not be larger, nor NaN", .a = 0, .b = NAN))},
    {ONE(softplus_beta, 8, {.in = {{2, {33, 5}}}, .a = 1, .b = 20, .lo = -9, .hi = 9},
         {.in = {{1, {9000}}}, .a = 2.5, .b = 1, .lo = -3, .hi = 3},
         {.in = {{1, {65}}}, .a = -0.5, .b = 2, .lo = -9, .hi = 9}),
     .bad = BAD(PARAM_("beta 0, threshold 20; beta must be finite and not 0, neither NaN", .a = 0,
                       .b = 20),
                PARAM_("beta inf, threshold 20; beta must be", .a = INFINITY, .b = 20),
                PARAM_("beta 1, threshold nan; beta must be finite and not 0, neither NaN", .a = 1,
                       .b = NAN))},
    {FLAT_NUMBERS(sign, SHAPES(-3, 3))},
    {FLAT_NUMBERS(floor, SHAPES(-3, 3))},
    {FLAT_NUMBERS(ceil, SHAPES(-3, 3))},
    {FLAT_NUMBERS(round, SHAPES(-3, 3))},
    {FLAT_NUMBERS(trunc, SHAPES(-3, 3))},
    {ONE(scale, 1, {.in = {{2, {33, 5}}}, .a = -1.5, .lo = -2, .hi = 2},
         {.in = {{1, {64}}}, .a = 0, .lo = -2, .hi = 2}),
     .takes = NUMBERS},
    {TWO(add, 1, PAIRS(-2, 2)), .takes = NUMBERS, PAIR},
    {TWO(sub, 1, PAIRS(-2, 2)), .takes = NUMBERS, PAIR},
    {TWO(mul, 1, PAIRS(-2, 2)), .takes = NUMBERS, PAIR},
    {TWO(div, 6, PAIRS(0.5, 3)), .takes = NUMBERS, PAIR},
    {TWO(mod, 6, PAIRS(0.5, 3)), .takes = NUMBERS, PAIR},
    {TWO(fmod, 6, PAIRS(0.5, 3)), .takes = NUMBERS, PAIR},
    {.name = "floor_div",
     .nin = 2,
     .call = call_floor_div,
     .ref = ref_floor_div,
     .cases = {PAIRS(-3, 3)},
     .takes = NUMBERS,
     PAIR},
    {TWO(minimum, 0, PAIRS(-2, 2)), .takes = NUMBERS, PAIR},
    {TWO(maximum, 0, PAIRS(-2, 2)), .takes = NUMBERS, PAIR},
    {TWO(pow, 16, PAIRS(0.5, 2)), .takes = NUMBERS, PAIR},
    {TWO(atan2, 8, PAIRS(-2, 2)), PAIR},
    {.name = "where",
     .nin = 3,
     .kind = {FLAG},
     .smooth = true,
     .call = call_where,
     .ref = ref_where,
     .cases = {{.in = {{2, {33, 5}}, {2, {33, 5}}, {2, {33, 5}}}, .lo = -2, .hi = 2},
               {.in = {{1, {65}}, {2, {31, 1}}, {0}}, .lo = -2, .hi = 2},
               {.in = {{3, {2, 1, 32}}, {1, {32}}, {3, {1, 63, 32}}}, .lo = -2, .hi = 2},
               {.in = {{2, {0, 4}}, {1, {4}}, {0}}, .lo = -2, .hi = 2}},
     .takes = ALL_TYPES,
     .alike = true,
     .bad = BAD(NOMEM_("the result [2048,2048]", .in = {{2, {2048, 1}}, {0}, {1, {2048}}}))},
    {TEST(eq)},
    {TEST(ne)},
    {TEST(lt)},
    {TEST(le)},
    {TEST(gt)},
    {TEST(ge)},
    {TEST(logical_and)},
    {TEST(logical_or)},
    {TEST(logical_xor)},
    {.name = "logical_not",
     .nin = 1,
     .kind = {WHOLE},
     .call = call_logical_not,
     .ref = ref_logical_not,
     .cases = {SHAPES(0, 2)},
     .takes = ALL_TYPES},
    {.name = "cast",
     .nin = 1,
     .smooth = true,
     .call = call_cast,
     .ref = ref_same,
     .cases = {SHAPES(-2, 2)},
     .takes = ALL_TYPES,
     .bad = BAD(
         {WEFT_DTYPE, "dtype 77; one of enum weft_dtype was wanted", {.a = 77}, .call = cast_to},
         {WEFT_DTYPE, "dtype 0; one of enum weft_dtype was wanted", {.a = 0}, .call = cast_to},
         {WEFT_NOMEM,
          "the result [200000] I64",
          {.in = {{1, {200000}}}, .a = WEFT_I64},
          .call = cast_to})},
    {0},
};
