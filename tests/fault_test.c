// Every OpenCL call of some work fails once, and then from one call on all of them do: opening a
// device, a step of training, an evaluation, saving and loading. Each must end with an error that
// names what failed, or succeed because it tried again; nothing may be lost, half done or leaked.
#include "core/scope.h"
#include "fault_fixture.h"
#include "nn/params.h"
#include <time.h>

START_TEST(opening)
{
    int tried = 0, before = live_now();
    for (bool more = true; more; tried++) {
        struct weft_error err = {0};
        arm(tried + 1, _i);
        weft_device *dev = open_faulty(&err);
        more = fault.hit;
        disarm();
        ck_assert_msg(dev || (err.status && *err.text), "%s", fault.call);
        ck_assert_msg(!dev || !err.status, "%s", err.text);
        ck_assert_msg(!was_host_memory() || dev || err.status == WEFT_NOMEM, "call %d: %d \"%s\"",
                      tried + 1, err.status, err.text);
        if (dev)
            close_device(&dev);
        assert_none_left(before);
        assert_no_objects();
    }
    ck_assert_int_gt(tried, was_host_memory() ? 10 : 20);
}
END_TEST

// A step that has failed is one that was not made, or all of it was; and training goes on.
static void check_failed_step(const struct model *m, int before)
{
    const struct weft_error *e = weft_scope_error(m->s);
    assert_names_it(e);
    ck_assert(isnan(model_step(m))); // the error stays
    weft_scope_clear(m->s);
    ck_assert(weft_zero_grad(m->s, m->net) && weft_scope_reset(m->s));
    bool made = !has_values(m, before);
    ck_assert_msg(!made || has_values(m, before + 1), "%s: half a step", fault.call);
    // Only what comes after the last update may fail and leave it made.
    ck_assert_msg(!made || !strcmp(fault.call, "clEnqueueReadBuffer"), "%s", fault.call);
    int next = before + made;
    ck_assert_double_eq(model_step(m), want.loss[next]);
    ck_assert_msg(has_values(m, next + 1), "%s: another step than without it", fault.call);
}

// The second step of a training, on a device that has made others: true if the fault came.
static bool fail_warm_step(weft_device *dev, int n, enum mode mode)
{
    struct model m;
    model_make(&m, dev);
    ck_assert_double_eq(model_step(&m), want.loss[0]);
    arm(n, mode);
    double loss = model_step(&m);
    disarm();
    if (weft_scope_error(m.s)->status) {
        ck_assert(fault.hit);
        // A launch that found no memory is tried again.
        ck_assert(mode != ONE_FAILS || !wf_cl_is_nomem(fault.code) ||
                  strcmp(fault.call, "clEnqueueNDRangeKernel"));
        check_failed_step(&m, 1);
    } else {
        ck_assert_double_eq(loss, want.loss[1]);
        ck_assert(has_values(&m, 2));
    }
    model_free(&m);
    ck_assert_uint_eq(stats_of(dev).bytes_used, 0);
    return fault.hit;
}

START_TEST(every_call_of_a_step)
{
    int before = live_now();
    weft_device *dev = open_whole();
    int n = 1;
    while (fail_warm_step(dev, n, _i))
        n++;
    ck_assert_int_gt(n, was_host_memory() ? 40 : 100);
    close_device(&dev);
    assert_none_left(before);
}
END_TEST

// The first step on a new device, which also loads kernels, makes parameters, states and stages.
// Faults in setting arguments are those of the warm step.
static bool fail_cold_step(int n, enum mode mode)
{
    struct model m;
    weft_device *dev = open_whole();
    model_make(&m, dev);
    arm(n, mode);
    double loss = model_step(&m);
    disarm();
    if (weft_scope_error(m.s)->status) {
        ck_assert(fault.hit);
        assert_names_it(weft_scope_error(m.s));
        weft_scope_clear(m.s);
        weft_zero_grad(m.s, m.net);
        weft_scope_reset(m.s);
        bool made = weft_params_count(m.net) == 4 && has_values(&m, 1);
        ck_assert_double_eq(model_step(&m), want.loss[made]);
        ck_assert(has_values(&m, made + 1));
    } else {
        ck_assert_double_eq(loss, want.loss[0]);
    }
    model_free(&m);
    close_device(&dev);
    return fault.hit;
}

START_TEST(every_call_of_a_first_step)
{
    int n = 1, before = live_now();
    while (fail_cold_step(n, _i))
        n++;
    ck_assert_int_gt(n, was_host_memory() ? 80 : 150);
    assert_none_left(before);
}
END_TEST

static float logits[MODEL_BATCH * MODEL_CLASSES];

static bool evaluate(const struct model *m)
{
    return read_logits(m, logits);
}

static void check_evaluation(const struct model *m, bool done)
{
    if (!done) {
        assert_names_it(weft_scope_error(m->s));
        weft_scope_clear(m->s);
        ck_assert(read_logits(m, logits));
    }
    ck_assert_mem_eq(logits, want.logits, sizeof logits);
}

START_TEST(every_call_of_an_evaluation)
{
    each_fault(_i, evaluate, check_evaluation);
}
END_TEST

static float lent[MODEL_VALUES], back[MODEL_VALUES];
static atomic_int lent_now;

static void got_back(void *priv, const void *data)
{
    (void)priv, (void)data;
    lent_now--;
}

// Lends data, and reads without waiting what comes of it.
static bool lend(const struct model *m)
{
    const int64_t n = MODEL_VALUES;
    struct weft_error err = {0};
    for (int i = 0; i < MODEL_VALUES; i++)
        lent[i] = (float)i;
    memset(back, 0, sizeof back);
    weft_tensor *x = weft_borrow(
        m->s, lent,
        weft_borrow_params(.dtype = WEFT_F32, .ndim = 1, .shape = &n, .released = got_back));
    lent_now += x != NULL;
    weft_async *a = weft_read_async(m->s, weft_neg(m->s, x), back, sizeof back);
    bool done = a && weft_async_wait(a, &err);
    weft_async_destroy(&a);
    return done;
}

static void check_lent(const struct model *m, bool done)
{
    weft_scope_clear(m->s);
    weft_device_wait(weft_scope_device(m->s), NULL);
    for (int i = 0; i < 5000 && lent_now; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    ck_assert_int_eq(lent_now, 0);
    for (int i = 0; done && i < MODEL_VALUES; i++)
        ck_assert_float_eq(back[i], (float)-i);
}

START_TEST(every_call_of_borrowing_and_an_asynchronous_read)
{
    each_fault(_i, lend, check_lent);
}
END_TEST

// Operations and gradients of the program's own; the latter are zeroed each time, so that they are
// either one step's or none.
static weft_grads *own_grads;
static float own_bias[MODEL_CLASSES];

static bool use_own(const struct model *m)
{
    static const struct weft_map cube =
        WEFT_MAP(.name = "cube", .y = "x0 * x0 * x0", .dx = {"(T)3 * g * x0 * x0"});
    static const struct weft_op twice =
        WEFT_OP(.name = "twice", .inputs = 1, .flat = true,
                .source = "kernel void twice(global const float *x, global float *y, long n)"
                          "{ size_t i = get_global_id(0); if (i < n) y[i] = 2 * x[i]; }");
    const weft_tensor *x = model_logits(m), *y = weft_map(m->s, &cube, &x, NULL);
    y = weft_mul(m->s, y, weft_op(m->s, &twice, &x, NULL));
    if (!own_grads)
        own_grads = weft_grads_create(m->net, &m->s->err);
    return weft_grads_zero(m->s, own_grads) &&
           weft_backward_into(m->s, weft_sum(m->s, y, NULL), own_grads) && weft_flush(m->s) &&
           weft_grads_get(own_grads, "fc2.bias", own_bias, sizeof own_bias, &m->s->err);
}

static void check_own(const struct model *m, bool done)
{
    static float wanted[MODEL_CLASSES];
    if (!done) {
        assert_names_it(weft_scope_error(m->s));
        weft_scope_clear(m->s);
        ck_assert_msg(use_own(m), "%s", weft_scope_error(m->s)->text);
    }
    if (!wanted[0])
        memcpy(wanted, own_bias, sizeof wanted);
    ck_assert_mem_eq(own_bias, wanted, sizeof wanted);
    // The next time it is a scope that has not seen them.
    weft_scope_clear(m->s);
    weft_grads_destroy(&own_grads);
}

START_TEST(every_call_of_operations_and_gradients_of_ones_own)
{
    each_fault(_i, use_own, check_own);
}
END_TEST

static bool save(const struct model *m)
{
    file_error = (struct weft_error){0};
    set_writes(true);
    bool ok = weft_params_save(m->net, in_tempdir("m.safetensors"), NULL, &file_error);
    set_writes(false);
    return ok;
}

static void check_saved(const struct model *m, bool done)
{
    char now[sizeof old_file];
    size_t bytes = get_file(in_tempdir("m.safetensors"), now, sizeof now);
    if (!done) {
        assert_names_it(&file_error);
        ck_assert(bytes == old_bytes && !memcmp(now, old_file, bytes));
        return;
    }
    struct weft_error err = {0};
    ck_assert_msg(weft_params_load(m->net, in_tempdir("m.safetensors"), NULL, &err), "%s",
                  err.text);
    ck_assert(has_values(m, 3));
    setup_file(); // again
}

START_TEST(every_call_of_a_save)
{
    setup_file();
    each_fault(_i, save, check_saved);
    ck_assert_int_eq(count_files(tempdir), 2); // no temporary file beside cache and file
    remove(in_tempdir("m.safetensors"));
}
END_TEST

static bool load(const struct model *m)
{
    file_error = (struct weft_error){0};
    return weft_params_load(m->net, in_tempdir("first.safetensors"), NULL, &file_error);
}

static void check_loaded(const struct model *m, bool done)
{
    struct weft_error err = {0};
    if (!done)
        assert_names_it(&file_error);
    ck_assert(has_values(m, done ? 1 : 3));
    if (done)
        ck_assert(weft_params_load(m->net, in_tempdir("third.safetensors"), NULL, &err));
}

START_TEST(every_call_of_a_load)
{
    weft_device *dev = open_whole();
    struct model m;
    model_make(&m, dev);
    for (int i = 1; i <= 3; i++) {
        model_step(&m);
        ck_assert(weft_params_save(
            m.net, in_tempdir(i == 1 ? "first.safetensors" : "third.safetensors"), NULL, NULL));
    }
    model_free(&m);
    close_device(&dev);
    each_fault(_i, load, check_loaded);
    remove(in_tempdir("first.safetensors"));
    remove(in_tempdir("third.safetensors"));
}
END_TEST

static weft_params *copied;

// Over a clone that holds zeros, made without faults.
static bool copy(const struct model *m)
{
    const struct fault armed = fault;
    const float zero[MODEL_VALUES] = {0};
    fault = (struct fault){0};
    copied = weft_params_clone(m->net, NULL, NULL);
    for (int i = 0; i < weft_params_count(copied); i++)
        ck_assert(weft_params_set(copied, weft_params_name(copied, i), zero,
                                  (size_t)copied->param[i]->count * sizeof *zero, NULL));
    fault = armed;
    file_error = (struct weft_error){0};
    return weft_params_copy(copied, m->net, &file_error);
}

static void check_copied(const struct model *m, bool done)
{
    (void)m;
    float v[MODEL_VALUES], zero[MODEL_VALUES] = {0};
    const struct model other = {.net = copied};
    if (!done)
        assert_names_it(&file_error);
    model_values(&other, v);
    ck_assert(done ? has_values(&other, 3) : !memcmp(v, zero, sizeof v));
    weft_params_destroy(&copied);
}

START_TEST(every_call_of_a_copy)
{
    each_fault(_i, copy, check_copied);
}
END_TEST

static bool clone(const struct model *m)
{
    file_error = (struct weft_error){0};
    copied = weft_params_clone(m->net, NULL, &file_error);
    return copied;
}

static void check_cloned(const struct model *m, bool done)
{
    if (done)
        check_copied(m, done);
    else
        assert_names_it(&file_error);
}

START_TEST(every_call_of_a_clone)
{
    each_fault(_i, clone, check_cloned);
}
END_TEST

// One buffer takes a computed value as it is, the other a copy of what the host lends.
static bool set_buffers(const struct model *m)
{
    static const float on_loan[2] = {1, 2};
    const struct weft_init zero = {WEFT_INIT_CONSTANT, 0, 0};
    const int64_t two = 2;
    const struct fault armed = fault;
    fault = (struct fault){0};
    copied = weft_params_create(weft_scope_device(m->s), 1, NULL);
    weft_buffer(m->s, copied, "a", zero, 1, &two);
    weft_buffer(m->s, copied, "b", zero, 1, &two);
    fault = armed;
    weft_tensor *x =
        weft_borrow(m->s, on_loan, weft_borrow_params(.dtype = WEFT_F32, .ndim = 1, .shape = &two));
    weft_buffer_set(m->s, copied, "a", weft_square(m->s, x));
    weft_buffer_set(m->s, copied, "b", x);
    return weft_flush(m->s) && weft_device_wait(weft_scope_device(m->s), &m->s->err);
}

static void check_buffers(const struct model *m, bool done)
{
    float v[4];
    if (!done)
        assert_names_it(weft_scope_error(m->s));
    weft_scope_clear(m->s);
    ck_assert(weft_params_get(copied, "a", v, 8, NULL));
    ck_assert(weft_params_get(copied, "b", v + 2, 8, NULL));
    const float set[4] = {1, 4, 1, 2}, none[4] = {0};
    ck_assert(!memcmp(v, set, sizeof v) || (!done && !memcmp(v, none, sizeof v)));
    weft_params_destroy(&copied);
}

START_TEST(every_call_of_an_update_of_buffers)
{
    each_fault(_i, set_buffers, check_buffers);
}
END_TEST

#ifndef FAULT_HOST_MEMORY
// A launch of the optimizer that was cut in pieces and failed between them leaves parameters of two
// steps: that is known, and they are not saved.
START_TEST(half_an_update_is_known)
{
    struct model m;
    struct weft_error err = {0};
    weft_device *dev = open_whole();
    model_make(&m, dev);
    dev->info.display = true;
    dev->params.launch_limit_ms = 1e-9;
    ck_assert(!isnan(model_step(&m)));
    arm(0, ONE_FAILS);
    ck_assert(!isnan(model_step(&m)));
    ck_assert(weft_params_save(m.net, in_tempdir("m.safetensors"), NULL, &err));
    for (int n = disarm(); n > 0 && !m.net->torn; n--) {
        arm(n, ONE_FAILS);
        model_step(&m);
        disarm();
        weft_scope_clear(m.s);
        ck_assert(weft_zero_grad(m.s, m.net) && weft_scope_reset(m.s));
    }
    ck_assert(!weft_params_save(m.net, in_tempdir("m.safetensors"), NULL, &err));
    assert_refused(&err, WEFT_DEVICE, "half-way");
    ck_assert(weft_params_load(m.net, in_tempdir("m.safetensors"), NULL, NULL));
    ck_assert(weft_params_save(m.net, in_tempdir("m.safetensors"), NULL, NULL));
    remove(in_tempdir("m.safetensors"));
    model_free(&m);
    close_device(&dev);
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("fault");
    TCase *t = tcase_create("calls");
    tcase_add_unchecked_fixture(t, setup_want, tempdir_remove);
    tcase_set_timeout(t, 300);
    suite_add_tcase(suite, t);
    tcase_add_loop_test(t, opening, 0, MODES);
    tcase_add_loop_test(t, every_call_of_a_step, 0, MODES);
    tcase_add_loop_test(t, every_call_of_a_first_step, 0, MODES);
    tcase_add_loop_test(t, every_call_of_an_evaluation, 0, MODES);
    tcase_add_loop_test(t, every_call_of_borrowing_and_an_asynchronous_read, 0, MODES);
    tcase_add_loop_test(t, every_call_of_operations_and_gradients_of_ones_own, 0, MODES);
    tcase_add_loop_test(t, every_call_of_a_save, 0, MODES);
    tcase_add_loop_test(t, every_call_of_a_load, 0, MODES);
    tcase_add_loop_test(t, every_call_of_a_copy, 0, MODES);
    tcase_add_loop_test(t, every_call_of_a_clone, 0, MODES);
    tcase_add_loop_test(t, every_call_of_an_update_of_buffers, 0, MODES);
#ifndef FAULT_HOST_MEMORY
    tcase_add_test(t, half_an_update_is_known);
#endif
    return run_suite(suite);
}
