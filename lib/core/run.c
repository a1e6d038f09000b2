// Running a plan.
//
// Records run in order, alone or in groups, each group at the place of its last record. Updates are
// put off to the end, or until a record wants the new value: so a step that fails has changed
// nothing.
//
// Memory: a tensor gets its storage when its record runs and gives it back after its last reader
// has been enqueued. The queue is in order, so the pool may hand it out again at once. What only
// the records of its group read gets none.
#include "core/run.h"
#include "core/finite.h"
#include "core/fuse.h"
#include "core/watch.h"
#include "dev/dry.h"

struct run {
    weft_scope *s;
    weft_device *dev; // the scope's or, of a dry run, its stand-in
    struct wf_tensor *target;
    // The updates put off: the live ones of records first_update .. last_update-1; -1: none.
    int first_update, last_update;
};

static bool fail_record(weft_scope *s, const struct wf_record *r, const struct weft_error *e)
{
    const char *cut, *label = wf_label_end(r->label, &cut);
    return wf_fail(&s->err, e->status, "%s%s%s%s: %s", cut, label, *label ? ": " : "", r->op->name,
                   e->text);
}

// Cancelled, or what wf_watch_step() objects to?
static bool may_run(struct run *p, struct wf_record *r)
{
    struct weft_error e = {0};
    return p->dev->dry || wf_watch_step(p->s, r, &e) || fail_record(p->s, r, &e);
}

static bool keeps_storage(const struct run *p, const struct wf_tensor *t)
{
    return p->s->eager || !t->record || t->wanted || t == p->target || t->saved || !t->consumers;
}

// One reader of each input has been enqueued.
static void release_inputs(const struct run *p, struct wf_record *r)
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
static bool update_now(struct run *p, struct wf_record *r)
{
    weft_scope *s = p->s;
    struct weft_error e = {0};
    bool value = r->op->update == WF_UPDATES_VALUE && !p->dev->dry;
    for (int i = 0; value && i < r->nvar; i++) {
        if (r->version[i] != r->var[i]->version)
            return fail_stale(s, r, r->var[i]);
    }
    if (!p->dev->dry && !r->op->run(p->dev, r, &e))
        return fail_record(s, r, &e);
    for (int i = 0; value && i < r->nvar; i++) {
        struct wf_leaf *l = wf_scope_leaf(s, r->var[i]);
        r->var[i]->version++;
        if (l)
            l->pending--;
    }
    r->done = true;
    if (!wf_check_finite(p->dev, r, &e))
        return fail_record(s, r, &e);
    release_inputs(p, r);
    return true;
}

static bool each_update(struct run *p, bool (*call)(struct run *p, struct wf_record *r))
{
    for (int i = p->first_update; i < p->last_update; i++) {
        struct wf_record *r = p->s->record[i];
        if (r->op->update && r->live && !r->done && !call(p, r))
            return false;
    }
    return true;
}

static bool update_ready(struct run *p, struct wf_record *r)
{
    struct weft_error e = {0};
    bool (*ready)(weft_device *, struct wf_record *, struct weft_error *) =
        p->dev->dry ? r->op->rehearse : r->op->prepare;
    return !ready || ready(p->dev, r, &e) || fail_record(p->s, r, &e);
}

static bool run_updates(struct run *p)
{
    if (p->first_update < 0)
        return true;
    // Past this point nothing can be cancelled, for no update may be left out.
    struct wf_record *first = p->s->record[p->first_update];
    bool ok = each_update(p, update_ready) && may_run(p, first) && each_update(p, update_now);
    p->first_update = -1;
    return ok;
}

// A leaf reads its variable in place, if that is still (or already) what the record meant.
static bool ready_leaf(struct run *p, struct wf_record *r, struct wf_tensor *t)
{
    struct wf_variable *v = t->variable;
    if (t->version > v->version && !run_updates(p))
        return false;
    if (t->version != v->version && !p->dev->dry)
        return fail_stale(p->s, r, v);
    if (t->storage != v->storage) {
        wf_storage_unref(t->storage);
        t->storage = wf_storage_ref(v->storage);
    }
    return true;
}

static bool ready_inputs(struct run *p, struct wf_record *r)
{
    for (int i = 0; i < r->nin; i++) {
        if (r->in[i]->variable && !ready_leaf(p, r, r->in[i]))
            return false;
    }
    return true;
}

static bool ready_outputs(struct run *p, struct wf_record *r, struct weft_error *e)
{
    for (int i = 0; i < r->nout; i++) {
        struct wf_tensor *t = r->out[i];
        wf_dense_strides(t->pub.ndim, t->pub.shape, t->stride);
        t->offset = 0;
        wf_storage_unref(t->storage); // of an output that has kept it where another must run again
        t->storage = wf_storage_new(p->dev, wf_tensor_bytes(t), e);
        if (!t->storage)
            return false;
    }
    r->stored = true;
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

// Of what has run, the storage that nothing will read.
static void finish_record(struct run *p, struct wf_record *r)
{
    r->done = true;
    release_inputs(p, r);
    for (int i = 0; i < r->nout; i++) {
        struct wf_tensor *t = r->out[i];
        if (!t->uses && !keeps_storage(p, t)) {
            wf_storage_unref(t->storage);
            t->storage = NULL;
        }
    }
}

static bool run_record(struct run *p, struct wf_record *r)
{
    struct weft_error e = {0};
    if (!ready_inputs(p, r))
        return false;
    bool ok = run_view(r) || (ready_outputs(p, r, &e) && r->op->run(p->dev, r, &e) &&
                              wf_check_finite(p->dev, r, &e));
    if (!ok) {
        drop_outputs(r);
        return fail_record(p->s, r, &e);
    }
    finish_record(p, r);
    return true;
}

// Storage for what is read outside the group, or kept.
static bool ready_results(struct run *p, int n, struct wf_record *const *r, struct weft_error *e)
{
    int inside[WF_GROUP_RECORDS] = {0};
    for (int i = 0; i < n; i++)
        r[i]->slot = i;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < r[i]->nin; j++) {
            const struct wf_record *from = r[i]->in[j]->record;
            if (from && from->slot < n && r[from->slot] == from)
                inside[from->slot]++;
        }
    }
    for (int i = 0; i < n; i++) {
        struct wf_tensor *t = r[i]->out[0];
        bool read = keeps_storage(p, t) || t->uses > inside[i];
        if (read && !ready_outputs(p, r[i], e))
            return false;
    }
    return true;
}

static bool run_together(struct run *p, int n, struct wf_record *const *r)
{
    const struct wf_fuser *fuser = r[0]->op->fuser;
    struct weft_error e = {0};
    if (n == 1)
        return run_record(p, r[0]);
    for (int i = 0; i < n; i++) {
        if (!ready_inputs(p, r[i]))
            return false;
    }
    bool ok = ready_results(p, n, r, &e), fits = !ok || fuser->fits(p->dev, n, r);
    ok = ok && (!fits || fuser->run(p->dev, n, r, &e));
    for (int i = 0; i < n && !(ok && fits); i++)
        drop_outputs(r[i]);
    // Of a group that does not compile, the record that does not is to be named.
    bool apart = !fits || e.status == WEFT_BUILD;
    if (!ok && !apart)
        return fail_record(p->s, r[n - 1], &e);
    if (apart)
        return run_together(p, n / 2, r) && run_together(p, n - n / 2, r + n / 2);
    for (int i = 0; i < n; i++)
        finish_record(p, r[i]);
    return true;
}

static bool run_group(struct run *p, const struct wf_group *g)
{
    struct wf_record *r[WF_GROUP_RECORDS];
    int n = 0;
    for (struct wf_record *i = g->first; i; i = i->next) {
        if (!may_run(p, i))
            return false;
        r[n++] = i;
    }
    return run_together(p, n, r);
}

static void put_off(struct run *p, struct wf_record *r)
{
    if (p->first_update < 0)
        p->first_update = r->index;
    p->last_update = r->index + 1;
}

static bool run_live(struct run *p, int lowest)
{
    weft_scope *s = p->s;
    for (int i = lowest; i < s->nrecords; i++) {
        struct wf_record *r = s->record[i];
        const struct wf_group *g = r->live ? wf_group_of(s, r) : NULL;
        if (!r->live || (g && g->last != r))
            continue;
        if (r->op->update)
            put_off(p, r);
        else if (g ? !run_group(p, g) : !may_run(p, r) || !run_record(p, r))
            return false;
    }
    return run_updates(p);
}

bool wf_run(weft_scope *s, int lowest, struct wf_tensor *target)
{
    struct run p = {.s = s, .dev = s->dev, .target = target, .first_update = -1};
    wf_watch_begin(s, lowest);
    if (!run_live(&p, lowest))
        return false;
    wf_watch_end(s);
    return true;
}

bool wf_run_dry(weft_scope *s, weft_device *dev, int lowest, struct wf_tensor *target)
{
    struct run p = {.s = s, .dev = dev, .target = target, .first_update = -1};
    return run_live(&p, lowest);
}
