// Adding where an index says: scatter_add, and the gradients of all that picks by an index.
//
// Each destination adds its sources in their order, without atomics, so every run gives the same
// bits on every device. On CPUs a task owns a range of destinations and looks through all sources
// for them. Elsewhere the index is sorted first, and a work-item adds up a run of equal ones.
#include "core/copy.h"
#include "dev/transfer.h"
#include "op/index.h"
#include "op/op.h"
#include "op/sort.h"
#include <stdio.h>

// Lanes of a task on a CPU: that share an index, and that have their own.
enum { PIECE_SHARED = 128, PIECE_OWN = 64 };

enum { INDEX, SRC, Y, ORDER, VIEWS };

struct job {
    weft_device *dev;
    const char *op;
    const struct wf_tensor *index, *src, *y;
    struct wf_dims lanes;       // of the four views, without the axis
    int64_t n, m, step[VIEWS];  // along the axis
    int64_t outer, inner, skip; // lanes, the last dimension apart
    bool wide;
    struct weft_error *err;
};

static void job_init(struct job *j, const struct wf_indexed *a)
{
    const struct wf_tensor *view[] = {j->index, j->src, j->y};
    int64_t order[WEFT_MAX_DIMS];
    struct wf_dims *d = &j->lanes;
    wf_dense_strides(j->index->pub.ndim, j->index->pub.shape, order);
    d->views = VIEWS;
    for (int v = INDEX; v <= Y; v++) {
        d->offset[v] = view[v]->offset;
        j->step[v] = view[v]->stride[v == INDEX && a->shared ? 0 : a->axis];
    }
    j->step[ORDER] = order[a->shared ? 0 : a->axis];
    for (int i = 0; i < j->src->pub.ndim; i++) {
        if (i == a->axis)
            continue;
        int k = d->rank++;
        d->shape[k] = j->src->pub.shape[i];
        d->stride[INDEX][k] = a->shared ? 0 : j->index->stride[i];
        d->stride[SRC][k] = j->src->stride[i];
        d->stride[Y][k] = j->y->stride[i];
        d->stride[ORDER][k] = a->shared ? 0 : order[i];
    }
    j->inner = wf_shape_count(d->rank, d->shape);
    j->outer = 1;
    j->n = j->y->pub.shape[a->axis];
    j->m = j->src->pub.shape[a->axis];
    j->skip = a->skip;
    j->wide = wf_dims_wide(j->dev, d) || wf_wide(j->dev, 2 * j->inner * j->m);
    for (int v = INDEX; v <= Y; v++)
        j->wide = j->wide || wf_tensor_wide(j->dev, view[v]) ||
                  wf_wide(j->dev, 2 * (d->offset[v] + (v == Y ? j->n : j->m) * j->step[v]));
    wf_dims_collapse(d);
    if (j->inner) {
        j->outer = j->inner / d->shape[d->rank - 1];
        j->inner = d->shape[d->rank - 1];
    }
}

// Sums wrap around in integers: they are added as unsigned ones.
static const char *sum_type(enum weft_dtype d)
{
    return d == WEFT_F32   ? "float"
           : d == WEFT_F64 ? "double"
           : d == WEFT_I64 ? "ulong"
           : d == WEFT_I32 ? "uint"
                           : "uchar";
}

// `struct scatter` of the kernels, packed; returns its bytes.
static size_t pack(const struct job *j, char *out)
{
    const int64_t v[] = {j->n, j->m, j->step[INDEX], j->step[SRC], j->step[Y], j->step[ORDER]};
    size_t n = sizeof v / sizeof *v, bytes = j->wide ? 8 : 4;
    for (size_t i = 0; i < n; i++) {
        int32_t narrow = (int32_t)v[i];
        memcpy(out + i * bytes, j->wide ? (const void *)&v[i] : (const void *)&narrow, bytes);
    }
    memcpy(out + n * bytes, &j->skip, 8);
    return n * bytes + 8;
}

struct args {
    struct wf_launch l;
    struct wf_index v[2];
    struct wf_dims_arg dims;
    char scatter[7 * 8];
    size_t bytes; // of scatter
};

static bool begin(const struct job *j, const char *kernel, struct args *a)
{
    char defines[256];
    enum weft_dtype dtype = j->y->pub.dtype;
    wf_index_defines(j->dev, j->wide, j->index->pub.dtype, j->lanes.rank, defines, sizeof defines);
    size_t used = strlen(defines);
    snprintf(defines + used, sizeof defines - used,
             "%s#define VIEWS %d\n#define ADD\n#define E %s\n",
             dtype == WEFT_F64 ? "#define USE_F64\n" : "", VIEWS, sum_type(dtype));
    struct wf_request r = {"index", kernel, defines, j->op};
    a->l = (struct wf_launch){.kernel = wf_kernel_get(j->dev, &r, j->err),
                              .op = j->op,
                              .local = wf_index_local(j->dev),
                              .wide = j->wide};
    wf_dims_pack(&j->lanes, j->wide, &a->dims);
    a->bytes = pack(j, a->scatter);
    return a->l.kernel;
}

// On CPUs: as many tasks as keep all cores busy, of more lanes where these lie side by side, and of
// fewer destinations where lanes are few.
static bool add_ranges(const struct job *j)
{
    struct args a;
    const struct wf_dims *d = &j->lanes;
    int last = d->rank - 1;
    int64_t piece = d->stride[INDEX][last] == 0 ? PIECE_SHARED : PIECE_OWN;
    if (d->stride[Y][last] != 1)
        piece = j->m < PIECE_OWN ? PIECE_OWN : 1;
    int64_t tasks = j->outer * ((j->inner + piece - 1) / piece);
    int64_t want = j->dev->info.compute_units > 0 ? j->dev->info.compute_units : 1;
    int64_t ranges = tasks < want ? (want + tasks - 1) / tasks : 1;
    int64_t range = (j->n + ranges - 1) / ranges;
    if (!begin(j, "scatter_ranges", &a))
        return false;
    a.l.tasks = tasks * ((j->n + range - 1) / range);
    a.l.task_ns = (double)(j->m * piece) * 4;
    wf_launch_index(&a.l, &a.v[0], piece);
    wf_launch_index(&a.l, &a.v[1], range);
    wf_launch_value(&a.l, a.dims.bytes, &a.dims.u);
    wf_launch_value(&a.l, a.bytes, a.scatter);
    wf_launch_mem(&a.l, &j->index->storage->mem);
    wf_launch_mem(&a.l, &j->src->storage->mem);
    wf_launch_mem(&a.l, &j->y->storage->mem);
    return wf_launch(j->dev, &a.l, j->err);
}

static bool add_runs(const struct job *j, const cl_mem *order)
{
    struct args a;
    int64_t count = j->outer * j->inner * j->m;
    if (!begin(j, "scatter_runs", &a))
        return false;
    a.l.tasks = (count + (int64_t)a.l.local - 1) / (int64_t)a.l.local;
    wf_launch_index(&a.l, &a.v[0], count);
    wf_launch_value(&a.l, a.dims.bytes, &a.dims.u);
    wf_launch_value(&a.l, a.bytes, a.scatter);
    wf_launch_mem(&a.l, &j->index->storage->mem);
    wf_launch_mem(&a.l, &j->src->storage->mem);
    wf_launch_mem(&a.l, order);
    wf_launch_mem(&a.l, &j->y->storage->mem);
    return wf_launch(j->dev, &a.l, j->err);
}

static bool add_sorted(const struct job *j, const struct wf_indexed *a)
{
    int axis = a->shared ? 0 : a->axis;
    struct wf_sort sort = {.op = j->op, .axis = axis, .keep = j->index->pub.shape[axis]};
    struct wf_block *order =
        wf_pool_take(j->dev, (size_t)weft_count(&j->index->pub) * sizeof(int64_t), j->err);
    bool ok = order && wf_sort_indices(j->dev, &sort, j->index, order->mem, j->err) &&
              add_runs(j, &order->mem);
    wf_pool_give(j->dev, order);
    return ok;
}

static bool copy(weft_device *dev, struct wf_tensor *x, struct wf_tensor *y, struct weft_error *err)
{
    if (wf_is_dense(x) && !x->offset)
        return wf_copy(dev, x->storage->mem, y->storage->mem, wf_tensor_bytes(y), err);
    return wf_copy_elements(dev, x, y, err);
}

// Inputs: index, src, and what is added to.
static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    static const char zero[8];
    struct wf_tensor *y = r->out[0];
    if (!weft_count(&y->pub))
        return true;
    bool ok = r->nin > 2 ? copy(dev, r->in[2], y, err)
                         : wf_fill(dev, y->storage->mem, wf_tensor_bytes(y), zero,
                                   weft_dtype_size(y->pub.dtype), err);
    if (!ok || !weft_count(&r->in[1]->pub))
        return ok;
    struct job j = {
        .dev = dev, .op = r->op->name, .index = r->in[0], .src = r->in[1], .y = y, .err = err};
    job_init(&j, r->attr);
    return dev->info.type == WEFT_DEVICE_CPU ? add_ranges(&j) : add_sorted(&j, r->attr);
}

// What an index outside left out has no gradient.
static bool grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy, weft_tensor **gx)
{
    struct wf_indexed a = *(const struct wf_indexed *)r->attr;
    a.zero = true;
    if (wf_wants(r, 1))
        gx[1] = wf_take(s, &wf_op_gather, gy[0], &r->in[0]->pub, &a);
    if (r->nin > 2)
        gx[2] = gy[0];
    return !wf_wants(r, 1) || gx[1];
}

static const struct wf_op op_scatter_add = {
    .name = "scatter_add", .run = run, .grad = grad, .saves = WF_SAVES_INPUT};

// Half floats are added as floats.
static const weft_tensor *widened(weft_scope *s, const weft_tensor *x)
{
    bool half = x->dtype == WEFT_F16 || x->dtype == WEFT_BF16;
    if (!half)
        return x;
    weft_label_push(s, "scatter_add");
    x = weft_cast(s, x, WEFT_F32);
    weft_label_pop(s);
    return x;
}

weft_tensor *wf_scatter(weft_scope *s, const weft_tensor *x, const weft_tensor *index,
                        const weft_tensor *src, const struct wf_indexed *a)
{
    const weft_tensor *in[] = {index, widened(s, src), a->onto ? widened(s, x) : NULL};
    if (!wf_scope_ok(s))
        return NULL;
    weft_tensor *y = wf_record(s, &(struct wf_call){.op = &op_scatter_add,
                                                    .nin = a->onto ? 3 : 2,
                                                    .in = in,
                                                    .dtype = in[1]->dtype,
                                                    .ndim = x->ndim,
                                                    .shape = x->shape,
                                                    .attr = a,
                                                    .attr_bytes = sizeof *a});
    return y ? weft_cast(s, y, src->dtype) : NULL;
}

static bool check(weft_scope *s, const weft_tensor *x, int axis, const weft_tensor *index,
                  const weft_tensor *src)
{
    bool fits = index->ndim == x->ndim && wf_same_shape(index, src);
    for (int i = 0; fits && i < x->ndim; i++)
        fits = i == axis || index->shape[i] <= x->shape[i];
    if (!fits)
        return wf_scope_fail(s, WEFT_SHAPE,
                             "scatter_add: x is %s, the index %s and src %s; an index like src, of "
                             "as many dimensions as x, each at most that of x but for axis %d, was "
                             "wanted",
                             WF_SHAPE(x->ndim, x->shape), WF_SHAPE(index->ndim, index->shape),
                             WF_SHAPE(src->ndim, src->shape), axis);
    return (x->dtype == src->dtype && x->dtype != WEFT_BOOL) ||
           wf_scope_fail(s, WEFT_DTYPE,
                         "scatter_add: x is %s and src %s; one dtype that is not BOOL was wanted",
                         weft_dtype_name(x->dtype), weft_dtype_name(src->dtype));
}

weft_tensor *weft_scatter_add(weft_scope *s, const weft_tensor *x, int axis,
                              const weft_tensor *index, const weft_tensor *src)
{
    struct wf_indexed a = {.skip = -1, .onto = true};
    if (!wf_scope_takes(s, "scatter_add", x) || !wf_scope_takes(s, "scatter_add", index) ||
        !wf_scope_takes(s, "scatter_add", src) || !wf_want_index(s, "scatter_add", index) ||
        (a.axis = wf_axis(s, "scatter_add", axis, x->ndim)) < 0 || !check(s, x, a.axis, index, src))
        return NULL;
    return wf_scatter(s, x, index, src, &a);
}

const struct wf_op *const wf_scatter_rows[] = {&op_scatter_add, NULL};
