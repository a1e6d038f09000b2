// weft_grads: gradients of one's own, for scopes that work in parallel.
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <pthread.h>

enum { N = 64 };
static struct weft_error err;

static weft_tensor *param(weft_scope *scope)
{
    struct weft_init init = {WEFT_INIT_UNIFORM, -1, 1};
    return weft_param(scope, net, "w", init, 1, (int64_t[]){N});
}

// L = sum (exp(w) x), whose gradient is exp(w) x.
static weft_tensor *loss_of(weft_scope *scope, float x)
{
    weft_tensor *f = weft_full(scope, WEFT_F32, 1, (int64_t[]){N}, (double)x);
    return weft_sum(scope, weft_mul(scope, weft_exp(scope, param(scope)), f), NULL);
}

static weft_scope *other_scope(void)
{
    weft_scope *t = weft_scope_create(dev, weft_scope_params(.train = true), &err);
    ck_assert_msg(t != NULL, "%s", err.text);
    return t;
}

static weft_grads *grads(void)
{
    weft_grads *g = weft_grads_create(net, &err);
    ck_assert_msg(g != NULL, "%s", err.text);
    return g;
}

static void own_grad(float *v)
{
    ck_assert(weft_params_get_grad(net, "w", v, N * sizeof *v, &err));
}

START_TEST(they_add_up_and_leave_the_params_alone)
{
    weft_grads *g = grads();
    float a[N], b[N];
    ck_assert(weft_grads_get(g, "w", a, 0, &err) == false); // no such parameter yet
    err = (struct weft_error){0};
    for (int i = 0; i < 2; i++) {
        ck_assert(weft_backward_into(s, loss_of(s, 1), g));
        ck_assert(weft_scope_reset(s));
        ck_assert(weft_grads_get(g, "w", i ? b : a, sizeof a, &err));
    }
    for (int i = 0; i < N; i++) {
        ck_assert_float_gt(a[i], .3f);
        ck_assert_float_eq(b[i], 2 * a[i]);
    }
    own_grad(a);
    for (int i = 0; i < N; i++)
        ck_assert_float_eq(a[i], 0);
    ck_assert(weft_grads_zero(s, g) && weft_flush(s));
    ck_assert(weft_grads_get(g, "w", b, sizeof b, &err));
    ck_assert_mem_eq(a, b, sizeof a);
    weft_grads_destroy(&g);
    weft_grads_destroy(&g);
    weft_grads_destroy(NULL);
}
END_TEST

START_TEST(they_are_added_to_the_params_and_to_each_other)
{
    weft_grads *g = grads(), *sum = grads();
    float one[N], all[N];
    weft_backward(s, loss_of(s, 1), net);
    ck_assert(weft_flush(s));
    own_grad(one);
    weft_backward_into(s, loss_of(s, 2), g);
    ck_assert(weft_grads_add(s, g, sum) && weft_grads_add(s, g, sum));
    ck_assert(weft_grads_add(s, sum, NULL) && weft_scope_reset(s));
    own_grad(all);
    for (int i = 0; i < N; i++)
        ck_assert_float_eq_tol(all[i], 5 * one[i], 1e-5f);
    // An optimizer takes them from the params.
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 1), &err);
    float before[N], after[N];
    weft_params_get(net, "w", before, sizeof before, &err);
    ck_assert(weft_optim_step(sgd, s) && weft_scope_reset(s));
    weft_params_get(net, "w", after, sizeof after, &err);
    for (int i = 0; i < N; i++)
        ck_assert_float_eq_tol(after[i], before[i] - all[i], 1e-5f);
    weft_optim_destroy(&sgd);
    weft_grads_destroy(&g);
    weft_grads_destroy(&sum);
}
END_TEST

struct worker {
    weft_grads *g;
    float x;
    bool ok;
};

static void *work(void *priv)
{
    struct worker *w = priv;
    weft_scope *t = weft_scope_create(dev, weft_scope_params(.train = true), NULL);
    w->ok = true;
    for (int i = 0; i < 20; i++) {
        weft_backward_into(t, loss_of(t, w->x * (float)(i + 1)), w->g);
        w->ok = weft_scope_reset(t) && w->ok;
    }
    weft_scope_destroy(&t);
    return NULL;
}

// Two threads, each with its scope; the sum is taken in one order, whoever was first.
static void parallel_sum(float *sum)
{
    struct worker w[2] = {{grads(), .1f, false}, {grads(), .7f, false}};
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        ck_assert(!pthread_create(&thread[i], NULL, work, &w[i]));
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    weft_zero_grad(s, net);
    for (int i = 0; i < 2; i++)
        ck_assert(w[i].ok && weft_grads_add(s, w[i].g, NULL));
    ck_assert_msg(weft_scope_reset(s), "%s", weft_scope_error(s)->text);
    own_grad(sum);
    for (int i = 0; i < 2; i++)
        weft_grads_destroy(&w[i].g);
}

START_TEST(parallel_scopes_give_the_same_bits_every_run)
{
    float want[N], got[N];
    ck_assert(param(s) && weft_scope_reset(s));
    parallel_sum(want);
    for (int i = 0; i < 10; i++) {
        parallel_sum(got);
        ck_assert_mem_eq(got, want, sizeof got);
    }
    // 210 (.1 + .7) exp(w)
    weft_params_get(net, "w", got, sizeof got, &err);
    weft_backward(s, loss_of(s, 1), net);
    weft_zero_grad(s, net);
    ck_assert(weft_scope_reset(s));
    for (int i = 0; i < N; i++)
        ck_assert_float_eq_tol(want[i], 168 * expf(got[i]), 1e-2f);
}
END_TEST

START_TEST(what_another_scope_has_not_run_is_stale)
{
    weft_scope *t = other_scope();
    weft_grads *g = grads();
    weft_optim *sgd = weft_sgd_create(net, NULL, &err);
    weft_backward_into(t, loss_of(t, 1), g);
    ck_assert(!weft_grads_add(s, g, NULL));
    assert_error(WEFT_STALE, "the gradient of w is changed by another scope");
    ck_assert(!weft_grads_zero(s, g));
    assert_error(WEFT_STALE, "weft_flush");
    ck_assert(weft_flush(t));
    ck_assert(weft_grads_add(s, g, NULL));
    // Now s has changes of the params' own outstanding.
    ck_assert(!weft_optim_step(sgd, t));
    ck_assert_int_eq(weft_scope_error(t)->status, WEFT_STALE);
    weft_scope_clear(t);
    ck_assert(!weft_zero_grad(t, net));
    weft_scope_clear(t);
    // Dropped, they are as if never recorded.
    weft_scope_clear(s);
    ck_assert(weft_zero_grad(t, net) && weft_scope_reset(t));
    weft_optim_destroy(&sgd);
    weft_grads_destroy(&g);
    weft_scope_destroy(&t);
}
END_TEST

START_TEST(no_scope_overwrites_what_another_has_added)
{
    weft_scope *t = other_scope();
    float one[N], got[N];
    weft_backward(s, loss_of(s, 1), net);
    ck_assert(weft_flush(s));
    own_grad(one);
    // s knows the gradient as it left it; t adds to it; s adds to what is there now.
    weft_backward(t, loss_of(t, 1), net);
    ck_assert(weft_flush(t));
    weft_backward(s, loss_of(s, 1), net);
    ck_assert(weft_flush(s));
    own_grad(got);
    for (int i = 0; i < N; i++)
        ck_assert_float_eq_tol(got[i], 3 * one[i], 1e-5f);
    weft_scope_destroy(&t);
}
END_TEST

START_TEST(eager_scopes_add_up_as_well)
{
    weft_device *d = weft_device_create(weft_device_params(.eager = true), &err);
    weft_params *p = weft_params_create(d, 7, &err), *before = net;
    weft_scope *t = weft_scope_create(d, weft_scope_params(.train = true), &err);
    weft_grads *g = weft_grads_create(p, &err), *of_net = grads();
    float a[N], b[N];
    net = p;
    ck_assert(weft_backward_into(t, loss_of(t, 3), g) && weft_backward_into(t, loss_of(t, 4), g));
    ck_assert(weft_grads_get(g, "w", a, sizeof a, &err));
    net = before;
    ck_assert(weft_backward_into(s, loss_of(s, 3), of_net));
    ck_assert(weft_backward_into(s, loss_of(s, 4), of_net) && weft_flush(s));
    ck_assert(weft_grads_get(of_net, "w", b, sizeof b, &err));
    ck_assert_mem_eq(a, b, sizeof a);
    weft_grads_destroy(&of_net);
    weft_grads_destroy(&g);
    weft_scope_destroy(&t);
    weft_params_destroy(&p);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(wrong_calls_are_refused)
{
    weft_params *q = weft_params_create(dev, 1, &err);
    weft_grads *g = grads(), *of_q = weft_grads_create(q, &err);
    float v[N];
    ck_assert_ptr_null(weft_grads_create(NULL, &err));
    ck_assert_int_eq(err.status, WEFT_PARAM);
    err = (struct weft_error){0};
    ck_assert(!weft_backward_into(s, loss_of(s, 1), NULL));
    assert_error(WEFT_PARAM, "backward: the grads are NULL");
    ck_assert(!weft_backward_into(s, loss_of(s, 1), of_q));
    assert_error(WEFT_PARAM, "backward: the scalar does not depend on");
    ck_assert(!weft_grads_add(s, NULL, g));
    assert_error(WEFT_PARAM, "grads_add: the grads are NULL");
    ck_assert(!weft_grads_add(s, g, g));
    assert_error(WEFT_PARAM, "the two are the same");
    ck_assert(!weft_grads_add(s, g, of_q));
    assert_error(WEFT_PARAM, "of different params");
    ck_assert(!weft_grads_zero(s, NULL));
    assert_error(WEFT_PARAM, "grads_zero: the grads are NULL");
    ck_assert(!weft_grads_get(NULL, "w", v, sizeof v, &err));
    err = (struct weft_error){0};
    ck_assert(!weft_grads_get(g, "w", v, 4, &err));
    ck_assert_int_eq(err.status, WEFT_PARAM);
    err = (struct weft_error){0};
    weft_grads_destroy(&g);
    weft_grads_destroy(&of_q);
    weft_params_destroy(&q);
}
END_TEST

// Also destroyed before what was recorded of them has run.
START_TEST(a_scope_holds_on_to_them)
{
    weft_grads *g = grads();
    weft_backward_into(s, loss_of(s, 1), g);
    ck_assert(weft_grads_add(s, g, NULL));
    weft_grads_destroy(&g);
    ck_assert(weft_scope_reset(s));
    float v[N];
    own_grad(v);
    ck_assert_float_gt(v[0], .3f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grads");
    TCase *t = tcase_create("grads");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, they_add_up_and_leave_the_params_alone);
    tcase_add_test(t, they_are_added_to_the_params_and_to_each_other);
    tcase_add_test(t, parallel_scopes_give_the_same_bits_every_run);
    tcase_add_test(t, what_another_scope_has_not_run_is_stale);
    tcase_add_test(t, no_scope_overwrites_what_another_has_added);
    tcase_add_test(t, eager_scopes_add_up_as_well);
    tcase_add_test(t, wrong_calls_are_refused);
    tcase_add_test(t, a_scope_holds_on_to_them);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
