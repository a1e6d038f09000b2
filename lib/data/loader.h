// The host side of a loader: batches made ready by threads, without a device.
#ifndef WF_DATA_LOADER_H
#define WF_DATA_LOADER_H
#include <weft/data.h>

// Borrowed from the loader until wf_loader_consume().
struct wf_host_batch {
    const void *x, *y;  // rows one after another; y has no meaning where there is no target
    const int64_t *row; // their numbers in the data set, [rows]
    int64_t rows;
};

// Waits for the next batch, which stays the next one until it is consumed. False at the end of an
// epoch, and false with *err filled after an error, which ends the epoch too; the call after that
// begins the next one.
bool wf_loader_host_batch(weft_loader *l, struct wf_host_batch *out, struct weft_error *err);
void wf_loader_consume(weft_loader *l);

#endif
