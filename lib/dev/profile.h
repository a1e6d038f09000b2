// The profiler: how long each launch took, by kernel and op, and when, for a trace.
#ifndef WF_DEV_PROFILE_H
#define WF_DEV_PROFILE_H
#include "base/os.h"
#include "dev/cl.h"

struct wf_profile_entry;
struct wf_profile_trace;

struct wf_profile {
    bool on, has_lock;
    wf_mutex lock;
    struct wf_profile_entry *rows;    // by kernel and op
    struct wf_profile_pending *ready; // launches whose times have not been read, a ring
    size_t pending, pending_room;
    struct wf_profile_trace *trace; // a ring
    size_t traced;
};

bool wf_profile_init(weft_device *dev, bool on);
void wf_profile_finish(weft_device *dev);
// Takes the event of a launch. The names are copied.
void wf_profile_add(weft_device *dev, const char *kernel, const char *op, cl_event event);
// Reads the times of what has run: called after a wait.
void wf_profile_collect(weft_device *dev);

#endif
