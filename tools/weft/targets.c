// Targets, read row by row on the host.
#include "dataset.h"
#include "failure.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { MOST_CLASSES = 65536 };

static int64_t label_value(enum weft_dtype dtype, const void *y)
{
    switch (dtype) {
    case WEFT_I64:
        return *(const int64_t *)y;
    case WEFT_I32:
        return *(const int32_t *)y;
    case WEFT_I8:
        return *(const int8_t *)y;
    default:
        return *(const uint8_t *)y;
    }
}

static double target_value(enum weft_dtype dtype, const char *y)
{
    if (dtype == WEFT_F32)
        return (double)*(const float *)y;
    return dtype == WEFT_F64 ? *(const double *)y : (double)label_value(dtype, y);
}

static size_t row_bytes(const struct weft_row *r)
{
    size_t n = weft_dtype_size(r->dtype);
    for (int i = 0; i < r->ndim; i++)
        n *= (size_t)r->shape[i];
    return n;
}

static bool largest_label(const weft_data *data, int64_t limit, int64_t *most, const char *path,
                          struct weft_error *err)
{
    const struct weft_row *y = weft_data_y(data);
    void *x = malloc(row_bytes(weft_data_x(data)));
    union {
        int64_t i64;
        unsigned char bytes[8];
    } label;
    bool ok = x ? true : failure(err, WEFT_NOMEM, "%s: no memory for a row", path);
    for (int64_t i = 0; ok && i < weft_data_count(data); i++) {
        ok = weft_data_get(data, i, x, &label, err);
        int64_t v = ok ? label_value(y->dtype, &label) : 0;
        if (v < 0 || v >= limit)
            ok = failure(err, WEFT_PARAM,
                         "%s: the label of row %" PRId64 " is %" PRId64 ", wanted 0 .. %" PRId64
                         ", below --classes",
                         path, i, v, limit - 1);
        *most = v > *most ? v : *most;
    }
    free(x);
    return ok;
}

bool dataset_classes(const weft_data *data, struct model *m, bool given, const char *path,
                     struct weft_error *err)
{
    const struct weft_row *y = weft_data_y(data);
    int64_t values = 1, most = 0;
    for (int i = 0; i < y->ndim; i++)
        values *= y->shape[i];
    if (m->task == REGRESS && !given)
        m->classes = (int)values;
    if (!y->dtype || m->task == REGRESS || values != 1 || y->dtype == WEFT_F32 ||
        y->dtype == WEFT_F64 || y->dtype == WEFT_F16 || y->dtype == WEFT_BF16)
        return true; // model_takes() says what is wrong
    if (!largest_label(data, given ? m->classes : MOST_CLASSES, &most, path, err))
        return false;
    if (!given)
        m->classes = most < 1 ? 2 : (int)most + 1;
    return true;
}

// The numbers of one row more (Welford, 1962); the sums of squares are in std until the end.
static void add_row(const struct weft_row *y, const char *row, int n, int64_t count, double *mean,
                    double *std)
{
    for (int i = 0; i < n; i++) {
        double v = target_value(y->dtype, row + (size_t)i * weft_dtype_size(y->dtype));
        double d = v - mean[i];
        mean[i] += d / (double)count;
        std[i] += d * (v - mean[i]);
    }
}

bool dataset_target_statistics(const weft_data *data, int n, double *mean, double *std,
                               struct weft_error *err)
{
    const struct weft_row *y = weft_data_y(data);
    void *x = malloc(row_bytes(weft_data_x(data)));
    char *row = malloc(row_bytes(y));
    int64_t count = weft_data_count(data);
    bool ok = x && row ? true : failure(err, WEFT_NOMEM, "train: no memory for a row");
    for (int i = 0; i < n; i++)
        mean[i] = std[i] = 0;
    for (int64_t r = 0; ok && r < count; r++) {
        ok = weft_data_get(data, r, x, row, err);
        if (ok)
            add_row(y, row, n, r + 1, mean, std);
    }
    for (int i = 0; i < n; i++)
        std[i] = sqrt(std[i] / (double)count);
    free(x);
    free(row);
    return ok;
}
