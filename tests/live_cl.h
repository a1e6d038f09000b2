// OpenCL as a driver gives it, with its objects counted: what weft made or retained and has not
// released. LeakSanitizer cannot tell, because drivers keep lists of their own.
#ifndef TESTS_LIVE_CL_H
#define TESTS_LIVE_CL_H
#include "enqueue_calls.h"
#include <check.h>
#include <stdatomic.h>

static struct {
    struct wf_cl real;
    atomic_int objects, events; // references to events are counted apart
} live;

#define LIVE_CREATES(X)                                                                          \
    X(cl_context, clCreateContext,                                                               \
      (const cl_context_properties *p, cl_uint n, const cl_device_id *d,                         \
       void(CL_CALLBACK * f)(const char *, const void *, size_t, void *), void *u, cl_int *c),   \
      (p, n, d, f, u, c))                                                                        \
    X(cl_command_queue, clCreateCommandQueue,                                                    \
      (cl_context x, cl_device_id d, cl_command_queue_properties p, cl_int * c), (x, d, p, c))   \
    X(cl_mem, clCreateBuffer, (cl_context x, cl_mem_flags f, size_t n, void *h, cl_int *c),      \
      (x, f, n, h, c))                                                                           \
    X(cl_program, clCreateProgramWithSource,                                                     \
      (cl_context x, cl_uint n, const char **t, const size_t *l, cl_int *c), (x, n, t, l, c))    \
    X(cl_program, clCreateProgramWithBinary,                                                     \
      (cl_context x, cl_uint n, const cl_device_id *d, const size_t *l, const unsigned char **b, \
       cl_int *s, cl_int *c),                                                                    \
      (x, n, d, l, b, s, c))                                                                     \
    X(cl_kernel, clCreateKernel, (cl_program p, const char *n, cl_int *c), (p, n, c))

#define LIVE_COUNTS(X)                                      \
    X(clRetainContext, cl_context, objects, 1)              \
    X(clReleaseContext, cl_context, objects, -1)            \
    X(clRetainCommandQueue, cl_command_queue, objects, 1)   \
    X(clReleaseCommandQueue, cl_command_queue, objects, -1) \
    X(clRetainMemObject, cl_mem, objects, 1)                \
    X(clReleaseMemObject, cl_mem, objects, -1)              \
    X(clReleaseProgram, cl_program, objects, -1)            \
    X(clReleaseKernel, cl_kernel, objects, -1)              \
    X(clRetainEvent, cl_event, events, 1)                   \
    X(clReleaseEvent, cl_event, events, -1)

#define X(type, f, params, args)            \
    static type CL_API_CALL live_##f params \
    {                                       \
        type made = live.real.f args;       \
        live.objects += made != NULL;       \
        return made;                        \
    }
LIVE_CREATES(X)
#undef X

#define X(f, type, count, by)                      \
    static cl_int CL_API_CALL live_##f(type x)     \
    {                                              \
        cl_int code = live.real.f(x);              \
        live.count += code == CL_SUCCESS ? by : 0; \
        return code;                               \
    }
LIVE_COUNTS(X)
#undef X

#define X(f, params, args)                              \
    static cl_int CL_API_CALL live_##f params           \
    {                                                   \
        cl_int code = live.real.f args;                 \
        live.events += e != NULL && code == CL_SUCCESS; \
        return code;                                    \
    }
ENQUEUE_CALLS(X)
#undef X

static void *CL_API_CALL live_clEnqueueMapBuffer(cl_command_queue q, cl_mem m, cl_bool b,
                                                 cl_map_flags f, size_t o, size_t s, cl_uint n,
                                                 const cl_event *w, cl_event *e, cl_int *c)
{
    void *at = live.real.clEnqueueMapBuffer(q, m, b, f, o, s, n, w, e, c);
    live.events += e != NULL && at != NULL;
    return at;
}

static inline struct wf_cl live_cl(void)
{
    struct weft_error err = {0};
    if (!live.real.library)
        ck_assert_msg(wf_cl_load(&live.real, &err), "%s", err.text);
    struct wf_cl cl = live.real;
    cl.library = NULL;
#define X(type, f, params, args) cl.f = live_##f;
    LIVE_CREATES(X)
#undef X
#define X(f, type, count, by) cl.f = live_##f;
    LIVE_COUNTS(X)
#undef X
#define X(f, params, args) cl.f = live_##f;
    ENQUEUE_CALLS(X)
#undef X
    cl.clEnqueueMapBuffer = live_clEnqueueMapBuffer;
    return cl;
}

#endif
