// Two operations of one's own: an activation from an expression, and a running sum from a kernel.
// Both have gradients, so they can be trained through.
#include <stdio.h>
#include <weft/weft.h>

// x / (1 + e^(-a x)), and what of the gradient g of y comes to x.
static const struct weft_map swish =
    WEFT_MAP(.name = "swish", .inputs = 1, .options = 1, .y = "x0 / (1 + exp(-a0 * x0))",
             .dx = {"g * (a0 * y + (1 - a0 * y) / (1 + exp(-a0 * x0)))"});

// y[r, i] = x[r, 0] + ... + x[r, i], or from the other end; one work-item for each row.
static const char running_sum_source[] =
    "kernel void running_sum(global const float *x, global float *y, int rows, int n, int reverse)"
    "{"
    "    int row = get_global_id(0);"
    "    if (row >= rows)"
    "        return;"
    "    float sum = 0;"
    "    for (int i = 0; i < n; i++) {"
    "        int at = row * n + (reverse ? n - 1 - i : i);"
    "        y[at] = sum += x[at];"
    "    }"
    "}";

static bool sum_shape(const struct weft_op_call *c, weft_tensor *y, struct weft_error *err)
{
    const weft_tensor *x = c->x[0];
    *y = *x;
    if (x->dtype == WEFT_F32 && x->ndim == 2)
        return true;
    err->status = WEFT_SHAPE;
    snprintf(err->text, sizeof err->text, "x has %d dimensions of %s; [row,column] of F32 wanted",
             x->ndim, weft_dtype_name(x->dtype));
    return false;
}

static bool sum_launch(const struct weft_op_call *c, struct weft_op_launch *l,
                       struct weft_error *err)
{
    int rows = (int)c->y->shape[0], n = (int)c->y->shape[1];
    (void)err;
    l->global[0] = (size_t)rows;
    weft_op_arg(l, sizeof rows, &rows);
    weft_op_arg(l, sizeof n, &n);
    weft_op_arg(l, sizeof(int), c->options);
    return true;
}

// The gradient is a running sum from the other end.
static bool sum_grad(weft_scope *s, const struct weft_op_call *c, const weft_tensor *gy,
                     weft_tensor **gx)
{
    int reverse = !*(const int *)c->options;
    gx[0] = weft_op(s, c->op, &gy, &reverse);
    return gx[0];
}

static const struct weft_op running_sum =
    WEFT_OP(.name = "running_sum", .source = running_sum_source, .inputs = 1,
            .option_bytes = sizeof(int), .shape = sum_shape, .launch = sum_launch, .grad = sum_grad,
            .grad_without_x = true, .grad_without_y = true);

int main(void)
{
    struct weft_error err = {0};
    weft_device *dev = weft_device_create(NULL, &err);
    weft_params *net = weft_params_create(dev, 42, &err);
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 0.05), &err);
    weft_scope *s = weft_scope_create(dev, weft_scope_params(.train = true), &err);

    // Learn w so that the running sum of swish(w) counts 1, 2, 3, 4.
    const int64_t shape[] = {1, 4};
    const struct weft_init zero = {WEFT_INIT_CONSTANT, 0, 0};
    const double a = 1.5;
    const int reverse = 0;
    double loss = 0;
    for (int step = 0; step < 300 && !weft_scope_error(s)->status; step++) {
        const weft_tensor *w = weft_param(s, net, "w", zero, 2, shape);
        const weft_tensor *y = weft_map(s, &swish, &w, &a);
        y = weft_op(s, &running_sum, &y, &reverse);
        y = weft_sub(s, y, weft_from_host(s, WEFT_F32, 2, shape, (float[]){1, 2, 3, 4}));
        weft_tensor *error = weft_sum(s, weft_square(s, y), NULL);
        weft_backward(s, error, net);
        weft_optim_step(sgd, s);
        loss = weft_item(s, error);
        weft_scope_reset(s);
    }
    if (!err.status)
        err = *weft_scope_error(s);
    if (err.status)
        fprintf(stderr, "custom_op: %s\n", err.text);
    else
        printf("squared error %.6f\n", loss);
    weft_scope_destroy(&s);
    weft_optim_destroy(&sgd);
    weft_params_destroy(&net);
    weft_device_destroy(&dev);
    return err.status || loss > 1e-3;
}
