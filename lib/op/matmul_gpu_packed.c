// gpu_tile after both operands were copied into whole tiles, zero at the edges: every load is a
// vector and none is checked. The bits are those of gpu_tile with the same knobs.
#include "core/copy.h"
#include "op/matmul_gpu.h"
#include <stdio.h>

// An operand as it lies and as it is packed.
struct operand {
    int view;
    int64_t rows, row, step; // in memory; step: along k
    int64_t rows_padded, k_padded;
    int64_t count; // packed matrices: 1 where all of the batch share it
    cl_mem from;
    struct wf_block *to;
};

static bool is_shared(const struct wf_dims *d, int view)
{
    bool shared = true;
    for (int i = 0; i < d->rank; i++)
        shared = shared && (d->stride[view][i] == 0 || d->shape[i] == 1);
    return shared;
}

static struct operand make_operand(const struct wf_matmul *p, const int *knob, int view)
{
    int tile = knob[view ? BN : BM];
    struct operand o = {.view = view,
                        .rows = view ? p->n : p->m,
                        .row = view ? p->b_n : p->a_m,
                        .step = view ? p->b_k : p->a_k,
                        .count = is_shared(&p->batch, view) ? 1 : p->count,
                        .from = view ? p->b : p->a};
    o.rows_padded = wf_matmul_tiles(o.rows, tile) * tile;
    o.k_padded = wf_matmul_tiles(p->k, knob[BK]) * knob[BK];
    return o;
}

static size_t bytes_of(const struct operand *o, const struct wf_matmul *p)
{
    return (size_t)(o->count * o->rows_padded * o->k_padded) * weft_dtype_size(p->dtype);
}

// The copy may take a quarter of the device's memory, and an index of 31 bits.
static bool has_room(const weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    struct operand a = make_operand(p, knob, 0), b = make_operand(p, knob, 1);
    size_t most = bytes_of(&a, p) > bytes_of(&b, p) ? bytes_of(&a, p) : bytes_of(&b, p);
    return bytes_of(&a, p) + bytes_of(&b, p) <= dev->info.memory / 4 &&
           most <= dev->info.max_alloc && most < INT32_MAX;
}

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    return p->k > 0 && wf_matmul_tile_fits(dev, p, knob) && has_room(dev, p, knob);
}

// Can an operand be read in vectors as it lies?
static bool is_vectors(const struct wf_matmul *p, int view, int vec)
{
    int64_t row = view ? p->b_n : p->a_m, step = view ? p->b_k : p->a_k;
    bool ok = (row == 1 || step == 1) && (row == 1 ? step : row) % vec == 0 &&
              p->batch.offset[view] % vec == 0;
    for (int i = 0; i < p->batch.rank; i++)
        ok = ok && p->batch.stride[view][i] % vec == 0;
    return ok;
}

// Copying a is as much as computing some tens of columns of c, and likewise for b.
enum { LARGE = 2048, LONG = 512 };

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS];
    if (dev->info.type == WEFT_DEVICE_CPU || p->m < LARGE || p->n < LARGE || p->k < LONG)
        return false;
    wf_matmul_tile_choose(dev, p, knob);
    return fits(dev, p, knob) && !(is_vectors(p, 0, knob[VEC]) && is_vectors(p, 1, knob[VEC]));
}

// Appends numbers as INDEX.
static size_t append(char *to, bool wide, int n, const int64_t *v)
{
    size_t index = wide ? 8 : 4;
    for (int i = 0; i < n; i++) {
        int32_t narrow = (int32_t)v[i];
        memcpy(to + (size_t)i * index, wide ? (const void *)&v[i] : (const void *)&narrow, index);
    }
    return (size_t)n * index;
}

static bool pack(weft_device *dev, const struct wf_matmul *p, const struct operand *o,
                 struct weft_error *err)
{
    char defines[160], sizes[6 * 8];
    snprintf(defines, sizeof defines,
             "#define PACK\n%s#define B %s\n#define VEC 1\n#define RANK %d\n#define VIEWS %d\n",
             p->wide ? "#define INDEX long\n" : "", wf_bits_type(weft_dtype_size(p->dtype)),
             p->batch.rank, p->batch.views);
    struct wf_request r = {"matmul_parts", "matmul_pack", defines, "matmul"};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k, .op = "matmul", .wide = p->wide, .task_ns = 2000};
    l.local = k->max_group < 128 ? k->max_group : 128;
    l.tasks = o->count * (o->rows_padded / 32) * wf_matmul_tiles(o->k_padded, 32);
    const int64_t v[] = {o->rows, p->k, o->row, o->step, o->rows_padded, o->k_padded};
    struct wf_dims_arg batch;
    cl_int view = o->view;
    wf_launch_value(&l, append(sizes, p->wide, 6, v), sizes);
    wf_launch_value(&l, sizeof view, &view);
    wf_dims_pack(&p->batch, p->wide, &batch);
    wf_launch_value(&l, batch.bytes, &batch.u);
    wf_launch_mem(&l, &o->from);
    wf_launch_mem(&l, &o->to->mem);
    return wf_launch(dev, &l, err);
}

// The batch walks the packed matrices in its own order.
static void walk_packed(struct wf_dims *d, const struct operand *o)
{
    int64_t step = o->count > 1 ? o->rows_padded * o->k_padded : 0;
    for (int i = d->rank - 1; i >= 0; i--) {
        d->stride[o->view][i] = step;
        step *= d->shape[i];
    }
    d->offset[o->view] = 0;
}

static bool run_packed(weft_device *dev, const struct wf_matmul *p, const struct operand o[2],
                       const int *knob, bool *too_large, struct weft_error *err)
{
    struct wf_matmul q = *p;
    q.k = o[0].k_padded;
    q.a = o[0].to->mem;
    q.b = o[1].to->mem;
    q.a_m = q.b_n = 1;
    q.a_k = o[0].rows_padded;
    q.b_k = o[1].rows_padded;
    walk_packed(&q.batch, &o[0]);
    walk_packed(&q.batch, &o[1]);
    const char *text = "#define A_FORM 1\n#define B_FORM 1\n#define PADDED\n";
    return pack(dev, p, &o[0], err) && pack(dev, p, &o[1], err) &&
           wf_matmul_tile_run(dev, &q, text, knob, too_large, err);
}

// Where there is no memory for the copies, or the group is too large, the tiles go without.
static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    struct operand o[] = {make_operand(p, knob, 0), make_operand(p, knob, 1)};
    bool direct = false, ok = false;
    for (int i = 0; i < 2 && !direct; i++) {
        o[i].to = wf_pool_take(dev, bytes_of(&o[i], p), NULL);
        direct = !o[i].to;
    }
    if (!direct)
        ok = run_packed(dev, p, o, knob, &direct, err);
    for (int i = 0; i < 2; i++) {
        if (o[i].to)
            wf_pool_give(dev, o[i].to);
    }
    return direct ? wf_matmul_gpu_tile.run(dev, p, knob, err) : ok;
}

const struct wf_matmul_variant wf_matmul_gpu_packed = {.name = "gpu_packed",
                                                       .file = "matmul_gpu",
                                                       .knobs = wf_matmul_tile_knobs,
                                                       .applies = applies,
                                                       .choose = wf_matmul_tile_choose,
                                                       .fits = fits,
                                                       .run = run};
