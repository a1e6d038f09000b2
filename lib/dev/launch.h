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

// The most groups a launch gets: a few for each compute unit.
size_t wf_max_groups(const weft_device *dev);

#endif
