// The training loop.
#include "training.h"
#include "checkpoint.h"
#include "console.h"
#include "failure.h"
#include "standard.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TEST_BATCH = 500 };

volatile sig_atomic_t interrupted;

static weft_loader *make_loader(weft_data *data, struct weft_error *err)
{
    return data ? weft_loader_create(data, weft_loader_params(.batch = TEST_BATCH), err) : NULL;
}

// What the options leave open of the model follows from the training data.
static bool shape_model(struct training *t, const weft_data *data)
{
    struct train_args *a = t->args;
    const char *name = dataset_name(a->data);
    const struct weft_row *x = weft_data_x(data);
    struct model *m = &a->model;
    m->ndim = x->ndim;
    for (int i = 0; i < x->ndim; i++)
        m->shape[i] = x->shape[i];
    if (!a->normalize_given)
        m->normalize = x->ndim < 2 || m->allow_missing ? STANDARDIZE : NORMALIZE_NONE;
    if (!dataset_classes(data, m, a->classes_given, name, &t->err))
        return false;
    if (t->about.classes.count > m->classes)
        return failure(&t->err, WEFT_PARAM, "%s: has %d classes, --classes is %d", name,
                       t->about.classes.count, m->classes);
    if (t->about.classes.count && !a->classes_given)
        m->classes = t->about.classes.count;
    return true;
}

static bool open_training_data(struct training *t, weft_data **train, weft_data **validation)
{
    struct train_args *a = t->args;
    int task = a->task_given || a->resume ? a->model.task : ANY_TASK;
    struct dataset_args from = {
        .path = a->data, .split = TRAIN_SPLIT, .with_target = true, .csv = a->csv};
    *train = a->resume ? dataset_open(&from, &a->model, &t->about, &t->err)
                       : dataset_open_new(&from, a->model.allow_missing, &task, &t->about, &t->err);
    if (!*train)
        return false;
    a->model.task = task;
    if (!a->resume && !shape_model(t, *train)) {
        weft_data_destroy(train);
        return false;
    }
    if (a->validation <= 0)
        return true;
    weft_data *all = *train;
    *train = NULL;
    return weft_data_split(all,
                           weft_data_split_params(.validation = a->validation, .seed = a->seed),
                           train, validation, &t->err);
}

static bool open_data(struct training *t)
{
    struct train_args *a = t->args;
    weft_data *train = NULL, *validation = NULL;
    if (!open_training_data(t, &train, &validation))
        return false;
    weft_data *test = dataset_open_test(a->data, &a->model, &t->about, &t->err);
    t->train = weft_loader_create(
        train, weft_loader_params(.batch = a->batch, .shuffle = true, .seed = a->seed), &t->err);
    t->validation = make_loader(validation, &t->err);
    t->test = make_loader(test, &t->err);
    return !t->err.status;
}

static bool open_device(struct training *t)
{
    const struct train_args *a = t->args;
    t->dev = weft_device_create(
        weft_device_params(.match = a->device, .profile = a->profile || a->trace,
                           .log = console_log, .log_priv = a->verbose ? t : NULL),
        &t->err);
    t->host.on = a->profile;
    t->net = weft_params_create(t->dev, a->seed, &t->err);
    t->scope =
        weft_scope_create(t->dev, weft_scope_params(.train = true, .seed = a->seed), &t->err);
    t->test_scope = weft_scope_create(t->dev, weft_scope_params(.seed = a->seed), &t->err);
    return !t->err.status;
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

static bool check_data(struct training *t)
{
    const struct model *m = &t->args->model;
    weft_loader *all[] = {t->train, t->validation, t->test};
    bool ok = true;
    for (int i = 0; ok && i < 3; i++)
        ok = !all[i] ||
             model_takes(m, weft_loader_data(all[i]), true, dataset_name(t->args->data), &t->err);
    return ok;
}

static bool begin_anew(struct training *t)
{
    const struct model *m = &t->args->model;
    if (!t->args->recipe.total_steps)
        t->args->recipe.total_steps = t->progress.total;
    return model_make(t->test_scope, t->net, m) &&
           standard_fit(t->net, m, weft_loader_data(t->train), &t->err) && recipe_make(t);
}

// What was taken for granted is said with the option for another choice.
static void print_start(const struct training *t)
{
    const struct train_args *a = t->args;
    bool guessed = !a->task_given && !a->resume, classify = a->model.task == CLASSIFY;
    char task[64];
    console_note("training on %s: %" PRId64 " parameters, %" PRId64 " rows; %s%s%s%s",
                 weft_device_info(t->dev)->name, weft_params_elements(t->net), t->progress.rows,
                 task_text(&a->model, task), guessed ? " (otherwise: --task " : "",
                 !guessed   ? ""
                 : classify ? "regress"
                            : "classify",
                 guessed ? ")" : "");
}

bool training_prepare(struct training *t)
{
    struct train_args *a = t->args;
    t->saved = -1;
    if (!open_data(t) || !open_device(t))
        return false;
    plan_progress(t);
    bool ok = check_data(t) && (a->resume ? checkpoint_load(t) : begin_anew(t));
    if (!scope_is_fine(t->test_scope, &t->err) || !ok)
        return false;
    print_start(t);
    const struct progress *p = &t->progress;
    int64_t from = !a->resume ? 0 : p->in_epoch ? p->step : p->step + 1;
    return !a->log || history_open(&t->history, a->log, from, &t->err);
}

static bool step(struct training *t, const weft_tensor *x, const weft_tensor *y)
{
    weft_scope *s = t->scope;
    const struct model *m = &t->args->model;
    weft_tensor *loss = model_loss(s, t->net, m, model_forward(s, t->net, m, x), y);
    weft_backward(s, loss, t->net);
    bool ok = recipe_step(t);
    host_time_lap(&t->host, t->dev, &t->host.record);
    int rows = x ? (int)x->shape[0] : 0;
    ok = losses_push(&t->losses, s, loss, rows, &t->err) && ok;
    weft_scope_reset(s);
    return scope_is_fine(s, &t->err) && ok;
}

// At the end of an epoch that the loader did not begin at a place of its own it says so once.
static bool next_batch(struct training *t, weft_tensor **x, weft_tensor **y)
{
    return weft_loader_next(t->train, t->scope, x, y) || weft_loader_next(t->train, t->scope, x, y);
}

static void save_now_and_then(struct training *t)
{
    const struct train_args *a = t->args;
    if (a->save && a->save_every && t->progress.step % a->save_every == 0)
        checkpoint_save_or_warn(t);
}

static bool train_steps(struct training *t)
{
    struct progress *p = &t->progress;
    while (p->in_epoch < p->batches && p->step < p->total && !interrupted && !t->err.status) {
        weft_tensor *x, *y;
        host_time_lap(&t->host, t->dev, &t->host.other);
        if (!next_batch(t, &x, &y))
            return scope_is_fine(t->scope, &t->err);
        host_time_lap(&t->host, t->dev, &t->host.data);
        if (!step(t, x, y))
            return false;
        if (progress_step(p)) {
            if (!losses_wait(&t->losses, &t->err))
                return false;
            progress_show(p, losses_mean(&t->losses));
        }
        save_now_and_then(t);
    }
    return !t->err.status && losses_wait(&t->losses, &t->err);
}

static bool train_epoch(struct training *t)
{
    int64_t from = t->progress.step;
    host_time_begin(&t->host, t->dev);
    bool ok = train_steps(t);
    host_time_end(&t->host, t->dev, t->progress.step - from);
    return ok;
}

static bool measure(struct training *t, weft_loader *data, struct score *score)
{
    *score = (struct score){0};
    return !data || score_measure(score, t->test_scope, t->net, &t->args->model, data, &interrupted,
                                  &t->err);
}

static bool measure_all(struct training *t)
{
    return measure(t, t->validation, &t->validated) && measure(t, t->test, &t->tested);
}

// ", test accuracy 0.8765"; of a regression its loss.
static void print_score(const struct training *t, const char *lead, const char *name,
                        const struct score *score, const char *end)
{
    const struct model *m = &t->args->model;
    char text[32];
    if (score->rows && m->task == CLASSIFY)
        printf("%s%s accuracy %.4f%s", lead, name, score_accuracy(score), end);
    else if (score->rows)
        printf("%s%s loss %s%s", lead, name, loss_text(score_loss(score, m), text), end);
}

static bool write_history(struct training *t, double speed)
{
    const struct model *m = &t->args->model;
    const struct score *v = &t->validated, *e = &t->tested;
    bool classes = m->task == CLASSIFY;
    struct history_line line = {
        .step = t->progress.step,
        .epoch = t->progress.epoch,
        .loss = losses_mean(&t->losses),
        .validation_loss = v->rows ? score_loss(v, m) : NAN,
        .validation_accuracy = v->rows && classes ? score_accuracy(v) : NAN,
        .test_loss = e->rows ? score_loss(e, m) : NAN,
        .test_accuracy = e->rows && classes ? score_accuracy(e) : NAN,
        .lr = weft_optim_lr(t->optim),
        .rows_per_second = speed,
    };
    return history_add(&t->history, &line, &t->history_err);
}

static bool report_epoch(struct training *t)
{
    struct progress *p = &t->progress;
    double speed = progress_speed(p);
    if (!measure_all(t))
        return !t->err.status; // interrupted
    char text[32];
    console_erase();
    printf("epoch %d/%d: loss %s", p->epoch, p->epochs, loss_text(losses_mean(&t->losses), text));
    print_score(t, ", ", "validation", &t->validated, "");
    print_score(t, ", ", "test", &t->tested, "");
    printf(", %.0f rows/s\n", speed);
    bool printed = console_flush();
    t->unheard = !write_history(t, speed) || !printed;
    return true;
}

// After the last step of an epoch; where --steps ended it before, it is only reported.
static bool finish_epoch(struct training *t)
{
    struct progress *p = &t->progress;
    if (!report_epoch(t))
        return false;
    if (interrupted || p->in_epoch < p->batches)
        return true;
    const struct score *v = &t->validated;
    if (!recipe_end_epoch(t, v->rows ? score_loss(v, &t->args->model) : losses_mean(&t->losses)))
        return false;
    p->in_epoch = 0;
    losses_start(&t->losses, p->step, 0, 0);
    if (t->args->save && !t->args->save_every && p->step < p->total && !t->unheard)
        checkpoint_save_or_warn(t);
    return !t->err.status;
}

// An epoch whose steps are done may still have to be reported: its test was interrupted.
static bool run_epochs(struct training *t)
{
    struct progress *p = &t->progress;
    while ((p->step < p->total || p->in_epoch) && !interrupted && !t->unheard) {
        progress_begin_epoch(p, p->in_epoch);
        if (!train_epoch(t) || (!interrupted && !finish_epoch(t)))
            return false;
        if (p->in_epoch) // --steps ended it
            break;
    }
    return true;
}

bool training_run(struct training *t)
{
    t->began = t->progress.step;
    bool done = t->progress.step >= t->progress.total && t->progress.in_epoch == 0;
    if (!(done ? measure_all(t) || interrupted : run_epochs(t)))
        return false;
    console_erase();
    bool idle = interrupted && t->progress.step == t->began; // what is there may be better
    if (t->args->save && !idle && !checkpoint_save(t))
        return false;
    if (t->unheard)
        return false;
    if (interrupted)
        return true;
    print_score(t, "", "validation", &t->validated, "\n");
    print_score(t, "", "test", &t->tested, "\n");
    return true;
}

void training_finish(struct training *t)
{
    history_close(&t->history);
    losses_finish(&t->losses);
    weft_scope_destroy(&t->scope);
    weft_scope_destroy(&t->test_scope);
    weft_schedule_destroy(&t->schedule);
    weft_optim_destroy(&t->optim);
    weft_params_destroy(&t->net);
    weft_loader_destroy(&t->train);
    weft_loader_destroy(&t->validation);
    weft_loader_destroy(&t->test);
    weft_device_destroy(&t->dev);
    description_free(&t->about);
}
