// Reductions: how they run. Their fronts and gradients are in reduce_ops.c.
//
// A task is one output or a few of reduce_rows, or a few outputs that lie side by side, of
// reduce_columns. Where these are few and have many elements, parts of fixed size come first.
#include "op/reduce.h"
#include "core/view.h"
#include "op/expression.h"
#include "op/op.h"
#include <stdio.h>

enum {
    BLOCK_UNIT = 512, // elements before the compensation: chains of 8 in each of 64 sums
    BLOCK = 32,       // likewise in each of 4
    PART = 1 << 15,   // elements of a part of rows
    PART_ROWS = 256,  // rows of a part of columns
    EACH = 1 << 15,   // elements of a task of rows, if it has several rows
    STATE_BYTES = 24, // the most a state takes
    MIN_COLUMNS = 8,  // fewer that lie side by side are no columns
    WIDTH_CPU = 1024, // columns of a task
    COLUMNS_GPU = 64,
    LOCAL_GPU = 64
};

// What the kernel is told of a kind: its state, what is made of an element first, and y.
struct form {
    const char *state, *map, *result;
};
static const struct form forms[] = {
    [WF_SUM] = {"SUM", NULL, NULL},
    [WF_MEAN] = {"SUM", NULL, "((s).sum / a)"},
    [WF_PROD] = {"PROD", NULL, NULL},
    [WF_MAX] = {"MAX", NULL, NULL},
    [WF_MIN] = {"MIN", NULL, NULL},
    [WF_ANY] = {"MAX", "((v) != (T)0 ? (T)1 : (T)0)", "((s).value > 0)"},
    [WF_ALL] = {"MIN", "((v) != (T)0 ? (T)1 : (T)0)", "((s).value > 0)"},
    [WF_ARGMAX] = {"ARGMAX", NULL, NULL},
    [WF_ARGMIN] = {"ARGMIN", NULL, NULL},
    [WF_VAR] = {"VAR", NULL, NULL},
    [WF_STD] = {"VAR", NULL, "sqrt((s).square / fmax((A)(s).n - a, (A)0))"},
    [WF_LOG_SUM_EXP] = {"LOG_SUM_EXP", NULL, NULL},
    [WF_NORM] = {"SUM", "pow(fabs(v), (T)(c))", "pow((s).sum, (A)1 / a)"},
    [WF_NORM_0] = {"SUM", "((v) != (T)0 ? (T)1 : (T)0)", NULL},
    [WF_NORM_1] = {"SUM", "fabs(v)", NULL},
    [WF_NORM_2] = {"SUM", "((v) * (v))", "sqrt((s).sum)"},
    [WF_NORM_MAX] = {"MAX", "fabs(v)", NULL},
    [WF_NORM_MIN] = {"MIN", "fabs(v)", NULL},
};

// The dimensions of x, kept and reduced, each as few as possible.
struct walk {
    struct wf_dims kept, reduced;
    int64_t outputs, count;
};

static struct walk make_walk(const struct wf_tensor *x, const bool *reduced)
{
    struct walk w = {.outputs = 1, .count = 1};
    w.kept.views = w.reduced.views = 1;
    for (int i = 0; i < x->pub.ndim; i++) {
        struct wf_dims *d = reduced[i] ? &w.reduced : &w.kept;
        d->shape[d->rank] = x->pub.shape[i];
        d->stride[0][d->rank++] = x->stride[i];
        *(reduced[i] ? &w.count : &w.outputs) *= x->pub.shape[i];
    }
    w.kept.offset[0] = x->offset;
    wf_dims_collapse(&w.kept);
    wf_dims_collapse(&w.reduced);
    return w;
}

// One reduction: its types, and how the work is cut.
struct pass {
    const char *op;
    const struct form *form;
    enum weft_dtype from, compute, to; // of x, of the arithmetic, of y
    double a;
    int64_t parts, part;
    bool wide, columns, unit;
    int local, width;
};

static void write_defines(const struct pass *p, const struct walk *w, const char *kernel, char *out,
                          size_t room)
{
    bool f64 = p->from == WEFT_F64 || p->compute == WEFT_F64 || p->to == WEFT_F64;
    snprintf(
        out, room,
        "%s%s%s%s%s#define %s\n%s%s%s%s%s%s#define KRANK %d\n#define RRANK %d\n#define UNIT %d\n"
        "#define A %s\n#define X %s\n#define Y %s\n#define LOCAL %d\n#define WIDTH %d\n#define "
        "BLOCK %d\n",
        p->wide ? "#define INDEX long\n" : "", f64 ? "#define USE_F64\n" : "",
        wf_dtype_is_float(p->compute) ? "" : "#define INTEGER\n",
        p->parts > 1 ? "#define PARTS\n" : "", kernel, p->form->state,
        p->form->map ? "#define MAP(T, v, c, k) " : "", p->form->map ? p->form->map : "",
        p->form->map ? "\n" : "", p->form->result ? "#define RESULT(s) " : "",
        p->form->result ? p->form->result : "", p->form->result ? "\n" : "", w->kept.rank,
        w->reduced.rank, p->unit, wf_compute_type(p->compute), wf_storage_type(p->from),
        wf_storage_type(p->to), p->local, p->width, p->local == 1 && p->unit ? BLOCK_UNIT : BLOCK);
}

static void pack(const struct walk *w, bool wide, struct wf_dims_arg *out)
{
    int64_t v[4 * WEFT_MAX_DIMS + 1];
    size_t n = 0;
    for (int i = 0; i < 2 * w->kept.rank; i++)
        v[n++] = i < w->kept.rank ? w->kept.shape[i] : w->kept.stride[0][i - w->kept.rank];
    for (int i = 0; i < 2 * w->reduced.rank; i++)
        v[n++] =
            i < w->reduced.rank ? w->reduced.shape[i] : w->reduced.stride[0][i - w->reduced.rank];
    v[n++] = w->kept.offset[0];
    for (size_t i = 0; i < n; i++) {
        if (wide)
            out->u.wide[i] = v[i];
        else
            out->u.narrow[i] = (int32_t)v[i];
    }
    out->bytes = n * (wide ? 8 : 4);
}

// Decides by the shape how the work is cut.
static void cut(weft_device *dev, const struct walk *w, struct pass *p)
{
    bool cpu = dev->info.type == WEFT_DEVICE_CPU;
    int last = w->kept.rank - 1;
    int64_t columns = w->kept.shape[last], few = cpu ? 64 : 1024;
    p->unit = w->reduced.stride[0][w->reduced.rank - 1] == 1;
    p->columns = !p->unit && w->kept.stride[0][last] == 1 && columns >= MIN_COLUMNS;
    p->local = cpu ? 1 : p->columns ? COLUMNS_GPU : LOCAL_GPU;
    while ((size_t)p->local > dev->info.max_group)
        p->local /= 2;
    p->width = cpu ? WIDTH_CPU : p->local;
    int64_t pieces = (columns + p->width - 1) / p->width;
    int64_t tasks = p->columns ? w->outputs / columns * pieces : w->outputs;
    int64_t part_rows = columns && columns < PART / PART_ROWS ? PART / columns : PART_ROWS;
    int64_t part = p->columns ? part_rows : PART;
    bool split = tasks < few && w->count > 2 * part;
    p->part = split ? part : w->count;
    p->parts = split ? (w->count + part - 1) / part : 1;
    p->wide = wf_dims_wide(dev, &w->kept) || wf_dims_wide(dev, &w->reduced) ||
              wf_wide(dev, wf_dims_last(&w->kept, 0) + wf_dims_last(&w->reduced, 0)) ||
              wf_wide(dev, 2 * (w->kept.offset[0] + w->outputs * w->count));
}

// `a` as the type that the kernel computes in.
struct number {
    float f;
    int32_t i;
    int64_t l;
    double d;
};

static void add_number(struct wf_launch *l, const struct pass *p, struct number *n)
{
    *n = (struct number){(float)p->a, 0, 0, p->a};
    bool eight = p->compute == WEFT_F64 || p->compute == WEFT_I64;
    wf_launch_value(l, eight ? 8 : 4,
                    p->compute == WEFT_F64   ? (void *)&n->d
                    : p->compute == WEFT_I64 ? (void *)&n->l
                    : p->compute == WEFT_I32 ? (void *)&n->i
                                             : (void *)&n->f);
}

static bool run_pass(weft_device *dev, const struct pass *p, const struct walk *w, cl_mem x,
                     cl_mem y, struct weft_error *err)
{
    char defines[1024];
    write_defines(p, w, p->columns ? "#define COLUMNS\n" : "", defines, sizeof defines);
    struct wf_request r = {"reduce", p->columns ? "reduce_columns" : "reduce_rows", defines, p->op};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    int64_t columns = w->kept.shape[w->kept.rank - 1], outputs = w->outputs * p->parts;
    // Memory is faster where a task goes on for long, but 32 tasks should be left to share.
    int64_t most = w->outputs / 32 + 1, each = EACH / (w->count + 1) + 1;
    each = p->local > 1 || p->parts > 1 ? 1 : each < most ? each : most;
    int64_t pieces = (columns + p->width - 1) / p->width;
    int64_t tasks =
        p->columns ? w->outputs / columns * pieces * p->parts : (outputs + each - 1) / each;
    struct wf_launch l = {
        .kernel = k, .op = p->op, .tasks = tasks, .local = (size_t)p->local, .wide = p->wide};
    struct wf_index index[5];
    struct wf_dims_arg arg;
    struct number number;
    pack(w, p->wide, &arg);
    wf_launch_index(&l, &index[0], p->columns ? w->outputs : outputs);
    wf_launch_index(&l, &index[1], p->columns ? columns : each);
    wf_launch_index(&l, &index[2], w->count);
    wf_launch_index(&l, &index[3], p->parts);
    wf_launch_index(&l, &index[4], p->part);
    add_number(&l, p, &number);
    wf_launch_value(&l, arg.bytes, &arg.u);
    wf_launch_mem(&l, &x);
    wf_launch_mem(&l, &y);
    return wf_launch(dev, &l, err);
}

// y of the states of parts.
static bool run_join(weft_device *dev, const struct pass *p, const struct walk *w, cl_mem states,
                     cl_mem y, struct weft_error *err)
{
    char defines[1024];
    struct pass join = *p;
    join.parts = 1;
    write_defines(&join, w, "#define JOIN\n", defines, sizeof defines);
    struct wf_request r = {"reduce", "reduce_join", defines, p->op};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    struct wf_launch l = {
        .kernel = k, .op = p->op, .tasks = w->outputs, .local = (size_t)p->local, .wide = p->wide};
    struct wf_index parts, step, apart;
    struct number number;
    wf_launch_index(&l, &parts, p->parts);
    wf_launch_index(&l, &step, p->columns ? 1 : p->parts);
    wf_launch_index(&l, &apart, p->columns ? w->outputs : 1);
    add_number(&l, p, &number);
    wf_launch_mem(&l, &states);
    wf_launch_mem(&l, &y);
    return k && wf_launch(dev, &l, err);
}

enum weft_dtype wf_reduce_compute(enum wf_reduction kind, enum weft_dtype d)
{
    if (d == WEFT_F64 || d == WEFT_I64)
        return d;
    if (wf_dtype_is_float(d))
        return WEFT_F32;
    return kind == WF_SUM || kind == WF_PROD ? WEFT_I64 : WEFT_I32;
}

bool wf_reduce_run(weft_device *dev, const char *op, const struct wf_reduce *a,
                   const struct wf_tensor *x, enum weft_dtype dtype, cl_mem y,
                   struct weft_error *err)
{
    struct walk w = make_walk(x, a->reduced);
    struct pass p = {.op = op,
                     .form = &forms[a->kind],
                     .from = x->pub.dtype,
                     .compute = wf_reduce_compute(a->kind, x->pub.dtype),
                     .to = dtype,
                     .a = a->kind == WF_MEAN ? (double)w.count : a->a};
    if (!w.outputs)
        return true;
    cut(dev, &w, &p);
    if (p.parts == 1)
        return run_pass(dev, &p, &w, x->storage->mem, y, err);
    struct wf_block *b = wf_pool_take(dev, (size_t)(w.outputs * p.parts) * STATE_BYTES, err);
    bool ok = b && run_pass(dev, &p, &w, x->storage->mem, b->mem, err) &&
              run_join(dev, &p, &w, b->mem, y, err);
    wf_pool_give(dev, b);
    return ok;
}
