// The matrix product on devices with groups of many work-items: tiles of a and b go through local
// memory. cl/matmul.cl has the picture.
#include "op/matmul.h"

enum { TILE, KT };

static const struct wf_knob knobs[] = {
    [TILE] = {"TILE", 2, {64, 32}},
    [KT] = {"KT", 3, {16, 8, 32}},
    {0},
};

static int items(const int *knob)
{
    return knob[TILE] / 4 * (knob[TILE] / 4);
}

static void choose(weft_device *dev, const struct wf_matmul *p, int *knob)
{
    (void)dev, (void)p;
    knob[TILE] = 64;
    knob[KT] = 16;
}

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    size_t local = (size_t)(2 * knob[KT] * (knob[TILE] + 1)) * wf_matmul_computed_size(p);
    return wf_dtype_is_float(p->dtype) && dev->info.max_group >= (size_t)items(knob) &&
           dev->info.local_memory >= local;
}

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS];
    choose(dev, p, knob);
    return fits(dev, p, knob);
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    const char *text = "#define GPU_TILE\n";
    struct wf_kernel *k = wf_matmul_kernel(dev, p, text, &wf_matmul_gpu_tile, knob, err);
    if (!k)
        return false;
    int64_t tile = knob[TILE];
    // At 10 flops a nanosecond for each compute unit.
    struct wf_launch l = {.kernel = k,
                          .op = "matmul",
                          .local = (size_t)items(knob),
                          .wide = p->wide,
                          .task_ns = 2.0 * (double)(tile * tile) * (double)p->k / 10};
    l.tasks = p->count * ((p->m + tile - 1) / tile) * ((p->n + tile - 1) / tile);
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, 0);
    return wf_launch(dev, &l, err);
}

const struct wf_matmul_variant wf_matmul_gpu_tile = {.name = "gpu_tile",
                                                     .file = "matmul",
                                                     .knobs = knobs,
                                                     .applies = applies,
                                                     .choose = choose,
                                                     .fits = fits,
                                                     .run = run};
