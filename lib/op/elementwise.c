// Elementwise operations: rows and public functions made from elementwise.def, and the few
// whose fronts differ (clamp, celu, where, logical_not, cast).
#include "op/elementwise.h"
#include "op/expression.h"
#include "op/loss.h"
#include "op/op.h"
#include <math.h>

enum dtypes { ANY, FLOATS, ALL_TYPES };
enum {
    SAVES_NOTHING = WF_SAVES_NOTHING,
    SAVES_INPUT = WF_SAVES_INPUT,
    SAVES_INPUTS = WF_SAVES_INPUTS,
    SAVES_OUTPUT = WF_SAVES_OUTPUT,
    SAVES_ALL = WF_SAVES_INPUTS | WF_SAVES_OUTPUT,
    SAVES_DIVISOR = WF_SAVES_INPUT << 1 | WF_SAVES_OUTPUT,
};
enum { MAX_IN = 3 };

struct row {
    struct wf_op op; // first: a record points to it
    int nin, na;     // inputs, options
    enum dtypes dtypes;
    const char *text, *dx[MAX_IN]; // dx NULL: of an input without a gradient
    struct wf_op dx_op[MAX_IN];    // of the records that compute dx
};

bool wf_speaks_of(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at += n) {
        char before = at == text ? ' ' : at[-1], after = at[n];
        bool inside = (before >= 'a' && before <= 'z') || (after >= 'a' && after <= 'z') ||
                      (after >= '0' && after <= '9');
        if (!inside)
            return true;
    }
    return false;
}

weft_tensor *wf_elementwise_dx(weft_scope *s, const struct wf_record *r, const char *text,
                               const struct wf_op *op, weft_tensor *gy)
{
    static const char *const name[] = {"g", "y", "x0", "x1", "x2"};
    const weft_tensor *operand[2 + MAX_IN] = {gy, &r->out[0]->pub}, *in[2 + MAX_IN];
    struct wf_expression e = *(const struct wf_expression *)r->attr;
    int nin = 0;
    for (int i = 0; i < r->nin; i++)
        operand[2 + i] = &r->in[i]->pub;
    e.text = text;
    e.compute = gy->dtype;
    for (int i = 0; i < 2 + r->nin; i++) {
        if (wf_speaks_of(text, name[i])) {
            e.arg[nin] = name[i];
            in[nin++] = operand[i];
        }
    }
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = nin,
                                          .in = in,
                                          .dtype = gy->dtype,
                                          .ndim = gy->ndim,
                                          .shape = gy->shape,
                                          .attr = &e,
                                          .attr_bytes = sizeof e});
}

static bool grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy, weft_tensor **gx)
{
    const struct row *row = (const struct row *)r->op;
    for (int i = 0; i < r->nin; i++) {
        if (!wf_wants(r, i) || !row->dx[i])
            continue;
        bool same = !strcmp(row->dx[i], "g");
        weft_tensor *g = same ? gy[0] : wf_elementwise_dx(s, r, row->dx[i], &row->dx_op[i], gy[0]);
        gx[i] = g ? wf_sum_to(s, g, &r->in[i]->pub) : NULL;
        if (!gx[i])
            return false;
    }
    return true;
}

#define DX_OP(text)                                                           \
    {                                                                         \
        .name = text, .run = wf_expression_run, .fuser = &wf_expression_fuser \
    }
#define ROW(name_, nin_, na_, dtypes_, saves_, y_, ...) \
    static const struct row row_##name_ = {             \
        .op = {.name = #name_,                          \
               .run = wf_expression_run,                \
               .fuser = &wf_expression_fuser,           \
               .grad = grad,                            \
               .saves = SAVES_##saves_},                \
        .nin = nin_,                                    \
        .na = na_,                                      \
        .dtypes = dtypes_,                              \
        .text = y_,                                     \
        .dx = {__VA_ARGS__},                            \
        .dx_op = {DX_OP(#name_ "_grad0"), DX_OP(#name_ "_grad1"), DX_OP(#name_ "_grad2")}};
#define FLAT_ROW(name_, nin_, na_, dtypes_, y_)                                  \
    static const struct row row_##name_ = {.op = {.name = #name_,                \
                                                  .run = wf_expression_run,      \
                                                  .fuser = &wf_expression_fuser, \
                                                  .flat = true},                 \
                                           .nin = nin_,                          \
                                           .na = na_,                            \
                                           .dtypes = dtypes_,                    \
                                           .text = y_};

#define EW1(name, dtypes, saves, y, dx0)      ROW(name, 1, 0, dtypes, saves, y, dx0)
#define EWA(name, dtypes, saves, y, dx0)      ROW(name, 1, 1, dtypes, saves, y, dx0)
#define EW2(name, dtypes, saves, y, dx0, dx1) ROW(name, 2, 0, dtypes, saves, y, dx0, dx1)
#define TEST(name, y)                         FLAT_ROW(name, 2, 0, ALL_TYPES, y WF_TEST_RESULT)
#include "op/elementwise.def"
ROW(clamp, 1, 2, ANY, INPUT,
    "(x0 < (T)a0 ? (T)a0 : x0) > (T)a1 ? (T)a1 : (x0 < (T)a0 ? (T)a0 : x0)",
    "x0 >= (T)a0 && x0 <= (T)a1 ? g : (T)0")
ROW(celu, 1, 1, FLOATS, INPUT, "x0 > (T)0 ? x0 : a0 * expm1(x0 / a0)",
    "x0 > (T)0 ? g : g * exp(x0 / a0)")
ROW(softplus_beta, 1, 2, FLOATS, INPUT, "x0 * a0 > a1 ? x0 : SOFTPLUS(T, x0 * a0) / a0",
    "x0 * a0 > a1 ? g : g * SIGMOID(T, x0 * a0)")
ROW(where, 3, 0, ALL_TYPES, INPUT, "x0 != (T)0 ? x1 : x2", NULL, "x0 != (T)0 ? g : (T)0",
    "x0 != (T)0 ? (T)0 : g")
#define LOSS(name, nin, na, y, ...) ROW(name, nin, na, FLOATS, INPUTS, y, __VA_ARGS__)
#include "op/loss.def"
#undef LOSS
FLAT_ROW(logical_not, 1, 0, ALL_TYPES, "x0 == (T)0" WF_TEST_RESULT)
#undef EW1
#undef EWA
#undef EW2
#undef TEST

static bool check_dtype(weft_scope *s, const struct row *row, const weft_tensor *x)
{
    if (x->dtype == WEFT_BOOL && row->dtypes != ALL_TYPES)
        return wf_scope_fail(
            s, WEFT_DTYPE, "%s: the input is BOOL; a number was wanted (weft_cast)", row->op.name);
    return row->dtypes != FLOATS || wf_want_float(s, row->op.name, x);
}

static bool same_dtype(weft_scope *s, const char *op, const weft_tensor *a, const weft_tensor *b)
{
    return a->dtype == b->dtype ||
           wf_scope_fail(s, WEFT_DTYPE, "%s: the inputs are %s and %s; one dtype was wanted", op,
                         weft_dtype_name(a->dtype), weft_dtype_name(b->dtype));
}

// Records the row on inputs whose dtypes have been checked. T is that of the last input.
static weft_tensor *record(weft_scope *s, const struct row *row, enum weft_dtype dtype,
                           const weft_tensor *const *in, const double *a)
{
    struct wf_expression e = {.text = row->text, .arg = {"x0", "x1", "x2"}, .na = row->na};
    weft_tensor all = *in[0];
    e.compute = in[row->nin - 1]->dtype;
    for (int i = 0; i < row->na; i++)
        e.a[i] = a[i];
    for (int i = 1; i < row->nin; i++) {
        int ndim;
        int64_t shape[WEFT_MAX_DIMS];
        if (!wf_broadcast(s, row->op.name, &all, in[i], &ndim, shape))
            return NULL;
        all.ndim = ndim;
        memcpy(all.shape, shape, sizeof shape);
    }
    if (!wf_scope_shape(s, row->op.name, dtype, all.ndim, all.shape))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = &row->op,
                                          .nin = row->nin,
                                          .in = in,
                                          .dtype = dtype,
                                          .ndim = all.ndim,
                                          .shape = all.shape,
                                          .attr = &e,
                                          .attr_bytes = sizeof e});
}

static weft_tensor *record1(weft_scope *s, const struct row *row, const weft_tensor *x,
                            const double *a)
{
    if (!wf_scope_takes(s, row->op.name, x) || !check_dtype(s, row, x))
        return NULL;
    return record(s, row, x->dtype, &x, a);
}

static bool takes2(weft_scope *s, const char *op, const weft_tensor *a, const weft_tensor *b)
{
    return wf_scope_takes(s, op, a) && wf_scope_takes(s, op, b) && same_dtype(s, op, a, b);
}

// Two inputs; `dtype` NONE: the result has theirs.
static weft_tensor *record2(weft_scope *s, const struct row *row, enum weft_dtype dtype,
                            const weft_tensor *a, const weft_tensor *b)
{
    const weft_tensor *in[] = {a, b};
    if (!takes2(s, row->op.name, a, b) || !check_dtype(s, row, a))
        return NULL;
    return record(s, row, dtype ? dtype : a->dtype, in, NULL);
}

#define EW1(name, dtypes, saves, y, dx0)                          \
    weft_tensor *weft_##name(weft_scope *s, const weft_tensor *x) \
    {                                                             \
        return record1(s, &row_##name, x, NULL);                  \
    }
#define EWA(name, dtypes, saves, y, dx0)                                    \
    weft_tensor *weft_##name(weft_scope *s, const weft_tensor *x, double a) \
    {                                                                       \
        return record1(s, &row_##name, x, &a);                              \
    }
#define EW2(name, dtypes, saves, y, dx0, dx1)                                           \
    weft_tensor *weft_##name(weft_scope *s, const weft_tensor *a, const weft_tensor *b) \
    {                                                                                   \
        return record2(s, &row_##name, WEFT_DTYPE_NONE, a, b);                          \
    }
#define TEST(name, y)                                                                   \
    weft_tensor *weft_##name(weft_scope *s, const weft_tensor *a, const weft_tensor *b) \
    {                                                                                   \
        return record2(s, &row_##name, WEFT_BOOL, a, b);                                \
    }
#include "op/elementwise.def"
#undef EW1
#undef EWA
#undef EW2
#undef TEST

weft_tensor *weft_logical_not(weft_scope *s, const weft_tensor *x)
{
    return wf_scope_takes(s, "logical_not", x) ? record(s, &row_logical_not, WEFT_BOOL, &x, NULL)
                                               : NULL;
}

weft_tensor *weft_clamp(weft_scope *s, const weft_tensor *x, double lo, double hi)
{
    if (lo <= hi)
        return record1(s, &row_clamp, x, (double[]){lo, hi});
    wf_scope_fail(s, WEFT_PARAM, "clamp: from %g to %g; the first must not be larger, nor NaN", lo,
                  hi);
    return NULL;
}

weft_tensor *weft_celu(weft_scope *s, const weft_tensor *x, double alpha)
{
    if (alpha != 0)
        return record1(s, &row_celu, x, &alpha);
    wf_scope_fail(s, WEFT_PARAM, "celu: alpha is 0; another number was wanted");
    return NULL;
}

weft_tensor *weft_softplus_beta(weft_scope *s, const weft_tensor *x, double beta, double threshold)
{
    if (beta != 0 && isfinite(beta) && !isnan(threshold))
        return record1(s, &row_softplus_beta, x, (double[]){beta, threshold});
    wf_scope_fail(
        s, WEFT_PARAM,
        "softplus_beta: beta %g, threshold %g; beta must be finite and not 0, neither NaN", beta,
        threshold);
    return NULL;
}

weft_tensor *weft_where(weft_scope *s, const weft_tensor *condition, const weft_tensor *a,
                        const weft_tensor *b)
{
    const weft_tensor *in[] = {condition, a, b};
    if (!wf_scope_takes(s, "where", condition) || !takes2(s, "where", a, b))
        return NULL;
    if (condition->dtype == WEFT_BOOL)
        return record(s, &row_where, a->dtype, in, NULL);
    wf_scope_fail(s, WEFT_DTYPE, "where: the condition is %s; BOOL was wanted",
                  weft_dtype_name(condition->dtype));
    return NULL;
}

weft_tensor *wf_loss_record(weft_scope *s, enum wf_loss_row row, const weft_tensor *const *in,
                            double a)
{
    static const struct row *const losses[] = {
#define LOSS(name, nin, na, ...) &row_##name,
#include "op/loss.def"
#undef LOSS
    };
    return record(s, losses[row], in[0]->dtype, in, &a);
}

static bool cast_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                      weft_tensor **gx)
{
    gx[0] = weft_cast(s, gy[0], r->in[0]->pub.dtype);
    return gx[0];
}

// No gradient flows through integers.
static const struct wf_op op_cast = {
    .name = "cast", .run = wf_expression_run, .fuser = &wf_expression_fuser, .grad = cast_grad};
static const struct wf_op op_cast_flat = {
    .name = "cast", .run = wf_expression_run, .fuser = &wf_expression_fuser, .flat = true};

weft_tensor *weft_cast(weft_scope *s, const weft_tensor *x, enum weft_dtype dtype)
{
    if (!wf_scope_takes(s, "cast", x) || !wf_scope_shape(s, "cast", dtype, x->ndim, x->shape))
        return NULL;
    if (dtype == x->dtype)
        return (weft_tensor *)x;
    struct wf_expression e = {.text = dtype == WEFT_BOOL ? "x0 != (T)0" WF_TEST_RESULT : "x0",
                              .arg = {"x0"}};
    bool smooth = wf_dtype_is_float(dtype) && wf_dtype_is_float(x->dtype);
    return wf_record(s, &(struct wf_call){.op = smooth ? &op_cast : &op_cast_flat,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = dtype,
                                          .ndim = x->ndim,
                                          .shape = x->shape,
                                          .attr = &e,
                                          .attr_bytes = sizeof e});
}

struct wf_op wf_elementwise_op(const char *name)
{
    struct wf_op op = op_cast_flat;
    op.name = name;
    op.flat = false;
    return op;
}

const struct wf_op *const wf_elementwise_rows[] = {
#define EW1(name, dtypes, saves, y, dx0)      &row_##name.op,
#define EWA(name, dtypes, saves, y, dx0)      &row_##name.op,
#define EW2(name, dtypes, saves, y, dx0, dx1) &row_##name.op,
#define TEST(name, y)                         &row_##name.op,
#define LOSS(name, nin, na, ...)              &row_##name.op,
#include "op/elementwise.def"
#include "op/loss.def"
    &row_clamp.op, &row_celu.op, &row_softplus_beta.op, &row_where.op, &row_logical_not.op,
    &op_cast,      NULL,
};
