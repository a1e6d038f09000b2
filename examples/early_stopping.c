// A training loop of one's own: a part of the rows is held out, the loss on it is watched after
// each epoch, and training ends when it has not fallen for two epochs. The best parameters are
// saved to model.safetensors, which predict.c uses.
// usage: early_stopping [DATA-DIR] [EPOCHS]
#include "model.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATIENCE = 2 };

struct training {
    weft_device *dev;
    weft_params *net, *best;
    weft_optim *optim;
    weft_scope *scope;
    weft_loader *train, *validation;
};

static void open_data(struct training *t, const char *dir, struct weft_error *err)
{
    weft_data *train, *validation;
    weft_data_split(weft_data_idx(dir, "train", err), weft_data_split_params(.validation = 0.1),
                    &train, &validation, err);
    t->train = weft_loader_create(train, weft_loader_params(.batch = 128, .shuffle = true), err);
    t->validation = weft_loader_create(validation, weft_loader_params(.batch = 500), err);
}

static void train_epoch(struct training *t)
{
    weft_scope *s = t->scope;
    for (weft_tensor *x, *y; weft_loader_next(t->train, s, &x, &y); weft_scope_reset(s)) {
        weft_backward(s, weft_cross_entropy(s, model(s, t->net, x), y, NULL), t->net);
        weft_optim_step(t->optim, s);
    }
}

// The mean loss on the rows held out. This scope does not train: nothing is kept for gradients.
static double validate(struct training *t, struct weft_error *err)
{
    double sum = 0;
    weft_scope *s = weft_scope_create(t->dev, NULL, err);
    for (weft_tensor *x, *y; weft_loader_next(t->validation, s, &x, &y); weft_scope_reset(s))
        sum +=
            weft_item(s, weft_cross_entropy(s, model(s, t->net, x), y, NULL)) * (double)y->shape[0];
    if (!err->status && weft_scope_error(s)->status)
        *err = *weft_scope_error(s);
    weft_scope_destroy(&s);
    return sum / (double)weft_data_count(weft_loader_data(t->validation));
}

static void run(struct training *t, int epochs, struct weft_error *err)
{
    double least = INFINITY;
    for (int epoch = 1, since = 0; epoch <= epochs && since < PATIENCE; epoch++) {
        train_epoch(t);
        if (weft_scope_error(t->scope)->status)
            *err = *weft_scope_error(t->scope);
        double loss = validate(t, err);
        if (err->status)
            return;
        printf("epoch %d: validation loss %.4f%s\n", epoch, loss, loss < least ? ", best" : "");
        since = loss < least ? 0 : since + 1;
        if (!since) {
            least = loss;
            weft_params_copy(t->best, t->net, err);
        }
    }
}

int main(int argc, char **argv)
{
    struct weft_error err = {0};
    struct training t = {0};
    open_data(&t, argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist", &err);
    t.dev = weft_device_create(NULL, &err);
    t.net = weft_params_create(t.dev, 1, &err);
    t.best = weft_params_create(t.dev, 1, &err);
    t.optim = weft_adam_create(t.net, NULL, &err);
    t.scope = weft_scope_create(t.dev, weft_scope_params(.train = true), &err);
    if (!err.status)
        run(&t, argc > 2 ? atoi(argv[2]) : 30, &err);
    if (!err.status)
        weft_params_save(t.best, "model.safetensors", NULL, &err);
    if (err.status)
        fprintf(stderr, "early_stopping: %s\n", err.text);
    weft_scope_destroy(&t.scope);
    weft_optim_destroy(&t.optim);
    weft_params_destroy(&t.best);
    weft_params_destroy(&t.net);
    weft_loader_destroy(&t.train);
    weft_loader_destroy(&t.validation);
    weft_device_destroy(&t.dev);
    return err.status != WEFT_OK;
}
