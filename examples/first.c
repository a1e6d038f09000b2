// One epoch of a perceptron on Fashion-MNIST.
#include <stdio.h>
#include <weft/weft.h>

int main(void)
{
    struct weft_error err = {0};
    weft_device *dev = weft_device_create(NULL, &err);
    weft_data *images = weft_data_idx("/usr/share/datasets/fashion-mnist", "train", &err);
    weft_loader *data = weft_loader_create(images, weft_loader_params(.shuffle = true), &err);
    weft_params *net = weft_params_create(dev, 42, &err);
    weft_optim *adam = weft_adam_create(net, NULL, &err);
    weft_scope *s = weft_scope_create(dev, weft_scope_params(.train = true), &err);

    for (weft_tensor *x, *y; weft_loader_next(data, s, &x, &y); weft_scope_reset(s)) {
        x = weft_flatten(s, x, 1); // [batch, 1, 28, 28] -> [batch, 784]
        x = weft_relu(s, weft_linear(s, net, "fc1", x, weft_linear_params(.out = 128)));
        x = weft_linear(s, net, "fc2", x, weft_linear_params(.out = 10));
        weft_tensor *loss = weft_cross_entropy(s, x, y, NULL);
        weft_backward(s, loss, net);
        weft_optim_step(adam, s);
        printf("loss %.4f\n", weft_item(s, loss));
    }
    if (!err.status)
        err = *weft_scope_error(s);
    if (err.status)
        fprintf(stderr, "first: %s\n", err.text);
    weft_scope_destroy(&s);
    weft_optim_destroy(&adam);
    weft_params_destroy(&net);
    weft_loader_destroy(&data);
    weft_device_destroy(&dev);
    return err.status != WEFT_OK;
}
