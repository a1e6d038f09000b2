// OpenCL as a driver gives it that loses its device, or has little memory: a table whose functions
// go to the real ones, also those calls that weft makes without a check.
#ifndef TESTS_LOST_CL_H
#define TESTS_LOST_CL_H
#include "dev/device.h"
#include "enqueue_calls.h"
#include <check.h>

enum { DRIVER_BUFFERS = 512 };

static struct {
    struct wf_cl real;
    int calls, lost_at; // from this call on the device is lost; 0: never
    cl_int code;
    size_t limit, held; // bytes of all buffers; 0: no limit
    cl_int full;        // what it says beyond the limit
    struct {
        cl_mem mem;
        size_t bytes;
    } buffer[DRIVER_BUFFERS];
} driver;

static inline bool driver_lost(void)
{
    driver.calls++;
    return driver.lost_at && driver.calls >= driver.lost_at;
}

#define LOST_CALLS(X)                                                                           \
    X(clFlush, (cl_command_queue q), (q))                                                       \
    X(clFinish, (cl_command_queue q), (q))                                                      \
    X(clBuildProgram,                                                                           \
      (cl_program p, cl_uint n, const cl_device_id *d, const char *o,                           \
       void(CL_CALLBACK * f)(cl_program, void *), void *u),                                     \
      (p, n, d, o, f, u))                                                                       \
    X(clGetProgramInfo, (cl_program p, cl_program_info w, size_t n, void *v, size_t *r),        \
      (p, w, n, v, r))                                                                          \
    X(clSetKernelArg, (cl_kernel k, cl_uint i, size_t n, const void *v), (k, i, n, v))          \
    X(clGetKernelWorkGroupInfo,                                                                 \
      (cl_kernel k, cl_device_id d, cl_kernel_work_group_info w, size_t n, void *v, size_t *r), \
      (k, d, w, n, v, r))                                                                       \
    X(clWaitForEvents, (cl_uint n, const cl_event *w), (n, w))                                  \
    X(clGetEventInfo, (cl_event e, cl_event_info w, size_t n, void *v, size_t *r),              \
      (e, w, n, v, r))                                                                          \
    X(clSetEventCallback,                                                                       \
      (cl_event e, cl_int t, void(CL_CALLBACK * f)(cl_event, cl_int, void *), void *u),         \
      (e, t, f, u))                                                                             \
    X(clSetMemObjectDestructorCallback,                                                         \
      (cl_mem m, void(CL_CALLBACK * f)(cl_mem, void *), void *u), (m, f, u))

#define X(f, params, args)                                       \
    static cl_int CL_API_CALL lost_##f params                    \
    {                                                            \
        return driver_lost() ? driver.code : driver.real.f args; \
    }
LOST_CALLS(X)
ENQUEUE_CALLS(X)
#undef X

// Not those of the host program's memory.
static inline cl_mem CL_API_CALL lost_create_buffer(cl_context c, cl_mem_flags flags, size_t bytes,
                                                    void *host, cl_int *code)
{
    bool counts = !(flags & CL_MEM_USE_HOST_PTR), lost = driver_lost();
    bool full = counts && driver.limit && driver.held + bytes > driver.limit;
    *code = lost ? driver.code : driver.full;
    cl_mem mem = lost || full ? NULL : driver.real.clCreateBuffer(c, flags, bytes, host, code);
    for (int i = 0; mem && counts && i < DRIVER_BUFFERS; i++) {
        if (driver.buffer[i].mem)
            continue;
        driver.buffer[i].mem = mem;
        driver.buffer[i].bytes = bytes;
        driver.held += bytes;
        break;
    }
    return mem;
}

static inline cl_int CL_API_CALL lost_release(cl_mem mem)
{
    for (int i = 0; i < DRIVER_BUFFERS; i++) {
        if (driver.buffer[i].mem != mem)
            continue;
        driver.held -= driver.buffer[i].bytes;
        driver.buffer[i].mem = NULL;
        break;
    }
    return driver.real.clReleaseMemObject(mem);
}

static inline cl_kernel CL_API_CALL lost_create_kernel(cl_program p, const char *name, cl_int *code)
{
    if (!driver_lost())
        return driver.real.clCreateKernel(p, name, code);
    *code = driver.code;
    return NULL;
}

static inline struct wf_cl lost_cl(void)
{
    struct weft_error err = {0};
    if (!driver.real.library)
        ck_assert_msg(wf_cl_load(&driver.real, &err), "%s", err.text);
    driver.calls = driver.lost_at = 0;
    driver.limit = 0;
    driver.full = CL_MEM_OBJECT_ALLOCATION_FAILURE;
    struct wf_cl cl = driver.real;
#define X(f, params, args) cl.f = lost_##f;
    LOST_CALLS(X)
    ENQUEUE_CALLS(X)
#undef X
    cl.clCreateBuffer = lost_create_buffer;
    cl.clReleaseMemObject = lost_release;
    cl.clCreateKernel = lost_create_kernel;
    return cl;
}

static inline weft_device *open_driver(const char *cache_dir)
{
    struct weft_error err = {0};
    const struct wf_cl cl = lost_cl();
    const struct wf_device_hooks hooks = {.cl = &cl};
    weft_device *dev = wf_device_open(weft_device_params(.cache_dir = cache_dir), &hooks, &err);
    ck_assert_msg(dev != NULL, "%s", err.text);
    return dev;
}

#endif
