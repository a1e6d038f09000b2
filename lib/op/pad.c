// Padding.
//
// x is copied to its place. Then axis by axis the strips before and after are copied from the
// result itself, mirrored, repeated or from the other end: over the places of the axes that are
// done and the x of those that are not. The gradient goes the same way back: axis by axis, the last
// first, the gradients of the strips are added to those of the elements they were copied from,
// always in the same order.
#include "core/copy.h"
#include "op/expression.h"
#include "op/op.h"
#include <stdio.h>

enum { ROW = 1 << 10 }; // elements of a task of pad_fold

struct pad {
    enum weft_pad_mode mode;
    struct wf_pattern value;
    int64_t before[WEFT_MAX_DIMS], after[WEFT_MAX_DIMS];
};

// A strip of a padded tensor and what it repeats, as views 1 and 0, in the order of the strip.
struct strip {
    struct wf_dims d;
    int axis;
};

static struct strip make_strip(const struct wf_tensor *y, const struct pad *a, int axis, bool after)
{
    struct strip p = {.axis = axis};
    struct wf_dims *d = &p.d;
    int64_t step = y->stride[axis], before = a->before[axis], tail = a->after[axis];
    int64_t n = y->pub.shape[axis] - before - tail, last = before + n - 1;
    wf_dims_init(d, y->pub.ndim, y->pub.shape);
    wf_dims_add(d, y);
    for (int i = 0; i < y->pub.ndim; i++) {
        d->stride[0][i] = y->stride[i];
        if (i <= axis)
            continue;
        d->shape[i] -= a->before[i] + a->after[i];
        d->offset[0] += a->before[i] * y->stride[i];
    }
    d->views = 2;
    memcpy(d->stride[1], d->stride[0], sizeof d->stride[0]);
    d->shape[axis] = after ? tail : before;
    d->offset[1] = d->offset[0] + (after ? last + 1 : 0) * step;
    int64_t from = a->mode == WEFT_PAD_REFLECT     ? after ? last - 1 : 2 * before
                   : a->mode == WEFT_PAD_REPLICATE ? after ? last : before
                                                   : (after ? before : n);
    d->offset[0] += from * step;
    d->stride[0][axis] = a->mode == WEFT_PAD_REFLECT     ? -step
                         : a->mode == WEFT_PAD_REPLICATE ? 0
                                                         : step;
    return p;
}

static bool pad_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct pad *a = r->attr;
    const struct wf_tensor *x = r->in[0];
    struct wf_tensor *y = r->out[0];
    size_t bytes = weft_dtype_size(y->pub.dtype);
    struct wf_dims d;
    if (a->mode == WEFT_PAD_CONSTANT &&
        !wf_fill(dev, y->storage->mem, wf_tensor_bytes(y), &a->value, bytes, err))
        return false;
    wf_dims_init(&d, x->pub.ndim, x->pub.shape);
    wf_dims_add(&d, x);
    wf_dims_add(&d, x);
    memcpy(d.stride[1], y->stride, sizeof d.stride[1]);
    d.offset[1] = 0;
    for (int i = 0; i < x->pub.ndim; i++)
        d.offset[1] += a->before[i] * y->stride[i];
    const cl_mem mem[] = {x->storage->mem, y->storage->mem};
    if (!wf_copy_view(dev, &d, bytes, mem, err))
        return false;
    const cl_mem same[] = {y->storage->mem, y->storage->mem};
    for (int i = 0; a->mode != WEFT_PAD_CONSTANT && i < 2 * x->pub.ndim; i++) {
        struct strip p = make_strip(y, a, i / 2, i % 2);
        if (!wf_copy_view(dev, &p.d, bytes, same, err))
            return false;
    }
    return true;
}

// Adds a strip of g to what it repeats; `repeats` strips of one element where that is one element.
static bool fold(weft_device *dev, const struct wf_tensor *g, struct strip *p,
                 struct weft_error *err)
{
    struct wf_dims *d = &p->d;
    enum weft_dtype t = g->pub.dtype;
    int64_t repeats = 1, step = d->stride[1][p->axis];
    if (!wf_shape_count(d->rank, d->shape))
        return true;
    if (!d->stride[0][p->axis]) {
        repeats = d->shape[p->axis];
        d->shape[p->axis] = 1;
    }
    wf_dims_collapse(d);
    bool wide = wf_dims_wide(dev, d) || wf_wide(dev, weft_count(&g->pub) + ROW);
    char defines[400];
    snprintf(defines, sizeof defines, "%s%s#define RANK %d\n#define X %s\n#define A %s\n",
             wide ? "#define INDEX long\n" : "", t == WEFT_F64 ? "#define USE_F64\n" : "", d->rank,
             wf_storage_type(t), wf_compute_type(t));
    struct wf_request r = {"pad", "pad_fold", defines, "pad_grad"};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    int64_t inner = d->shape[d->rank - 1], count = wf_shape_count(d->rank - 1, d->shape);
    int64_t chunk = inner < ROW ? inner : ROW, chunks = (inner + chunk - 1) / chunk;
    int64_t rows = chunks > 1 ? 1 : ROW / inner;
    struct wf_launch l = {.kernel = k,
                          .op = "pad_grad",
                          .tasks = (count + rows - 1) / rows * chunks,
                          .local = wf_loop_local(dev, k),
                          .wide = wide};
    int64_t value[] = {count, rows, chunks, chunk, repeats, step};
    struct wf_index index[6];
    struct wf_dims_arg arg;
    for (int i = 0; i < 6; i++)
        wf_launch_index(&l, &index[i], value[i]);
    wf_dims_pack(d, wide, &arg);
    wf_launch_value(&l, arg.bytes, &arg.u);
    wf_launch_mem(&l, &g->storage->mem);
    return wf_launch(dev, &l, err);
}

// A copy of g, with its strips added to what they repeat. What is left of it is a view.
static bool pad_grad_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    struct wf_tensor *y = r->out[0];
    if (!wf_copy_elements(dev, r->in[0], y, err))
        return false;
    for (int i = 2 * y->pub.ndim - 1; i >= 0; i--) {
        struct strip p = make_strip(y, r->attr, i / 2, i % 2);
        if (!fold(dev, y, &p, err))
            return false;
    }
    return true;
}

static const struct wf_op op_pad_grad = {.name = "pad_grad", .run = pad_grad_run};

static weft_tensor *record(weft_scope *s, const struct wf_op *op, const weft_tensor *x,
                           const int64_t *shape, const struct pad *a)
{
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = x->dtype,
                                          .ndim = x->ndim,
                                          .shape = shape,
                                          .attr = a,
                                          .attr_bytes = sizeof *a});
}

static bool pad_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                     weft_tensor **gx)
{
    const struct pad *a = r->attr;
    const weft_tensor *x = &r->in[0]->pub;
    weft_tensor *g = gy[0];
    if (a->mode != WEFT_PAD_CONSTANT)
        g = record(s, &op_pad_grad, g, g->shape, a);
    for (int i = 0; g && i < x->ndim; i++) {
        if (a->before[i] || a->after[i])
            g = weft_slice(s, g, i, a->before[i], a->before[i] + x->shape[i]);
    }
    gx[0] = g;
    return g;
}

static const struct wf_op op_pad = {.name = "pad", .run = pad_run, .grad = pad_grad};

// Does the mode reach that far into n elements?
static bool reaches(weft_scope *s, const struct pad *a, int axis, int64_t n)
{
    static const char *const name[] = {"constant", "reflect", "replicate", "circular"};
    int64_t most = a->before[axis] > a->after[axis] ? a->before[axis] : a->after[axis];
    int64_t limit = a->mode == WEFT_PAD_REFLECT         ? n - 1
                    : a->mode == WEFT_PAD_CIRCULAR      ? n
                    : a->mode == WEFT_PAD_CONSTANT || n ? INT64_MAX / 4
                                                        : 0;
    return most <= (limit > 0 ? limit : 0) ||
           wf_scope_fail(
               s, WEFT_PARAM,
               "pad: %lld before and %lld after the %lld of axis %d; %s takes at most %lld",
               (long long)a->before[axis], (long long)a->after[axis], (long long)n, axis,
               name[a->mode], (long long)(limit > 0 ? limit : 0));
}

static bool read_params(weft_scope *s, const weft_tensor *x, const struct weft_pad_params *params,
                        struct pad *a)
{
    struct weft_pad_params o;
    WF_PARAMS(o, params);
    if (o.ndim < 0 || o.ndim > x->ndim)
        return wf_scope_fail(s, WEFT_PARAM,
                             "pad: the last %d of %d dimensions; 0 to %d were wanted", o.ndim,
                             x->ndim, x->ndim);
    if ((unsigned)o.mode > WEFT_PAD_CIRCULAR)
        return wf_scope_fail(s, WEFT_PARAM, "pad: mode %d; one of enum weft_pad_mode was wanted",
                             (int)o.mode);
    *a = (struct pad){.mode = o.mode, .value = wf_pattern_of(x->dtype, o.value)};
    for (int i = 0; i < o.ndim; i++) {
        a->before[x->ndim - o.ndim + i] = o.before ? o.before[i] : 0;
        a->after[x->ndim - o.ndim + i] = o.after ? o.after[i] : 0;
    }
    return true;
}

// What is negative crops y, which is x or x padded.
static weft_tensor *crop(weft_scope *s, const weft_tensor *y, const weft_tensor *x,
                         const struct pad *a)
{
    for (int i = 0; y && i < x->ndim; i++) {
        int64_t n = y->shape[i], before = a->before[i], after = a->after[i];
        int64_t start = before < 0 ? before : 0, stop = after < 0 ? after : 0;
        if (start < -n || stop < -n || start + stop < -n) {
            wf_scope_fail(s, WEFT_SHAPE,
                          "pad: %lld before and %lld after the %lld of axis %d; no more can be "
                          "taken than there is",
                          (long long)before, (long long)after, (long long)x->shape[i], i);
            return NULL;
        }
        if (start || stop)
            y = weft_slice(s, y, i, -start, n + stop);
    }
    return (weft_tensor *)y;
}

// Pads x by what is positive.
static weft_tensor *extend(weft_scope *s, const weft_tensor *x, struct pad a)
{
    int64_t shape[WEFT_MAX_DIMS];
    bool any = false;
    for (int i = 0; i < x->ndim; i++) {
        a.before[i] = a.before[i] < 0 ? 0 : a.before[i];
        a.after[i] = a.after[i] < 0 ? 0 : a.after[i];
        if (!reaches(s, &a, i, x->shape[i]))
            return NULL;
        shape[i] = x->shape[i] + a.before[i] + a.after[i];
        any = any || shape[i] > x->shape[i];
    }
    if (!any)
        return (weft_tensor *)x;
    return wf_scope_shape(s, "pad", x->dtype, x->ndim, shape) ? record(s, &op_pad, x, shape, &a)
                                                              : NULL;
}

weft_tensor *weft_pad(weft_scope *s, const weft_tensor *x, const struct weft_pad_params *params)
{
    struct pad a = {.mode = WEFT_PAD_CONSTANT};
    if (!wf_scope_takes(s, "pad", x) || !read_params(s, x, params, &a))
        return NULL;
    bool crops_last = a.mode == WEFT_PAD_REFLECT || a.mode == WEFT_PAD_REPLICATE;
    weft_tensor *y = crops_last ? (weft_tensor *)x : crop(s, x, x, &a);
    y = y ? extend(s, y, a) : NULL;
    return crops_last ? crop(s, y, x, &a) : y;
}

const struct wf_op *const wf_pad_rows[] = {&op_pad, NULL};
