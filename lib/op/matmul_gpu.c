// The matrix product on devices with groups of many work-items: tiles of a and b go through local
// memory. cl/matmul_gpu.cl has the picture.
#include "op/matmul_gpu.h"
#include "base/text.h"

const struct wf_knob wf_matmul_tile_knobs[] = {
    [BM] = {"BM", 3, {64, 128, 32}},
    [BN] = {"BN", 3, {64, 128, 32}},
    [BK] = {"BK", 3, {16, 8, 32}},
    [TM] = {"TM", 2, {4, 8}},
    [TN] = {"TN", 2, {4, 8}},
    [VEC] = {"VEC", 3, {4, 2, 1}},
    [STAGES] = {"STAGES", 2, {2, 1}},
    [PAD] = {"PAD", 2, {4, 0}},
    [SWIZZLE] = {"SWIZZLE", 4, {8, 4, 16, 1}},
    [BLOCK] = {"BLOCK", 2, {256, 0}},
    [SPLIT] = {"SPLIT", 5, {1, 2, 4, 8, 16}, .launch = true},
    {0},
};

static int items(const int *knob)
{
    return knob[BM] / knob[TM] * (knob[BN] / knob[TN]);
}

static size_t local_bytes(const int *knob, const struct wf_matmul *p)
{
    int row = knob[BM] + knob[BN] + 2 * knob[PAD];
    return (size_t)(knob[STAGES] * knob[BK] * row) * wf_matmul_computed_size(p);
}

// Registers of 4 bytes that a work-item needs: an estimate, within a tenth of what ptxas takes.
static int registers(const int *knob, const struct wf_matmul *p)
{
    int tile = knob[TM] * knob[TN] * (knob[BLOCK] ? 2 : 1) + knob[TM] + knob[TN];
    int part = (knob[BM] + knob[BN]) * knob[BK] / items(knob);
    return (tile + part) * (int)(wf_matmul_computed_size(p) / 4) + 80;
}

// What most GPUs have: registers of one work-item, and of a group.
enum { ITEM_REGISTERS = 255, GROUP_REGISTERS = 65536 };

bool wf_matmul_tile_fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    int used = registers(knob, p);
    return (size_t)items(knob) <= dev->info.max_group &&
           local_bytes(knob, p) <= dev->info.local_memory && used <= ITEM_REGISTERS &&
           used * items(knob) <= GROUP_REGISTERS && (!knob[BLOCK] || knob[BLOCK] % knob[BK] == 0) &&
           wf_matmul_can_split(dev, p, knob[SPLIT]);
}

static void set_tile(int *knob, int bm, int bn, int tm, int tn)
{
    knob[BM] = bm;
    knob[BN] = bn;
    knob[TM] = tm;
    knob[TN] = tn;
}

bool wf_matmul_tile_shrink(int *knob)
{
    if (knob[BM] > 64 || knob[BN] > 64)
        set_tile(knob, 64, 64, 8, 4);
    else if (items(knob) > 64)
        set_tile(knob, 32, 32, 4, 4);
    else if (items(knob) > 32)
        set_tile(knob, 32, 32, 8, 4);
    else
        return false;
    knob[BK] = 8;
    return true;
}

// Tiles of c, in rows and columns that don't depend on an epilogue.
static int64_t tiles(const struct wf_matmul *p, const int *knob)
{
    return p->plain_count * wf_matmul_tiles(p->plain_m, knob[BM]) * wf_matmul_tiles(p->n, knob[BN]);
}

enum { MANY_TILES = 128, LEAST_PART = 256 };

// By shape alone: the bits of a product must not depend on how many compute units there are.
static int choose_split(const struct wf_matmul *p, const int *knob)
{
    int split = 1;
    while (split < 16 && tiles(p, knob) * split * 2 <= MANY_TILES &&
           p->k >= 2 * (int64_t)split * LEAST_PART)
        split *= 2;
    return split;
}

void wf_matmul_tile_choose(weft_device *dev, const struct wf_matmul *p, int *knob)
{
    bool twice = wf_matmul_computed_size(p) == 8;
    // 64 sums of a work-item are all registers that an Intel GPU has for it.
    bool few = twice || wf_contains_nocase(dev->info.vendor, "Intel(R)");
    bool tall = p->plain_m > 64, broad = p->n > 64;
    for (int i = 0; i <= SPLIT; i++)
        knob[i] = wf_matmul_tile_knobs[i].value[0];
    knob[VEC] = twice ? 2 : 4;
    set_tile(knob, 128, 128, 8, 8);
    if (few || !tall || !broad || tiles(p, knob) < MANY_TILES || dev->info.max_group < 256 ||
        dev->info.local_memory < 48 << 10) {
        if (tall && broad)
            set_tile(knob, 64, 64, twice ? 4 : 8, 4);
        else
            set_tile(knob, tall ? 64 : 32, broad ? 64 : 32, tall && !broad && !twice ? 8 : 4,
                     broad && !tall && !twice ? 8 : 4);
    }
    while (!wf_matmul_tile_fits(dev, p, knob) && wf_matmul_tile_shrink(knob)) {
    }
    knob[SPLIT] = choose_split(p, knob);
    while (knob[SPLIT] > 1 && !wf_matmul_can_split(dev, p, knob[SPLIT]))
        knob[SPLIT] /= 2;
}

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS];
    wf_matmul_tile_choose(dev, p, knob);
    // For whole numbers, CPUs have the plain way.
    return (wf_dtype_is_float(p->dtype) || dev->info.type != WEFT_DEVICE_CPU) &&
           wf_matmul_tile_fits(dev, p, knob);
}

// What run_part() needs besides the problem.
struct tile {
    const char *text;
    const int *knob;
    bool *too_large;
};

static bool run_part(weft_device *dev, const struct wf_matmul *p, int64_t part, void *priv,
                     struct weft_error *err)
{
    struct tile *t = priv;
    const int *knob = t->knob;
    struct wf_kernel *k = wf_matmul_kernel(dev, p, t->text, &wf_matmul_gpu_tile, knob, err);
    *t->too_large = k && k->max_group < (size_t)items(knob);
    if (!k || *t->too_large)
        return false;
    // At 10 flops a nanosecond for each compute unit.
    double terms = (double)(part < p->k ? part : p->k);
    struct wf_launch l = {.kernel = k,
                          .op = "matmul",
                          .local = (size_t)items(knob),
                          .wide = p->wide,
                          .task_ns = 2.0 * (double)(knob[BM] * knob[BN]) * terms / 10};
    l.tasks = p->count * wf_matmul_tiles(p->m, knob[BM]) * wf_matmul_tiles(p->n, knob[BN]);
    if (p->k > part)
        l.tasks *= wf_matmul_tiles(p->k, part);
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, part);
    return wf_launch(dev, &l, err);
}

bool wf_matmul_tile_run(weft_device *dev, const struct wf_matmul *p, const char *text,
                        const int *knob, bool *too_large, struct weft_error *err)
{
    struct tile t = {.text = text, .knob = knob, .too_large = too_large};
    struct wf_matmul_split s = {knob[SPLIT], knob[BK], run_part, &t};
    *too_large = false;
    return wf_matmul_run_split(dev, p, &s, err);
}

const char *wf_matmul_forms(const struct wf_matmul *p)
{
    bool a = p->a_m == 1 && p->a_k != 1, b = p->b_k == 1 && p->b_n != 1;
    return a   ? b ? "#define A_FORM 1\n#define B_FORM 0\n" : "#define A_FORM 1\n#define B_FORM 1\n"
           : b ? "#define A_FORM 0\n#define B_FORM 0\n"
               : "#define A_FORM 0\n#define B_FORM 1\n";
}

// A driver may give a kernel less registers, and so a smaller group, than was estimated.
static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    int own[WF_MATMUL_KNOBS];
    bool too_large, ok;
    memcpy(own, knob, sizeof own);
    do
        ok = wf_matmul_tile_run(dev, p, wf_matmul_forms(p), own, &too_large, err);
    while (too_large && wf_matmul_tile_shrink(own));
    return ok || (too_large && wf_matmul_plain.run(dev, p, NULL, err));
}

const struct wf_matmul_variant wf_matmul_gpu_tile = {.name = "gpu_tile",
                                                     .file = "matmul_gpu",
                                                     .knobs = wf_matmul_tile_knobs,
                                                     .applies = applies,
                                                     .choose = wf_matmul_tile_choose,
                                                     .fits = wf_matmul_tile_fits,
                                                     .run = run};
