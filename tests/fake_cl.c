// An id is the address of the row that describes the platform or device.
#include "fake_cl.h"

static const struct fake_platform *platforms;
static cl_uint platform_count;
static cl_int platform_code;

static cl_int answer(const void *data, size_t bytes, size_t room, void *to, size_t *size)
{
    if (to && room < bytes)
        return CL_INVALID_VALUE;
    if (to)
        memcpy(to, data, bytes);
    if (size)
        *size = bytes;
    return CL_SUCCESS;
}

static cl_int answer_text(const char *text, size_t room, void *to, size_t *size)
{
    return answer(text, strlen(text) + 1, room, to, size);
}

static const char * or (const char *text, const char *fallback)
{
    return text ? text : fallback;
}

static cl_int CL_API_CALL get_platforms(cl_uint room, cl_platform_id *to, cl_uint *count)
{
    if (platform_code)
        return platform_code;
    for (cl_uint i = 0; to && i < room && i < platform_count; i++)
        to[i] = (cl_platform_id)(uintptr_t)&platforms[i];
    if (count)
        *count = platform_count;
    return platform_count ? CL_SUCCESS : CL_PLATFORM_NOT_FOUND_KHR;
}

static cl_int CL_API_CALL get_platform_info(cl_platform_id id, cl_platform_info what, size_t room,
                                            void *to, size_t *size)
{
    const struct fake_platform *p = (const void *)id;
    if (p->info_code)
        return p->info_code;
    return what == CL_PLATFORM_NAME ? answer_text(or (p->name, "fake"), room, to, size)
                                    : CL_INVALID_VALUE;
}

static cl_int CL_API_CALL get_devices(cl_platform_id id, cl_device_type type, cl_uint room,
                                      cl_device_id *to, cl_uint *count)
{
    const struct fake_platform *p = (const void *)id;
    if (p->devices_code || type != CL_DEVICE_TYPE_ALL)
        return p->devices_code ? p->devices_code : CL_INVALID_DEVICE_TYPE;
    for (cl_uint i = 0; to && i < room && i < p->count; i++) {
        const struct fake_device *d = &p->device[i];
        to[i] = (cl_device_id)(uintptr_t)(d->same_as ? d->same_as : d);
    }
    if (count)
        *count = p->count;
    return p->count ? CL_SUCCESS : CL_DEVICE_NOT_FOUND;
}

static cl_int answer_number(cl_ulong value, size_t bytes, size_t room, void *to, size_t *size)
{
    if (bytes == sizeof(cl_uint))
        return answer(&(cl_uint){(cl_uint)value}, bytes, room, to, size);
    return answer(&value, bytes, room, to, size);
}

static cl_int answer_topology(const struct fake_device *d, size_t room, void *to, size_t *size)
{
    cl_device_topology_amd t;
    memset(&t, 0, sizeof t);
    t.pcie.type = CL_DEVICE_TOPOLOGY_TYPE_PCIE_AMD;
    t.pcie.bus = (cl_char)d->pci.pci_bus;
    t.pcie.device = (cl_char)d->pci.pci_device;
    t.pcie.function = (cl_char)d->pci.pci_function;
    return answer(&t, sizeof t, room, to, size);
}

static cl_int CL_API_CALL get_device_info(cl_device_id id, cl_device_info what, size_t room,
                                          void *to, size_t *size)
{
    const struct fake_device *d = (const void *)id;
    if (d->fails && d->fails == what)
        return d->code;
    switch (what) {
#define TEXT(query, text, fallback) \
    case query:                     \
        return answer_text(or (text, fallback), room, to, size);
        TEXT(CL_DEVICE_NAME, d->name, "fake")
        TEXT(CL_DEVICE_VENDOR, d->vendor, "fake")
        TEXT(CL_DRIVER_VERSION, d->driver, "fake")
        TEXT(CL_DEVICE_VERSION, d->version, "OpenCL 3.0 fake")
        TEXT(CL_DEVICE_PROFILE, "FULL_PROFILE", "")
        TEXT(CL_DEVICE_EXTENSIONS, d->extensions, "")
#undef TEXT
#define NUMBER(query, type, value) \
    case query:                    \
        return answer_number((cl_ulong)(value), sizeof(type), room, to, size);
        NUMBER(CL_DEVICE_TYPE, cl_device_type, d->type ? d->type : CL_DEVICE_TYPE_CPU)
        NUMBER(CL_DEVICE_MAX_COMPUTE_UNITS, cl_uint, d->units)
        NUMBER(CL_DEVICE_MAX_CLOCK_FREQUENCY, cl_uint, d->clock)
        NUMBER(CL_DEVICE_MAX_WORK_GROUP_SIZE, size_t, 1024)
        NUMBER(CL_DEVICE_GLOBAL_MEM_SIZE, cl_ulong, (cl_ulong)1 << 33)
        NUMBER(CL_DEVICE_MAX_MEM_ALLOC_SIZE, cl_ulong, (cl_ulong)1 << 31)
        NUMBER(CL_DEVICE_LOCAL_MEM_SIZE, cl_ulong, 49152)
        NUMBER(CL_DEVICE_LOCAL_MEM_TYPE, cl_device_local_mem_type, CL_LOCAL)
        NUMBER(CL_DEVICE_HOST_UNIFIED_MEMORY, cl_bool, d->unified)
        NUMBER(CL_DEVICE_COMPILER_AVAILABLE, cl_bool, !d->no_compiler)
        NUMBER(CL_DEVICE_AVAILABLE, cl_bool, !d->unavailable)
        NUMBER(CL_DEVICE_ENDIAN_LITTLE, cl_bool, !d->big_endian)
        NUMBER(CL_DEVICE_KERNEL_EXEC_TIMEOUT_NV, cl_bool, d->timeout)
        NUMBER(0x4008, cl_uint, d->pci.pci_bus) // CL_DEVICE_PCI_BUS_ID_NV, then SLOT and DOMAIN
        NUMBER(0x4009, cl_uint, d->pci.pci_device << 3 | d->pci.pci_function)
        NUMBER(0x400A, cl_uint, d->pci.pci_domain)
#undef NUMBER
    case CL_DEVICE_PCI_BUS_INFO_KHR:
        return answer(&d->pci, sizeof d->pci, room, to, size);
    case CL_DEVICE_TOPOLOGY_AMD:
        return answer_topology(d, room, to, size);
    case CL_DEVICE_UUID_KHR:
        return d->uuid ? answer(d->uuid, 16, room, to, size) : CL_INVALID_VALUE;
    default:
        return CL_INVALID_VALUE;
    }
}

void fake_cl_fill(struct wf_cl *cl, const struct fake_platform *platform, int count, cl_int code)
{
    platforms = platform;
    platform_count = (cl_uint)count;
    platform_code = code;
    *cl = (struct wf_cl){
        .clGetPlatformIDs = get_platforms,
        .clGetPlatformInfo = get_platform_info,
        .clGetDeviceIDs = get_devices,
        .clGetDeviceInfo = get_device_info,
    };
}
