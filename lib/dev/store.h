// The kernel store on disk: one file for each compiled program, named by the hash of its key.
//
// File: 8 bytes "weftkrn1", the length of the key and of the payload (64 bits each, little endian),
// XXH3-128 of the key and payload together (16 bytes), the key, the payload. Anything that does not
// fit is deleted and counts as missing: a cut or flipped file is never an error. Files are written
// under a temporary name and renamed, so processes can share a folder. When the folder holds more
// than the limit, the files that were not used for longest go.
#ifndef WF_DEV_STORE_H
#define WF_DEV_STORE_H
#include "base/os.h"
#include <stdatomic.h>

struct wf_store {
    char dir[1024]; // "": off
    uint64_t limit; // bytes
    const struct wf_log *log;
    atomic_bool warned; // of a folder that does not do: once is enough
};

// Works out the folder: params->cache_dir, else (unless no_env) WEFT_CACHE, $XDG_CACHE_HOME/weft,
// ~/.cache/weft. Makes nothing yet. "" where there is none, with the reason in the log. `p` may be
// NULL; `log` is kept.
void wf_store_init(struct wf_store *st, const struct weft_device_params *p,
                   const struct wf_log *log);

// True and an owned copy of the payload (free) if there is an entry with this very key.
bool wf_store_load(struct wf_store *st, const void *key, size_t key_bytes, void **payload,
                   size_t *payload_bytes);
// Stores it, in place of an older entry. A failure (no space, read-only) is only logged, and makes
// nothing half written. What is larger than the limit by itself is not stored.
bool wf_store_save(struct wf_store *st, const void *key, size_t key_bytes, const void *payload,
                   size_t payload_bytes);
// Removes an entry, if there.
void wf_store_drop(struct wf_store *st, const void *key, size_t key_bytes);

// A file of the store: an entry, or one under a temporary name, which a process is writing or left
// behind.
struct wf_store_file {
    char name[96];
    uint64_t bytes;
    double age; // seconds since it was written or used
    bool temporary;
};
struct wf_store_list {
    struct wf_store_file *file; // [count]
    size_t count, room;
    bool failed; // out of memory
};
// Lists the files that the store made, and no others; a missing folder, and a store that is off,
// have none. Free it with wf_store_list_finish().
bool wf_store_files(struct wf_store *st, struct wf_store_list *list, struct weft_error *err);
void wf_store_list_finish(struct wf_store_list *list);
bool wf_store_remove(struct wf_store *st, const struct wf_store_file *file, struct weft_error *err);

#endif
