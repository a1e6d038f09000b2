// What the references share, and the list of them.
#include "ref_rows.h"
#include <math.h>
#include <stdlib.h>

int64_t array_count(const struct array *a)
{
    int64_t n = 1;
    for (int i = 0; i < a->ndim; i++)
        n *= a->shape[i];
    return n;
}

void array_make(struct array *a, int ndim, const int64_t *shape)
{
    a->ndim = ndim;
    for (int i = 0; i < ndim; i++)
        a->shape[i] = shape[i];
    a->v = calloc((size_t)array_count(a) + 1, sizeof *a->v);
}

double array_largest(const struct array *a)
{
    double most = 0;
    for (int64_t i = 0; i < array_count(a); i++)
        most = fmax(most, fabs(a->v[i]));
    return most;
}

double array_at(const struct array *x, const struct array *y, int64_t i)
{
    int64_t at = 0, step = 1;
    for (int d = y->ndim - 1, e = x->ndim - 1; e >= 0; d--, e--) {
        if (x->shape[e] != 1)
            at += i % y->shape[d] * step;
        step *= x->shape[e];
        i /= y->shape[d];
    }
    return x->v[at];
}

void array_broadcast(const struct array *a, const struct array *b, struct array *y)
{
    int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    int64_t shape[WEFT_MAX_DIMS];
    for (int i = 1; i <= ndim; i++) {
        int64_t da = i <= a->ndim ? a->shape[a->ndim - i] : 1;
        int64_t db = i <= b->ndim ? b->shape[b->ndim - i] : 1;
        shape[ndim - i] = da == 1 ? db : da;
    }
    array_make(y, ndim, shape);
}

const char *op_ref_function(const struct op_ref *r)
{
    return r->function ? r->function : r->name;
}

const struct op_ref *op_ref_at(int i)
{
#define X(family) op_refs_##family,
    static const struct op_ref *const families[] = {REF_FAMILIES(X)};
#undef X
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        for (const struct op_ref *r = families[f]; r->name; r++) {
            if (!i--)
                return r;
        }
    }
    return NULL;
}
