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

static weft_tensor *call_sum(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_sum(s, x[0], PARAMS);
}

static weft_tensor *call_mean(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_mean(s, x[0], PARAMS);
}

static weft_tensor *call_max(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_max(s, x[0], PARAMS);
}

static weft_tensor *call_argmax(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_argmax(s, x[0], c->axes[0]);
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

static void ref_max(const struct array *x, struct array *y, const struct op_case *c)
{
    int64_t along = 0;
    make_reduced(x, y, c, c->keep);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = -INFINITY;
    for (int64_t i = 0; i < array_count(x); i++) {
        double *to = &y->v[reduced_index(x, c, i, &along)];
        *to = fmax(*to, x->v[i]);
    }
}

static void ref_argmax(const struct array *x, struct array *y, const struct op_case *c)
{
    struct array best;
    int64_t along = 0;
    make_reduced(x, y, c, false);
    make_reduced(x, &best, c, false);
    for (int64_t i = 0; i < array_count(y); i++)
        best.v[i] = -INFINITY;
    for (int64_t i = 0; i < array_count(x); i++) {
        int64_t o = reduced_index(x, c, i, &along);
        if (x->v[i] > best.v[o]) {
            best.v[o] = x->v[i];
            y->v[o] = (double)along;
        }
    }
    free(best.v);
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

const struct op_ref op_refs_reduce[] = {
    SUMS(sum, 1, 8, scale_sum, REDUCTIONS,
         {.in = {{2, {0, 4}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2}),
    SUMS(mean, 1, 8, scale_mean, REDUCTIONS),
    ONE(max, 0, REDUCTIONS),
    {.name = "argmax",
     .nin = 1,
     .call = call_argmax,
     .ref = ref_argmax,
     .cases = {{.in = {{2, {33, 10}}}, .naxes = 1, .axes = {1}, .lo = -2, .hi = 2},
               {.in = {{2, {33, 65}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2},
               {.in = {{3, {4, 31, 17}}}, .naxes = 1, .axes = {-2}, .lo = -2, .hi = 2},
               {.in = {{1, {70000}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2}}},
    {0},
};
