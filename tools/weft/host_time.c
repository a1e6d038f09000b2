// The library counts what it plans, launches and waits (weft_device_stats); what is left of the
// clock between two laps is the program's own time and that of recording.
#include "host_time.h"
#include "clock.h"
#include "console.h"
#include <inttypes.h>
#include <stdlib.h>

static struct weft_device_stats stats_of(weft_device *dev)
{
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(dev, &st);
    return st;
}

// Of all kernels so far.
static double device_ms(weft_device *dev)
{
    int count = weft_device_profile(dev, NULL, 0, NULL);
    struct weft_profile_row *rows = count > 0 ? calloc((size_t)count, sizeof *rows) : NULL;
    double ms = 0;
    int filled = rows ? weft_device_profile(dev, rows, count, NULL) : 0;
    for (int i = 0; i < filled && i < count; i++)
        ms += rows[i].total_ms;
    free(rows);
    return ms;
}

static double outside_ms(const struct weft_device_stats *st)
{
    return now_ms() - st->plan_ms - st->launch_ms - st->wait_ms;
}

void host_time_begin(struct host_time *h, weft_device *dev)
{
    if (!h->on)
        return;
    h->begin.device = device_ms(dev);
    h->begin.stats = stats_of(dev);
    h->begin.lap = outside_ms(&h->begin.stats);
    h->begin.clock = now_ms();
}

void host_time_lap(struct host_time *h, weft_device *dev, double *part)
{
    if (!h->on)
        return;
    struct weft_device_stats st = stats_of(dev);
    double outside = outside_ms(&st);
    *part += outside - h->begin.lap;
    h->begin.lap = outside;
}

void host_time_end(struct host_time *h, weft_device *dev, int64_t steps)
{
    if (!h->on)
        return;
    host_time_lap(h, dev, &h->other);
    h->all += now_ms() - h->begin.clock;
    struct weft_device_stats st = stats_of(dev), *before = &h->begin.stats;
    double compile = st.build_ms - before->build_ms;
    h->compile += compile;
    h->plan += st.plan_ms - before->plan_ms;
    h->launch += st.launch_ms - before->launch_ms - compile;
    h->wait += st.wait_ms - before->wait_ms;
    h->device += device_ms(dev) - h->begin.device;
    h->steps += steps;
}

static void print_part(const struct host_time *h, const char *name, double ms)
{
    console_note("%-28s %11.4f %5.1f%%", name, ms / (double)h->steps, ms / h->all * 100);
}

void host_time_print(const struct host_time *h)
{
    if (!h->steps)
        return;
    console_note("%-28s %11s %6s", "host, for a step", "ms", "share");
    print_part(h, "reading data", h->data);
    print_part(h, "recording", h->record);
    print_part(h, "planning", h->plan);
    print_part(h, "compiling kernels", h->compile);
    print_part(h, "launching", h->launch);
    print_part(h, "waiting for the device", h->wait);
    print_part(h, "other", h->other);
    print_part(h, "all", h->all);
    print_part(h, "of it the device computes", h->device);
}
