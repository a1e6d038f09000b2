// The matrix product where m or n is 8 at most, on devices with groups of many work-items: the
// other operand is read once. cl/matmul_gemv.cl has the ways.
#include "op/matmul_gpu.h"

enum { G_GROUP, G_ACROSS, G_ROWS, G_KC, G_VEC, G_SPLIT };

static const struct wf_knob knobs[] = {
    [G_GROUP] = {"GROUP", 3, {128, 256, 64}},
    [G_ACROSS] = {"ACROSS", 6, {8, 4, 16, 32, 2, 1}},
    [G_ROWS] = {"ROWS", 4, {8, 1, 2, 4}},
    [G_KC] = {"KC", 3, {256, 512, 128}},
    [G_VEC] = {"VEC", 4, {4, 2, 8, 1}},
    [G_SPLIT] = {"SPLIT", 5, {1, 2, 4, 8, 16}, .launch = true},
    {0},
};

enum { MOST_ROWS = 8 };

// Is n the few? By the product without its epilogue, so that both are summed alike.
static bool is_turned(const struct wf_matmul *p)
{
    return p->n < p->plain_m;
}

static int64_t rows(const struct wf_matmul *p)
{
    return is_turned(p) ? p->n : p->plain_m;
}

// Does the long side lie side by side? Otherwise k does, or nothing.
static bool is_along(const struct wf_matmul *p)
{
    return is_turned(p) ? p->a_m == 1 && p->a_k != 1 : p->b_n == 1 || p->b_k != 1;
}

static int64_t span(const struct wf_matmul *p, const int *knob)
{
    return knob[G_ACROSS] * (is_along(p) ? knob[G_VEC] : 1);
}

static int64_t blocks(const struct wf_matmul *p, const int *knob)
{
    return wf_matmul_tiles(is_turned(p) ? p->plain_m : p->n, span(p, knob)) * p->plain_count;
}

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    int numbers = knob[G_ROWS] * knob[G_KC] + knob[G_GROUP] * knob[G_VEC];
    return rows(p) <= knob[G_ROWS] && (size_t)knob[G_GROUP] <= dev->info.max_group &&
           (size_t)numbers * wf_matmul_computed_size(p) <= dev->info.local_memory &&
           knob[G_ACROSS] <= knob[G_GROUP] && wf_matmul_can_split(dev, p, knob[G_SPLIT]);
}

enum { MANY_BLOCKS = 64, LEAST_PART = 2048 };

// Two builds for the rows: new sizes then compile nothing.
static void choose(weft_device *dev, const struct wf_matmul *p, int *knob)
{
    knob[G_GROUP] = dev->info.max_group < 128 ? 64 : 128;
    knob[G_ACROSS] = 8;
    knob[G_ROWS] = rows(p) == 1 ? 1 : MOST_ROWS;
    knob[G_KC] = 256;
    knob[G_VEC] = wf_matmul_computed_size(p) == 8 ? 2 : 4;
    knob[G_SPLIT] = 1;
    while (knob[G_SPLIT] < 16 && blocks(p, knob) * knob[G_SPLIT] * 2 <= MANY_BLOCKS &&
           p->k >= 2 * (int64_t)knob[G_SPLIT] * LEAST_PART)
        knob[G_SPLIT] *= 2;
}

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS];
    choose(dev, p, knob);
    return dev->info.type != WEFT_DEVICE_CPU && fits(dev, p, knob);
}

static const char *forms(const struct wf_matmul *p)
{
    return is_turned(p)  ? is_along(p) ? "#define TURNED 1\n#define FORM 0\n"
                                       : "#define TURNED 1\n#define FORM 1\n"
           : is_along(p) ? "#define TURNED 0\n#define FORM 0\n"
                         : "#define TURNED 0\n#define FORM 1\n";
}

struct gemv {
    const int *knob;
    bool too_large;
};

static bool run_part(weft_device *dev, const struct wf_matmul *p, int64_t part, void *priv,
                     struct weft_error *err)
{
    struct gemv *g = priv;
    const int *knob = g->knob;
    struct wf_kernel *k = wf_matmul_kernel(dev, p, forms(p), &wf_matmul_gemv, knob, err);
    g->too_large = k && k->max_group < (size_t)knob[G_GROUP];
    if (!k || g->too_large)
        return false;
    // At 5 numbers a nanosecond.
    double terms = (double)(part < p->k ? part : p->k);
    struct wf_launch l = {.kernel = k,
                          .op = "matmul",
                          .local = (size_t)knob[G_GROUP],
                          .wide = p->wide,
                          .task_ns = 1000 + (double)span(p, knob) * terms / 5};
    l.tasks = p->count * wf_matmul_tiles(is_turned(p) ? p->m : p->n, span(p, knob));
    if (p->k > part)
        l.tasks *= wf_matmul_tiles(p->k, part);
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, part);
    return wf_launch(dev, &l, err);
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    struct gemv g = {.knob = knob};
    struct wf_matmul_split s = {knob[G_SPLIT], knob[G_KC], run_part, &g};
    bool ok = wf_matmul_run_split(dev, p, &s, err);
    return ok || (g.too_large && wf_matmul_plain.run(dev, p, NULL, err));
}

const struct wf_matmul_variant wf_matmul_gemv = {.name = "gemv",
                                                 .file = "matmul_gemv",
                                                 .knobs = knobs,
                                                 .applies = applies,
                                                 .choose = choose,
                                                 .fits = fits,
                                                 .run = run};
