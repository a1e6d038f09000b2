// Products by matrix instructions, which are emulated here from the manuals' tables: every
// instruction and dtype, all forms of operands, edges, batches, sums in parts, epilogues, against
// the plain way.
#include "dev/matrix.h"
#include "matmul_fixture.h"
#include "op/matmul_matrix.h"

enum { ATOMS = WF_MATRIX_DPAS16, BM = 0, BN, KW, DOWN, ACROSS, STAGES, SWIZZLE, BLOCK, SPLIT };

struct kind {
    enum weft_dtype a, b, out;
};
static const struct kind kinds[] = {
    {WEFT_F16, WEFT_F16, WEFT_F16}, {WEFT_BF16, WEFT_BF16, WEFT_BF16},
    {WEFT_F32, WEFT_F32, WEFT_F32}, {WEFT_I8, WEFT_I8, WEFT_I32},
    {WEFT_U8, WEFT_I8, WEFT_I32},   {WEFT_I8, WEFT_U8, WEFT_I32},
    {WEFT_F16, WEFT_F16, WEFT_F32},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

struct shape {
    int64_t m, n, k, count, offset;
    bool a_turned, b_turned;
};
static const struct shape shapes[] = {
    {64, 64, 96, 1, 0, false, true},  {70, 67, 83, 2, 0, false, false},
    {65, 72, 64, 1, 8, true, true},   {33, 130, 150, 2, 3, true, false},
    {128, 64, 64, 2, 0, true, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void setup_values(void)
{
    setup();
    random_state = 5;
}

// Small whole numbers in bytes; else what every dtype holds and TF32 does.
static weft_tensor *operand(enum weft_dtype dtype, int64_t n)
{
    bool bytes = dtype == WEFT_I8 || dtype == WEFT_U8;
    float *v = coarse_values(n);
    for (int64_t i = 0; i < n; i++)
        v[i] = dtype == WEFT_U8 ? (v[i] + 1) * 127 : bytes ? v[i] * 127 : v[i];
    weft_tensor *t = upload(dtype, 1, &n, v);
    free(v);
    weft_want(s, t);
    ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
    return t;
}

static struct wf_matmul problem_of(const struct shape *f, const struct kind *kind)
{
    int64_t size = f->count * f->m * f->n, a = f->offset + f->count * f->m * f->k;
    int64_t b = f->offset + f->count * f->k * f->n;
    struct wf_matmul p = {.dtype = kind->a,
                          .b_dtype = kind->b,
                          .out = kind->out,
                          .m = f->m,
                          .n = f->n,
                          .k = f->k,
                          .count = f->count,
                          .plain_m = f->m,
                          .plain_count = f->count,
                          .a_m = f->a_turned ? 1 : f->k,
                          .a_k = f->a_turned ? f->m : 1,
                          .b_k = f->b_turned ? 1 : f->n,
                          .b_n = f->b_turned ? f->k : 1,
                          .a = wf_tensor(operand(kind->a, a))->storage->mem,
                          .b = wf_tensor(operand(kind->b, b))->storage->mem,
                          .c = target(kind->out, 1, &size)->storage->mem};
    p.batch = (struct wf_dims){.rank = 1,
                               .views = 2,
                               .shape = {f->count},
                               .stride = {{f->m * f->k}, {f->k * f->n}},
                               .offset = {f->offset, f->offset}};
    return p;
}

static void run_plain(struct wf_matmul p, void *want, size_t bytes)
{
    struct weft_error e = {0};
    ck_assert_msg(wf_matmul_plain.run(dev, &p, NULL, &e), "%s", e.text);
    ck_assert(wf_download(dev, p.c, 0, want, bytes, &e));
}

// Sums of coarse numbers are exact, so every way gives the same bits.
static void check(const struct wf_matmul *p, const int *knob, const char *what)
{
    size_t bytes = (size_t)(p->count * p->m * p->n) * weft_dtype_size(p->out);
    char *want = malloc(bytes), *got = malloc(bytes);
    const unsigned char nan = 0xff;
    struct weft_error e = {0};
    run_plain(*p, want, bytes);
    ck_assert(wf_fill(dev, p->c, bytes, &nan, 1, &e));
    ck_assert_msg(wf_matmul_gpu_matrix.run(dev, p, knob, &e), "%s: %s", what, e.text);
    ck_assert(wf_download(dev, p->c, 0, got, bytes, &e));
    for (size_t i = 0; i < bytes; i += weft_dtype_size(p->out))
        ck_assert_msg(!memcmp(got + i, want + i, weft_dtype_size(p->out)),
                      "%s: element %zu is %g, not %g", what, i / weft_dtype_size(p->out),
                      wf_to_double(p->out, got + i), wf_to_double(p->out, want + i));
    free(want);
    free(got);
}

// The rule's choice, as far as the device's local memory allows, with small tiles.
static bool choose(int atom, const struct wf_matmul *p, int *knob)
{
    memset(knob, 0, WF_MATMUL_KNOBS * sizeof *knob);
    knob[WF_MATMUL_MATRIX_ATOM] = atom;
    wf_matmul_matrix_choose(dev, p, knob);
    return wf_matmul_gpu_matrix.fits(dev, p, knob);
}

START_TEST(every_instruction_gets_the_right_elements)
{
    int atom = 1 + _i / KINDS, ran = 0;
    const struct kind *kind = &kinds[_i % KINDS];
    // Of the first kind all forms of operands; of the others each form of a and of b.
    bool first = kind == kinds;
    for (int f = 0; f < SHAPES; f += first ? 1 : 3) {
        int knob[WF_MATMUL_KNOBS];
        char what[120];
        struct wf_matmul p = problem_of(&shapes[f], kind);
        if (!choose(atom, &p, knob))
            continue;
        snprintf(what, sizeof what, "atom %d, %s by %s, shape %d", atom, weft_dtype_name(kind->a),
                 weft_dtype_name(kind->b), f);
        check(&p, knob, what);
        ran++;
        weft_scope_reset(s);
    }
    bool is_unsigned = kind->a == WEFT_U8 || kind->b == WEFT_U8;
    bool mfma = atom == WF_MATRIX_MFMA || atom == WF_MATRIX_MFMA3;
    bool is = kind->a == WEFT_F32 ? mfma || atom == WF_MATRIX_NV : !(is_unsigned && mfma);
    ck_assert_int_eq(ran, !is ? 0 : first ? SHAPES : 2);
}
END_TEST

// Every value of every knob that fits beside the others, with sums in parts.
START_TEST(knobs)
{
    struct wf_matmul p = problem_of(&shapes[3], &kinds[_i]);
    const struct wf_knob *all = wf_matmul_gpu_matrix.knobs;
    int chosen[WF_MATMUL_KNOBS], ran = 0;
    ck_assert(choose(WF_MATRIX_NV, &p, chosen));
    for (int i = 0; i < SPLIT + 1; i++) {
        for (int j = 0; j < all[i].values; j++) {
            int knob[WF_MATMUL_KNOBS];
            char what[80];
            memcpy(knob, chosen, sizeof knob);
            knob[i] = all[i].value[j];
            snprintf(what, sizeof what, "%s=%d", all[i].name, knob[i]);
            if (!wf_matmul_gpu_matrix.fits(dev, &p, knob))
                continue;
            check(&p, knob, what);
            ran++;
        }
    }
    ck_assert_int_ge(ran, 12);
}
END_TEST

static double error_of(const struct wf_matmul *p, int tf32)
{
    size_t n = (size_t)(p->m * p->n);
    float *got = malloc(n * sizeof *got);
    double *want = malloc(n * sizeof *want), worst = 0;
    size_t an = (size_t)(p->m * p->k), bn = (size_t)(p->k * p->n);
    float *a = malloc(an * sizeof *a), *b = malloc(bn * sizeof *b);
    int knob[WF_MATMUL_KNOBS];
    struct weft_error e = {0};
    for (size_t i = 0; i < an; i++)
        a[i] = coarse() * 0.7071f;
    for (size_t i = 0; i < bn; i++)
        b[i] = coarse() * 0.5773f;
    ck_assert(choose(WF_MATRIX_NV, p, knob));
    knob[WF_MATMUL_MATRIX_TF32] = tf32;
    ck_assert(wf_upload(dev, p->a, 0, a, an * sizeof *a, &e) &&
              wf_upload(dev, p->b, 0, b, bn * sizeof *b, &e));
    ck_assert_msg(wf_matmul_gpu_matrix.run(dev, p, knob, &e), "%s", e.text);
    ck_assert(wf_download(dev, p->c, 0, got, n * sizeof *got, &e));
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t k = 0; k < p->k; k++)
            sum += (double)a[(int64_t)i / p->n * p->k + k] *
                   (double)b[(int64_t)i % p->n * p->b_n + k * p->b_k];
        worst = fmax(worst, fabs((double)got[i] - sum));
    }
    free(got);
    free(want);
    free(a);
    free(b);
    return worst;
}

// Numbers with all bits of a float, 96 terms below 0.41.
START_TEST(three_products_of_tf32_are_as_good_as_float)
{
    struct wf_matmul p = problem_of(&shapes[0], &kinds[2]);
    double exact = error_of(&p, 0), tf32 = error_of(&p, 1);
    ck_assert_msg(exact < 4e-6, "three products are off by %g", exact);
    ck_assert_msg(tf32 > 1e-4 && tf32 < 2e-2, "one product is off by %g", tf32);
}
END_TEST

// What is not finite comes out as float has it.
START_TEST(numbers_that_are_not_finite)
{
    const float odd[] = {INFINITY, -INFINITY, NAN, 3.4e38f, -3.4028235e38f, 1e-42f};
    struct wf_matmul p = problem_of(&shapes[0], &kinds[2]);
    size_t n = (size_t)(p.m * p.n);
    float *want = malloc(n * sizeof *want), *got = malloc(n * sizeof *got);
    int knob[WF_MATMUL_KNOBS];
    struct weft_error e = {0};
    ck_assert(choose(WF_MATRIX_NV, &p, knob));
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        ck_assert(wf_upload(dev, p.a, (size_t)(p.k * (int64_t)(3 * i) + 5) * sizeof *odd, &odd[i],
                            sizeof *odd, &e));
    run_plain(p, want, n * sizeof *want);
    ck_assert_msg(wf_matmul_gpu_matrix.run(dev, &p, knob, &e), "%s", e.text);
    ck_assert(wf_download(dev, p.c, 0, got, n * sizeof *got, &e));
    for (size_t i = 0; i < n; i++)
        ck_assert_msg((isnan(got[i]) && isnan(want[i])) || got[i] == want[i] ||
                          fabsf(got[i] - want[i]) <= 1e-5f * fabsf(want[i]),
                      "%zu is %g, not %g", i, (double)got[i], (double)want[i]);
    free(want);
    free(got);
}
END_TEST

START_TEST(epilogues)
{
    const struct shape *f = &shapes[1];
    enum weft_dtype dtype = _i ? WEFT_F16 : WEFT_F32;
    const struct kind kind = {dtype, dtype, dtype};
    struct wf_matmul p = problem_of(f, &kind);
    weft_tensor *bias = operand(dtype, f->n);
    struct wf_epilogue e = {
        .text = "n1", .steps = "const T n1 = v * (T)2 + b0;", .nin = 1, .in = {wf_tensor(bias)}};
    int knob[WF_MATMUL_KNOBS];
    p.epilogue = &e;
    p.e_n[0] = 1;
    p.batch.views = 3;
    ck_assert(choose(_i ? WF_MATRIX_WMMA : WF_MATRIX_MFMA, &p, knob));
    check(&p, knob, "epilogue");
}
END_TEST

// A device without such instructions never takes them by itself.
START_TEST(is_not_taken_where_there_are_none)
{
    struct wf_matmul p = problem_of(&shapes[0], &kinds[0]);
    if (wf_device_matrix(dev) == WF_MATRIX_NONE)
        ck_assert(!wf_matmul_gpu_matrix.applies(dev, &p));
    else
        ck_assert(wf_matmul_gpu_matrix.applies(dev, &p));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("matmul_matrix");
    TCase *c = tcase_create("matmul_matrix");
    tcase_add_checked_fixture(c, setup_values, teardown);
    tcase_set_timeout(c, 900);
    tcase_add_loop_test(c, every_instruction_gets_the_right_elements, 0, ATOMS * KINDS);
    tcase_add_loop_test(c, knobs, 0, 2);
    tcase_add_test(c, three_products_of_tf32_are_as_good_as_float);
    tcase_add_test(c, numbers_that_are_not_finite);
    tcase_add_loop_test(c, epilogues, 0, 2);
    tcase_add_test(c, is_not_taken_where_there_are_none);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
