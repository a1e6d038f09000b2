// A perceptron written with the public calls, as any program would.
#include "model.h"
#include "failure.h"
#include "standard.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

weft_tensor *model_forward(weft_scope *s, weft_params *net, const struct model *m,
                           const weft_tensor *x)
{
    char name[16];
    if (x && x->dtype != WEFT_F32)
        x = weft_cast(s, x, WEFT_F32);
    weft_tensor *y = weft_flatten(s, standard_input(s, net, m, x), 1);
    for (int i = 0; i < m->hidden.count; i++) {
        snprintf(name, sizeof name, "fc%d", i + 1);
        y = weft_linear(s, net, name, y, weft_linear_params(.out = m->hidden.value[i]));
        y = weft_dropout(s, weft_relu(s, y), m->dropout);
    }
    snprintf(name, sizeof name, "fc%d", m->hidden.count + 1);
    return weft_linear(s, net, name, y, weft_linear_params(.out = m->classes));
}

weft_tensor *model_apply(weft_scope *s, weft_params *net, const struct model *m,
                         const weft_tensor *x)
{
    return standard_values(s, net, m, model_forward(s, net, m, x));
}

weft_tensor *model_loss(weft_scope *s, weft_params *net, const struct model *m,
                        const weft_tensor *out, const weft_tensor *y)
{
    if (!y || !out)
        return weft_mse(s, out, y, NULL); // which says what is missing
    enum weft_dtype wanted = m->task == CLASSIFY ? WEFT_I64 : WEFT_F32;
    weft_tensor *target = y->dtype == wanted ? (weft_tensor *)y : weft_cast(s, y, wanted);
    if (m->task == CLASSIFY)
        return weft_cross_entropy(s, out, target, NULL);
    target = weft_reshape(s, target, out->ndim, out->shape);
    return weft_mse(s, out, standard_target(s, net, m, target), NULL);
}

bool model_make(weft_scope *s, weft_params *net, const struct model *m)
{
    int64_t shape[WEFT_MAX_DIMS] = {1};
    memcpy(shape + 1, m->shape, (size_t)m->ndim * sizeof *shape);
    model_apply(s, net, m, weft_full(s, WEFT_F32, m->ndim + 1, shape, 0));
    return weft_scope_reset(s);
}

const char *task_text(const struct model *m, char buffer[64])
{
    if (m->task == CLASSIFY)
        snprintf(buffer, 64, "classification, %d classes", m->classes);
    else if (m->classes > 1)
        snprintf(buffer, 64, "regression, %d values", m->classes);
    else
        snprintf(buffer, 64, "regression");
    return buffer;
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

static bool target_fits(const struct model *m, const struct weft_row *y, const char *what,
                        struct weft_error *err)
{
    if (!y->dtype)
        return failure(err, WEFT_DTYPE, "%s: has no targets, wanted them", what);
    if (m->task == CLASSIFY && target_values(y) != 1)
        return failure(err, WEFT_SHAPE, "%s: %" PRId64 " values in a target, wanted one: a class",
                       what, target_values(y));
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
