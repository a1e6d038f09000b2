// Initial values, made on the device.
#include "base/hash.h"
#include "core/copy.h"
#include "dev/launch.h"
#include "nn/params.h"
#include <stdio.h>

enum { CHUNK = 4096 };

bool wf_init(weft_device *dev, struct weft_init init, uint64_t seed, const char *name, cl_mem mem,
             int64_t n, struct weft_error *err)
{
    static const char *const kind[] = {[WEFT_INIT_CONSTANT] = "CONSTANT",
                                       [WEFT_INIT_UNIFORM] = "UNIFORM",
                                       [WEFT_INIT_NORMAL] = "NORMAL"};
    char defines[80];
    bool wide = n > INT32_MAX / 2;
    snprintf(defines, sizeof defines, "%s#define %s\n", wide ? "#define INDEX long\n" : "",
             kind[init.kind]);
    struct wf_request r = {"init", "init", defines, "init"};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k,
                          .op = "init",
                          .tasks = (n + CHUNK - 1) / CHUNK,
                          .local = wf_loop_local(dev, k),
                          .wide = wide};
    struct wf_index index[2];
    cl_ulong key = seed, stream = wf_hash64(name, strlen(name));
    cl_float a = (float)init.a, b = (float)init.b;
    wf_launch_index(&l, &index[0], n);
    wf_launch_index(&l, &index[1], CHUNK);
    wf_launch_value(&l, sizeof key, &key);
    wf_launch_value(&l, sizeof stream, &stream);
    wf_launch_value(&l, sizeof a, &a);
    wf_launch_value(&l, sizeof b, &b);
    wf_launch_mem(&l, &mem);
    return wf_launch(dev, &l, err);
}
