// Values from and to the host, and tensors that outlive a reset.
#include "core/copy.h"
#include "core/plan.h"
#include <math.h>

weft_tensor *weft_from_host(weft_scope *s, enum weft_dtype dtype, int ndim, const int64_t *shape,
                            const void *data)
{
    if (!wf_scope_shape(s, "from_host", dtype, ndim, shape))
        return NULL;
    struct wf_tensor *t = wf_scope_tensor(s, "from_host", dtype, ndim, shape);
    if (!t)
        return NULL;
    size_t bytes = wf_tensor_bytes(t);
    if (bytes && !data) {
        wf_scope_wrong(s, "from_host: the data is NULL");
        return NULL;
    }
    struct weft_error e = {0};
    wf_dense_strides(ndim, shape, t->stride);
    t->storage = wf_storage_new(s->dev, bytes, &e);
    if (t->storage && wf_upload(s->dev, t->storage->mem, 0, data, bytes, &e))
        return &t->pub;
    wf_scope_fail(s, e.status, "from_host: %s", e.text);
    return NULL;
}

static bool download(weft_scope *s, const char *call, struct wf_tensor *t, void *dst)
{
    struct weft_error e = {0};
    struct wf_tensor *dense = NULL;
    if (!wf_plan_dense(s, call, t, &dense))
        return false;
    size_t start = (size_t)dense->offset * weft_dtype_size(dense->pub.dtype);
    return wf_download(s->dev, dense->storage->mem, start, dst, wf_tensor_bytes(dense), &e) ||
           wf_scope_fail(s, e.status, "%s: %s", call, e.text);
}

bool wf_can_read(weft_scope *s, const char *call, const weft_tensor *x, const void *dst,
                 size_t bytes)
{
    if (!wf_scope_takes(s, call, x))
        return false;
    size_t want = wf_tensor_bytes(wf_tensor(x));
    if (bytes == want && (!want || dst))
        return true;
    return wf_scope_wrong(s, "%s: %zu bytes of room%s; %s %s has %zu", call, bytes,
                          dst ? "" : " at NULL", WF_SHAPE(x->ndim, x->shape),
                          weft_dtype_name(x->dtype), want);
}

bool weft_read(weft_scope *s, const weft_tensor *x, void *dst, size_t bytes)
{
    return wf_can_read(s, "read", x, dst, bytes) && download(s, "read", wf_tensor(x), dst);
}

static float from_half(uint16_t h)
{
    int exponent = h >> 10 & 31;
    float m = (float)(h & 1023);
    float v = exponent == 31 ? (m > 0 ? NAN : INFINITY)
              : exponent     ? ldexpf(m + 1024, exponent - 25)
                             : ldexpf(m, -24);
    return h & 0x8000 ? -v : v;
}

double wf_to_double(enum weft_dtype dtype, const void *p)
{
    union {
        float f32;
        double f64;
        uint16_t f16;
        int8_t i8;
        uint8_t u8;
        int32_t i32;
        int64_t i64;
    } u;
    memcpy(&u, p, weft_dtype_size(dtype));
    union {
        uint32_t bits;
        float f;
    } bf16 = {(uint32_t)u.f16 << 16};
    switch (dtype) {
    case WEFT_F32:
        return (double)u.f32;
    case WEFT_F64:
        return u.f64;
    case WEFT_F16:
        return (double)from_half(u.f16);
    case WEFT_BF16:
        return (double)bf16.f;
    case WEFT_I8:
        return u.i8;
    case WEFT_U8:
    case WEFT_BOOL:
        return u.u8;
    case WEFT_I32:
        return u.i32;
    case WEFT_I64:
        return (double)u.i64;
    case WEFT_DTYPE_NONE:
        break;
    }
    return NAN;
}

double weft_item(weft_scope *s, const weft_tensor *x)
{
    char element[8] = {0};
    if (!wf_scope_takes(s, "item", x))
        return NAN;
    if (weft_count(x) != 1) {
        wf_scope_fail(s, WEFT_SHAPE, "item: %s has %lld elements; one was wanted",
                      WF_SHAPE(x->ndim, x->shape), (long long)weft_count(x));
        return NAN;
    }
    return download(s, "item", wf_tensor(x), element) ? wf_to_double(x->dtype, element) : NAN;
}

bool weft_flush(weft_scope *s)
{
    struct weft_error e = {0};
    if (!wf_scope_ok(s) || !wf_plan_run(s, NULL))
        return false;
    return WF_CL(&s->dev->cl, &e, clFlush, s->dev->queue) ||
           wf_scope_fail(s, e.status, "flush: %s", e.text);
}

const weft_tensor *weft_want(weft_scope *s, const weft_tensor *x)
{
    if (!wf_scope_takes(s, "want", x))
        return NULL;
    if (wf_tensor(x)->record)
        wf_tensor(x)->wanted = true;
    return x;
}

// A parameter's storage will change; a kept tensor must not.
static struct wf_storage *own_storage(weft_scope *s, struct wf_tensor *t)
{
    if (!t->variable)
        return wf_storage_ref(t->storage);
    struct weft_error e = {0};
    size_t bytes = wf_tensor_bytes(t);
    struct wf_storage *own = wf_storage_new(s->dev, bytes, &e);
    if (own && wf_copy(s->dev, t->storage->mem, own->mem, bytes, &e))
        return own;
    wf_storage_unref(own);
    wf_scope_fail(s, e.status, "keep: %s", e.text);
    return NULL;
}

weft_tensor *weft_keep(weft_scope *s, const weft_tensor *x)
{
    struct wf_tensor *dense = NULL;
    if (!wf_scope_takes(s, "keep", x) || !wf_plan_dense(s, "keep", wf_tensor(x), &dense))
        return NULL;
    struct wf_storage *storage = own_storage(s, dense);
    struct wf_tensor *t = storage ? wf_tensor_new(s->dev) : NULL;
    if (!t) {
        wf_scope_nomem(s, "keep"); // unless there is an error already
        wf_storage_unref(storage);
        return NULL;
    }
    t->pub = *x;
    t->state = WF_TENSOR_KEPT;
    t->storage = storage;
    t->offset = dense->offset;
    wf_dense_strides(x->ndim, x->shape, t->stride);
    wf_device_ref(s->dev);
    return &t->pub;
}

void weft_tensor_destroy(weft_tensor **x)
{
    if (!x || !*x)
        return;
    struct wf_tensor *t = wf_tensor(*x);
    *x = NULL;
    if (t->state != WF_TENSOR_KEPT)
        return;
    weft_device *dev = t->dev;
    wf_tensor_free(t);
    wf_device_unref(dev);
}
