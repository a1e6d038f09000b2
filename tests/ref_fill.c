// References: tensors from nothing.
#include "ref_rows.h"

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
    FLAT(full, {.in = {{1, {1}}}, .a = 2.5, .ndim = 2, .shape = {3, 7}, .hi = 1},
         {.in = {{1, {1}}}, .a = -1, .ndim = 0, .hi = 1},
         {.in = {{1, {1}}}, .a = 0, .ndim = 1, .shape = {0}, .hi = 1}),
    REF(arange, 1, false, 1, NULL, {.in = {{1, {1}}}, .a = 0, .b = 1, .shape = {65}, .hi = 1},
        {.in = {{1, {1}}}, .a = 1e6, .b = -0.1, .shape = {70000}, .hi = 1},
        {.in = {{1, {1}}}, .a = 0.1, .b = 1.0 / 3, .shape = {33}, .hi = 1},
        {.in = {{1, {1}}}, .a = 2, .b = 1, .shape = {0}, .hi = 1}),
    REF(linspace, 1, false, 4, NULL, {.in = {{1, {1}}}, .a = 1, .b = 2, .shape = {64}, .hi = 1},
        {.in = {{1, {1}}}, .a = 0.3, .b = 77, .shape = {31}, .hi = 1},
        {.in = {{1, {1}}}, .a = 5, .b = 2, .shape = {1}, .hi = 1},
        {.in = {{1, {1}}}, .a = 5, .b = 2, .shape = {0}, .hi = 1}),
    FLAT(eye, {.in = {{1, {1}}}, .shape = {33, 33}, .hi = 1},
         {.in = {{1, {1}}}, .shape = {5, 64}, .hi = 1},
         {.in = {{1, {1}}}, .shape = {65, 2}, .hi = 1},
         {.in = {{1, {1}}}, .shape = {1, 1}, .hi = 1},
         {.in = {{1, {1}}}, .shape = {0, 3}, .hi = 1}),
    {0},
};
