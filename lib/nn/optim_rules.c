// The rules of the optimizers, and making one. The formulas are in <weft/optim.h>, what the kernel
// does with the numbers in cl/optim.cl.
#include "nn/optim.h"
#include <math.h>
#include <stdlib.h>

static void numbers_sgd(const double *own, struct wf_rule_numbers *r)
{
    r->r[0] = (cl_float)own[0];
    r->r[1] = (cl_float)(1 - own[1]);
}

static struct wf_each_numbers each_sgd(const double *own, double lr, double decay, int64_t t)
{
    (void)own;
    return (struct wf_each_numbers){(cl_float)lr, (cl_float)decay, t == 1};
}

static void numbers_adagrad(const double *own, struct wf_rule_numbers *r)
{
    r->r[0] = (cl_float)own[0];
}

static struct wf_each_numbers each_adagrad(const double *own, double lr, double decay, int64_t t)
{
    double now = lr / (1 + (double)(t - 1) * own[1]);
    return (struct wf_each_numbers){(cl_float)now, (cl_float)decay, 0};
}

static void numbers_adadelta(const double *own, struct wf_rule_numbers *r)
{
    r->r[0] = (cl_float)own[0];
    r->r[1] = (cl_float)(1 - own[0]);
    r->r[2] = (cl_float)own[1];
}

static struct wf_each_numbers each_plain(const double *own, double lr, double decay, int64_t t)
{
    (void)own, (void)t;
    return (struct wf_each_numbers){(cl_float)lr, (cl_float)decay, 0};
}

static void numbers_rmsprop(const double *own, struct wf_rule_numbers *r)
{
    r->r[0] = (cl_float)own[0];
    r->r[1] = (cl_float)own[1];
    r->r[2] = (cl_float)(1 - own[1]);
    r->r[3] = (cl_float)own[2];
}

static void numbers_adam(const double *own, struct wf_rule_numbers *r)
{
    r->r[0] = (cl_float)own[0];
    r->r[1] = (cl_float)(1 - own[0]);
    r->r[2] = (cl_float)own[1];
    r->r[3] = (cl_float)(1 - own[1]);
    r->r[4] = (cl_float)own[2];
}

static struct wf_each_numbers each_adam(const double *own, double lr, double decay, int64_t t)
{
    return (struct wf_each_numbers){(cl_float)(lr / (1 - pow(own[0], (double)t))), (cl_float)decay,
                                    (cl_float)(1 / (1 - pow(own[1], (double)t)))};
}

static struct wf_each_numbers each_adamw(const double *own, double lr, double decay, int64_t t)
{
    return each_adam(own, lr, lr * decay, t);
}

#define RULE(index, text, macro, numbers_fn, each_fn) \
    [index] = {.name = text,                          \
               .define = macro,                       \
               .numbers = numbers_fn,                 \
               .each = each_fn,                       \
               .op = {.name = text,                   \
                      .run = wf_optim_run,            \
                      .prepare = wf_optim_prepare,    \
                      .rehearse = wf_optim_rehearse,  \
                      .drop = wf_optim_drop,          \
                      .update = WF_UPDATES_VALUE}}
const struct wf_rule wf_rules[WF_RULES] = {
    RULE(WF_SGD, "sgd", "SGD", numbers_sgd, each_sgd),
    RULE(WF_ADAGRAD, "adagrad", "ADAGRAD", numbers_adagrad, each_adagrad),
    RULE(WF_ADADELTA, "adadelta", "ADADELTA", numbers_adadelta, each_plain),
    RULE(WF_RMSPROP, "rmsprop", "RMSPROP", numbers_rmsprop, each_plain),
    RULE(WF_ADAM, "adam", "ADAM", numbers_adam, each_adam),
    RULE(WF_ADAMW, "adamw", "ADAMW", numbers_adam, each_adamw),
};

// A number that was given: in [0, most), or [0, most] where that says so.
struct number {
    const char *name;
    double value;
    enum { ANY, BELOW_1, AT_MOST_1 } most;
};

static bool in_range(const char *rule, const struct number *n, struct weft_error *err)
{
    static const char *const wanted[] = {"0 or more", "0 or more and below 1", "0 to 1"};
    double v = n->value;
    bool ok = v >= 0 && (n->most == ANY ? v < INFINITY : n->most == BELOW_1 ? v < 1 : v <= 1);
    return ok || wf_fail(err, WEFT_PARAM, "%s: %s is %g; %s was wanted", rule, n->name, v,
                         wanted[n->most]);
}

static weft_optim *make(weft_params *p, enum wf_rule_index index, int n,
                        const struct number *number, struct weft_error *err)
{
    const struct wf_rule *rule = &wf_rules[index];
    for (int i = 0; i < n; i++) {
        if (!in_range(rule->name, &number[i], err))
            return NULL;
    }
    if (!p) {
        wf_fail(err, WEFT_PARAM, "%s: the params are NULL", rule->name);
        return NULL;
    }
    weft_optim *o = calloc(1, sizeof *o);
    if (!o) {
        wf_fail_nomem(err, rule->name);
        return NULL;
    }
    o->params = wf_params_ref(p);
    o->rule = rule;
    o->lr = o->base_lr = number[0].value;
    o->weight_decay = number[1].value;
    o->refs = 1;
    return o;
}
// The first two numbers are lr and weight_decay.
#define MAKE(p, index, err, ...)                                                   \
    make(p, index, sizeof((struct number[]){__VA_ARGS__}) / sizeof(struct number), \
         (const struct number[]){__VA_ARGS__}, err)

static void has_momentum(weft_optim *o, double momentum)
{
    o->has_momentum = true;
    o->own[0] = o->base_momentum = momentum;
}

static void add_moment(weft_optim *o, const char *name)
{
    o->moment[o->moments++] = name;
}

static void add_option(weft_optim *o, const char *define)
{
    int n = 0;
    while (o->options[n])
        n++;
    o->options[n] = define;
}

static weft_optim *uphill(weft_optim *o, bool maximize)
{
    if (o && maximize)
        add_option(o, "MAXIMIZE");
    return o;
}

static double or_default(double v, double otherwise)
{
    return v == 0 ? otherwise : v;
}

weft_optim *weft_sgd_create(weft_params *p, const struct weft_sgd_params *params,
                            struct weft_error *err)
{
    struct weft_sgd_params g;
    WF_PARAMS(g, params);
    if (g.nesterov && (g.momentum == 0 || g.dampening != 0)) {
        wf_fail(err, WEFT_PARAM, "sgd: nesterov with%s",
                g.momentum == 0 ? "out a momentum" : " a dampening");
        return NULL;
    }
    weft_optim *o = MAKE(p, WF_SGD, err, {"lr", or_default(g.lr, 1e-2), ANY},
                         {"weight_decay", g.weight_decay, ANY}, {"momentum", g.momentum, ANY},
                         {"dampening", g.dampening, AT_MOST_1});
    if (!uphill(o, g.maximize) || g.momentum == 0)
        return o;
    has_momentum(o, g.momentum);
    o->own[1] = g.dampening;
    add_moment(o, "momentum");
    add_option(o, "MOMENTUM");
    if (g.nesterov)
        add_option(o, "NESTEROV");
    return o;
}

weft_optim *weft_adagrad_create(weft_params *p, const struct weft_adagrad_params *params,
                                struct weft_error *err)
{
    struct weft_adagrad_params g;
    WF_PARAMS(g, params);
    g.eps = or_default(g.eps, 1e-10);
    weft_optim *o =
        MAKE(p, WF_ADAGRAD, err, {"lr", or_default(g.lr, 1e-2), ANY},
             {"weight_decay", g.weight_decay, ANY}, {"lr_decay", g.lr_decay, ANY},
             {"initial_accumulator_value", g.initial_accumulator_value, ANY}, {"eps", g.eps, ANY});
    if (!uphill(o, g.maximize))
        return NULL;
    o->own[0] = g.eps;
    o->own[1] = g.lr_decay;
    o->initial = g.initial_accumulator_value;
    add_moment(o, "sum");
    return o;
}

weft_optim *weft_adadelta_create(weft_params *p, const struct weft_adadelta_params *params,
                                 struct weft_error *err)
{
    struct weft_adadelta_params g;
    WF_PARAMS(g, params);
    g.rho = or_default(g.rho, 0.9);
    g.eps = or_default(g.eps, 1e-6);
    weft_optim *o =
        MAKE(p, WF_ADADELTA, err, {"lr", or_default(g.lr, 1), ANY},
             {"weight_decay", g.weight_decay, ANY}, {"rho", g.rho, BELOW_1}, {"eps", g.eps, ANY});
    if (!uphill(o, g.maximize))
        return NULL;
    o->own[0] = g.rho;
    o->own[1] = g.eps;
    add_moment(o, "square_avg");
    add_moment(o, "acc_delta");
    return o;
}

weft_optim *weft_rmsprop_create(weft_params *p, const struct weft_rmsprop_params *params,
                                struct weft_error *err)
{
    struct weft_rmsprop_params g;
    WF_PARAMS(g, params);
    g.alpha = or_default(g.alpha, 0.99);
    g.eps = or_default(g.eps, 1e-8);
    weft_optim *o = MAKE(p, WF_RMSPROP, err, {"lr", or_default(g.lr, 1e-2), ANY},
                         {"weight_decay", g.weight_decay, ANY}, {"alpha", g.alpha, BELOW_1},
                         {"eps", g.eps, ANY}, {"momentum", g.momentum, ANY});
    if (!uphill(o, g.maximize))
        return NULL;
    o->own[1] = g.alpha;
    o->own[2] = g.eps;
    add_moment(o, "square_avg");
    if (g.momentum != 0) {
        has_momentum(o, g.momentum);
        add_moment(o, "momentum");
        add_option(o, "MOMENTUM");
    }
    if (g.centered) {
        add_moment(o, "grad_avg");
        add_option(o, "CENTERED");
    }
    return o;
}

static weft_optim *make_adam(weft_params *p, enum wf_rule_index rule,
                             const struct weft_adam_params *params, struct weft_error *err)
{
    struct weft_adam_params g = *params;
    g.beta1 = or_default(g.beta1, 0.9);
    g.beta2 = or_default(g.beta2, 0.999);
    g.eps = or_default(g.eps, 1e-8);
    weft_optim *o = MAKE(p, rule, err, {"lr", or_default(g.lr, 1e-3), ANY},
                         {"weight_decay", g.weight_decay, ANY}, {"beta1", g.beta1, BELOW_1},
                         {"beta2", g.beta2, BELOW_1}, {"eps", g.eps, ANY});
    if (!uphill(o, g.maximize))
        return NULL;
    has_momentum(o, g.beta1);
    o->own[1] = g.beta2;
    o->own[2] = g.eps;
    add_moment(o, "exp_avg");
    add_moment(o, "exp_avg_sq");
    if (g.amsgrad) {
        add_moment(o, "max_exp_avg_sq");
        add_option(o, "AMSGRAD");
    }
    return o;
}

weft_optim *weft_adam_create(weft_params *p, const struct weft_adam_params *params,
                             struct weft_error *err)
{
    struct weft_adam_params g;
    WF_PARAMS(g, params);
    return make_adam(p, WF_ADAM, &g, err);
}

weft_optim *weft_adamw_create(weft_params *p, const struct weft_adamw_params *params,
                              struct weft_error *err)
{
    struct weft_adamw_params g;
    WF_PARAMS(g, params);
    if (!g.no_weight_decay)
        g.weight_decay = or_default(g.weight_decay, 1e-2);
    return make_adam(p, WF_ADAMW,
                     weft_adam_params(.lr = g.lr, .beta1 = g.beta1, .beta2 = g.beta2, .eps = g.eps,
                                      .weight_decay = g.weight_decay, .amsgrad = g.amsgrad,
                                      .maximize = g.maximize),
                     err);
}
