// Tensors of one value.
#include "op/expression.h"
#include "op/op.h"
#include <math.h>

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

struct pattern {
    char bytes[8];
};

static struct pattern make_pattern(enum weft_dtype dtype, double value)
{
    union {
        float f32;
        double f64;
        uint16_t u16;
        int8_t i8;
        uint8_t u8;
        int32_t i32;
        int64_t i64;
        struct pattern p;
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
    struct pattern pattern;
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
                     .pattern = make_pattern(dtype, value)};
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

const struct wf_op *const wf_fill_rows[] = {&op_full, NULL};
