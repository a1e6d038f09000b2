// The variants of the matrix product: which tile for which device and problem, and their launches.
// The kernels and their pictures are in cl/matmul_cpu.cl and cl/matmul.cl.
#include "op/expression.h"
#include "op/matmul.h"

// A tile in registers: what AVX-512 and its 32 registers like; narrower devices take fewer lanes.
struct tile {
    int mr, nv, lanes, kc;
    int pack_a;   // knob PACK_A
    int sum_rows; // knob SUM_ROWS
};

enum { PACK_ROWS = 16 }; // AR

// The bytes of an element in registers and in local memory.
static size_t computed_size(const struct wf_matmul *p)
{
    return p->dtype == WEFT_F64 ? 8 : 4;
}

static bool is_narrow(const struct wf_matmul *p)
{
    return p->dtype == WEFT_F16 || p->dtype == WEFT_BF16;
}

static size_t local_bytes(const struct tile *t, const struct wf_matmul *p)
{
    int nr = t->nv * t->lanes;
    return (size_t)(t->kc * nr + t->sum_rows * nr + (t->pack_a ? t->kc * PACK_ROWS : 0)) *
           computed_size(p);
}

static struct tile choose_tile(const weft_device *dev, const struct wf_matmul *p)
{
    int lanes = p->dtype == WEFT_F64 ? 8 : 16;
    struct tile t = {.mr = 4, .nv = 4, .lanes = lanes, .kc = 256, .sum_rows = 128};
    if (p->n <= 2 * lanes) {
        t.nv = p->n <= lanes ? 1 : 2;
        t.mr = p->m <= 4 ? 4 : 8;
    }
    // Rows of a that lie side by side are far apart along k: read in place, many collide in the
    // cache.
    bool far = p->a_m == 1 && p->a_k != 1 && p->m > 1;
    if (is_narrow(p))
        t.pack_a = far ? 2 : 1;
    else if (far && p->k >= 4 * t.kc)
        t.pack_a = 2;
    while (t.kc > 16 && local_bytes(&t, p) > dev->info.local_memory) {
        t.kc /= 2;
        t.sum_rows /= 2;
    }
    return t;
}

static bool cpu_tile_applies(weft_device *dev, const struct wf_matmul *p)
{
    struct tile t = choose_tile(dev, p);
    return dev->info.type == WEFT_DEVICE_CPU && wf_dtype_is_float(p->dtype) &&
           local_bytes(&t, p) <= dev->info.local_memory;
}

// Rows of a task: all of them, so that a panel is packed once, unless that leaves cores idle.
static int64_t rows_of_task(const weft_device *dev, const struct wf_matmul *p, const struct tile *t)
{
    int64_t panels = p->count * ((p->n + t->nv * t->lanes - 1) / (t->nv * t->lanes));
    int64_t blocks = (p->m + t->mr - 1) / t->mr, parts = 1;
    while (parts * 2 <= blocks && panels * parts < 4 * (int64_t)dev->info.compute_units)
        parts *= 2;
    // Large products keep their rows of a in the second-level cache.
    while (parts < blocks && (blocks + parts - 1) / parts * t->mr * p->k > 256 << 10)
        parts *= 2;
    int64_t rows = (blocks + parts - 1) / parts * t->mr;
    if (p->k > t->kc && rows > t->sum_rows)
        rows = t->sum_rows;
    return rows > 0 ? rows : t->mr;
}

// The kernel of these knobs, after the defines of types and epilogue.
static struct wf_kernel *get_kernel(weft_device *dev, const struct wf_matmul *p, const char *file,
                                    const char *kernel, struct wf_text *knobs,
                                    struct weft_error *err)
{
    struct wf_text all = {0};
    wf_matmul_defines(&all, p);
    wf_text_add(&all, "%s", wf_text_get(knobs));
    struct wf_request r = {file, kernel, all.data, "matmul"};
    bool ok = !all.failed && !knobs->failed;
    struct wf_kernel *k = ok ? wf_kernel_get(dev, &r, err) : NULL;
    if (!ok)
        wf_fail_nomem(err, "kernel");
    wf_text_finish(&all);
    wf_text_finish(knobs);
    return k;
}

static bool cpu_tile_run(weft_device *dev, const struct wf_matmul *p, struct weft_error *err)
{
    struct tile t = choose_tile(dev, p);
    struct wf_text knobs = {0};
    wf_text_add(&knobs,
                "#define MR %d\n#define NV %d\n#define LANES %d\n#define KC %d\n"
                "#define SUM_ROWS %d\n#define PACK_A %d\n#define B_ROWS %d\n#define B_COLUMNS %d\n",
                t.mr, t.nv, t.lanes, t.kc, t.sum_rows, t.pack_a, p->b_n == 1,
                p->b_n != 1 && p->b_k == 1);
    struct wf_kernel *k = get_kernel(dev, p, "matmul_cpu", "matmul_cpu_tile", &knobs, err);
    if (!k)
        return false;
    int64_t nr = t.nv * t.lanes, rows = rows_of_task(dev, p, &t);
    struct wf_launch l = {.kernel = k, .op = "matmul", .local = 1, .wide = p->wide};
    l.tasks = p->count * ((p->n + nr - 1) / nr) * ((p->m + rows - 1) / rows);
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, rows);
    return wf_launch(dev, &l, err);
}

enum { TILE = 64, KT = 16, TILE_ITEMS = TILE / 4 * (TILE / 4) };

static bool gpu_tile_applies(weft_device *dev, const struct wf_matmul *p)
{
    size_t local = 2 * KT * (TILE + 1) * computed_size(p);
    return wf_dtype_is_float(p->dtype) && dev->info.max_group >= TILE_ITEMS &&
           dev->info.local_memory >= local;
}

static bool gpu_tile_run(weft_device *dev, const struct wf_matmul *p, struct weft_error *err)
{
    struct wf_text knobs = {0};
    wf_text_add(&knobs, "#define GPU_TILE\n#define TILE %d\n#define KT %d\n", TILE, KT);
    struct wf_kernel *k = get_kernel(dev, p, "matmul", "matmul_gpu_tile", &knobs, err);
    if (!k)
        return false;
    // At 10 flops a nanosecond for each compute unit.
    struct wf_launch l = {.kernel = k,
                          .op = "matmul",
                          .local = TILE_ITEMS,
                          .wide = p->wide,
                          .task_ns = 2.0 * TILE * TILE * (double)p->k / 10};
    l.tasks = p->count * ((p->m + TILE - 1) / TILE) * ((p->n + TILE - 1) / TILE);
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, 0);
    return wf_launch(dev, &l, err);
}

static bool always(weft_device *dev, const struct wf_matmul *p)
{
    (void)dev, (void)p;
    return true;
}

static bool plain_run(weft_device *dev, const struct wf_matmul *p, struct weft_error *err)
{
    struct wf_text knobs = {0};
    wf_text_add(&knobs, "#define PLAIN\n");
    struct wf_kernel *k = get_kernel(dev, p, "matmul", "matmul_plain", &knobs, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k,
                          .op = "matmul",
                          .tasks = p->count * p->m,
                          .wide = p->wide,
                          .task_ns = (double)p->n * (double)p->k};
    l.local = k->max_group < 64 ? k->max_group : 64;
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, 0);
    return wf_launch(dev, &l, err);
}

bool wf_matmul_fits(weft_device *dev, const struct wf_record *matmul, bool calls)
{
    if (!calls || dev->info.type != WEFT_DEVICE_CPU)
        return true;
    struct wf_matmul p = wf_matmul_problem(matmul, NULL, matmul->out[0]);
    return cpu_tile_applies(dev, &p);
}

const struct wf_matmul_variant wf_matmul_variants[] = {
    {"clblast", wf_matmul_clblast_applies, wf_matmul_clblast_run, wf_matmul_clblast_can},
    {"cpu_tile", cpu_tile_applies, cpu_tile_run},
    {"gpu_tile", gpu_tile_applies, gpu_tile_run},
    {"plain", always, plain_run},
    {0},
};
