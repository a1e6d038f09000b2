// The calls of OpenCL that enqueue something, return a code and take an event last, for tables
// whose functions go to the driver's: X(name, parameters, arguments).
#ifndef TESTS_ENQUEUE_CALLS_H
#define TESTS_ENQUEUE_CALLS_H
#include "dev/cl.h"

#define ENQUEUE_CALLS(X)                                                                      \
    X(clEnqueueNDRangeKernel,                                                                 \
      (cl_command_queue q, cl_kernel k, cl_uint d, const size_t *o, const size_t *g,          \
       const size_t *l, cl_uint n, const cl_event *w, cl_event *e),                           \
      (q, k, d, o, g, l, n, w, e))                                                            \
    X(clEnqueueReadBuffer,                                                                    \
      (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, void *p, cl_uint n,       \
       const cl_event *w, cl_event *e),                                                       \
      (q, m, b, o, s, p, n, w, e))                                                            \
    X(clEnqueueWriteBuffer,                                                                   \
      (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t s, const void *p, cl_uint n, \
       const cl_event *w, cl_event *e),                                                       \
      (q, m, b, o, s, p, n, w, e))                                                            \
    X(clEnqueueCopyBuffer,                                                                    \
      (cl_command_queue q, cl_mem a, cl_mem b, size_t x, size_t y, size_t s, cl_uint n,       \
       const cl_event *w, cl_event *e),                                                       \
      (q, a, b, x, y, s, n, w, e))                                                            \
    X(clEnqueueFillBuffer,                                                                    \
      (cl_command_queue q, cl_mem m, const void *p, size_t k, size_t o, size_t s, cl_uint n,  \
       const cl_event *w, cl_event *e),                                                       \
      (q, m, p, k, o, s, n, w, e))                                                            \
    X(clEnqueueUnmapMemObject,                                                                \
      (cl_command_queue q, cl_mem m, void *p, cl_uint n, const cl_event *w, cl_event *e),     \
      (q, m, p, n, w, e))                                                                     \
    X(clEnqueueMarkerWithWaitList,                                                            \
      (cl_command_queue q, cl_uint n, const cl_event *w, cl_event *e), (q, n, w, e))          \
    X(clEnqueueBarrierWithWaitList,                                                           \
      (cl_command_queue q, cl_uint n, const cl_event *w, cl_event *e), (q, n, w, e))

#endif
