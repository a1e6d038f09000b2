// The distribution of random tensors. Seeds are fixed, so what passes once passes always; the
// limits are what one draw in a thousand or fewer exceeds by chance.
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

enum { N = 1 << 18 };
static float first[N], second[N];

static float *draw(weft_tensor *x, float *to)
{
    ck_assert_msg(x && weft_read(s, x, to, (size_t)weft_count(x) * sizeof *to), "%s",
                  weft_scope_error(s)->text);
    return to;
}

static weft_tensor *uniform(void)
{
    return weft_uniform(s, WEFT_F32, 1, (int64_t[]){N}, 0, 1);
}

static double mean(const float *v)
{
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum += (double)v[i];
    return sum / N;
}

// The mean of (v - m)^power.
static double moment(const float *v, double m, int power)
{
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum += pow((double)v[i] - m, power);
    return sum / N;
}

// Is sum (count - want)^2 / want what `bins` bins give, within 3.3 standard deviations, neither too
// uneven nor too even?
static void assert_chi_square(const char *what, const double *count, int bins, double total)
{
    double chi = 0, want = total / bins, freedom = bins - 1;
    for (int i = 0; i < bins; i++)
        chi += (count[i] - want) * (count[i] - want) / want;
    ck_assert_msg(fabs(chi - freedom) < 3.3 * sqrt(2 * freedom) + 4, "%s: chi square %g of %d bins",
                  what, chi, bins);
}

// The correlation of a[i] and b[i + lag], times the square root of their number: normal.
static double correlation(const float *a, const float *b, int lag)
{
    double ma = mean(a), mb = mean(b), sum = 0;
    double scale = sqrt(moment(a, ma, 2) * moment(b, mb, 2) * (N - lag));
    for (int i = 0; i + lag < N; i++)
        sum += ((double)a[i] - ma) * ((double)b[i + lag] - mb);
    return sum / scale;
}

START_TEST(uniform_is_uniform)
{
    static double bin[1000], pair[64 * 64], bits[2];
    draw(uniform(), first);
    ck_assert_double_eq_tol(mean(first), 0.5, 3.3 * sqrt(1 / 12.0 / N));
    ck_assert_double_eq_tol(moment(first, 0.5, 2), 1 / 12.0, 3.3 * sqrt(1 / 180.0 / N));
    for (int i = 0; i < N; i++) {
        ck_assert(first[i] >= 0 && first[i] < 1);
        bin[(int)(first[i] * 1000)]++;
        if (i % 2)
            pair[(int)(first[i - 1] * 64) * 64 + (int)(first[i] * 64)]++;
    }
    assert_chi_square("bins", bin, 1000, N);
    assert_chi_square("pairs", pair, 64 * 64, N / 2);
    for (int b = 1; b <= 24; b++) {
        bits[0] = bits[1] = 0;
        for (int i = 0; i < N; i++)
            bits[(int)ldexpf(first[i], b) & 1]++;
        assert_chi_square("a bit", bits, 2, N);
    }
}
END_TEST

START_TEST(nothing_is_correlated)
{
    static const int lag[] = {1, 2, 3, 4, 8, 15, 16, 17, 32, 48, 64, 128, 256, 1024, 4096};
    draw(uniform(), first);
    for (size_t i = 0; i < sizeof lag / sizeof *lag; i++)
        ck_assert_msg(fabs(correlation(first, first, lag[i])) < 3.5, "lag %d", lag[i]);
    for (int k = 0; k < 4; k++) // the next draws
        ck_assert_double_lt(fabs(correlation(first, draw(uniform(), second), k)), 3.5);
    weft_scope *scope = s;
    for (uint64_t k = 1; k < 5; k++) { // the same draw of neighbouring streams and seeds
        s = weft_scope_create(
            dev, weft_scope_params(.stream = k % 2 ? k : 0, .seed = k % 2 ? 0 : k), NULL);
        ck_assert_double_lt(fabs(correlation(first, draw(uniform(), second), 0)), 3.5);
        weft_scope_destroy(&s);
    }
    s = scope;
    draw(weft_normal(s, WEFT_F32, 1, (int64_t[]){N}, 0, 1), first);
    for (size_t i = 0; i < sizeof lag / sizeof *lag; i++)
        ck_assert_msg(fabs(correlation(first, first, lag[i])) < 3.5, "normal, lag %d", lag[i]);
    for (int i = 0; i < N; i++)
        second[i] = first[i] * first[i]; // pairs share a radius
    for (size_t i = 0; i < sizeof lag / sizeof *lag; i++)
        ck_assert_msg(fabs(correlation(second, second, lag[i])) < 3.5, "squares, lag %d", lag[i]);
}
END_TEST

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

// Kolmogorov and Smirnov: sqrt(N) times the largest distance of the distribution functions.
static double distance(float *v, double mean, double std)
{
    double most = 0;
    qsort(v, N, sizeof *v, ascending);
    for (int i = 0; i < N; i++) {
        double p = 0.5 * erfc(-((double)v[i] - mean) / std / sqrt(2));
        most = fmax(most, fmax(p - (double)i / N, (i + 1.0) / N - p));
    }
    return most * sqrt(N);
}

START_TEST(normal_is_normal)
{
    draw(weft_normal(s, WEFT_F32, 1, (int64_t[]){N}, 0, 1), first);
    ck_assert_double_eq_tol(mean(first), 0, 3.3 / sqrt(N));
    ck_assert_double_eq_tol(moment(first, 0, 2), 1, 3.3 * sqrt(2.0 / N));
    ck_assert_double_eq_tol(moment(first, 0, 3), 0, 3.3 * sqrt(15.0 / N));
    ck_assert_double_eq_tol(moment(first, 0, 4), 3, 3.3 * sqrt(96.0 / N));
    ck_assert_double_lt(distance(first, 0, 1), 1.95); // one in a thousand
    ck_assert(first[0] < -4 && first[N - 1] > 4);
    draw(weft_normal(s, WEFT_F32, 1, (int64_t[]){N}, -3, 0.25), first);
    ck_assert_double_lt(distance(first, -3, 0.25), 1.95);
    if (!weft_device_has(dev, WEFT_CAP_F64))
        return;
    draw(weft_cast(s, weft_normal(s, WEFT_F64, 1, (int64_t[]){N}, 0, 1), WEFT_F32), first);
    ck_assert_double_lt(distance(first, 0, 1), 1.95);
}
END_TEST

START_TEST(probabilities_are_kept)
{
    const double p[] = {0.01, 0.3, 0.5, 0.9};
    int64_t n = N;
    for (int k = 0; k < 4; k++) {
        weft_tensor *one = weft_full(s, WEFT_F32, 0, NULL, p[k]);
        double off = 3.3 * sqrt(p[k] * (1 - p[k]) / N);
        draw(weft_bernoulli(s, weft_expand(s, one, 1, &n)), first);
        ck_assert_double_eq_tol(mean(first), p[k], off);
        ck_assert_double_lt(fabs(correlation(first, first, 1)), 3.5);
        // The expectation of what dropout leaves.
        draw(weft_dropout(s, weft_expand(s, weft_full(s, WEFT_F32, 0, NULL, 1), 1, &n), p[k]),
             first);
        ck_assert_double_eq_tol(mean(first), 1, off / (1 - p[k]));
    }
}
END_TEST

START_TEST(whole_numbers_are_equally_likely)
{
    for (int limit = 2; limit < 300; limit = limit * 2 + 1) {
        double bin[300] = {0};
        draw(weft_cast(s, weft_random_int(s, WEFT_I32, 1, (int64_t[]){N}, limit), WEFT_F32), first);
        for (int i = 0; i < N; i++)
            bin[(int)first[i]]++;
        assert_chi_square("whole numbers", bin, limit, N);
    }
}
END_TEST

// All 24 orders of 4 numbers.
START_TEST(orders_of_few_are_equally_likely)
{
    enum { DRAWS = 24000, AT_ONCE = 500 };
    static double count[256], bin[24];
    for (int i = 0; i < DRAWS; i += AT_ONCE) {
        weft_tensor *x[AT_ONCE];
        for (int k = 0; k < AT_ONCE; k++)
            x[k] = weft_permutation(s, 4);
        for (int k = 0; k < AT_ONCE; k++) {
            int64_t v[4];
            ck_assert(weft_read(s, x[k], v, sizeof v));
            count[v[0] << 6 | v[1] << 4 | v[2] << 2 | v[3]]++;
        }
        weft_scope_reset(s);
    }
    int orders = 0;
    for (int i = 0; i < 256; i++) {
        if (count[i] > 0)
            bin[orders++ % 24] = count[i];
    }
    ck_assert_int_eq(orders, 24);
    assert_chi_square("orders", bin, 24, DRAWS);
}
END_TEST

// Sizes just above and below a power of two, and the first that is not shuffled.
START_TEST(orders_of_many_look_random)
{
    const int64_t size[] = {257, 511, 513, 1024, 5000};
    static int64_t v[5000];
    for (int k = 0; k < 5; k++) {
        enum { DRAWS = 1000, CELLS = 8 };
        int64_t n = size[k];
        double place[CELLS * CELLS] = {0}, step[CELLS] = {0}, fixed = 0, rises = 0, serial = 0;
        for (int d = 0; d < DRAWS; d++) {
            ck_assert(weft_read(s, weft_permutation(s, n), v, (size_t)n * sizeof *v));
            weft_scope_reset(s);
            for (int64_t i = 0; i < n; i++) {
                fixed += v[i] == i;
                rises += i && v[i] > v[i - 1];
            }
            // One element of each draw, for those of one draw are not independent.
            int64_t i = (int64_t)d * 7919 % n, next = (i + 1) % n;
            place[i * CELLS / n * CELLS + v[i] * CELLS / n]++;
            step[(v[next] - v[i] + n) % n * CELLS / n]++;
            serial += ((double)v[i] / (double)n - 0.5) * ((double)v[next] / (double)n - 0.5) * 12;
        }
        assert_chi_square("place and value", place, CELLS * CELLS, DRAWS);
        assert_chi_square("differences of neighbours", step, CELLS, DRAWS);
        // One fixed point on average, and of variance 1; (n - 1) / 2 rises, of variance (n + 1)
        // / 12.
        ck_assert_msg(fabs(fixed - DRAWS) < 3.3 * sqrt(DRAWS), "%g fixed points", fixed);
        ck_assert_msg(fabs(rises - DRAWS * (double)(n - 1) / 2) <
                          3.3 * sqrt(DRAWS * (double)(n + 1) / 12),
                      "%g rises of %d times %d", rises, DRAWS, (int)n);
        ck_assert_msg(fabs(serial) < 3.3 * sqrt(DRAWS), "neighbours: %g", serial);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("random_stats");
    TCase *t = tcase_create("random_stats");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, uniform_is_uniform);
    tcase_add_test(t, nothing_is_correlated);
    tcase_add_test(t, normal_is_normal);
    tcase_add_test(t, probabilities_are_kept);
    tcase_add_test(t, whole_numbers_are_equally_likely);
    tcase_add_test(t, orders_of_few_are_equally_likely);
    tcase_add_test(t, orders_of_many_look_random);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
