// References: picking by an index, and adding by one.
#include "ref_rows.h"
#include <stdlib.h>
#include <string.h>

static int axis_of(const struct array *x, const struct op_case *c)
{
    return c->axes[0] < 0 ? c->axes[0] + x->ndim : c->axes[0];
}

// The element of x at the place of element i of `shape`, with `k` along the axis instead.
static int64_t place(const struct array *x, const struct array *shape, int64_t i, int axis,
                     int64_t k)
{
    int64_t at = 0, step = 1;
    for (int d = x->ndim - 1; d >= 0; d--) {
        at += (d == axis ? k : i % shape->shape[d]) * step;
        i /= shape->shape[d];
        step *= x->shape[d];
    }
    return at;
}

static int64_t along(const struct array *shape, int64_t i, int axis)
{
    for (int d = shape->ndim - 1; d > axis; d--)
        i /= shape->shape[d];
    return i % shape->shape[axis];
}

static weft_tensor *call_gather(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_gather(s, x[0], c->axes[0], x[1]);
}

static void ref_gather(const struct array *x, struct array *y, const struct op_case *c)
{
    int axis = axis_of(x, c);
    array_make(y, x[1].ndim, x[1].shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = x[0].v[place(x, y, i, axis, (int64_t)x[1].v[i])];
}

static weft_tensor *call_scatter_add(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_scatter_add(s, x[0], c->axes[0], x[1], x[2]);
}

static void ref_scatter_add(const struct array *x, struct array *y, const struct op_case *c)
{
    int axis = axis_of(x, c);
    array_make(y, x->ndim, x->shape);
    memcpy(y->v, x->v, (size_t)array_count(x) * sizeof *y->v);
    for (int64_t i = 0; i < array_count(&x[2]); i++)
        y->v[place(y, &x[2], i, axis, (int64_t)x[1].v[i])] += x[2].v[i];
}

// Sums of at most so many terms.
static double scale_scatter_add(const struct array *x, const struct array *y)
{
    (void)y;
    return 8 * (array_largest(&x[0]) + array_largest(&x[2]));
}

static weft_tensor *call_index_select(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_index_select(s, x[0], c->axes[0], x[1]);
}

static void ref_index_select(const struct array *x, struct array *y, const struct op_case *c)
{
    int axis = axis_of(x, c);
    struct array shape = x[0];
    shape.shape[axis] = x[1].shape[0];
    array_make(y, shape.ndim, shape.shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = x[0].v[place(x, y, i, axis, (int64_t)x[1].v[along(y, i, axis)])];
}

// a - 1 is the row of the padding.
static weft_tensor *call_embedding(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_embedding(s, x[0], x[1], (int64_t)c->a - 1);
}

static void ref_embedding(const struct array *x, struct array *y, const struct op_case *c)
{
    struct array shape = x[1];
    int64_t width = x[0].shape[1];
    (void)c;
    shape.shape[shape.ndim++] = width;
    array_make(y, shape.ndim, shape.shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = x[0].v[(int64_t)x[1].v[i / width] * width + i % width];
}

static weft_tensor *call_one_hot(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_one_hot(s, x[0], (int64_t)c->a, c->b > 0 ? WEFT_F32 : WEFT_DTYPE_NONE);
}

static weft_tensor *one_hot_of_no_dtype(weft_scope *s, weft_tensor *const *x,
                                        const struct op_case *c)
{
    (void)c;
    return weft_one_hot(s, x[0], 3, (enum weft_dtype)77);
}

static void ref_one_hot(const struct array *x, struct array *y, const struct op_case *c)
{
    struct array shape = x[0];
    int64_t classes = (int64_t)c->a;
    shape.shape[shape.ndim++] = classes;
    array_make(y, shape.ndim, shape.shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = x[0].v[i / classes] == (double)(i % classes);
}

const struct op_ref op_refs_index[] = {
    {.name = "gather",
     .nin = 2,
     .kind = {VALUE, INDEX},
     .smooth = true,
     .call = call_gather,
     .ref = ref_gather,
     .cases =
         {{.in = {{1, {1}}, {1, {1}}}, .limit = 1, .lo = -2, .hi = 2},
          {.in = {{1, {65}}, {1, {200}}}, .limit = 65, .lo = -2, .hi = 2},
          {.in = {{2, {33, 5}}, {2, {33, 1}}}, .axes = {1}, .limit = 5, .lo = -2, .hi = 2},
          {.in = {{2, {31, 64}}, {2, {63, 64}}}, .axes = {0}, .limit = 31, .lo = -2, .hi = 2},
          {.in = {{2, {32, 63}}, {2, {32, 70}}}, .axes = {-1}, .limit = 63, .lo = -2, .hi = 2},
          {.in = {{3, {4, 7, 33}}, {3, {3, 9, 31}}}, .axes = {1}, .limit = 7, .lo = -2, .hi = 2},
          {.in = {{2, {3, 4000}}, {2, {2, 3000}}}, .axes = {1}, .limit = 4000, .lo = -2, .hi = 2},
          {.in = {{2, {3, 5}}, {2, {3, 0}}}, .axes = {1}, .limit = 5, .lo = -2, .hi = 2}},
     .takes = ALL_TYPES,
     .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}, {2, {3, 5}}}),
                PARAM_("axis 0 of a scalar, which has none", .in = {{0}, {0}}),
                SHAPE_("x is [2,3] and the index [3,3]; as many dimensions were wanted, each at "
                       "most that of x but for axis 1",
                       .in = {{2, {2, 3}}, {2, {3, 3}}}, .axes = {1}),
                SHAPE_("x is [2,3] and the index [4]; as many dimensions were wanted",
                       .in = {{2, {2, 3}}, {1, {4}}}))},
    {.name = "scatter_add",
     .nin = 3,
     .kind = {VALUE, INDEX, VALUE},
     .smooth = true,
     .tolerance = 4,
     .scale = scale_scatter_add,
     .call = call_scatter_add,
     .ref = ref_scatter_add,
     .cases = {{.in = {{1, {1}}, {1, {1}}, {1, {1}}}, .limit = 1, .lo = -2, .hi = 2},
               {.in = {{1, {65}}, {1, {700}}, {1, {700}}}, .limit = 65, .lo = -2, .hi = 2},
               {.in = {{1, {3}}, {1, {64}}, {1, {64}}}, .limit = 3, .lo = -2, .hi = 2},
               {.in = {{2, {33, 5}}, {2, {33, 1}}, {2, {33, 1}}},
                .axes = {1},
                .limit = 5,
                .lo = -2,
                .hi = 2},
               {.in = {{2, {31, 64}}, {2, {63, 64}}, {2, {63, 64}}},
                .limit = 31,
                .lo = -2,
                .hi = 2},
               {.in = {{2, {32, 63}}, {2, {32, 70}}, {2, {32, 70}}},
                .axes = {-1},
                .limit = 63,
                .lo = -2,
                .hi = 2},
               {.in = {{3, {4, 7, 130}}, {3, {3, 9, 129}}, {3, {3, 9, 129}}},
                .axes = {1},
                .limit = 7,
                .lo = -2,
                .hi = 2},
               {.in = {{2, {3, 5}}, {2, {3, 0}}, {2, {3, 0}}},
                .axes = {1},
                .limit = 5,
                .lo = -2,
                .hi = 2},
               {.in = {{2, {0, 5}}, {2, {0, 2}}, {2, {0, 2}}},
                .axes = {1},
                .limit = 5,
                .lo = -2,
                .hi = 2}},
     .takes = NUMBERS,
     .bad = BAD(
         BAD_AXIS(.in = {{2, {3, 5}}, {2, {3, 5}}, {2, {3, 5}}}),
         SHAPE_("x is [2,3], the index [1,3] and src [2,3]; an index like src",
                .in = {{2, {2, 3}}, {2, {1, 3}}, {2, {2, 3}}}),
         SHAPE_("x is [2,3], the index [4,3] and src [4,3]; an index like src, of as many "
                "dimensions as x, each at most that of x but for axis 1, was wanted",
                .in = {{2, {2, 3}}, {2, {4, 3}}, {2, {4, 3}}}, .axes = {1}),
         SHAPE_("x is [2,3], the index [3] and src [3]; an index like src, of as many dimensions",
                .in = {{2, {2, 3}}, {1, {3}}, {1, {3}}}),
         {WEFT_NOMEM,
          "cast: the result [400000] F32 needs",
          {.in = {{1, {400000}}, {1, {3}}, {1, {3}}}},
          {WEFT_F16, WEFT_I64, WEFT_F16}})},
    {.name = "index_select",
     .nin = 2,
     .kind = {VALUE, INDEX},
     .smooth = true,
     .call = call_index_select,
     .ref = ref_index_select,
     .cases = {{.in = {{1, {65}}, {1, {200}}}, .limit = 65, .lo = -2, .hi = 2},
               {.in = {{2, {33, 64}}, {1, {31}}}, .limit = 33, .lo = -2, .hi = 2},
               {.in = {{2, {33, 65}}, {1, {63}}}, .limit = 33, .lo = -2, .hi = 2},
               {.in = {{2, {33, 65}}, {1, {32}}}, .axes = {1}, .limit = 65, .lo = -2, .hi = 2},
               {.in = {{3, {4, 7, 132}}, {1, {9}}}, .axes = {1}, .limit = 7, .lo = -2, .hi = 2},
               {.in = {{3, {2, 31, 5}}, {1, {1}}}, .axes = {-2}, .limit = 31, .lo = -2, .hi = 2},
               {.in = {{2, {3, 5}}, {1, {0}}}, .axes = {1}, .limit = 5, .lo = -2, .hi = 2},
               {.in = {{2, {3, 0}}, {1, {2}}}, .limit = 3, .lo = -2, .hi = 2}},
     .takes = ALL_TYPES,
     .bad = BAD(
         BAD_AXIS(.in = {{2, {3, 5}}, {1, {3}}}),
         SHAPE_("the index is [2,2]; one dimension was wanted", .in = {{2, {3, 5}}, {2, {2, 2}}}),
         SHAPE_("the index is []; one dimension was wanted", .in = {{2, {3, 5}}, {0}}),
         NOMEM_("the result [2048,2048] F32 needs", .in = {{2, {1, 2048}}, {1, {2048}}}))},
    {.name = "embedding",
     .nin = 2,
     .kind = {VALUE, INDEX},
     .smooth = true,
     .call = call_embedding,
     .ref = ref_embedding,
     .cases = {{.in = {{2, {10, 4}}, {1, {33}}}, .limit = 10, .lo = -2, .hi = 2},
               {.in = {{2, {31, 65}}, {2, {5, 63}}}, .limit = 31, .lo = -2, .hi = 2},
               {.in = {{2, {300, 512}}, {1, {64}}}, .limit = 300, .lo = -2, .hi = 2},
               {.in = {{2, {10, 32}}, {0}}, .limit = 10, .lo = -2, .hi = 2},
               {.in = {{2, {10, 1}}, {3, {2, 3, 4}}}, .limit = 10, .lo = -2, .hi = 2},
               {.in = {{2, {10, 4}}, {2, {3, 0}}}, .limit = 10, .lo = -2, .hi = 2}},
     .takes = ALL_TYPES,
     .bad = BAD(SHAPE_("weight is [6]; [rows,width] was wanted", .in = {{1, {6}}, {1, {4}}}),
                SHAPE_("the index is [1,1,1,1,1,1,1,1]; at most 7 dimensions were wanted",
                       .in = {{2, {2, 3}}, {8, {1, 1, 1, 1, 1, 1, 1, 1}}}),
                PARAM_("padding 2; a row of [2,3], or -1 for none, was wanted",
                       .in = {{2, {2, 3}}, {1, {4}}}, .a = 3),
                PARAM_("padding -2; a row of [2,3], or -1 for none, was wanted",
                       .in = {{2, {2, 3}}, {1, {4}}}, .a = -1),
                NOMEM_("the result [2048,2048] F32 needs", .in = {{2, {1, 2048}}, {1, {2048}}}))},
    {.name = "one_hot",
     .nin = 1,
     .kind = {INDEX},
     .call = call_one_hot,
     .ref = ref_one_hot,
     .cases = {{.in = {{1, {33}}}, .limit = 10, .a = 10, .hi = 1},
               {.in = {{2, {5, 31}}}, .limit = 65, .a = 65, .b = 1, .hi = 1},
               {.in = {{1, {3}}}, .limit = 1500, .a = 1500, .hi = 1},
               {.in = {{0}}, .limit = 3, .a = 3, .b = 1, .hi = 1},
               {.in = {{2, {5, 64}}}, .limit = 1, .a = 1, .b = 1, .hi = 1},
               {.in = {{2, {0, 4}}}, .limit = 3, .a = 3, .hi = 1}},
     .bad = BAD(
         SHAPE_("the shape [4,-1] is negative or too large", .in = {{1, {4}}}, .a = -1),
         SHAPE_("9 dimensions; 0 to 8 are possible", .in = {{8, {1, 1, 1, 1, 1, 1, 1, 1}}}, .a = 3),
         NOMEM_("the result [1024,1024] I64 needs", .in = {{1, {1024}}}, .a = 1024),
         {WEFT_DTYPE,
          "dtype 77; one of enum weft_dtype was wanted",
          {.in = {{1, {4}}}},
          .call = one_hot_of_no_dtype})},
    {0},
};
