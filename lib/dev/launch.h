// Launching kernels.
//
// A kernel's work is a number of tasks. Its first two arguments are `INDEX first, INDEX last`, set
// here; its work-groups share the tasks first .. last-1 among them:
//     for (INDEX t = first + get_group_id(0); t < last; t += get_num_groups(0))
// So the grid says who computes what, never how; it is bounded by the device's compute units; and a
// launch can be cut anywhere between two tasks, which keeps a display alive.
#ifndef WF_DEV_LAUNCH_H
#define WF_DEV_LAUNCH_H
#include "dev/program.h"

enum { WF_MAX_ARGS = 64 };

struct wf_arg {
    size_t size;
    const void *value; // borrowed until wf_launch() returns; NULL: local memory of `size` bytes
};
#define WF_ARG(variable) ((struct wf_arg){sizeof(variable), &(variable)})

struct wf_launch {
    struct wf_kernel *kernel;
    const char *op;
    int64_t tasks;  // 0: no launch
    size_t local;   // work-items in a group, never 0
    size_t groups;  // at most, where each has memory of its own [as many as are good]
    double task_ns; // a guess of what one task takes on a slow device, for splitting [1000]
    bool wide;      // the kernel was built with INDEX = long
    bool *torn;     // set where some pieces of a split launch were enqueued and others failed
    int nargs;      // without first and last
    struct wf_arg args[WF_MAX_ARGS];
};

bool wf_launch(weft_device *dev, const struct wf_launch *l, struct weft_error *err);
void wf_launch_mem(struct wf_launch *l, const cl_mem *mem);
void wf_launch_value(struct wf_launch *l, size_t size, const void *value);
// An argument of type INDEX; *room holds it until the launch.
struct wf_index {
    union {
        int32_t narrow;
        int64_t wide;
    } u;
};
void wf_launch_index(struct wf_launch *l, struct wf_index *room, int64_t value);

// A launch of a kernel that is not weft's: no first and last, but the work-items that it wants.
struct wf_range {
    int dims;
    size_t global[3], local[3]; // [dims]; global is rounded up to whole groups
    double item_ns;             // a guess of what one work-item takes on a slow device
    bool whole;                 // never split
};
// Of l count the kernel, the op and the arguments. A long launch is split along the last dimension,
// with a global offset.
bool wf_launch_range(weft_device *dev, const struct wf_launch *l, const struct wf_range *r,
                     struct weft_error *err);

// Must INDEX be long to hold every number up to `most`?
bool wf_wide(const weft_device *dev, int64_t most);

// A few groups for each compute unit: as many as keep the device busy.
size_t wf_max_groups(const weft_device *dev);

#endif
