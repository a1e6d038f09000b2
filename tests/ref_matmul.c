// References: matrix products.
#include "ref_rows.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

CALL2(matmul)

void array_matmul(const struct array *x, struct array *y)
{
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
            long double sum = 0; // the doubles of the test round as much as those of a reference
            for (int64_t j = 0; j < k; j++)
                sum += (long double)pa[i / n * k + j] * pb[j * n + i % n];
            c2.v[t * m * n + i] = (double)sum;
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

static void ref_matmul(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)c;
    array_matmul(x, y);
}

static double scale_matmul(const struct array *x, const struct array *y)
{
    (void)y;
    double k = (double)x[0].shape[x[0].ndim - 1];
    return array_largest(&x[0]) * array_largest(&x[1]) * sqrt(k);
}

const struct op_ref op_refs_matmul[] = {
    {SUMS(matmul, 2, 8, scale_matmul, {.in = {{2, {3, 5}}, {2, {5, 4}}}, .lo = -1, .hi = 1},
          {.in = {{2, {1, 1}}, {2, {1, 1}}}, .lo = -1, .hi = 1},
          {.in = {{2, {31, 33}}, {2, {33, 10}}}, .lo = -1, .hi = 1},
          {.in = {{2, {64, 65}}, {2, {65, 63}}}, .lo = -1, .hi = 1},
          {.in = {{2, {9, 300}}, {2, {300, 128}}}, .lo = -1, .hi = 1},
          {.in = {{2, {65, 32}}, {2, {32, 32}}}, .lo = -1, .hi = 1},
          {.in = {{2, {17, 257}}, {2, {257, 97}}}, .lo = -1, .hi = 1},
          {.in = {{3, {4, 7, 9}}, {3, {4, 9, 6}}}, .lo = -1, .hi = 1},
          {.in = {{4, {2, 1, 5, 8}}, {3, {3, 8, 17}}}, .lo = -1, .hi = 1},
          {.in = {{3, {2, 33, 8}}, {2, {8, 48}}}, .lo = -1, .hi = 1},
          {.in = {{3, {5, 1, 12}}, {2, {12, 7}}}, .lo = -1, .hi = 1},
          {.in = {{4, {2, 3, 4, 6}}, {2, {6, 5}}}, .lo = -1, .hi = 1},
          {.in = {{2, {20, 1030}}, {2, {1030, 20}}}, .lo = -1, .hi = 1},
          {.in = {{1, {33}}, {2, {33, 20}}}, .lo = -1, .hi = 1},
          {.in = {{3, {2, 31, 33}}, {1, {33}}}, .lo = -1, .hi = 1},
          {.in = {{1, {40}}, {1, {40}}}, .lo = -1, .hi = 1},
          {.in = {{2, {3, 0}}, {2, {0, 4}}}, .lo = -1, .hi = 1},
          {.in = {{2, {0, 3}}, {2, {3, 4}}}, .lo = -1, .hi = 1}),
     .takes = NUMBERS,
     .bad = BAD(
         SHAPE_("a is [2,3], b is [2,3]: 3 columns of a meet 2 rows of b",
                .in = {{2, {2, 3}}, {2, {2, 3}}}),
         SHAPE_("a is [3], b is [4]: 3 columns of a meet 4 rows of b", .in = {{1, {3}}, {1, {4}}}),
         SHAPE_("a is [2,3,3], b is [3,3,3]: leading dimensions that broadcast were wanted",
                .in = {{3, {2, 3, 3}}, {3, {3, 3, 3}}}),
         SHAPE_("a is [2,3], b is []; no scalar was wanted", .in = {{2, {2, 3}}, {0}}),
         SHAPE_("a is [], b is [2]; no scalar was wanted", .in = {{0}, {1, {2}}}),
         NOMEM_("the result [2048,2048] F32 needs", .in = {{2, {2048, 1}}, {2, {1, 2048}}}))},
    {0},
};
