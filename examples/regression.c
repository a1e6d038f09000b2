// Linear regression on a CSV file: the last column is learned from the others. Prints the error on
// rows that were held out, beside that of always answering the mean, and the weights.
// usage: regression [FILE.csv] [EPOCHS]
// diabetes.csv: 442 patients, the progression of their disease after a year; Efron, Hastie,
// Johnstone and Tibshirani, 2004, "Least angle regression".
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/csv.h>
#include <weft/weft.h>

struct regression {
    weft_device *dev;
    weft_params *net;
    weft_scope *scope;
    weft_optim *optim;
    weft_loader *train, *test;
};

static weft_tensor *model(weft_scope *s, weft_params *p, const weft_tensor *x)
{
    return weft_flatten(s, weft_linear(s, p, "y", x, weft_linear_params(.out = 1)), 0);
}

// The standard deviation of y: the error of who always answers the mean.
static double deviation(const weft_data *data, struct weft_error *err)
{
    double n = (double)weft_data_count(data), sum = 0, squares = 0;
    float *x = malloc((size_t)weft_data_x(data)->shape[0] * sizeof *x), y = 0;
    for (int64_t i = 0; x && i < (int64_t)n && weft_data_get(data, i, x, &y, err); i++) {
        sum += (double)y;
        squares += (double)y * (double)y;
    }
    free(x);
    return sqrt(squares / n - sum / n * sum / n);
}

static bool open_data(struct regression *r, const char *path, struct weft_error *err)
{
    enum { MOST = 256 };
    weft_data *train, *test;
    double mean[MOST], std[MOST];
    weft_data *all = weft_data_csv(path, NULL, err);
    int columns = all ? (int)weft_data_x(all)->shape[0] : 0;
    if (columns > MOST) {
        fprintf(stderr, "regression: %s has %d columns, at most %d are possible\n", path, columns,
                MOST);
        weft_data_destroy(&all);
        return false;
    }
    weft_data_split(all, weft_data_split_params(.validation = 0.2, .seed = 1), &train, &test, err);
    if (err->status)
        return false;
    // Both parts are normalized by the training rows: the test rows are not to be looked at.
    weft_data_statistics(train, columns, mean, std, err);
    const struct weft_data_normalize_params *how =
        weft_data_normalize_params(.mean = mean, .std = std, .n = columns);
    r->train = weft_loader_create(weft_data_normalize(train, how, err),
                                  weft_loader_params(.batch = 32, .shuffle = true), err);
    r->test = weft_loader_create(weft_data_normalize(test, how, err),
                                 weft_loader_params(.batch = 1000), err);
    return !err->status;
}

static void train(struct regression *r, int epochs)
{
    weft_scope *s = r->scope;
    for (int epoch = 0; epoch < epochs; epoch++) {
        for (weft_tensor *x, *y; weft_loader_next(r->train, s, &x, &y); weft_scope_reset(s)) {
            weft_backward(s, weft_mse(s, model(s, r->net, x), y, NULL), r->net);
            weft_optim_step(r->optim, s);
        }
    }
}

// Root of the mean squared error on the test rows, in units of the target.
static double test(const struct regression *r)
{
    double sum = 0;
    weft_scope *s = r->scope;
    for (weft_tensor *x, *y; weft_loader_next(r->test, s, &x, &y); weft_scope_reset(s))
        sum += weft_item(
            s, weft_mse(s, model(s, r->net, x), y, weft_loss_params(.reduction = WEFT_LOSS_SUM)));
    return sqrt(sum / (double)weft_data_count(weft_loader_data(r->test)));
}

static void print_weights(const struct regression *r, struct weft_error *err)
{
    const weft_data *data = weft_loader_data(r->train);
    const char *const *name = weft_data_columns(data);
    int n = (int)weft_data_x(data)->shape[0];
    float *w = malloc((size_t)n * sizeof *w);
    if (w && weft_params_get(r->net, "y.weight", w, (size_t)n * sizeof *w, err)) {
        for (int i = 0; i < n; i++)
            printf("%12s %8.2f\n", name ? name[i] : "", (double)w[i]);
    }
    free(w);
}

int main(int argc, char **argv)
{
    struct weft_error err = {0};
    struct regression r = {0};
    bool ok = open_data(&r, argc > 1 ? argv[1] : "diabetes.csv", &err);
    r.dev = weft_device_create(NULL, &err);
    r.net = weft_params_create(r.dev, 1, &err);
    r.scope = weft_scope_create(r.dev, weft_scope_params(.train = true), &err);
    r.optim = weft_sgd_create(r.net, weft_sgd_params(.lr = 0.01), &err);
    if (ok && !err.status) {
        train(&r, argc > 2 ? atoi(argv[2]) : 100);
        const weft_data *held_out = weft_loader_data(r.test);
        double error = test(&r);
        err = *weft_scope_error(r.scope);
        printf("error on %lld rows held out: %.2f, of the mean: %.2f\n",
               (long long)weft_data_count(held_out), error, deviation(held_out, &err));
        print_weights(&r, &err);
    }
    if (err.status)
        fprintf(stderr, "regression: %s\n", err.text);
    weft_optim_destroy(&r.optim);
    weft_scope_destroy(&r.scope);
    weft_params_destroy(&r.net);
    weft_loader_destroy(&r.train);
    weft_loader_destroy(&r.test);
    weft_device_destroy(&r.dev);
    return !ok || err.status;
}
