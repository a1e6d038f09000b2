// Times the way from the start of a process to its first training step, for tools/bench/start: the
// perceptron 784-512-512-10 with Adam, a batch of 128, its loss read. Prints milliseconds by phase.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weft/weft.h>

enum { BATCH = 128, IN = 784, CLASSES = 10 };

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

// One line for each program that is compiled.
static void print_compiled(void *priv, enum weft_log_level level, const char *line)
{
    (void)priv;
    if (level == WEFT_LOG_DEBUG && strstr(line, ": compiled "))
        printf("program %s\n", line);
}

static weft_tensor *model(weft_scope *s, weft_params *p, const weft_tensor *x)
{
    x = weft_relu(s, weft_linear(s, p, "fc1", x, weft_linear_params(.out = 512)));
    x = weft_relu(s, weft_linear(s, p, "fc2", x, weft_linear_params(.out = 512)));
    return weft_linear(s, p, "fc3", x, weft_linear_params(.out = CLASSES));
}

static void step(weft_scope *s, weft_params *net, weft_optim *adam)
{
    static float x[BATCH * IN];
    static int64_t y[BATCH];
    for (int i = 0; i < BATCH * IN; i++)
        x[i] = (float)(i * 37 % 101) / 101;
    for (int i = 0; i < BATCH; i++)
        y[i] = i % CLASSES;
    weft_tensor *in = weft_from_host(s, WEFT_F32, 2, (int64_t[]){BATCH, IN}, x);
    weft_tensor *label = weft_from_host(s, WEFT_I64, 1, (int64_t[]){BATCH}, y);
    weft_tensor *loss = weft_cross_entropy(s, model(s, net, in), label, NULL);
    weft_backward(s, loss, net);
    weft_optim_step(adam, s);
    weft_item(s, loss);
    weft_scope_reset(s);
}

// usage: start_step [MONOTONIC-MS-OF-THE-START]
int main(int argc, char **argv)
{
    double begin = argc > 1 ? strtod(argv[1], NULL) : now_ms(), in_main = now_ms();
    struct weft_error err = {0};
    weft_device *dev = weft_device_create(weft_device_params(.log = print_compiled), &err);
    double opened = now_ms();
    weft_params *net = weft_params_create(dev, 1, &err);
    weft_optim *adam = weft_adam_create(net, NULL, &err);
    weft_scope *s = weft_scope_create(dev, weft_scope_params(.train = true), &err);
    if (s)
        step(s, net, adam);
    double done = now_ms();
    if (!err.status)
        err = *weft_scope_error(s);
    if (err.status) {
        fprintf(stderr, "start_step: %s\n", err.text);
        return 1;
    }
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(dev, &st);
    printf("ms process %.2f\nms device %.2f\nms compiling %.2f\nms step %.2f\nms all %.2f\n",
           in_main - begin, opened - in_main, st.build_ms, done - opened - st.build_ms,
           done - begin);
    printf("count compiled %d\ncount loaded %d\n", (int)st.builds, (int)st.loads);
    weft_scope_destroy(&s);
    weft_optim_destroy(&adam);
    weft_params_destroy(&net);
    weft_device_destroy(&dev);
    return 0;
}
