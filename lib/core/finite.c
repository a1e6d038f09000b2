// Looking for NaN and infinity: one flag a task, read back and joined on the host.
#include "core/finite.h"
#include "core/copy.h"
#include "dev/launch.h"
#include <stdio.h>

enum { TASKS = 64 };
enum answer { FAILED = -1, FINITE, INFINITE };

static bool launch(weft_device *dev, enum weft_dtype dtype, cl_mem x, int64_t n, cl_mem flags,
                   struct weft_error *err)
{
    static const char *const type[] = {
        [WEFT_F32] = "F32", [WEFT_F16] = "F16", [WEFT_BF16] = "BF16", [WEFT_F64] = "F64"};
    bool wide = wf_wide(dev, n + TASKS * TASKS);
    char defines[96];
    snprintf(defines, sizeof defines, "%s#define X_%s\n", wide ? "#define INDEX long\n" : "",
             type[dtype]);
    struct wf_request r = {"finite", "finite", defines, "check_nan"};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k, .op = "check_nan", .tasks = TASKS, .local = 1, .wide = wide};
    struct wf_index count, share;
    wf_launch_index(&l, &count, n);
    wf_launch_index(&l, &share, (n + TASKS - 1) / TASKS);
    wf_launch_mem(&l, &x);
    wf_launch_mem(&l, &flags);
    return wf_launch(dev, &l, err);
}

static enum answer look(weft_device *dev, enum weft_dtype dtype, cl_mem x, int64_t n,
                        struct weft_error *err)
{
    cl_int flag[TASKS];
    enum answer a = FAILED;
    struct wf_storage *flags = wf_storage_new(dev, sizeof flag, err);
    if (flags && launch(dev, dtype, x, n, flags->mem, err) &&
        wf_download(dev, flags->mem, 0, flag, sizeof flag, err)) {
        a = FINITE;
        for (int i = 0; i < TASKS; i++)
            a = flag[i] ? INFINITE : a;
    }
    wf_storage_unref(flags);
    return a;
}

// What is not dense is copied first.
static enum answer look_at(weft_device *dev, const struct wf_tensor *t, struct weft_error *err)
{
    int64_t n = weft_count(&t->pub);
    if (!wf_dtype_is_float(t->pub.dtype) || !n || !t->storage)
        return FINITE;
    if (wf_is_dense(t) && !t->offset)
        return look(dev, t->pub.dtype, t->storage->mem, n, err);
    struct wf_tensor dense = {.pub = t->pub, .dev = dev};
    dense.storage = wf_storage_new(dev, wf_tensor_bytes(t), err);
    bool ok = dense.storage && wf_copy_elements(dev, t, &dense, err);
    enum answer a = ok ? look(dev, t->pub.dtype, dense.storage->mem, n, err) : FAILED;
    wf_storage_unref(dense.storage);
    return a;
}

static enum answer look_at_all(weft_device *dev, int n, struct wf_tensor *const *t,
                               struct weft_error *err)
{
    for (int i = 0; i < n; i++) {
        enum answer a = look_at(dev, t[i], err);
        if (a != FINITE)
            return a;
    }
    return FINITE;
}

// A parameter that an update has changed; NULL, and *a, if it is none of them.
static const struct wf_variable *look_at_variables(weft_device *dev, const struct wf_record *r,
                                                   enum answer *a, struct weft_error *err)
{
    *a = FINITE;
    for (int i = 0; i < r->nvar && r->op->update == WF_UPDATES_VALUE; i++) {
        const struct wf_variable *v = r->var[i];
        int64_t n = v->elements;
        *a = n ? look(dev, WEFT_F32, v->storage->mem, n, err) : FINITE;
        if (*a != FINITE)
            return v;
    }
    return NULL;
}

bool wf_check_finite(weft_device *dev, const struct wf_record *r, struct weft_error *err)
{
    // What is made of nothing was asked for as it is.
    if (!dev->params.check_nan || dev->dry || !r->nin)
        return true;
    enum answer a = look_at_all(dev, r->nout, r->out, err);
    const struct wf_variable *v = NULL;
    if (a == FINITE)
        v = look_at_variables(dev, r, &a, err);
    if (a == INFINITE)
        a = look_at_all(dev, r->nin, r->in, err) == FINITE ? INFINITE : FINITE;
    if (a != INFINITE)
        return a == FINITE;
    if (v)
        return wf_fail(err, WEFT_NONFINITE, "has left a NaN or an infinity in the parameter %s",
                       v->name);
    return wf_fail(err, WEFT_NONFINITE, "has made a NaN or an infinity of finite inputs");
}
