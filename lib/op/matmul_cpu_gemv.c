// The matrix product of a few rows with a b whose columns lie side by side, on CPUs: b is read
// once. cl/matmul_cpu_gemv.cl has the way.
#include "op/matmul_cpu.h"

enum { G_ROWS, G_SPAN, G_LANES, G_KC };

static const struct wf_knob knobs[] = {
    [G_ROWS] = {"ROWS", 4, {1, 2, 4, 8}},
    [G_SPAN] = {"SPAN", 4, {512, 1024, 256, 128}},
    [G_LANES] = {"LANES", 3, {16, 8, 4}},
    [G_KC] = {"KC", 3, {256, 128, 512}},
    {0},
};

// From three rows on, tiles in registers are faster.
enum { MOST_ROWS = 2, LEAST_COLUMNS = 128, LEAST_TERMS = 16, LEAST_SPAN = 128, SUMS = 2048 };

static void choose(weft_device *dev, const struct wf_matmul *p, int *knob)
{
    (void)dev;
    knob[G_ROWS] = 1;
    while (knob[G_ROWS] < p->plain_m && knob[G_ROWS] < 8)
        knob[G_ROWS] *= 2;
    knob[G_LANES] = wf_matmul_lanes(p);
    knob[G_SPAN] = SUMS / knob[G_ROWS] > 1024 ? 1024 : SUMS / knob[G_ROWS];
    knob[G_KC] = 256;
}

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    size_t numbers = (size_t)(knob[G_ROWS] * (knob[G_KC] + 2 * knob[G_SPAN]));
    return wf_matmul_is_for_cpu(dev, p) && p->plain_m <= knob[G_ROWS] && p->b_n == 1 &&
           numbers * wf_matmul_computed_size(p) <= dev->info.local_memory &&
           (p->dtype != WEFT_F64 || knob[G_LANES] <= 8);
}

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS];
    choose(dev, p, knob);
    return p->plain_m <= MOST_ROWS && p->n >= LEAST_COLUMNS && p->k >= LEAST_TERMS &&
           fits(dev, p, knob);
}

// Columns of a task: many, for long runs through memory, but work for all cores.
static int64_t span_of(const weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    int64_t span = knob[G_SPAN];
    while (span > LEAST_SPAN &&
           p->count * wf_matmul_tiles(p->n, span) < 2 * dev->info.compute_units)
        span /= 2;
    return span;
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    int64_t span = span_of(dev, p, knob), tasks = p->count * wf_matmul_tiles(p->n, span);
    return wf_matmul_cpu_launch(dev, p, &wf_matmul_cpu_gemv, knob, "", span, tasks, err);
}

const struct wf_matmul_variant wf_matmul_cpu_gemv = {.name = "cpu_gemv",
                                                     .file = "matmul_cpu_gemv",
                                                     .knobs = knobs,
                                                     .applies = applies,
                                                     .choose = choose,
                                                     .fits = fits,
                                                     .run = run,
                                                     .calls_like_elementwise = true};
