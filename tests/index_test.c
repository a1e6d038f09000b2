// Picking, adding and sorting in every type: indices outside, NaN and infinity, and sums that are
// the same however the work is shared.
#include "dev/device.h"
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <stdlib.h>

static const enum weft_dtype all_dtypes[] = {WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_F64, WEFT_I8,
                                             WEFT_U8,  WEFT_I32, WEFT_I64,  WEFT_BOOL};
enum { DTYPES = sizeof all_dtypes / sizeof *all_dtypes };

static bool has(enum weft_dtype d)
{
    return d != WEFT_F64 || weft_device_has(dev, WEFT_CAP_F64);
}

static bool is_float(enum weft_dtype d)
{
    return d == WEFT_F32 || d == WEFT_F16 || d == WEFT_BF16 || d == WEFT_F64;
}

static weft_tensor *floats(int64_t n, const float *v)
{
    return weft_from_host(s, WEFT_F32, 1, &n, v);
}

static weft_tensor *longs(int64_t n, const int64_t *v)
{
    return weft_from_host(s, WEFT_I64, 1, &n, v);
}

static void read_floats(const weft_tensor *x, float *v)
{
    x = x ? weft_cast(s, x, WEFT_F32) : NULL;
    ck_assert_msg(weft_read(s, x, v, (size_t)weft_count(x) * 4), "%s", weft_scope_error(s)->text);
}

static void read_longs(const weft_tensor *x, int64_t *v)
{
    ck_assert_msg(weft_read(s, x, v, (size_t)weft_count(x) * 8), "%s", weft_scope_error(s)->text);
}

static void assert_floats(const weft_tensor *x, int64_t n, const float *want)
{
    float got[64];
    ck_assert_int_eq(weft_count(x), n);
    read_floats(x, got);
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(isnan(want[i]) ? isnan(got[i]) : got[i] == want[i], "[%d] got %g, want %g",
                      (int)i, (double)got[i], (double)want[i]);
}

static void assert_longs(const weft_tensor *x, int64_t n, const int64_t *want)
{
    int64_t got[64];
    ck_assert_int_eq(weft_count(x), n);
    read_longs(x, got);
    for (int64_t i = 0; i < n; i++)
        ck_assert_int_eq(got[i], want[i]);
}

// Both index types; an index outside reads NaN of floats, 0 of anything else.
START_TEST(every_type_is_picked)
{
    static const float v[] = {0, 1, 0, 1, 1};
    static const int64_t index[] = {4, -1, 0, 5, 1, INT64_MAX};
    static const int32_t narrow[] = {4, -1, 0, 5, 1, INT32_MIN};
    const int64_t six = 6;
    for (int i = 0; i < DTYPES; i++) {
        enum weft_dtype d = all_dtypes[i];
        if (!has(d))
            continue;
        float none = is_float(d) ? NAN : 0;
        const float want[] = {1, none, 0, none, 1, none};
        weft_tensor *x = weft_cast(s, floats(5, v), d);
        weft_tensor *y = weft_gather(s, x, 0, longs(6, index));
        ck_assert_int_eq(y->dtype, d);
        assert_floats(y, 6, want);
        assert_floats(weft_index_select(s, x, 0, weft_from_host(s, WEFT_I32, 1, &six, narrow)), 6,
                      want);
    }
}
END_TEST

// Rows of 16 bytes and more go another way.
START_TEST(rows_outside_are_nan)
{
    static const int64_t index[] = {1, 2, 0, -7};
    float v[16], got[32];
    for (int i = 0; i < 16; i++)
        v[i] = (float)i;
    for (int i = 0; i < DTYPES; i++) {
        enum weft_dtype d = all_dtypes[i];
        if (!has(d) || d == WEFT_BOOL)
            continue;
        weft_tensor *w = weft_reshape(s, weft_cast(s, floats(16, v), d), 2, (int64_t[]){2, 8});
        weft_tensor *y = weft_embedding(s, w, longs(4, index), -1);
        read_floats(y, got);
        for (int j = 0; j < 32; j++) {
            int64_t row = index[j / 8];
            if (row >= 0 && row < 2)
                ck_assert_float_eq(got[j], v[row * 8 + j % 8]);
            else
                ck_assert(is_float(d) ? isnan(got[j]) : got[j] == 0);
        }
    }
}
END_TEST

START_TEST(a_padding_row_has_no_gradient)
{
    static const float v[] = {1, 2, 3, 4, 5, 6};
    static const int64_t index[] = {1, 2, 1, 2, 9, 0, 2, 2};
    weft_tensor *w = weft_reshape(s, floats(6, v), 2, (int64_t[]){3, 2});
    weft_tensor *at = weft_reshape(s, longs(8, index), 2, (int64_t[]){2, 4});
    weft_tensor *y = weft_embedding(s, w, at, 1);
    assert_floats(y, 16,
                  (float[]){3, 4, 5, 6, 3, 4, 5, 6, NAN, NAN, 1, 2, 5, 6, 5, 6}); // read as others
    assert_floats(weft_grad(s, weft_sum(s, y, NULL), w), 6, (float[]){1, 1, 0, 0, 4, 4});
    y = weft_embedding(s, w, at, -1);
    assert_floats(weft_grad(s, weft_sum(s, y, NULL), w), 6, (float[]){1, 1, 2, 2, 4, 4});
}
END_TEST

START_TEST(an_index_outside_adds_nothing)
{
    static const float v[] = {1, 2, 3}, more[] = {10, 20, 40, 80};
    static const int64_t index[] = {2, -1, 2, 3};
    weft_tensor *x = floats(3, v), *src = floats(4, more);
    weft_tensor *y = weft_scatter_add(s, x, 0, longs(4, index), src);
    assert_floats(y, 3, (float[]){1, 2, 53});
    weft_tensor *loss = weft_sum(s, weft_mul(s, y, y), NULL);
    assert_floats(weft_grad(s, loss, src), 4, (float[]){106, 0, 106, 0});
    assert_floats(weft_grad(s, loss, x), 3, (float[]){2, 4, 106});
    weft_tensor *g = weft_gather(s, x, 0, longs(4, index));
    assert_floats(weft_grad(s, weft_sum(s, g, NULL), x), 3, (float[]){0, 0, 2});
}
END_TEST

// 2048 + 1 is 2048 in half a float, and 256 + 1 is 256 in bfloat16; a hundred ones count all the
// same.
START_TEST(half_floats_are_added_as_floats)
{
    for (int form = 0; form < 2; form++) {
        enum weft_dtype d = form ? WEFT_BF16 : WEFT_F16;
        float begin = form ? 256 : 2048;
        weft_tensor *x = weft_cast(s, floats(1, &begin), d);
        weft_tensor *ones = weft_full(s, d, 1, (int64_t[]){100}, 1);
        weft_tensor *at = weft_full(s, WEFT_I64, 1, (int64_t[]){100}, 0);
        weft_tensor *y = weft_scatter_add(s, x, 0, at, ones);
        ck_assert_int_eq(y->dtype, d);
        ck_assert_double_eq(weft_item(s, y), (double)begin + 100);
        weft_tensor *g = weft_grad(s, weft_sum(s, weft_gather(s, x, 0, at), NULL), x);
        ck_assert_int_eq(g->dtype, d);
        ck_assert_double_eq(weft_item(s, g), 100);
    }
}
END_TEST

START_TEST(integers_are_added_and_wrap_around)
{
    static const enum weft_dtype dtypes[] = {WEFT_I8, WEFT_U8, WEFT_I32, WEFT_I64};
    static const float last[] = {-128, 128, 128, 128};
    for (int i = 0; i < 4; i++) {
        weft_tensor *x = weft_full(s, dtypes[i], 1, (int64_t[]){2}, 100);
        weft_tensor *src = weft_full(s, dtypes[i], 1, (int64_t[]){28}, 1);
        weft_tensor *at = weft_full(s, WEFT_I32, 1, (int64_t[]){28}, 1);
        assert_floats(weft_scatter_add(s, x, 0, at, src), 2, (float[]){100, last[i]});
    }
}
END_TEST

START_TEST(one_hot_is_one_in_every_type)
{
    static const int64_t index[] = {2, 0, -1, 3};
    static const float want[] = {0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    ck_assert_int_eq(weft_one_hot(s, longs(4, index), 3, WEFT_DTYPE_NONE)->dtype, WEFT_I64);
    for (int i = 0; i < DTYPES; i++) {
        if (has(all_dtypes[i]))
            assert_floats(weft_one_hot(s, longs(4, index), 3, all_dtypes[i]), 12, want);
    }
    ck_assert_int_eq(weft_count(weft_one_hot(s, longs(4, index), 0, WEFT_F32)), 0);
}
END_TEST

// A number for i that jumps about.
static uint32_t mixed(uint32_t i)
{
    i *= 0x9e3779b1u;
    i ^= i >> 15;
    return i * 0x85ebca6bu >> 7;
}

enum { SOURCES = 3000, ROWS = 97, WIDTH = 130 };

static void sums(float *embedding, float *flat)
{
    static float g[SOURCES * WIDTH];
    static int64_t index[SOURCES];
    for (uint32_t i = 0; i < SOURCES * WIDTH; i++)
        g[i] = (float)mixed(i) * 1e-6f;
    for (uint32_t i = 0; i < SOURCES; i++)
        index[i] = mixed(i + 77) % ROWS;
    weft_tensor *w = weft_full(s, WEFT_F32, 2, (int64_t[]){ROWS, WIDTH}, 1);
    weft_tensor *up = weft_from_host(s, WEFT_F32, 2, (int64_t[]){SOURCES, WIDTH}, g);
    weft_tensor *y = weft_embedding(s, w, longs(SOURCES, index), -1);
    read_floats(weft_grad(s, weft_sum(s, weft_mul(s, y, up), NULL), w), embedding);
    weft_tensor *zeros = weft_full(s, WEFT_F32, 1, (int64_t[]){ROWS}, 0);
    read_floats(weft_scatter_add(s, zeros, 0, longs(SOURCES, index), floats(SOURCES, g)), flat);
    // The host's own sum, in order.
    static float want[ROWS * WIDTH];
    memset(want, 0, sizeof want);
    for (int i = 0; i < SOURCES; i++) {
        for (int j = 0; j < WIDTH; j++)
            want[index[i] * WIDTH + j] += g[i * WIDTH + j];
    }
    ck_assert_mem_eq(embedding, want, sizeof want);
}

// However many cores there are, and in the form of devices that are not CPUs.
START_TEST(sums_have_the_same_bits_everywhere)
{
    static float first[ROWS * WIDTH], again[ROWS * WIDTH];
    float flat[ROWS], flat_again[ROWS];
    enum weft_device_type type = dev->info.type;
    int units = dev->info.compute_units;
    sums(first, flat);
    for (int form = 0; form < 4; form++) {
        dev->info.type = form == 3 ? WEFT_DEVICE_GPU : type;
        dev->info.compute_units = form == 1 ? 1 : form == 2 ? 7 : units;
        sums(again, flat_again);
        ck_assert_mem_eq(first, again, sizeof first);
        ck_assert_mem_eq(flat, flat_again, sizeof flat);
    }
    dev->info.type = type;
    dev->info.compute_units = units;
}
END_TEST

START_TEST(nan_is_the_largest_and_zeros_are_equal)
{
    static const float v[] = {NAN, 1, -0.f, INFINITY, 0, -INFINITY, -NAN, -0.f, 1};
    static const int64_t up[] = {5, 2, 4, 7, 1, 8, 3, 0, 6}, down[] = {0, 6, 3, 1, 8, 2, 4, 7, 5};
    for (int i = 0; i < 4; i++) {
        enum weft_dtype d = all_dtypes[i];
        weft_tensor *order, *x = has(d) ? weft_cast(s, floats(9, v), d) : NULL;
        if (!x)
            continue;
        assert_longs(weft_argsort(s, x, 0, false), 9, up);
        assert_longs(weft_argsort(s, x, 0, true), 9, down);
        assert_floats(weft_sort(s, x, 0, weft_sort_params(.indices = &order)), 9,
                      (float[]){-INFINITY, 0, 0, 0, 1, 1, INFINITY, NAN, NAN});
        assert_longs(order, 9, up);
        weft_tensor *top = weft_topk(s, x, -1, 3, weft_topk_params(.indices = &order));
        assert_floats(top, 3, (float[]){NAN, NAN, INFINITY});
        assert_longs(order, 3, down);
    }
}
END_TEST

START_TEST(integers_of_all_types_are_sorted)
{
    static const float v[] = {3, -128, 127, 0, -1, 3, 1, -128}, small[] = {3, 200, 0, 255, 3};
    static const int64_t order[] = {1, 7, 4, 3, 6, 0, 5, 2}, order_u8[] = {2, 0, 4, 1, 3};
    static const enum weft_dtype dtypes[] = {WEFT_I8, WEFT_I32, WEFT_I64};
    for (int i = 0; i < 3; i++)
        assert_longs(weft_argsort(s, weft_cast(s, floats(8, v), dtypes[i]), 0, false), 8, order);
    assert_longs(weft_argsort(s, weft_cast(s, floats(5, small), WEFT_U8), 0, false), 5, order_u8);
    assert_longs(weft_argsort(s, weft_cast(s, floats(5, small), WEFT_BOOL), 0, true), 5,
                 (int64_t[]){0, 1, 3, 4, 2});
    static const int64_t wide[] = {INT64_MAX, 1ll << 40, INT64_MIN, (1ll << 40) + 1, -1};
    assert_longs(weft_argsort(s, longs(5, wide), 0, false), 5, (int64_t[]){2, 4, 1, 3, 0});
}
END_TEST

static void check_order(enum weft_dtype d, int64_t n, bool descending)
{
    float *v = malloc((size_t)n * 4);
    int64_t *at = malloc((size_t)n * 8);
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)(mixed((uint32_t)i) % 101) - 50;
    weft_tensor *x = weft_cast(s, floats(n, v), d), *order;
    read_longs(weft_argsort(s, x, 0, descending), at);
    for (int64_t i = 1; i < n; i++) {
        float a = v[at[i - 1]], b = v[at[i]];
        ck_assert_msg((descending ? a > b : a < b) || (a == b && at[i - 1] < at[i]),
                      "%s, %lld: place %lld", weft_dtype_name(d), (long long)n, (long long)i);
    }
    // The first few and more than a few are those of the whole order.
    for (int64_t k = 3; k < n; k *= 20) {
        int64_t *few = malloc((size_t)k * 8);
        weft_topk(s, x, 0, k, weft_topk_params(.indices = &order, .smallest = !descending));
        read_longs(order, few);
        ck_assert_mem_eq(few, at, (size_t)k * 8);
        free(few);
    }
    free(v);
    free(at);
    weft_scope_reset(s);
}

// Few different keys in a row of many parts, whatever their number.
START_TEST(long_rows_are_stable)
{
    enum weft_device_type type = dev->info.type;
    int units = dev->info.compute_units;
    for (int form = 0; form < 4; form++) {
        dev->info.type = form == 3 ? WEFT_DEVICE_GPU : type;
        dev->info.compute_units = form == 1 ? 1 : form == 2 ? 5 : units;
        check_order(WEFT_F32, 30001, form & 1);
        check_order(WEFT_I8, 9000, !(form & 1));
        check_order(WEFT_I64, 20000, form & 1);
    }
    dev->info.type = type;
    dev->info.compute_units = units;
}
END_TEST

START_TEST(empty_tensors_give_empty_ones)
{
    weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){0, 3}, 0);
    weft_tensor *none = weft_full(s, WEFT_I64, 1, (int64_t[]){0}, 0), *order;
    weft_tensor *two = weft_full(s, WEFT_I64, 1, (int64_t[]){2}, 0);
    ck_assert_int_eq(weft_count(weft_sort(s, x, 0, weft_sort_params(.indices = &order))), 0);
    ck_assert_int_eq(order->shape[1], 3);
    ck_assert_int_eq(weft_count(weft_topk(s, x, 1, 0, NULL)), 0);
    ck_assert_int_eq(weft_index_select(s, x, 1, none)->shape[1], 0);
    assert_floats(weft_index_select(s, x, 0, two), 6, (float[]){NAN, NAN, NAN, NAN, NAN, NAN});
    weft_tensor *y = weft_embedding(s, weft_full(s, WEFT_F32, 2, (int64_t[]){2, 1}, 0), none, -1);
    ck_assert_int_eq(y->shape[0], 0);
    weft_tensor *w = weft_full(s, WEFT_F32, 1, (int64_t[]){2}, 5);
    y = weft_scatter_add(s, w, 0, none, weft_full(s, WEFT_F32, 1, (int64_t[]){0}, 0));
    assert_floats(y, 2, (float[]){5, 5});
    ck_assert(weft_flush(s));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("index");
    TCase *t = tcase_create("index");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, every_type_is_picked);
    tcase_add_test(t, rows_outside_are_nan);
    tcase_add_test(t, a_padding_row_has_no_gradient);
    tcase_add_test(t, an_index_outside_adds_nothing);
    tcase_add_test(t, half_floats_are_added_as_floats);
    tcase_add_test(t, integers_are_added_and_wrap_around);
    tcase_add_test(t, one_hot_is_one_in_every_type);
    tcase_add_test(t, sums_have_the_same_bits_everywhere);
    tcase_add_test(t, nan_is_the_largest_and_zeros_are_equal);
    tcase_add_test(t, integers_of_all_types_are_sorted);
    tcase_add_test(t, long_rows_are_stable);
    tcase_add_test(t, empty_tensors_give_empty_ones);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
