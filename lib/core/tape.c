// The tape. A gradient pass walks the records that precede y backwards; each adds the gradients of
// its inputs to what other readers of them have left. The gradients are ordinary records.
#include "core/tape.h"
#include "core/segment.h"

enum { FEW = 16 };

static bool add_grad(weft_scope *s, struct wf_tensor *t, weft_tensor *g,
                     const struct wf_tape_ops *ops)
{
    t->grad = t->grad ? ops->add(s, t->grad, g) : g;
    return t->grad;
}

static bool tracks(const struct wf_record *r)
{
    for (int i = 0; i < r->nin; i++) {
        if (r->in[i]->tracked)
            return true;
    }
    return false;
}

static bool walk_record(weft_scope *s, struct wf_record *r, const struct wf_tape_ops *ops)
{
    weft_tensor *few_y[FEW] = {NULL}, *few_x[FEW] = {NULL}, **gy = few_y, **gx = few_x;
    bool any = false;
    if (r->nout > FEW && !(gy = wf_arena_take(&s->arena, (size_t)r->nout * sizeof *gy)))
        return wf_scope_nomem(s, r->op->name);
    for (int i = 0; i < r->nout; i++) {
        gy[i] = r->out[i]->grad;
        any = any || gy[i];
    }
    if (!any || r->op->flat || !tracks(r))
        return true;
    if (!r->op->grad)
        return wf_scope_fail(s, WEFT_UNSUPPORTED, "%s: has no gradient: it is one itself",
                             r->op->name);
    if (r->nin > FEW && !(gx = wf_arena_take(&s->arena, (size_t)r->nin * sizeof *gx)))
        return wf_scope_nomem(s, r->op->name);
    if (!r->op->grad(s, r, gy, gx))
        return false;
    wf_note_saved(r, false);
    for (int i = 0; i < r->nin; i++) {
        if (gx[i] && wf_wants(r, i) && !add_grad(s, r->in[i], gx[i], ops))
            return false;
    }
    return true;
}

static bool walk(weft_scope *s, int first, int last, const struct wf_tape_ops *ops);

// Through a clone of the segment instead of its own records.
static bool walk_segment(weft_scope *s, struct wf_segment *g, const struct wf_tape_ops *ops)
{
    if (!wf_segment_has_grad(s, g))
        return true;
    int first = s->nrecords;
    if (!wf_segment_clone(s, g))
        return false;
    bool ok = walk(s, first, s->nrecords, ops);
    wf_segment_take_grads(s, g);
    return ok;
}

// Records last-1 .. first.
static bool walk(weft_scope *s, int first, int last, const struct wf_tape_ops *ops)
{
    for (int i = last - 1; i >= first; i--) {
        struct wf_segment *g = s->record[i]->segment;
        if (!(g ? walk_segment(s, g, ops) : walk_record(s, s->record[i], ops)))
            return false;
        i = g ? g->first : i;
    }
    return true;
}

// Works out anew what is tracked: what depends on x or, without x, on parameters: those of `store`,
// or with NULL of any.
static void track(weft_scope *s, const struct wf_tensor *x, const void *store)
{
    for (struct wf_tensor *t = s->tensors; t; t = t->next) {
        if (!t->record && x)
            t->tracked = t == x;
        else if (!t->record)
            t->tracked = t->leaf_tracked && (!store || t->variable->store == store);
    }
    for (int i = 0; i < s->nrecords; i++) {
        struct wf_record *r = s->record[i];
        bool tracked = false;
        for (int j = 0; j < r->nin; j++)
            tracked = tracked || r->in[j]->tracked;
        for (int j = 0; j < r->nout; j++)
            r->out[j]->tracked = r->out[j] == x || (tracked && !r->op->flat &&
                                                    wf_dtype_is_float(r->out[j]->pub.dtype));
    }
}

bool wf_tape_walk(weft_scope *s, const char *call, const weft_tensor *y, struct wf_tensor *x,
                  const void *store, const struct wf_tape_ops *ops)
{
    struct wf_tensor *t = wf_tensor(y);
    if (weft_count(y) != 1)
        return wf_scope_fail(s, WEFT_SHAPE, "%s: %s has %lld elements; a scalar was wanted", call,
                             WF_SHAPE(y->ndim, y->shape), (long long)weft_count(y));
    track(s, x, store);
    int before = s->nrecords;
    if (!t->tracked || !add_grad(s, t, ops->ones(s, y), ops))
        return wf_scope_fail(s, WEFT_PARAM, "%s: the scalar does not depend on %s", call,
                             x ? "that tensor" : "a parameter that is not frozen");
    if (!walk(s, 0, t->record ? t->record->index + 1 : 0, ops))
        return false;
    // What the gradients' own gradients would read is not kept for them.
    for (int i = before; i < s->nrecords; i++)
        wf_note_saved(s->record[i], false);
    return wf_scope_ok(s);
}

void wf_tape_forget(weft_scope *s)
{
    for (struct wf_tensor *t = s->tensors; t; t = t->next)
        t->grad = NULL;
    track(s, NULL, NULL);
}
