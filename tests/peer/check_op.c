// One sample of an op: the results, then the gradients of sum(result * upstream gradient).
#include "check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool failed(weft_scope *s, const char *what, char text[PEER_TEXT])
{
    const struct weft_error *e = weft_scope_error(s);
    if (e->status)
        snprintf(text, PEER_TEXT, "%s: %s", what, e->text);
    return e->status != WEFT_OK;
}

static bool compare(weft_scope *s, const weft_tensor *y, const struct npy *want, const char *what,
                    int k, char text[PEER_TEXT])
{
    char name[32];
    snprintf(name, sizeof name, "%s%d", what, k);
    if (failed(s, name, text))
        return false;
    if (!y) {
        snprintf(text, PEER_TEXT, "%s: not made", name);
        return false;
    }
    struct npy got = {.dtype = y->dtype, .ndim = y->ndim, .count = weft_count(y)};
    memcpy(got.shape, y->shape, sizeof *y->shape * (size_t)y->ndim);
    size_t bytes = (size_t)got.count * weft_dtype_size(got.dtype);
    got.data = calloc(1, bytes + 1);
    bool ok = got.data && weft_read(s, y, got.data, bytes);
    ok = !failed(s, name, text) && ok && close_to(want, &got, name, text);
    npy_free(&got);
    return ok;
}

static bool compare_grads(const struct call *c, char text[PEER_TEXT])
{
    const struct sample *m = c->sample;
    weft_tensor *loss = NULL;
    for (int k = 0; k < m->nout; k++) {
        const struct npy *up = &m->up[k];
        if (!up->data)
            continue;
        weft_tensor *g = weft_from_host(c->s, up->dtype, up->ndim, up->shape, up->data);
        weft_tensor *part = weft_sum(c->s, weft_mul(c->s, c->y[k], g), NULL);
        loss = loss ? weft_add(c->s, loss, part) : part;
    }
    for (int k = 0; k < m->nin && loss; k++) {
        if (m->grad[k].data &&
            !compare(c->s, weft_grad(c->s, loss, c->x[k]), &m->grad[k], "grad", k, text))
            return false;
    }
    return !failed(c->s, "gradient", text);
}

static enum verdict check_in(const struct op_row *r, struct call *c, char text[PEER_TEXT])
{
    const struct sample *m = c->sample;
    for (int k = 0; k < m->nin; k++)
        c->x[k] =
            weft_from_host(c->s, m->in[k].dtype, m->in[k].ndim, m->in[k].shape, m->in[k].data);
    op_row_call(r, c);
    if (c->unable) {
        snprintf(text, PEER_TEXT, "%s", c->unable);
        return PEER_UNABLE;
    }
    for (int k = 0; k < m->nout; k++) {
        if (!compare(c->s, c->y[k], &m->out[k], "out", k, text))
            return PEER_FAILED;
    }
    return compare_grads(c, text) ? PEER_PASSED : PEER_FAILED;
}

enum verdict check_op(weft_device *dev, const struct op_row *r, const struct sample *m,
                      char text[PEER_TEXT])
{
    struct weft_error err = {0};
    struct call c = {.sample = m};
    c.s = weft_scope_create(dev, weft_scope_params(.train = true), &err);
    snprintf(text, PEER_TEXT, "%s", err.text);
    enum verdict v = c.s ? check_in(r, &c, text) : PEER_FAILED;
    weft_scope_destroy(&c.s);
    return v;
}
