// Tensors: handles, shapes, storage.
#include "core/tensor.h"
#include "core/packed.h"
#include <stdlib.h>

enum { HANDLES = 4096 }; // dead ones that wait before they are used again

// The queue of dead handles of a device, and what else lives as long.
struct handles {
    wf_mutex lock;
    struct wf_tensor *first, *last;
    int count;
    struct wf_packs packs;
};

struct wf_packs *wf_packs_of(weft_device *dev)
{
    return &((struct handles *)dev->core)->packs;
}

static void handles_free(void *core)
{
    struct handles *h = core;
    for (struct wf_tensor *t; (t = h->first);) {
        h->first = t->next;
        free(t);
    }
    wf_packs_finish(&h->packs);
    wf_mutex_finish(&h->lock);
    free(h);
}

static bool handles_init(weft_device *dev, struct handles *h)
{
    if (!wf_mutex_init(&h->lock))
        return false;
    if (wf_packs_init(dev, &h->packs))
        return true;
    wf_mutex_finish(&h->lock);
    return false;
}

bool wf_handles_make(weft_device *dev)
{
    wf_lock(&dev->queue_lock);
    if (!dev->core) {
        struct handles *h = calloc(1, sizeof *h);
        if (h && !handles_init(dev, h)) {
            free(h);
            h = NULL;
        }
        dev->core = h;
        dev->core_free = handles_free;
    }
    wf_unlock(&dev->queue_lock);
    return dev->core;
}

struct wf_tensor *wf_tensor_new(weft_device *dev)
{
    struct handles *h = dev->core;
    struct wf_tensor *t = NULL;
    wf_lock(&h->lock);
    if (h->count > HANDLES) {
        t = h->first;
        h->first = t->next;
        h->count--;
    }
    wf_unlock(&h->lock);
    if (!t && !(t = malloc(sizeof *t)))
        return NULL;
    *t = (struct wf_tensor){.dev = dev};
    return t;
}

void wf_tensor_free(struct wf_tensor *t)
{
    struct handles *h = t->dev->core;
    wf_storage_unref(t->storage);
    t->storage = NULL;
    t->state = WF_TENSOR_DEAD;
    t->next = NULL;
    wf_lock(&h->lock);
    if (h->first)
        h->last->next = t;
    else
        h->first = t;
    h->last = t;
    h->count++;
    wf_unlock(&h->lock);
}

struct wf_storage *wf_storage_new(weft_device *dev, size_t bytes, struct weft_error *err)
{
    struct wf_storage *s = calloc(1, sizeof *s);
    if (!s) {
        wf_fail_nomem(err, "storage");
        return NULL;
    }
    s->block = wf_pool_take(dev, bytes, err);
    if (!s->block) {
        free(s);
        return NULL;
    }
    s->dev = dev;
    s->mem = s->block->mem;
    s->refs = 1;
    return s;
}

struct wf_storage *wf_storage_ref(struct wf_storage *s)
{
    if (s)
        atomic_fetch_add(&s->refs, 1);
    return s;
}

void wf_storage_unref(struct wf_storage *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
        return;
    if (s->noted)
        *s->noted = NULL;
    if (s->packed)
        wf_packed_drop(s);
    if (s->dev->dry || s->block) {
        wf_pool_give(s->dev, s->block);
    } else {
        if (s->released)
            s->released(s->priv, s->mem);
        WF_CL_FREE(&s->dev->cl, clReleaseMemObject, s->mem);
    }
    free(s);
}

const char *weft_dtype_name(enum weft_dtype dtype)
{
    switch (dtype) {
#define X(name, bytes) \
    case WEFT_##name:  \
        return #name;
        WEFT_DTYPE_MAP(X)
#undef X
    case WEFT_DTYPE_NONE:
        break;
    }
    return "none";
}

size_t weft_dtype_size(enum weft_dtype dtype)
{
    switch (dtype) {
#define X(name, bytes) \
    case WEFT_##name:  \
        return bytes;
        WEFT_DTYPE_MAP(X)
#undef X
    case WEFT_DTYPE_NONE:
        break;
    }
    return 0;
}

bool wf_dtype_is_float(enum weft_dtype d)
{
    return d == WEFT_F32 || d == WEFT_F16 || d == WEFT_BF16 || d == WEFT_F64;
}

int64_t weft_count(const weft_tensor *x)
{
    return x ? wf_shape_count(x->ndim, x->shape) : 0;
}

int64_t wf_shape_count(int ndim, const int64_t *shape)
{
    int64_t n = 1;
    bool empty = false;
    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0 || (shape[i] && n > ((int64_t)1 << 62) / shape[i]))
            return -1;
        empty = empty || !shape[i];
        n *= shape[i] ? shape[i] : 1;
    }
    return empty ? 0 : n;
}

void wf_dense_strides(int ndim, const int64_t *shape, int64_t *stride)
{
    int64_t step = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape[i];
    }
}

bool wf_is_dense(const struct wf_tensor *t)
{
    int64_t step = 1;
    for (int i = t->pub.ndim - 1; i >= 0; i--) {
        if (t->pub.shape[i] != 1 && t->stride[i] != step)
            return false;
        step *= t->pub.shape[i];
    }
    return true;
}

size_t wf_tensor_bytes(const struct wf_tensor *t)
{
    return (size_t)weft_count(&t->pub) * weft_dtype_size(t->pub.dtype);
}

bool wf_same_shape(const weft_tensor *a, const weft_tensor *b)
{
    return a->ndim == b->ndim && !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape);
}
