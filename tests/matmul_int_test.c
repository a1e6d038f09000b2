// Products of bytes: every variant in every pair of dtypes against loops on the host, with the
// smallest and largest numbers; sums that wrap around; what the op is beyond the table's cases.
#include "matmul_fixture.h"

// How the operands of a batch lie: a turned or not, b turned or not, one b for all matrices or not.
struct shape {
    int64_t m, n, k;
    bool a_turned, b_turned, shared;
};
enum { COUNT = 2, OFFSET = 3 };
static const struct shape shapes[] = {
    {67, 81, 300, false, false, false}, {65, 64, 257, true, false, true},
    {33, 130, 70, false, true, true},   {5, 66, 1030, true, true, false},
    {1, 129, 300, false, false, false}, {1, 70, 520, false, true, true},
    {64, 3, 256, true, false, false},   {4, 1, 37, false, true, false},
    {20, 64, 64, false, false, true},   {3, 17, 0, false, false, false},
};

// A quarter of them the smallest number of the dtype, a quarter the largest.
static void make_bytes(unsigned char *v, int64_t n, enum weft_dtype dtype)
{
    for (int64_t i = 0; i < n; i++) {
        coarse();
        unsigned random = random_state >> 16, least = dtype == WEFT_I8 ? 0x80 : 0;
        v[i] = (unsigned char)(random % 4 == 0   ? least
                               : random % 4 == 1 ? least ^ 0xff
                                                 : random >> 4);
    }
}

static int32_t value(unsigned char byte, enum weft_dtype dtype)
{
    return dtype == WEFT_I8 ? (int32_t)(signed char)byte : byte;
}

static struct wf_matmul problem_of(const struct shape *f, const weft_tensor *a,
                                   const weft_tensor *b, const struct wf_tensor *c)
{
    struct wf_matmul p = {.dtype = a->dtype,
                          .b_dtype = b->dtype,
                          .out = c->pub.dtype,
                          .m = f->m,
                          .n = f->n,
                          .k = f->k,
                          .count = COUNT,
                          .plain_m = f->m,
                          .plain_count = COUNT,
                          .a_m = f->a_turned ? 1 : f->k,
                          .a_k = f->a_turned ? f->m : 1,
                          .b_k = f->b_turned ? 1 : f->n,
                          .b_n = f->b_turned ? f->k : 1,
                          .a = wf_tensor(a)->storage->mem,
                          .b = wf_tensor(b)->storage->mem,
                          .c = c->storage->mem};
    p.batch = (struct wf_dims){.rank = 1,
                               .views = 2,
                               .shape = {COUNT},
                               .stride = {{f->m * f->k}, {f->shared ? 0 : f->k * f->n}},
                               .offset = {OFFSET, OFFSET}};
    return p;
}

static int32_t element(const struct wf_matmul *p, const unsigned char *a, const unsigned char *b,
                       int64_t i)
{
    int64_t each = p->m * p->n, t = i / each, m = i % each / p->n, n = i % p->n;
    const unsigned char *am = a + OFFSET + t * p->batch.stride[0][0] + m * p->a_m;
    const unsigned char *bm = b + OFFSET + t * p->batch.stride[1][0] + n * p->b_n;
    int32_t sum = 0;
    for (int64_t k = 0; k < p->k; k++)
        sum += value(am[k * p->a_k], p->dtype) * value(bm[k * p->b_k], p->b_dtype);
    return sum;
}

// c's elements, of I32 or of I8, against the loops.
static void assert_product(const char *what, const struct wf_matmul *p, const struct wf_tensor *c,
                           const unsigned char *a, const unsigned char *b)
{
    int64_t count = weft_count(&c->pub);
    size_t size = weft_dtype_size(p->out);
    char *got = malloc((size_t)count * size);
    ck_assert_msg(weft_read(s, &c->pub, got, (size_t)count * size), "%s",
                  weft_scope_error(s)->text);
    for (int64_t i = 0; i < count; i++) {
        int32_t want = element(p, a, b, i);
        ck_assert_msg(!memcmp(got + (size_t)i * size, &want, size),
                      "%s, %s by %s, %lldx%lldx%lld: y[%lld] is not %d", what,
                      weft_dtype_name(p->dtype), weft_dtype_name(p->b_dtype), (long long)p->m,
                      (long long)p->k, (long long)p->n, (long long)i, want);
    }
    free(got);
}

struct pair {
    enum weft_dtype a, b;
};
static const struct pair pairs[] = {
    {WEFT_I8, WEFT_I8}, {WEFT_U8, WEFT_U8}, {WEFT_U8, WEFT_I8}, {WEFT_I8, WEFT_U8}};

// By all variants that can; returns how many.
static int check_variants(const struct shape *f, const struct pair *d, enum weft_dtype out,
                          bool wide)
{
    int64_t na = OFFSET + COUNT * f->m * f->k, nb = OFFSET + COUNT * f->k * f->n;
    unsigned char *a = malloc((size_t)na), *b = malloc((size_t)nb);
    make_bytes(a, na, d->a);
    make_bytes(b, nb, d->b);
    weft_tensor *ta = weft_from_host(s, d->a, 1, &na, a), *tb = weft_from_host(s, d->b, 1, &nb, b);
    weft_want(s, ta);
    weft_want(s, tb);
    int ran = 0;
    for (const struct wf_matmul_variant *const *v = wf_matmul_variants; *v; v++) {
        struct wf_tensor *c = target(out, 3, (int64_t[]){COUNT, f->m, f->n});
        struct wf_matmul p = problem_of(f, ta, tb, c);
        struct weft_error err = {0};
        p.wide = wide;
        if (!wf_matmul_can(dev, &p, *v))
            continue;
        ck_assert_msg(wf_matmul_try(dev, &p, *v, &err), "%s: %s", (*v)->name, err.text);
        assert_product((*v)->name, &p, c, a, b);
        ran++;
    }
    free(a);
    free(b);
    ck_assert(weft_scope_reset(s));
    return ran;
}

START_TEST(every_variant_gives_the_product)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        ck_assert_int_ge(check_variants(&shapes[i], &pairs[i % 4], WEFT_I32, i == 3), 2);
}
END_TEST

// Each pair by each kernel, in one shape of tiles and one of few rows.
START_TEST(every_pair_of_dtypes)
{
    for (int i = 0; i < 4; i++) {
        check_variants(&shapes[0], &pairs[i], WEFT_I32, false);
        check_variants(&shapes[4], &pairs[i], WEFT_I32, false);
    }
}
END_TEST

// The products that weft_matmul makes of bytes, cut off.
START_TEST(bytes_of_bytes)
{
    check_variants(&shapes[0], &pairs[0], WEFT_I8, false);
    check_variants(&shapes[1], &pairs[1], WEFT_U8, false);
    check_variants(&shapes[4], &pairs[1], WEFT_U8, true);
}
END_TEST

START_TEST(every_knob_gives_the_product)
{
    const struct wf_matmul_variant *v = &wf_matmul_cpu_int;
    const struct shape *f = &shapes[3];
    int64_t na = OFFSET + COUNT * f->m * f->k, nb = OFFSET + COUNT * f->k * f->n;
    unsigned char *a = malloc((size_t)na), *b = malloc((size_t)nb);
    make_bytes(a, na, WEFT_I8);
    make_bytes(b, nb, WEFT_U8);
    weft_tensor *ta = weft_from_host(s, WEFT_I8, 1, &na, a);
    weft_tensor *tb = weft_from_host(s, WEFT_U8, 1, &nb, b);
    weft_want(s, ta);
    weft_want(s, tb);
    for (int i = 0; v->knobs[i].name; i++) {
        for (int j = 0; j < v->knobs[i].values; j++) {
            struct wf_tensor *c = target(WEFT_I32, 3, (int64_t[]){COUNT, f->m, f->n});
            struct wf_matmul p = problem_of(f, ta, tb, c);
            int knob[WF_MATMUL_KNOBS] = {0};
            struct weft_error err = {0};
            v->choose(dev, &p, knob);
            knob[i] = v->knobs[i].value[j];
            if (!v->fits(dev, &p, knob))
                continue;
            ck_assert_msg(v->run(dev, &p, knob, &err), "%s", err.text);
            assert_product(v->knobs[i].name, &p, c, a, b);
        }
    }
    free(a);
    free(b);
}
END_TEST

// 255 * 255 * 70000 is more than 2^32.
START_TEST(sums_wrap_around)
{
    enum { LONG = 70000 };
    weft_tensor *a = weft_full(s, WEFT_U8, 2, (int64_t[]){2, LONG}, 255);
    weft_tensor *b = weft_full(s, WEFT_U8, 2, (int64_t[]){LONG, 3}, 255);
    int32_t got[6];
    ck_assert_msg(weft_read(s, weft_matmul_int(s, a, b), got, sizeof got), "%s",
                  weft_scope_error(s)->text);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(got[i], (int32_t)(uint32_t)(UINT64_C(65025) * LONG));
    a = weft_full(s, WEFT_I8, 1, (int64_t[]){LONG}, -128);
    b = weft_full(s, WEFT_U8, 1, (int64_t[]){LONG}, 255);
    int32_t dot;
    ck_assert(weft_read(s, weft_matmul_int(s, a, b), &dot, sizeof dot));
    ck_assert_int_eq(dot, (int32_t)(uint32_t)(INT64_C(-32640) * LONG));
}
END_TEST

// What the op is made of: quantized layers, (a - za) (b - zb).
START_TEST(zero_points)
{
    const unsigned char a[] = {0, 255, 7, 130, 128, 9}, b[] = {255, 0, 3, 128, 77, 200};
    const int za = 128, zb = 3;
    weft_tensor *x = weft_from_host(s, WEFT_U8, 2, (int64_t[]){2, 3}, a);
    weft_tensor *y = weft_from_host(s, WEFT_U8, 2, (int64_t[]){3, 2}, b);
    weft_tensor *one = weft_full(s, WEFT_U8, 2, (int64_t[]){2, 3}, 1);
    weft_tensor *columns = weft_matmul_int(s, one, y);
    weft_tensor *rows = weft_matmul_int(s, x, weft_transpose(s, one, 0, 1));
    weft_tensor *c = weft_sub(s, weft_matmul_int(s, x, y), weft_scale(s, columns, za));
    c = weft_sub(s, c, weft_scale(s, rows, zb));
    c = weft_add(s, c, weft_full(s, WEFT_I32, 0, NULL, 3 * za * zb));
    int32_t got[4];
    ck_assert_msg(weft_read(s, c, got, sizeof got), "%s", weft_scope_error(s)->text);
    for (int i = 0; i < 4; i++) {
        int32_t want = 0;
        for (int k = 0; k < 3; k++)
            want += (a[i / 2 * 3 + k] - za) * (b[k * 2 + i % 2] - zb);
        ck_assert_int_eq(got[i], want);
    }
}
END_TEST

// Bytes carry no gradient, so none goes through; what reads them otherwise has its own.
START_TEST(no_gradient_flows)
{
    weft_tensor *w =
        weft_param(s, net, "w", (struct weft_init){WEFT_INIT_UNIFORM, -9, 9}, 2, (int64_t[]){4, 4});
    weft_tensor *q = weft_cast(s, w, WEFT_I8);
    weft_tensor *y = weft_cast(s, weft_matmul_int(s, q, q), WEFT_F32);
    weft_tensor *loss = weft_add(s, weft_sum(s, y, NULL), weft_sum(s, w, NULL));
    weft_tensor *g = weft_grad(s, loss, w);
    ck_assert_msg(g != NULL, "%s", weft_scope_error(s)->text);
    float *v = download(g);
    for (int i = 0; i < 16; i++)
        ck_assert_double_eq((double)v[i], 1);
    free(v);
}
END_TEST

START_TEST(the_fast_form_is_taken)
{
    weft_tensor *a = weft_full(s, WEFT_I8, 2, (int64_t[]){32, 64}, 1);
    weft_tensor *b = weft_full(s, WEFT_U8, 2, (int64_t[]){64, 32}, 2);
    struct weft_error err = {0};
    weft_tensor *c = weft_matmul_int(s, a, b);
    struct wf_record *r = wf_tensor(c)->record;
    weft_want(s, a);
    weft_want(s, b);
    struct wf_tensor *to = target(WEFT_I32, 2, c->shape);
    ck_assert_msg(wf_matmul_run(dev, r, NULL, to, &err), "%s", err.text);
    bool cpu = dev->info.type == WEFT_DEVICE_CPU;
    ck_assert_str_eq(r->variant, cpu ? "cpu_int" : "gpu_tile");
    int32_t got[32 * 32];
    ck_assert(weft_read(s, &to->pub, got, sizeof got));
    for (int i = 0; i < 32 * 32; i++)
        ck_assert_int_eq(got[i], 128);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("matmul_int");
    TCase *t = tcase_create("matmul_int");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, every_variant_gives_the_product);
    tcase_add_test(t, every_pair_of_dtypes);
    tcase_add_test(t, bytes_of_bytes);
    tcase_add_test(t, every_knob_gives_the_product);
    tcase_add_test(t, sums_wrap_around);
    tcase_add_test(t, zero_points);
    tcase_add_test(t, no_gradient_flows);
    tcase_add_test(t, the_fast_form_is_taken);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
