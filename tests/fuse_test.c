// Fusion: records that run as one kernel give the bits that they give one by one.
#include "dev/device.h"
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static weft_tensor *filled(weft_scope *in, enum weft_dtype dtype, int ndim, const int64_t *shape,
                           unsigned seed)
{
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    float *v = malloc((size_t)n * sizeof *v + 1);
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = (float)(seed >> 8) * 0x1p-22f - 2;
    }
    weft_tensor *x = weft_from_host(in, WEFT_F32, ndim, shape, v);
    free(v);
    return weft_cast(in, x, dtype);
}

static const int64_t wide[] = {33, 65}, row[] = {65}, column[] = {33, 1};

START_TEST(a_chain_with_broadcasting_is_one_kernel)
{
    weft_tensor *x = filled(s, WEFT_F32, 2, wide, 1), *b = filled(s, WEFT_F32, 1, row, 2);
    weft_tensor *c = filled(s, WEFT_F32, 2, column, 3);
    ck_assert(weft_flush(s));
    uint64_t before = stats().launches;
    weft_tensor *y = weft_mul(s, weft_add(s, weft_tanh(s, x), b), c);
    y = weft_maximum(s, weft_scale(s, y, 0.5), weft_full(s, WEFT_F32, 0, NULL, -1));
    float *got = malloc(sizeof(float[33 * 65]));
    ck_assert(weft_read(s, y, got, sizeof(float[33 * 65])));
    ck_assert_uint_eq(stats().launches, before + 1);
    free(got);
}
END_TEST

START_TEST(what_meets_in_one_record_is_one_kernel)
{
    weft_tensor *x = filled(s, WEFT_F32, 2, wide, 1);
    ck_assert(weft_flush(s));
    uint64_t before = stats().launches;
    weft_tensor *gate = weft_sigmoid(s, x), *value = weft_tanh(s, x);
    ck_assert(weft_want(s, weft_mul(s, gate, value)) && weft_flush(s));
    ck_assert_uint_eq(stats().launches, before + 1);
}
END_TEST

START_TEST(values_read_elsewhere_are_stored_too)
{
    weft_tensor *x = filled(s, WEFT_F32, 2, wide, 1);
    ck_assert(weft_flush(s));
    uint64_t before = stats().launches;
    weft_tensor *a = weft_exp(s, x), *b = weft_add(s, a, x), *sum = weft_sum(s, a, NULL);
    weft_want(s, b);
    ck_assert(weft_flush(s));
    // The exponential and the addition are one kernel, which stores both; then the sum.
    ck_assert_uint_eq(stats().launches, before + 2);
    ck_assert(!isnan(weft_item(s, sum)));
    uint64_t launches = stats().launches;
    ck_assert(!isnan(weft_item(s, weft_sum(s, a, NULL))));
    ck_assert_uint_eq(stats().launches, launches + 2); // the exponential too
}
END_TEST

enum { DIMS_ARGUMENT = 5 }; // of the kernel elementwise
static size_t dims_bytes;
static struct wf_cl driver;

static cl_int CL_API_CALL note_dims(cl_kernel kernel, cl_uint i, size_t bytes, const void *value)
{
    dims_bytes = i == DIMS_ARGUMENT ? bytes : dims_bytes;
    return driver.clSetKernelArg(kernel, i, bytes, value);
}

// Some drivers refuse an argument that is shorter than the kernel's struct; others read behind it.
START_TEST(without_inputs_the_kernel_gets_a_whole_struct)
{
    const int64_t shape[] = {3};
    driver = dev->cl;
    dev->cl.clSetKernelArg = note_dims;
    weft_tensor *y = weft_scale(s, weft_full(s, WEFT_F32, 1, shape, 2), 3);
    float got[3];
    ck_assert(weft_read(s, y, got, sizeof got));
    ck_assert_float_eq(got[2], 6);
    // Of cl/common.h's `struct dims`, which has at least one view: shape, stride and offset.
    ck_assert_uint_eq(dims_bytes, sizeof(int32_t[3]));
}
END_TEST

START_TEST(what_was_merged_away_is_computed_again)
{
    weft_tensor *x = filled(s, WEFT_F32, 2, wide, 1), *a = weft_exp(s, x);
    weft_tensor *y = weft_sqrt(s, a);
    float *one = malloc(sizeof(float[33 * 65])), *two = malloc(sizeof(float[33 * 65]));
    ck_assert(weft_read(s, y, one, sizeof(float[33 * 65])));
    ck_assert(weft_read(s, a, two, sizeof(float[33 * 65])));
    for (int i = 0; i < 33 * 65; i++)
        ck_assert_float_eq_tol(one[i], sqrtf(two[i]), 1e-6f * one[i]);
    free(one);
    free(two);
}
END_TEST

// Of a transposed tensor, read twice, and one that broadcasts to it.
START_TEST(inputs_that_are_far_apart_are_read_from_a_copy)
{
    enum { ROWS = 130, COLUMNS = 140 };
    const int64_t shape[] = {COLUMNS, ROWS};
    float(*x)[ROWS] = malloc(sizeof(float[COLUMNS][ROWS]));
    float(*y)[COLUMNS] = malloc(sizeof(float[ROWS][COLUMNS])), bias[COLUMNS];
    for (int i = 0; i < COLUMNS * ROWS; i++)
        x[i / ROWS][i % ROWS] = (float)i;
    for (int i = 0; i < COLUMNS; i++)
        bias[i] = (float)i / 4;
    weft_tensor *t = weft_transpose(s, weft_from_host(s, WEFT_F32, 2, shape, x), 0, 1);
    weft_tensor *b = weft_from_host(s, WEFT_F32, 1, shape, bias);
    ck_assert(weft_flush(s));
    uint64_t before = stats().bytes_used, launches = stats().launches;
    weft_tensor *sum = weft_add(s, weft_add(s, weft_scale(s, t, 2), t), b);
    ck_assert(weft_read(s, sum, y, sizeof(float[ROWS][COLUMNS])));
    ck_assert_uint_eq(stats().launches, launches + 2); // the copy and the chain
    ck_assert_uint_le(stats().bytes_used, before + sizeof(float[ROWS][COLUMNS]) * 9 / 8);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        int r = i / COLUMNS, c = i % COLUMNS;
        ck_assert_float_eq(y[r][c], 3 * x[c][r] + bias[c]);
    }
    free(x);
    free(y);
}
END_TEST

static uint64_t state;

static int below(int n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int)((state >> 33) % (uint64_t)n);
}

enum { NODES = 30, LEAVES = 5, MOST = 33 * 65, GRAPHS = 5 };

static weft_tensor *as_dtype(weft_scope *in, weft_tensor *x, const weft_tensor *like)
{
    return weft_cast(in, x, like->dtype);
}

static weft_tensor *random_unary(weft_scope *in, weft_tensor *x)
{
    static weft_tensor *(*const call[])(weft_scope *, const weft_tensor *) = {
        weft_neg, weft_tanh, weft_sigmoid, weft_abs, weft_square, weft_floor, weft_sign};
    bool integer = x->dtype == WEFT_I32 || x->dtype == WEFT_I8;
    int n = below(7);
    if (x->dtype == WEFT_BOOL)
        return weft_logical_not(in, x);
    return integer && (n == 1 || n == 2) ? weft_abs(in, x) : call[n](in, x);
}

static weft_tensor *random_binary(weft_scope *in, weft_tensor *a, weft_tensor *b)
{
    static weft_tensor *(*const call[])(weft_scope *, const weft_tensor *, const weft_tensor *) = {
        weft_add, weft_sub, weft_mul, weft_div, weft_minimum, weft_maximum, weft_mod};
    b = as_dtype(in, b, a);
    return a->dtype == WEFT_BOOL ? weft_logical_xor(in, a, b) : call[below(7)](in, a, b);
}

// Mostly elementwise; now and then something that reads its input as a whole.
static weft_tensor *random_node(weft_scope *in, weft_tensor **x, int n)
{
    static const enum weft_dtype dtypes[] = {WEFT_F32, WEFT_F16, WEFT_BF16,
                                             WEFT_I32, WEFT_I8,  WEFT_BOOL};
    static const int last_axis = 1;
    weft_tensor *a = x[below(n)], *b = x[below(n)], *c = x[below(n)];
    const weft_tensor *last = x[n - 1];
    switch (below(10)) {
    case 0:
        return weft_cast(in, a, dtypes[below(6)]);
    case 1:
        return weft_where(in, weft_lt(in, a, as_dtype(in, b, a)), c, as_dtype(in, a, c));
    case 2:
        return weft_gt(in, a, as_dtype(in, b, a));
    case 3:
        return a->dtype == WEFT_BOOL ? weft_logical_not(in, a) : weft_scale(in, a, below(5) - 2);
    case 4:
        return a->dtype == WEFT_F32 && a->ndim == 2 && a->shape[1] == 65 && below(2)
                   ? weft_sum(in, a,
                              weft_reduce_params(.axes = &last_axis, .naxes = 1, .keep_dims = true))
                   : random_unary(in, a);
    case 5:
        return random_binary(in, a, weft_full(in, last->dtype, 0, NULL, below(5) - 2));
    case 6:
    case 7:
        return random_unary(in, x[n - 1]);
    default:
        return random_binary(in, x[n - 1], b);
    }
}

// The values of some results of the graph that the seed stands for, as F32.
static int run_graph(weft_device *d, uint64_t seed, float (*out)[MOST])
{
    struct weft_error e = {0};
    weft_scope *in = weft_scope_create(d, NULL, &e);
    weft_tensor *x[LEAVES + NODES] = {
        filled(in, WEFT_F32, 2, wide, 1), filled(in, WEFT_F32, 1, row, 2),
        filled(in, WEFT_F16, 2, column, 3), filled(in, WEFT_BF16, 2, wide, 4),
        filled(in, WEFT_I32, 0, NULL, 5)};
    int n = LEAVES, results = 0;
    ck_assert(weft_flush(in));
    state = seed;
    for (; n < LEAVES + NODES; n++) {
        x[n] = random_node(in, x, n);
        ck_assert_msg(x[n] != NULL, "%s", weft_scope_error(in)->text);
        if (!below(6))
            weft_want(in, x[n]);
        if (!below(20))
            ck_assert_msg(weft_flush(in), "%s", weft_scope_error(in)->text);
    }
    for (int i = n - 1; i >= LEAVES; i -= 1 + below(4), results++) {
        weft_tensor *f = weft_cast(in, x[i], WEFT_F32);
        ck_assert_msg(weft_read(in, f, out[results], (size_t)weft_count(f) * sizeof(float)), "%s",
                      weft_scope_error(in)->text);
    }
    weft_scope_destroy(&in);
    return results;
}

static bool same(float a, float b)
{
    return (isnan(a) && isnan(b)) || !memcmp(&a, &b, sizeof a);
}

START_TEST(any_cut_gives_the_same_bits)
{
    struct weft_error e = {0};
    weft_device *eager = weft_device_create(weft_device_params(.eager = true), &e);
    ck_assert_msg(eager != NULL, "%s", e.text);
    float(*a)[MOST] = calloc(NODES, sizeof *a), (*b)[MOST] = calloc(NODES, sizeof *b);
    for (uint64_t seed = 1; seed <= GRAPHS; seed++) {
        int n = run_graph(eager, seed, a);
        ck_assert_int_eq(run_graph(dev, seed, b), n);
        for (int i = 0; i < n * MOST; i++)
            ck_assert_msg(same(a[i / MOST][i % MOST], b[i / MOST][i % MOST]),
                          "graph %llu, result %d, element %d: one by one %.9g, together %.9g",
                          (unsigned long long)seed, i / MOST, i % MOST,
                          (double)a[i / MOST][i % MOST], (double)b[i / MOST][i % MOST]);
    }
    free(a);
    free(b);
    weft_device_destroy(&eager);
}
END_TEST

// A step of training changes parameters between records that would otherwise be one kernel.
START_TEST(updates_stand_between_what_is_recorded_around_them)
{
    const int64_t shape[] = {3};
    const struct weft_init one = {WEFT_INIT_CONSTANT, 1, 0};
    weft_tensor *w = weft_param(s, net, "w", one, 1, shape);
    struct weft_error e = {0};
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1), &e);
    weft_tensor *before = weft_exp(s, w), *loss = weft_sum(s, weft_square(s, w), NULL);
    ck_assert(weft_backward(s, loss, net) && weft_optim_step(sgd, s));
    weft_tensor *after = weft_param(s, net, "w", one, 1, shape);
    weft_tensor *y = weft_add(s, before, weft_neg(s, after));
    float got[3];
    ck_assert_msg(weft_read(s, y, got, sizeof got), "%s", weft_scope_error(s)->text);
    ck_assert_float_eq_tol(got[0], expf(1) + 1, 1e-6f);
    weft_optim_destroy(&sgd);
}
END_TEST

START_TEST(a_cancelled_group_leaves_the_scope_usable)
{
    weft_tensor *x = filled(s, WEFT_F32, 2, wide, 1);
    ck_assert(weft_flush(s));
    weft_tensor *y = weft_exp(s, weft_neg(s, x));
    weft_scope_cancel(s);
    ck_assert(!weft_flush(s));
    (void)y;
    assert_error(WEFT_CANCELLED, "cancelled");
    x = filled(s, WEFT_F32, 2, wide, 1);
    ck_assert(!isnan(weft_item(s, weft_sum(s, weft_exp(s, weft_neg(s, x)), NULL))));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fuse");
    TCase *t = tcase_create("fuse");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 600);
    tcase_add_test(t, a_chain_with_broadcasting_is_one_kernel);
    tcase_add_test(t, what_meets_in_one_record_is_one_kernel);
    tcase_add_test(t, values_read_elsewhere_are_stored_too);
    tcase_add_test(t, without_inputs_the_kernel_gets_a_whole_struct);
    tcase_add_test(t, what_was_merged_away_is_computed_again);
    tcase_add_test(t, inputs_that_are_far_apart_are_read_from_a_copy);
    tcase_add_test(t, any_cut_gives_the_same_bits);
    tcase_add_test(t, updates_stand_between_what_is_recorded_around_them);
    tcase_add_test(t, a_cancelled_group_leaves_the_scope_usable);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
