// Walks over several strided tensors, with as few dimensions as they need.
#include "core/view.h"

void wf_dims_init(struct wf_dims *d, int ndim, const int64_t *shape)
{
    *d = (struct wf_dims){.rank = ndim};
    if (ndim)
        memcpy(d->shape, shape, (size_t)ndim * sizeof *shape);
}

void wf_dims_add(struct wf_dims *d, const struct wf_tensor *t)
{
    int v = d->views++, missing = d->rank - t->pub.ndim;
    d->offset[v] = t->offset;
    for (int i = 0; i < d->rank; i++) {
        bool repeated = i < missing || t->pub.shape[i - missing] == 1;
        d->stride[v][i] = repeated ? 0 : t->stride[i - missing];
    }
}

// Can dimension `to` and the one at `from` after it be walked as one?
static bool joins(const struct wf_dims *d, int to, int from)
{
    for (int v = 0; v < d->views; v++) {
        if (d->stride[v][to] != d->stride[v][from] * d->shape[from])
            return false;
    }
    return true;
}

void wf_dims_collapse(struct wf_dims *d)
{
    int to = -1;
    for (int from = 0; from < d->rank; from++) {
        if (d->shape[from] == 1)
            continue;
        int64_t shape = d->shape[from];
        bool join = to >= 0 && joins(d, to, from);
        if (join)
            shape *= d->shape[to];
        else
            to++;
        d->shape[to] = shape;
        for (int v = 0; v < d->views; v++)
            d->stride[v][to] = d->stride[v][from];
    }
    d->rank = to + 1;
    if (d->rank)
        return;
    d->rank = 1;
    d->shape[0] = 1;
    for (int v = 0; v < d->views; v++)
        d->stride[v][0] = 0;
}

int64_t wf_dims_last(const struct wf_dims *d, int view)
{
    int64_t last = d->offset[view];
    for (int i = 0; i < d->rank; i++)
        last += d->shape[i] && d->stride[view][i] > 0 ? (d->shape[i] - 1) * d->stride[view][i] : 0;
    return last;
}

bool wf_dims_wide(const weft_device *dev, const struct wf_dims *d)
{
    int64_t most = wf_shape_count(d->rank, d->shape);
    for (int v = 0; v < d->views; v++) {
        int64_t last = wf_dims_last(d, v);
        most = last > most ? last : most;
    }
    // Loops may step past the end by less than a chunk, of which 2048 are 31 bits.
    return wf_wide(dev, most + dev->index_max / 2048);
}

bool wf_tensor_wide(const weft_device *dev, const struct wf_tensor *t)
{
    struct wf_dims d = {.rank = t->pub.ndim, .views = 1, .offset = {t->offset}};
    memcpy(d.shape, t->pub.shape, sizeof d.shape);
    memcpy(d.stride[0], t->stride, sizeof d.stride[0]);
    return wf_dims_wide(dev, &d);
}

static void put(struct wf_dims_arg *out, bool wide, size_t *n, int64_t value)
{
    if (wide)
        out->u.wide[*n] = value;
    else
        out->u.narrow[*n] = (int32_t)value;
    ++*n;
}

void wf_dims_pack(const struct wf_dims *d, bool wide, struct wf_dims_arg *out)
{
    size_t n = 0;
    for (int i = 0; i < d->rank; i++)
        put(out, wide, &n, d->shape[i]);
    for (int v = 0; v < d->views; v++) {
        for (int i = 0; i < d->rank; i++)
            put(out, wide, &n, d->stride[v][i]);
    }
    for (int v = 0; v < d->views; v++)
        put(out, wide, &n, d->offset[v]);
    out->bytes = n * (wide ? 8 : 4);
}
