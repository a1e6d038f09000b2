// References: sorting, by counting for each element of a row those that come before it.
#include "ref_rows.h"
#include <stdlib.h>

// The rows along an axis: element i of row r lies at start(r) + i * step.
struct rows {
    int64_t count, n, step;
};

static struct rows rows_of(const struct array *x, int axis)
{
    struct rows r = {.count = 1, .step = 1};
    axis = axis < 0 ? axis + x->ndim : axis;
    for (int d = 0; d < x->ndim; d++) {
        r.step *= d > axis ? x->shape[d] : 1;
        r.count *= d != axis ? x->shape[d] : 1;
    }
    r.n = x->shape[axis];
    return r;
}

static int64_t row_start(const struct rows *r, int64_t row)
{
    return row / r->step * r->step * r->n + row % r->step;
}

// Where element i of a row comes in the stable order; `most` stands for all from there on.
static int64_t rank_of(const double *row, const struct rows *r, int64_t i, bool descending,
                       int64_t most)
{
    int64_t rank = 0;
    for (int64_t j = 0; j < r->n && rank < most; j++) {
        double a = row[j * r->step], b = row[i * r->step];
        rank += (descending ? a > b : a < b) || (a == b && j < i);
    }
    return rank;
}

static void ref_order(const struct array *x, struct array *y, const struct op_case *c, bool index)
{
    struct rows r = rows_of(x, c->axes[0]), ry;
    struct array shape = *x;
    shape.shape[c->axes[0] < 0 ? c->axes[0] + x->ndim : c->axes[0]] =
        c->b > 0 ? (int64_t)c->b : r.n;
    array_make(y, shape.ndim, shape.shape);
    ry = rows_of(y, c->axes[0]);
    for (int64_t row = 0; row < r.count; row++) {
        const double *from = x->v + row_start(&r, row);
        for (int64_t i = 0; i < r.n; i++) {
            int64_t rank = rank_of(from, &r, i, c->a != 0, ry.n);
            if (rank < ry.n)
                y->v[row_start(&ry, row) + rank * ry.step] = index ? (double)i : from[i * r.step];
        }
    }
}

static weft_tensor *call_argsort(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_argsort(s, x[0], c->axes[0], c->a != 0);
}

static void ref_argsort(const struct array *x, struct array *y, const struct op_case *c)
{
    ref_order(x, y, c, true);
}

static weft_tensor *call_topk(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_topk(s, x[0], c->axes[0], (int64_t)c->b, weft_topk_params(.smallest = c->a == 0));
}

static void ref_topk(const struct array *x, struct array *y, const struct op_case *c)
{
    ref_order(x, y, c, false);
}

static weft_tensor *call_sort(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_sort(s, x[0], c->axes[0], weft_sort_params(.descending = c->a != 0));
}

static void ref_sort(const struct array *x, struct array *y, const struct op_case *c)
{
    ref_order(x, y, c, false);
}

// Neither a result nor indices.
static weft_tensor *topk_with_indices(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    weft_tensor *indices = x[0], *y;
    (void)c;
    y = weft_topk(s, x[0], 1, 4, weft_topk_params(.indices = &indices));
    return y ? y : indices;
}

static weft_tensor *sort_with_indices(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    weft_tensor *indices = x[0], *y;
    (void)c;
    y = weft_sort(s, x[0], 2, weft_sort_params(.indices = &indices));
    return y ? y : indices;
}

// `a`: descending. `b`: how many of each row are wanted; 0: all.
const struct op_ref op_refs_sort[] = {
    {FLAT(argsort, {.in = {{1, {1}}}, .lo = -2, .hi = 2}, {.in = {{1, {31}}}, .lo = -2, .hi = 2},
          {.in = {{2, {5, 32}}}, .axes = {1}, .lo = -2, .hi = 2},
          {.in = {{2, {5, 33}}}, .axes = {-1}, .a = 1, .lo = -2, .hi = 2},
          {.in = {{2, {63, 5}}}, .axes = {0}, .lo = -2, .hi = 2},
          {.in = {{3, {4, 65, 3}}}, .axes = {1}, .a = 1, .lo = -2, .hi = 2},
          {.in = {{3, {3, 7, 64}}}, .axes = {-1}, .lo = -2, .hi = 2},
          {.in = {{2, {2, 1025}}}, .axes = {1}, .lo = -2, .hi = 2},
          {.in = {{1, {9000}}}, .a = 1, .lo = -2, .hi = 2},
          {.in = {{2, {0, 4}}}, .axes = {1}, .lo = -2, .hi = 2},
          {.in = {{2, {4, 0}}}, .axes = {1}, .lo = -2, .hi = 2}),
     .takes = ALL_TYPES,
     .bad = BAD(
         BAD_AXIS(.in = {{2, {3, 5}}}), PARAM_("axis 0 of a scalar, which has none", .in = {{0}}),
         {WEFT_NOMEM, "the result [200000] I64 needs", {.in = {{1, {200000}}}}, {WEFT_F32}})},
    {.name = "argsort",
     .nin = 1,
     .kind = {WHOLE},
     .call = call_argsort,
     .ref = ref_argsort,
     .cases = {{.in = {{1, {3000}}}, .lo = -3, .hi = 3},
               {.in = {{2, {40, 65}}}, .axes = {0}, .a = 1, .lo = -3, .hi = 3}},
     .takes = ALL_TYPES},
    // Of long rows, two elements may lie so close that a step of a difference exchanges them.
    {FLAT(topk, {.in = {{3, {2, 1025, 3}}}, .axes = {1}, .a = 1, .b = 256, .lo = -2, .hi = 2},
          {.in = {{1, {40000}}}, .a = 1, .b = 5, .lo = -2, .hi = 2},
          {.in = {{2, {2, 2000}}}, .axes = {1}, .b = 1500, .lo = -2, .hi = 2}),
     .takes = ALL_TYPES},
    {FLAT(sort, {.in = {{1, {3000}}}, .lo = -2, .hi = 2}), .takes = ALL_TYPES},
    {ONE(topk, 0, {.in = {{1, {1}}}, .b = 1, .lo = -2, .hi = 2},
         {.in = {{2, {5, 33}}}, .axes = {-1}, .a = 1, .b = 1, .lo = -2, .hi = 2},
         {.in = {{2, {5, 63}}}, .axes = {1}, .a = 1, .b = 63, .lo = -2, .hi = 2},
         {.in = {{2, {300, 3}}}, .axes = {0}, .b = 31, .lo = -9, .hi = 9}),
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}}),
                PARAM_("axis 0 of a scalar, which has none", .in = {{0}}),
                PARAM_("4 of axis 1 of [2,3]; 0 to 3 were wanted", .in = {{2, {2, 3}}}, .axes = {1},
                       .b = 4),
                PARAM_("-1 of axis 1 of [2,3]; 0 to 3 were wanted", .in = {{2, {2, 3}}},
                       .axes = {1}, .b = -1),
                {WEFT_PARAM,
                 "4 of axis 1 of [2,3]; 0 to 3 were wanted",
                 {.in = {{2, {2, 3}}}},
                 .call = topk_with_indices})},
    {ONE(sort, 0, {.in = {{2, {5, 33}}}, .axes = {-1}, .a = 1, .lo = -2, .hi = 2},
         {.in = {{2, {63, 5}}}, .axes = {0}, .lo = -2, .hi = 2}),
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}}),
                PARAM_("axis 0 of a scalar, which has none", .in = {{0}}),
                NOMEM_("the result [200000] I64 needs", .in = {{1, {200000}}}),
                {WEFT_PARAM,
                 "axis 2 of 2 dimensions; -2 to 1 were wanted",
                 {.in = {{2, {2, 3}}}},
                 .call = sort_with_indices})},
    {0},
};
