// Training beyond one step of one store: who may be destroyed when, several stores, gradients that
// do not exist, and memory.
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <math.h>
#include <string.h>
#include <weft/weft.h>

static struct weft_error err; // of the calls that take one

static weft_tensor *param_of(weft_params *p, const char *name, double value, int64_t n)
{
    struct weft_init init = {WEFT_INIT_CONSTANT, value, 0};
    return weft_param(s, p, name, init, 1, &n);
}

static float value_of(weft_params *p, const char *name)
{
    float v = NAN;
    ck_assert_msg(weft_params_get(p, name, &v, sizeof v, &err), "%s", err.text);
    return v;
}

START_TEST(an_optimizer_may_go_before_its_step_has_run)
{
    weft_optim *o = weft_adam_create(net, weft_adam_params(.lr = 1), &err);
    weft_backward(s, weft_sum(s, param_of(net, "w", 3, 1), NULL), net);
    ck_assert(weft_optim_step(o, s));
    weft_optim_destroy(&o);
    ck_assert(weft_scope_reset(s));
    ck_assert_float_eq_tol(value_of(net, "w"), 2, 1e-5f);
}
END_TEST

START_TEST(params_may_go_before_the_scope_that_reads_them)
{
    weft_optim *o = weft_sgd_create(net, NULL, &err);
    weft_tensor *y = weft_scale(s, param_of(net, "w", 3, 1), 2);
    weft_backward(s, weft_sum(s, y, NULL), net);
    weft_optim_step(o, s);
    weft_optim_destroy(&o);
    weft_params_destroy(&net);
    ck_assert_double_eq(weft_item(s, y), 6);
    ck_assert(weft_scope_reset(s));
}
END_TEST

START_TEST(the_device_may_go_first)
{
    weft_params *keep = net;
    weft_device_destroy(&dev);
    ck_assert_double_eq(weft_item(s, param_of(keep, "w", 3, 1)), 3);
    ck_assert(weft_scope_reset(s));
}
END_TEST

// A gradient penalty would need the second derivative; a wrong number would be worse than none.
START_TEST(gradients_of_gradients_are_refused)
{
    weft_tensor *x = param_of(net, "w", 3, 4);
    weft_tensor *g = weft_grad(s, weft_sum(s, weft_tanh(s, x), NULL), x);
    ck_assert_ptr_nonnull(g);
    ck_assert(!weft_backward(s, weft_sum(s, weft_square(s, g), NULL), net));
    assert_error(WEFT_UNSUPPORTED, "tanh_grad0: has no gradient");
    x = param_of(net, "w", 3, 4);
    g = weft_grad(s, weft_sum(s, weft_square(s, x), NULL), x);
    ck_assert_ptr_null(weft_grad(s, weft_sum(s, g, NULL), x));
    assert_error(WEFT_UNSUPPORTED, "square_grad0: has no gradient");
}
END_TEST

START_TEST(comparisons_cut_gradients_without_an_error)
{
    weft_tensor *w = param_of(net, "w", 3, 4);
    weft_tensor *hit = weft_cast(s, weft_eq(s, w, w), WEFT_F32);
    weft_tensor *loss = weft_sum(s, weft_add(s, weft_mul(s, w, hit), weft_detach(s, w)), NULL);
    ck_assert_msg(weft_backward(s, loss, net) && weft_flush(s), "%s", weft_scope_error(s)->text);
    float g[4];
    ck_assert(weft_params_get_grad(net, "w", g, sizeof g, NULL));
    ck_assert_float_eq(g[3], 1);
}
END_TEST

// As for the two halves of a generative adversarial network.
START_TEST(backward_makes_gradients_for_the_store_it_is_given)
{
    weft_params *other = weft_params_create(dev, 8, &err);
    weft_tensor *loss = weft_sum(
        s,
        weft_mul(s, weft_exp(s, param_of(net, "w", 0, 1)), weft_exp(s, param_of(other, "v", 0, 1))),
        NULL);
    ck_assert(weft_flush(s));
    uint64_t before = stats().launches;
    ck_assert(weft_backward(s, loss, net) && weft_flush(s));
    // exp(w) and exp(v) are at hand; mul_grad0 and exp_grad0, but nothing towards v.
    ck_assert_uint_le(stats().launches, before + 3);
    float g = 0;
    ck_assert(weft_params_get_grad(net, "w", &g, sizeof g, NULL));
    ck_assert_float_eq(g, 1);
    ck_assert(weft_params_get_grad(other, "v", &g, sizeof g, NULL));
    ck_assert_float_eq(g, 0);
    weft_params_destroy(&other);
}
END_TEST

START_TEST(freezing_binds_when_a_layer_is_recorded)
{
    weft_tensor *loss = weft_sum(s, param_of(net, "w", 3, 1), NULL);
    weft_params_freeze(net, "", true);
    ck_assert_msg(weft_backward(s, loss, net) && weft_flush(s), "%s", weft_scope_error(s)->text);
    weft_scope_reset(s);
    ck_assert(!weft_backward(s, weft_sum(s, param_of(net, "w", 3, 1), NULL), net));
    assert_error(WEFT_PARAM, "not frozen");
}
END_TEST

// Adam's first step moves a parameter by lr, however many steps others have made.
START_TEST(adam_counts_the_steps_of_each_parameter)
{
    weft_optim *o = weft_adam_create(net, weft_adam_params(.lr = 0.1), &err);
    param_of(net, "late", 5, 1);
    weft_params_freeze(net, "late", true);
    for (int i = 0; i < 20; i++) {
        if (i == 19)
            weft_params_freeze(net, "late", false);
        weft_tensor *sum = weft_add(s, param_of(net, "w", 3, 1), param_of(net, "late", 5, 1));
        weft_backward(s, weft_sum(s, sum, NULL), net);
        weft_optim_step(o, s);
        ck_assert(weft_scope_reset(s));
    }
    ck_assert_float_eq_tol(value_of(net, "w"), 1, 1e-4f);
    ck_assert_float_eq_tol(value_of(net, "late"), 4.9f, 1e-5f);
    weft_optim_destroy(&o);
}
END_TEST

START_TEST(labels_pop_as_they_were_pushed)
{
    weft_label_push(s, "outer");
    weft_label_push(s, "dec/fc1");
    weft_label_pop(s);
    weft_label_push(s, "");
    weft_label_pop(s);
    weft_neg(s, NULL);
    assert_error(WEFT_PARAM, "outer: neg: a tensor is NULL");
    weft_label_pop(s); // one too many
    weft_neg(s, NULL);
    ck_assert_str_eq(weft_scope_error(s)->text, "neg: a tensor is NULL");
}
END_TEST

// After backward, the activations and the gradients between are gone: what stays are the
// parameters, their gradients and the leaves.
START_TEST(backward_gives_its_memory_back)
{
    enum { WIDTH = 256, BATCH = 512, LAYERS = 6 };
    weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){BATCH, WIDTH}, 0.5), *h = x;
    for (int i = 0; i < LAYERS; i++) {
        char name[8] = {'f', 'c', (char)('0' + i)};
        h = weft_tanh(s, weft_linear(s, net, name, h, weft_linear_params(.out = WIDTH)));
    }
    weft_tensor *loss = weft_sum(s, h, NULL);
    ck_assert(weft_backward(s, loss, net) && weft_flush(s));
    uint64_t store = 2 * LAYERS * (WIDTH * WIDTH + WIDTH) * 4, activation = BATCH * WIDTH * 4;
    ck_assert_uint_le(stats().bytes_used, store + activation * 9 / 8 + (64 << 10));
    // At most: the store, every activation, and two gradients on their way.
    ck_assert_uint_le(stats().bytes_peak, (store + activation * (LAYERS + 4)) * 9 / 8);
}
END_TEST

START_TEST(a_wrong_step_size_is_refused)
{
    weft_optim *o = weft_sgd_create(net, NULL, &err);
    weft_backward(s, weft_sum(s, param_of(net, "w", 3, 1), NULL), net);
    weft_optim_set_lr(o, -1);
    ck_assert(!weft_optim_step(o, s));
    assert_error(WEFT_PARAM, "optimizer: lr is -1");
    weft_optim_destroy(&o);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train");
    TCase *t = tcase_create("train");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, an_optimizer_may_go_before_its_step_has_run);
    tcase_add_test(t, params_may_go_before_the_scope_that_reads_them);
    tcase_add_test(t, the_device_may_go_first);
    tcase_add_test(t, gradients_of_gradients_are_refused);
    tcase_add_test(t, comparisons_cut_gradients_without_an_error);
    tcase_add_test(t, backward_makes_gradients_for_the_store_it_is_given);
    tcase_add_test(t, freezing_binds_when_a_layer_is_recorded);
    tcase_add_test(t, adam_counts_the_steps_of_each_parameter);
    tcase_add_test(t, labels_pop_as_they_were_pushed);
    tcase_add_test(t, backward_gives_its_memory_back);
    tcase_add_test(t, a_wrong_step_size_is_refused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
