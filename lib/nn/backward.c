// Gradients of parameters: the tape's walk, and the records that leave its result in the store.
#include "core/segment.h"
#include "core/tape.h"
#include "nn/params.h"
#include "op/op.h"

static const struct wf_tape_ops tape_ops = {wf_ones_like, wf_add_grads};

// The gradient's storage becomes the parameter's: nothing is copied.
static bool put_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    (void)dev, (void)err;
    struct wf_variable *v = r->var[0];
    wf_storage_unref(v->grad);
    v->grad = wf_storage_ref(r->in[0]->storage);
    return true;
}

static bool clear_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    (void)dev, (void)err;
    for (int i = 0; i < r->nvar; i++) {
        wf_storage_unref(r->var[i]->grad);
        r->var[i]->grad = NULL;
    }
    return true;
}

static const struct wf_op op_put = {
    .name = "accumulate_grad", .run = put_run, .update = WF_UPDATES_GRAD};
static const struct wf_op op_clear = {
    .name = "zero_grad", .run = clear_run, .update = WF_UPDATES_GRAD};

static bool accumulate(weft_scope *s, struct wf_param *q, weft_tensor *g)
{
    struct wf_leaf *l = wf_scope_leaf(s, &q->variable);
    weft_tensor *old = wf_scope_grad(s, &q->variable, q->ndim, q->shape);
    weft_tensor *sum = wf_dense(s, old ? weft_add(s, old, g) : g);
    if (!l || !sum)
        return false;
    const weft_tensor *in[] = {sum};
    struct wf_variable *var[] = {&q->variable};
    wf_record(s, &(struct wf_call){.op = &op_put, .nin = 1, .in = in, .nvar = 1, .var = var});
    l->grad = wf_tensor(sum);
    l->grad_known = true;
    return wf_scope_ok(s);
}

// Several leaves may read one parameter (tied weights): each adds its share.
static bool accumulate_all(weft_scope *s, weft_params *params, int *found)
{
    for (struct wf_tensor *t = s->tensors, *next; t; t = next) {
        next = t->next;
        if (!t->grad || t->record || !t->variable || t->variable->store != params)
            continue;
        ++*found;
        if (!accumulate(s, (struct wf_param *)t->variable, t->grad))
            return false;
    }
    return true;
}

bool weft_backward(weft_scope *s, const weft_tensor *loss, weft_params *params)
{
    if (!wf_scope_takes(s, "backward", loss))
        return false;
    if (!params || params->dev != s->dev)
        return wf_scope_fail(s, WEFT_PARAM, "backward: the params are %s",
                             params ? "on another device" : "NULL");
    if (!s->train)
        return wf_scope_fail(s, WEFT_PARAM, "backward: the scope was made without .train");
    int found = 0;
    bool ok = wf_tape_walk(s, "backward", loss, NULL, params, &tape_ops) &&
              accumulate_all(s, params, &found);
    wf_tape_forget(s);
    if (ok && !found)
        ok = wf_scope_fail(s, WEFT_PARAM, "backward: the loss depends on none of these params");
    return ok;
}

weft_tensor *weft_grad(weft_scope *s, const weft_tensor *y, const weft_tensor *x)
{
    if (!wf_scope_takes(s, "grad", y) || !wf_scope_takes(s, "grad", x))
        return NULL;
    struct wf_tensor *t = wf_tensor(x);
    if (t->state != WF_TENSOR_IN_SCOPE) {
        wf_scope_fail(s, WEFT_PARAM, "grad: x is a kept tensor and has no history in the scope");
        return NULL;
    }
    bool ok = wf_tape_walk(s, "grad", y, t, NULL, &tape_ops);
    weft_tensor *g = t->grad;
    wf_tape_forget(s);
    return ok ? g : NULL;
}

weft_tensor *weft_checkpoint(weft_scope *s,
                             weft_tensor *(*fn)(weft_scope *s, void *priv, const weft_tensor *x),
                             void *priv, const weft_tensor *x)
{
    if (!wf_scope_takes(s, "checkpoint", x))
        return NULL;
    if (!fn) {
        wf_scope_wrong(s, "checkpoint: the function is NULL");
        return NULL;
    }
    int first = s->nrecords;
    weft_tensor *y = fn(s, priv, x);
    return wf_scope_takes(s, "checkpoint", y) && wf_segment_end(s, first) ? y : NULL;
}

bool weft_zero_grad(weft_scope *s, weft_params *params)
{
    if (!wf_scope_ok(s))
        return false;
    if (!params || params->dev != s->dev)
        return wf_scope_fail(s, WEFT_PARAM, "zero_grad: the params are %s",
                             params ? "on another device" : "NULL");
    size_t bytes = (size_t)params->count * sizeof(struct wf_variable *);
    struct wf_variable **var = wf_arena_take(&s->arena, bytes);
    if (!var)
        return wf_fail_nomem(&s->err, "zero_grad");
    for (int i = 0; i < params->count; i++) {
        struct wf_leaf *l = wf_scope_leaf(s, var[i] = &params->param[i]->variable);
        if (!l)
            return false;
        l->grad = NULL;
        l->grad_known = true;
    }
    wf_record(s, &(struct wf_call){.op = &op_clear, .nvar = params->count, .var = var});
    return wf_scope_ok(s);
}
