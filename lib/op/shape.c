// Views: the same elements under another shape. Where strides can express it nothing is copied.
#include "core/copy.h"
#include "op/op.h"

static bool copy(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return wf_copy_elements(dev, r->in[0], r->out[0], err);
}

static weft_tensor *record_view(weft_scope *s, const struct wf_op *op, const weft_tensor *x,
                                int ndim, const int64_t *shape)
{
    return wf_record(
        s, &(struct wf_call){
               .op = op, .nin = 1, .in = &x, .dtype = x->dtype, .ndim = ndim, .shape = shape});
}

static bool reshape_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                         weft_tensor **gx)
{
    const weft_tensor *x = &r->in[0]->pub;
    gx[0] = weft_reshape(s, gy[0], x->ndim, x->shape);
    return gx[0];
}

// Groups of dimensions with equal products are matched; within a group of x the strides must run
// through without a gap.
static bool reshape_view(struct wf_record *r)
{
    const struct wf_tensor *x = r->in[0];
    struct wf_tensor *y = r->out[0];
    int i = 0;
    wf_dense_strides(y->pub.ndim, y->pub.shape, y->stride);
    y->offset = x->offset;
    for (int j = 0; j < y->pub.ndim && weft_count(&x->pub);) {
        int64_t have = 1, want = 1;
        int first = j;
        int64_t step = 0;
        do {
            if (want <= have && j < y->pub.ndim)
                want *= y->pub.shape[j++];
            for (; have < want && i < x->pub.ndim; i++) {
                if (x->pub.shape[i] == 1)
                    continue;
                if (step && step != x->stride[i] * x->pub.shape[i])
                    return false;
                step = x->stride[i];
                have *= x->pub.shape[i];
            }
        } while (have != want);
        for (int k = j - 1; k >= first; k--) {
            y->stride[k] = step;
            step *= y->pub.shape[k];
        }
    }
    return true;
}

static const struct wf_op op_reshape = {
    .name = "reshape", .view = reshape_view, .run = copy, .grad = reshape_grad};

// Works out a dimension of -1.
static bool complete_shape(weft_scope *s, const weft_tensor *x, int ndim, int64_t *shape)
{
    int64_t n = weft_count(x), known = 1;
    int open = -1;
    for (int i = 0; i < ndim; i++) {
        if (shape[i] == -1 && open < 0)
            open = i;
        else if (shape[i] < 0 || (shape[i] && known > INT64_MAX / shape[i]))
            return wf_scope_fail(
                s, WEFT_SHAPE, "reshape: %s was wanted; one dimension may be -1, none may be less",
                WF_SHAPE(ndim, shape));
        else
            known *= shape[i];
    }
    if (open >= 0 && known && n % known == 0)
        shape[open] = n / known;
    else if (open >= 0 || known != n)
        return wf_scope_fail(s, WEFT_SHAPE, "reshape: x is %s, with %lld elements; %s was wanted",
                             WF_SHAPE(x->ndim, x->shape), (long long)n, WF_SHAPE(ndim, shape));
    return true;
}

weft_tensor *weft_reshape(weft_scope *s, const weft_tensor *x, int ndim, const int64_t *shape)
{
    int64_t full[WEFT_MAX_DIMS];
    if (!wf_scope_takes(s, "reshape", x))
        return NULL;
    if (ndim < 0 || ndim > WEFT_MAX_DIMS) {
        wf_scope_fail(s, WEFT_SHAPE, "reshape: %d dimensions; 0 to %d are possible", ndim,
                      WEFT_MAX_DIMS);
        return NULL;
    }
    if (ndim && !shape) {
        wf_scope_wrong(s, "reshape: the shape is NULL");
        return NULL;
    }
    if (ndim)
        memcpy(full, shape, (size_t)ndim * sizeof *full);
    return complete_shape(s, x, ndim, full) ? record_view(s, &op_reshape, x, ndim, full) : NULL;
}

weft_tensor *weft_flatten(weft_scope *s, const weft_tensor *x, int first)
{
    if (!wf_scope_takes(s, "flatten", x) || (first = wf_axis(s, "flatten", first, x->ndim)) < 0)
        return NULL;
    int64_t shape[WEFT_MAX_DIMS], rest = 1;
    for (int i = 0; i < x->ndim; i++) {
        shape[i] = x->shape[i];
        rest *= i < first ? 1 : x->shape[i];
    }
    shape[first] = rest;
    return record_view(s, &op_reshape, x, first + 1, shape);
}

struct transpose {
    int axis0, axis1;
};

static bool transpose_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                           weft_tensor **gx)
{
    const struct transpose *a = r->attr;
    gx[0] = weft_transpose(s, gy[0], a->axis0, a->axis1);
    return gx[0];
}

static bool transpose_view(struct wf_record *r)
{
    const struct transpose *a = r->attr;
    const struct wf_tensor *x = r->in[0];
    struct wf_tensor *y = r->out[0];
    memcpy(y->stride, x->stride, sizeof y->stride);
    y->stride[a->axis0] = x->stride[a->axis1];
    y->stride[a->axis1] = x->stride[a->axis0];
    y->offset = x->offset;
    return true;
}

static const struct wf_op op_transpose = {
    .name = "transpose", .view = transpose_view, .run = copy, .grad = transpose_grad};

weft_tensor *weft_transpose(weft_scope *s, const weft_tensor *x, int axis0, int axis1)
{
    if (!wf_scope_takes(s, "transpose", x))
        return NULL;
    struct transpose a = {wf_axis(s, "transpose", axis0, x->ndim),
                          wf_axis(s, "transpose", axis1, x->ndim)};
    if (a.axis0 < 0 || a.axis1 < 0)
        return NULL;
    int64_t shape[WEFT_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[a.axis0] = x->shape[a.axis1];
    shape[a.axis1] = x->shape[a.axis0];
    return wf_record(s, &(struct wf_call){.op = &op_transpose,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = x->dtype,
                                          .ndim = x->ndim,
                                          .shape = shape,
                                          .attr = &a,
                                          .attr_bytes = sizeof a});
}

bool wf_is_transposed(const weft_tensor *x)
{
    const struct wf_record *r = wf_tensor(x)->record;
    const struct transpose *a = r && r->op == &op_transpose ? r->attr : NULL;
    return a && a->axis0 + a->axis1 == 2 * x->ndim - 3 && a->axis0 != a->axis1;
}

struct permute {
    int from[WEFT_MAX_DIMS]; // where each dimension of the result was
};

static bool permute_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                         weft_tensor **gx)
{
    const struct permute *a = r->attr;
    int back[WEFT_MAX_DIMS];
    for (int i = 0; i < gy[0]->ndim; i++)
        back[a->from[i]] = i;
    gx[0] = weft_permute(s, gy[0], gy[0]->ndim, back);
    return gx[0];
}

static bool permute_view(struct wf_record *r)
{
    const struct permute *a = r->attr;
    const struct wf_tensor *x = r->in[0];
    struct wf_tensor *y = r->out[0];
    for (int i = 0; i < x->pub.ndim; i++)
        y->stride[i] = x->stride[a->from[i]];
    y->offset = x->offset;
    return true;
}

static const struct wf_op op_permute = {
    .name = "permute", .view = permute_view, .run = copy, .grad = permute_grad};

weft_tensor *weft_permute(weft_scope *s, const weft_tensor *x, int ndim, const int *axes)
{
    struct permute a = {{0}};
    int64_t shape[WEFT_MAX_DIMS];
    bool taken[WEFT_MAX_DIMS] = {false};
    if (!wf_scope_takes(s, "permute", x))
        return NULL;
    if (ndim != x->ndim) {
        wf_scope_fail(s, WEFT_PARAM, "permute: %d axes; the %d of x were wanted", ndim, x->ndim);
        return NULL;
    }
    if (!wf_check_axes(s, "permute", ndim, axes, ndim))
        return NULL;
    for (int i = 0; i < ndim; i++) {
        int from = wf_axis(s, "permute", axes[i], x->ndim);
        if (from >= 0 && taken[from])
            wf_scope_fail(s, WEFT_PARAM, "permute: axis %d is listed twice", from);
        if (!wf_scope_ok(s))
            return NULL;
        taken[from] = true;
        a.from[i] = from;
        shape[i] = x->shape[from];
    }
    return wf_record(s, &(struct wf_call){.op = &op_permute,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = x->dtype,
                                          .ndim = x->ndim,
                                          .shape = shape,
                                          .attr = &a,
                                          .attr_bytes = sizeof a});
}

weft_tensor *weft_squeeze(weft_scope *s, const weft_tensor *x, int axis)
{
    if (!wf_scope_takes(s, "squeeze", x) || (axis = wf_axis(s, "squeeze", axis, x->ndim)) < 0)
        return NULL;
    if (x->shape[axis] != 1) {
        wf_scope_fail(s, WEFT_SHAPE, "squeeze: axis %d of %s; a size of 1 was wanted", axis,
                      WF_SHAPE(x->ndim, x->shape));
        return NULL;
    }
    int64_t shape[WEFT_MAX_DIMS];
    for (int i = 0; i < x->ndim - 1; i++)
        shape[i] = x->shape[i + (i >= axis)];
    return record_view(s, &op_reshape, x, x->ndim - 1, shape);
}

weft_tensor *weft_unsqueeze(weft_scope *s, const weft_tensor *x, int axis)
{
    if (!wf_scope_takes(s, "unsqueeze", x) ||
        (axis = wf_axis(s, "unsqueeze", axis, x->ndim + 1)) < 0)
        return NULL;
    int64_t shape[WEFT_MAX_DIMS + 1];
    for (int i = 0; i < x->ndim + 1; i++)
        shape[i] = i < axis ? x->shape[i] : i == axis ? 1 : x->shape[i - 1];
    return wf_scope_shape(s, "unsqueeze", x->dtype, x->ndim + 1, shape)
               ? record_view(s, &op_reshape, x, x->ndim + 1, shape)
               : NULL;
}

static bool expand_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                        weft_tensor **gx)
{
    gx[0] = wf_sum_to(s, gy[0], &r->in[0]->pub);
    return gx[0];
}

static bool expand_view(struct wf_record *r)
{
    const struct wf_tensor *x = r->in[0];
    struct wf_tensor *y = r->out[0];
    int missing = y->pub.ndim - x->pub.ndim;
    for (int i = 0; i < y->pub.ndim; i++) {
        bool repeated = i < missing || x->pub.shape[i - missing] == 1;
        y->stride[i] = repeated ? 0 : x->stride[i - missing];
    }
    y->offset = x->offset;
    return true;
}

static const struct wf_op op_expand = {
    .name = "expand", .view = expand_view, .run = copy, .grad = expand_grad};

weft_tensor *weft_expand(weft_scope *s, const weft_tensor *x, int ndim, const int64_t *shape)
{
    if (!wf_scope_takes(s, "expand", x))
        return NULL;
    if (ndim > 0 && !shape) {
        wf_scope_wrong(s, "expand: the shape is NULL");
        return NULL;
    }
    if (!wf_scope_shape(s, "expand", x->dtype, ndim, shape))
        return NULL;
    bool fits = ndim >= x->ndim;
    for (int i = 0; fits && i < x->ndim; i++) {
        int64_t has = x->shape[i];
        fits = has == 1 || has == shape[ndim - x->ndim + i];
    }
    if (fits)
        return record_view(s, &op_expand, x, ndim, shape);
    wf_scope_fail(s, WEFT_SHAPE, "expand: x is %s, which does not broadcast to %s",
                  WF_SHAPE(x->ndim, x->shape), WF_SHAPE(ndim, shape));
    return NULL;
}

// A parameter's storage changes, so what shall stay is copied.
static bool dense_view(struct wf_record *r)
{
    const struct wf_tensor *x = r->in[0];
    struct wf_tensor *y = r->out[0];
    if (!wf_is_dense(x) || x->offset || x->variable)
        return false;
    wf_dense_strides(y->pub.ndim, y->pub.shape, y->stride);
    y->offset = 0;
    return true;
}

static const struct wf_op op_dense = {
    .name = "dense", .view = dense_view, .run = copy, .grad = reshape_grad};

weft_tensor *wf_dense(weft_scope *s, const weft_tensor *x)
{
    return wf_scope_takes(s, "dense", x) ? record_view(s, &op_dense, x, x->ndim, x->shape) : NULL;
}

static bool detach_view(struct wf_record *r)
{
    memcpy(r->out[0]->stride, r->in[0]->stride, sizeof r->out[0]->stride);
    r->out[0]->offset = r->in[0]->offset;
    return true;
}

static const struct wf_op op_detach = {
    .name = "detach", .view = detach_view, .run = copy, .flat = true};

weft_tensor *weft_detach(weft_scope *s, const weft_tensor *x)
{
    return wf_scope_takes(s, "detach", x) ? record_view(s, &op_detach, x, x->ndim, x->shape) : NULL;
}

const struct wf_op *const wf_shape_rows[] = {&op_reshape, &op_transpose, &op_permute,
                                             &op_expand,  &op_detach,    NULL};
