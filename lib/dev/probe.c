// Capabilities, found by building and running a small kernel (cl/probe.cl) on the device. What an
// extension string says only decides whether to try. Answers are kept in the store.
#include "base/text.h"
#include "dev/device.h"
#include "dev/dry.h"
#include "dev/launch.h"
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS = 8 };

static const struct probe {
    const char *name;      // in the store
    const char *extension; // without it there is no try
    const char *kernel, *define, *std;
} probes[WEFT_CAP_COUNT] = {
    [WEFT_CAP_F64] = {"f64", "cl_khr_fp64", "probe_f64", "#define PROBE_F64\n"},
    [WEFT_CAP_F16] = {"f16", "cl_khr_fp16", "probe_f16", "#define PROBE_F16\n"},
    [WEFT_CAP_SUBGROUP_SHUFFLE] = {"subgroup_shuffle", "cl_khr_subgroup_shuffle",
                                   "probe_subgroup_shuffle", "#define PROBE_SUBGROUP_SHUFFLE\n"},
    [WEFT_CAP_INT_DOT] = {"int_dot", "cl_khr_integer_dot_product", "probe_int_dot",
                          "#define PROBE_INT_DOT\n", "CL3.0"},
};

bool wf_device_lists(const weft_device *dev, const char *name)
{
    size_t n = 0;
    if (dev->cl.clGetDeviceInfo(dev->id, CL_DEVICE_EXTENSIONS, 0, NULL, &n) || !n)
        return false;
    char *all = calloc(1, n + 1);
    bool found = false;
    if (all && !dev->cl.clGetDeviceInfo(dev->id, CL_DEVICE_EXTENSIONS, n, all, NULL)) {
        for (char *word = all; *word && !found;) {
            size_t length = strcspn(word, " ");
            found = length == strlen(name) && !strncmp(word, name, length);
            word += length + strspn(word + length, " ");
        }
    }
    free(all);
    return found;
}

static bool run_probe(weft_device *dev, const struct probe *p, struct weft_error *err)
{
    int32_t out[ITEMS] = {0};
    struct wf_request r = {"probe", p->kernel, p->define, "probe", p->std, true};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    struct wf_block *b = k ? wf_pool_take(dev, sizeof out, err) : NULL;
    struct wf_launch l = {.kernel = k, .op = "probe", .tasks = 1, .local = ITEMS};
    if (k && l.local > k->max_group)
        l.local = k->max_group;
    bool right = b;
    if (b) {
        wf_launch_mem(&l, &b->mem);
        right =
            wf_launch(dev, &l, err) && wf_download(dev, b->mem, 0, out, l.local * sizeof *out, err);
    }
    for (size_t i = 0; i < l.local; i++)
        right = right && out[i] == 1;
    wf_pool_give(dev, b);
    return right;
}

static void probe_key(weft_device *dev, const struct probe *p, struct wf_text *key)
{
    wf_text_add(key,
                "probe %s kernels %d\nplatform %s\ndevice %s\nvendor %s\ndriver %s\nversion %s",
                p->name, WF_KERNEL_VERSION, dev->info.platform, dev->info.name, dev->info.vendor,
                dev->info.driver, dev->info.version);
}

// A device that refuses the probe is no error, and neither is one that had no memory for it; but
// the latter says nothing, so it is asked again.
static bool is_answer(const struct weft_error *e)
{
    return !e->status || e->status == WEFT_BUILD;
}

enum { UNKNOWN, NO, YES }; // weft_device.caps

static int ask(weft_device *dev, const struct probe *p)
{
    if (!wf_device_lists(dev, p->extension) || !dev->info.has_compiler)
        return NO;
    struct wf_text key = {0};
    struct weft_error err = {0};
    void *stored = NULL;
    size_t n = 0;
    probe_key(dev, p, &key);
    int answer;
    if (!key.failed && wf_store_load(&dev->store, key.data, key.length, &stored, &n) && n == 1) {
        answer = *(char *)stored == 'y' ? YES : NO;
    } else {
        bool yes = run_probe(dev, p, &err);
        answer = yes ? YES : is_answer(&err) ? NO : UNKNOWN;
        if (!key.failed && answer != UNKNOWN)
            wf_store_save(&dev->store, key.data, key.length, yes ? "y" : "n", 1);
    }
    free(stored);
    wf_text_finish(&key);
    return answer;
}

bool weft_device_has(weft_device *dev, enum weft_capability cap)
{
    if (!dev || (int)cap < 0 || (int)cap >= WEFT_CAP_COUNT)
        return false;
    if (dev->dry)
        dev = dev->dry->real;
    if (dev->caps[cap] == UNKNOWN)
        dev->caps[cap] = ask(dev, &probes[cap]);
    return dev->caps[cap] == YES;
}
