// Gradients of parameters: the tape's walk, whose result is added to the gradients of the store.
#include "core/segment.h"
#include "core/tape.h"
#include "nn/gradient.h"
#include "nn/grads.h"
#include "op/op.h"

static const struct wf_tape_ops tape_ops = {wf_ones_like, wf_add_grads};

// Adds to the gradient in `into` or, with NULL, to the parameter's own.
static bool accumulate(weft_scope *s, struct wf_param *q, weft_grads *into, weft_tensor *g)
{
    struct wf_variable *v = into ? wf_grads_slot(into, q, &s->err) : &q->variable;
    return v && wf_gradient_add(s, v, q->ndim, q->shape, g);
}

// Several leaves may read one parameter (tied weights): each adds its share.
static bool accumulate_all(weft_scope *s, const weft_params *params, weft_grads *into, int *found)
{
    for (struct wf_tensor *t = s->tensors, *next; t; t = next) {
        next = t->next;
        if (!t->grad || t->record || !t->leaf_tracked || (params && t->variable->store != params))
            continue;
        ++*found;
        if (!accumulate(s, (struct wf_param *)t->variable, into, t->grad))
            return false;
    }
    return true;
}

static bool backward(weft_scope *s, const weft_tensor *loss, const weft_params *params,
                     weft_grads *into)
{
    if (params && params->dev != s->dev)
        return wf_scope_fail(s, WEFT_PARAM, "backward: the params are on another device");
    if (!s->train)
        return wf_scope_fail(s, WEFT_PARAM, "backward: the scope was made without .train");
    int found = 0;
    bool ok = wf_tape_walk(s, "backward", loss, NULL, params, &tape_ops) &&
              accumulate_all(s, params, into, &found);
    wf_tape_forget(s);
    if (ok && !found)
        ok = wf_scope_fail(s, WEFT_PARAM, "backward: the loss depends on none of these params");
    return ok;
}

bool weft_backward(weft_scope *s, const weft_tensor *loss, weft_params *params)
{
    return wf_scope_takes(s, "backward", loss) && backward(s, loss, params, NULL);
}

bool weft_backward_into(weft_scope *s, const weft_tensor *loss, weft_grads *into)
{
    if (!wf_scope_takes(s, "backward", loss))
        return false;
    if (!into)
        return wf_scope_fail(s, WEFT_PARAM, "backward: the grads are NULL");
    return backward(s, loss, wf_grads_params(into), into);
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
    if (!wf_want_float(s, "grad", y) || !wf_want_float(s, "grad", x))
        return NULL;
    bool ok = wf_tape_walk(s, "grad", y, t, NULL, &tape_ops);
    weft_tensor *g = t->grad;
    wf_tape_forget(s);
    // On the way to y, everything that reads x is flat in it.
    return ok && !g ? weft_full(s, x->dtype, x->ndim, x->shape, 0) : ok ? g : NULL;
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
        return wf_scope_nomem(s, "zero_grad");
    for (int i = 0; i < params->count; i++)
        var[i] = &params->param[i]->variable;
    return wf_gradient_clear(s, params->count, var);
}
