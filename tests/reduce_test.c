// Reductions, cumsum and softmax beyond the table: every dtype, NaN and infinity, what nothing
// gives, exact gradients at zeros and ties, and the same bits twice.
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

static weft_tensor *floats(int64_t n, const float *v)
{
    return weft_from_host(s, WEFT_F32, 1, &n, v);
}

static void read_floats(const weft_tensor *x, float *v)
{
    ck_assert_msg(weft_read(s, x, v, (size_t)weft_count(x) * 4), "%s", weft_scope_error(s)->text);
}

static bool has(enum weft_dtype d)
{
    return d != WEFT_F64 || weft_device_has(dev, WEFT_CAP_F64);
}

#define OVER(axis_) weft_reduce_params(.axes = (int[]){axis_}, .naxes = 1)

static void assert_near(const weft_tensor *x, int n, const float *want, double tolerance)
{
    float got[64];
    ck_assert_int_eq(weft_count(x), n);
    read_floats(weft_cast(s, x, WEFT_F32), got);
    for (int i = 0; i < n; i++)
        ck_assert_msg(isnan(want[i]) ? isnan(got[i])
                                     : want[i] == got[i] || fabs((double)(got[i] - want[i])) <=
                                                                tolerance * fabs((double)want[i]),
                      "[%d] got %.9g, want %.9g", i, (double)got[i], (double)want[i]);
}

// Six rows of three, as every dtype: over rows, and over columns as one task of few and as columns.
START_TEST(every_dtype_is_reduced)
{
    const float v[] = {1, 0, 3, 2, 2, 1};
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_I64 && has(d); d++) {
        weft_tensor *x = weft_reshape(s, weft_cast(s, floats(6, v), d), 2, (int64_t[]){2, 3});
        bool whole = d >= WEFT_I8;
        weft_tensor *prod = weft_prod(s, x, OVER(1)), *min = weft_min(s, x, OVER(0));
        ck_assert_int_eq(prod->dtype, whole ? WEFT_I64 : d);
        ck_assert_int_eq(min->dtype, d);
        assert_near(prod, 2, (float[]){0, 4}, 0);
        assert_near(min, 3, (float[]){1, 0, 1}, 0);
        assert_near(weft_max(s, x, OVER(1)), 2, (float[]){3, 2}, 0);
        assert_near(weft_argmin(s, x, 1), 2, (float[]){1, 2}, 0);
        assert_near(weft_argmax(s, x, 1), 2, (float[]){2, 0}, 0);
        ck_assert_int_eq(weft_any(s, x, NULL)->dtype, WEFT_BOOL);
        assert_near(weft_any(s, x, OVER(0)), 3, (float[]){1, 1, 1}, 0);
        assert_near(weft_all(s, x, OVER(0)), 3, (float[]){1, 0, 1}, 0);
        weft_tensor *sums = weft_cumsum(s, x, 1);
        ck_assert_int_eq(sums->dtype, whole ? WEFT_I64 : d);
        assert_near(sums, 6, (float[]){1, 1, 4, 2, 4, 5}, 0);
        assert_near(weft_cumsum(s, x, 0), 6, (float[]){1, 0, 3, 3, 2, 4}, 0);
        weft_scope_reset(s);
    }
}
END_TEST

// Long enough for vectors and their rest, and wide enough for columns.
START_TEST(half_types_and_integers_go_through_vectors)
{
    enum { N = 70, M = 40 };
    static float v[N * M];
    for (int i = 0; i < N * M; i++)
        v[i] = (float)(i * 7 % 5 - 2);
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_I64 && has(d); d++) {
        if (d == WEFT_U8)
            continue;
        weft_tensor *x = weft_reshape(s, weft_cast(s, floats(N * M, v), d), 2, (int64_t[]){N, M});
        for (int axis = 0; axis < 2; axis++) {
            weft_tensor *all[] = {weft_sum(s, x, OVER(axis)), weft_min(s, x, OVER(axis)),
                                  weft_max(s, x, OVER(axis)), weft_cumsum(s, x, axis)};
            float got[4][N * M];
            for (int i = 0; i < 4; i++)
                read_floats(weft_cast(s, all[i], WEFT_F32), got[i]);
            int outer = axis ? N : M, inner = axis ? M : N;
            for (int o = 0; o < outer; o++) {
                float sum = 0, least = 9, most = -9;
                for (int i = 0; i < inner; i++) {
                    int at = axis ? o * M + i : i * M + o;
                    sum += v[at];
                    least = fminf(least, v[at]);
                    most = fmaxf(most, v[at]);
                    ck_assert_msg(got[3][at] == sum, "%s axis %d: cumsum[%d] got %g, want %g",
                                  weft_dtype_name(d), axis, at, (double)got[3][at], (double)sum);
                }
                ck_assert_msg(got[0][o] == sum && got[1][o] == least && got[2][o] == most,
                              "%s axis %d: %g %g %g", weft_dtype_name(d), axis, (double)got[0][o],
                              (double)got[1][o], (double)got[2][o]);
            }
        }
        weft_scope_reset(s);
    }
}
END_TEST

START_TEST(bool_and_integers_give_64_bits)
{
    const uint8_t b[] = {1, 0, 1, 1};
    weft_tensor *x = weft_from_host(s, WEFT_BOOL, 1, (int64_t[]){4}, b);
    ck_assert_double_eq(weft_item(s, weft_sum(s, x, NULL)), 3);
    ck_assert_double_eq(weft_item(s, weft_prod(s, x, NULL)), 0);
    ck_assert_double_eq(weft_item(s, weft_min(s, x, NULL)), 0);
    ck_assert_double_eq(weft_item(s, weft_argmin(s, x, 0)), 1);
    weft_tensor *many = weft_full(s, WEFT_I32, 1, (int64_t[]){40}, 2);
    ck_assert_double_eq(weft_item(s, weft_prod(s, many, NULL)), 0x1p40);
    weft_tensor *deep = weft_full(s, WEFT_I64, 1, (int64_t[]){3}, -0x1p40);
    ck_assert_double_eq(weft_item(s, weft_min(s, deep, NULL)), -0x1p40);
    ck_assert_double_eq(weft_item(s, weft_any(s, deep, NULL)), 1);
}
END_TEST

START_TEST(half_norms_and_variances_do_not_overflow_on_the_way)
{
    weft_tensor *x = weft_full(s, WEFT_F16, 1, (int64_t[]){16}, 1000);
    ck_assert_double_eq(weft_item(s, weft_norm(s, x, 2, NULL)), 4000);
    ck_assert_double_eq(weft_item(s, weft_var(s, x, 1, NULL)), 0);
    // 1000 + log(16) = 1002.8, and bfloat16 holds fours there.
    ck_assert_double_eq(weft_item(s, weft_logsumexp(s, weft_cast(s, x, WEFT_BF16), NULL)), 1004);
}
END_TEST

START_TEST(nan_and_infinity_come_through)
{
    const float inf = INFINITY, v[] = {1, NAN, inf, -inf}, low[] = {-inf, -inf}, up[] = {inf, 1};
    weft_tensor *x = floats(4, v), *least = floats(2, low), *most = floats(2, up);
    ck_assert(isnan(weft_item(s, weft_min(s, x, NULL))));
    ck_assert(isnan(weft_item(s, weft_max(s, x, NULL))));
    ck_assert(isnan(weft_item(s, weft_norm(s, x, INFINITY, NULL))));
    ck_assert(isnan(weft_item(s, weft_prod(s, x, NULL))));
    ck_assert(isnan(weft_item(s, weft_logsumexp(s, x, NULL))));
    ck_assert(isnan(weft_item(s, weft_var(s, x, 1, NULL))));
    ck_assert(isnan(weft_item(s, weft_var(s, most, 1, NULL))));
    ck_assert_double_eq(weft_item(s, weft_argmin(s, x, 0)), 1);
    ck_assert_double_eq(weft_item(s, weft_argmax(s, x, 0)), 1);
    ck_assert_double_eq(weft_item(s, weft_all(s, x, NULL)), 1);
    ck_assert_double_eq(weft_item(s, weft_argmin(s, least, 0)), 0);
    ck_assert(weft_item(s, weft_logsumexp(s, least, NULL)) == -(double)INFINITY);
    ck_assert(weft_item(s, weft_logsumexp(s, most, NULL)) == (double)INFINITY);
    ck_assert(weft_item(s, weft_norm(s, most, 2, NULL)) == (double)INFINITY);
    assert_near(weft_cumsum(s, floats(4, (float[]){1, inf, 2, NAN}), 0), 4,
                (float[]){1, inf, inf, NAN}, 0);
}
END_TEST

// The first of equal ones, far apart, in rows, columns and parts.
START_TEST(the_first_of_equal_ones_counts)
{
    enum { N = 200000 };
    float *v = calloc(N, sizeof *v);
    v[70000] = v[70001] = v[150000] = 5;
    v[66000] = v[190000] = -5;
    weft_tensor *x = floats(N, v);
    ck_assert_double_eq(weft_item(s, weft_argmax(s, x, 0)), 70000);
    ck_assert_double_eq(weft_item(s, weft_argmin(s, x, 0)), 66000);
    float got[20];
    weft_tensor *columns = weft_reshape(s, x, 2, (int64_t[]){N / 20, 20});
    read_floats(weft_cast(s, weft_argmax(s, columns, 0), WEFT_F32), got);
    ck_assert(got[0] == 70000 / 20 && got[1] == 70001 / 20 && got[2] == 0);
    v[199999] = NAN;
    columns = weft_reshape(s, floats(N, v), 2, (int64_t[]){N / 20, 20});
    read_floats(weft_cast(s, weft_argmin(s, columns, 0), WEFT_F32), got);
    ck_assert(got[0] == 66000 / 20 && got[19] == N / 20 - 1);
    free(v);
}
END_TEST

enum { SQUARE = 140 };

// Of a square table one element of each row and column is NaN: every output shows it.
START_TEST(one_nan_shows_wherever_it_is)
{
    static float v[SQUARE * SQUARE], got[SQUARE];
    const float rest[] = {1, INFINITY, -INFINITY};
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < SQUARE * SQUARE; i++)
            v[i] = i % (SQUARE + 1) ? rest[k] : NAN;
        weft_tensor *x =
            weft_reshape(s, floats(SQUARE * SQUARE, v), 2, (int64_t[]){SQUARE, SQUARE});
        for (int axis = 0; axis < 2; axis++) {
            weft_tensor *y[] = {weft_max(s, x, OVER(axis)), weft_min(s, x, OVER(axis)),
                                weft_logsumexp(s, x, OVER(axis)),
                                weft_norm(s, x, INFINITY, OVER(axis))};
            for (int i = 0; i < 4; i++) {
                read_floats(y[i], got);
                for (int j = 0; j < SQUARE; j++)
                    ck_assert_msg(isnan(got[j]), "kind %d, axis %d, output %d, among %g: %g", i,
                                  axis, j, rest[k], got[j]);
            }
            read_floats(weft_cast(s, weft_argmax(s, x, axis), WEFT_F32), got);
            for (int j = 0; j < SQUARE; j++)
                ck_assert(got[j] == j);
        }
    }
}
END_TEST

START_TEST(nothing_has_its_values)
{
    weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){3, 0}, 1);
    assert_near(weft_prod(s, x, OVER(1)), 3, (float[]){1, 1, 1}, 0);
    assert_near(weft_any(s, x, OVER(1)), 3, (float[]){0, 0, 0}, 0);
    assert_near(weft_all(s, x, OVER(1)), 3, (float[]){1, 1, 1}, 0);
    assert_near(weft_var(s, x, 1, OVER(1)), 3, (float[]){NAN, NAN, NAN}, 0);
    assert_near(weft_norm(s, x, 2, OVER(1)), 3, (float[]){0, 0, 0}, 0);
    assert_near(weft_logsumexp(s, x, OVER(1)), 3, (float[]){-INFINITY, -INFINITY, -INFINITY}, 0);
    ck_assert_int_eq(weft_count(weft_min(s, x, OVER(0))), 0);
    ck_assert_int_eq(weft_count(weft_softmax(s, x, 1)), 0);
    ck_assert_int_eq(weft_count(weft_cumsum(s, x, 0)), 0);
    ck_assert(weft_flush(s));
    ck_assert(isnan(weft_item(s, weft_var(s, weft_full(s, WEFT_F32, 0, NULL, 3), 1, NULL))));
    ck_assert(weft_item(s, weft_var(s, floats(2, (float[]){1, 2}), 5, NULL)) == (double)INFINITY);
}
END_TEST

// A variance of 1 about a million, where float holds sixteenths.
START_TEST(variance_is_exact_far_from_zero)
{
    enum { N = 300000 };
    float *v = malloc(N * sizeof *v);
    for (int i = 0; i < N; i++)
        v[i] = 1e6f + (i % 2 ? 1 : -1);
    ck_assert_double_eq_tol(weft_item(s, weft_var(s, floats(N, v), 0, NULL)), 1, 1e-6);
    float got[20];
    weft_tensor *columns = weft_reshape(s, floats(N, v), 2, (int64_t[]){N / 20, 20});
    // A column has one value throughout.
    read_floats(weft_var(s, columns, 0, OVER(0)), got);
    for (int i = 0; i < 20; i++)
        ck_assert(got[i] == 0);
    free(v);
}
END_TEST

static void assert_gradient(weft_tensor *y, weft_tensor *x, int n, const float *want)
{
    weft_tensor *g = weft_grad(s, weft_sum(s, y, NULL), x);
    ck_assert_msg(g != NULL, "%s", weft_scope_error(s)->text);
    assert_near(g, n, want, 1e-6);
}

START_TEST(products_of_zeros_have_exact_gradients)
{
    weft_tensor *one = floats(3, (float[]){2, 0, 3}), *two = floats(3, (float[]){2, 0, 0});
    assert_gradient(weft_prod(s, one, NULL), one, 3, (float[]){0, 6, 0});
    assert_gradient(weft_prod(s, two, NULL), two, 3, (float[]){0, 0, 0});
}
END_TEST

START_TEST(equal_ones_share_the_gradient)
{
    weft_tensor *ties = floats(4, (float[]){1, 3, 1, -3}), *zeros = floats(2, (float[]){0, 0});
    weft_tensor *low = floats(3, (float[]){1, 2, 1});
    assert_gradient(weft_min(s, low, NULL), low, 3, (float[]){.5f, 0, .5f});
    assert_gradient(weft_norm(s, ties, INFINITY, NULL), ties, 4, (float[]){0, .5f, 0, -.5f});
    assert_gradient(weft_norm(s, zeros, 2, NULL), zeros, 2, (float[]){0, 0});
    assert_gradient(weft_norm(s, zeros, 3, NULL), zeros, 2, (float[]){0, 0});
    assert_gradient(weft_norm(s, ties, 0, NULL), ties, 4, (float[]){0, 0, 0, 0});
    assert_gradient(weft_std(s, zeros, 1, NULL), zeros, 2, (float[]){0, 0});
}
END_TEST

// Large values, rows of -INFINITY, INFINITY and NaN; and columns of the same.
START_TEST(softmax_holds_what_is_large)
{
    const float inf = INFINITY;
    const float v[] = {1e4f, 1e4f - 1, -1e4f, -inf, -inf, -inf, inf, 1, 2, -inf, 3, 3, NAN, 0, 0};
    const float want[] = {.7310586f, .2689414f, 0,   NAN, NAN, NAN, NAN, NAN,
                          NAN,       0,         .5f, .5f, NAN, NAN, NAN};
    const float logs[] = {-.3132617f, -1.3132617f, -20000.3132617f, NAN,        NAN, NAN, NAN, NAN,
                          NAN,        -inf,        -.6931472f,      -.6931472f, NAN, NAN, NAN};
    weft_tensor *x = weft_reshape(s, floats(15, v), 2, (int64_t[]){5, 3});
    // INFINITY itself is NaN, and the finite ones beside it as well.
    assert_near(weft_softmax(s, x, 1), 15, want, 1e-6);
    assert_near(weft_log_softmax(s, x, 1), 15, logs, 1e-6);
    weft_tensor *wide =
        weft_expand(s, weft_reshape(s, x, 3, (int64_t[]){5, 3, 1}), 3, (int64_t[]){5, 3, 20});
    weft_tensor *kept = weft_keep(s, weft_scale(s, wide, 1));
    weft_tensor *first =
        weft_reshape(s, weft_max(s, weft_softmax(s, kept, 1), OVER(2)), 2, (int64_t[]){5, 3});
    assert_near(first, 15, want, 1e-6);
    weft_tensor_destroy(&kept);
}
END_TEST

// A long row whose first part is all -INFINITY.
START_TEST(softmax_of_parts_skips_what_is_nothing)
{
    enum { N = 200000 };
    float *v = malloc(N * sizeof *v), *got = malloc(N * sizeof *got);
    for (int i = 0; i < N; i++)
        v[i] = i < N / 2 ? -INFINITY : 3;
    read_floats(weft_softmax(s, floats(N, v), 0), got);
    ck_assert(got[0] == 0 && fabs((double)got[N - 1] * (N / 2) - 1) < 1e-5);
    free(v);
    free(got);
}
END_TEST

// The softmax or log_softmax y along an axis of a table, and the gradient of sum(w y), as rows.
static void read_softmax(bool log, const int64_t *shape, const float *v, int axis, float *got)
{
    int n = (int)(shape[0] * shape[1]);
    weft_tensor *x = weft_reshape(s, floats(n, v), 2, shape);
    weft_tensor *w = weft_reshape(s, floats(n, v + n), 2, shape);
    if (log) // 0 times -INFINITY would be NaN
        x = weft_clamp(s, x, -20, 20);
    weft_tensor *y = log ? weft_log_softmax(s, x, axis) : weft_softmax(s, x, axis);
    weft_tensor *g = weft_grad(s, weft_sum(s, weft_mul(s, w, y), NULL), x);
    read_floats(axis ? y : weft_transpose(s, y, 0, 1), got);
    read_floats(axis ? g : weft_transpose(s, g, 0, 1), got + n);
}

// In some columns the first part is all -INFINITY.
START_TEST(softmax_of_long_columns_is_that_of_rows)
{
    enum { ROWS = 4500, COLUMNS = 35, ALL = ROWS * COLUMNS };
    const int64_t by_columns[] = {ROWS, COLUMNS}, by_rows[] = {COLUMNS, ROWS};
    float *v[2], *got[2];
    for (int i = 0; i < 2; i++) {
        v[i] = malloc(2 * ALL * sizeof **v);
        got[i] = malloc(2 * ALL * sizeof **got);
    }
    uint32_t r = 1;
    for (int i = 0; i < 2 * ALL; i++) {
        int row = i % ALL / COLUMNS, column = i % COLUMNS, table = i / ALL;
        r = r * 1664525u + 1013904223u;
        v[0][i] = i < ALL / 2 && column % 3 == 0 ? -INFINITY : (float)(r >> 8) * 0x1p-21f - 4;
        v[1][table * ALL + column * ROWS + row] = v[0][i];
    }
    for (int log = 0; log < 2; log++) {
        read_softmax(log, by_columns, v[0], 0, got[0]);
        read_softmax(log, by_rows, v[1], 1, got[1]);
        for (int i = 0; i < 2 * ALL; i++) {
            double is = (double)got[0][i], want = (double)got[1][i];
            ck_assert_double_eq_tol(is, want, 1e-5 * (fabs(want) + (log ? 1 : 1e-3)));
        }
    }
    for (int i = 0; i < 2; i++) {
        free(v[i]);
        free(got[i]);
    }
}
END_TEST

START_TEST(half_softmax_is_rounded_once)
{
    enum { N = 50 };
    float v[N], exact[N], got[N];
    for (int i = 0; i < N; i++)
        v[i] = (float)(i % 7) / 2;
    read_floats(weft_softmax(s, floats(N, v), 0), exact);
    for (int axis = 0; axis < 2; axis++) {
        weft_tensor *x = weft_cast(s, floats(N, v), WEFT_BF16);
        int64_t shape[2] = {axis ? 1 : N, axis ? N : 1};
        read_floats(weft_cast(s, weft_softmax(s, weft_reshape(s, x, 2, shape), axis), WEFT_F32),
                    got);
        for (int i = 0; i < N; i++)
            ck_assert_double_eq_tol((double)got[i], (double)exact[i], (double)exact[i] * 0x1p-8);
    }
}
END_TEST

// Compensated: one by one in float, 10^6 times 0.1 would be off by 1 %.
START_TEST(cumsum_stays_exact)
{
    enum { N = 1000000 };
    float *got = malloc(N * sizeof *got);
    weft_tensor *x = weft_full(s, WEFT_F32, 1, (int64_t[]){N}, (double)0.1f);
    read_floats(weft_cumsum(s, x, 0), got);
    for (int i = 0; i < N; i += 999) {
        double want = (i + 1) * (double)0.1f;
        ck_assert_msg(fabs((double)got[i] - want) <= want * 2e-7, "[%d] got %.9g, want %.9g", i,
                      (double)got[i], want);
    }
    weft_tensor *tall = weft_full(s, WEFT_F32, 2, (int64_t[]){N / 10, 10}, (double)0.1f);
    read_floats(weft_cumsum(s, tall, 0), got);
    ck_assert_double_eq_tol((double)got[N - 1], N / 10 * (double)0.1f, 1e4 * 2e-7);
    free(got);
}
END_TEST

// In parts; the gradient sums from the end.
START_TEST(cumsum_of_long_columns)
{
    enum { ROWS = 5001, COLUMNS = 21, ALL = ROWS * COLUMNS };
    float *v = malloc(ALL * sizeof *v), *got = malloc(ALL * sizeof *got);
    for (int i = 0; i < ALL; i++)
        v[i] = (float)(i % COLUMNS + 1);
    weft_tensor *x = weft_reshape(s, floats(ALL, v), 2, (int64_t[]){ROWS, COLUMNS});
    weft_tensor *w = weft_neg(s, x), *y = weft_cumsum(s, x, 0);
    weft_tensor *g = weft_grad(s, weft_sum(s, weft_mul(s, w, y), NULL), x);
    read_floats(y, got);
    for (int i = 0; i < ALL; i++)
        ck_assert(got[i] == v[i] * (float)(i / COLUMNS + 1));
    read_floats(g, got);
    for (int i = 0; i < ALL; i++)
        ck_assert(got[i] == -v[i] * (float)(ROWS - i / COLUMNS) - v[i] * (float)(i / COLUMNS + 1));
    free(v);
    free(got);
}
END_TEST

// The same bits, whatever else the device does.
START_TEST(results_are_the_same_every_time)
{
    enum { N = 300000 };
    float *v = malloc(N * sizeof *v),
          *got[2] = {malloc(N * sizeof **got), malloc(N * sizeof **got)};
    uint32_t r = 1;
    for (int i = 0; i < N; i++) {
        r = r * 1664525u + 1013904223u;
        v[i] = (float)(r >> 8) * 0x1p-24f - 0.4f;
    }
    double sum[2], var[2], lse[2];
    for (int i = 0; i < 2; i++) {
        weft_tensor *x = floats(N, v);
        sum[i] = weft_item(s, weft_sum(s, x, NULL));
        var[i] = weft_item(s, weft_var(s, x, 1, NULL));
        lse[i] = weft_item(s, weft_logsumexp(s, x, NULL));
        read_floats(weft_add(s, weft_cumsum(s, x, 0), weft_softmax(s, x, 0)), got[i]);
        weft_scope_reset(s);
    }
    ck_assert(sum[0] == sum[1] && var[0] == var[1] && lse[0] == lse[1]);
    ck_assert_mem_eq(got[0], got[1], N * sizeof *v);
    free(v);
    free(got[0]);
    free(got[1]);
}
END_TEST

// After one size of each kind, other sizes build nothing.
START_TEST(other_sizes_build_nothing)
{
    uint64_t builds = 0;
    for (int i = 0; i < 6; i++) {
        int64_t shape[] = {3 + 40 * i, 50 + 7 * i};
        weft_tensor *x = weft_full(s, WEFT_F32, 2, shape, 1);
        for (int axis = 0; axis < 2; axis++) {
            weft_want(s, weft_sum(s, x, OVER(axis)));
            weft_want(s, weft_var(s, x, 1, OVER(axis)));
            weft_want(s, weft_softmax(s, x, axis));
            weft_want(s, weft_cumsum(s, x, axis));
        }
        ck_assert(weft_flush(s));
        if (i)
            ck_assert_uint_eq(stats().builds + stats().loads, builds);
        builds = stats().builds + stats().loads;
        weft_scope_reset(s);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reduce");
    TCase *t = tcase_create("reduce");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, every_dtype_is_reduced);
    tcase_add_test(t, half_types_and_integers_go_through_vectors);
    tcase_add_test(t, bool_and_integers_give_64_bits);
    tcase_add_test(t, half_norms_and_variances_do_not_overflow_on_the_way);
    tcase_add_test(t, nan_and_infinity_come_through);
    tcase_add_test(t, one_nan_shows_wherever_it_is);
    tcase_add_test(t, the_first_of_equal_ones_counts);
    tcase_add_test(t, nothing_has_its_values);
    tcase_add_test(t, variance_is_exact_far_from_zero);
    tcase_add_test(t, products_of_zeros_have_exact_gradients);
    tcase_add_test(t, equal_ones_share_the_gradient);
    tcase_add_test(t, softmax_holds_what_is_large);
    tcase_add_test(t, softmax_of_parts_skips_what_is_nothing);
    tcase_add_test(t, softmax_of_long_columns_is_that_of_rows);
    tcase_add_test(t, half_softmax_is_rounded_once);
    tcase_add_test(t, cumsum_stays_exact);
    tcase_add_test(t, cumsum_of_long_columns);
    tcase_add_test(t, results_are_the_same_every_time);
    tcase_add_test(t, other_sizes_build_nothing);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
