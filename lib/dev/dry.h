// A dry run: ops are run on a stand-in of the device that counts what they would take and touches
// nothing. Pool, kernels and launches ask whether a device is one.
#ifndef WF_DEV_DRY_H
#define WF_DEV_DRY_H
#include "dev/device.h"

struct wf_dry {
    weft_device dev; // the stand-in
    weft_device *real;
    uint64_t used, peak; // bytes of device memory
    int launches, builds;
    struct wf_hash *seen; // kernels that were counted as builds
    int nseen, room;
    struct wf_kernel kernel; // what is given out for them
    bool failed;             // out of host memory
};

// Begins with the memory that the device has in use.
void wf_dry_begin(struct wf_dry *d, weft_device *real);
void wf_dry_finish(struct wf_dry *d);

// What the functions of the device do for a stand-in.
struct wf_block *wf_dry_take(struct wf_dry *d, size_t bytes, struct weft_error *err);
void wf_dry_give(struct wf_dry *d, struct wf_block *b);
// Memory that stays taken.
void wf_dry_hold(struct wf_dry *d, size_t bytes);
struct wf_kernel *wf_dry_kernel(struct wf_dry *d, struct wf_hash id);

#endif
