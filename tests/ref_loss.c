// References: losses.
#include "ref_rows.h"
#include <math.h>

CALL2(cross_entropy)

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

static double scale_cross_entropy(const struct array *x, const struct array *y)
{
    (void)y;
    return array_largest(x);
}

const struct op_ref op_refs_loss[] = {
    {.name = "cross_entropy",
     .nin = 2,
     .kind = {VALUE, INDEX},
     .smooth = true,
     .tolerance = 16,
     .scale = scale_cross_entropy,
     .call = call_cross_entropy,
     .ref = ref_cross_entropy,
     .cases = {{.in = {{2, {3, 5}}, {1, {3}}}, .limit = 5, .lo = -4, .hi = 4},
               {.in = {{2, {33, 10}}, {1, {33}}}, .limit = 10, .lo = -4, .hi = 4},
               {.in = {{2, {5, 1000}}, {1, {5}}}, .limit = 1000, .lo = -90, .hi = 90},
               {.in = {{2, {1, 1}}, {1, {1}}}, .limit = 1, .lo = -4, .hi = 4}}},
    {0},
};
