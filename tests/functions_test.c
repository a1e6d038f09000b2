// The functions that expressions have of their own, over wide ranges and at the edges, against the
// host's in double.
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <stdlib.h>

enum { N = 20011 };

static float a[N], b[N], y[N];

static double uniform(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) * 0x1p-53;
}

static weft_tensor *tensor(const float *v)
{
    const int64_t n = N;
    return weft_from_host(s, WEFT_F32, 1, &n, v);
}

static void read(const weft_tensor *x)
{
    ck_assert_msg(weft_read(s, x, y, sizeof y), "%s", weft_scope_error(s)->text);
}

// Within so many units of 2^-24 of the result; a result below the normal numbers may be 0.
static void assert_close(int i, double want, double units)
{
    double got = (double)y[i];
    if (isnan(want) || isinf(want) || isinf((float)want)) {
        ck_assert_msg(isnan(want) ? isnan(got) : got == want || got == (double)(float)want,
                      "(%g, %g) gives %g, want %g", (double)a[i], (double)b[i], got, want);
        return;
    }
    ck_assert_msg(fabs(got - want) <= units * 0x1p-24 * fabs(want) + 0x1p-126,
                  "(%.9g, %.9g) gives %.9g, want %.9g", (double)a[i], (double)b[i], got, want);
}

static const float odd[] = {0,  -0.0f,    1,         -1,  2,      -2,     0.5f,  -0.5f, 3,
                            -3, INFINITY, -INFINITY, NAN, 1e-40f, 1e-30f, 1e30f, 3e38f, -7.5f};
enum { ODD = sizeof odd / sizeof *odd };

// Pairs of odd numbers first, then random ones.
static void fill_pairs(double lo, double hi)
{
    for (int i = 0; i < N; i++) {
        bool pair = i < ODD * ODD;
        a[i] = pair ? odd[i / ODD] : (float)exp2(lo + (hi - lo) * uniform());
        b[i] = pair ? odd[i % ODD] : (float)(exp2(lo + (hi - lo) * uniform()) * (i % 2 ? 1 : -1));
    }
}

START_TEST(powers_of_floats)
{
    fill_pairs(-20, 20);
    for (int i = ODD * ODD; i < N; i++) // mostly results that are no infinity
        b[i] = (float)((2 * uniform() - 1) * 120 / fmax(fabs(log2((double)a[i])), 1e-3));
    read(weft_pow(s, tensor(a), tensor(b)));
    for (int i = 0; i < N; i++)
        assert_close(i, pow((double)a[i], (double)b[i]), 8);
}
END_TEST

START_TEST(remainders_are_exact)
{
    fill_pairs(-30, 30);
    read(weft_fmod(s, tensor(a), tensor(b)));
    for (int i = 0; i < N; i++) {
        double want = fmod((double)a[i], (double)b[i]);
        if (fabs(want) < 0x1p-126 && want != 0)
            continue; // a device may take it for 0
        assert_close(i, want, 0);
        ck_assert_msg(isnan(want) || fabs((double)a[i]) < 0x1p-126 ||
                          !signbit(y[i]) == !signbit(want),
                      "(%g, %g) gives %g", (double)a[i], (double)b[i], (double)y[i]);
    }
}
END_TEST

START_TEST(the_error_function)
{
    for (int i = 0; i < N; i++)
        a[i] = i < ODD ? odd[i] : (float)((i % 2 ? 1 : -1) * exp2(-30 + 34 * uniform()));
    read(weft_erf(s, tensor(a)));
    for (int i = 0; i < N; i++)
        assert_close(i, erf((double)a[i]), 4);
}
END_TEST

// Far to the left the values are small, and right all the same.
START_TEST(gelu_and_its_tail)
{
    for (int i = 0; i < N; i++)
        a[i] = (float)(-12 + 20 * uniform());
    read(weft_gelu(s, tensor(a)));
    for (int i = 0; i < N; i++)
        assert_close(i, (double)a[i] * 0.5 * erfc((double)a[i] * -0.70710678118654752440), 16);
    a[0] = NAN;
    a[1] = INFINITY;
    a[2] = -50;
    read(weft_gelu(s, tensor(a)));
    ck_assert(isnan(y[0]) && isinf(y[1]) && y[2] == 0);
}
END_TEST

// Far from 0 the gradients of activations are those of x, or 0.
START_TEST(gradients_of_activations_far_out)
{
    static weft_tensor *(*const call[])(weft_scope *, const weft_tensor *) = {
        weft_silu, weft_mish, weft_gelu, weft_gelu_tanh, weft_softplus, weft_relu, weft_hardswish};
    static const float far[] = {60, 1000, 1e6f, 1e10f};
    const int64_t four = 4;
    for (size_t c = 0; c < sizeof call / sizeof *call; c++) {
        for (int negative = 0; negative < 2; negative++) {
            float g[4];
            weft_tensor *x = weft_from_host(s, WEFT_F32, 1, &four, far);
            weft_tensor *at = negative ? weft_neg(s, x) : x;
            weft_tensor *sum = weft_sum(s, call[c](s, at), NULL);
            ck_assert_msg(weft_read(s, weft_grad(s, sum, at), g, sizeof g), "%s",
                          weft_scope_error(s)->text);
            for (int i = 0; i < 4; i++)
                ck_assert_msg(fabsf(g[i] - (negative ? 0 : 1)) < 1e-5f, "%zu at %g: %g", c,
                              (double)far[i], (double)g[i]);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("functions");
    TCase *t = tcase_create("functions");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, powers_of_floats);
    tcase_add_test(t, remainders_are_exact);
    tcase_add_test(t, the_error_function);
    tcase_add_test(t, gelu_and_its_tail);
    tcase_add_test(t, gradients_of_activations_far_out);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
