// CLBlast as a variant: on GPUs, where it is installed, and where its answers were once those of
// weft's own tiles on this very device. On CPUs it is slower than they are.
#include "clblast/clblast.h"
#include "dev/dry.h"
#include "op/matmul.h"
#include <math.h>
#include <stdlib.h>

// What is known of it on a device, for a dtype.
enum { NOT_ASKED, UNFIT, FIT };

// A matrix of `rows` rows as BLAS takes it: rows or columns lie side by side, without overlap.
static bool describe(struct wf_clblast_matrix *x, int64_t rows, int64_t columns, int64_t row,
                     int64_t column)
{
    x->transposed = column != 1 && row == 1;
    int64_t step = x->transposed ? column : row, least = x->transposed ? rows : columns;
    // Of a single row, the step is never taken.
    if ((x->transposed ? columns : rows) == 1)
        step = least;
    x->row = (size_t)step;
    return (x->transposed || column == 1 || columns == 1) && step >= least;
}

static bool make_gemm(const struct wf_matmul *p, struct wf_clblast_gemm *g)
{
    *g = (struct wf_clblast_gemm){.f64 = p->dtype == WEFT_F64,
                                  .m = (size_t)p->m,
                                  .n = (size_t)p->n,
                                  .k = (size_t)p->k,
                                  .count = (size_t)p->count};
    bool ok = (p->dtype == WEFT_F32 || p->dtype == WEFT_F64) && p->out == p->dtype &&
              !p->epilogue && p->k > 0 && p->batch.rank == 1 &&
              describe(&g->a, p->m, p->k, p->a_m, p->a_k) &&
              describe(&g->b, p->k, p->n, p->b_k, p->b_n);
    g->a.mem = p->a;
    g->a.offset = (size_t)p->batch.offset[0];
    g->a.step = (size_t)p->batch.stride[0][0];
    g->b.mem = p->b;
    g->b.offset = (size_t)p->batch.offset[1];
    g->b.step = (size_t)p->batch.stride[1][0];
    g->c = (struct wf_clblast_matrix){.mem = p->c, .row = g->n, .step = g->m * g->n};
    // A repeated matrix has no step; CLBlast was not made for it.
    return ok && (p->count == 1 || (g->a.step && g->b.step));
}

static const struct wf_matmul_variant *own_variant(weft_device *dev, const struct wf_matmul *p)
{
    const struct wf_matmul_variant *const *v = wf_matmul_variants;
    while ((*v)->may_fail || !(*v)->applies(dev, p))
        v++;
    return *v;
}

// Buffers on the device of one comparison, and what came of it.
struct trial {
    struct wf_storage *in[2], *out[2];
    void *host[2];
    size_t bytes;
};

static bool make_trial(weft_device *dev, struct trial *t, int64_t n, bool f64,
                       struct weft_error *err)
{
    t->bytes = (size_t)(n * n) * (f64 ? 8 : 4);
    bool ok = true;
    for (int i = 0; i < 2 && ok; i++) {
        t->in[i] = wf_storage_new(dev, t->bytes, err);
        t->out[i] = wf_storage_new(dev, t->bytes, err);
        t->host[i] = malloc(t->bytes);
        ok = t->in[i] && t->out[i] && t->host[i];
    }
    uint32_t random = 1;
    for (int i = 0; i < 2 && ok; i++) {
        for (int64_t j = 0; j < n * n; j++) {
            random = random * 1664525u + 1013904223u;
            double v = (double)(random >> 8) * 0x1p-23 - 1;
            if (f64)
                ((double *)t->host[i])[j] = v;
            else
                ((float *)t->host[i])[j] = (float)v;
        }
        ok = wf_upload(dev, t->in[i]->mem, 0, t->host[i], t->bytes, err);
    }
    return ok;
}

static void free_trial(struct trial *t)
{
    for (int i = 0; i < 2; i++) {
        wf_storage_unref(t->in[i]);
        wf_storage_unref(t->out[i]);
        free(t->host[i]);
    }
}

// The rounding of both sums of k products of numbers below 1.
static bool agree(const struct trial *t, int64_t n, bool f64, int64_t k)
{
    double most = 64 * (f64 ? 0x1p-53 : 0x1p-24) * sqrt((double)k);
    for (int64_t i = 0; i < n; i++) {
        double a = f64 ? ((double *)t->host[0])[i] : (double)((float *)t->host[0])[i];
        double b = f64 ? ((double *)t->host[1])[i] : (double)((float *)t->host[1])[i];
        if (!(fabs(a - b) <= most))
            return false;
    }
    return true;
}

// One product of n x n, with either operand transposed, by CLBlast and by weft.
static bool compare(weft_device *dev, struct trial *t, int64_t n, int form, bool f64)
{
    struct weft_error err = {0};
    struct wf_clblast_gemm g;
    enum weft_dtype dtype = f64 ? WEFT_F64 : WEFT_F32;
    struct wf_matmul p = {.dtype = dtype,
                          .out = dtype,
                          .m = n,
                          .n = n,
                          .k = n,
                          .count = 1,
                          .plain_m = n,
                          .plain_count = 1};
    p.a_m = p.b_k = n;
    p.a_k = p.b_n = 1;
    if (form & 1)
        p.a_m = 1, p.a_k = n;
    if (form & 2)
        p.b_k = 1, p.b_n = n;
    p.batch = (struct wf_dims){.rank = 1, .views = 2, .shape = {1}};
    p.a = t->in[0]->mem;
    p.b = t->in[1]->mem;
    p.c = t->out[0]->mem;
    bool ok = make_gemm(&p, &g) && wf_clblast_gemm(dev, &g, &err);
    p.c = t->out[1]->mem;
    ok = ok && wf_matmul_try(dev, &p, own_variant(dev, &p), &err);
    for (int i = 0; i < 2 && ok; i++)
        ok = wf_download(dev, t->out[i]->mem, 0, t->host[i], t->bytes, &err);
    return ok && agree(t, n * n, f64, n);
}

// Small products take another way through CLBlast than large ones.
static bool is_fit(weft_device *dev, bool f64)
{
    static const int64_t size[] = {67, 769};
    struct weft_error err = {0};
    bool ok = true;
    for (int i = 0; i < 2 && ok; i++) {
        struct trial t = {0};
        ok = make_trial(dev, &t, size[i], f64, &err);
        for (int form = 0; form < 4 && ok; form++)
            ok = compare(dev, &t, size[i], form, f64);
        free_trial(&t);
    }
    wf_log(&dev->log, ok ? WEFT_LOG_INFO : WEFT_LOG_WARN, "matmul: CLBlast %s for %s",
           ok ? "gave the right products and is used"
              : "failed or gave other products; it is not used",
           f64 ? "F64" : "F32");
    return ok;
}

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    (void)knob;
    struct wf_clblast_gemm g;
    return make_gemm(p, &g) && wf_clblast_found(dev);
}

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    struct wf_clblast_gemm g;
    // A dry run asks nothing of the device: what is not known yet is not taken.
    bool dry = dev->dry;
    dev = dry ? dev->dry->real : dev;
    enum weft_clblast on = dev->params.clblast;
    bool wanted = on ? on == WEFT_CLBLAST_ON : dev->info.type == WEFT_DEVICE_GPU;
    atomic_int *known = &dev->clblast[p->dtype == WEFT_F64];
    if (!wanted || *known == UNFIT || !make_gemm(p, &g))
        return false;
    if (*known == NOT_ASKED && !dry)
        *known = wf_clblast_found(dev) && is_fit(dev, g.f64) ? FIT : UNFIT;
    return *known == FIT;
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    (void)knob;
    struct wf_clblast_gemm g;
    struct weft_error own = {0};
    if (dev->dry) {
        dev->dry->launches++;
        return true;
    }
    if (make_gemm(p, &g) && wf_clblast_gemm(dev, &g, &own))
        return true;
    wf_log(&dev->log, WEFT_LOG_WARN, "matmul: %s; it is not used any more", own.text);
    dev->clblast[g.f64] = UNFIT;
    return wf_fail(err, own.status, "%s", own.text);
}

const struct wf_matmul_variant wf_matmul_clblast = {
    .name = "clblast", .applies = applies, .fits = fits, .run = run, .may_fail = true};
