// Element types: casts between all of them, half and bfloat16 storage, integers, NaN and
// infinity.
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

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

// 0 .. 39 fit every type, and two lengths of 20 end in the middle of every vector.
START_TEST(casts_between_all_types_keep_small_numbers)
{
    for (enum weft_dtype a = WEFT_F32; a <= WEFT_I64; a++) {
        for (enum weft_dtype b = WEFT_F32; b <= WEFT_BOOL && has(a) && has(b); b++) {
            float v[40], got[40];
            for (int i = 0; i < 40; i++)
                v[i] = (float)i;
            weft_tensor *x = weft_cast(s, floats(40, v), a), *y = weft_cast(s, x, b);
            ck_assert_msg(y != NULL, "%s", weft_scope_error(s)->text);
            ck_assert_int_eq(y->dtype, b);
            read_floats(weft_cast(s, y, WEFT_F32), got);
            for (int i = 0; i < 40; i++)
                ck_assert_msg(got[i] == (b == WEFT_BOOL ? (float)(i != 0) : v[i]),
                              "%s to %s: [%d] got %g, want %g", weft_dtype_name(a),
                              weft_dtype_name(b), i, (double)got[i], (double)v[i]);
            weft_scope_reset(s);
        }
    }
}
END_TEST

START_TEST(floating_to_integer_rounds_to_zero_and_saturates)
{
    const float v[] = {-1.9f, 1.9f, 300, -300, NAN, INFINITY, -INFINITY, 1e20f};
    uint8_t u8[8];
    int32_t i32[8];
    ck_assert(weft_read(s, weft_cast(s, floats(8, v), WEFT_U8), u8, sizeof u8));
    ck_assert(weft_read(s, weft_cast(s, floats(8, v), WEFT_I32), i32, sizeof i32));
    const uint8_t want_u8[] = {0, 1, 255, 0, 0, 255, 0, 255};
    const int32_t want_i32[] = {-1, 1, 300, -300, 0, INT32_MAX, INT32_MIN, INT32_MAX};
    ck_assert_mem_eq(u8, want_u8, sizeof u8);
    ck_assert_mem_eq(i32, want_i32, sizeof i32);
}
END_TEST

// Every bfloat16 number is a float's upper half; between two, the even one is taken.
START_TEST(bfloat16_rounds_to_even)
{
    uint32_t bits[256];
    uint16_t got[256];
    float v[256];
    for (uint32_t i = 0; i < 256; i++) {
        bits[i] = 0x3f800000u + i * 0x2f31u + (i << 13);
        memcpy(&v[i], &bits[i], 4);
    }
    v[7] = NAN, v[8] = -INFINITY, v[9] = FLT_MAX;
    ck_assert(weft_read(s, weft_cast(s, floats(256, v), WEFT_BF16), got, sizeof got));
    for (int i = 0; i < 256; i++) {
        uint32_t u;
        memcpy(&u, &v[i], 4);
        uint32_t lower = u & 0xffff, up = lower > 0x8000 || (lower == 0x8000 && u & 0x10000);
        if (i == 7)
            ck_assert((got[i] & 0x7f80) == 0x7f80 && got[i] & 0x7f);
        else
            ck_assert_uint_eq(got[i], (u >> 16) + up);
    }
}
END_TEST

START_TEST(half_holds_what_it_can)
{
    const float v[] = {1, -2.5f, 65504, 1e-7f, 1 / 3.f, 70000, 0, 2049};
    const uint16_t want[] = {0x3c00, 0xc100, 0x7bff, 0x0002, 0x3555, 0x7c00, 0, 0x6800};
    uint16_t got[8];
    ck_assert(weft_read(s, weft_cast(s, floats(8, v), WEFT_F16), got, sizeof got));
    ck_assert_mem_eq(got, want, sizeof got);
    ck_assert_double_eq(weft_item(s, weft_full(s, WEFT_F16, 0, NULL, -2.5)), -2.5);
    ck_assert_double_eq(weft_item(s, weft_full(s, WEFT_BF16, 0, NULL, 3)), 3);
    ck_assert_double_eq_tol(weft_item(s, weft_full(s, WEFT_F16, 0, NULL, 1e-7)), 1.19e-7, 1e-9);
}
END_TEST

// Arithmetic in float, then one rounding to the storage type.
START_TEST(half_and_bfloat16_compute)
{
    for (int form = 0; form < 2; form++) {
        enum weft_dtype d = form ? WEFT_BF16 : WEFT_F16;
        double unit = form ? 0x1p-8 : 0x1p-11;
        float v[100], got[100];
        for (int i = 0; i < 100; i++)
            v[i] = (float)(i - 50) / 8;
        weft_tensor *x = weft_cast(s, floats(100, v), d);
        weft_tensor *y = weft_tanh(s, weft_add(s, x, weft_full(s, d, 0, NULL, 0.5)));
        read_floats(weft_cast(s, y, WEFT_F32), got);
        for (int i = 0; i < 100; i++)
            ck_assert_double_eq_tol((double)got[i], tanh((double)v[i] + 0.5), 2 * unit);
        double sum = weft_item(s, weft_sum(s, x, NULL));
        ck_assert_double_eq(sum, -6.25); // exact in both types
        ck_assert_double_eq(weft_item(s, weft_max(s, x, NULL)), 6.125);
    }
}
END_TEST

START_TEST(integers_compute_without_traps)
{
    const int32_t a[] = {7, -7, 5, INT32_MIN, 0, 9}, b[] = {2, 2, 0, -1, 3, -3};
    int32_t got[6];
    weft_tensor *x = weft_from_host(s, WEFT_I32, 1, (int64_t[]){6}, a);
    weft_tensor *y = weft_from_host(s, WEFT_I32, 1, (int64_t[]){6}, b);
    const int32_t quotient[] = {3, -3, 0, INT32_MIN, 0, -3},
                  product[] = {14, -14, 0, INT32_MIN, 0, -27};
    ck_assert(weft_read(s, weft_div(s, x, y), got, sizeof got));
    ck_assert_mem_eq(got, quotient, sizeof got);
    ck_assert(weft_read(s, weft_mul(s, x, y), got, sizeof got));
    ck_assert_mem_eq(got, product, sizeof got);
    const int32_t tripled[] = {21, -21, 15, INT32_MIN, 0, 27};
    ck_assert(weft_read(s, weft_scale(s, x, 3.9), got, sizeof got));
    ck_assert_mem_eq(got, tripled, sizeof got);
    weft_tensor *sum = weft_sum(s, weft_full(s, WEFT_U8, 1, (int64_t[]){1000}, 255), NULL);
    ck_assert_int_eq(sum->dtype, WEFT_I64);
    ck_assert_double_eq(weft_item(s, sum), 255000);
    weft_tensor *hits = weft_eq(s, x, x);
    ck_assert_double_eq(weft_item(s, weft_sum(s, hits, NULL)), 6);
    int64_t most[] = {INT64_MAX, 3, INT64_MIN};
    weft_tensor *l = weft_from_host(s, WEFT_I64, 1, (int64_t[]){3}, most);
    ck_assert(weft_read(s, weft_neg(s, weft_neg(s, l)), most, sizeof most));
    ck_assert(most[0] == INT64_MAX && most[1] == 3 && most[2] == INT64_MIN);
}
END_TEST

START_TEST(nan_and_infinity_propagate)
{
    const float v[] = {NAN, INFINITY, -INFINITY, 1};
    float got[4];
    read_floats(weft_relu(s, floats(4, v)), got);
    ck_assert(isnan(got[0]) && isinf(got[1]) && got[2] == 0 && got[3] == 1);
    read_floats(weft_sigmoid(s, floats(4, v)), got);
    ck_assert(isnan(got[0]) && got[1] == 1 && got[2] == 0);
    read_floats(weft_tanh(s, floats(4, v)), got);
    ck_assert(isnan(got[0]) && got[1] == 1 && got[2] == -1);
    read_floats(weft_cast(s, weft_eq(s, floats(4, v), floats(4, v)), WEFT_F32), got);
    ck_assert(got[0] == 0 && got[1] == 1 && got[2] == 1 && got[3] == 1);
    ck_assert(isnan(weft_item(s, weft_max(s, floats(4, v), NULL))));
    ck_assert(isnan(weft_item(s, weft_sum(s, floats(4, v), NULL))));
    ck_assert_double_eq(weft_item(s, weft_argmax(s, floats(4, v), 0)), 0);
    ck_assert_double_eq(weft_item(s, weft_argmax(s, floats(3, v + 1), 0)), 0);
    ck_assert(isinf(weft_item(s, weft_sum(s, floats(1, v + 1), NULL))));
    ck_assert(
        isnan(weft_item(s, weft_mean(s, weft_full(s, WEFT_F32, 1, (int64_t[]){0}, 0), NULL))));
    weft_tensor *row = weft_reshape(s, floats(4, v), 2, (int64_t[]){1, 4});
    weft_tensor *zero = weft_full(s, WEFT_F32, 2, (int64_t[]){4, 1}, 0);
    ck_assert(isnan(weft_item(s, weft_matmul(s, row, zero))));
}
END_TEST

START_TEST(nan_goes_through_a_choice)
{
    const float v[] = {NAN, 1, -INFINITY, 5}, w[] = {0, NAN, 2, 3};
    float got[4];
    read_floats(weft_maximum(s, floats(4, v), floats(4, w)), got);
    ck_assert(isnan(got[0]) && isnan(got[1]) && got[2] == 2 && got[3] == 5);
    read_floats(weft_minimum(s, floats(4, v), floats(4, w)), got);
    ck_assert(isnan(got[0]) && isnan(got[1]) && isinf(got[2]) && got[3] == 3);
    read_floats(weft_clamp(s, floats(4, v), -2, 2), got);
    ck_assert(isnan(got[0]) && got[1] == 1 && got[2] == -2 && got[3] == 2);
    read_floats(weft_sign(s, floats(4, v)), got);
    ck_assert(isnan(got[0]) && got[1] == 1 && got[2] == -1 && got[3] == 1);
    read_floats(weft_softplus(s, floats(4, v)), got);
    ck_assert(isnan(got[0]) && got[2] == 0);
    read_floats(weft_softplus_beta(s, floats(4, v), 2, 3), got);
    ck_assert(isnan(got[0]) && got[2] == 0 && got[3] == 5);
    read_floats(weft_gelu_tanh(s, floats(4, v)), got);
    ck_assert(isnan(got[0]) && isnan(got[2]) && fabsf(got[3] - 4.9999995f) < 1e-6f);
    // Only what is chosen counts.
    weft_tensor *good = weft_eq(s, floats(4, v), floats(4, v));
    read_floats(weft_where(s, good, floats(4, v), floats(4, w)), got);
    ck_assert(got[0] == 0 && got[1] == 1 && isinf(got[2]) && got[3] == 5);
    read_floats(weft_cast(s, weft_logical_not(s, floats(4, v)), WEFT_F32), got);
    ck_assert(got[0] == 0 && got[1] == 0 && got[2] == 0 && got[3] == 0);
}
END_TEST

// In every integer dtype: what overflows keeps its lower bits.
START_TEST(integers_have_powers)
{
    const int64_t a[] = {3, -2, 0, 0, 7, 1, -1, -1, 2, 0, 10, -3},
                  b[] = {4, 3, 0, 5, 1, -3, -3, -4, -1, -1, 18, 41};
    int64_t got[12], n = 12;
    for (enum weft_dtype d = WEFT_I8; d <= WEFT_I64; d++) {
        weft_tensor *x = weft_cast(s, weft_from_host(s, WEFT_I64, 1, &n, a), d);
        weft_tensor *e = weft_cast(s, weft_from_host(s, WEFT_I64, 1, &n, b), d);
        ck_assert_msg(weft_read(s, weft_cast(s, weft_pow(s, x, e), WEFT_I64), got, sizeof got),
                      "%s", weft_scope_error(s)->text);
        for (int i = 0; i < 12; i++) {
            if (d == WEFT_U8 && (a[i] < 0 || b[i] < 0))
                continue;
            uint64_t y = b[i] < 0 && a[i] * a[i] != 1 ? 0 : 1;
            for (int64_t k = 0; k < llabs(b[i]); k++)
                y *= (uint64_t)a[i];
            int64_t want = d == WEFT_I8    ? (int8_t)y
                           : d == WEFT_U8  ? (uint8_t)y
                           : d == WEFT_I32 ? (int32_t)y
                                           : (int64_t)y;
            ck_assert_msg(got[i] == want, "%s: %lld^%lld is %lld, want %lld", weft_dtype_name(d),
                          (long long)a[i], (long long)b[i], (long long)got[i], (long long)want);
        }
    }
}
END_TEST

// 40 numbers, so that vectors take part; and what float division rounds up.
START_TEST(divisions_round_as_they_say)
{
    int32_t a[40], b[40], got[40];
    int64_t n = 40;
    for (int i = 0; i < 40; i++) {
        a[i] = i == 39 ? INT32_MIN : i * 7 - 130;
        b[i] = i == 39 ? -1 : i % 9 - 4;
    }
    weft_tensor *x = weft_from_host(s, WEFT_I32, 1, &n, a),
                *y = weft_from_host(s, WEFT_I32, 1, &n, b);
    ck_assert(weft_read(s, weft_floor_div(s, x, y), got, sizeof got));
    for (int i = 0; i < 39; i++)
        ck_assert_int_eq(got[i], b[i] ? (int)floor((double)a[i] / b[i]) : 0);
    ck_assert_int_eq(got[39], INT32_MIN);
    ck_assert(weft_read(s, weft_fmod(s, x, y), got, sizeof got));
    for (int i = 0; i < 39; i++)
        ck_assert_int_eq(got[i], b[i] ? a[i] % b[i] : a[i]);
    ck_assert_int_eq(got[39], 0);
    const float v[] = {1, -1, 5, -5, INFINITY, NAN, 3, 7, -7, 0, 1, -3},
                w[] = {0.1f, 0.1f, -2, -2, 2, 1, INFINITY, 0, 0, 0, -INFINITY, 1},
                floors[] = {9, -10, -3, 2, NAN, NAN, 0, INFINITY, -INFINITY, NAN, -1, -3},
                rests[] = {
                    fmodf(1, 0.1f), -fmodf(1, 0.1f), 1, -1, NAN, NAN, 3, NAN, NAN, NAN, 1, 0};
    float f[12];
    for (int k = 0; k < 2; k++) {
        const float *want = k ? rests : floors;
        read_floats((k ? weft_fmod : weft_floor_div)(s, floats(12, v), floats(12, w)), f);
        for (int i = 0; i < 12; i++)
            ck_assert_msg(isnan(want[i]) ? isnan(f[i]) : f[i] == want[i], "%d[%d] is %g, want %g",
                          k, i, (double)f[i], (double)want[i]);
    }
}
END_TEST

START_TEST(integers_have_pythons_mod_and_bounds)
{
    const int32_t a[] = {7, -7, 7, -7, 5, INT32_MIN}, b[] = {3, 3, -3, -3, 0, -1};
    const int32_t mod[] = {1, 2, -2, -1, 5, 0}, low[] = {3, -7, -3, -7, 0, INT32_MIN};
    const int32_t bounded[] = {4, -4, 4, -4, 4, -4}, size[] = {7, 7, 7, 7, 5, INT32_MIN};
    int32_t got[6];
    int64_t n = 6;
#define A weft_from_host(s, WEFT_I32, 1, &n, a)
#define B weft_from_host(s, WEFT_I32, 1, &n, b)
#define GIVES(call, want)                           \
    ck_assert(weft_read(s, call, got, sizeof got)); \
    ck_assert_mem_eq(got, want, sizeof got)
    GIVES(weft_mod(s, A, B), mod);
    GIVES(weft_minimum(s, A, B), low);
    GIVES(weft_clamp(s, A, -4, 4), bounded);
    GIVES(weft_clamp(s, A, -INFINITY, INFINITY), a);
    GIVES(weft_abs(s, A), size);
    GIVES(weft_floor(s, A), a);
    GIVES(weft_where(s, weft_lt(s, A, B), A, B), low);
#undef A
#undef B
#undef GIVES
}
END_TEST

static weft_tensor *floor_of_half(weft_scope *scope, const weft_tensor *x)
{
    return weft_floor_div(scope, x, weft_full(scope, WEFT_F32, 0, NULL, 2));
}

// Differences of a step would find one where an input lies beside it.
START_TEST(steps_have_a_gradient_of_zeros)
{
    weft_tensor *(*const step[])(weft_scope *, const weft_tensor *) = {
        weft_sign, weft_floor, weft_ceil, weft_round, weft_trunc, floor_of_half};
    const float v[] = {-2.5f, -1, 0, 0.5f, 7.75f};
    for (size_t i = 0; i < sizeof step / sizeof *step; i++) {
        float got[5] = {1, 1, 1, 1, 1};
        weft_tensor *x = floats(5, v);
        weft_tensor *g = weft_grad(s, weft_sum(s, step[i](s, x), NULL), x);
        ck_assert_msg(g != NULL, "%s", weft_scope_error(s)->text);
        read_floats(g, got);
        for (int j = 0; j < 5; j++)
            ck_assert_float_eq(got[j], 0);
    }
}
END_TEST

// The condition is BOOL whatever the others are.
START_TEST(where_chooses_in_every_type)
{
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_BOOL && has(d); d++) {
        float v[40], got[40];
        for (int i = 0; i < 40; i++)
            v[i] = (float)(i % 3);
        weft_tensor *x = weft_cast(s, floats(40, v), d), *one = weft_full(s, d, 0, NULL, 1);
        weft_tensor *y = weft_where(s, weft_ne(s, x, one), x, weft_full(s, d, 0, NULL, 0));
        ck_assert_msg(y && y->dtype == d, "%s", weft_scope_error(s)->text);
        read_floats(weft_cast(s, y, WEFT_F32), got);
        for (int i = 0; i < 40; i++) {
            float want = d == WEFT_BOOL || i % 3 == 1 ? 0 : v[i];
            ck_assert_msg(got[i] == want, "%s: [%d] got %g, want %g", weft_dtype_name(d), i,
                          (double)got[i], (double)want);
        }
        weft_scope_reset(s);
    }
}
END_TEST

// A sum of many loses nothing: 10^7 times 0.1 in float, added one by one, would be off by 10 %.
START_TEST(large_sums_are_exact_enough)
{
    weft_tensor *x = weft_full(s, WEFT_F32, 1, (int64_t[]){10000000}, (double)0.1f);
    double sum = weft_item(s, weft_sum(s, x, NULL));
    ck_assert_double_eq_tol(sum, 1e7 * (double)0.1f, 0.13);
    weft_tensor *tall = weft_full(s, WEFT_F32, 2, (int64_t[]){1000000, 17}, (double)0.1f);
    float got[17];
    read_floats(weft_sum(s, tall, weft_reduce_params(.axes = (int[]){0}, .naxes = 1)), got);
    for (int i = 0; i < 17; i++)
        ck_assert_double_eq_tol((double)got[i], 1e6 * (double)0.1f, 0.013);
}
END_TEST

START_TEST(wrong_shapes_from_the_host_are_refused)
{
    float v = 1;
    ck_assert_ptr_null(weft_from_host(s, WEFT_F32, -1, NULL, &v));
    assert_error(WEFT_SHAPE, "from_host: -1 dimensions; 0 to 8 are possible");
    ck_assert_ptr_null(weft_from_host(s, WEFT_F32, 1, (int64_t[]){-1}, &v));
    assert_error(WEFT_SHAPE, "from_host: the shape [-1] is negative or too large");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dtype");
    TCase *t = tcase_create("dtype");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 240);
    tcase_add_test(t, casts_between_all_types_keep_small_numbers);
    tcase_add_test(t, floating_to_integer_rounds_to_zero_and_saturates);
    tcase_add_test(t, bfloat16_rounds_to_even);
    tcase_add_test(t, half_holds_what_it_can);
    tcase_add_test(t, half_and_bfloat16_compute);
    tcase_add_test(t, integers_compute_without_traps);
    tcase_add_test(t, nan_and_infinity_propagate);
    tcase_add_test(t, nan_goes_through_a_choice);
    tcase_add_test(t, integers_have_powers);
    tcase_add_test(t, divisions_round_as_they_say);
    tcase_add_test(t, integers_have_pythons_mod_and_bounds);
    tcase_add_test(t, steps_have_a_gradient_of_zeros);
    tcase_add_test(t, where_chooses_in_every_type);
    tcase_add_test(t, large_sums_are_exact_enough);
    tcase_add_test(t, wrong_shapes_from_the_host_are_refused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
