// Elementwise operations: rows and public functions made from elementwise.def, and the few that
// need more than an expression (scale, eq, cast).
#include "op/expression.h"
#include "op/op.h"

enum dtypes { ANY, FLOATS };
enum {
    SAVES_NOTHING = WF_SAVES_NOTHING,
    SAVES_INPUT = WF_SAVES_INPUT,
    SAVES_INPUTS = WF_SAVES_INPUTS,
    SAVES_OUTPUT = WF_SAVES_OUTPUT,
    SAVES_DIVISOR = WF_SAVES_INPUT << 1 | WF_SAVES_OUTPUT,
};

struct row {
    struct wf_op op; // first: a record points to it
    int nin;
    enum dtypes dtypes;
    const char *text, *dx[2];
    struct wf_op dx_op[2]; // of the records that compute dx
};

// The attribute of a record is its expression.
static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return wf_expression_run(dev, r->op->name, r->attr, r->nin, r->in, r->out[0], err);
}

// Does the expression speak of this name?
static bool speaks_of(const char *text, const char *name)
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

// Records the derivative `text` of input i, with the operands that it speaks of.
static weft_tensor *record_dx(weft_scope *s, const struct wf_record *r, const char *text,
                              const struct wf_op *op, weft_tensor *gy)
{
    const weft_tensor *x1 = r->nin > 1 ? &r->in[1]->pub : NULL;
    const weft_tensor *operand[] = {gy, &r->in[0]->pub, x1, &r->out[0]->pub};
    static const char *const name[] = {"g", "x0", "x1", "y"};
    const struct wf_expression *forward = r->attr;
    struct wf_expression e = {.text = text, .a0 = forward->a0, .has_a0 = forward->has_a0};
    const weft_tensor *in[4];
    int nin = 0;
    for (int i = 0; i < 4; i++) {
        if (operand[i] && speaks_of(text, name[i])) {
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
        if (!wf_wants(r, i))
            continue;
        bool same = !strcmp(row->dx[i], "g");
        weft_tensor *g = same ? gy[0] : record_dx(s, r, row->dx[i], &row->dx_op[i], gy[0]);
        gx[i] = g ? wf_sum_to(s, g, &r->in[i]->pub) : NULL;
        if (!gx[i])
            return false;
    }
    return true;
}

#define DX_OP(text)              \
    {                            \
        .name = text, .run = run \
    }
#define ROW(name_, n, dtypes_, saves_, y_, ...)                                              \
    {                                                                                        \
        .op = {.name = #name_, .run = run, .grad = grad, .saves = SAVES_##saves_}, .nin = n, \
        .dtypes = dtypes_, .text = y_, .dx = {__VA_ARGS__}, .dx_op = {                       \
            DX_OP(#name_ "_grad0"),                                                          \
            DX_OP(#name_ "_grad1")                                                           \
        }                                                                                    \
    }

#define EW1(name, dtypes, saves, y, dx0) \
    static const struct row row_##name = ROW(name, 1, dtypes, saves, y, dx0);
#define EW2(name, dtypes, saves, y, dx0, dx1) \
    static const struct row row_##name = ROW(name, 2, dtypes, saves, y, dx0, dx1);
#include "op/elementwise.def"
#undef EW1
#undef EW2

static const struct row row_scale = ROW(scale, 1, ANY, NOTHING, "x0 * a0", "g * a0");
static const struct wf_op op_eq = {.name = "eq", .run = run, .flat = true};

static bool check_dtype(weft_scope *s, const struct row *row, const weft_tensor *x)
{
    if (x->dtype == WEFT_BOOL)
        return wf_scope_fail(
            s, WEFT_DTYPE, "%s: the input is BOOL; a number was wanted (weft_cast)", row->op.name);
    return row->dtypes == ANY || wf_want_float(s, row->op.name, x);
}

static bool same_dtype(weft_scope *s, const char *op, const weft_tensor *a, const weft_tensor *b)
{
    return a->dtype == b->dtype ||
           wf_scope_fail(s, WEFT_DTYPE, "%s: the inputs are %s and %s; one dtype was wanted", op,
                         weft_dtype_name(a->dtype), weft_dtype_name(b->dtype));
}

static weft_tensor *record1(weft_scope *s, const struct row *row, const weft_tensor *x, double a0)
{
    struct wf_expression e = {
        .text = row->text, .arg = {"x0"}, .a0 = a0, .has_a0 = row == &row_scale};
    if (!wf_scope_takes(s, row->op.name, x) || !check_dtype(s, row, x))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = &row->op,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = x->dtype,
                                          .ndim = x->ndim,
                                          .shape = x->shape,
                                          .attr = &e,
                                          .attr_bytes = sizeof e});
}

static weft_tensor *record2(weft_scope *s, const struct wf_op *op, const char *text,
                            enum weft_dtype dtype, const weft_tensor *a, const weft_tensor *b)
{
    const weft_tensor *in[] = {a, b};
    struct wf_expression e = {.text = text, .arg = {"x0", "x1"}};
    int ndim;
    int64_t shape[WEFT_MAX_DIMS];
    if (!wf_broadcast(s, op->name, a, b, &ndim, shape) ||
        !wf_scope_shape(s, op->name, dtype, ndim, shape))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = 2,
                                          .in = in,
                                          .dtype = dtype,
                                          .ndim = ndim,
                                          .shape = shape,
                                          .attr = &e,
                                          .attr_bytes = sizeof e});
}

static bool takes2(weft_scope *s, const char *op, const weft_tensor *a, const weft_tensor *b)
{
    return wf_scope_takes(s, op, a) && wf_scope_takes(s, op, b) && same_dtype(s, op, a, b);
}

#define EW1(name, dtypes, saves, y, dx0)                          \
    weft_tensor *weft_##name(weft_scope *s, const weft_tensor *x) \
    {                                                             \
        return record1(s, &row_##name, x, 0);                     \
    }
#define EW2(name, dtypes, saves, y, dx0, dx1)                                           \
    weft_tensor *weft_##name(weft_scope *s, const weft_tensor *a, const weft_tensor *b) \
    {                                                                                   \
        const struct row *row = &row_##name;                                            \
        if (!takes2(s, #name, a, b) || !check_dtype(s, row, a))                         \
            return NULL;                                                                \
        return record2(s, &row->op, row->text, a->dtype, a, b);                         \
    }
#include "op/elementwise.def"
#undef EW1
#undef EW2

weft_tensor *weft_scale(weft_scope *s, const weft_tensor *x, double factor)
{
    return record1(s, &row_scale, x, factor);
}

weft_tensor *weft_eq(weft_scope *s, const weft_tensor *a, const weft_tensor *b)
{
    if (!takes2(s, "eq", a, b))
        return NULL;
    return record2(s, &op_eq, "x0 == x1 ? (T)1 : (T)0", WEFT_BOOL, a, b);
}

static bool cast_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                      weft_tensor **gx)
{
    gx[0] = weft_cast(s, gy[0], r->in[0]->pub.dtype);
    return gx[0];
}

// No gradient flows through integers.
static const struct wf_op op_cast = {.name = "cast", .run = run, .grad = cast_grad};
static const struct wf_op op_cast_flat = {.name = "cast", .run = run, .flat = true};

weft_tensor *weft_cast(weft_scope *s, const weft_tensor *x, enum weft_dtype dtype)
{
    if (!wf_scope_takes(s, "cast", x) || !wf_scope_shape(s, "cast", dtype, x->ndim, x->shape))
        return NULL;
    if (dtype == x->dtype)
        return (weft_tensor *)x;
    struct wf_expression e = {.text = dtype == WEFT_BOOL ? "x0 != (T)0 ? (T)1 : (T)0" : "x0",
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

const struct wf_op *const wf_elementwise_rows[] = {
#define EW1(name, dtypes, saves, y, dx0)      &row_##name.op,
#define EW2(name, dtypes, saves, y, dx0, dx1) &row_##name.op,
#include "op/elementwise.def"
#undef EW1
#undef EW2
    &row_scale.op,
    &op_eq,
    &op_cast,
    NULL,
};
