// Random tensors and dropout. A record's attribute holds the key of its draw, so it gives the same
// numbers whenever and however often it runs.
#include "op/random.h"
#include "core/copy.h"
#include "core/view.h"
#include "op/expression.h"
#include "op/op.h"
#include "philox.h"
#include <float.h>
#include <math.h>
#include <stdio.h>

// Elements of a task, of those where a counter makes four.
enum { CHUNK_CPU = 4096, CHUNK_GPU = 2048 };

struct row {
    struct wf_op op; // first: a record points to it
    const char *kind;
};

struct random {
    struct wf_draw draw;
    double a, b; // what cl/random.cl calls so
    uint64_t limit;
};

struct wf_draw wf_draw_next(weft_scope *s)
{
    struct philox r = philox(s->seed, s->stream, s->draws++);
    return (struct wf_draw){.key = r.v[0] | (uint64_t)r.v[1] << 32,
                            .high = r.v[2] | (uint64_t)r.v[3] << 32};
}

// The bits that a number uniform in [0, 1) has: as many as the dtype holds without rounding to 1.
static int unit_bits(enum weft_dtype d)
{
    return d == WEFT_F64 ? 53 : d == WEFT_F16 ? 11 : d == WEFT_BF16 ? 8 : 24;
}

struct form {
    bool wide, long_numbers;
    const char *lies; // how x lies, as a macro
    int vec;
};

static void write_defines(const struct form *f, const struct wf_record *r, int rank, char *out,
                          size_t room)
{
    const struct row *row = (const struct row *)r->op;
    enum weft_dtype d = r->out[0]->pub.dtype;
    snprintf(out, room,
             "%s%s%s%s#define %s\n#define Y %s\n#define BITS %d\n#define VEC %d\n"
             "#define RANK %d\n",
             f->wide ? "#define INDEX long\n" : "",
             d == WEFT_F64 ? "#define USE_F64\n#define REAL double\n" : "",
             f->long_numbers ? "#define LONG\n" : "", f->lies, row->kind, wf_storage_type(d),
             r->nin ? 24 : unit_bits(d), f->vec, rank);
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

// In the computing type.
struct real {
    union {
        cl_float f32;
        cl_double f64;
    } u;
    size_t bytes;
};

static struct real make_real(double v, enum weft_dtype d)
{
    struct real r = {.bytes = d == WEFT_F64 ? sizeof r.u.f64 : sizeof r.u.f32};
    if (d == WEFT_F64)
        r.u.f64 = v;
    else
        r.u.f32 = (cl_float)v;
    return r;
}

static bool launch(weft_device *dev, struct wf_record *r, const struct form *f,
                   const struct wf_dims *d, struct wf_kernel *k, struct weft_error *err)
{
    const struct random *at = r->attr;
    struct wf_tensor *y = r->out[0];
    bool cpu = dev->info.type == WEFT_DEVICE_CPU;
    int64_t n = weft_count(&y->pub), per = f->long_numbers ? 2 : 4;
    int64_t chunk = (cpu ? CHUNK_CPU : CHUNK_GPU) / 4, blocks = ceil_div(n, 16 * per);
    struct wf_launch l = {.kernel = k,
                          .op = r->op->name,
                          .tasks = ceil_div(blocks * 16, chunk),
                          .local = wf_loop_local(dev, k),
                          .wide = f->wide};
    struct wf_index index[2];
    struct wf_dims_arg arg;
    cl_ulong key = at->draw.key, high = at->draw.high, limit = at->limit;
    struct real a = make_real(at->a, y->pub.dtype), b = make_real(at->b, y->pub.dtype);
    wf_launch_index(&l, &index[0], n);
    wf_launch_index(&l, &index[1], chunk);
    wf_launch_value(&l, sizeof key, &key);
    wf_launch_value(&l, sizeof high, &high);
    wf_launch_value(&l, sizeof limit, &limit);
    wf_launch_value(&l, a.bytes, &a.u);
    wf_launch_value(&l, b.bytes, &b.u);
    if (r->nin) {
        wf_dims_pack(d, f->wide, &arg);
        wf_launch_value(&l, arg.bytes, &arg.u);
        wf_launch_mem(&l, &r->in[0]->storage->mem);
    }
    wf_launch_mem(&l, &y->storage->mem);
    return wf_launch(dev, &l, err);
}

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    struct wf_tensor *y = r->out[0];
    struct wf_dims d;
    wf_dims_init(&d, y->pub.ndim, y->pub.shape);
    for (int i = 0; i < r->nin; i++)
        wf_dims_add(&d, r->in[i]);
    wf_dims_collapse(&d);
    bool whole = !wf_dtype_is_float(y->pub.dtype);
    struct form f = {
        .wide = wf_dims_wide(dev, &d) || wf_wide(dev, 2 * weft_count(&y->pub)),
        .lies = !r->nin || d.rank > 1 ? ""
                : d.stride[0][0] == 1 ? "#define DENSE\n"
                : d.stride[0][0] == 0 ? "#define REPEATED\n"
                                      : "",
        .long_numbers = whole || (y->pub.dtype == WEFT_F64 && !r->nin),
        .vec = dev->info.type != WEFT_DEVICE_CPU ? 1
               : y->pub.dtype == WEFT_F64        ? 8
                                                 : 16,
    };
    char defines[400];
    write_defines(&f, r, d.rank, defines, sizeof defines);
    struct wf_request request = {"random", "random", defines, r->op->name};
    struct wf_kernel *k = wf_kernel_get(dev, &request, err);
    return k && launch(dev, r, &f, &d, k, err);
}

static const struct row row_uniform = {{.name = "uniform", .run = run, .flat = true}, "UNIFORM"};
static const struct row row_normal = {{.name = "normal", .run = run, .flat = true}, "NORMAL"};
static const struct row row_int = {{.name = "random_int", .run = run, .flat = true}, "WHOLE"};
static const struct row row_bernoulli = {{.name = "bernoulli", .run = run, .flat = true},
                                         "BERNOULLI"};

static weft_tensor *record(weft_scope *s, const struct row *row, struct random at,
                           const struct wf_call *result)
{
    struct wf_call c = *result;
    at.draw = wf_draw_next(s);
    c.op = &row->op;
    c.attr = &at;
    c.attr_bytes = sizeof at;
    return wf_record(s, &c);
}

// The largest finite number of a floating dtype.
static double largest(enum weft_dtype d)
{
    return d == WEFT_F64    ? DBL_MAX
           : d == WEFT_F16  ? 65504
           : d == WEFT_BF16 ? 0x1.FEp127
                            : (double)FLT_MAX;
}

static bool want_float(weft_scope *s, const char *op, enum weft_dtype d)
{
    return wf_dtype_is_float(d) ||
           wf_scope_fail(s, WEFT_DTYPE, "%s: the dtype is %s; a floating one was wanted", op,
                         weft_dtype_name(d));
}

weft_tensor *weft_uniform(weft_scope *s, enum weft_dtype dtype, int ndim, const int64_t *shape,
                          double lo, double hi)
{
    if (!wf_scope_shape(s, "uniform", dtype, ndim, shape) || !want_float(s, "uniform", dtype))
        return NULL;
    double most = largest(dtype);
    if (lo >= -most && lo <= hi && hi <= most && hi - lo <= most)
        return record(s, &row_uniform, (struct random){.a = lo, .b = hi - lo},
                      &(struct wf_call){.dtype = dtype, .ndim = ndim, .shape = shape});
    wf_scope_fail(s, WEFT_PARAM,
                  "uniform: from %g to %g; finite numbers of %s were wanted, the first not larger",
                  lo, hi, weft_dtype_name(dtype));
    return NULL;
}

weft_tensor *weft_normal(weft_scope *s, enum weft_dtype dtype, int ndim, const int64_t *shape,
                         double mean, double std)
{
    if (!wf_scope_shape(s, "normal", dtype, ndim, shape) || !want_float(s, "normal", dtype))
        return NULL;
    double most = largest(dtype);
    if (fabs(mean) <= most && std >= 0 && std <= most)
        return record(s, &row_normal, (struct random){.a = mean, .b = std},
                      &(struct wf_call){.dtype = dtype, .ndim = ndim, .shape = shape});
    wf_scope_fail(s, WEFT_PARAM,
                  "normal: mean %g, std %g; finite numbers of %s were wanted, std not negative",
                  mean, std, weft_dtype_name(dtype));
    return NULL;
}

weft_tensor *weft_random_int(weft_scope *s, enum weft_dtype dtype, int ndim, const int64_t *shape,
                             int64_t limit)
{
    if (!wf_scope_shape(s, "random_int", dtype, ndim, shape))
        return NULL;
    int64_t most = dtype == WEFT_I8    ? INT8_MAX
                   : dtype == WEFT_U8  ? UINT8_MAX
                   : dtype == WEFT_I32 ? INT32_MAX
                   : dtype == WEFT_I64 ? INT64_MAX
                                       : -1;
    if (most < 0)
        wf_scope_fail(s, WEFT_DTYPE, "random_int: the dtype is %s; I8, U8, I32 or I64 was wanted",
                      weft_dtype_name(dtype));
    else if (limit < 1 || limit - 1 > most)
        wf_scope_fail(s, WEFT_PARAM, "random_int: below %lld; 1 to %lld was wanted for %s",
                      (long long)limit, (long long)(most < INT64_MAX ? most + 1 : most),
                      weft_dtype_name(dtype));
    else
        return record(s, &row_int, (struct random){.limit = (uint64_t)limit},
                      &(struct wf_call){.dtype = dtype, .ndim = ndim, .shape = shape});
    return NULL;
}

weft_tensor *weft_bernoulli(weft_scope *s, const weft_tensor *p)
{
    if (!wf_scope_takes(s, "bernoulli", p) || !wf_want_float(s, "bernoulli", p) ||
        !wf_scope_shape(s, "bernoulli", p->dtype, p->ndim, p->shape))
        return NULL;
    return record(s, &row_bernoulli, (struct random){0},
                  &(struct wf_call){
                      .nin = 1, .in = &p, .dtype = p->dtype, .ndim = p->ndim, .shape = p->shape});
}

// The gradient is dropped like x, by the same draw.
static weft_tensor *record_dropout(weft_scope *s, const weft_tensor *x, const struct random *at);

static bool dropout_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                         weft_tensor **gx)
{
    gx[0] = record_dropout(s, gy[0], r->attr);
    return gx[0];
}

static const struct row row_dropout = {{.name = "dropout", .run = run, .grad = dropout_grad},
                                       "DROPOUT"};

static weft_tensor *record_dropout(weft_scope *s, const weft_tensor *x, const struct random *at)
{
    return wf_record(s, &(struct wf_call){.op = &row_dropout.op,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = x->dtype,
                                          .ndim = x->ndim,
                                          .shape = x->shape,
                                          .attr = at,
                                          .attr_bytes = sizeof *at});
}

weft_tensor *weft_dropout(weft_scope *s, const weft_tensor *x, double p)
{
    if (!wf_scope_takes(s, "dropout", x) || !wf_want_float(s, "dropout", x))
        return NULL;
    if (!(p >= 0 && p <= 1)) {
        wf_scope_fail(s, WEFT_PARAM, "dropout: p is %g; 0 to 1 was wanted", p);
        return NULL;
    }
    if (!s->train || p == 0)
        return (weft_tensor *)x;
    if (!wf_scope_shape(s, "dropout", x->dtype, x->ndim, x->shape))
        return NULL;
    // Rounded so that the mask is the same in float and double.
    struct random at = {
        .draw = wf_draw_next(s), .a = (double)(float)p, .b = p < 1 ? 1 / (1 - p) : 0};
    return record_dropout(s, x, &at);
}

const struct wf_op *const wf_random_rows[] = {
    &row_uniform.op, &row_normal.op,     &row_int.op, &row_bernoulli.op,
    &row_dropout.op, &wf_op_permutation, NULL,
};
