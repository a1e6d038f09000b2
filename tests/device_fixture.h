// What the tests of the device layer share: opening and counting, a small network that trains, and
// running the test program again.
#ifndef TESTS_DEVICE_FIXTURE_H
#define TESTS_DEVICE_FIXTURE_H
#include "dev/device.h"
#include "run.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/weft.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static inline weft_device *open_device(const struct weft_device_params *p)
{
    struct weft_error err = {0};
    weft_device *dev = weft_device_create(p, &err);
    ck_assert_msg(dev != NULL, "%s", err.text);
    return dev;
}

static inline weft_scope *open_scope(weft_device *dev)
{
    struct weft_error err = {0};
    weft_scope *s = weft_scope_create(dev, weft_scope_params(.train = true), &err);
    ck_assert_msg(s != NULL, "%s", err.text);
    return s;
}

static inline struct weft_device_stats stats_of(weft_device *dev)
{
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(dev, &st);
    return st;
}

static inline void assert_refused(const struct weft_error *e, enum weft_status status,
                                  const char *part)
{
    ck_assert_msg(e->status == status && strstr(e->text, part), "got %d \"%s\", want %d \"...%s\"",
                  e->status, e->text, status, part);
}

// What a device has logged, one line each, "LEVEL TEXT": log_line() is for one thread at a time.
static char logged[1 << 14];

static inline void log_line(void *priv, enum weft_log_level level, const char *line)
{
    size_t at = strlen(logged);
    (void)priv;
    snprintf(logged + at, sizeof logged - at, "%d %s\n", (int)level, line);
}

static inline weft_tensor *filled(weft_scope *s, int64_t n, double value)
{
    return weft_full(s, WEFT_F32, 1, &n, value);
}

// 0, 1/16, 2/16 ... of this shape; 4096 at most.
static inline weft_tensor *ramp(weft_scope *s, int ndim, const int64_t *shape)
{
    float v[4096];
    for (int i = 0; i < COUNT(v); i++)
        v[i] = (float)(i % 97) / 16;
    return weft_from_host(s, WEFT_F32, ndim, shape, v);
}

// Two layers, a loss and Adam: a step uses every part of the library that launches.
struct model {
    weft_scope *s;
    weft_params *net;
    weft_optim *adam;
};

enum { MODEL_BATCH = 5, MODEL_IN = 6, MODEL_HIDDEN = 7, MODEL_CLASSES = 3 };
enum { MODEL_VALUES = MODEL_HIDDEN * (MODEL_IN + 1) + MODEL_CLASSES * (MODEL_HIDDEN + 1) };

static inline void model_make(struct model *m, weft_device *dev)
{
    struct weft_error err = {0};
    m->s = open_scope(dev);
    m->net = weft_params_create(dev, 3, &err);
    m->adam = weft_adam_create(m->net, weft_adam_params(.lr = 0.01), &err);
    ck_assert_msg(m->net && m->adam, "%s", err.text);
}

static inline void model_free(struct model *m)
{
    weft_optim_destroy(&m->adam);
    weft_params_destroy(&m->net);
    weft_scope_destroy(&m->s);
}

static inline weft_tensor *model_logits(const struct model *m)
{
    const int64_t shape[] = {MODEL_BATCH, MODEL_IN};
    weft_tensor *x = ramp(m->s, 2, shape);
    x = weft_relu(m->s,
                  weft_linear(m->s, m->net, "fc1", x, weft_linear_params(.out = MODEL_HIDDEN)));
    return weft_linear(m->s, m->net, "fc2", x, weft_linear_params(.out = MODEL_CLASSES));
}

// The loss of one step of training; NAN after an error.
static inline double model_step(const struct model *m)
{
    const int64_t label[MODEL_BATCH] = {0, 1, 2, 0, 1}, batch = MODEL_BATCH;
    weft_tensor *y = weft_from_host(m->s, WEFT_I64, 1, &batch, label);
    weft_tensor *loss = weft_cross_entropy(m->s, model_logits(m), y, NULL);
    weft_backward(m->s, loss, m->net);
    weft_optim_step(m->adam, m->s);
    double value = weft_item(m->s, loss);
    return weft_scope_reset(m->s) ? value : (double)NAN;
}

// Every parameter, one after the other.
static inline void model_values(const struct model *m, float v[MODEL_VALUES])
{
    static const struct {
        const char *name;
        size_t count;
    } param[] = {{"fc1.weight", MODEL_HIDDEN * MODEL_IN},
                 {"fc1.bias", MODEL_HIDDEN},
                 {"fc2.weight", MODEL_CLASSES * MODEL_HIDDEN},
                 {"fc2.bias", MODEL_CLASSES}};
    for (int i = 0; i < COUNT(param); v += param[i++].count) {
        struct weft_error err = {0};
        ck_assert_msg(weft_params_get(m->net, param[i].name, v, param[i].count * sizeof *v, &err),
                      "%s", err.text);
    }
}

#endif
