// The params store: named tensors, in the order they were made.
#include "nn/params.h"
#include <stdlib.h>

weft_params *weft_params_create(weft_device *dev, uint64_t seed, struct weft_error *err)
{
    if (!dev) {
        wf_fail(err, WEFT_PARAM, "params: the device is NULL");
        return NULL;
    }
    weft_params *p = calloc(1, sizeof *p);
    if (!p || !wf_mutex_init(&p->lock)) {
        free(p);
        wf_fail_nomem(err, "params");
        return NULL;
    }
    p->dev = wf_device_ref(dev);
    p->seed = seed;
    p->refs = 1;
    return p;
}

weft_params *wf_params_ref(weft_params *p)
{
    atomic_fetch_add(&p->refs, 1);
    return p;
}

static void param_free(struct wf_param *q)
{
    wf_storage_unref(q->variable.storage);
    wf_storage_unref(q->variable.grad);
    free(q->name);
    free(q);
}

static void tie_free(struct wf_tie *t)
{
    if (!t)
        return;
    free(t->name);
    free(t->of);
    free(t);
}

void wf_params_unref(weft_params *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) > 1)
        return;
    wf_params_cut(p, 0);
    struct wf_tie *t, *next;
    HASH_ITER(hh, p->ties, t, next) {
        HASH_DEL(p->ties, t);
        tie_free(t);
    }
    free(p->param);
    wf_mutex_finish(&p->lock);
    wf_device_unref(p->dev);
    free(p);
}

void weft_params_destroy(weft_params **p)
{
    if (!p)
        return;
    wf_params_unref(*p);
    *p = NULL;
}

const char *wf_params_root(const weft_params *p, const char *name)
{
    for (struct wf_tie *t = NULL;; name = t->of) {
        HASH_FIND_STR(p->ties, name, t);
        if (!t)
            return name;
    }
}

struct wf_param *wf_params_find(const weft_params *p, const char *name)
{
    struct wf_param *q = NULL;
    HASH_FIND_STR(p->by_name, name, q);
    if (!q && p->ties) {
        name = wf_params_root(p, name);
        HASH_FIND_STR(p->by_name, name, q);
    }
    return q;
}

const char *wf_params_matches(const weft_params *p, const struct wf_param *q, const char *prefix)
{
    if (!prefix || wf_begins(q->name, prefix))
        return q->name;
    for (const struct wf_tie *t = p->ties; t; t = t->hh.next) {
        if (wf_begins(t->name, prefix) && !strcmp(wf_params_root(p, t->name), q->name))
            return t->name;
    }
    return NULL;
}

bool wf_params_skips(const char *name)
{
    return wf_begins(name, "optimizer.") || wf_begins(name, "gradient.");
}

bool wf_params_name_ok(const char *call, const char *name, struct weft_error *err)
{
    if (!name || !*name)
        return wf_fail(err, WEFT_PARAM, "%s: the name is %s", call, name ? "empty" : "NULL");
    if (strlen(name) > WF_MAX_NAME)
        return wf_fail(err, WEFT_PARAM,
                       "%s: the name %.20s... has %zu bytes; at most %d are "
                       "possible",
                       call, name, strlen(name), WF_MAX_NAME);
    if (!strcmp(name, "__metadata__"))
        return wf_fail(err, WEFT_PARAM, "%s: no tensor in a file can be called %s", call, name);
    if (wf_params_skips(name))
        return wf_fail(err, WEFT_PARAM,
                       "%s: the name %.40s is of a training's file; one that does not begin with "
                       "optimizer. or gradient. was wanted",
                       call, name);
    return wf_is_utf8(name) ||
           wf_fail(err, WEFT_PARAM, "%s: the name %.20s is not UTF-8", call, name);
}

static bool room_for_one(weft_params *p)
{
    if (p->count < p->room)
        return true;
    int room = p->room ? 2 * p->room : 16;
    struct wf_param **param = realloc(p->param, (size_t)room * sizeof *param);
    if (!param)
        return false;
    p->param = param;
    p->room = room;
    return true;
}

static void hold(struct wf_variable *v, bool on)
{
    weft_params *p = (weft_params *)v->store;
    if (on)
        wf_params_ref(p);
    else
        wf_params_unref(p);
}

static struct wf_param *param_new(const char *name, int ndim, const int64_t *shape)
{
    struct wf_param *q = calloc(1, sizeof *q);
    if (!q || !(q->name = wf_strdup(name))) {
        free(q);
        return NULL;
    }
    q->ndim = ndim;
    if (ndim)
        memcpy(q->shape, shape, (size_t)ndim * sizeof *shape);
    q->count = wf_shape_count(ndim, shape);
    q->variable.name = q->name;
    q->variable.elements = q->count;
    q->variable.hold = hold;
    return q;
}

struct wf_param *wf_params_add(weft_params *p, const char *name, int ndim, const int64_t *shape,
                               struct wf_storage *storage, struct weft_error *err)
{
    struct wf_param *q = NULL;
    if (wf_params_name_ok("param", name, err) && !(q = param_new(name, ndim, shape)))
        wf_fail_nomem(err, name);
    if (!q) {
        wf_storage_unref(storage);
        return NULL;
    }
    q->variable.store = p;
    q->variable.storage = storage;
    if (room_for_one(p))
        HASH_ADD_KEYPTR(hh, p->by_name, q->name, strlen(q->name), q);
    if (HASH_COUNT(p->by_name) > (unsigned)p->count)
        return p->param[p->count++] = q;
    wf_fail_nomem(err, name);
    param_free(q);
    return NULL;
}

void wf_params_cut(weft_params *p, int count)
{
    while (p->count > count) {
        struct wf_param *q = p->param[--p->count];
        HASH_DEL(p->by_name, q);
        param_free(q);
    }
}

// Can `name` become another name of `root`?
static bool may_tie(const weft_params *p, const char *name, const char *root,
                    struct weft_error *err)
{
    struct wf_param *own = NULL;
    const char *is = wf_params_root(p, name);
    HASH_FIND_STR(p->by_name, name, own);
    if (!strcmp(name, root))
        return wf_fail(err, WEFT_PARAM, "tie: %s cannot be tied to itself", name);
    if (own)
        return wf_fail(err, WEFT_PARAM,
                       "tie: %s is a tensor of its own already; tie before its first use", name);
    return is == name || wf_fail(err, WEFT_PARAM, "tie: %s is tied to %s already", name, is);
}

static bool tie(weft_params *p, const char *name, const char *root, struct weft_error *err)
{
    unsigned before = HASH_COUNT(p->ties);
    struct wf_tie *t = calloc(1, sizeof *t);
    if (t && (t->name = wf_strdup(name)) && (t->of = wf_strdup(root)))
        HASH_ADD_KEYPTR(hh, p->ties, t->name, strlen(t->name), t);
    if (HASH_COUNT(p->ties) > before)
        return true;
    tie_free(t);
    return wf_fail_nomem(err, "tie");
}

bool weft_params_tie(weft_params *p, const char *name, const char *other, struct weft_error *err)
{
    if (!p)
        return wf_fail(err, WEFT_PARAM, "tie: the params are NULL");
    if (!wf_params_name_ok("tie", name, err) || !wf_params_name_ok("tie", other, err))
        return false;
    wf_lock(&p->lock);
    const char *root = wf_params_root(p, other), *is = wf_params_root(p, name);
    bool there = strcmp(name, other) && is != name && !strcmp(is, root);
    bool ok = there || (may_tie(p, name, root, err) && tie(p, name, root, err));
    wf_unlock(&p->lock);
    return ok;
}
