// The plan.
//
// Everything recorded and not yet run is run in order, with two exceptions. What nothing needs is
// not run: that is only known at a reset, where just the updates of parameters count. And updates
// are put off to the end, or until a record wants the new value: so a step that fails has changed
// nothing.
//
// Memory: a tensor gets its storage when its record runs and gives it back after its last reader
// has been enqueued. The queue is in order, so the pool may hand it out again at once.
#include "core/plan.h"
#include "core/copy.h"
#include "core/finite.h"
#include "core/watch.h"

struct plan {
    weft_scope *s;
    struct wf_tensor *target;
    // The updates put off: the live ones of records first_update .. last_update-1; -1: none.
    int first_update, last_update;
};

static bool has_value(const struct wf_tensor *t)
{
    return t->storage || t->variable || !t->record;
}

// Marks a record and, through the inputs that have no value, everything it needs. Inputs have lower
// indices, so one walk downwards finds all.
static void mark_needs(weft_scope *s, int highest)
{
    for (int i = highest; i >= 0; i--) {
        struct wf_record *r = s->record[i];
        for (int j = 0; r->live && j < r->nin; j++) {
            struct wf_tensor *t = r->in[j];
            t->uses++;
            if (!has_value(t))
                t->record->live = true;
        }
    }
}

static bool fail_record(weft_scope *s, const struct wf_record *r, const struct weft_error *e)
{
    bool labelled = *r->label;
    return wf_fail(&s->err, e->status, "%s%s%s: %s", r->label, labelled ? ": " : "", r->op->name,
                   e->text);
}

// Cancelled, or what wf_watch_step() objects to?
static bool may_run(weft_scope *s, struct wf_record *r)
{
    struct weft_error e = {0};
    return wf_watch_step(s, r, &e) || fail_record(s, r, &e);
}

static bool keeps_storage(const struct plan *p, const struct wf_tensor *t)
{
    return p->s->eager || !t->record || t->wanted || t == p->target || t->saved || !t->consumers;
}

// One reader of each input has been enqueued.
static void release_inputs(const struct plan *p, struct wf_record *r)
{
    for (int i = 0; i < r->nin; i++) {
        struct wf_tensor *t = r->in[i];
        if (t->uses > 0 && --t->uses == 0 && !keeps_storage(p, t)) {
            wf_storage_unref(t->storage);
            t->storage = NULL;
        }
    }
}

static bool fail_stale(weft_scope *s, const struct wf_record *r, const struct wf_variable *v)
{
    struct weft_error e = {0};
    wf_fail(&e, WEFT_STALE, "the parameter %s has changed since this was recorded", v->name);
    return fail_record(s, r, &e);
}

// An update runs on the version of its variables that it was recorded for.
static bool update_now(struct plan *p, struct wf_record *r)
{
    weft_scope *s = p->s;
    struct weft_error e = {0};
    bool value = r->op->update == WF_UPDATES_VALUE;
    for (int i = 0; value && i < r->nvar; i++) {
        if (r->version[i] != r->var[i]->version)
            return fail_stale(s, r, r->var[i]);
    }
    if (!r->op->run(s->dev, r, &e))
        return fail_record(s, r, &e);
    for (int i = 0; value && i < r->nvar; i++) {
        struct wf_leaf *l = wf_scope_leaf(s, r->var[i]);
        r->var[i]->version++;
        if (l)
            l->pending--;
    }
    r->done = true;
    if (!wf_check_finite(s->dev, r, &e))
        return fail_record(s, r, &e);
    release_inputs(p, r);
    return true;
}

static bool each_update(struct plan *p, bool (*call)(struct plan *p, struct wf_record *r))
{
    for (int i = p->first_update; i < p->last_update; i++) {
        struct wf_record *r = p->s->record[i];
        if (r->op->update && r->live && !r->done && !call(p, r))
            return false;
    }
    return true;
}

static bool update_ready(struct plan *p, struct wf_record *r)
{
    struct weft_error e = {0};
    if (r->op->prepare && !r->op->prepare(p->s->dev, r, &e))
        return fail_record(p->s, r, &e);
    return true;
}

static bool run_updates(struct plan *p)
{
    if (p->first_update < 0)
        return true;
    // Past this point nothing can be cancelled, for no update may be left out.
    struct wf_record *first = p->s->record[p->first_update];
    bool ok = each_update(p, update_ready) && may_run(p->s, first) && each_update(p, update_now);
    p->first_update = -1;
    return ok;
}

// A leaf reads its variable in place, if that is still (or already) what the record meant.
static bool ready_leaf(struct plan *p, struct wf_record *r, struct wf_tensor *t)
{
    struct wf_variable *v = t->variable;
    if (t->version > v->version && !run_updates(p))
        return false;
    if (t->version != v->version)
        return fail_stale(p->s, r, v);
    if (t->storage != v->storage) {
        wf_storage_unref(t->storage);
        t->storage = wf_storage_ref(v->storage);
    }
    return true;
}

static bool ready_inputs(struct plan *p, struct wf_record *r)
{
    for (int i = 0; i < r->nin; i++) {
        if (r->in[i]->variable && !ready_leaf(p, r, r->in[i]))
            return false;
    }
    return true;
}

static bool ready_outputs(struct plan *p, struct wf_record *r, struct weft_error *e)
{
    for (int i = 0; i < r->nout; i++) {
        struct wf_tensor *t = r->out[i];
        wf_dense_strides(t->pub.ndim, t->pub.shape, t->stride);
        t->offset = 0;
        t->storage = wf_storage_new(p->s->dev, wf_tensor_bytes(t), e);
        if (!t->storage)
            return false;
    }
    return true;
}

static void drop_outputs(struct wf_record *r)
{
    for (int i = 0; i < r->nout; i++) {
        wf_storage_unref(r->out[i]->storage);
        r->out[i]->storage = NULL;
    }
}

// A view of a parameter reads it in place too, under the same conditions.
static bool run_view(struct wf_record *r)
{
    struct wf_tensor *x = r->in[0], *y = r->out[0];
    if (!r->op->view || !r->op->view(r))
        return false;
    y->storage = wf_storage_ref(x->storage);
    y->variable = x->variable;
    y->version = x->version;
    return true;
}

static bool run_record(struct plan *p, struct wf_record *r)
{
    struct weft_error e = {0};
    if (!ready_inputs(p, r))
        return false;
    bool ok = run_view(r) || (ready_outputs(p, r, &e) && r->op->run(p->s->dev, r, &e) &&
                              wf_check_finite(p->s->dev, r, &e));
    if (!ok) {
        drop_outputs(r);
        return fail_record(p->s, r, &e);
    }
    r->done = true;
    release_inputs(p, r);
    for (int i = 0; i < r->nout; i++) {
        struct wf_tensor *t = r->out[i];
        if (!t->uses && !keeps_storage(p, t)) {
            wf_storage_unref(t->storage);
            t->storage = NULL;
        }
    }
    return true;
}

static void put_off(struct plan *p, struct wf_record *r)
{
    if (p->first_update < 0)
        p->first_update = r->index;
    p->last_update = r->index + 1;
}

static bool run_live(struct plan *p, int lowest)
{
    weft_scope *s = p->s;
    for (int i = lowest; i < s->nrecords; i++) {
        struct wf_record *r = s->record[i];
        if (!r->live)
            continue;
        if (r->op->update)
            put_off(p, r);
        else if (!may_run(s, r) || !run_record(p, r))
            return false;
    }
    return run_updates(p);
}

static bool run_plan(weft_scope *s, struct wf_tensor *target)
{
    struct plan p = {.s = s, .target = target, .first_update = -1};
    int highest = -1, lowest = s->nrecords;
    for (int i = 0; i < s->nrecords; i++) {
        if (s->record[i]->live)
            highest = i;
    }
    mark_needs(s, highest);
    for (int i = highest; i >= 0; i--) {
        if (s->record[i]->live)
            lowest = i;
    }
    wf_watch_begin(s, lowest);
    bool ok = run_live(&p, lowest);
    if (ok)
        wf_watch_end(s);
    for (int i = 0; i < s->nrecords; i++) {
        s->record[i]->live = false;
        for (int j = 0; j < s->record[i]->nin; j++)
            s->record[i]->in[j]->uses = 0;
    }
    return ok;
}

bool wf_plan_run(weft_scope *s, struct wf_tensor *target)
{
    if (!wf_scope_ok(s))
        return false;
    for (int i = s->first_pending; i < s->nrecords; i++)
        s->record[i]->live = !s->record[i]->done && !s->record[i]->lazy;
    if (target && !has_value(target))
        target->record->live = true;
    // What was asked for once keeps its storage.
    if (target && target->record)
        target->wanted = true;
    bool ok = run_plan(s, target);
    if (ok)
        s->first_pending = s->nrecords;
    return ok;
}

bool wf_plan_updates(weft_scope *s)
{
    bool any = false;
    for (int i = s->first_pending; i < s->nrecords; i++) {
        struct wf_record *r = s->record[i];
        r->live = r->op->update && !r->done;
        any = any || r->live;
    }
    return !any || run_plan(s, NULL);
}

bool wf_plan_dense(weft_scope *s, struct wf_tensor *x, struct wf_tensor **out)
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
    struct wf_tensor *d = wf_scope_tensor(s, x->pub.dtype, x->pub.ndim, x->pub.shape);
    if (!d)
        return false;
    wf_dense_strides(d->pub.ndim, d->pub.shape, d->stride);
    d->storage = wf_storage_new(s->dev, wf_tensor_bytes(d), &s->err);
    *out = d;
    return d->storage && wf_copy_elements(s->dev, x, d, &s->err);
}
