// Bytes between host and device, and on the device. Uploads go through pinned staging buffers, so
// that the host does not wait for the queue.
#ifndef WF_DEV_TRANSFER_H
#define WF_DEV_TRANSFER_H
#include "base/os.h"
#include "dev/cl.h"

enum { WF_STAGES = 8 };

struct wf_stage {
    cl_mem mem;
    void *host; // mapped as long as the stage lives
    size_t bytes;
    cl_event busy; // the upload that reads it; NULL: free
};

struct wf_transfer {
    wf_mutex lock;
    bool has_lock;
    struct wf_stage stage[WF_STAGES];
    int next;
};

bool wf_transfer_init(weft_device *dev);
void wf_transfer_finish(weft_device *dev);

// Copies `bytes` bytes at `from` to the buffer; the host memory is free again when it returns.
bool wf_upload(weft_device *dev, cl_mem to, size_t offset, const void *from, size_t bytes,
               struct weft_error *err);
// Waits for everything before it, then for the copy.
bool wf_download(weft_device *dev, cl_mem from, size_t offset, void *to, size_t bytes,
                 struct weft_error *err);
// Begins the copy and returns; *event, owned by the caller, is complete when it is there.
bool wf_download_start(weft_device *dev, cl_mem from, size_t offset, void *to, size_t bytes,
                       cl_event *event, struct weft_error *err);
// Begins a copy from memory that stays as it is until *event, owned by the caller, is complete.
bool wf_upload_start(weft_device *dev, cl_mem to, const void *from, size_t bytes, cl_event *event,
                     struct weft_error *err);
// Waits for one event.
bool wf_event_wait(weft_device *dev, cl_event event, struct weft_error *err);
// Sets `bytes` bytes to a pattern of 1, 2, 4 or 8 bytes.
bool wf_fill(weft_device *dev, cl_mem to, size_t bytes, const void *pattern, size_t pattern_bytes,
             struct weft_error *err);
bool wf_copy(weft_device *dev, cl_mem from, cl_mem to, size_t bytes, struct weft_error *err);
// Waits for the queue.
bool wf_wait(weft_device *dev, struct weft_error *err);

#endif
