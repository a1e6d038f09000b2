// Copies of parameters in the order that a kernel wants, kept until the parameter changes.
//
// A copy is made at the second read of a version: in a training that reads each version once, none
// is. When the device's memory is used up, all are given up.
#ifndef WF_CORE_PACKED_H
#define WF_CORE_PACKED_H
#include "core/tensor.h"

struct wf_packed;
struct wf_packs {
    wf_mutex lock;
    struct wf_packed *first;
};

// What is copied, in which order.
struct wf_packed_key {
    int64_t part[8];
};

struct wf_packing {
    struct wf_storage *from; // of a variable, at
    uint64_t version;
    struct wf_packed_key key;
    size_t bytes; // of the copy
    // Enqueues the copying.
    bool (*make)(weft_device *dev, struct wf_storage *to, void *priv, struct weft_error *err);
    void *priv;
};
// The copy, with a reference for the caller. NULL: there is none, and what is at hand must do.
struct wf_storage *wf_packed_find(weft_device *dev, const struct wf_packing *p);

// The list of a device: made and finished by the core.
bool wf_packs_init(weft_device *dev, struct wf_packs *packs);
void wf_packs_finish(struct wf_packs *packs);
struct wf_packs *wf_packs_of(weft_device *dev);
// Forgets all copies of a storage.
void wf_packed_drop(struct wf_storage *from);

#endif
