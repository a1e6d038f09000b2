// Matrix products with other knobs than those that are chosen: every value of every knob of every
// variant, at sizes around those of the tiles, in all forms, with an epilogue.
#include "matmul_fixture.h"

enum { SETS = 6, OFFSET = 3 };

// a_turned: rows lie side by side; b_turned: k does. shared: one b for the whole batch. Both
// operands begin at `offset`, which may not be one of a vector; `pad` is between their rows.
struct shape {
    int64_t m, n, k, count, offset, pad;
    bool a_turned, b_turned, shared;
};

static const struct shape shapes[] = {
    {65, 63, 300, 2, 0, 0, false, false, false},    {64, 128, 64, 2, 0, 0, true, true, true},
    {33, 129, 95, 2, OFFSET, 1, true, false, true}, {127, 68, 37, 1, 4, 4, false, true, false},
    {68, 3, 300, 2, 4, 0, false, false, true},      {130, 7, 77, 2, OFFSET, 0, true, true, false},
    {1, 131, 300, 2, 0, 0, false, false, false},    {2, 64, 520, 1, 0, 0, true, true, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int64_t row_of(const struct shape *f, bool b)
{
    return f->pad + (b ? f->b_turned ? f->k : f->n : f->a_turned ? f->m : f->k);
}

static int64_t step_of(const struct shape *f, bool b)
{
    return row_of(f, b) * (b ? f->b_turned ? f->n : f->k : f->a_turned ? f->k : f->m);
}

static struct wf_matmul problem_of(const struct shape *f, weft_tensor *const x[3],
                                   const struct wf_tensor *c, const struct wf_epilogue *e)
{
    int64_t a = row_of(f, false), b = row_of(f, true);
    struct wf_matmul p = {.dtype = x[0]->dtype,
                          .out = c->pub.dtype,
                          .m = f->m,
                          .n = f->n,
                          .k = f->k,
                          .count = f->count,
                          .plain_m = f->m,
                          .plain_count = f->count,
                          .a_m = f->a_turned ? 1 : a,
                          .a_k = f->a_turned ? a : 1,
                          .b_k = f->b_turned ? 1 : b,
                          .b_n = f->b_turned ? b : 1,
                          .a = wf_tensor(x[0])->storage->mem,
                          .b = wf_tensor(x[1])->storage->mem,
                          .c = c->storage->mem,
                          .epilogue = e,
                          .e_n = {1}};
    p.batch = (struct wf_dims){.rank = 1,
                               .views = e ? 3 : 2,
                               .shape = {f->count},
                               .stride = {{step_of(f, false)}, {f->shared ? 0 : step_of(f, true)}},
                               .offset = {f->offset, f->offset}};
    return p;
}

static weft_tensor *host_product(const struct shape *f, enum weft_dtype dtype, const float *a,
                                 const float *b, const struct wf_matmul *p)
{
    int64_t each = f->m * f->n;
    float *want = calloc((size_t)(f->count * each), sizeof *want);
    for (int64_t i = 0; i < f->count * each; i++) {
        int64_t t = i / each, m = i % each / f->n, n = i % f->n;
        const float *am = a + f->offset + t * p->batch.stride[0][0] + m * p->a_m;
        const float *bm = b + f->offset + t * p->batch.stride[1][0] + n * p->b_n;
        for (int64_t k = 0; k < f->k; k++)
            want[i] += am[k * p->a_k] * bm[k * p->b_k];
    }
    weft_tensor *y = upload(dtype, 3, (int64_t[]){f->count, f->m, f->n}, want);
    free(want);
    return y;
}

// The set-th value of each knob, as far as it fits with those before it and the chosen ones.
static bool choose_set(const struct wf_matmul_variant *v, const struct wf_matmul *p, int set,
                       int *knob)
{
    if (!v->choose)
        return false;
    v->choose(dev, p, knob);
    if (!v->fits(dev, p, knob))
        return false;
    for (int i = 0; v->knobs[i].name; i++) {
        int was = knob[i];
        knob[i] = v->knobs[i].value[(set + i + i / 2) % v->knobs[i].values];
        if (!v->fits(dev, p, knob))
            knob[i] = was;
    }
    return true;
}

// What a failure reads: the variant and its knobs.
static const char *describe(const struct wf_matmul_variant *v, const int *knob, int shape)
{
    static char text[300];
    int at = snprintf(text, sizeof text, "shape %d, %s", shape, v->name);
    for (int i = 0; v->knobs[i].name; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, " %s=%d", v->knobs[i].name, knob[i]);
    return text;
}

static bool seen[16][WF_MATMUL_KNOBS][WF_KNOB_VALUES];

// Marks the values that ran.
static void note(int variant, const struct wf_matmul_variant *v, const int *knob)
{
    for (int i = 0; v->knobs[i].name; i++) {
        for (int j = 0; j < v->knobs[i].values; j++)
            seen[variant][i][j] = seen[variant][i][j] || knob[i] == v->knobs[i].value[j];
    }
}

// The product by every variant with a set of knobs; with `wide` indices where the set is odd.
static void check_set(enum weft_dtype dtype, int shape, int set)
{
    const struct shape *f = &shapes[shape];
    int64_t na = f->offset + f->count * step_of(f, false) + 1,
            nb = f->offset + f->count * step_of(f, true) + 1;
    float *a = coarse_values(na), *b = coarse_values(nb);
    weft_tensor *x[] = {upload(dtype, 1, &na, a), upload(dtype, 1, &nb, b),
                        random_tensor(dtype, 1, &f->n)};
    for (int i = 0; i < 3; i++)
        weft_want(s, x[i]);
    struct wf_epilogue e = {.text = "v + b0", .nin = 1, .in = {wf_tensor(x[2])}};
    for (int i = 0; wf_matmul_variants[i]; i++) {
        const struct wf_matmul_variant *v = wf_matmul_variants[i];
        struct wf_tensor *c = target(dtype, 3, (int64_t[]){f->count, f->m, f->n});
        struct wf_matmul p = problem_of(f, x, c, set % 2 ? &e : NULL);
        struct weft_error err = {0};
        int knob[WF_MATMUL_KNOBS] = {0};
        p.wide = set == 3;
        if (!choose_set(v, &p, set, knob))
            continue;
        const char *what = describe(v, knob, shape);
        weft_tensor *want = host_product(f, dtype, a, b, &p);
        ck_assert_msg(v->run(dev, &p, knob, &err), "%s: %s", what, err.text);
        assert_same(what, &c->pub, p.epilogue ? weft_add(s, want, x[2]) : want);
        note(i, v, knob);
    }
    free(a);
    free(b);
    ck_assert(weft_scope_reset(s));
}

// Of the variants for groups of many work-items: the CPU's has sets that exclude each other.
static void assert_all_seen(int variant)
{
    const struct wf_matmul_variant *v = wf_matmul_variants[variant];
    for (int i = 0; v->knobs[i].name; i++) {
        for (int j = 0; j < v->knobs[i].values; j++)
            ck_assert_msg(seen[variant][i][j], "%s: %s=%d never ran", v->name, v->knobs[i].name,
                          v->knobs[i].value[j]);
    }
}

START_TEST(every_knob_gives_the_product)
{
    for (int set = 0; set < SETS; set++) {
        // Each set on one shape of tiles and one of few rows: all forms are met twice.
        check_set(WEFT_F32, set % 4, set);
        check_set(WEFT_F32, 4 + set % 4, set);
    }
    for (int i = 0; wf_matmul_variants[i]; i++) {
        const struct wf_matmul_variant *v = wf_matmul_variants[i];
        if (v == &wf_matmul_gemv || v == &wf_matmul_gpu_tile || v == &wf_matmul_gpu_packed)
            assert_all_seen(i);
    }
}
END_TEST

START_TEST(other_dtypes)
{
    const enum weft_dtype dtype[] = {WEFT_F16, WEFT_BF16, WEFT_F64};
    for (int i = 0; i < 3; i++) {
        if (dtype[i] == WEFT_F64 && !weft_device_has(dev, WEFT_CAP_F64))
            continue;
        check_set(dtype[i], i, i);
        check_set(dtype[i], 4 + i, i + 1);
    }
}
END_TEST

// Sums that do round, in parts of k: the same every time.
START_TEST(parts_are_added_in_order)
{
    const struct wf_matmul_variant *const v[] = {&wf_matmul_gpu_tile, &wf_matmul_gemv};
    for (int i = 0; i < 2; i++) {
        const struct shape f = {i ? 1 : 33, 65, 2000, 1, 0, 0, false, false, false};
        int64_t na = f.m * f.k, nb = f.k * f.n;
        weft_tensor *x[] = {weft_scale(s, random_tensor(WEFT_F32, 1, &na), 1.1),
                            weft_scale(s, random_tensor(WEFT_F32, 1, &nb), 1.3), NULL};
        float *got[2];
        weft_want(s, x[0]);
        weft_want(s, x[1]);
        for (int k = 0; k < 2; k++) {
            struct wf_tensor *c = target(WEFT_F32, 3, (int64_t[]){1, f.m, f.n});
            struct wf_matmul p = problem_of(&f, x, c, NULL);
            struct weft_error err = {0};
            int knob[WF_MATMUL_KNOBS] = {0};
            v[i]->choose(dev, &p, knob);
            for (int j = 0; v[i]->knobs[j].name; j++) {
                if (!strcmp(v[i]->knobs[j].name, "SPLIT"))
                    knob[j] = 4;
            }
            ck_assert_msg(v[i]->run(dev, &p, knob, &err), "%s", err.text);
            got[k] = download(&c->pub);
        }
        ck_assert_mem_eq(got[0], got[1], (size_t)(f.m * f.n) * sizeof *got[0]);
        free(got[0]);
        free(got[1]);
    }
}
END_TEST

// The largest tiles, as they are chosen, with and without a copy of what is not aligned; a float
// holds every sum, so the bits are those of the plain way.
START_TEST(large_products)
{
    const struct shape f = {1450, 1411, 67, 1, OFFSET, 0, false, true, false};
    int64_t na = OFFSET + f.m * f.k, nb = OFFSET + f.k * f.n;
    weft_tensor *x[] = {random_tensor(WEFT_F32, 1, &na), random_tensor(WEFT_F32, 1, &nb), NULL};
    const struct wf_matmul_variant *const v[] = {&wf_matmul_plain, &wf_matmul_gpu_tile,
                                                 &wf_matmul_gpu_packed};
    struct wf_tensor *c[3];
    int knob[WF_MATMUL_KNOBS];
    weft_want(s, x[0]);
    weft_want(s, x[1]);
    for (int i = 0; i < 3; i++) {
        c[i] = target(WEFT_F32, 3, (int64_t[]){1, f.m, f.n});
        struct wf_matmul p = problem_of(&f, x, c[i], NULL);
        struct weft_error err = {0};
        bool large = dev->info.max_group >= 256 && dev->info.local_memory >= 48 << 10 &&
                     !strstr(dev->info.vendor, "Intel(R)");
        wf_matmul_gpu_tile.choose(dev, &p, knob);
        ck_assert_int_eq(knob[0], large ? 128 : 64);
        ck_assert(wf_matmul_can(dev, &p, v[i]));
        ck_assert_msg(wf_matmul_try(dev, &p, v[i], &err), "%s: %s", v[i]->name, err.text);
        assert_same(v[i]->name, &c[i]->pub, &c[0]->pub);
    }
}
END_TEST

// Whole numbers have tiles on GPUs.
START_TEST(tiles_of_integers)
{
    const int64_t sa[] = {37, 70}, sb[] = {70, 41};
    weft_tensor *a = weft_cast(s, weft_scale(s, random_tensor(WEFT_F32, 2, sa), 64), WEFT_I8);
    weft_tensor *b = weft_cast(s, weft_scale(s, random_tensor(WEFT_F32, 2, sb), 64), WEFT_I8);
    const enum weft_dtype dtype[] = {WEFT_I8, WEFT_U8, WEFT_I32, WEFT_I64};
    for (int i = 0; i < 4; i++) {
        weft_tensor *x = weft_cast(s, a, dtype[i]), *y = weft_cast(s, b, dtype[i]);
        weft_tensor *want = weft_matmul(s, x, y);
        struct wf_record *r = wf_tensor(want)->record;
        weft_want(s, x);
        weft_want(s, y);
        struct wf_tensor *c = target(dtype[i], 2, want->shape);
        struct weft_error err = {0};
        struct wf_matmul p = wf_matmul_problem(r, NULL, c);
        ck_assert(wf_matmul_can(dev, &p, &wf_matmul_gpu_tile));
        ck_assert_msg(wf_matmul_try(dev, &p, &wf_matmul_plain, &err), "%s", err.text);
        float *plain = download(&c->pub);
        ck_assert_msg(wf_matmul_try(dev, &p, &wf_matmul_gpu_tile, &err), "%s", err.text);
        float *tile = download(&c->pub);
        ck_assert_mem_eq(plain, tile, sizeof *tile * 37 * 41);
        free(plain);
        free(tile);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("matmul_knobs");
    TCase *t = tcase_create("matmul_knobs");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 900);
    tcase_add_test(t, parts_are_added_in_order);
    tcase_add_test(t, every_knob_gives_the_product);
    tcase_add_test(t, other_dtypes);
    tcase_add_test(t, large_products);
    tcase_add_test(t, tiles_of_integers);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
