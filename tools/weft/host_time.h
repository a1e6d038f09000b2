// Where the host's time for the steps of a training goes, for `weft train --profile`.
#ifndef HOST_TIME_H
#define HOST_TIME_H
#include <stdint.h>
#include <weft/weft.h>

// All in milliseconds, summed over the steps; zero before the first.
struct host_time {
    bool on;
    int64_t steps;
    double data, record, other; // the program's own and the library's recording
    double plan, compile, launch, wait;
    double all, device; // by the clock, and the kernels' own
    struct {
        double clock, lap, device;
        struct weft_device_stats stats;
    } begin;
};

// Around the steps of an epoch, with the device idle; `steps` were done.
void host_time_begin(struct host_time *h, weft_device *dev);
void host_time_end(struct host_time *h, weft_device *dev, int64_t steps);
// What has passed since the beginning or the last lap, without planning, launching and waiting,
// belongs to this part: &h->data, &h->record or &h->other.
void host_time_lap(struct host_time *h, weft_device *dev, double *part);
// As a table on stderr; nothing if there was no step.
void host_time_print(const struct host_time *h);

#endif
