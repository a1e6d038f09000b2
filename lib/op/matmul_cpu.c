// The matrix product on devices whose work-group runs on one core: a tile of c in registers.
// cl/matmul_cpu.cl has the picture.
#include "op/expression.h"
#include "op/matmul.h"

// AVX-512 and its 32 registers like 4 x 4 vectors of 16; narrower devices take fewer lanes.
enum { MR, NV, LANES, KC, SUM_ROWS, PACK_A };

static const struct wf_knob knobs[] = {
    [MR] = {"MR", 4, {4, 8, 2, 1}},
    [NV] = {"NV", 4, {4, 3, 2, 1}},
    [LANES] = {"LANES", 3, {16, 8, 4}},
    [KC] = {"KC", 4, {256, 128, 512, 64}},
    [SUM_ROWS] = {"SUM_ROWS", 3, {128, 64, 256}},
    [PACK_A] = {"PACK_A", 3, {0, 1, 2}},
    {0},
};

enum { PACK_ROWS = 16 }; // AR in the kernel

static bool is_narrow(const struct wf_matmul *p)
{
    return p->dtype == WEFT_F16 || p->dtype == WEFT_BF16;
}

static size_t local_bytes(const int *knob, const struct wf_matmul *p)
{
    int nr = knob[NV] * knob[LANES];
    int numbers = knob[KC] * nr + knob[SUM_ROWS] * nr + (knob[PACK_A] ? knob[KC] * PACK_ROWS : 0);
    return (size_t)numbers * wf_matmul_computed_size(p);
}

// Rows of a that lie side by side are far apart along k: read in place, many collide in the cache.
static bool is_far(const struct wf_matmul *p)
{
    return p->a_m == 1 && p->a_k != 1 && p->m > 1;
}

static void choose(weft_device *dev, const struct wf_matmul *p, int *knob)
{
    int lanes = p->dtype == WEFT_F64 ? 8 : 16;
    knob[MR] = 4;
    knob[NV] = 4;
    knob[LANES] = lanes;
    knob[KC] = 256;
    knob[SUM_ROWS] = 128;
    knob[PACK_A] = 0;
    if (p->n <= 2 * lanes) {
        knob[NV] = p->n <= lanes ? 1 : 2;
        knob[MR] = p->m <= 4 ? 4 : 8;
    }
    if (is_narrow(p))
        knob[PACK_A] = is_far(p) ? 2 : 1;
    else if (is_far(p) && p->k >= 4 * knob[KC])
        knob[PACK_A] = 2;
    while (knob[KC] > 16 && local_bytes(knob, p) > dev->info.local_memory) {
        knob[KC] /= 2;
        knob[SUM_ROWS] /= 2;
    }
}

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    // Rows are packed as they lie: those that lie side by side, or those where k does.
    int pack = knob[PACK_A];
    return dev->info.type == WEFT_DEVICE_CPU && wf_dtype_is_float(p->dtype) &&
           local_bytes(knob, p) <= dev->info.local_memory && (!is_narrow(p) || pack) &&
           (pack != 2 || p->a_m == 1) && (!pack || PACK_ROWS % knob[MR] == 0) &&
           knob[SUM_ROWS] % knob[MR] == 0 && (p->dtype != WEFT_F64 || knob[LANES] <= 8);
}

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS];
    choose(dev, p, knob);
    return fits(dev, p, knob);
}

// Rows of a task: all of them, so that a panel is packed once, unless that leaves cores idle.
static int64_t rows_of_task(const weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    int mr = knob[MR], nr = knob[NV] * knob[LANES];
    int64_t panels = p->count * ((p->n + nr - 1) / nr);
    int64_t blocks = (p->m + mr - 1) / mr, parts = 1;
    while (parts * 2 <= blocks && panels * parts < 4 * (int64_t)dev->info.compute_units)
        parts *= 2;
    // Large products keep their rows of a in the second-level cache.
    while (parts < blocks && (blocks + parts - 1) / parts * mr * p->k > 256 << 10)
        parts *= 2;
    int64_t rows = (blocks + parts - 1) / parts * mr;
    if (p->k > knob[KC] && rows > knob[SUM_ROWS])
        rows = knob[SUM_ROWS];
    return rows > 0 ? rows : mr;
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    bool columns = p->b_n != 1 && p->b_k == 1;
    const char *text = p->b_n == 1 ? "#define B_ROWS 1\n" : columns ? "#define B_COLUMNS 1\n" : "";
    struct wf_kernel *k = wf_matmul_kernel(dev, p, text, &wf_matmul_cpu_tile, knob, err);
    if (!k)
        return false;
    int64_t nr = knob[NV] * knob[LANES], rows = rows_of_task(dev, p, knob);
    struct wf_launch l = {.kernel = k, .op = "matmul", .local = 1, .wide = p->wide};
    l.tasks = p->count * ((p->n + nr - 1) / nr) * ((p->m + rows - 1) / rows);
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, rows);
    return wf_launch(dev, &l, err);
}

const struct wf_matmul_variant wf_matmul_cpu_tile = {.name = "cpu_tile",
                                                     .file = "matmul_cpu",
                                                     .knobs = knobs,
                                                     .applies = applies,
                                                     .choose = choose,
                                                     .fits = fits,
                                                     .run = run,
                                                     .calls_like_elementwise = true};
