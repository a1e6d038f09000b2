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

const struct op_ref op_refs_fill[] = {
    FLAT(full, {.in = {{1, {1}}}, .a = 2.5, .ndim = 2, .shape = {3, 7}, .hi = 1},
         {.in = {{1, {1}}}, .a = -1, .ndim = 0, .hi = 1},
         {.in = {{1, {1}}}, .a = 0, .ndim = 1, .shape = {0}, .hi = 1}),
    {0},
};
