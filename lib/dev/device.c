// Opening a device: parameters and environment, finding, context and queue; and what it reports.
#include "dev/device.h"
#include "base/number.h"
#include "base/text.h"
#include "dev/find.h"
#include "dev/quirks.h"
#include <stdlib.h>

enum { LAUNCH_LIMIT_MS = 100 };

// A number of bytes from the environment, where the field is zero.
static bool read_limit(const char *name, size_t *to, struct weft_error *err)
{
    const char *text = wf_env(name);
    uint64_t bytes;
    if (*to || !text || !*text)
        return true;
    if (!wf_parse_bytes(text, &bytes))
        return wf_fail(err, WEFT_PARAM, "%s is \"%s\"; a number of bytes was wanted, such as 512M",
                       name, text);
    *to = (size_t)bytes;
    return true;
}

// Likewise of seconds.
static bool read_seconds(const char *name, double *to, struct weft_error *err)
{
    const char *text = wf_env(name);
    double seconds;
    if (*to != 0 || !text || !*text)
        return true;
    if (!wf_parse_number(text, strlen(text), &seconds) || !(seconds >= 0))
        return wf_fail(err, WEFT_PARAM, "%s is \"%s\"; a number of seconds was wanted", name, text);
    *to = seconds;
    return true;
}

static bool is_on(const char *name)
{
    const char *text = wf_env(name);
    return text && !strcmp(text, "1");
}

static enum weft_clblast read_clblast(void)
{
    const char *text = wf_env("WEFT_CLBLAST");
    return !text || !*text      ? WEFT_CLBLAST_ON_GPUS
           : !strcmp(text, "1") ? WEFT_CLBLAST_ON
                                : WEFT_CLBLAST_OFF;
}

static bool read_f32_products(enum weft_f32_products *to, struct weft_error *err)
{
    const char *text = wf_env("WEFT_F32_PRODUCTS");
    if (*to != WEFT_F32_EXACT || !text || !*text || !strcmp(text, "exact"))
        return true;
    if (strcmp(text, "tf32") != 0)
        return wf_fail(err, WEFT_PARAM, "WEFT_F32_PRODUCTS is \"%s\"; exact or tf32 was wanted",
                       text);
    *to = WEFT_F32_TF32;
    return true;
}

static bool check_params(const struct weft_device_params *p, struct weft_error *err)
{
    if (p->version && p->version / 100 != WEFT_VERSION / 100)
        return wf_fail(err, WEFT_PARAM,
                       "the program was built with headers of weft %d.%d, the library is %s",
                       p->version / 10000, p->version / 100 % 100, weft_version_text());
    if (!p->mem_alloc != !p->mem_free)
        return wf_fail(err, WEFT_PARAM,
                       "device: only one of mem_alloc and mem_free was given; both are needed");
    if (!(p->launch_limit_ms >= 0))
        return wf_fail(err, WEFT_PARAM, "device: launch_limit_ms is %g; 0 or more was wanted",
                       p->launch_limit_ms);
    if (!(p->tune_seconds >= 0))
        return wf_fail(err, WEFT_PARAM, "device: tune_seconds is %g; 0 or more was wanted",
                       p->tune_seconds);
    if ((unsigned)p->clblast > WEFT_CLBLAST_ON)
        return wf_fail(err, WEFT_PARAM, "device: clblast is %d; 0 to %d were wanted",
                       (int)p->clblast, WEFT_CLBLAST_ON);
    if ((unsigned)p->f32_products > WEFT_F32_TF32)
        return wf_fail(err, WEFT_PARAM, "device: f32_products is %d; 0 to %d were wanted",
                       (int)p->f32_products, WEFT_F32_TF32);
    return true;
}

bool wf_device_params_read(struct weft_device_params *to, const struct weft_device_params *from,
                           struct weft_error *err)
{
    WF_PARAMS(*to, from);
    if (!check_params(to, err))
        return false;
    if (to->launch_limit_ms == 0)
        to->launch_limit_ms = LAUNCH_LIMIT_MS;
    if (to->no_env)
        return true;
    if (!to->match)
        to->match = wf_env("WEFT_DEVICE");
    to->profile = to->profile || is_on("WEFT_PROFILE");
    to->eager = to->eager || is_on("WEFT_EAGER");
    to->clblast = to->clblast ? to->clblast : read_clblast();
    to->check_nan = to->check_nan || is_on("WEFT_CHECK_NAN");
    return read_seconds("WEFT_TUNE", &to->tune_seconds, err) &&
           read_f32_products(&to->f32_products, err) &&
           read_limit("WEFT_MEMORY_LIMIT", &to->memory_limit, err);
}

static void device_free(weft_device *dev)
{
    struct wf_cl *cl = &dev->cl;
    if (dev->queue)
        cl->clFinish(dev->queue);
    if (dev->core)
        dev->core_free(dev->core);
    wf_profile_finish(dev);
    wf_transfer_finish(dev);
    wf_programs_finish(dev);
    wf_tuning_finish(dev);
    wf_pool_finish(dev);
    if (dev->queue)
        cl->clFinish(dev->queue);
    if (dev->forget_kernels)
        dev->forget_kernels(dev);
    WF_CL_FREE(cl, clReleaseCommandQueue, dev->queue);
    WF_CL_FREE(cl, clReleaseContext, dev->context);
    if (dev->has_queue_lock)
        wf_mutex_finish(&dev->queue_lock);
    wf_cl_unload(cl);
    free(dev);
}

static bool make_queue(weft_device *dev, cl_command_queue queue, struct weft_error *err)
{
    struct wf_cl *cl = &dev->cl;
    if (queue) {
        dev->queue = queue;
        if (WF_CL(cl, err, clRetainCommandQueue, queue))
            return true;
        dev->queue = NULL;
        return false;
    }
    cl_int code;
    dev->queue = WF_CL_NEW(cl, code, clCreateCommandQueue, dev->context, dev->id,
                           dev->params.profile ? CL_QUEUE_PROFILING_ENABLE : 0);
    return wf_cl_check(err, "clCreateCommandQueue", code);
}

static bool make_parts(weft_device *dev, struct weft_error *err)
{
    const char *cl_dir = dev->params.no_env ? NULL : wf_env("WEFT_CL_DIR");
    if (cl_dir && strpbrk(cl_dir, " \t\""))
        return wf_fail(err, WEFT_PARAM,
                       "WEFT_CL_DIR is \"%s\"; a compiler's option cannot hold blanks", cl_dir);
    dev->has_queue_lock = wf_mutex_init(&dev->queue_lock);
    if (!dev->has_queue_lock || !wf_pool_init(dev, dev->params.memory_limit) ||
        !wf_programs_init(dev, cl_dir) || !wf_transfer_init(dev) ||
        !wf_profile_init(dev, dev->params.profile) || !wf_tuning_init(dev))
        return wf_fail_nomem(err, "device");
    wf_store_init(&dev->store, &dev->params, &dev->log);
    if (dev->programs.cl_dir)
        dev->store.dir[0] = 0; // the keys would not show an edit of what a kernel includes
    return true;
}

weft_device *wf_device_make(const struct wf_cl *cl, const struct weft_device_info *info,
                            cl_device_id id, cl_context context, cl_command_queue queue,
                            const struct weft_device_params *p, struct weft_error *err)
{
    weft_device *dev = calloc(1, sizeof *dev);
    if (!dev) {
        wf_fail_nomem(err, "device");
        return NULL;
    }
    dev->cl = *cl;
    dev->info = *info;
    dev->id = id;
    dev->params = *p;
    dev->log = (struct wf_log){p->log, p->log_priv};
    dev->quirks = wf_quirks(info);
    dev->refs = 1;
    dev->index_max = INT32_MAX;
    // What an embedded profile must offer, if the driver does not say.
    if (cl->clGetDeviceInfo(id, CL_DEVICE_MAX_PARAMETER_SIZE, sizeof dev->argument_bytes,
                            &dev->argument_bytes, NULL))
        dev->argument_bytes = 256;
    cl_int code = CL_SUCCESS;
    if (context && WF_CL(cl, err, clRetainContext, context))
        dev->context = context;
    else if (!context)
        dev->context = WF_CL_NEW(cl, code, clCreateContext, NULL, 1, &id, NULL, NULL);
    if (dev->context && make_queue(dev, queue, err) && make_parts(dev, err)) {
        dev->params.match = dev->params.cache_dir = dev->params.tuning = NULL;
        return dev;
    }
    wf_cl_check(err, "clCreateContext", code);
    device_free(dev);
    return NULL;
}

weft_device *wf_device_open(const struct weft_device_params *params,
                            const struct wf_device_hooks *hooks, struct weft_error *err)
{
    struct weft_device_params p;
    struct weft_error own = {0}, load = {0};
    err = err ? err : &own;
    if (!wf_device_params_read(&p, params, err))
        return NULL;
    struct wf_log log = {p.log, p.log_priv};
    struct wf_cl cl = {0};
    bool loaded = true;
    if (hooks && hooks->cl)
        cl = *hooks->cl;
    else
        loaded = wf_cl_load(&cl, &load);
    cl.fault = hooks ? hooks->fault : NULL;
    cl.fault_priv = hooks ? hooks->fault_priv : NULL;
    struct wf_found found = {0};
    weft_device *dev = NULL;
    if (wf_find(&cl, loaded ? NULL : &load, p.match, &log, &found, err)) {
        if (found.chosen >= 0) {
            const struct wf_candidate *c = &found.device[found.chosen];
            dev = wf_device_make(&cl, &c->info, c->id, NULL, NULL, &p, err);
        } else {
            wf_fail(err, WEFT_UNSUPPORTED, "%s", found.why);
        }
    }
    if (dev)
        wf_log(&log, WEFT_LOG_INFO, "device: %s (%s): %s", dev->info.name, dev->info.platform,
               found.why);
    else
        wf_cl_unload(&cl);
    wf_found_finish(&found);
    return dev;
}

weft_device *weft_device_create(const struct weft_device_params *p, struct weft_error *err)
{
    return wf_device_open(p, NULL, err);
}

weft_device *wf_device_ref(weft_device *dev)
{
    atomic_fetch_add(&dev->refs, 1);
    return dev;
}

void wf_device_unref(weft_device *dev)
{
    if (dev && atomic_fetch_sub(&dev->refs, 1) == 1)
        device_free(dev);
}

void weft_device_destroy(weft_device **dev)
{
    if (!dev || !*dev)
        return;
    int children = (*dev)->refs - 1;
    if (children > 0)
        wf_log(&(*dev)->log, WEFT_LOG_ERROR,
               "device destroyed while %d scopes, params, optimizers or kept tensors are alive: it "
               "lives on until they are destroyed",
               children);
    wf_device_unref(*dev);
    *dev = NULL;
}

const struct weft_device_info *weft_device_info(const weft_device *dev)
{
    return dev ? &dev->info : NULL;
}

const char *weft_device_tuning(const weft_device *dev)
{
    return dev ? dev->tuning.path : NULL;
}

const char *weft_device_quirk(const weft_device *dev, int n)
{
    const struct wf_quirk_row *row = dev && n >= 0 ? wf_quirk_row(&dev->info, n) : NULL;
    return row ? row->why : NULL;
}

bool weft_device_wait(weft_device *dev, struct weft_error *err)
{
    struct weft_error e = {0};
    if (!dev)
        return wf_fail(err, WEFT_PARAM, "wait: the device is NULL");
    return wf_wait(dev, &e) || wf_fail_in(err, "wait", &e);
}

void weft_device_trim(weft_device *dev)
{
    if (dev)
        wf_pool_trim(dev);
}

bool wf_device_fits(const weft_device *dev, uint64_t bytes, struct weft_error *err)
{
    if (bytes <= dev->info.max_alloc)
        return true;
    return wf_fail(err, WEFT_NOMEM, "%s in one piece; %s allows at most %s", WF_BYTES(bytes),
                   dev->info.name, WF_BYTES(dev->info.max_alloc));
}

void weft_device_stats(weft_device *dev, struct weft_device_stats *out)
{
    if (!dev || !out)
        return;
    struct weft_device_stats st = {.size = out->size};
#define X(name) st.name = dev->count.name;
    WF_COUNTERS(X)
#undef X
    wf_lock(&dev->pool.lock);
    st.bytes_used = dev->pool.used;
    st.bytes_peak = dev->pool.peak;
    st.bytes_held = dev->pool.held;
    wf_unlock(&dev->pool.lock);
    wf_lock(&dev->programs.lock);
    st.build_ms = dev->programs.build_ms;
    wf_unlock(&dev->programs.lock);
    st.plan_ms = wf_profile_host_ms(dev, WF_HOST_PLAN);
    st.launch_ms = wf_profile_host_ms(dev, WF_HOST_LAUNCH);
    st.wait_ms = wf_profile_host_ms(dev, WF_HOST_WAIT);
    memcpy(out, &st, st.size && st.size < sizeof st ? st.size : sizeof st);
    out->size = st.size;
}
