// The plan.
//
// Everything recorded and not yet run is run, in order (run.c), with one exception. What nothing
// needs is not run: that is only known at a reset, where just the updates of parameters count.
#include "core/plan.h"
#include "core/copy.h"
#include "core/fuse.h"
#include "core/run.h"

static bool has_value(const struct wf_tensor *t)
{
    return t->storage || t->variable || !t->record;
}

// Marks, through the inputs that have no value, everything that the live records need. Inputs have
// lower indices, so one walk downwards finds all. Returns the lowest.
static int mark_needs(weft_scope *s, int lowest)
{
    for (int i = s->nrecords - 1; i >= lowest; i--) {
        struct wf_record *r = s->record[i];
        for (int j = 0; r->live && j < r->nin; j++) {
            struct wf_tensor *t = r->in[j];
            t->uses++;
            if (has_value(t))
                continue;
            t->record->live = true;
            if (t->record->index < lowest)
                lowest = t->record->index;
        }
    }
    return lowest;
}

void wf_plan_end(weft_scope *s, int lowest)
{
    for (int i = lowest; i < s->nrecords; i++) {
        struct wf_record *r = s->record[i];
        for (int j = 0; r->live && j < r->nin; j++)
            r->in[j]->uses = 0;
        r->live = false;
    }
}

// `lowest`: the first of the live records.
static bool run_plan(weft_scope *s, int lowest, struct wf_tensor *target)
{
    double begin = wf_profile_begin(s->dev);
    lowest = mark_needs(s, lowest);
    bool ok = wf_fuse(s, lowest);
    wf_profile_end(s->dev, WF_HOST_PLAN, begin);
    begin = wf_profile_begin(s->dev);
    ok = ok && wf_run(s, lowest, target);
    wf_profile_end(s->dev, WF_HOST_LAUNCH, begin);
    wf_plan_end(s, lowest);
    return ok;
}

// Marks what an ask for `target` runs; returns the first of it.
static int mark_pending(weft_scope *s, struct wf_tensor *target)
{
    int lowest = s->nrecords;
    for (int i = s->nrecords - 1; i >= s->first_pending; i--) {
        s->record[i]->live = !s->record[i]->done && !s->record[i]->lazy;
        if (s->record[i]->live)
            lowest = i;
    }
    if (target && !has_value(target)) {
        target->record->live = true;
        lowest = target->record->index < lowest ? target->record->index : lowest;
    }
    return lowest;
}

bool wf_plan_begin(weft_scope *s, struct wf_tensor *target, int *lowest)
{
    *lowest = mark_needs(s, mark_pending(s, target));
    return wf_fuse(s, *lowest);
}

bool wf_plan_run(weft_scope *s, struct wf_tensor *target)
{
    if (!wf_scope_ok(s))
        return false;
    int lowest = mark_pending(s, target);
    // What was asked for once keeps its storage.
    if (target && target->record)
        target->wanted = true;
    bool ok = run_plan(s, lowest, target);
    if (ok)
        s->first_pending = s->nrecords;
    return ok;
}

bool wf_plan_updates(weft_scope *s)
{
    int lowest = s->nrecords;
    for (int i = s->nrecords - 1; i >= s->first_pending; i--) {
        struct wf_record *r = s->record[i];
        r->live = r->op->update && !r->done;
        if (r->live)
            lowest = i;
    }
    return lowest == s->nrecords || run_plan(s, lowest, NULL);
}

bool wf_plan_dense(weft_scope *s, const char *call, struct wf_tensor *x, struct wf_tensor **out)
{
    if (!wf_plan_run(s, x))
        return false;
    struct wf_variable *v = x->variable;
    if (v && x->version != v->version)
        return wf_scope_fail(s, WEFT_STALE, "the parameter %s has changed since it was recorded",
                             v->name);
    if (v && x->storage != v->storage) {
        wf_storage_unref(x->storage);
        x->storage = wf_storage_ref(v->storage);
    }
    *out = x;
    if (wf_is_dense(x))
        return true;
    struct weft_error e = {0};
    struct wf_tensor *d = wf_scope_tensor(s, call, x->pub.dtype, x->pub.ndim, x->pub.shape);
    if (!d)
        return false;
    wf_dense_strides(d->pub.ndim, d->pub.shape, d->stride);
    d->storage = wf_storage_new(s->dev, wf_tensor_bytes(d), &e);
    *out = d;
    return (d->storage && wf_copy_elements(s->dev, x, d, &e)) ||
           wf_scope_fail(s, e.status, "%s: %s", call, e.text);
}
