// Schedules against the recursions by which torch.optim.lr_scheduler computes its step sizes, which
// are other formulas than weft's closed forms.
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <math.h>
#include <weft/weft.h>

static struct weft_error err;
static weft_optim *o;
static const double pi = 3.14159265358979323846;
enum { BASE_STEPS = 60 };

static void setup_all(void)
{
    setup();
    err = (struct weft_error){0};
    o = weft_sgd_create(net, weft_sgd_params(.lr = 0.5), &err);
    ck_assert(o);
}

static void teardown_all(void)
{
    weft_optim_destroy(&o);
    teardown();
}

// The step size after `t` steps, from the one before.
typedef double recursion(double lr, int t);

static double torch_step(double lr, int t)
{
    return t % 7 == 0 ? lr * 0.3 : lr;
}

static double torch_multi(double lr, int t)
{
    return lr * (t == 3 ? 0.1 : t == 8 ? 0.1 * 0.1 : t == 40 ? 0.1 : 1);
}

static double torch_exponential(double lr, int t)
{
    (void)t;
    return lr * 0.93;
}

static double torch_cosine(double lr, int t)
{
    const int most = 20;
    const double low = 0.01;
    if ((t - 1 - most) % (2 * most) == 0)
        return lr + (0.5 - low) * (1 - cos(pi / most)) / 2;
    return (1 + cos(pi * t / most)) / (1 + cos(pi * (t - 1) / most)) * (lr - low) + low;
}

static double torch_restarts(double lr, int t)
{
    (void)lr;
    int at = t, length = 5;
    if (t >= 5) {
        int n = (int)log2(t / 5. * (2 - 1) + 1);
        at = t - (int)(5 * (pow(2, n) - 1) / (2 - 1));
        length = (int)(5 * pow(2, n));
    }
    return 0.02 + (0.5 - 0.02) * (1 + cos(pi * at / length)) / 2;
}

static double torch_linear(double lr, int t)
{
    const double start = 1. / 3, end = 1, total = 5;
    if (t > 5)
        return lr;
    return lr * (1 + (end - start) / (total * start + (t - 1) * (end - start)));
}

static double torch_warm_up_and_cosine(double lr, int t)
{
    if (t < 5)
        return lr * (1 + (1 - 0.1) / (5 * 0.1 + (t - 1) * (1 - 0.1)));
    int k = t - 5;
    return k == 0 ? 0.5
           : (k - 1 - 30) % (2 * 30) == 0
               ? lr + 0.5 * (1 - cos(pi / 30)) / 2
               : (1 + cos(pi * k / 30)) / (1 + cos(pi * (k - 1) / 30)) * lr;
}

static weft_schedule *make(int i)
{
    switch (i) {
    case 0:
        return weft_step_lr_create(o, weft_step_lr_params(.every = 7, .gamma = 0.3), &err);
    case 1:
        return weft_multi_step_lr_create(
            o, weft_multi_step_lr_params(.milestones = (const int64_t[]){3, 8, 8, 40}, .count = 4),
            &err);
    case 2:
        return weft_exponential_lr_create(o, 0.93, &err);
    case 3:
        return weft_cosine_lr_create(o, weft_cosine_lr_params(.steps = 20, .min_lr = 0.01), &err);
    case 4:
        return weft_cosine_lr_create(
            o, weft_cosine_lr_params(.steps = 5, .min_lr = 0.02, .restarts = true, .stretch = 2),
            &err);
    case 5:
        return weft_linear_lr_create(o, NULL, &err);
    default:
        return weft_sequential_lr_create(
            weft_linear_lr_create(o, weft_linear_lr_params(.start = 0.1), &err), 5,
            weft_cosine_lr_create(o, weft_cosine_lr_params(.steps = 30), &err), &err);
    }
}

START_TEST(step_sizes_are_those_of_torch)
{
    static recursion *const next[] = {
        torch_step,     torch_multi,  torch_exponential,       torch_cosine,
        torch_restarts, torch_linear, torch_warm_up_and_cosine};
    weft_schedule *schedule = make(_i);
    ck_assert_msg(schedule, "%s", err.text);
    double lr = _i == 5 ? 0.5 / 3 : _i == 6 ? 0.05 : 0.5;
    ck_assert_double_eq_tol(weft_optim_lr(o), lr, 1e-15);
    for (int t = 1; t <= BASE_STEPS; t++) {
        lr = next[_i](lr, t);
        ck_assert(weft_schedule_step(schedule, &err));
        ck_assert_msg(fabs(weft_optim_lr(o) - lr) <= 1e-12, "%d, step %d: %.15g, want %.15g", _i, t,
                      weft_optim_lr(o), lr);
    }
    weft_schedule_destroy(&schedule);
    ck_assert_ptr_null(schedule);
}
END_TEST

// As OneCycleLR.get_lr, for 10 steps and cosines.
static double cycle(int t, double low, double top, double last)
{
    double end = 0.3 * 10 - 1;
    double part = t <= end ? t / end : (t - end) / (9 - end);
    double from = t <= end ? low : top, to = t <= end ? top : last;
    return to + (from - to) / 2 * (1 + cos(pi * part));
}

// Seen by what the steps do: with the gradient 1, a step of SGD adds lr times its momentum.
START_TEST(one_cycle_moves_rate_and_momentum)
{
    weft_optim_destroy(&o);
    o = weft_sgd_create(net, weft_sgd_params(.momentum = 0.5), &err);
    weft_schedule *schedule =
        weft_one_cycle_lr_create(o, weft_one_cycle_lr_params(.steps = 10, .max_lr = 0.1), &err);
    ck_assert_msg(schedule, "%s", err.text);
    double want = 0, v = 0;
    for (int t = 0; t < 12; t++) {
        int at = t < 10 ? t : 9;
        double lr = cycle(at, 0.1 / 25, 0.1, 0.1 / 25 / 1e4), m = cycle(at, 0.95, 0.85, 0.95);
        ck_assert_double_eq_tol(weft_optim_lr(o), lr, 1e-15);
        weft_tensor *p =
            weft_param(s, net, "p", (struct weft_init){WEFT_INIT_CONSTANT, 0, 0}, 0, NULL);
        ck_assert(weft_backward(s, p, net) && weft_optim_step(o, s) && weft_scope_reset(s));
        v = t ? m * v + 1 : 1;
        want -= lr * v;
        ck_assert(weft_schedule_step(schedule, &err));
    }
    float got;
    ck_assert(weft_params_get(net, "p", &got, sizeof got, &err));
    ck_assert_double_eq_tol((double)got, want, 1e-5 * fabs(want));
    weft_schedule_destroy(&schedule);
}
END_TEST

// Three straight phases of 20 steps: up to step 4, down to 9, on to 19.
START_TEST(one_cycle_in_three_phases)
{
    weft_schedule *schedule = weft_one_cycle_lr_create(
        o,
        weft_one_cycle_lr_params(.steps = 20, .max_lr = 1, .pct_start = 0.25, .div_factor = 10,
                                 .final_div_factor = 100, .linear = true, .three_phase = true),
        &err);
    ck_assert_msg(schedule, "%s", err.text);
    for (int t = 0; t < 20; t++) {
        double want = t <= 4   ? 0.1 + 0.9 * t / 4
                      : t <= 8 ? 1 - 0.9 * (t - 4) / 4
                               : 0.1 + (0.001 - 0.1) * (t - 8) / 11;
        ck_assert_msg(fabs(weft_optim_lr(o) - want) < 1e-14, "step %d: %g, want %g", t,
                      weft_optim_lr(o), want);
        weft_schedule_step(schedule, &err);
    }
    weft_schedule_destroy(&schedule);
}
END_TEST

// Patience 2 and cooldown 1, worked out by hand after ReduceLROnPlateau.step.
START_TEST(a_plateau_lowers_the_rate)
{
    static const double metric[] = {1,   0.9, 0.9, 0.89995, 0.95, 0.95, 0.95, 0.95,
                                    0.8, 0.8, 0.8, 0.8,     0.8,  0.8,  0.8};
    static const double lr[] = {0.5,  0.5,  0.5,  0.5,   0.25,  0.25,  0.25, 0.25,
                                0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125};
    weft_schedule *schedule = weft_plateau_lr_create(
        o, weft_plateau_lr_params(.factor = 0.5, .patience = 2, .cooldown = 1), &err);
    for (int i = 0; i < (int)(sizeof lr / sizeof *lr); i++) {
        ck_assert(weft_schedule_step_metric(schedule, metric[i], &err));
        ck_assert_msg(weft_optim_lr(o) == lr[i], "step %d: %g, want %g", i, weft_optim_lr(o),
                      lr[i]);
    }
    // A NaN changes nothing.
    ck_assert(!weft_schedule_step_metric(schedule, NAN, &err));
    ck_assert_str_eq(err.text, "plateau schedule: the metric is nan; a number was wanted");
    weft_schedule_destroy(&schedule);
}
END_TEST

START_TEST(a_plateau_of_a_score)
{
    weft_schedule *schedule = weft_plateau_lr_create(
        o,
        weft_plateau_lr_params(.maximize = true, .absolute = true, .threshold = 0.1, .patience = -1,
                               .factor = 0.01, .min_lr = 0.1),
        &err);
    static const double score[] = {0.5, 0.61, 0.7, 0.75, 0.5};
    static const double lr[] = {0.5, 0.5, 0.1, 0.1, 0.1};
    for (int i = 0; i < 5; i++) {
        ck_assert(weft_schedule_step_metric(schedule, score[i], &err));
        ck_assert_msg(weft_optim_lr(o) == lr[i], "step %d: %g", i, weft_optim_lr(o));
    }
    weft_schedule_destroy(&schedule);
}
END_TEST

START_TEST(schedules_outlive_the_handle_of_their_optimizer)
{
    weft_schedule *schedule = weft_exponential_lr_create(o, 0.5, &err);
    weft_optim_destroy(&o);
    ck_assert(weft_schedule_step(schedule, &err));
    weft_schedule_destroy(&schedule);
    weft_schedule_destroy(&schedule);
    weft_schedule_destroy(NULL);
}
END_TEST

static void assert_text(const char *text)
{
    ck_assert_str_eq(err.text, text);
    ck_assert_int_eq(err.status, WEFT_PARAM);
    err = (struct weft_error){0};
}

START_TEST(wrong_schedules_are_refused)
{
#define REFUSED(text, call)   \
    ck_assert_ptr_null(call); \
    assert_text(text)
    REFUSED("step schedule: every is 0; at least 1 was wanted", weft_step_lr_create(o, NULL, &err));
    REFUSED("step schedule: gamma is nan; above 0 was wanted",
            weft_step_lr_create(o, weft_step_lr_params(.every = 1, .gamma = NAN), &err));
    REFUSED("step schedule: the optimizer is NULL",
            weft_step_lr_create(NULL, weft_step_lr_params(.every = 1), &err));
    REFUSED("multi_step schedule: there are no milestones",
            weft_multi_step_lr_create(o, NULL, &err));
    REFUSED(
        "multi_step schedule: milestone 1 is 2; at least 3 was wanted",
        weft_multi_step_lr_create(
            o, weft_multi_step_lr_params(.milestones = (const int64_t[]){3, 2}, .count = 2), &err));
    REFUSED("exponential schedule: gamma is 0; above 0 was wanted",
            weft_exponential_lr_create(o, 0, &err));
    REFUSED("cosine schedule: steps is -3; at least 1 was wanted",
            weft_cosine_lr_create(o, weft_cosine_lr_params(.steps = -3), &err));
    REFUSED("linear schedule: start is inf; above 0 was wanted",
            weft_linear_lr_create(o, weft_linear_lr_params(.start = INFINITY), &err));
    REFUSED("one_cycle schedule: pct_start is 1; above 0 and below 1 was wanted",
            weft_one_cycle_lr_create(
                o, weft_one_cycle_lr_params(.steps = 9, .max_lr = 1, .pct_start = 1), &err));
    REFUSED("one_cycle schedule: max_lr is 0; above 0 was wanted",
            weft_one_cycle_lr_create(o, weft_one_cycle_lr_params(.steps = 9), &err));
    REFUSED("plateau schedule: factor is 1; above 0 and below 1 was wanted",
            weft_plateau_lr_create(o, weft_plateau_lr_params(.factor = 1), &err));
    REFUSED("sequential schedule: a plateau cannot be part of one",
            weft_sequential_lr_create(weft_plateau_lr_create(o, NULL, &err), 3,
                                      weft_exponential_lr_create(o, 0.5, &err), &err));
    REFUSED("sequential schedule: steps is 0; at least 1 was wanted",
            weft_sequential_lr_create(weft_linear_lr_create(o, NULL, &err), 0,
                                      weft_exponential_lr_create(o, 0.5, &err), &err));
    // The error of the one inside stays.
    REFUSED("exponential schedule: gamma is -1; above 0 was wanted",
            weft_sequential_lr_create(weft_linear_lr_create(o, NULL, &err), 3,
                                      weft_exponential_lr_create(o, -1, &err), &err));
}
END_TEST

START_TEST(wrong_steps_are_refused)
{
    weft_schedule *plateau = weft_plateau_lr_create(o, NULL, &err);
    weft_schedule *other = weft_exponential_lr_create(o, 0.5, &err);
    ck_assert(!weft_schedule_step(plateau, &err));
    assert_text("plateau schedule: wants a metric: weft_schedule_step_metric");
    ck_assert(!weft_schedule_step_metric(other, 1, &err));
    assert_text("exponential schedule: takes no metric: weft_schedule_step");
    ck_assert(!weft_schedule_step(NULL, &err));
    assert_text("schedule: it is NULL");
    ck_assert_double_eq(weft_optim_lr(o), 0.5);
    weft_schedule_destroy(&plateau);
    weft_schedule_destroy(&other);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schedule");
    TCase *t = tcase_create("schedule");
    tcase_add_checked_fixture(t, setup_all, teardown_all);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, step_sizes_are_those_of_torch, 0, 7);
    tcase_add_test(t, one_cycle_moves_rate_and_momentum);
    tcase_add_test(t, one_cycle_in_three_phases);
    tcase_add_test(t, a_plateau_lowers_the_rate);
    tcase_add_test(t, a_plateau_of_a_score);
    tcase_add_test(t, schedules_outlive_the_handle_of_their_optimizer);
    tcase_add_test(t, wrong_schedules_are_refused);
    tcase_add_test(t, wrong_steps_are_refused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
