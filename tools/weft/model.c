// A perceptron written with the public calls, as any program would.
#include "model.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

weft_tensor *mlp_forward(weft_scope *s, weft_params *net, const struct mlp *m, const weft_tensor *x)
{
    char name[16];
    x = weft_flatten(s, x, 1);
    for (int i = 0; i < m->hidden.count; i++) {
        snprintf(name, sizeof name, "fc%d", i + 1);
        x = weft_linear(s, net, name, x, weft_linear_params(.out = m->hidden.value[i]));
        x = weft_relu(s, x);
    }
    snprintf(name, sizeof name, "fc%d", m->hidden.count + 1);
    return weft_linear(s, net, name, x, weft_linear_params(.out = m->classes));
}

bool mlp_make(weft_scope *s, weft_params *net, const struct mlp *m, const weft_data *data)
{
    const struct weft_row *row = weft_data_x(data);
    int64_t shape[WEFT_MAX_DIMS] = {1};
    memcpy(shape + 1, row->shape, (size_t)row->ndim * sizeof *shape);
    mlp_forward(s, net, m, weft_full(s, WEFT_F32, row->ndim + 1, shape, 0));
    return weft_scope_reset(s);
}

// Adds the rows of a batch that are right to *count, on the device.
static void add_correct(weft_scope *s, weft_tensor **count, const weft_tensor *out,
                        const weft_tensor *label)
{
    weft_tensor *right = weft_sum(s, weft_eq(s, weft_argmax(s, out, 1), label), NULL);
    weft_tensor *sum = weft_keep(s, weft_add(s, *count, right));
    weft_tensor_destroy(count);
    *count = sum;
}

double mlp_correct(weft_scope *s, weft_params *net, const struct mlp *m, weft_loader *data,
                   const volatile sig_atomic_t *stop)
{
    weft_tensor *count = weft_keep(s, weft_full(s, WEFT_I64, 0, NULL, 0));
    for (weft_tensor *x, *y; !*stop && weft_loader_next(data, s, &x, &y); weft_scope_reset(s))
        add_correct(s, &count, mlp_forward(s, net, m, x), y);
    double correct = *stop ? -1 : weft_item(s, count);
    weft_tensor_destroy(&count);
    return isnan(correct) ? -1 : correct;
}
