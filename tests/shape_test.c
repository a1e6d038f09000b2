// What the table of references does not cover of shape.h and fill.h: every dtype, bits that must
// not change, launches, and joined gradients.
#include "dev/device.h"
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <stdlib.h>

static bool has(enum weft_dtype d)
{
    return d != WEFT_F64 || weft_device_has(dev, WEFT_CAP_F64);
}

static weft_tensor *slice_down(const weft_tensor *x)
{
    return weft_slice_step(s, x, 1, (struct weft_range){-1, INT64_MIN, -2});
}

static weft_tensor *slice_up(const weft_tensor *x)
{
    return weft_slice(s, weft_slice_step(s, x, 1, (struct weft_range){1, 100, 3}), 0, 1, -1);
}

static weft_tensor *turned(const weft_tensor *x)
{
    return weft_permute(s, x, 3, (int[]){2, 1, 0});
}

static weft_tensor *rotated(const weft_tensor *x)
{
    return weft_permute(s, x, 3, (int[]){1, 2, 0});
}

static weft_tensor *swapped(const weft_tensor *x)
{
    return weft_transpose(s, x, 0, 1);
}

static weft_tensor *expanded(const weft_tensor *x)
{
    return weft_expand(s, weft_slice(s, x, 1, 2, 3), 3, (int64_t[]){19, 40, 18});
}

static weft_tensor *flipped(const weft_tensor *x)
{
    return weft_flip(s, weft_transpose(s, x, 0, 2), 2, (int[]){-1, 1});
}

static weft_tensor *joined(const weft_tensor *x)
{
    weft_tensor *part[3];
    if (!weft_split(s, x, 1, (struct weft_sizes){3, (int64_t[]){3, 0, 32}}, part))
        return NULL;
    return weft_concat(s, 3, (const weft_tensor *[]){part[2], part[1], part[0]}, 1);
}

static weft_tensor *stacked(const weft_tensor *x)
{
    weft_tensor *t = weft_flip(s, x, 1, (int[]){0});
    return weft_stack(s, 2, (const weft_tensor *[]){x, t}, -1);
}

static weft_tensor *rolled(const weft_tensor *x)
{
    return weft_roll(s, weft_roll(s, x, 0, 5), 2, -1);
}

static weft_tensor *lower(const weft_tensor *x)
{
    return weft_tril(s, x, 2);
}

static weft_tensor *upper(const weft_tensor *x)
{
    return weft_triu(s, weft_transpose(s, x, 1, 2), -3);
}

static weft_tensor *padded(const weft_tensor *x, enum weft_pad_mode mode)
{
    return weft_pad(s, x,
                    weft_pad_params(.ndim = 3, .before = (int64_t[]){2, 3, -1},
                                    .after = (int64_t[]){1, 0, 4}, .mode = mode));
}

static weft_tensor *padded_zero(const weft_tensor *x)
{
    return padded(x, WEFT_PAD_CONSTANT);
}

static weft_tensor *reflected(const weft_tensor *x)
{
    return padded(x, WEFT_PAD_REFLECT);
}

static weft_tensor *replicated(const weft_tensor *x)
{
    return padded(x, WEFT_PAD_REPLICATE);
}

static weft_tensor *wrapped(const weft_tensor *x)
{
    return padded(x, WEFT_PAD_CIRCULAR);
}

static const struct move {
    const char *name;
    weft_tensor *(*call)(const weft_tensor *x);
} moves[] = {
    {"slice_down", slice_down}, {"slice_up", slice_up},   {"turned", turned},
    {"rotated", rotated},       {"swapped", swapped},     {"expanded", expanded},
    {"flipped", flipped},       {"joined", joined},       {"stacked", stacked},
    {"rolled", rolled},         {"lower", lower},         {"upper", upper},
    {"padded", padded_zero},    {"reflected", reflected}, {"replicated", replicated},
    {"wrapped", wrapped},
};
enum { MOVES = sizeof moves / sizeof *moves, ROWS = 19, MIDDLE = 35, COLUMNS = 18 };

static void *read_all(const weft_tensor *x)
{
    size_t bytes = (size_t)weft_count(x) * weft_dtype_size(x->dtype);
    void *data = malloc(bytes + 1);
    ck_assert_msg(weft_read(s, x, data, bytes), "%s", weft_scope_error(s)->text);
    return data;
}

// Moves the numbers 1 .. n, which say where each element comes from and that it is zero, and any
// bits of the dtype: they must go the same way and stay what they are, NaN or not.
static void check_move(const struct move *m, enum weft_dtype dtype)
{
    enum { N = ROWS * MIDDLE * COLUMNS };
    const int64_t shape[] = {ROWS, MIDDLE, COLUMNS};
    size_t size = weft_dtype_size(dtype);
    int64_t *number = malloc(N * sizeof *number);
    unsigned char *bits = malloc(N * size), zero[8] = {0};
    for (int64_t i = 0; i < N; i++)
        number[i] = i + 1;
    for (size_t i = 0; i < N * size; i++)
        bits[i] = (unsigned char)(dtype == WEFT_BOOL ? i * 7 % 3 == 0 : i * 2654435761u >> 13);
    weft_tensor *from = m->call(weft_from_host(s, WEFT_I64, 3, shape, number));
    weft_tensor *y = m->call(weft_from_host(s, dtype, 3, shape, bits));
    ck_assert_msg(from && y, "%s: %s", m->name, weft_scope_error(s)->text);
    ck_assert_int_eq(y->dtype, dtype);
    ck_assert_int_eq(weft_count(y), weft_count(from));
    int64_t *want = read_all(from);
    unsigned char *got = read_all(y);
    for (int64_t i = 0; i < weft_count(y); i++)
        ck_assert_msg(!memcmp(got + (size_t)i * size,
                              want[i] ? bits + (size_t)(want[i] - 1) * size : zero, size),
                      "%s of %s: element %lld is not that at %lld", m->name, weft_dtype_name(dtype),
                      (long long)i, (long long)want[i] - 1);
    free(want);
    free(got);
    free(number);
    free(bits);
    weft_scope_clear(s);
}

START_TEST(every_dtype_moves_bit_for_bit)
{
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_BOOL; d++) {
        for (int i = 0; i < MOVES && has(d); i++)
            check_move(&moves[i], d);
    }
}
END_TEST

// The forms for GPUs give the same; they know only sizes.
START_TEST(every_dtype_moves_bit_for_bit_as_on_a_gpu)
{
    static const enum weft_dtype sizes[] = {WEFT_U8, WEFT_F16, WEFT_F32, WEFT_I64};
    dev->info.type = WEFT_DEVICE_GPU;
    for (int k = 0; k < 4; k++) {
        for (int i = 0; i < MOVES; i++)
            check_move(&moves[i], sizes[k]);
    }
}
END_TEST

START_TEST(padding_has_the_value_in_every_dtype)
{
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_BOOL; d++) {
        if (!has(d))
            continue;
        weft_tensor *x = weft_full(s, d, 1, (int64_t[]){2}, 0);
        weft_tensor *y = weft_pad(s, x,
                                  weft_pad_params(.ndim = 1, .before = (int64_t[]){1},
                                                  .after = (int64_t[]){2}, .value = 3));
        float *got = read_all(weft_cast(s, y, WEFT_F32)), v = d == WEFT_BOOL ? 1 : 3;
        ck_assert_mem_eq(got, ((float[]){v, 0, 0, v, v}), 5 * sizeof v);
        free(got);
    }
}
END_TEST

START_TEST(arange_counts_in_every_dtype_that_counts)
{
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_I64; d++) {
        if (!has(d))
            continue;
        weft_tensor *y = weft_arange(s, d, 100, 40, -3);
        ck_assert_int_eq(weft_count(y), 20);
        float *got = read_all(weft_cast(s, y, WEFT_F32));
        for (int i = 0; i < 20; i++)
            ck_assert_float_eq(got[i], (float)(100 - 3 * i));
        free(got);
    }
    float *rounded = read_all(weft_cast(s, weft_arange(s, WEFT_BF16, 256, 261, 1), WEFT_F32));
    ck_assert_mem_eq(rounded, ((float[]){256, 256, 258, 260, 260}), 5 * sizeof *rounded);
    free(rounded);
    int64_t *large = read_all(weft_arange(s, WEFT_I64, 0x1p52, 0x1p52 + 3, 1));
    ck_assert_int_eq(large[2], ((int64_t)1 << 52) + 2);
    free(large);
    ck_assert_int_eq(weft_count(weft_arange(s, WEFT_I32, 3, 0, 1)), 0);
    ck_assert_int_eq(weft_count(weft_arange(s, WEFT_F32, 0, 1, 0.3)), 4);
    ck_assert_int_eq(weft_count(weft_arange(s, WEFT_F32, 0, -8.1, -4)), 3);
    int64_t *past = read_all(weft_arange(s, WEFT_I64, 0, 2.5, 1));
    ck_assert_mem_eq(past, ((int64_t[]){0, 1, 2}), 3 * sizeof *past);
    free(past);
    ck_assert_int_eq(weft_count(weft_arange(s, WEFT_I64, 0, -8.1, -4)), 3);
    ck_assert_int_eq(weft_count(weft_arange(s, WEFT_I64, 0, 0.5, 1)), 1);
}
END_TEST

// Alone, and as a constant of another kernel.
START_TEST(full_takes_what_an_integer_can_hold)
{
    static const struct {
        double value, want;
        enum weft_dtype dtype;
    } c[] = {{300, 255, WEFT_U8}, {-3, 0, WEFT_U8},      {1.75, 1, WEFT_U8},
             {1.5, 1, WEFT_I32},  {-1.5, -1, WEFT_I32},  {NAN, 0, WEFT_I32},
             {NAN, 0, WEFT_U8},   {-300, -128, WEFT_I8}, {INFINITY, 127, WEFT_I8},
             {0.25, 1, WEFT_BOOL}};
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        weft_tensor *x = weft_full(s, c[i].dtype, 0, NULL, c[i].value);
        weft_tensor *kept = weft_keep(s, x);
        ck_assert_double_eq(weft_item(s, weft_cast(s, x, WEFT_F32)), c[i].want);
        ck_assert_double_eq(weft_item(s, weft_cast(s, kept, WEFT_F32)), c[i].want);
        weft_tensor_destroy(&kept);
    }
}
END_TEST

START_TEST(linspace_has_both_ends)
{
    float *got = read_all(weft_linspace(s, WEFT_F32, -1, 2.1f, 100));
    ck_assert_float_eq(got[0], -1);
    ck_assert_float_eq(got[99], 2.1f);
    free(got);
    got = read_all(weft_linspace(s, WEFT_F32, -3e38, 3e38, 3));
    ck_assert_mem_eq(got, ((float[]){-3e38f, 0, 3e38f}), 3 * sizeof *got);
    free(got);
}
END_TEST

START_TEST(eye_is_one_in_every_dtype)
{
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_BOOL; d++) {
        if (!has(d))
            continue;
        float *got = read_all(weft_cast(s, weft_eye(s, d, 2, 3), WEFT_F32));
        ck_assert_mem_eq(got, ((float[]){1, 0, 0, 0, 1, 0}), 6 * sizeof *got);
        free(got);
    }
}
END_TEST

static weft_tensor *dense(int ndim, const int64_t *shape)
{
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    float *v = malloc((size_t)n * sizeof *v + 1);
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)(i % 101) / 8 - 5;
    weft_tensor *x = weft_from_host(s, WEFT_F32, ndim, shape, v);
    free(v);
    return x;
}

START_TEST(views_launch_and_copy_nothing)
{
    weft_tensor *x = dense(3, (int64_t[]){4, 6, 10}), *part[3], *chunk[4];
    struct weft_device_stats before = stats();
    const weft_tensor *views[] = {
        weft_reshape(s, x, 2, (int64_t[]){24, -1}),
        weft_flatten(s, x, 1),
        weft_squeeze(s, weft_unsqueeze(s, x, 2), 2),
        weft_transpose(s, x, 0, 2),
        weft_permute(s, x, 3, (int[]){2, 0, 1}),
        weft_slice(s, x, 1, 2, -1),
        weft_slice_step(s, x, 2, (struct weft_range){1, 9, 3}),
        weft_expand(s, weft_slice(s, x, 1, 0, 1), 4, (int64_t[]){3, 4, 5, 10}),
        weft_reshape(s, weft_slice(s, x, 1, 0, 2), 4, (int64_t[]){2, 2, 2, 10}),
        weft_pad(s, x, weft_pad_params(.ndim = 1, .before = (int64_t[]){-1})),
        weft_roll(s, x, 1, 12),
    };
    ck_assert(weft_split(s, x, 1, (struct weft_sizes){3, (int64_t[]){1, 3, 2}}, part));
    ck_assert_int_eq(weft_chunk(s, x, 2, 4, chunk), 4);
    for (size_t i = 0; i < sizeof views / sizeof *views; i++)
        ck_assert(weft_want(s, views[i]));
    for (int i = 0; i < 3; i++)
        ck_assert(weft_want(s, part[i]) && weft_want(s, chunk[i]));
    ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
    struct weft_device_stats after = stats();
    ck_assert_uint_eq(after.launches, before.launches);
    ck_assert_uint_eq(after.copies, before.copies);
}
END_TEST

START_TEST(what_strides_cannot_say_is_copied_once)
{
    weft_tensor *x = dense(2, (int64_t[]){6, 10});
    struct weft_device_stats before = stats();
    ck_assert(weft_reshape(s, weft_transpose(s, x, 0, 1), 1, (int64_t[]){60}));
    ck_assert(weft_flush(s));
    ck_assert_uint_eq(stats().launches, before.launches + 1);
    ck_assert(weft_concat(
        s, 3, (const weft_tensor *[]){x, weft_transpose(s, dense(2, (int64_t[]){10, 2}), 0, 1), x},
        0));
    before = stats();
    ck_assert(weft_flush(s));
    ck_assert_uint_eq(stats().launches, before.launches + 3);
}
END_TEST

START_TEST(chunks_are_as_pytorchs)
{
    weft_tensor *part[8], *x = dense(1, (int64_t[]){11});
    ck_assert_int_eq(weft_chunk(s, x, 0, 6, part), 6);
    ck_assert_int_eq(part[5]->shape[0], 1);
    ck_assert_int_eq(weft_chunk(s, x, 0, 8, part), 6);
    ck_assert_int_eq(weft_chunk(s, weft_slice(s, x, 0, 0, 0), 0, 3, part), 1);
    ck_assert_int_eq(part[0]->shape[0], 0);
}
END_TEST

// The gradients of the parts are put beside each other: four copies, no zeros, no additions.
START_TEST(gradients_of_a_split_are_joined)
{
    weft_tensor *x = dense(2, (int64_t[]){33, 64}), *part[4], *sum = NULL;
    ck_assert_int_eq(weft_chunk(s, x, 1, 4, part), 4);
    for (int i = 0; i < 4; i++) {
        weft_tensor *t = weft_sum(s, weft_square(s, part[i]), NULL);
        sum = sum ? weft_add(s, sum, t) : t;
    }
    weft_tensor *together = weft_grad(s, sum, x);
    weft_tensor *alone = weft_grad(s, weft_sum(s, weft_square(s, x), NULL), x);
    float *got = read_all(together), *want = read_all(alone);
    ck_assert_mem_eq(got, want, 33 * 64 * sizeof *got);
    free(got);
    free(want);
    weft_tensor *g = weft_grad(s, sum, x);
    struct weft_device_stats before = stats();
    ck_assert(weft_want(s, g) && weft_flush(s));
    struct weft_device_stats after = stats();
    // Of each part: its derivative and its copy.
    ck_assert_uint_le(after.launches - before.launches, 4 * 2);
    ck_assert_uint_le(after.copies - before.copies, 2);
}
END_TEST

START_TEST(slices_that_overlap_or_leave_gaps_add_up)
{
    weft_tensor *x = dense(1, (int64_t[]){10});
    static const struct weft_range range[] = {{0, 4, 1}, {3, 6, 1}, {7, 10, 2}, {8, 9, 1}};
    weft_tensor *sum = NULL;
    for (int i = 0; i < 4; i++) {
        weft_tensor *t = weft_sum(s, weft_slice_step(s, x, 0, range[i]), NULL);
        sum = sum ? weft_add(s, sum, t) : t;
    }
    float *got = read_all(weft_grad(s, sum, x));
    ck_assert_mem_eq(got, ((float[]){1, 1, 1, 2, 1, 1, 0, 1, 1, 1}), 10 * sizeof *got);
    free(got);
}
END_TEST

START_TEST(a_hundred_inputs_have_their_gradients)
{
    enum { N = 100 };
    const weft_tensor *x[N];
    for (int i = 0; i < N; i++)
        x[i] = weft_full(s, WEFT_F32, 2, (int64_t[]){3, 2}, i);
    weft_tensor *y = weft_concat(s, N, x, 1), *loss = weft_sum(s, weft_square(s, y), NULL);
    for (int i = 0; i < N; i += 33) {
        float *got = read_all(weft_grad(s, loss, x[i]));
        for (int k = 0; k < 6; k++)
            ck_assert_float_eq(got[k], (float)(2 * i));
        free(got);
    }
    ck_assert_int_eq(y->shape[1], 2 * N);
    weft_tensor *t = weft_stack(s, N, x, 0);
    ck_assert_mem_eq(t->shape, ((int64_t[]){N, 3, 2}), 3 * sizeof *t->shape);
}
END_TEST

// And a hundred slices of one tensor, as an unrolled RNN takes them.
START_TEST(a_hundred_slices_have_one_gradient)
{
    weft_tensor *x = dense(2, (int64_t[]){100, 3}), *sum = NULL;
    for (int i = 0; i < 100; i++) {
        weft_tensor *t = weft_square(s, weft_squeeze(s, weft_slice(s, x, 0, i, i + 1), 0));
        sum = sum ? weft_add(s, sum, t) : t;
    }
    float *v = read_all(x), *got = read_all(weft_grad(s, weft_sum(s, sum, NULL), x));
    for (int i = 0; i < 300; i++)
        ck_assert_float_eq(got[i], 2 * v[i]);
    free(v);
    free(got);
}
END_TEST

static weft_tensor *pad_gradient(const weft_tensor *x, enum weft_pad_mode mode)
{
    weft_tensor *y = weft_pad(s, x,
                              weft_pad_params(.ndim = 2, .before = (int64_t[]){5, 9},
                                              .after = (int64_t[]){7, 3}, .mode = mode));
    weft_tensor *w = weft_cast(s, dense(3, y ? y->shape : NULL), x->dtype);
    return weft_grad(s, weft_sum(s, weft_mul(s, y, w), NULL), x);
}

START_TEST(gradients_of_padding_have_the_same_bits_every_time)
{
    weft_tensor *x = dense(3, (int64_t[]){3, 31, 33});
    for (int mode = WEFT_PAD_CONSTANT; mode <= WEFT_PAD_CIRCULAR; mode++) {
        float *a = read_all(pad_gradient(x, mode)), *b = read_all(pad_gradient(x, mode));
        ck_assert_mem_eq(a, b, 3 * 31 * 33 * sizeof *a);
        free(a);
        free(b);
    }
}
END_TEST

// Whole numbers, of which half and bfloat16 hold the sums.
START_TEST(gradients_of_padding_in_every_floating_dtype)
{
    for (enum weft_dtype d = WEFT_F32; d <= WEFT_F64; d++) {
        if (!has(d))
            continue;
        weft_tensor *x = weft_full(s, d, 1, (int64_t[]){4}, 1);
        weft_tensor *y =
            weft_pad(s, x,
                     weft_pad_params(.ndim = 1, .before = (int64_t[]){2}, .after = (int64_t[]){3},
                                     .mode = WEFT_PAD_REFLECT));
        weft_tensor *g =
            weft_grad(s, weft_sum(s, weft_mul(s, y, weft_arange(s, d, 0, 9, 1)), NULL), x);
        ck_assert_int_eq(g->dtype, d);
        float *got = read_all(weft_cast(s, g, WEFT_F32));
        ck_assert_mem_eq(got, ((float[]){2 + 8, 3 + 1 + 7, 4 + 0 + 6, 5}), 4 * sizeof *got);
        free(got);
    }
}
END_TEST

START_TEST(other_sizes_build_nothing)
{
    for (int k = 0; k < 4; k++) {
        uint64_t built = stats().builds + stats().loads;
        int64_t a = 40 + 3 * k, b = 70 - k;
        weft_tensor *x = dense(3, (int64_t[]){3 + k, a, b});
        weft_tensor *y =
            weft_concat(s, 2, (const weft_tensor *[]){x, weft_flip(s, x, 1, (int[]){1})}, 1);
        ck_assert(weft_permute(s, x, 3, (int[]){2, 0, 1}) && weft_tril(s, x, k) && y);
        for (int mode = WEFT_PAD_CONSTANT; mode <= WEFT_PAD_CIRCULAR; mode++)
            ck_assert(weft_want(s, pad_gradient(x, mode)));
        ck_assert(weft_reshape(s, weft_transpose(s, x, 1, 2), 1, (int64_t[]){-1}));
        ck_assert(weft_arange(s, WEFT_F32, 0, 10 + k, 1) && weft_eye(s, WEFT_F32, a, b));
        ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
        if (k)
            ck_assert_uint_eq(stats().builds + stats().loads, built);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shape");
    TCase *t = tcase_create("shape");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_dtype_moves_bit_for_bit);
    tcase_add_test(t, every_dtype_moves_bit_for_bit_as_on_a_gpu);
    tcase_add_test(t, padding_has_the_value_in_every_dtype);
    tcase_add_test(t, arange_counts_in_every_dtype_that_counts);
    tcase_add_test(t, full_takes_what_an_integer_can_hold);
    tcase_add_test(t, linspace_has_both_ends);
    tcase_add_test(t, eye_is_one_in_every_dtype);
    tcase_add_test(t, views_launch_and_copy_nothing);
    tcase_add_test(t, what_strides_cannot_say_is_copied_once);
    tcase_add_test(t, chunks_are_as_pytorchs);
    tcase_add_test(t, gradients_of_a_split_are_joined);
    tcase_add_test(t, slices_that_overlap_or_leave_gaps_add_up);
    tcase_add_test(t, a_hundred_inputs_have_their_gradients);
    tcase_add_test(t, a_hundred_slices_have_one_gradient);
    tcase_add_test(t, gradients_of_padding_have_the_same_bits_every_time);
    tcase_add_test(t, gradients_of_padding_in_every_floating_dtype);
    tcase_add_test(t, other_sizes_build_nothing);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
