// Parameters to safetensors files; checkpoint_load.c reads them.
#include "nn/params.h"
#include <stdlib.h>

// Host memory for every tensor that is saved, one after the other.
struct snapshot {
    struct weft_file_tensor *tensor;
    int count;
    char *data;
};

static void snapshot_free(struct snapshot *sn)
{
    free(sn->tensor);
    free(sn->data);
}

// Which tensors, under which of their names. Returns their bytes.
static size_t choose(const weft_params *p, const char *prefix, struct snapshot *sn)
{
    size_t bytes = 0;
    for (int i = 0; i < p->count; i++) {
        const struct wf_param *q = p->param[i];
        const char *name = wf_params_matches(p, q, prefix);
        if (!name)
            continue;
        struct weft_file_tensor *t = &sn->tensor[sn->count++];
        *t = (struct weft_file_tensor){.name = name, .dtype = WEFT_F32, .ndim = q->ndim};
        memcpy(t->shape, q->shape, sizeof q->shape);
        bytes += (size_t)q->count * sizeof(float);
    }
    return bytes;
}

static bool snapshot_take(const weft_params *p, const char *prefix, struct snapshot *sn,
                          struct weft_error *err)
{
    *sn = (struct snapshot){.tensor = calloc((size_t)p->count + 1, sizeof *sn->tensor)};
    if (!sn->tensor)
        return wf_fail_nomem(err, "save");
    size_t at = 0, all = choose(p, prefix, sn);
    if (!(sn->data = malloc(all + 1)))
        return wf_fail_nomem(err, "save");
    if (!sn->count && prefix && *prefix)
        return wf_fail(err, WEFT_PARAM, "save: no parameter's name begins with \"%s\"", prefix);
    for (int i = 0; i < sn->count; i++) {
        struct weft_file_tensor *t = &sn->tensor[i];
        const struct wf_param *q = wf_params_find(p, t->name);
        size_t bytes = (size_t)q->count * sizeof(float);
        t->data = sn->data + at;
        struct weft_error e = {0};
        if (!wf_download(p->dev, q->variable.storage->mem, 0, sn->data + at, bytes, &e))
            return wf_fail_in(err, "save", &e);
        at += bytes;
    }
    return true;
}

bool weft_params_save(const weft_params *p, const char *path,
                      const struct weft_params_save_params *params, struct weft_error *err)
{
    struct weft_params_save_params o;
    struct snapshot sn;
    WF_PARAMS(o, params);
    if (!p || !path)
        return wf_fail(err, WEFT_PARAM, "save: %s NULL", p ? "the path is" : "the params are");
    if (!wf_params_whole(p, path, err))
        return false;
    bool ok = snapshot_take(p, o.prefix, &sn, err) &&
              weft_safetensors_write(path, sn.tensor, sn.count, NULL, err);
    snapshot_free(&sn);
    return ok;
}
