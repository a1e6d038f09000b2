// Data sets: a source whose description is checked once, here, so that nobody after this has to.
#include "data/data.h"
#include "base/error.h"
#include "base/text.h"
#include <inttypes.h>
#include <stdlib.h>

// Puts the bytes of a row in *bytes.
static bool row_bytes(const char *name, const struct weft_row *r, size_t *bytes,
                      struct weft_error *err)
{
    *bytes = weft_dtype_size(r->dtype);
    if (!*bytes)
        return wf_fail(err, WEFT_DTYPE, "data: %s has dtype %d, which is none of weft's", name,
                       (int)r->dtype);
    if (r->ndim < 0 || r->ndim >= WEFT_MAX_DIMS)
        return wf_fail(err, WEFT_SHAPE, "data: a row of %s has %d dimensions, 0 to %d are possible",
                       name, r->ndim, WEFT_MAX_DIMS - 1);
    for (int i = 0; i < r->ndim; i++) {
        if (r->shape[i] <= 0)
            return wf_fail(err, WEFT_SHAPE, "data: a row of %s is %s, its sizes must be above 0",
                           name, WF_SHAPE(r->ndim, r->shape));
        if ((uint64_t)r->shape[i] > (uint64_t)PTRDIFF_MAX / *bytes)
            return wf_fail(err, WEFT_SHAPE, "data: a row of %s is %s, more than memory can hold",
                           name, WF_SHAPE(r->ndim, r->shape));
        *bytes *= (size_t)r->shape[i];
    }
    return true;
}

static bool check(struct weft_data *d, struct weft_error *err)
{
    if (!d->src.size)
        return wf_fail(err, WEFT_PARAM,
                       "data: the source is NULL or its .size is 0, weft_data_source() sets it");
    if (!d->src.get)
        return wf_fail(err, WEFT_PARAM, "data: .get is NULL, it must fetch a row");
    if (d->src.count < 0)
        return wf_fail(err, WEFT_PARAM, "data: .count is %" PRId64 ", it cannot be below 0",
                       d->src.count);
    if (!row_bytes("x", &d->src.x, &d->x_bytes, err))
        return false;
    return d->src.y.dtype == WEFT_DTYPE_NONE || row_bytes("y", &d->src.y, &d->y_bytes, err);
}

weft_data *weft_data_create(const struct weft_data_source *src, struct weft_error *err)
{
    struct weft_data d = {0};
    WF_PARAMS(d.src, src);
    weft_data *data = check(&d, err) ? malloc(sizeof *data) : NULL;
    if (data) {
        *data = d;
        return data;
    }
    wf_fail_nomem(err, "data");
    if (d.src.destroy)
        d.src.destroy(d.src.priv);
    return NULL;
}

void weft_data_destroy(weft_data **data)
{
    if (!data || !*data)
        return;
    if ((*data)->src.destroy)
        (*data)->src.destroy((*data)->src.priv);
    free(*data);
    *data = NULL;
}

int64_t weft_data_count(const weft_data *data)
{
    return data ? data->src.count : 0;
}

const struct weft_row *weft_data_x(const weft_data *data)
{
    return data ? &data->src.x : NULL;
}

const struct weft_row *weft_data_y(const weft_data *data)
{
    return data ? &data->src.y : NULL;
}
