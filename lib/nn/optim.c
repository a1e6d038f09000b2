// Optimizers. A step is one record that changes every parameter it has a gradient for; the kernel
// (cl/optim.cl) takes up to 16 parameters a launch.
#include "core/view.h"
#include "dev/dry.h"
#include "nn/gradient.h"
#include "nn/params.h"
#include "op/op.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_SETS = 16, CHUNK = 8192 };
enum rule { SGD, ADAM };

// What an optimizer remembers of a parameter.
struct state {
    struct wf_param *param;
    struct wf_storage *storage; // the moments, one after the other
    int64_t steps;              // that have run
};

struct weft_optim {
    weft_params *params;
    enum rule rule;
    struct weft_sgd_params sgd;
    struct weft_adam_params adam;
    double lr;
    int sets;        // parameters of a launch
    atomic_int refs; // the handle and the steps that are recorded
    struct state *state;
    int count, room;
};

static weft_optim *make(weft_params *p, enum rule rule, double lr, struct weft_error *err)
{
    if (!p) {
        wf_fail(err, WEFT_PARAM, "optimizer: the params are NULL");
        return NULL;
    }
    weft_optim *o = calloc(1, sizeof *o);
    if (!o) {
        wf_fail_nomem(err, "optimizer");
        return NULL;
    }
    // A device with the embedded profile may take few arguments.
    o->sets = p->dev->argument_bytes >= 1024 ? MAX_SETS : 4;
    o->params = wf_params_ref(p);
    o->rule = rule;
    o->lr = lr;
    o->refs = 1;
    return o;
}

// In [0, most), finite.
static bool in_range(double v, double most, const char *name, struct weft_error *err)
{
    return (v >= 0 && v < most) || wf_fail(err, WEFT_PARAM, "%s is %g; 0 or more%s was wanted",
                                           name, v, most < 2 ? " and below 1" : "");
}

weft_optim *weft_sgd_create(weft_params *p, const struct weft_sgd_params *params,
                            struct weft_error *err)
{
    struct weft_sgd_params o;
    WF_PARAMS(o, params);
    o.lr = o.lr == 0 ? 1e-2 : o.lr;
    if (!in_range(o.lr, INFINITY, "sgd: lr", err) ||
        !in_range(o.momentum, INFINITY, "sgd: momentum", err) ||
        !in_range(o.weight_decay, INFINITY, "sgd: weight_decay", err))
        return NULL;
    if (o.nesterov && o.momentum == 0) {
        wf_fail(err, WEFT_PARAM, "sgd: nesterov without a momentum");
        return NULL;
    }
    weft_optim *optim = make(p, SGD, o.lr, err);
    if (optim)
        optim->sgd = o;
    return optim;
}

weft_optim *weft_adam_create(weft_params *p, const struct weft_adam_params *params,
                             struct weft_error *err)
{
    struct weft_adam_params o;
    WF_PARAMS(o, params);
    o.lr = o.lr == 0 ? 1e-3 : o.lr;
    o.beta1 = o.beta1 == 0 ? 0.9 : o.beta1;
    o.beta2 = o.beta2 == 0 ? 0.999 : o.beta2;
    o.eps = o.eps == 0 ? 1e-8 : o.eps;
    if (!in_range(o.lr, INFINITY, "adam: lr", err) || !in_range(o.beta1, 1, "adam: beta1", err) ||
        !in_range(o.beta2, 1, "adam: beta2", err) || !in_range(o.eps, INFINITY, "adam: eps", err) ||
        !in_range(o.weight_decay, INFINITY, "adam: weight_decay", err))
        return NULL;
    weft_optim *optim = make(p, ADAM, o.lr, err);
    if (optim)
        optim->adam = o;
    return optim;
}

static void unref(weft_optim *o)
{
    if (atomic_fetch_sub(&o->refs, 1) > 1)
        return;
    for (int i = 0; i < o->count; i++)
        wf_storage_unref(o->state[i].storage);
    free(o->state);
    wf_params_unref(o->params);
    free(o);
}

void weft_optim_destroy(weft_optim **o)
{
    if (!o || !*o)
        return;
    unref(*o);
    *o = NULL;
}

void weft_optim_set_lr(weft_optim *o, double lr)
{
    if (o)
        o->lr = lr;
}

double weft_optim_lr(const weft_optim *o)
{
    return o ? o->lr : 0;
}

static int moments(const weft_optim *o)
{
    return o->rule == ADAM ? 2 : o->sgd.momentum != 0;
}

static struct state *find_state(const weft_optim *o, const struct wf_param *q)
{
    for (int i = 0; i < o->count; i++) {
        if (o->state[i].param == q)
            return &o->state[i];
    }
    return NULL;
}

static bool room_for_state(weft_optim *o)
{
    if (o->count < o->room)
        return true;
    int room = o->room ? 2 * o->room : 16;
    struct state *state = realloc(o->state, (size_t)room * sizeof *state);
    if (!state)
        return false;
    o->state = state;
    o->room = room;
    return true;
}

// The state of a parameter, its moments zeros at first. SGD without momentum has none.
static bool make_state(weft_optim *o, struct wf_param *q, struct weft_error *err)
{
    if (find_state(o, q))
        return true;
    if (!room_for_state(o))
        return wf_fail_nomem(err, "optimizer");
    struct state st = {.param = q};
    size_t bytes = (size_t)(moments(o) * q->count) * sizeof(cl_float);
    if (moments(o)) {
        st.storage = wf_storage_new(o->params->dev, bytes, err);
        if (!st.storage)
            return false;
        if (!wf_fill(o->params->dev, st.storage->mem, bytes, &(cl_float){0}, sizeof(cl_float),
                     err)) {
            wf_storage_unref(st.storage);
            return false;
        }
    }
    o->state[o->count++] = st;
    return true;
}

// A record's attribute: the optimizer, its step size then, and the gradients' parameters.
struct step {
    weft_optim *optim;
    double lr;
};

static struct wf_kernel *kernel_of(weft_device *dev, const weft_optim *o, bool wide,
                                   struct weft_error *err)
{
    char defines[128];
    snprintf(defines, sizeof defines, "%s#define SETS %d\n#define %s\n#define VEC %d\n",
             wide ? "#define INDEX long\n" : "", o->sets, o->rule == ADAM ? "ADAM" : "SGD",
             dev->info.type == WEFT_DEVICE_CPU ? 16 : 4);
    struct wf_request r = {"optim", "optim", defines, o->rule == ADAM ? "adam" : "sgd"};
    return wf_kernel_get(dev, &r, err);
}

static struct wf_param *param_at(const struct wf_record *r, int i)
{
    return (struct wf_param *)r->var[i];
}

static bool is_wide(const struct wf_record *r)
{
    int64_t most = 0;
    for (int i = 0; i < r->nvar; i++)
        most = param_at(r, i)->count > most ? param_at(r, i)->count : most;
    return most > INT32_MAX / 4;
}

// Everything that can fail before the first parameter changes: the kernel, the states.
static bool prepare(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct step *a = r->attr;
    if (!kernel_of(dev, a->optim, is_wide(r), err))
        return false;
    for (int i = 0; i < r->nvar; i++) {
        // Found before the gradients are added, which are updates too.
        if (r->version[i] < r->var[i]->version)
            return wf_fail(err, WEFT_STALE, "the parameter %s has changed since this was recorded",
                           r->var[i]->name);
        if (!make_state(a->optim, param_at(r, i), err))
            return false;
    }
    return true;
}

// `struct rule` of the kernel for step t, counted from 1.
static void make_rule(const struct step *a, int64_t t, cl_float rule[6])
{
    const weft_optim *o = a->optim;
    if (o->rule == SGD) {
        const double v[] = {a->lr,           o->sgd.momentum, o->sgd.weight_decay,
                            o->sgd.nesterov, t == 1,          0};
        for (int i = 0; i < 6; i++)
            rule[i] = (cl_float)v[i];
        return;
    }
    const struct weft_adam_params *p = &o->adam;
    const double v[] = {a->lr / (1 - pow(p->beta1, (double)t)),
                        p->beta1,
                        p->beta2,
                        p->eps,
                        1 / (1 - pow(p->beta2, (double)t)),
                        a->lr * p->weight_decay};
    for (int i = 0; i < 6; i++)
        rule[i] = (cl_float)v[i];
}

// Parameters first .. first+n-1 of the record in one launch.
static bool launch(weft_device *dev, struct wf_record *r, int first, int n, const cl_float *rule,
                   struct weft_error *err)
{
    const struct step *a = r->attr;
    int sets = a->optim->sets;
    bool wide = is_wide(r);
    struct wf_kernel *k = kernel_of(dev, a->optim, wide, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k,
                          .op = r->op->name,
                          .local = dev->info.type == WEFT_DEVICE_CPU ? 1 : 64,
                          .wide = wide,
                          .torn = &a->optim->params->torn};
    struct {
        union {
            int32_t narrow[2 * MAX_SETS + 1];
            int64_t wide[2 * MAX_SETS + 1];
        } u;
    } s;
    for (int i = 0; i < 2 * sets + 1; i++) {
        int64_t v = i < sets ? (i < n ? param_at(r, first + i)->count : 0) : l.tasks;
        if (i >= sets && i - sets < n)
            l.tasks += (param_at(r, first + i - sets)->count + CHUNK - 1) / CHUNK;
        if (wide)
            s.u.wide[i] = v;
        else
            s.u.narrow[i] = (int32_t)v;
    }
    struct wf_index chunk;
    wf_launch_index(&l, &chunk, CHUNK);
    wf_launch_value(&l, 6 * sizeof *rule, rule);
    wf_launch_value(&l, (size_t)(2 * sets + 1) * (wide ? 8 : 4), &s);
    for (int i = 0; i < sets; i++) {
        int at = first + (i < n ? i : 0);
        struct wf_storage *p = r->var[at]->storage, *state = p;
        if (moments(a->optim))
            state = find_state(a->optim, param_at(r, at))->storage;
        wf_launch_mem(&l, &p->mem);
        wf_launch_mem(&l, &r->in[at]->storage->mem);
        wf_launch_mem(&l, &state->mem);
    }
    return wf_launch(dev, &l, err);
}

// How many parameters from `first` on are at the same step, at most those of one launch.
static int same_step(const weft_optim *o, const struct wf_record *r, int first)
{
    int n = 1;
    int64_t steps = find_state(o, param_at(r, first))->steps;
    while (n < o->sets && first + n < r->nvar &&
           find_state(o, param_at(r, first + n))->steps == steps)
        n++;
    return n;
}

// The kernel, its launches, and the moments of parameters that have none yet.
static bool rehearse(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct step *a = r->attr;
    if (!kernel_of(dev, a->optim, is_wide(r), err))
        return false;
    dev->dry->launches += (r->nvar + a->optim->sets - 1) / a->optim->sets;
    for (int i = 0; i < r->nvar; i++) {
        struct wf_param *q = param_at(r, i);
        if (moments(a->optim) && !find_state(a->optim, q))
            wf_dry_hold(dev->dry, (size_t)(moments(a->optim) * q->count) * sizeof(cl_float));
    }
    return true;
}

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct step *a = r->attr;
    for (int i = 0, n; i < r->nvar; i += n) {
        cl_float rule[6];
        n = same_step(a->optim, r, i);
        make_rule(a, find_state(a->optim, param_at(r, i))->steps + 1, rule);
        if (!launch(dev, r, i, n, rule, err)) {
            a->optim->params->torn = a->optim->params->torn || i > 0;
            return false;
        }
    }
    for (int i = 0; i < r->nvar; i++)
        find_state(a->optim, param_at(r, i))->steps++;
    return true;
}

static void drop(struct wf_record *r)
{
    const struct step *a = r->attr;
    unref(a->optim);
}

static const struct wf_op op_sgd = {.name = "sgd",
                                    .run = run,
                                    .prepare = prepare,
                                    .rehearse = rehearse,
                                    .drop = drop,
                                    .update = WF_UPDATES_VALUE};
static const struct wf_op op_adam = {.name = "adam",
                                     .run = run,
                                     .prepare = prepare,
                                     .rehearse = rehearse,
                                     .drop = drop,
                                     .update = WF_UPDATES_VALUE};

// The parameters that have a gradient and are not frozen, and the gradients, which are dense.
static int collect(weft_scope *s, weft_params *p, const weft_tensor **grad,
                   struct wf_variable **var)
{
    int n = 0;
    for (int i = 0; i < p->count; i++) {
        struct wf_param *q = p->param[i];
        weft_tensor *g = q->frozen ? NULL : wf_gradient(s, &q->variable, q->ndim, q->shape);
        if (!wf_scope_ok(s))
            return -1;
        if (!g)
            continue;
        grad[n] = g;
        var[n++] = &q->variable;
    }
    return n;
}

bool weft_optim_step(weft_optim *o, weft_scope *s)
{
    if (!wf_scope_ok(s))
        return false;
    if (!o || o->params->dev != s->dev)
        return wf_scope_fail(s, WEFT_PARAM, "optimizer: it is %s",
                             o ? "on another device" : "NULL");
    if (!(o->lr >= 0))
        return wf_scope_fail(s, WEFT_PARAM, "optimizer: lr is %g; 0 or more was wanted", o->lr);
    weft_params *p = o->params;
    size_t bytes = (size_t)p->count * sizeof(void *);
    const weft_tensor **grad = wf_arena_take(&s->arena, bytes);
    struct wf_variable **var = wf_arena_take(&s->arena, bytes);
    if (!grad || !var)
        return wf_fail_nomem(&s->err, "optimizer");
    int n = collect(s, p, grad, var);
    if (n < 0)
        return false;
    if (!n)
        return wf_scope_fail(s, WEFT_PARAM,
                             "optimizer: no parameter has a gradient; weft_backward comes first");
    struct step a = {o, o->lr};
    int before = s->nrecords;
    wf_record(s, &(struct wf_call){.op = o->rule == ADAM ? &op_adam : &op_sgd,
                                   .nin = n,
                                   .in = grad,
                                   .attr = &a,
                                   .attr_bytes = sizeof a,
                                   .nvar = n,
                                   .var = var});
    if (s->nrecords > before)
        atomic_fetch_add(&o->refs, 1);
    return wf_scope_ok(s) && weft_zero_grad(s, p);
}
