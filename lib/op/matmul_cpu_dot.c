// The matrix product of few rows or few columns where k lies side by side in both operands, on
// CPUs: nothing is packed. cl/matmul_cpu_dot.cl has the way.
#include "op/matmul_cpu.h"

enum { D_MR, D_NC, D_ROWS, D_SPAN, D_LANES, D_KC, D_COPY_B };

static const struct wf_knob knobs[] = {
    [D_MR] = {"MR", 4, {4, 8, 2, 1}},     [D_NC] = {"NC", 4, {4, 8, 2, 1}},
    [D_ROWS] = {"ROWS", 3, {64, 16, 8}},  [D_SPAN] = {"SPAN", 3, {64, 16, 32}},
    [D_LANES] = {"LANES", 3, {16, 8, 4}}, [D_KC] = {"KC", 3, {4096, 1024, 512}},
    [D_COPY_B] = {"COPY_B", 2, {0, 1}},   {0},
};

// A tile packs b, which pays for itself in many rows; lanes are added at the end of each sum, which
// does in TERMS_A_ROW terms for each row.
enum { MOST_ROWS = 64, MOST_COLUMNS = 8, NARROW = 16, TERMS_A_ROW = 8, LEAST_TERMS = 64 };

static void choose(weft_device *dev, const struct wf_matmul *p, int *knob)
{
    (void)dev;
    int64_t m = p->plain_m, n = p->n;
    knob[D_MR] = m <= 2 ? (int)m : n <= 2 ? 8 : 4;
    knob[D_NC] = n <= 2 ? (int)n : m <= 2 ? 8 : 4;
    knob[D_ROWS] = 64;
    knob[D_SPAN] = n <= 16 ? 16 : 64;
    knob[D_LANES] = wf_matmul_lanes(p);
    knob[D_COPY_B] = p->b_k != 1;
    knob[D_KC] = knob[D_COPY_B] ? 512 : 4096;
}

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    bool copies = knob[D_COPY_B];
    size_t numbers = (size_t)(knob[D_SPAN] * (knob[D_ROWS] + (copies ? knob[D_KC] : 0)));
    return wf_matmul_is_for_cpu(dev, p) && p->a_k == 1 &&
           (copies ? p->n <= knob[D_SPAN] : p->b_k == 1) &&
           numbers * wf_matmul_computed_size(p) <= dev->info.local_memory &&
           knob[D_MR] * knob[D_NC] <= 16 && (p->dtype != WEFT_F64 || knob[D_LANES] <= 8);
}

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS];
    choose(dev, p, knob);
    return (p->n <= MOST_COLUMNS || (p->b_k == 1 && p->n <= NARROW) ||
            (p->b_k == 1 && p->plain_m <= MOST_ROWS && p->k >= TERMS_A_ROW * p->plain_m)) &&
           p->k >= LEAST_TERMS && fits(dev, p, knob);
}

// Rows of a task: all, for a column of b is read once for them, but work for all cores.
static int64_t rows_of_task(const weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    int64_t rows = knob[D_ROWS], across = p->count * wf_matmul_tiles(p->n, knob[D_SPAN]);
    while (rows / 2 >= knob[D_MR] &&
           across * wf_matmul_tiles(p->m, rows) < 2 * dev->info.compute_units)
        rows /= 2;
    return rows;
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    int64_t rows = rows_of_task(dev, p, knob), across = wf_matmul_tiles(p->n, knob[D_SPAN]);
    int64_t tasks = p->count * across * wf_matmul_tiles(p->m, rows);
    return wf_matmul_cpu_launch(dev, p, &wf_matmul_cpu_dot, knob, "", rows, tasks, err);
}

const struct wf_matmul_variant wf_matmul_cpu_dot = {.name = "cpu_dot",
                                                    .file = "matmul_cpu_dot",
                                                    .knobs = knobs,
                                                    .applies = applies,
                                                    .choose = choose,
                                                    .fits = fits,
                                                    .run = run,
                                                    .calls_like_elementwise = true};
