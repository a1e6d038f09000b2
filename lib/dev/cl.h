// OpenCL, loaded at run time: a table of functions and the checked way to call them. With
// include/weft/opencl.h the only place that includes <CL/cl.h>.
#ifndef WF_DEV_CL_H
#define WF_DEV_CL_H
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include "base/error.h"
#include <CL/cl.h>
#include <CL/cl_ext.h>

// Every OpenCL function that weft calls. All are of OpenCL 1.2.
#define WF_CL_FUNCTIONS(X)              \
    X(clGetPlatformIDs)                 \
    X(clGetPlatformInfo)                \
    X(clGetDeviceIDs)                   \
    X(clGetDeviceInfo)                  \
    X(clCreateContext)                  \
    X(clGetContextInfo)                 \
    X(clRetainContext)                  \
    X(clReleaseContext)                 \
    X(clCreateCommandQueue)             \
    X(clGetCommandQueueInfo)            \
    X(clRetainCommandQueue)             \
    X(clReleaseCommandQueue)            \
    X(clCreateBuffer)                   \
    X(clGetMemObjectInfo)               \
    X(clRetainMemObject)                \
    X(clReleaseMemObject)               \
    X(clSetMemObjectDestructorCallback) \
    X(clCreateProgramWithSource)        \
    X(clCreateProgramWithBinary)        \
    X(clBuildProgram)                   \
    X(clGetProgramInfo)                 \
    X(clGetProgramBuildInfo)            \
    X(clReleaseProgram)                 \
    X(clCreateKernel)                   \
    X(clSetKernelArg)                   \
    X(clGetKernelInfo)                  \
    X(clGetKernelWorkGroupInfo)         \
    X(clReleaseKernel)                  \
    X(clEnqueueNDRangeKernel)           \
    X(clEnqueueReadBuffer)              \
    X(clEnqueueWriteBuffer)             \
    X(clEnqueueCopyBuffer)              \
    X(clEnqueueFillBuffer)              \
    X(clEnqueueMapBuffer)               \
    X(clEnqueueUnmapMemObject)          \
    X(clEnqueueMarkerWithWaitList)      \
    X(clEnqueueBarrierWithWaitList)     \
    X(clWaitForEvents)                  \
    X(clGetEventInfo)                   \
    X(clGetEventProfilingInfo)          \
    X(clRetainEvent)                    \
    X(clReleaseEvent)                   \
    X(clSetEventCallback)               \
    X(clFlush)                          \
    X(clFinish)

struct wf_cl {
#define X(f) __typeof__(f) *f;
    WF_CL_FUNCTIONS(X)
#undef X
    void *library; // NULL where the table was filled by hand
    // Asked before each checked call; a code other than CL_SUCCESS is returned instead of calling.
    // For tests; NULL: none.
    cl_int (*fault)(void *priv, const char *call);
    void *fault_priv;
};

// Opens the OpenCL loader and fills the table. The error says what to install.
bool wf_cl_load(struct wf_cl *cl, struct weft_error *err);
// Undoes it. Accepts a table that was never filled.
void wf_cl_unload(struct wf_cl *cl);

// "CL_OUT_OF_RESOURCES"; "OpenCL error -9999" for an unknown one, in a static or the given buffer.
const char *wf_cl_code_name(cl_int code, char buffer[32]);
// True for CL_SUCCESS. Otherwise fills the error, "clBuildProgram: CL_OUT_OF_HOST_MEMORY": status
// WEFT_NOMEM for the codes that mean memory, else WEFT_DEVICE.
bool wf_cl_check(struct weft_error *err, const char *call, cl_int code);
// Is it one of the codes that mean device or host memory?
bool wf_cl_is_nomem(cl_int code);

static inline cl_int wf_cl_fault(const struct wf_cl *cl, const char *call)
{
    return cl->fault ? cl->fault(cl->fault_priv, call) : CL_SUCCESS;
}

static inline bool wf_cl_faulty(const struct wf_cl *cl, struct weft_error *err, const char *call)
{
    return !wf_cl_check(err, call, wf_cl_fault(cl, call));
}

// Calls a function that returns a code, and stores the code: WF_CL_CODE(cl, code, clFinish, queue).
#define WF_CL_CODE(cl, code, f, ...) \
    ((code) = wf_cl_fault((cl), #f), (code) ? (code) : ((code) = (cl)->f(__VA_ARGS__)))
// Calls it and checks: if (!WF_CL(cl, err, clFinish, queue)) return false;
#define WF_CL(cl, err, f, ...) \
    (!wf_cl_faulty((cl), (err), #f) && wf_cl_check((err), #f, (cl)->f(__VA_ARGS__)))
// Calls a function that returns an object and takes a pointer to the code last.
#define WF_CL_NEW(cl, code, f, ...) \
    (((code) = wf_cl_fault((cl), #f)) ? NULL : (cl)->f(__VA_ARGS__, &(code)))
// Releases: never fails, and no fault is injected.
#define WF_CL_FREE(cl, f, object) ((void)((object) ? (cl)->f(object) : CL_SUCCESS))

#endif
