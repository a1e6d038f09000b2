// Parameters, initial values, layers, optimizers and files of parameters.
#include "base/hash.h"
#include "philox.h"
#include "run.h"
#include "scope_fixture.h"
#include "tempdir.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <weft/weft.h>

enum { N = 1000 };

static weft_tensor *param(const char *name, struct weft_init init, int64_t n)
{
    return weft_param(s, net, name, init, 1, &n);
}

START_TEST(uniform_values_are_philox_of_seed_and_name)
{
    float got[N];
    param("w", (struct weft_init){WEFT_INIT_UNIFORM, -2, 3}, N);
    ck_assert(weft_params_get(net, "w", got, sizeof got, NULL));
    uint64_t stream = wf_hash64("w", 1);
    for (int i = 0; i < N; i++) {
        struct philox r = philox(7, (uint64_t)i / 4, stream);
        ck_assert_float_eq(got[i], fmaf(philox_uniform(r.v[i % 4]), 5, -2));
    }
}
END_TEST

START_TEST(normal_values_have_the_moments)
{
    enum { MANY = 100000 };
    float *got = malloc(MANY * sizeof *got);
    double sum[5] = {0};
    param("w", (struct weft_init){WEFT_INIT_NORMAL, 0, 1}, MANY);
    ck_assert(weft_params_get(net, "w", got, MANY * sizeof *got, NULL));
    for (int i = 0; i < MANY; i++) {
        for (int k = 1; k <= 4; k++)
            sum[k] += pow((double)got[i], k) / MANY;
    }
    ck_assert_double_eq_tol(sum[1], 0, 0.015);
    ck_assert_double_eq_tol(sum[2], 1, 0.02);
    ck_assert_double_eq_tol(sum[3], 0, 0.06);
    ck_assert_double_eq_tol(sum[4], 3, 0.15);
    // Against Box and Muller in double.
    uint64_t stream = wf_hash64("w", 1);
    for (int i = 0; i < 400; i++) {
        struct philox r = philox(7, (uint64_t)i / 4, stream);
        double u = 1 - (double)philox_uniform(r.v[i % 4 / 2 * 2]);
        double turn = (double)philox_uniform(r.v[i % 4 / 2 * 2 + 1]) * 6.283185307179586;
        double want = sqrt(-2 * log(u)) * (i % 2 ? sin(turn) : cos(turn));
        ck_assert_double_eq_tol((double)got[i], want, 4e-6);
    }
    free(got);
}
END_TEST

START_TEST(initial_values_do_not_depend_on_order)
{
    float a[N], b[N];
    struct weft_init init = {WEFT_INIT_UNIFORM, 0, 1};
    weft_params *other = weft_params_create(dev, 7, NULL);
    param("x", init, N), param("y", init, N);
    weft_param(s, other, "y", init, 1, (int64_t[]){N});
    weft_params_get(net, "y", a, sizeof a, NULL);
    weft_params_get(other, "y", b, sizeof b, NULL);
    ck_assert_mem_eq(a, b, sizeof a);
    weft_params_get(net, "x", b, sizeof b, NULL);
    ck_assert_mem_ne(a, b, sizeof a);
    weft_params_destroy(&other);
}
END_TEST

START_TEST(linear_is_x_times_w_transposed_plus_b)
{
    enum { IN = 5, OUT = 3, ROWS = 4 };
    float x[ROWS * IN], w[OUT * IN], b[OUT], y[ROWS * OUT];
    for (int i = 0; i < ROWS * IN; i++)
        x[i] = (float)(i % 7) - 3;
    for (int i = 0; i < OUT * IN; i++)
        w[i] = (float)(i % 5) - 2;
    for (int i = 0; i < OUT; i++)
        b[i] = (float)i;
    weft_tensor *in = weft_from_host(s, WEFT_F32, 3, (int64_t[]){2, 2, IN}, x);
    ck_assert_ptr_nonnull(weft_linear(s, net, "fc", in, weft_linear_params(.out = OUT)));
    ck_assert(weft_flush(s));
    ck_assert(weft_params_set(net, "fc.weight", w, sizeof w, NULL));
    ck_assert(weft_params_set(net, "fc.bias", b, sizeof b, NULL));
    weft_tensor *out = weft_linear(s, net, "fc", in, weft_linear_params(.out = OUT));
    ck_assert_int_eq(out->ndim, 3);
    ck_assert(weft_read(s, out, y, sizeof y));
    for (int i = 0; i < ROWS * OUT; i++) {
        float want = b[i % OUT];
        for (int k = 0; k < IN; k++)
            want += x[i / OUT * IN + k] * w[i % OUT * IN + k];
        ck_assert_float_eq(y[i], want);
    }
    ck_assert_int_eq(weft_params_count(net), 2);
    ck_assert_int_eq(weft_params_elements(net), OUT * IN + OUT);
    ck_assert_str_eq(weft_params_name(net, 0), "fc.weight");
    ck_assert_ptr_null(weft_params_name(net, 2));
}
END_TEST

START_TEST(linear_starts_within_its_bound)
{
    float w[10 * 100];
    weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){1, 100}, 1);
    ck_assert_ptr_nonnull(weft_linear(s, net, "fc", x, weft_linear_params(.out = 10)));
    ck_assert(weft_params_get(net, "fc.weight", w, sizeof w, NULL));
    double most = 0, sum = 0;
    for (int i = 0; i < 1000; i++) {
        most = fmax(most, fabs((double)w[i]));
        sum += (double)w[i];
    }
    ck_assert(most <= 0.1 && most > 0.098 && fabs(sum / 1000) < 0.006);
}
END_TEST

START_TEST(wrong_layers_are_refused)
{
    weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){2, 5}, 1);
    weft_linear(s, net, "fc", x, weft_linear_params(.out = 3));
    weft_linear(s, net, "fc", x, weft_linear_params(.out = 4));
    assert_error(WEFT_SHAPE, "fc.weight: is [3,5]; [4,5] was wanted");
    x = weft_full(s, WEFT_F32, 2, (int64_t[]){2, 5}, 1);
    weft_linear(s, net, "fc", x, NULL);
    assert_error(WEFT_PARAM, "linear: x is [2,5] F32 and .out 0");
    x = weft_full(s, WEFT_I32, 2, (int64_t[]){2, 5}, 1);
    weft_linear(s, net, "fc", x, weft_linear_params(.out = 3));
    assert_error(WEFT_DTYPE, "I32");
    ck_assert_ptr_null(
        weft_param(s, net, "", (struct weft_init){WEFT_INIT_UNIFORM, 0, 1}, 0, NULL));
    assert_error(WEFT_PARAM, "name");
    ck_assert_ptr_null(weft_param(s, net, "q", (struct weft_init){0}, 0, NULL));
    assert_error(WEFT_PARAM, "initialiser 0");
}
END_TEST

// Three steps on loss = sum of c * w^2, whose gradient is 2 c w, against the formulas of nn.h.
struct rule {
    const char *name;
    bool adam;
    struct weft_sgd_params sgd;
    struct weft_adam_params a;
};
#define SGD_RULE(...)                                                                      \
    {                                                                                      \
        "sgd " #__VA_ARGS__, .sgd = {.size = sizeof(struct weft_sgd_params), __VA_ARGS__ } \
    }
#define ADAM_RULE(...)                                                                           \
    {                                                                                            \
        "adam " #__VA_ARGS__, true, .a = {.size = sizeof(struct weft_adam_params), __VA_ARGS__ } \
    }
static const struct rule rules[] = {
    SGD_RULE(.lr = 0.1),
    SGD_RULE(.lr = 0.1, .weight_decay = 0.01),
    SGD_RULE(.lr = 0.05, .momentum = 0.9),
    SGD_RULE(.lr = 0.05, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true),
    ADAM_RULE(.lr = 0.01),
    ADAM_RULE(.lr = 0.1, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-6, .weight_decay = 0.05),
};
enum { RULES = sizeof rules / sizeof *rules, STEPS = 5 };

static void reference_step(const struct rule *r, int t, double *p, double *m, double *v, double g)
{
    if (!r->adam) {
        g += r->sgd.weight_decay * *p;
        if (r->sgd.momentum != 0) {
            *m = t == 1 ? g : r->sgd.momentum * *m + g;
            g = r->sgd.nesterov ? g + r->sgd.momentum * *m : *m;
        }
        *p -= r->sgd.lr * g;
        return;
    }
    double b1 = r->a.beta1 != 0 ? r->a.beta1 : 0.9, b2 = r->a.beta2 != 0 ? r->a.beta2 : 0.999;
    double eps = r->a.eps != 0 ? r->a.eps : 1e-8;
    g += r->a.weight_decay * *p;
    *m = b1 * *m + (1 - b1) * g;
    *v = b2 * *v + (1 - b2) * g * g;
    *p -= r->a.lr * (*m / (1 - pow(b1, t))) / (sqrt(*v / (1 - pow(b2, t))) + eps);
}

// Of 20 parameters, so that it takes two launches, and of sizes that end vectors and chunks.
START_TEST(optimizers_follow_their_formulas)
{
    enum { PARAMS = 20 };
    const struct rule *r = &rules[_i];
    weft_optim *o =
        r->adam ? weft_adam_create(net, &r->a, NULL) : weft_sgd_create(net, &r->sgd, NULL);
    for (int t = 1; t <= STEPS; t++) {
        weft_tensor *loss = weft_full(s, WEFT_F32, 0, NULL, 0);
        for (int i = 0; i < PARAMS; i++) {
            char name[8];
            snprintf(name, sizeof name, "p%d", i);
            weft_tensor *w =
                param(name, (struct weft_init){WEFT_INIT_UNIFORM, -1, 1}, i ? i * 7 : 9000);
            weft_tensor *part = weft_sum(s, weft_square(s, w), NULL);
            loss = weft_add(s, loss, weft_scale(s, part, 0.5 + i));
        }
        ck_assert(weft_backward(s, loss, net) && weft_optim_step(o, s));
        ck_assert_msg(weft_scope_reset(s), "%s", weft_scope_error(s)->text);
    }
    for (int i = 0; i < PARAMS; i++) {
        char name[8];
        snprintf(name, sizeof name, "p%d", i);
        int n = i ? i * 7 : 9000;
        float *got = malloc((size_t)n * sizeof *got);
        ck_assert(weft_params_get(net, name, got, (size_t)n * sizeof *got, NULL));
        uint64_t stream = wf_hash64(name, strlen(name));
        for (int j = 0; j < n; j++) {
            struct philox word = philox(7, (uint64_t)j / 4, stream);
            double p = fma((double)philox_uniform(word.v[j % 4]), 2, -1), m = 0, v = 0;
            for (int t = 1; t <= STEPS; t++)
                reference_step(r, t, &p, &m, &v, 2 * (0.5 + i) * p);
            ck_assert_msg(fabs((double)got[j] - p) <= 2e-5 * fabs(p) + 2e-6,
                          "%s: %s[%d] is %.8g, want %.8g", r->name, name, j, (double)got[j], p);
        }
        free(got);
    }
    weft_optim_destroy(&o);
}
END_TEST

START_TEST(wrong_optimizers_are_refused)
{
    struct weft_error err = {0};
    ck_assert_ptr_null(weft_sgd_create(net, weft_sgd_params(.lr = -1), &err));
    ck_assert_str_eq(err.text, "sgd: lr is -1; 0 or more was wanted");
    err = (struct weft_error){0};
    ck_assert_ptr_null(weft_sgd_create(net, weft_sgd_params(.nesterov = true), &err));
    ck_assert_str_eq(err.text, "sgd: nesterov without a momentum");
    err = (struct weft_error){0};
    ck_assert_ptr_null(weft_adam_create(net, weft_adam_params(.beta2 = 1), &err));
    ck_assert_str_eq(err.text, "adam: beta2 is 1; 0 or more and below 1 was wanted");
    err = (struct weft_error){0};
    ck_assert_ptr_null(weft_adam_create(net, weft_adam_params(.lr = NAN), &err));
    ck_assert_int_eq(err.status, WEFT_PARAM);
    ck_assert_ptr_null(weft_adam_create(NULL, NULL, &err));
}
END_TEST

START_TEST(step_sizes_change)
{
    weft_optim *o = weft_sgd_create(net, weft_sgd_params(.lr = 1), NULL);
    float w[1];
    for (int i = 0; i < 2; i++) {
        weft_tensor *p = param("w", (struct weft_init){WEFT_INIT_CONSTANT, 5, 0}, 1);
        weft_backward(s, weft_sum(s, p, NULL), net);
        weft_optim_step(o, s);
        weft_optim_set_lr(o, 0.5); // binds for the next step
    }
    ck_assert(weft_flush(s) && weft_params_get(net, "w", w, sizeof w, NULL));
    ck_assert_float_eq(w[0], 3.5f);
    ck_assert_double_eq(weft_optim_lr(o), 0.5);
    weft_optim_destroy(&o);
}
END_TEST

START_TEST(parameters_survive_a_file)
{
    tempdir_make();
    const char *path = in_tempdir("net.safetensors");
    struct weft_error err = {0};
    float a[20], b[20];
    param("a", (struct weft_init){WEFT_INIT_UNIFORM, 0, 1}, 20);
    param("b", (struct weft_init){WEFT_INIT_NORMAL, 0, 1}, 20);
    ck_assert_msg(weft_params_save(net, path, NULL, &err), "%s", err.text);
    weft_params *other = weft_params_create(dev, 99, &err);
    ck_assert_msg(weft_params_load(other, path, NULL, &err), "%s", err.text);
    ck_assert_int_eq(weft_params_count(other), 2);
    ck_assert(weft_params_get(net, "b", a, sizeof a, NULL));
    ck_assert(weft_params_get(other, "b", b, sizeof b, NULL));
    ck_assert_mem_eq(a, b, sizeof a);
    // A store with more than the file, then with another shape: nothing changes.
    weft_param(s, other, "c", (struct weft_init){WEFT_INIT_CONSTANT, 1, 0}, 0, NULL);
    ck_assert(!weft_params_load(other, path, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "has no tensor \"c\""));
    weft_params_destroy(&other);
    other = weft_params_create(dev, 99, NULL);
    weft_param(s, other, "a", (struct weft_init){WEFT_INIT_CONSTANT, 1, 0}, 1, (int64_t[]){3});
    err = (struct weft_error){0};
    ck_assert(!weft_params_load(other, path, NULL, &err));
    ck_assert_int_eq(err.status, WEFT_SHAPE);
    ck_assert_int_eq(weft_params_count(other), 1);
    err = (struct weft_error){0};
    ck_assert(!weft_params_load(other, "/nowhere/net.safetensors", NULL, &err));
    ck_assert_int_eq(err.status, WEFT_IO);
    err = (struct weft_error){0};
    ck_assert(!weft_params_save(net, "/nowhere/net.safetensors", NULL, &err));
    ck_assert_int_eq(err.status, WEFT_IO);
    weft_params_destroy(&other);
    tempdir_remove();
}
END_TEST

START_TEST(host_access_checks_name_and_size)
{
    struct weft_error err = {0};
    float v[2] = {0};
    param("w", (struct weft_init){WEFT_INIT_CONSTANT, 1, 0}, 2);
    ck_assert(!weft_params_get(net, "v", v, sizeof v, &err));
    ck_assert_str_eq(err.text, "params: there is no parameter \"v\"");
    err = (struct weft_error){0};
    ck_assert(!weft_params_set(net, "w", v, 4, &err));
    ck_assert_str_eq(err.text, "w: 4 bytes at the host; [2] F32 has 8");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nn");
    TCase *t = tcase_create("nn");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, uniform_values_are_philox_of_seed_and_name);
    tcase_add_test(t, normal_values_have_the_moments);
    tcase_add_test(t, initial_values_do_not_depend_on_order);
    tcase_add_test(t, linear_is_x_times_w_transposed_plus_b);
    tcase_add_test(t, linear_starts_within_its_bound);
    tcase_add_test(t, wrong_layers_are_refused);
    tcase_add_loop_test(t, optimizers_follow_their_formulas, 0, RULES);
    tcase_add_test(t, wrong_optimizers_are_refused);
    tcase_add_test(t, step_sizes_change);
    tcase_add_test(t, parameters_survive_a_file);
    tcase_add_test(t, host_access_checks_name_and_size);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
