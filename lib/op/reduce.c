// Reductions: sum, mean, max over any axes; argmax over one.
//
// A task is one output (reduce_rows), or a few that lie side by side (reduce_columns). Few outputs
// of many elements are made in two passes, over parts of fixed size.
#include "core/view.h"
#include "op/expression.h"
#include "op/op.h"
#include <stdio.h>

enum { PART = 1 << 15, FEW = 64, LOCAL_GPU = 64, WIDTH = 16, COLUMNS_GPU = 64 };

enum reduction { SUM, MEAN, MAX, ARGMAX };

struct reduce {
    enum reduction kind;
    bool reduced[WEFT_MAX_DIMS];
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

static struct walk part_walk(int64_t outputs, int64_t parts)
{
    struct walk w = {.outputs = outputs, .count = parts};
    w.kept = (struct wf_dims){.rank = 1, .views = 1, .shape = {outputs}, .stride = {{parts}}};
    w.reduced = (struct wf_dims){.rank = 1, .views = 1, .shape = {parts}, .stride = {{1}}};
    return w;
}

// One pass over x: types, work sizes.
struct pass {
    const char *op;
    enum reduction kind;
    enum weft_dtype from, compute, to; // of x, of the arithmetic, of y
    int64_t parts, part;
    double divisor;
    bool wide, columns;
    int local;
};

static const char *load_text(enum weft_dtype d)
{
    return d == WEFT_F16 ? "vload_half(0, p)" : d == WEFT_BF16 ? "from_bf16(*(p))" : "(*(p))";
}

static const char *store_text(enum weft_dtype d)
{
    return d == WEFT_F16    ? "vstore_half((float)(a), 0, p)"
           : d == WEFT_BF16 ? "(*(p) = to_bf16((float)(a)))"
                            : "(*(p) = (Y)(a))";
}

static void write_defines(const struct pass *p, const struct walk *w, char *out, size_t room)
{
    static const char *const kind[] = {"SUM", "SUM", "MAX", "ARGMAX"};
    bool f64 = p->from == WEFT_F64 || p->compute == WEFT_F64 || p->to == WEFT_F64;
    snprintf(out, room,
             "%s%s%s#define %s\n#define KRANK %d\n#define RRANK %d\n#define X %s\n"
             "#define LOAD(p) %s\n#define A %s\n#define Y %s\n#define STORE(p, a) %s\n"
             "#define LOCAL %d\n#define WIDTH %d\n",
             p->wide ? "#define INDEX long\n" : "", f64 ? "#define USE_F64\n" : "",
             wf_dtype_is_float(p->compute) ? "" : "#define INTEGER\n", kind[p->kind], w->kept.rank,
             w->reduced.rank, wf_storage_type(p->from), load_text(p->from),
             wf_compute_type(p->compute), wf_storage_type(p->to), store_text(p->to), p->local,
             p->local > WIDTH ? p->local : WIDTH);
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

// The columns kernel wants the last kept dimension to lie side by side, and one reduced dimension.
static bool is_columns(const struct walk *w, const struct pass *p)
{
    int last = w->kept.rank - 1;
    return p->kind <= MEAN && w->reduced.rank == 1 && w->kept.stride[0][last] == 1 &&
           w->kept.shape[last] >= WIDTH && p->parts == 1;
}

static bool run_pass(weft_device *dev, struct pass *p, const struct walk *w, cl_mem x, cl_mem y,
                     struct weft_error *err)
{
    char defines[640];
    bool cpu = dev->info.type == WEFT_DEVICE_CPU;
    p->columns = is_columns(w, p);
    p->local = cpu ? 1 : p->columns ? COLUMNS_GPU : LOCAL_GPU;
    while ((size_t)p->local > dev->info.max_group)
        p->local /= 2;
    p->wide = wf_dims_wide(&w->kept) || wf_dims_wide(&w->reduced) ||
              w->kept.offset[0] + w->outputs * w->count > INT32_MAX / 2;
    write_defines(p, w, defines, sizeof defines);
    struct wf_request r = {"reduce", p->columns ? "reduce_columns" : "reduce_rows", defines, p->op};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    int64_t columns = w->kept.shape[w->kept.rank - 1];
    int width = p->local > WIDTH ? p->local : WIDTH;
    int64_t tasks =
        p->columns ? w->outputs / columns * ((columns + width - 1) / width) : w->outputs * p->parts;
    struct wf_launch l = {
        .kernel = k, .op = p->op, .tasks = tasks, .local = (size_t)p->local, .wide = p->wide};
    struct wf_index index[3];
    struct wf_dims_arg arg;
    float f = (float)p->divisor;
    int32_t i32 = (int32_t)p->divisor;
    int64_t i64 = (int64_t)p->divisor;
    pack(w, p->wide, &arg);
    wf_launch_index(&l, &index[0], w->count);
    if (p->columns) {
        wf_launch_index(&l, &index[1], columns);
    } else {
        wf_launch_index(&l, &index[1], p->parts);
        wf_launch_index(&l, &index[2], p->part);
    }
    if (p->compute == WEFT_F64)
        wf_launch_value(&l, 8, &p->divisor);
    else if (p->compute == WEFT_I64)
        wf_launch_value(&l, 8, &i64);
    else
        wf_launch_value(&l, 4, wf_dtype_is_float(p->compute) ? (void *)&f : (void *)&i32);
    wf_launch_value(&l, arg.bytes, &arg.u);
    wf_launch_mem(&l, &x);
    wf_launch_mem(&l, &y);
    return wf_launch(dev, &l, err);
}

static enum weft_dtype compute_dtype(enum reduction kind, enum weft_dtype d)
{
    if (d == WEFT_F64 || d == WEFT_I64)
        return d;
    if (wf_dtype_is_float(d))
        return WEFT_F32;
    return kind == SUM ? WEFT_I64 : WEFT_I32;
}

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct reduce *a = r->attr;
    struct wf_tensor *x = r->in[0], *y = r->out[0];
    struct walk w = make_walk(x, a->reduced);
    enum weft_dtype compute = compute_dtype(a->kind, x->pub.dtype);
    struct pass p = {.op = r->op->name,
                     .kind = a->kind,
                     .from = x->pub.dtype,
                     .compute = compute,
                     .to = y->pub.dtype,
                     .parts = 1,
                     .part = w.count,
                     .divisor = 1};
    if (a->kind == MEAN)
        p.divisor = (double)w.count;
    if (!w.outputs)
        return true;
    if (a->kind == ARGMAX || w.count <= 2 * PART || w.outputs > FEW)
        return run_pass(dev, &p, &w, x->storage->mem, y->storage->mem, err);
    struct pass parts = p;
    parts.to = compute;
    parts.divisor = 1;
    parts.part = PART;
    parts.parts = p.parts = (w.count + PART - 1) / PART;
    size_t bytes = (size_t)(w.outputs * parts.parts) * weft_dtype_size(compute);
    struct wf_block *b = wf_pool_take(dev, bytes, err);
    struct walk again = part_walk(w.outputs, parts.parts);
    p.from = compute;
    p.parts = 1;
    p.part = again.count;
    bool ok = b && run_pass(dev, &parts, &w, x->storage->mem, b->mem, err) &&
              run_pass(dev, &p, &again, b->mem, y->storage->mem, err);
    wf_pool_give(dev, b);
    return ok;
}

// A gradient of the reduced shape, with the reduced dimensions as 1.
static weft_tensor *unreduce(weft_scope *s, const struct wf_record *r, const weft_tensor *g)
{
    const struct reduce *a = r->attr;
    const weft_tensor *x = &r->in[0]->pub;
    int64_t shape[WEFT_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = a->reduced[i] ? 1 : x->shape[i];
    return weft_reshape(s, g, x->ndim, shape);
}

static bool sum_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                     weft_tensor **gx)
{
    const struct reduce *a = r->attr;
    const weft_tensor *x = &r->in[0]->pub;
    weft_tensor *g = unreduce(s, r, gy[0]);
    double count = (double)weft_count(x) / (double)weft_count(gy[0]);
    if (a->kind == MEAN && g)
        g = weft_scale(s, g, 1 / count);
    gx[0] = g ? weft_expand(s, g, x->ndim, x->shape) : NULL;
    return gx[0];
}

// Equal largest elements share the gradient, as in PyTorch's amax.
static bool max_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                     weft_tensor **gx)
{
    const weft_tensor *x = &r->in[0]->pub;
    const struct reduce *a = r->attr;
    int axes[WEFT_MAX_DIMS], n = 0;
    for (int i = 0; i < x->ndim; i++) {
        if (a->reduced[i])
            axes[n++] = i;
    }
    weft_tensor *y = unreduce(s, r, &r->out[0]->pub), *g = unreduce(s, r, gy[0]);
    weft_tensor *hit = y ? weft_cast(s, weft_eq(s, x, y), x->dtype) : NULL;
    weft_tensor *hits =
        hit && n ? weft_sum(s, hit, weft_reduce_params(.axes = axes, .naxes = n, .keep_dims = true))
                 : hit;
    gx[0] = hits && g ? weft_mul(s, hit, weft_div(s, g, hits)) : NULL;
    return gx[0];
}

static const struct wf_op op_sum = {.name = "sum", .run = run, .grad = sum_grad};
static const struct wf_op op_mean = {.name = "mean", .run = run, .grad = sum_grad};
static const struct wf_op op_max = {
    .name = "max", .run = run, .grad = max_grad, .saves = WF_SAVES_INPUTS | WF_SAVES_OUTPUT};
static const struct wf_op op_argmax = {.name = "argmax", .run = run, .flat = true};

static const struct wf_op *const rows[] = {&op_sum, &op_mean, &op_max, &op_argmax};

static bool read_axes(weft_scope *s, const char *op, const weft_tensor *x,
                      const struct weft_reduce_params *o, struct reduce *a)
{
    if (o->naxes < 0 || (o->naxes && !o->axes))
        return wf_scope_wrong(s, "%s: %d axes at %s", op, o->naxes, o->axes ? "an array" : "NULL");
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

static weft_tensor *record(weft_scope *s, enum reduction kind, enum weft_dtype dtype,
                           const weft_tensor *x, const struct weft_reduce_params *params)
{
    struct weft_reduce_params o;
    struct reduce a = {.kind = kind};
    const struct wf_op *op = rows[kind];
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
    if (!count && kind >= MAX) {
        wf_scope_fail(s, WEFT_SHAPE, "%s: x is %s; the largest of nothing was asked for", op->name,
                      WF_SHAPE(x->ndim, x->shape));
        return NULL;
    }
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = dtype,
                                          .ndim = ndim,
                                          .shape = shape,
                                          .attr = &a,
                                          .attr_bytes = sizeof a});
}

weft_tensor *weft_sum(weft_scope *s, const weft_tensor *x, const struct weft_reduce_params *o)
{
    if (!wf_scope_takes(s, "sum", x))
        return NULL;
    return record(s, SUM, wf_dtype_is_float(x->dtype) ? x->dtype : WEFT_I64, x, o);
}

weft_tensor *weft_mean(weft_scope *s, const weft_tensor *x, const struct weft_reduce_params *o)
{
    if (!wf_scope_takes(s, "mean", x) || !wf_want_float(s, "mean", x))
        return NULL;
    return record(s, MEAN, x->dtype, x, o);
}

weft_tensor *weft_max(weft_scope *s, const weft_tensor *x, const struct weft_reduce_params *o)
{
    return wf_scope_takes(s, "max", x) ? record(s, MAX, x->dtype, x, o) : NULL;
}

weft_tensor *weft_argmax(weft_scope *s, const weft_tensor *x, int axis)
{
    if (!wf_scope_takes(s, "argmax", x))
        return NULL;
    return record(s, ARGMAX, WEFT_I64, x, weft_reduce_params(.axes = &axis, .naxes = 1));
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

const struct wf_op *const wf_reduce_rows[] = {&op_sum, &op_mean, &op_max, &op_argmax, NULL};
