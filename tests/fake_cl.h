// An OpenCL that is a table: platforms and devices as a test describes them, for the code that
// finds and describes devices. Only clGetPlatformIDs, clGetPlatformInfo, clGetDeviceIDs and
// clGetDeviceInfo exist.
#ifndef FAKE_CL_H
#define FAKE_CL_H
#include "dev/cl.h"

struct fake_device {
    cl_device_type type;                                       // [CL_DEVICE_TYPE_CPU]
    const char *name, *vendor, *driver, *version, *extensions; // ["fake" and OpenCL 3.0]
    cl_uint units, clock;                                      // as given
    bool unified, unavailable, big_endian, no_compiler;
    bool timeout;              // CL_DEVICE_KERNEL_EXEC_TIMEOUT_NV
    const unsigned char *uuid; // 16 bytes
    cl_device_pci_bus_info_khr pci;
    cl_device_info fails; // this question is answered by `code`
    cl_int code;
    const struct fake_device *same_as; // has the cl_device_id of that one
};

struct fake_platform {
    const char *name;                 // ["fake"]
    const struct fake_device *device; // [count]
    cl_uint count;
    cl_int info_code, devices_code; // of clGetPlatformInfo and clGetDeviceIDs
};

// The platforms are borrowed until the next call; code is what clGetPlatformIDs answers.
void fake_cl_fill(struct wf_cl *cl, const struct fake_platform *platform, int count, cl_int code);

#endif
