// Parameters to and from safetensors files.
#include "nn/params.h"
#include <stdlib.h>

// Host memory for every parameter, one after the other.
struct snapshot {
    struct weft_file_tensor *tensor;
    char *data;
};

static void snapshot_free(struct snapshot *sn)
{
    free(sn->tensor);
    free(sn->data);
}

static bool snapshot_take(const weft_params *p, struct snapshot *sn, struct weft_error *err)
{
    size_t at = 0;
    *sn = (struct snapshot){
        .tensor = calloc((size_t)p->count + 1, sizeof *sn->tensor),
        .data = malloc((size_t)weft_params_elements(p) * sizeof(float) + 1),
    };
    if (!sn->tensor || !sn->data)
        return wf_fail_nomem(err, "params");
    for (int i = 0; i < p->count; i++) {
        const struct wf_param *q = p->param[i];
        struct weft_file_tensor *t = &sn->tensor[i];
        size_t bytes = (size_t)q->count * sizeof(float);
        *t = (struct weft_file_tensor){
            .name = q->name, .dtype = WEFT_F32, .ndim = q->ndim, .data = sn->data + at};
        memcpy(t->shape, q->shape, sizeof q->shape);
        if (!wf_download(p->dev, q->variable.storage->mem, 0, sn->data + at, bytes, err))
            return false;
        at += bytes;
    }
    return true;
}

bool wf_params_skips(const char *name)
{
    return wf_begins(name, "optimizer.") || wf_begins(name, "gradient.");
}

bool wf_params_whole(const weft_params *p, const char *path, struct weft_error *err)
{
    return !p->torn || wf_fail(err, WEFT_DEVICE,
                               "%s: not saved: an optimizer step failed half-way and left "
                               "the parameters of two steps",
                               path);
}

bool weft_params_save(const weft_params *p, const char *path, struct weft_error *err)
{
    if (!p || !path)
        return wf_fail(err, WEFT_PARAM, "save: the %s is NULL", p ? "path" : "params");
    if (!wf_params_whole(p, path, err))
        return false;
    struct snapshot sn;
    bool ok = snapshot_take(p, &sn, err) && weft_safetensors_write(path, sn.tensor, p->count, err);
    snapshot_free(&sn);
    return ok;
}

// Does every tensor of the file fit the store, and the store the file?
static bool check(const weft_params *p, const weft_safetensors *f, const char *path,
                  struct weft_error *err)
{
    const struct weft_file_tensor *t;
    for (int i = 0; (t = weft_safetensors_at(f, i)); i++) {
        const struct wf_param *q = wf_params_find(p, t->name);
        if (wf_params_skips(t->name))
            continue;
        if (t->dtype != WEFT_F32)
            return wf_fail(err, WEFT_DTYPE, "%s: %s is %s; F32 was wanted", path, t->name,
                           weft_dtype_name(t->dtype));
        if (q &&
            (q->ndim != t->ndim || memcmp(q->shape, t->shape, (size_t)q->ndim * sizeof *q->shape)))
            return wf_fail(err, WEFT_SHAPE, "%s: %s is %s; %s was wanted", path, t->name,
                           WF_SHAPE(t->ndim, t->shape), WF_SHAPE(q->ndim, q->shape));
    }
    for (int i = 0; i < p->count; i++) {
        if (!weft_safetensors_find(f, p->param[i]->name))
            return wf_fail(err, WEFT_FORMAT, "%s: has no tensor \"%s\"", path, p->param[i]->name);
    }
    return true;
}

// New storage with the value of a tensor.
static struct wf_storage *upload(weft_device *dev, const struct weft_file_tensor *t,
                                 struct weft_error *err)
{
    size_t bytes = (size_t)wf_shape_count(t->ndim, t->shape) * sizeof(float);
    struct wf_storage *s = wf_storage_new(dev, bytes, err);
    if (s && wf_upload(dev, s->mem, 0, t->data, bytes, err))
        return s;
    wf_storage_unref(s);
    return NULL;
}

// All or nothing: the values are on the device, and new parameters made, before one is exchanged.
static bool load(weft_params *p, const weft_safetensors *f, struct weft_error *err)
{
    int n = weft_safetensors_count(f), old = p->count, ready = 0;
    struct wf_storage **value = calloc((size_t)n + 1, sizeof *value);
    bool ok = value || wf_fail_nomem(err, "params");
    for (; ok && ready < n; ready++) {
        const struct weft_file_tensor *t = weft_safetensors_at(f, ready);
        if (wf_params_skips(t->name))
            continue;
        value[ready] = upload(p->dev, t, err);
        ok =
            value[ready] && (wf_params_find(p, t->name) ||
                             wf_params_add(p, t->name, (struct weft_init){WEFT_INIT_CONSTANT, 0, 0},
                                           t->ndim, t->shape, err));
    }
    for (int i = 0; ok && i < n; i++) {
        if (!value[i])
            continue;
        struct wf_variable *v = &wf_params_find(p, weft_safetensors_at(f, i)->name)->variable;
        struct wf_storage *before = v->storage;
        v->storage = value[i];
        value[i] = before;
        v->version++;
    }
    for (int i = 0; value && i < n; i++)
        wf_storage_unref(value[i]);
    free(value);
    if (!ok)
        wf_params_cut(p, old);
    return ok;
}

bool wf_params_load_from(weft_params *p, const weft_safetensors *f, const char *path,
                         struct weft_error *err)
{
    bool ok = check(p, f, path, err) && load(p, f, err);
    if (ok)
        p->torn = false;
    return ok;
}

bool weft_params_load(weft_params *p, const char *path, struct weft_error *err)
{
    if (!p || !path)
        return wf_fail(err, WEFT_PARAM, "load: the %s is NULL", p ? "path" : "params");
    weft_safetensors *f = weft_safetensors_open(path, err);
    bool ok = f && wf_params_load_from(p, f, path, err);
    weft_safetensors_close(&f);
    return ok;
}
