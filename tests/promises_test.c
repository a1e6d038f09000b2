// What users are promised, counted with weft_device_stats, where no other test counts it: steady
// steps in device_test.c and scope_test.c, sizes in sizes_test.c, long runs in long_test.c, state
// and linking in state.py and install.py, failures in fault_test.c.
#include "device_fixture.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

static weft_device *dev;
static struct weft_error err;

static void setup(void)
{
    dev = open_device(NULL);
}

static void teardown(void)
{
    weft_device_destroy(&dev);
}

// Inference, a step with a checkpoint and gradients of one's own, host data that is lent and read
// without waiting: after the first rounds nothing is allocated or built, and the host waits once
// for each value that it reads.
static weft_tensor *block(weft_scope *s, void *net, const weft_tensor *x)
{
    return weft_relu(s, weft_linear(s, net, "fc1", x, weft_linear_params(.out = 32)));
}

struct parts {
    weft_scope *s;
    weft_params *net;
    weft_grads *grads;
    weft_optim *sgd;
};

static void step(const struct parts *p, const float *data)
{
    struct weft_borrow_params lent = {
        .size = sizeof lent, .dtype = WEFT_F32, .ndim = 2, .shape = (int64_t[]){16, 20}};
    float y[16 * 3];
    weft_tensor *x = weft_borrow(p->s, data, &lent);
    x = weft_checkpoint(p->s, block, p->net, x);
    x = weft_linear(p->s, p->net, "fc2", x, weft_linear_params(.out = 3));
    weft_want(p->s, x);
    weft_backward_into(p->s, weft_mean(p->s, weft_square(p->s, x), NULL), p->grads);
    weft_grads_add(p->s, p->grads, NULL);
    weft_grads_zero(p->s, p->grads);
    weft_optim_step(p->sgd, p->s);
    ck_assert_msg(weft_read(p->s, x, y, sizeof y), "%s", weft_scope_error(p->s)->text);
    ck_assert(weft_scope_reset(p->s));
}

START_TEST(a_steady_step_of_every_part_allocates_and_builds_nothing)
{
    static _Alignas(4096) float data[16 * 20];
    struct parts p = {.s = open_scope(dev), .net = weft_params_create(dev, 1, &err)};
    p.grads = weft_grads_create(p.net, &err);
    p.sgd = weft_sgd_create(p.net, weft_sgd_params(.momentum = 0.9), &err);
    struct weft_device_stats first = {0}, last;
    for (int i = 0; i < 200; i++) {
        step(&p, data);
        if (i == 9)
            first = stats_of(dev);
    }
    last = stats_of(dev);
    ck_assert_uint_eq(last.allocations, first.allocations);
    ck_assert_uint_eq(last.builds + last.loads, first.builds + first.loads);
    ck_assert_uint_eq(last.waits - first.waits, 190);
    ck_assert_uint_eq((last.launches - first.launches) % 190, 0);
    ck_assert_uint_eq((last.copies - first.copies) % 190, 0);
    ck_assert_uint_eq(last.bytes_used, first.bytes_used);
    ck_assert_uint_eq(last.bytes_peak, first.bytes_peak);
    weft_optim_destroy(&p.sgd);
    weft_grads_destroy(&p.grads);
    weft_params_destroy(&p.net);
    weft_scope_destroy(&p.s);
    ck_assert_uint_eq(stats_of(dev).bytes_used, 0);
}
END_TEST

// A multilayer perceptron's step, against the most that is alive at once: where the backward pass
// begins, the parameters, the input, the output of each layer, a gradient and what it is made of.
// Later, weights' gradients take the place of outputs.
START_TEST(peak_of_a_training_step_is_close_to_what_is_alive)
{
    enum { BATCH = 512, IN = 256, HIDDEN = 512, LAYERS = 4 };
    static float data[BATCH * IN];
    weft_scope *s = open_scope(dev);
    weft_params *net = weft_params_create(dev, 1, &err);
    weft_optim *sgd = weft_sgd_create(net, NULL, &err);
    for (int i = 0; i < 3; i++) {
        char name[8] = "fc0";
        weft_tensor *x = weft_from_host(s, WEFT_F32, 2, (int64_t[]){BATCH, IN}, data);
        for (int k = 0; k < LAYERS; k++) {
            name[2] = (char)('0' + k);
            x = weft_linear(s, net, name, x, weft_linear_params(.out = HIDDEN));
            x = weft_relu(s, x);
        }
        weft_backward(s, weft_mean(s, x, NULL), net);
        weft_optim_step(sgd, s);
        ck_assert_msg(weft_scope_reset(s), "%s", weft_scope_error(s)->text);
    }
    double params = (double)weft_params_elements(net), activation = (double)BATCH * HIDDEN;
    double live = params + (double)BATCH * IN + (LAYERS + 2) * activation;
    ck_assert_double_le((double)stats_of(dev).bytes_peak, 1.2 * 4 * live);
    weft_optim_destroy(&sgd);
    weft_params_destroy(&net);
    weft_scope_destroy(&s);
}
END_TEST

// Within its limit a device trains, and never holds more.
START_TEST(a_limit_is_kept_while_work_goes_on)
{
    enum { LIMIT = 3 << 20 };
    weft_device *d = open_device(weft_device_params(.memory_limit = LIMIT));
    weft_scope *s = open_scope(d);
    int failed = 0;
    for (int64_t n = 1000; n < 400000; n += 13777) {
        weft_tensor *x = filled(s, n, 1);
        for (int i = 0; i < 6; i++)
            x = weft_tanh(s, weft_want(s, weft_neg(s, x)));
        if (isnan(weft_item(s, weft_sum(s, x, NULL)))) {
            assert_refused(weft_scope_error(s), WEFT_NOMEM, "memory limit of 3 MiB");
            failed++;
        }
        ck_assert_uint_le(stats_of(d).bytes_held, LIMIT);
        weft_scope_clear(s);
        struct model m;
        model_make(&m, d);
        ck_assert_msg(!isnan(model_step(&m)), "%s", weft_scope_error(m.s)->text);
        model_free(&m);
    }
    ck_assert_int_gt(failed, 3);
    ck_assert_int_lt(failed, 28);
    weft_scope_destroy(&s);
    weft_device_destroy(&d);
}
END_TEST

struct run {
    weft_scope *s;
    atomic_int begun;
    int64_t done;
};

static bool note_begun(void *priv, const struct weft_progress *at)
{
    struct run *r = priv;
    r->done = at->done;
    r->begun = 1;
    return true;
}

// Long enough that nobody would wait for its end: hundreds of products.
static void *work(void *priv)
{
    struct run *r = priv;
    weft_tensor *a = weft_full(r->s, WEFT_F32, 2, (int64_t[]){512, 512}, 0.001);
    for (int i = 0; i < 5000; i++)
        a = weft_matmul(r->s, a, a);
    weft_flush(r->s);
    return NULL;
}

START_TEST(work_that_runs_is_cancelled_from_another_thread)
{
    struct run r = {0};
    pthread_t thread;
    r.s = weft_scope_create(dev, weft_scope_params(.progress = note_begun, .progress_priv = &r),
                            &err);
    ck_assert(!pthread_create(&thread, NULL, work, &r));
    while (!r.begun)
        sched_yield();
    weft_scope_cancel(r.s);
    pthread_join(thread, NULL);
    assert_refused(weft_scope_error(r.s), WEFT_CANCELLED, "matmul: cancelled from another thread");
    ck_assert_int_lt(r.done, 5000);
    weft_scope_clear(r.s);
    ck_assert_double_eq(weft_item(r.s, weft_sum(r.s, filled(r.s, 9, 1), NULL)), 9);
    weft_scope_destroy(&r.s);
}
END_TEST

// Training, and errors of every layer that do not come from a compiler, which may print itself.
static void use_and_misuse(void)
{
    struct model m;
    weft_device *d = open_device(weft_device_params(.memory_limit = 1 << 20));
    model_make(&m, d);
    ck_assert(!isnan(model_step(&m)));
    weft_add(m.s, filled(m.s, 2, 1), filled(m.s, 3, 1));
    weft_scope_clear(m.s);
    weft_add(m.s, NULL, NULL);
    weft_scope_clear(m.s);
    weft_want(m.s, weft_exp(m.s, weft_want(m.s, filled(m.s, 200000, 1))));
    ck_assert(!weft_flush(m.s));
    weft_scope_clear(m.s);
    weft_params_load(m.net, "/nonexistent/file", NULL, &err);
    weft_device_create(weft_device_params(.match = "no such device"), &err);
    weft_safetensors *f = weft_safetensors_open("/dev/null", &err);
    weft_safetensors_close(&f);
    weft_device_destroy(&d); // with objects on it
    model_free(&m);
    err = (struct weft_error){0};
}

START_TEST(nothing_is_printed)
{
    FILE *all = tmpfile();
    ck_assert(all != NULL);
    int file = fileno(all), out = dup(1), log = dup(2);
    fflush(stdout);
    ck_assert(dup2(file, 1) == 1 && dup2(file, 2) == 2);
    use_and_misuse();
    fflush(stdout);
    dup2(out, 1);
    dup2(log, 2);
    off_t printed = lseek(file, 0, SEEK_END);
    fclose(all);
    close(out);
    close(log);
    ck_assert_int_eq(printed, 0);
}
END_TEST

// Two devices of one process share nothing: not the counts, not the params, not the errors.
START_TEST(devices_of_one_process_do_not_share_state)
{
    weft_device *d = open_device(weft_device_params(.eager = true, .check_nan = true));
    struct weft_device_stats before = stats_of(dev);
    weft_scope *s = open_scope(d), *t = open_scope(dev);
    ck_assert_ptr_null(weft_log(s, filled(s, 4, -1)));
    ck_assert_int_eq(weft_scope_error(s)->status, WEFT_NONFINITE);
    ck_assert_uint_eq(stats_of(dev).launches, before.launches);
    ck_assert_uint_eq(stats_of(dev).bytes_used, before.bytes_used);
    weft_tensor *y = weft_log(t, filled(t, 4, -1));
    ck_assert(y && weft_flush(t));
    weft_scope_destroy(&s);
    weft_scope_destroy(&t);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(unused_memory_is_given_back_on_request)
{
    weft_scope *s = open_scope(dev);
    weft_tensor *kept = weft_keep(s, filled(s, 1000, 1));
    weft_want(s, filled(s, 1 << 20, 1));
    ck_assert(weft_flush(s) && weft_scope_reset(s));
    ck_assert_uint_ge(stats_of(dev).bytes_held, 4 << 20);
    weft_device_trim(dev);
    struct weft_device_stats st = stats_of(dev);
    ck_assert_uint_eq(st.bytes_held, st.bytes_used);
    ck_assert_uint_ge(st.bytes_held, 4000);
    weft_tensor_destroy(&kept);
    weft_scope_destroy(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("promises");
    TCase *t = tcase_create("promises");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_steady_step_of_every_part_allocates_and_builds_nothing);
    tcase_add_test(t, peak_of_a_training_step_is_close_to_what_is_alive);
    tcase_add_test(t, a_limit_is_kept_while_work_goes_on);
    tcase_add_test(t, work_that_runs_is_cancelled_from_another_thread);
    tcase_add_test(t, nothing_is_printed);
    tcase_add_test(t, devices_of_one_process_do_not_share_state);
    tcase_add_test(t, unused_memory_is_given_back_on_request);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
