// A perceptron written with the public calls, as any program would.
#include "model.h"
#include "failure.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char mean_name[] = "input.mean", scale_name[] = "input.scale";

// One for each channel of [channel, height, width], one for each of [column], else one for all.
static int input_shape(const struct model *m, int64_t shape[3])
{
    shape[0] = m->ndim == 1 || m->ndim == 3 ? m->shape[0] : 1;
    shape[1] = shape[2] = 1;
    return m->ndim == 3 ? 3 : 1;
}

static weft_tensor *standardise(weft_scope *s, weft_params *net, const struct model *m,
                                const weft_tensor *x)
{
    int64_t shape[3];
    int ndim = input_shape(m, shape);
    struct weft_init zero = {.kind = WEFT_INIT_CONSTANT},
                     one = {.kind = WEFT_INIT_CONSTANT, .a = 1};
    weft_tensor *mean = weft_buffer(s, net, mean_name, zero, ndim, shape);
    weft_tensor *scale = weft_buffer(s, net, scale_name, one, ndim, shape);
    return weft_mul(s, weft_sub(s, x, mean), scale);
}

weft_tensor *model_forward(weft_scope *s, weft_params *net, const struct model *m,
                           const weft_tensor *x)
{
    char name[16];
    if (x && x->dtype != WEFT_F32)
        x = weft_cast(s, x, WEFT_F32);
    if (m->normalise == STANDARDISE)
        x = standardise(s, net, m, x);
    weft_tensor *y = weft_flatten(s, x, 1);
    for (int i = 0; i < m->hidden.count; i++) {
        snprintf(name, sizeof name, "fc%d", i + 1);
        y = weft_linear(s, net, name, y, weft_linear_params(.out = m->hidden.value[i]));
        y = weft_dropout(s, weft_relu(s, y), m->dropout);
    }
    snprintf(name, sizeof name, "fc%d", m->hidden.count + 1);
    return weft_linear(s, net, name, y, weft_linear_params(.out = m->classes));
}

weft_tensor *model_loss(weft_scope *s, const struct model *m, const weft_tensor *out,
                        const weft_tensor *y)
{
    if (!y || !out)
        return weft_mse(s, out, y, NULL); // which says what is missing
    enum weft_dtype wanted = m->task == CLASSIFY ? WEFT_I64 : WEFT_F32;
    weft_tensor *target = y->dtype == wanted ? (weft_tensor *)y : weft_cast(s, y, wanted);
    if (m->task == CLASSIFY)
        return weft_cross_entropy(s, out, target, NULL);
    return weft_mse(s, out, weft_reshape(s, target, out->ndim, out->shape), NULL);
}

bool model_make(weft_scope *s, weft_params *net, const struct model *m)
{
    int64_t shape[WEFT_MAX_DIMS] = {1};
    memcpy(shape + 1, m->shape, (size_t)m->ndim * sizeof *shape);
    model_forward(s, net, m, weft_full(s, WEFT_F32, m->ndim + 1, shape, 0));
    return weft_scope_reset(s);
}

bool model_fit_input(weft_params *net, const struct model *m, const weft_data *data,
                     struct weft_error *err)
{
    int64_t shape[3];
    if (m->normalise != STANDARDISE)
        return true;
    input_shape(m, shape);
    size_t n = (size_t)shape[0], bytes = n * sizeof(float);
    double *moments = malloc(2 * n * sizeof *moments);
    float *mean = malloc(2 * bytes), *scale = mean + n;
    bool ok = moments && mean
                  ? weft_data_statistics(data, (int)n, moments, moments + n, err)
                  : failure(err, WEFT_NOMEM, "train: no memory for the means of the data");
    for (size_t i = 0; ok && i < n; i++) {
        double std = moments[n + i];
        mean[i] = (float)moments[i];
        scale[i] = std > 0 && isfinite(1 / std) ? (float)(1 / std) : 1;
    }
    ok = ok && weft_params_set(net, mean_name, mean, bytes, err) &&
         weft_params_set(net, scale_name, scale, bytes, err);
    free(mean);
    free(moments);
    return ok;
}

const char *shape_text(int ndim, const int64_t *shape, char buffer[160])
{
    int n = 0;
    *buffer = 0;
    for (int i = 0; i < ndim; i++)
        n += snprintf(buffer + n, 160 - (size_t)n, "%s%" PRId64, i ? "," : "", shape[i]);
    return buffer;
}

static int64_t target_values(const struct weft_row *y)
{
    int64_t n = 1;
    for (int i = 0; i < y->ndim; i++)
        n *= y->shape[i];
    return n;
}

static bool is_float(enum weft_dtype dtype)
{
    return dtype == WEFT_F32 || dtype == WEFT_F64;
}

static bool target_fits(const struct model *m, const struct weft_row *y, const char *what,
                        struct weft_error *err)
{
    if (!y->dtype)
        return failure(err, WEFT_DTYPE, "%s: has no targets, wanted them", what);
    if (m->task == CLASSIFY && (is_float(y->dtype) || target_values(y) != 1))
        return failure(err, WEFT_DTYPE, "%s: the target is %s, wanted a whole number: a class",
                       what, weft_dtype_name(y->dtype));
    if (m->task == REGRESS && target_values(y) != m->classes)
        return failure(err, WEFT_SHAPE, "%s: %" PRId64 " values in a target, the model has %d",
                       what, target_values(y), m->classes);
    return true;
}

bool model_takes(const struct model *m, const weft_data *data, bool with_target, const char *what,
                 struct weft_error *err)
{
    const struct weft_row *x = weft_data_x(data);
    char got[160], wanted[160];
    if (!x)
        return false;
    if (x->ndim != m->ndim || memcmp(x->shape, m->shape, (size_t)m->ndim * sizeof *m->shape) != 0)
        return failure(err, WEFT_SHAPE, "%s: rows of [%s], the model takes [%s]", what,
                       shape_text(x->ndim, x->shape, got), shape_text(m->ndim, m->shape, wanted));
    return !with_target || target_fits(m, weft_data_y(data), what, err);
}
