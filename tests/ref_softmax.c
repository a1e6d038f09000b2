// References: softmax.
#include "ref_rows.h"
#include <math.h>

#define CALL(name)                                                                                 \
    static weft_tensor *call_##name(weft_scope *s, weft_tensor *const *x, const struct op_case *c) \
    {                                                                                              \
        return weft_##name(s, x[0], c->axes[0]);                                                   \
    }
CALL(softmax)
CALL(log_softmax)

// Row by row; `log_` for log_softmax.
static void ref_rows(const struct array *x, struct array *y, const struct op_case *c, bool log_)
{
    array_make(y, x->ndim, x->shape);
    int axis = c->axes[0] < 0 ? c->axes[0] + x->ndim : c->axes[0];
    int64_t n = x->shape[axis], inner = 1, count = array_count(x);
    for (int i = axis + 1; i < x->ndim; i++)
        inner *= x->shape[i];
    for (int64_t r = 0; n && r < count / n; r++) {
        int64_t at = r / inner * inner * n + r % inner;
        double top = -INFINITY;
        long double sum = 0;
        for (int64_t i = 0; i < n; i++)
            top = fmax(top, x->v[at + i * inner]);
        for (int64_t i = 0; i < n; i++)
            sum += (long double)exp(x->v[at + i * inner] - top);
        for (int64_t i = 0; i < n; i++) {
            double v = x->v[at + i * inner] - top - log((double)sum);
            y->v[at + i * inner] = log_ ? v : exp(v);
        }
    }
}

static void ref_softmax(const struct array *x, struct array *y, const struct op_case *c)
{
    ref_rows(x, y, c, false);
}

static void ref_log_softmax(const struct array *x, struct array *y, const struct op_case *c)
{
    ref_rows(x, y, c, true);
}

static double scale_log(const struct array *x, const struct array *y)
{
    (void)y;
    return array_largest(x);
}

#define CASES                                                         \
    {.in = {{2, {3, 5}}}, .axes = {1}, .lo = -4, .hi = 4},            \
        {.in = {{2, {33, 65}}}, .axes = {-1}, .lo = -10, .hi = 10},   \
        {.in = {{2, {31, 64}}}, .axes = {0}, .lo = -4, .hi = 4},      \
        {.in = {{3, {2, 63, 70}}}, .axes = {1}, .lo = -10, .hi = 10}, \
        {.in = {{3, {4, 32, 3}}}, .axes = {-2}, .lo = -4, .hi = 4},   \
        {.in = {{1, {1}}}, .axes = {0}, .lo = -4, .hi = 4},           \
        {.in = {{2, {0, 4}}}, .axes = {0}, .lo = -4, .hi = 4},        \
        {.in = {{2, {0, 4}}}, .axes = {1}, .lo = -4, .hi = 4},        \
    {                                                                 \
        .in = {{2, {2, 140001}}}, .axes = {1}, .lo = -4, .hi = 4      \
    }

#define BAD_AXES                              \
    .bad = BAD(BAD_AXIS(.in = {{2, {3, 5}}}), \
               PARAM_("axis 0 of a scalar, which has none", .in = {{0}}))

const struct op_ref op_refs_softmax[] = {
    {ONE(softmax, 32, CASES), BAD_AXES},
    {SUMS(log_softmax, 1, 8, scale_log, CASES), BAD_AXES},
    {0},
};
