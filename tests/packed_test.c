// Parameters that are kept packed for the matrix product: how often they are packed, the bits, and
// what happens when they change or memory runs short.
#include "core/packed.h"
#include "matmul_fixture.h"
#include <math.h>

enum { M = 20, K = 300, N = 70 };

static const struct weft_init spread = {WEFT_INIT_UNIFORM, -1, 1};
static float x[M * K];

static void setup_values(void)
{
    setup();
    random_state = 1;
    for (int i = 0; i < M * K; i++)
        x[i] = coarse() * 1.1f;
}

// x w, or x v' where v' lies transposed; returns the launches that it took.
static int product(bool turned, float *y)
{
    int64_t before = (int64_t)stats().launches;
    const weft_tensor *w =
        turned ? weft_transpose(s, weft_param(s, net, "v", spread, 2, (int64_t[]){N, K}), 0, 1)
               : weft_param(s, net, "w", spread, 2, (int64_t[]){K, N});
    weft_tensor *a = weft_from_host(s, WEFT_F32, 2, (int64_t[]){M, K}, x);
    ck_assert_msg(weft_read(s, weft_matmul(s, a, w), y, M * N * sizeof *y), "%s",
                  weft_scope_error(s)->text);
    weft_scope_reset(s);
    return (int)((int64_t)stats().launches - before);
}

static bool packs(void)
{
    return wf_matmul_cpu_packed.applies(
        dev, &(struct wf_matmul){.dtype = WEFT_F32,
                                 .m = M,
                                 .n = N,
                                 .k = K,
                                 .count = 1,
                                 .plain_m = M,
                                 .a_k = 1,
                                 .b_n = 1,
                                 .b_from = &(struct wf_storage){.dev = dev}});
}

static void assert_near(const float *y, const float *w, bool turned)
{
    for (int i = 0; i < M * N; i++) {
        double want = 0;
        for (int k = 0; k < K; k++)
            want +=
                (double)x[i / N * K + k] * (double)(turned ? w[i % N * K + k] : w[k * N + i % N]);
        ck_assert_msg(fabs((double)y[i] - want) < 1e-4, "%d is %g, not %g", i, (double)y[i], want);
    }
}

// Without init and once it is built: a product, then packing and a product, then products.
static void check_reads(bool turned, float *w)
{
    float first[M * N], again[M * N];
    struct weft_error e = {0};
    const char *name = turned ? "v" : "w";
    product(turned, first);
    for (int change = 0; change < 2; change++) {
        ck_assert(weft_params_set(net, name, w, K * N * sizeof *w, &e));
        for (int read = 0; read < 4; read++) {
            ck_assert_int_eq(product(turned, read ? again : first), read == 1 && packs() ? 2 : 1);
            ck_assert(!read || !memcmp(first, again, sizeof first));
        }
        assert_near(first, w, turned);
        for (int i = 0; i < K * N; i++)
            w[i] = -w[i] / 2 + 0.25f;
    }
}

START_TEST(is_packed_at_the_second_read)
{
    float *w = coarse_values(K * N);
    check_reads(_i, w);
    free(w);
}
END_TEST

// The version of an update is another one than that of the reads before.
START_TEST(an_update_makes_a_copy_stale)
{
    float y[M * N], before[K * N], after[K * N];
    struct weft_error e = {0};
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 0.5), &e);
    for (int i = 0; i < 3; i++)
        product(false, y);
    ck_assert(weft_params_get(net, "w", before, sizeof before, &e));
    weft_tensor *w = weft_param(s, net, "w", spread, 2, (int64_t[]){K, N});
    ck_assert(weft_backward(s, weft_sum(s, weft_square(s, w), NULL), net) &&
              weft_optim_step(sgd, s) && weft_scope_reset(s));
    for (int i = 0; i < 3; i++)
        product(false, y);
    ck_assert(weft_params_get(net, "w", after, sizeof after, &e));
    ck_assert(memcmp(before, after, sizeof after));
    assert_near(y, after, false);
    weft_optim_destroy(&sgd);
}
END_TEST

// What is there for speed goes before an allocation fails, and the product goes on without.
START_TEST(gives_way_when_memory_is_short)
{
    float first[M * N], y[M * N];
    product(false, first);
    for (int i = 0; i < 2; i++)
        product(false, y);
    uint64_t used = stats().bytes_used;
    dev->pool.limit = used + (1 << 16);
    struct wf_block *b = wf_pool_take(dev, 1 << 17, NULL);
    ck_assert(packs() == (b != NULL));
    for (int i = 0; i < 3; i++) {
        product(false, y);
        ck_assert(!memcmp(first, y, sizeof y));
    }
    wf_pool_give(dev, b);
    dev->pool.limit = 0;
}
END_TEST

START_TEST(goes_with_its_parameter)
{
    float y[M * N];
    weft_scope_destroy(&s);
    uint64_t empty = stats().bytes_used;
    struct weft_error e = {0};
    s = weft_scope_create(dev, NULL, &e);
    for (int i = 0; i < 3; i++)
        product(_i, y);
    weft_scope_destroy(&s);
    weft_params_destroy(&net);
    ck_assert_uint_eq(stats().bytes_used, empty);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("packed");
    TCase *c = tcase_create("packed");
    tcase_add_checked_fixture(c, setup_values, teardown);
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, is_packed_at_the_second_read, 0, 2);
    tcase_add_test(c, an_update_makes_a_copy_stale);
    tcase_add_test(c, gives_way_when_memory_is_short);
    tcase_add_loop_test(c, goes_with_its_parameter, 0, 2);
    suite_add_tcase(suite, c);
    return run_suite(suite);
}
