// Copies elements from any strides to dense memory.
#include "core/copy.h"
#include "core/view.h"
#include <stdio.h>

enum { CHUNK = 1024 };

size_t wf_loop_local(const weft_device *dev, const struct wf_kernel *k)
{
    size_t local = dev->info.type == WEFT_DEVICE_CPU ? 1 : 128;
    return local < k->max_group ? local : k->max_group;
}

bool wf_copy_elements(weft_device *dev, const struct wf_tensor *from, struct wf_tensor *to,
                      struct weft_error *err)
{
    static const char *const type[] = {[1] = "uchar", [2] = "ushort", [4] = "uint", [8] = "ulong"};
    int64_t n = weft_count(&to->pub);
    size_t bytes = weft_dtype_size(to->pub.dtype);
    struct wf_dims d;
    wf_dims_init(&d, from->pub.ndim, from->pub.shape);
    wf_dims_add(&d, from);
    wf_dims_collapse(&d);
    bool wide = wf_dims_wide(&d) || n > INT32_MAX - CHUNK;
    char defines[160];
    snprintf(defines, sizeof defines, "%s#define E %s\n#define RANK %d\n#define CHUNK %d\n",
             wide ? "#define INDEX long\n" : "", type[bytes], d.rank, CHUNK);
    struct wf_request r = {"copy", "copy_strided", defines, "copy"};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    struct wf_dims_arg arg;
    wf_dims_pack(&d, wide, &arg);
    struct wf_index count;
    struct wf_launch l = {.kernel = k,
                          .op = "copy",
                          .tasks = (n + CHUNK - 1) / CHUNK,
                          .local = wf_loop_local(dev, k),
                          .wide = wide};
    wf_launch_index(&l, &count, n);
    wf_launch_value(&l, arg.bytes, &arg.u);
    wf_launch_mem(&l, &from->storage->mem);
    wf_launch_mem(&l, &to->storage->mem);
    return wf_launch(dev, &l, err);
}
