// Finding devices: every platform and device, what each is, and which one is meant.
#ifndef WF_DEV_FIND_H
#define WF_DEV_FIND_H
#include "dev/cl.h"

struct wf_candidate {
    struct weft_device_info info;
    cl_platform_id platform;
    cl_device_id id;
    char pci[24]; // "0000:65:00.0"; "" where the driver doesn't tell
};

struct wf_found {
    struct wf_candidate *device; // [count], in the order of weft_device_info.index
    int count;
    struct weft_device_skip *skip; // [skip_count]
    int skip_count;
    int chosen; // -1: none
    char why[240];
};

// Looks at everything. A platform or device that fails is skipped with its reason, in out->skip and
// the log. `match` may be NULL; see weft_device_create() for what it means. True unless memory ran
// out; that nothing was found, or nothing matches, is chosen = -1 and `why`.
// `load_error` is what wf_cl_load() said, NULL if it succeeded.
bool wf_find(const struct wf_cl *cl, const struct weft_error *load_error, const char *match,
             const struct wf_log *log, struct wf_found *out, struct weft_error *err);
void wf_found_finish(struct wf_found *f);
// The last step of it: which of the devices is meant, and why.
void wf_choose(struct wf_found *f, const char *match);

// Fills what the device says of itself; index is left at -1.
bool wf_describe(const struct wf_cl *cl, cl_platform_id platform, cl_device_id id,
                 struct weft_device_info *out, struct weft_error *err);

#endif
