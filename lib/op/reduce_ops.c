// The fronts of the reductions over any axes, and their gradients, which are made of other ops.
#include "op/op.h"
#include "op/reduce.h"
#include <math.h>

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    struct wf_tensor *y = r->out[0];
    return wf_reduce_run(dev, r->op->name, r->attr, r->in[0], y->pub.dtype, y->storage->mem, err);
}

// A tensor of the reduced shape, with the reduced dimensions as 1.
static weft_tensor *unreduce(weft_scope *s, const struct wf_record *r, const weft_tensor *g)
{
    const struct wf_reduce *a = r->attr;
    const weft_tensor *x = &r->in[0]->pub;
    int64_t shape[WEFT_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = a->reduced[i] ? 1 : x->shape[i];
    return weft_reshape(s, g, x->ndim, shape);
}

// Another reduction over the record's axes, which stay as 1.
static weft_tensor *reduce_again(weft_scope *s, const struct wf_record *r, const weft_tensor *x,
                                 weft_tensor *(*reduce)(weft_scope *, const weft_tensor *,
                                                        const struct weft_reduce_params *))
{
    const struct wf_reduce *a = r->attr;
    int axes[WEFT_MAX_DIMS], n = 0;
    for (int i = 0; i < r->in[0]->pub.ndim; i++) {
        if (a->reduced[i])
            axes[n++] = i;
    }
    // A scalar has no axes, and of none all are taken: the same.
    return reduce(s, x, weft_reduce_params(.axes = axes, .naxes = n, .keep_dims = true));
}

static weft_tensor *number(weft_scope *s, const weft_tensor *x, double value)
{
    return weft_full(s, x->dtype, 0, NULL, value);
}

// Elements that make one element of y.
static double reduced_count(const struct wf_record *r)
{
    const struct wf_reduce *a = r->attr;
    double count = 1;
    for (int i = 0; i < r->in[0]->pub.ndim; i++)
        count *= a->reduced[i] ? (double)r->in[0]->pub.shape[i] : 1;
    return count;
}

static bool sum_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                     weft_tensor **gx)
{
    const struct wf_reduce *a = r->attr;
    const weft_tensor *x = &r->in[0]->pub;
    weft_tensor *g = unreduce(s, r, gy[0]);
    if (a->kind == WF_MEAN && g)
        g = weft_scale(s, g, 1 / reduced_count(r));
    gx[0] = g ? weft_expand(s, g, x->ndim, x->shape) : NULL;
    return gx[0];
}

// g shared among the elements of x that are y.
static weft_tensor *share(weft_scope *s, const struct wf_record *r, const weft_tensor *x,
                          const weft_tensor *y, const weft_tensor *g)
{
    weft_tensor *hit = weft_cast(s, weft_eq(s, x, y), x->dtype);
    return weft_mul(s, hit, weft_div(s, g, reduce_again(s, r, hit, weft_sum)));
}

// Equal largest elements share the gradient, as in PyTorch's amax.
static bool extreme_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                         weft_tensor **gx)
{
    gx[0] = share(s, r, &r->in[0]->pub, unreduce(s, r, &r->out[0]->pub), unreduce(s, r, gy[0]));
    return gx[0];
}

// Of one zero the gradient is the product of the others; of several it is 0 everywhere.
static bool prod_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                      weft_tensor **gx)
{
    const weft_tensor *x = &r->in[0]->pub;
    weft_tensor *zero = number(s, x, 0), *is_zero = weft_eq(s, x, zero);
    weft_tensor *zeros = reduce_again(s, r, is_zero, weft_sum);
    weft_tensor *others = reduce_again(s, r, weft_where(s, is_zero, number(s, x, 1), x), weft_prod);
    weft_tensor *g = weft_mul(s, unreduce(s, r, gy[0]), others);
    if (!zeros)
        return false;
    weft_tensor *at_zero = weft_where(s, weft_le(s, zeros, number(s, zeros, 1)), g, zero);
    weft_tensor *elsewhere =
        weft_where(s, weft_eq(s, zeros, number(s, zeros, 0)), weft_div(s, g, x), zero);
    gx[0] = weft_where(s, is_zero, at_zero, elsewhere);
    return gx[0];
}

// 2 (x - mean) g / (n - correction); of the deviation, g / 2y comes in place of g, 0 where y is 0.
static bool var_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                     weft_tensor **gx)
{
    const weft_tensor *x = &r->in[0]->pub;
    const struct wf_reduce *a = r->attr;
    double freedom = reduced_count(r) - a->a;
    weft_tensor *g = unreduce(s, r, gy[0]);
    if (a->kind == WF_STD) {
        weft_tensor *y = unreduce(s, r, &r->out[0]->pub), *zero = number(s, x, 0);
        weft_tensor *half = weft_scale(s, weft_div(s, g, y), 0.5);
        g = weft_where(s, weft_eq(s, y, zero), zero, half);
    }
    if (a->all && freedom == 0) {
        weft_tensor *infinite = weft_scale(s, g, INFINITY);
        gx[0] = infinite ? weft_expand(s, infinite, x->ndim, x->shape) : NULL;
        return gx[0];
    }
    weft_tensor *off = weft_sub(s, x, reduce_again(s, r, x, weft_mean));
    gx[0] = weft_mul(s, weft_scale(s, off, 2 / freedom), g);
    return gx[0];
}

static bool log_sum_exp_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                             weft_tensor **gx)
{
    weft_tensor *y = unreduce(s, r, &r->out[0]->pub);
    gx[0] = weft_mul(s, unreduce(s, r, gy[0]), weft_exp(s, weft_sub(s, &r->in[0]->pub, y)));
    return gx[0];
}

// sign(x) |x|^(p-1) g / y^(p-1), 0 where x or y is 0.
static weft_tensor *power_grad(weft_scope *s, const weft_tensor *x, const weft_tensor *y,
                               const weft_tensor *g, double p)
{
    weft_tensor *zero = number(s, x, 0), *less = number(s, x, p - 1);
    weft_tensor *size = weft_pow(s, weft_abs(s, x), less);
    weft_tensor *part = weft_where(s, weft_eq(s, x, zero), zero, size);
    weft_tensor *scale = weft_div(s, g, weft_pow(s, y, less));
    scale = weft_where(s, weft_eq(s, y, zero), zero, scale);
    return weft_mul(s, weft_mul(s, weft_sign(s, x), part), scale);
}

static bool norm_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                      weft_tensor **gx)
{
    const struct wf_reduce *a = r->attr;
    const weft_tensor *x = &r->in[0]->pub;
    weft_tensor *y = unreduce(s, r, &r->out[0]->pub), *g = unreduce(s, r, gy[0]);
    weft_tensor *zero = number(s, x, 0);
    if (a->kind == WF_NORM_0)
        gx[0] = weft_full(s, x->dtype, x->ndim, x->shape, 0);
    else if (a->kind == WF_NORM_1)
        gx[0] = weft_mul(s, weft_sign(s, x), g);
    else if (a->kind == WF_NORM_2)
        gx[0] = weft_mul(s, x, weft_where(s, weft_eq(s, y, zero), zero, weft_div(s, g, y)));
    else if (a->kind == WF_NORM)
        gx[0] = power_grad(s, x, y, g, a->a);
    else
        gx[0] = weft_mul(s, weft_sign(s, x), share(s, r, weft_abs(s, x), y, g));
    return gx[0];
}

enum { SAVES_ALL = WF_SAVES_INPUTS | WF_SAVES_OUTPUT };
static const struct wf_op op_sum = {.name = "sum", .run = run, .grad = sum_grad};
static const struct wf_op op_mean = {.name = "mean", .run = run, .grad = sum_grad};
static const struct wf_op op_prod = {
    .name = "prod", .run = run, .grad = prod_grad, .saves = WF_SAVES_INPUTS};
static const struct wf_op op_max = {
    .name = "max", .run = run, .grad = extreme_grad, .saves = SAVES_ALL};
static const struct wf_op op_min = {
    .name = "min", .run = run, .grad = extreme_grad, .saves = SAVES_ALL};
static const struct wf_op op_any = {.name = "any", .run = run, .flat = true};
static const struct wf_op op_all = {.name = "all", .run = run, .flat = true};
static const struct wf_op op_argmax = {.name = "argmax", .run = run, .flat = true};
static const struct wf_op op_argmin = {.name = "argmin", .run = run, .flat = true};
static const struct wf_op op_var = {
    .name = "var", .run = run, .grad = var_grad, .saves = WF_SAVES_INPUTS};
static const struct wf_op op_std = {
    .name = "std", .run = run, .grad = var_grad, .saves = SAVES_ALL};
static const struct wf_op op_logsumexp = {
    .name = "logsumexp", .run = run, .grad = log_sum_exp_grad, .saves = SAVES_ALL};
static const struct wf_op op_norm = {
    .name = "norm", .run = run, .grad = norm_grad, .saves = SAVES_ALL};

static bool read_axes(weft_scope *s, const char *op, const weft_tensor *x,
                      const struct weft_reduce_params *o, struct wf_reduce *a)
{
    if (!wf_check_axes(s, op, o->naxes, o->axes, x->ndim))
        return false;
    a->all = !o->naxes;
    for (int i = 0; i < x->ndim; i++)
        a->reduced[i] = !o->naxes;
    for (int i = 0; i < o->naxes; i++) {
        int axis = wf_axis(s, op, o->axes[i], x->ndim);
        if (axis < 0)
            return false;
        if (a->reduced[axis])
            return wf_scope_fail(s, WEFT_PARAM, "%s: axis %d is listed twice", op, o->axes[i]);
        a->reduced[axis] = true;
    }
    return true;
}

// What is wanted of nothing, where nothing has none; NULL elsewhere.
static const char *wanted(const struct wf_reduce *a)
{
    switch (a->kind) {
    case WF_MAX:
    case WF_ARGMAX:
    case WF_NORM_MAX:
        return "largest";
    case WF_MIN:
    case WF_ARGMIN:
    case WF_NORM_MIN:
        return "smallest";
    default:
        return NULL;
    }
}

// a: the kind and its option.
static weft_tensor *record(weft_scope *s, const struct wf_op *op, struct wf_reduce a,
                           const weft_tensor *x, const struct weft_reduce_params *params)
{
    struct weft_reduce_params o;
    WF_PARAMS(o, params);
    if (!read_axes(s, op->name, x, &o, &a))
        return NULL;
    int ndim = 0;
    int64_t shape[WEFT_MAX_DIMS], count = 1;
    for (int i = 0; i < x->ndim; i++) {
        count *= a.reduced[i] ? x->shape[i] : 1;
        if (!a.reduced[i] || o.keep_dims)
            shape[ndim++] = a.reduced[i] ? 1 : x->shape[i];
    }
    if (!count && wanted(&a)) {
        wf_scope_fail(s, WEFT_SHAPE, "%s: x is %s; the %s of nothing was asked for", op->name,
                      WF_SHAPE(x->ndim, x->shape), wanted(&a));
        return NULL;
    }
    enum weft_dtype dtype = x->dtype;
    if (a.kind == WF_ARGMAX || a.kind == WF_ARGMIN)
        dtype = WEFT_I64;
    else if (a.kind == WF_ANY || a.kind == WF_ALL)
        dtype = WEFT_BOOL;
    else if ((a.kind == WF_SUM || a.kind == WF_PROD) && !wf_dtype_is_float(dtype))
        dtype = WEFT_I64;
    if (!wf_scope_shape(s, op->name, dtype, ndim, shape))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = dtype,
                                          .ndim = ndim,
                                          .shape = shape,
                                          .attr = &a,
                                          .attr_bytes = sizeof a});
}

#define REDUCTION(name, kind_)                                              \
    weft_tensor *weft_##name(weft_scope *s, const weft_tensor *x,           \
                             const struct weft_reduce_params *o)            \
    {                                                                       \
        return wf_scope_takes(s, #name, x)                                  \
                   ? record(s, &op_##name, (struct wf_reduce){kind_}, x, o) \
                   : NULL;                                                  \
    }
REDUCTION(sum, WF_SUM)
REDUCTION(prod, WF_PROD)
REDUCTION(max, WF_MAX)
REDUCTION(min, WF_MIN)
REDUCTION(any, WF_ANY)
REDUCTION(all, WF_ALL)

static bool takes_floats(weft_scope *s, const char *op, const weft_tensor *x)
{
    return wf_scope_takes(s, op, x) && wf_want_float(s, op, x);
}

weft_tensor *weft_mean(weft_scope *s, const weft_tensor *x, const struct weft_reduce_params *o)
{
    return takes_floats(s, "mean", x) ? record(s, &op_mean, (struct wf_reduce){WF_MEAN}, x, o)
                                      : NULL;
}

weft_tensor *weft_logsumexp(weft_scope *s, const weft_tensor *x, const struct weft_reduce_params *o)
{
    return takes_floats(s, "logsumexp", x)
               ? record(s, &op_logsumexp, (struct wf_reduce){WF_LOG_SUM_EXP}, x, o)
               : NULL;
}

static weft_tensor *argument(weft_scope *s, const struct wf_op *op, enum wf_reduction kind,
                             const weft_tensor *x, int axis)
{
    if (!wf_scope_takes(s, op->name, x) || (axis = wf_axis(s, op->name, axis, x->ndim)) < 0)
        return NULL;
    return record(s, op, (struct wf_reduce){kind}, x,
                  weft_reduce_params(.axes = &axis, .naxes = 1));
}

weft_tensor *weft_argmax(weft_scope *s, const weft_tensor *x, int axis)
{
    return argument(s, &op_argmax, WF_ARGMAX, x, axis);
}

weft_tensor *weft_argmin(weft_scope *s, const weft_tensor *x, int axis)
{
    return argument(s, &op_argmin, WF_ARGMIN, x, axis);
}

static weft_tensor *variance(weft_scope *s, const struct wf_op *op, struct wf_reduce a,
                             const weft_tensor *x, const struct weft_reduce_params *o)
{
    if (!takes_floats(s, op->name, x))
        return NULL;
    if (isfinite(a.a))
        return record(s, op, a, x, o);
    wf_scope_fail(s, WEFT_PARAM, "%s: the correction is %g; a finite number was wanted", op->name,
                  a.a);
    return NULL;
}

weft_tensor *weft_var(weft_scope *s, const weft_tensor *x, double correction,
                      const struct weft_reduce_params *o)
{
    return variance(s, &op_var, (struct wf_reduce){WF_VAR, .a = correction}, x, o);
}

weft_tensor *weft_std(weft_scope *s, const weft_tensor *x, double correction,
                      const struct weft_reduce_params *o)
{
    return variance(s, &op_std, (struct wf_reduce){WF_STD, .a = correction}, x, o);
}

weft_tensor *weft_norm(weft_scope *s, const weft_tensor *x, double p,
                       const struct weft_reduce_params *o)
{
    if (!takes_floats(s, "norm", x))
        return NULL;
    if (isnan(p)) {
        wf_scope_fail(s, WEFT_PARAM, "norm: p is NaN; a number was wanted");
        return NULL;
    }
    enum wf_reduction kind = p == 0                   ? WF_NORM_0
                             : p == 1                 ? WF_NORM_1
                             : p == 2                 ? WF_NORM_2
                             : p == (double)INFINITY  ? WF_NORM_MAX
                             : p == -(double)INFINITY ? WF_NORM_MIN
                                                      : WF_NORM;
    return record(s, &op_norm, (struct wf_reduce){kind, .a = p}, x, o);
}

weft_tensor *wf_sum_to(weft_scope *s, weft_tensor *g, const weft_tensor *x)
{
    int axes[WEFT_MAX_DIMS], n = 0, missing = g->ndim - x->ndim;
    for (int i = 0; i < g->ndim; i++) {
        if (i < missing || (x->shape[i - missing] == 1 && g->shape[i] != 1))
            axes[n++] = i;
    }
    if (!n)
        return g;
    g = weft_sum(s, g, weft_reduce_params(.axes = axes, .naxes = n, .keep_dims = true));
    return g && missing ? weft_reshape(s, g, x->ndim, x->shape) : g;
}

const struct wf_op *const wf_reduce_rows[] = {
    &op_sum,    &op_mean,   &op_prod, &op_max, &op_min,       &op_any,  &op_all,
    &op_argmax, &op_argmin, &op_var,  &op_std, &op_logsumexp, &op_norm, NULL};
