// Cases with a state of their own: optimizers, steps of training, and what calls cost the host.
#include "bench.h"
#include "clock.h"
#include "model.h"
#include <stdio.h>
#include <string.h>

enum { SIZE = 1 << 24, CALLS = 1000 };

// The loss p w, whose gradient w is there before the clock starts.
struct optim_run {
    struct bench *b;
    weft_params *p;
    weft_optim *o;
    weft_tensor *w;
};

static bool make_gradient(void *priv)
{
    struct optim_run *r = priv;
    weft_scope *s = r->b->s;
    weft_tensor *p = weft_param(s, r->p, "p", (struct weft_init){WEFT_INIT_UNIFORM, -1, 1}, 1,
                                (int64_t[]){SIZE});
    weft_backward(s, weft_sum(s, weft_mul(s, p, r->w), NULL), r->p);
    return bench_finish(r->b) && weft_scope_reset(s);
}

static bool update(void *priv)
{
    struct optim_run *r = priv;
    return weft_optim_step(r->o, r->b->s) && bench_finish(r->b);
}

static bool reset(void *priv)
{
    struct bench *const *b = priv; // the first member of each state
    return weft_scope_reset((*b)->s);
}

static bool measure_optim(struct bench *b,
                          weft_optim *(*make)(weft_params *p, struct weft_error *err),
                          double passes, struct bench_time *out)
{
    struct optim_run r = {.b = b};
    r.p = weft_params_create(b->dev, 1, &b->err);
    r.o = make(r.p, &b->err);
    r.w = weft_keep(b->s, weft_full(b->s, WEFT_F32, 1, (int64_t[]){SIZE}, 0.5));
    struct bench_run run = {make_gradient, update, reset, &r};
    bool ok = !b->err.status && bench_repeat(b, &run, out);
    out->work = (struct bench_work){.bytes = passes * 4 * SIZE};
    weft_tensor_destroy(&r.w);
    weft_optim_destroy(&r.o);
    weft_params_destroy(&r.p);
    return ok;
}

// Name, how often a step goes through 4 bytes an element, and options. With one moment it reads p,
// g and that and writes p and that; each moment more is read and written.
#define OPTIMS(X)                \
    X(sgd, 5, (.momentum = 0.9)) \
    X(adagrad, 5, (.lr = 1e-2))  \
    X(adadelta, 7, (.lr = 1))    \
    X(rmsprop, 5, (.lr = 1e-2))  \
    X(adam, 7, (.lr = 1e-3))     \
    X(adamw, 7, (.lr = 1e-3))
#define UNWRAP(...) __VA_ARGS__
#define X(name, passes, options)                                                   \
    static weft_optim *make_##name(weft_params *p, struct weft_error *err)         \
    {                                                                              \
        return weft_##name##_create(p, weft_##name##_params(UNWRAP options), err); \
    }                                                                              \
    static bool measure_##name(struct bench *b, struct bench_time *out)            \
    {                                                                              \
        return measure_optim(b, make_##name, passes, out);                         \
    }
OPTIMS(X)
#undef X

static bool clip(void *priv)
{
    struct optim_run *r = priv;
    return weft_clip_grad_norm(r->b->s, r->p, 1, NULL) && bench_finish(r->b);
}

static bool forget_gradient(void *priv)
{
    struct optim_run *r = priv;
    return weft_zero_grad(r->b->s, r->p) && weft_scope_reset(r->b->s);
}

// Reads g for the norm, and once more to scale and write it.
static bool measure_clip(struct bench *b, struct bench_time *out)
{
    struct optim_run r = {.b = b};
    r.p = weft_params_create(b->dev, 1, &b->err);
    r.w = weft_keep(b->s, weft_full(b->s, WEFT_F32, 1, (int64_t[]){SIZE}, 0.5));
    struct bench_run run = {make_gradient, clip, forget_gradient, &r};
    bool ok = !b->err.status && bench_repeat(b, &run, out);
    out->work = (struct bench_work){.bytes = 3. * 4 * SIZE};
    weft_tensor_destroy(&r.w);
    weft_params_destroy(&r.p);
    return ok;
}

// The perceptron of tools/bench/start.
enum { IN = 784, CLASSES = 10 };
static const struct model mlp = {
    .normalize = NORMALIZE_NONE, .hidden = {2, {512, 512}}, .classes = CLASSES};

struct step_run {
    struct bench *b;
    weft_params *net;
    weft_optim *o;
    weft_tensor *x, *label;
};

static bool step(void *priv)
{
    struct step_run *r = priv;
    weft_scope *s = r->b->s;
    weft_tensor *loss = weft_cross_entropy(s, model_forward(s, r->net, &mlp, r->x), r->label, NULL);
    weft_backward(s, loss, r->net);
    weft_optim_step(r->o, s);
    return bench_finish(r->b);
}

static void make_batch(struct step_run *r, int batch)
{
    weft_scope *s = r->b->s;
    int64_t count[1] = {batch}, shape[2] = {batch, IN};
    r->x = weft_keep(s, weft_full(s, WEFT_F32, 2, shape, 0.5));
    r->label = weft_keep(s, weft_full(s, WEFT_I64, 1, count, 3));
    model_forward(s, r->net, &mlp, r->x);
    weft_scope_reset(s);
}

static bool measure_mlp(struct bench *b, bool adam, int batch, struct bench_time *out)
{
    struct step_run r = {.b = b};
    r.net = weft_params_create(b->dev, 1, &b->err);
    make_batch(&r, batch);
    r.o = adam ? weft_adam_create(r.net, NULL, &b->err) : weft_sgd_create(r.net, NULL, &b->err);
    struct bench_run run = {NULL, step, reset, &r};
    bool ok = !b->err.status && bench_repeat(b, &run, out);
    // Forward, and the gradients of the weights and of all inputs but the first.
    double weights = (double)weft_params_elements(r.net);
    out->work = (struct bench_work){.flops = 2. * batch * (3 * weights - IN * 512)};
    weft_tensor_destroy(&r.x);
    weft_tensor_destroy(&r.label);
    weft_optim_destroy(&r.o);
    weft_params_destroy(&r.net);
    return ok;
}

#define MLPS(X)            \
    X(mlp, true, 32)       \
    X(mlp, true, 128)      \
    X(mlp, true, 1024)     \
    X(mlp_sgd, false, 32)  \
    X(mlp_sgd, false, 128) \
    X(mlp_sgd, false, 1024)
#define X(name, adam, batch)                                                      \
    static bool measure_##name##_##batch(struct bench *b, struct bench_time *out) \
    {                                                                             \
        return measure_mlp(b, adam, batch, out);                                  \
    }
MLPS(X)
#undef X

struct host_run {
    struct bench *b;
    weft_tensor *x;
    double launches;
};

// Of one element, so that the device has nothing to do.
static bool record_chain(void *priv)
{
    struct host_run *r = priv;
    const weft_tensor *y = r->x;
    for (int i = 0; i < CALLS; i++)
        y = weft_neg(r->b->s, y);
    return y;
}

static bool finish_and_reset(void *priv)
{
    struct host_run *r = priv;
    return bench_finish(r->b) && weft_scope_reset(r->b->s);
}

// Reductions, because they are not merged into one kernel.
static bool record_sums(void *priv)
{
    struct host_run *r = priv;
    const weft_tensor *y = r->x;
    for (int i = 0; i < CALLS; i++)
        y = weft_sum(r->b->s, y, weft_reduce_params(.keep_dims = true));
    return y;
}

static uint64_t launches(weft_device *dev)
{
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(dev, &st);
    return st.launches;
}

static bool flush(void *priv)
{
    struct host_run *r = priv;
    uint64_t before = launches(r->b->dev);
    bool ok = weft_flush(r->b->s);
    r->launches = (double)(launches(r->b->dev) - before);
    return ok;
}

static bool measure_host(struct bench *b, const struct bench_run *how, struct bench_time *out)
{
    struct host_run r = {.b = b, .launches = CALLS};
    struct bench_run run = *how;
    run.priv = &r;
    r.x = weft_keep(b->s, weft_full(b->s, WEFT_F32, 1, (int64_t[]){1}, 1));
    bool ok = r.x && bench_repeat(b, &run, out);
    out->ms /= r.launches > 0 ? r.launches : 1;
    out->ms_min /= r.launches > 0 ? r.launches : 1;
    weft_tensor_destroy(&r.x);
    return ok;
}

// For each recorded elementwise call.
static bool measure_record(struct bench *b, struct bench_time *out)
{
    return measure_host(b, &(struct bench_run){NULL, record_chain, finish_and_reset, NULL}, out);
}

// For each launch of what is recorded, with planning and with what the driver takes.
static bool measure_launch(struct bench *b, struct bench_time *out)
{
    return measure_host(b, &(struct bench_run){record_sums, flush, finish_and_reset, NULL}, out);
}

// As weft_device_peak() measures it.
static bool measure_driver(struct bench *b, struct bench_time *out)
{
    if (!(b->peak.launch_us > 0) && !weft_device_peak(b->dev, &b->peak, &b->err))
        return false;
    out->ms = out->ms_min = b->peak.launch_us * 1e-3;
    return true;
}

const struct bench_case bench_step_cases[] = {
#define X(name, passes, options) {.op = #name, .size = "16M", .measure = measure_##name},
    OPTIMS(X)
#undef X
        {.op = "clip_grad_norm", .size = "16M", .measure = measure_clip},
#define X(name, adam, batch) {.op = #name, .size = #batch, .measure = measure_##name##_##batch},
    MLPS(X)
#undef X
        {.op = "host", .size = "record", .measure = measure_record},
    {.op = "host", .size = "launch", .measure = measure_launch},
    {.op = "host", .size = "launch_driver", .measure = measure_driver},
    {0},
};
