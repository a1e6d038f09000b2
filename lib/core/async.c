// Reading without waiting: the copy is enqueued, and a handle holds its event.
#include "core/plan.h"
#include <stdlib.h>
#include <weft/opencl.h>

struct weft_async {
    weft_device *dev;
    struct wf_storage *storage; // what is read, until it has been
    cl_event event;
    wf_mutex lock;
    wf_cond called;
    void (*done)(void *priv, const struct weft_error *err);
    void *priv;
    bool calls;     // `done` is to be called or running
    bool destroyed; // inside of `done`
};

// The handle whose callback this thread runs.
static _Thread_local weft_async *running;

static void async_free(weft_async *a)
{
    weft_device *dev = a->dev;
    WF_CL_FREE(&dev->cl, clReleaseEvent, a->event);
    wf_storage_unref(a->storage);
    wf_cond_finish(&a->called);
    wf_mutex_finish(&a->lock);
    free(a);
    wf_device_unref(dev);
}

static weft_async *async_new(weft_scope *s)
{
    weft_async *a = calloc(1, sizeof *a);
    if (a && wf_mutex_init(&a->lock)) {
        if (wf_cond_init(&a->called)) {
            a->dev = wf_device_ref(s->dev);
            return a;
        }
        wf_mutex_finish(&a->lock);
    }
    free(a);
    wf_scope_nomem(s, "read_async");
    return NULL;
}

weft_async *weft_read_async(weft_scope *s, const weft_tensor *x, void *dst, size_t bytes)
{
    struct weft_error e = {0};
    struct wf_tensor *dense = NULL;
    if (!wf_can_read(s, "read_async", x, dst, bytes) ||
        !wf_plan_dense(s, "read_async", wf_tensor(x), &dense))
        return NULL;
    weft_async *a = async_new(s);
    if (!a)
        return NULL;
    size_t start = (size_t)dense->offset * weft_dtype_size(dense->pub.dtype);
    a->storage = wf_storage_ref(dense->storage);
    if (wf_download_start(s->dev, a->storage->mem, start, dst, bytes, &a->event, &e))
        return a;
    async_free(a);
    wf_scope_fail(s, e.status, "read_async: %s", e.text);
    return NULL;
}

// CL_COMPLETE is 0, a failure is negative, what is still to come is above.
static cl_int status_of(const weft_async *a)
{
    cl_int status = CL_SUBMITTED;
    cl_int code = a->dev->cl.clGetEventInfo(a->event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                                            sizeof status, &status, NULL);
    return code ? code : status;
}

bool weft_async_done(const weft_async *a)
{
    return !a || status_of(a) <= CL_COMPLETE;
}

bool weft_async_wait(weft_async *a, struct weft_error *err)
{
    if (!a)
        return wf_fail(err, WEFT_PARAM, "async: the handle is NULL");
    struct weft_error e = {0};
    return wf_event_wait(a->dev, a->event, &e) || wf_fail_in(err, "read_async", &e);
}

static void CL_CALLBACK event_done(cl_event event, cl_int status, void *priv)
{
    weft_async *a = priv, *outer = running;
    struct weft_error e = {0};
    (void)event;
    wf_cl_check(&e, "clEnqueueReadBuffer", status);
    running = a;
    a->done(a->priv, &e);
    running = outer;
    wf_lock(&a->lock);
    bool destroyed = a->destroyed;
    a->calls = false;
    wf_cond_broadcast(&a->called);
    wf_unlock(&a->lock);
    if (destroyed)
        async_free(a);
}

bool weft_async_notify(weft_async *a, void (*done)(void *priv, const struct weft_error *err),
                       void *priv, struct weft_error *err)
{
    if (!a || !done)
        return wf_fail(err, WEFT_PARAM, "async: the %s is NULL", a ? "callback" : "handle");
    if (a->done)
        return wf_fail(err, WEFT_PARAM, "async: it has a callback already");
    a->done = done;
    a->priv = priv;
    a->calls = true;
    if (WF_CL(&a->dev->cl, err, clSetEventCallback, a->event, CL_COMPLETE, event_done, a))
        return true;
    a->done = NULL;
    a->calls = false;
    return false;
}

void weft_async_destroy(weft_async **async)
{
    if (!async || !*async)
        return;
    weft_async *a = *async;
    *async = NULL;
    if (a == running) {
        a->destroyed = true;
        return;
    }
    if (status_of(a) > CL_COMPLETE)
        wf_event_wait(a->dev, a->event, NULL);
    wf_lock(&a->lock);
    while (a->calls)
        wf_cond_wait(&a->called, &a->lock);
    wf_unlock(&a->lock);
    async_free(a);
}

cl_event weft_opencl_async_event(const weft_async *a)
{
    return a ? a->event : NULL;
}
