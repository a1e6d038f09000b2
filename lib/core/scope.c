// Scopes: recording, ownership, errors.
#include "core/scope.h"
#include "core/plan.h"
#include <stdlib.h>

weft_scope *weft_scope_create(weft_device *dev, const struct weft_scope_params *params,
                              struct weft_error *err)
{
    struct weft_scope_params p;
    WF_PARAMS(p, params);
    if (!dev) {
        wf_fail(err, WEFT_PARAM, "scope: the device is NULL");
        return NULL;
    }
    weft_scope *s = calloc(1, sizeof *s);
    if (!s || !wf_handles_make(dev)) {
        free(s);
        wf_fail_nomem(err, "scope");
        return NULL;
    }
    s->dev = wf_device_ref(dev);
    s->train = p.train;
    s->seed = p.seed;
    s->stream = p.stream;
    s->eager = dev->params.eager;
    s->progress = p.progress;
    s->progress_priv = p.progress_priv;
    return s;
}

// Forgets records and tensors.
static void drop_all(weft_scope *s)
{
    for (int i = 0; i < s->nrecords; i++) {
        if (s->record[i]->op->drop)
            s->record[i]->op->drop(s->record[i]);
    }
    for (struct wf_tensor *t; (t = s->tensors);) {
        s->tensors = t->next;
        wf_tensor_free(t);
    }
    for (struct wf_leaf *l = s->leaves; l; l = l->next)
        l->variable->hold(l->variable, false);
    s->nrecords = s->first_pending = 0;
    s->leaves = NULL;
    s->segments = s->last_segment = NULL;
    s->label_copy = NULL;
    wf_arena_reset(&s->arena);
}

void weft_scope_destroy(weft_scope **scope)
{
    if (!scope || !*scope)
        return;
    weft_scope *s = *scope;
    *scope = NULL;
    drop_all(s);
    wf_arena_finish(&s->arena);
    wf_text_finish(&s->label);
    free(s->record);
    free(s->group);
    wf_device_unref(s->dev);
    free(s);
}

bool weft_scope_reset(weft_scope *s)
{
    if (!s)
        return false;
    bool ok = wf_scope_ok(s) && wf_plan_updates(s);
    drop_all(s);
    return ok;
}

void weft_scope_clear(weft_scope *s)
{
    if (!s)
        return;
    drop_all(s);
    s->err = (struct weft_error){0};
    s->cancelled = false;
    s->label.length = 0;
    s->label.failed = false;
    s->labels = 0;
}

void weft_scope_cancel(weft_scope *s)
{
    if (s)
        s->cancelled = true;
}

const struct weft_error *weft_scope_error(const weft_scope *s)
{
    static const struct weft_error none = {WEFT_PARAM, "the scope is NULL"};
    return s ? &s->err : &none;
}

weft_device *weft_scope_device(const weft_scope *s)
{
    return s ? s->dev : NULL;
}

bool weft_scope_trains(const weft_scope *s)
{
    return s && s->train;
}

const char *wf_label_end(const char *label, const char **cut)
{
    enum { MOST = 80 };
    size_t n = strlen(label);
    *cut = n > MOST ? "..." : "";
    return n > MOST ? label + n - MOST : label;
}

WF_PRINTF(3, 0)
static bool failv(weft_scope *s, enum weft_status status, const char *fmt, va_list ap)
{
    if (!s || s->err.status)
        return false;
    struct weft_error e = {0};
    wf_failv(&e, status, fmt, ap);
    const char *cut, *label = wf_label_end(wf_text_get(&s->label), &cut);
    if (s->label.length)
        return wf_fail(&s->err, status, "%s%s: %s", cut, label, e.text);
    s->err = e;
    return false;
}

bool wf_scope_fail(weft_scope *s, enum weft_status status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    failv(s, status, fmt, ap);
    va_end(ap);
    return false;
}

bool wf_scope_nomem(weft_scope *s, const char *op)
{
    return wf_scope_fail(s, WEFT_NOMEM, "%s: out of host memory", op);
}

bool wf_scope_wrong(weft_scope *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    failv(s, WEFT_PARAM, fmt, ap);
    va_end(ap);
#ifdef WF_DEBUG_ABORT
    abort();
#endif
    return false;
}

bool wf_scope_ok(const weft_scope *s)
{
    return s && !s->err.status;
}

bool wf_scope_takes(weft_scope *s, const char *op, const weft_tensor *x)
{
    if (!wf_scope_ok(s))
        return false;
    const struct wf_tensor *t = wf_tensor(x);
    if (!x)
        return wf_scope_fail(s, WEFT_PARAM, "%s: a tensor is NULL", op);
    if (t->state == WF_TENSOR_DEAD)
        return wf_scope_fail(s, WEFT_PARAM,
                             "%s: a tensor is from before a reset of its scope; use weft_keep", op);
    if (t->dev != s->dev)
        return wf_scope_fail(s, WEFT_PARAM, "%s: a tensor is on another device", op);
    if (t->state == WF_TENSOR_IN_SCOPE && t->scope != s)
        return wf_scope_fail(s, WEFT_PARAM, "%s: a tensor is of another scope; use weft_keep", op);
    return true;
}

bool wf_scope_shape(weft_scope *s, const char *op, enum weft_dtype dtype, int ndim,
                    const int64_t *shape)
{
    if (!wf_scope_ok(s))
        return false;
    if (!weft_dtype_size(dtype))
        return wf_scope_fail(s, WEFT_DTYPE, "%s: dtype %d; one of enum weft_dtype was wanted", op,
                             (int)dtype);
    if (ndim > 0 && !shape)
        return wf_scope_fail(s, WEFT_SHAPE, "%s: a shape of %d dimensions is NULL", op, ndim);
    if (ndim < 0 || ndim > WEFT_MAX_DIMS)
        return wf_scope_fail(s, WEFT_SHAPE, "%s: %d dimensions; 0 to %d are possible", op, ndim,
                             WEFT_MAX_DIMS);
    int64_t n = wf_shape_count(ndim, shape);
    if (n < 0)
        return wf_scope_fail(s, WEFT_SHAPE, "%s: the shape %s is negative or too large", op,
                             WF_SHAPE(ndim, shape));
    struct weft_error e = {0};
    if (!wf_device_fits(s->dev, (uint64_t)n * weft_dtype_size(dtype), &e))
        return wf_scope_fail(s, e.status, "%s: the result %s %s needs %s", op,
                             WF_SHAPE(ndim, shape), weft_dtype_name(dtype), e.text);
    return dtype != WEFT_F64 || weft_device_has(s->dev, WEFT_CAP_F64) ||
           wf_scope_fail(s, WEFT_UNSUPPORTED, "%s: %s has no F64", op, s->dev->info.name);
}

struct wf_tensor *wf_scope_tensor(weft_scope *s, const char *op, enum weft_dtype dtype, int ndim,
                                  const int64_t *shape)
{
    struct wf_tensor *t = wf_tensor_new(s->dev);
    if (!t) {
        wf_scope_nomem(s, op);
        return NULL;
    }
    t->pub.dtype = dtype;
    t->pub.ndim = ndim;
    if (ndim)
        memcpy(t->pub.shape, shape, (size_t)ndim * sizeof *shape);
    t->state = WF_TENSOR_IN_SCOPE;
    t->scope = s;
    t->next = s->tensors;
    s->tensors = t;
    return t;
}

static bool room_for_record(weft_scope *s)
{
    if (s->nrecords < s->room)
        return true;
    int room = s->room ? 2 * s->room : 64;
    struct wf_record **record = realloc(s->record, (size_t)room * sizeof *record);
    if (!record)
        return false;
    s->record = record;
    s->room = room;
    return true;
}

static const char *label_of(weft_scope *s)
{
    if (!s->label.length)
        return "";
    if (!s->label_copy) {
        char *copy = wf_arena_take(&s->arena, s->label.length + 1);
        if (copy)
            memcpy(copy, s->label.data, s->label.length + 1);
        s->label_copy = copy;
    }
    return s->label_copy ? s->label_copy : "";
}

static void *copy(struct wf_arena *a, const void *from, size_t bytes)
{
    void *to = wf_arena_take(a, bytes);
    if (to && bytes)
        memcpy(to, from, bytes);
    return to;
}

// A kept tensor may be destroyed while records still read it: they read a leaf that shares its
// storage.
static bool adopt_kept(weft_scope *s, struct wf_record *r)
{
    for (int i = 0; i < r->nin; i++) {
        struct wf_tensor *kept = r->in[i];
        if (kept->state != WF_TENSOR_KEPT)
            continue;
        struct wf_tensor *t =
            wf_scope_tensor(s, r->op->name, kept->pub.dtype, kept->pub.ndim, kept->pub.shape);
        if (!t)
            return false;
        t->storage = wf_storage_ref(kept->storage);
        t->offset = kept->offset;
        memcpy(t->stride, kept->stride, sizeof t->stride);
        r->in[i] = t;
    }
    return true;
}

static struct wf_record *new_record(weft_scope *s, const struct wf_call *c)
{
    struct wf_record *r = wf_arena_take(&s->arena, sizeof *r);
    if (!r || !room_for_record(s))
        return NULL;
    r->op = c->op;
    r->nin = c->nin;
    r->nvar = c->nvar;
    r->in = copy(&s->arena, c->in, (size_t)c->nin * sizeof *r->in);
    r->var = copy(&s->arena, c->var, (size_t)c->nvar * sizeof *r->var);
    r->attr = copy(&s->arena, c->attr, c->attr_bytes);
    r->label = label_of(s);
    r->version = wf_arena_take(&s->arena, (size_t)c->nvar * sizeof *r->version);
    r->out = wf_arena_take(&s->arena, ((size_t)c->more + 1) * sizeof *r->out);
    if (!r->in || !r->out || !r->var || !r->attr || !r->version || !adopt_kept(s, r))
        return NULL;
    r->index = s->nrecords;
    return r;
}

// What the gradient of this record will read stays until backward has used it.
void wf_note_saved(struct wf_record *r, bool saves)
{
    int change = (int)saves - (int)r->saves;
    r->saves = saves;
    for (int i = 0; i < r->nin && i < WF_SAVES_BITS; i++) {
        if (r->op->saves & (unsigned)WF_SAVES_INPUT << i)
            r->in[i]->saved += change;
    }
    for (int i = 0; i < r->nout && r->op->saves & WF_SAVES_OUTPUT; i++)
        r->out[i]->saved += change;
}

// Notes which version of its variables an update changes.
static bool note_update(weft_scope *s, struct wf_record *r)
{
    for (int i = 0; i < r->nvar; i++) {
        struct wf_leaf *l = wf_scope_leaf(s, r->var[i]);
        if (!l)
            return false;
        r->version[i] = r->var[i]->version + (uint64_t)l->pending;
        l->pending += r->op->update == WF_UPDATES_VALUE;
    }
    return true;
}

static bool make_output(struct wf_record *r, struct wf_tensor *t, bool tracked)
{
    if (!t)
        return false;
    t->record = r;
    t->tracked = tracked && !r->op->flat && wf_dtype_is_float(t->pub.dtype);
    r->out[r->nout++] = t;
    return true;
}

static bool make_outputs(weft_scope *s, struct wf_record *r, const struct wf_call *c, bool tracked)
{
    bool ok = make_output(r, wf_scope_tensor(s, c->op->name, c->dtype, c->ndim, c->shape), tracked);
    for (int i = 1; ok && i <= c->more; i++) {
        const weft_tensor *x = &r->in[i]->pub;
        ok = make_output(r, wf_scope_tensor(s, r->op->name, x->dtype, x->ndim, x->shape), tracked);
    }
    if (ok && r->out[0]->tracked && c->op->grad)
        wf_note_saved(r, true);
    return ok;
}

weft_tensor *wf_record(weft_scope *s, const struct wf_call *c)
{
    if (!wf_scope_ok(s))
        return NULL;
    struct wf_record *r = new_record(s, c);
    if (!r) {
        wf_scope_nomem(s, c->op->name);
        return NULL;
    }
    bool tracked = false;
    for (int i = 0; i < r->nin; i++) {
        r->in[i]->consumers++;
        tracked = tracked || r->in[i]->tracked;
    }
    if (!(c->op->update ? note_update(s, r) : make_outputs(s, r, c, tracked)))
        return NULL;
    s->record[s->nrecords++] = r;
    if (s->eager && !wf_plan_run(s, r->nout ? r->out[0] : NULL))
        return NULL;
    return r->nout ? &r->out[0]->pub : NULL;
}

// The outputs are tracked as those of the original are.
static bool clone_outputs(weft_scope *s, const struct wf_record *r, struct wf_record *c)
{
    for (int i = 0; i < r->nout; i++) {
        const weft_tensor *x = &r->out[i]->pub;
        struct wf_tensor *t = wf_scope_tensor(s, r->op->name, x->dtype, x->ndim, x->shape);
        if (!t)
            return false;
        t->record = c;
        t->tracked = r->out[i]->tracked;
        c->out[i] = r->out[i]->again = t;
    }
    return true;
}

struct wf_record *wf_record_clone(weft_scope *s, const struct wf_record *r, struct wf_tensor **in)
{
    struct wf_record *c = wf_arena_take(&s->arena, sizeof *c);
    if (!c || !room_for_record(s)) {
        wf_scope_nomem(s, r->op->name);
        return NULL;
    }
    *c = *r;
    c->in = copy(&s->arena, in, (size_t)r->nin * sizeof *in);
    c->out = copy(&s->arena, r->out, (size_t)r->nout * sizeof *r->out);
    c->done = c->live = c->saves = false;
    c->lazy = true;
    c->segment = NULL;
    c->group = 0;
    c->index = s->nrecords;
    if (!c->in || !c->out) {
        wf_scope_nomem(s, r->op->name);
        return NULL;
    }
    if (!clone_outputs(s, r, c))
        return NULL;
    for (int i = 0; i < c->nin; i++)
        c->in[i]->consumers++;
    s->record[s->nrecords++] = c;
    return c;
}

struct wf_leaf *wf_scope_leaf(weft_scope *s, struct wf_variable *v)
{
    for (struct wf_leaf *l = s->leaves; l; l = l->next) {
        if (l->variable == v)
            return l;
    }
    struct wf_leaf *l = wf_arena_take(&s->arena, sizeof *l);
    if (!l) {
        wf_scope_nomem(s, v->name);
        return NULL;
    }
    v->hold(v, true);
    l->variable = v;
    l->next = s->leaves;
    s->leaves = l;
    return l;
}

weft_tensor *wf_scope_variable(weft_scope *s, struct wf_variable *v, bool tracked, int ndim,
                               const int64_t *shape)
{
    struct wf_leaf *l = wf_scope_leaf(s, v);
    struct wf_tensor *t = l ? wf_scope_tensor(s, v->name, WEFT_F32, ndim, shape) : NULL;
    if (!t)
        return NULL;
    t->variable = v;
    t->version = v->version + (uint64_t)l->pending;
    t->tracked = t->leaf_tracked = tracked && s->train;
    wf_dense_strides(ndim, shape, t->stride);
    return &t->pub;
}

void weft_label_push(weft_scope *s, const char *label)
{
    if (!wf_scope_ok(s))
        return;
    if (s->labels == WF_MAX_LABELS) {
        wf_scope_fail(s, WEFT_PARAM, "label \"%s\": more than %d are nested", label ? label : "",
                      WF_MAX_LABELS);
        return;
    }
    s->label_start[s->labels++] = s->label.length;
    wf_text_add(&s->label, "%s%s", s->label.length ? "/" : "", label ? label : "");
    if (s->label.failed)
        wf_scope_nomem(s, "label");
    s->label_copy = NULL;
}

void weft_label_pop(weft_scope *s)
{
    if (!wf_scope_ok(s))
        return;
    if (!s->labels)
        return;
    s->label.length = s->label_start[--s->labels];
    if (s->label.data)
        s->label.data[s->label.length] = 0;
    s->label_copy = NULL;
}
