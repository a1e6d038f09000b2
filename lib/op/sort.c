// Sorting: argsort and topk, whose records give indices; values are gathered by them, which gives
// the gradient too.
//
// Rows are cut in parts, which are sorted and merged (cl/sort.cl). A CPU has a part for each core
// and sorts it by radix; other devices have parts of the size of local memory. Where few of a long
// row are wanted, parts only select these, again and again until one part is left.
#include "op/sort.h"
#include "core/copy.h"
#include "core/view.h"
#include "op/op.h"
#include <stdio.h>

enum {
    BLOCK = 1024,     // items that a group sorts in local memory
    LOCAL_GPU = 128,  // work-items of a group
    MERGE_GPU = 16,   // merged by a work-item; divides BLOCK
    MERGE_CPU = 4096, // likewise, and divides a part
    SELECT_PART = 16 * BLOCK,
    SELECT_MOST = BLOCK / 4, // more are found by sorting all
    SELECT_ROOM = 64         // collected on a CPU before they are sorted, at least
};

// `struct sort` of the kernels.
struct parts {
    int64_t n, x_step, keep, y_step, parts, part;
};

struct job {
    weft_device *dev;
    const char *op;
    enum weft_dtype dtype;
    struct wf_dims lanes; // of x and y, without the axis
    int64_t rows;
    struct parts s;
    uint64_t flip;
    bool wide, cpu;
    int local;
    int64_t units; // that work at once
    size_t item;   // bytes
    cl_mem x, y;
    struct weft_error *err;
};

static void lanes_init(struct job *j, const struct wf_tensor *x, const struct wf_sort *o)
{
    int64_t stride[WEFT_MAX_DIMS], shape[WEFT_MAX_DIMS];
    memcpy(shape, x->pub.shape, sizeof shape);
    shape[o->axis] = o->keep;
    wf_dense_strides(x->pub.ndim, shape, stride);
    j->rows = 1;
    j->lanes.views = 2;
    j->lanes.offset[0] = x->offset;
    for (int i = 0; i < x->pub.ndim; i++) {
        if (i == o->axis)
            continue;
        int k = j->lanes.rank++;
        j->lanes.shape[k] = shape[i];
        j->lanes.stride[0][k] = x->stride[i];
        j->lanes.stride[1][k] = stride[i];
        j->rows *= shape[i];
    }
    wf_dims_collapse(&j->lanes);
    j->s = (struct parts){.n = x->pub.shape[o->axis],
                          .x_step = x->stride[o->axis],
                          .keep = o->keep,
                          .y_step = stride[o->axis]};
}

static void job_init(struct job *j, const struct wf_sort *o, const struct wf_tensor *x)
{
    size_t bits = 8 * weft_dtype_size(x->pub.dtype);
    lanes_init(j, x, o);
    j->op = o->op;
    j->dtype = x->pub.dtype;
    j->flip = o->descending ? ~(uint64_t)0 >> (64 - bits) : 0;
    j->item = bits == 64 || j->s.n > UINT32_MAX ? 16 : 8;
    j->cpu = j->dev->info.type == WEFT_DEVICE_CPU;
    j->units = j->dev->info.compute_units > 0 ? j->dev->info.compute_units : 1;
    j->local = j->cpu ? 1 : LOCAL_GPU;
    while ((size_t)j->local > j->dev->info.max_group)
        j->local /= 2;
    int64_t last = x->offset + j->s.n * j->s.x_step;
    j->wide = wf_tensor_wide(j->dev, x) || wf_dims_wide(j->dev, &j->lanes) ||
              wf_wide(j->dev, 2 * (2 * (j->rows + 1) * (j->s.n + BLOCK) + last));
    j->x = x->storage->mem;
}

static void write_defines(const struct job *j, bool from_items, char *out, size_t room)
{
    size_t bytes = weft_dtype_size(j->dtype);
    const char *infinite = j->dtype == WEFT_F32    ? "0x7f800000"
                           : j->dtype == WEFT_F16  ? "0x7c00"
                           : j->dtype == WEFT_BF16 ? "0x7f80"
                                                   : "0x7ff0000000000000";
    bool floating = wf_dtype_is_float(j->dtype);
    bool sign = j->dtype == WEFT_I8 || j->dtype == WEFT_I32 || j->dtype == WEFT_I64;
    snprintf(out, room,
             "%s%s%s#define X %s\n#define BITS %zu\n%s%s%s%s#define LOCAL %d\n#define BLOCK %d\n"
             "#define RANK %d\n",
             j->wide ? "#define INDEX long\n" : "", from_items ? "#define FROM_ITEMS\n" : "",
             j->item == 16 ? "#define WIDE_ITEM\n" : "", wf_bits_type(bytes), 8 * bytes,
             sign ? "#define SIGNED\n" : "", floating ? "#define INFINITE " : "",
             floating ? infinite : "", floating ? "\n" : "", j->local, BLOCK, j->lanes.rank);
}

// The kernel, with the arguments that lead all of them in `room`.
struct args {
    struct wf_launch l;
    struct wf_index index;
    struct wf_dims_arg dims;
    char s[sizeof(struct parts)];
};

static bool begin(const struct job *j, const char *kernel, bool from_items, struct args *a)
{
    char defines[256];
    write_defines(j, from_items, defines, sizeof defines);
    struct wf_request r = {"sort", kernel, defines, j->op};
    a->l = (struct wf_launch){.kernel = wf_kernel_get(j->dev, &r, j->err),
                              .op = j->op,
                              .local = (size_t)j->local,
                              .groups = wf_max_groups(j->dev),
                              .wide = j->wide};
    return a->l.kernel;
}

static void add_layout(const struct job *j, struct args *a, const struct parts *s)
{
    const int64_t v[] = {s->n, s->x_step, s->keep, s->y_step, s->parts, s->part};
    size_t n = sizeof v / sizeof *v, bytes = j->wide ? 8 : 4;
    for (size_t i = 0; i < n; i++) {
        int32_t narrow = (int32_t)v[i];
        memcpy(a->s + i * bytes, j->wide ? (const void *)&v[i] : (const void *)&narrow, bytes);
    }
    wf_dims_pack(&j->lanes, j->wide, &a->dims);
    wf_launch_value(&a->l, a->dims.bytes, &a->dims.u);
    wf_launch_value(&a->l, n * bytes, a->s);
}

// Scratch of `each` items for each group of a launch of so many tasks.
static struct wf_block *take_groups(const struct job *j, int64_t tasks, int64_t each)
{
    int64_t groups = (int64_t)wf_max_groups(j->dev);
    groups = tasks < groups ? tasks : groups;
    return wf_pool_take(j->dev, (size_t)(groups * each) * j->item, j->err);
}

static bool launch_parts(const struct job *j, const struct parts *s, const cl_mem *scratch,
                         const cl_mem *out)
{
    struct args a;
    if (!begin(j, "sort_parts", false, &a))
        return false;
    a.l.tasks = j->rows * s->parts;
    a.l.task_ns = (double)s->part * (j->cpu ? 40 : 100);
    add_layout(j, &a, s);
    wf_launch_value(&a.l, 8, &j->flip);
    wf_launch_mem(&a.l, &j->x);
    wf_launch_mem(&a.l, scratch);
    wf_launch_mem(&a.l, out);
    wf_launch_mem(&a.l, &j->y);
    return wf_launch(j->dev, &a.l, j->err);
}

static bool launch_merge(const struct job *j, int64_t run, const cl_mem *from, const cl_mem *to)
{
    struct args a;
    if (!begin(j, "sort_merge", false, &a))
        return false;
    struct parts s = j->s;
    int32_t final = 2 * run >= s.n;
    int64_t each = j->cpu ? MERGE_CPU : MERGE_GPU;
    int64_t units = j->rows * (((final ? s.keep : s.n) + each - 1) / each);
    s.part = run;
    s.parts = each;
    a.l.tasks = (units + j->local - 1) / j->local;
    a.l.task_ns = (double)(each * j->local) * 10;
    wf_launch_index(&a.l, &a.index, units);
    wf_launch_value(&a.l, 4, &final);
    add_layout(j, &a, &s);
    wf_launch_mem(&a.l, from);
    wf_launch_mem(&a.l, to);
    wf_launch_mem(&a.l, &j->y);
    return wf_launch(j->dev, &a.l, j->err);
}

static int64_t round_up(int64_t n, int64_t to)
{
    return (n + to - 1) / to * to;
}

static bool sort_whole_rows(const struct job *j, const struct parts *s)
{
    struct wf_block *b = j->cpu ? take_groups(j, j->rows, 2 * s->part) : NULL;
    if (j->cpu && !b)
        return false;
    const cl_mem *unused = b ? &b->mem : &j->y;
    bool ok = launch_parts(j, s, unused, unused);
    wf_pool_give(j->dev, b);
    return ok;
}

static bool sort_all(const struct job *j)
{
    struct parts s = j->s;
    s.part = j->cpu ? s.n : BLOCK;
    if (j->cpu && j->rows < j->units)
        s.part = round_up((s.n * j->rows + j->units - 1) / j->units, MERGE_CPU);
    s.parts = (s.n + s.part - 1) / s.part;
    if (s.parts == 1)
        return sort_whole_rows(j, &s);
    size_t bytes = (size_t)(j->rows * s.n) * j->item;
    struct wf_block *a = wf_pool_take(j->dev, bytes, j->err);
    struct wf_block *b = a ? wf_pool_take(j->dev, bytes, j->err) : NULL;
    bool ok = b && launch_parts(j, &s, &b->mem, &a->mem);
    const cl_mem *from = a ? &a->mem : NULL, *to = b ? &b->mem : NULL;
    for (int64_t run = s.part; ok && run < s.n; run *= 2) {
        ok = launch_merge(j, run, from, to);
        const cl_mem *swap = from;
        from = to;
        to = swap;
    }
    wf_pool_give(j->dev, b);
    wf_pool_give(j->dev, a);
    return ok;
}

static bool launch_select(const struct job *j, const struct parts *s, const cl_mem *items,
                          const cl_mem *out)
{
    struct args a;
    int64_t room = 2 * s->keep < SELECT_ROOM ? SELECT_ROOM : 2 * s->keep;
    if (!begin(j, "sort_select", items, &a))
        return false;
    a.l.tasks = j->rows * s->parts;
    a.l.task_ns = (double)s->part * (j->cpu ? 10 : 100);
    struct wf_block *b = j->cpu ? take_groups(j, a.l.tasks, 2 * room) : NULL;
    if (j->cpu && !b)
        return false;
    wf_launch_index(&a.l, &a.index, room);
    add_layout(j, &a, s);
    wf_launch_value(&a.l, 8, &j->flip);
    wf_launch_mem(&a.l, items ? items : &j->x);
    wf_launch_mem(&a.l, b ? &b->mem : &j->y);
    wf_launch_mem(&a.l, out);
    wf_launch_mem(&a.l, &j->y);
    bool ok = wf_launch(j->dev, &a.l, j->err);
    wf_pool_give(j->dev, b);
    return ok;
}

// Parts of `n` candidates of each row, so that all units work where there are few rows.
static struct parts select_parts(const struct job *j, int64_t n)
{
    struct parts s = j->s;
    s.n = s.part = n;
    if (j->cpu && j->rows < j->units)
        s.part = (n * j->rows + j->units - 1) / j->units;
    if (!j->cpu || s.part < SELECT_PART)
        s.part = SELECT_PART;
    s.parts = (n + s.part - 1) / s.part;
    return s;
}

static bool select_few(const struct job *j)
{
    struct wf_block *items = NULL;
    int64_t n = j->s.n;
    for (bool ok = true; ok;) {
        struct parts s = select_parts(j, n);
        struct wf_block *next = NULL;
        if (s.parts > 1) {
            n = s.parts * s.keep;
            next = wf_pool_take(j->dev, (size_t)(j->rows * n) * j->item, j->err);
            ok = next;
        }
        ok = ok && launch_select(j, &s, items ? &items->mem : NULL, next ? &next->mem : &j->y);
        wf_pool_give(j->dev, items);
        items = next;
        if (ok && s.parts == 1)
            return true;
    }
    wf_pool_give(j->dev, items);
    return false;
}

bool wf_sort_indices(weft_device *dev, const struct wf_sort *o, const struct wf_tensor *x, cl_mem y,
                     struct weft_error *err)
{
    struct job j = {.dev = dev, .y = y, .err = err};
    job_init(&j, o, x);
    if (!j.rows || !j.s.keep)
        return true;
    bool few = j.s.keep <= SELECT_MOST && j.s.keep <= j.s.n / 4 && j.s.n > BLOCK / 4;
    return few ? select_few(&j) : sort_all(&j);
}

// What a record keeps.
struct sort {
    int axis;
    bool descending;
};

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct sort *a = r->attr;
    struct wf_sort o = {.op = r->op->name,
                        .axis = a->axis,
                        .descending = a->descending,
                        .keep = r->out[0]->pub.shape[a->axis]};
    return wf_sort_indices(dev, &o, r->in[0], r->out[0]->storage->mem, err);
}

static const struct wf_op op_argsort = {.name = "argsort", .run = run, .flat = true};
static const struct wf_op op_topk = {.name = "topk", .run = run, .flat = true};

// Errors begin with `name`.
static weft_tensor *record(weft_scope *s, const char *name, const struct wf_op *op,
                           const weft_tensor *x, const struct sort *a, int64_t keep)
{
    int64_t shape[WEFT_MAX_DIMS];
    memcpy(shape, x->shape, sizeof shape);
    shape[a->axis] = keep;
    if (!wf_scope_shape(s, name, WEFT_I64, x->ndim, shape))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = WEFT_I64,
                                          .ndim = x->ndim,
                                          .shape = shape,
                                          .attr = a,
                                          .attr_bytes = sizeof *a});
}

static weft_tensor *argsort(weft_scope *s, const char *op, const weft_tensor *x, int axis,
                            bool descending)
{
    if (!wf_scope_takes(s, op, x) || (axis = wf_axis(s, op, axis, x->ndim)) < 0)
        return NULL;
    struct sort a = {axis, descending};
    return record(s, op, &op_argsort, x, &a, x->shape[axis]);
}

weft_tensor *weft_argsort(weft_scope *s, const weft_tensor *x, int axis, bool descending)
{
    return argsort(s, "argsort", x, axis, descending);
}

// The values that the indices name; the indices too, if they are asked for.
static weft_tensor *values(weft_scope *s, const weft_tensor *x, int axis, weft_tensor *order,
                           weft_tensor **indices)
{
    if (indices)
        *indices = order;
    return order ? weft_gather(s, x, axis, order) : NULL;
}

weft_tensor *weft_sort(weft_scope *s, const weft_tensor *x, int axis,
                       const struct weft_sort_params *params)
{
    struct weft_sort_params o;
    WF_PARAMS(o, params);
    return values(s, x, axis, argsort(s, "sort", x, axis, o.descending), o.indices);
}

weft_tensor *weft_topk(weft_scope *s, const weft_tensor *x, int axis, int64_t k,
                       const struct weft_topk_params *params)
{
    struct weft_topk_params o;
    WF_PARAMS(o, params);
    if (o.indices)
        *o.indices = NULL;
    if (!wf_scope_takes(s, "topk", x) || (axis = wf_axis(s, "topk", axis, x->ndim)) < 0)
        return NULL;
    if (k < 0 || k > x->shape[axis]) {
        wf_scope_fail(s, WEFT_PARAM, "topk: %lld of axis %d of %s; 0 to %lld were wanted",
                      (long long)k, axis, WF_SHAPE(x->ndim, x->shape), (long long)x->shape[axis]);
        return NULL;
    }
    struct sort a = {axis, !o.smallest};
    return values(s, x, axis, record(s, "topk", &op_topk, x, &a, k), o.indices);
}

const struct wf_op *const wf_sort_rows[] = {&op_argsort, &op_topk, NULL};
