// Data sets whose rows are another's, normalized or one-hot, and the statistics for it.
//
// Mean and variance are gathered by Welford's method: the mean so far and the sum of the squared
// distances from it, which does not lose digits when the mean is large.
#include "base/text.h"
#include "core/tensor.h"
#include "data/data.h"
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>

struct transform {
    weft_data *data; // owned
    size_t elements; // of x
    int n;           // of mean and std
    double *mean, *std;
    int64_t classes;
};

// Values in the units that the device gets by default.
static inline double value(enum weft_dtype dtype, const char *x, size_t i)
{
    float f;
    if (dtype == WEFT_U8)
        return (double)((const unsigned char *)x)[i] / 255;
    if (dtype != WEFT_F32)
        return wf_to_double(dtype, x + i * weft_dtype_size(dtype));
    memcpy(&f, x + i * sizeof f, sizeof f);
    return (double)f;
}

static size_t elements_of(const weft_data *data)
{
    return data->x_bytes / weft_dtype_size(data->src.x.dtype);
}

// 1 is one for all; otherwise one for each index of the first dimension.
static bool check_n(const weft_data *data, const char *what, int n, struct weft_error *err)
{
    const struct weft_row *x = &data->src.x;
    if (n == 1 || (x->ndim && n == x->shape[0]))
        return true;
    return wf_fail(err, WEFT_PARAM, "%s: n is %d, a row of x is %s; wanted 1 or its first size",
                   what, n, WF_SHAPE(x->ndim, x->shape));
}

struct moments {
    double count, mean, squares;
};

static void add_row(struct moments *m, int n, enum weft_dtype dtype, const char *x, size_t elements)
{
    size_t each = elements / (size_t)n;
    for (size_t i = 0; i < elements; m++) {
        for (size_t end = i + each; i < end; i++) {
            double v = value(dtype, x, i), away = v - m->mean;
            if (isnan(v))
                continue;
            m->count++;
            m->mean += away / m->count;
            m->squares += away * (v - m->mean);
        }
    }
}

static bool gather(const weft_data *data, int n, struct moments *m, struct weft_error *err)
{
    char *x = malloc(data->x_bytes), *y = malloc(data->y_bytes ? data->y_bytes : 1);
    bool ok = (x && y) || wf_fail_nomem(err, "data_statistics");
    for (int64_t row = 0; ok && row < data->src.count; row++) {
        ok = weft_data_get(data, row, x, y, err);
        if (ok)
            add_row(m, n, data->src.x.dtype, x, elements_of(data));
    }
    free(x);
    free(y);
    return ok;
}

bool weft_data_statistics(const weft_data *data, int n, double *mean, double *std,
                          struct weft_error *err)
{
    if (!data || !mean || !std)
        return wf_fail(err, WEFT_PARAM, "data_statistics: data, mean or std is NULL");
    if (!check_n(data, "data_statistics", n, err))
        return false;
    struct moments *m = calloc((size_t)n, sizeof *m);
    bool ok = m ? gather(data, n, m, err) : wf_fail_nomem(err, "data_statistics");
    for (int k = 0; ok && k < n; k++) {
        mean[k] = m[k].count > 0 ? m[k].mean : NAN;
        std[k] = m[k].count > 0 ? sqrt(m[k].squares / m[k].count) : NAN;
    }
    free(m);
    return ok;
}

static void destroy_transform(void *priv)
{
    struct transform *t = priv;
    weft_data_destroy(&t->data);
    free(t->mean);
    free(t->std);
    free(t);
}

// Takes data; NULL for NULL.
static struct transform *transform(weft_data *data, const char *what, struct weft_error *err)
{
    struct transform *t = data ? calloc(1, sizeof *t) : NULL;
    if (!data) {
        wf_fail(err, WEFT_PARAM, "%s: data is NULL", what);
    } else if (!t) {
        wf_fail_nomem(err, what);
        weft_data_destroy(&data);
    } else {
        t->data = data;
        t->elements = elements_of(data);
    }
    return t;
}

static enum weft_dtype normal_dtype(enum weft_dtype dtype)
{
    return dtype == WEFT_F64 ? WEFT_F64 : WEFT_F32;
}

static inline void put(enum weft_dtype from, void *x, size_t i, double v)
{
    float f = (float)v;
    if (from == WEFT_F64)
        memcpy((char *)x + i * sizeof v, &v, sizeof v);
    else
        memcpy((char *)x + i * sizeof f, &f, sizeof f);
}

// The elements are smaller than what they become, or the same size: they are put at the end of the
// row's memory and become numbers from its beginning on. Larger ones get memory of their own.
static bool get_normalized(void *priv, int64_t row, void *x, void *y, struct weft_error *err)
{
    const struct transform *t = priv;
    const struct weft_data_source *src = &t->data->src;
    size_t room = t->elements * weft_dtype_size(normal_dtype(src->x.dtype));
    size_t has = t->data->x_bytes;
    char *own = has > room ? malloc(has) : NULL, *from = own ? own : (char *)x + (room - has);
    if (has > room && !own)
        return wf_fail_nomem(err, "data_normalize");
    bool ok = src->get(src->priv, row, from, y, err);
    size_t each = t->elements / (size_t)t->n;
    for (size_t k = 0, i = 0; ok && i < t->elements; k++) {
        double mean = t->mean[k], std = t->std[k];
        for (size_t end = i + each; i < end; i++)
            put(src->x.dtype, x, i, (value(src->x.dtype, from, i) - mean) / std);
    }
    free(own);
    return ok;
}

static bool check_numbers(struct transform *t, struct weft_error *err)
{
    for (int k = 0; k < t->n; k++) {
        if (!isfinite(t->mean[k]) || !isfinite(t->std[k]) || t->std[k] < 0)
            return wf_fail(err, WEFT_PARAM,
                           "data_normalize: mean[%d] is %g, std[%d] %g; wanted finite numbers, std "
                           "not below 0",
                           k, t->mean[k], k, t->std[k]);
        if (t->std[k] == 0)
            t->std[k] = 1;
    }
    return true;
}

static bool set_numbers(struct transform *t, const struct weft_data_normalize_params *o,
                        struct weft_error *err)
{
    const struct weft_row *x = &t->data->src.x;
    int64_t n = o->n ? o->n : x->ndim ? x->shape[0] : 1;
    if (!o->mean != !o->std)
        return wf_fail(err, WEFT_PARAM, "data_normalize: %s is given alone, wanted both or none",
                       o->mean ? "mean" : "std");
    if (!check_n(t->data, "data_normalize", n > INT_MAX ? 0 : (int)n, err))
        return false;
    t->n = (int)n;
    t->mean = malloc((size_t)n * sizeof *t->mean);
    t->std = malloc((size_t)n * sizeof *t->std);
    if (!t->mean || !t->std)
        return wf_fail_nomem(err, "data_normalize");
    if (!o->mean)
        return weft_data_statistics(t->data, t->n, t->mean, t->std, err) && check_numbers(t, err);
    memcpy(t->mean, o->mean, (size_t)n * sizeof *t->mean);
    memcpy(t->std, o->std, (size_t)n * sizeof *t->std);
    return check_numbers(t, err);
}

weft_data *weft_data_normalize(weft_data *data, const struct weft_data_normalize_params *params,
                               struct weft_error *err)
{
    struct weft_data_normalize_params o;
    WF_PARAMS(o, params);
    struct transform *t = transform(data, "data_normalize", err);
    if (!t)
        return NULL;
    if (!set_numbers(t, &o, err)) {
        destroy_transform(t);
        return NULL;
    }
    struct weft_data_source src = wf_data_like(data);
    src.x.dtype = normal_dtype(src.x.dtype);
    src.get = get_normalized;
    src.destroy = destroy_transform;
    src.priv = t;
    return weft_data_create(&src, err);
}

static bool get_one_hot(void *priv, int64_t row, void *x, void *y, struct weft_error *err)
{
    const struct transform *t = priv;
    const struct weft_data_source *src = &t->data->src;
    char label[8] = {0};
    if (!src->get(src->priv, row, x, label, err))
        return false;
    int64_t i = wf_data_label(src->y.dtype, label);
    if (i < 0 || i >= t->classes)
        return wf_fail(err, WEFT_PARAM, "data_one_hot: label is %" PRId64 ", wanted 0 to %" PRId64,
                       i, t->classes - 1);
    memset(y, 0, (size_t)t->classes * sizeof(float));
    memcpy((char *)y + (size_t)i * sizeof(float), &(float){1}, sizeof(float));
    return true;
}

static void find_largest(void *priv, int64_t row, int64_t label)
{
    (void)row;
    int64_t *largest = priv;
    *largest = label > *largest ? label : *largest;
}

static bool set_classes(struct transform *t, int classes, struct weft_error *err)
{
    const struct weft_data_source *src = &t->data->src;
    int64_t largest = -1;
    t->classes = classes ? classes : src->class_count;
    if (classes < 0)
        return wf_fail(err, WEFT_PARAM, "data_one_hot: classes is %d, wanted 0 or more", classes);
    if (!wf_data_has_labels(t->data, "data_one_hot", err))
        return false;
    if (t->classes)
        return true;
    if (!wf_data_each_label(t->data, "data_one_hot", find_largest, &largest, err))
        return false;
    t->classes = largest < INT_MAX ? largest + 1 : 0;
    return t->classes > 0 || wf_fail(err, WEFT_PARAM,
                                     "data_one_hot: the largest label is %" PRId64
                                     ", wanted one from 0 to %d, or .classes",
                                     largest, INT_MAX - 1);
}

weft_data *weft_data_one_hot(weft_data *data, int classes, struct weft_error *err)
{
    struct transform *t = transform(data, "data_one_hot", err);
    if (!t)
        return NULL;
    if (!set_classes(t, classes, err)) {
        destroy_transform(t);
        return NULL;
    }
    struct weft_data_source src = wf_data_like(data);
    src.y = (struct weft_row){WEFT_F32, 1, {t->classes}};
    src.get = get_one_hot;
    src.destroy = destroy_transform;
    src.priv = t;
    return weft_data_create(&src, err);
}
