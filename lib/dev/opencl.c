// A device on the host program's context and queue.
#include "dev/device.h"
#include "dev/find.h"
#include <stdlib.h>
#include <weft/opencl.h>

static bool context_device(const struct wf_cl *cl, cl_context context, cl_device_id *id,
                           struct weft_error *err)
{
    size_t bytes = 0;
    if (!WF_CL(cl, err, clGetContextInfo, context, CL_CONTEXT_DEVICES, 0, NULL, &bytes))
        return false;
    cl_device_id *ids = malloc(bytes + 1);
    if (!ids)
        return wf_fail_nomem(err, "opencl device");
    bool ok = WF_CL(cl, err, clGetContextInfo, context, CL_CONTEXT_DEVICES, bytes, ids, NULL);
    int n = (int)(bytes / sizeof *ids), i = 0;
    while (ok && *id && i < n && ids[i] != *id)
        i++;
    if (ok && i == n)
        ok = wf_fail(err, WEFT_PARAM, "opencl device: the device is none of the context's %d", n);
    if (ok)
        *id = ids[i];
    free(ids);
    return ok;
}

static bool check_queue(const struct wf_cl *cl, cl_command_queue queue, cl_context context,
                        cl_device_id id, bool profile, struct weft_error *err)
{
    cl_command_queue_properties has = 0;
    cl_context its_context = NULL;
    cl_device_id its_id = NULL;
    if (!WF_CL(cl, err, clGetCommandQueueInfo, queue, CL_QUEUE_CONTEXT, sizeof its_context,
               &its_context, NULL) ||
        !WF_CL(cl, err, clGetCommandQueueInfo, queue, CL_QUEUE_DEVICE, sizeof its_id, &its_id,
               NULL) ||
        !WF_CL(cl, err, clGetCommandQueueInfo, queue, CL_QUEUE_PROPERTIES, sizeof has, &has, NULL))
        return false;
    if (its_context != context || its_id != id)
        return wf_fail(err, WEFT_PARAM, "opencl device: the queue is of another context or device");
    if (has & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE)
        return wf_fail(err, WEFT_UNSUPPORTED,
                       "opencl device: the queue is out of order; an in-order queue is wanted");
    if (profile && !(has & CL_QUEUE_PROFILING_ENABLE))
        return wf_fail(err, WEFT_UNSUPPORTED,
                       "opencl device: .profile was asked for, and the queue "
                       "was made without CL_QUEUE_PROFILING_ENABLE");
    return true;
}

weft_device *weft_opencl_device_create(const struct weft_opencl_params *params,
                                       struct weft_error *err)
{
    struct weft_opencl_params o;
    struct weft_device_params p;
    struct weft_device_info info;
    struct weft_error own = {0};
    struct wf_cl cl;
    err = err ? err : &own;
    WF_PARAMS(o, params);
    if (!wf_device_params_read(&p, o.params, err))
        return NULL;
    if (!o.context) {
        wf_fail(err, WEFT_PARAM, "opencl device: the context is NULL");
        return NULL;
    }
    if (!wf_cl_load(&cl, err))
        return NULL;
    cl_device_id id = o.device;
    cl_platform_id platform = NULL;
    weft_device *dev = NULL;
    if (context_device(&cl, o.context, &id, err) &&
        (!o.queue || check_queue(&cl, o.queue, o.context, id, p.profile, err)) &&
        WF_CL(&cl, err, clGetDeviceInfo, id, CL_DEVICE_PLATFORM, sizeof platform, &platform,
              NULL) &&
        wf_describe(&cl, platform, id, &info, err))
        dev = wf_device_make(&cl, &info, id, o.context, o.queue, &p, err);
    if (!dev)
        wf_cl_unload(&cl);
    return dev;
}

cl_context weft_opencl_context(const weft_device *dev)
{
    return dev ? dev->context : NULL;
}

cl_device_id weft_opencl_device_id(const weft_device *dev)
{
    return dev ? dev->id : NULL;
}

cl_command_queue weft_opencl_queue(const weft_device *dev)
{
    return dev ? dev->queue : NULL;
}
