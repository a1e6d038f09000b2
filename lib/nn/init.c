// Initial values, made on the device. What is orthogonal begins as normal numbers.
#include "base/hash.h"
#include "core/copy.h"
#include "dev/launch.h"
#include "nn/params.h"
#include <math.h>
#include <stdio.h>

enum { CHUNK = 4096 };

static bool has_fans(enum weft_init_kind kind)
{
    return kind >= WEFT_INIT_XAVIER_UNIFORM && kind <= WEFT_INIT_ORTHOGONAL;
}

bool wf_init_ok(const struct weft_init *init, const char *name, int ndim, const int64_t *shape,
                struct weft_error *err)
{
    double a = init->a, b = init->b;
    enum weft_init_kind kind = init->kind;
    if (kind < WEFT_INIT_CONSTANT || kind > WEFT_INIT_ORTHOGONAL)
        return wf_fail(err, WEFT_PARAM,
                       "%.80s: initialiser %d; one of enum weft_init_kind was wanted", name,
                       (int)kind);
    if (kind != WEFT_INIT_CONSTANT && !(isfinite(a) && isfinite(b)))
        return wf_fail(err, WEFT_PARAM,
                       "%.80s: an initialiser with %g and %g; finite numbers were wanted", name, a,
                       b);
    if ((kind == WEFT_INIT_NORMAL || kind == WEFT_INIT_TRUNCATED_NORMAL) && b < 0)
        return wf_fail(err, WEFT_PARAM, "%.80s: a deviation of %g; 0 or more was wanted", name, b);
    if (kind == WEFT_INIT_UNIFORM && a > b)
        return wf_fail(err, WEFT_PARAM, "%.80s: uniform in [%g, %g), which is empty", name, a, b);
    if (has_fans(kind) && a < 0)
        return wf_fail(err, WEFT_PARAM, "%.80s: a gain of %g; 0 or more was wanted", name, a);
    if (has_fans(kind) && ndim < 2)
        return wf_fail(err, WEFT_SHAPE,
                       "%.80s: this initialiser for %s; two dimensions or more were wanted", name,
                       WF_SHAPE(ndim, shape));
    return true;
}

// The initialisers that go by the shape as plain ones.
static struct weft_init plain(const struct weft_init *init, const int64_t *shape, int64_t n)
{
    if (!has_fans(init->kind))
        return *init;
    double in = (double)(n / shape[0]), out = (double)(n / shape[1]), gain = init->a, deviation = 1;
    bool xavier = init->kind == WEFT_INIT_XAVIER_UNIFORM || init->kind == WEFT_INIT_XAVIER_NORMAL;
    if (xavier)
        deviation = (gain == 0 ? 1 : gain) * sqrt(2 / (in + out));
    else if (init->kind != WEFT_INIT_ORTHOGONAL)
        deviation = (gain == 0 ? sqrt(2) : gain) / sqrt(init->fan_out ? out : in);
    double bound = sqrt(3) * deviation;
    if (init->kind == WEFT_INIT_XAVIER_UNIFORM || init->kind == WEFT_INIT_KAIMING_UNIFORM)
        return (struct weft_init){WEFT_INIT_UNIFORM, -bound, bound};
    return (struct weft_init){WEFT_INIT_NORMAL, 0, deviation};
}

// One of the kernel's own kinds.
static bool fill(weft_device *dev, struct weft_init init, uint64_t seed, const char *name,
                 cl_mem mem, int64_t n, struct weft_error *err)
{
    static const char *const kind[] = {[WEFT_INIT_CONSTANT] = "CONSTANT",
                                       [WEFT_INIT_UNIFORM] = "UNIFORM",
                                       [WEFT_INIT_NORMAL] = "NORMAL",
                                       [WEFT_INIT_TRUNCATED_NORMAL] = "TRUNCATED"};
    char defines[80];
    bool wide = wf_wide(dev, 2 * n);
    snprintf(defines, sizeof defines, "%s#define %s\n", wide ? "#define INDEX long\n" : "",
             kind[init.kind]);
    struct wf_request r = {"init", "init", defines, "init"};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k,
                          .op = "init",
                          .tasks = (n + CHUNK - 1) / CHUNK,
                          .local = wf_loop_local(dev, k),
                          .wide = wide};
    struct wf_index index[2];
    cl_ulong key = seed, stream = wf_hash64(name, strlen(name));
    cl_float a = (float)init.a, b = (float)init.b;
    wf_launch_index(&l, &index[0], n);
    wf_launch_index(&l, &index[1], CHUNK);
    wf_launch_value(&l, sizeof key, &key);
    wf_launch_value(&l, sizeof stream, &stream);
    wf_launch_value(&l, sizeof a, &a);
    wf_launch_value(&l, sizeof b, &b);
    wf_launch_mem(&l, &mem);
    return wf_launch(dev, &l, err);
}

bool wf_init(weft_device *dev, const struct weft_init *init, uint64_t seed, const char *name,
             cl_mem mem, int ndim, const int64_t *shape, struct weft_error *err)
{
    int64_t n = wf_shape_count(ndim, shape);
    if (!n)
        return true;
    if (!fill(dev, plain(init, shape, n), seed, name, mem, n, err))
        return false;
    return init->kind != WEFT_INIT_ORTHOGONAL ||
           wf_init_orthogonal(dev, init->a == 0 ? 1 : init->a, mem, ndim, shape, err);
}
