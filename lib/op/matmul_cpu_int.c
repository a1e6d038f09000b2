// The matrix product of bytes on devices whose work-group runs on one core. cl/matmul_cpu_int.cl
// says how.
#include "op/matmul.h"

enum { MR, NV, LANES, KC, SUM_ROWS, PAIRS };

static const struct wf_knob knobs[] = {
    [MR] = {"MR", 4, {4, 8, 2, 1}},          [NV] = {"NV", 3, {4, 2, 1}},
    [LANES] = {"LANES", 2, {16, 8}},         [KC] = {"KC", 3, {256, 128, 64}},
    [SUM_ROWS] = {"SUM_ROWS", 2, {128, 64}}, {0},
};

enum { PACK_ROWS = 16 }; // AR in the kernel

static bool is_byte(enum weft_dtype d)
{
    return d == WEFT_I8 || d == WEFT_U8;
}

static size_t local_bytes(const int *knob)
{
    int nr = knob[NV] * knob[LANES];
    return (size_t)(knob[KC] * nr + knob[SUM_ROWS] * nr + knob[KC] * PACK_ROWS) * sizeof(float);
}

static void choose(weft_device *dev, const struct wf_matmul *p, int *knob)
{
    for (int i = 0; knobs[i].name; i++)
        knob[i] = knobs[i].value[0];
    if (p->n <= 2 * knob[LANES])
        knob[NV] = p->n <= knob[LANES] ? 1 : 2;
    if (p->m == 1)
        knob[MR] = 1;
    while (knob[KC] > 16 && local_bytes(knob) > dev->info.local_memory) {
        knob[KC] /= 2;
        knob[SUM_ROWS] /= 2;
    }
}

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    return dev->info.type == WEFT_DEVICE_CPU && is_byte(p->dtype) &&
           is_byte(wf_matmul_b_dtype(p)) && !p->epilogue &&
           local_bytes(knob) <= dev->info.local_memory && knob[SUM_ROWS] % PACK_ROWS == 0;
}

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS];
    choose(dev, p, knob);
    return fits(dev, p, knob);
}

static int64_t blocks_of(int64_t size, int64_t block)
{
    return (size + block - 1) / block;
}

// Rows of a task: a panel of b is packed for each task again, so there are no more tasks than keep
// the cores busy; where k takes several turns, their sums have to have room.
static int64_t rows_of_task(const weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    int64_t panels = p->count * blocks_of(p->n, knob[NV] * knob[LANES]);
    int64_t blocks = blocks_of(p->m, PACK_ROWS), parts = 1;
    while (parts * 2 <= blocks && panels * parts < 4 * (int64_t)dev->info.compute_units)
        parts *= 2;
    int64_t rows = blocks_of(blocks, parts) * PACK_ROWS;
    return p->k > knob[KC] && rows > knob[SUM_ROWS] ? knob[SUM_ROWS] : rows;
}

enum { FEW_ROWS = 8 };

static const char *form_of(const struct wf_matmul *p)
{
    if (p->a_k == 1 && p->b_k == 1 && p->b_n != 1 && p->m <= FEW_ROWS)
        return "#define DOT 1\n";
    bool turned = p->a_m == 1 && p->a_k != 1, rows = p->b_n == 1;
    return turned ? rows ? "#define A_TURNED 1\n#define B_ROWS 1\n" : "#define A_TURNED 1\n"
           : rows ? "#define B_ROWS 1\n"
                  : "";
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    struct wf_kernel *k = wf_matmul_kernel(dev, p, form_of(p), &wf_matmul_cpu_int, knob, err);
    if (!k)
        return false;
    int64_t rows = rows_of_task(dev, p, knob);
    struct wf_launch l = {.kernel = k, .op = "matmul", .local = 1, .wide = p->wide};
    l.tasks = p->count * blocks_of(p->n, knob[NV] * knob[LANES]) * blocks_of(p->m, rows);
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, rows);
    return wf_launch(dev, &l, err);
}

const struct wf_matmul_variant wf_matmul_cpu_int = {.name = "cpu_int",
                                                    .file = "matmul_cpu_int",
                                                    .knobs = knobs,
                                                    .applies = applies,
                                                    .choose = choose,
                                                    .fits = fits,
                                                    .run = run};
