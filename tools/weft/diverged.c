// The rows are looked at only when it is too late: they may be many, and mostly are numbers.
#include "diverged.h"
#include "failure.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t values_of(const struct weft_row *r)
{
    size_t n = 1;
    for (int i = 0; i < r->ndim; i++)
        n *= (size_t)r->shape[i];
    return n;
}

// As the F32 that it is trained on.
static bool is_finite(enum weft_dtype dtype, const void *values, size_t i)
{
    switch (dtype) {
    case WEFT_F64:
        return isfinite((float)((const double *)values)[i]);
    case WEFT_F32:
        return isfinite(((const float *)values)[i]);
    case WEFT_F16: // all bits of the exponent
        return (((const uint16_t *)values)[i] & 0x7c00) != 0x7c00;
    case WEFT_BF16:
        return (((const uint16_t *)values)[i] & 0x7f80) != 0x7f80;
    default:
        return true;
    }
}

static bool all_finite(const struct weft_row *r, const void *values)
{
    size_t n = values_of(r), i = 0;
    while (i < n && is_finite(r->dtype, values, i))
        i++;
    return i == n;
}

struct bad_row {
    int64_t row; // -1: none
    const char *part;
};

// Missing numbers of the input may be NaN.
static struct bad_row find_bad_row(const weft_data *data, bool missing)
{
    const struct weft_row *xr = weft_data_x(data), *yr = weft_data_y(data);
    struct weft_error ignored = {0};
    struct bad_row bad = {.row = -1};
    void *x = malloc(values_of(xr) * weft_dtype_size(xr->dtype) + 1);
    void *y = malloc(values_of(yr) * weft_dtype_size(yr->dtype) + 1);
    int64_t rows = x && y ? weft_data_count(data) : 0;
    for (int64_t i = 0; bad.row < 0 && i < rows && weft_data_get(data, i, x, y, &ignored); i++) {
        bool fine = missing || all_finite(xr, x);
        if (!fine || !all_finite(yr, y))
            bad = (struct bad_row){i, fine ? "target" : "input"};
    }
    free(x);
    free(y);
    return bad;
}

const char *diverged_why(const struct training *t, char buffer[WHY])
{
    const struct train_args *a = t->args;
    struct bad_row bad = find_bad_row(weft_loader_data(t->train), a->model.allow_missing);
    char row[32] = "a row";
    if (a->validation <= 0) // which else has put the rows in another order
        snprintf(row, sizeof row, "row %" PRId64, bad.row);
    if (bad.row >= 0)
        snprintf(buffer, WHY, ": %s of %s has a NaN or an infinity in its %s", row, a->data,
                 bad.part);
    else if (t->losses.bad == t->began + 1) // no step has changed the parameters
        snprintf(buffer, WHY, ": the inputs or targets of %s are too large for F32", a->data);
    else
        snprintf(buffer, WHY, ": --lr %smay be too large",
                 a->recipe.weight_decay > 0 ? "or --weight-decay " : "");
    return buffer;
}

bool diverged_check(const struct training *t, const char *what, const char *end,
                    struct weft_error *err)
{
    struct weft_param_info info = {.size = sizeof info};
    bool ok = true;
    for (int i = 0; ok && weft_params_info(t->net, i, &info); i++) {
        size_t count = 1;
        for (int k = 0; k < info.ndim; k++)
            count *= (size_t)info.shape[k];
        float *host = malloc(count * sizeof *host + 1);
        ok = host ? weft_params_get(t->net, info.name, host, count * sizeof *host, err)
                  : failure(err, WEFT_NOMEM, "train: no memory to look at %s", info.name);
        for (size_t k = 0; ok && k < count; k++) {
            if (!isfinite(host[k]))
                ok = failure(err, WEFT_NONFINITE, "%s: %s has a NaN or an infinity%s", what,
                             info.name, end);
        }
        free(host);
    }
    return ok;
}
