// Matrix products: every variant alone, in every dtype, and the op beyond what the table of
// references covers.
#include "matmul_fixture.h"

enum { BATCH = 3, M = 67, N = 81, K = 300, LONG_K = 1030, OFFSET = 5 };

// How the operands of a product lie: a turned or not, b turned or not, the same b for every matrix
// of the batch or another, few or many columns of a. b begins at an offset.
struct form {
    int64_t k, a_m, a_k, b_k, b_n, b_step;
};
enum { FORMS = 16 };

static struct form form_at(int i)
{
    int64_t k = i / 8 ? LONG_K : K;
    struct form f = {
        .k = k, .a_m = k, .a_k = 1, .b_k = N, .b_n = 1, .b_step = i / 4 % 2 ? k * N : 0};
    if (i / 2 % 2)
        f.a_m = 1, f.a_k = M;
    if (i % 2)
        f.b_k = 1, f.b_n = k;
    return f;
}

static weft_tensor *host_product(enum weft_dtype dtype, const float *a, const float *b,
                                 const struct form *f)
{
    float *want = calloc(BATCH * M * N, sizeof *want);
    for (int64_t i = 0; i < BATCH * M * N; i++) {
        int64_t t = i / (M * N), m = i / N % M, n = i % N;
        const float *am = a + t * M * f->k + m * f->a_m,
                    *bm = b + OFFSET + t * f->b_step + n * f->b_n;
        for (int64_t k = 0; k < f->k; k++)
            want[i] += am[k * f->a_k] * bm[k * f->b_k];
    }
    weft_tensor *t = upload(dtype, 3, (int64_t[]){BATCH, M, N}, want);
    free(want);
    return t;
}

static struct wf_matmul problem_of(const struct form *f, const weft_tensor *a, const weft_tensor *b,
                                   const struct wf_tensor *c)
{
    struct wf_matmul p = {.dtype = a->dtype,
                          .out = c->pub.dtype,
                          .m = M,
                          .n = N,
                          .k = f->k,
                          .count = BATCH,
                          .plain_m = M,
                          .plain_count = BATCH,
                          .a_m = f->a_m,
                          .a_k = f->a_k,
                          .b_k = f->b_k,
                          .b_n = f->b_n,
                          .a = wf_tensor(a)->storage->mem,
                          .b = wf_tensor(b)->storage->mem,
                          .c = c->storage->mem};
    p.batch = (struct wf_dims){.rank = 1,
                               .views = 2,
                               .shape = {BATCH},
                               .stride = {{M * f->k}, {f->b_step}},
                               .offset = {0, OFFSET}};
    return p;
}

static void check_variants(enum weft_dtype dtype)
{
    const int64_t na = BATCH * M * LONG_K, nb = BATCH * LONG_K * N + OFFSET,
                  shape[] = {BATCH, M, N};
    float *a = coarse_values(na), *b = coarse_values(nb);
    weft_tensor *ta = upload(dtype, 1, &na, a), *tb = upload(dtype, 1, &nb, b);
    int ran = 0;
    weft_want(s, ta);
    weft_want(s, tb);
    for (int i = 0; i < FORMS; i++) {
        struct form f = form_at(i);
        weft_tensor *want = host_product(dtype, a, b, &f);
        for (const struct wf_matmul_variant *const *v = wf_matmul_variants; *v; v++) {
            struct wf_tensor *c = target(dtype, 3, shape);
            struct wf_matmul p = problem_of(&f, ta, tb, c);
            struct weft_error err = {0};
            if (!wf_matmul_can(dev, &p, *v))
                continue;
            ck_assert_msg(wf_matmul_try(dev, &p, *v, &err), "%s: %s", (*v)->name, err.text);
            assert_same((*v)->name, &c->pub, want);
            ran++;
        }
    }
    ck_assert_int_ge(ran, 2 * FORMS);
    free(a);
    free(b);
}

START_TEST(every_variant_gives_the_product)
{
    CHECK_DTYPES(check_variants, WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_F64);
}
END_TEST

// Indices of 64 bits, as large tensors need.
START_TEST(every_variant_has_wide_indices)
{
    struct form f = form_at(2);
    const int64_t na = BATCH * M * K, nb = K * N + OFFSET, n = N;
    float *a = coarse_values(na), *b = coarse_values(nb);
    weft_tensor *ta = upload(WEFT_F32, 1, &na, a), *tb = upload(WEFT_F32, 1, &nb, b);
    weft_tensor *bias = random_tensor(WEFT_F32, 1, &n);
    weft_tensor *want = weft_add(s, host_product(WEFT_F32, a, b, &f), bias);
    weft_want(s, ta);
    weft_want(s, tb);
    weft_want(s, bias);
    for (const struct wf_matmul_variant *const *v = wf_matmul_variants; *v; v++) {
        struct wf_tensor *c = target(WEFT_F32, 3, (int64_t[]){BATCH, M, N});
        struct wf_matmul p = problem_of(&f, ta, tb, c);
        struct wf_epilogue e = {.text = "v + b0", .nin = 1, .in = {wf_tensor(bias)}};
        struct weft_error err = {0};
        p.wide = true;
        p.epilogue = &e;
        p.e_n[0] = 1;
        p.batch.views = 3;
        if (!wf_matmul_can(dev, &p, *v))
            continue;
        ck_assert_msg(wf_matmul_try(dev, &p, *v, &err), "%s: %s", (*v)->name, err.text);
        assert_same((*v)->name, &c->pub, want);
    }
    free(a);
    free(b);
}
END_TEST

// Every bit of an integer.
static int64_t any_integer(void)
{
    uint64_t v = 0;
    for (int i = 0; i < 4; i++) {
        coarse();
        v = v << 16 | random_state >> 16;
    }
    return (int64_t)v;
}

// Integers against loops that wrap around.
static void check_integers(enum weft_dtype dtype, int bits)
{
    const int64_t sa[] = {5, 70}, sb[] = {70, 9};
    int64_t a[5 * 70], b[70 * 9], got[5 * 9];
    for (int i = 0; i < 5 * 70; i++)
        a[i] = any_integer();
    for (int i = 0; i < 70 * 9; i++)
        b[i] = any_integer();
    weft_tensor *x = weft_cast(s, weft_from_host(s, WEFT_I64, 2, sa, a), dtype);
    weft_tensor *y = weft_cast(s, weft_from_host(s, WEFT_I64, 2, sb, b), dtype);
    weft_tensor *c = weft_matmul(s, x, y);
    ck_assert_msg(weft_read(s, weft_cast(s, x, WEFT_I64), a, sizeof a), "%s",
                  weft_scope_error(s)->text);
    ck_assert(weft_read(s, weft_cast(s, y, WEFT_I64), b, sizeof b));
    ck_assert(weft_read(s, weft_cast(s, c, WEFT_I64), got, sizeof got));
    ck_assert_int_eq(c->dtype, dtype);
    for (int i = 0; i < 5 * 9; i++) {
        uint64_t sum = 0, sign = (uint64_t)1 << (bits - 1);
        for (int k = 0; k < 70; k++)
            sum += (uint64_t)a[i / 9 * 70 + k] * (uint64_t)b[k * 9 + i % 9];
        sum &= sign - 1 + sign;
        int64_t want = (int64_t)(dtype == WEFT_U8 ? sum : (sum ^ sign) - sign);
        ck_assert_msg(got[i] == want, "%s: y[%d] got %lld, want %lld", weft_dtype_name(dtype), i,
                      (long long)got[i], (long long)want);
    }
}

START_TEST(integers_wrap_around)
{
    check_integers(WEFT_I8, 8);
    check_integers(WEFT_U8, 8);
    check_integers(WEFT_I32, 32);
    check_integers(WEFT_I64, 64);
}
END_TEST

START_TEST(nan_and_infinity_stay_in_their_rows)
{
    const float a[] = {NAN, 1, INFINITY, 0, 2, 3}, b[] = {0, 1, 1, 0};
    const enum weft_dtype dtype[] = {WEFT_F32, WEFT_F16, WEFT_BF16};
    for (int i = 0; i < 3; i++) {
        weft_tensor *x = upload(dtype[i], 2, (int64_t[]){3, 2}, a);
        float *y = download(weft_matmul(s, x, upload(dtype[i], 2, (int64_t[]){2, 2}, b)));
        // inf * 0 is NaN; inf * 1 + 0 * 0 is infinity.
        ck_assert(isnan(y[0]) && isnan(y[1]) && isnan(y[2]) && isinf(y[3]));
        ck_assert(y[4] == 3 && y[5] == 2);
        free(y);
    }
}
END_TEST

START_TEST(narrow_sums_are_rounded_once)
{
    // 2048 ones and a half: F16 could not add the half, nor a one to 2048.
    enum { COUNT = 4096 };
    float *one = malloc(COUNT * sizeof *one);
    for (int i = 0; i < COUNT; i++)
        one[i] = 1;
    one[COUNT - 1] = 5;
    weft_tensor *x = upload(WEFT_F16, 2, (int64_t[]){1, COUNT}, one);
    weft_tensor *ones = weft_full(s, WEFT_F16, 2, (int64_t[]){COUNT, 1}, 1);
    ck_assert(weft_item(s, weft_matmul(s, x, ones)) == 4100);
    x = upload(WEFT_BF16, 2, (int64_t[]){1, COUNT}, one);
    ones = weft_full(s, WEFT_BF16, 2, (int64_t[]){COUNT, 1}, 1);
    ck_assert(weft_item(s, weft_matmul(s, x, ones)) == 4096);
    // More than F16 holds is infinity.
    weft_tensor *big = weft_full(s, WEFT_F16, 2, (int64_t[]){1, 2}, 60000);
    ck_assert(
        isinf(weft_item(s, weft_matmul(s, big, weft_full(s, WEFT_F16, 1, (int64_t[]){2}, 1)))));
    free(one);
}
END_TEST

// Batches that share their second operand run as one product, forwards and backwards.
START_TEST(shared_operand_is_one_product)
{
    weft_tensor *x = random_tensor(WEFT_F32, 3, (int64_t[]){4, 3, 10});
    weft_tensor *w = weft_param(s, net, "w", (struct weft_init){WEFT_INIT_UNIFORM, -1, 1}, 2,
                                (int64_t[]){10, 6});
    weft_tensor *flat = weft_reshape(s, x, 2, (int64_t[]){12, 10});
    weft_tensor *y = weft_matmul(s, x, w), *same = weft_matmul(s, flat, w);
    assert_same("y", y, same);
    weft_tensor *gy = random_tensor(WEFT_F32, 3, (int64_t[]){4, 3, 6});
    weft_tensor *loss = weft_sum(s, weft_mul(s, y, gy), NULL);
    weft_tensor *g = weft_grad(s, loss, w);
    weft_tensor *want =
        weft_matmul(s, weft_transpose(s, flat, 0, 1), weft_reshape(s, gy, 2, (int64_t[]){12, 6}));
    ck_assert_msg(g != NULL, "%s", weft_scope_error(s)->text);
    assert_same("gradient", g, want);
}
END_TEST

START_TEST(rows_of_a_batch_are_stacked)
{
    // One row each, every other of a larger tensor, so that the batch's stride becomes the row's.
    weft_tensor *x = random_tensor(WEFT_F32, 3, (int64_t[]){4, 2, 10});
    weft_tensor *w = random_tensor(WEFT_F32, 2, (int64_t[]){10, 6});
    const int64_t shape[] = {4, 1, 6};
    struct wf_tensor *c = target(WEFT_F32, 3, shape);
    weft_want(s, x);
    weft_want(s, w);
    ck_assert(weft_flush(s));
    struct wf_tensor view = *wf_tensor(x), *in[] = {&view, wf_tensor(w)};
    view.pub.shape[1] = 1;
    struct wf_record r = {.nin = 2, .in = in, .out = &c};
    struct wf_matmul p = wf_matmul_problem(&r, NULL, c);
    ck_assert(p.count == 1 && p.m == 4 && p.a_m == 20);
    struct weft_error err = {0};
    ck_assert(wf_matmul_run(dev, &r, NULL, c, &err));
    float *got = download(&c->pub), *all = download(weft_matmul(s, x, w));
    for (int i = 0; i < 4; i++)
        ck_assert(!memcmp(got + i * 6, all + i * 12, 6 * sizeof *got));
    free(got);
    free(all);
}
END_TEST

START_TEST(empty_products)
{
    for (int i = 0; i < 2; i++) {
        enum weft_dtype dtype = i ? WEFT_I32 : WEFT_BF16;
        weft_tensor *x = weft_full(s, dtype, 2, (int64_t[]){3, 0}, 1);
        weft_tensor *y = weft_matmul(s, x, weft_full(s, dtype, 2, (int64_t[]){0, 2}, 1));
        float *v = download(y);
        for (int j = 0; j < 6; j++)
            ck_assert(v[j] == 0);
        free(v);
        y = weft_matmul(s, weft_transpose(s, x, 0, 1),
                        weft_full(s, dtype, 2, (int64_t[]){3, 4}, 1));
        ck_assert(y && y->shape[0] == 0 && y->shape[1] == 4 && weft_flush(s));
    }
}
END_TEST

// Sums of numbers that do round are always added in the same order.
START_TEST(same_bits_every_time)
{
    float *v = coarse_values(M * LONG_K);
    for (int i = 0; i < M * LONG_K; i++)
        v[i] *= 1.1f + (float)(i % 7);
    weft_tensor *x = upload(WEFT_F32, 2, (int64_t[]){M, LONG_K}, v);
    float *first = download(weft_matmul(s, x, weft_transpose(s, x, 0, 1)));
    float *second = download(weft_matmul(s, x, weft_transpose(s, x, 0, 1)));
    ck_assert_mem_eq(first, second, M * M * sizeof *first);
    free(v);
    free(first);
    free(second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("matmul");
    TCase *t = tcase_create("matmul");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, every_variant_gives_the_product);
    tcase_add_test(t, every_variant_has_wide_indices);
    tcase_add_test(t, integers_wrap_around);
    tcase_add_test(t, nan_and_infinity_stay_in_their_rows);
    tcase_add_test(t, narrow_sums_are_rounded_once);
    tcase_add_test(t, shared_operand_is_one_product);
    tcase_add_test(t, rows_of_a_batch_are_stacked);
    tcase_add_test(t, empty_products);
    tcase_add_test(t, same_bits_every_time);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
