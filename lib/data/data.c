// Data sets: a source whose description is checked once, here, so that nobody after this has to.
#include "data/data.h"
#include "base/error.h"
#include "base/text.h"
#include "core/tensor.h"
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
    if (d->src.class_count < 0 || (d->src.class_count && !d->src.classes))
        return wf_fail(err, WEFT_PARAM, "data: .class_count is %d, .classes is %s",
                       d->src.class_count, d->src.classes ? "given" : "NULL");
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
        atomic_init(&data->owners, 1);
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
    if (atomic_fetch_sub(&(*data)->owners, 1) == 1) {
        if ((*data)->src.destroy)
            (*data)->src.destroy((*data)->src.priv);
        free(*data);
    }
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

const char *const *weft_data_columns(const weft_data *data)
{
    return data ? data->src.columns : NULL;
}

const char *const *weft_data_classes(const weft_data *data, int *n)
{
    if (n)
        *n = data ? data->src.class_count : 0;
    return data ? data->src.classes : NULL;
}

const char *weft_data_target(const weft_data *data)
{
    return data ? data->src.target : NULL;
}

bool weft_data_get(const weft_data *data, int64_t row, void *x, void *y, struct weft_error *err)
{
    if (!data || row < 0 || row >= data->src.count)
        return wf_fail(err, WEFT_PARAM, "data_get: row %" PRId64 " of %" PRId64 " was wanted", row,
                       weft_data_count(data));
    if (!x || (!y && data->y_bytes))
        return wf_fail(err, WEFT_PARAM, "data_get: %s is NULL", x ? "y" : "x");
    struct weft_error e = {0};
    if (data->src.get(data->src.priv, row, x, data->y_bytes ? y : NULL, &e))
        return true;
    return wf_fail(err, e.status ? e.status : WEFT_PARAM, "%s",
                   e.status ? e.text : "data_get: get returned false without an error");
}

struct weft_data_source wf_data_like(const weft_data *data)
{
    struct weft_data_source src = data->src;
    src.size = sizeof src;
    src.get = NULL;
    src.destroy = NULL;
    src.priv = NULL;
    return src;
}

static bool is_integer(enum weft_dtype dtype)
{
    return dtype == WEFT_I64 || dtype == WEFT_I32 || dtype == WEFT_I8 || dtype == WEFT_U8;
}

int64_t wf_data_label(enum weft_dtype dtype, const void *y)
{
    int64_t label;
    memcpy(&label, y, sizeof label);
    return dtype == WEFT_I64 ? label : (int64_t)wf_to_double(dtype, y);
}

bool wf_data_has_labels(const weft_data *data, const char *what, struct weft_error *err)
{
    const struct weft_row *row = &data->src.y;
    if (!row->ndim && is_integer(row->dtype))
        return true;
    return wf_fail(err, WEFT_PARAM, "%s: y is %s %s, wanted one integer a row", what,
                   weft_dtype_name(row->dtype), WF_SHAPE(row->ndim, row->shape));
}

bool wf_data_each_label(const weft_data *data, const char *what,
                        void (*each)(void *priv, int64_t row, int64_t label), void *priv,
                        struct weft_error *err)
{
    const struct weft_row *row = &data->src.y;
    if (!wf_data_has_labels(data, what, err))
        return false;
    void *x = malloc(data->x_bytes);
    bool ok = x || wf_fail_nomem(err, what);
    for (int64_t i = 0; ok && i < data->src.count; i++) {
        char y[8] = {0};
        ok = weft_data_get(data, i, x, y, err);
        if (ok)
            each(priv, i, wf_data_label(row->dtype, y));
    }
    free(x);
    return ok;
}
