// The params store: named tensors, in the order they were made.
#include "nn/params.h"
#include "op/op.h"
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

void wf_params_unref(weft_params *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) > 1)
        return;
    wf_params_cut(p, 0);
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

int weft_params_count(const weft_params *p)
{
    return p ? p->count : 0;
}

int64_t weft_params_elements(const weft_params *p)
{
    int64_t n = 0;
    for (int i = 0; p && i < p->count; i++)
        n += p->param[i]->count;
    return n;
}

const char *weft_params_name(const weft_params *p, int i)
{
    return p && i >= 0 && i < p->count ? p->param[i]->name : NULL;
}

struct wf_param *wf_params_find(const weft_params *p, const char *name)
{
    struct wf_param *q = NULL;
    HASH_FIND_STR(p->by_name, name, q);
    return q;
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

struct wf_param *wf_params_add(weft_params *p, const char *name, struct weft_init init, int ndim,
                               const int64_t *shape, struct weft_error *err)
{
    struct wf_param *q = calloc(1, sizeof *q);
    if (!q || !room_for_one(p) || !(q->name = wf_strdup(name))) {
        free(q);
        wf_fail_nomem(err, name);
        return NULL;
    }
    q->ndim = ndim;
    if (ndim)
        memcpy(q->shape, shape, (size_t)ndim * sizeof *shape);
    q->count = wf_shape_count(ndim, shape);
    q->variable.name = q->name;
    q->variable.elements = q->count;
    q->variable.store = p;
    q->variable.hold = hold;
    q->variable.storage = wf_storage_new(p->dev, (size_t)q->count * sizeof(float), err);
    if (q->variable.storage &&
        wf_init(p->dev, init, p->seed, name, q->variable.storage->mem, q->count, err)) {
        HASH_ADD_KEYPTR(hh, p->by_name, q->name, strlen(q->name), q);
        if (HASH_COUNT(p->by_name) > (unsigned)p->count) {
            p->param[p->count++] = q;
            return q;
        }
        wf_fail_nomem(err, name);
    }
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

int weft_params_freeze(weft_params *p, const char *prefix, bool frozen)
{
    int n = 0;
    for (int i = 0; p && i < p->count; i++) {
        if (!wf_begins(p->param[i]->name, prefix ? prefix : ""))
            continue;
        p->param[i]->frozen = frozen;
        n++;
    }
    return n;
}

struct wf_param *wf_params_checked(const weft_params *p, const char *name, const void *host,
                                   size_t bytes, struct weft_error *err)
{
    struct wf_param *q = p && name ? wf_params_find(p, name) : NULL;
    size_t want = q ? (size_t)q->count * sizeof(float) : 0;
    if (!q)
        wf_fail(err, WEFT_PARAM, "params: there is no parameter \"%s\"", name ? name : "(NULL)");
    else if (bytes != want || (want && !host))
        wf_fail(err, WEFT_PARAM, "%s: %zu bytes at %s; %s F32 has %zu", name, bytes,
                host ? "the host" : "NULL", WF_SHAPE(q->ndim, q->shape), want);
    else
        return q;
    return NULL;
}

bool weft_params_get(const weft_params *p, const char *name, void *dst, size_t bytes,
                     struct weft_error *err)
{
    struct wf_param *q = wf_params_checked(p, name, dst, bytes, err);
    return q && wf_download(p->dev, q->variable.storage->mem, 0, dst, bytes, err);
}

bool weft_params_get_grad(const weft_params *p, const char *name, void *dst, size_t bytes,
                          struct weft_error *err)
{
    struct wf_param *q = wf_params_checked(p, name, dst, bytes, err);
    if (!q)
        return false;
    if (q->variable.grad)
        return wf_download(p->dev, q->variable.grad->mem, 0, dst, bytes, err);
    memset(dst, 0, bytes);
    return true;
}

bool weft_params_set(weft_params *p, const char *name, const void *src, size_t bytes,
                     struct weft_error *err)
{
    struct wf_param *q = wf_params_checked(p, name, src, bytes, err);
    if (!q)
        return false;
    q->variable.version++;
    return wf_upload(p->dev, q->variable.storage->mem, 0, src, bytes, err) && wf_wait(p->dev, err);
}

static bool check_param(weft_scope *s, weft_params *p, const char *name, struct weft_init init)
{
    if (!wf_scope_ok(s))
        return false;
    if (!p || !name || !*name)
        return wf_scope_fail(s, WEFT_PARAM, "param: the params or the name are missing");
    if (wf_params_skips(name))
        return wf_scope_fail(s, WEFT_PARAM,
                             "%s: a parameter cannot be called optimizer. or gradient. something",
                             name);
    if (p->dev != s->dev)
        return wf_scope_fail(s, WEFT_PARAM, "%s: the params are on another device", name);
    if (init.kind < WEFT_INIT_CONSTANT || init.kind > WEFT_INIT_NORMAL)
        return wf_scope_fail(s, WEFT_PARAM,
                             "%s: initialiser %d; one of enum weft_init_kind was wanted", name,
                             (int)init.kind);
    return true;
}

weft_tensor *weft_param(weft_scope *s, weft_params *p, const char *name, struct weft_init init,
                        int ndim, const int64_t *shape)
{
    if (!check_param(s, p, name, init) || !wf_scope_shape(s, name, WEFT_F32, ndim, shape))
        return NULL;
    struct weft_error e = {0};
    wf_lock(&p->lock);
    struct wf_param *q = wf_params_find(p, name);
    if (!q)
        q = wf_params_add(p, name, init, ndim, shape, &e);
    wf_unlock(&p->lock);
    if (!q) {
        wf_scope_fail(s, e.status, "%s: %s", name, e.text);
        return NULL;
    }
    if (q->ndim != ndim || (ndim && memcmp(q->shape, shape, (size_t)ndim * sizeof *shape))) {
        wf_scope_fail(s, WEFT_SHAPE, "%s: is %s; %s was wanted", name, WF_SHAPE(q->ndim, q->shape),
                      WF_SHAPE(ndim, shape));
        return NULL;
    }
    return wf_scope_variable(s, &q->variable, !q->frozen, ndim, shape);
}
