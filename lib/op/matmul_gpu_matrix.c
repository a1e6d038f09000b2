// The matrix product by a device's matrix instructions. cl/matmul_gpu_matrix.cl has the picture.
#include "dev/matrix.h"
#include "op/matmul_gpu.h"
#include "op/matmul_matrix.h"
#include <stdio.h>

enum {
    M_BM,
    M_BN,
    M_KW,
    M_DOWN,
    M_ACROSS,
    M_STAGES,
    M_SWIZZLE,
    M_BLOCK,
    M_SPLIT,
    M_TF32 = WF_MATMUL_MATRIX_TF32,
    M_ATOM = WF_MATMUL_MATRIX_ATOM
};

// TF32: one product instead of three. ATOM: 0 is the device's own.
static const struct wf_knob knobs[] = {
    [M_BM] = {"BM", 2, {128, 64}},
    [M_BN] = {"BN", 2, {128, 64}},
    [M_KW] = {"KW", 3, {16, 8, 32}},
    [M_DOWN] = {"DOWN", 3, {2, 4, 1}},
    [M_ACROSS] = {"ACROSS", 4, {4, 2, 8, 1}},
    [M_STAGES] = {"STAGES", 2, {2, 1}},
    [M_SWIZZLE] = {"SWIZZLE", 3, {8, 4, 16}},
    [M_BLOCK] = {"BLOCK", 3, {0, 256, 128}},
    [M_SPLIT] = {"SPLIT", 5, {1, 2, 4, 8, 16}, .launch = true},
    [M_TF32] = {"TF32", 1, {0}, .launch = true},
    [M_ATOM] = {"ATOM", 1, {0}, .launch = true},
    {0},
};

// As in cl/matmul_atom.h; k in words, of 16 bits, of F32 and of bytes, 0 where there is none.
static const struct atom {
    int lanes, m, n, numbers;
    int k16, k32, k8;
    bool unsigned_bytes;
    int down, across; // subgroups of a good group
} atoms[] = {
    [WF_MATRIX_NV] = {32, 16, 8, 4, 8, 8, 8, true, 2, 4},
    [WF_MATRIX_MFMA] = {64, 16, 16, 4, 8, 4, 4, false, 2, 2},
    [WF_MATRIX_MFMA3] = {64, 16, 16, 4, 8, 4, 8, false, 2, 2},
    [WF_MATRIX_WMMA] = {32, 16, 16, 8, 8, 0, 4, true, 2, 4},
    [WF_MATRIX_DPAS8] = {8, 8, 8, 8, 8, 0, 8, true, 4, 8},
    [WF_MATRIX_DPAS16] = {16, 8, 16, 8, 8, 0, 8, true, 4, 4},
};

static bool is_bytes(enum weft_dtype d)
{
    return d == WEFT_I8 || d == WEFT_U8;
}

static int atom_number(weft_device *dev, const int *knob)
{
    return knob[M_ATOM] ? knob[M_ATOM] : (int)wf_device_matrix(dev);
}

static int word(const struct wf_matmul *p)
{
    return p->dtype == WEFT_F32 ? 1 : is_bytes(p->dtype) ? 4 : 2;
}

// Words of k of the instruction for these operands, 0: there is none.
static int words_of(int number, const struct wf_matmul *p)
{
    const struct atom *a = &atoms[number];
    enum weft_dtype b = wf_matmul_b_dtype(p);
    bool is_signed = p->dtype == WEFT_I8 && b == WEFT_I8;
    if (is_bytes(p->dtype))
        return is_bytes(b) && (is_signed || a->unsigned_bytes) ? a->k8 : 0;
    return p->dtype == WEFT_F16 || p->dtype == WEFT_BF16 ? a->k16
           : p->dtype == WEFT_F32                        ? a->k32
                                                         : 0;
}

static int items(int number, const int *knob)
{
    return knob[M_DOWN] * knob[M_ACROSS] * atoms[number].lanes;
}

static bool divides(int part, int whole)
{
    return whole >= part && whole % part == 0;
}

// Are tiles, subgroups and instructions multiples of each other, and do sums fit into registers?
static bool tiles_fit(int number, const struct wf_matmul *p, const int *knob)
{
    const struct atom *a = &atoms[number];
    int each = items(number, knob), tile = (knob[M_BM] + knob[M_BN]) * (knob[M_KW] + 4);
    int down = knob[M_BM] / knob[M_DOWN], across = knob[M_BN] / knob[M_ACROSS];
    int sums = down * across / a->lanes * (knob[M_BLOCK] ? 2 : 1);
    return divides(words_of(number, p), knob[M_KW]) && divides(a->m, down) &&
           divides(a->n, across) && divides(each, knob[M_BM] * knob[M_KW] / 4) &&
           divides(each, knob[M_BN] * knob[M_KW] / 4) && sums <= 160 &&
           (!knob[M_BLOCK] || divides(knob[M_KW], knob[M_BLOCK])) &&
           knob[M_DOWN] * knob[M_ACROSS] * a->m * across <= knob[M_STAGES] * tile;
}

static size_t local_bytes(int number, const int *knob)
{
    size_t tile = (size_t)((knob[M_BM] + knob[M_BN]) * (knob[M_KW] + 4)) * 4;
    // What lanes tell each other where instructions are emulated.
    size_t heard = knob[M_ATOM] ? (size_t)items(number, knob) * 16 * 4 : 0;
    return (size_t)knob[M_STAGES] * tile + heard;
}

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    int number = atom_number(dev, knob);
    return number && words_of(number, p) && tiles_fit(number, p, knob) &&
           (size_t)items(number, knob) <= dev->info.max_group &&
           local_bytes(number, knob) <= dev->info.local_memory &&
           (!knob[M_TF32] || (p->dtype == WEFT_F32 && number == WF_MATRIX_NV)) &&
           wf_matmul_can_split(dev, p, knob[M_SPLIT]);
}

enum { MANY_TILES = 128, LEAST_PART = 1024 };

static int64_t tiles(const struct wf_matmul *p, const int *knob)
{
    return p->plain_count * wf_matmul_tiles(p->plain_m, knob[M_BM]) *
           wf_matmul_tiles(p->n, knob[M_BN]);
}

static void set_tile(const struct wf_matmul *p, const struct atom *a, int side, int *knob)
{
    knob[M_BM] = knob[M_BN] = side;
    knob[M_KW] = p->dtype == WEFT_F32 && side == 128 ? 8 : 16;
    knob[M_DOWN] = a->down;
    knob[M_ACROSS] = a->across;
    // Half of the tile, half of the fetches: as many work-items as fetch something.
    while (side * knob[M_KW] / 4 < knob[M_DOWN] * knob[M_ACROSS] * a->lanes && knob[M_ACROSS] > 1)
        knob[M_ACROSS] /= 2;
}

// By shape alone: the bits of a product must not depend on how many compute units there are.
void wf_matmul_matrix_choose(weft_device *dev, const struct wf_matmul *p, int *knob)
{
    for (int i = 0; knobs[i].name; i++)
        knob[i] = i == M_ATOM ? knob[i] : knobs[i].value[0];
    int number = atom_number(dev, knob);
    const struct atom *a = &atoms[number];
    knob[M_BLOCK] = p->dtype == WEFT_F32 ? 256 : 0;
    knob[M_TF32] =
        p->dtype == WEFT_F32 && number == WF_MATRIX_NV && dev->params.f32_products == WEFT_F32_TF32;
    set_tile(p, a, 128, knob);
    if (number && (p->plain_m <= 64 || p->n <= 64 || tiles(p, knob) < MANY_TILES))
        set_tile(p, a, 64, knob);
    while (number && knob[M_STAGES] == 2 && local_bytes(number, knob) > dev->info.local_memory)
        knob[M_STAGES] = 1;
    while (knob[M_SPLIT] < 16 && tiles(p, knob) * knob[M_SPLIT] * 2 <= MANY_TILES &&
           p->k >= 2 * (int64_t)knob[M_SPLIT] * LEAST_PART)
        knob[M_SPLIT] *= 2;
}

static void choose(weft_device *dev, const struct wf_matmul *p, int *knob)
{
    knob[M_ATOM] = 0;
    wf_matmul_matrix_choose(dev, p, knob);
}

enum { LEAST_SIDE = 64, LEAST_F32 = 128 };

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    int knob[WF_MATMUL_KNOBS], least = p->dtype == WEFT_F32 ? LEAST_F32 : LEAST_SIDE;
    if (dev->info.type == WEFT_DEVICE_CPU || p->plain_m < least || p->n < least || p->k < least)
        return false;
    choose(dev, p, knob);
    return fits(dev, p, knob);
}

static void write_text(char text[240], weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    int number = atom_number(dev, knob);
    int kind = p->dtype == WEFT_F16 ? 1 : p->dtype == WEFT_BF16 ? 2 : p->dtype == WEFT_F32 ? 3 : 4;
    bool split = p->dtype == WEFT_F32 && number == WF_MATRIX_NV && !knob[M_TF32];
    snprintf(text, 240,
             "%s#define ATOM %d\n#define KIND %d\n#define A_SIGNED %d\n#define B_SIGNED %d\n%s%s",
             wf_matmul_forms(p), number, kind, p->dtype == WEFT_I8, wf_matmul_b_dtype(p) == WEFT_I8,
             split ? "#define SPLIT3\n" : "", knob[M_ATOM] ? "#define EMULATE\n" : "");
}

static bool run_part(weft_device *dev, const struct wf_matmul *p, int64_t part, void *priv,
                     struct weft_error *err)
{
    const int *knob = priv;
    char text[240];
    write_text(text, dev, p, knob);
    size_t group = (size_t)items(atom_number(dev, knob), knob);
    struct wf_kernel *k = wf_matmul_kernel(dev, p, text, &wf_matmul_gpu_matrix, knob, err);
    if (!k)
        return false;
    if (k->max_group < group)
        return wf_fail(err, WEFT_UNSUPPORTED, "%s: groups of %zu work-items were wanted, not %zu",
                       k->name, group, k->max_group);
    // At 100 flops a nanosecond for each compute unit.
    double terms = (double)(part < p->k ? part : p->k);
    struct wf_launch l = {.kernel = k,
                          .op = "matmul",
                          .local = group,
                          .wide = p->wide,
                          .task_ns = 2.0 * (double)(knob[M_BM] * knob[M_BN]) * terms / 100};
    l.tasks = p->count * wf_matmul_tiles(p->m, knob[M_BM]) * wf_matmul_tiles(p->n, knob[M_BN]);
    if (p->k > part)
        l.tasks *= wf_matmul_tiles(p->k, part);
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, part);
    return wf_launch(dev, &l, err);
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    int own[WF_MATMUL_KNOBS];
    memcpy(own, knob, sizeof own);
    struct wf_matmul_split s = {knob[M_SPLIT], knob[M_KW] * word(p), run_part, own};
    return wf_matmul_run_split(dev, p, &s, err);
}

const struct wf_matmul_variant wf_matmul_gpu_matrix = {.name = "gpu_matrix",
                                                       .file = "matmul_gpu_matrix",
                                                       .knobs = knobs,
                                                       .applies = applies,
                                                       .choose = choose,
                                                       .fits = fits,
                                                       .run = run,
                                                       .may_fail = true};
