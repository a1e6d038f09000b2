// References: reductions.
#include "ref_rows.h"
#include <math.h>
#include <stdlib.h>

static bool reduces(const struct op_case *c, int dim, int ndim)
{
    for (int i = 0; i < c->naxes; i++) {
        if (c->axes[i] == dim || c->axes[i] + ndim == dim)
            return true;
    }
    return !c->naxes;
}

#define PARAMS weft_reduce_params(.axes = c->axes, .naxes = c->naxes, .keep_dims = c->keep)

#define CALL(name)                                                                                 \
    static weft_tensor *call_##name(weft_scope *s, weft_tensor *const *x, const struct op_case *c) \
    {                                                                                              \
        return weft_##name(s, x[0], PARAMS);                                                       \
    }
CALL(sum)
CALL(mean)
CALL(prod)
CALL(max)
CALL(min)
CALL(any)
CALL(all)
CALL(logsumexp)

// With the option a.
#define CALL_A(name)                                                                               \
    static weft_tensor *call_##name(weft_scope *s, weft_tensor *const *x, const struct op_case *c) \
    {                                                                                              \
        return weft_##name(s, x[0], c->a, PARAMS);                                                 \
    }
CALL_A(var)
CALL_A(std)
CALL_A(norm)

static weft_tensor *call_argmax(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_argmax(s, x[0], c->axes[0]);
}

static weft_tensor *call_argmin(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_argmin(s, x[0], c->axes[0]);
}

static weft_tensor *sum_without_axes(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_sum(s, x[0], weft_reduce_params(.naxes = c->naxes));
}

// Index in y of element i of x.
static int64_t reduced_index(const struct array *x, const struct op_case *c, int64_t i,
                             int64_t *along)
{
    int64_t at = 0, step = 1;
    for (int d = x->ndim - 1; d >= 0; d--) {
        int64_t index = i % x->shape[d];
        i /= x->shape[d];
        if (reduces(c, d, x->ndim)) {
            *along = index;
        } else {
            at += index * step;
            step *= x->shape[d];
        }
    }
    return at;
}

static void make_reduced(const struct array *x, struct array *y, const struct op_case *c, bool keep)
{
    int ndim = 0;
    int64_t shape[WEFT_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) {
        if (!reduces(c, d, x->ndim))
            shape[ndim++] = x->shape[d];
        else if (keep)
            shape[ndim++] = 1;
    }
    array_make(y, ndim, shape);
}

static void ref_sum(const struct array *x, struct array *y, const struct op_case *c)
{
    int64_t along = 0;
    make_reduced(x, y, c, c->keep);
    for (int64_t i = 0; i < array_count(x); i++)
        y->v[reduced_index(x, c, i, &along)] += x->v[i];
}

static void ref_mean(const struct array *x, struct array *y, const struct op_case *c)
{
    ref_sum(x, y, c);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] *= (double)array_count(y) / (double)array_count(x);
}

// y[o] begins as `start` and takes in each of its elements by `step`.
static void fold(const struct array *x, struct array *y, const struct op_case *c, double start,
                 double (*step)(double, double))
{
    int64_t along = 0;
    make_reduced(x, y, c, c->keep);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = start;
    for (int64_t i = 0; i < array_count(x); i++) {
        double *to = &y->v[reduced_index(x, c, i, &along)];
        *to = step(*to, x->v[i]);
    }
}

static double times(double a, double b)
{
    return a * b;
}

static double either(double a, double b)
{
    return a != 0 || b != 0;
}

static double both(double a, double b)
{
    return a != 0 && b != 0;
}

#define FOLDED(name, start, step)                                                           \
    static void ref_##name(const struct array *x, struct array *y, const struct op_case *c) \
    {                                                                                       \
        fold(x, y, c, start, step);                                                         \
    }
FOLDED(prod, 1, times)
FOLDED(max, -INFINITY, fmax)
FOLDED(min, INFINITY, fmin)
FOLDED(any, 0, either)
FOLDED(all, 1, both)

// The largest of sign * x.
static void argument(const struct array *x, struct array *y, const struct op_case *c, double sign)
{
    struct array best;
    int64_t along = 0;
    make_reduced(x, y, c, false);
    make_reduced(x, &best, c, false);
    for (int64_t i = 0; i < array_count(y); i++)
        best.v[i] = -INFINITY;
    for (int64_t i = 0; i < array_count(x); i++) {
        int64_t o = reduced_index(x, c, i, &along);
        if (sign * x->v[i] > best.v[o]) {
            best.v[o] = sign * x->v[i];
            y->v[o] = (double)along;
        }
    }
    free(best.v);
}

static void ref_argmax(const struct array *x, struct array *y, const struct op_case *c)
{
    argument(x, y, c, 1);
}

static void ref_argmin(const struct array *x, struct array *y, const struct op_case *c)
{
    argument(x, y, c, -1);
}

// In long double: of 70000 terms double alone would be off by more than what is tested.
static void ref_var(const struct array *x, struct array *y, const struct op_case *c)
{
    int64_t along = 0;
    make_reduced(x, y, c, c->keep);
    int64_t outputs = array_count(y);
    long double *sum = calloc((size_t)outputs * 2 + 1, sizeof *sum), *square = sum + outputs;
    long double count = (long double)array_count(x) / (long double)outputs;
    for (int64_t i = 0; i < array_count(x); i++)
        sum[reduced_index(x, c, i, &along)] += (long double)x->v[i];
    for (int64_t i = 0; i < array_count(x); i++) {
        int64_t o = reduced_index(x, c, i, &along);
        long double off = (long double)x->v[i] - sum[o] / count;
        square[o] += off * off;
    }
    for (int64_t i = 0; i < outputs; i++)
        y->v[i] = (double)(square[i] / fmaxl(count - (long double)c->a, 0));
    free(sum);
}

static void ref_std(const struct array *x, struct array *y, const struct op_case *c)
{
    ref_var(x, y, c);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = sqrt(y->v[i]);
}

static void ref_logsumexp(const struct array *x, struct array *y, const struct op_case *c)
{
    struct array top;
    int64_t along = 0;
    ref_max(x, &top, c);
    make_reduced(x, y, c, c->keep);
    for (int64_t i = 0; i < array_count(x); i++) {
        int64_t o = reduced_index(x, c, i, &along);
        y->v[o] += exp(x->v[i] - top.v[o]);
    }
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = log(y->v[i]) + top.v[i];
    free(top.v);
}

static void ref_norm(const struct array *x, struct array *y, const struct op_case *c)
{
    double p = c->a;
    int64_t along = 0;
    make_reduced(x, y, c, c->keep);
    int64_t outputs = array_count(y);
    long double *sum = calloc((size_t)outputs + 1, sizeof *sum);
    for (int64_t i = 0; i < outputs; i++)
        sum[i] = isinf(p) && p < 0 ? (long double)INFINITY : 0;
    for (int64_t i = 0; i < array_count(x); i++) {
        long double *to = &sum[reduced_index(x, c, i, &along)];
        double v = fabs(x->v[i]), term = p == 0 ? (double)(v != 0) : pow(v, p);
        *to = !isinf(p) ? *to + (long double)term
              : p > 0   ? fmaxl(*to, (long double)v)
                        : fminl(*to, (long double)v);
    }
    for (int64_t i = 0; i < outputs; i++)
        y->v[i] = isinf(p) || p == 0 ? (double)sum[i] : pow((double)sum[i], 1 / p);
    free(sum);
}

static weft_tensor *call_cumsum(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_cumsum(s, x[0], c->axes[0]);
}

static void ref_cumsum(const struct array *x, struct array *y, const struct op_case *c)
{
    array_make(y, x->ndim, x->shape);
    int axis = c->axes[0] < 0 ? c->axes[0] + x->ndim : c->axes[0];
    int64_t inner = 1;
    for (int i = axis + 1; i < x->ndim; i++)
        inner *= x->shape[i];
    for (int64_t i = 0; i < array_count(x); i++)
        y->v[i] = x->v[i] + (i / inner % x->shape[axis] ? y->v[i - inner] : 0);
}

// Of a sum, the root of the number of its terms times the largest.
static double scale_sum(const struct array *x, const struct array *y)
{
    double terms = array_count(y) ? (double)array_count(x) / (double)array_count(y) : 1;
    return array_largest(x) * sqrt(terms);
}

static double scale_mean(const struct array *x, const struct array *y)
{
    (void)y;
    return array_largest(x);
}

// Columns in parts, and rows of columns that are not whole blocks.
#define TALL                                                               \
    {                                                                      \
        .in = {{2, {1100, 9}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2 \
    }
// A row in parts.
#define LONG                                                                \
    {                                                                       \
        .in = {{2, {2, 70001}}}, .naxes = 1, .axes = {1}, .lo = -2, .hi = 2 \
    }
// Far from 0 too, where a difference of squares would lose everything.
#define VARIANCES                                                                         \
    WITH(1, -2, 2), WITH(0, 99, 100),                                                     \
        {.in = {{2, {2, 70001}}}, .naxes = 1, .axes = {1}, .a = 1, .lo = 99, .hi = 100},  \
        {.in = {{2, {1100, 9}}}, .naxes = 1, .axes = {0}, .a = 2.5, .lo = 99, .hi = 100}, \
    {                                                                                     \
        .in = {{4, {2, 3, 5, 7}}}, .naxes = 2, .axes = {1, 3}, .lo = -2, .hi = 2          \
    }

#define REDUCTIONS                                                                               \
    {.in = {{2, {3, 5}}}, .lo = -2, .hi = 2},                                                    \
        {.in = {{2, {33, 65}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2},                     \
        {.in = {{2, {33, 65}}}, .naxes = 1, .axes = {-1}, .keep = true, .lo = -2, .hi = 2},      \
        {.in = {{3, {4, 31, 17}}}, .naxes = 1, .axes = {1}, .lo = -2, .hi = 2},                  \
        {.in = {{3, {4, 31, 17}}}, .naxes = 2, .axes = {0, 2}, .keep = true, .lo = -2, .hi = 2}, \
        {.in = {{4, {2, 3, 5, 7}}}, .naxes = 2, .axes = {1, 3}, .lo = -2, .hi = 2},              \
        {.in = {{1, {70000}}}, .lo = -2, .hi = 2}, {.in = {{0}}, .lo = -2, .hi = 2},             \
        {.in = {{2, {2, 70001}}}, .naxes = 1, .axes = {1}, .lo = -2, .hi = 2},                   \
    {                                                                                            \
        .in = {{2, {1, 64}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2                         \
    }

static double scale_cumsum(const struct array *x, const struct array *y)
{
    return array_largest(x) + array_largest(y);
}

// Of an axis, of some and of all, with the option a_.
#define WITH(a_, lo_, hi_)                                                                  \
    {.in = {{2, {3, 5}}}, .a = a_, .lo = lo_, .hi = hi_},                                   \
        {.in = {{3, {4, 31, 17}}}, .naxes = 1, .axes = {1}, .a = a_, .lo = lo_, .hi = hi_}, \
    {                                                                                       \
        .in = {{2, {33, 65}}}, .naxes = 1, .axes = {-1}, .keep = true, .a = a_, .lo = lo_,  \
        .hi = hi_                                                                           \
    }

#define ARGUMENTS                                                                \
    {.in = {{2, {33, 10}}}, .naxes = 1, .axes = {1}, .lo = -2, .hi = 2},         \
        {.in = {{2, {33, 65}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2},     \
        {.in = {{3, {4, 31, 17}}}, .naxes = 1, .axes = {-2}, .lo = -2, .hi = 2}, \
        {.in = {{1, {70000}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2},      \
    {                                                                            \
        .in = {{2, {1100, 9}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2       \
    }

#define AXES                                                                                       \
    BAD_AXIS(.in = {{2, {3, 5}}}),                                                                 \
        PARAM_("axis 0 is listed twice", .in = {{2, {3, 5}}}, .naxes = 2, .axes = {0, 0}),         \
        PARAM_("axis -1 is listed twice", .in = {{2, {3, 5}}}, .naxes = 2, .axes = {1, -1}),       \
        PARAM_("naxes is 3; 0 to 2 were wanted", .in = {{2, {3, 5}}}, .naxes = 3, .axes = {0, 1}), \
        PARAM_("naxes is 1; 0 to 0 were wanted", .in = {{0}}, .naxes = 1),                         \
        PARAM_("naxes is -1; 0 to 2 were wanted", .in = {{2, {3, 5}}}, .naxes = -1)
#define ONE_AXIS \
    BAD_AXIS(.in = {{2, {3, 5}}}), PARAM_("axis 0 of a scalar, which has none", .in = {{0}})
#define OF_NOTHING(which)                                                                         \
    SHAPE_("x is [0,3]; the " which " of nothing was asked for", .in = {{2, {0, 3}}}, .naxes = 1, \
           .axes = {0})
// To 64 bits of each small integer.
#define WIDER(dtype)                                             \
    {                                                            \
        WEFT_NOMEM, "the result [300000] I64 needs",             \
            {.in = {{2, {300000, 1}}}, .naxes = 1, .axes = {1}}, \
        {                                                        \
            dtype                                                \
        }                                                        \
    }

const struct op_ref op_refs_reduce[] = {
    {SUMS(sum, 1, 8, scale_sum, REDUCTIONS, TALL,
          {.in = {{2, {0, 4}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2}),
     .takes = ALL_TYPES,
     .bad = BAD(AXES, WIDER(WEFT_BOOL),
                {WEFT_PARAM,
                 "axes is NULL, naxes is 2",
                 {.in = {{2, {3, 5}}}, .naxes = 2},
                 .call = sum_without_axes,
                 .aborts = true})},
    {SUMS(mean, 1, 8, scale_mean, REDUCTIONS), .bad = BAD(AXES)},
    {ONE(max, 0, REDUCTIONS), .takes = ALL_TYPES, .bad = BAD(AXES, OF_NOTHING("largest"))},
    {ONE(min, 0, WITH(0, -2, 2), TALL), .takes = ALL_TYPES,
     .bad = BAD(AXES, OF_NOTHING("smallest"))},
    {ONE(prod, 64, {.in = {{2, {3, 5}}}, .lo = -2, .hi = 2},
         {.in = {{2, {33, 65}}}, .naxes = 1, .axes = {0}, .lo = .5, .hi = 1.5},
         {.in = {{2, {33, 65}}}, .naxes = 1, .axes = {-1}, .keep = true, .lo = .5, .hi = 1.5},
         {.in = {{4, {2, 3, 5, 7}}}, .naxes = 2, .axes = {1, 3}, .lo = .5, .hi = 1.5},
         {.in = {{0}}, .lo = -2, .hi = 2}, {.in = {{2, {0, 4}}}, .lo = -2, .hi = 2}),
     .takes = ALL_TYPES, .bad = BAD(AXES, WIDER(WEFT_I8))},
    {.name = "argmax",
     .nin = 1,
     .call = call_argmax,
     .ref = ref_argmax,
     .cases = {ARGUMENTS},
     .takes = ALL_TYPES,
     .bad = BAD(ONE_AXIS, OF_NOTHING("largest"), WIDER(WEFT_U8))},
    {.name = "argmin",
     .nin = 1,
     .call = call_argmin,
     .ref = ref_argmin,
     .cases = {ARGUMENTS},
     .takes = ALL_TYPES,
     .bad = BAD(ONE_AXIS, OF_NOTHING("smallest"), WIDER(WEFT_U8))},
    {.name = "any",
     .nin = 1,
     .kind = {WHOLE},
     .call = call_any,
     .ref = ref_any,
     .cases = {WITH(0, 0, 1.03), {.in = {{2, {1100, 9}}}, .naxes = 1, .axes = {0}, .hi = 1.001}},
     .takes = ALL_TYPES,
     .bad = BAD(AXES)},
    {.name = "all",
     .nin = 1,
     .kind = {WHOLE},
     .call = call_all,
     .ref = ref_all,
     .cases = {WITH(0, .98, 2),
               {.in = {{2, {1100, 9}}}, .naxes = 1, .axes = {0}, .lo = .999, .hi = 2}},
     .takes = ALL_TYPES,
     .bad = BAD(AXES)},
    {SUMS(var, 1, 16, NULL, VARIANCES),
     .bad = BAD(AXES,
                PARAM_("the correction is inf; a finite number was wanted", .in = {{2, {3, 5}}},
                       .a = INFINITY),
                PARAM_("the correction is nan; a finite number was wanted", .in = {{2, {3, 5}}},
                       .a = NAN))},
    {SUMS(std, 1, 16, NULL, WITH(1, -2, 2)),
     .bad = BAD(AXES, PARAM_("the correction is -inf; a finite number was wanted",
                             .in = {{2, {3, 5}}}, .a = -INFINITY))},
    {SUMS(logsumexp, 1, 16, scale_mean, WITH(0, -90, 90), TALL, LONG), .bad = BAD(AXES)},
    {ONE(norm, 64, WITH(2, -2, 2), WITH(1, -2, 2), WITH(INFINITY, -2, 2), WITH(-INFINITY, -2, 2),
         WITH(3, -2, 2), WITH(1.5, .5, 2), WITH(0, -2, 2),
         {.in = {{1, {70000}}}, .a = 2, .lo = -2, .hi = 2}),
     .bad = BAD(AXES, PARAM_("p is NaN; a number was wanted", .in = {{2, {3, 5}}}, .a = NAN),
                SHAPE_("x is [0,3]; the largest of nothing was asked for", .in = {{2, {0, 3}}},
                       .a = INFINITY),
                SHAPE_("x is [0,3]; the smallest of nothing was asked for", .in = {{2, {0, 3}}},
                       .a = -INFINITY))},
    {SUMS(cumsum, 1, 8, scale_cumsum, {.in = {{2, {3, 5}}}, .axes = {1}, .lo = -2, .hi = 2},
          {.in = {{2, {33, 65}}}, .axes = {-1}, .lo = -2, .hi = 2},
          {.in = {{2, {5, 200}}}, .axes = {1}, .lo = -2, .hi = 2},
          {.in = {{2, {31, 64}}}, .axes = {0}, .lo = -2, .hi = 2},
          {.in = {{3, {4, 32, 3}}}, .axes = {1}, .lo = -2, .hi = 2},
          {.in = {{3, {2, 31, 300}}}, .axes = {-2}, .lo = -2, .hi = 2},
          {.in = {{2, {0, 4}}}, .axes = {0}, .lo = -2, .hi = 2},
          {.in = {{2, {2, 140001}}}, .axes = {1}, .lo = -2, .hi = 2}),
     .takes = ALL_TYPES,
     .bad = BAD(ONE_AXIS,
                {WEFT_NOMEM, "the result [300000] I64 needs", {.in = {{1, {300000}}}}, {WEFT_U8}})},
    {0},
};
