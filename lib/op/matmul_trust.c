// Which variants are believed. What may fail (it is not weft's own), and what was tuned on another
// device, has to give the products of another variant first. What fails later is switched off, and
// the next one serves.
#include "dev/dry.h"
#include "op/matmul_trial.h"
#include <stdio.h>

struct wf_trust_key wf_matmul_trust_key(const struct wf_matmul *p, const struct wf_matmul_choice *c)
{
    struct wf_trust_key key = {.variant = c->v, .dtype = (int)p->dtype};
    key.form = c->v->may_fail ? 0 : wf_matmul_form(p);
    memcpy(key.knob, c->knob, sizeof key.knob);
    return key;
}

const char *wf_matmul_trust_name(const struct wf_matmul *p, const struct wf_matmul_choice *c,
                                 char buffer[256])
{
    char knobs[160];
    wf_matmul_knob_text(c, knobs);
    snprintf(buffer, 256, "matmul %s %s%s%s%s%s", c->v->name, weft_dtype_name(p->dtype),
             c->v->may_fail ? "" : " ", c->v->may_fail ? "" : wf_matmul_key(p).form,
             *knobs ? " " : "", knobs);
    return buffer;
}

// Who answers what another is held against: of a library, the first of weft's own that applies; of
// weft's own the plain one, which compiles fast.
static struct wf_matmul_choice reference_for(weft_device *dev, const struct wf_matmul *p,
                                             const struct wf_matmul_choice *c)
{
    const struct wf_matmul_variant *const *v = wf_matmul_variants;
    if (!c->v->may_fail)
        return (struct wf_matmul_choice){.v = &wf_matmul_plain};
    while ((*v)->may_fail || !(*v)->applies(dev, p))
        v++;
    return wf_matmul_by_rule(dev, p, *v);
}

// Want of memory says nothing of it, nor does a trial that could not be made: UNKNOWN.
static enum wf_trust compare_one(weft_device *dev, const struct wf_tuning_problem *key,
                                 const struct wf_matmul_choice *c,
                                 const struct wf_matmul_choice *reference, struct weft_error *err)
{
    struct wf_matmul_trial t = {0};
    bool made = wf_matmul_trial_make(&t, dev, key, reference, err);
    bool right = made && wf_matmul_trial_check(&t, c, err);
    wf_matmul_trial_finish(&t);
    return right                                ? WF_TRUST_YES
           : !made || err->status == WEFT_NOMEM ? WF_TRUST_UNKNOWN
                                                : WF_TRUST_NO;
}

// Small products take another way through a library than large ones. A tile has one way, but may
// keep less of k at once.
static const int64_t trial_size[][3] = {{67, 67, 67}, {769, 769, 769}, {67, 83, 600}};

// The i-th trial for a choice: of a library all forms, of weft's own the one at hand, for another
// would be another kernel to compile. False past the last.
static bool trial_at(int i, const struct wf_matmul *like, const struct wf_matmul_choice *c,
                     struct wf_tuning_problem *key)
{
    bool own = !c->v->may_fail;
    const int64_t *size = trial_size[own ? 2 : i / 4];
    int form = own ? wf_matmul_form(like) : i % 4;
    if (i >= (own ? 1 : 8))
        return false;
    *key = (struct wf_tuning_problem){
        .m = size[0], .n = size[1], .k = size[2], .count = 1, .op = "matmul"};
    key->form[0] = form & 1 ? 't' : 'n';
    key->form[1] = form & 2 ? 't' : 'n';
    wf_copy_text(key->dtype, sizeof key->dtype, weft_dtype_name(like->dtype));
    return true;
}

// What it was not made for is left out; something must be left.
static enum wf_trust compare(weft_device *dev, const struct wf_matmul *like,
                             const struct wf_matmul_choice *c, struct weft_error *err)
{
    struct wf_tuning_problem key;
    struct wf_matmul p;
    enum wf_trust trust = WF_TRUST_YES;
    int compared = 0;
    for (int i = 0; trust == WF_TRUST_YES && trial_at(i, like, c, &key); i++) {
        if (!wf_matmul_dense(dev, &key, &p) || !c->v->fits(dev, &p, c->knob))
            continue;
        struct wf_matmul_choice reference = reference_for(dev, &p, c);
        trust = compare_one(dev, &key, c, &reference, err);
        compared++;
    }
    if (!compared)
        wf_fail(err, WEFT_UNSUPPORTED, "no trial product fits it");
    return compared ? trust : WF_TRUST_NO;
}

static void log_off(weft_device *dev, const char *name, const char *why)
{
    wf_log(&dev->log, WEFT_LOG_WARN, "%s is switched off on this device: %s", name, why);
}

// Called with the lock of trials.
static enum wf_trust try_it(weft_device *dev, const struct wf_matmul *p,
                            const struct wf_matmul_choice *c)
{
    char name[256];
    struct weft_error err = {0};
    wf_matmul_trust_name(p, c, name);
    enum wf_trust trust = wf_trust_begin(dev, name, c->v->file);
    if (trust == WF_TRUST_NO)
        log_off(dev, name, "it was found to be wrong, or a trial of it never ended");
    if (trust != WF_TRUST_UNKNOWN)
        return trust;
    trust = compare(dev, p, c, &err);
    wf_trust_save(dev, name, c->v->file, trust);
    if (trust == WF_TRUST_YES)
        wf_log(&dev->log, WEFT_LOG_INFO, "%s gave the right products and is used", name);
    else
        log_off(dev, name, err.text);
    return trust;
}

// Of weft's own, only what the store remembers to have failed is off.
static enum wf_trust find_out(weft_device *dev, const struct wf_matmul *p,
                              const struct wf_matmul_choice *c, const struct wf_trust_key *key)
{
    char name[256];
    wf_lock(&dev->tuning.trial_lock);
    enum wf_trust trust = wf_trust_get(dev, key);
    if (trust == WF_TRUST_UNKNOWN) {
        if (c->v->may_fail || c->unproven)
            trust = try_it(dev, p, c) == WF_TRUST_YES ? WF_TRUST_YES : WF_TRUST_NO;
        else if (wf_trust_load(dev, wf_matmul_trust_name(p, c, name), c->v->file) == WF_TRUST_NO)
            trust = WF_TRUST_NO;
        else
            trust = WF_TRUST_YES;
        wf_trust_set(dev, key, trust);
    }
    wf_unlock(&dev->tuning.trial_lock);
    return trust;
}

bool wf_matmul_is_trusted(weft_device *dev, const struct wf_matmul *p,
                          const struct wf_matmul_choice *c)
{
    weft_device *real = dev->dry ? dev->dry->real : dev;
    if (c->v == &wf_matmul_plain)
        return true;
    struct wf_trust_key key = wf_matmul_trust_key(p, c);
    enum wf_trust trust = wf_trust_get(real, &key);
    if (trust == WF_TRUST_UNKNOWN && dev->dry)
        return !c->v->may_fail && !c->unproven;
    if (trust == WF_TRUST_UNKNOWN)
        trust = find_out(dev, p, c, &key);
    return trust == WF_TRUST_YES;
}

bool wf_matmul_is_own_fault(const struct wf_matmul_choice *c, const struct weft_error *e)
{
    return c->v != &wf_matmul_plain &&
           (c->v->may_fail || e->status == WEFT_BUILD || e->status == WEFT_UNSUPPORTED);
}

void wf_matmul_distrust(weft_device *dev, const struct wf_matmul *p,
                        const struct wf_matmul_choice *c, const struct weft_error *why)
{
    char name[256];
    struct wf_trust_key key = wf_matmul_trust_key(p, c);
    wf_matmul_trust_name(p, c, name);
    bool again = wf_trust_get(dev, &key) == WF_TRUST_NO;
    wf_trust_set(dev, &key, WF_TRUST_NO);
    if (why->status != WEFT_NOMEM)
        wf_trust_save(dev, name, c->v->file, WF_TRUST_NO);
    if (!again)
        log_off(dev, name, why->text);
}
