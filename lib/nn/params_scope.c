// Parameters and buffers as tensors of a scope, and the update of a buffer.
//
// A buffer's memory is never written again once it holds a value: an update puts other memory in
// its place, that of the value itself where nothing speaks against it.
#include "nn/params.h"
#include "op/op.h"
#include <stdlib.h>

static bool zero_row(weft_device *dev, struct wf_storage *st, const struct wf_param_spec *spec,
                     int64_t width, struct weft_error *err)
{
    size_t bytes = (size_t)width * sizeof(float);
    float *zeros = calloc((size_t)width + 1, sizeof *zeros);
    bool ok = zeros ? wf_upload(dev, st->mem, (size_t)spec->padding * bytes, zeros, bytes, err)
                    : wf_fail_nomem(err, spec->name);
    free(zeros);
    return ok;
}

static struct wf_param *make(weft_params *p, const struct wf_param_spec *spec, const char *name,
                             int ndim, const int64_t *shape, struct weft_error *err)
{
    size_t bytes = (size_t)wf_shape_count(ndim, shape) * sizeof(float);
    if (!wf_params_name_ok("param", name, err))
        return NULL;
    struct wf_storage *st = wf_storage_new(p->dev, bytes, err);
    if (!st)
        return NULL;
    if (!wf_init(p->dev, &spec->init, p->seed, name, st->mem, ndim, shape, err) ||
        (spec->padded && !zero_row(p->dev, st, spec, shape[1], err))) {
        wf_storage_unref(st);
        return NULL;
    }
    struct wf_param *q = wf_params_add(p, name, ndim, shape, st, err);
    if (q)
        q->buffer = spec->buffer;
    return q;
}

static struct wf_param *find_or_make(weft_params *p, const struct wf_param_spec *spec, int ndim,
                                     const int64_t *shape, struct weft_error *err)
{
    wf_lock(&p->lock);
    struct wf_param *q = wf_params_find(p, spec->name);
    if (!q)
        q = make(p, spec, wf_params_root(p, spec->name), ndim, shape, err);
    if (q && q->unsettled) {
        q->buffer = spec->buffer;
        q->unsettled = false;
    }
    wf_unlock(&p->lock);
    return q;
}

static bool check(weft_scope *s, const weft_params *p, const struct wf_param_spec *spec, int ndim,
                  const int64_t *shape)
{
    const char *call = spec->buffer ? "buffer" : "param", *name = spec->name;
    struct weft_error e = {0};
    if (!wf_scope_ok(s))
        return false;
    if (!p || !name || !*name)
        return wf_scope_fail(s, WEFT_PARAM, "%s: the %s", call,
                             !p      ? "params are NULL"
                             : !name ? "name is NULL"
                                     : "name is empty");
    if (p->dev != s->dev)
        return wf_scope_fail(s, WEFT_PARAM, "%s: the params are on another device", name);
    return wf_scope_shape(s, name, WEFT_F32, ndim, shape) &&
           (wf_init_ok(&spec->init, name, ndim, shape, &e) ||
            wf_scope_fail(s, e.status, "%s", e.text));
}

static bool fits(weft_scope *s, const struct wf_param *q, const struct wf_param_spec *spec,
                 int ndim, const int64_t *shape)
{
    if (q->buffer != spec->buffer)
        return wf_scope_fail(s, WEFT_PARAM, "%s: is a %s; a %s was wanted", spec->name,
                             q->buffer ? "buffer" : "parameter",
                             spec->buffer ? "buffer" : "parameter");
    if (q->ndim != ndim || (ndim && memcmp(q->shape, shape, (size_t)ndim * sizeof *shape)))
        return wf_scope_fail(s, WEFT_SHAPE, "%s: is %s; %s was wanted", spec->name,
                             WF_SHAPE(q->ndim, q->shape), WF_SHAPE(ndim, shape));
    return true;
}

weft_tensor *wf_param(weft_scope *s, weft_params *p, const struct wf_param_spec *spec, int ndim,
                      const int64_t *shape)
{
    if (!check(s, p, spec, ndim, shape))
        return NULL;
    struct weft_error e = {0};
    struct wf_param *q = find_or_make(p, spec, ndim, shape, &e);
    if (!q) {
        wf_scope_fail(s, e.status, "%.80s: %s", spec->name, e.text);
        return NULL;
    }
    if (!fits(s, q, spec, ndim, shape))
        return NULL;
    return wf_scope_variable(s, &q->variable, !q->frozen && !q->buffer, ndim, shape);
}

weft_tensor *weft_param(weft_scope *s, weft_params *p, const char *name, struct weft_init init,
                        int ndim, const int64_t *shape)
{
    return wf_param(s, p, &(struct wf_param_spec){.name = name, .init = init}, ndim, shape);
}

weft_tensor *weft_buffer(weft_scope *s, weft_params *p, const char *name, struct weft_init init,
                         int ndim, const int64_t *shape)
{
    return wf_param(s, p, &(struct wf_param_spec){.name = name, .init = init, .buffer = true}, ndim,
                    shape);
}

// The attribute of an update: a copy of the value, where its own memory cannot be used.
struct set {
    struct wf_storage **copy;
};

// The host program's memory is not kept, and a part does not hold on to the whole.
static bool can_keep(const struct wf_tensor *value)
{
    const struct wf_storage *st = value->storage;
    return !st->borrowed && st->block && st->block->bytes <= wf_pool_round(wf_tensor_bytes(value));
}

static bool set_prepare(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct set *a = r->attr;
    const struct wf_tensor *value = r->in[0];
    if (*a->copy || can_keep(value))
        return true;
    size_t bytes = wf_tensor_bytes(value);
    *a->copy = wf_storage_new(dev, bytes, err);
    return *a->copy && wf_copy(dev, value->storage->mem, (*a->copy)->mem, bytes, err);
}

static bool set_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    (void)dev, (void)err;
    const struct set *a = r->attr;
    struct wf_variable *v = r->var[0];
    struct wf_storage *before = v->storage;
    v->storage = *a->copy ? *a->copy : wf_storage_ref(r->in[0]->storage);
    *a->copy = NULL;
    wf_storage_unref(before);
    return true;
}

static void set_drop(struct wf_record *r)
{
    const struct set *a = r->attr;
    wf_storage_unref(*a->copy);
}

static const struct wf_op op_set = {.name = "buffer_set",
                                    .run = set_run,
                                    .prepare = set_prepare,
                                    .drop = set_drop,
                                    .update = WF_UPDATES_VALUE};

static struct wf_param *find_buffer(weft_scope *s, const weft_params *p, const char *name)
{
    struct wf_param *q = p && p->dev == s->dev && name ? wf_params_find(p, name) : NULL;
    if (q && q->buffer)
        return q;
    if (q)
        wf_scope_fail(s, WEFT_PARAM, "buffer_set: %s is a parameter; a buffer was wanted", name);
    else if (!p || p->dev != s->dev)
        wf_scope_fail(s, WEFT_PARAM, "buffer_set: the params are %s",
                      p ? "on another device" : "NULL");
    else
        wf_scope_fail(s, WEFT_PARAM, "buffer_set: there is no buffer \"%s\"",
                      name ? name : "(NULL)");
    return NULL;
}

bool weft_buffer_set(weft_scope *s, weft_params *p, const char *name, const weft_tensor *value)
{
    if (!wf_scope_takes(s, "buffer_set", value))
        return false;
    struct wf_param *q = find_buffer(s, p, name);
    if (!q)
        return false;
    if (value->dtype != WEFT_F32)
        return wf_scope_fail(s, WEFT_DTYPE, "buffer_set: the value of %s is %s; F32 was wanted",
                             name, weft_dtype_name(value->dtype));
    if (value->ndim != q->ndim ||
        memcmp(value->shape, q->shape, (size_t)q->ndim * sizeof *q->shape))
        return wf_scope_fail(s, WEFT_SHAPE, "buffer_set: the value of %s is %s; %s was wanted",
                             name, WF_SHAPE(value->ndim, value->shape),
                             WF_SHAPE(q->ndim, q->shape));
    const weft_tensor *in[] = {wf_dense(s, value)};
    struct wf_variable *var[] = {&q->variable};
    struct set a = {wf_arena_take(&s->arena, sizeof *a.copy)};
    if (!a.copy)
        return wf_scope_nomem(s, "buffer_set");
    *a.copy = NULL;
    if (in[0])
        wf_record(s, &(struct wf_call){.op = &op_set,
                                       .nin = 1,
                                       .in = in,
                                       .attr = &a,
                                       .attr_bytes = sizeof a,
                                       .nvar = 1,
                                       .var = var});
    return wf_scope_ok(s);
}
