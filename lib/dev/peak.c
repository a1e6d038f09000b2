// What the device can do at most, measured: weft_device_peak(). A run lasts long enough for the
// clock and is repeated, and the best counts.
#include "dev/device.h"
#include "dev/launch.h"
#include <stdio.h>
#include <string.h>

enum { COPY_BYTES = 128 << 20, CACHED_BYTES = 4 << 20, LOCAL_GPU = 256, LAUNCHES = 256 };
enum { COPY_CHUNK = 1024, READ_CHUNK = 4096, CHAINS = 8 };
enum { MIN_RUNS = 3, MAX_RUNS = 500 };
static const double run_s = 0.004, all_s = 0.3;

struct peak {
    weft_device *dev;
    bool cpu, has_f64, f64;
    int vec, chunk, chains; // VEC, CHUNK and CHAINS of the kernel
    size_t local;
    struct wf_block *from, *to;
    struct wf_kernel *kernel;
    size_t bytes;   // that are copied, or read
    int64_t blocks; // of peak_read
    int rounds;     // of peak_mad; of peak_read over all blocks
};

static size_t vector_bytes(const struct peak *p)
{
    return (size_t)p->vec * (p->f64 ? sizeof(double) : sizeof(float));
}

// Groups of a power of 2, which READ_CHUNK is a multiple of.
static bool get_kernel(struct peak *p, const char *name, struct weft_error *err)
{
    char defines[160];
    snprintf(defines, sizeof defines,
             "#define VEC %d\n#define CHUNK %d\n#define CHAINS %d\n#define REAL %s\n%s", p->vec,
             p->chunk, p->chains, p->f64 ? "double" : "float", p->f64 ? "#define USE_F64\n" : "");
    struct wf_request r = {"peak", name, defines, "peak"};
    p->kernel = wf_kernel_get(p->dev, &r, err);
    p->local = p->cpu ? 1 : LOCAL_GPU;
    while (p->kernel && p->local > p->kernel->max_group)
        p->local /= 2;
    return p->kernel;
}

static bool copy_by_kernel(struct peak *p, struct weft_error *err)
{
    struct wf_launch l = {.kernel = p->kernel,
                          .op = "peak",
                          .tasks = (int64_t)(p->bytes / (vector_bytes(p) * COPY_CHUNK)),
                          .local = p->local};
    wf_launch_mem(&l, &p->from->mem);
    wf_launch_mem(&l, &p->to->mem);
    return wf_launch(p->dev, &l, err);
}

static bool copy_by_driver(struct peak *p, struct weft_error *err)
{
    return wf_copy(p->dev, p->from->mem, p->to->mem, p->bytes, err);
}

static bool read_blocks(struct peak *p, struct weft_error *err)
{
    struct wf_launch l = {
        .kernel = p->kernel, .op = "peak", .tasks = p->blocks * p->rounds, .local = p->local};
    struct wf_index blocks;
    wf_launch_index(&l, &blocks, p->blocks);
    wf_launch_mem(&l, &p->from->mem);
    wf_launch_mem(&l, &p->to->mem);
    return wf_launch(p->dev, &l, err);
}

// Each work-item writes one vector.
static int64_t mad_tasks(const struct peak *p)
{
    size_t most = p->bytes / (p->local * vector_bytes(p));
    size_t groups = wf_max_groups(p->dev);
    return (int64_t)(groups < most ? groups : most);
}

static bool multiply_add(struct peak *p, struct weft_error *err)
{
    // Of a number near 1 and one near 0, so that the sums stay normal numbers.
    const float a = 0.999f, b = 0.001f;
    const double a_f64 = 0.999, b_f64 = 0.001;
    cl_int rounds = p->rounds;
    struct wf_launch l = {.kernel = p->kernel,
                          .op = "peak",
                          .tasks = mad_tasks(p),
                          .local = p->local,
                          .task_ns = 1e4};
    wf_launch_value(&l, sizeof rounds, &rounds);
    wf_launch_value(&l, p->f64 ? sizeof a_f64 : sizeof a, p->f64 ? (const void *)&a_f64 : &a);
    wf_launch_value(&l, p->f64 ? sizeof b_f64 : sizeof b, p->f64 ? (const void *)&b_f64 : &b);
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

static bool run_nothing(struct peak *p, struct weft_error *err)
{
    struct wf_launch l = {.kernel = p->kernel, .op = "peak", .tasks = 1, .local = 1};
    return wf_launch(p->dev, &l, err);
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

// So many bytes from the front of the buffer, read `rounds` times in one launch.
static bool measure_read(struct peak *p, size_t bytes, int rounds, double *gb_s,
                         struct weft_error *err)
{
    struct peak q = *p;
    q.chunk = READ_CHUNK;
    if (!get_kernel(&q, "peak_read", err))
        return false;
    q.blocks = (int64_t)((bytes < p->bytes ? bytes : p->bytes) / (vector_bytes(&q) * READ_CHUNK));
    q.rounds = rounds;
    double t = q.blocks > 0 ? best_run(&q, read_blocks, false, err) : 0;
    if (t > 0)
        *gb_s = 1e-9 * (double)(q.blocks * rounds) * (double)(vector_bytes(&q) * READ_CHUNK) / t;
    return t >= 0;
}

// One form of the kernel, if it is better than what was before.
static bool measure_form(struct peak *p, double *gflop_s, struct weft_error *err)
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
    double found = 2e-9 * items * p->vec * p->chains * p->rounds / t;
    *gflop_s = found > *gflop_s ? found : *gflop_s;
    return true;
}

// Vectors and chains: how many registers there are, and what the compiler makes of a vector that is
// wider than one, differs.
static bool measure_mad(const struct peak *from, bool f64, double *gflop_s, struct weft_error *err)
{
    static const int of_cpus[][2] = {{16, 8}, {8, 12}, {4, 12}}, of_gpus[][2] = {{4, 8}, {2, 8}};
    int forms = from->cpu ? 3 : 2;
    bool ok = true;
    for (int i = 0; i < forms && ok; i++) {
        struct peak p = *from;
        p.f64 = f64;
        p.vec = (from->cpu ? of_cpus[i] : of_gpus[i])[0];
        p.chains = (from->cpu ? of_cpus[i] : of_gpus[i])[1];
        ok = measure_form(&p, gflop_s, err);
    }
    return ok;
}

static bool measure_launch(struct peak *p, struct weft_device_peak *out, struct weft_error *err)
{
    double t = get_kernel(p, "peak_nothing", err) ? best_run(p, launch_nothing, true, err) : -1;
    double round_trip = t >= 0 ? best_run(p, run_nothing, false, err) : -1;
    out->launch_us = t * 1e6 / LAUNCHES;
    out->round_trip_us = round_trip * 1e6;
    return round_trip >= 0;
}

static bool measure_all(struct peak *p, struct weft_device_peak *out, struct weft_error *err)
{
    return measure_copy(p, out, err) && measure_read(p, p->bytes, 1, &out->read_gb_s, err) &&
           measure_read(p, CACHED_BYTES, 16, &out->cached_gb_s, err) &&
           measure_mad(p, false, &out->gflop_s, err) &&
           (!p->has_f64 || measure_mad(p, true, &out->gflop_s_f64, err)) &&
           measure_launch(p, out, err);
}

bool weft_device_peak(weft_device *dev, struct weft_device_peak *out, struct weft_error *err)
{
    if (!dev || !out)
        return wf_fail(err, WEFT_PARAM, "peak: %s is NULL", dev ? "out" : "the device");
    struct peak p = {.dev = dev,
                     .cpu = dev->info.type == WEFT_DEVICE_CPU,
                     .has_f64 = weft_device_has(dev, WEFT_CAP_F64),
                     .chunk = COPY_CHUNK,
                     .chains = CHAINS,
                     .bytes = COPY_BYTES};
    struct weft_device_peak all = {.size = out->size};
    p.vec = p.cpu ? 16 : 4;
    while (p.bytes > dev->info.max_alloc)
        p.bytes /= 2;
    bool ok = measure_all(&p, &all, err);
    wf_pool_give(dev, p.from);
    wf_pool_give(dev, p.to);
    if (ok)
        memcpy(out, &all, all.size && all.size < sizeof all ? all.size : sizeof all);
    return ok;
}
