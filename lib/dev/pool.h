// The memory pool: buffers by size class. The queue is in order, so a block that is given back may
// be taken again at once: what still reads it runs before what writes it anew.
#ifndef WF_DEV_POOL_H
#define WF_DEV_POOL_H
#include "base/os.h"
#include "dev/cl.h"

struct wf_block {
    cl_mem mem;
    size_t bytes;          // of its size class
    struct wf_block *next; // in the free list of its class
};

enum { WF_POOL_CLASSES = 8 * 56 };

struct wf_pool {
    wf_mutex lock;
    bool has_lock;
    struct wf_block *free[WF_POOL_CLASSES];
    uint64_t limit; // 0: none
    uint64_t used, peak, held;
};

bool wf_pool_init(weft_device *dev, uint64_t limit);
// Every block must have been given back.
void wf_pool_finish(weft_device *dev);
// A block of at least `bytes` bytes, its content undefined. Before it fails for want of memory,
// unused blocks go back to the driver, then what is there for speed only, and it is tried once
// more.
struct wf_block *wf_pool_take(weft_device *dev, size_t bytes, struct weft_error *err);
void wf_pool_give(weft_device *dev, struct wf_block *b);
// Unused blocks go back to the driver.
void wf_pool_trim(weft_device *dev);
// Calls a function that returns a code, and stores the code. Drivers that allocate late may find no
// memory only now: then unused blocks go back to them, and it is called once more.
#define WF_CL_LATE(dev, code, f, ...)                                          \
    (wf_cl_is_nomem(WF_CL_CODE(&(dev)->cl, (code), f, __VA_ARGS__))            \
         ? (wf_pool_trim(dev), WF_CL_CODE(&(dev)->cl, (code), f, __VA_ARGS__)) \
         : (code))
// The size that a request is rounded up to: at most an eighth more.
size_t wf_pool_round(size_t bytes);

#endif
