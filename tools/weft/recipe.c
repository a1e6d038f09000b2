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
    return weft_rmsprop_create(net,
                               weft_rmsprop_params(.lr = r->lr, .momentum = r->momentum,
                                                   .weight_decay = r->weight_decay),
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
