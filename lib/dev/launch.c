// Launching: arguments, grid, splitting, and one more try when a driver that allocates late finds
// no memory.
#include "dev/launch.h"
#include "dev/device.h"
#include "dev/dry.h"
#include <inttypes.h>

void wf_launch_value(struct wf_launch *l, size_t size, const void *value)
{
    if (l->nargs < WF_MAX_ARGS)
        l->args[l->nargs] = (struct wf_arg){size, value};
    l->nargs++;
}

void wf_launch_mem(struct wf_launch *l, const cl_mem *mem)
{
    wf_launch_value(l, sizeof *mem, mem);
}

// Returns the size of an INDEX.
static size_t set(struct wf_index *room, bool wide, int64_t value)
{
    if (wide)
        room->u.wide = value;
    else
        room->u.narrow = (int32_t)value;
    return wide ? sizeof room->u.wide : sizeof room->u.narrow;
}

void wf_launch_index(struct wf_launch *l, struct wf_index *room, int64_t value)
{
    size_t bytes = set(room, l->wide, value);
    wf_launch_value(l, bytes, &room->u);
}

bool wf_wide(const weft_device *dev, int64_t most)
{
    return most > dev->index_max;
}

size_t wf_max_groups(const weft_device *dev)
{
    size_t units = dev->info.compute_units > 0 ? (size_t)dev->info.compute_units : 1;
    return units * (dev->info.type == WEFT_DEVICE_CPU ? 8 : 32);
}

static bool set_index(weft_device *dev, const struct wf_launch *l, cl_uint at, int64_t value,
                      struct weft_error *err)
{
    struct wf_index index;
    size_t bytes = set(&index, l->wide, value);
    return WF_CL(&dev->cl, err, clSetKernelArg, l->kernel->kernel, at, bytes, &index.u);
}

// As the arguments from number `at` on.
static bool set_args(weft_device *dev, const struct wf_launch *l, cl_uint at,
                     struct weft_error *err)
{
    for (int i = 0; i < l->nargs; i++) {
        if (!WF_CL(&dev->cl, err, clSetKernelArg, l->kernel->kernel, at + (cl_uint)i,
                   l->args[i].size, l->args[i].value))
            return false;
    }
    return true;
}

// Offset NULL: none.
static bool enqueue_range(weft_device *dev, const struct wf_launch *l, const struct wf_range *r,
                          const size_t *offset, struct weft_error *err)
{
    cl_event event = NULL;
    cl_event *want = dev->profile.on ? &event : NULL;
    cl_int code;
    WF_CL_LATE(dev, code, clEnqueueNDRangeKernel, dev->queue, l->kernel->kernel, (cl_uint)r->dims,
               offset, r->global, r->local, 0, NULL, want);
    if (!wf_cl_check(err, "clEnqueueNDRangeKernel", code))
        return false;
    dev->count.launches++;
    if (event)
        wf_profile_add(dev, l->kernel->name, l->op, event);
    return true;
}

// CPUs' runtimes hand out groups to threads in portions, PoCL half of them to the first that comes:
// of many small ones a late thread gets its share, and a thread that is done another.
static size_t most_groups(const weft_device *dev, const struct wf_launch *l)
{
    size_t most = wf_max_groups(dev);
    if (l->groups)
        return l->groups;
    return dev->info.type == WEFT_DEVICE_CPU ? 32 * most : most;
}

static bool enqueue(weft_device *dev, const struct wf_launch *l, int64_t tasks,
                    struct weft_error *err)
{
    size_t most = most_groups(dev, l);
    size_t groups = (uint64_t)tasks < most ? (size_t)tasks : most;
    struct wf_range r = {.dims = 1, .global = {groups * l->local}, .local = {l->local}};
    return enqueue_range(dev, l, &r, NULL, err);
}

// How many of `all` units of `ns` each a launch may have, so that it lasts no longer than the limit
// on a device that may drive a display.
static int64_t units_at_once(const weft_device *dev, int64_t all, double ns)
{
    if (!dev->info.display)
        return all;
    double compute_units = dev->info.compute_units > 0 ? dev->info.compute_units : 1;
    double n = dev->params.launch_limit_ms * 1e6 / ns * compute_units;
    return n < 1 ? 1 : n < (double)all ? (int64_t)n : all;
}

// Pieces only help a display if they reach the device one by one.
static bool end_piece(weft_device *dev, struct weft_error *err)
{
    dev->count.splits++;
    return WF_CL(&dev->cl, err, clFlush, dev->queue);
}

bool wf_launch(weft_device *dev, const struct wf_launch *l, struct weft_error *err)
{
    if (l->tasks <= 0)
        return true;
    if (dev->dry) {
        dev->dry->launches++;
        return true;
    }
    if (!l->wide && wf_wide(dev, l->tasks))
        return wf_fail(err, WEFT_UNSUPPORTED, "%s: %" PRId64 " tasks exceed an index of 32 bits",
                       l->kernel->name, l->tasks);
    if (l->nargs > WF_MAX_ARGS || !l->local || l->local > l->kernel->max_group)
        return wf_fail(err, WEFT_UNSUPPORTED,
                       "%s: asks for %d arguments and %zu work-items a group; the device runs it "
                       "with at most %d and %zu",
                       l->kernel->name, l->nargs, l->local, WF_MAX_ARGS, l->kernel->max_group);
    int64_t step = units_at_once(dev, l->tasks, l->task_ns > 0 ? l->task_ns : 1000);
    wf_lock(&dev->queue_lock);
    bool ok = set_args(dev, l, 2, err), begun = false;
    for (int64_t first = 0; ok && first < l->tasks; first += step) {
        int64_t n = l->tasks - first < step ? l->tasks - first : step;
        ok = set_index(dev, l, 0, first, err) && set_index(dev, l, 1, first + n, err) &&
             enqueue(dev, l, n, err);
        begun = begun || ok;
        if (ok && step < l->tasks)
            ok = end_piece(dev, err);
    }
    if (!ok && begun && l->torn)
        *l->torn = true;
    wf_program_launched(dev, l->kernel, l->local);
    wf_unlock(&dev->queue_lock);
    return ok;
}

// Rounds up to whole groups; the number of groups along the last dimension, 0 where there are none.
static int64_t round_up(struct wf_range *r, double *group_ns)
{
    int64_t groups = 0;
    *group_ns = r->item_ns;
    for (int i = 0; i < r->dims; i++) {
        groups = (int64_t)((r->global[i] + r->local[i] - 1) / r->local[i]);
        r->global[i] = (size_t)groups * r->local[i];
        *group_ns *= (double)(i < r->dims - 1 ? r->global[i] : r->local[i]);
        if (!groups)
            return 0;
    }
    return groups;
}

static bool check_range(const struct wf_launch *l, const struct wf_range *r, struct weft_error *err)
{
    size_t items = 1;
    for (int i = 0; i < r->dims; i++)
        items = r->local[i] && r->local[i] <= l->kernel->max_group ? items * r->local[i] : 0;
    return (items && items <= l->kernel->max_group) ||
           wf_fail(err, WEFT_UNSUPPORTED,
                   "%s: asks for %zu x %zu x %zu work-items a group; the device runs it with at "
                   "most %zu",
                   l->kernel->name, r->local[0], r->dims > 1 ? r->local[1] : 1,
                   r->dims > 2 ? r->local[2] : 1, l->kernel->max_group);
}

bool wf_launch_range(weft_device *dev, const struct wf_launch *l, const struct wf_range *range,
                     struct weft_error *err)
{
    struct wf_range r = *range;
    double group_ns;
    if (dev->dry) {
        dev->dry->launches++;
        return true;
    }
    if (!check_range(l, &r, err))
        return false;
    int last = r.dims - 1;
    int64_t groups = round_up(&r, &group_ns);
    int64_t step = r.whole ? groups : units_at_once(dev, groups, group_ns);
    wf_lock(&dev->queue_lock);
    bool ok = set_args(dev, l, 0, err);
    for (int64_t first = 0; ok && first < groups; first += step) {
        size_t offset[3] = {0};
        int64_t n = groups - first < step ? groups - first : step;
        offset[last] = (size_t)first * r.local[last];
        r.global[last] = (size_t)n * r.local[last];
        ok = enqueue_range(dev, l, &r, first ? offset : NULL, err);
        if (ok && step < groups)
            ok = end_piece(dev, err);
    }
    wf_program_launched(dev, l->kernel, r.local[last]);
    wf_unlock(&dev->queue_lock);
    return ok;
}
