// cumsum: a task is a row, or several rows that lie side by side. Where there are few of them and
// they are long, it is a part of these.
#include "core/view.h"
#include "op/expression.h"
#include "op/op.h"
#include "op/reduce.h"
#include <stdio.h>

enum {
    PART = 1 << 16,   // elements of a part of a row
    EACH = 1 << 15,   // elements of a task, if it has several rows
    FEW = 64,         // tasks, below which rows are cut
    MIN_COLUMNS = 8,  // fewer rows side by side are taken one by one
    PART_ROWS = 1024, // rows of a part of these, at least,
    MAX_PARTS = 32,   // and the most parts
    WIDTH_CPU = 1024,
    LOCAL_GPU = 64
};

struct scan {
    int axis;
    bool reverse; // from the end: the gradient
};

// How one run is cut, and where the elements lie.
struct rows {
    enum weft_dtype from, compute, to;
    struct wf_dims d; // all dimensions but the axis, of x and y
    int64_t count, n, parts, part, x_step, y_step;
    bool wide, columns;
    int unit, local, width;
};

// y is dense. A walk from the end begins there, and its steps are negative.
static void walk_axis(struct rows *r, const struct scan *a, const struct wf_tensor *x,
                      const struct wf_tensor *y)
{
    int64_t dense[WEFT_MAX_DIMS], sign = a->reverse ? -1 : 1;
    wf_dense_strides(y->pub.ndim, y->pub.shape, dense);
    r->d.views = 2;
    for (int i = 0; i < x->pub.ndim; i++) {
        if (i == a->axis)
            continue;
        r->d.shape[r->d.rank] = x->pub.shape[i];
        r->d.stride[0][r->d.rank] = x->stride[i];
        r->d.stride[1][r->d.rank++] = dense[i];
    }
    r->x_step = sign * x->stride[a->axis];
    r->y_step = sign * dense[a->axis];
    r->wide = wf_tensor_wide(x->dev, x) ||
              wf_wide(x->dev, 4 * (x->offset + (r->n + 1) * x->stride[a->axis])) ||
              wf_wide(x->dev, 2 * weft_count(&y->pub));
    r->d.offset[0] = x->offset + (a->reverse ? (r->n - 1) * x->stride[a->axis] : 0);
    r->d.offset[1] = a->reverse ? (r->n - 1) * dense[a->axis] : 0;
    r->wide = r->wide || wf_dims_wide(x->dev, &r->d);
    wf_dims_collapse(&r->d);
}

static int64_t column_tasks(const struct rows *r)
{
    int64_t columns = r->d.shape[r->d.rank - 1];
    return r->count / columns * ((columns + r->width - 1) / r->width);
}

// Where there are few tasks, parts of fixed size.
static void cut(struct rows *r)
{
    int64_t tasks = r->columns ? column_tasks(r) : r->count;
    int64_t part = r->columns ? PART_ROWS : PART;
    if (r->columns && r->n / part > MAX_PARTS)
        part = (r->n + MAX_PARTS - 1) / MAX_PARTS;
    bool split = r->n > 2 * part && tasks < FEW;
    r->part = split ? part : r->n;
    r->parts = split ? (r->n + part - 1) / part : 1;
}

static struct rows make_rows(weft_device *dev, const struct wf_record *rec)
{
    const struct scan *a = rec->attr;
    const struct wf_tensor *x = rec->in[0], *y = rec->out[0];
    struct rows r = {.from = x->pub.dtype,
                     .compute = wf_reduce_compute(WF_SUM, x->pub.dtype),
                     .to = y->pub.dtype,
                     .n = x->pub.shape[a->axis],
                     .parts = 1};
    if (!weft_count(&x->pub))
        return r;
    r.count = weft_count(&x->pub) / r.n;
    walk_axis(&r, a, x, y);
    int last = r.d.rank - 1;
    r.unit = r.x_step == r.y_step && (r.x_step == 1 || r.x_step == -1) ? (int)r.x_step : 0;
    r.local = dev->info.type == WEFT_DEVICE_CPU ? 1 : LOCAL_GPU;
    while ((size_t)r.local > dev->info.max_group)
        r.local /= 2;
    r.width = r.local > 1 ? r.local : WIDTH_CPU;
    r.columns = !r.unit && r.d.shape[last] >= MIN_COLUMNS && r.d.stride[0][last] == 1 &&
                r.d.stride[1][last] == 1;
    cut(&r);
    return r;
}

static struct wf_kernel *get_kernel(weft_device *dev, const struct rows *r, const char *op,
                                    const char *kernel, const char *only, struct weft_error *err)
{
    char defines[900];
    snprintf(defines, sizeof defines,
             "%s%s%s%s#define X %s\n#define Y %s\n#define T %s\n#define UNIT %d\n#define RANK "
             "%d\n#define VIEWS 2\n"
             "#define LOCAL %d\n#define WIDTH %d\n",
             r->wide ? "#define INDEX long\n" : "",
             r->compute == WEFT_F64 ? "#define USE_F64\n" : "",
             wf_dtype_is_float(r->compute) ? "" : "#define INTEGER\n", only,
             wf_storage_type(r->from), wf_storage_type(r->to), wf_compute_type(r->compute), r->unit,
             r->d.rank, r->local, r->width);
    struct wf_request request = {"scan", kernel, defines, op};
    return wf_kernel_get(dev, &request, err);
}

// The arguments that all kernels have, after the `nsize` numbers of their own.
static bool launch(weft_device *dev, const struct rows *r, const char *op, struct wf_kernel *k,
                   int64_t tasks, const int64_t *size, int nsize, const cl_mem mem[3],
                   struct weft_error *err)
{
    if (!k)
        return false;
    struct wf_launch l = {
        .kernel = k, .op = op, .tasks = tasks, .local = (size_t)r->local, .wide = r->wide};
    struct wf_index index[7];
    struct wf_dims_arg arg;
    for (int i = 0; i < nsize; i++)
        wf_launch_index(&l, &index[i], size[i]);
    wf_launch_index(&l, &index[5], r->x_step);
    wf_launch_index(&l, &index[6], r->y_step);
    wf_dims_pack(&r->d, r->wide, &arg);
    wf_launch_value(&l, arg.bytes, &arg.u);
    for (int i = 0; i < 3 && mem[i]; i++)
        wf_launch_mem(&l, &mem[i]);
    return wf_launch(dev, &l, err);
}

static bool run_columns(weft_device *dev, const struct rows *r, const char *op, cl_mem x, cl_mem y,
                        struct weft_error *err)
{
    const int64_t size[] = {r->d.shape[r->d.rank - 1], r->n, r->count, r->parts, r->part};
    int64_t tasks = column_tasks(r), sums = r->count * (r->parts - 1);
    struct wf_block *b = NULL;
    bool ok = true;
    if (r->parts > 1) {
        struct wf_kernel *k =
            get_kernel(dev, r, op, "scan_column_sums", "#define COLUMNS\n#define SUMS\n", err);
        b = k ? wf_pool_take(dev, (size_t)sums * weft_dtype_size(WEFT_F64), err) : NULL;
        ok = b && launch(dev, r, op, k, tasks * (r->parts - 1), size, 5,
                         (cl_mem[]){x, b->mem, NULL}, err);
    }
    ok = ok && launch(dev, r, op, get_kernel(dev, r, op, "scan_columns", "#define COLUMNS\n", err),
                      tasks * r->parts, size, 5, (cl_mem[]){x, b ? b->mem : x, y}, err);
    wf_pool_give(dev, b);
    return ok;
}

static bool run_rows(weft_device *dev, const struct rows *r, const char *op, cl_mem x, cl_mem y,
                     struct weft_error *err)
{
    int64_t all = r->count * r->parts, most = all / 32 + 1, each = EACH / r->part + 1;
    each = r->local > 1 ? 1 : each < most ? each : most;
    const int64_t size[] = {r->n, r->parts, r->part, all, each};
    struct wf_block *b = NULL;
    bool ok = true;
    if (r->parts > 1) {
        struct wf_kernel *k = get_kernel(dev, r, op, "scan_sums", "#define SUMS\n", err);
        b = k ? wf_pool_take(dev, (size_t)all * weft_dtype_size(WEFT_F64), err) : NULL;
        ok = b && launch(dev, r, op, k, all, size, 3, (cl_mem[]){x, b->mem, NULL}, err);
    }
    ok = ok && launch(dev, r, op, get_kernel(dev, r, op, "scan_rows", "", err),
                      (all + each - 1) / each, size, 5, (cl_mem[]){x, b ? b->mem : x, y}, err);
    wf_pool_give(dev, b);
    return ok;
}

static bool run(weft_device *dev, struct wf_record *rec, struct weft_error *err)
{
    struct rows r = make_rows(dev, rec);
    cl_mem x = rec->in[0]->storage->mem, y = rec->out[0]->storage->mem;
    return !r.count || (r.columns ? run_columns : run_rows)(dev, &r, rec->op->name, x, y, err);
}

static weft_tensor *record(weft_scope *s, const weft_tensor *x, struct scan a);

static bool grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy, weft_tensor **gx)
{
    struct scan a = *(const struct scan *)r->attr;
    a.reverse = !a.reverse;
    gx[0] = record(s, gy[0], a);
    return gx[0];
}

static const struct wf_op op_cumsum = {.name = "cumsum", .run = run, .grad = grad};

static weft_tensor *record(weft_scope *s, const weft_tensor *x, struct scan a)
{
    enum weft_dtype dtype = wf_dtype_is_float(x->dtype) ? x->dtype : WEFT_I64;
    if (!wf_scope_shape(s, "cumsum", dtype, x->ndim, x->shape))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = &op_cumsum,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = dtype,
                                          .ndim = x->ndim,
                                          .shape = x->shape,
                                          .attr = &a,
                                          .attr_bytes = sizeof a});
}

weft_tensor *weft_cumsum(weft_scope *s, const weft_tensor *x, int axis)
{
    if (!wf_scope_takes(s, "cumsum", x))
        return NULL;
    struct scan a = {.axis = wf_axis(s, "cumsum", axis, x->ndim)};
    return a.axis < 0 ? NULL : record(s, x, a);
}

const struct wf_op *const wf_scan_rows[] = {&op_cumsum, NULL};
