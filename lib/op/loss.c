// Losses of single elements: a row of loss.def, weighted, then reduced.
#include "op/loss.h"
#include <math.h>

// The name of an option that is given and that the loss does not know; NULL: none.
static const char *unknown_option(const struct wf_loss *l)
{
    const struct weft_loss_params *o = &l->o;
    const struct option {
        const char *name;
        bool given;
        unsigned bit;
    } options[] = {
        {"weight", o->weight, WF_LOSS_WEIGHT},
        {"pos_weight", o->pos_weight, WF_LOSS_POS_WEIGHT},
        {"smoothing", o->smoothing != 0, WF_LOSS_SMOOTHING},
        {"delta", o->delta != 0, WF_LOSS_DELTA},
        {"margin", o->margin != 0, WF_LOSS_MARGIN},
        {"ignore", o->ignore || o->ignored, WF_LOSS_IGNORE},
        {"log_target", o->log_target, WF_LOSS_LOG_TARGET},
        {"reduction WEFT_LOSS_BATCH_MEAN", o->reduction == WEFT_LOSS_BATCH_MEAN,
         WF_LOSS_BATCH_MEAN},
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (options[i].given && !(l->knows & options[i].bit))
            return options[i].name;
    }
    return NULL;
}

static bool check_values(weft_scope *s, const struct wf_loss *l)
{
    const struct weft_loss_params *o = &l->o;
    if ((unsigned)o->reduction > WEFT_LOSS_BATCH_MEAN)
        return wf_scope_fail(s, WEFT_PARAM, "%s: reduction is %d; 0 to %d were wanted", l->op,
                             (int)o->reduction, WEFT_LOSS_BATCH_MEAN);
    const char *unknown = unknown_option(l);
    if (unknown)
        return wf_scope_fail(s, WEFT_PARAM, "%s: has no option %s", l->op, unknown);
    if (o->ignored && !o->ignore)
        return wf_scope_fail(s, WEFT_PARAM, "%s: ignored is %lld, but ignore is not set", l->op,
                             (long long)o->ignored);
    if (!(o->smoothing >= 0 && o->smoothing <= 1))
        return wf_scope_fail(s, WEFT_PARAM, "%s: smoothing is %g; 0 to 1 was wanted", l->op,
                             o->smoothing);
    if (!(o->delta >= 0) || isinf(o->delta))
        return wf_scope_fail(s, WEFT_PARAM, "%s: delta is %g; a number above 0 was wanted", l->op,
                             o->delta);
    if (!isfinite(o->margin))
        return wf_scope_fail(s, WEFT_PARAM, "%s: margin is %g; a finite number was wanted", l->op,
                             o->margin);
    return true;
}

bool wf_loss_takes(weft_scope *s, struct wf_loss *l, const weft_tensor *x,
                   const weft_tensor *target, const struct weft_loss_params *params)
{
    WF_PARAMS(l->o, params);
    if (!wf_scope_takes(s, l->op, x) || !wf_scope_takes(s, l->op, target) ||
        !wf_want_float(s, l->op, x) || !check_values(s, l) ||
        (l->o.weight && !wf_scope_takes(s, l->op, l->o.weight)) ||
        (l->o.pos_weight && !wf_scope_takes(s, l->op, l->o.pos_weight)))
        return false;
    // No gradient flows to weights.
    if (l->o.weight)
        l->o.weight = weft_detach(s, l->o.weight);
    if (l->o.pos_weight)
        l->o.pos_weight = weft_detach(s, l->o.pos_weight);
    return wf_scope_ok(s);
}

static weft_tensor *reduce(weft_scope *s, const struct wf_loss *l, weft_tensor *each)
{
    if (l->o.reduction == WEFT_LOSS_MEAN)
        return weft_mean(s, each, NULL);
    weft_tensor *sum = weft_sum(s, each, NULL);
    if (!sum || l->o.reduction == WEFT_LOSS_SUM)
        return sum;
    return weft_scale(s, sum, 1 / (double)each->shape[0]);
}

weft_tensor *wf_loss_reduce(weft_scope *s, const struct wf_loss *l, weft_tensor *each)
{
    if (!each || l->o.reduction == WEFT_LOSS_NONE)
        return each;
    weft_label_push(s, l->op);
    weft_tensor *y = reduce(s, l, each);
    weft_label_pop(s);
    return y;
}

// Is `weight`, where it is given, of x's dtype and does it broadcast to x's shape?
static bool check_weight(weft_scope *s, const char *op, const char *name, const weft_tensor *x,
                         const weft_tensor *weight)
{
    if (!weight)
        return true;
    if (weight->dtype != x->dtype)
        return wf_scope_fail(s, WEFT_DTYPE, "%s: x is %s and %s %s; one dtype was wanted", op,
                             weft_dtype_name(x->dtype), name, weft_dtype_name(weight->dtype));
    bool fits = weight->ndim <= x->ndim;
    for (int i = 1; fits && i <= weight->ndim; i++) {
        int64_t n = weight->shape[weight->ndim - i];
        fits = n == 1 || n == x->shape[x->ndim - i];
    }
    return fits ||
           wf_scope_fail(s, WEFT_SHAPE, "%s: x is %s and %s %s, which does not broadcast to it", op,
                         WF_SHAPE(x->ndim, x->shape), name, WF_SHAPE(weight->ndim, weight->shape));
}

static bool begin(weft_scope *s, struct wf_loss *l, const weft_tensor *x, const weft_tensor *target,
                  const struct weft_loss_params *params)
{
    if (!wf_loss_takes(s, l, x, target, params))
        return false;
    if (target->dtype != x->dtype)
        return wf_scope_fail(s, WEFT_DTYPE, "%s: x is %s and the target %s; one dtype was wanted",
                             l->op, weft_dtype_name(x->dtype), weft_dtype_name(target->dtype));
    if (!wf_same_shape(x, target))
        return wf_scope_fail(s, WEFT_SHAPE, "%s: x is %s and the target %s; one shape was wanted",
                             l->op, WF_SHAPE(x->ndim, x->shape),
                             WF_SHAPE(target->ndim, target->shape));
    if (l->o.reduction == WEFT_LOSS_BATCH_MEAN && !x->ndim)
        return wf_scope_fail(s, WEFT_SHAPE, "%s: x is a scalar; a batch was wanted", l->op);
    return check_weight(s, l->op, "weight", x, l->o.weight) &&
           check_weight(s, l->op, "pos_weight", x, l->o.pos_weight);
}

// The loss `row` of the checked inputs with option a.
static weft_tensor *finish(weft_scope *s, const struct wf_loss *l, enum wf_loss_row row,
                           const weft_tensor *const *in, double a)
{
    weft_tensor *each = wf_loss_record(s, row, in, a);
    if (each && l->o.weight)
        each = weft_mul(s, each, l->o.weight);
    return wf_loss_reduce(s, l, each);
}

weft_tensor *weft_mse(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                      const struct weft_loss_params *o)
{
    struct wf_loss l = {.op = "mse"};
    if (!begin(s, &l, x, target, o))
        return NULL;
    return finish(s, &l, WF_LOSS_ROW_mse, (const weft_tensor *[]){x, target}, 0);
}

weft_tensor *weft_l1(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                     const struct weft_loss_params *o)
{
    struct wf_loss l = {.op = "l1"};
    if (!begin(s, &l, x, target, o))
        return NULL;
    return finish(s, &l, WF_LOSS_ROW_l1, (const weft_tensor *[]){x, target}, 0);
}

weft_tensor *weft_huber(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                        const struct weft_loss_params *o)
{
    struct wf_loss l = {.op = "huber", .knows = WF_LOSS_DELTA};
    if (!begin(s, &l, x, target, o))
        return NULL;
    double delta = l.o.delta != 0 ? l.o.delta : 1;
    return finish(s, &l, WF_LOSS_ROW_huber, (const weft_tensor *[]){x, target}, delta);
}

weft_tensor *weft_hinge(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                        const struct weft_loss_params *o)
{
    struct wf_loss l = {.op = "hinge", .knows = WF_LOSS_MARGIN};
    if (!begin(s, &l, x, target, o))
        return NULL;
    double margin = l.o.margin != 0 ? l.o.margin : 1;
    return finish(s, &l, WF_LOSS_ROW_hinge, (const weft_tensor *[]){x, target}, margin);
}

weft_tensor *weft_bce(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                      const struct weft_loss_params *o)
{
    struct wf_loss l = {.op = "bce", .knows = WF_LOSS_WEIGHT};
    if (!begin(s, &l, x, target, o))
        return NULL;
    return finish(s, &l, WF_LOSS_ROW_bce, (const weft_tensor *[]){x, target}, 0);
}

weft_tensor *weft_bce_with_logits(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                                  const struct weft_loss_params *o)
{
    struct wf_loss l = {.op = "bce_with_logits", .knows = WF_LOSS_WEIGHT | WF_LOSS_POS_WEIGHT};
    if (!begin(s, &l, x, target, o))
        return NULL;
    enum wf_loss_row row =
        l.o.pos_weight ? WF_LOSS_ROW_bce_with_logits_pos_weight : WF_LOSS_ROW_bce_with_logits;
    return finish(s, &l, row, (const weft_tensor *[]){x, target, l.o.pos_weight}, 0);
}

weft_tensor *weft_kl_div(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                         const struct weft_loss_params *o)
{
    struct wf_loss l = {.op = "kl_div", .knows = WF_LOSS_LOG_TARGET | WF_LOSS_BATCH_MEAN};
    if (!begin(s, &l, x, target, o))
        return NULL;
    enum wf_loss_row row = l.o.log_target ? WF_LOSS_ROW_kl_div_log_target : WF_LOSS_ROW_kl_div;
    return finish(s, &l, row, (const weft_tensor *[]){x, target}, 0);
}
