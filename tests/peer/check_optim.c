// One sample of an optimizer: the parameters after each step, from the same gradients.
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void name_of(int k, char name[16])
{
    snprintf(name, 16, "p%d", k);
}

static bool make_params(weft_scope *s, weft_params *net, const struct sample *m,
                        struct weft_error *err)
{
    const struct weft_init zero = {.kind = WEFT_INIT_CONSTANT};
    for (int k = 0; k < m->nin; k++) {
        const struct npy *a = &m->in[k];
        char name[16];
        name_of(k, name);
        if (!weft_param(s, net, name, zero, a->ndim, a->shape) || !weft_scope_reset(s) ||
            !weft_params_set(net, name, a->data, (size_t)a->count * sizeof(float), err))
            return false;
    }
    return true;
}

// Step `t`, with the gradients that are given: those of sum(parameter * gradient).
static bool step(weft_scope *s, weft_params *net, weft_optim *o, const struct sample *m, int t)
{
    const struct weft_init zero = {.kind = WEFT_INIT_CONSTANT};
    weft_tensor *loss = NULL;
    for (int k = 0; k < m->nin; k++) {
        const struct npy *a = &m->in[k];
        char name[16];
        name_of(k, name);
        weft_tensor *p = weft_param(s, net, name, zero, a->ndim, a->shape);
        weft_tensor *g = weft_from_host(s, WEFT_F32, a->ndim, a->shape,
                                        (const float *)m->up[k].data + t * a->count);
        weft_tensor *part = weft_sum(s, weft_mul(s, p, g), NULL);
        loss = loss ? weft_add(s, loss, part) : part;
    }
    return weft_backward(s, loss, net) && weft_optim_step(o, s) && weft_scope_reset(s);
}

static bool compare_step(const weft_params *net, const struct sample *m, int t,
                         struct weft_error *err, char text[PEER_TEXT])
{
    for (int k = 0; k < m->nin; k++) {
        struct npy want = m->in[k], got = m->in[k];
        size_t bytes = (size_t)want.count * sizeof(float);
        char name[16], what[32];
        name_of(k, name);
        snprintf(what, sizeof what, "step %d: %s", t + 1, name);
        want.data = (float *)m->out[k].data + t * want.count;
        got.data = malloc(bytes);
        bool ok = got.data && weft_params_get(net, name, got.data, bytes, err) &&
                  close_to(&want, &got, what, text);
        npy_free(&got);
        if (!ok)
            return false;
    }
    return true;
}

static bool compare_steps(weft_scope *s, weft_params *net, weft_optim *o, const struct sample *m,
                          struct weft_error *err, char text[PEER_TEXT])
{
    for (int t = 0; t < m->out[0].shape[0]; t++) {
        if (!step(s, net, o, m, t)) {
            snprintf(text, PEER_TEXT, "step %d: %s", t + 1, weft_scope_error(s)->text);
            return false;
        }
        if (!compare_step(net, m, t, err, text))
            return false;
    }
    return true;
}

enum verdict check_optim(weft_device *dev, const struct optim_row *r, const struct sample *m,
                         char text[PEER_TEXT])
{
    struct weft_error err = {0};
    const char *unable = NULL;
    *text = '\0';
    weft_scope *s = weft_scope_create(dev, weft_scope_params(.train = true), &err);
    weft_params *net = weft_params_create(dev, 0, &err);
    weft_optim *o =
        s && net && make_params(s, net, m, &err) ? r->create(net, m, &unable, &err) : NULL;
    bool ok = o && compare_steps(s, net, o, m, &err, text);
    if (!*text)
        snprintf(text, PEER_TEXT, "%s",
                 unable                        ? unable
                 : err.status                  ? err.text
                 : weft_scope_error(s)->status ? weft_scope_error(s)->text
                                               : "");
    weft_optim_destroy(&o);
    weft_params_destroy(&net);
    weft_scope_destroy(&s);
    return unable ? PEER_UNABLE : ok ? PEER_PASSED : PEER_FAILED;
}
