// The OpenCL loader's functions, found at run time, and the names of OpenCL's codes.
#include "dev/cl.h"
#include "base/os.h"
#include <stdio.h>

static const char *const loaders[] = {
#if defined __APPLE__
    "/System/Library/Frameworks/OpenCL.framework/OpenCL",
#elif defined _WIN32
    "OpenCL.dll",
#else
    "libOpenCL.so.1",
    "libOpenCL.so",
#endif
};

static const struct {
    const char *name;
    size_t at;
} functions[] = {
#define X(f) {#f, offsetof(struct wf_cl, f)},
    WF_CL_FUNCTIONS(X)
#undef X
};

static bool open_loader(struct wf_cl *cl, const char **name, struct weft_error *err)
{
    struct weft_error first = {0};
    for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++) {
        *name = loaders[i];
        if ((cl->library = wf_library_open(*name, &first)))
            return true;
    }
    return wf_fail(err, WEFT_UNSUPPORTED,
                   "OpenCL: no loader is installed, on Debian apt-get install ocl-icd-libopencl1 "
                   "brings one (%.120s)",
                   first.text);
}

bool wf_cl_load(struct wf_cl *cl, struct weft_error *err)
{
    *cl = (struct wf_cl){0};
    const char *name;
    if (!open_loader(cl, &name, err))
        return false;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *f = wf_library_symbol(cl->library, functions[i].name);
        if (!f) {
            wf_cl_unload(cl);
            return wf_fail(err, WEFT_UNSUPPORTED,
                           "OpenCL: %s has no %s, a loader of OpenCL 1.2 or later was wanted", name,
                           functions[i].name);
        }
        memcpy((char *)cl + functions[i].at, &f, sizeof f);
    }
    return true;
}

// The library is forgotten, not closed: drivers behind the loader keep threads and exit handlers
// that run in code which closing would unmap. Opening it again finds the same one.
void wf_cl_unload(struct wf_cl *cl)
{
    *cl = (struct wf_cl){0};
}

// The numbers are written out because headers of different age define different ones.
#define CODES(X)                                      \
    X(SUCCESS, 0)                                     \
    X(DEVICE_NOT_FOUND, -1)                           \
    X(DEVICE_NOT_AVAILABLE, -2)                       \
    X(COMPILER_NOT_AVAILABLE, -3)                     \
    X(MEM_OBJECT_ALLOCATION_FAILURE, -4)              \
    X(OUT_OF_RESOURCES, -5)                           \
    X(OUT_OF_HOST_MEMORY, -6)                         \
    X(PROFILING_INFO_NOT_AVAILABLE, -7)               \
    X(MEM_COPY_OVERLAP, -8)                           \
    X(IMAGE_FORMAT_MISMATCH, -9)                      \
    X(IMAGE_FORMAT_NOT_SUPPORTED, -10)                \
    X(BUILD_PROGRAM_FAILURE, -11)                     \
    X(MAP_FAILURE, -12)                               \
    X(MISALIGNED_SUB_BUFFER_OFFSET, -13)              \
    X(EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, -14) \
    X(COMPILE_PROGRAM_FAILURE, -15)                   \
    X(LINKER_NOT_AVAILABLE, -16)                      \
    X(LINK_PROGRAM_FAILURE, -17)                      \
    X(DEVICE_PARTITION_FAILED, -18)                   \
    X(KERNEL_ARG_INFO_NOT_AVAILABLE, -19)             \
    X(INVALID_VALUE, -30)                             \
    X(INVALID_DEVICE_TYPE, -31)                       \
    X(INVALID_PLATFORM, -32)                          \
    X(INVALID_DEVICE, -33)                            \
    X(INVALID_CONTEXT, -34)                           \
    X(INVALID_QUEUE_PROPERTIES, -35)                  \
    X(INVALID_COMMAND_QUEUE, -36)                     \
    X(INVALID_HOST_PTR, -37)                          \
    X(INVALID_MEM_OBJECT, -38)                        \
    X(INVALID_IMAGE_FORMAT_DESCRIPTOR, -39)           \
    X(INVALID_IMAGE_SIZE, -40)                        \
    X(INVALID_SAMPLER, -41)                           \
    X(INVALID_BINARY, -42)                            \
    X(INVALID_BUILD_OPTIONS, -43)                     \
    X(INVALID_PROGRAM, -44)                           \
    X(INVALID_PROGRAM_EXECUTABLE, -45)                \
    X(INVALID_KERNEL_NAME, -46)                       \
    X(INVALID_KERNEL_DEFINITION, -47)                 \
    X(INVALID_KERNEL, -48)                            \
    X(INVALID_ARG_INDEX, -49)                         \
    X(INVALID_ARG_VALUE, -50)                         \
    X(INVALID_ARG_SIZE, -51)                          \
    X(INVALID_KERNEL_ARGS, -52)                       \
    X(INVALID_WORK_DIMENSION, -53)                    \
    X(INVALID_WORK_GROUP_SIZE, -54)                   \
    X(INVALID_WORK_ITEM_SIZE, -55)                    \
    X(INVALID_GLOBAL_OFFSET, -56)                     \
    X(INVALID_EVENT_WAIT_LIST, -57)                   \
    X(INVALID_EVENT, -58)                             \
    X(INVALID_OPERATION, -59)                         \
    X(INVALID_GL_OBJECT, -60)                         \
    X(INVALID_BUFFER_SIZE, -61)                       \
    X(INVALID_MIP_LEVEL, -62)                         \
    X(INVALID_GLOBAL_WORK_SIZE, -63)                  \
    X(INVALID_PROPERTY, -64)                          \
    X(INVALID_IMAGE_DESCRIPTOR, -65)                  \
    X(INVALID_COMPILER_OPTIONS, -66)                  \
    X(INVALID_LINKER_OPTIONS, -67)                    \
    X(INVALID_DEVICE_PARTITION_COUNT, -68)            \
    X(INVALID_PIPE_SIZE, -69)                         \
    X(INVALID_DEVICE_QUEUE, -70)                      \
    X(INVALID_SPEC_ID, -71)                           \
    X(MAX_SIZE_RESTRICTION_EXCEEDED, -72)             \
    X(INVALID_GL_SHAREGROUP_REFERENCE_KHR, -1000)     \
    X(PLATFORM_NOT_FOUND_KHR, -1001)                  \
    X(DEVICE_PARTITION_FAILED_EXT, -1057)             \
    X(INVALID_PARTITION_COUNT_EXT, -1058)             \
    X(INVALID_PARTITION_NAME_EXT, -1059)              \
    X(INVALID_ACCELERATOR_INTEL, -1094)               \
    X(INVALID_ACCELERATOR_TYPE_INTEL, -1095)          \
    X(INVALID_ACCELERATOR_DESCRIPTOR_INTEL, -1096)    \
    X(ACCELERATOR_TYPE_NOT_SUPPORTED_INTEL, -1097)    \
    X(CONTEXT_TERMINATED_KHR, -1121)                  \
    X(INVALID_COMMAND_BUFFER_KHR, -1138)              \
    X(INVALID_SYNC_POINT_WAIT_LIST_KHR, -1139)        \
    X(INCOMPATIBLE_COMMAND_QUEUE_KHR, -1140)          \
    X(INVALID_MUTABLE_COMMAND_KHR, -1141)             \
    X(INVALID_SEMAPHORE_KHR, -1142)                   \
    X(COMMAND_TERMINATED_ITSELF_WITH_FAILURE_ARM, -1108)

const char *wf_cl_code_name(cl_int code, char buffer[32])
{
    switch (code) {
#define X(name, number) \
    case number:        \
        return "CL_" #name;
        CODES(X)
#undef X
    }
    snprintf(buffer, 32, "OpenCL error %d", code);
    return buffer;
}

// Drivers that allocate late answer CL_OUT_OF_RESOURCES at the first use of a buffer.
bool wf_cl_is_nomem(cl_int code)
{
    return code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES ||
           code == CL_OUT_OF_HOST_MEMORY;
}

bool wf_cl_check(struct weft_error *err, const char *call, cl_int code)
{
    if (code == CL_SUCCESS)
        return true;
    char buffer[32];
    return wf_fail(err, wf_cl_is_nomem(code) ? WEFT_NOMEM : WEFT_DEVICE, "%s: %s", call,
                   wf_cl_code_name(code, buffer));
}
