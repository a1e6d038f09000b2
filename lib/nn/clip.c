// Clipping the gradients. A norm and a clipping are one record each over all gradients, in a few
// launches; the clipped ones are new tensors, which then become the parameters' gradients.
#include "nn/gradient.h"
#include "nn/optim.h"
#include "op/op.h"
#include <math.h>
#include <stdio.h>

// Attribute of a norm and of a clipping, which has an output for each gradient, and the norm, if it
// goes by that, as the last input.
struct clip {
    double number; // the norm's p; max_norm, or the largest value
    int rule;      // NORM or RULE in cl/clip.cl
    int n;         // gradients
    bool wide;
};

static struct wf_kernel *kernel_of(weft_device *dev, const struct clip *c, const char *kernel,
                                   const char *knob, int local, struct weft_error *err)
{
    char defines[96];
    snprintf(defines, sizeof defines, "%s#define SETS %d\n#define %s %d\n#define LOCAL %d\n",
             c->wide ? "#define INDEX long\n" : "", wf_sets_of(dev), knob, c->rule, local);
    struct wf_request r = {"clip", kernel, defines, kernel};
    return wf_kernel_get(dev, &r, err);
}

// With groups of 64, unless the device is a CPU or takes fewer of this kernel. No kernel: an error.
static struct wf_launch launch_of(weft_device *dev, const struct wf_record *r, const char *kernel,
                                  const char *knob, struct weft_error *err)
{
    const struct clip *c = r->attr;
    int local = dev->info.type == WEFT_DEVICE_CPU ? 1 : 64;
    struct wf_kernel *k = kernel_of(dev, c, kernel, knob, local, err);
    if (k && k->max_group < (size_t)local) {
        local = 1;
        k = kernel_of(dev, c, kernel, knob, local, err);
    }
    return (struct wf_launch){
        .kernel = k, .op = r->op->name, .local = (size_t)local, .wide = c->wide};
}

static int sizes(const struct wf_record *r, int first, int sets, int64_t *count)
{
    const struct clip *c = r->attr;
    int n = c->n - first < sets ? c->n - first : sets;
    for (int i = 0; i < n; i++)
        count[i] = weft_count(&r->in[first + i]->pub);
    return n;
}

// Gradients first .. of one launch; *at counts the parts.
static bool launch_parts(weft_device *dev, const struct wf_record *r, int first, int64_t *at,
                         struct wf_storage *parts, struct weft_error *err)
{
    const struct clip *c = r->attr;
    struct wf_launch l = launch_of(dev, r, "norm_parts", "NORM", err);
    if (!l.kernel)
        return false;
    int sets = wf_sets_of(dev);
    int64_t count[WF_MAX_SETS];
    cl_float p = (cl_float)c->number;
    struct wf_sets s;
    struct wf_index from;
    int n = sizes(r, first, sets, count);
    wf_sets_make(&s, &l, sets, n, count);
    wf_launch_index(&l, &s.chunk, WF_SET_CHUNK);
    wf_launch_value(&l, sizeof p, &p);
    wf_launch_index(&l, &from, *at);
    wf_launch_mem(&l, &parts->mem);
    wf_sets_argument(&s, &l);
    for (int i = 0; i < sets; i++)
        wf_launch_mem(&l, &r->in[first + (i < n ? i : 0)]->storage->mem);
    *at += l.tasks;
    return wf_launch(dev, &l, err);
}

static bool launch_total(weft_device *dev, const struct wf_record *r, int64_t n,
                         struct wf_storage *parts, struct weft_error *err)
{
    const struct clip *c = r->attr;
    struct wf_launch l = launch_of(dev, r, "norm_total", "NORM", err);
    if (!l.kernel)
        return false;
    cl_float p = (cl_float)c->number;
    struct wf_index count;
    l.tasks = 1;
    wf_launch_index(&l, &count, n);
    wf_launch_value(&l, sizeof p, &p);
    wf_launch_mem(&l, &parts->mem);
    wf_launch_mem(&l, &r->out[0]->storage->mem);
    return wf_launch(dev, &l, err);
}

static bool norm_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct clip *c = r->attr;
    int64_t n = 0, at = 0;
    for (int i = 0; i < c->n; i++)
        n += (weft_count(&r->in[i]->pub) + WF_SET_CHUNK - 1) / WF_SET_CHUNK;
    struct wf_storage *parts = wf_storage_new(dev, (size_t)(n ? n : 1) * sizeof(cl_float), err);
    bool ok = parts;
    for (int i = 0; ok && i < c->n; i += wf_sets_of(dev))
        ok = launch_parts(dev, r, i, &at, parts, err);
    ok = ok && launch_total(dev, r, n, parts, err);
    wf_storage_unref(parts);
    return ok;
}

static bool launch_clip(weft_device *dev, const struct wf_record *r, int first,
                        struct weft_error *err)
{
    const struct clip *c = r->attr;
    struct wf_launch l = launch_of(dev, r, "clip", "RULE", err);
    if (!l.kernel)
        return false;
    int sets = wf_sets_of(dev);
    int64_t count[WF_MAX_SETS];
    cl_float most = (cl_float)c->number;
    struct wf_sets s;
    int n = sizes(r, first, sets, count);
    wf_sets_make(&s, &l, sets, n, count);
    wf_launch_index(&l, &s.chunk, WF_SET_CHUNK);
    wf_launch_value(&l, sizeof most, &most);
    wf_launch_mem(&l, &r->in[r->nin - 1]->storage->mem);
    wf_sets_argument(&s, &l);
    for (int i = 0; i < sets; i++) {
        int at = first + (i < n ? i : 0);
        wf_launch_mem(&l, &r->in[at]->storage->mem);
        wf_launch_mem(&l, &r->out[at]->storage->mem);
    }
    return wf_launch(dev, &l, err);
}

static bool clip_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct clip *c = r->attr;
    bool ok = true;
    for (int i = 0; ok && i < c->n; i += wf_sets_of(dev))
        ok = launch_clip(dev, r, i, err);
    return ok;
}

static const struct wf_op op_norm = {.name = "clip_grad_norm", .run = norm_run};
static const struct wf_op op_scale = {.name = "clip_grad_norm", .run = clip_run};
static const struct wf_op op_value = {.name = "clip_grad_value", .run = clip_run};

// The gradients that are to be clipped, and of which parameters.
struct grads {
    int n;
    const weft_tensor **grad;
    struct wf_variable **var;
    bool wide;
};

static bool collect(weft_scope *s, const char *call, weft_params *p, double most, struct grads *g)
{
    if (!wf_scope_ok(s))
        return false;
    if (!p || p->dev != s->dev)
        return wf_scope_fail(s, WEFT_PARAM, "%s: the params are %s", call,
                             p ? "on another device" : "NULL");
    if (!(most >= 0))
        return wf_scope_fail(s, WEFT_PARAM, "%s: the limit is %g; 0 or more was wanted", call,
                             most);
    size_t bytes = ((size_t)p->count + 1) * sizeof(void *);
    *g = (struct grads){.grad = wf_arena_take(&s->arena, bytes),
                        .var = wf_arena_take(&s->arena, bytes)};
    if (!g->grad || !g->var)
        return wf_scope_nomem(s, call);
    g->n = wf_optim_collect(s, p, g->grad, g->var);
    if (!g->n)
        return wf_scope_fail(s, WEFT_PARAM,
                             "%s: no parameter has a gradient; weft_backward comes first", call);
    for (int i = 0; i < g->n; i++)
        g->wide = g->wide || wf_sets_wide(s->dev, 1, &g->var[i]->elements);
    return g->n > 0;
}

// Records the clipping, with `norm` or, by value, without.
static bool clip(weft_scope *s, const struct wf_op *op, struct grads *g, double most,
                 const weft_tensor *norm)
{
    struct clip c = {.number = most, .rule = norm ? 1 : 2, .n = g->n, .wide = g->wide};
    g->grad[g->n] = norm;
    weft_tensor *first = wf_record(s, &(struct wf_call){.op = op,
                                                        .nin = g->n + (norm != NULL),
                                                        .in = g->grad,
                                                        .dtype = WEFT_F32,
                                                        .ndim = g->grad[0]->ndim,
                                                        .shape = g->grad[0]->shape,
                                                        .more = g->n - 1,
                                                        .attr = &c,
                                                        .attr_bytes = sizeof c});
    if (!first)
        return false;
    const struct wf_record *r = wf_tensor(first)->record;
    for (int i = 0; i < g->n; i++) {
        if (!wf_gradient_put(s, g->var[i], &r->out[i]->pub))
            return false;
    }
    return true;
}

// An error of the norm leaves the gradients alone.
static bool check_finite(weft_scope *s, weft_tensor *norm)
{
    double v = weft_item(s, norm);
    return wf_scope_ok(s) && (isfinite(v) || wf_scope_fail(s, WEFT_NONFINITE,
                                                           "clip_grad_norm: the norm of the "
                                                           "gradients is %g; a finite one was "
                                                           "wanted",
                                                           v));
}

weft_tensor *weft_clip_grad_norm(weft_scope *s, weft_params *params, double max_norm,
                                 const struct weft_clip_params *options)
{
    struct weft_clip_params o;
    struct grads g;
    WF_PARAMS(o, options);
    o.p = o.p == 0 ? 2 : o.p;
    if (wf_scope_ok(s) && !(o.p > 0)) {
        wf_scope_fail(s, WEFT_PARAM, "clip_grad_norm: p is %g; above 0 was wanted", o.p);
        return NULL;
    }
    if (!collect(s, "clip_grad_norm", params, max_norm, &g))
        return NULL;
    struct clip c = {.number = o.p,
                     .rule = o.p == 2     ? 1
                             : isinf(o.p) ? 3
                                          : 2,
                     .n = g.n,
                     .wide = g.wide};
    weft_tensor *norm = wf_record(s, &(struct wf_call){.op = &op_norm,
                                                       .nin = g.n,
                                                       .in = g.grad,
                                                       .dtype = WEFT_F32,
                                                       .attr = &c,
                                                       .attr_bytes = sizeof c});
    bool ok = norm && (!o.error_if_nonfinite || check_finite(s, norm)) &&
              clip(s, &op_scale, &g, max_norm, norm);
    return ok ? norm : NULL;
}

bool weft_clip_grad_value(weft_scope *s, weft_params *params, double most)
{
    struct grads g;
    return collect(s, "clip_grad_value", params, most, &g) && clip(s, &op_value, &g, most, NULL);
}
