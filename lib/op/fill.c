// Tensors of one value, of evenly spaced ones, and of a diagonal.
#include "core/copy.h"
#include "op/expression.h"
#include "op/op.h"
#include <math.h>
#include <stdio.h>

static uint16_t to_half(float f)
{
    union {
        float f;
        uint32_t u;
    } v = {f};
    uint16_t sign = (uint16_t)(v.u >> 16 & 0x8000);
    float a = fabsf(f);
    if (isnan(f))
        return sign | 0x7e00;
    if (a >= 65520)
        return sign | 0x7c00;
    int exponent;
    frexpf(a, &exponent);
    if (a < 6.103515625e-05f) // subnormal: steps of 2^-24
        return (uint16_t)(sign | (uint16_t)nearbyintf(ldexpf(a, 24)));
    uint32_t m = (uint32_t)nearbyintf(ldexpf(a, 11 - exponent)); // 1024 .. 2048
    return (uint16_t)(sign | (((uint32_t)(exponent + 13) << 10) + m));
}

static uint16_t to_bf16(float f)
{
    union {
        float f;
        uint32_t u;
    } v = {f};
    if (isnan(f))
        return (uint16_t)(v.u >> 16 | 0x40);
    return (uint16_t)((v.u + 0x7fff + (v.u >> 16 & 1)) >> 16);
}

static int64_t to_integer(double v, int bits)
{
    double top = ldexp(1, bits - 1);
    return isnan(v)   ? 0
           : v >= top ? (int64_t)(~0ull >> (65 - bits))
           : v < -top ? -(int64_t)(~0ull >> (65 - bits)) - 1
                      : (int64_t)v;
}

struct wf_pattern wf_pattern_of(enum weft_dtype dtype, double value)
{
    union {
        float f32;
        double f64;
        uint16_t u16;
        int8_t i8;
        uint8_t u8;
        int32_t i32;
        int64_t i64;
        struct wf_pattern p;
    } u = {.i64 = 0};
    switch (dtype) {
    case WEFT_F32:
        u.f32 = (float)value;
        break;
    case WEFT_F64:
        u.f64 = value;
        break;
    case WEFT_F16:
        u.u16 = to_half((float)value);
        break;
    case WEFT_BF16:
        u.u16 = to_bf16((float)value);
        break;
    case WEFT_I8:
        u.i8 = (int8_t)to_integer(value, 8);
        break;
    case WEFT_U8:
        u.u8 = (uint8_t)(value >= 255 ? 255 : value > 0 ? value : 0);
        break;
    case WEFT_I32:
        u.i32 = (int32_t)to_integer(value, 32);
        break;
    case WEFT_I64:
        u.i64 = to_integer(value, 64);
        break;
    case WEFT_BOOL:
        u.u8 = value != 0;
        break;
    case WEFT_DTYPE_NONE:
        break;
    }
    return u.p;
}

// Alone it is a fill; where one elementwise record reads it, it is a constant there.
struct full {
    struct wf_expression e; // first: as of every record of the fuser
    struct wf_pattern pattern;
};

static bool full_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    struct wf_tensor *y = r->out[0];
    const struct full *a = r->attr;
    return wf_fill(dev, y->storage->mem, wf_tensor_bytes(y), &a->pattern,
                   weft_dtype_size(y->pub.dtype), err);
}

static const struct wf_op op_full = {
    .name = "full", .run = full_run, .fuser = &wf_expression_fuser, .flat = true};

// What of a value a dtype holds; the floating ones are rounded by the kernel.
static double held(enum weft_dtype dtype, double value)
{
    switch (dtype) {
    case WEFT_I8:
        return (double)to_integer(value, 8);
    case WEFT_U8:
        return value >= 255 ? 255 : value > 0 ? value : 0;
    case WEFT_I32:
        return (double)to_integer(value, 32);
    case WEFT_I64:
        return isnan(value) ? 0 : value;
    case WEFT_BOOL:
        return value != 0;
    default:
        return value;
    }
}

weft_tensor *weft_full(weft_scope *s, enum weft_dtype dtype, int ndim, const int64_t *shape,
                       double value)
{
    if (!wf_scope_shape(s, "full", dtype, ndim, shape))
        return NULL;
    struct full a = {.e = {.text = "(T)a0", .compute = dtype, .a = {held(dtype, value)}, .na = 1},
                     .pattern = wf_pattern_of(dtype, value)};
    return wf_record(s, &(struct wf_call){.op = &op_full,
                                          .dtype = dtype,
                                          .ndim = ndim,
                                          .shape = shape,
                                          .attr = &a,
                                          .attr_bytes = sizeof a});
}

weft_tensor *wf_ones_like(weft_scope *s, const weft_tensor *x)
{
    return weft_full(s, x->dtype, x->ndim, x->shape, 1);
}

// start + i step up to `half`, and counted back from `stop` after it.
struct spaced {
    double start, step, stop;
    int64_t half;
};

// A number as the sum of two of the computing type, the larger one first.
struct two {
    union {
        float f32[2];
        double f64[2];
        int64_t i64[2];
    } u;
};

static struct two make_two(enum weft_dtype dtype, double v)
{
    struct two t;
    if (dtype == WEFT_F64) {
        t.u.f64[0] = v;
        t.u.f64[1] = 0;
    } else if (wf_dtype_is_float(dtype)) {
        t.u.f32[0] = (float)v;
        t.u.f32[1] = isfinite(t.u.f32[0]) ? (float)(v - (double)t.u.f32[0]) : 0;
    } else {
        t.u.i64[0] = to_integer(v, 64);
        t.u.i64[1] = 0;
    }
    return t;
}

static bool spaced_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    enum { CHUNK = 4096 };
    const struct spaced *a = r->attr;
    const struct wf_tensor *y = r->out[0];
    enum weft_dtype t = y->pub.dtype;
    int64_t n = weft_count(&y->pub);
    bool wide = wf_wide(dev, n + CHUNK), smooth = wf_dtype_is_float(t);
    char defines[300];
    snprintf(defines, sizeof defines, "%s%s%s#define A %s\n#define Y %s\n",
             wide ? "#define INDEX long\n" : "", t == WEFT_F64 ? "#define USE_F64\n" : "",
             smooth ? "" : "#define INTEGER\n", smooth ? wf_compute_type(t) : "long",
             wf_storage_type(t));
    struct wf_kernel *k =
        wf_kernel_get(dev, &(struct wf_request){"spaced", "spaced", defines, r->op->name}, err);
    if (!k)
        return false;
    struct two value[] = {make_two(t, a->start), make_two(t, a->step), make_two(t, a->stop)};
    size_t bytes = smooth && t != WEFT_F64 ? sizeof value->u.f32 : sizeof value->u.f64;
    struct wf_launch l = {.kernel = k,
                          .op = r->op->name,
                          .tasks = (n + CHUNK - 1) / CHUNK,
                          .local = wf_loop_local(dev, k),
                          .wide = wide};
    struct wf_index index[3];
    wf_launch_index(&l, &index[0], n);
    wf_launch_index(&l, &index[1], CHUNK);
    wf_launch_index(&l, &index[2], a->half);
    for (int i = 0; i < 3; i++)
        wf_launch_value(&l, bytes, &value[i].u);
    wf_launch_mem(&l, &y->storage->mem);
    return wf_launch(dev, &l, err);
}

static const struct wf_op op_arange = {.name = "arange", .run = spaced_run, .flat = true};
static const struct wf_op op_linspace = {.name = "linspace", .run = spaced_run, .flat = true};

static weft_tensor *record_spaced(weft_scope *s, const struct wf_op *op, enum weft_dtype dtype,
                                  int64_t n, const struct spaced *a)
{
    return wf_record(
        s,
        &(struct wf_call){
            .op = op, .dtype = dtype, .ndim = 1, .shape = &n, .attr = a, .attr_bytes = sizeof *a});
}

weft_tensor *weft_arange(weft_scope *s, enum weft_dtype dtype, double start, double stop,
                         double step)
{
    double count = ceil((stop - start) / step);
    int64_t n = count > 0 && count < 0x1p62 ? (int64_t)count : 0;
    bool whole = start == floor(start) && step == floor(step);
    if (!wf_scope_ok(s))
        return NULL;
    const char *wrong = !isfinite(start) || !isfinite(stop) || !isfinite(step)
                            ? "finite numbers were wanted"
                        : step == 0       ? "the step must not be 0"
                        : count >= 0x1p62 ? "these are more than a tensor can have"
                                          : NULL;
    if (wrong)
        wf_scope_fail(s, WEFT_PARAM, "arange: from %g to %g by %g; %s", start, stop, step, wrong);
    else if (dtype == WEFT_BOOL)
        wf_scope_fail(s, WEFT_DTYPE, "arange: in BOOL; a dtype of numbers was wanted");
    else if (weft_dtype_size(dtype) && !wf_dtype_is_float(dtype) && !whole)
        wf_scope_fail(s, WEFT_DTYPE, "arange: from %g by %g; whole numbers were wanted in %s",
                      start, step, weft_dtype_name(dtype));
    if (!wf_scope_ok(s) || !wf_scope_shape(s, "arange", dtype, 1, &n))
        return NULL;
    return record_spaced(s, &op_arange, dtype, n, &(struct spaced){start, step, stop, n});
}

weft_tensor *weft_linspace(weft_scope *s, enum weft_dtype dtype, double start, double stop,
                           int64_t n)
{
    if (!wf_scope_shape(s, "linspace", dtype, 1, &n))
        return NULL;
    if (!wf_dtype_is_float(dtype) || !isfinite(start) || !isfinite(stop)) {
        wf_scope_fail(
            s, wf_dtype_is_float(dtype) ? WEFT_PARAM : WEFT_DTYPE,
            "linspace: from %g to %g in %s; finite numbers and a floating dtype were wanted", start,
            stop, weft_dtype_name(dtype));
        return NULL;
    }
    double step = n > 1 ? stop / (double)(n - 1) - start / (double)(n - 1) : 0;
    return record_spaced(s, &op_linspace, dtype, n,
                         &(struct spaced){start, step, stop, n > 1 ? n / 2 : n});
}

// Zeros, and copies of a single one along the diagonal.
static bool eye_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    struct wf_tensor *y = r->out[0];
    size_t bytes = weft_dtype_size(y->pub.dtype);
    int64_t rows = y->pub.shape[0], columns = y->pub.shape[1];
    struct wf_dims d = {.rank = 1, .views = 2, .shape = {rows < columns ? rows : columns}};
    d.stride[1][0] = columns + 1;
    if (!wf_fill(dev, y->storage->mem, wf_tensor_bytes(y), &(struct wf_pattern){{0}}, bytes, err))
        return false;
    struct wf_storage *one = wf_storage_new(dev, bytes, err);
    if (!one)
        return false;
    const cl_mem mem[] = {one->mem, y->storage->mem};
    bool ok = wf_fill(dev, one->mem, bytes, r->attr, bytes, err) &&
              wf_copy_view(dev, &d, bytes, mem, err);
    wf_storage_unref(one);
    return ok;
}

static const struct wf_op op_eye = {.name = "eye", .run = eye_run, .flat = true};

weft_tensor *weft_eye(weft_scope *s, enum weft_dtype dtype, int64_t rows, int64_t columns)
{
    int64_t shape[] = {rows, columns};
    if (!wf_scope_shape(s, "eye", dtype, 2, shape))
        return NULL;
    struct wf_pattern one = wf_pattern_of(dtype, 1);
    return wf_record(s, &(struct wf_call){.op = &op_eye,
                                          .dtype = dtype,
                                          .ndim = 2,
                                          .shape = shape,
                                          .attr = &one,
                                          .attr_bytes = sizeof one});
}

const struct wf_op *const wf_fill_rows[] = {&op_full, &op_arange, &op_linspace, &op_eye, NULL};
