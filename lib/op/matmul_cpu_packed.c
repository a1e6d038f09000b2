// The tiles of cpu_tile over a b that is a parameter: it is kept packed in panels until it changes.
// Both give the same bits, and the first product with a version, which may be the only one, goes
// without.
#include "core/packed.h"
#include "dev/dry.h"
#include "op/matmul_cpu.h"
#include <stdio.h>

static int64_t panel_bytes(const struct wf_matmul *p, const int *knob)
{
    int64_t nr = knob[NV] * knob[LANES];
    return wf_matmul_tiles(p->n, nr) * nr * p->k * (int64_t)wf_matmul_computed_size(p);
}

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    return p->b_from && p->count == 1 && p->k > 0 && wf_matmul_cpu_tile.fits(dev, p, knob) &&
           (p->wide || !wf_wide(dev, panel_bytes(p, knob)));
}

// For one row packing is reading twice, and a panel would be mostly empty for few columns.
enum { FEW_COLUMNS = 16 };

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS];
    if (p->plain_m < 2 || p->n <= FEW_COLUMNS || !wf_matmul_is_for_cpu(dev, p))
        return false;
    wf_matmul_cpu_choose(dev, p, knob);
    return fits(dev, p, knob);
}

struct pack {
    const struct wf_matmul *p;
    const int *knob;
};

static const struct wf_matmul_variant panel_kernel = {.name = "panel", .file = "matmul_panel"};

static bool pack(weft_device *dev, struct wf_storage *to, void *priv, struct weft_error *err)
{
    const struct pack *s = priv;
    struct wf_matmul q = *s->p;
    char text[96];
    q.epilogue = NULL;
    q.batch.views = 2;
    q.c = to->mem;
    snprintf(text, sizeof text, "%s#define NV %d\n#define LANES %d\n", wf_matmul_b_form(&q),
             s->knob[NV], s->knob[LANES]);
    int64_t tasks = wf_matmul_tiles(q.n, s->knob[NV] * s->knob[LANES]);
    return wf_matmul_cpu_launch(dev, &q, &panel_kernel, NULL, text, 1, tasks, err);
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    struct pack s = {p, knob};
    struct wf_packing packing = {
        .from = p->b_from,
        .version = p->b_version,
        .key = {{p->batch.offset[1], p->k, p->n, p->b_k, p->b_n, knob[NV], knob[LANES]}},
        .bytes = (size_t)panel_bytes(p, knob),
        .make = pack,
        .priv = &s,
    };
    struct wf_storage *panels = dev->dry ? NULL : wf_packed_find(dev, &packing);
    if (!panels)
        return wf_matmul_cpu_tile.run(dev, p, knob, err);
    struct wf_matmul q = *p;
    q.b = panels->mem;
    bool ok = wf_matmul_cpu_tile_run(dev, &q, "#define PACKED 1\n", knob, err);
    wf_storage_unref(panels);
    return ok;
}

const struct wf_matmul_variant wf_matmul_cpu_packed = {.name = "cpu_packed",
                                                       .file = "matmul_cpu",
                                                       .knobs = wf_matmul_cpu_knobs,
                                                       .applies = applies,
                                                       .choose = wf_matmul_cpu_choose,
                                                       .fits = fits,
                                                       .run = run,
                                                       .calls_like_elementwise = true};
