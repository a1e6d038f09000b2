// Transfers. A blocking write would wait for the whole in-order queue; so uploads are copied to a
// pinned staging buffer and enqueued from there, and only a stage that is still in use is waited
// for.
#include "dev/transfer.h"
#include "base/text.h"
#include "dev/device.h"
#include "dev/dry.h"

// A larger upload goes through the stages in pieces.
enum { STAGE_BYTES = 4 << 20, STAGE_SMALLEST = 64 << 10 };

bool wf_transfer_init(weft_device *dev)
{
    dev->transfer.has_lock = wf_mutex_init(&dev->transfer.lock);
    return dev->transfer.has_lock;
}

static void stage_free(weft_device *dev, struct wf_stage *g)
{
    struct wf_cl *cl = &dev->cl;
    if (g->busy)
        cl->clWaitForEvents(1, &g->busy);
    WF_CL_FREE(cl, clReleaseEvent, g->busy);
    if (g->host)
        cl->clEnqueueUnmapMemObject(dev->queue, g->mem, g->host, 0, NULL, NULL);
    WF_CL_FREE(cl, clReleaseMemObject, g->mem);
    *g = (struct wf_stage){0};
}

void wf_transfer_finish(weft_device *dev)
{
    if (!dev->transfer.has_lock)
        return;
    for (int i = 0; i < WF_STAGES; i++)
        stage_free(dev, &dev->transfer.stage[i]);
    wf_mutex_finish(&dev->transfer.lock);
    dev->transfer.has_lock = false;
}

static cl_mem stage_buffer(weft_device *dev, size_t room, struct weft_error *err)
{
    cl_int code;
    cl_mem_flags flags = CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR;
    cl_mem mem = WF_CL_NEW(&dev->cl, code, clCreateBuffer, dev->context, flags, room, NULL);
    if (!mem && wf_cl_is_nomem(code)) {
        wf_pool_trim(dev);
        mem = WF_CL_NEW(&dev->cl, code, clCreateBuffer, dev->context, flags, room, NULL);
    }
    if (!mem && (!code || wf_cl_is_nomem(code)))
        wf_fail(err, WEFT_NOMEM, "%s of memory for uploads are not to be had", WF_BYTES(room));
    else
        wf_cl_check(err, "clCreateBuffer", code);
    return mem;
}

static bool stage_make(weft_device *dev, struct wf_stage *g, size_t bytes, struct weft_error *err)
{
    stage_free(dev, g);
    size_t room = bytes <= STAGE_SMALLEST ? STAGE_SMALLEST : STAGE_BYTES;
    cl_int code;
    g->mem = stage_buffer(dev, room, err);
    if (!g->mem)
        return false;
    dev->count.allocations++;
    g->host = WF_CL_NEW(&dev->cl, code, clEnqueueMapBuffer, dev->queue, g->mem, CL_TRUE,
                        CL_MAP_READ | CL_MAP_WRITE, 0, room, 0, NULL, NULL);
    if (!wf_cl_check(err, "clEnqueueMapBuffer", code)) {
        stage_free(dev, g);
        return false;
    }
    g->bytes = room;
    return true;
}

// A stage with room for `bytes`, not in use.
static struct wf_stage *stage_take(weft_device *dev, size_t bytes, struct weft_error *err)
{
    struct wf_transfer *t = &dev->transfer;
    struct wf_stage *g = &t->stage[t->next];
    t->next = (t->next + 1) % WF_STAGES;
    if (g->bytes < bytes)
        return stage_make(dev, g, bytes, err) ? g : NULL;
    if (!g->busy)
        return g;
    double begin = wf_profile_begin(dev);
    bool ok = WF_CL(&dev->cl, err, clWaitForEvents, 1, &g->busy);
    wf_profile_end(dev, WF_HOST_WAIT, begin);
    if (!ok)
        return NULL;
    WF_CL_FREE(&dev->cl, clReleaseEvent, g->busy);
    g->busy = NULL;
    return g;
}

static bool upload_piece(weft_device *dev, cl_mem to, size_t offset, const void *from, size_t bytes,
                         struct weft_error *err)
{
    wf_lock(&dev->transfer.lock);
    struct wf_stage *g = stage_take(dev, bytes, err);
    if (g) {
        memcpy(g->host, from, bytes);
        cl_int code;
        WF_CL_LATE(dev, code, clEnqueueWriteBuffer, dev->queue, to, CL_FALSE, offset, bytes,
                   g->host, 0, NULL, &g->busy);
        if (!wf_cl_check(err, "clEnqueueWriteBuffer", code)) {
            g->busy = NULL;
            g = NULL;
        }
    }
    wf_unlock(&dev->transfer.lock);
    return g;
}

bool wf_upload(weft_device *dev, cl_mem to, size_t offset, const void *from, size_t bytes,
               struct weft_error *err)
{
    for (size_t at = 0; at < bytes; at += STAGE_BYTES) {
        size_t piece = bytes - at < STAGE_BYTES ? bytes - at : STAGE_BYTES;
        if (!upload_piece(dev, to, offset + at, (const char *)from + at, piece, err))
            return false;
    }
    dev->count.copies++;
    return true;
}

// What only a wait makes possible.
static void after_wait(weft_device *dev, double begin)
{
    wf_profile_end(dev, WF_HOST_WAIT, begin);
    dev->count.waits++;
    wf_profile_collect(dev);
    wf_programs_save(dev);
}

bool wf_download(weft_device *dev, cl_mem from, size_t offset, void *to, size_t bytes,
                 struct weft_error *err)
{
    if (!bytes)
        return true;
    double begin = wf_profile_begin(dev);
    cl_int code;
    WF_CL_LATE(dev, code, clEnqueueReadBuffer, dev->queue, from, CL_TRUE, offset, bytes, to, 0,
               NULL, NULL);
    if (!wf_cl_check(err, "clEnqueueReadBuffer", code))
        return false;
    dev->count.copies++;
    after_wait(dev, begin);
    return true;
}

// An event that nobody waits for is only reached if the queue is flushed.
static bool on_its_way(weft_device *dev, cl_event *event, struct weft_error *err)
{
    dev->count.copies++;
    if (WF_CL(&dev->cl, err, clFlush, dev->queue))
        return true;
    // The host memory is free again only once the copy has ended.
    dev->cl.clWaitForEvents(1, event);
    WF_CL_FREE(&dev->cl, clReleaseEvent, *event);
    *event = NULL;
    return false;
}

bool wf_download_start(weft_device *dev, cl_mem from, size_t offset, void *to, size_t bytes,
                       cl_event *event, struct weft_error *err)
{
    double begin = wf_profile_begin(dev);
    bool ok = bytes ? WF_CL(&dev->cl, err, clEnqueueReadBuffer, dev->queue, from, CL_FALSE, offset,
                            bytes, to, 0, NULL, event)
                    : WF_CL(&dev->cl, err, clEnqueueMarkerWithWaitList, dev->queue, 0, NULL, event);
    ok = ok && on_its_way(dev, event, err);
    wf_profile_end(dev, WF_HOST_LAUNCH, begin);
    return ok;
}

bool wf_upload_start(weft_device *dev, cl_mem to, const void *from, size_t bytes, cl_event *event,
                     struct weft_error *err)
{
    return WF_CL(&dev->cl, err, clEnqueueWriteBuffer, dev->queue, to, CL_FALSE, 0, bytes, from, 0,
                 NULL, event) &&
           on_its_way(dev, event, err);
}

bool wf_event_wait(weft_device *dev, cl_event event, struct weft_error *err)
{
    double begin = wf_profile_begin(dev);
    if (!WF_CL(&dev->cl, err, clWaitForEvents, 1, &event))
        return false;
    after_wait(dev, begin);
    return true;
}

bool wf_fill(weft_device *dev, cl_mem to, size_t bytes, const void *pattern, size_t pattern_bytes,
             struct weft_error *err)
{
    if (!bytes || dev->dry)
        return true;
    dev->count.copies++;
    cl_int code;
    WF_CL_LATE(dev, code, clEnqueueFillBuffer, dev->queue, to, pattern, pattern_bytes, 0, bytes, 0,
               NULL, NULL);
    return wf_cl_check(err, "clEnqueueFillBuffer", code);
}

bool wf_copy(weft_device *dev, cl_mem from, cl_mem to, size_t bytes, struct weft_error *err)
{
    if (!bytes || dev->dry)
        return true;
    dev->count.copies++;
    cl_int code;
    WF_CL_LATE(dev, code, clEnqueueCopyBuffer, dev->queue, from, to, 0, 0, bytes, 0, NULL, NULL);
    return wf_cl_check(err, "clEnqueueCopyBuffer", code);
}

bool wf_wait(weft_device *dev, struct weft_error *err)
{
    double begin = wf_profile_begin(dev);
    if (!WF_CL(&dev->cl, err, clFinish, dev->queue))
        return false;
    after_wait(dev, begin);
    return true;
}
