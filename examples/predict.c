// A program that only predicts: it loads what early_stopping.c trained and knows nothing of
// training or of data sets. A picture comes as a PGM file of 28 x 28 pixels, white on black.
// usage: predict MODEL.safetensors PICTURE.pgm...
#include "model.h"
#include <stdio.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10 };

static const char *const names[CLASSES] = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                           "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};

struct classifier {
    weft_device *dev;
    weft_params *net;
    weft_scope *scope;
};

static bool open_classifier(struct classifier *c, const char *path, struct weft_error *err)
{
    c->dev = weft_device_create(NULL, err);
    c->net = weft_params_create(c->dev, 0, err);
    c->scope = weft_scope_create(c->dev, NULL, err);
    return !err->status && weft_params_load(c->net, path, NULL, err);
}

static void close_classifier(struct classifier *c)
{
    weft_scope_destroy(&c->scope);
    weft_params_destroy(&c->net);
    weft_device_destroy(&c->dev);
}

// The most probable class and its probability. An error ends this request only.
static bool classify(struct classifier *c, const float pixel[PIXELS], int *class, float *p,
                     struct weft_error *err)
{
    weft_scope *s = c->scope;
    weft_tensor *x = weft_from_host(s, WEFT_F32, 4, (int64_t[]){1, 1, SIDE, SIDE}, pixel);
    float all[CLASSES] = {0};
    bool ok = weft_read(s, weft_softmax(s, model(s, c->net, x), 1), all, sizeof all);
    *err = *weft_scope_error(s);
    weft_scope_clear(s);
    *class = 0;
    for (int i = 1; i < CLASSES; i++)
        *class = all[i] > all[*class] ? i : *class;
    *p = all[*class];
    return ok;
}

static bool read_picture(const char *path, float pixel[PIXELS])
{
    unsigned char byte[PIXELS];
    int width = 0, height = 0, most = 0;
    FILE *f = fopen(path, "rb");
    bool ok = f && fscanf(f, "P5 %d %d %d", &width, &height, &most) == 3 && width == SIDE &&
              height == SIDE && most == 255 && fgetc(f) != EOF &&
              fread(byte, 1, PIXELS, f) == PIXELS;
    if (f)
        fclose(f);
    for (int i = 0; ok && i < PIXELS; i++)
        pixel[i] = (float)byte[i] / 255;
    return ok;
}

int main(int argc, char **argv)
{
    struct weft_error err = {0};
    struct classifier c = {0};
    float pixel[PIXELS], p;
    int class;
    if (argc < 3) {
        fprintf(stderr, "usage: predict MODEL.safetensors PICTURE.pgm...\n");
        return 2;
    }
    bool ok = open_classifier(&c, argv[1], &err);
    for (int i = 2; ok && i < argc; i++) {
        if (!read_picture(argv[i], pixel)) {
            fprintf(stderr, "predict: %s: a PGM of %d x %d was wanted\n", argv[i], SIDE, SIDE);
            ok = false;
        } else if ((ok = classify(&c, pixel, &class, &p, &err))) {
            printf("%s: %s (%.3f)\n", argv[i], names[class], (double)p);
        }
    }
    if (err.status)
        fprintf(stderr, "predict: %s\n", err.text);
    close_classifier(&c);
    return !ok;
}
