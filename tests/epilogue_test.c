// Expressions fused into matrix products: by every variant, against the ops one by one, bit for
// bit.
#include "matmul_fixture.h"

enum { BATCH = 3, M = 67, N = 81, K = 300 };

// An element may be off by so many units of its last place: 0, or a few where other variants call
// other forms of a device's built-in functions, for single numbers instead of vectors.
static void assert_near(const char *what, const weft_tensor *got, const weft_tensor *want,
                        int places)
{
    float *g = download(got), *w = download(want);
    double unit = got->dtype == WEFT_F16 ? 0x1p-10 : 0x1p-23;
    for (int64_t i = 0; i < weft_count(want); i++)
        ck_assert_msg(fabs((double)g[i] - (double)w[i]) <= places * unit * fabs((double)w[i]),
                      "%s, %s: y[%lld] got %.9g, want %.9g", what, weft_dtype_name(got->dtype),
                      (long long)i, (double)g[i], (double)w[i]);
    free(g);
    free(w);
}

static void want_inputs(const struct wf_record *r, const struct wf_epilogue *e)
{
    for (int i = 0; i < r->nin; i++)
        weft_want(s, &r->in[i]->pub);
    for (int i = 0; i < e->nin; i++)
        weft_want(s, &e->in[i]->pub);
}

// An epilogue on every variant that can, and on the one that is taken, against the ops one by one.
static void check_epilogue(const char *what, const weft_tensor *product,
                           const struct wf_epilogue *e, const weft_tensor *unfused, int places)
{
    struct wf_record *r = wf_tensor(product)->record;
    ck_assert_msg(r && wf_matmul_fuses(r), "%s", what);
    weft_want(s, unfused);
    want_inputs(r, e);
    struct wf_tensor *c = target(unfused->dtype, unfused->ndim, unfused->shape);
    struct weft_error err = {0};
    int ran = 0;
    struct wf_matmul p = wf_matmul_problem(r, e, c);
    for (const struct wf_matmul_variant *const *v = wf_matmul_variants; *v; v++) {
        char name[120];
        if (!wf_matmul_can(dev, &p, *v))
            continue;
        snprintf(name, sizeof name, "%s by %s", what, (*v)->name);
        ck_assert_msg(wf_matmul_try(dev, &p, *v, &err), "%s: %s", name, err.text);
        assert_near(name, &c->pub, unfused, places);
        ran++;
    }
    ck_assert_int_ge(ran, dev->info.type == WEFT_DEVICE_CPU ? 3 : 2); // one is for CPUs only
    struct wf_tensor *again = target(unfused->dtype, unfused->ndim, unfused->shape);
    ck_assert_msg(wf_matmul_run(dev, r, e, again, &err), "%s: %s", what, err.text);
    assert_same(what, &again->pub, unfused);
}

static void check_relu_of_bias(enum weft_dtype dtype)
{
    const int64_t n = N;
    weft_tensor *x = random_tensor(dtype, 2, (int64_t[]){M, K});
    weft_tensor *w = random_tensor(dtype, 2, (int64_t[]){N, K});
    weft_tensor *bias = random_tensor(dtype, 1, &n);
    weft_tensor *y = weft_matmul(s, x, weft_transpose(s, w, 0, 1));
    struct wf_epilogue e = {.text = "t < (T)0 ? (T)0 : t",
                            .steps = "const T t = v + b0;",
                            .nin = 1,
                            .in = {wf_tensor(bias)}};
    check_epilogue("relu(x w + bias)", y, &e, weft_relu(s, weft_add(s, y, bias)), 0);
}

static void check_gelu(enum weft_dtype dtype)
{
    weft_tensor *x = random_tensor(dtype, 3, (int64_t[]){BATCH, 5, 33});
    weft_tensor *w = random_tensor(dtype, 2, (int64_t[]){33, 48});
    weft_tensor *y = weft_matmul(s, x, w);
    struct wf_epilogue e = {.text = "v * NORMAL_CDF(T, v)"};
    check_epilogue("gelu(x w)", y, &e, weft_gelu(s, y), 4);
}

// A residual that lies the other way round and is repeated over the batch, and one that is not.
static void check_residual(enum weft_dtype dtype)
{
    weft_tensor *x = random_tensor(dtype, 3, (int64_t[]){BATCH, 9, 31});
    weft_tensor *w = random_tensor(dtype, 3, (int64_t[]){BATCH, 31, N});
    weft_tensor *turned = random_tensor(dtype, 2, (int64_t[]){N, 9});
    weft_tensor *whole = random_tensor(dtype, 3, (int64_t[]){BATCH, 9, N});
    weft_tensor *turn = weft_transpose(s, turned, 0, 1), *y = weft_matmul(s, x, w);
    weft_want(s, turn);
    struct wf_epilogue e = {.text = "v + b0", .nin = 1, .in = {wf_tensor(turn)}};
    check_epilogue("x w + turned", y, &e, weft_add(s, y, turn), 0);
    e.in[0] = wf_tensor(whole);
    check_epilogue("x w + residual", y, &e, weft_add(s, y, whole), 0);
}

// A column, a mask and options: what the planner may fuse as well.
static void check_inputs(enum weft_dtype dtype)
{
    weft_tensor *x = random_tensor(dtype, 3, (int64_t[]){2, 33, 8});
    weft_tensor *w = random_tensor(dtype, 2, (int64_t[]){8, 48});
    weft_tensor *column = random_tensor(dtype, 3, (int64_t[]){2, 33, 1});
    weft_tensor *mask =
        weft_gt(s, random_tensor(dtype, 2, (int64_t[]){33, 48}), weft_full(s, dtype, 0, NULL, 0));
    weft_tensor *y = weft_matmul(s, x, w);
    struct wf_epilogue e = {.text = "b1 != (T)0 ? v * a1 : b0 * a0",
                            .nin = 2,
                            .in = {wf_tensor(column), wf_tensor(mask)},
                            .na = 2,
                            .a = {-2, 0.5}};
    check_epilogue("where(mask, x w / 2, -2 column)", y, &e,
                   weft_where(s, mask, weft_scale(s, y, 0.5), weft_scale(s, column, -2)), 0);
}

START_TEST(relu_of_bias_is_fused_bit_for_bit)
{
    CHECK_DTYPES(check_relu_of_bias, WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_F64);
}
END_TEST

START_TEST(gelu_is_fused_bit_for_bit)
{
    CHECK_DTYPES(check_gelu, WEFT_F32, WEFT_F16);
}
END_TEST

START_TEST(residual_is_fused_bit_for_bit)
{
    CHECK_DTYPES(check_residual, WEFT_F32, WEFT_BF16);
}
END_TEST

START_TEST(masks_and_options_are_fused_bit_for_bit)
{
    CHECK_DTYPES(check_inputs, WEFT_F32, WEFT_F64);
}
END_TEST

START_TEST(epilogue_may_change_the_dtype)
{
    weft_tensor *x = random_tensor(WEFT_F32, 2, (int64_t[]){M, K});
    weft_tensor *w = random_tensor(WEFT_F32, 2, (int64_t[]){K, N});
    weft_tensor *y = weft_matmul(s, x, w);
    struct wf_epilogue e = {.text = "v"};
    check_epilogue("x w as F16", y, &e, weft_cast(s, y, WEFT_F16), 0);
    check_epilogue("x w as BF16", y, &e, weft_cast(s, y, WEFT_BF16), 0);
}
END_TEST

// bias, gelu, residual, scale and cast as the planner fuses them, and each for itself.
static weft_tensor *chain(const weft_tensor *x, const weft_tensor *w, const weft_tensor *bias,
                          const weft_tensor *residual, enum weft_dtype out, bool alone)
{
    weft_tensor *y = weft_matmul(s, x, w);
    for (int i = 0; i < 5; i++) {
        if (alone)
            weft_want(s, y);
        y = i == 0   ? weft_add(s, y, bias)
            : i == 1 ? weft_gelu(s, y)
            : i == 2 ? weft_add(s, y, residual)
            : i == 3 ? weft_scale(s, y, 0.3)
                     : weft_cast(s, y, out);
    }
    weft_want(s, y);
    return y;
}

static void check_planned(enum weft_dtype dtype, enum weft_dtype out)
{
    const int64_t n = N;
    weft_tensor *x = random_tensor(dtype, 2, (int64_t[]){M, K});
    weft_tensor *w = random_tensor(dtype, 2, (int64_t[]){K, N});
    weft_tensor *bias = random_tensor(dtype, 1, &n);
    weft_tensor *residual = random_tensor(dtype, 2, (int64_t[]){M, N});
    for (weft_tensor *const *t = (weft_tensor *[]){x, w, bias, residual, NULL}; *t; t++)
        weft_want(s, *t);
    weft_tensor *alone = chain(x, w, bias, residual, out, true);
    ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
    uint64_t before = stats().launches;
    weft_tensor *fused = chain(x, w, bias, residual, out, false);
    ck_assert(weft_flush(s));
    // Where its functions may not be those of the elementwise kernels, it is not fused.
    struct wf_record *r = wf_tensor(weft_matmul(s, x, w))->record;
    ck_assert_uint_eq(stats().launches, before + (wf_matmul_fits(dev, r, true) ? 1 : 2));
    assert_same("chain", fused, alone);
}

START_TEST(what_the_planner_fuses_has_the_same_bits)
{
    static const enum weft_dtype to[][2] = {
        {WEFT_F32, WEFT_F32}, {WEFT_F16, WEFT_F16},  {WEFT_BF16, WEFT_BF16},
        {WEFT_F32, WEFT_F16}, {WEFT_F32, WEFT_BF16}, {WEFT_F16, WEFT_F32},
    };
    check_planned(to[_i][0], to[_i][1]);
}
END_TEST

START_TEST(options_build_nothing_new)
{
    const int64_t shape[] = {4, 4};
    weft_tensor *x = random_tensor(WEFT_F32, 2, shape), *y = weft_matmul(s, x, x);
    struct wf_epilogue e = {.text = "v * a0", .na = 1, .a = {2}};
    struct wf_tensor *c = target(WEFT_F32, 2, shape);
    struct weft_error err = {0};
    weft_want(s, x);
    ck_assert(weft_flush(s));
    ck_assert(wf_matmul_run(dev, wf_tensor(y)->record, &e, c, &err));
    uint64_t builds = stats().builds + stats().loads;
    e.a[0] = 3;
    ck_assert(wf_matmul_run(dev, wf_tensor(y)->record, &e, c, &err));
    ck_assert_uint_eq(stats().builds + stats().loads, builds);
    assert_same("3 x x", &c->pub, weft_scale(s, y, 3));
}
END_TEST

// An epilogue where there is nothing to sum: it still runs.
START_TEST(epilogue_of_an_empty_sum)
{
    const int64_t shape[] = {2, 3};
    weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){2, 0}, 1);
    weft_tensor *w = weft_full(s, WEFT_F32, 2, (int64_t[]){0, 3}, 1);
    weft_tensor *y = weft_matmul(s, x, w);
    struct wf_epilogue e = {.text = "v + a0", .na = 1, .a = {4}};
    check_epilogue("0 + 4", y, &e, weft_full(s, WEFT_F32, 2, shape, 4), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("epilogue");
    TCase *t = tcase_create("epilogue");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, relu_of_bias_is_fused_bit_for_bit);
    tcase_add_test(t, gelu_is_fused_bit_for_bit);
    tcase_add_test(t, residual_is_fused_bit_for_bit);
    tcase_add_test(t, masks_and_options_are_fused_bit_for_bit);
    tcase_add_test(t, epilogue_may_change_the_dtype);
    tcase_add_loop_test(t, what_the_planner_fuses_has_the_same_bits, 0, 6);
    tcase_add_test(t, options_build_nothing_new);
    tcase_add_test(t, epilogue_of_an_empty_sum);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
