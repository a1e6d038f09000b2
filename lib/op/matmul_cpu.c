// The matrix product on devices whose work-group runs on one core: a tile of c in registers.
// cl/matmul_cpu.cl has the picture.
#include "op/matmul_cpu.h"
#include <math.h>

const struct wf_knob wf_matmul_cpu_knobs[] = {
    [MR] = {"MR", 4, {4, 8, 2, 1}},
    [NV] = {"NV", 4, {4, 3, 2, 1}},
    [LANES] = {"LANES", 3, {16, 8, 4}},
    [KC] = {"KC", 4, {256, 128, 512, 64}},
    [SUM_ROWS] = {"SUM_ROWS", 3, {256, 128, 64}},
    [PACK_A] = {"PACK_A", 3, {0, 1, 2}},
    {0},
};

enum { PACK_ROWS = 16 }; // AR in the kernel

bool wf_matmul_is_for_cpu(const weft_device *dev, const struct wf_matmul *p)
{
    return dev->info.type == WEFT_DEVICE_CPU && wf_dtype_is_float(p->dtype);
}

static size_t local_bytes(const int *knob, const struct wf_matmul *p)
{
    int nr = knob[NV] * knob[LANES];
    int numbers = (knob[KC] + knob[SUM_ROWS] + knob[MR]) * nr;
    numbers += knob[PACK_A] ? knob[KC] * PACK_ROWS : 0;
    return (size_t)numbers * wf_matmul_computed_size(p);
}

// Rows of a that lie side by side are far apart along k: read in place, many collide in the cache.
static bool is_far(const struct wf_matmul *p)
{
    return p->a_m == 1 && p->a_k != 1 && p->m > 1;
}

void wf_matmul_cpu_choose(weft_device *dev, const struct wf_matmul *p, int *knob)
{
    int lanes = wf_matmul_lanes(p);
    knob[MR] = p->plain_m <= 2 ? 2 : 4;
    knob[NV] = 4;
    knob[LANES] = lanes;
    knob[KC] = 256;
    knob[SUM_ROWS] = 256;
    knob[PACK_A] = 0;
    if (p->n <= 2 * lanes) {
        knob[NV] = p->n <= lanes ? 1 : 2;
        knob[MR] = p->plain_m <= 4 ? 4 : 8;
    }
    if (wf_matmul_is_narrow(p))
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
    return wf_matmul_is_for_cpu(dev, p) && local_bytes(knob, p) <= dev->info.local_memory &&
           (!wf_matmul_is_narrow(p) || pack) && (pack != 2 || p->a_m == 1) &&
           (!pack || PACK_ROWS % knob[MR] == 0) && knob[SUM_ROWS] % knob[MR] == 0 &&
           (p->dtype != WEFT_F64 || knob[LANES] <= 8);
}

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS];
    wf_matmul_cpu_choose(dev, p, knob);
    return fits(dev, p, knob);
}

const char *wf_matmul_b_form(const struct wf_matmul *p)
{
    bool columns = p->b_n != 1 && p->b_k == 1;
    return p->b_n == 1 ? "#define B_ROWS 1\n" : columns ? "#define B_COLUMNS 1\n" : "";
}

// How well a number of row blocks for each panel does, 1 at best: cores that are not idle at the
// end, rows that are there, and packing, which costs as much as `pack` rows.
static double score(const struct wf_matmul *p, int64_t panels, int64_t rows, double cores,
                    double pack)
{
    int64_t blocks = wf_matmul_tiles(p->m, rows);
    double tasks = (double)(panels * blocks), turns = ceil(tasks / cores), height = (double)rows;
    return tasks / (turns * cores) * (height / (height + pack)) *
           ((double)p->m / (double)(blocks * rows));
}

enum { CACHED = 256 << 10 }; // elements of a that stay in the second-level cache

// Rows of a task.
static int64_t rows_of_task(const weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    int64_t mr = knob[MR], panels = p->count * wf_matmul_tiles(p->n, knob[NV] * knob[LANES]);
    int64_t most = wf_matmul_tiles(p->m, mr), best = mr;
    double pack = p->b_n == 1 ? 3 : 8, best_score = 0;
    if (p->k > knob[KC] && most > knob[SUM_ROWS] / mr)
        most = knob[SUM_ROWS] / mr;
    if (p->k > 0 && most * mr * p->k > CACHED)
        most = CACHED / (mr * p->k) > 1 ? CACHED / (mr * p->k) : 1;
    for (int64_t tiles = most; tiles > 0 && tiles >= most / 4; tiles--) {
        double s = score(p, panels, tiles * mr, dev->info.compute_units, pack);
        if (s > best_score) {
            best_score = s;
            best = tiles * mr;
        }
    }
    return best;
}

bool wf_matmul_cpu_launch(weft_device *dev, const struct wf_matmul *p,
                          const struct wf_matmul_variant *v, const int *knob, const char *text,
                          int64_t size, int64_t tasks, struct weft_error *err)
{
    struct wf_kernel *k = wf_matmul_kernel(dev, p, text, v, knob, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k, .op = "matmul", .tasks = tasks, .local = 1, .wide = p->wide};
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, size);
    return wf_launch(dev, &l, err);
}

bool wf_matmul_cpu_tile_run(weft_device *dev, const struct wf_matmul *p, const char *text,
                            const int *knob, struct weft_error *err)
{
    int64_t nr = knob[NV] * knob[LANES], rows = rows_of_task(dev, p, knob);
    int64_t tasks = p->count * wf_matmul_tiles(p->n, nr) * wf_matmul_tiles(p->m, rows);
    return wf_matmul_cpu_launch(dev, p, &wf_matmul_cpu_tile, knob, text, rows, tasks, err);
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    return wf_matmul_cpu_tile_run(dev, p, wf_matmul_b_form(p), knob, err);
}

const struct wf_matmul_variant wf_matmul_cpu_tile = {.name = "cpu_tile",
                                                     .file = "matmul_cpu",
                                                     .knobs = wf_matmul_cpu_knobs,
                                                     .applies = applies,
                                                     .choose = wf_matmul_cpu_choose,
                                                     .fits = fits,
                                                     .run = run,
                                                     .calls_like_elementwise = true};
