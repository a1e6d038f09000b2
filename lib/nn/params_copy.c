// Values of a whole store replaced, all or none: what loading, copying and cloning have in common,
// and the latter two.
#include "nn/params.h"
#include <stdlib.h>

bool wf_exchange_init(struct wf_exchange *x, const char *call, weft_params *p, int room,
                      struct weft_error *err)
{
    *x = (struct wf_exchange){.p = p, .before = p->count, .room = room};
    x->value = calloc((size_t)room + 1, sizeof *x->value);
    return x->value || wf_fail_nomem(err, call);
}

bool wf_exchange_add(struct wf_exchange *x, struct wf_param *q, struct wf_storage *storage)
{
    if (!q || !storage || x->count == x->room) {
        wf_storage_unref(storage);
        return false;
    }
    x->value[x->count++] = (struct wf_new_value){q, storage};
    return true;
}

bool wf_exchange_finish(struct wf_exchange *x, bool ok)
{
    for (int i = 0; i < x->count; i++) {
        struct wf_variable *v = &x->value[i].param->variable;
        struct wf_storage *drop = ok ? v->storage : x->value[i].storage;
        if (ok) {
            v->storage = x->value[i].storage;
            v->version++;
        }
        wf_storage_unref(drop);
    }
    // A step that failed half-way has left nothing where every value is new.
    if (ok && x->count == x->before)
        x->p->torn = false;
    if (!ok)
        wf_params_cut(x->p, x->before);
    free(x->value);
    return ok;
}

bool wf_params_whole(const weft_params *p, const char *what, struct weft_error *err)
{
    return !p->torn || wf_fail(err, WEFT_DEVICE,
                               "%s: not possible: an optimizer step failed half-way and left the "
                               "parameters of two steps",
                               what);
}

#define TIED_OTHERWISE "copy: the two have tied different tensors"

static bool same_shape(const struct wf_param *a, const struct wf_param *b)
{
    return a->ndim == b->ndim && !memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape);
}

// Have the two the same tensors?
static bool check_pair(const weft_params *dst, const weft_params *src, struct weft_error *err)
{
    for (int i = 0; i < src->count; i++) {
        const struct wf_param *q = src->param[i], *d = wf_params_find(dst, q->name);
        if (!d)
            return wf_fail(err, WEFT_PARAM, "copy: the destination has no tensor \"%s\"", q->name);
        if (!same_shape(d, q))
            return wf_fail(err, WEFT_SHAPE, "copy: %s is %s; the source has %s", q->name,
                           WF_SHAPE(d->ndim, d->shape), WF_SHAPE(q->ndim, q->shape));
    }
    for (int i = 0; i < dst->count; i++) {
        if (!wf_params_find(src, dst->param[i]->name))
            return wf_fail(err, WEFT_PARAM, "copy: the source has no tensor \"%s\"",
                           dst->param[i]->name);
    }
    return dst->count == src->count || wf_fail(err, WEFT_PARAM, TIED_OTHERWISE);
}

static bool copy_across(weft_device *to, struct wf_storage *st, weft_device *from, cl_mem mem,
                        size_t bytes, struct weft_error *err)
{
    void *host = malloc(bytes + 1);
    bool ok = host ? wf_download(from, mem, 0, host, bytes, err) &&
                         wf_upload(to, st->mem, 0, host, bytes, err)
                   : wf_fail_nomem(err, "values");
    free(host);
    return ok;
}

// The value of q in new memory of `dev`.
static struct wf_storage *copy_value(weft_device *dev, weft_device *from, const struct wf_param *q,
                                     struct weft_error *err)
{
    struct weft_error e = {0};
    size_t bytes = (size_t)q->count * sizeof(float);
    cl_mem mem = q->variable.storage->mem;
    struct wf_storage *st = wf_storage_new(dev, bytes, &e);
    if (st && (dev == from ? wf_copy(dev, mem, st->mem, bytes, &e)
                           : copy_across(dev, st, from, mem, bytes, &e)))
        return st;
    wf_storage_unref(st);
    wf_fail_in(err, "copy", &e);
    return NULL;
}

static bool copy_new(weft_params *dst, const weft_params *src, struct weft_error *err)
{
    for (int i = 0; i < src->count; i++) {
        const struct wf_param *q = src->param[i];
        bool twice = wf_params_find(dst, q->name);
        struct wf_storage *st = twice ? NULL : copy_value(dst->dev, src->dev, q, err);
        struct wf_param *d = NULL;
        if (twice)
            wf_fail(err, WEFT_PARAM, TIED_OTHERWISE);
        if (st)
            d = wf_params_add(dst, wf_params_root(dst, q->name), q->ndim, q->shape, st, err);
        if (!d) {
            wf_params_cut(dst, 0);
            return false;
        }
        d->buffer = q->buffer;
        d->unsettled = q->unsettled;
    }
    return true;
}

static bool copy_values(weft_params *dst, const weft_params *src, struct weft_error *err)
{
    struct wf_exchange x;
    bool ok = wf_exchange_init(&x, "copy", dst, src->count, err);
    for (int i = 0; ok && i < src->count; i++) {
        const struct wf_param *q = src->param[i];
        ok = wf_exchange_add(&x, wf_params_find(dst, q->name),
                             copy_value(dst->dev, src->dev, q, err));
    }
    return wf_exchange_finish(&x, ok);
}

bool weft_params_copy(weft_params *dst, const weft_params *src, struct weft_error *err)
{
    if (!dst || !src)
        return wf_fail(err, WEFT_PARAM, "copy: the %s is NULL", dst ? "source" : "destination");
    if (dst == src)
        return true;
    if (!wf_params_whole(src, "copy", err))
        return false;
    if (!dst->count)
        return copy_new(dst, src, err);
    return check_pair(dst, src, err) && copy_values(dst, src, err);
}

weft_params *weft_params_clone(const weft_params *p, weft_device *dev, struct weft_error *err)
{
    if (!p) {
        wf_fail(err, WEFT_PARAM, "clone: the params are NULL");
        return NULL;
    }
    weft_params *c = weft_params_create(dev ? dev : p->dev, p->seed, err);
    bool ok = c != NULL;
    for (const struct wf_tie *t = p->ties; ok && t; t = t->hh.next)
        ok = weft_params_tie(c, t->name, t->of, err);
    ok = ok && weft_params_copy(c, p, err);
    for (int i = 0; ok && i < p->count; i++)
        c->param[i]->frozen = p->param[i]->frozen;
    if (!ok)
        weft_params_destroy(&c);
    return c;
}
