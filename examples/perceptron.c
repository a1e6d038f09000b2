// Trains a two-layer perceptron on Fashion-MNIST and saves it.
// usage: perceptron [DATA-DIR] [EPOCHS]
#include <stdio.h>
#include <stdlib.h>
#include <weft/weft.h>

static weft_tensor *mlp(weft_scope *s, weft_params *p, const weft_tensor *x)
{
    x = weft_flatten(s, x, 1); // [batch, 1, 28, 28] -> [batch, 784]
    x = weft_relu(s, weft_linear(s, p, "fc1", x, weft_linear_params(.out = 128)));
    return weft_linear(s, p, "fc2", x, weft_linear_params(.out = 10));
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/usr/share/datasets/fashion-mnist";
    int epochs = argc > 2 ? atoi(argv[2]) : 5;
    struct weft_error err = {0};
    weft_device *dev = weft_device_create(NULL, &err);
    weft_loader *data = weft_loader_create(weft_data_idx(dir, "train", &err),
                                           weft_loader_params(.batch = 64, .shuffle = true), &err);
    weft_params *net = weft_params_create(dev, 42, &err);
    weft_optim *adam = weft_adam_create(net, NULL, &err);
    weft_scope *s = weft_scope_create(dev, weft_scope_params(.train = true), &err);

    for (int epoch = 0; epoch < epochs; epoch++) {
        int step = 0;
        for (weft_tensor *x, *y; weft_loader_next(data, s, &x, &y); weft_scope_reset(s)) {
            weft_tensor *loss = weft_cross_entropy(s, mlp(s, net, x), y, NULL);
            weft_backward(s, loss, net);
            weft_optim_step(adam, s);
            if (step++ % 100 == 0)
                printf("epoch %d, step %d: loss %.4f\n", epoch, step, weft_item(s, loss));
        }
    }

    if (!err.status)
        err = *weft_scope_error(s);
    if (!err.status)
        weft_params_save(net, "perceptron.safetensors", NULL, &err);
    if (err.status)
        fprintf(stderr, "perceptron: %s\n", err.text);
    weft_scope_destroy(&s);
    weft_optim_destroy(&adam);
    weft_params_destroy(&net);
    weft_loader_destroy(&data);
    weft_device_destroy(&dev);
    return err.status != WEFT_OK;
}
