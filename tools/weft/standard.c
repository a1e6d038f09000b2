// A column that is the same in all rows is only shifted.
#include "standard.h"
#include "dataset.h"
#include "failure.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

// Where the numbers of a tensor's rows are, [group, ...] each with a mean.
struct pair {
    weft_tensor *mean, *scale;
};

static struct pair buffers(weft_scope *s, weft_params *net, const char *of, int ndim,
                           const int64_t *shape)
{
    char mean[32], scale[32];
    struct weft_init zero = {.kind = WEFT_INIT_CONSTANT},
                     one = {.kind = WEFT_INIT_CONSTANT, .a = 1};
    snprintf(mean, sizeof mean, "%s.mean", of);
    snprintf(scale, sizeof scale, "%s.scale", of);
    return (struct pair){weft_buffer(s, net, mean, zero, ndim, shape),
                         weft_buffer(s, net, scale, one, ndim, shape)};
}

// One for each channel of [channel, height, width], one for each of [column], else one for all.
static int input_shape(const struct model *m, int64_t shape[3])
{
    shape[0] = m->ndim == 1 || m->ndim == 3 ? m->shape[0] : 1;
    shape[1] = shape[2] = 1;
    return m->ndim == 3 ? 3 : 1;
}

weft_tensor *standard_input(weft_scope *s, weft_params *net, const struct model *m,
                            const weft_tensor *x)
{
    int64_t shape[3];
    int ndim = input_shape(m, shape);
    if (m->normalize != STANDARDIZE)
        return (weft_tensor *)x;
    struct pair b = buffers(s, net, "input", ndim, shape);
    weft_tensor *y = weft_mul(s, weft_sub(s, x, b.mean), b.scale);
    if (!m->allow_missing)
        return y;
    return weft_where(s, weft_eq(s, y, y), y, weft_full(s, WEFT_F32, 0, NULL, 0));
}

static bool has_target(const struct model *m)
{
    return m->normalize == STANDARDIZE && m->task == REGRESS;
}

weft_tensor *standard_target(weft_scope *s, weft_params *net, const struct model *m,
                             const weft_tensor *y)
{
    if (!has_target(m))
        return (weft_tensor *)y;
    struct pair b = buffers(s, net, "target", 1, (int64_t[]){m->classes});
    return weft_mul(s, weft_sub(s, y, b.mean), b.scale);
}

weft_tensor *standard_values(weft_scope *s, weft_params *net, const struct model *m,
                             const weft_tensor *y)
{
    if (!has_target(m))
        return (weft_tensor *)y;
    struct pair b = buffers(s, net, "target", 1, (int64_t[]){m->classes});
    return weft_add(s, weft_div(s, y, b.scale), b.mean);
}

// `moments` has n means, then n deviations.
static bool set(weft_params *net, const char *of, size_t n, const double *moments,
                struct weft_error *err)
{
    char name[32];
    float *mean = malloc(2 * n * sizeof *mean), *scale = mean + n;
    if (!mean)
        return failure(err, WEFT_NOMEM, "train: no memory for the means of the data");
    for (size_t i = 0; i < n; i++) {
        double one_by = 1 / moments[n + i];
        mean[i] = isnan(moments[i]) ? 0 : (float)moments[i]; // NaN: of a column without numbers
        scale[i] = moments[n + i] > 0 && isfinite((float)one_by) ? (float)one_by : 1;
    }
    snprintf(name, sizeof name, "%s.mean", of);
    bool ok = weft_params_set(net, name, mean, n * sizeof *mean, err);
    snprintf(name, sizeof name, "%s.scale", of);
    ok = ok && weft_params_set(net, name, scale, n * sizeof *scale, err);
    free(mean);
    return ok;
}

bool standard_fit(weft_params *net, const struct model *m, const weft_data *data,
                  struct weft_error *err)
{
    int64_t shape[3];
    input_shape(m, shape);
    size_t n = (size_t)shape[0], values = (size_t)m->classes, most = n > values ? n : values;
    if (m->normalize != STANDARDIZE)
        return true;
    double *moments = malloc(2 * most * sizeof *moments);
    bool ok = moments ? weft_data_statistics(data, (int)n, moments, moments + n, err) &&
                            set(net, "input", n, moments, err)
                      : failure(err, WEFT_NOMEM, "train: no memory for the means of the data");
    if (ok && has_target(m))
        ok = dataset_target_statistics(data, m->classes, moments, moments + values, err) &&
             set(net, "target", values, moments, err);
    free(moments);
    return ok;
}

bool standard_target_scale(weft_params *net, const struct model *m, float *scale,
                           struct weft_error *err)
{
    for (int i = 0; i < m->classes; i++)
        scale[i] = 1;
    return !has_target(m) ||
           weft_params_get(net, "target.scale", scale, (size_t)m->classes * sizeof *scale, err);
}
