// Losses beyond the table of op_test: what PyTorch gives, types of 16 bits, NaN and infinity,
// gradients where they jump, and what counts for nothing.
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <stdlib.h>

#define O(...) weft_loss_params(__VA_ARGS__)

static weft_tensor *make(int ndim, const int64_t *shape, const float *v)
{
    return weft_from_host(s, WEFT_F32, ndim, shape, v);
}

static weft_tensor *floats(int64_t n, const float *v)
{
    return make(1, &n, v);
}

static weft_tensor *labels(int64_t n, const int64_t *v)
{
    return weft_from_host(s, WEFT_I64, 1, &n, v);
}

static weft_tensor *narrow_labels(int64_t n, const int32_t *v)
{
    return weft_from_host(s, WEFT_I32, 1, &n, v);
}

static void read_floats(const weft_tensor *x, float *v)
{
    x = weft_cast(s, x, WEFT_F32);
    ck_assert_msg(weft_read(s, x, v, (size_t)weft_count(x) * 4), "%s", weft_scope_error(s)->text);
}

static void assert_near(double got, double want)
{
    ck_assert_msg(fabs(got - want) <= 2e-6 * fmax(1, fabs(want)), "got %.9g, want %.9g (%s)", got,
                  want, weft_scope_error(s)->text);
}

// Values of PyTorch's functions on the same numbers.
START_TEST(small_examples_are_pytorchs)
{
    const float x[] = {1, 2, 3, 1, 0, -1}, w[] = {1, 2, 4};
    const int64_t two[] = {2, 0}, shape[] = {2, 3};
    weft_tensor *a = make(2, shape, x), *weight = floats(3, w), *y = labels(2, two);
    // log(sum(exp)) is 3.4076059644 and 1.4076059644.
    assert_near(weft_item(s, weft_cross_entropy(s, a, y, NULL)), 0.4076059644);
    assert_near(weft_item(s, weft_cross_entropy(s, a, y, O(.weight = weight))), 0.4076059644);
    assert_near(
        weft_item(s, weft_cross_entropy(s, a, y, O(.weight = weight, .reduction = WEFT_LOSS_SUM))),
        5 * 0.4076059644);
    assert_near(weft_item(s, weft_cross_entropy(s, a, y, O(.smoothing = 0.3))),
                0.7 * 0.4076059644 + 0.1 * (3 * 1.4076059644));
    assert_near(weft_item(s, weft_nll(s, a, y, O(.weight = weight))), -(4 * 3 + 1) / 5.0);
    const float p[] = {0.25f, 0.75f}, t[] = {1, 0.5f};
    weft_tensor *q = floats(2, p), *r = floats(2, t);
    assert_near(weft_item(s, weft_bce(s, q, r, NULL)),
                -(log(0.25) + 0.5 * log(0.75) + 0.5 * log(0.25)) / 2);
    assert_near(weft_item(s, weft_kl_div(s, q, r, O(.reduction = WEFT_LOSS_BATCH_MEAN))),
                (0 - 0.25 + 0.5 * (log(0.5) - 0.75)) / 2);
    assert_near(weft_item(s, weft_huber(s, q, r, O(.delta = 0.5))),
                (0.5 * (0.75 - 0.25) + 0.5 * 0.0625) / 2);
    assert_near(weft_item(s, weft_hinge(s, q, floats(2, (float[]){-1, 1}), NULL)),
                (1.25 + 0.25) / 2);
}
END_TEST

// -0 .. 0.5 of numbers that half and bfloat16 hold.
START_TEST(half_and_bfloat16_are_computed_in_float)
{
    enum { N = 40, C = 50 };
    static float v[N * C], got[N];
    static int64_t want[N];
    for (int i = 0; i < N * C; i++)
        v[i] = (float)(i * 37 % 101 - 50) / 16;
    for (int i = 0; i < N; i++)
        want[i] = i * 7 % C;
    for (int form = 0; form < 2; form++) {
        enum weft_dtype d = form ? WEFT_BF16 : WEFT_F16;
        double unit = form ? 0x1p-8 : 0x1p-11;
        weft_tensor *x = weft_cast(s, make(2, (int64_t[]){N, C}, v), d), *y = labels(N, want);
        weft_tensor *weight = weft_full(s, d, 1, (int64_t[]){C}, 0.5);
        weft_tensor *loss = weft_cross_entropy(s, x, y, O(.reduction = WEFT_LOSS_NONE));
        ck_assert_int_eq(loss->dtype, d);
        read_floats(loss, got);
        for (int i = 0; i < N; i++) {
            double sum = 0;
            for (int c = 0; c < C; c++)
                sum += exp((double)v[i * C + c]);
            double right = log(sum) - (double)v[i * C + want[i]];
            ck_assert_double_le(fabs((double)got[i] - right), unit * right);
        }
        // 0.5 * 40 and more than 256 would not fit bfloat16's 8 bits.
        weft_tensor *many = weft_full(s, d, 2, (int64_t[]){1000, 2}, 0);
        weft_tensor *zero = weft_full(s, WEFT_I64, 1, (int64_t[]){1000}, 0);
        double mean =
            weft_item(s, weft_cross_entropy(s, many, zero, O(.ignore = true, .ignored = 1)));
        ck_assert_double_le(fabs(mean - log(2)), unit * log(2));
        weft_tensor *g =
            weft_grad(s, weft_cross_entropy(s, x, y, O(.weight = weight, .smoothing = 0.1)), x);
        ck_assert_msg(g && g->dtype == d, "%s", weft_scope_error(s)->text);
        double row = weft_item(s, weft_sum(s, weft_cast(s, g, WEFT_F32), NULL));
        ck_assert_double_le(fabs(row), 4 * unit);
        weft_tensor *t = weft_full(s, d, 2, (int64_t[]){N, C}, 0.25);
        ck_assert(isfinite(weft_item(s, weft_mse(s, x, t, NULL))));
        ck_assert_int_eq(weft_bce_with_logits(s, x, t, NULL)->dtype, d);
        weft_scope_reset(s);
    }
}
END_TEST

START_TEST(nan_and_infinity_are_pytorchs)
{
    const float x[] = {NAN, INFINITY, -INFINITY, 1}, zero[4] = {0};
    float got[4];
    weft_tensor *a = floats(4, x), *b = floats(4, zero);
    read_floats(weft_mse(s, a, b, O(.reduction = WEFT_LOSS_NONE)), got);
    ck_assert(isnan(got[0]) && isinf(got[1]) && isinf(got[2]) && got[3] == 1);
    read_floats(weft_huber(s, a, b, O(.reduction = WEFT_LOSS_NONE)), got);
    ck_assert(isnan(got[0]) && isinf(got[1]) && isinf(got[2]) && got[3] == 0.5f);
    read_floats(weft_hinge(s, a, b, O(.reduction = WEFT_LOSS_NONE)), got);
    ck_assert(isnan(got[0]) && isnan(got[1]) && got[3] == 1);
    read_floats(weft_bce_with_logits(s, floats(4, (float[]){-100, 100, 30, -30}),
                                     floats(4, (float[]){0, 1, 0, 1}),
                                     O(.reduction = WEFT_LOSS_NONE)),
                got);
    ck_assert(got[0] < 1e-40f && got[1] < 1e-40f && got[2] == 30 && got[3] == 30);
    // A probability of 0 or 1 counts as e^-100, one outside is none.
    read_floats(weft_bce(s, floats(4, (float[]){0, 1, 0, 1.5f}), floats(4, (float[]){1, 0, 0, 1}),
                         O(.reduction = WEFT_LOSS_NONE)),
                got);
    ck_assert(got[0] == 100 && got[1] == 100 && got[2] == 0 && isnan(got[3]));
    read_floats(weft_kl_div(s, floats(4, (float[]){-1, -1, NAN, -INFINITY}),
                            floats(4, (float[]){0, -1, 0.5f, 0.5f}),
                            O(.reduction = WEFT_LOSS_NONE)),
                got);
    ck_assert(got[0] == 0 && isnan(got[1]) && isnan(got[2]) && isinf(got[3]));
}
END_TEST

// A row of cross_entropy with masked classes, with all of them masked, with NaN, with infinity; in
// both orders of memory, at lengths with and without a rest of a vector.
START_TEST(cross_entropy_of_nan_and_infinity)
{
    for (int64_t n = 3; n <= 67; n += 16) {
        float *v = calloc((size_t)(4 * n), 4), got[4];
        for (int64_t i = 0; i < n; i++) {
            v[i] = i == 1 ? 2.0f : -INFINITY;
            v[n + i] = -INFINITY;
            v[2 * n + i] = i == n - 1 ? NAN : 1.0f;
            v[3 * n + i] = i == 0 ? INFINITY : 1.0f;
        }
        weft_tensor *x = make(2, (int64_t[]){4, n}, v),
                    *one = weft_full(s, WEFT_I64, 1, (int64_t[]){4}, 1);
        weft_tensor *kept = weft_keep(s, weft_transpose(s, x, 0, 1));
        weft_tensor *turned = weft_transpose(s, kept, 0, 1);
        for (int form = 0; form < 2; form++) {
            weft_tensor *y = form ? turned : x;
            read_floats(weft_cross_entropy(s, y, one, O(.reduction = WEFT_LOSS_NONE)), got);
            ck_assert(got[0] == 0 && isnan(got[1]) && isnan(got[2]) && isnan(got[3]));
            weft_tensor *two = weft_full(s, WEFT_I64, 1, (int64_t[]){4}, 2);
            read_floats(weft_cross_entropy(s, y, two, O(.reduction = WEFT_LOSS_NONE)), got);
            ck_assert(isinf(got[0]) && got[0] > 0);
            weft_tensor *g =
                weft_grad(s, weft_cross_entropy(s, y, one, O(.reduction = WEFT_LOSS_SUM)), y);
            ck_assert(weft_read(s, g, v, (size_t)(4 * n) * 4));
            for (int64_t i = 0; i < 4 * n; i++)
                ck_assert_msg(i < n ? v[i] == 0 : isnan(v[i]), "[%lld] of %lld: %g", (long long)i,
                              (long long)n, (double)v[i]);
        }
        free(v);
        weft_tensor_destroy(&kept);
        weft_scope_reset(s);
    }
}
END_TEST

static void assert_grad(weft_tensor *loss, const weft_tensor *x, int n, const float *want)
{
    float got[8];
    weft_tensor *g = weft_grad(s, loss, x);
    ck_assert_msg(g != NULL, "%s", weft_scope_error(s)->text);
    read_floats(g, got);
    for (int i = 0; i < n; i++)
        ck_assert_msg(fabsf(got[i] - want[i]) <= 1e-6f * fmaxf(1, fabsf(want[i])),
                      "[%d]: got %g, want %g", i, (double)got[i], (double)want[i]);
}

START_TEST(gradients_at_jumps_and_limits)
{
    const float v[] = {1, 2, -3};
    weft_tensor *x = floats(3, v), *t = floats(3, (float[]){1, 1, 1});
    assert_grad(weft_l1(s, x, t, O(.reduction = WEFT_LOSS_SUM)), x, 3, (float[]){0, 1, -1});
    assert_grad(weft_huber(s, x, t, O(.reduction = WEFT_LOSS_SUM)), x, 3, (float[]){0, 1, -1});
    assert_grad(weft_hinge(s, x, t, O(.reduction = WEFT_LOSS_SUM)), x, 3, (float[]){0, 0, -1});
    weft_tensor *p = floats(3, (float[]){0, 1, 0.5f}), *q = floats(3, (float[]){1, 1, 0});
    assert_grad(weft_bce(s, p, q, O(.reduction = WEFT_LOSS_SUM)), p, 3, (float[]){-1e12f, 0, 2});
    assert_grad(weft_bce(s, p, q, O(.reduction = WEFT_LOSS_SUM)), q, 3, (float[]){100, -100, 0});
    weft_tensor *big = floats(3, (float[]){200, -200, 0});
    assert_grad(weft_bce_with_logits(s, big, q, O(.reduction = WEFT_LOSS_SUM)), big, 3,
                (float[]){0, -1, 0.5f});
}
END_TEST

// Weights are constants: a gradient passes through them to nothing.
START_TEST(weights_have_no_gradient)
{
    weft_tensor *x = floats(3, (float[]){0.2f, 0.3f, 0.4f}), *t = floats(3, (float[]){1, 0, 1});
    ck_assert_ptr_null(weft_grad(s, weft_bce(s, t, t, O(.weight = x)), x));
    assert_error(WEFT_PARAM, "does not depend on that tensor");
}
END_TEST

START_TEST(what_is_ignored_counts_for_nothing)
{
    const float x[] = {1, 2, NAN, NAN, 0.5f, 0.25f};
    const int64_t y[] = {1, -100, 0}, all[] = {-7, -7, -7};
    weft_tensor *a = make(2, (int64_t[]){3, 2}, x);
    const struct weft_loss_params *skip = O(.ignore = true, .ignored = -100);
    double first = log1p(exp(-1)), last = log1p(exp(-0.25));
    assert_near(weft_item(s, weft_cross_entropy(s, a, labels(3, y), skip)), (first + last) / 2);
    assert_near(weft_item(s, weft_nll(s, a, labels(3, y), skip)), -(2 + 0.5) / 2);
    weft_tensor *g = weft_grad(s, weft_cross_entropy(s, a, labels(3, y), skip), a);
    float got[6];
    read_floats(g, got);
    ck_assert(got[2] == 0 && got[3] == 0 && got[1] < 0 && got[4] < 0);
    assert_near((double)got[0], 0.5 * (1 - 1 / (1 + exp(-1))));
    g = weft_grad(s, weft_nll(s, a, labels(3, y), skip), a);
    read_floats(g, got);
    ck_assert(got[0] == 0 && got[1] == -0.5f && got[2] == 0 && got[3] == 0 && got[4] == -0.5f);
    weft_tensor *none = labels(3, all);
    skip = O(.ignore = true, .ignored = -7);
    ck_assert(isnan(weft_item(s, weft_cross_entropy(s, a, none, skip))));
    skip = O(.ignore = true, .ignored = -7, .reduction = WEFT_LOSS_SUM);
    ck_assert_double_eq(weft_item(s, weft_cross_entropy(s, a, none, skip)), 0);
    // Label 0 may be ignored as well.
    skip = O(.ignore = true);
    weft_tensor *zero = labels(3, (int64_t[]){1, 0, 0});
    assert_near(weft_item(s, weft_cross_entropy(s, a, zero, skip)), first);
}
END_TEST

START_TEST(a_label_outside_makes_the_loss_nan)
{
    for (int64_t label = -100; label <= 3; label += 103) {
        weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){2, 3}, 1);
        weft_tensor *y = labels(2, (int64_t[]){1, label});
        ck_assert(isnan(weft_item(s, weft_cross_entropy(s, x, y, NULL))));
        ck_assert(isnan(weft_item(s, weft_nll(s, x, y, NULL))));
        float got[6];
        read_floats(weft_grad(s, weft_nll(s, x, y, O(.reduction = WEFT_LOSS_SUM)), x), got);
        ck_assert(got[0] == 0 && got[1] == -1 && isnan(got[3]) && isnan(got[5]));
    }
}
END_TEST

START_TEST(empty_losses)
{
    weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){0, 3}, 0);
    weft_tensor *y = weft_full(s, WEFT_I64, 1, (int64_t[]){0}, 0);
    ck_assert(isnan(weft_item(s, weft_mse(s, x, x, NULL))));
    ck_assert_double_eq(weft_item(s, weft_mse(s, x, x, O(.reduction = WEFT_LOSS_SUM))), 0);
    ck_assert(isnan(weft_item(s, weft_cross_entropy(s, x, y, NULL))));
    ck_assert(isnan(weft_item(s, weft_cross_entropy(s, x, y, O(.ignore = true)))));
    ck_assert_double_eq(weft_item(s, weft_nll(s, x, y, O(.reduction = WEFT_LOSS_SUM))), 0);
    weft_tensor *g = weft_grad(s, weft_cross_entropy(s, x, y, O(.reduction = WEFT_LOSS_SUM)), x);
    ck_assert(g && weft_count(g) == 0 && weft_flush(s));
}
END_TEST

// Of other batches and numbers of classes no kernel is built, and the same call gives the same
// bits.
START_TEST(sizes_build_nothing_and_bits_repeat)
{
    uint64_t built = 0;
    for (int i = 0; i < 6; i++) {
        int64_t n = 40 + 13 * i, c = 70 + 7 * i;
        float *v = malloc((size_t)(n * c) * 4), *a = malloc((size_t)(n * c) * 4),
              *b = malloc((size_t)(n * c) * 4);
        for (int64_t j = 0; j < n * c; j++)
            v[j] = (float)(j * 7919 % 1013) / 100;
        weft_tensor *x = make(2, (int64_t[]){n, c}, v);
        weft_tensor *y = weft_full(s, WEFT_I64, 1, &n, 3), *w = weft_full(s, WEFT_F32, 1, &c, 2);
        for (int turn = 0; turn < 2; turn++) {
            weft_tensor *loss = weft_cross_entropy(s, x, y, O(.weight = w, .smoothing = 0.1));
            ck_assert(weft_read(s, weft_grad(s, loss, x), turn ? b : a, (size_t)(n * c) * 4));
        }
        ck_assert_mem_eq(a, b, (size_t)(n * c) * 4);
        uint64_t now = stats().builds + stats().loads;
        ck_assert(i < 2 || now == built);
        built = now;
        free(v);
        free(a);
        free(b);
        weft_scope_reset(s);
    }
}
END_TEST

START_TEST(labels_of_32_bits_are_those_of_64)
{
    static const int32_t narrow[] = {2, 0, -100, 7};
    static const int64_t wide[] = {2, 0, -100, 7};
    const float x[] = {1, 2, 3, 1, 0, -1, 5, 6, 7, 4, 4, 4}, w[] = {1, 2, 4};
    for (int n = 3; n <= 4; n++) { // the last label is of no class
        float loss[2], g[2][12];
        for (int i = 0; i < 2; i++) {
            weft_tensor *a = make(2, (int64_t[]){n, 3}, x);
            weft_tensor *y = i ? narrow_labels(n, narrow) : labels(n, wide);
            const struct weft_loss_params *o =
                O(.weight = floats(3, w), .ignore = true, .ignored = -100);
            weft_tensor *l = weft_add(s, weft_cross_entropy(s, a, y, o), weft_nll(s, a, y, o));
            weft_tensor *ga = weft_grad(s, l, a);
            read_floats(l, &loss[i]);
            read_floats(ga, g[i]);
        }
        ck_assert_mem_eq(g[0], g[1], (size_t)n * 3 * sizeof(float));
        ck_assert(n == 3 ? loss[0] == loss[1] : isnan(loss[0]) && isnan(loss[1]));
        ck_assert_float_ne(g[0][0], 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loss");
    TCase *t = tcase_create("loss");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, small_examples_are_pytorchs);
    tcase_add_test(t, half_and_bfloat16_are_computed_in_float);
    tcase_add_test(t, nan_and_infinity_are_pytorchs);
    tcase_add_test(t, cross_entropy_of_nan_and_infinity);
    tcase_add_test(t, gradients_at_jumps_and_limits);
    tcase_add_test(t, weights_have_no_gradient);
    tcase_add_test(t, what_is_ignored_counts_for_nothing);
    tcase_add_test(t, a_label_outside_makes_the_loss_nan);
    tcase_add_test(t, empty_losses);
    tcase_add_test(t, sizes_build_nothing_and_bits_repeat);
    tcase_add_test(t, labels_of_32_bits_are_those_of_64);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
