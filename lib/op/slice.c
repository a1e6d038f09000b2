// Parts of a tensor along an axis: views, and their gradients.
//
// The gradient of a slice is zero but for the slice. Where a tensor is used by slices that do not
// overlap, as split makes them, the tape's sums of such gradients become one record that puts all
// of them side by side: nothing is added, and where they cover everything no zero is written.
#include "core/copy.h"
#include "op/op.h"

static bool slice_view(struct wf_record *r)
{
    const struct wf_slice *a = r->attr;
    const struct wf_tensor *x = r->in[0];
    struct wf_tensor *y = r->out[0];
    memcpy(y->stride, x->stride, sizeof y->stride);
    y->offset = x->offset + a->start * x->stride[a->axis];
    y->stride[a->axis] *= a->step;
    return true;
}

static weft_tensor *record_slice(weft_scope *s, const struct wf_op *op, const weft_tensor *x,
                                 const struct wf_slice *at, int64_t count)
{
    int64_t shape[WEFT_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[at->axis] = count;
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = x->dtype,
                                          .ndim = x->ndim,
                                          .shape = shape,
                                          .attr = at,
                                          .attr_bytes = sizeof *at});
}

static weft_tensor *record_parts(weft_scope *s, int n, const weft_tensor *const *part,
                                 const weft_tensor *whole, const struct wf_slice *at);

static bool slice_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                       weft_tensor **gx)
{
    gx[0] = record_parts(s, 1, (const weft_tensor *const *)gy, &r->in[0]->pub, r->attr);
    return gx[0];
}

static const struct wf_op op_slice = {.name = "slice", .view = slice_view, .grad = slice_grad};

static bool parts_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct wf_slice *at = r->attr;
    struct wf_tensor *y = r->out[0];
    int64_t covered = 0;
    for (int i = 0; i < r->nin; i++)
        covered += r->in[i]->pub.shape[at->axis];
    if (covered < y->pub.shape[at->axis] &&
        !wf_fill(dev, y->storage->mem, wf_tensor_bytes(y), &(struct wf_pattern){{0}},
                 weft_dtype_size(y->pub.dtype), err))
        return false;
    for (int i = 0; i < r->nin; i++) {
        if (!wf_copy_into(dev, r->in[i], y, &at[i], err))
            return false;
    }
    return true;
}

static bool parts_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                       weft_tensor **gx)
{
    const struct wf_slice *at = r->attr;
    for (int i = 0; i < r->nin; i++) {
        if (wf_wants(r, i) &&
            !(gx[i] = record_slice(s, &op_slice, gy[0], &at[i], r->in[i]->pub.shape[at->axis])))
            return false;
    }
    return true;
}

// Parts at their places in a tensor like `whole` that is zero elsewhere.
static const struct wf_op op_parts = {.name = "slice_grad", .run = parts_run, .grad = parts_grad};

static weft_tensor *record_parts(weft_scope *s, int n, const weft_tensor *const *part,
                                 const weft_tensor *whole, const struct wf_slice *at)
{
    return wf_record(s, &(struct wf_call){.op = &op_parts,
                                          .nin = n,
                                          .in = part,
                                          .dtype = part[0]->dtype,
                                          .ndim = whole->ndim,
                                          .shape = whole->shape,
                                          .attr = at,
                                          .attr_bytes = (size_t)n * sizeof *at});
}

// Do two slices, of na and nb elements, share none?
static bool apart(const struct wf_slice *a, int64_t na, const struct wf_slice *b, int64_t nb)
{
    if (a->axis != b->axis)
        return false;
    bool interleaved = a->step == b->step && (a->start - b->start) % a->step != 0;
    return !na || !nb || interleaved || a->start + (na - 1) * a->step < b->start ||
           b->start + (nb - 1) * b->step < a->start;
}

// The record of parts that makes g, if it has not run.
static struct wf_record *parts_of(const weft_tensor *g)
{
    struct wf_record *r = wf_tensor(g)->record;
    return r && r->op == &op_parts && !r->done ? r : NULL;
}

static bool all_apart(const struct wf_record *a, const struct wf_record *b)
{
    const struct wf_slice *at = a->attr, *bt = b->attr;
    for (int i = 0; i < a->nin; i++) {
        for (int j = 0; j < b->nin; j++) {
            if (!apart(&at[i], a->in[i]->pub.shape[at->axis], &bt[j],
                       b->in[j]->pub.shape[bt->axis]))
                return false;
        }
    }
    return true;
}

static weft_tensor *join(weft_scope *s, struct wf_record *a, struct wf_record *b)
{
    size_t n = (size_t)a->nin + (size_t)b->nin;
    const weft_tensor **in = wf_arena_take(&s->arena, n * sizeof *in);
    struct wf_slice *at = wf_arena_take(&s->arena, n * sizeof *at);
    if (!in || !at) {
        wf_scope_nomem(s, op_parts.name);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        bool first = i < (size_t)a->nin;
        const struct wf_record *r = first ? a : b;
        size_t k = first ? i : i - (size_t)a->nin;
        in[i] = &r->in[k]->pub;
        at[i] = ((const struct wf_slice *)r->attr)[k];
    }
    a->lazy = b->lazy = true; // the joint record takes their place
    return record_parts(s, (int)n, in, &a->out[0]->pub, at);
}

weft_tensor *wf_add_grads(weft_scope *s, const weft_tensor *a, const weft_tensor *b)
{
    if (!wf_scope_takes(s, "add", a) || !wf_scope_takes(s, "add", b))
        return NULL;
    struct wf_record *ra = parts_of(a), *rb = parts_of(b);
    return ra && rb && all_apart(ra, rb) ? join(s, ra, rb) : weft_add(s, a, b);
}

// A place counted from the end if negative, and clamped to lo .. hi.
static int64_t clamp_place(int64_t at, int64_t n, int64_t lo, int64_t hi)
{
    at += at < 0 ? n : 0;
    return at < lo ? lo : at > hi ? hi : at;
}

static weft_tensor *slice_backwards(weft_scope *s, const weft_tensor *x, int axis,
                                    struct weft_range a)
{
    int64_t n = x->shape[axis], step = a.step == INT64_MIN ? INT64_MAX : -a.step;
    int64_t start = clamp_place(a.start, n, -1, n - 1), stop = clamp_place(a.stop, n, -1, n - 1);
    int64_t count = start > stop ? 1 + (start - stop - 1) / step : 0;
    struct wf_slice at = {axis, count ? start - (count - 1) * step : 0, count > 1 ? step : 1};
    weft_tensor *y = record_slice(s, &op_slice, x, &at, count);
    return y && count > 1 ? weft_flip(s, y, 1, &axis) : y;
}

// Errors begin with `name`.
static weft_tensor *slice_range(weft_scope *s, const char *name, const weft_tensor *x, int axis,
                                struct weft_range a)
{
    if (!wf_scope_takes(s, name, x) || (axis = wf_axis(s, name, axis, x->ndim)) < 0)
        return NULL;
    if (!a.step) {
        wf_scope_fail(s, WEFT_PARAM, "%s: the step is 0; another number was wanted", name);
        return NULL;
    }
    if (a.step < 0)
        return slice_backwards(s, x, axis, a);
    int64_t n = x->shape[axis];
    int64_t start = clamp_place(a.start, n, 0, n), stop = clamp_place(a.stop, n, 0, n);
    int64_t count = start < stop ? 1 + (stop - start - 1) / a.step : 0;
    struct wf_slice at = {axis, count ? start : 0, count > 1 ? a.step : 1};
    return record_slice(s, &op_slice, x, &at, count);
}

weft_tensor *weft_slice(weft_scope *s, const weft_tensor *x, int axis, int64_t start, int64_t stop)
{
    return slice_range(s, "slice", x, axis, (struct weft_range){start, stop, 1});
}

weft_tensor *weft_slice_step(weft_scope *s, const weft_tensor *x, int axis, struct weft_range range)
{
    return slice_range(s, "slice_step", x, axis, range);
}

bool weft_split(weft_scope *s, const weft_tensor *x, int axis, struct weft_sizes sizes,
                weft_tensor **out)
{
    int n = sizes.n;
    if (!wf_scope_takes(s, "split", x) || (axis = wf_axis(s, "split", axis, x->ndim)) < 0)
        return false;
    if (n < 0 || (n && (!sizes.size || !out)))
        return wf_scope_wrong(s, "split: %d parts; %s", n,
                              n < 0         ? "0 or more were wanted"
                              : !sizes.size ? "the sizes are NULL"
                                            : "out is NULL");
    int64_t sum = 0;
    for (int i = 0; i < n; i++) {
        int64_t size = sizes.size[i];
        if (size < 0 || size > INT64_MAX - sum)
            return wf_scope_fail(s, WEFT_SHAPE, "split: sizes[%d] is %lld; 0 to %lld were wanted",
                                 i, (long long)size, (long long)x->shape[axis]);
        sum += size;
    }
    if (sum != x->shape[axis])
        return wf_scope_fail(s, WEFT_SHAPE,
                             "split: the %d sizes add up to %lld; the %lld of axis %d were wanted",
                             n, (long long)sum, (long long)x->shape[axis], axis);
    struct wf_slice at = {axis, 0, 1};
    for (int i = 0; i < n; i++) {
        if (!(out[i] = record_slice(s, &op_slice, x, &at, sizes.size[i])))
            return false;
        at.start += sizes.size[i];
    }
    return true;
}

int weft_chunk(weft_scope *s, const weft_tensor *x, int axis, int n, weft_tensor **out)
{
    if (!wf_scope_takes(s, "chunk", x) || (axis = wf_axis(s, "chunk", axis, x->ndim)) < 0)
        return 0;
    if (n < 1 || !out) {
        wf_scope_wrong(s, "chunk: %d parts; %s", n,
                       n < 1 ? "1 or more were wanted" : "out is NULL");
        return 0;
    }
    int64_t have = x->shape[axis], size = (have + n - 1) / n;
    struct wf_slice at = {axis, 0, 1};
    int made = 0;
    do {
        int64_t count = have - at.start < size ? have - at.start : size;
        if (!(out[made++] = record_slice(s, &op_slice, x, &at, count)))
            return 0;
        at.start += size;
    } while (at.start < have);
    return made;
}

struct flip {
    bool flipped[WEFT_MAX_DIMS];
};

static bool flip_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct flip *a = r->attr;
    struct wf_tensor x = *r->in[0];
    for (int i = 0; i < x.pub.ndim; i++) {
        if (!a->flipped[i] || !x.pub.shape[i])
            continue;
        x.offset += (x.pub.shape[i] - 1) * x.stride[i];
        x.stride[i] = -x.stride[i];
    }
    return wf_copy_elements(dev, &x, r->out[0], err);
}

static bool flip_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                      weft_tensor **gx)
{
    const struct flip *a = r->attr;
    int axes[WEFT_MAX_DIMS], n = 0;
    for (int i = 0; i < WEFT_MAX_DIMS; i++) {
        if (a->flipped[i])
            axes[n++] = i;
    }
    gx[0] = weft_flip(s, gy[0], n, axes);
    return gx[0];
}

static const struct wf_op op_flip = {.name = "flip", .run = flip_run, .grad = flip_grad};

weft_tensor *weft_flip(weft_scope *s, const weft_tensor *x, int naxes, const int *axes)
{
    struct flip a = {{false}};
    if (!wf_scope_takes(s, "flip", x) || !wf_check_axes(s, "flip", naxes, axes, x->ndim))
        return NULL;
    for (int i = 0; i < naxes; i++) {
        int axis = wf_axis(s, "flip", axes[i], x->ndim);
        if (axis >= 0 && a.flipped[axis])
            wf_scope_fail(s, WEFT_PARAM, "flip: axis %d is listed twice", axis);
        if (!wf_scope_ok(s))
            return NULL;
        a.flipped[axis] = true;
    }
    return wf_record(s, &(struct wf_call){.op = &op_flip,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = x->dtype,
                                          .ndim = x->ndim,
                                          .shape = x->shape,
                                          .attr = &a,
                                          .attr_bytes = sizeof a});
}

const struct wf_op *const wf_slice_rows[] = {&op_slice, &op_flip, NULL};
