// Products whose sums are made in parts of k, for more groups where c has few tiles: the parts into
// a workspace, then their sum. How many is decided by shape, so the bits are the same every time.
#include "op/matmul_gpu.h"

int64_t wf_matmul_part(const struct wf_matmul *p, int split, int unit)
{
    int64_t part = wf_matmul_tiles(p->k, split > 1 ? split : 1);
    return part > 0 ? wf_matmul_tiles(part, unit) * unit : unit;
}

bool wf_matmul_can_split(const weft_device *dev, const struct wf_matmul *p, int split)
{
    uint64_t numbers = (uint64_t)(p->count * p->m * p->n) * (uint64_t)split;
    return split == 1 ||
           (numbers < 1u << 28 &&
            (!dev->info.max_alloc || numbers * wf_matmul_computed_size(p) <= dev->info.max_alloc));
}

static const struct wf_matmul_variant sum_kernel = {.name = "sum", .file = "matmul_parts"};

static bool add_up(weft_device *dev, const struct wf_matmul *p, cl_mem sums, int64_t parts,
                   struct weft_error *err)
{
    struct wf_matmul q = *p;
    struct wf_kernel *k = wf_matmul_kernel(dev, p, "#define SUM\n", &sum_kernel, NULL, err);
    if (!k)
        return false;
    q.a = q.b = sums;
    struct wf_launch l = {.kernel = k, .op = "matmul", .wide = p->wide};
    l.local = k->max_group < 64 ? k->max_group : 64;
    l.task_ns = 100.0 * (double)parts;
    l.tasks = wf_matmul_tiles(p->count * p->m * wf_matmul_tiles(p->n, 4), (int64_t)l.local);
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, &q, parts);
    return wf_launch(dev, &l, err);
}

bool wf_matmul_run_split(weft_device *dev, const struct wf_matmul *p,
                         const struct wf_matmul_split *s, struct weft_error *err)
{
    int64_t part = wf_matmul_part(p, s->split, s->unit), parts = wf_matmul_tiles(p->k, part);
    if (parts <= 1)
        return s->run(dev, p, part, s->priv, err);
    struct wf_matmul q = *p;
    bool wide = wf_matmul_computed_size(p) == 8;
    size_t bytes = (size_t)(p->count * p->m * p->n * parts) * wf_matmul_computed_size(p);
    struct wf_block *b = wf_pool_take(dev, bytes, err);
    if (!b)
        return false;
    q.epilogue = NULL;
    q.batch.views = 2;
    q.out = wf_dtype_is_float(p->dtype) ? wide ? WEFT_F64 : WEFT_F32 : wide ? WEFT_I64 : WEFT_I32;
    q.c = b->mem;
    bool ok = s->run(dev, &q, part, s->priv, err) && add_up(dev, p, b->mem, parts, err);
    wf_pool_give(dev, b);
    return ok;
}
