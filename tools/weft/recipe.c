// The optimizers and schedules by their names.
#include "recipe.h"
#include "console.h"
#include "failure.h"
#include "training.h"
#include <weft/schedule.h>

static weft_optim *make_sgd(const struct recipe *r, weft_params *net, struct weft_error *err)
{
    return weft_sgd_create(net,
                           weft_sgd_params(.lr = r->lr, .momentum = r->momentum,
                                           .nesterov = r->nesterov,
                                           .weight_decay = r->weight_decay),
                           err);
}

static weft_optim *make_adagrad(const struct recipe *r, weft_params *net, struct weft_error *err)
{
    return weft_adagrad_create(
        net, weft_adagrad_params(.lr = r->lr, .weight_decay = r->weight_decay), err);
}

static weft_optim *make_adadelta(const struct recipe *r, weft_params *net, struct weft_error *err)
{
    return weft_adadelta_create(
        net, weft_adadelta_params(.lr = r->lr, .weight_decay = r->weight_decay), err);
}

static weft_optim *make_rmsprop(const struct recipe *r, weft_params *net, struct weft_error *err)
{
    return weft_rmsprop_create(
        net,
        weft_rmsprop_params(.lr = r->lr, .momentum = r->momentum, .weight_decay = r->weight_decay),
        err);
}

static weft_optim *make_adam(const struct recipe *r, weft_params *net, struct weft_error *err)
{
    return weft_adam_create(net, weft_adam_params(.lr = r->lr, .weight_decay = r->weight_decay),
                            err);
}

static weft_optim *make_adamw(const struct recipe *r, weft_params *net, struct weft_error *err)
{
    return weft_adamw_create(net,
                             weft_adamw_params(.lr = r->lr, .weight_decay = r->weight_decay,
                                               .no_weight_decay = r->weight_decay <= 0),
                             err);
}

static weft_optim *(*const makers[])(const struct recipe *, weft_params *, struct weft_error *) = {
    [SGD] = make_sgd,         [ADAGRAD] = make_adagrad, [ADADELTA] = make_adadelta,
    [RMSPROP] = make_rmsprop, [ADAM] = make_adam,       [ADAMW] = make_adamw,
};

// The schedule that begins when the warm-up has ended.
static weft_schedule *make_main(const struct recipe *r, weft_optim *o, int64_t steps,
                                int64_t epoch_steps, struct weft_error *err)
{
    int64_t every = epoch_steps * (r->every ? r->every : 1);
    double decay = r->decay > 0 ? r->decay : 0.1;
    switch (r->schedule) {
    case STEP:
        return weft_step_lr_create(o, weft_step_lr_params(.every = every, .gamma = decay), err);
    case COSINE:
        return weft_cosine_lr_create(o, weft_cosine_lr_params(.steps = steps), err);
    case ONE_CYCLE:
        return weft_one_cycle_lr_create(
            o, weft_one_cycle_lr_params(.steps = steps < 2 ? 2 : steps, .max_lr = weft_optim_lr(o)),
            err);
    case PLATEAU:
        return weft_plateau_lr_create(
            o, weft_plateau_lr_params(.factor = decay, .patience = r->patience ? r->patience : 10),
            err);
    default: // the same all the time, to come after a warm-up
        return weft_exponential_lr_create(o, 1, err);
    }
}

// From a part of the step size to the whole in a straight line.
static weft_schedule *make_warm_up(const struct recipe *r, weft_optim *o, struct weft_error *err)
{
    return weft_linear_lr_create(
        o, weft_linear_lr_params(.steps = r->warm_up, .start = 1 / (double)r->warm_up), err);
}

bool recipe_make(struct training *t)
{
    const struct recipe *r = &t->args->recipe;
    int64_t steps = r->total_steps - r->warm_up, epoch_steps = t->progress.batches;
    t->optim = makers[r->optimizer](r, t->net, &t->err);
    if (!t->optim || (r->schedule == CONSTANT && !r->warm_up))
        return t->optim;
    steps = steps < 1 ? 1 : steps;
    t->schedule = r->warm_up ? make_warm_up(r, t->optim, &t->err) : NULL;
    weft_schedule *after = make_main(r, t->optim, steps, epoch_steps, &t->err);
    t->schedule =
        r->warm_up ? weft_sequential_lr_create(t->schedule, r->warm_up, after, &t->err) : after;
    return t->schedule;
}

bool recipe_step(struct training *t)
{
    const struct recipe *r = &t->args->recipe;
    if (r->clip_norm > 0)
        weft_clip_grad_norm(t->scope, t->net, r->clip_norm, NULL);
    weft_optim_step(t->optim, t->scope);
    if (!t->schedule || r->schedule == PLATEAU)
        return true;
    return weft_schedule_step(t->schedule, &t->err);
}

bool recipe_end_epoch(struct training *t, double loss)
{
    return t->args->recipe.schedule != PLATEAU ||
           weft_schedule_step_metric(t->schedule, loss, &t->err);
}
