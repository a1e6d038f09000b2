// A data set of one's own: rows that are made when they are asked for. Learns to tell the next
// character of a text from the 16 before it.
// usage: own_data TEXT-FILE [STEPS]
#include <stdio.h>
#include <stdlib.h>
#include <weft/weft.h>

enum { WINDOW = 16, BYTES = 256 };

struct text {
    unsigned char *byte;
    int64_t size;
};

// Row i: bytes i .. i+15, and the one after them. Called from the loader's threads.
static bool get(void *priv, int64_t row, void *x, void *y, struct weft_error *err)
{
    const struct text *t = priv;
    int64_t *window = x, *next = y;
    for (int i = 0; i < WINDOW; i++)
        window[i] = t->byte[row + i];
    *next = t->byte[row + WINDOW];
    (void)err; // nothing can fail here; a source that reads a file would say so in it
    return true;
}

static void destroy(void *priv)
{
    struct text *t = priv;
    free(t->byte);
    free(t);
}

static struct text *read_text(const char *path)
{
    struct text *t = calloc(1, sizeof *t);
    FILE *f = fopen(path, "rb");
    if (t && f && !fseek(f, 0, SEEK_END) && (t->size = ftell(f)) > WINDOW) {
        rewind(f);
        t->byte = malloc((size_t)t->size);
        if (t->byte && fread(t->byte, 1, (size_t)t->size, f) < (size_t)t->size)
            t->size = 0;
    }
    if (f)
        fclose(f);
    if (t && t->byte && t->size > WINDOW)
        return t;
    if (t)
        destroy(t);
    return NULL;
}

static weft_tensor *model(weft_scope *s, weft_params *p, const weft_tensor *x)
{
    struct weft_init normal = {WEFT_INIT_NORMAL, 0, 1};
    weft_tensor *table = weft_param(s, p, "embedding", normal, 2, (int64_t[]){BYTES, 8});
    x = weft_flatten(s, weft_embedding(s, table, x, -1), 1); // [batch, 16, 8] -> [batch, 128]
    x = weft_relu(s, weft_linear(s, p, "fc1", x, weft_linear_params(.out = 128)));
    return weft_linear(s, p, "fc2", x, weft_linear_params(.out = BYTES));
}

int main(int argc, char **argv)
{
    struct text *text = argc > 1 ? read_text(argv[1]) : NULL;
    int steps = argc > 2 ? atoi(argv[2]) : 2000;
    if (!text) {
        fprintf(stderr, "own_data: wanted a text file of more than %d bytes\n", WINDOW);
        return 2;
    }
    struct weft_error err = {0};
    weft_device *dev = weft_device_create(NULL, &err);
    weft_data *rows =
        weft_data_create(weft_data_source(.x = {.dtype = WEFT_I64, .ndim = 1, .shape = {WINDOW}},
                                          .y = {.dtype = WEFT_I64}, .count = text->size - WINDOW,
                                          .get = get, .destroy = destroy, .priv = text),
                         &err);
    weft_loader *data =
        weft_loader_create(rows, weft_loader_params(.batch = 128, .shuffle = true), &err);
    weft_params *net = weft_params_create(dev, 1, &err);
    weft_optim *adam = weft_adam_create(net, NULL, &err);
    weft_scope *s = weft_scope_create(dev, weft_scope_params(.train = true), &err);

    for (int step = 0; step < steps && !err.status && !weft_scope_error(s)->status;) {
        for (weft_tensor *x, *y; step < steps && weft_loader_next(data, s, &x, &y); step++) {
            weft_tensor *loss = weft_cross_entropy(s, model(s, net, x), y, NULL);
            weft_backward(s, loss, net);
            weft_optim_step(adam, s);
            if (step % 100 == 99)
                printf("step %d: loss %.4f\n", step + 1, weft_item(s, loss));
            weft_scope_reset(s);
        }
    }

    if (!err.status)
        err = *weft_scope_error(s);
    if (err.status)
        fprintf(stderr, "own_data: %s\n", err.text);
    weft_scope_destroy(&s);
    weft_optim_destroy(&adam);
    weft_params_destroy(&net);
    weft_loader_destroy(&data);
    weft_device_destroy(&dev);
    return err.status != WEFT_OK;
}
