// The gradients of variables.
//
// A gradient has a version, which each change of it raises, and a count of the changes that scopes
// have recorded and not run. A scope may use a gradient while no other scope has changes of it
// outstanding; a change runs only on the version that it was recorded for. So no sum is lost, and
// none is read half-made.
#include "nn/gradient.h"
#include "op/op.h"

// What a record of a change needs to know when it runs: its attribute.
struct change {
    weft_scope *scope;
    uint64_t *version; // of each variable's gradient that it was recorded for
};

static bool fail_stale(weft_scope *s, const struct wf_variable *v, const char *why)
{
    return wf_scope_fail(s, WEFT_STALE, "the gradient of %s %s", v->name, why);
}

// The scope's notes on v, if the gradient is this scope's to use.
static struct wf_leaf *leaf_of(weft_scope *s, struct wf_variable *v)
{
    struct wf_leaf *l = wf_scope_leaf(s, v);
    if (!l)
        return NULL;
    if (v->grads_pending > l->grads_pending) {
        fail_stale(s, v, "is changed by another scope, which has not run that yet (weft_flush)");
        return NULL;
    }
    uint64_t version = v->grad_version + (uint64_t)l->grads_pending;
    if (l->grads_pending && l->grad_version != version) {
        fail_stale(s, v, "was changed by another scope since it was recorded here");
        return NULL;
    }
    l->grad_known = l->grad_known && l->grad_version == version;
    return l;
}

weft_tensor *wf_gradient(weft_scope *s, struct wf_variable *v, int ndim, const int64_t *shape)
{
    struct wf_leaf *l = leaf_of(s, v);
    if (!l || l->grad_known)
        return l && l->grad ? &l->grad->pub : NULL;
    if (!v->grad)
        return NULL;
    struct wf_tensor *t = wf_scope_tensor(s, v->name, WEFT_F32, ndim, shape);
    if (!t)
        return NULL;
    t->storage = wf_storage_ref(v->grad);
    wf_dense_strides(ndim, shape, t->stride);
    return &t->pub;
}

static bool still_current(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct change *c = r->attr;
    (void)dev;
    for (int i = 0; i < r->nvar; i++) {
        if (c->version[i] < r->var[i]->grad_version)
            return wf_fail(err, WEFT_STALE,
                           "the gradient of %s was changed by another scope since this was "
                           "recorded",
                           r->var[i]->name);
    }
    return true;
}

// Once no change is outstanding, the variable's own gradient is the one that counts: the tensor
// that has become it need not be there any more.
static void note_run(struct wf_record *r)
{
    const struct change *c = r->attr;
    for (int i = 0; i < r->nvar; i++) {
        struct wf_leaf *l = wf_scope_leaf(c->scope, r->var[i]);
        if (l) {
            l->grads_pending--;
            l->grad_known = l->grad_known && l->grads_pending;
        }
        r->var[i]->grad_version++;
        r->var[i]->grads_pending--;
    }
}

// The gradient's storage becomes the variable's: nothing is copied.
static bool put_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    (void)dev, (void)err;
    struct wf_variable *v = r->var[0];
    wf_storage_unref(v->grad);
    v->grad = wf_storage_ref(r->in[0]->storage);
    note_run(r);
    return true;
}

static bool clear_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    (void)dev, (void)err;
    for (int i = 0; i < r->nvar; i++) {
        wf_storage_unref(r->var[i]->grad);
        r->var[i]->grad = NULL;
    }
    note_run(r);
    return true;
}

// The scope's own notes go with the records.
static void drop(struct wf_record *r)
{
    for (int i = 0; i < r->nvar && !r->done; i++)
        r->var[i]->grads_pending--;
}

static const struct wf_op op_put = {.name = "accumulate_grad",
                                    .run = put_run,
                                    .prepare = still_current,
                                    .drop = drop,
                                    .update = WF_UPDATES_GRAD};
static const struct wf_op op_clear = {.name = "zero_grad",
                                      .run = clear_run,
                                      .prepare = still_current,
                                      .drop = drop,
                                      .update = WF_UPDATES_GRAD};

static void count(struct wf_leaf *const *leaf, int n, int change)
{
    for (int i = 0; i < n; i++) {
        leaf[i]->grads_pending += change;
        leaf[i]->variable->grads_pending += change;
    }
}

// Records a change, after which `left` [NULL: nothing] is the gradient of each variable.
static bool record(weft_scope *s, struct wf_call *call, weft_tensor *left)
{
    int n = call->nvar, before = s->nrecords;
    struct wf_leaf **leaf = wf_arena_take(&s->arena, (size_t)n * sizeof *leaf);
    struct change c = {s, wf_arena_take(&s->arena, (size_t)n * sizeof *c.version)};
    if (!leaf || !c.version)
        return wf_scope_nomem(s, call->op->name);
    for (int i = 0; i < n; i++) {
        if (!(leaf[i] = leaf_of(s, call->var[i])))
            return false;
        c.version[i] = leaf[i]->variable->grad_version + (uint64_t)leaf[i]->grads_pending;
    }
    // Noted first: an eager scope has run the record when wf_record() returns.
    count(leaf, n, 1);
    for (int i = 0; i < n; i++) {
        leaf[i]->grad = left ? wf_tensor(left) : NULL;
        leaf[i]->grad_known = true;
        leaf[i]->grad_version = c.version[i] + 1;
    }
    call->attr = &c;
    call->attr_bytes = sizeof c;
    wf_record(s, call);
    if (s->nrecords == before)
        count(leaf, n, -1);
    return wf_scope_ok(s);
}

bool wf_gradient_put(weft_scope *s, struct wf_variable *v, weft_tensor *g)
{
    const weft_tensor *in[] = {g};
    return record(s, &(struct wf_call){.op = &op_put, .nin = 1, .in = in, .nvar = 1, .var = &v}, g);
}

bool wf_gradient_add(weft_scope *s, struct wf_variable *v, int ndim, const int64_t *shape,
                     weft_tensor *g)
{
    weft_tensor *old = wf_gradient(s, v, ndim, shape);
    weft_tensor *sum = wf_scope_ok(s) ? wf_dense(s, old ? weft_add(s, old, g) : g) : NULL;
    return sum && wf_gradient_put(s, v, sum);
}

bool wf_gradient_clear(weft_scope *s, int n, struct wf_variable **var)
{
    return record(s, &(struct wf_call){.op = &op_clear, .nvar = n, .var = var}, NULL);
}
