// weft inside a program that has its own OpenCL context, queue and buffers: nothing is copied and
// nothing is owned twice. Not part of weft.h, because it needs the OpenCL headers.
//
// Whatever the program hands in is retained and, when weft is done with it, released: the program
// may release its own reference at any time. What weft hands out is borrowed.
#ifndef WEFT_OPENCL_H
#define WEFT_OPENCL_H
#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include <weft/device.h>
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weft_opencl_params {
    size_t size;
    cl_context context;     // required
    cl_device_id device;    // one of the context [its first]
    cl_command_queue queue; // in order, of this context and device [one of weft's own]
    const struct weft_device_params *params; // match is not used [all defaults]
};
#define weft_opencl_params(...) WEFT_PARAMS(weft_opencl_params, __VA_ARGS__)

// A device on the program's own context. WEFT_UNSUPPORTED for a queue that is out of order, or that
// cannot profile where params->profile asks for it.
WEFT_API weft_device *weft_opencl_device_create(const struct weft_opencl_params *o,
                                                struct weft_error *err);

// Borrowed from the device. Commands that the program enqueues on the queue run in order with
// weft's.
WEFT_API cl_context weft_opencl_context(const weft_device *dev);
WEFT_API cl_device_id weft_opencl_device_id(const weft_device *dev);
WEFT_API cl_command_queue weft_opencl_queue(const weft_device *dev);

struct weft_opencl_import_params {
    size_t size;
    enum weft_dtype dtype; // required
    int ndim;
    const int64_t *shape;  // [ndim]
    const int64_t *stride; // in elements, [ndim] [dense, the last dimension innermost]
    size_t offset;         // bytes before the first element [0]
    const cl_event *wait;  // events of the buffer's last writers [none]
    int wait_count;
    // Called once, when weft no longer reads the buffer: at a reset of the scope, or later where a
    // kept tensor shares it. Not before the reads are enqueued; use weft_device_wait() or the
    // queue's order to know that they are done. [none]
    void (*released)(void *priv, cl_mem mem);
    void *priv;
};
#define weft_opencl_import_params(...) WEFT_PARAMS(weft_opencl_import_params, __VA_ARGS__)

// The program's buffer as a tensor of the scope, without a copy. It is read when the scope runs,
// so its content must stay until then, and is read once: asking again for a value that came
// directly of it and was not kept is WEFT_STALE (weft_want keeps it). WEFT_PARAM if the buffer is
// of another context or too small for the shape and strides.
WEFT_API weft_tensor *weft_opencl_import(weft_scope *s, cl_mem mem,
                                         const struct weft_opencl_import_params *o);

struct weft_opencl_view {
    cl_mem mem;     // borrowed: valid as long as the tensor; read-only
    size_t offset;  // bytes before the first element
    size_t bytes;   // of the whole tensor: dense, the last dimension innermost
    cl_event event; // owned by the caller: complete when the values are there
};
// Runs what is recorded and hands out the tensor's buffer. Does not wait: commands on the same
// queue need not, others wait for the event. The buffer of a parameter is the parameter's own:
// later updates change it.
WEFT_API bool weft_opencl_export(weft_scope *s, const weft_tensor *x, struct weft_opencl_view *out);

// The event of a read that is under way: complete when dst is filled. Borrowed from the handle.
WEFT_API cl_event weft_opencl_async_event(const weft_async *a);

#ifdef __cplusplus
}
#endif
#endif
