// The rules of scopes: what is kept, what is computed again, in which order updates run, which
// handles are refused, how errors stay.
#include "core/scope.h"
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <math.h>
#include <pthread.h>
#include <weft/weft.h>

static weft_tensor *vector(float a, float b, float c)
{
    return weft_from_host(s, WEFT_F32, 1, (int64_t[]){3}, (float[]){a, b, c});
}

// A parameter of three elements, all `value`.
static weft_tensor *param(const char *name, double value)
{
    return weft_param(s, net, name, (struct weft_init){WEFT_INIT_CONSTANT, value, 0}, 1,
                      (int64_t[]){3});
}

static void assert_values(const weft_tensor *x, float a, float b, float c)
{
    float got[3];
    ck_assert_msg(weft_read(s, x, got, sizeof got), "%s", weft_scope_error(s)->text);
    ck_assert_float_eq(got[0], a);
    ck_assert_float_eq(got[1], b);
    ck_assert_float_eq(got[2], c);
}

START_TEST(nothing_runs_before_a_value_is_asked_for)
{
    weft_tensor *x = vector(1, -2, 3);
    uint64_t before = stats().launches;
    weft_tensor *y = weft_relu(s, weft_neg(s, x));
    ck_assert_int_eq(y->ndim, 1);
    ck_assert_int_eq(y->shape[0], 3);
    ck_assert_uint_eq(stats().launches, before);
    assert_values(y, 0, 2, 0);
    ck_assert_uint_eq(stats().launches, before + 1); // as one kernel
}
END_TEST

START_TEST(a_reset_drops_what_nobody_asked_for)
{
    weft_tensor *x = vector(1, 2, 3);
    weft_flush(s);
    uint64_t before = stats().launches;
    weft_exp(s, x);
    ck_assert(weft_scope_reset(s));
    ck_assert_uint_eq(stats().launches, before);
}
END_TEST

START_TEST(reading_waits_once)
{
    weft_tensor *y = weft_sum(s, weft_exp(s, vector(0, 0, 0)), NULL);
    uint64_t before = stats().waits;
    ck_assert_double_eq(weft_item(s, y), 3);
    ck_assert_uint_eq(stats().waits, before + 1);
}
END_TEST

START_TEST(a_value_between_is_computed_again_when_asked_for)
{
    weft_tensor *x = vector(1, 4, 9), *root = weft_sqrt(s, x), *y = weft_neg(s, root);
    assert_values(y, -1, -2, -3);
    ck_assert_ptr_null(wf_tensor(root)->storage);
    uint64_t before = stats().launches;
    assert_values(root, 1, 2, 3);
    ck_assert_uint_eq(stats().launches, before + 1);
}
END_TEST

START_TEST(what_was_wanted_keeps_its_storage)
{
    weft_tensor *x = vector(1, 4, 9), *root = weft_sqrt(s, x);
    ck_assert_ptr_eq(weft_want(s, root), root);
    assert_values(weft_neg(s, root), -1, -2, -3);
    uint64_t before = stats().launches;
    assert_values(root, 1, 2, 3);
    ck_assert_uint_eq(stats().launches, before);
}
END_TEST

START_TEST(what_a_gradient_reads_is_kept_until_backward)
{
    weft_tensor *w = param("w", 2), *e = weft_exp(s, w), *loss = weft_sum(s, weft_neg(s, e), NULL);
    ck_assert_double_eq_tol(weft_item(s, loss), -3 * exp(2), 1e-5);
    ck_assert_ptr_nonnull(wf_tensor(e)->storage);
    uint64_t before = stats().launches;
    ck_assert(weft_backward(s, loss, net) && weft_flush(s));
    ck_assert_ptr_null(wf_tensor(e)->storage);
    // ones, expand (a view), neg_grad0, exp_grad0, and nothing of the forward pass.
    ck_assert_uint_le(stats().launches, before + 3);
    float g[3];
    ck_assert(weft_params_get_grad(net, "w", g, sizeof g, NULL));
    ck_assert_float_eq_tol(g[1], -expf(2), 1e-5f);
}
END_TEST

START_TEST(views_copy_nothing)
{
    float got[6];
    weft_tensor *x = weft_from_host(s, WEFT_F32, 2, (int64_t[]){2, 3}, (float[]){1, 2, 3, 4, 5, 6});
    weft_tensor *t = weft_transpose(s, x, 0, 1);
    weft_tensor *r = weft_reshape(s, x, 2, (int64_t[]){3, -1});
    weft_tensor *e = weft_expand(s, x, 3, (int64_t[]){5, 2, 3});
    ck_assert_int_eq(r->shape[1], 2);
    uint64_t before = stats().bytes_used;
    ck_assert(weft_flush(s));
    ck_assert_uint_eq(stats().bytes_used, before);
    ck_assert_ptr_eq(wf_tensor(t)->storage, wf_tensor(x)->storage);
    ck_assert_ptr_eq(wf_tensor(e)->storage, wf_tensor(x)->storage);
    ck_assert(weft_read(s, t, got, sizeof got));
    ck_assert_float_eq(got[1], 4);
    ck_assert_float_eq(got[2], 2);
    ck_assert(weft_read(s, r, got, sizeof got));
    ck_assert_float_eq(got[1], 2);
}
END_TEST

START_TEST(an_update_runs_after_what_was_recorded_before_it)
{
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1), NULL);
    weft_tensor *w = param("w", 2), *before = weft_scale(s, w, 10);
    weft_backward(s, weft_sum(s, w, NULL), net);
    ck_assert(weft_optim_step(sgd, s));
    weft_tensor *after = weft_scale(s, param("w", 2), 10);
    assert_values(after, 10, 10, 10);
    assert_values(before, 20, 20, 20);
    weft_optim_destroy(&sgd);
}
END_TEST

START_TEST(a_reset_runs_pending_updates)
{
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1), NULL);
    for (int i = 0; i < 3; i++) {
        weft_backward(s, weft_sum(s, param("w", 2), NULL), net);
        ck_assert(weft_optim_step(sgd, s));
        ck_assert(weft_scope_reset(s));
    }
    float w[3];
    ck_assert(weft_params_get(net, "w", w, sizeof w, NULL));
    ck_assert_float_eq(w[2], -1);
    weft_optim_destroy(&sgd);
}
END_TEST

START_TEST(several_steps_without_a_reset_see_each_others_updates)
{
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 0.25), NULL);
    for (int i = 0; i < 3; i++) {
        weft_tensor *w = param("w", 1); // loss = sum w^2 / 2, so w halves... by 1 - lr each step
        weft_backward(s, weft_scale(s, weft_sum(s, weft_square(s, w), NULL), 0.5), net);
        ck_assert(weft_optim_step(sgd, s));
    }
    assert_values(param("w", 1), 0.421875f, 0.421875f, 0.421875f);
    weft_optim_destroy(&sgd);
}
END_TEST

START_TEST(a_value_of_an_old_parameter_is_stale)
{
    weft_tensor *w = param("w", 2), *root = weft_exp(s, w), *y = weft_neg(s, root);
    weft_tensor *detached = weft_detach(s, y);
    weft_item(s, weft_sum(s, detached, NULL));
    ck_assert(weft_params_set(net, "w", (float[]){1, 1, 1}, 12, NULL));
    ck_assert(!weft_read(s, w, (float[3]){0}, 12));
    assert_error(WEFT_STALE, "w");
}
END_TEST

START_TEST(a_record_of_an_old_parameter_is_stale)
{
    weft_tensor *y = weft_neg(s, param("w", 2));
    ck_assert(weft_params_set(net, "w", (float[]){1, 1, 1}, 12, NULL));
    ck_assert(!weft_read(s, y, (float[3]){0}, 12));
    assert_error(WEFT_STALE, "neg: the parameter w");
    assert_values(weft_neg(s, param("w", 2)), -1, -1, -1);
}
END_TEST

START_TEST(a_failed_step_changes_no_parameter)
{
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1), NULL);
    weft_backward(s, weft_sum(s, param("w", 2), NULL), net);
    ck_assert(weft_optim_step(sgd, s));
    dev->pool.limit = 1; // the flush fails in the middle of the step
    weft_neg(s, vector(1, 2, 3));
    wf_pool_trim(dev);
    ck_assert(!weft_flush(s));
    dev->pool.limit = 0;
    assert_error(WEFT_NOMEM, "memory limit");
    float w[3];
    ck_assert(weft_params_get(net, "w", w, sizeof w, NULL));
    ck_assert_float_eq(w[0], 2);
    weft_optim_destroy(&sgd);
}
END_TEST

START_TEST(gradients_add_up_until_cleared)
{
    float g[3];
    for (int i = 1; i <= 3; i++) {
        weft_backward(s, weft_sum(s, weft_scale(s, param("w", 1), 2), NULL), net);
        if (i == 2) // across a reset too, once it has run
            ck_assert(weft_flush(s) && weft_scope_reset(s));
    }
    ck_assert(weft_flush(s) && weft_params_get_grad(net, "w", g, sizeof g, NULL));
    ck_assert_float_eq(g[0], 6);
    ck_assert(weft_zero_grad(s, net) && weft_flush(s));
    ck_assert(weft_params_get_grad(net, "w", g, sizeof g, NULL));
    ck_assert_float_eq(g[0], 0);
}
END_TEST

START_TEST(tied_parameters_add_their_gradients)
{
    float g[3];
    weft_tensor *a = param("w", 3), *b = param("w", 3);
    ck_assert(weft_backward(s, weft_sum(s, weft_mul(s, a, b), NULL), net) && weft_flush(s));
    ck_assert(weft_params_get_grad(net, "w", g, sizeof g, NULL));
    ck_assert_float_eq(g[0], 6);
}
END_TEST

START_TEST(frozen_and_detached_parameters_get_no_gradient)
{
    float g[3];
    param("a", 1), param("b", 2);
    ck_assert_int_eq(weft_params_freeze(net, "a", true), 1);
    weft_tensor *product = weft_mul(s, param("a", 1), param("b", 2));
    ck_assert(weft_backward(s, weft_sum(s, product, NULL), net) && weft_flush(s));
    ck_assert(weft_params_get_grad(net, "b", g, sizeof g, NULL));
    ck_assert_float_eq(g[0], 1);
    ck_assert(weft_params_get_grad(net, "a", g, sizeof g, NULL));
    ck_assert_float_eq(g[0], 0);
    weft_tensor *cut = weft_sum(s, weft_detach(s, param("b", 2)), NULL);
    ck_assert(!weft_backward(s, cut, net));
    assert_error(WEFT_PARAM, "backward: the scalar does not depend on");
}
END_TEST

START_TEST(a_gradient_of_any_tensor)
{
    weft_tensor *x = vector(1, 2, 3), *y = weft_sum(s, weft_square(s, x), NULL);
    assert_values(weft_grad(s, y, x), 2, 4, 6);
    weft_tensor *w = param("w", 1), *z = weft_sum(s, weft_mul(s, x, w), NULL);
    assert_values(weft_grad(s, z, x), 1, 1, 1);
    ck_assert(weft_backward(s, z, net) && weft_flush(s));
    float g[3];
    ck_assert(weft_params_get_grad(net, "w", g, sizeof g, NULL));
    ck_assert_float_eq(g[2], 3);
    ck_assert_ptr_null(weft_grad(s, z, vector(0, 0, 0)));
    assert_error(WEFT_PARAM, "does not depend on that tensor");
}
END_TEST

START_TEST(backward_is_refused_where_it_makes_no_sense)
{
    weft_tensor *w = param("w", 1);
    ck_assert(!weft_backward(s, w, net));
    assert_error(WEFT_SHAPE, "backward: [3] has 3 elements");
    weft_scope *eval = weft_scope_create(dev, NULL, NULL);
    weft_tensor *v =
        weft_param(eval, net, "w", (struct weft_init){WEFT_INIT_CONSTANT, 0, 0}, 1, (int64_t[]){3});
    ck_assert(!weft_backward(eval, weft_sum(eval, v, NULL), net));
    ck_assert_ptr_nonnull(strstr(weft_scope_error(eval)->text, ".train"));
    weft_scope_destroy(&eval);
    weft_optim *sgd = weft_sgd_create(net, NULL, NULL);
    ck_assert(!weft_optim_step(sgd, s));
    assert_error(WEFT_PARAM, "no parameter has a gradient");
    weft_optim_destroy(&sgd);
}
END_TEST

START_TEST(a_kept_tensor_crosses_resets_and_scopes)
{
    weft_tensor *kept = weft_keep(s, weft_neg(s, vector(1, 2, 3)));
    ck_assert_ptr_nonnull(kept);
    weft_scope_reset(s);
    assert_values(weft_neg(s, kept), 1, 2, 3);
    weft_scope *other = weft_scope_create(dev, NULL, NULL);
    float got[3];
    weft_tensor *y = weft_neg(other, kept);
    weft_tensor_destroy(&kept); // before y has run
    ck_assert(kept == NULL && weft_read(other, y, got, sizeof got));
    ck_assert_float_eq(got[2], 3);
    weft_scope_destroy(&other);
    weft_tensor_destroy(&kept);
}
END_TEST

START_TEST(a_kept_parameter_is_a_copy)
{
    weft_tensor *kept = weft_keep(s, param("w", 2));
    ck_assert(weft_params_set(net, "w", (float[]){5, 5, 5}, 12, NULL));
    assert_values(kept, 2, 2, 2);
    weft_tensor_destroy(&kept);
}
END_TEST

START_TEST(a_dead_or_foreign_handle_is_found)
{
    weft_tensor *x = vector(1, 2, 3);
    weft_scope_reset(s);
    ck_assert_ptr_null(weft_neg(s, x));
    assert_error(WEFT_PARAM, "neg: a tensor is from before a reset");
    for (int i = 0; i < 1000; i++)
        vector(1, 2, 3);
    ck_assert_ptr_null(weft_neg(s, x));
    assert_error(WEFT_PARAM, "before a reset");
    weft_scope *other = weft_scope_create(dev, NULL, NULL);
    weft_tensor *y = weft_from_host(other, WEFT_F32, 0, NULL, (float[]){1});
    ck_assert_ptr_null(weft_neg(s, y));
    assert_error(WEFT_PARAM, "of another scope");
    weft_scope_destroy(&other);
    ck_assert_ptr_null(weft_neg(s, y));
    assert_error(WEFT_PARAM, "before a reset");
    ck_assert_ptr_null(weft_neg(s, NULL));
    assert_error(WEFT_PARAM, "neg: a tensor is NULL");
    ck_assert_ptr_null(weft_neg(NULL, x));
    ck_assert_int_eq(weft_scope_error(NULL)->status, WEFT_PARAM);
}
END_TEST

START_TEST(the_first_error_stays_and_calls_do_nothing)
{
    weft_tensor *x = vector(1, 2, 3);
    weft_label_push(s, "decoder");
    weft_label_push(s, "fc1");
    ck_assert_ptr_null(weft_add(s, x, weft_full(s, WEFT_F32, 1, (int64_t[]){4}, 0)));
    ck_assert_ptr_null(weft_neg(s, x));
    ck_assert(!weft_flush(s) && !weft_read(s, x, (float[3]){0}, 12));
    ck_assert(isnan(weft_item(s, x)) && !weft_scope_reset(s));
    ck_assert_str_eq(weft_scope_error(s)->text, "decoder/fc1: add: [3] and [4] do not broadcast");
    weft_scope_clear(s);
    ck_assert_int_eq(weft_scope_error(s)->status, WEFT_OK);
    assert_values(weft_neg(s, vector(1, 2, 3)), -1, -2, -3);
}
END_TEST

START_TEST(labels_nest_and_pop)
{
    weft_label_push(s, "a");
    weft_label_push(s, "b");
    weft_label_pop(s);
    weft_exp(s, weft_full(s, WEFT_I32, 0, NULL, 1));
    assert_error(WEFT_DTYPE, "a: exp: the input is I32");
}
END_TEST

static void *cancel(void *scope)
{
    weft_scope_cancel(scope);
    return NULL;
}

START_TEST(another_thread_cancels)
{
    pthread_t thread;
    weft_tensor *y = weft_neg(s, vector(1, 2, 3));
    pthread_create(&thread, NULL, cancel, s);
    pthread_join(thread, NULL);
    ck_assert(!weft_read(s, y, (float[3]){0}, 12));
    assert_error(WEFT_CANCELLED, "cancelled");
    assert_values(weft_neg(s, vector(1, 2, 3)), -1, -2, -3);
}
END_TEST

START_TEST(reads_check_the_room)
{
    weft_tensor *x = vector(1, 2, 3);
#ifndef WF_DEBUG_ABORT
    ck_assert(!weft_read(s, x, (float[3]){0}, 8));
    assert_error(WEFT_PARAM, "read: 8 bytes of room; [3] F32 has 12");
    x = vector(1, 2, 3);
#endif
    ck_assert(isnan(weft_item(s, x)));
    assert_error(WEFT_SHAPE, "item: [3] has 3 elements");
}
END_TEST

START_TEST(eager_runs_at_once_and_agrees)
{
    struct weft_error err = {0};
    weft_device *eager = weft_device_create(weft_device_params(.eager = true), &err);
    weft_scope *e = weft_scope_create(eager, NULL, &err);
    weft_tensor *x = weft_from_host(e, WEFT_F32, 1, (int64_t[]){3}, (float[]){.1f, .2f, .3f});
    weft_tensor *y = weft_tanh(e, weft_exp(e, x));
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(eager, &st);
    ck_assert_uint_eq(st.launches, 2);
    float got[3], want[3];
    ck_assert(weft_read(e, y, got, sizeof got));
    weft_tensor *z = weft_tanh(s, weft_exp(s, vector(.1f, .2f, .3f)));
    ck_assert(weft_read(s, z, want, sizeof want));
    ck_assert_mem_eq(got, want, sizeof got);
    weft_scope_destroy(&e);
    weft_device_destroy(&eager);
}
END_TEST

START_TEST(ten_thousand_steps_leave_memory_flat)
{
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.momentum = 0.9), NULL);
    struct weft_device_stats first = {0}, last;
    for (int i = 0; i < 10000; i++) {
        weft_tensor *y = weft_mul(s, weft_exp(s, weft_neg(s, param("w", 1))), vector(1, 2, 3));
        weft_backward(s, weft_sum(s, y, NULL), net);
        weft_optim_step(sgd, s);
        ck_assert_msg(weft_scope_reset(s), "%s", weft_scope_error(s)->text);
        if (i == 100)
            first = stats();
    }
    last = stats();
    ck_assert_uint_eq(last.bytes_used, first.bytes_used);
    ck_assert_uint_eq(last.allocations, first.allocations);
    ck_assert_uint_eq(last.builds + last.loads, first.builds + first.loads);
    ck_assert_uint_eq(last.waits, first.waits);
    weft_optim_destroy(&sgd);
}
END_TEST

START_TEST(a_gradient_is_of_floats_by_floats)
{
    const int64_t three[] = {3}, index[] = {0, 2, 1}, shape[] = {2, 3}, label[] = {0, 2},
                  two[] = {2};
    weft_tensor *x = vector(1, 2, 3), *i = weft_from_host(s, WEFT_I64, 1, three, index);
    weft_tensor *y = weft_sum(s, weft_gather(s, x, 0, i), NULL);
    ck_assert(!weft_grad(s, y, i));
    assert_error(WEFT_DTYPE, "grad: the input is I64; a floating dtype was wanted");
    x = vector(1, 2, 3);
    ck_assert(!weft_grad(s, weft_sum(s, weft_cast(s, x, WEFT_I32), NULL), x));
    assert_error(WEFT_DTYPE, "grad: the input is I64; a floating dtype was wanted");
    // By way of integers nothing flows.
    x = vector(1, 2, 3);
    weft_tensor *whole =
        weft_cast(s, weft_div(s, weft_cast(s, x, WEFT_I32), weft_cast(s, x, WEFT_I32)), WEFT_F32);
    assert_values(weft_grad(s, weft_sum(s, weft_mul(s, x, whole), NULL), x), 1, 1, 1);
    // Weights of classes have none.
    weft_tensor *weight = vector(1, 2, 3), *z = weft_full(s, WEFT_F32, 2, shape, 0.5);
    weft_tensor *loss = weft_cross_entropy(s, z, weft_from_host(s, WEFT_I64, 1, two, label),
                                           weft_loss_params(.weight = weight));
    ck_assert(!weft_grad(s, loss, weight));
    assert_error(WEFT_PARAM, "grad: the scalar does not depend on that tensor");
}
END_TEST

START_TEST(a_long_label_leaves_room_for_the_error)
{
    char label[400];
    memset(label, 'x', sizeof label - 1);
    memcpy(label + sizeof label - 5, "/end", 5);
    weft_label_push(s, label);
    weft_add(s, vector(1, 2, 3), weft_full(s, WEFT_F32, 1, (int64_t[]){2}, 0));
    assert_error(WEFT_SHAPE, "xx/end: add: [3] and [2] do not broadcast");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scope");
    TCase *t = tcase_create("rules");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_gradient_is_of_floats_by_floats);
    tcase_add_test(t, a_long_label_leaves_room_for_the_error);
    tcase_add_test(t, nothing_runs_before_a_value_is_asked_for);
    tcase_add_test(t, a_reset_drops_what_nobody_asked_for);
    tcase_add_test(t, reading_waits_once);
    tcase_add_test(t, a_value_between_is_computed_again_when_asked_for);
    tcase_add_test(t, what_was_wanted_keeps_its_storage);
    tcase_add_test(t, what_a_gradient_reads_is_kept_until_backward);
    tcase_add_test(t, views_copy_nothing);
    tcase_add_test(t, an_update_runs_after_what_was_recorded_before_it);
    tcase_add_test(t, a_reset_runs_pending_updates);
    tcase_add_test(t, several_steps_without_a_reset_see_each_others_updates);
    tcase_add_test(t, a_value_of_an_old_parameter_is_stale);
    tcase_add_test(t, a_record_of_an_old_parameter_is_stale);
    tcase_add_test(t, a_failed_step_changes_no_parameter);
    tcase_add_test(t, gradients_add_up_until_cleared);
    tcase_add_test(t, tied_parameters_add_their_gradients);
    tcase_add_test(t, frozen_and_detached_parameters_get_no_gradient);
    tcase_add_test(t, a_gradient_of_any_tensor);
    tcase_add_test(t, backward_is_refused_where_it_makes_no_sense);
    tcase_add_test(t, a_kept_tensor_crosses_resets_and_scopes);
    tcase_add_test(t, a_kept_parameter_is_a_copy);
    tcase_add_test(t, a_dead_or_foreign_handle_is_found);
    tcase_add_test(t, the_first_error_stays_and_calls_do_nothing);
    tcase_add_test(t, labels_nest_and_pop);
    tcase_add_test(t, another_thread_cancels);
    tcase_add_test(t, reads_check_the_room);
    tcase_add_test(t, eager_runs_at_once_and_agrees);
    tcase_add_test(t, ten_thousand_steps_leave_memory_flat);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
