// What is seldom reached: devices with room for few arguments, handles that are destroyed where
// they are called, what collects when much is profiled, and calls that are refused.
#include "core/scope.h"
#include "device_fixture.h"
#include <stdatomic.h>
#include <time.h>
#include <weft/opencl.h>

static weft_device *dev;
static weft_scope *s;
static struct weft_error err;

static void setup(void)
{
    err = (struct weft_error){0};
    dev = open_device(NULL);
    s = open_scope(dev);
}

static void teardown(void)
{
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
}

// The scope has this error; then it is forgotten.
static void ck_scope(enum weft_status status, const char *part)
{
    assert_refused(weft_scope_error(s), status, part);
    weft_scope_clear(s);
}

// Likewise `err`.
static void ck_err(enum weft_status status, const char *part)
{
    assert_refused(&err, status, part);
    err = (struct weft_error){0};
}

enum { CHAIN = 24 };

// A chain of sums with as many inputs as a group takes, and options between them.
static uint64_t run_chain(float *got, int64_t n)
{
    weft_tensor *x = ramp(s, 1, &n), *in[CHAIN];
    for (int i = 0; i < CHAIN; i++)
        in[i] = weft_scale(s, ramp(s, 1, &n), 0.37 * i);
    weft_flush(s);
    uint64_t before = stats_of(dev).launches;
    for (int i = 0; i < CHAIN; i++)
        x = weft_leaky_relu(s, weft_sub(s, weft_scale(s, x, 1.01), in[i]), 0.1 + 0.01 * i);
    ck_assert_msg(weft_read(s, x, got, (size_t)n * sizeof *got), "%s", weft_scope_error(s)->text);
    uint64_t launches = stats_of(dev).launches - before;
    weft_scope_reset(s);
    return launches;
}

// The least that OpenCL promises: 1024 bytes of arguments, 256 with the embedded profile.
START_TEST(fewer_arguments_give_more_launches_and_the_same_bits)
{
    float want[70], got[70];
    uint64_t launches = run_chain(want, COUNT(want));
    dev->argument_bytes = 256;
    ck_assert_uint_gt(run_chain(got, COUNT(got)), launches);
    ck_assert_mem_eq(got, want, sizeof want);
}
END_TEST

START_TEST(a_training_with_few_arguments_has_the_same_bits)
{
    float v[2][MODEL_VALUES];
    for (int few = 0; few < 2; few++) {
        struct model m;
        dev->argument_bytes = few ? 256 : 1024;
        model_make(&m, dev);
        for (int i = 0; i < 3; i++)
            ck_assert(isfinite(model_step(&m)));
        model_values(&m, v[few]);
        model_free(&m);
    }
    ck_assert_mem_eq(v[0], v[1], sizeof v[0]);
}
END_TEST

// y = w0 x1 + w1 x3, so of z = sum of c (d y / d x), d z / d w is c1 and c3.
START_TEST(a_gradient_of_the_gradient_of_a_slice)
{
    const int64_t row[] = {1, 5}, column[] = {2, 1};
    const float c[] = {1, 2, 3, 4, 5};
    weft_tensor *x = ramp(s, 2, row), *w = ramp(s, 2, column);
    weft_tensor *part = weft_slice_step(s, x, 1, (struct weft_range){1, 4, 2});
    weft_tensor *g = weft_grad(s, weft_sum(s, weft_matmul(s, part, w), NULL), x);
    weft_tensor *z = weft_sum(s, weft_mul(s, g, weft_from_host(s, WEFT_F32, 2, row, c)), NULL);
    float got[2];
    ck_assert_msg(weft_read(s, weft_grad(s, z, w), got, sizeof got), "%s",
                  weft_scope_error(s)->text);
    ck_assert(got[0] == c[1] && got[1] == c[3]);
}
END_TEST

struct late {
    weft_async *handle;
    atomic_int called;
};

static void destroy_inside(void *priv, const struct weft_error *e)
{
    struct late *late = priv;
    weft_async_destroy(&late->handle);
    atomic_store(&late->called, e->status == WEFT_OK && !late->handle ? 1 : 2);
}

static void sleep_inside(void *priv, const struct weft_error *e)
{
    struct late *late = priv;
    (void)e;
    nanosleep(&(struct timespec){0, 100000000}, NULL);
    atomic_store(&late->called, 1);
}

START_TEST(an_asynchronous_read_is_destroyed_in_its_callback)
{
    float got[64];
    const int64_t n = COUNT(got);
    struct late late = {weft_read_async(s, ramp(s, 1, &n), got, sizeof got), 0};
    ck_assert_msg(late.handle, "%s", weft_scope_error(s)->text);
    ck_assert_ptr_nonnull(weft_opencl_async_event(late.handle));
    ck_assert_ptr_null(weft_opencl_async_event(NULL));
    ck_assert(!weft_async_notify(NULL, destroy_inside, &late, &err));
    ck_err(WEFT_PARAM, "async: the handle is NULL");
    ck_assert(!weft_async_notify(late.handle, NULL, &late, &err));
    ck_err(WEFT_PARAM, "async: the callback is NULL");
    ck_assert(weft_async_notify(late.handle, destroy_inside, &late, &err));
    for (int i = 0; i < 1000 && !atomic_load(&late.called); i++)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    ck_assert_int_eq(atomic_load(&late.called), 1);
    ck_assert_float_eq(got[16], 1);
}
END_TEST

START_TEST(destroying_waits_for_the_callback)
{
    float got[64];
    const int64_t n = COUNT(got);
    struct late late = {weft_read_async(s, ramp(s, 1, &n), got, sizeof got), 0};
    ck_assert(weft_async_notify(late.handle, sleep_inside, &late, &err));
    weft_async_destroy(&late.handle);
    ck_assert_int_eq(atomic_load(&late.called), 1);
}
END_TEST

// Events are collected while there are many, and at the end those that nobody asked for.
START_TEST(a_long_profile_is_collected_on_the_way)
{
    enum { LAUNCHES = 5000 };
    weft_device *profiled = open_device(weft_device_params(.profile = true));
    weft_scope *p = open_scope(profiled);
    const int64_t n = 3;
    for (int i = 0; i < LAUNCHES; i++) {
        weft_want(p, weft_neg(p, ramp(p, 1, &n)));
        ck_assert(weft_flush(p) && weft_scope_reset(p));
    }
    struct weft_profile_row row[8];
    int rows = weft_device_profile(profiled, row, COUNT(row), &err);
    uint64_t found = 0;
    for (int i = 0; i < rows && i < COUNT(row); i++)
        found += strcmp(row[i].op, "neg") ? 0 : row[i].launches;
    ck_assert_uint_eq(found, LAUNCHES);
    weft_want(p, weft_neg(p, ramp(p, 1, &n)));
    ck_assert(weft_flush(p));
    ck_assert(!weft_device_trace(profiled, NULL, &err));
    ck_err(WEFT_PARAM, "trace: the path is NULL");
    ck_assert_int_eq(weft_device_profile(NULL, NULL, 0, &err), -1);
    ck_err(WEFT_PARAM, "profile: the device is NULL");
    weft_scope_destroy(&p);
    weft_device_destroy(&profiled);
}
END_TEST

START_TEST(wrong_devices_are_refused)
{
    static const double limit[] = {-1, NAN};
    for (int i = 0; i < COUNT(limit); i++) {
        ck_assert_ptr_null(
            weft_device_create(weft_device_params(.launch_limit_ms = limit[i]), &err));
        ck_err(WEFT_PARAM, "0 or more was wanted");
    }
    setenv("WEFT_CL_DIR", "/a folder", 1);
    ck_assert_ptr_null(weft_device_create(NULL, &err));
    unsetenv("WEFT_CL_DIR");
    ck_err(WEFT_PARAM, "WEFT_CL_DIR is \"/a folder\"; a compiler's option cannot hold blanks");
}
END_TEST

START_TEST(wrong_calls_of_a_scope_are_refused)
{
    const int64_t n = 4;
    ck_assert(weft_scope_trains(s) && !weft_scope_trains(NULL));
    ck_assert_ptr_null(weft_from_host(s, WEFT_F32, 1, &n, NULL));
    ck_scope(WEFT_PARAM, "from_host: the data is NULL");
    for (int i = 0; i <= WF_MAX_LABELS; i++)
        weft_label_push(s, "x");
    ck_scope(WEFT_PARAM, "label \"x\": more than 64 are nested");
    for (int i = 0; i < WF_MAX_LABELS; i++)
        weft_label_pop(s);
    ck_assert_ptr_null(weft_keep(s, NULL));
    ck_scope(WEFT_PARAM, "keep: a tensor is NULL");
    ck_assert(!weft_opencl_export(s, ramp(s, 1, &n), NULL));
    ck_scope(WEFT_PARAM, "export: the view is NULL");
}
END_TEST

START_TEST(wrong_custom_ops_are_refused)
{
    static const char much[] =
        "a_name_that_is_longer_than_what_weft_keeps_of_the_name_of_a_kernel_";
    const int64_t n = 4;
    const weft_tensor *x = ramp(s, 1, &n);
    struct weft_op op = WEFT_OP(.name = "twice", .source = "x", .inputs = 1, .kernel = much);
    ck_assert_ptr_null(weft_op(s, &op, &x, NULL));
    ck_scope(WEFT_PARAM, "twice: the kernel's name is longer than 63");
    op.kernel = NULL;
    ck_assert_ptr_null(weft_op(s, &op, NULL, NULL));
    ck_scope(WEFT_PARAM, "twice: the inputs are NULL");
    op.option_bytes = 4;
    ck_assert_ptr_null(weft_op(s, &op, &x, NULL));
    ck_scope(WEFT_PARAM, "twice: the options are NULL");
}
END_TEST

START_TEST(wrong_gradients_are_refused)
{
    weft_device *second = open_device(NULL);
    weft_params *elsewhere = weft_params_create(second, 1, &err);
    weft_params *net = weft_params_create(dev, 1, &err);
    const int64_t shape[] = {1, 3};
    weft_tensor *y = weft_linear(s, net, "fc", ramp(s, 2, shape), weft_linear_params(.out = 1));
    ck_assert(!weft_backward(s, weft_sum(s, y, NULL), elsewhere));
    ck_scope(WEFT_PARAM, "backward: the params are on another device");
    weft_params *none = weft_params_create(dev, 1, &err);
    y = weft_linear(s, net, "fc", ramp(s, 2, shape), weft_linear_params(.out = 1));
    ck_assert(!weft_backward(s, weft_sum(s, y, NULL), none));
    ck_scope(WEFT_PARAM, "does not depend on a parameter");
    ck_assert(!weft_zero_grad(s, elsewhere));
    ck_scope(WEFT_PARAM, "zero_grad: the params are on another device");
    ck_assert(!weft_zero_grad(s, NULL));
    ck_scope(WEFT_PARAM, "zero_grad: the params are NULL");
    weft_params_destroy(&none);
    weft_params_destroy(&net);
    weft_params_destroy(&elsewhere);
    weft_device_destroy(&second);
}
END_TEST

// What one scope has recorded counts on the gradient that was there then.
START_TEST(gradients_that_another_scope_changed_are_stale)
{
    weft_params *net = weft_params_create(dev, 1, &err);
    weft_scope *other = open_scope(dev);
    const int64_t shape[] = {1, 3};
    weft_tensor *y = weft_linear(s, net, "fc", ramp(s, 2, shape), weft_linear_params(.out = 1));
    ck_assert(weft_backward(s, weft_sum(s, y, NULL), net));
    y = weft_linear(other, net, "fc", ramp(other, 2, shape), weft_linear_params(.out = 1));
    ck_assert(!weft_backward(other, weft_sum(other, y, NULL), net));
    assert_refused(weft_scope_error(other), WEFT_STALE, "is changed by another scope");
    weft_scope_destroy(&other);
    weft_params_destroy(&net);
}
END_TEST

START_TEST(a_cosine_begins_anew_at_the_same_length)
{
    weft_params *net = weft_params_create(dev, 1, &err);
    weft_optim *o = weft_sgd_create(net, weft_sgd_params(.lr = 1), &err);
    weft_schedule *c =
        weft_cosine_lr_create(o, weft_cosine_lr_params(.steps = 4, .restarts = true), &err);
    ck_assert_msg(c, "%s", err.text);
    double first[4];
    for (int t = 0; t < 12; t++) {
        double lr = weft_optim_lr(o);
        if (t < 4)
            first[t] = lr;
        ck_assert_double_eq(lr, first[t % 4]);
        ck_assert_double_eq_tol(lr, (1 + cos(3.14159265358979323846 * (t % 4) / 4)) / 2, 1e-15);
        ck_assert(weft_schedule_step(c, &err));
    }
    ck_assert_ptr_null(weft_sequential_lr_create(c, 3, c, &err));
    ck_err(WEFT_PARAM, "sequential schedule: the two are the same");
    weft_optim_destroy(&o);
    weft_params_destroy(&net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("edges");
    TCase *t = tcase_create("edges");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, fewer_arguments_give_more_launches_and_the_same_bits);
    tcase_add_test(t, a_training_with_few_arguments_has_the_same_bits);
    tcase_add_test(t, a_gradient_of_the_gradient_of_a_slice);
    tcase_add_test(t, an_asynchronous_read_is_destroyed_in_its_callback);
    tcase_add_test(t, destroying_waits_for_the_callback);
    tcase_add_test(t, a_long_profile_is_collected_on_the_way);
    tcase_add_test(t, wrong_devices_are_refused);
    tcase_add_test(t, wrong_calls_of_a_scope_are_refused);
    tcase_add_test(t, wrong_custom_ops_are_refused);
    tcase_add_test(t, wrong_gradients_are_refused);
    tcase_add_test(t, gradients_that_another_scope_changed_are_stale);
    tcase_add_test(t, a_cosine_begins_anew_at_the_same_length);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
