// Schedules. A kind is a row: its step size, as a function of the count of steps.
#include "nn/schedule.h"
#include <math.h>
#include <stdlib.h>

static const double pi = 3.14159265358979323846;

struct kind;
struct weft_schedule {
    const struct kind *kind;
    weft_optim *optim;
    double base;   // the step size it begins with
    int64_t steps; // made
    union {
        struct weft_step_lr_params step;
        struct weft_multi_step_lr_params multi; // with milestones of its own
        double gamma;
        struct weft_cosine_lr_params cosine;
        struct weft_linear_lr_params linear;
        struct weft_one_cycle_lr_params cycle;
        struct weft_plateau_lr_params plateau;
        struct {
            weft_schedule *first, *second;
            int64_t steps;
        } sequence;
    } u;
    // Of a plateau: the best metric, and since when none was better.
    double best;
    bool has_best;
    int64_t bad, cooling;
};

struct pace {
    double lr, momentum; // NAN: the optimizer's own
};

struct kind {
    const char *name;
    struct pace (*at)(const weft_schedule *s, int64_t t); // NULL: it goes by a metric
};

static struct pace lr_only(double lr)
{
    return (struct pace){lr, NAN};
}

static struct pace step_at(const weft_schedule *s, int64_t t)
{
    return lr_only(s->base * pow(s->u.step.gamma, (double)(t / s->u.step.every)));
}

static struct pace multi_at(const weft_schedule *s, int64_t t)
{
    int n = 0;
    while (n < s->u.multi.count && s->u.multi.milestones[n] <= t)
        n++;
    return lr_only(s->base * pow(s->u.multi.gamma, n));
}

static struct pace exponential_at(const weft_schedule *s, int64_t t)
{
    return lr_only(s->base * pow(s->u.gamma, (double)t));
}

static struct pace cosine_at(const weft_schedule *s, int64_t t)
{
    const struct weft_cosine_lr_params *p = &s->u.cosine;
    int64_t n = p->steps;
    if (p->restarts && p->stretch == 1)
        t %= n;
    for (; p->restarts && t >= n; n = n > INT64_MAX / p->stretch ? INT64_MAX : n * p->stretch)
        t -= n;
    double part = (1 + cos(pi * (double)t / (double)n)) / 2;
    return lr_only(p->min_lr + (s->base - p->min_lr) * part);
}

static struct pace linear_at(const weft_schedule *s, int64_t t)
{
    const struct weft_linear_lr_params *p = &s->u.linear;
    double part = (double)(t < p->steps ? t : p->steps) / (double)p->steps;
    return lr_only(s->base * (p->start + (p->end - p->start) * part));
}

static double blend(const struct weft_one_cycle_lr_params *p, double from, double to, double part)
{
    return p->linear ? from + (to - from) * part : to + (from - to) / 2 * (1 + cos(pi * part));
}

// The last step of phase i of 2 or 3.
static double phase_end(const struct weft_one_cycle_lr_params *p, int i)
{
    double n = (double)p->steps, up = p->pct_start * n - 1;
    if (i == 0)
        return up;
    return i == 1 && p->three_phase ? 2 * p->pct_start * n - 2 : n - 1;
}

static struct pace cycle_at(const weft_schedule *s, int64_t t)
{
    const struct weft_one_cycle_lr_params *p = &s->u.cycle;
    double low = p->max_lr / p->div_factor, base = p->base_momentum, most = p->max_momentum;
    const double lr[] = {low, p->max_lr, p->three_phase ? low : low / p->final_div_factor,
                         low / p->final_div_factor};
    const double momentum[] = {most, base, most, most};
    double at = (double)(t < p->steps ? t : p->steps - 1), begin = 0, end = phase_end(p, 0);
    int i = 0;
    while (at > end && i < (p->three_phase ? 2 : 1)) {
        begin = end;
        end = phase_end(p, ++i);
    }
    double part = end > begin ? (at - begin) / (end - begin) : 1;
    return (struct pace){blend(p, lr[i], lr[i + 1], part),
                         p->keep_momentum ? (double)NAN
                                          : blend(p, momentum[i], momentum[i + 1], part)};
}

static struct pace sequence_at(const weft_schedule *s, int64_t t)
{
    int64_t n = s->u.sequence.steps;
    const weft_schedule *now = t < n ? s->u.sequence.first : s->u.sequence.second;
    return now->kind->at(now, t < n ? t : t - n);
}

static const struct kind kind_step = {"step", step_at};
static const struct kind kind_multi = {"multi_step", multi_at};
static const struct kind kind_exponential = {"exponential", exponential_at};
static const struct kind kind_cosine = {"cosine", cosine_at};
static const struct kind kind_linear = {"linear", linear_at};
static const struct kind kind_cycle = {"one_cycle", cycle_at};
static const struct kind kind_plateau = {"plateau", NULL};
static const struct kind kind_sequence = {"sequential", sequence_at};

static void apply(const weft_schedule *s)
{
    if (!s->kind->at)
        return;
    weft_optim *o = s->optim;
    struct pace p = s->kind->at(s, s->steps);
    o->lr = p.lr;
    if (o->has_momentum)
        o->own[0] = isnan(p.momentum) ? o->base_momentum : p.momentum;
}

static weft_schedule *make(weft_optim *o, const struct kind *kind, struct weft_error *err)
{
    weft_schedule *s = o ? calloc(1, sizeof *s) : NULL;
    if (!o)
        wf_fail(err, WEFT_PARAM, "%s schedule: the optimizer is NULL", kind->name);
    else if (!s)
        wf_fail_nomem(err, kind->name);
    if (!s)
        return NULL;
    s->kind = kind;
    s->optim = wf_optim_ref(o);
    s->base = o->base_lr;
    return s;
}

static weft_schedule *begun(weft_schedule *s)
{
    apply(s);
    return s;
}

void weft_schedule_destroy(weft_schedule **schedule)
{
    if (!schedule || !*schedule)
        return;
    weft_schedule *s = *schedule;
    *schedule = NULL;
    if (s->kind == &kind_sequence) {
        weft_schedule_destroy(&s->u.sequence.first);
        weft_schedule_destroy(&s->u.sequence.second);
    }
    if (s->kind == &kind_multi)
        free((void *)s->u.multi.milestones);
    wf_optim_unref(s->optim);
    free(s);
}

// Is v in [least, most], or above `least` only? Infinity never is.
enum bounds { FROM, ABOVE };
static bool number(const struct kind *k, const char *name, double v, enum bounds b, double most,
                   struct weft_error *err)
{
    if ((b == FROM ? v >= 0 : v > 0) && v < most)
        return true;
    return most < 2 ? wf_fail(err, WEFT_PARAM, "%s schedule: %s is %g; %s 0 and below 1 was wanted",
                              k->name, name, v, b == FROM ? "at least" : "above")
                    : wf_fail(err, WEFT_PARAM, "%s schedule: %s is %g; %s was wanted", k->name,
                              name, v, b == FROM ? "0 or more" : "above 0");
}

static bool count(const struct kind *k, const char *name, int64_t v, int64_t least,
                  struct weft_error *err)
{
    return v >= least ||
           wf_fail(err, WEFT_PARAM, "%s schedule: %s is %lld; at least %lld was wanted", k->name,
                   name, (long long)v, (long long)least);
}

static double or_default(double v, double otherwise)
{
    return v == 0 ? otherwise : v;
}

weft_schedule *weft_step_lr_create(weft_optim *o, const struct weft_step_lr_params *params,
                                   struct weft_error *err)
{
    const struct kind *k = &kind_step;
    struct weft_step_lr_params p;
    WF_PARAMS(p, params);
    p.gamma = or_default(p.gamma, 0.1);
    if (!count(k, "every", p.every, 1, err) || !number(k, "gamma", p.gamma, ABOVE, INFINITY, err))
        return NULL;
    weft_schedule *s = make(o, k, err);
    if (!s)
        return NULL;
    s->u.step = p;
    return begun(s);
}

static bool check_milestones(const struct weft_multi_step_lr_params *p, struct weft_error *err)
{
    if (p->count < 1 || !p->milestones)
        return wf_fail(err, WEFT_PARAM, "multi_step schedule: there are no milestones");
    for (int i = 0; i < p->count; i++) {
        int64_t before = i ? p->milestones[i - 1] : 1;
        if (p->milestones[i] < before)
            return wf_fail(err, WEFT_PARAM,
                           "multi_step schedule: milestone %d is %lld; at least %lld was wanted", i,
                           (long long)p->milestones[i], (long long)before);
    }
    return true;
}

weft_schedule *weft_multi_step_lr_create(weft_optim *o,
                                         const struct weft_multi_step_lr_params *params,
                                         struct weft_error *err)
{
    const struct kind *k = &kind_multi;
    struct weft_multi_step_lr_params p;
    WF_PARAMS(p, params);
    p.gamma = or_default(p.gamma, 0.1);
    if (!number(k, "gamma", p.gamma, ABOVE, INFINITY, err) || !check_milestones(&p, err))
        return NULL;
    weft_schedule *s = make(o, k, err);
    if (!s)
        return NULL;
    size_t bytes = (size_t)p.count * sizeof *p.milestones;
    int64_t *own = malloc(bytes);
    s->u.multi = p;
    s->u.multi.milestones = own;
    if (own) {
        memcpy(own, p.milestones, bytes);
        return begun(s);
    }
    wf_fail_nomem(err, k->name);
    weft_schedule_destroy(&s);
    return NULL;
}

weft_schedule *weft_exponential_lr_create(weft_optim *o, double gamma, struct weft_error *err)
{
    if (!number(&kind_exponential, "gamma", gamma, ABOVE, INFINITY, err))
        return NULL;
    weft_schedule *s = make(o, &kind_exponential, err);
    if (!s)
        return NULL;
    s->u.gamma = gamma;
    return begun(s);
}

weft_schedule *weft_cosine_lr_create(weft_optim *o, const struct weft_cosine_lr_params *params,
                                     struct weft_error *err)
{
    const struct kind *k = &kind_cosine;
    struct weft_cosine_lr_params p;
    WF_PARAMS(p, params);
    p.stretch = p.stretch ? p.stretch : 1;
    if (!count(k, "steps", p.steps, 1, err) || !count(k, "stretch", p.stretch, 1, err) ||
        !number(k, "min_lr", p.min_lr, FROM, INFINITY, err))
        return NULL;
    weft_schedule *s = make(o, k, err);
    if (!s)
        return NULL;
    s->u.cosine = p;
    return begun(s);
}

weft_schedule *weft_linear_lr_create(weft_optim *o, const struct weft_linear_lr_params *params,
                                     struct weft_error *err)
{
    const struct kind *k = &kind_linear;
    struct weft_linear_lr_params p;
    WF_PARAMS(p, params);
    p.steps = p.steps ? p.steps : 5;
    p.start = or_default(p.start, 1. / 3);
    p.end = or_default(p.end, 1);
    if (!count(k, "steps", p.steps, 1, err) || !number(k, "start", p.start, ABOVE, INFINITY, err) ||
        !number(k, "end", p.end, ABOVE, INFINITY, err))
        return NULL;
    weft_schedule *s = make(o, k, err);
    if (!s)
        return NULL;
    s->u.linear = p;
    return begun(s);
}

static bool check_cycle(const struct weft_one_cycle_lr_params *p, struct weft_error *err)
{
    const struct kind *k = &kind_cycle;
    return count(k, "steps", p->steps, 2, err) &&
           number(k, "max_lr", p->max_lr, ABOVE, INFINITY, err) &&
           number(k, "pct_start", p->pct_start, ABOVE, 1, err) &&
           number(k, "div_factor", p->div_factor, ABOVE, INFINITY, err) &&
           number(k, "final_div_factor", p->final_div_factor, ABOVE, INFINITY, err) &&
           number(k, "base_momentum", p->base_momentum, FROM, 1, err) &&
           number(k, "max_momentum", p->max_momentum, FROM, 1, err);
}

weft_schedule *weft_one_cycle_lr_create(weft_optim *o,
                                        const struct weft_one_cycle_lr_params *params,
                                        struct weft_error *err)
{
    struct weft_one_cycle_lr_params p;
    WF_PARAMS(p, params);
    p.pct_start = or_default(p.pct_start, 0.3);
    p.div_factor = or_default(p.div_factor, 25);
    p.final_div_factor = or_default(p.final_div_factor, 1e4);
    p.base_momentum = or_default(p.base_momentum, 0.85);
    p.max_momentum = or_default(p.max_momentum, 0.95);
    weft_schedule *s = check_cycle(&p, err) ? make(o, &kind_cycle, err) : NULL;
    if (!s)
        return NULL;
    s->u.cycle = p;
    return begun(s);
}

weft_schedule *weft_plateau_lr_create(weft_optim *o, const struct weft_plateau_lr_params *params,
                                      struct weft_error *err)
{
    const struct kind *k = &kind_plateau;
    struct weft_plateau_lr_params p;
    WF_PARAMS(p, params);
    p.factor = or_default(p.factor, 0.1);
    p.patience = p.patience < 0 ? 0 : p.patience ? p.patience : 10;
    p.threshold = p.threshold < 0 ? 0 : or_default(p.threshold, 1e-4);
    p.eps = or_default(p.eps, 1e-8);
    if (!number(k, "factor", p.factor, ABOVE, 1, err) ||
        !number(k, "threshold", p.threshold, FROM, INFINITY, err) ||
        !count(k, "cooldown", p.cooldown, 0, err) ||
        !number(k, "min_lr", p.min_lr, FROM, INFINITY, err) ||
        !number(k, "eps", p.eps, FROM, INFINITY, err))
        return NULL;
    weft_schedule *s = make(o, k, err);
    if (s)
        s->u.plateau = p;
    return s;
}

static bool check_sequence(const weft_schedule *first, int64_t steps, const weft_schedule *second,
                           struct weft_error *err)
{
    const struct kind *k = &kind_sequence;
    if (!first || !second)
        return wf_fail(err, WEFT_PARAM, "sequential schedule: the %s schedule is NULL",
                       first ? "second" : "first");
    if (first == second || first->optim != second->optim)
        return wf_fail(err, WEFT_PARAM, "sequential schedule: the two are %s",
                       first == second ? "the same" : "of different optimizers");
    if (!first->kind->at || !second->kind->at)
        return wf_fail(err, WEFT_PARAM, "sequential schedule: a plateau cannot be part of one");
    return count(k, "steps", steps, 1, err);
}

weft_schedule *weft_sequential_lr_create(weft_schedule *first, int64_t steps, weft_schedule *second,
                                         struct weft_error *err)
{
    weft_schedule *s =
        check_sequence(first, steps, second, err) ? make(first->optim, &kind_sequence, err) : NULL;
    if (!s) {
        if (second != first)
            weft_schedule_destroy(&second);
        weft_schedule_destroy(&first);
        return NULL;
    }
    s->u.sequence.first = first;
    s->u.sequence.second = second;
    s->u.sequence.steps = steps;
    return begun(s);
}

bool weft_schedule_step(weft_schedule *s, struct weft_error *err)
{
    if (!s)
        return wf_fail(err, WEFT_PARAM, "schedule: it is NULL");
    if (!s->kind->at)
        return wf_fail(err, WEFT_PARAM,
                       "plateau schedule: wants a metric: "
                       "weft_schedule_step_metric");
    s->steps++;
    apply(s);
    return true;
}

static bool is_better(const weft_schedule *s, double metric)
{
    const struct weft_plateau_lr_params *p = &s->u.plateau;
    double t = p->maximize ? p->threshold : -p->threshold;
    double goal = p->absolute ? s->best + t : s->best * (1 + t);
    return !s->has_best || (p->maximize ? metric > goal : metric < goal);
}

static void reduce_lr(weft_schedule *s)
{
    const struct weft_plateau_lr_params *p = &s->u.plateau;
    double lr = fmax(s->optim->lr * p->factor, p->min_lr);
    if (s->optim->lr - lr > p->eps)
        s->optim->lr = lr;
    s->cooling = p->cooldown;
    s->bad = 0;
}

bool weft_schedule_step_metric(weft_schedule *s, double metric, struct weft_error *err)
{
    if (!s || s->kind->at)
        return wf_fail(err, WEFT_PARAM, "%s schedule: %s", s ? s->kind->name : "plateau",
                       s ? "takes no metric: weft_schedule_step" : "it is NULL");
    if (isnan(metric))
        return wf_fail(err, WEFT_PARAM, "plateau schedule: the metric is nan; a number was wanted");
    s->steps++;
    if (is_better(s, metric)) {
        s->best = metric;
        s->has_best = true;
        s->bad = 0;
    } else {
        s->bad++;
    }
    if (s->cooling > 0) {
        s->cooling--;
        s->bad = 0;
    }
    if (s->bad > s->u.plateau.patience)
        reduce_lr(s);
    return true;
}

const weft_optim *wf_schedule_optim(const weft_schedule *s)
{
    return s->optim;
}

static bool add_plateau(wf_json *v, const weft_schedule *s)
{
    // JSON has no infinity: as a text.
    wf_json *best =
        isinf(s->best) ? wf_json_text(s->best > 0 ? "inf" : "-inf") : wf_json_real(s->best);
    bool ok = !s->has_best || wf_json_set(v, "best", best);
    if (!s->has_best)
        wf_json_free(best);
    ok = wf_json_set(v, "bad", wf_json_int(s->bad)) && ok;
    return wf_json_set(v, "cooling", wf_json_int(s->cooling)) && ok;
}

wf_json *wf_schedule_state(const weft_schedule *s)
{
    wf_json *v = wf_json_object();
    bool ok = wf_json_set(v, "kind", wf_json_text(s->kind->name));
    ok = wf_json_set(v, "base", wf_json_real(s->base)) && ok;
    ok = wf_json_set(v, "steps", wf_json_int(s->steps)) && ok;
    if (s->kind == &kind_plateau)
        ok = add_plateau(v, s) && ok;
    if (s->kind == &kind_sequence) {
        ok = wf_json_set(v, "first", wf_schedule_state(s->u.sequence.first)) && ok;
        ok = wf_json_set(v, "second", wf_schedule_state(s->u.sequence.second)) && ok;
    }
    if (ok)
        return v;
    wf_json_free(v);
    return NULL;
}

// The best metric of a plateau, if it has one.
static bool get_best(const wf_json *state, double *best)
{
    const wf_json *v = wf_json_member(state, "best");
    const char *text = wf_json_get_text(v);
    if (text && (!strcmp(text, "inf") || !strcmp(text, "-inf"))) {
        *best = *text == '-' ? -INFINITY : INFINITY;
        return true;
    }
    return wf_json_get_real(v, best);
}

static bool get_count(const wf_json *state, const char *key, int64_t *v)
{
    return wf_json_get_int(wf_json_member(state, key), v) && *v >= 0 && *v <= WF_MAX_STEPS;
}

bool wf_schedule_fits(const weft_schedule *s, const wf_json *state, const char *path,
                      struct weft_error *err)
{
    const char *kind = wf_json_get_text(wf_json_member(state, "kind"));
    int64_t n;
    double v;
    if (!kind || strcmp(kind, s->kind->name))
        return wf_fail(err, WEFT_FORMAT, "%s: its schedule is \"%.40s\"; \"%s\" was wanted", path,
                       kind ? kind : "", s->kind->name);
    bool ok = get_count(state, "steps", &n) &&
              wf_json_get_real(wf_json_member(state, "base"), &v) && v >= 0;
    if (s->kind == &kind_plateau)
        ok = ok && get_count(state, "bad", &n) && get_count(state, "cooling", &n) &&
             (!wf_json_member(state, "best") || get_best(state, &v));
    if (!ok)
        return wf_fail(err, WEFT_FORMAT, "%s: the %s schedule lacks a number, or has a wrong one",
                       path, s->kind->name);
    return s->kind != &kind_sequence ||
           (wf_schedule_fits(s->u.sequence.first, wf_json_member(state, "first"), path, err) &&
            wf_schedule_fits(s->u.sequence.second, wf_json_member(state, "second"), path, err));
}

static void restore(weft_schedule *s, const wf_json *state)
{
    wf_json_get_int(wf_json_member(state, "steps"), &s->steps);
    wf_json_get_real(wf_json_member(state, "base"), &s->base);
    if (s->kind == &kind_plateau) {
        s->has_best = get_best(state, &s->best);
        wf_json_get_int(wf_json_member(state, "bad"), &s->bad);
        wf_json_get_int(wf_json_member(state, "cooling"), &s->cooling);
    }
    if (s->kind == &kind_sequence) {
        restore(s->u.sequence.first, wf_json_member(state, "first"));
        restore(s->u.sequence.second, wf_json_member(state, "second"));
    }
}

void wf_schedule_restore(weft_schedule *s, const wf_json *state)
{
    restore(s, state);
    apply(s);
}
