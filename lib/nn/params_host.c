// The params store as the host sees it: what there is, and its values.
#include "nn/params.h"

int weft_params_count(const weft_params *p)
{
    return p ? p->count : 0;
}

int64_t weft_params_elements(const weft_params *p)
{
    int64_t n = 0;
    for (int i = 0; p && i < p->count; i++)
        n += p->param[i]->buffer ? 0 : p->param[i]->count;
    return n;
}

const char *weft_params_name(const weft_params *p, int i)
{
    return p && i >= 0 && i < p->count ? p->param[i]->name : NULL;
}

int weft_params_index(const weft_params *p, const char *name)
{
    const struct wf_param *q = p && name ? wf_params_find(p, name) : NULL;
    for (int i = 0; q && i < p->count; i++) {
        if (p->param[i] == q)
            return i;
    }
    return -1;
}

bool weft_params_info(const weft_params *p, int i, struct weft_param_info *info)
{
    if (!p || i < 0 || i >= p->count || !info)
        return false;
    const struct wf_param *q = p->param[i];
    struct weft_param_info out = {.size = info->size,
                                  .name = q->name,
                                  .dtype = WEFT_F32,
                                  .ndim = q->ndim,
                                  .frozen = q->frozen,
                                  .buffer = q->buffer};
    memcpy(out.shape, q->shape, sizeof out.shape);
    memcpy(info, &out, info->size < sizeof out ? info->size : sizeof out);
    return true;
}

int weft_params_freeze(weft_params *p, const char *prefix, bool frozen)
{
    int n = 0;
    for (int i = 0; p && i < p->count; i++) {
        if (!wf_params_matches(p, p->param[i], prefix))
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
    struct weft_error e = {0};
    struct wf_param *q = wf_params_checked(p, name, dst, bytes, err);
    return q && (wf_download(p->dev, q->variable.storage->mem, 0, dst, bytes, &e) ||
                 wf_fail_in(err, q->name, &e));
}

bool weft_params_get_grad(const weft_params *p, const char *name, void *dst, size_t bytes,
                          struct weft_error *err)
{
    struct wf_param *q = wf_params_checked(p, name, dst, bytes, err);
    struct weft_error e = {0};
    if (!q)
        return false;
    if (q->variable.grad)
        return wf_download(p->dev, q->variable.grad->mem, 0, dst, bytes, &e) ||
               wf_fail_in(err, q->name, &e);
    memset(dst, 0, bytes);
    return true;
}

// Into new memory: tensors may share that of a buffer.
bool weft_params_set(weft_params *p, const char *name, const void *src, size_t bytes,
                     struct weft_error *err)
{
    struct wf_param *q = wf_params_checked(p, name, src, bytes, err);
    if (!q)
        return false;
    struct weft_error e = {0};
    struct wf_storage *value = wf_storage_new(p->dev, bytes, &e);
    if (!value || !wf_upload(p->dev, value->mem, 0, src, bytes, &e) || !wf_wait(p->dev, &e)) {
        wf_storage_unref(value);
        return wf_fail_in(err, q->name, &e);
    }
    wf_storage_unref(q->variable.storage);
    q->variable.storage = value;
    q->variable.version++;
    return true;
}
