// Optimizers. A step is one record that changes every parameter it has a gradient for; the kernel
// (cl/optim.cl) takes up to 16 parameters a launch, each with its own numbers.
#include "nn/optim.h"
#include "core/copy.h"
#include "dev/dry.h"
#include "nn/gradient.h"
#include "op/op.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

weft_optim *wf_optim_ref(weft_optim *o)
{
    atomic_fetch_add(&o->refs, 1);
    return o;
}

void wf_optim_unref(weft_optim *o)
{
    if (!o || atomic_fetch_sub(&o->refs, 1) > 1)
        return;
    for (int i = 0; i < o->count; i++)
        wf_storage_unref(o->state[i].storage);
    for (int i = 0; i < o->groups; i++)
        free(o->group[i].pattern);
    free(o->group);
    free(o->state);
    wf_params_unref(o->params);
    free(o);
}

void weft_optim_destroy(weft_optim **o)
{
    if (!o || !*o)
        return;
    wf_optim_unref(*o);
    *o = NULL;
}

void weft_optim_set_lr(weft_optim *o, double lr)
{
    if (o)
        o->lr = o->base_lr = lr;
}

double weft_optim_lr(const weft_optim *o)
{
    return o ? o->lr : 0;
}

static bool check_group(const weft_optim *o, const char *pattern,
                        const struct weft_optim_group_params *g, struct weft_error *err)
{
    if (!o || !pattern || !*pattern)
        return wf_fail(err, WEFT_PARAM, "optimizer: the %s",
                       !o ? "optimizer is NULL" : "pattern of a group is missing");
    if (!(g->lr_scale >= 0 && g->lr_scale < INFINITY))
        return wf_fail(err, WEFT_PARAM,
                       "optimizer: group \"%s\": lr_scale is %g; 0 or more was "
                       "wanted",
                       pattern, g->lr_scale);
    if (!(g->weight_decay >= 0 && g->weight_decay < INFINITY))
        return wf_fail(err, WEFT_PARAM,
                       "optimizer: group \"%s\": weight_decay is %g; 0 or more "
                       "was wanted",
                       pattern, g->weight_decay);
    return !(g->weight_decay > 0 && g->no_weight_decay) ||
           wf_fail(err, WEFT_PARAM,
                   "optimizer: group \"%s\": both weight_decay and "
                   "no_weight_decay; one was wanted",
                   pattern);
}

bool weft_optim_group(weft_optim *o, const char *pattern,
                      const struct weft_optim_group_params *params, struct weft_error *err)
{
    struct weft_optim_group_params g;
    WF_PARAMS(g, params);
    if (!check_group(o, pattern, &g, err))
        return false;
    struct wf_optim_group *group = realloc(o->group, ((size_t)o->groups + 1) * sizeof *group);
    char *copy = group ? wf_strdup(pattern) : NULL;
    o->group = group ? group : o->group;
    if (!copy)
        return wf_fail_nomem(err, "optimizer");
    o->group[o->groups++] = (struct wf_optim_group){copy, g};
    return true;
}

// Does the text fit a pattern in which * stands for any characters?
static bool fits(const char *pattern, const char *text)
{
    const char *star = NULL, *again = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            again = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

// Step size and weight decay of a parameter.
struct pace {
    double lr, decay;
};

static struct pace pace_of(const weft_optim *o, const char *name)
{
    struct pace p = {o->lr, o->weight_decay};
    for (int i = 0; i < o->groups; i++) {
        const struct weft_optim_group_params *g = &o->group[i].params;
        if (!fits(o->group[i].pattern, name))
            continue;
        if (g->lr_scale > 0)
            p.lr = o->lr * g->lr_scale;
        if (g->no_weight_decay || g->weight_decay > 0)
            p.decay = g->weight_decay;
    }
    return p;
}

static bool check_groups(weft_scope *s, const weft_optim *o)
{
    for (int i = 0; i < o->groups; i++) {
        const weft_params *p = o->params;
        int k = 0;
        while (k < p->count && !fits(o->group[i].pattern, p->param[k]->name))
            k++;
        if (k == p->count)
            return wf_scope_fail(s, WEFT_PARAM, "optimizer: no parameter fits the group \"%s\"",
                                 o->group[i].pattern);
    }
    return true;
}

struct wf_optim_state *wf_optim_state(const weft_optim *o, const struct wf_param *q, int hint)
{
    for (int i = 0; i < o->count; i++) {
        struct wf_optim_state *t = &o->state[((int64_t)hint + i) % o->count];
        if (t->param == q)
            return t;
    }
    return NULL;
}

static bool room_for_state(weft_optim *o)
{
    if (o->count < o->room)
        return true;
    int room = o->room ? 2 * o->room : 16;
    struct wf_optim_state *state = realloc(o->state, (size_t)room * sizeof *state);
    if (!state)
        return false;
    o->state = state;
    o->room = room;
    return true;
}

static bool fill_moments(const weft_optim *o, const struct wf_optim_state *t,
                         struct weft_error *err)
{
    weft_device *dev = o->params->dev;
    size_t one = (size_t)t->param->count * sizeof(cl_float);
    cl_float zero = 0, initial = (cl_float)o->initial;
    return wf_fill(dev, t->storage->mem, one * (size_t)o->moments, &zero, sizeof zero, err) &&
           (initial == 0 || wf_fill(dev, t->storage->mem, one, &initial, sizeof initial, err));
}

// The state of a parameter, made at its first step.
static bool make_state(weft_optim *o, struct wf_param *q, int hint, struct weft_error *err)
{
    if (wf_optim_state(o, q, hint))
        return true;
    if (!room_for_state(o))
        return wf_fail_nomem(err, "optimizer");
    struct wf_optim_state t = {.param = q};
    if (o->moments) {
        size_t bytes = (size_t)(o->moments * q->count) * sizeof(cl_float);
        t.storage = wf_storage_new(o->params->dev, bytes, err);
        if (!t.storage || !fill_moments(o, &t, err)) {
            wf_storage_unref(t.storage);
            return false;
        }
    }
    o->state[o->count++] = t;
    return true;
}

// A record's attribute: what of the optimizer may have changed when it runs.
struct step {
    weft_optim *optim;
    double own[WF_OWN_NUMBERS];
    const struct pace *pace; // of each parameter
    bool wide;
};

static struct wf_kernel *kernel_of(weft_device *dev, const struct step *a, struct weft_error *err)
{
    const weft_optim *o = a->optim;
    char defines[192];
    int n = snprintf(defines, sizeof defines, "%s#define SETS %d\n#define %s\n#define VEC %d\n",
                     a->wide ? "#define INDEX long\n" : "", wf_sets_of(dev), o->rule->define,
                     dev->info.type == WEFT_DEVICE_CPU ? 16 : 4);
    for (int i = 0; o->options[i]; i++)
        n += snprintf(defines + n, sizeof defines - (size_t)n, "#define %s\n", o->options[i]);
    struct wf_request r = {"optim", "optim", defines, o->rule->name};
    return wf_kernel_get(dev, &r, err);
}

static struct wf_param *param_at(const struct wf_record *r, int i)
{
    return (struct wf_param *)r->var[i];
}

// Everything that can fail before the first parameter changes: the kernel, the states.
bool wf_optim_prepare(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct step *a = r->attr;
    if (!kernel_of(dev, a, err))
        return false;
    for (int i = 0; i < r->nvar; i++) {
        // Found before the gradients are added, which are updates too.
        if (r->version[i] < r->var[i]->version)
            return wf_fail(err, WEFT_STALE, "the parameter %s has changed since this was recorded",
                           r->var[i]->name);
        if (!make_state(a->optim, param_at(r, i), i, err))
            return false;
    }
    return true;
}

// The numbers of n parameters from `first` on, and their sizes.
static void make_numbers(const struct wf_record *r, int first, int n, struct wf_each_numbers *each,
                         int64_t *count)
{
    const struct step *a = r->attr;
    for (int i = 0; i < n; i++) {
        struct wf_param *q = param_at(r, first + i);
        const struct pace *pace = &a->pace[first + i];
        int64_t t = wf_optim_state(a->optim, q, first + i)->steps + 1;
        each[i] = a->optim->rule->each(a->own, pace->lr, pace->decay, t);
        count[i] = q->count;
    }
}

// Parameters first .. first+n-1 of the record in one launch.
static bool launch(weft_device *dev, struct wf_record *r, int first, int n, struct weft_error *err)
{
    const struct step *a = r->attr;
    struct wf_launch l = {.kernel = kernel_of(dev, a, err),
                          .op = r->op->name,
                          .wide = a->wide,
                          .torn = &a->optim->params->torn};
    if (!l.kernel)
        return false;
    l.local = wf_loop_local(dev, l.kernel);
    int sets = wf_sets_of(dev);
    struct wf_rule_numbers rule = {{0}};
    struct wf_each_numbers each[WF_MAX_SETS] = {{0}};
    int64_t count[WF_MAX_SETS];
    struct wf_sets s;
    a->optim->rule->numbers(a->own, &rule);
    make_numbers(r, first, n, each, count);
    wf_sets_make(&s, &l, sets, n, count);
    wf_launch_index(&l, &s.chunk, WF_SET_CHUNK);
    wf_launch_value(&l, sizeof rule, &rule);
    wf_launch_value(&l, (size_t)sets * sizeof *each, each);
    wf_sets_argument(&s, &l);
    for (int i = 0; i < sets; i++) {
        int at = first + (i < n ? i : 0);
        struct wf_storage *p = r->var[at]->storage;
        struct wf_storage *state = wf_optim_state(a->optim, param_at(r, at), at)->storage;
        wf_launch_mem(&l, &p->mem);
        wf_launch_mem(&l, &r->in[at]->storage->mem);
        wf_launch_mem(&l, state ? &state->mem : &p->mem);
    }
    return wf_launch(dev, &l, err);
}

// The kernel, its launches, and the moments of parameters that have none yet.
bool wf_optim_rehearse(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct step *a = r->attr;
    int sets = wf_sets_of(dev);
    if (!kernel_of(dev, a, err))
        return false;
    dev->dry->launches += (r->nvar + sets - 1) / sets;
    for (int i = 0; i < r->nvar; i++) {
        struct wf_param *q = param_at(r, i);
        if (a->optim->moments && !wf_optim_state(a->optim, q, i))
            wf_dry_hold(dev->dry, (size_t)(a->optim->moments * q->count) * sizeof(cl_float));
    }
    return true;
}

bool wf_optim_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct step *a = r->attr;
    int sets = wf_sets_of(dev);
    for (int i = 0; i < r->nvar; i += sets) {
        if (!launch(dev, r, i, r->nvar - i < sets ? r->nvar - i : sets, err)) {
            a->optim->params->torn = a->optim->params->torn || i > 0;
            return false;
        }
    }
    for (int i = 0; i < r->nvar; i++)
        wf_optim_state(a->optim, param_at(r, i), i)->steps++;
    return true;
}

void wf_optim_drop(struct wf_record *r)
{
    const struct step *a = r->attr;
    wf_optim_unref(a->optim);
}

int wf_optim_collect(weft_scope *s, weft_params *p, const weft_tensor **grad,
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

static bool check_step(const weft_optim *o, weft_scope *s)
{
    if (!wf_scope_ok(s))
        return false;
    if (!o || o->params->dev != s->dev)
        return wf_scope_fail(s, WEFT_PARAM, "optimizer: it is %s",
                             o ? "on another device" : "NULL");
    if (!(o->lr >= 0))
        return wf_scope_fail(s, WEFT_PARAM, "optimizer: lr is %g; 0 or more was wanted", o->lr);
    return check_groups(s, o);
}

static bool record_step(weft_optim *o, weft_scope *s, int n, const weft_tensor **grad,
                        struct wf_variable **var)
{
    struct step a = {.optim = o};
    struct pace *pace = wf_arena_take(&s->arena, (size_t)n * sizeof *pace);
    if (!pace)
        return wf_scope_nomem(s, "optimizer");
    memcpy(a.own, o->own, sizeof a.own);
    a.pace = pace;
    for (int i = 0; i < n; i++) {
        pace[i] = pace_of(o, var[i]->name);
        a.wide = a.wide || wf_sets_wide(s->dev, 1, &var[i]->elements);
    }
    int before = s->nrecords;
    wf_record(s, &(struct wf_call){.op = &o->rule->op,
                                   .nin = n,
                                   .in = grad,
                                   .attr = &a,
                                   .attr_bytes = sizeof a,
                                   .nvar = n,
                                   .var = var});
    if (s->nrecords > before)
        wf_optim_ref(o);
    return wf_scope_ok(s) && weft_zero_grad(s, o->params);
}

bool weft_optim_step(weft_optim *o, weft_scope *s)
{
    if (!check_step(o, s))
        return false;
    size_t bytes = (size_t)o->params->count * sizeof(void *);
    const weft_tensor **grad = wf_arena_take(&s->arena, bytes);
    struct wf_variable **var = wf_arena_take(&s->arena, bytes);
    if (!grad || !var)
        return wf_scope_nomem(s, "optimizer");
    int n = wf_optim_collect(s, o->params, grad, var);
    if (!n)
        return wf_scope_fail(s, WEFT_PARAM,
                             "optimizer: no parameter has a gradient; weft_backward comes first");
    return n > 0 && record_step(o, s, n, grad, var);
}
