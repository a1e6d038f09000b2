// The variants of the matrix product, and the plain one, which always can.
#include "op/matmul.h"

static bool always(weft_device *dev, const struct wf_matmul *p)
{
    (void)dev, (void)p;
    return true;
}

static bool plain_fits(weft_device *dev, const struct wf_matmul *p, const int *knob)
{
    (void)knob;
    return always(dev, p);
}

static bool plain_run(weft_device *dev, const struct wf_matmul *p, const int *knob,
                      struct weft_error *err)
{
    struct wf_kernel *k = wf_matmul_kernel(dev, p, "", &wf_matmul_plain, knob, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k,
                          .op = "matmul",
                          .tasks = p->count * p->m,
                          .wide = p->wide,
                          .task_ns = (double)p->n * (double)p->k};
    l.local = k->max_group < 64 ? k->max_group : 64;
    struct wf_matmul_args room;
    wf_matmul_add_args(&l, &room, p, 0);
    return wf_launch(dev, &l, err);
}

const struct wf_matmul_variant wf_matmul_plain = {
    .name = "plain", .file = "matmul", .applies = always, .fits = plain_fits, .run = plain_run};

const struct wf_matmul_variant *const wf_matmul_variants[] = {
    &wf_matmul_gemv,       &wf_matmul_gpu_matrix, &wf_matmul_clblast,  &wf_matmul_cpu_packed,
    &wf_matmul_cpu_gemv,   &wf_matmul_cpu_dot,    &wf_matmul_cpu_tile, &wf_matmul_cpu_int,
    &wf_matmul_gpu_packed, &wf_matmul_gpu_tile,   &wf_matmul_plain,    NULL,
};

bool wf_matmul_fits(weft_device *dev, const struct wf_record *matmul, bool calls)
{
    if (!calls || dev->info.type != WEFT_DEVICE_CPU)
        return true;
    struct wf_matmul p = wf_matmul_problem(matmul, NULL, matmul->out[0]);
    const struct wf_matmul_variant *const *v = wf_matmul_variants;
    while ((*v)->may_fail || !(*v)->applies(dev, &p))
        v++;
    return (*v)->calls_like_elementwise;
}

bool wf_matmul_try(weft_device *dev, const struct wf_matmul *p, const struct wf_matmul_variant *v,
                   struct weft_error *err)
{
    int knob[WF_MATMUL_KNOBS] = {0};
    if (v->choose)
        v->choose(dev, p, knob);
    return v->run(dev, p, knob, err);
}

bool wf_matmul_can(weft_device *dev, const struct wf_matmul *p, const struct wf_matmul_variant *v)
{
    int knob[WF_MATMUL_KNOBS] = {0};
    if (v->choose)
        v->choose(dev, p, knob);
    return v->fits(dev, p, knob);
}
