// Optimizers against torch's formulas in double, groups of parameters, and clipping of gradients.
#include "dev/device.h"
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/weft.h>

static struct weft_error err; // of the calls that take one

static void setup_all(void)
{
    setup();
    if (getenv("WEFT_TEST_AS_GPU"))
        dev->info.type = WEFT_DEVICE_GPU;
    if (getenv("WEFT_TEST_INDEX64"))
        dev->index_max = 1;
    err = (struct weft_error){0};
}

// The rules in double, as the documentation of torch.optim has them. `o` are the options in the
// order in which each rule names them, s0 .. s2 its state; returns the new p.
struct ref {
    double s0, s1, s2;
};

static double ref_sgd(const double *o, int t, double p, double g, struct ref *r)
{
    double lr = o[0], momentum = o[1], decay = o[2], nesterov = o[3], dampening = o[4];
    g = g + decay * p;
    if (momentum != 0) {
        r->s0 = t == 1 ? g : momentum * r->s0 + (1 - dampening) * g;
        g = nesterov != 0 ? g + momentum * r->s0 : r->s0;
    }
    return p - lr * g;
}

static double ref_adagrad(const double *o, int t, double p, double g, struct ref *r)
{
    double lr = o[0], lr_decay = o[1], decay = o[2], initial = o[3], eps = o[4];
    double clr = lr / (1 + (t - 1) * lr_decay);
    g = g + decay * p;
    r->s0 = (t == 1 ? initial : r->s0) + g * g;
    return p - clr * g / (sqrt(r->s0) + eps);
}

static double ref_adadelta(const double *o, int t, double p, double g, struct ref *r)
{
    double lr = o[0], rho = o[1], eps = o[2], decay = o[3];
    (void)t;
    g = g + decay * p;
    r->s0 = rho * r->s0 + (1 - rho) * g * g;
    double delta = sqrt(r->s1 + eps) / sqrt(r->s0 + eps) * g;
    r->s1 = rho * r->s1 + (1 - rho) * delta * delta;
    return p - lr * delta;
}

static double ref_rmsprop(const double *o, int t, double p, double g, struct ref *r)
{
    double lr = o[0], alpha = o[1], eps = o[2], decay = o[3], momentum = o[4], centered = o[5];
    (void)t;
    g = g + decay * p;
    r->s0 = alpha * r->s0 + (1 - alpha) * g * g;
    r->s2 = alpha * r->s2 + (1 - alpha) * g;
    double avg = sqrt(r->s0 - (centered != 0 ? r->s2 * r->s2 : 0)) + eps;
    r->s1 = momentum * r->s1 + g / avg;
    return p - lr * (momentum != 0 ? r->s1 : g / avg);
}

static double ref_adam(const double *o, int t, double p, double g, struct ref *r)
{
    double lr = o[0], b1 = o[1], b2 = o[2], eps = o[3], decay = o[4], amsgrad = o[5], w = o[6];
    if (w != 0)
        p = p - lr * decay * p;
    else
        g = g + decay * p;
    r->s0 = b1 * r->s0 + (1 - b1) * g;
    r->s1 = b2 * r->s1 + (1 - b2) * g * g;
    r->s2 = fmax(r->s2, r->s1);
    double v = amsgrad != 0 ? r->s2 : r->s1;
    return p - lr / (1 - pow(b1, t)) * r->s0 / (sqrt(v) / sqrt(1 - pow(b2, t)) + eps);
}

// One row for each: what makes it, and the options that torch would have then.
#define RULES(X)                                                                                   \
    X(sgd, ref_sgd, (.lr = 0.1), (0.1, 0, 0, 0, 0))                                                \
    X(sgd, ref_sgd, (0), (1e-2, 0, 0, 0, 0))                                                       \
    X(sgd, ref_sgd, (.lr = 0.05, .momentum = 0.9), (0.05, 0.9, 0, 0, 0))                           \
    X(sgd, ref_sgd, (.lr = 0.05, .momentum = 0.9, .dampening = 0.5, .weight_decay = 0.1),          \
      (0.05, 0.9, 0.1, 0, 0.5))                                                                    \
    X(sgd, ref_sgd, (.lr = 0.05, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true),          \
      (0.05, 0.9, 0.1, 1, 0))                                                                      \
    X(adagrad, ref_adagrad, (0), (1e-2, 0, 0, 0, 1e-10))                                           \
    X(adagrad, ref_adagrad,                                                                        \
      (.lr = 0.1, .lr_decay = 0.2, .weight_decay = 0.1, .initial_accumulator_value = 0.3,          \
       .eps = 1e-3),                                                                               \
      (0.1, 0.2, 0.1, 0.3, 1e-3))                                                                  \
    X(adadelta, ref_adadelta, (0), (1, 0.9, 1e-6, 0))                                              \
    X(adadelta, ref_adadelta, (.lr = 0.5, .rho = 0.7, .eps = 1e-3, .weight_decay = 0.1),           \
      (0.5, 0.7, 1e-3, 0.1))                                                                       \
    X(rmsprop, ref_rmsprop, (0), (1e-2, 0.99, 1e-8, 0, 0, 0))                                      \
    X(rmsprop, ref_rmsprop, (.momentum = 0.9, .weight_decay = 0.1),                                \
      (1e-2, 0.99, 1e-8, 0.1, 0.9, 0))                                                             \
    X(rmsprop, ref_rmsprop, (.alpha = 0.8, .eps = 1e-3, .centered = true),                         \
      (1e-2, 0.8, 1e-3, 0, 0, 1))                                                                  \
    X(rmsprop, ref_rmsprop, (.lr = 0.02, .alpha = 0.9, .momentum = 0.5, .centered = true),         \
      (0.02, 0.9, 1e-8, 0, 0.5, 1))                                                                \
    X(adam, ref_adam, (0), (1e-3, 0.9, 0.999, 1e-8, 0, 0, 0))                                      \
    X(adam, ref_adam, (.lr = 0.1, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-6, .weight_decay = 0.05), \
      (0.1, 0.8, 0.99, 1e-6, 0.05, 0, 0))                                                          \
    X(adam, ref_adam, (.lr = 0.3, .beta2 = 0.5, .amsgrad = true), (0.3, 0.9, 0.5, 1e-8, 0, 1, 0))  \
    X(adamw, ref_adam, (0), (1e-3, 0.9, 0.999, 1e-8, 1e-2, 0, 1))                                  \
    X(adamw, ref_adam, (.lr = 0.1, .weight_decay = 0.2), (0.1, 0.9, 0.999, 1e-8, 0.2, 0, 1))       \
    X(adamw, ref_adam, (.no_weight_decay = true, .amsgrad = true, .beta2 = 0.5),                   \
      (1e-3, 0.9, 0.5, 1e-8, 0, 1, 1))

#define UNWRAP(...) __VA_ARGS__
struct rule {
    const char *text;
    double (*ref)(const double *o, int t, double p, double g, struct ref *r);
    double options[8];
};
#define X(kind, ref, given, wanted) {#kind " " #given, ref, {UNWRAP wanted}},
static const struct rule rules[] = {RULES(X)};
#undef X
enum { RULE_COUNT = sizeof rules / sizeof *rules, STEPS = 5, PARAMS = 20 };

static weft_optim *make(int rule)
{
    int i = 0;
#define X(kind, ref, given, wanted)                     \
    if (i++ == rule) {                                  \
        struct weft_##kind##_params p = {UNWRAP given}; \
        p.size = sizeof p;                              \
        return weft_##kind##_create(net, &p, &err);     \
    }
    RULES(X)
#undef X
    return NULL;
}

// Of 20 parameters, so that it takes two launches, and of sizes that end vectors and chunks.
static int size_of(int i)
{
    return i ? i * 7 : 9000;
}

static float begin_of(int i, int j)
{
    return (float)sin(1 + i + 0.37 * j);
}

static weft_tensor *param_of(int i)
{
    char name[24];
    snprintf(name, sizeof name, "p%d.%s", i, i % 2 ? "bias" : "weight");
    return weft_param(s, net, name, (struct weft_init){WEFT_INIT_CONSTANT, 0, 0}, 1,
                      (int64_t[]){size_of(i)});
}

static void begin_params(void)
{
    for (int i = 0; i < PARAMS; i++) {
        float v[9000];
        for (int j = 0; j < size_of(i); j++)
            v[j] = begin_of(i, j);
        ck_assert(param_of(i));
        ck_assert(weft_params_set(net, weft_params_name(net, i), v, (size_t)size_of(i) * sizeof *v,
                                  &err));
    }
}

// Gradients (1 + i) p of the i-th parameter.
static void backward(void)
{
    weft_tensor *loss = weft_full(s, WEFT_F32, 0, NULL, 0);
    for (int i = 0; i < PARAMS; i++) {
        weft_tensor *part = weft_sum(s, weft_square(s, param_of(i)), NULL);
        loss = weft_add(s, loss, weft_scale(s, part, 0.5 * (1 + i)));
    }
    ck_assert_msg(weft_backward(s, loss, net), "%s", weft_scope_error(s)->text);
}

static void step(weft_optim *o)
{
    backward();
    ck_assert_msg(weft_optim_step(o, s) && weft_scope_reset(s), "%s", weft_scope_error(s)->text);
}

static void compare(const struct rule *r, const double *options, int i)
{
    float got[9000];
    ck_assert(weft_params_get(net, weft_params_name(net, i), got, (size_t)size_of(i) * sizeof *got,
                              &err));
    for (int j = 0; j < size_of(i); j++) {
        double p = (double)begin_of(i, j);
        struct ref state = {0};
        for (int t = 1; t <= STEPS; t++)
            p = r->ref(options, t, p, (1 + i) * p, &state);
        ck_assert_msg(fabs((double)got[j] - p) <= 2e-5 * fabs(p) + 2e-6,
                      "%s: p%d[%d] is %.8g, want %.8g", r->text, i, j, (double)got[j], p);
    }
}

START_TEST(rules_are_those_of_torch)
{
    weft_optim *o = make(_i);
    ck_assert_msg(o, "%s", err.text);
    begin_params();
    for (int t = 0; t < STEPS; t++)
        step(o);
    for (int i = 0; i < PARAMS; i++)
        compare(&rules[_i], rules[_i].options, i);
    weft_optim_destroy(&o);
}
END_TEST

// Two groups over 20 parameters: the launches are as many as without.
START_TEST(groups_have_their_own_rate_and_decay)
{
    const struct rule r = {"groups", ref_sgd, {0}};
    weft_optim *o = weft_sgd_create(net, weft_sgd_params(.lr = 0.01, .weight_decay = 0.1), &err);
    ck_assert(
        weft_optim_group(o, "*.bias", weft_optim_group_params(.no_weight_decay = true), &err));
    ck_assert(weft_optim_group(o, "p1*", weft_optim_group_params(.lr_scale = 0.5), &err));
    ck_assert(weft_optim_group(o, "p1*.*s", weft_optim_group_params(.lr_scale = 2), &err));
    ck_assert(weft_optim_group(o, "p4.weight",
                               weft_optim_group_params(.lr_scale = 3, .weight_decay = 0.7), &err));
    begin_params();
    backward();
    ck_assert(weft_flush(s));
    uint64_t before = stats().launches;
    ck_assert(weft_optim_step(o, s) && weft_scope_reset(s));
    ck_assert_uint_eq(stats().launches - before, 2);
    for (int t = 1; t < STEPS; t++)
        step(o);
    for (int i = 0; i < PARAMS; i++) {
        bool bias = i % 2, one = i == 1 || i >= 10;
        double lr = 0.01 * (i == 4 ? 3 : !one ? 1 : bias ? 2 : 0.5);
        const double options[] = {lr, 0, i == 4 ? 0.7 : bias ? 0 : 0.1, 0, 0};
        compare(&r, options, i);
    }
    weft_optim_destroy(&o);
}
END_TEST

START_TEST(a_group_scales_what_a_schedule_sets)
{
    weft_optim *o = weft_sgd_create(net, weft_sgd_params(.lr = 1), &err);
    ck_assert(weft_optim_group(o, "p0*", weft_optim_group_params(.lr_scale = 0.5), &err));
    begin_params();
    weft_optim_set_lr(o, 0.5);
    step(o);
    float v[9000];
    ck_assert(weft_params_get(net, "p0.weight", v, sizeof v, &err));
    ck_assert_float_eq_tol(v[0], begin_of(0, 0) * 0.75f, 1e-6f);
    weft_optim_destroy(&o);
}
END_TEST

static void assert_text(const char *text)
{
    ck_assert_str_eq(err.text, text);
    ck_assert_int_eq(err.status, WEFT_PARAM);
    err = (struct weft_error){0};
}

START_TEST(wrong_options_are_refused)
{
#define REFUSED(kind, text, ...)                                                            \
    ck_assert_ptr_null(weft_##kind##_create(net, weft_##kind##_params(__VA_ARGS__), &err)); \
    assert_text(text)
    REFUSED(sgd, "sgd: dampening is 2; 0 to 1 was wanted", .momentum = 0.5, .dampening = 2);
    REFUSED(sgd, "sgd: nesterov with a dampening", .momentum = 0.5, .dampening = 0.1,
            .nesterov = true);
    REFUSED(adagrad, "adagrad: lr_decay is -1; 0 or more was wanted", .lr_decay = -1);
    REFUSED(adagrad, "adagrad: lr is nan; 0 or more was wanted", .lr = NAN);
    REFUSED(adadelta, "adadelta: rho is 1; 0 or more and below 1 was wanted", .rho = 1);
    REFUSED(rmsprop, "rmsprop: alpha is -0.5; 0 or more and below 1 was wanted", .alpha = -0.5);
    REFUSED(rmsprop, "rmsprop: eps is inf; 0 or more was wanted", .eps = INFINITY);
    REFUSED(adam, "adam: beta1 is 1; 0 or more and below 1 was wanted", .beta1 = 1);
    REFUSED(adamw, "adamw: weight_decay is -1; 0 or more was wanted", .weight_decay = -1);
    ck_assert_ptr_null(weft_rmsprop_create(NULL, NULL, &err));
    assert_text("rmsprop: the params are NULL");
}
END_TEST

START_TEST(wrong_groups_are_refused)
{
    weft_optim *o = weft_sgd_create(net, NULL, &err);
#define NO_GROUP(pattern, text, ...)                                                      \
    ck_assert(!weft_optim_group(o, pattern, weft_optim_group_params(__VA_ARGS__), &err)); \
    assert_text(text)
    NO_GROUP("*", "optimizer: group \"*\": lr_scale is -1; 0 or more was wanted", .lr_scale = -1);
    NO_GROUP("*", "optimizer: group \"*\": weight_decay is nan; 0 or more was wanted",
             .weight_decay = NAN);
    NO_GROUP("*", "optimizer: group \"*\": both weight_decay and no_weight_decay; one was wanted",
             .weight_decay = 1, .no_weight_decay = true);
    NO_GROUP("", "optimizer: the pattern of a group is missing", .lr_scale = 1);
    ck_assert(!weft_optim_group(NULL, "*", NULL, &err));
    assert_text("optimizer: the optimizer is NULL");
    ck_assert(weft_optim_group(o, "*.bais", weft_optim_group_params(.lr_scale = 1), &err));
    begin_params();
    backward();
    ck_assert(!weft_optim_step(o, s));
    assert_error(WEFT_PARAM, "optimizer: no parameter fits the group \"*.bais\"");
    weft_optim_destroy(&o);
}
END_TEST

static void get_grads(float *to)
{
    ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
    for (int i = 0; i < PARAMS; to += size_of(i++)) {
        size_t bytes = (size_t)size_of(i) * sizeof *to;
        ck_assert(weft_params_get_grad(net, weft_params_name(net, i), to, bytes, &err));
    }
}
enum { ELEMENTS = 9000 + 7 * PARAMS * (PARAMS - 1) / 2 };

// Gradients of before in `a`; what clipping leaves goes to `b`.
static float a[ELEMENTS], b[ELEMENTS];

static double norm_of(const float *v, double p)
{
    double sum = 0;
    for (int i = 0; i < ELEMENTS; i++) {
        double x = fabs((double)v[i]);
        sum = isinf(p) ? fmax(sum, x) : sum + pow(x, p);
    }
    return isinf(p) ? sum : pow(sum, 1 / p);
}

static void begin_grads(void)
{
    begin_params();
    backward();
    get_grads(a);
}

START_TEST(clipping_by_norm)
{
    const double p = (const double[]){2, 1, 3, INFINITY}[_i];
    begin_grads();
    double want = norm_of(a, p), most = want / 3;
    weft_clip_grad_norm(s, net, want * 2, weft_clip_params(.p = p)); // leaves them
    uint64_t before = stats().launches;
    weft_tensor *norm = weft_clip_grad_norm(s, net, most, weft_clip_params(.p = p));
    ck_assert_msg(norm, "%s", weft_scope_error(s)->text);
    ck_assert_uint_eq(stats().launches, before); // nothing has run
    get_grads(b);
    ck_assert_uint_le(stats().launches - before, 10);
    ck_assert_double_eq_tol(weft_item(s, norm), want, 1e-5 * want);
    for (int i = 0; i < ELEMENTS; i++)
        ck_assert_double_eq_tol((double)b[i], (double)a[i] / 3, 1e-5 * fabs((double)a[i]) + 1e-9);
    ck_assert_double_eq_tol(norm_of(b, p), most, 1e-5 * most);
}
END_TEST

// The same bits each time, and a step uses what clipping left.
START_TEST(a_step_takes_the_clipped_gradients)
{
    weft_optim *o = weft_sgd_create(net, weft_sgd_params(.lr = 1), &err);
    float v[2][9000];
    begin_grads();
    double norm = norm_of(a, 2);
    weft_zero_grad(s, net);
    for (int i = 0; i < 2; i++) {
        begin_params();
        weft_scope_reset(s);
        backward();
        weft_clip_grad_norm(s, net, 1, NULL);
        ck_assert(weft_optim_step(o, s) && weft_scope_reset(s));
        ck_assert(weft_params_get(net, "p0.weight", v[i], sizeof *v, &err));
    }
    ck_assert_mem_eq(v[0], v[1], sizeof *v);
    for (int j = 0; j < 9000; j++)
        ck_assert_double_eq_tol((double)v[0][j], (double)begin_of(0, j) * (1 - 1 / norm), 1e-6);
    weft_optim_destroy(&o);
}
END_TEST

START_TEST(a_dry_run_knows_clipping_and_steps)
{
    weft_optim *o = weft_adamw_create(net, NULL, &err);
    begin_params();
    for (int i = 0; i < 2; i++) {
        struct weft_plan_info info = {.size = sizeof info};
        backward();
        weft_clip_grad_norm(s, net, 1, NULL);
        weft_clip_grad_value(s, net, 0.5);
        ck_assert(weft_optim_step(o, s));
        ck_assert_msg(weft_plan(s, NULL, &info), "%s", weft_scope_error(s)->text);
        uint64_t before = stats().launches;
        ck_assert(weft_flush(s));
        ck_assert_uint_eq(stats().launches - before, (uint64_t)info.launches);
        ck_assert_uint_eq(stats().bytes_peak, info.peak_bytes);
        ck_assert(weft_scope_reset(s));
    }
    weft_optim_destroy(&o);
}
END_TEST

START_TEST(clipping_by_value)
{
    begin_grads();
    ck_assert(weft_clip_grad_value(s, net, 0.75));
    get_grads(b);
    for (int i = 0; i < ELEMENTS; i++)
        ck_assert_float_eq(b[i], a[i] > 0.75f ? 0.75f : a[i] < -0.75f ? -0.75f : a[i]);
}
END_TEST

static void spoil(float with)
{
    float v[9000];
    begin_params();
    ck_assert(weft_params_get(net, "p0.weight", v, sizeof v, &err));
    v[4242] = with;
    ck_assert(weft_params_set(net, "p0.weight", v, sizeof v, &err));
    weft_scope_reset(s);
    backward();
    ck_assert(weft_flush(s));
}

START_TEST(norms_that_are_no_numbers)
{
    spoil(NAN);
    weft_tensor *norm = weft_clip_grad_norm(s, net, 1, NULL);
    get_grads(b);
    ck_assert(isnan(weft_item(s, norm)) && isnan(b[0]) && isnan(b[ELEMENTS - 1]));
    weft_zero_grad(s, net);
    spoil(NAN);
    norm = weft_clip_grad_norm(s, net, 1, weft_clip_params(.p = INFINITY));
    ck_assert(isnan(weft_item(s, norm)));
    weft_zero_grad(s, net);
    spoil(INFINITY);
    ck_assert(!weft_clip_grad_norm(s, net, 1, weft_clip_params(.error_if_nonfinite = true)));
    assert_error(WEFT_NONFINITE,
                 "clip_grad_norm: the norm of the gradients is inf; a finite one was wanted");
    get_grads(b);
    ck_assert(isinf(b[4242]) && b[0] == begin_of(0, 0)); // as they were
}
END_TEST

START_TEST(wrong_clipping_is_refused)
{
    begin_params();
    ck_assert(!weft_clip_grad_norm(s, net, 1, NULL));
    assert_error(WEFT_PARAM, "clip_grad_norm: no parameter has a gradient");
    backward();
    ck_assert(!weft_clip_grad_norm(s, net, -1, NULL));
    assert_error(WEFT_PARAM, "clip_grad_norm: the limit is -1; 0 or more was wanted");
    ck_assert(!weft_clip_grad_value(s, net, NAN));
    assert_error(WEFT_PARAM, "clip_grad_value: the limit is nan; 0 or more was wanted");
    ck_assert(!weft_clip_grad_norm(s, net, 1, weft_clip_params(.p = -2)));
    assert_error(WEFT_PARAM, "clip_grad_norm: p is -2; above 0 was wanted");
    ck_assert(!weft_clip_grad_norm(s, NULL, 1, NULL));
    assert_error(WEFT_PARAM, "clip_grad_norm: the params are NULL");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optim");
    TCase *t = tcase_create("optim");
    tcase_add_checked_fixture(t, setup_all, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, rules_are_those_of_torch, 0, RULE_COUNT);
    tcase_add_test(t, groups_have_their_own_rate_and_decay);
    tcase_add_test(t, a_group_scales_what_a_schedule_sets);
    tcase_add_test(t, wrong_options_are_refused);
    tcase_add_test(t, wrong_groups_are_refused);
    tcase_add_loop_test(t, clipping_by_norm, 0, 4);
    tcase_add_test(t, a_step_takes_the_clipped_gradients);
    tcase_add_test(t, a_dry_run_knows_clipping_and_steps);
    tcase_add_test(t, clipping_by_value);
    tcase_add_test(t, norms_that_are_no_numbers);
    tcase_add_test(t, wrong_clipping_is_refused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
