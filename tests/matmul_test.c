// Matrix products: every variant alone, in every dtype and with epilogues; what is fused against
// what is not, bit for bit; and the op beyond what the table of references covers.
#include "core/scope.h"
#include "op/matmul.h"
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 3, M = 67, N = 81, K = 300, OFFSET = 5 };

static uint32_t random_state;

// Multiples of 1/64 in -1 .. 1: every dtype holds them, and float holds any sum of their products,
// so all ways to add give the same bits.
static float coarse(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (float)((int)((random_state >> 16) % 129) - 64) / 64;
}

static float *coarse_values(int64_t n)
{
    float *v = malloc((size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i++)
        v[i] = coarse();
    return v;
}

static weft_tensor *upload(enum weft_dtype dtype, int ndim, const int64_t *shape, const float *v)
{
    return weft_cast(s, weft_from_host(s, WEFT_F32, ndim, shape, v), dtype);
}

static weft_tensor *random_tensor(enum weft_dtype dtype, int ndim, const int64_t *shape)
{
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    float *v = coarse_values(n);
    weft_tensor *t = upload(dtype, ndim, shape, v);
    free(v);
    return t;
}

// The elements as float, owned by the caller.
static float *download(const weft_tensor *t)
{
    size_t bytes = (size_t)weft_count(t) * sizeof(float);
    float *v = malloc(bytes + 1);
    ck_assert_msg(weft_read(s, weft_cast(s, t, WEFT_F32), v, bytes), "%s",
                  weft_scope_error(s)->text);
    return v;
}

static void assert_same(const char *what, const weft_tensor *got, const weft_tensor *want)
{
    ck_assert_int_eq(got->dtype, want->dtype);
    ck_assert_int_eq(weft_count(got), weft_count(want));
    float *g = download(got), *w = download(want);
    for (int64_t i = 0; i < weft_count(want); i++)
        ck_assert_msg(!memcmp(&g[i], &w[i], sizeof *g), "%s, %s: y[%lld] got %.9g, want %.9g", what,
                      weft_dtype_name(got->dtype), (long long)i, (double)g[i], (double)w[i]);
    free(g);
    free(w);
}

// Calls check() for each of the dtypes that the device computes in.
static void check_dtypes(void (*check)(enum weft_dtype), int n, const enum weft_dtype *dtype)
{
    for (int i = 0; i < n; i++) {
        if (dtype[i] != WEFT_F64 || weft_device_has(dev, WEFT_CAP_F64))
            check(dtype[i]);
        ck_assert(weft_scope_reset(s));
    }
}
#define CHECK_DTYPES(check, ...)                                    \
    check_dtypes(check, sizeof((int[]){__VA_ARGS__}) / sizeof(int), \
                 (const enum weft_dtype[]){__VA_ARGS__})

static bool can_run(const struct wf_matmul_variant *v, const struct wf_matmul *p)
{
    return v->can ? v->can(dev, p) : v->applies(dev, p);
}

// A tensor with storage to run a variant into; it holds sevens.
static struct wf_tensor *target(enum weft_dtype dtype, int ndim, const int64_t *shape)
{
    weft_tensor *c = weft_full(s, dtype, ndim, shape, 7);
    weft_want(s, c);
    ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
    return wf_tensor(c);
}

static const int64_t order[4][2] = {{K, 1}, {1, M}, {N, 1}, {1, K}};

// How the operands of a product lie: a turned or not, b turned or not, and the same b for every
// matrix of the batch or another. b begins at an offset.
struct form {
    int64_t a_m, a_k, b_k, b_n, b_step;
};

static struct form form_at(int i)
{
    const int64_t *a = order[i / 2 % 2], *b = order[2 + i % 2];
    return (struct form){a[0], a[1], b[0], b[1], i / 4 ? K * N : 0};
}

static weft_tensor *host_product(enum weft_dtype dtype, const float *a, const float *b,
                                 const struct form *f)
{
    float *want = calloc(BATCH * M * N, sizeof *want);
    for (int64_t i = 0; i < BATCH * M * N; i++) {
        int64_t t = i / (M * N), m = i / N % M, n = i % N;
        const float *am = a + t * M * K + m * f->a_m, *bm = b + OFFSET + t * f->b_step + n * f->b_n;
        for (int64_t k = 0; k < K; k++)
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
                          .k = K,
                          .count = BATCH,
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
                               .stride = {{M * K}, {f->b_step}},
                               .offset = {0, OFFSET}};
    return p;
}

static void check_variants(enum weft_dtype dtype)
{
    const int64_t na = BATCH * M * K, nb = BATCH * K * N + OFFSET, shape[] = {BATCH, M, N};
    float *a = coarse_values(na), *b = coarse_values(nb);
    weft_tensor *ta = upload(dtype, 1, &na, a), *tb = upload(dtype, 1, &nb, b);
    int ran = 0;
    weft_want(s, ta);
    weft_want(s, tb);
    for (int i = 0; i < 8; i++) {
        struct form f = form_at(i);
        weft_tensor *want = host_product(dtype, a, b, &f);
        for (const struct wf_matmul_variant *v = wf_matmul_variants; v->name; v++) {
            struct wf_tensor *c = target(dtype, 3, shape);
            struct wf_matmul p = problem_of(&f, ta, tb, c);
            struct weft_error err = {0};
            if (!can_run(v, &p))
                continue;
            ck_assert_msg(v->run(dev, &p, &err), "%s: %s", v->name, err.text);
            assert_same(v->name, &c->pub, want);
            ran++;
        }
    }
    ck_assert_int_ge(ran, 16);
    free(a);
    free(b);
}

START_TEST(every_variant_gives_the_product)
{
    CHECK_DTYPES(check_variants, WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_F64);
}
END_TEST

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
    const struct wf_record *r = wf_tensor(product)->record;
    ck_assert_msg(r && wf_matmul_fuses(r), "%s", what);
    weft_want(s, unfused);
    want_inputs(r, e);
    struct wf_tensor *c = target(unfused->dtype, unfused->ndim, unfused->shape);
    struct weft_error err = {0};
    int ran = 0;
    struct wf_matmul p = wf_matmul_problem(r, e, c);
    for (const struct wf_matmul_variant *v = wf_matmul_variants; v->name; v++) {
        char name[120];
        if (!can_run(v, &p))
            continue;
        snprintf(name, sizeof name, "%s by %s", what, v->name);
        ck_assert_msg(v->run(dev, &p, &err), "%s: %s", name, err.text);
        assert_near(name, &c->pub, unfused, places);
        ran++;
    }
    ck_assert_int_ge(ran, 3);
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
    struct wf_record r = {.nin = 2, .in = in, .out = {c}};
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

START_TEST(wrong_operands_are_refused)
{
    weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){2, 3}, 1);
    weft_tensor *half = weft_cast(s, x, WEFT_F16), *flag = weft_gt(s, x, x);
    ck_assert(!weft_matmul(s, x, half));
    assert_error(WEFT_DTYPE, "matmul: the operands are F32 and F16; two of the same dtype, not "
                             "BOOL, were wanted");
    x = weft_full(s, WEFT_F32, 2, (int64_t[]){2, 3}, 1);
    flag = weft_gt(s, x, x);
    ck_assert(!weft_matmul(s, flag, flag));
    assert_error(WEFT_DTYPE, "matmul: the operands are BOOL and BOOL");
    x = weft_full(s, WEFT_F32, 2, (int64_t[]){2, 3}, 1);
    ck_assert(!weft_matmul(s, x, x));
    assert_error(WEFT_SHAPE, "matmul: a is [2,3], b is [2,3]: 3 columns of a meet 2 rows of b");
    x = weft_full(s, WEFT_F32, 3, (int64_t[]){2, 3, 3}, 1);
    ck_assert(!weft_matmul(s, x, weft_full(s, WEFT_F32, 3, (int64_t[]){3, 3, 3}, 1)));
    assert_error(WEFT_SHAPE, "matmul: [2] and [3] do not broadcast");
    ck_assert(!weft_matmul(s, weft_full(s, WEFT_F32, 0, NULL, 1), NULL));
    ck_assert(weft_scope_error(s)->status != 0);
    weft_scope_clear(s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("matmul");
    TCase *t = tcase_create("matmul");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, every_variant_gives_the_product);
    tcase_add_test(t, relu_of_bias_is_fused_bit_for_bit);
    tcase_add_test(t, gelu_is_fused_bit_for_bit);
    tcase_add_test(t, residual_is_fused_bit_for_bit);
    tcase_add_test(t, masks_and_options_are_fused_bit_for_bit);
    tcase_add_test(t, epilogue_may_change_the_dtype);
    tcase_add_test(t, options_build_nothing_new);
    tcase_add_test(t, integers_wrap_around);
    tcase_add_test(t, nan_and_infinity_stay_in_their_rows);
    tcase_add_test(t, narrow_sums_are_rounded_once);
    tcase_add_test(t, shared_operand_is_one_product);
    tcase_add_test(t, rows_of_a_batch_are_stacked);
    tcase_add_test(t, empty_products);
    tcase_add_test(t, epilogue_of_an_empty_sum);
    tcase_add_test(t, wrong_operands_are_refused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
