// Going on where a training was that saved its state.
#include "checkpoint.h"
#include "diverged.h"
#include "failure.h"
#include <inttypes.h>
#include <limits.h>
#include <weft/resume.h>

static bool place(struct training *t, const weft_safetensors *f)
{
    struct progress *p = &t->progress;
    const char *path = t->args->resume;
    int64_t rows, sum_rows;
    double sum;
    if (!checkpoint_count(f, path, "step", &p->step, &t->err) ||
        !checkpoint_count(f, path, "epoch-steps", &p->in_epoch, &t->err) ||
        !checkpoint_count(f, path, "epoch-rows", &sum_rows, &t->err) ||
        !checkpoint_count(f, path, "rows", &rows, &t->err) ||
        !checkpoint_number(f, path, "epoch-loss", &sum, &t->err))
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
