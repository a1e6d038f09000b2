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

// Calls check() for each dtype that the device computes in.
static void each_dtype(void (*check)(enum weft_dtype))
{
    static const enum weft_dtype dtype[] = {WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_F64};
    for (int i = 0; i < 4; i++) {
        if (dtype[i] != WEFT_F64 || weft_device_has(dev, WEFT_CAP_F64))
            check(dtype[i]);
        ck_assert(weft_scope_reset(s));
    }
}

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
    each_dtype(check_variants);
}
END_TEST

// An epilogue on every variant that can, against the ops one by one. `x` and `w` have no batch, or
// x has.
static void check_epilogue(const char *what, const weft_tensor *product,
                           const struct wf_epilogue *e, const weft_tensor *unfused)
{
    const struct wf_record *r = wf_tensor(product)->record;
    ck_assert_msg(r && wf_matmul_fuses(r), "%s", what);
    weft_want(s, unfused);
    for (int i = 0; i < r->nin; i++)
        weft_want(s, &r->in[i]->pub);
    for (int i = 0; i < e->nin; i++)
        weft_want(s, &e->in[i]->pub);
    struct wf_tensor *c = target(unfused->dtype, unfused->ndim, unfused->shape);
    struct weft_error err = {0};
    int ran = 0;
    struct wf_matmul p = wf_matmul_problem(r, e, c);
    for (const struct wf_matmul_variant *v = wf_matmul_variants; v->name; v++) {
        if (!can_run(v, &p))
            continue;
        char name[120];
        snprintf(name, sizeof name, "%s by %s", what, v->name);
        ck_assert_msg(v->run(dev, &p, &err), "%s: %s", name, err.text);
        assert_same(name, &c->pub, unfused);
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
    check_epilogue("relu(x w + bias)", y, &e, weft_relu(s, weft_add(s, y, bias)));
}

static void check_gelu(enum weft_dtype dtype)
{
    weft_tensor *x = random_tensor(dtype, 3, (int64_t[]){BATCH, 5, 33});
    weft_tensor *w = random_tensor(dtype, 2, (int64_t[]){33, 20});
    weft_tensor *y = weft_matmul(s, x, w);
    struct wf_epilogue e = {.text = "v * NORMAL_CDF(T, v)"};
    check_epilogue("gelu(x w)", y, &e, weft_gelu(s, y));
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
    check_epilogue("x w + turned", y, &e, weft_add(s, y, turn));
    e.in[0] = wf_tensor(whole);
    check_epilogue("x w + residual", y, &e, weft_add(s, y, whole));
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
                   weft_where(s, mask, weft_scale(s, y, 0.5), weft_scale(s, column, -2)));
}

START_TEST(relu_of_bias_is_fused_bit_for_bit)
{
    each_dtype(check_relu_of_bias);
}
END_TEST

START_TEST(gelu_is_fused_bit_for_bit)
{
    each_dtype(check_gelu);
}
END_TEST

START_TEST(residual_is_fused_bit_for_bit)
{
    each_dtype(check_residual);
}
END_TEST

START_TEST(masks_and_options_are_fused_bit_for_bit)
{
    each_dtype(check_inputs);
}
END_TEST

START_TEST(epilogue_may_change_the_dtype)
{
    weft_tensor *x = random_tensor(WEFT_F32, 2, (int64_t[]){M, K});
    weft_tensor *w = random_tensor(WEFT_F32, 2, (int64_t[]){K, N});
    weft_tensor *y = weft_matmul(s, x, w);
    struct wf_epilogue e = {.text = "v"};
    check_epilogue("x w as F16", y, &e, weft_cast(s, y, WEFT_F16));
    check_epilogue("x w as BF16", y, &e, weft_cast(s, y, WEFT_BF16));
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
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
