// Data of the host program's as a tensor, without a copy during the call.
//
// Where the device shares memory with the host, the buffer is that memory, and OpenCL says when the
// buffer, and with it the last command that reads it, is gone. Elsewhere the data is on its way to
// the device when the call returns, and OpenCL says when it has arrived.
#include "core/scope.h"
#include <stdlib.h>

// Freed once the host program has its data back.
struct lease {
    void (*released)(void *priv, const void *data);
    void *priv;
    const void *data;
};

static void end_lease(struct lease *l)
{
    if (l->released)
        l->released(l->priv, l->data);
    free(l);
}

static void CL_CALLBACK buffer_gone(cl_mem mem, void *lease)
{
    (void)mem;
    end_lease(lease);
}

static void CL_CALLBACK arrived(cl_event event, cl_int status, void *lease)
{
    (void)event, (void)status;
    end_lease(lease);
}

static bool can_share(weft_device *dev, const void *data)
{
    cl_uint bits = 0;
    return dev->info.shares_memory &&
           !dev->cl.clGetDeviceInfo(dev->id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof bits, &bits,
                                    NULL) &&
           bits >= 8 && (uintptr_t)data % (bits / 8) == 0;
}

static struct wf_storage *share(weft_device *dev, size_t bytes, struct lease *l,
                                struct weft_error *err)
{
    cl_int code;
    struct wf_storage *st = calloc(1, sizeof *st);
    if (!st) {
        wf_fail_nomem(err, "storage");
        return NULL;
    }
    *st = (struct wf_storage){.dev = dev, .borrowed = true, .refs = 1};
    st->mem = WF_CL_NEW(&dev->cl, code, clCreateBuffer, dev->context,
                        CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, bytes, (void *)l->data);
    if (wf_cl_check(err, "clCreateBuffer", code) &&
        WF_CL(&dev->cl, err, clSetMemObjectDestructorCallback, st->mem, buffer_gone, l))
        return st;
    wf_storage_unref(st);
    return NULL;
}

static struct wf_storage *send(weft_device *dev, size_t bytes, struct lease *l,
                               struct weft_error *err)
{
    cl_event event = NULL;
    struct wf_storage *st = wf_storage_new(dev, bytes, err);
    if (!st)
        return NULL;
    st->borrowed = true;
    bool ok = wf_upload_start(dev, st->mem, l->data, bytes, &event, err);
    if (ok && !WF_CL(&dev->cl, err, clSetEventCallback, event, CL_COMPLETE, arrived, l)) {
        dev->cl.clWaitForEvents(1, &event);
        ok = false;
    }
    WF_CL_FREE(&dev->cl, clReleaseEvent, event);
    if (ok)
        return st;
    wf_storage_unref(st);
    return NULL;
}

static struct wf_storage *storage_of(weft_scope *s, const struct weft_borrow_params *o,
                                     const void *data, size_t bytes)
{
    struct weft_error e = {0};
    struct lease *l = malloc(sizeof *l);
    if (!l) {
        wf_scope_nomem(s, "borrow");
        return NULL;
    }
    *l = (struct lease){o->released, o->priv, data};
    struct wf_storage *st = !bytes                    ? wf_storage_new(s->dev, 0, &e)
                            : can_share(s->dev, data) ? share(s->dev, bytes, l, &e)
                                                      : send(s->dev, bytes, l, &e);
    if (!st) {
        free(l);
        wf_scope_fail(s, e.status, "borrow: %s", e.text);
    } else if (!bytes) {
        end_lease(l);
    }
    return st;
}

weft_tensor *weft_borrow(weft_scope *s, const void *data, const struct weft_borrow_params *params)
{
    struct weft_borrow_params o;
    WF_PARAMS(o, params);
    if (!wf_scope_shape(s, "borrow", o.dtype, o.ndim, o.shape))
        return NULL;
    struct wf_tensor *t = wf_scope_tensor(s, "borrow", o.dtype, o.ndim, o.shape);
    if (!t)
        return NULL;
    size_t bytes = wf_tensor_bytes(t);
    if (bytes && !data) {
        wf_scope_wrong(s, "borrow: the data is NULL");
        return NULL;
    }
    wf_dense_strides(o.ndim, o.shape, t->stride);
    t->storage = storage_of(s, &o, data, bytes);
    return t->storage ? &t->pub : NULL;
}
