// Tensors one after the other: each is copied to its place, once.
#include "core/copy.h"
#include "op/op.h"

static bool concat_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    struct wf_slice at = {*(const int *)r->attr, 0, 1};
    for (int i = 0; i < r->nin; i++) {
        if (!wf_copy_into(dev, r->in[i], r->out[0], &at, err))
            return false;
        at.start += r->in[i]->pub.shape[at.axis];
    }
    return true;
}

static bool concat_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                        weft_tensor **gx)
{
    int axis = *(const int *)r->attr;
    int64_t start = 0;
    for (int i = 0; i < r->nin; i++) {
        int64_t stop = start + r->in[i]->pub.shape[axis];
        if (wf_wants(r, i) && !(gx[i] = weft_slice(s, gy[0], axis, start, stop)))
            return false;
        start = stop;
    }
    return true;
}

static const struct wf_op op_concat = {.name = "concat", .run = concat_run, .grad = concat_grad};

// May all stand in one call?
static bool takes_all(weft_scope *s, const char *op, int n, const weft_tensor *const *x)
{
    if (!wf_scope_ok(s))
        return false;
    if (n < 1 || !x)
        return wf_scope_fail(s, WEFT_PARAM, "%s: %s; at least one tensor was wanted", op,
                             n < 1 ? "none" : "NULL");
    for (int i = 0; i < n; i++) {
        if (!wf_scope_takes(s, op, x[i]))
            return false;
        if (x[i]->dtype != x[0]->dtype)
            return wf_scope_fail(s, WEFT_DTYPE,
                                 "%s: the inputs are %s and %s; one dtype was wanted", op,
                                 weft_dtype_name(x[0]->dtype), weft_dtype_name(x[i]->dtype));
    }
    return true;
}

// Adds up the sizes along the axis; what is left of the shapes must be one.
static bool add_sizes(weft_scope *s, int n, const weft_tensor *const *x, int axis, int64_t *shape)
{
    memcpy(shape, x[0]->shape, sizeof x[0]->shape);
    for (int i = 1; i < n; i++) {
        bool fits = x[i]->ndim == x[0]->ndim;
        for (int d = 0; fits && d < x[0]->ndim; d++)
            fits = d == axis || x[i]->shape[d] == x[0]->shape[d];
        if (!fits)
            return wf_scope_fail(
                s, WEFT_SHAPE, "concat: %s and %s along axis %d; the rest must be the same",
                WF_SHAPE(x[0]->ndim, x[0]->shape), WF_SHAPE(x[i]->ndim, x[i]->shape), axis);
        if (x[i]->shape[axis] > INT64_MAX - shape[axis])
            return wf_scope_fail(
                s, WEFT_SHAPE, "concat: %s and %s along axis %d; a size of 64 bits was wanted",
                WF_SHAPE(x[0]->ndim, x[0]->shape), WF_SHAPE(x[i]->ndim, x[i]->shape), axis);
        shape[axis] += x[i]->shape[axis];
    }
    return wf_scope_shape(s, "concat", x[0]->dtype, x[0]->ndim, shape);
}

weft_tensor *weft_concat(weft_scope *s, int n, const weft_tensor *const *x, int axis)
{
    int64_t shape[WEFT_MAX_DIMS];
    if (!takes_all(s, "concat", n, x) || (axis = wf_axis(s, "concat", axis, x[0]->ndim)) < 0 ||
        !add_sizes(s, n, x, axis, shape))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = &op_concat,
                                          .nin = n,
                                          .in = x,
                                          .dtype = x[0]->dtype,
                                          .ndim = x[0]->ndim,
                                          .shape = shape,
                                          .attr = &axis,
                                          .attr_bytes = sizeof axis});
}

// May n of x be stacked along the axis of the result?
static bool check_stack(weft_scope *s, int n, const weft_tensor *const *x, int axis)
{
    int64_t shape[WEFT_MAX_DIMS + 1];
    for (int i = 1; i < n; i++) {
        if (!wf_same_shape(x[i], x[0]))
            return wf_scope_fail(
                s, WEFT_SHAPE, "stack: the inputs are %s and %s; one shape was wanted",
                WF_SHAPE(x[0]->ndim, x[0]->shape), WF_SHAPE(x[i]->ndim, x[i]->shape));
    }
    for (int i = 0; i <= x[0]->ndim; i++)
        shape[i] = i < axis ? x[0]->shape[i] : i == axis ? n : x[0]->shape[i - 1];
    return wf_scope_shape(s, "stack", x[0]->dtype, x[0]->ndim + 1, shape);
}

weft_tensor *weft_stack(weft_scope *s, int n, const weft_tensor *const *x, int axis)
{
    if (!takes_all(s, "stack", n, x) || (axis = wf_axis(s, "stack", axis, x[0]->ndim + 1)) < 0 ||
        !check_stack(s, n, x, axis))
        return NULL;
    const weft_tensor **row = wf_arena_take(&s->arena, (size_t)n * sizeof *row);
    if (!row) {
        wf_scope_nomem(s, "stack");
        return NULL;
    }
    for (int i = 0; i < n && wf_scope_ok(s); i++)
        row[i] = weft_unsqueeze(s, x[i], axis);
    return wf_scope_ok(s) ? weft_concat(s, n, row, axis) : NULL;
}

weft_tensor *weft_roll(weft_scope *s, const weft_tensor *x, int axis, int64_t shift)
{
    if (!wf_scope_takes(s, "roll", x) || (axis = wf_axis(s, "roll", axis, x->ndim)) < 0)
        return NULL;
    int64_t n = x->shape[axis];
    shift = n ? (shift % n + n) % n : 0;
    if (!shift)
        return (weft_tensor *)x;
    const weft_tensor *part[] = {weft_slice(s, x, axis, n - shift, n),
                                 weft_slice(s, x, axis, 0, n - shift)};
    return part[0] && part[1] ? weft_concat(s, 2, part, axis) : NULL;
}

const struct wf_op *const wf_concat_rows[] = {&op_concat, NULL};
