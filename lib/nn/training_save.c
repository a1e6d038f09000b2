// Saving a training. The counts of steps come first in the file, so that all data are aligned.
#include "base/text.h"
#include "nn/training.h"
#include <math.h>
#include <stdlib.h>

bool wf_training_params(const char *call, const char *path, const struct weft_training_params *from,
                        struct weft_training_params *to, struct weft_error *err)
{
    WF_PARAMS(*to, from);
    if (!path || !to->params)
        return wf_fail(err, WEFT_PARAM, "%s: the %s NULL", call, path ? "params are" : "path is");
    if (to->optim && to->optim->params != to->params)
        return wf_fail(err, WEFT_PARAM, "%s: the optimizer is of other params", call);
    if (to->schedule && wf_schedule_optim(to->schedule) != to->optim)
        return wf_fail(err, WEFT_PARAM, "%s: the schedule is of %s", call,
                       to->optim ? "another optimizer" : "an optimizer, which is not given");
    if (to->scope && to->scope->dev != to->params->dev)
        return wf_fail(err, WEFT_PARAM, "%s: the scope is on another device", call);
    if (to->position < 0 || to->ntext < 0 || (to->ntext && !to->text))
        return wf_fail(err, WEFT_PARAM, "%s: %s; 0 or more was wanted", call,
                       to->position < 0 ? "the position is negative" : "the texts are missing");
    return true;
}

// The tensors of the file, in host memory.
struct snapshot {
    struct weft_file_tensor *tensor;
    int count;
    struct wf_text names; // one after the other, each with its NUL
    char *data;
    size_t used;
};

static void snapshot_free(struct snapshot *sn)
{
    free(sn->tensor);
    free(sn->data);
    wf_text_finish(&sn->names);
}

static bool snapshot_begin(struct snapshot *sn, const struct weft_training_params *t)
{
    const weft_params *p = t->params;
    size_t states = t->optim ? (size_t)t->optim->count : 0, n = 2 * (size_t)p->count;
    size_t moments = t->optim ? (size_t)t->optim->moments : 0;
    size_t bytes = states * sizeof(int64_t);
    for (int i = 0; i < p->count; i++)
        bytes += (size_t)p->param[i]->count * sizeof(float) * (2 + moments);
    *sn = (struct snapshot){.tensor = calloc(n + states * (1 + moments) + 1, sizeof *sn->tensor),
                            .data = malloc(bytes + 1)};
    return sn->tensor && sn->data;
}

// A name is kept as its place while the text may still move; +1, for a NULL is none.
static const char *keep_name(struct snapshot *sn, const char *prefix, const char *name,
                             const char *end)
{
    size_t at = sn->names.length;
    wf_text_add(&sn->names, "%s%s%s", prefix, name, end);
    wf_text_addn(&sn->names, "", 1);
    return (const char *)(uintptr_t)(at + 1);
}

static bool settle_names(struct snapshot *sn)
{
    for (int i = 0; i < sn->count && !sn->names.failed; i++)
        sn->tensor[i].name = sn->names.data + (uintptr_t)sn->tensor[i].name - 1;
    return !sn->names.failed;
}

static void *add_tensor(struct snapshot *sn, const char *name, enum weft_dtype dtype,
                        const struct wf_param *q)
{
    struct weft_file_tensor *t = &sn->tensor[sn->count++];
    void *data = sn->data + sn->used;
    *t = (struct weft_file_tensor){.name = name, .dtype = dtype, .data = data};
    if (q) {
        t->ndim = q->ndim;
        memcpy(t->shape, q->shape, sizeof q->shape);
    }
    sn->used += (size_t)(q ? q->count : 1) * weft_dtype_size(dtype);
    return data;
}

static bool add_from(struct snapshot *sn, const weft_params *p, const char *name,
                     const struct wf_param *q, const struct wf_storage *from, size_t offset,
                     struct weft_error *err)
{
    void *data = add_tensor(sn, name, WEFT_F32, q);
    struct weft_error e = {0};
    return wf_download(p->dev, from->mem, offset, data, (size_t)q->count * sizeof(float), &e) ||
           wf_fail_in(err, "training_save", &e);
}

static void add_steps(struct snapshot *sn, const weft_optim *o)
{
    for (int i = 0; i < o->count; i++) {
        const struct wf_optim_state *st = &o->state[i];
        const char *name = keep_name(sn, "optimizer.", st->param->name, ".step");
        memcpy(add_tensor(sn, name, WEFT_I64, NULL), &st->steps, sizeof st->steps);
    }
}

static bool add_params(struct snapshot *sn, const weft_params *p, struct weft_error *err)
{
    for (int i = 0; i < p->count; i++) {
        const struct wf_param *q = p->param[i];
        if (!add_from(sn, p, keep_name(sn, "", q->name, ""), q, q->variable.storage, 0, err))
            return false;
    }
    for (int i = 0; i < p->count; i++) {
        const struct wf_param *q = p->param[i];
        if (q->variable.grad &&
            !add_from(sn, p, keep_name(sn, "gradient.", q->name, ""), q, q->variable.grad, 0, err))
            return false;
    }
    return true;
}

static bool add_moments(struct snapshot *sn, const weft_optim *o, struct weft_error *err)
{
    for (int i = 0; i < o->count; i++) {
        const struct wf_optim_state *st = &o->state[i];
        for (int k = 0; k < o->moments; k++) {
            const char *start = keep_name(sn, "optimizer.", st->param->name, ".");
            // The moment's name continues the text, whose NUL goes.
            if (sn->names.failed)
                return wf_fail_nomem(err, "training_save");
            sn->names.length--;
            wf_text_add(&sn->names, "%s", o->moment[k]);
            wf_text_addn(&sn->names, "", 1);
            size_t offset = (size_t)k * (size_t)st->param->count * sizeof(float);
            if (!add_from(sn, o->params, start, st->param, st->storage, offset, err))
                return false;
        }
    }
    return true;
}

static wf_json *optim_state(const weft_optim *o)
{
    wf_json *v = wf_json_object();
    bool ok = wf_json_set(v, "kind", wf_json_text(o->rule->name));
    ok = wf_json_set(v, "lr", wf_json_real(o->lr)) && ok;
    ok = wf_json_set(v, "base_lr", wf_json_real(o->base_lr)) && ok;
    if (o->has_momentum)
        ok = wf_json_set(v, "momentum", wf_json_real(o->own[0])) && ok;
    if (ok)
        return v;
    wf_json_free(v);
    return NULL;
}

// JSON has signed integers: the 64 bits are kept.
static wf_json *random_state(const weft_scope *s)
{
    wf_json *v = wf_json_object();
    bool ok = wf_json_set(v, "seed", wf_json_int((int64_t)s->seed));
    ok = wf_json_set(v, "stream", wf_json_int((int64_t)s->stream)) && ok;
    ok = wf_json_set(v, "draws", wf_json_int((int64_t)s->draws)) && ok;
    if (ok)
        return v;
    wf_json_free(v);
    return NULL;
}

// The numbers, as text owned by the caller (free).
static char *numbers(const struct weft_training_params *t, struct weft_error *err)
{
    wf_json *v = wf_json_object();
    bool ok = wf_json_set(v, "version", wf_json_int(1));
    ok = wf_json_set(v, "position", wf_json_int(t->position)) && ok;
    if (t->optim)
        ok = wf_json_set(v, "optimizer", optim_state(t->optim)) && ok;
    if (t->schedule)
        ok = wf_json_set(v, "schedule", wf_schedule_state(t->schedule)) && ok;
    if (t->scope)
        ok = wf_json_set(v, "random", random_state(t->scope)) && ok;
    char *text = ok ? wf_json_print(v) : NULL;
    wf_json_free(v);
    if (!text)
        wf_fail_nomem(err, "training_save");
    return text;
}

static bool write_file(const char *path, const struct weft_training_params *t,
                       const struct snapshot *sn, struct weft_error *err)
{
    char *text = numbers(t, err);
    struct weft_file_text *all = malloc(((size_t)t->ntext + 1) * sizeof *all);
    bool ok = text && (all || wf_fail_nomem(err, path));
    if (ok) {
        all[0] = (struct weft_file_text){WF_TRAINING_KEY, text};
        if (t->ntext)
            memcpy(all + 1, t->text, (size_t)t->ntext * sizeof *all);
        ok = weft_safetensors_write(
            path, sn->tensor, sn->count,
            weft_safetensors_params(.metadata = all, .nmetadata = t->ntext + 1), err);
    }
    free(all);
    free(text);
    return ok;
}

static bool may_save(const char *path, const struct weft_training_params *t, struct weft_error *err)
{
    if (t->scope && !weft_flush(t->scope))
        return wf_fail(err, t->scope->err.status, "%s: not saved: %s", path, t->scope->err.text);
    for (int i = 0; i < t->ntext; i++) {
        if (t->text[i].key && wf_begins(t->text[i].key, "weft."))
            return wf_fail(err, WEFT_PARAM, "%s: a text is called \"%s\"; \"weft.\" is weft's own",
                           path, t->text[i].key);
    }
    if (t->optim && !isfinite(t->optim->lr))
        return wf_fail(err, WEFT_PARAM, "%s: not saved: the optimizer's lr is %g", path,
                       t->optim->lr);
    return wf_params_whole(t->params, path, err);
}

bool weft_training_save(const char *path, const struct weft_training_params *params,
                        struct weft_error *err)
{
    struct weft_training_params t;
    struct snapshot sn = {0};
    if (!wf_training_params("training_save", path, params, &t, err) || !may_save(path, &t, err))
        return false;
    bool ok = snapshot_begin(&sn, &t) || wf_fail_nomem(err, path);
    if (ok && t.optim)
        add_steps(&sn, t.optim);
    ok = ok && add_params(&sn, t.params, err) && (!t.optim || add_moments(&sn, t.optim, err)) &&
         (settle_names(&sn) || wf_fail_nomem(err, path)) && write_file(path, &t, &sn, err);
    snapshot_free(&sn);
    return ok;
}
