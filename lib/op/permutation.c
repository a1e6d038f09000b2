// Random orders.
#include "core/copy.h"
#include "dev/launch.h"
#include "op/op.h"
#include "op/random.h"
#include <stdio.h>

// Up to SHUFFLED numbers are shuffled: their few orders would not come up equally often otherwise.
enum { SHUFFLED = 256, CHUNK = 1024, VEC_CPU = 16 };

static bool shuffle(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    struct wf_request request = {"permutation", "permutation_few", NULL, "permutation"};
    struct wf_kernel *k = wf_kernel_get(dev, &request, err);
    if (!k)
        return false;
    const struct wf_draw *draw = r->attr;
    cl_ulong key = draw->key, high = draw->high;
    struct wf_launch l = {.kernel = k, .op = "permutation", .tasks = 1, .local = 1};
    struct wf_index n;
    wf_launch_index(&l, &n, r->out[0]->pub.shape[0]);
    wf_launch_value(&l, sizeof key, &key);
    wf_launch_value(&l, sizeof high, &high);
    wf_launch_mem(&l, &r->out[0]->storage->mem);
    return wf_launch(dev, &l, err);
}

static bool permute(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    int64_t n = r->out[0]->pub.shape[0];
    bool wide = wf_wide(dev, 2 * n);
    char defines[120];
    snprintf(defines, sizeof defines, "%s#define VEC %d\n",
             wide ? "#define INDEX long\n#define WORD ulong\n" : "",
             dev->info.type == WEFT_DEVICE_CPU ? VEC_CPU : 1);
    struct wf_request request = {"permutation", "permutation", defines, "permutation"};
    struct wf_kernel *k = wf_kernel_get(dev, &request, err);
    if (!k)
        return false;
    const struct wf_draw *draw = r->attr;
    cl_ulong key = draw->key, high = draw->high;
    cl_int bits = 0;
    while (n > (int64_t)1 << bits)
        bits++;
    struct wf_launch l = {.kernel = k,
                          .op = "permutation",
                          .tasks = (n + CHUNK - 1) / CHUNK,
                          .local = wf_loop_local(dev, k),
                          .task_ns = 20 * CHUNK,
                          .wide = wide};
    struct wf_index index[2];
    wf_launch_index(&l, &index[0], n);
    wf_launch_index(&l, &index[1], CHUNK);
    wf_launch_value(&l, sizeof bits, &bits);
    wf_launch_value(&l, sizeof key, &key);
    wf_launch_value(&l, sizeof high, &high);
    wf_launch_mem(&l, &r->out[0]->storage->mem);
    return wf_launch(dev, &l, err);
}

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    int64_t n = r->out[0]->pub.shape[0];
    return !n || (n <= SHUFFLED ? shuffle(dev, r, err) : permute(dev, r, err));
}

const struct wf_op wf_op_permutation = {.name = "permutation", .run = run, .flat = true};

weft_tensor *weft_permutation(weft_scope *s, int64_t n)
{
    if (wf_scope_ok(s) && n < 0) {
        wf_scope_fail(s, WEFT_PARAM, "permutation: of %lld numbers; 0 or more was wanted",
                      (long long)n);
        return NULL;
    }
    if (!wf_scope_shape(s, "permutation", WEFT_I64, 1, &n))
        return NULL;
    struct wf_draw draw = wf_draw_next(s);
    return wf_record(s, &(struct wf_call){.op = &wf_op_permutation,
                                          .dtype = WEFT_I64,
                                          .ndim = 1,
                                          .shape = &n,
                                          .attr = &draw,
                                          .attr_bytes = sizeof draw});
}
