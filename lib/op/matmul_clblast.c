// CLBlast as a variant: on GPUs, where it is installed. On CPUs it is slower than weft's own tiles.
#include "clblast/clblast.h"
#include "dev/dry.h"
#include "op/matmul.h"

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

static bool fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    (void)knob;
    struct wf_clblast_gemm g;
    return dev->params.clblast != WEFT_CLBLAST_OFF && make_gemm(p, &g) && wf_clblast_found(dev);
}

static bool applies(weft_device *dev, const struct wf_matmul *p)
{
    struct wf_clblast_gemm g;
    weft_device *real = dev->dry ? dev->dry->real : dev;
    enum weft_clblast on = real->params.clblast;
    bool wanted = on ? on == WEFT_CLBLAST_ON : real->info.type == WEFT_DEVICE_GPU;
    return wanted && make_gemm(p, &g) && wf_clblast_found(real);
}

static bool run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err)
{
    (void)knob;
    struct wf_clblast_gemm g;
    if (dev->dry) {
        dev->dry->launches++;
        return true;
    }
    return make_gemm(p, &g) ? wf_clblast_gemm(dev, &g, err)
                            : wf_fail(err, WEFT_UNSUPPORTED, "CLBlast: not made for this product");
}

const struct wf_matmul_variant wf_matmul_clblast = {
    .name = "clblast", .applies = applies, .fits = fits, .run = run, .may_fail = true};
