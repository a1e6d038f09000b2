// The profiler. A launch leaves an event; its times are read after a wait, added to the row of its
// kernel and op, and kept for the trace in a ring.
#include "dev/profile.h"
#include "base/json.h"
#include "base/text.h"
#include "dev/device.h"
#include <stdio.h>
#include <stdlib.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { TRACED = 1 << 20, COLLECT_AT = 4096 };

struct wf_profile_entry {
    struct wf_profile_key {
        char kernel[64], op[64];
    } key;
    uint64_t launches;
    double total_ms, min_ms, max_ms;
    UT_hash_handle hh;
};

struct wf_profile_pending {
    struct wf_profile_entry *row;
    cl_event event;
};

struct wf_profile_trace {
    struct wf_profile_entry *row;
    uint64_t start, end; // ns
};

bool wf_profile_init(weft_device *dev, bool on)
{
    struct wf_profile *p = &dev->profile;
    p->on = on;
    p->has_lock = wf_mutex_init(&p->lock);
    return p->has_lock;
}

void wf_profile_finish(weft_device *dev)
{
    struct wf_profile *p = &dev->profile;
    for (size_t i = 0; i < p->pending; i++)
        WF_CL_FREE(&dev->cl, clReleaseEvent, p->ready[i].event);
    struct wf_profile_entry *row, *next;
    HASH_ITER(hh, p->rows, row, next) {
        HASH_DEL(p->rows, row);
        free(row);
    }
    free(p->ready);
    free(p->trace);
    if (p->has_lock)
        wf_mutex_finish(&p->lock);
    *p = (struct wf_profile){0};
}

static struct wf_profile_entry *row_of(struct wf_profile *p, const char *kernel, const char *op)
{
    struct wf_profile_key key = {{0}};
    wf_copy_text(key.kernel, sizeof key.kernel, kernel);
    wf_copy_text(key.op, sizeof key.op, op);
    struct wf_profile_entry *row = NULL;
    HASH_FIND(hh, p->rows, &key, sizeof key, row);
    if (row || !(row = calloc(1, sizeof *row)))
        return row;
    row->key = key;
    unsigned before = HASH_COUNT(p->rows);
    HASH_ADD(hh, p->rows, key, sizeof row->key, row);
    if (HASH_COUNT(p->rows) > before)
        return row;
    free(row);
    return NULL;
}

static void add_times(struct wf_profile *p, struct wf_profile_entry *row, uint64_t start,
                      uint64_t end)
{
    double ms = end > start ? (double)(end - start) * 1e-6 : 0;
    row->total_ms += ms;
    if (!row->launches || ms < row->min_ms)
        row->min_ms = ms;
    if (ms > row->max_ms)
        row->max_ms = ms;
    row->launches++;
    if (!p->trace)
        p->trace = malloc(TRACED * sizeof *p->trace);
    if (p->trace)
        p->trace[p->traced++ % TRACED] = (struct wf_profile_trace){row, start, end};
}

static bool times_of(weft_device *dev, cl_event event, cl_ulong *start, cl_ulong *end)
{
    cl_int status = CL_QUEUED;
    dev->cl.clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL);
    if (status > CL_COMPLETE)
        return false;
    *start = *end = 0;
    dev->cl.clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof *start, start, NULL);
    dev->cl.clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof *end, end, NULL);
    return true;
}

static void collect(weft_device *dev)
{
    struct wf_profile *p = &dev->profile;
    size_t left = 0;
    for (size_t i = 0; i < p->pending; i++) {
        cl_ulong start, end;
        if (!times_of(dev, p->ready[i].event, &start, &end)) {
            p->ready[left++] = p->ready[i];
            continue;
        }
        WF_CL_FREE(&dev->cl, clReleaseEvent, p->ready[i].event);
        if (end)
            add_times(p, p->ready[i].row, start, end);
    }
    p->pending = left;
}

void wf_profile_collect(weft_device *dev)
{
    if (!dev->profile.on)
        return;
    wf_lock(&dev->profile.lock);
    collect(dev);
    wf_unlock(&dev->profile.lock);
}

void wf_profile_add(weft_device *dev, const char *kernel, const char *op, cl_event event)
{
    struct wf_profile *p = &dev->profile;
    wf_lock(&p->lock);
    if (p->pending && p->pending % COLLECT_AT == 0)
        collect(dev);
    struct wf_profile_entry *row = row_of(p, kernel, op ? op : "");
    if (row && p->pending == p->pending_room) {
        size_t room = p->pending_room ? 2 * p->pending_room : COLLECT_AT;
        struct wf_profile_pending *ready = realloc(p->ready, room * sizeof *ready);
        if (ready) {
            p->ready = ready;
            p->pending_room = room;
        }
    }
    if (row && p->pending < p->pending_room)
        p->ready[p->pending++] = (struct wf_profile_pending){row, event};
    else
        WF_CL_FREE(&dev->cl, clReleaseEvent, event);
    wf_unlock(&p->lock);
}

double wf_profile_begin(const weft_device *dev)
{
    return dev->profile.on ? wf_now() : 0;
}

void wf_profile_end(weft_device *dev, enum wf_host_part part, double begin)
{
    if (dev->profile.on)
        dev->profile.host_ns[part] += (uint64_t)((wf_now() - begin) * 1e9);
}

double wf_profile_host_ms(const weft_device *dev, enum wf_host_part part)
{
    return (double)dev->profile.host_ns[part] * 1e-6;
}

static int by_total(struct wf_profile_entry *a, struct wf_profile_entry *b)
{
    return a->total_ms < b->total_ms ? 1 : a->total_ms > b->total_ms ? -1 : 0;
}

static bool ready_to_report(weft_device *dev, struct weft_error *err)
{
    if (!dev)
        return wf_fail(err, WEFT_PARAM, "profile: the device is NULL");
    if (!dev->profile.on)
        return wf_fail(err, WEFT_PARAM, "profile: the device was made without .profile");
    struct weft_error e = {0};
    return wf_wait(dev, &e) || wf_fail_in(err, "profile", &e);
}

int weft_device_profile(weft_device *dev, struct weft_profile_row *rows, int max,
                        struct weft_error *err)
{
    if (!ready_to_report(dev, err))
        return -1;
    struct wf_profile *p = &dev->profile;
    wf_lock(&p->lock);
    HASH_SORT(p->rows, by_total);
    int n = 0;
    for (struct wf_profile_entry *e = p->rows; e; e = e->hh.next, n++) {
        if (!rows || n >= max)
            continue;
        struct weft_profile_row *r = &rows[n];
        *r = (struct weft_profile_row){.launches = e->launches,
                                       .total_ms = e->total_ms,
                                       .min_ms = e->min_ms,
                                       .max_ms = e->max_ms};
        wf_copy_text(r->kernel, sizeof r->kernel, e->key.kernel);
        wf_copy_text(r->op, sizeof r->op, e->key.op);
    }
    wf_unlock(&p->lock);
    return n;
}

// One complete event ("X") of the Trace Event Format; times in microseconds.
static wf_json *trace_event(const struct wf_profile_trace *t, uint64_t origin)
{
    wf_json *e = wf_json_object(), *args = wf_json_object();
    bool ok = wf_json_set(args, "op", wf_json_text(t->row->key.op));
    ok = wf_json_set(e, "name", wf_json_text(t->row->key.kernel)) && ok;
    ok = wf_json_set(e, "ph", wf_json_text("X")) && ok;
    ok = wf_json_set(e, "pid", wf_json_int(1)) && ok;
    ok = wf_json_set(e, "tid", wf_json_int(1)) && ok;
    ok = wf_json_set(e, "ts", wf_json_real((double)(t->start - origin) * 1e-3)) && ok;
    ok = wf_json_set(e, "dur", wf_json_real((double)(t->end - t->start) * 1e-3)) && ok;
    ok = wf_json_set(e, "args", args) && ok;
    if (ok)
        return e;
    wf_json_free(e);
    return NULL;
}

static bool trace_text(const struct wf_profile *p, struct wf_text *out)
{
    size_t n = p->traced < TRACED ? p->traced : TRACED, oldest = p->traced - n;
    uint64_t origin = n ? p->trace[oldest % TRACED].start : 0;
    wf_text_add(out, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
    for (size_t i = 0; i < n; i++) {
        const struct wf_profile_trace *t = &p->trace[(oldest + i) % TRACED];
        wf_json *e = trace_event(t, t->start < origin ? t->start : origin);
        char *line = e ? wf_json_print(e) : NULL;
        out->failed = out->failed || !line;
        wf_text_add(out, "%s\n%s", i ? "," : "", line ? line : "");
        free(line);
        wf_json_free(e);
    }
    wf_text_add(out, "\n]}\n");
    return !out->failed;
}

bool weft_device_trace(weft_device *dev, const char *path, struct weft_error *err)
{
    if (!path)
        return wf_fail(err, WEFT_PARAM, "trace: the path is NULL");
    if (!ready_to_report(dev, err))
        return false;
    struct wf_text out = {0};
    wf_lock(&dev->profile.lock);
    bool ok = trace_text(&dev->profile, &out);
    wf_unlock(&dev->profile.lock);
    if (!ok)
        wf_fail_nomem(err, path);
    else
        ok = wf_file_replace(path, &(struct wf_span){out.data, out.length}, 1, false, false, err);
    wf_text_finish(&out);
    return ok;
}
