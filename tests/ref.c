// References: what every operation computes, in plain loops and in double.
#include "ref_rows.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

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

CALL2(matmul)
CALL2(cross_entropy)

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

static void ref_matmul(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)c;
    struct array a = x[0], b = x[1], c2;
    bool row = a.ndim == 1, column = b.ndim == 1;
    if (row) {
        a = (struct array){2, {1, x[0].shape[0]}, x[0].v};
    }
    if (column) {
        b = (struct array){2, {x[1].shape[0], 1}, x[1].v};
    }
    int64_t m = a.shape[a.ndim - 2], k = a.shape[a.ndim - 1], n = b.shape[b.ndim - 1];
    // Leading dimensions broadcast: of arrays that hold the index of their matrix.
    struct array ia = a, ib = b, batch;
    ia.ndim -= 2;
    ib.ndim -= 2;
    array_make(&ia, ia.ndim, ia.shape);
    array_make(&ib, ib.ndim, ib.shape);
    for (int64_t i = 0; i < array_count(&ia); i++)
        ia.v[i] = (double)i;
    for (int64_t i = 0; i < array_count(&ib); i++)
        ib.v[i] = (double)i;
    array_broadcast(&ia, &ib, &batch);
    int64_t shape[WEFT_MAX_DIMS];
    memcpy(shape, batch.shape, sizeof shape);
    shape[batch.ndim] = m;
    shape[batch.ndim + 1] = n;
    array_make(&c2, batch.ndim + 2, shape);
    for (int64_t t = 0; t < array_count(&batch); t++) {
        const double *pa = a.v + (int64_t)array_at(&ia, &batch, t) * m * k;
        const double *pb = b.v + (int64_t)array_at(&ib, &batch, t) * k * n;
        for (int64_t i = 0; i < m * n; i++) {
            for (int64_t j = 0; j < k; j++)
                c2.v[t * m * n + i] += pa[i / n * k + j] * pb[j * n + i % n];
        }
    }
    *y = c2;
    if (column)
        y->ndim--;
    if (row) {
        for (int d = batch.ndim; d + 1 < c2.ndim; d++)
            y->shape[d] = c2.shape[d + 1];
        y->ndim--;
    }
    free(ia.v);
    free(ib.v);
    free(batch.v);
}

static void ref_cross_entropy(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)c;
    array_make(y, 0, NULL);
    int64_t rows = x[0].shape[0], classes = x[0].shape[1];
    for (int64_t i = 0; i < rows; i++) {
        const double *row = x[0].v + i * classes;
        double top = -INFINITY, sum = 0;
        for (int64_t j = 0; j < classes; j++)
            top = fmax(top, row[j]);
        for (int64_t j = 0; j < classes; j++)
            sum += exp(row[j] - top);
        y->v[0] += (log(sum) + top - row[(int64_t)x[1].v[i]]) / (double)rows;
    }
}

static weft_tensor *call_reshape(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_reshape(s, x[0], c->ndim, c->shape);
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

static const struct op_ref refs[] = {
    ONE(full, 0, {.in = {{1, {1}}}, .a = 2.5, .ndim = 2, .shape = {3, 7}, .hi = 1},
        {.in = {{1, {1}}}, .a = -1, .ndim = 0, .hi = 1},
        {.in = {{1, {1}}}, .a = 0, .ndim = 1, .shape = {0}, .hi = 1}),
    ONE(sum, 8, REDUCTIONS, {.in = {{2, {0, 4}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2}),
    ONE(mean, 8, REDUCTIONS),
    ONE(max, 0, REDUCTIONS),
    {.name = "argmax",
     .nin = 1,
     .integer = true,
     .call = call_argmax,
     .ref = ref_argmax,
     .cases = {{.in = {{2, {33, 10}}}, .naxes = 1, .axes = {1}, .lo = -2, .hi = 2},
               {.in = {{2, {33, 65}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2},
               {.in = {{3, {4, 31, 17}}}, .naxes = 1, .axes = {-2}, .lo = -2, .hi = 2},
               {.in = {{1, {70000}}}, .naxes = 1, .axes = {0}, .lo = -2, .hi = 2}}},
    TWO(matmul, 8, {.in = {{2, {3, 5}}, {2, {5, 4}}}, .lo = -1, .hi = 1},
        {.in = {{2, {1, 1}}, {2, {1, 1}}}, .lo = -1, .hi = 1},
        {.in = {{2, {31, 33}}, {2, {33, 10}}}, .lo = -1, .hi = 1},
        {.in = {{2, {64, 65}}, {2, {65, 63}}}, .lo = -1, .hi = 1},
        {.in = {{2, {9, 300}}, {2, {300, 128}}}, .lo = -1, .hi = 1},
        {.in = {{2, {65, 32}}, {2, {32, 32}}}, .lo = -1, .hi = 1},
        {.in = {{2, {17, 257}}, {2, {257, 97}}}, .lo = -1, .hi = 1},
        {.in = {{3, {4, 7, 9}}, {3, {4, 9, 6}}}, .lo = -1, .hi = 1},
        {.in = {{4, {2, 1, 5, 8}}, {3, {3, 8, 17}}}, .lo = -1, .hi = 1},
        {.in = {{3, {2, 33, 8}}, {2, {8, 48}}}, .lo = -1, .hi = 1},
        {.in = {{1, {33}}, {2, {33, 20}}}, .lo = -1, .hi = 1},
        {.in = {{3, {2, 31, 33}}, {1, {33}}}, .lo = -1, .hi = 1},
        {.in = {{1, {40}}, {1, {40}}}, .lo = -1, .hi = 1},
        {.in = {{2, {3, 0}}, {2, {0, 4}}}, .lo = -1, .hi = 1},
        {.in = {{2, {0, 3}}, {2, {3, 4}}}, .lo = -1, .hi = 1}),
    TWO(cross_entropy, 16, {.in = {{2, {3, 5}}, {1, {3}}}, .lo = -4, .hi = 4},
        {.in = {{2, {33, 10}}, {1, {33}}}, .lo = -4, .hi = 4},
        {.in = {{2, {5, 1000}}, {1, {5}}}, .lo = -90, .hi = 90},
        {.in = {{2, {1, 1}}, {1, {1}}}, .lo = -4, .hi = 4}),
    ONE(reshape, 0, {.in = {{2, {6, 5}}}, .ndim = 3, .shape = {2, 3, 5}, .lo = -1, .hi = 1},
        {.in = {{3, {4, 1, 9}}}, .ndim = 2, .shape = {6, 6}, .lo = -1, .hi = 1},
        {.in = {{2, {3, 5}}}, .ndim = 1, .shape = {15}, .lo = -1, .hi = 1},
        {.in = {{1, {1}}}, .ndim = 0, .lo = -1, .hi = 1},
        {.in = {{2, {4, 0}}}, .ndim = 2, .shape = {0, 7}, .lo = -1, .hi = 1}),
    {.name = "reshape",
     .nin = 1,
     .smooth = true,
     .call = call_flatten,
     .ref = ref_reshape,
     .cases = {{.in = {{4, {3, 1, 5, 4}}}, .axes = {1}, .ndim = 2, .shape = {3, 20}, .hi = 1},
               {.in = {{2, {3, 5}}}, .axes = {-1}, .ndim = 2, .shape = {3, 5}, .hi = 1}}},
    ONE(transpose, 0, {.in = {{2, {33, 65}}}, .axes = {0, 1}, .lo = -1, .hi = 1},
        {.in = {{4, {2, 3, 4, 5}}}, .axes = {1, -1}, .lo = -1, .hi = 1},
        {.in = {{2, {3, 4}}}, .axes = {1, 1}, .lo = -1, .hi = 1}),
    ONE(expand, 8, {.in = {{1, {5}}}, .ndim = 2, .shape = {3, 5}, .lo = -1, .hi = 1},
        {.in = {{3, {2, 1, 4}}}, .ndim = 4, .shape = {3, 2, 6, 4}, .lo = -1, .hi = 1},
        {.in = {{0}}, .ndim = 2, .shape = {31, 2}, .lo = -1, .hi = 1}),
    {0},
};

const struct op_ref *op_ref_at(int i)
{
    static const struct op_ref *const families[] = {op_refs_elementwise, refs};
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        for (const struct op_ref *r = families[f]; r->name; r++) {
            if (!i--)
                return r;
        }
    }
    return NULL;
}
