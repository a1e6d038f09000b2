// Timing: a warm-up, in which kernels are built, then runs from recording to finished.
#include "bench.h"
#include "clock.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MIN_RUNS = 7, MAX_RUNS = 2000 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// Milliseconds; negative on error.
static double time_once(const struct bench_run *run)
{
    if (run->before && !run->before(run->priv))
        return -1;
    double begin = now_ms();
    bool ok = run->timed(run->priv);
    double end = now_ms();
    ok = ok && (!run->after || run->after(run->priv));
    return ok ? end - begin : -1;
}

bool bench_repeat(const struct bench *b, const struct bench_run *run, struct bench_time *out)
{
    double ms[MAX_RUNS], all = 0;
    int n = 0;
    if (time_once(run) < 0 || time_once(run) < 0)
        return false;
    while (n < MIN_RUNS || (n < MAX_RUNS && all < b->seconds * 1e3)) {
        ms[n] = time_once(run);
        if (ms[n] < 0)
            return false;
        all += ms[n++];
    }
    qsort(ms, (size_t)n, sizeof *ms, compare);
    out->ms = (ms[(n - 1) / 2] + ms[n / 2]) / 2;
    out->ms_min = ms[0];
    return true;
}

bool bench_finish(struct bench *b)
{
    return weft_flush(b->s) && weft_device_wait(b->dev, &b->err);
}

static double uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53;
}

static enum weft_dtype dtype_of(enum input_kind kind)
{
    return kind == INDEX   ? WEFT_I64
           : kind == FLAG  ? WEFT_BOOL
           : kind == BYTE  ? WEFT_I8
           : kind == UBYTE ? WEFT_U8
                           : WEFT_F32;
}

// Kept, so that it is there before the clock starts.
static weft_tensor *make_input(weft_scope *s, const struct bench_case *b, int i)
{
    const struct op_case *c = &b->c;
    enum weft_dtype dtype = dtype_of(b->kind[i]);
    struct array shape = {.ndim = c->in[i].ndim};
    memcpy(shape.shape, c->in[i].shape, sizeof c->in[i].shape);
    int64_t n = array_count(&shape);
    uint64_t state = (uint64_t)i + 1;
    char *data = malloc((size_t)n * weft_dtype_size(dtype) + 1);
    for (int64_t j = 0; data && j < n; j++) {
        double u = uniform(&state), v = c->lo + (c->hi - c->lo) * u;
        if (dtype == WEFT_F32)
            ((float *)(void *)data)[j] = (float)(b->kind[i] == FACTOR  ? floor(u * c->limit) + 1
                                                 : b->kind[i] == WHOLE ? floor(v)
                                                                       : v);
        else if (dtype == WEFT_I64)
            ((int64_t *)(void *)data)[j] = (int64_t)(u * c->limit);
        else if (dtype == WEFT_BOOL)
            data[j] = u < 0.5;
        else
            ((unsigned char *)data)[j] = (unsigned char)(u * 256);
    }
    weft_tensor *x = weft_from_host(s, dtype, shape.ndim, shape.shape, data);
    if (b->kind[i] == VALUE && b->dtype)
        x = weft_cast(s, x, b->dtype);
    weft_tensor *t = weft_keep(s, x);
    free(data);
    return t;
}

static double bytes_of(const weft_tensor *t)
{
    return (double)weft_count(t) * (t ? (double)weft_dtype_size(t->dtype) : 0);
}

struct op_run {
    struct bench *b;
    const struct bench_case *c;
    weft_tensor *x[MAX_IN];
    double out_bytes;
    int calls; // of a chain
};

static bool record_op(struct op_run *r)
{
    weft_scope *s = r->b->s;
    weft_tensor *x[MAX_IN], *y;
    memcpy(x, r->x, sizeof x);
    if (r->c->grad) // a kept tensor has no history, a view of it has
        x[0] = weft_reshape(s, x[0], x[0]->ndim, x[0]->shape);
    y = r->c->call(s, x, &r->c->c);
    y = r->c->read ? weft_neg(s, y) : y;
    if (r->c->grad)
        y = weft_grad(s, y && y->ndim ? weft_sum(s, y, NULL) : y, x[0]);
    r->out_bytes = bytes_of(y);
    return y;
}

static bool run_op(void *priv)
{
    struct op_run *r = priv;
    return record_op(r) && bench_finish(r->b);
}

// As a training step has them: recorded one after the other, and waited for once.
static bool run_chain(void *priv)
{
    struct op_run *r = priv;
    bool ok = true;
    for (int i = 0; i < r->calls && ok; i++)
        ok = record_op(r);
    return ok && bench_finish(r->b);
}

static bool reset(void *priv)
{
    struct op_run *r = priv;
    return weft_scope_reset(r->b->s);
}

static struct bench_work work_of(const struct op_run *r)
{
    struct bench_work w = {.bytes = r->out_bytes};
    double in = 0;
    for (int i = 0; i < r->c->nin; i++)
        in += bytes_of(r->x[i]);
    w.bytes += r->c->grad ? 2 * in : in;
    w.flops = r->c->flops ? r->c->flops(&r->c->c) * (r->c->grad ? 3 : 1) : 0;
    return r->c->view ? (struct bench_work){0} : w;
}

enum { MAX_CALLS = 200 };
static const double chain_ms = 20, chain_bytes = 1 << 28;

// So many calls that the wait at their end counts little, and their results have room.
static bool time_chain(struct op_run *r, struct bench_time *out)
{
    struct bench_run run = {NULL, run_chain, reset, r};
    struct bench_time t = {0};
    double most = r->out_bytes > 0 ? chain_bytes / r->out_bytes : MAX_CALLS;
    double calls = fmin(fmin(chain_ms / out->ms_min, most), MAX_CALLS);
    r->calls = calls < 2 ? 2 : (int)calls;
    bool ok = bench_repeat(r->b, &run, &t);
    out->chain_ms = t.ms / r->calls;
    return ok;
}

bool bench_op(struct bench *b, const struct bench_case *c, struct bench_time *out)
{
    struct op_run r = {.b = b, .c = c};
    for (int i = 0; i < c->nin; i++)
        r.x[i] = make_input(b->s, c, i);
    struct bench_run run = {NULL, run_op, reset, &r};
    bool ok = weft_scope_reset(b->s) && bench_repeat(b, &run, out);
    ok = ok && (!c->chain || time_chain(&r, out));
    out->work = work_of(&r);
    for (int i = 0; i < c->nin; i++)
        weft_tensor_destroy(&r.x[i]);
    return ok;
}
