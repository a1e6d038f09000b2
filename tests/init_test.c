// Initial values: their statistics on sizes that networks have, their bounds, that orthogonal ones
// are, and that they depend on the seed and the name alone.
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double one(const double *x, int64_t n, int power)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += pow(x[i], power);
    return sum / (double)n;
}

// The values of a new parameter, owned by the caller, and how many.
static double *values(weft_params *p, const char *name, struct weft_init init, int ndim,
                      const int64_t *shape, int64_t *n)
{
    weft_tensor *w = weft_param(s, p, name, init, ndim, shape);
    ck_assert_msg(w != NULL, "%s", weft_scope_error(s)->text);
    *n = weft_count(w);
    float *v = malloc((size_t)*n * sizeof *v);
    double *x = malloc((size_t)*n * sizeof *x);
    struct weft_error e = {0};
    ck_assert_msg(weft_params_get(p, name, v, (size_t)*n * sizeof *v, &e), "%s", e.text);
    for (int64_t i = 0; i < *n; i++)
        x[i] = (double)v[i];
    free(v);
    return x;
}

// [out, in, 3, 3]: fan_in 9 in, fan_out 9 out.
enum { OUT = 64, IN = 32, FAN_IN = 9 * IN, FAN_OUT = 9 * OUT };

// The deviation and the fourth moment by that of a normal, 3, or a uniform, 9/5.
static const struct {
    const char *name;
    struct weft_init init;
    double variance;
    bool uniform;
} scaled[] = {
    {"xavier uniform", {WEFT_INIT_XAVIER_UNIFORM}, 2.0 / (FAN_IN + FAN_OUT), true},
    {"xavier normal", {WEFT_INIT_XAVIER_NORMAL}, 2.0 / (FAN_IN + FAN_OUT), false},
    {"xavier of tanh", {WEFT_INIT_XAVIER_NORMAL, 5.0 / 3}, 50.0 / 9 / (FAN_IN + FAN_OUT), false},
    {"kaiming uniform", {WEFT_INIT_KAIMING_UNIFORM}, 2.0 / FAN_IN, true},
    {"kaiming normal", {WEFT_INIT_KAIMING_NORMAL}, 2.0 / FAN_IN, false},
    {"kaiming out", {WEFT_INIT_KAIMING_NORMAL, .fan_out = true}, 2.0 / FAN_OUT, false},
    {"kaiming linear", {WEFT_INIT_KAIMING_UNIFORM, 1, .fan_out = true}, 1.0 / FAN_OUT, true},
    {"uniform", {WEFT_INIT_UNIFORM, -3, 3}, 3, true},
    {"normal", {WEFT_INIT_NORMAL, 0, 0.02}, 0.0004, false},
};
enum { SCALED = sizeof scaled / sizeof *scaled };

START_TEST(variances_are_those_of_the_papers)
{
    int64_t n;
    double want = scaled[_i].variance;
    double *x = values(net, "w", scaled[_i].init, 4, (int64_t[]){OUT, IN, 3, 3}, &n);
    double kurtosis = scaled[_i].uniform ? 1.8 : 3, mean = one(x, n, 1), variance = one(x, n, 2);
    // Five standard errors.
    ck_assert_msg(fabs(mean) < 5 * sqrt(want / (double)n), "%s: mean %g", scaled[_i].name, mean);
    ck_assert_msg(fabs(variance / want - 1) < 5 * sqrt((kurtosis - 1) / (double)n),
                  "%s: variance %g, want %g", scaled[_i].name, variance, want);
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i]));
    double bound = sqrt(3 * want), of_normal = 5.5 * sqrt(want);
    if (scaled[_i].uniform)
        ck_assert_msg(most <= bound * (1 + 1e-6) && most > 0.998 * bound, "%s: %g, bound %g",
                      scaled[_i].name, most, bound);
    else
        ck_assert_msg(most > bound && most < of_normal, "%s: %g", scaled[_i].name, most);
    free(x);
}
END_TEST

// Cut at two deviations, the variance of a normal is 1 - 4 phi(2) / (2 Phi(2) - 1) of what it was.
START_TEST(truncated_values_stay_within_two_deviations)
{
    int64_t n;
    struct weft_init init = {WEFT_INIT_TRUNCATED_NORMAL, 10, 3};
    double *x = values(net, "w", init, 1, (int64_t[]){200000}, &n);
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        x[i] = (x[i] - 10) / 3;
        most = fmax(most, fabs(x[i]));
    }
    ck_assert(most <= 2 + 1e-6 && most > 1.999);
    ck_assert_double_eq_tol(one(x, n, 1), 0, 5 * 0.88 / sqrt((double)n));
    ck_assert_double_eq_tol(one(x, n, 2), 0.773741, 5 * 0.83 / sqrt((double)n));
    free(x);
}
END_TEST

static const int64_t sizes[][3] = {{64, 64, 1}, {37, 200, 1}, {200, 37, 1}, {20, 7, 9},
                                   {1, 1, 1},   {1, 5, 1},    {5, 1, 1},    {256, 256, 1}};
enum { SIZES = sizeof sizes / sizeof *sizes };

START_TEST(orthogonal_values_are)
{
    const int64_t *shape = sizes[_i];
    int64_t n, rows = shape[0], columns = shape[1] * shape[2], count = rows, length = columns;
    struct weft_init init = {WEFT_INIT_ORTHOGONAL, _i % 2 ? 3 : 0};
    double *x = values(net, "w", init, 3, shape, &n), gain = _i % 2 ? 3 : 1;
    int64_t step = 1, next = columns;
    if (rows > columns) {
        count = columns, length = rows;
        step = columns, next = 1;
    }
    for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double dot = 0;
            for (int64_t k = 0; k < length; k++)
                dot += x[i * next + k * step] * x[j * next + k * step];
            ck_assert_msg(fabs(dot / (gain * gain) - (i == j)) < 1e-5, "%lld %lld: %g",
                          (long long)i, (long long)j, dot);
        }
    }
    free(x);
}
END_TEST

// Uniform among the orthogonal matrices: the first element has mean 0 and variance 1/n. Without
// R's positive diagonal its sign would always be the same.
START_TEST(orthogonal_values_have_no_favourite_sign)
{
    enum { MANY = 200, SIZE = 4 };
    double sum = 0, squares = 0, corner = 0;
    for (int i = 0; i < MANY; i++) {
        char name[16];
        int64_t n;
        snprintf(name, sizeof name, "w%d", i);
        double *x = values(net, name, (struct weft_init){WEFT_INIT_ORTHOGONAL}, 2,
                           (int64_t[]){SIZE, SIZE}, &n);
        sum += x[0];
        squares += x[0] * x[0];
        corner += x[n - 1];
        free(x);
    }
    ck_assert_double_eq_tol(squares / MANY, 1.0 / SIZE, 0.1);
    ck_assert_double_eq_tol(sum / MANY, 0, 5 * 0.5 / sqrt(MANY));
    ck_assert_double_eq_tol(corner / MANY, 0, 5 * 0.5 / sqrt(MANY));
}
END_TEST

static const struct weft_init random_kinds[] = {
    {WEFT_INIT_UNIFORM, 0, 1},  {WEFT_INIT_NORMAL, 0, 1},   {WEFT_INIT_TRUNCATED_NORMAL, 0, 1},
    {WEFT_INIT_XAVIER_UNIFORM}, {WEFT_INIT_KAIMING_NORMAL}, {WEFT_INIT_ORTHOGONAL},
};
enum { RANDOM_KINDS = sizeof random_kinds / sizeof *random_kinds };

START_TEST(values_depend_on_seed_and_name)
{
    int64_t n, shape[] = {17, 13};
    struct weft_init init = random_kinds[_i];
    weft_params *same = weft_params_create(dev, 7, NULL), *seed = weft_params_create(dev, 8, NULL);
    free(values(same, "before", init, 2, shape, &n));
    double *a = values(net, "w", init, 2, shape, &n), *b = values(same, "w", init, 2, shape, &n);
    double *c = values(seed, "w", init, 2, shape, &n), *d = values(net, "v", init, 2, shape, &n);
    ck_assert_mem_eq(a, b, (size_t)n * sizeof *a);
    ck_assert_mem_ne(a, c, (size_t)n * sizeof *a);
    ck_assert_mem_ne(a, d, (size_t)n * sizeof *a);
    free(a), free(b), free(c), free(d);
    weft_params_destroy(&same);
    weft_params_destroy(&seed);
}
END_TEST

START_TEST(empty_tensors_begin_too)
{
    const int64_t shapes[][2] = {{0, 3}, {3, 0}};
    for (int kind = WEFT_INIT_CONSTANT; kind <= WEFT_INIT_ORTHOGONAL; kind++) {
        for (int i = 0; i < 2; i++) {
            char name[16];
            snprintf(name, sizeof name, "w%d.%d", kind, i);
            ck_assert_msg(weft_param(s, net, name, (struct weft_init){kind}, 2, shapes[i]), "%s",
                          weft_scope_error(s)->text);
        }
    }
}
END_TEST

static const struct {
    struct weft_init init;
    int ndim;
    enum weft_status status;
    const char *text;
} wrong[] = {
    {{0}, 2, WEFT_PARAM, "w: initialiser 0; one of enum weft_init_kind was wanted"},
    {{99}, 2, WEFT_PARAM, "w: initialiser 99"},
    {{WEFT_INIT_NORMAL, NAN, 1}, 2, WEFT_PARAM, "w: an initialiser with nan and 1; finite"},
    {{WEFT_INIT_UNIFORM, -INFINITY, 1}, 2, WEFT_PARAM, "finite numbers were wanted"},
    {{WEFT_INIT_UNIFORM, 2, 1}, 2, WEFT_PARAM, "w: uniform in [2, 1), which is empty"},
    {{WEFT_INIT_NORMAL, 0, -1}, 2, WEFT_PARAM, "w: a deviation of -1; 0 or more was wanted"},
    {{WEFT_INIT_TRUNCATED_NORMAL, 0, -1}, 2, WEFT_PARAM, "w: a deviation of -1"},
    {{WEFT_INIT_ORTHOGONAL, -1}, 2, WEFT_PARAM, "w: a gain of -1; 0 or more was wanted"},
    {{WEFT_INIT_XAVIER_UNIFORM}, 1, WEFT_SHAPE, "w: this initialiser for [2]; two dimensions"},
    {{WEFT_INIT_ORTHOGONAL}, 0, WEFT_SHAPE, "two dimensions or more were wanted"},
};
enum { WRONG = sizeof wrong / sizeof *wrong };

START_TEST(wrong_initialisers_are_refused)
{
    ck_assert_ptr_null(weft_param(s, net, "w", wrong[_i].init, wrong[_i].ndim, (int64_t[]){2, 2}));
    assert_error(wrong[_i].status, wrong[_i].text);
    ck_assert_int_eq(weft_params_count(net), 0);
    // A constant may be anything, as an observer's first minimum is.
    float v;
    struct weft_init most = {WEFT_INIT_CONSTANT, INFINITY, 0};
    ck_assert(weft_buffer(s, net, "w", most, 0, NULL));
    ck_assert(weft_params_get(net, "w", &v, sizeof v, NULL) && isinf(v));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("init");
    TCase *t = tcase_create("init");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, variances_are_those_of_the_papers, 0, SCALED);
    tcase_add_test(t, truncated_values_stay_within_two_deviations);
    tcase_add_loop_test(t, orthogonal_values_are, 0, SIZES);
    tcase_add_test(t, orthogonal_values_have_no_favourite_sign);
    tcase_add_loop_test(t, values_depend_on_seed_and_name, 0, RANDOM_KINDS);
    tcase_add_test(t, empty_tensors_begin_too);
    tcase_add_loop_test(t, wrong_initialisers_are_refused, 0, WRONG);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
