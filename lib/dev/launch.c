// Launching: arguments, grid, splitting, and one more try when a driver that allocates late finds
// no memory.
#include "dev/launch.h"
#include "dev/device.h"
#include "dev/dry.h"

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

static bool set_args(weft_device *dev, const struct wf_launch *l, struct weft_error *err)
{
    for (int i = 0; i < l->nargs; i++) {
        if (!WF_CL(&dev->cl, err, clSetKernelArg, l->kernel->kernel, (cl_uint)i + 2,
                   l->args[i].size, l->args[i].value))
            return false;
    }
    return true;
}

static bool enqueue(weft_device *dev, const struct wf_launch *l, int64_t tasks,
                    struct weft_error *err)
{
    size_t most = wf_max_groups(dev);
    size_t groups = (uint64_t)tasks < most ? (size_t)tasks : most;
    size_t global = groups * l->local;
    cl_event event = NULL;
    cl_event *want = dev->profile.on ? &event : NULL;
    cl_int code;
    WF_CL_CODE(&dev->cl, code, clEnqueueNDRangeKernel, dev->queue, l->kernel->kernel, 1, NULL,
               &global, &l->local, 0, NULL, want);
    if (wf_cl_is_nomem(code)) {
        wf_pool_trim(dev);
        WF_CL_CODE(&dev->cl, code, clEnqueueNDRangeKernel, dev->queue, l->kernel->kernel, 1, NULL,
                   &global, &l->local, 0, NULL, want);
    }
    if (!wf_cl_check(err, "clEnqueueNDRangeKernel", code))
        return false;
    dev->count.launches++;
    if (event)
        wf_profile_add(dev, l->kernel->name, l->op, event);
    return true;
}

// Tasks per launch, so that one lasts no longer than the limit on a device that may drive a
// display.
static int64_t tasks_at_once(const weft_device *dev, const struct wf_launch *l)
{
    if (!dev->info.display)
        return l->tasks;
    double units = dev->info.compute_units > 0 ? dev->info.compute_units : 1;
    double task_ns = l->task_ns > 0 ? l->task_ns : 1000;
    double tasks = dev->params.launch_limit_ms * 1e6 / task_ns * units;
    return tasks < 1 ? 1 : tasks < (double)l->tasks ? (int64_t)tasks : l->tasks;
}

bool wf_launch(weft_device *dev, const struct wf_launch *l, struct weft_error *err)
{
    if (l->tasks <= 0)
        return true;
    if (dev->dry) {
        dev->dry->launches++;
        return true;
    }
    if (l->nargs > WF_MAX_ARGS || !l->local || l->local > l->kernel->max_group)
        return wf_fail(err, WEFT_UNSUPPORTED,
                       "%s: asks for %d arguments and %zu work-items a group; the device runs it "
                       "with at most %d and %zu",
                       l->kernel->name, l->nargs, l->local, WF_MAX_ARGS, l->kernel->max_group);
    int64_t step = tasks_at_once(dev, l);
    wf_lock(&dev->queue_lock);
    bool ok = set_args(dev, l, err), begun = false;
    for (int64_t first = 0; ok && first < l->tasks; first += step) {
        int64_t n = l->tasks - first < step ? l->tasks - first : step;
        ok = set_index(dev, l, 0, first, err) && set_index(dev, l, 1, first + n, err) &&
             enqueue(dev, l, n, err);
        begun = begun || ok;
        // Pieces only help a display if they reach the device one by one.
        if (ok && step < l->tasks) {
            dev->count.splits++;
            ok = WF_CL(&dev->cl, err, clFlush, dev->queue);
        }
    }
    if (!ok && begun && l->torn)
        *l->torn = true;
    wf_program_launched(dev, l->kernel, l->local);
    wf_unlock(&dev->queue_lock);
    return ok;
}
