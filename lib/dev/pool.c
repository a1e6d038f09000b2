// The memory pool. Sizes are rounded up to eight steps per power of two, so at most an eighth is
// lost, and each step has a list of free blocks.
#include "dev/pool.h"
#include "base/text.h"
#include "dev/device.h"
#include "dev/dry.h"
#include <stdlib.h>

enum { SMALLEST_SHIFT = 8, SMALLEST = 1 << SMALLEST_SHIFT };

static int log2_floor(size_t n)
{
    int log = 0;
    while (n >>= 1)
        log++;
    return log;
}

size_t wf_pool_round(size_t bytes)
{
    if (bytes <= SMALLEST)
        return SMALLEST;
    size_t step = (size_t)1 << (log2_floor(bytes - 1) - 3);
    return (bytes + step - 1) & ~(step - 1);
}

// Index of a rounded size: eight for each power of two from the smallest size.
static int class_of(size_t rounded)
{
    int log = log2_floor(rounded);
    int step = (int)((rounded - ((size_t)1 << log)) >> (log - 3));
    return (log - SMALLEST_SHIFT) * 8 + step;
}

bool wf_pool_init(weft_device *dev, uint64_t limit)
{
    struct wf_pool *p = &dev->pool;
    p->limit = limit;
    p->has_lock = wf_mutex_init(&p->lock);
    return p->has_lock;
}

static void release(weft_device *dev, struct wf_block *b)
{
    if (dev->params.mem_free)
        dev->params.mem_free(dev->params.mem_priv, b->mem);
    else
        WF_CL_FREE(&dev->cl, clReleaseMemObject, b->mem);
    dev->pool.held -= b->bytes;
    free(b);
}

static void trim(weft_device *dev)
{
    // OpenCL keeps a buffer that enqueued kernels use; the host program's memory may be reused at
    // once.
    if (dev->params.mem_free)
        dev->cl.clFinish(dev->queue);
    for (int c = 0; c < WF_POOL_CLASSES; c++) {
        for (struct wf_block *b; (b = dev->pool.free[c]);) {
            dev->pool.free[c] = b->next;
            release(dev, b);
        }
    }
}

void wf_pool_trim(weft_device *dev)
{
    wf_lock(&dev->pool.lock);
    trim(dev);
    wf_unlock(&dev->pool.lock);
}

void wf_pool_finish(weft_device *dev)
{
    if (!dev->pool.has_lock)
        return;
    trim(dev);
    wf_mutex_finish(&dev->pool.lock);
    dev->pool.has_lock = false;
}

static cl_mem make_buffer(weft_device *dev, size_t bytes, struct weft_error *err)
{
    cl_int code = CL_SUCCESS;
    cl_mem mem;
    if (dev->params.mem_alloc) {
        mem = dev->params.mem_alloc(dev->params.mem_priv, dev->context, bytes);
        if (!mem)
            wf_fail(err, WEFT_NOMEM, "the host program's mem_alloc gave no %s", WF_BYTES(bytes));
        return mem;
    }
    mem = WF_CL_NEW(&dev->cl, code, clCreateBuffer, dev->context, CL_MEM_READ_WRITE, bytes, NULL);
    // A driver that gives nothing and names no reason had none to give.
    if (mem || (code && !wf_cl_is_nomem(code))) {
        wf_cl_check(err, "clCreateBuffer", code);
        return mem;
    }
    wf_fail(err, WEFT_NOMEM, "%s of device memory are not to be had (%s are in use)",
            WF_BYTES(bytes), WF_BYTES(dev->pool.used));
    return NULL;
}

static struct wf_block *new_block(weft_device *dev, size_t bytes, struct weft_error *err)
{
    struct wf_pool *p = &dev->pool;
    if (p->limit && p->held + bytes > p->limit)
        trim(dev);
    if (p->limit && p->held + bytes > p->limit) {
        wf_fail(err, WEFT_NOMEM, "%s more than the %s in use exceed the memory limit of %s",
                WF_BYTES(bytes), WF_BYTES(p->used), WF_BYTES(p->limit));
        return NULL;
    }
    struct wf_block *b = calloc(1, sizeof *b);
    if (!b) {
        wf_fail_nomem(err, "pool");
        return NULL;
    }
    struct weft_error first = {0};
    b->mem = make_buffer(dev, bytes, &first);
    if (!b->mem && first.status == WEFT_NOMEM) {
        trim(dev);
        b->mem = make_buffer(dev, bytes, err);
    } else if (!b->mem) {
        wf_fail(err, first.status, "%s", first.text);
    }
    if (!b->mem) {
        free(b);
        return NULL;
    }
    b->bytes = bytes;
    p->held += bytes;
    dev->count.allocations++;
    return b;
}

static struct wf_block *take(weft_device *dev, size_t bytes, struct weft_error *err)
{
    struct wf_pool *p = &dev->pool;
    size_t rounded = wf_pool_round(bytes);
    if (rounded > dev->info.max_alloc)
        rounded = bytes < SMALLEST ? SMALLEST : (bytes + 7) & ~(size_t)7;
    int c = class_of(rounded);
    wf_lock(&p->lock);
    struct wf_block *b = p->free[c];
    if (b && b->bytes >= bytes)
        p->free[c] = b->next;
    else
        b = new_block(dev, rounded, err);
    if (b) {
        p->used += b->bytes;
        if (p->used > p->peak)
            p->peak = p->used;
    }
    wf_unlock(&p->lock);
    return b;
}

struct wf_block *wf_pool_take(weft_device *dev, size_t bytes, struct weft_error *err)
{
    struct weft_error first = {0};
    if (!wf_device_fits(dev, bytes, err))
        return NULL;
    if (dev->dry)
        return wf_dry_take(dev->dry, bytes, err);
    struct wf_block *b = take(dev, bytes, &first);
    if (!b && first.status == WEFT_NOMEM && dev->shed && dev->shed(dev))
        return take(dev, bytes, err);
    if (!b)
        wf_fail(err, first.status, "%s", first.text);
    return b;
}

void wf_pool_give(weft_device *dev, struct wf_block *b)
{
    if (!b)
        return;
    if (dev->dry) {
        wf_dry_give(dev->dry, b);
        return;
    }
    struct wf_pool *p = &dev->pool;
    wf_lock(&p->lock);
    int c = class_of(b->bytes);
    b->next = p->free[c];
    p->free[c] = b;
    p->used -= b->bytes;
    wf_unlock(&p->lock);
}
