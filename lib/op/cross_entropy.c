// Cross-entropy and the loss of log-probabilities: each row of the loss from the classes of one
// place of x in one kernel, which never stores the softmax; then the reduction. The gradient
// computes the softmax again from x.
#include "core/view.h"
#include "op/expression.h"
#include "op/loss.h"
#include <stdio.h>

// RUN: bytes that a task on a CPU goes through, if that leaves TASKS tasks.
enum { LOCAL_GPU = 64, MIN_COLUMNS = 16, RUN = 1 << 16, TASKS = 64, CHUNK = 16, CHUNK_COLUMNS = 8 };

enum kind { LOSS, LABEL_WEIGHT, GRAD, TARGET_GRAD };

// The attribute of the records. Their inputs are x, the target, of a gradient the one that comes
// in, and the weights if there are any.
struct options {
    double keep, even; // 1 - smoothing, smoothing / classes
    bool log_probs, ignore;
    int64_t ignored;
};

struct job {
    enum kind kind;
    const struct options *o;
    const struct wf_tensor *x, *target, *g, *weight, *out;
    struct wf_dims rows; // views: x, target, g, out
    int64_t classes[6];  // as `struct classes` of the kernel
    bool probs, columns, wide;
    int local, vec;
};

// The dimension of x that the classes are.
static int class_axis(const weft_tensor *x)
{
    return x->ndim == 1 ? 0 : 1;
}

// A shape without an axis.
static void drop_axis(int axis, int ndim, const int64_t *shape, int64_t *out)
{
    for (int i = 0; i < ndim; i++) {
        if (i != axis)
            *out++ = shape[i];
    }
}

// Adds a tensor, if it has the axis of the classes without it.
static void add_rows(struct wf_dims *d, const struct wf_tensor *t, int axis)
{
    struct wf_tensor rows = *t;
    if (t->pub.ndim > d->rank) {
        rows.pub.ndim--;
        drop_axis(axis, t->pub.ndim, t->pub.shape, rows.pub.shape);
        drop_axis(axis, t->pub.ndim, t->stride, rows.stride);
    }
    wf_dims_add(d, &rows);
}

static bool is_wide(const weft_device *dev, const struct job *j)
{
    struct wf_dims all;
    wf_dims_init(&all, j->x->pub.ndim, j->x->pub.shape);
    wf_dims_add(&all, j->x);
    if (j->probs)
        wf_dims_add(&all, j->target);
    return wf_dims_wide(dev, &all) || wf_dims_wide(dev, &j->rows) ||
           (j->weight && wf_wide(dev, 2 * (j->weight->offset + j->classes[0] * j->classes[4])));
}

// Is each row only one class, that of its label?
static bool goes_through_labels(const struct job *j)
{
    return j->o->log_probs && j->kind <= LABEL_WEIGHT;
}

// Are rows best taken side by side? So they are where those of x then are one load or, in the
// gradient of log-probabilities, those of the result one store, and where there are no classes to
// go through.
static bool is_columns(const struct job *j)
{
    int last = j->rows.rank - 1, view = j->o->log_probs ? 3 : 0;
    return goes_through_labels(j) ||
           (j->classes[view ? 3 : 1] != 1 && j->rows.stride[view][last] == 1 &&
            j->rows.shape[last] >= MIN_COLUMNS);
}

// Can a vector be read at once: are there so many classes or, in columns, rows, side by side?
static bool has_vectors(const struct job *j, int vec)
{
    int last = j->rows.rank - 1;
    if (goes_through_labels(j))
        return j->rows.shape[last] >= vec;
    if (j->columns)
        return j->rows.shape[last] >= vec && (j->o->log_probs || j->rows.stride[0][last] == 1) &&
               (!j->probs || j->rows.stride[1][last] == 1);
    return j->classes[0] >= vec && (j->o->log_probs || j->classes[1] == 1) &&
           (!j->probs || j->classes[2] == 1) && (j->kind < GRAD || j->classes[3] == 1) &&
           (!j->weight || j->classes[4] == 1);
}

static struct job make_job(const weft_device *dev, const struct wf_record *r, enum kind kind)
{
    bool grad = kind >= GRAD, cpu = dev->info.type == WEFT_DEVICE_CPU;
    struct job j = {.kind = kind, .o = r->attr, .x = r->in[0], .target = r->in[1]};
    j.g = grad ? r->in[2] : NULL;
    j.weight = r->nin > 2 + grad ? r->in[2 + grad] : NULL;
    j.out = r->out[0];
    j.probs = j.target->pub.dtype != WEFT_I64;
    int axis = class_axis(&j.x->pub);
    int64_t shape[WEFT_MAX_DIMS];
    drop_axis(axis, j.x->pub.ndim, j.x->pub.shape, shape);
    wf_dims_init(&j.rows, j.x->pub.ndim - 1, shape);
    add_rows(&j.rows, j.x, axis);
    add_rows(&j.rows, j.target, axis);
    add_rows(&j.rows, j.g ? j.g : j.x, axis);
    add_rows(&j.rows, j.out, axis);
    wf_dims_collapse(&j.rows);
    const int64_t classes[6] = {j.x->pub.shape[axis],
                                j.x->stride[axis],
                                j.probs ? j.target->stride[axis] : 0,
                                grad ? j.out->stride[axis] : 0,
                                j.weight ? j.weight->stride[0] : 0,
                                j.weight ? j.weight->offset : 0};
    memcpy(j.classes, classes, sizeof classes);
    j.wide = is_wide(dev, &j);
    j.local = cpu ? 1 : LOCAL_GPU;
    while ((size_t)j.local > dev->info.max_group)
        j.local /= 2;
    j.columns = is_columns(&j);
    j.vec = j.x->pub.dtype == WEFT_F64 ? 8 : 16;
    if (!cpu || !has_vectors(&j, j.vec))
        j.vec = 1;
    return j;
}

static struct wf_kernel *get_kernel(weft_device *dev, const struct job *j, const char *op,
                                    struct weft_error *err)
{
    char defines[400];
    enum weft_dtype d = j->x->pub.dtype;
    bool soft = j->kind != TARGET_GRAD && (j->probs || j->o->even != 0);
    snprintf(defines, sizeof defines,
             "%s%s%s%s%s%s%s%s%s#define X %s\n#define RANK %d\n#define LOCAL %d\n#define VEC %d\n"
             "#define CHUNK %d\n",
             j->wide ? "#define INDEX long\n" : "",
             d == WEFT_F64 ? "#define USE_F64\n#define T double\n" : "",
             j->kind >= GRAD ? "#define GRAD\n" : "",
             j->kind == TARGET_GRAD ? "#define TARGET_GRAD\n" : "",
             j->weight ? "#define WEIGHTED\n" : "", j->probs ? "#define PROBS\n" : "",
             soft ? "#define SOFT\n" : "", j->columns ? "#define COLUMNS\n" : "",
             j->o->log_probs ? "#define LOG_PROBS\n" : "", wf_storage_type(d), j->rows.rank,
             j->local, j->vec, j->columns ? CHUNK_COLUMNS : CHUNK);
    struct wf_request request = {"cross_entropy",
                                 j->kind == LABEL_WEIGHT ? "label_weight"
                                 : j->kind == LOSS       ? "cross_entropy"
                                                         : "cross_entropy_grad",
                                 defines, op};
    return wf_kernel_get(dev, &request, err);
}

// The arguments behind the strides.
struct values {
    float f32[2];
    double f64[2];
    int64_t ignored[2];
};

static void add_values(struct wf_launch *l, const struct job *j, struct values *v)
{
    const struct options *o = j->o;
    bool f64 = j->x->pub.dtype == WEFT_F64;
    *v = (struct values){.f32 = {(float)o->keep, (float)o->even},
                         .f64 = {o->keep, o->even},
                         .ignored = {o->ignored, o->ignore}};
    wf_launch_value(l, f64 ? sizeof v->f64 : sizeof v->f32, f64 ? (void *)v->f64 : (void *)v->f32);
    wf_launch_value(l, sizeof v->ignored, v->ignored);
}

// Elements of x in a unit of work.
static int64_t unit_elements(const struct job *j)
{
    return j->classes[0] * (j->columns ? (int64_t)j->vec * j->local : 1);
}

static double unit_ns(const struct job *j)
{
    return 100 + 2 * (double)unit_elements(j);
}

// Units of a task.
static int64_t run_length(const weft_device *dev, const struct job *j, int64_t units)
{
    int64_t bytes = unit_elements(j) * (int64_t)weft_dtype_size(j->x->pub.dtype);
    int64_t length = (RUN + bytes - 1) / bytes, most = (units + TASKS - 1) / TASKS;
    return dev->info.type != WEFT_DEVICE_CPU ? 1 : length < most ? length : most;
}

static bool run_kind(weft_device *dev, struct wf_record *r, enum kind kind, struct weft_error *err)
{
    struct job j = make_job(dev, r, kind);
    int64_t rows = wf_shape_count(j.rows.rank, j.rows.shape);
    if (!rows)
        return true;
    struct wf_kernel *k = get_kernel(dev, &j, r->op->name, err);
    if (!k)
        return false;
    int64_t inner = j.rows.shape[j.rows.rank - 1], width = (int64_t)j.vec * j.local;
    int64_t pieces = (inner + width - 1) / width;
    int64_t units = j.columns ? rows / inner * pieces : rows, length = run_length(dev, &j, units);
    struct wf_launch l = {.kernel = k,
                          .op = r->op->name,
                          .tasks = (units + length - 1) / length,
                          .local = (size_t)j.local,
                          .task_ns = (double)length * unit_ns(&j),
                          .wide = j.wide};
    struct wf_index index[3];
    struct wf_dims_arg dims;
    char classes[sizeof j.classes];
    struct values values;
    wf_launch_index(&l, &index[0], pieces);
    wf_launch_index(&l, &index[1], units);
    wf_launch_index(&l, &index[2], length);
    wf_dims_pack(&j.rows, j.wide, &dims);
    wf_launch_value(&l, dims.bytes, &dims.u);
    for (size_t i = 0; i < 6; i++) {
        int32_t narrow = (int32_t)j.classes[i];
        memcpy(classes + i * (j.wide ? 8 : 4), j.wide ? (void *)&j.classes[i] : (void *)&narrow,
               j.wide ? 8 : 4);
    }
    wf_launch_value(&l, j.wide ? 48 : 24, classes);
    add_values(&l, &j, &values);
    wf_launch_mem(&l, &j.x->storage->mem);
    wf_launch_mem(&l, &j.target->storage->mem);
    wf_launch_mem(&l, &(j.weight ? j.weight : j.x)->storage->mem);
    if (j.g)
        wf_launch_mem(&l, &j.g->storage->mem);
    wf_launch_mem(&l, &j.out->storage->mem);
    return wf_launch(dev, &l, err);
}

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return run_kind(dev, r, LOSS, err);
}

static bool run_label_weight(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return run_kind(dev, r, LABEL_WEIGHT, err);
}

static bool run_grad(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return run_kind(dev, r, GRAD, err);
}

static bool run_target_grad(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return run_kind(dev, r, TARGET_GRAD, err);
}

static const struct wf_op op_grad = {.name = "cross_entropy_grad", .run = run_grad};
static const struct wf_op op_nll_grad = {.name = "nll_grad", .run = run_grad};
static const struct wf_op op_target_grad = {.name = "cross_entropy_target_grad",
                                            .run = run_target_grad};

static weft_tensor *record_grad(weft_scope *s, const struct wf_record *r, const struct wf_op *op,
                                const weft_tensor *of, const weft_tensor *g)
{
    const weft_tensor *in[4] = {&r->in[0]->pub, &r->in[1]->pub, g,
                                r->nin > 2 ? &r->in[2]->pub : NULL};
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = r->nin + 1,
                                          .in = in,
                                          .dtype = of->dtype,
                                          .ndim = of->ndim,
                                          .shape = of->shape,
                                          .attr = r->attr,
                                          .attr_bytes = sizeof(struct options)});
}

static bool grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy, weft_tensor **gx)
{
    const struct options *o = r->attr;
    const weft_tensor *x = &r->in[0]->pub, *target = &r->in[1]->pub;
    if (wf_wants(r, 0)) {
        gx[0] = record_grad(s, r, o->log_probs ? &op_nll_grad : &op_grad, x, gy[0]);
        if (!gx[0])
            return false;
    }
    if (!wf_wants(r, 1) || target->dtype == WEFT_I64)
        return true;
    gx[1] = record_grad(s, r, &op_target_grad, target, gy[0]);
    return gx[1];
}

static const struct wf_op op_cross_entropy = {
    .name = "cross_entropy", .run = run, .grad = grad, .saves = WF_SAVES_INPUTS};
static const struct wf_op op_nll = {
    .name = "nll", .run = run, .grad = grad, .saves = WF_SAVES_INPUTS};
static const struct wf_op op_label_weight = {
    .name = "label_weight", .run = run_label_weight, .flat = true};

// As the header calls it.
static const char *target_name(const struct wf_loss *l)
{
    return l->knows & WF_LOSS_SMOOTHING ? "target" : "label";
}

static bool check_labels(weft_scope *s, const struct wf_loss *l, const weft_tensor *x,
                         const weft_tensor *label)
{
    int64_t shape[WEFT_MAX_DIMS];
    drop_axis(class_axis(x), x->ndim, x->shape, shape);
    return (label->ndim == x->ndim - 1 &&
            !memcmp(shape, label->shape, (size_t)label->ndim * sizeof *shape)) ||
           wf_scope_fail(s, WEFT_SHAPE,
                         "%s: x is %s and %s %s; [batch,class,...] and [batch,...] were wanted",
                         l->op, WF_SHAPE(x->ndim, x->shape), target_name(l),
                         WF_SHAPE(label->ndim, label->shape));
}

static bool check_probs(weft_scope *s, const struct wf_loss *l, const weft_tensor *x,
                        const weft_tensor *target)
{
    if (!wf_same_shape(x, target))
        return wf_scope_fail(
            s, WEFT_SHAPE, "%s: x is %s and the target %s; of probabilities one shape was wanted",
            l->op, WF_SHAPE(x->ndim, x->shape), WF_SHAPE(target->ndim, target->shape));
    return !l->o.ignore ||
           wf_scope_fail(s, WEFT_PARAM, "%s: ignore is set, but the target is probabilities",
                         l->op);
}

static bool check_weight(weft_scope *s, const char *op, const weft_tensor *x,
                         const weft_tensor *weight)
{
    int64_t classes = x->shape[class_axis(x)];
    if (weight->dtype != x->dtype)
        return wf_scope_fail(s, WEFT_DTYPE, "%s: x is %s and weight %s; one dtype was wanted", op,
                             weft_dtype_name(x->dtype), weft_dtype_name(weight->dtype));
    return (weight->ndim == 1 && weight->shape[0] == classes) ||
           wf_scope_fail(s, WEFT_SHAPE, "%s: weight is %s; [%lld], one for each class, was wanted",
                         op, WF_SHAPE(weight->ndim, weight->shape), (long long)classes);
}

static bool check(weft_scope *s, const struct wf_loss *l, const weft_tensor *x,
                  const weft_tensor *target)
{
    bool may_be_probs = l->knows & WF_LOSS_SMOOTHING;
    bool probs = may_be_probs && target->dtype == x->dtype;
    if (target->dtype != WEFT_I64 && target->dtype != WEFT_I32 && !probs)
        return wf_scope_fail(s, WEFT_DTYPE, "%s: x is %s and %s %s; I64 or I32%s was wanted", l->op,
                             weft_dtype_name(x->dtype), target_name(l),
                             weft_dtype_name(target->dtype),
                             may_be_probs ? ", or probabilities of the dtype of x," : "");
    if (!x->ndim || !x->shape[class_axis(x)])
        return wf_scope_fail(s, WEFT_SHAPE,
                             "%s: x is %s; [batch,class,...] with classes was wanted", l->op,
                             WF_SHAPE(x->ndim, x->shape));
    return (probs ? check_probs(s, l, x, target) : check_labels(s, l, x, target)) &&
           (!l->o.weight || check_weight(s, l->op, x, l->o.weight));
}

// A row for each place of x, in the type that x is computed in.
static weft_tensor *record_rows(weft_scope *s, const struct wf_op *op, const struct wf_loss *l,
                                const weft_tensor *x, const weft_tensor *target)
{
    const weft_tensor *in[] = {x, target, l->o.weight};
    enum weft_dtype dtype = x->dtype == WEFT_F64 ? WEFT_F64 : WEFT_F32;
    struct options o = {.keep = 1 - l->o.smoothing,
                        .even = l->o.smoothing / (double)x->shape[class_axis(x)],
                        .log_probs = op != &op_cross_entropy,
                        .ignore = l->o.ignore,
                        .ignored = l->o.ignored};
    if (op == &op_label_weight) {
        o.keep = 1;
        o.even = 0;
    }
    int64_t shape[WEFT_MAX_DIMS];
    drop_axis(class_axis(x), x->ndim, x->shape, shape);
    if (!wf_scope_shape(s, l->op, dtype, x->ndim - 1, shape))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = l->o.weight ? 3 : 2,
                                          .in = in,
                                          .dtype = dtype,
                                          .ndim = x->ndim - 1,
                                          .shape = shape,
                                          .attr = &o,
                                          .attr_bytes = sizeof o});
}

static weft_tensor *of_classes(weft_scope *s, const struct wf_op *op, const struct wf_loss *l,
                               const weft_tensor *x, const weft_tensor *target)
{
    // The kernels read labels of 64 bits.
    if (target->dtype == WEFT_I32) {
        weft_label_push(s, l->op);
        target = weft_cast(s, target, WEFT_I64);
        weft_label_pop(s);
    }
    weft_tensor *y = target ? record_rows(s, op, l, x, target) : NULL;
    if (!y)
        return NULL;
    bool counted = target->dtype == WEFT_I64 && (l->o.weight || l->o.ignore);
    if (l->o.reduction == WEFT_LOSS_MEAN && counted) {
        weft_tensor *weights = record_rows(s, &op_label_weight, l, x, target);
        weft_label_push(s, l->op);
        y = weights ? weft_div(s, weft_sum(s, y, NULL), weft_sum(s, weights, NULL)) : NULL;
        weft_label_pop(s);
    } else {
        y = wf_loss_reduce(s, l, y);
    }
    return y ? weft_cast(s, y, x->dtype) : NULL;
}

weft_tensor *weft_cross_entropy(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                                const struct weft_loss_params *o)
{
    struct wf_loss l = {.op = "cross_entropy",
                        .knows = WF_LOSS_WEIGHT | WF_LOSS_SMOOTHING | WF_LOSS_IGNORE};
    if (!wf_loss_takes(s, &l, x, target, o) || !check(s, &l, x, target))
        return NULL;
    return of_classes(s, &op_cross_entropy, &l, x, target);
}

weft_tensor *weft_nll(weft_scope *s, const weft_tensor *x, const weft_tensor *label,
                      const struct weft_loss_params *o)
{
    struct wf_loss l = {.op = "nll", .knows = WF_LOSS_WEIGHT | WF_LOSS_IGNORE};
    if (!wf_loss_takes(s, &l, x, label, o) || !check(s, &l, x, label))
        return NULL;
    return of_classes(s, &op_nll, &l, x, label);
}

const struct wf_op *const wf_cross_entropy_rows[] = {&op_cross_entropy, &op_nll, NULL};
