// The rows of the optimizers. A step size is set after the making, where 0 is 0; for other options
// 0 stands for the default, and what has another default cannot be 0.
#include "rows.h"
#include <string.h>

// Whether an option is given that weft's optimizer has not.
static bool has(const struct sample *m, const char *key, const char **unable)
{
    if (!option_flag(m, key))
        return false;
    *unable = key;
    return true;
}

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

static weft_optim *make_sgd(weft_params *p, const struct sample *m, const char **unable,
                            struct weft_error *err)
{
    if (has(m, "dampening", unable) || has(m, "maximize", unable))
        return NULL;
    return with_lr(
        weft_sgd_create(p,
                        weft_sgd_params(.momentum = option_number(m, "momentum", 0),
                                        .weight_decay = option_number(m, "weight_decay", 0),
                                        .nesterov = option_flag(m, "nesterov")),
                        err),
        m);
}

static weft_optim *make_adamw(weft_params *p, const struct sample *m, const char **unable,
                              struct weft_error *err)
{
    if (has(m, "amsgrad", unable) || has(m, "maximize", unable) || is_zero(m, "beta1", unable) ||
        is_zero(m, "beta2", unable) || is_zero(m, "eps", unable))
        return NULL;
    return with_lr(
        weft_adam_create(p,
                         weft_adam_params(.beta1 = option_number(m, "beta1", 0),
                                          .beta2 = option_number(m, "beta2", 0),
                                          .eps = option_number(m, "eps", 0),
                                          .weight_decay = option_number(m, "weight_decay", 0)),
                         err),
        m);
}

// PyTorch's Adam adds the decay to the gradient, weft's is AdamW: without a decay they agree.
static weft_optim *make_adam(weft_params *p, const struct sample *m, const char **unable,
                             struct weft_error *err)
{
    if (!option_flag(m, "decoupled_weight_decay") && has(m, "weight_decay", unable))
        return NULL;
    return make_adamw(p, m, unable, err);
}

static const struct optim_row optim_rows[] = {
    {"sgd", make_sgd},
    {"adam", make_adam},
    {"adamw", make_adamw},
};

const struct optim_row *optim_row_of(const char *name)
{
    for (size_t i = 0; i < sizeof optim_rows / sizeof *optim_rows; i++) {
        if (!strcmp(optim_rows[i].name, name))
            return &optim_rows[i];
    }
    return NULL;
}
