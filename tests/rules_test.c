// The nine rules of recording, each where no other test of its subject says it: the name of a test
// begins with the rule's.
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

static struct weft_error err;

static weft_tensor *vector(float a, float b, float c)
{
    return weft_from_host(s, WEFT_F32, 1, (int64_t[]){3}, (float[]){a, b, c});
}

static weft_tensor *param_in(weft_scope *scope, const char *name, double value)
{
    struct weft_init init = {WEFT_INIT_CONSTANT, value, 0};
    return weft_param(scope, net, name, init, 1, (int64_t[]){3});
}

static weft_tensor *param(const char *name, double value)
{
    return param_in(s, name, value);
}

static float value_of(const char *name)
{
    float v[3] = {NAN};
    ck_assert_msg(weft_params_get(net, name, v, sizeof v, &err), "%s", err.text);
    return v[0];
}

static void assert_values(const weft_tensor *x, float a, float b, float c)
{
    float got[3];
    ck_assert_msg(weft_read(s, x, got, sizeof got), "%s", weft_scope_error(s)->text);
    ck_assert_float_eq(got[0], a);
    ck_assert_float_eq(got[1], b);
    ck_assert_float_eq(got[2], c);
}

static weft_scope *other_scope(void)
{
    weft_scope *t = weft_scope_create(dev, weft_scope_params(.train = true), &err);
    ck_assert_msg(t != NULL, "%s", err.text);
    return t;
}

// Every reader of x, whether it copies or not, sees the same values before and after the others.
START_TEST(values_never_change)
{
    float v[6] = {1, 2, 3, 4, 5, 6}, got[6];
    weft_tensor *x = weft_from_host(s, WEFT_F32, 2, (int64_t[]){2, 3}, v);
    weft_tensor *t = weft_transpose(s, x, 0, 1), *r = weft_reshape(s, x, 1, (int64_t[]){6});
    weft_tensor *e = weft_expand(s, x, 3, (int64_t[]){2, 2, 3});
    weft_want(s, weft_neg(s, t));
    weft_want(s, weft_exp(s, r));
    weft_want(s, weft_add(s, e, x));
    ck_assert(weft_flush(s));
    ck_assert(weft_read(s, x, got, sizeof got));
    ck_assert_mem_eq(got, v, sizeof v);
    ck_assert(weft_read(s, r, got, sizeof got));
    ck_assert_mem_eq(got, v, sizeof v);
    ck_assert(weft_read(s, t, got, sizeof got));
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq(got[i], v[i % 2 * 3 + i / 2]);
}
END_TEST

// A repeated element's gradient is the sum over its copies; a view's comes back in x's shape.
START_TEST(values_the_gradient_of_a_view_is_that_of_its_elements)
{
    weft_tensor *x = vector(1, 2, 3);
    weft_tensor *e = weft_expand(s, x, 2, (int64_t[]){4, 3});
    weft_tensor *t = weft_transpose(s, e, 0, 1);
    weft_tensor *y =
        weft_mul(s, weft_reshape(s, t, 1, (int64_t[]){12}), weft_reshape(s, t, 1, (int64_t[]){12}));
    assert_values(weft_grad(s, weft_sum(s, y, NULL), x), 8, 16, 24);
}
END_TEST

// Asked for, flushed and reset: each update has run once, in the order of recording.
START_TEST(updates_run_once_and_in_order)
{
    weft_optim *half = weft_sgd_create(net, weft_sgd_params(.lr = 0.5), &err);
    weft_optim *one = weft_sgd_create(net, weft_sgd_params(.lr = 1), &err);
    // d (w^2 / 2) = w: w = 8 -> 8 - .5 * 8 = 4 -> 4 - 1 * 4 = 0, and the other way 8 -> 0.
    for (int i = 0; i < 2; i++) {
        weft_tensor *w = param("w", 8);
        weft_tensor *loss = weft_scale(s, weft_sum(s, weft_square(s, w), NULL), 0.5);
        weft_backward(s, loss, net);
        weft_optim_step(i ? one : half, s);
    }
    weft_tensor *last = param("w", 8);
    ck_assert(weft_flush(s) && weft_flush(s));
    ck_assert_float_eq(value_of("w"), 0);
    assert_values(last, 0, 0, 0);
    ck_assert(weft_scope_reset(s) && weft_scope_reset(s));
    ck_assert_float_eq(value_of("w"), 0);
    weft_optim_destroy(&half);
    weft_optim_destroy(&one);
}
END_TEST

// Of a step that nobody asked for, a reset runs the update and what it needs, not the metric.
START_TEST(updates_of_a_reset_run_only_what_they_need)
{
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1), &err);
    uint64_t launches[2];
    for (int metric = 0; metric < 2; metric++) {
        for (int step = 0; step < 2; step++) { // the first has the parameter to make
            uint64_t before = stats().launches;
            weft_tensor *w = param("w", 1);
            weft_backward(s, weft_sum(s, w, NULL), net);
            weft_optim_step(sgd, s);
            for (int i = 0; metric && i < 9; i++)
                w = weft_exp(s, w);
            ck_assert(weft_scope_reset(s));
            launches[metric] = stats().launches - before;
        }
    }
    ck_assert_uint_eq(launches[0], launches[1]);
    ck_assert_float_eq(value_of("w"), -3);
    weft_optim_destroy(&sgd);
}
END_TEST

START_TEST(storage_a_loss_stays_readable_after_the_step)
{
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1), &err);
    weft_tensor *y = weft_exp(s, param("w", 0)), *loss = weft_sum(s, y, NULL);
    weft_backward(s, loss, net);
    weft_optim_step(sgd, s);
    ck_assert(weft_flush(s));
    ck_assert_double_eq(weft_item(s, loss), 3);
    // What lies between has gone, and would be computed from another w now.
    weft_tensor *z = weft_neg(s, param("w", 0));
    weft_tensor *sum = weft_sum(s, z, NULL);
    weft_backward(s, sum, net);
    weft_optim_step(sgd, s);
    ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
    ck_assert_double_eq(weft_item(s, sum), 3);
    ck_assert(!weft_read(s, z, (float[3]){0}, 12));
    assert_error(WEFT_STALE, "the parameter w has changed");
    weft_optim_destroy(&sgd);
}
END_TEST

// Without a gradient to come, a chain is as long as it likes in the same memory.
START_TEST(storage_is_kept_for_a_gradient_only_where_one_may_come)
{
    enum { N = 100000 };
    uint64_t peak[2];
    for (int train = 0; train < 2; train++) {
        weft_device *d = weft_device_create(NULL, &err);
        weft_scope *t = weft_scope_create(d, weft_scope_params(.train = train), &err);
        weft_params *p = weft_params_create(d, 1, &err);
        weft_tensor *x =
            weft_param(t, p, "w", (struct weft_init){WEFT_INIT_CONSTANT, 1, 0}, 1, (int64_t[]){N});
        for (int i = 0; i < 10; i++)
            x = weft_sum(t, weft_tanh(t, weft_expand(t, x, 2, (int64_t[]){1, N})),
                         weft_reduce_params(.axes = (int[]){0}, .naxes = 1));
        ck_assert(!isnan(weft_item(t, weft_sum(t, x, NULL))));
        struct weft_device_stats st = {.size = sizeof st};
        weft_device_stats(d, &st);
        peak[train] = st.bytes_peak;
        weft_params_destroy(&p);
        weft_scope_destroy(&t);
        weft_device_destroy(&d);
    }
    ck_assert_uint_le(peak[0], 3 * 1.2 * 4 * N);
    ck_assert_uint_ge(peak[1], 10 * 4 * N);
}
END_TEST

START_TEST(lifetime_a_kept_tensor_has_no_history)
{
    weft_tensor *y = weft_square(s, param("w", 3));
    weft_tensor *kept = weft_keep(s, y);
    ck_assert_ptr_nonnull(kept);
    ck_assert(!weft_backward(s, weft_sum(s, weft_square(s, kept), NULL), net));
    assert_error(WEFT_PARAM, "does not depend on a parameter");
    ck_assert_ptr_null(weft_grad(s, weft_sum(s, weft_square(s, kept), NULL), kept));
    assert_error(WEFT_PARAM, "kept tensor");
    assert_values(kept, 9, 9, 9);
    weft_tensor_destroy(&kept);
    ck_assert_ptr_null(kept);
}
END_TEST

START_TEST(lifetime_a_handle_of_a_step_before_is_found)
{
    weft_tensor *x = vector(1, 2, 3);
    for (int i = 0; i < 100; i++) {
        ck_assert(weft_flush(s) && weft_scope_reset(s));
        vector(4, 5, 6);
        ck_assert_ptr_null(weft_neg(s, x));
        assert_error(WEFT_PARAM, "neg: a tensor is from before a reset");
    }
}
END_TEST

static void step_of(weft_scope *scope, weft_optim *o)
{
    ck_assert(weft_backward(scope, weft_sum(scope, param_in(scope, "w", 5), NULL), net));
    ck_assert(weft_optim_step(o, scope));
}

START_TEST(scopes_an_update_elsewhere_makes_a_record_stale)
{
    weft_scope *t = other_scope();
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1), &err);
    weft_tensor *y = weft_neg(s, param("w", 5));
    step_of(t, sgd);
    // Recorded, it has changed nothing yet.
    assert_values(y, -5, -5, -5);
    y = weft_neg(s, param("w", 5));
    weft_label_push(s, "head");
    weft_tensor *z = weft_exp(s, param("w", 5));
    ck_assert(weft_flush(t)); // the fence
    ck_assert(!weft_read(s, z, (float[3]){0}, 12));
    assert_error(WEFT_STALE, "the parameter w has changed since this was recorded");
    assert_values(weft_neg(s, param("w", 5)), -4, -4, -4);
    weft_optim_destroy(&sgd);
    weft_scope_destroy(&t);
}
END_TEST

START_TEST(scopes_an_update_on_an_old_value_is_refused)
{
    weft_scope *t = other_scope();
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1), &err);
    step_of(s, sgd);
    ck_assert(weft_params_set(net, "w", (float[3]){7, 7, 7}, 12, &err));
    ck_assert(!weft_scope_reset(s));
    assert_error(WEFT_STALE, "parameter w");
    ck_assert_float_eq(value_of("w"), 7);
    float grad[3];
    ck_assert(weft_params_get_grad(net, "w", grad, sizeof grad, &err));
    ck_assert_float_eq(grad[0], 0); // nothing of the step has happened
    step_of(t, sgd);
    ck_assert(weft_scope_reset(t));
    ck_assert_float_eq(value_of("w"), 6);
    weft_optim_destroy(&sgd);
    weft_scope_destroy(&t);
}
END_TEST

struct reader {
    weft_scope *scope;
    double sum;
};

static void *read_many(void *priv)
{
    struct reader *r = priv;
    for (int i = 0; i < 50; i++) {
        weft_tensor *y =
            weft_sum(r->scope, weft_square(r->scope, param_in(r->scope, "w", 2)), NULL);
        r->sum += weft_item(r->scope, y);
        weft_scope_reset(r->scope);
    }
    return NULL;
}

START_TEST(scopes_read_the_same_params_in_parallel)
{
    struct reader r[3];
    pthread_t thread[3];
    ck_assert(param("w", 2) && weft_flush(s));
    for (int i = 0; i < 3; i++) {
        r[i] = (struct reader){other_scope(), 0};
        ck_assert(!pthread_create(&thread[i], NULL, read_many, &r[i]));
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(thread[i], NULL);
        ck_assert_msg(r[i].sum == 600, "%s", weft_scope_error(r[i].scope)->text);
        weft_scope_destroy(&r[i].scope);
    }
}
END_TEST

START_TEST(errors_at_run_time_name_label_and_op)
{
    weft_device *d = weft_device_create(weft_device_params(.memory_limit = 1 << 20), &err);
    weft_scope *t = weft_scope_create(d, NULL, &err);
    int64_t n = 200000;
    weft_label_push(t, "encoder");
    weft_label_push(t, "fc1");
    weft_tensor *x = weft_full(t, WEFT_F32, 1, &n, 1);
    weft_want(t, x);
    weft_tensor *y = weft_exp(t, x);
    ck_assert(y && !weft_flush(t)); // recorded, it fitted; together they do not
    const struct weft_error *e = weft_scope_error(t);
    ck_assert_int_eq(e->status, WEFT_NOMEM);
    ck_assert_msg(!strncmp(e->text, "encoder/fc1: exp: ", 18), "%s", e->text);
    // The first error stays, and calls do nothing.
    ck_assert_ptr_null(weft_add(t, NULL, NULL));
    ck_assert_int_eq(weft_scope_error(t)->status, WEFT_NOMEM);
    weft_scope_clear(t);
    n = 4;
    ck_assert_double_eq(weft_item(t, weft_sum(t, weft_full(t, WEFT_F32, 1, &n, 1), NULL)), 4);
    weft_scope_destroy(&t);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(errors_of_one_scope_are_not_anothers)
{
    weft_scope *t = other_scope();
    weft_add(s, vector(1, 2, 3), weft_full(s, WEFT_F32, 1, (int64_t[]){2}, 0));
    ck_assert_int_eq(weft_scope_error(s)->status, WEFT_SHAPE);
    ck_assert_int_eq(weft_scope_error(t)->status, WEFT_OK);
    ck_assert_double_eq(weft_item(t, weft_sum(t, param_in(t, "w", 2), NULL)), 6);
    ck_assert(isnan(weft_item(s, weft_sum(s, param("w", 2), NULL))));
    ck_assert(!weft_scope_reset(s)); // keeps the error
    assert_error(WEFT_SHAPE, "do not broadcast");
    weft_scope_destroy(&t);
}
END_TEST

static void initial(weft_device *d, uint64_t seed, const char *name, float v[300])
{
    weft_params *p = weft_params_create(d, seed, &err);
    weft_scope *t = weft_scope_create(d, weft_scope_params(.seed = seed + 1), &err);
    struct weft_init normal = {WEFT_INIT_NORMAL, 0, 1};
    ck_assert(weft_param(t, p, name, normal, 1, (int64_t[]){300}) && weft_flush(t));
    ck_assert(weft_params_get(p, name, v, 300 * sizeof *v, &err));
    weft_scope_destroy(&t);
    weft_params_destroy(&p);
}

START_TEST(random_initial_values_are_of_seed_and_name_alone)
{
    float a[300], b[300];
    weft_device *d = weft_device_create(NULL, &err);
    initial(dev, 5, "fc.weight", a);
    initial(d, 5, "fc.weight", b);
    ck_assert_mem_eq(a, b, sizeof a);
    initial(dev, 6, "fc.weight", b);
    ck_assert_mem_ne(a, b, sizeof a);
    initial(dev, 5, "fc.weighs", b);
    ck_assert_mem_ne(a, b, sizeof a);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(host_data_is_copied_during_the_call)
{
    static float v[100000];
    v[99999] = 1;
    weft_tensor *x = weft_from_host(s, WEFT_F32, 1, (int64_t[]){100000}, v);
    weft_tensor *y = weft_sum(s, weft_neg(s, x), NULL);
    v[99999] = 7;
    ck_assert_double_eq(weft_item(s, y), -1);
    struct weft_init init = {WEFT_INIT_CONSTANT, 0, 0};
    weft_param(s, net, "p", init, 1, (int64_t[]){100000});
    ck_assert(weft_params_set(net, "p", v, sizeof v, &err));
    v[99999] = 9;
    weft_scope_reset(s);
    y = weft_sum(s, weft_param(s, net, "p", init, 1, (int64_t[]){100000}), NULL);
    ck_assert_double_eq(weft_item(s, y), 7);
}
END_TEST

static void let_go(void *priv, const void *data)
{
    (void)data;
    ++*(int *)priv;
}

START_TEST(host_data_that_was_lent_is_given_back_even_after_an_error)
{
    static _Alignas(4096) float v[1024];
    int released = 0;
    weft_tensor *x =
        weft_borrow(s, v,
                    weft_borrow_params(.dtype = WEFT_F32, .ndim = 1, .shape = (int64_t[]){1024},
                                       .released = let_go, .priv = &released));
    ck_assert_ptr_nonnull(x);
    weft_add(s, x, weft_full(s, WEFT_F32, 1, (int64_t[]){5}, 1));
    assert_error(WEFT_SHAPE, "add: [1024] and [5]");
    ck_assert(weft_device_wait(dev, &err));
    ck_assert_int_eq(released, 1);
}
END_TEST

// A step that diverges: the first op that did it is named, with where it stands.
START_TEST(seeing_the_first_nan_of_a_training)
{
    weft_device *d = weft_device_create(weft_device_params(.check_nan = true), &err);
    weft_scope *t = weft_scope_create(d, weft_scope_params(.train = true), &err);
    weft_params *p = weft_params_create(d, 1, &err);
    weft_optim *sgd = weft_sgd_create(p, weft_sgd_params(.lr = 1), &err);
    struct weft_init two = {WEFT_INIT_CONSTANT, 2, 0};
    int steps = 0;
    while (steps < 10 && !weft_scope_error(t)->status) {
        weft_label_push(t, "loss");
        weft_tensor *loss = weft_log(t, weft_param(t, p, "w", two, 0, NULL));
        weft_backward(t, loss, p); // w = 2, 1.5, 0.83, -0.37
        weft_label_pop(t);
        weft_optim_step(sgd, t);
        weft_item(t, loss);
        weft_scope_reset(t);
        steps++;
    }
    ck_assert_int_eq(steps, 4);
    ck_assert_str_eq(weft_scope_error(t)->text,
                     "loss: log: has made a NaN or an infinity of finite inputs");
    weft_optim_destroy(&sgd);
    weft_params_destroy(&p);
    weft_scope_destroy(&t);
    weft_device_destroy(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules");
    TCase *t = tcase_create("rules");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, values_never_change);
    tcase_add_test(t, values_the_gradient_of_a_view_is_that_of_its_elements);
    tcase_add_test(t, updates_run_once_and_in_order);
    tcase_add_test(t, updates_of_a_reset_run_only_what_they_need);
    tcase_add_test(t, storage_a_loss_stays_readable_after_the_step);
    tcase_add_test(t, storage_is_kept_for_a_gradient_only_where_one_may_come);
    tcase_add_test(t, lifetime_a_kept_tensor_has_no_history);
    tcase_add_test(t, lifetime_a_handle_of_a_step_before_is_found);
    tcase_add_test(t, scopes_an_update_elsewhere_makes_a_record_stale);
    tcase_add_test(t, scopes_an_update_on_an_old_value_is_refused);
    tcase_add_test(t, scopes_read_the_same_params_in_parallel);
    tcase_add_test(t, errors_at_run_time_name_label_and_op);
    tcase_add_test(t, errors_of_one_scope_are_not_anothers);
    tcase_add_test(t, random_initial_values_are_of_seed_and_name_alone);
    tcase_add_test(t, host_data_is_copied_during_the_call);
    tcase_add_test(t, host_data_that_was_lent_is_given_back_even_after_an_error);
    tcase_add_test(t, seeing_the_first_nan_of_a_training);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
