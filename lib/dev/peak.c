// What the device can do at most, measured: weft_device_peak(). A run lasts long enough for the
// clock and is repeated, and the best counts.
#include "dev/device.h"
#include "dev/launch.h"
#include <stdio.h>
#include <string.h>

enum { COPY_BYTES = 128 << 20, CHUNK = 1024, CHAINS = 8, LOCAL_GPU = 256, LAUNCHES = 256 };
enum { MIN_RUNS = 3, MAX_RUNS = 500 };
static const double run_s = 0.004, all_s = 0.4;

struct peak {
    weft_device *dev;
    int vec;
    size_t local;
    struct wf_block *from, *to;
    struct wf_kernel *kernel;
    size_t bytes; // that are copied
    int rounds;   // of peak_mad
};

static bool get_kernel(struct peak *p, const char *name, struct weft_error *err)
{
    char defines[96];
    snprintf(defines, sizeof defines, "#define VEC %d\n#define CHUNK %d\n#define CHAINS %d\n",
             p->vec, CHUNK, CHAINS);
    struct wf_request r = {"peak", name, defines, "peak"};
    p->kernel = wf_kernel_get(p->dev, &r, err);
    if (p->kernel && p->local > p->kernel->max_group)
        p->local = p->kernel->max_group;
    return p->kernel;
}

static bool copy_by_kernel(struct peak *p, struct weft_error *err)
{
    struct wf_launch l = {.kernel = p->kernel,
                          .op = "peak",
                          .tasks = (int64_t)(p->bytes / (sizeof(float) * (size_t)p->vec * CHUNK)),
                          .local = p->local};
    wf_launch_mem(&l, &p->from->mem);
    wf_launch_mem(&l, &p->to->mem);
    return wf_launch(p->dev, &l, err);
}

static bool copy_by_driver(struct peak *p, struct weft_error *err)
{
    return wf_copy(p->dev, p->from->mem, p->to->mem, p->bytes, err);
}

// Each work-item writes one vector.
static int64_t mad_tasks(const struct peak *p)
{
    size_t most = p->bytes / (p->local * (size_t)p->vec * sizeof(float));
    size_t groups = wf_max_groups(p->dev);
    return (int64_t)(groups < most ? groups : most);
}

static bool multiply_add(struct peak *p, struct weft_error *err)
{
    // Of a number near 1 and one near 0, so that the sums stay normal numbers.
    float a = 0.999f, b = 0.001f;
    cl_int rounds = p->rounds;
    struct wf_launch l = {.kernel = p->kernel,
                          .op = "peak",
                          .tasks = mad_tasks(p),
                          .local = p->local,
                          .task_ns = 1e4};
    wf_launch_value(&l, sizeof rounds, &rounds);
    wf_launch_value(&l, sizeof a, &a);
    wf_launch_value(&l, sizeof b, &b);
    wf_launch_mem(&l, &p->to->mem);
    return wf_launch(p->dev, &l, err);
}

// The driver's calls alone, without wf_launch().
static bool launch_nothing(struct peak *p, struct weft_error *err)
{
    weft_device *dev = p->dev;
    size_t one = 1;
    cl_int zero = 0;
    bool ok = true;
    wf_lock(&dev->queue_lock);
    for (int i = 0; ok && i < LAUNCHES; i++) {
        for (cl_uint arg = 0; ok && arg < 2; arg++)
            ok = WF_CL(&dev->cl, err, clSetKernelArg, p->kernel->kernel, arg, sizeof zero, &zero);
        ok = ok && WF_CL(&dev->cl, err, clEnqueueNDRangeKernel, dev->queue, p->kernel->kernel, 1,
                         NULL, &one, &one, 0, NULL, NULL);
    }
    ok = ok && WF_CL(&dev->cl, err, clFlush, dev->queue);
    wf_unlock(&dev->queue_lock);
    return ok;
}

typedef bool run_fn(struct peak *p, struct weft_error *err);

// Seconds of one run: until it has finished or, for `enqueue`, until it is under way. Negative on
// error.
static double time_run(struct peak *p, run_fn *run, bool enqueue, struct weft_error *err)
{
    double begin = wf_now();
    bool ok = run(p, err);
    double enqueued = wf_now();
    ok = ok && wf_wait(p->dev, err);
    return !ok ? -1 : (enqueue ? enqueued : wf_now()) - begin;
}

// The shortest of several runs; the first one, which may compile, does not count.
static double best_run(struct peak *p, run_fn *run, bool enqueue, struct weft_error *err)
{
    double best = -1, begin = wf_now();
    if (time_run(p, run, enqueue, err) < 0)
        return -1;
    for (int n = 0; n < MIN_RUNS || (n < MAX_RUNS && wf_now() - begin < all_s); n++) {
        double t = time_run(p, run, enqueue, err);
        if (t < 0)
            return -1;
        best = best < 0 || t < best ? t : best;
    }
    return best;
}

static bool measure_copy(struct peak *p, struct weft_device_peak *out, struct weft_error *err)
{
    float one = 1;
    p->from = wf_pool_take(p->dev, p->bytes, err);
    p->to = p->from ? wf_pool_take(p->dev, p->bytes, err) : NULL;
    if (!p->to || !wf_fill(p->dev, p->from->mem, p->bytes, &one, sizeof one, err) ||
        !get_kernel(p, "peak_copy", err))
        return false;
    double kernel = best_run(p, copy_by_kernel, false, err);
    double driver = kernel < 0 ? -1 : best_run(p, copy_by_driver, false, err);
    out->gb_s = 2e-9 * (double)p->bytes / (kernel < driver ? kernel : driver);
    return driver >= 0;
}

static bool measure_mad(struct peak *p, struct weft_device_peak *out, struct weft_error *err)
{
    if (!get_kernel(p, "peak_mad", err))
        return false;
    double t = 0;
    for (p->rounds = 256; p->rounds < 1 << 24; p->rounds *= 2) {
        t = time_run(p, multiply_add, false, err);
        if (t < 0 || t >= run_s)
            break;
    }
    t = t < 0 ? t : best_run(p, multiply_add, false, err);
    if (t < 0)
        return false;
    double items = (double)mad_tasks(p) * (double)p->local;
    out->gflop_s = 2e-9 * items * p->vec * CHAINS * p->rounds / t;
    return true;
}

static bool measure_launch(struct peak *p, struct weft_device_peak *out, struct weft_error *err)
{
    double t = get_kernel(p, "peak_nothing", err) ? best_run(p, launch_nothing, true, err) : -1;
    out->launch_us = t * 1e6 / LAUNCHES;
    return t >= 0;
}

bool weft_device_peak(weft_device *dev, struct weft_device_peak *out, struct weft_error *err)
{
    if (!dev || !out)
        return wf_fail(err, WEFT_PARAM, "peak: %s is NULL", dev ? "out" : "the device");
    bool cpu = dev->info.type == WEFT_DEVICE_CPU;
    struct peak p = {
        .dev = dev, .vec = cpu ? 16 : 4, .local = cpu ? 1 : LOCAL_GPU, .bytes = COPY_BYTES};
    struct weft_device_peak all = {.size = out->size};
    if (p.local > dev->info.max_group)
        p.local = dev->info.max_group;
    while (p.bytes > dev->info.max_alloc)
        p.bytes /= 2;
    bool ok =
        measure_copy(&p, &all, err) && measure_mad(&p, &all, err) && measure_launch(&p, &all, err);
    wf_pool_give(dev, p.from);
    wf_pool_give(dev, p.to);
    if (ok)
        memcpy(out, &all, all.size && all.size < sizeof all ? all.size : sizeof all);
    return ok;
}
