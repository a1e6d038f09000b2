// The host program's buffers as tensors, and tensors as buffers for the host program.
#include "core/plan.h"
#include <stdlib.h>
#include <weft/opencl.h>

// The last element's index, or -1 for strides that make no sense.
static int64_t last_element(int ndim, const int64_t *shape, const int64_t *stride)
{
    int64_t last = 0;
    for (int i = 0; i < ndim; i++) {
        int64_t most = (int64_t)1 << 60;
        if (stride[i] < 0 || (stride[i] && shape[i] > most / stride[i]))
            return -1;
        last += shape[i] ? (shape[i] - 1) * stride[i] : 0;
        if (last > most)
            return -1;
    }
    return last;
}

static bool check_buffer(weft_scope *s, cl_mem mem, const struct wf_tensor *t, size_t offset)
{
    size_t bytes = 0, element = weft_dtype_size(t->pub.dtype);
    cl_context context = NULL;
    struct weft_error e = {0};
    cl_int code;
    if (WF_CL_CODE(&s->dev->cl, code, clGetMemObjectInfo, mem, CL_MEM_SIZE, sizeof bytes, &bytes,
                   NULL) ||
        WF_CL_CODE(&s->dev->cl, code, clGetMemObjectInfo, mem, CL_MEM_CONTEXT, sizeof context,
                   &context, NULL)) {
        wf_cl_check(&e, "clGetMemObjectInfo", code);
        return code == CL_INVALID_MEM_OBJECT
                   ? wf_scope_fail(s, WEFT_PARAM, "import: the buffer is none: %s", e.text)
                   : wf_scope_fail(s, e.status, "import: %s", e.text);
    }
    if (context != s->dev->context)
        return wf_scope_wrong(s, "import: the buffer is of another context than the device");
    int64_t last = last_element(t->pub.ndim, t->pub.shape, t->stride);
    if (last < 0)
        return wf_scope_wrong(s, "import: the strides are negative or too large");
    uint64_t needs = weft_count(&t->pub) ? ((uint64_t)last + 1) * element : 0;
    if (offset % element)
        return wf_scope_wrong(s,
                              "import: the offset of %zu bytes is no multiple of an element's %zu",
                              offset, element);
    if (offset > bytes || needs > bytes - offset)
        return wf_scope_wrong(s, "import: the buffer has %zu bytes; %s %s needs %llu", bytes,
                              WF_SHAPE(t->pub.ndim, t->pub.shape), weft_dtype_name(t->pub.dtype),
                              (unsigned long long)(offset + needs));
    return true;
}

// Work that comes later on the queue sees what the events' commands wrote.
static bool wait_for(weft_scope *s, const struct weft_opencl_import_params *o)
{
    struct weft_error e = {0};
    if (o->wait_count < 0 || (o->wait_count && !o->wait))
        return wf_scope_wrong(s, "import: %d events at %s", o->wait_count,
                              o->wait ? "an array" : "NULL");
    if (!o->wait_count)
        return true;
    return WF_CL(&s->dev->cl, &e, clEnqueueBarrierWithWaitList, s->dev->queue,
                 (cl_uint)o->wait_count, o->wait, NULL) ||
           wf_scope_fail(s, e.status, "import: %s", e.text);
}

static struct wf_storage *wrap(weft_scope *s, cl_mem mem, const struct weft_opencl_import_params *o)
{
    struct weft_error e = {0};
    struct wf_storage *st = calloc(1, sizeof *st);
    if (!st) {
        wf_scope_nomem(s, "import");
        return NULL;
    }
    if (!WF_CL(&s->dev->cl, &e, clRetainMemObject, mem)) {
        free(st);
        wf_scope_fail(s, e.status, "import: %s", e.text);
        return NULL;
    }
    *st = (struct wf_storage){.dev = s->dev,
                              .borrowed = true,
                              .mem = mem,
                              .refs = 1,
                              .released = o->released,
                              .priv = o->priv};
    return st;
}

weft_tensor *weft_opencl_import(weft_scope *s, cl_mem mem,
                                const struct weft_opencl_import_params *params)
{
    struct weft_opencl_import_params o;
    WF_PARAMS(o, params);
    if (!wf_scope_shape(s, "import", o.dtype, o.ndim, o.shape))
        return NULL;
    if (!mem) {
        wf_scope_wrong(s, "import: the buffer is NULL");
        return NULL;
    }
    struct wf_tensor *t = wf_scope_tensor(s, "import", o.dtype, o.ndim, o.shape);
    if (!t)
        return NULL;
    if (o.stride && o.ndim)
        memcpy(t->stride, o.stride, (size_t)o.ndim * sizeof *o.stride);
    else
        wf_dense_strides(o.ndim, o.shape, t->stride);
    if (!check_buffer(s, mem, t, o.offset) || !wait_for(s, &o))
        return NULL;
    t->offset = (int64_t)(o.offset / weft_dtype_size(o.dtype));
    t->storage = wrap(s, mem, &o);
    return t->storage ? &t->pub : NULL;
}

// An event for everything enqueued so far, which is on its way; NULL after an error.
static cl_event mark(weft_scope *s)
{
    struct weft_error e = {0};
    struct wf_cl *cl = &s->dev->cl;
    cl_event event = NULL;
    if (WF_CL(cl, &e, clEnqueueMarkerWithWaitList, s->dev->queue, 0, NULL, &event) &&
        WF_CL(cl, &e, clFlush, s->dev->queue))
        return event;
    WF_CL_FREE(cl, clReleaseEvent, event);
    wf_scope_fail(s, e.status, "export: %s", e.text);
    return NULL;
}

bool weft_opencl_export(weft_scope *s, const weft_tensor *x, struct weft_opencl_view *out)
{
    struct wf_tensor *dense = NULL;
    if (out)
        *out = (struct weft_opencl_view){0};
    if (!wf_scope_takes(s, "export", x))
        return false;
    if (!out)
        return wf_scope_wrong(s, "export: the view is NULL");
    // Asked for, the tensor keeps its buffer: the program may read it as long as the tensor lives.
    cl_event event = wf_plan_dense(s, "export", wf_tensor(x), &dense) ? mark(s) : NULL;
    if (!event)
        return false;
    *out = (struct weft_opencl_view){
        .mem = dense->storage->mem,
        .offset = (size_t)dense->offset * weft_dtype_size(x->dtype),
        .bytes = wf_tensor_bytes(dense),
        .event = event,
    };
    return true;
}
