// weft_map: elementwise operations of the program's own.
#include "custom_fixture.h"
#include "run.h"

// x0^2 x1 + a0 x2 - a1
static const struct weft_map mix =
    WEFT_MAP(.name = "mix", .inputs = 3, .options = 2, .y = "x0 * x0 * x1 + a0 * x2 - a1",
             .dx = {"(T)2 * g * x0 * x1", "g * x0 * x0", "g * a0"});

START_TEST(a_map_is_its_expression)
{
    static const int size[] = {1, 31, 32, 33, 64, 4097};
    static float v[4097], got[4097];
    fill(v, 4097, 1);
    for (int k = 0; k < 6; k++) {
        weft_tensor *y = swish_of(matrix(v, 1, size[k]), 1.5);
        ck_assert_msg(weft_read(s, y, got, (size_t)size[k] * sizeof *got), "%s",
                      weft_scope_error(s)->text);
        for (int i = 0; i < size[k]; i++)
            ck_assert_float_eq_tol(got[i], (float)swish_on_host(v[i], 1.5), 1e-6f);
    }
    ck_assert(weft_read(s, swish_of(matrix(v, 0, 5), 1), NULL, 0));
}
END_TEST

// Against differences of the same expression in double.
START_TEST(a_map_has_the_gradient_of_its_expression)
{
    float v[33], got[33];
    fill(v, 33, 2);
    weft_tensor *x = matrix(v, 3, 11);
    weft_tensor *g = weft_grad(s, weft_sum(s, swish_of(x, 0.7), NULL), x);
    ck_assert_msg(weft_read(s, g, got, sizeof got), "%s", weft_scope_error(s)->text);
    for (int i = 0; i < 33; i++) {
        double h = 1e-6;
        double want = (swish_on_host(v[i] + h, 0.7) - swish_on_host(v[i] - h, 0.7)) / (2 * h);
        ck_assert_float_eq_tol(got[i], (float)want, 1e-5f);
    }
}
END_TEST

START_TEST(a_map_broadcasts_and_reads_any_stride)
{
    float a[12], b[4], c[3], got[12], ga[12], gb[4], gc[3];
    fill(a, 12, 3);
    fill(b, 4, 4);
    fill(c, 3, 5);
    // x0 [3, 4] is the transpose of [4, 3]; x1 [4]; x2 [3, 1].
    weft_tensor *x0 = weft_transpose(s, matrix(a, 4, 3), 0, 1);
    weft_tensor *x1 = weft_from_host(s, WEFT_F32, 1, (int64_t[]){4}, b), *x2 = matrix(c, 3, 1);
    weft_tensor *y = weft_map(s, &mix, (const weft_tensor *[]){x0, x1, x2}, (double[]){3, .5});
    ck_assert_msg(y != NULL, "%s", weft_scope_error(s)->text);
    ck_assert(y->ndim == 2 && y->shape[0] == 3 && y->shape[1] == 4);
    weft_tensor *loss = weft_sum(s, y, NULL);
    weft_tensor *g0 = weft_grad(s, loss, x0), *g1 = weft_grad(s, loss, x1);
    weft_tensor *g2 = weft_grad(s, loss, x2);
    ck_assert(weft_read(s, y, got, sizeof got) && weft_read(s, g0, ga, sizeof ga));
    ck_assert(weft_read(s, g1, gb, sizeof gb) && weft_read(s, g2, gc, sizeof gc));
    float want_b[4] = {0}, want_c[3] = {0};
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 4; j++) {
            float x = a[j * 3 + i];
            ck_assert_float_eq_tol(got[i * 4 + j], x * x * b[j] + 3 * c[i] - .5f, 1e-5f);
            ck_assert_float_eq_tol(ga[i * 4 + j], 2 * x * b[j], 1e-5f);
            want_b[j] += x * x;
            want_c[i] += 3;
        }
    }
    for (int j = 0; j < 4; j++)
        ck_assert_float_eq_tol(gb[j], want_b[j], 1e-4f);
    for (int i = 0; i < 3; i++)
        ck_assert_float_eq_tol(gc[i], want_c[i], 1e-4f);
}
END_TEST

START_TEST(a_map_takes_every_dtype)
{
    static const enum weft_dtype dtype[] = {WEFT_F16, WEFT_BF16, WEFT_F64, WEFT_I8,
                                            WEFT_U8,  WEFT_I32,  WEFT_I64};
    static const struct weft_map poly =
        WEFT_MAP(.name = "poly", .y = "x0 * x0 +\n x0", .flat = true);
    const float v[2] = {3, 2};
    float got[2];
    for (int i = 0; i < 7; i++) {
        if (dtype[i] == WEFT_F64 && !weft_device_has(dev, WEFT_CAP_F64))
            continue;
        const weft_tensor *x = weft_cast(s, matrix(v, 1, 2), dtype[i]);
        weft_tensor *y = weft_map(s, &poly, &x, NULL);
        ck_assert_msg(y && y->dtype == dtype[i], "%s", weft_scope_error(s)->text);
        ck_assert(weft_read(s, weft_cast(s, y, WEFT_F32), got, sizeof got));
        ck_assert_float_eq(got[0], 12);
        ck_assert_float_eq(got[1], 6);
    }
    // Half: rounded once, when stored.
    uint16_t half, want = 0x3555; // 1/3
    static const struct weft_map third = WEFT_MAP(.name = "third", .y = "x0 / (T)3", .flat = true);
    const weft_tensor *one = weft_full(s, WEFT_F16, 0, NULL, 1);
    ck_assert(weft_read(s, weft_map(s, &third, &one, NULL), &half, sizeof half));
    ck_assert_int_eq(half, want);
}
END_TEST

START_TEST(a_map_that_does_not_compile_is_told)
{
    static const struct weft_map wrong = WEFT_MAP(.name = "wrong", .y = "x0 + nonsense");
    const weft_tensor *x = weft_full(s, WEFT_F32, 0, NULL, 1);
    for (int i = 0; i < 2; i++) {
        weft_label_push(s, "block");
        ck_assert_ptr_nonnull(weft_map(s, &wrong, &x, NULL));
        ck_assert(!weft_flush(s));
        const struct weft_error *e = weft_scope_error(s);
        ck_assert_msg(strstr(e->text, "block: wrong: ") == e->text && strstr(e->text, "nonsense"),
                      "%s", e->text);
        assert_error(WEFT_BUILD, "did not compile");
        x = weft_full(s, WEFT_F32, 0, NULL, 1);
    }
    ck_assert_double_eq_tol(weft_item(s, swish_of(x, 1)), swish_on_host(1, 1), 1e-6);
}
END_TEST

START_TEST(an_incomplete_map_is_refused)
{
    static const struct {
        struct weft_map map;
        const char *part;
    } wrong[] = {
        {{0}, "map: there is no name"},
        {WEFT_MAP(.name = "a b", .y = "x0"), "map: the name \"a b\" is not of"},
        {WEFT_MAP(.name = "m"), "m: the map has no expression y"},
        {WEFT_MAP(.name = "m", .y = ""), "m: the map has no expression y"},
        {WEFT_MAP(.name = "m", .y = "x0", .inputs = 4), "m: the map has 4 inputs and 0 options"},
        {WEFT_MAP(.name = "m", .y = "x0", .options = 3), "m: the map has 1 inputs and 3 options"},
        {WEFT_MAP(.name = "m", .y = "x0", .dx = {""}), "m: dx[0] is empty"},
        {WEFT_MAP(.name = "m", .y = "x0", .dx = {"g", "g"}), "m: dx[1] is of no input"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const weft_tensor *x = weft_full(s, WEFT_F32, 0, NULL, 1);
        ck_assert_ptr_null(weft_map(s, &wrong[i].map, &x, NULL));
        assert_error(WEFT_PARAM, wrong[i].part);
    }
    ck_assert_ptr_null(weft_map(s, NULL, NULL, NULL));
    assert_error(WEFT_PARAM, "map: the map is NULL");
    ck_assert_ptr_null(weft_map(s, &swish, NULL, (double[]){1}));
    assert_error(WEFT_PARAM, "swish: the inputs are NULL");
    const weft_tensor *zero = weft_full(s, WEFT_F32, 0, NULL, 0);
    ck_assert_ptr_null(weft_map(s, &swish, &zero, NULL));
    assert_error(WEFT_PARAM, "swish: the options are NULL");
    float v[6] = {0};
    weft_tensor *a = matrix(v, 2, 3), *b = matrix(v, 3, 2), *c = weft_cast(s, a, WEFT_I32);
    double option[2] = {0};
    ck_assert_ptr_null(weft_map(s, &mix, (const weft_tensor *[]){a, b, a}, option));
    assert_error(WEFT_SHAPE, "mix: [2,3] and [3,2] do not broadcast");
    a = matrix(v, 2, 3), c = weft_cast(s, a, WEFT_I32);
    ck_assert_ptr_null(weft_map(s, &mix, (const weft_tensor *[]){a, a, c}, option));
    assert_error(WEFT_DTYPE, "mix: x0 is F32 and x2 I32");
    ck_assert_ptr_null(weft_map(s, &mix, (const weft_tensor *[]){NULL, a, c}, option));
    assert_error(WEFT_PARAM, "mix: a tensor is NULL");
}
END_TEST

START_TEST(a_map_without_derivative_is_refused_or_flat)
{
    struct weft_map m = WEFT_MAP(.name = "half_way", .inputs = 2, .y = "x0 * x1", .dx = {"g * x1"});
    weft_tensor *a = weft_full(s, WEFT_F32, 0, NULL, 3), *b = weft_full(s, WEFT_F32, 0, NULL, 5);
    weft_tensor *y = weft_map(s, &m, (const weft_tensor *[]){a, b}, NULL);
    ck_assert_double_eq(weft_item(s, weft_grad(s, y, a)), 5);
    ck_assert_ptr_null(weft_grad(s, y, b));
    assert_error(WEFT_UNSUPPORTED, "half_way: the map has no dx[1]");
    m.flat = true;
    a = weft_full(s, WEFT_F32, 0, NULL, 3), b = weft_full(s, WEFT_F32, 0, NULL, 5);
    y = weft_add(s, a, weft_map(s, &m, (const weft_tensor *[]){a, b}, NULL));
    ck_assert_double_eq(weft_item(s, weft_grad(s, y, a)), 1);
}
END_TEST

// The description need not outlive the call.
START_TEST(a_map_is_copied)
{
    char name[] = "times", text[] = "x0 * a0", dx[] = "g * a0";
    struct weft_map m = WEFT_MAP(.name = name, .options = 1, .y = text, .dx = {dx});
    const weft_tensor *x = weft_full(s, WEFT_F32, 0, NULL, 3);
    weft_tensor *y = weft_map(s, &m, &x, (double[]){4});
    memset(name, 'z', 5);
    memset(text, 'z', 7);
    memset(dx, 'z', 6);
    memset(&m, 0, sizeof m);
    weft_tensor *g = weft_grad(s, y, x);
    ck_assert_double_eq(weft_item(s, g), 4);
    ck_assert_double_eq(weft_item(s, y), 12);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("map");
    TCase *t = tcase_create("map");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_map_is_its_expression);
    tcase_add_test(t, a_map_has_the_gradient_of_its_expression);
    tcase_add_test(t, a_map_broadcasts_and_reads_any_stride);
    tcase_add_test(t, a_map_takes_every_dtype);
    tcase_add_test(t, a_map_that_does_not_compile_is_told);
    tcase_add_test(t, an_incomplete_map_is_refused);
    tcase_add_test(t, a_map_without_derivative_is_refused_or_flat);
    tcase_add_test(t, a_map_is_copied);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
