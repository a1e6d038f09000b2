// The training loop. The loss of an epoch is summed up on the device and read now and then, because
// reading waits.
#include "training.h"
#include "console.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { TEST_BATCH = 500 };

volatile sig_atomic_t interrupted;

static void open_data(struct training *t)
{
    const struct train_args *a = t->args;
    t->train = weft_loader_create(
        weft_data_idx(a->data, "train", &t->err),
        weft_loader_params(.batch = a->batch, .shuffle = true, .seed = a->seed), &t->err);
    t->test = weft_loader_create(weft_data_idx(a->data, "test", &t->err),
                                 weft_loader_params(.batch = TEST_BATCH), &t->err);
}

static void open_device(struct training *t)
{
    const struct train_args *a = t->args;
    t->dev = weft_device_create(
        weft_device_params(.match = a->device, .profile = a->profile || a->trace,
                           .log = console_log, .log_priv = a->verbose ? t : NULL),
        &t->err);
    t->net = weft_params_create(t->dev, a->seed, &t->err);
    t->scope =
        weft_scope_create(t->dev, weft_scope_params(.train = true, .seed = a->seed), &t->err);
    t->test_scope = weft_scope_create(t->dev, weft_scope_params(.seed = a->seed), &t->err);
}

static void make_optimizer(struct training *t)
{
    const struct train_args *a = t->args;
    t->optim = a->optimizer == SGD
                   ? weft_sgd_create(t->net, weft_sgd_params(.lr = a->lr, .momentum = a->momentum),
                                     &t->err)
                   : weft_adam_create(t->net, weft_adam_params(.lr = a->lr), &t->err);
}

static bool keep_error(struct training *t, const weft_scope *s)
{
    const struct weft_error *err = weft_scope_error(s);
    if (!t->err.status && err->status)
        t->err = *err;
    return !err->status;
}

static void plan_progress(struct training *t)
{
    struct progress *p = &t->progress;
    *p = (struct progress){.epochs = t->args->epochs, .batch = t->args->batch};
    p->rows = weft_data_count(weft_loader_data(t->train));
    p->batches = weft_loader_batches(t->train);
    p->total = p->batches * p->epochs;
    if (t->args->steps && t->args->steps < p->total)
        p->total = t->args->steps;
    p->bar = console_is_terminal();
}

bool training_prepare(struct training *t)
{
    open_data(t);
    if (!t->err.status)
        open_device(t);
    if (t->err.status)
        return false;
    if (!mlp_make(t->test_scope, t->net, &t->args->mlp, weft_loader_data(t->train)))
        return keep_error(t, t->test_scope);
    make_optimizer(t);
    plan_progress(t);
    if (!t->err.status)
        console_note("training on %s: %" PRId64 " parameters, %" PRId64 " rows",
                     weft_device_info(t->dev)->name, weft_params_elements(t->net),
                     t->progress.rows);
    return !t->err.status;
}

static void step(struct training *t, const weft_tensor *x, const weft_tensor *y)
{
    weft_scope *s = t->scope;
    weft_tensor *loss = weft_cross_entropy(s, mlp_forward(s, t->net, &t->args->mlp, x), y, NULL);
    weft_backward(s, loss, t->net);
    weft_optim_step(t->optim, s);
    weft_tensor *sum = t->loss_sum ? weft_add(s, t->loss_sum, weft_detach(s, loss)) : loss;
    sum = weft_keep(s, sum);
    weft_tensor_destroy(&t->loss_sum);
    t->loss_sum = sum;
    weft_scope_reset(s);
}

// The mean loss of this epoch so far. False if it is NaN or could not be read.
static bool read_loss(struct training *t, double *loss)
{
    const struct progress *p = &t->progress;
    *loss = weft_item(t->scope, t->loss_sum) / (double)p->in_epoch;
    if (!keep_error(t, t->scope))
        return false;
    if (isfinite(*loss))
        return true;
    char first[32] = "";
    if (p->step - p->read_at > 1)
        snprintf(first, sizeof first, "%" PRId64 " .. ", p->read_at + 1);
    console_fail("train: the loss became %s in step %s%" PRId64
                 ": --lr may be too large, or a label is not below --classes %d",
                 isnan(*loss) ? "NaN" : "infinite", first, p->step, t->args->mlp.classes);
    return false;
}

static bool train_epoch(struct training *t)
{
    struct progress *p = &t->progress;
    double loss;
    weft_tensor_destroy(&t->loss_sum);
    progress_begin_epoch(p);
    for (weft_tensor *x, *y; p->step < p->total && !interrupted;) {
        if (!weft_loader_next(t->train, t->scope, &x, &y))
            break;
        step(t, x, y);
        if (progress_step(p)) {
            if (!read_loss(t, &loss))
                return false;
            progress_show(p, loss);
        }
    }
    return keep_error(t, t->scope);
}

static bool finish_epoch(struct training *t)
{
    struct progress *p = &t->progress;
    double loss;
    if (!read_loss(t, &loss))
        return false;
    double speed = progress_speed(p);
    double correct = mlp_correct(t->test_scope, t->net, &t->args->mlp, t->test, &interrupted);
    if (!keep_error(t, t->test_scope))
        return false;
    if (interrupted)
        return true;
    t->accuracy = correct / (double)weft_data_count(weft_loader_data(t->test));
    char text[32];
    console_erase();
    printf("epoch %d/%d: loss %s, test accuracy %.4f, %.0f rows/s\n", p->epoch, p->epochs,
           loss_text(loss, text), t->accuracy, speed);
    return console_flush();
}

bool training_run(struct training *t)
{
    struct progress *p = &t->progress;
    while (p->step < p->total && !interrupted) {
        if (!train_epoch(t) || (!interrupted && !finish_epoch(t)))
            return false;
    }
    return true;
}

void training_finish(struct training *t)
{
    weft_tensor_destroy(&t->loss_sum);
    weft_scope_destroy(&t->scope);
    weft_scope_destroy(&t->test_scope);
    weft_optim_destroy(&t->optim);
    weft_params_destroy(&t->net);
    weft_loader_destroy(&t->train);
    weft_loader_destroy(&t->test);
    weft_device_destroy(&t->dev);
}
