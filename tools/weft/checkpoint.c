// Nothing that depends on the time or on how training was cut into processes is in the file, so the
// last file of a training is the same however often it was interrupted.
#include "checkpoint.h"
#include "console.h"
#include "diverged.h"
#include "failure.h"
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/resume.h>

// Keys and values to be written.
struct texts {
    struct weft_file_text *list;
    int count;
    bool failed;
};

// Takes `value`.
static void add(struct texts *t, const char *name, char *value)
{
    struct weft_file_text *list = realloc(t->list, ((size_t)t->count + 1) * sizeof *list);
    size_t room = strlen(name) + sizeof "train.";
    char *key = malloc(room);
    t->list = list ? list : t->list;
    if (!list || !key || !value) {
        free(key);
        free(value);
        t->failed = true;
        return;
    }
    snprintf(key, room, "train.%s", name);
    list[t->count++] = (struct weft_file_text){key, value};
}

static void add_whole(struct texts *t, const char *name, int64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, v);
    add(t, name, strdup(text));
}

static void add_all(struct texts *texts, const struct training *t)
{
    const struct progress *p = &t->progress;
    const struct model *m = &t->args->model;
    char text[160];
    for (int i = 0; i < train_row_count; i++) {
        char *value = train_rows[i].kept ? option_write(&train_rows[i], t->args) : NULL;
        if (value && *value && json_is_utf8(value)) // --data need not be kept
            add(texts, train_rows[i].name, value);
        else
            free(value);
        texts->failed = texts->failed || (train_rows[i].kept && !value);
    }
    add(texts, "input", strdup(shape_text(m->ndim, m->shape, text)));
    for (int i = 0; i < t->about.names.count; i++) {
        snprintf(text, sizeof text, "class.%d", i);
        add(texts, text, strdup(t->about.names.name[i]));
    }
    add_whole(texts, "rows", p->rows);
    add_whole(texts, "step", p->step);
    add_whole(texts, "epoch", (p->step - p->in_epoch) / p->batches);
    add_whole(texts, "epoch-steps", p->in_epoch);
    add_whole(texts, "epoch-rows", t->losses.sum_rows);
    snprintf(text, sizeof text, "%a", t->losses.sum);
    add(texts, "epoch-loss", strdup(text));
}

static void texts_free(struct texts *t)
{
    for (int i = 0; i < t->count; i++) {
        free((char *)t->list[i].key);
        free((char *)t->list[i].value);
    }
    free(t->list);
}

// The last loss says nothing of the update that followed it, and a file with a NaN is no use.
static bool is_finite(struct training *t)
{
    char end[48];
    snprintf(end, sizeof end, " after step %" PRId64, t->progress.step);
    return diverged_check(t, "train", end, &t->err);
}

static bool write_file(struct training *t, struct weft_error *err)
{
    struct texts texts = {0};
    add_all(&texts, t);
    bool ok =
        texts.failed
            ? failure(err, WEFT_NOMEM, "%s: no memory for its metadata", t->args->save)
            : weft_training_save(t->args->save,
                                 weft_training_params(.params = t->net, .optim = t->optim,
                                                      .schedule = t->schedule, .scope = t->scope,
                                                      .position = t->progress.step,
                                                      .text = texts.list, .ntext = texts.count),
                                 err);
    texts_free(&texts);
    if (ok)
        t->saved = t->progress.step;
    return ok;
}

bool checkpoint_takes(struct training *t)
{
    const struct class_names *names = &t->about.names;
    for (int i = 0; i < names->count; i++) {
        if (!json_is_utf8(names->name[i]))
            return failure(&t->err, WEFT_FORMAT,
                           "%s: the class \"%.60s\" is not UTF-8, wanted that to save it",
                           t->args->data, names->name[i]);
    }
    return !t->args->target || json_is_utf8(t->args->target) ||
           failure(&t->err, WEFT_FORMAT,
                   "%s: the target \"%.60s\" is not UTF-8, wanted that to save it", t->args->data,
                   t->args->target);
}

bool checkpoint_save(struct training *t)
{
    return losses_wait(&t->losses, &t->err) && is_finite(t) && write_file(t, &t->err);
}

void checkpoint_save_or_warn(struct training *t)
{
    struct weft_error err = {0};
    if (losses_wait(&t->losses, &t->err) && is_finite(t) && !write_file(t, &err))
        console_fail("%s; training goes on", err.text);
}

static bool read_sum(const weft_safetensors *f, const char *path, double *sum,
                     struct weft_error *err)
{
    const char *text = checkpoint_text(f, "epoch-loss");
    char *end = "";
    *sum = text ? strtod(text, &end) : 0;
    return (text && *text && !*end && isfinite(*sum)) ||
           checkpoint_refuse(text, path, "epoch-loss", err);
}

static bool place(struct training *t, const weft_safetensors *f)
{
    struct progress *p = &t->progress;
    const char *path = t->args->resume;
    int64_t rows, sum_rows;
    double sum;
    if (!checkpoint_count(f, path, "step", &p->step, &t->err) ||
        !checkpoint_count(f, path, "epoch-steps", &p->in_epoch, &t->err) ||
        !checkpoint_count(f, path, "epoch-rows", &sum_rows, &t->err) ||
        !checkpoint_count(f, path, "rows", &rows, &t->err) || !read_sum(f, path, &sum, &t->err))
        return false;
    if (rows != p->rows)
        return failure(&t->err, WEFT_SHAPE, "%s: was trained on %" PRId64 " rows, %s has %" PRId64,
                       path, rows, t->args->data, p->rows);
    if (p->in_epoch > p->step || p->in_epoch > p->batches || (p->step - p->in_epoch) % p->batches ||
        (p->step - p->in_epoch) / p->batches > INT_MAX)
        return failure(&t->err, WEFT_FORMAT,
                       "%s: its metadata say train.step = %" PRId64
                       " and train.epoch-steps = %" PRId64 ", an epoch has %" PRId64,
                       path, p->step, p->in_epoch, p->batches);
    p->epoch = (int)((p->step - p->in_epoch) / p->batches);
    losses_start(&t->losses, p->step, sum, sum_rows);
    return weft_loader_seek(t->train, p->step, &t->err);
}

// What the file says of it cannot be made.
static bool make(struct training *t)
{
    struct weft_error why = {0};
    if (model_make(t->test_scope, t->net, &t->args->model) && recipe_make(t))
        return true;
    scope_is_fine(t->test_scope, &why);
    if (t->err.status)
        why = t->err;
    t->err = (struct weft_error){0};
    return failure(&t->err, why.status, "%s: %s", t->args->resume, why.text);
}

bool checkpoint_load(struct training *t)
{
    const char *path = t->args->resume;
    struct weft_error bad = {0};
    weft_safetensors *f = weft_safetensors_open(path, &t->err);
    bool ok = f && place(t, f);
    weft_safetensors_close(&f);
    ok = ok && make(t) &&
         weft_training_load(path,
                            weft_training_params(.params = t->net, .optim = t->optim,
                                                 .schedule = t->schedule, .scope = t->scope),
                            NULL, &t->err);
    return ok && (diverged_check(t, path, ", wanted numbers to go on with", &bad) ||
                  failure(&t->err, bad.status == WEFT_NONFINITE ? WEFT_FORMAT : bad.status, "%s",
                          bad.text));
}
