// The search: of a variant with few configurations all are tried; of one with many, from the rule's
// choice one knob after the other is set to its best value, twice round.
//
// A configuration that takes twice the best time at its first measure is dropped. At last the
// winner and the rule's choice are measured once more, in turn: the best of many measures is too
// good, and what gains less than 3 % is no gain.
#include "op/matmul_tune.h"
#include "op/matmul_trial.h"
#include <stdio.h>
#include <stdlib.h>

enum { MAX_RULES = 16, MAX_FAILED = 3, ALL = 24, MAX_TRIED = 256, SAMPLES = 5, FINAL_SAMPLES = 9 };
static const double sample_seconds = 300e-6, gain = 0.97, plain_work = 0x1p27;

struct tried {
    struct wf_matmul_choice c;
    double seconds; // 0: it is out
};

struct search {
    const struct wf_matmul_search *in;
    struct wf_matmul_trial trial;
    struct tried tried[MAX_TRIED];
    int count, measured;
    int failed;     // configurations of the variant, without one that did not: then it is left
    int rule, best; // places in `tried`; -1: none yet
    bool late, stopped;
    struct weft_error *err; // of what ends the search
};

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

// Seconds of one of `n` products, enqueued together.
static bool sample(struct wf_matmul_trial *t, const struct wf_matmul_choice *c, int n,
                   double *seconds, struct weft_error *err)
{
    double begin = wf_now();
    bool ok = true;
    for (int i = 0; i < n && ok; i++)
        ok = c->v->run(t->dev, &t->p, c->knob, err);
    ok = ok && wf_wait(t->dev, err);
    *seconds = (wf_now() - begin) / n;
    return ok;
}

// How many products last long enough to be measured; running them warms the device up.
static bool warm_up(struct wf_matmul_trial *t, const struct wf_matmul_choice *c, int *n,
                    double *seconds, struct weft_error *err)
{
    for (*n = 1; *n < 4096; *n *= 2) {
        if (!sample(t, c, *n, seconds, err))
            return false;
        if (*seconds * *n >= sample_seconds)
            return true;
    }
    return true;
}

static bool measure(struct wf_matmul_trial *t, const struct wf_matmul_choice *c, double best,
                    double *seconds, struct weft_error *err)
{
    double all[SAMPLES];
    int n;
    if (!warm_up(t, c, &n, seconds, err))
        return false;
    if (best > 0 && *seconds > 2 * best)
        return true;
    for (int i = 0; i < SAMPLES; i++) {
        if (!sample(t, c, n, &all[i], err))
            return false;
    }
    qsort(all, SAMPLES, sizeof *all, by_size);
    *seconds = all[SAMPLES / 2];
    return true;
}

static int64_t ns_of(const struct search *s, int place)
{
    double ns = place < 0 ? 0 : s->tried[place].seconds * 1e9;
    return place < 0 ? 0 : ns < 1 ? 1 : (int64_t)ns;
}

static bool may_go_on(struct search *s)
{
    const struct wf_matmul_search *in = s->in;
    s->stopped =
        s->stopped || (in->progress &&
                       !in->progress(in->priv, s->measured, ns_of(s, s->best), ns_of(s, s->rule)));
    // What the rule takes is always measured.
    s->late = s->late || (s->rule >= 0 && wf_now() > in->deadline);
    return !s->late && !s->stopped && !s->err->status && s->count < MAX_TRIED;
}

// Memory and the device itself end the search, a fault of the configuration does not.
static bool is_out(struct search *s, const struct wf_matmul_choice *c, const struct weft_error *e)
{
    if (wf_matmul_is_own_fault(c, e) && e->status != WEFT_NOMEM)
        wf_matmul_distrust(s->in->dev, &s->trial.p, c, e);
    else
        wf_fail(s->err, e->status, "%s", e->text);
    return true;
}

// A mark in the store tells a later process that this one did not come back.
static bool check(struct search *s, const struct wf_matmul_choice *c)
{
    char name[256];
    struct weft_error e = {0};
    weft_device *dev = s->in->dev;
    const struct wf_matmul *p = &s->trial.p;
    if (c->v->may_fail && !wf_matmul_is_trusted(dev, p, c))
        return false;
    wf_matmul_trust_name(p, c, name);
    enum wf_trust trust =
        c->v == &wf_matmul_plain ? WF_TRUST_YES : wf_trust_begin(dev, name, c->v->file);
    if (trust == WF_TRUST_NO)
        return false;
    bool ok = wf_matmul_trial_check(&s->trial, c, &e);
    if (trust == WF_TRUST_UNKNOWN)
        wf_trust_save(dev, name, c->v->file, WF_TRUST_UNKNOWN);
    return ok || !is_out(s, c, &e);
}

static int find_tried(const struct search *s, const struct wf_matmul_choice *c)
{
    for (int i = 0; i < s->count; i++) {
        if (s->tried[i].c.v == c->v && !memcmp(s->tried[i].c.knob, c->knob, sizeof c->knob))
            return i;
    }
    return -1;
}

// Tries a configuration unless it was tried before; its place, -1 where it does not do.
static int try_one(struct search *s, const struct wf_matmul_choice *c)
{
    struct weft_error e = {0};
    double best = s->best < 0 ? 0 : s->tried[s->best].seconds, seconds = 0;
    int place = find_tried(s, c);
    if (place >= 0)
        return s->tried[place].seconds > 0 ? place : -1;
    if (!c->v->fits(s->in->dev, &s->trial.p, c->knob) || s->failed >= MAX_FAILED || !may_go_on(s))
        return -1;
    place = s->count++;
    s->tried[place] = (struct tried){.c = *c};
    s->failed++;
    if (!check(s, c))
        return -1;
    if (!measure(&s->trial, c, best, &seconds, &e)) {
        is_out(s, c, &e);
        return -1;
    }
    s->failed = -MAX_TRIED;
    s->measured++;
    s->tried[place].seconds = seconds;
    if (s->best < 0 || seconds < best)
        s->best = place;
    return place;
}

// The i-th of all configurations of a variant.
static struct wf_matmul_choice numbered(const struct wf_matmul_variant *v, int64_t i)
{
    struct wf_matmul_choice c = {.v = v};
    for (int k = 0; v->knobs && v->knobs[k].name; k++) {
        c.knob[k] = v->knobs[k].value[i % v->knobs[k].values];
        i /= v->knobs[k].values;
    }
    return c;
}

static int64_t count_all(const struct wf_matmul_variant *v)
{
    int64_t n = 1;
    for (int k = 0; v->knobs && v->knobs[k].name; k++)
        n *= v->knobs[k].values;
    return n;
}

// One knob after the other, from the best so far at `at`; from `start` where there is none.
static int go_round(struct search *s, const struct wf_matmul_choice *start, int at)
{
    const struct wf_knob *knobs = start->v->knobs;
    for (int k = 0; knobs[k].name; k++) {
        for (int i = 0; i < knobs[k].values; i++) {
            struct wf_matmul_choice c = at >= 0 ? s->tried[at].c : *start;
            c.knob[k] = knobs[k].value[i];
            int place = try_one(s, &c);
            if (place >= 0 && (at < 0 || s->tried[place].seconds < s->tried[at].seconds))
                at = place;
        }
    }
    return at;
}

static void try_variant(struct search *s, const struct wf_matmul_variant *v)
{
    weft_device *dev = s->in->dev;
    const struct wf_matmul *p = &s->trial.p;
    double work = (double)p->m * (double)p->n * (double)p->k * (double)p->count;
    struct wf_matmul_choice c = wf_matmul_by_rule(dev, p, v);
    s->failed = 0;
    if (!wf_matmul_is_tunable(dev, v) || (v == &wf_matmul_plain && work > plain_work))
        return;
    if (count_all(v) > ALL) {
        go_round(s, &c, go_round(s, &c, try_one(s, &c)));
        return;
    }
    try_one(s, &c);
    for (int64_t i = 0; i < count_all(v); i++) {
        c = numbered(v, i);
        try_one(s, &c);
    }
}

// What runs without tuning.
static struct wf_matmul_choice choose_by_rule(weft_device *dev, const struct wf_matmul *p)
{
    const struct wf_matmul_variant *const *v = wf_matmul_variants;
    struct wf_matmul_choice c = {0};
    do {
        while (!(*v)->applies(dev, p))
            v++;
        c = wf_matmul_by_rule(dev, p, *v++);
    } while (!wf_matmul_is_trusted(dev, p, &c));
    return c;
}

// The winner and the rule's choice in turn: is there a gain?
static bool confirm(struct search *s, struct weft_error *err)
{
    double all[2][FINAL_SAMPLES];
    int place[] = {s->rule, s->best}, n;
    double seconds;
    for (int i = 0; i < FINAL_SAMPLES; i++) {
        for (int j = 0; j < 2; j++) {
            const struct wf_matmul_choice *c = &s->tried[place[j]].c;
            if (!i && !warm_up(&s->trial, c, &n, &seconds, err))
                return false;
            n = (int)(sample_seconds / s->tried[place[j]].seconds) + 1;
            if (!sample(&s->trial, c, n, &all[j][i], err))
                return false;
        }
    }
    for (int j = 0; j < 2; j++) {
        qsort(all[j], FINAL_SAMPLES, sizeof **all, by_size);
        s->tried[place[j]].seconds = all[j][FINAL_SAMPLES / 2];
    }
    if (s->tried[s->best].seconds > gain * s->tried[s->rule].seconds)
        s->best = s->rule;
    return true;
}

static void write_entry(const struct search *s, struct wf_tuning_entry *out)
{
    const struct wf_matmul_choice *c = &s->tried[s->best].c;
    *out = (struct wf_tuning_entry){.problem = *s->in->key, .partial = s->late};
    wf_copy_text(out->variant, sizeof out->variant, c->v->name);
    for (int i = 0; c->v->knobs && c->v->knobs[i].name; i++) {
        wf_copy_text(out->knob[i].name, sizeof out->knob[i].name, c->v->knobs[i].name);
        out->knob[i].value = c->knob[i];
    }
    out->ns = ns_of(s, s->best);
    out->rule_ns = ns_of(s, s->rule);
}

// What fails is switched off, and then the rule takes another; the plain one at last.
static void try_rule(struct search *s)
{
    bool more = true;
    for (int i = 0; more && i < MAX_RULES; i++) {
        struct wf_matmul_choice c = choose_by_rule(s->in->dev, &s->trial.p);
        s->failed = 0;
        s->rule = try_one(s, &c);
        more = s->rule < 0 && !s->stopped && !s->err->status && c.v != &wf_matmul_plain;
    }
}

static bool run_search(struct search *s, struct wf_tuning_entry *out)
{
    try_rule(s);
    for (const struct wf_matmul_variant *const *v = wf_matmul_variants; *v && s->rule >= 0; v++)
        try_variant(s, *v);
    if (s->stopped)
        return wf_fail(s->err, WEFT_CANCELLED, "tune: stopped");
    if (s->err->status)
        return false;
    if (s->rule < 0)
        return wf_fail(s->err, WEFT_UNSUPPORTED, "tune: what the rule takes does not run");
    if (s->best != s->rule && !confirm(s, s->err))
        return false;
    write_entry(s, out);
    return true;
}

bool wf_matmul_search(const struct wf_matmul_search *in, struct wf_tuning_entry *out,
                      struct weft_error *err)
{
    struct wf_matmul p;
    struct weft_error own = {0};
    if (!wf_matmul_dense(in->dev, in->key, &p))
        return wf_fail(err, WEFT_PARAM, "tune: the sizes, dtype or form of a problem cannot be");
    struct search *s = calloc(1, sizeof *s);
    if (!s)
        return wf_fail_nomem(err, "tune");
    s->in = in;
    s->rule = s->best = -1;
    s->err = &own;
    struct wf_matmul_choice rule = choose_by_rule(in->dev, &p), reference = {&wf_matmul_plain};
    // The plain variant would take seconds for a large one.
    if ((double)p.m * (double)p.n * (double)p.k * (double)p.count > plain_work)
        reference = rule;
    bool ok =
        wf_matmul_trial_make(&s->trial, in->dev, in->key, &reference, &own) && run_search(s, out);
    wf_matmul_trial_finish(&s->trial);
    free(s);
    return ok || wf_fail(err, own.status, "%s", own.text);
}
