// Random tensors: their bits in every dtype and form, what a draw depends on and what not, and
// dropout.
#include "core/scope.h"
#include "ref_draws.h"
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { N = 9001 };

static bool has(enum weft_dtype d)
{
    return d != WEFT_F64 || weft_device_has(dev, WEFT_CAP_F64);
}

static void read_all(const weft_tensor *x, void *to)
{
    ck_assert_msg(x && weft_read(s, x, to, (size_t)weft_count(x) * weft_dtype_size(x->dtype)), "%s",
                  weft_scope_error(s)->text);
}

// N values as doubles, of any dtype.
static double *values(const weft_tensor *x)
{
    static double got[N];
    static float narrow[N];
    bool wide = x && (x->dtype == WEFT_F64 || !weft_device_has(dev, WEFT_CAP_F64));
    if (wide) {
        read_all(x, got);
        return got;
    }
    read_all(weft_cast(s, x, WEFT_F32), narrow);
    for (int64_t i = 0; i < weft_count(x); i++)
        got[i] = (double)narrow[i];
    return got;
}

static weft_tensor *uniform(weft_scope *scope, int64_t n)
{
    return weft_uniform(scope, WEFT_F32, 1, &n, 0, 1);
}

// Runs the test in the form that CPUs get and in that of GPUs, each with a new scope.
static void in_both_forms(void (*test)(void))
{
    enum weft_device_type type = dev->info.type;
    test();
    dev->info.type = type == WEFT_DEVICE_CPU ? WEFT_DEVICE_GPU : type;
    weft_scope_destroy(&s);
    s = weft_scope_create(dev, weft_scope_params(.train = true), NULL);
    test();
    dev->info.type = type;
}

// The answers that come with the authors' own code.
START_TEST(philox_gives_the_known_answers)
{
    struct philox zero = philox(0, 0, 0), ones = philox(~0ull, ~0ull, ~0ull);
    struct philox pi = philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e);
    const uint32_t want_zero[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                   want_ones[] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                   want_pi[] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    ck_assert_mem_eq(zero.v, want_zero, sizeof want_zero);
    ck_assert_mem_eq(ones.v, want_ones, sizeof want_ones);
    ck_assert_mem_eq(pi.v, want_pi, sizeof want_pi);
}
END_TEST

static void check_uniform(void)
{
    int64_t n = N;
    uint64_t number = 0;
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_F64; d++) {
        if (!has(d))
            continue;
        struct draw draw = draw_of(0, 0, number++);
        double *got = values(weft_uniform(s, d, 1, &n, 0, 1));
        int bits = d == WEFT_F16 ? 11 : d == WEFT_BF16 ? 8 : 24;
        for (int i = 0; i < N; i++) {
            double want = d == WEFT_F64 ? (double)(draw_long_number(draw, i) >> 11) * 0x1p-53
                                        : (draw_number(draw, i) >> (32 - bits)) * ldexp(1, -bits);
            ck_assert_msg(got[i] == want, "%s: [%d] got %.17g, want %.17g", weft_dtype_name(d), i,
                          got[i], want);
        }
    }
}

START_TEST(uniform_bits_are_philoxes)
{
    in_both_forms(check_uniform);
}
END_TEST

// In units in the last place of the value, but of the largest term where mean and noise cancel.
static void check_normal(void)
{
    int64_t n = N;
    uint64_t number = 0;
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_F64; d++) {
        if (!has(d))
            continue;
        double unit = d == WEFT_F64    ? 0x1p-53
                      : d == WEFT_F16  ? 0x1p-11
                      : d == WEFT_BF16 ? 0x1p-8
                                       : 0x1p-24;
        for (int moved = 0; moved < 2; moved++) {
            struct draw draw = draw_of(0, 0, number++);
            double *got = values(weft_normal(s, d, 1, &n, moved ? 1 : 0, moved ? 0.5 : 1));
            for (int i = 0; i < N; i++) {
                long double z =
                    d == WEFT_F64 ? draw_long_normal(draw, i) : (long double)draw_normal(draw, i);
                double want = (double)(moved ? 1 + 0.5L * z : z);
                double size = moved ? 1 + fabs(0.5 * (double)z) : fabs((double)z);
                double off = fabs(got[i] - want),
                       most = 8 * unit * size + (d == WEFT_F16) * 0x1p-25;
                ck_assert_msg(off <= most, "%s: [%d] got %.17g, want %.17g", weft_dtype_name(d), i,
                              got[i], want);
            }
        }
    }
}

START_TEST(normal_values_are_near_those_of_exact_functions)
{
    in_both_forms(check_normal);
}
END_TEST

static void check_whole(void)
{
    static int64_t got[N];
    int64_t n = N;
    const struct {
        enum weft_dtype dtype;
        int64_t limit;
    } draw[] = {{WEFT_I8, 128},        {WEFT_U8, 256}, {WEFT_I32, 1ll << 31},
                {WEFT_I64, INT64_MAX}, {WEFT_I64, 1},  {WEFT_I32, 6}};
    for (size_t k = 0; k < sizeof draw / sizeof *draw; k++) {
        weft_tensor *x = weft_random_int(s, draw[k].dtype, 1, &n, draw[k].limit);
        read_all(weft_cast(s, x, WEFT_I64), got);
        struct draw d = draw_of(0, 0, k);
        for (int i = 0; i < N; i++) {
            // floor(number limit / 2^64)
            uint64_t w = draw_long_number(d, i), limit = (uint64_t)draw[k].limit, l = limit >> 32;
            uint64_t low = (w & 0xffffffff) * (limit & 0xffffffff) >> 32;
            uint64_t a = (w >> 32) * (limit & 0xffffffff), b = (w & 0xffffffff) * l;
            uint64_t carry = low + (a & 0xffffffff) + (b & 0xffffffff);
            uint64_t want = (w >> 32) * l + (a >> 32) + (b >> 32) + (carry >> 32);
            ck_assert_msg((uint64_t)got[i] == want, "below %lld: [%d] got %lld",
                          (long long)draw[k].limit, i, (long long)got[i]);
        }
    }
}

START_TEST(whole_numbers_are_philoxes)
{
    in_both_forms(check_whole);
}
END_TEST

// The mask is the same in every dtype, and however p lies.
static void check_bernoulli(void)
{
    uint64_t number = 0;
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_F64; d++) {
        if (!has(d))
            continue;
        int64_t shape[] = {97, 45};
        weft_tensor *scalar = weft_full(s, d, 0, NULL, 0.25);
        weft_tensor *row = weft_cast(s, uniform(s, 45), d),
                    *column = weft_cast(s, uniform(s, 97), d);
        weft_tensor *p[] = {
            weft_expand(s, scalar, 2, shape), weft_expand(s, row, 2, shape),
            weft_transpose(s, weft_expand(s, column, 2, (int64_t[]){45, 97}), 0, 1)};
        double want[97 * 45];
        number += 2;
        for (int k = 0; k < 3; k++) {
            memcpy(want, values(weft_cast(s, p[k], WEFT_F32)), sizeof want);
            double *got = values(weft_bernoulli(s, p[k]));
            struct draw draw = draw_of(0, 0, number++);
            for (int i = 0; i < 97 * 45; i++)
                ck_assert_msg(got[i] == (draw_unit(draw, i) < want[i]), "%s, p %d: [%d] got %g",
                              weft_dtype_name(d), k, i, got[i]);
        }
    }
}

START_TEST(bernoulli_is_one_where_uniform_is_below)
{
    in_both_forms(check_bernoulli);
}
END_TEST

START_TEST(bernoulli_takes_any_p)
{
    const float p[] = {0, 1, -3, 7, NAN, INFINITY, -INFINITY, 0x1p-30f};
    float got[8];
    for (int k = 0; k < 50; k++) {
        read_all(weft_bernoulli(s, weft_from_host(s, WEFT_F32, 1, (int64_t[]){8}, p)), got);
        ck_assert(got[0] == 0 && got[1] == 1 && got[2] == 0 && got[3] == 1 && isnan(got[4]));
        ck_assert(got[5] == 1 && got[6] == 0 && got[7] == 0);
    }
}
END_TEST

static void check_dropout(void)
{
    uint64_t number = 0;
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_F64; d++) {
        if (!has(d))
            continue;
        int64_t n = N;
        double unit = d == WEFT_F64   ? 0
                      : d == WEFT_F32 ? 0x1p-23
                      : d == WEFT_F16 ? 0x1p-11
                                      : 0x1p-8;
        double *got = values(weft_dropout(s, weft_full(s, d, 1, &n, 3), 0.3));
        struct draw draw = draw_of(0, 0, number++);
        for (int i = 0; i < N; i++) {
            double want = draw_unit(draw, i) < (double)0.3f ? 0 : 3 / 0.7;
            ck_assert_msg(fabs(got[i] - want) <= want * (unit + 0x1p-52), "%s: [%d] got %g",
                          weft_dtype_name(d), i, got[i]);
        }
    }
}

START_TEST(dropout_keeps_where_uniform_is_not_below)
{
    in_both_forms(check_dropout);
}
END_TEST

START_TEST(dropout_of_all_or_nothing)
{
    int64_t n = 100;
    weft_tensor *x = weft_full(s, WEFT_F32, 1, &n, -2);
    ck_assert_ptr_eq(weft_dropout(s, x, 0), x);
    double *got = values(weft_dropout(s, x, 1));
    for (int i = 0; i < n; i++)
        ck_assert_double_eq(got[i], 0);
    const float bad[] = {NAN, INFINITY};
    weft_tensor *y = weft_dropout(s, weft_from_host(s, WEFT_F32, 1, (int64_t[]){2}, bad), 1);
    got = values(y);
    ck_assert(isnan(got[0]) && isnan(got[1]));
    weft_scope *test = weft_scope_create(dev, NULL, NULL);
    weft_tensor *z = weft_full(test, WEFT_F32, 1, &n, 1);
    ck_assert_ptr_eq(weft_dropout(test, z, 0.5), z);
    ck_assert_uint_eq(test->draws, 0);
    weft_scope_destroy(&test);
}
END_TEST

// Dropped and scaled where the value is, exactly.
START_TEST(gradient_of_dropout_is_its_mask)
{
    int64_t n = N;
    static double y[N];
    weft_tensor *x = weft_full(s, WEFT_F32, 1, &n, 1);
    weft_tensor *dropped =
        weft_dropout(s, weft_transpose(s, weft_reshape(s, x, 2, (int64_t[]){1, N}), 0, 1), 0.25);
    weft_tensor *loss = weft_sum(s, weft_scale(s, dropped, 2), NULL);
    double *g = values(weft_grad(s, loss, x));
    memcpy(y, g, sizeof y);
    g = values(weft_reshape(s, dropped, 1, &n));
    int kept = 0;
    for (int i = 0; i < N; i++) {
        ck_assert_double_eq(y[i], 2 * g[i]);
        kept += g[i] != 0;
    }
    ck_assert(abs(kept - 3 * N / 4) < 200);
    ck_assert_uint_eq(s->draws, 1);
}
END_TEST

// Draw k of a scope of seed 5 and stream 9, whatever happened before.
static void assert_draw(weft_scope *scope, weft_tensor *x, uint64_t k)
{
    float got[100];
    ck_assert(weft_read(scope, x, got, sizeof got));
    for (int i = 0; i < 100; i++)
        ck_assert_double_eq((double)got[i], draw_unit(draw_of(5, 9, k), i));
}

START_TEST(a_draw_has_the_number_of_the_call)
{
    weft_scope *a = weft_scope_create(dev, weft_scope_params(.seed = 5, .stream = 9), NULL);
    weft_tensor *zero = uniform(a, 100), *one = uniform(a, 100);
    weft_permutation(a, 10);
    weft_tensor *three = uniform(a, 100);
    assert_draw(a, three, 3); // asked for in another order than made
    assert_draw(a, zero, 0);
    assert_draw(a, one, 1);
    uniform(a, 100); // never run
    weft_scope_reset(a);
    assert_draw(a, uniform(a, 100), 5);
    ck_assert_ptr_null(weft_uniform(a, WEFT_F32, 0, NULL, 2, 1)); // an error is no draw
    weft_scope_clear(a);
    assert_draw(a, uniform(a, 100), 6);
    weft_scope_destroy(&a);
}
END_TEST

START_TEST(streams_and_seeds_differ)
{
    float v[4][64];
    const struct weft_scope_params p[] = {{.size = sizeof *p},
                                          {.size = sizeof *p, .stream = 1},
                                          {.size = sizeof *p, .seed = 1},
                                          {.size = sizeof *p, .seed = 1}};
    for (int k = 0; k < 4; k++) {
        weft_scope *a = weft_scope_create(dev, &p[k], NULL);
        ck_assert(weft_read(a, uniform(a, 64), v[k], sizeof v[k]));
        weft_scope_destroy(&a);
    }
    int same[3] = {0};
    for (int i = 0; i < 64; i++) {
        same[0] += v[0][i] == v[1][i];
        same[1] += v[0][i] == v[2][i];
        same[2] += v[1][i] == v[2][i];
    }
    ck_assert(same[0] < 2 && same[1] < 2 && same[2] < 2);
    ck_assert_mem_eq(v[2], v[3], sizeof v[2]);
}
END_TEST

// A value that was not kept is drawn again.
START_TEST(what_is_computed_again_is_drawn_the_same)
{
    for (int train = 0; train < 2; train++) {
        weft_scope *a = weft_scope_create(dev, weft_scope_params(.train = train), NULL);
        float twice[1000], once[1000];
        int64_t n = 1000;
        weft_tensor *x = weft_normal(a, WEFT_F32, 1, &n, 0, 1), *y = weft_scale(a, x, 2);
        ck_assert(weft_read(a, y, twice, sizeof twice));
        uniform(a, 10);
        ck_assert(weft_read(a, x, once, sizeof once));
        for (int i = 0; i < 1000; i++)
            ck_assert_float_eq(twice[i], 2 * once[i]);
        weft_scope_destroy(&a);
    }
}
END_TEST

static weft_tensor *drop_and_square(weft_scope *scope, void *priv, const weft_tensor *x)
{
    (void)priv;
    return weft_square(scope, weft_dropout(scope, weft_tanh(scope, x), 0.5));
}

START_TEST(a_checkpoint_drops_the_same_again)
{
    static double want[N];
    for (int form = 0; form < 2; form++) {
        weft_scope *a = s;
        s = weft_scope_create(dev, weft_scope_params(.train = true, .seed = 3), NULL);
        weft_tensor *x = weft_scale(s, uniform(s, N), 1);
        weft_tensor *y =
            form ? weft_checkpoint(s, drop_and_square, NULL, x) : drop_and_square(s, NULL, x);
        double *g = values(weft_grad(s, weft_sum(s, y, NULL), x));
        if (form)
            ck_assert_mem_eq(want, g, sizeof want);
        memcpy(want, g, sizeof want);
        ck_assert_uint_eq(s->draws, 2);
        weft_scope_destroy(&s);
        s = a;
    }
}
END_TEST

// In both forms, with other units, one call at a time: the same bits.
START_TEST(numbers_depend_on_nothing_else)
{
    static float first[4][N], got[4][N];
    for (int form = 0; form < 4; form++) {
        struct weft_device_info info = dev->info;
        dev->info.compute_units = form == 1 ? 7 : info.compute_units;
        dev->info.type = form == 2 ? WEFT_DEVICE_GPU : info.type;
        dev->params.eager = form == 3;
        weft_scope *a = weft_scope_create(dev, weft_scope_params(.train = true), NULL);
        int64_t n = N;
        weft_tensor *x[] = {uniform(a, N), weft_normal(a, WEFT_F32, 1, &n, 0, 1), NULL, NULL};
        x[2] = weft_dropout(a, x[0], 0.5);
        x[3] = weft_cast(a, weft_permutation(a, N), WEFT_F32);
        for (int k = 0; k < 4; k++)
            ck_assert(weft_read(a, x[k], got[k], sizeof got[k]));
        weft_scope_destroy(&a);
        dev->info = info;
        dev->params.eager = false;
        if (form)
            ck_assert_mem_eq(got, first, sizeof got);
        memcpy(first, got, sizeof got);
    }
}
END_TEST

START_TEST(other_sizes_build_nothing)
{
    float last;
    uint64_t builds = 0;
    for (int64_t n = 3; n < 3000; n += 61) {
        weft_tensor *x = weft_dropout(s, weft_normal(s, WEFT_F32, 1, &n, 0, 1), 0.1);
        weft_tensor *order = weft_cast(s, weft_permutation(s, 300 + n), WEFT_F32);
        last = (float)weft_item(s, weft_add(s, weft_sum(s, x, NULL), weft_sum(s, order, NULL)));
        ck_assert(isfinite(last));
        if (n == 64)
            builds = stats().builds;
        weft_scope_reset(s);
    }
    ck_assert_uint_eq(stats().builds, builds);
}
END_TEST

START_TEST(a_call_that_fails_is_no_draw)
{
    int64_t n = 4, less = -1;
    ck_assert_ptr_null(weft_uniform(s, WEFT_F32, 1, &n, 1, 0));
    assert_error(WEFT_PARAM, "uniform: ");
    ck_assert_ptr_null(weft_normal(s, WEFT_F32, 1, &less, 0, 1));
    assert_error(WEFT_SHAPE, "normal: ");
    ck_assert_ptr_null(weft_random_int(s, WEFT_I8, 1, &n, 129));
    assert_error(WEFT_PARAM, "random_int: ");
    ck_assert_ptr_null(weft_bernoulli(s, NULL));
    assert_error(WEFT_PARAM, "bernoulli: ");
    ck_assert_ptr_null(weft_permutation(s, 1ll << 40));
    assert_error(WEFT_NOMEM, "permutation: ");
    ck_assert_ptr_null(weft_dropout(s, weft_full(s, WEFT_F32, 1, &n, 1), 1.5));
    assert_error(WEFT_PARAM, "dropout: ");
    ck_assert_uint_eq(s->draws, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("random");
    TCase *t = tcase_create("random");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, philox_gives_the_known_answers);
    tcase_add_test(t, uniform_bits_are_philoxes);
    tcase_add_test(t, normal_values_are_near_those_of_exact_functions);
    tcase_add_test(t, whole_numbers_are_philoxes);
    tcase_add_test(t, bernoulli_is_one_where_uniform_is_below);
    tcase_add_test(t, bernoulli_takes_any_p);
    tcase_add_test(t, dropout_keeps_where_uniform_is_not_below);
    tcase_add_test(t, dropout_of_all_or_nothing);
    tcase_add_test(t, gradient_of_dropout_is_its_mask);
    tcase_add_test(t, a_draw_has_the_number_of_the_call);
    tcase_add_test(t, streams_and_seeds_differ);
    tcase_add_test(t, what_is_computed_again_is_drawn_the_same);
    tcase_add_test(t, a_checkpoint_drops_the_same_again);
    tcase_add_test(t, numbers_depend_on_nothing_else);
    tcase_add_test(t, other_sizes_build_nothing);
    tcase_add_test(t, a_call_that_fails_is_no_draw);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
