// WEFT_CHECK_NAN: the first call that makes a NaN or an infinity is named.
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <stdlib.h>

static void setup_checked(void)
{
    struct weft_error e = {0};
    dev = weft_device_create(weft_device_params(.check_nan = true), &e);
    ck_assert_msg(dev != NULL, "%s", e.text);
    s = weft_scope_create(dev, weft_scope_params(.train = true), &e);
    net = weft_params_create(dev, 7, &e);
    ck_assert(s && net);
}

static weft_tensor *vector(float a, float b, float c)
{
    return weft_from_host(s, WEFT_F32, 1, (int64_t[]){3}, (float[]){a, b, c});
}

START_TEST(the_first_op_is_named_with_its_label)
{
    weft_label_push(s, "decoder");
    weft_tensor *x = weft_neg(s, vector(1, 0, 2));
    weft_label_push(s, "head");
    weft_tensor *y = weft_log(s, x);
    weft_label_pop(s);
    weft_tensor *z = weft_sum(s, weft_exp(s, y), NULL);
    ck_assert(isnan(weft_item(s, z)));
    const struct weft_error *e = weft_scope_error(s);
    ck_assert_int_eq(e->status, WEFT_NONFINITE);
    ck_assert_str_eq(e->text, "decoder/head: log: has made a NaN or an infinity of finite inputs");
    weft_scope_clear(s);
    ck_assert_double_eq(weft_item(s, weft_sum(s, vector(1, 2, 3), NULL)), 6);
}
END_TEST

// What a call is made of inside is named with the call.
START_TEST(a_part_of_an_op_is_named_with_it)
{
    const int64_t shape[] = {2, 3}, two[] = {2}, label[] = {1, 1};
    weft_tensor *x = weft_full(s, WEFT_F32, 2, shape, 0.5);
    weft_cross_entropy(s, x, weft_from_host(s, WEFT_I64, 1, two, label),
                       weft_loss_params(.ignore = true, .ignored = 1));
    ck_assert(!weft_flush(s));
    assert_error(WEFT_NONFINITE, "cross_entropy: div: has made");
}
END_TEST

START_TEST(what_came_in_as_infinity_is_no_fault)
{
    weft_tensor *x = vector(1, -INFINITY, NAN);
    ck_assert(isnan(weft_item(s, weft_sum(s, weft_neg(s, x), NULL))));
    weft_tensor *mask = weft_full(s, WEFT_F32, 1, (int64_t[]){3}, -INFINITY);
    weft_tensor *y = weft_exp(s, weft_add(s, vector(1, 2, 3), mask));
    ck_assert_double_eq(weft_item(s, weft_sum(s, y, NULL)), 0);
    ck_assert_int_eq(weft_scope_error(s)->status, WEFT_OK);
}
END_TEST

// Of a view that is not dense, and of every type.
START_TEST(every_floating_type_is_looked_at)
{
    static const enum weft_dtype dtype[] = {WEFT_F16, WEFT_BF16, WEFT_F32, WEFT_F64};
    for (int i = 0; i < 4; i++) {
        if (dtype[i] == WEFT_F64 && !weft_device_has(dev, WEFT_CAP_F64))
            continue;
        float v[6] = {1, 2, 3, 4, 5, 0};
        weft_tensor *x = weft_from_host(s, WEFT_F32, 2, (int64_t[]){2, 3}, v);
        x = weft_transpose(s, weft_cast(s, x, dtype[i]), 0, 1);
        ck_assert(weft_flush(s));
        ck_assert_int_eq(weft_scope_error(s)->status, WEFT_OK);
        weft_div(s, weft_full(s, dtype[i], 0, NULL, 1), x);
        ck_assert(!weft_flush(s));
        assert_error(WEFT_NONFINITE, "div: has made");
    }
    weft_tensor *big = weft_full(s, WEFT_F32, 1, (int64_t[]){1}, 1e6);
    weft_cast(s, big, WEFT_F16);
    ck_assert(!weft_flush(s));
    assert_error(WEFT_NONFINITE, "cast: has made");
}
END_TEST

START_TEST(one_element_of_many_is_found)
{
    enum { N = 100003 };
    float *v = calloc(N, sizeof *v);
    for (int at = 0; at < N; at += 33334) {
        v[at] = 100;
        weft_exp(s, weft_from_host(s, WEFT_F32, 1, (int64_t[]){N}, v));
        ck_assert(!weft_flush(s));
        assert_error(WEFT_NONFINITE, "exp: has made");
        v[at] = 0;
    }
    weft_exp(s, weft_from_host(s, WEFT_F32, 1, (int64_t[]){N}, v));
    ck_assert(weft_flush(s));
    free(v);
}
END_TEST

START_TEST(an_update_that_overflows_names_the_parameter)
{
    struct weft_init init = {WEFT_INIT_CONSTANT, 1, 0};
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1e38), NULL);
    weft_tensor *w = weft_param(s, net, "fc.weight", init, 1, (int64_t[]){3});
    weft_backward(s, weft_sum(s, weft_scale(s, w, 1e10), NULL), net);
    weft_optim_step(sgd, s);
    ck_assert(!weft_scope_reset(s));
    assert_error(WEFT_NONFINITE, "in the parameter fc.weight");
    weft_optim_destroy(&sgd);
}
END_TEST

// A gradient's op has its own name.
START_TEST(a_gradient_is_named_too)
{
    struct weft_init init = {WEFT_INIT_CONSTANT, 0, 0};
    weft_tensor *w = weft_param(s, net, "w", init, 1, (int64_t[]){3});
    weft_backward(s, weft_sum(s, weft_sqrt(s, w), NULL), net);
    ck_assert(!weft_flush(s));
    assert_error(WEFT_NONFINITE, "sqrt_grad0: has made");
}
END_TEST

START_TEST(the_environment_and_eager_scopes)
{
    setenv("WEFT_CHECK_NAN", "1", 1);
    for (int i = 0; i < 2; i++) {
        struct weft_error e = {0};
        weft_device *d = weft_device_create(weft_device_params(.eager = i), &e);
        weft_scope *t = weft_scope_create(d, NULL, &e);
        weft_tensor *x = weft_log(t, weft_full(t, WEFT_F32, 0, NULL, -1));
        ck_assert(i ? !x : x && !weft_flush(t));
        ck_assert_int_eq(weft_scope_error(t)->status, WEFT_NONFINITE);
        weft_scope_destroy(&t);
        weft_device_destroy(&d);
        d = weft_device_create(weft_device_params(.no_env = true, .eager = i), &e);
        t = weft_scope_create(d, NULL, &e);
        weft_log(t, weft_full(t, WEFT_F32, 0, NULL, -1));
        ck_assert(weft_flush(t));
        weft_scope_destroy(&t);
        weft_device_destroy(&d);
    }
    unsetenv("WEFT_CHECK_NAN");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nan");
    TCase *t = tcase_create("check");
    tcase_add_checked_fixture(t, setup_checked, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, the_first_op_is_named_with_its_label);
    tcase_add_test(t, a_part_of_an_op_is_named_with_it);
    tcase_add_test(t, what_came_in_as_infinity_is_no_fault);
    tcase_add_test(t, every_floating_type_is_looked_at);
    tcase_add_test(t, one_element_of_many_is_found);
    tcase_add_test(t, an_update_that_overflows_names_the_parameter);
    tcase_add_test(t, a_gradient_is_named_too);
    tcase_add_test(t, the_environment_and_eager_scopes);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
