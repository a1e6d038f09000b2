// References: tensors from nothing.
#include "ref_rows.h"
#include <math.h>

static weft_tensor *call_full(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_full(s, x[0]->dtype, c->ndim, c->shape, c->a);
}

static void ref_full(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)x;
    array_make(y, c->ndim, c->shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = c->a;
}

static weft_tensor *full_without_shape(weft_scope *s, weft_tensor *const *x,
                                       const struct op_case *c)
{
    return weft_full(s, x[0]->dtype, c->ndim, NULL, 1);
}

static weft_tensor *full_of_no_dtype(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    (void)x;
    return weft_full(s, (enum weft_dtype)77, c->ndim, c->shape, 1);
}

// start and step in a and b, the number of elements in shape[0].
static weft_tensor *call_arange(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    double stop = c->a + c->b * ((double)c->shape[0] - 0.5);
    return weft_arange(s, x[0]->dtype, c->a, stop, c->b);
}

static void ref_arange(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)x;
    array_make(y, 1, c->shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = (double)((long double)c->a + (long double)c->b * (long double)i);
}

// From a to b by shape[0].
static weft_tensor *arange_to(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_arange(s, x[0]->dtype, c->a, c->b, (double)c->shape[0]);
}

static weft_tensor *arange_by_half(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    (void)c;
    return weft_arange(s, x[0]->dtype, 0, 2, 0.5);
}

// From a to b.
static weft_tensor *call_linspace(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_linspace(s, x[0]->dtype, c->a, c->b, c->shape[0]);
}

static void ref_linspace(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)x;
    array_make(y, 1, c->shape);
    int64_t n = c->shape[0];
    double step = n > 1 ? (c->b - c->a) / (double)(n - 1) : 0;
    for (int64_t i = 0; i < n; i++)
        y->v[i] = i < n / 2 || n == 1 ? c->a + step * (double)i : c->b - step * (double)(n - 1 - i);
}

static weft_tensor *call_eye(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_eye(s, x[0]->dtype, c->shape[0], c->shape[1]);
}

static void ref_eye(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)x;
    array_make(y, 2, c->shape);
    for (int64_t i = 0; i < c->shape[0] && i < c->shape[1]; i++)
        y->v[i * c->shape[1] + i] = 1;
}

const struct op_ref op_refs_fill[] = {
    {MADE(full, 0, {.in = {{1, {1}}}, .a = 2.5, .ndim = 2, .shape = {3, 7}, .hi = 1},
          {.in = {{1, {1}}}, .a = -1, .ndim = 0, .hi = 1},
          {.in = {{1, {1}}}, .a = 0, .ndim = 1, .shape = {0}, .hi = 1}),
     .takes = ALL_TYPES,
     .bad = BAD(
         SHAPE_("the shape [-1] is negative or too large", .ndim = 1, .shape = {-1}),
         SHAPE_("the shape [1073741824,1073741824,1073741824] is negative or too large", .ndim = 3,
                .shape = {1 << 30, 1 << 30, 1 << 30}),
         SHAPE_("9 dimensions; 0 to 8 are possible", .ndim = 9),
         SHAPE_("-1 dimensions; 0 to 8 are possible", .ndim = -1),
         NOMEM_("the result [512,513] F32 needs", .ndim = 2, .shape = {512, 513}),
         {WEFT_SHAPE, "a shape of 2 dimensions is NULL", {.ndim = 2}, .call = full_without_shape},
         {WEFT_DTYPE,
          "dtype 77; one of enum weft_dtype was wanted",
          {.ndim = 0},
          .call = full_of_no_dtype})},
    {MADE(arange, 1, {.in = {{1, {1}}}, .a = 0, .b = 1, .shape = {65}, .hi = 1},
          {.in = {{1, {1}}}, .a = 1e6, .b = -0.1, .shape = {70000}, .hi = 1},
          {.in = {{1, {1}}}, .a = 0.1, .b = 1.0 / 3, .shape = {33}, .hi = 1},
          {.in = {{1, {1}}}, .a = 2, .b = 1, .shape = {0}, .hi = 1}),
     .takes = NUMBERS,
     .bad =
         BAD({WEFT_PARAM, "from 0 to 1 by 0; the step must not be 0", {.b = 1}, .call = arange_to},
             {WEFT_PARAM,
              "from 0 to inf by 1; finite numbers were wanted",
              {.b = INFINITY, .shape = {1}},
              .call = arange_to},
             {WEFT_PARAM,
              "from nan to 0 by 1; finite numbers were wanted",
              {.a = NAN, .shape = {1}},
              .call = arange_to},
             {WEFT_PARAM,
              "from 0 to 1e+300 by 1; these are more than a tensor can have",
              {.b = 1e300, .shape = {1}},
              .call = arange_to},
             {WEFT_NOMEM,
              "the result [1000000] F32 needs",
              {.b = 1e6, .shape = {1}},
              .call = arange_to},
             {WEFT_DTYPE,
              "from 0 by 0.5; whole numbers were wanted in I32",
              {.lo = 0},
              {WEFT_I32},
              arange_by_half})},
    {MADE(linspace, 4, {.in = {{1, {1}}}, .a = 1, .b = 2, .shape = {64}, .hi = 1},
          {.in = {{1, {1}}}, .a = 0.3, .b = 77, .shape = {31}, .hi = 1},
          {.in = {{1, {1}}}, .a = 5, .b = 2, .shape = {1}, .hi = 1},
          {.in = {{1, {1}}}, .a = 5, .b = 2, .shape = {0}, .hi = 1}),
     .bad = BAD(PARAM_("from 0 to nan in F32; finite numbers", .a = 0, .b = NAN, .shape = {5}),
                PARAM_("from inf to 0 in F32; finite numbers", .a = INFINITY, .b = 0, .shape = {5}),
                SHAPE_("the shape [-1] is negative or too large", .shape = {-1}),
                NOMEM_("the result [1000000] F32 needs", .b = 1, .shape = {1000000}))},
    {MADE(eye, 0, {.in = {{1, {1}}}, .shape = {33, 33}, .hi = 1},
          {.in = {{1, {1}}}, .shape = {5, 64}, .hi = 1},
          {.in = {{1, {1}}}, .shape = {65, 2}, .hi = 1},
          {.in = {{1, {1}}}, .shape = {1, 1}, .hi = 1},
          {.in = {{1, {1}}}, .shape = {0, 3}, .hi = 1}),
     .takes = ALL_TYPES,
     .bad = BAD(SHAPE_("the shape [-1,2] is negative or too large", .shape = {-1, 2}),
                NOMEM_("the result [2048,2048] F32 needs", .shape = {2048, 2048}))},
    {0},
};
