// The device as its own layer sees it. The layers above use the functions of pool.h, program.h,
// launch.h, transfer.h and the few here.
#ifndef WF_DEV_DEVICE_H
#define WF_DEV_DEVICE_H
#include "base/os.h"
#include "dev/cl.h"
#include "dev/pool.h"
#include "dev/profile.h"
#include "dev/program.h"
#include "dev/store.h"
#include "dev/transfer.h"
#include "dev/tuning.h"
#include <stdatomic.h>

// The counts of weft_device_stats, kept without a lock.
#define WF_COUNTERS(X) X(builds) X(loads) X(launches) X(splits) X(copies) X(waits) X(allocations)
struct wf_counters {
#define X(name) atomic_uint_least64_t name;
    WF_COUNTERS(X)
#undef X
};

struct weft_device {
    struct wf_cl cl;
    struct wf_log log;
    struct weft_device_info info;
    struct weft_device_params params; // texts are not kept in it
    unsigned quirks;                  // enum wf_quirk
    size_t argument_bytes;            // that all arguments of a kernel may have
    int64_t index_max; // the greatest index of the kernels' narrow form; tests lower it
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    bool has_queue_lock;

    // Held while a kernel's arguments are set and it is enqueued: clSetKernelArg is the one OpenCL
    // call that is not thread-safe.
    wf_mutex queue_lock;
    struct wf_counters count;
    struct wf_pool pool;
    struct wf_programs programs;
    struct wf_store store;
    struct wf_transfer transfer;
    struct wf_profile profile;
    struct wf_tuning tuning;
    atomic_int caps[WEFT_CAP_COUNT]; // 0 not asked yet, 1 no, 2 yes
    atomic_int matrix;               // 0 not asked yet, else 1 + enum wf_matrix

    // Makes CLBlast forget its kernels for this context before the context goes; NULL: it was not
    // used.
    void (*forget_kernels)(weft_device *dev);

    // Gives back device memory that is only there for speed; false: there was none. NULL: there
    // never is any.
    bool (*shed)(weft_device *dev);

    // The handle and every scope, params, optimizer and kept tensor hold a reference.
    atomic_int refs;

    struct wf_dry *dry; // this is the stand-in of a dry run (dev/dry.h)

    // The layer above keeps something of its own here, freed with the device.
    void *core;
    void (*core_free)(void *core);
};

// What tests may change before a device exists.
struct wf_device_hooks {
    const struct wf_cl *cl; // used instead of loading OpenCL
    cl_int (*fault)(void *priv, const char *call);
    void *fault_priv;
};
weft_device *wf_device_open(const struct weft_device_params *p, const struct wf_device_hooks *hooks,
                            struct weft_error *err);
// Takes the table; retains the context and queue (queue may be NULL).
weft_device *wf_device_make(const struct wf_cl *cl, const struct weft_device_info *info,
                            cl_device_id id, cl_context context, cl_command_queue queue,
                            const struct weft_device_params *p, struct weft_error *err);

// References of the objects that live on a device.
weft_device *wf_device_ref(weft_device *dev);
void wf_device_unref(weft_device *dev);

// Checks the params and fills fields that were left zero from the environment; texts point into it.
bool wf_device_params_read(struct weft_device_params *to, const struct weft_device_params *from,
                           struct weft_error *err);

// Is it in the device's list of extensions?
bool wf_device_lists(const weft_device *dev, const char *extension);

// Can one tensor have this many bytes? Fails with the figures if not.
bool wf_device_fits(const weft_device *dev, uint64_t bytes, struct weft_error *err);

#endif
