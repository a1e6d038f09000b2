// Gradients beside the params: a variable for each parameter, of which only the gradient counts.
#include "nn/grads.h"
#include "nn/gradient.h"
#include <stdlib.h>

struct slot {
    struct wf_variable variable; // first
    struct wf_param *param;
    UT_hash_handle hh; // by param
};

struct weft_grads {
    weft_params *params;
    atomic_int refs;    // the handle and the scopes that know it
    struct slot *slots; // in the order they were made
};

weft_grads *weft_grads_create(weft_params *p, struct weft_error *err)
{
    if (!p) {
        wf_fail(err, WEFT_PARAM, "grads: the params are NULL");
        return NULL;
    }
    weft_grads *g = calloc(1, sizeof *g);
    if (!g) {
        wf_fail_nomem(err, "grads");
        return NULL;
    }
    g->params = wf_params_ref(p);
    g->refs = 1;
    return g;
}

static void unref(weft_grads *g)
{
    if (atomic_fetch_sub(&g->refs, 1) > 1)
        return;
    struct slot *t, *next;
    HASH_ITER(hh, g->slots, t, next) {
        HASH_DEL(g->slots, t);
        wf_storage_unref(t->variable.grad);
        free(t);
    }
    wf_params_unref(g->params);
    free(g);
}

void weft_grads_destroy(weft_grads **g)
{
    if (!g || !*g)
        return;
    unref(*g);
    *g = NULL;
}

static void hold(struct wf_variable *v, bool on)
{
    weft_grads *g = (weft_grads *)v->store;
    if (on)
        atomic_fetch_add(&g->refs, 1);
    else
        unref(g);
}

const weft_params *wf_grads_params(const weft_grads *g)
{
    return g->params;
}

static struct slot *find(const weft_grads *g, const struct wf_param *q)
{
    struct slot *t = NULL;
    HASH_FIND_PTR(g->slots, &q, t);
    return t;
}

struct wf_variable *wf_grads_slot(weft_grads *g, struct wf_param *q, struct weft_error *err)
{
    struct slot *t = find(g, q);
    if (t)
        return &t->variable;
    t = calloc(1, sizeof *t);
    unsigned before = HASH_COUNT(g->slots);
    if (t) {
        t->param = q;
        t->variable.name = q->name;
        t->variable.store = g;
        t->variable.hold = hold;
        HASH_ADD_PTR(g->slots, param, t);
        if (HASH_COUNT(g->slots) > before)
            return &t->variable;
    }
    free(t);
    wf_fail_nomem(err, "grads");
    return NULL;
}

static bool check(weft_scope *s, const char *call, const weft_grads *g)
{
    if (!wf_scope_ok(s))
        return false;
    if (!g || g->params->dev != s->dev)
        return wf_scope_fail(s, WEFT_PARAM, "%s: the grads are %s", call,
                             g ? "on another device" : "NULL");
    return true;
}

bool weft_grads_add(weft_scope *s, const weft_grads *from, weft_grads *into)
{
    if (!check(s, "grads_add", from))
        return false;
    if (into && (into == from || into->params != from->params))
        return wf_scope_fail(s, WEFT_PARAM, "grads_add: the two are %s",
                             into == from ? "the same" : "of different params");
    for (struct slot *t = from->slots; t; t = t->hh.next) {
        struct wf_param *q = t->param;
        weft_tensor *g = wf_gradient(s, &t->variable, q->ndim, q->shape);
        if (!wf_scope_ok(s))
            return false;
        if (!g)
            continue;
        struct wf_variable *v = into ? wf_grads_slot(into, q, &s->err) : &q->variable;
        if (!v || !wf_gradient_add(s, v, q->ndim, q->shape, g))
            return false;
    }
    return true;
}

bool weft_grads_zero(weft_scope *s, weft_grads *g)
{
    if (!check(s, "grads_zero", g))
        return false;
    int n = 0;
    struct wf_variable **var = wf_arena_take(&s->arena, HASH_COUNT(g->slots) * sizeof *var);
    if (!var)
        return wf_scope_nomem(s, "grads_zero");
    for (struct slot *t = g->slots; t; t = t->hh.next)
        var[n++] = &t->variable;
    return wf_gradient_clear(s, n, var);
}

bool weft_grads_get(const weft_grads *g, const char *name, void *dst, size_t bytes,
                    struct weft_error *err)
{
    if (!g)
        return wf_fail(err, WEFT_PARAM, "grads: the handle is NULL");
    struct wf_param *q = wf_params_checked(g->params, name, dst, bytes, err);
    if (!q)
        return false;
    const struct slot *t = find(g, q);
    struct weft_error e = {0};
    if (t && t->variable.grad)
        return wf_download(g->params->dev, t->variable.grad->mem, 0, dst, bytes, &e) ||
               wf_fail_in(err, q->name, &e);
    memset(dst, 0, bytes);
    return true;
}
