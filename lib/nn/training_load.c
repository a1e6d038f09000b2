// Loading a training. Everything is read, checked and put on the device before anything changes.
#include "base/text.h"
#include "nn/training.h"
#include <math.h>
#include <stdlib.h>

struct load {
    const char *path;
    const struct weft_training_params *t;
    const weft_safetensors *f;
    const wf_json *numbers;
    struct weft_error *err;
    // What is ready to be taken on.
    struct ready {
        const struct weft_file_tensor *param; // of the file
        struct wf_storage *storage;           // moments, or a gradient
        int64_t steps;
    } * state, *grad;
    int states, grads, used;      // `used`: tensors of optimizers that were looked at
    struct wf_optim_state *kept;  // room for the optimizer's new list
    double lr, base_lr, momentum; // momentum: NAN if there is none
    int64_t position, seed, stream, draws;
};

static bool lacks(const struct load *l, const char *what)
{
    return wf_fail(l->err, WEFT_FORMAT, "%s: has no %s", l->path, what);
}

// A tensor of the file by a name in three parts. NULL: there is none or, with an error, no memory.
static const struct weft_file_tensor *find(const struct load *l, const char *prefix, size_t n,
                                           const char *name, const char *end)
{
    struct wf_text text = {0};
    wf_text_add(&text, "%s%.*s%s", prefix, (int)n, name, end);
    const struct weft_file_tensor *t =
        text.failed ? NULL : weft_safetensors_find(l->f, wf_text_get(&text));
    if (text.failed)
        wf_fail_nomem(l->err, l->path);
    wf_text_finish(&text);
    return t;
}

// The tensor is like its parameter.
static bool is_like(const struct load *l, const struct weft_file_tensor *t,
                    const struct weft_file_tensor *param)
{
    return (t->dtype == WEFT_F32 && t->ndim == param->ndim &&
            !memcmp(t->shape, param->shape, (size_t)t->ndim * sizeof *t->shape)) ||
           wf_fail(l->err, WEFT_FORMAT, "%s: %s is %s %s; %s F32 was wanted", l->path, t->name,
                   WF_SHAPE(t->ndim, t->shape), weft_dtype_name(t->dtype),
                   WF_SHAPE(param->ndim, param->shape));
}

static size_t bytes_of(const struct weft_file_tensor *t)
{
    return (size_t)wf_shape_count(t->ndim, t->shape) * sizeof(float);
}

// New storage for n tensors like `param`.
static struct wf_storage *make_storage(const struct load *l, const struct weft_file_tensor *param,
                                       int n)
{
    struct weft_error e = {0};
    struct wf_storage *s = wf_storage_new(l->t->params->dev, bytes_of(param) * (size_t)n, &e);
    if (!s)
        wf_fail_in(l->err, "training_load", &e);
    return s;
}

static bool upload(const struct load *l, const struct wf_storage *to, size_t offset,
                   const struct weft_file_tensor *t)
{
    struct weft_error e = {0};
    return wf_upload(l->t->params->dev, to->mem, offset, t->data, bytes_of(t), &e) ||
           wf_fail_in(l->err, "training_load", &e);
}

static bool read_steps(struct load *l, const struct weft_file_tensor *t, struct ready *r)
{
    if (t->dtype != WEFT_I64 || t->ndim)
        return wf_fail(l->err, WEFT_FORMAT, "%s: %s is %s %s; [] I64 was wanted", l->path, t->name,
                       WF_SHAPE(t->ndim, t->shape), weft_dtype_name(t->dtype));
    memcpy(&r->steps, t->data, sizeof r->steps);
    l->used++;
    return (r->steps >= 0 && r->steps <= WF_MAX_STEPS) ||
           wf_fail(l->err, WEFT_FORMAT, "%s: %s is %lld; 0 to 2^53 was wanted", l->path, t->name,
                   (long long)r->steps);
}

static bool read_moment(struct load *l, struct ready *r, int k)
{
    const weft_optim *o = l->t->optim;
    struct wf_text end = {0};
    wf_text_add(&end, ".%s", o->moment[k]);
    const char *name = r->param->name;
    const struct weft_file_tensor *t =
        end.failed ? NULL : find(l, "optimizer.", strlen(name), name, wf_text_get(&end));
    if (end.failed)
        wf_fail_nomem(l->err, l->path);
    wf_text_finish(&end);
    if (!t) // unless there was no memory
        return wf_fail(l->err, WEFT_FORMAT, "%s: has no tensor \"optimizer.%s.%s\"", l->path, name,
                       o->moment[k]);
    l->used++;
    return is_like(l, t, r->param) && upload(l, r->storage, (size_t)k * bytes_of(t), t);
}

// The parameter that something of a training belongs to, by its name in the file; n of `before`
// have theirs already, and each may have one only. NULL, with an error, if it is none.
static const struct weft_file_tensor *owner(struct load *l, const struct weft_file_tensor *t,
                                            const struct weft_file_tensor *param,
                                            const struct ready *before, int n)
{
    const weft_params *p = l->t->params;
    if (!param || wf_params_skips(param->name)) {
        wf_fail(l->err, WEFT_FORMAT, "%s: \"%s\" is of no parameter", l->path, t->name);
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        if (!strcmp(wf_params_root(p, before[i].param->name), wf_params_root(p, param->name))) {
            wf_fail(l->err, WEFT_FORMAT, "%s: \"%s\" is of a parameter that has one already",
                    l->path, t->name);
            return NULL;
        }
    }
    return param;
}

// "optimizer.NAME.step", and the moments beside it.
static bool read_state(struct load *l, const struct weft_file_tensor *t, size_t name)
{
    static const size_t prefix = sizeof "optimizer." - 1;
    struct ready *r = &l->state[l->states];
    r->param = owner(l, t, find(l, "", name, t->name + prefix, ""), l->state, l->states);
    if (!r->param)
        return false;
    l->states++;
    if (!read_steps(l, t, r))
        return false;
    const weft_optim *o = l->t->optim;
    if (o->moments && !(r->storage = make_storage(l, r->param, o->moments)))
        return false;
    for (int k = 0; k < o->moments; k++) {
        if (!read_moment(l, r, k))
            return false;
    }
    return true;
}

static bool read_states(struct load *l)
{
    const struct weft_file_tensor *t;
    static const size_t prefix = sizeof "optimizer." - 1, end = sizeof ".step" - 1;
    int all = 0;
    for (int i = 0; (t = weft_safetensors_at(l->f, i)); i++) {
        size_t n = strlen(t->name);
        if (!wf_begins(t->name, "optimizer."))
            continue;
        all++;
        if (n > prefix + end && !strcmp(t->name + n - end, ".step") &&
            !read_state(l, t, n - prefix - end))
            return false;
    }
    return all == l->used ||
           wf_fail(l->err, WEFT_FORMAT, "%s: has %d tensors of an optimizer; %d was wanted",
                   l->path, all, l->used);
}

static bool read_grads(struct load *l)
{
    const struct weft_file_tensor *t;
    static const size_t prefix = sizeof "gradient." - 1;
    for (int i = 0; (t = weft_safetensors_at(l->f, i)); i++) {
        if (!wf_begins(t->name, "gradient."))
            continue;
        struct ready *r = &l->grad[l->grads];
        r->param = owner(l, t, weft_safetensors_find(l->f, t->name + prefix), l->grad, l->grads);
        if (!r->param)
            return false;
        l->grads++;
        if (!is_like(l, t, r->param) || !(r->storage = make_storage(l, r->param, 1)) ||
            !upload(l, r->storage, 0, t))
            return false;
    }
    return true;
}

static bool get_real(const wf_json *v, const char *key, double *to)
{
    return wf_json_get_real(wf_json_member(v, key), to) && *to >= 0 && isfinite(*to);
}

static bool read_optim(struct load *l)
{
    const wf_json *v = wf_json_member(l->numbers, "optimizer");
    const char *kind = wf_json_get_text(wf_json_member(v, "kind")), *want = l->t->optim->rule->name;
    if (!kind || strcmp(kind, want))
        return wf_fail(l->err, WEFT_FORMAT, "%s: its optimizer is \"%.40s\"; \"%s\" was wanted",
                       l->path, kind ? kind : "", want);
    if (!get_real(v, "momentum", &l->momentum))
        l->momentum = NAN;
    return (get_real(v, "lr", &l->lr) && get_real(v, "base_lr", &l->base_lr)) ||
           lacks(l, "step size of the optimizer");
}

static bool read_random(struct load *l)
{
    const wf_json *v = wf_json_member(l->numbers, "random");
    return (wf_json_get_int(wf_json_member(v, "seed"), &l->seed) &&
            wf_json_get_int(wf_json_member(v, "stream"), &l->stream) &&
            wf_json_get_int(wf_json_member(v, "draws"), &l->draws)) ||
           lacks(l, "random state");
}

static bool read_numbers(struct load *l)
{
    const struct weft_training_params *t = l->t;
    int64_t version = 0;
    if (!wf_json_get_int(wf_json_member(l->numbers, "version"), &version) || version != 1)
        return wf_fail(l->err, WEFT_FORMAT, "%s: a training of version %lld; 1 was wanted", l->path,
                       (long long)version);
    if (!wf_json_get_int(wf_json_member(l->numbers, "position"), &l->position) || l->position < 0)
        return lacks(l, "position, or a negative one");
    return (!t->optim || read_optim(l)) &&
           (!t->schedule || wf_schedule_fits(t->schedule, wf_json_member(l->numbers, "schedule"),
                                             l->path, l->err)) &&
           (!t->scope || read_random(l));
}

static bool make_room(struct load *l)
{
    size_t n = (size_t)weft_safetensors_count(l->f) + 1;
    l->state = calloc(n, sizeof *l->state);
    l->grad = calloc(n, sizeof *l->grad);
    l->kept = calloc(n, sizeof *l->kept);
    return (l->state && l->grad && l->kept) || wf_fail_nomem(l->err, l->path);
}

static void take_states(struct load *l)
{
    weft_optim *o = l->t->optim;
    for (int i = 0; i < o->count; i++)
        wf_storage_unref(o->state[i].storage);
    free(o->state);
    for (int i = 0; i < l->states; i++) {
        struct ready *r = &l->state[i];
        l->kept[i] = (struct wf_optim_state){wf_params_find(l->t->params, r->param->name),
                                             r->storage, r->steps};
        r->storage = NULL;
    }
    o->state = l->kept;
    o->count = l->states;
    o->room = weft_safetensors_count(l->f) + 1;
    l->kept = NULL;
    o->lr = l->lr;
    o->base_lr = l->base_lr;
    if (o->has_momentum && !isnan(l->momentum))
        o->own[0] = l->momentum;
}

static void set_grad(struct wf_variable *v, struct wf_storage *grad)
{
    wf_storage_unref(v->grad);
    v->grad = grad;
    v->grad_version++;
}

static void take_grads(struct load *l)
{
    const weft_params *p = l->t->params;
    for (int i = 0; i < p->count; i++)
        set_grad(&p->param[i]->variable, NULL);
    for (int i = 0; i < l->grads; i++) {
        set_grad(&wf_params_find(p, l->grad[i].param->name)->variable, l->grad[i].storage);
        l->grad[i].storage = NULL;
    }
}

static void take_all(struct load *l)
{
    const struct weft_training_params *t = l->t;
    take_grads(l);
    // The step size that was saved may be another than the schedule's.
    if (t->schedule)
        wf_schedule_restore(t->schedule, wf_json_member(l->numbers, "schedule"));
    if (t->optim)
        take_states(l);
    if (!t->scope)
        return;
    t->scope->seed = (uint64_t)l->seed;
    t->scope->stream = (uint64_t)l->stream;
    t->scope->draws = (uint64_t)l->draws;
}

static void finish(struct load *l)
{
    for (int i = 0; i < l->states; i++)
        wf_storage_unref(l->state[i].storage);
    for (int i = 0; i < l->grads; i++)
        wf_storage_unref(l->grad[i].storage);
    free(l->state);
    free(l->grad);
    free(l->kept);
}

// The parameters are the last that can fail, and change all or not at all.
static bool load(struct load *l, int64_t *position)
{
    bool ok = read_numbers(l) && make_room(l) && (!l->t->optim || read_states(l)) &&
              read_grads(l) && weft_params_load_from(l->t->params, l->f, NULL, l->err);
    if (ok)
        take_all(l);
    if (ok && position)
        *position = l->position;
    finish(l);
    return ok;
}

bool weft_training_load(const char *path, const struct weft_training_params *params,
                        int64_t *position, struct weft_error *err)
{
    struct weft_training_params t;
    if (!wf_training_params("training_load", path, params, &t, err))
        return false;
    if (t.scope && !wf_scope_ok(t.scope))
        return wf_fail(err, t.scope->err.status, "training_load: the scope has an error: %s",
                       t.scope->err.text);
    weft_safetensors *f = weft_safetensors_open(path, err);
    const char *text = f ? weft_safetensors_metadata(f, WF_TRAINING_KEY) : NULL;
    wf_json *numbers = text ? wf_json_parse(path, text, strlen(text), err) : NULL;
    if (f && !text)
        wf_fail(err, WEFT_FORMAT, "%s: holds no training: no \"%s\" in its metadata", path,
                WF_TRAINING_KEY);
    struct load l = {.path = path, .t = &t, .f = f, .numbers = numbers, .err = err};
    bool ok = numbers && load(&l, position);
    wf_json_free(numbers);
    weft_safetensors_close(&f);
    return ok;
}
