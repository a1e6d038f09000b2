// Matrix instructions, as far as a device's description tells.
#include "dev/matrix.h"
#include "base/text.h"
#include "dev/dry.h"

// Attributes that the headers leave out.
enum { NV_COMPUTE_CAPABILITY_MAJOR = 0x4000, INTEL_SUB_GROUP_SIZES = 0x4108 };

static enum wf_matrix of_nvidia(weft_device *dev)
{
    cl_uint major = 0;
    if (!wf_device_lists(dev, "cl_nv_device_attribute_query") ||
        dev->cl.clGetDeviceInfo(dev->id, NV_COMPUTE_CAPABILITY_MAJOR, sizeof major, &major, NULL))
        return WF_MATRIX_NONE;
    return major >= 8 ? WF_MATRIX_NV : WF_MATRIX_NONE;
}

static enum wf_matrix of_intel(weft_device *dev)
{
    size_t size[16] = {0}, bytes = 0;
    enum wf_matrix found = WF_MATRIX_NONE;
    if (!wf_device_lists(dev, "cl_intel_subgroup_matrix_multiply_accumulate") ||
        !wf_device_lists(dev, "cl_intel_required_subgroup_size") ||
        dev->cl.clGetDeviceInfo(dev->id, INTEL_SUB_GROUP_SIZES, sizeof size, size, &bytes))
        return WF_MATRIX_NONE;
    for (size_t i = 0; i < bytes / sizeof *size; i++) {
        if (size[i] == 8)
            return WF_MATRIX_DPAS8;
        if (size[i] == 16)
            found = WF_MATRIX_DPAS16;
    }
    return found;
}

// ROCm names a device "gfx90a:sramecc+:xnack-".
static enum wf_matrix of_amd(const char *name)
{
    return !strncmp(name, "gfx90a", 6)                                ? WF_MATRIX_MFMA
           : !strncmp(name, "gfx94", 5) || !strncmp(name, "gfx95", 5) ? WF_MATRIX_MFMA3
           : !strncmp(name, "gfx11", 5)                               ? WF_MATRIX_WMMA
                                                                      : WF_MATRIX_NONE;
}

static enum wf_matrix ask(weft_device *dev)
{
    const struct weft_device_info *i = &dev->info;
    if ((i->type != WEFT_DEVICE_GPU && i->type != WEFT_DEVICE_INTEGRATED_GPU) || !i->has_compiler)
        return WF_MATRIX_NONE;
    return wf_contains_nocase(i->vendor, "nvidia")  ? of_nvidia(dev)
           : wf_contains_nocase(i->vendor, "intel") ? of_intel(dev)
                                                    : of_amd(i->name);
}

enum wf_matrix wf_device_matrix(weft_device *dev)
{
    weft_device *real = dev->dry ? dev->dry->real : dev;
    int known = real->matrix;
    if (!known) {
        known = 1 + (int)ask(real);
        real->matrix = known;
    }
    return (enum wf_matrix)(known - 1);
}
