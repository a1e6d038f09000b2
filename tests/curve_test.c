// Training gives PyTorch's numbers: over 200 steps of a perceptron on Fashion-MNIST, from the same
// weights and batches, the loss is as close to PyTorch's in double as PyTorch's in float is with
// the rows of each batch in any of nine orders, and a quarter more. data/curves/make.py made the
// curves, and says what is trained.
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 200, BATCH = 128, LAYERS = 3 };

static const int size[LAYERS + 1] = {784, 512, 512, 10};

// The next of the numbers in [0, 1) that the first weights are made from.
static double next_uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 40) * 0x1p-24;
}

static void set_uniform(const char *name, int64_t n, double bound, uint64_t *state)
{
    struct weft_error e = {0};
    float *v = malloc((size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)((2 * next_uniform(state) - 1) * bound);
    ck_assert_msg(weft_params_set(net, name, v, (size_t)n * sizeof *v, &e), "%s", e.text);
    free(v);
}

static weft_tensor *forward(const weft_tensor *x)
{
    char name[8];
    weft_tensor *y = weft_flatten(s, x, 1);
    for (int i = 0; i < LAYERS; i++) {
        snprintf(name, sizeof name, "fc%d", i + 1);
        y = weft_linear(s, net, name, i ? weft_relu(s, y) : y,
                        weft_linear_params(.out = size[i + 1]));
    }
    return y;
}

static void set_first_weights(void)
{
    uint64_t state = 1;
    forward(weft_full(s, WEFT_F32, 2, (int64_t[]){1, size[0]}, 0));
    ck_assert(weft_scope_reset(s));
    for (int i = 0; i < LAYERS; i++) {
        char name[16];
        double bound = 1 / sqrt(size[i]);
        snprintf(name, sizeof name, "fc%d.weight", i + 1);
        set_uniform(name, (int64_t)size[i] * size[i + 1], bound, &state);
        snprintf(name, sizeof name, "fc%d.bias", i + 1);
        set_uniform(name, size[i + 1], bound, &state);
    }
}

static void train(weft_optim *o, double loss[STEPS])
{
    struct weft_error e = {0};
    weft_loader *data =
        weft_loader_create(weft_data_idx("/usr/share/datasets/fashion-mnist", "train", &e),
                           weft_loader_params(.batch = BATCH), &e);
    ck_assert_msg(data && o, "%s", e.text);
    set_first_weights();
    for (int i = 0; i < STEPS; i++) {
        weft_tensor *x, *y;
        ck_assert(weft_loader_next(data, s, &x, &y));
        weft_tensor *l = weft_cross_entropy(s, forward(x), y, NULL);
        weft_backward(s, l, net);
        weft_optim_step(o, s);
        loss[i] = weft_item(s, l);
        ck_assert_msg(weft_scope_reset(s), "%s", weft_scope_error(s)->text);
    }
    weft_loader_destroy(&data);
}

// The largest deviation, and the root of the mean square of all.
struct deviation {
    double most, rms;
};

// PyTorch's: the loss in double, and how far float is from it.
struct curve {
    struct deviation of_float;
    double in_double[STEPS];
};

static void read_curve(const char *name, struct curve *c)
{
    char path[400];
    snprintf(path, sizeof path, "%s/curves/%s.csv", TESTS_DATA, name);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s", path);
    ck_assert_int_eq(fscanf(f, "%lf,%lf", &c->of_float.most, &c->of_float.rms), 2);
    for (int i = 0; i < STEPS; i++)
        ck_assert_int_eq(fscanf(f, "%lf", &c->in_double[i]), 1);
    fclose(f);
}

static struct deviation deviation(const double *a, const double *b)
{
    struct deviation d = {0};
    for (int i = 0; i < STEPS; i++) {
        d.most = fmax(d.most, fabs(a[i] - b[i]));
        d.rms += (a[i] - b[i]) * (a[i] - b[i]) / STEPS;
    }
    d.rms = sqrt(d.rms);
    return d;
}

static void compare(const char *name, const double loss[STEPS])
{
    struct curve c;
    read_curve(name, &c);
    struct deviation ours = deviation(loss, c.in_double), theirs = c.of_float;
    ck_assert_double_lt(c.in_double[STEPS - 1], 0.6 * c.in_double[0]);
    ck_assert_msg(ours.most <= 1.25 * theirs.most && ours.rms <= 1.25 * theirs.rms,
                  "%s: from double by %g, rms %g; PyTorch's float by %g, rms %g", name, ours.most,
                  ours.rms, theirs.most, theirs.rms);
    printf("%s: from double by %.3g, rms %.3g; PyTorch's float by %.3g, rms %.3g\n", name,
           ours.most, ours.rms, theirs.most, theirs.rms);
}

START_TEST(sgd_is_as_close_as_pytorch)
{
    double loss[STEPS];
    weft_optim *o =
        weft_sgd_create(net, weft_sgd_params(.lr = 0.01, .momentum = 0.9, .nesterov = true), NULL);
    train(o, loss);
    weft_optim_destroy(&o);
    compare("sgd", loss);
}
END_TEST

START_TEST(adam_is_as_close_as_pytorch)
{
    double loss[STEPS];
    weft_optim *o = weft_adam_create(net, weft_adam_params(.lr = 1e-4), NULL);
    train(o, loss);
    weft_optim_destroy(&o);
    compare("adam", loss);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("curve");
    TCase *t = tcase_create("curve");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, sgd_is_as_close_as_pytorch);
    tcase_add_test(t, adam_is_as_close_as_pytorch);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
