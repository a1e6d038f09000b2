// References: the same elements in other shapes and places.
#include "ref_rows.h"
#include <string.h>

static weft_tensor *call_reshape(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_reshape(s, x[0], c->ndim, c->shape);
}

static weft_tensor *reshape_without_shape(weft_scope *s, weft_tensor *const *x,
                                          const struct op_case *c)
{
    return weft_reshape(s, x[0], c->ndim, NULL);
}

static weft_tensor *expand_without_shape(weft_scope *s, weft_tensor *const *x,
                                         const struct op_case *c)
{
    return weft_expand(s, x[0], c->ndim, NULL);
}

static weft_tensor *call_flatten(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_flatten(s, x[0], c->axes[0]);
}

static void ref_reshape(const struct array *x, struct array *y, const struct op_case *c)
{
    array_make(y, c->ndim, c->shape);
    memcpy(y->v, x->v, (size_t)array_count(y) * sizeof *y->v);
}

static weft_tensor *call_transpose(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_transpose(s, x[0], c->axes[0], c->axes[1]);
}

static void ref_transpose(const struct array *x, struct array *y, const struct op_case *c)
{
    int d0 = (c->axes[0] + x->ndim) % x->ndim, d1 = (c->axes[1] + x->ndim) % x->ndim;
    int64_t shape[WEFT_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[d0] = x->shape[d1];
    shape[d1] = x->shape[d0];
    array_make(y, x->ndim, shape);
    for (int64_t i = 0; i < array_count(x); i++) {
        int64_t index[WEFT_MAX_DIMS], rest = i, at = 0;
        for (int d = x->ndim - 1; d >= 0; d--) {
            index[d] = rest % x->shape[d];
            rest /= x->shape[d];
        }
        int64_t t = index[d0];
        index[d0] = index[d1];
        index[d1] = t;
        for (int d = 0; d < x->ndim; d++)
            at = at * shape[d] + index[d];
        y->v[at] = x->v[i];
    }
}

static weft_tensor *call_permute(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_permute(s, x[0], c->naxes ? c->naxes : x[0] ? x[0]->ndim : 0, c->axes);
}

static weft_tensor *permute_without_axes(weft_scope *s, weft_tensor *const *x,
                                         const struct op_case *c)
{
    return weft_permute(s, x[0], c->naxes, NULL);
}

static void ref_permute(const struct array *x, struct array *y, const struct op_case *c)
{
    int64_t shape[WEFT_MAX_DIMS], step[WEFT_MAX_DIMS], wide = 1;
    for (int d = x->ndim - 1; d >= 0; d--) {
        step[d] = wide;
        wide *= x->shape[d];
    }
    for (int d = 0; d < x->ndim; d++)
        shape[d] = x->shape[(c->axes[d] + x->ndim) % x->ndim];
    array_make(y, x->ndim, shape);
    for (int64_t i = 0; i < array_count(y); i++) {
        int64_t rest = i, at = 0;
        for (int d = x->ndim - 1; d >= 0; d--) {
            at += rest % shape[d] * step[(c->axes[d] + x->ndim) % x->ndim];
            rest /= shape[d];
        }
        y->v[i] = x->v[at];
    }
}

static weft_tensor *call_squeeze(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_squeeze(s, x[0], c->axes[0]);
}

static weft_tensor *call_unsqueeze(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_unsqueeze(s, x[0], c->axes[0]);
}

static weft_tensor *call_expand(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_expand(s, x[0], c->ndim, c->shape);
}

static void ref_expand(const struct array *x, struct array *y, const struct op_case *c)
{
    array_make(y, c->ndim, c->shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = array_at(x, y, i);
}

static weft_tensor *call_detach(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    (void)c;
    return weft_detach(s, x[0]);
}

static void ref_detach(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)c;
    array_make(y, x->ndim, x->shape);
    memcpy(y->v, x->v, (size_t)array_count(y) * sizeof *y->v);
}

const struct op_ref op_refs_shape[] = {
    {ONE(reshape, 0, {.in = {{2, {6, 5}}}, .ndim = 3, .shape = {2, 3, 5}, .lo = -1, .hi = 1},
         {.in = {{3, {4, 1, 9}}}, .ndim = 2, .shape = {6, 6}, .lo = -1, .hi = 1},
         {.in = {{2, {3, 5}}}, .ndim = 1, .shape = {15}, .lo = -1, .hi = 1},
         {.in = {{1, {1}}}, .ndim = 0, .lo = -1, .hi = 1},
         {.in = {{2, {4, 0}}}, .ndim = 2, .shape = {0, 7}, .lo = -1, .hi = 1}),
     .takes = ALL_TYPES,
     .bad = BAD(SHAPE_("x is [2,3], with 6 elements; [4,2] was wanted", .in = {{2, {2, 3}}},
                       .ndim = 2, .shape = {4, 2}),
                SHAPE_("[-1,-1] was wanted; one dimension may be -1, none may be less",
                       .in = {{2, {3, 5}}}, .ndim = 2, .shape = {-1, -1}),
                SHAPE_("[-2,-1] was wanted; one dimension may be -1, none may be less",
                       .in = {{2, {3, 5}}}, .ndim = 2, .shape = {-2, -1}),
                SHAPE_("x is [3,5], with 15 elements; [-1,4] was wanted", .in = {{2, {3, 5}}},
                       .ndim = 2, .shape = {-1, 4}),
                SHAPE_("[1099511627776,1099511627776] was wanted; one", .in = {{2, {3, 5}}},
                       .ndim = 2, .shape = {1ll << 40, 1ll << 40}),
                SHAPE_("9 dimensions; 0 to 8 are possible", .in = {{2, {3, 5}}}, .ndim = 9),
                SHAPE_("-1 dimensions; 0 to 8 are possible", .in = {{2, {3, 5}}}, .ndim = -1),
                {WEFT_PARAM,
                 "the shape is NULL",
                 {.in = {{2, {3, 5}}}, .ndim = 2},
                 .call = reshape_without_shape,
                 .aborts = true})},
    {.name = "reshape",
     .function = "flatten",
     .nin = 1,
     .smooth = true,
     .call = call_flatten,
     .ref = ref_reshape,
     .cases = {{.in = {{4, {3, 1, 5, 4}}}, .axes = {1}, .ndim = 2, .shape = {3, 20}, .hi = 1},
               {.in = {{2, {3, 5}}}, .axes = {-1}, .ndim = 2, .shape = {3, 5}, .hi = 1}},
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}}),
                PARAM_("axis 0 of a scalar, which has none", .in = {{0}}))},
    {.name = "reshape",
     .function = "squeeze",
     .nin = 1,
     .smooth = true,
     .call = call_squeeze,
     .ref = ref_reshape,
     .cases = {{.in = {{3, {3, 1, 5}}}, .axes = {1}, .ndim = 2, .shape = {3, 5}, .hi = 1},
               {.in = {{3, {3, 5, 1}}}, .axes = {-1}, .ndim = 2, .shape = {3, 5}, .hi = 1}},
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}}),
                PARAM_("axis 0 of a scalar, which has none", .in = {{0}}),
                SHAPE_("axis 0 of [3,5]; a size of 1 was wanted", .in = {{2, {3, 5}}}))},
    {.name = "reshape",
     .function = "unsqueeze",
     .nin = 1,
     .smooth = true,
     .call = call_unsqueeze,
     .ref = ref_reshape,
     .cases = {{.in = {{2, {3, 5}}}, .axes = {1}, .ndim = 3, .shape = {3, 1, 5}, .hi = 1},
               {.in = {{2, {3, 5}}}, .axes = {-1}, .ndim = 3, .shape = {3, 5, 1}, .hi = 1},
               {.in = {{0}}, .axes = {0}, .ndim = 1, .shape = {1}, .hi = 1}},
     .takes = ALL_TYPES,
     .bad = BAD(
         PARAM_("axis 3 of 3 dimensions; -3 to 2 were wanted", .in = {{2, {3, 5}}}, .axes = {3}),
         PARAM_("axis -4 of 3 dimensions; -3 to 2 were wanted", .in = {{2, {3, 5}}}, .axes = {-4}),
         SHAPE_("9 dimensions; 0 to 8 are possible", .in = {{8, {1, 1, 1, 1, 1, 1, 1, 1}}}))},
    {ONE(permute, 0, {.in = {{3, {31, 33, 5}}}, .axes = {2, 0, 1}, .hi = 1},
         {.in = {{4, {2, 65, 3, 4}}}, .axes = {-1, 1, 0, 2}, .hi = 1},
         {.in = {{3, {64, 63, 2}}}, .axes = {1, 0, 2}, .hi = 1},
         {.in = {{3, {4, 5, 3}}}, .axes = {0, 1, 2}, .hi = 1}, {.in = {{0}}, .hi = 1},
         {.in = {{2, {4, 0}}}, .axes = {1, 0}, .hi = 1}),
     .takes = ALL_TYPES,
     .bad = BAD(PARAM_("axis 2 of 2 dimensions; -2 to 1 were wanted", .in = {{2, {3, 5}}},
                       .naxes = 2, .axes = {0, 2}),
                PARAM_("3 axes; the 2 of x were wanted", .in = {{2, {3, 5}}}, .naxes = 3,
                       .axes = {0, 1, 2}),
                PARAM_("1 axes; the 2 of x were wanted", .in = {{2, {3, 5}}}, .naxes = 1),
                PARAM_("axis 0 is listed twice", .in = {{2, {3, 5}}}, .naxes = 2),
                PARAM_("axis 1 is listed twice", .in = {{2, {3, 5}}}, .naxes = 2, .axes = {1, -1}),
                {WEFT_PARAM,
                 "axes is NULL, naxes is 2",
                 {.in = {{2, {3, 5}}}, .naxes = 2},
                 .call = permute_without_axes,
                 .aborts = true})},
    {ONE(transpose, 0, {.in = {{2, {33, 65}}}, .axes = {0, 1}, .lo = -1, .hi = 1},
         {.in = {{4, {2, 3, 4, 5}}}, .axes = {1, -1}, .lo = -1, .hi = 1},
         {.in = {{2, {3, 4}}}, .axes = {1, 1}, .lo = -1, .hi = 1}),
     .takes = ALL_TYPES,
     .bad = BAD(
         BAD_AXIS(.in = {{2, {3, 5}}}),
         PARAM_("axis 2 of 2 dimensions; -2 to 1 were wanted", .in = {{2, {3, 5}}}, .axes = {0, 2}),
         PARAM_("axis 0 of a scalar, which has none", .in = {{0}}))},
    {ONE(expand, 8, {.in = {{1, {5}}}, .ndim = 2, .shape = {3, 5}, .lo = -1, .hi = 1},
         {.in = {{3, {2, 1, 4}}}, .ndim = 4, .shape = {3, 2, 6, 4}, .lo = -1, .hi = 1},
         {.in = {{0}}, .ndim = 2, .shape = {31, 2}, .lo = -1, .hi = 1}),
     .takes = ALL_TYPES,
     .bad = BAD(SHAPE_("x is [2,3], which does not broadcast to [2,4]", .in = {{2, {2, 3}}},
                       .ndim = 2, .shape = {2, 4}),
                SHAPE_("x is [2,3], which does not broadcast to [3]", .in = {{2, {2, 3}}},
                       .ndim = 1, .shape = {3}),
                SHAPE_("the shape [-1,3] is negative or too large", .in = {{1, {3}}}, .ndim = 2,
                       .shape = {-1, 3}),
                SHAPE_("9 dimensions; 0 to 8 are possible", .in = {{1, {3}}}, .ndim = 9),
                NOMEM_("the result [2048,2048] F32 needs", .in = {{1, {2048}}}, .ndim = 2,
                       .shape = {2048, 2048}),
                {WEFT_PARAM,
                 "the shape is NULL",
                 {.in = {{2, {3, 5}}}, .ndim = 2},
                 .call = expand_without_shape,
                 .aborts = true})},
    {FLAT(detach, {.in = {{2, {33, 5}}}, .lo = -2, .hi = 2}, {.in = {{0}}, .lo = -2, .hi = 2}),
     .takes = ALL_TYPES},
    {0},
};
