// The profiler: how long each launch took, by kernel and op, and when, for a trace; and where the
// host's time went.
#ifndef WF_DEV_PROFILE_H
#define WF_DEV_PROFILE_H
#include "base/os.h"
#include "dev/cl.h"
#include <stdatomic.h>

struct wf_profile_entry;
struct wf_profile_trace;

// What the host spends its time on, once something is asked for.
enum wf_host_part { WF_HOST_PLAN, WF_HOST_LAUNCH, WF_HOST_WAIT, WF_HOST_PARTS };

struct wf_profile {
    bool on, has_lock;
    wf_mutex lock;
    struct wf_profile_entry *rows;    // by kernel and op
    struct wf_profile_pending *ready; // launches whose times have not been read, a ring
    size_t pending, pending_room;
    struct wf_profile_trace *trace; // a ring
    size_t traced;
    atomic_uint_least64_t host_ns[WF_HOST_PARTS];
};

bool wf_profile_init(weft_device *dev, bool on);
void wf_profile_finish(weft_device *dev);
// Takes the event of a launch. The names are copied.
void wf_profile_add(weft_device *dev, const char *kernel, const char *op, cl_event event);
// Reads the times of what has run: called after a wait.
void wf_profile_collect(weft_device *dev);
// The host's time for a part, from begin to end. Costs nothing where the device does not profile.
double wf_profile_begin(const weft_device *dev);
void wf_profile_end(weft_device *dev, enum wf_host_part part, double begin);
double wf_profile_host_ms(const weft_device *dev, enum wf_host_part part);

#endif
