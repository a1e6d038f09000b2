// softmax and log_softmax along an axis. A task is a row; rows that lie side by side are taken
// several at a time, and long ones are cut into parts of fixed size.
#include "core/view.h"
#include "op/expression.h"
#include "op/op.h"
#include "op/reduce.h"
#include <stdio.h>

enum {
    PART = 1 << 16,  // elements of a part of a row, if it has more than twice that
    EACH = 1 << 15,  // elements of a task, if it has several rows
    MIN_COLUMNS = 8, // fewer rows side by side are taken one by one
    WIDTH_CPU = 1024,
    PART_ROWS = 256, // rows of a part of columns, at least,
    MAX_PARTS = 16,  // and the most parts: each reads the sums of all of them
    FEW = 16,        // tasks, below which columns are cut
    LOCAL_GPU = 64
};

struct softmax {
    bool log, grad;
    int axis;
};

// What one run does, and where the elements lie.
struct rows {
    const char *op;
    const struct softmax *a;
    enum weft_dtype dtype;
    struct wf_dims d; // all dimensions but the axis, of the inputs and y
    int64_t count, n, parts, part, step[3], width;
    bool wide, unit, columns;
    int local;
};

static void add_view(struct rows *r, const struct wf_tensor *t, const int64_t *stride,
                     int64_t offset)
{
    int v = r->d.views++, to = 0;
    for (int i = 0; i < t->pub.ndim; i++) {
        if (i != r->a->axis)
            r->d.stride[v][to++] = stride[i];
    }
    r->d.offset[v] = offset;
    r->step[v] = stride[r->a->axis];
    bool one = r->a->grad && v == 1 && !r->step[v]; // g may be expanded
    r->unit = r->unit && (r->step[v] == 1 || r->n == 1 || one);
    r->wide = r->wide || (stride == t->stride && wf_tensor_wide(t->dev, t)) ||
              wf_wide(t->dev, 4 * (offset + (r->n + 1) * r->step[v]));
}

// Tasks of columns, where each has `width`.
static int64_t column_tasks(const struct rows *r, int64_t width)
{
    int64_t columns = r->d.shape[r->d.rank - 1];
    return r->count / columns * ((columns + width - 1) / width);
}

// Memory is fast where whole rows of columns are read in order: so few tasks become more by parts
// of the columns' length, not by fewer columns.
static void cut_columns(struct rows *r)
{
    int64_t parts = r->n / PART_ROWS < MAX_PARTS ? r->n / PART_ROWS : MAX_PARTS;
    r->parts = parts > 1 && column_tasks(r, r->width) < FEW ? parts : 1;
    r->part = (r->n + r->parts - 1) / r->parts;
}

static struct rows make_rows(weft_device *dev, const struct wf_record *rec)
{
    const struct wf_tensor *y = rec->out[0];
    struct rows r = {.op = rec->op->name, .a = rec->attr, .dtype = y->pub.dtype, .unit = true};
    int64_t dense[WEFT_MAX_DIMS];
    r.n = y->pub.shape[r.a->axis];
    r.count = r.n ? weft_count(&y->pub) / r.n : 0;
    for (int i = 0; i < y->pub.ndim; i++) {
        if (i != r.a->axis)
            r.d.shape[r.d.rank++] = y->pub.shape[i];
    }
    for (int i = 0; i < rec->nin; i++)
        add_view(&r, rec->in[i], rec->in[i]->stride, rec->in[i]->offset);
    wf_dense_strides(y->pub.ndim, y->pub.shape, dense);
    add_view(&r, y, dense, 0);
    r.wide = r.wide || wf_dims_wide(dev, &r.d) || wf_wide(dev, 2 * weft_count(&y->pub));
    wf_dims_collapse(&r.d);
    int last = r.d.rank - 1;
    r.columns = !r.unit && r.d.shape[last] >= MIN_COLUMNS;
    for (int v = 0; v < r.d.views; v++)
        r.columns = r.columns && r.d.stride[v][last] == 1;
    r.part = PART;
    r.parts = r.n <= 2 * PART ? 1 : (r.n + PART - 1) / PART;
    r.local = dev->info.type == WEFT_DEVICE_CPU ? 1 : LOCAL_GPU;
    while ((size_t)r.local > dev->info.max_group)
        r.local /= 2;
    r.width = r.local > 1 ? r.local : WIDTH_CPU;
    if (r.columns)
        cut_columns(&r);
    return r;
}

static struct wf_kernel *get_kernel(weft_device *dev, const struct rows *r, const char *kernel,
                                    const char *only, struct weft_error *err)
{
    char defines[900];
    enum weft_dtype d = r->dtype;
    snprintf(defines, sizeof defines,
             "%s%s%s%s%s%s#define X %s\n#define T %s\n#define UNIT %d\n"
             "#define RANK %d\n#define VIEWS %d\n#define LOCAL %d\n#define WIDTH %d\n",
             r->wide ? "#define INDEX long\n" : "", d == WEFT_F64 ? "#define USE_F64\n" : "",
             r->a->log ? "#define LOG\n" : "", r->a->grad ? "#define GRAD\n" : "",
             wf_dtype_is_float(d) && weft_dtype_size(d) >= 4 ? "#define KEEP\n" : "", only,
             wf_storage_type(d), wf_compute_type(d), r->unit, r->d.rank, r->d.views, r->local,
             r->local > 1 ? r->local : WIDTH_CPU);
    struct wf_request request = {r->columns ? "softmax_columns" : "softmax", kernel, defines,
                                 r->op};
    return wf_kernel_get(dev, &request, err);
}

// The arguments that all kernels have, after the numbers `size` of their own; what they write is
// `out`, of which there are two where it is not NULL.
static bool launch(weft_device *dev, const struct rows *r, struct wf_kernel *k, int64_t tasks,
                   const int64_t size[6], const cl_mem mem[4], struct weft_error *err)
{
    struct wf_launch l = {
        .kernel = k, .op = r->op, .tasks = tasks, .local = (size_t)r->local, .wide = r->wide};
    struct wf_index index[9];
    struct wf_dims_arg arg;
    int n = 0;
    for (int i = 0; i < 6 && size[i] >= 0; i++, n++)
        wf_launch_index(&l, &index[n], size[i]);
    const int64_t step[] = {r->step[0], r->step[r->d.views - 2], r->step[r->d.views - 1]};
    for (int i = 0; i < 3; i++, n++)
        wf_launch_index(&l, &index[n], step[i]);
    wf_dims_pack(&r->d, r->wide, &arg);
    wf_launch_value(&l, arg.bytes, &arg.u);
    for (int i = 0; i < 4; i++) {
        if (mem[i])
            wf_launch_mem(&l, &mem[i]);
    }
    return wf_launch(dev, &l, err);
}

// The numbers that the kernels begin with, up to one below 0.
static void write_sizes(const struct rows *r, int64_t size[6])
{
    int64_t columns = r->columns ? r->d.shape[r->d.rank - 1] : 0;
    int64_t most = r->count / 32 + 1, each = EACH / r->n + 1;
    each = r->local > 1 ? 1 : each < most ? each : most;
    int n = 0;
    if (r->columns) {
        size[n++] = columns;
        size[n++] = r->width;
    } else if (r->parts == 1) {
        size[n++] = r->count;
        size[n++] = each;
    }
    size[n++] = r->n;
    if (r->columns && r->parts > 1)
        size[n++] = r->count;
    if (r->parts > 1) {
        size[n++] = r->parts;
        size[n++] = r->part;
    }
    if (n < 6)
        size[n] = -1;
}

static bool run_parts(weft_device *dev, const struct rows *r, const int64_t size[6],
                      const cl_mem mem[3], struct weft_error *err)
{
    int64_t tasks = (r->columns ? column_tasks(r, r->width) : r->count) * r->parts;
    size_t room = (size_t)(r->count * r->parts) * 2 * weft_dtype_size(WEFT_F64);
    struct wf_kernel *stats = get_kernel(
        dev, r, r->columns ? "softmax_column_stats" : "softmax_stats", "#define STATS\n", err);
    struct wf_kernel *apply =
        stats ? get_kernel(dev, r, r->columns ? "softmax_column_apply" : "softmax_apply",
                           "#define APPLY\n", err)
              : NULL;
    struct wf_block *b = apply ? wf_pool_take(dev, room, err) : NULL;
    if (!b)
        return false;
    bool ok = launch(dev, r, stats, tasks, size, (cl_mem[]){mem[0], mem[1], b->mem, NULL}, err) &&
              launch(dev, r, apply, tasks, size, (cl_mem[]){mem[0], mem[1], b->mem, mem[2]}, err);
    wf_pool_give(dev, b);
    return ok;
}

static bool run(weft_device *dev, struct wf_record *rec, struct weft_error *err)
{
    struct rows r = make_rows(dev, rec);
    const cl_mem mem[] = {rec->in[0]->storage->mem, rec->in[rec->nin - 1]->storage->mem,
                          rec->out[0]->storage->mem, NULL};
    int64_t size[6];
    if (!r.count)
        return true;
    write_sizes(&r, size);
    if (r.parts > 1)
        return run_parts(dev, &r, size, mem, err);
    struct wf_kernel *k =
        get_kernel(dev, &r, r.columns ? "softmax_columns" : "softmax_rows", "", err);
    int64_t tasks = r.columns ? column_tasks(&r, r.width) : (r.count + size[1] - 1) / size[1];
    return k && launch(dev, &r, k, tasks, size, mem, err);
}

static const struct wf_op op_softmax_grad = {.name = "softmax_grad", .run = run};
static const struct wf_op op_log_softmax_grad = {.name = "log_softmax_grad", .run = run};

static bool grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy, weft_tensor **gx)
{
    const weft_tensor *y = &r->out[0]->pub, *in[] = {y, gy[0]};
    struct softmax a = *(const struct softmax *)r->attr;
    a.grad = true;
    gx[0] = wf_record(s, &(struct wf_call){.op = a.log ? &op_log_softmax_grad : &op_softmax_grad,
                                           .nin = 2,
                                           .in = in,
                                           .dtype = y->dtype,
                                           .ndim = y->ndim,
                                           .shape = y->shape,
                                           .attr = &a,
                                           .attr_bytes = sizeof a});
    return gx[0];
}

static const struct wf_op op_softmax = {
    .name = "softmax", .run = run, .grad = grad, .saves = WF_SAVES_OUTPUT};
static const struct wf_op op_log_softmax = {
    .name = "log_softmax", .run = run, .grad = grad, .saves = WF_SAVES_OUTPUT};

static weft_tensor *record(weft_scope *s, const struct wf_op *op, bool log, const weft_tensor *x,
                           int axis)
{
    if (!wf_scope_takes(s, op->name, x) || !wf_want_float(s, op->name, x))
        return NULL;
    struct softmax a = {.log = log, .axis = wf_axis(s, op->name, axis, x->ndim)};
    if (a.axis < 0)
        return NULL;
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = x->dtype,
                                          .ndim = x->ndim,
                                          .shape = x->shape,
                                          .attr = &a,
                                          .attr_bytes = sizeof a});
}

weft_tensor *weft_softmax(weft_scope *s, const weft_tensor *x, int axis)
{
    return record(s, &op_softmax, false, x, axis);
}

weft_tensor *weft_log_softmax(weft_scope *s, const weft_tensor *x, int axis)
{
    return record(s, &op_log_softmax, true, x, axis);
}

const struct wf_op *const wf_softmax_rows[] = {&op_softmax, &op_log_softmax, NULL};
