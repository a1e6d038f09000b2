// The rows of losses. See rows.h.
#include "rows.h"

static enum weft_loss_reduction reduction(const struct sample *m)
{
    return option_is(m, "reduction", "sum")         ? WEFT_LOSS_SUM
           : option_is(m, "reduction", "none")      ? WEFT_LOSS_NONE
           : option_is(m, "reduction", "batchmean") ? WEFT_LOSS_BATCH_MEAN
                                                    : WEFT_LOSS_MEAN;
}

// Says why, if x and the target are not of one shape.
static bool is_pair(struct call *c)
{
    const weft_tensor *x = c->x[0], *target = c->x[1];
    bool same = x->ndim == target->ndim;
    for (int i = 0; same && i < x->ndim; i++)
        same = x->shape[i] == target->shape[i];
    if (!same)
        unable(c, "a target that is broadcast");
    return same;
}

static weft_tensor *call_mse(struct call *c)
{
    return is_pair(c) ? weft_mse(c->s, c->x[0], c->x[1],
                                 weft_loss_params(.reduction = reduction(c->sample)))
                      : NULL;
}

static weft_tensor *call_l1(struct call *c)
{
    return is_pair(c) ? weft_l1(c->s, c->x[0], c->x[1],
                                weft_loss_params(.reduction = reduction(c->sample)))
                      : NULL;
}

static weft_tensor *call_huber(struct call *c)
{
    return is_pair(c) ? weft_huber(c->s, c->x[0], c->x[1],
                                   weft_loss_params(.reduction = reduction(c->sample),
                                                    .delta = option_number(c->sample, "delta", 1)))
                      : NULL;
}

static weft_tensor *call_kl_div(struct call *c)
{
    return is_pair(c)
               ? weft_kl_div(c->s, c->x[0], c->x[1],
                             weft_loss_params(.reduction = reduction(c->sample),
                                              .log_target = option_flag(c->sample, "log_target")))
               : NULL;
}

static weft_tensor *call_bce(struct call *c)
{
    const weft_tensor *weight = option_flag(c->sample, "weight") ? c->x[2] : NULL;
    return is_pair(c)
               ? weft_bce(c->s, c->x[0], c->x[1],
                          weft_loss_params(.reduction = reduction(c->sample), .weight = weight))
               : NULL;
}

static weft_tensor *call_bce_with_logits(struct call *c)
{
    int next = 2;
    const weft_tensor *weight = option_flag(c->sample, "weight") ? c->x[next++] : NULL;
    const weft_tensor *pos = option_flag(c->sample, "pos_weight") ? c->x[next] : NULL;
    return is_pair(c) ? weft_bce_with_logits(c->s, c->x[0], c->x[1],
                                             weft_loss_params(.reduction = reduction(c->sample),
                                                              .weight = weight, .pos_weight = pos))
                      : NULL;
}

static weft_tensor *call_cross_entropy(struct call *c)
{
    const struct sample *m = c->sample;
    bool labels = c->x[1]->dtype == WEFT_I64;
    return weft_cross_entropy(
        c->s, c->x[0], c->x[1],
        weft_loss_params(.reduction = reduction(m),
                         .weight = option_flag(m, "weight") ? c->x[2] : NULL,
                         .smoothing = option_number(m, "smoothing", 0), .ignore = labels,
                         .ignored = labels ? (int64_t)option_number(m, "ignore", -100) : 0));
}

static weft_tensor *call_nll(struct call *c)
{
    const struct sample *m = c->sample;
    return weft_nll(c->s, c->x[0], c->x[1],
                    weft_loss_params(.reduction = reduction(m),
                                     .weight = option_flag(m, "weight") ? c->x[2] : NULL,
                                     .ignore = true,
                                     .ignored = (int64_t)option_number(m, "ignore", -100)));
}

const struct op_row op_rows_loss[] = {
    {"mse_loss", .call = call_mse},
    {"l1_loss", .call = call_l1},
    {"huber_loss", .call = call_huber},
    {"cross_entropy", .call = call_cross_entropy},
    {"nll_loss", .call = call_nll},
    {"bce", .call = call_bce},
    {"bce_with_logits", .call = call_bce_with_logits},
    {"kl_div", .call = call_kl_div},
    {0},
};
