// The rows of the optimizers. A step size is set after the making, where 0 is 0; for other options
// 0 stands for the default, and what has another default cannot be 0.
#include "rows.h"
#include <string.h>

static bool is_zero(const struct sample *m, const char *key, const char **unable)
{
    static const char *const zero = "an option of 0 that has another default";
    if (option_number(m, key, 1) != 0)
        return false;
    *unable = zero;
    return true;
}

static weft_optim *with_lr(weft_optim *o, const struct sample *m)
{
    if (o)
        weft_optim_set_lr(o, option_number(m, "lr", 0));
    return o;
}

static double number(const struct sample *m, const char *key)
{
    return option_number(m, key, 0);
}

static weft_optim *make_sgd(weft_params *p, const struct sample *m, const char **unable,
                            struct weft_error *err)
{
    (void)unable;
    return with_lr(weft_sgd_create(p,
                                   weft_sgd_params(.momentum = number(m, "momentum"),
                                                   .dampening = number(m, "dampening"),
                                                   .weight_decay = number(m, "weight_decay"),
                                                   .nesterov = option_flag(m, "nesterov"),
                                                   .maximize = option_flag(m, "maximize")),
                                   err),
                   m);
}

static bool cannot_adam(const struct sample *m, const char **unable)
{
    return is_zero(m, "beta1", unable) || is_zero(m, "beta2", unable) || is_zero(m, "eps", unable);
}

static weft_optim *make_adamw(weft_params *p, const struct sample *m, const char **unable,
                              struct weft_error *err)
{
    if (cannot_adam(m, unable))
        return NULL;
    return with_lr(
        weft_adamw_create(p,
                          weft_adamw_params(.beta1 = number(m, "beta1"),
                                            .beta2 = number(m, "beta2"), .eps = number(m, "eps"),
                                            .weight_decay = number(m, "weight_decay"),
                                            .no_weight_decay = number(m, "weight_decay") == 0,
                                            .amsgrad = option_flag(m, "amsgrad"),
                                            .maximize = option_flag(m, "maximize")),
                          err),
        m);
}

static weft_optim *make_adam(weft_params *p, const struct sample *m, const char **unable,
                             struct weft_error *err)
{
    if (option_flag(m, "decoupled_weight_decay"))
        return make_adamw(p, m, unable, err);
    if (cannot_adam(m, unable))
        return NULL;
    return with_lr(
        weft_adam_create(p,
                         weft_adam_params(.beta1 = number(m, "beta1"), .beta2 = number(m, "beta2"),
                                          .eps = number(m, "eps"),
                                          .weight_decay = number(m, "weight_decay"),
                                          .amsgrad = option_flag(m, "amsgrad"),
                                          .maximize = option_flag(m, "maximize")),
                         err),
        m);
}

static weft_optim *make_rmsprop(weft_params *p, const struct sample *m, const char **unable,
                                struct weft_error *err)
{
    if (is_zero(m, "alpha", unable) || is_zero(m, "eps", unable))
        return NULL;
    return with_lr(weft_rmsprop_create(
                       p,
                       weft_rmsprop_params(.alpha = number(m, "alpha"), .eps = number(m, "eps"),
                                           .weight_decay = number(m, "weight_decay"),
                                           .momentum = number(m, "momentum"),
                                           .centered = option_flag(m, "centered"),
                                           .maximize = option_flag(m, "maximize")),
                       err),
                   m);
}

static weft_optim *make_adagrad(weft_params *p, const struct sample *m, const char **unable,
                                struct weft_error *err)
{
    if (is_zero(m, "eps", unable))
        return NULL;
    return with_lr(
        weft_adagrad_create(
            p,
            weft_adagrad_params(.lr_decay = number(m, "lr_decay"),
                                .weight_decay = number(m, "weight_decay"),
                                .initial_accumulator_value = number(m, "initial_accumulator_value"),
                                .eps = number(m, "eps"), .maximize = option_flag(m, "maximize")),
            err),
        m);
}

static weft_optim *make_adadelta(weft_params *p, const struct sample *m, const char **unable,
                                 struct weft_error *err)
{
    if (is_zero(m, "rho", unable) || is_zero(m, "eps", unable))
        return NULL;
    return with_lr(
        weft_adadelta_create(p,
                             weft_adadelta_params(.rho = number(m, "rho"), .eps = number(m, "eps"),
                                                  .weight_decay = number(m, "weight_decay"),
                                                  .maximize = option_flag(m, "maximize")),
                             err),
        m);
}

static const struct optim_row optim_rows[] = {
    {"sgd", make_sgd},         {"adagrad", make_adagrad}, {"adadelta", make_adadelta},
    {"rmsprop", make_rmsprop}, {"adam", make_adam},       {"adamw", make_adamw},
};

const struct optim_row *optim_row_of(const char *name)
{
    for (size_t i = 0; i < sizeof optim_rows / sizeof *optim_rows; i++) {
        if (!strcmp(optim_rows[i].name, name))
            return &optim_rows[i];
    }
    return NULL;
}
