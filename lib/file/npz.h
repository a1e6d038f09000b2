// What reading and writing npz have in common.
#ifndef WF_FILE_NPZ_H
#define WF_FILE_NPZ_H
#include "base/os.h"
#include <weft/npz.h>

struct wf_npz_entry {
    struct weft_file_tensor tensor;
    char *name;
    void *data;
};

struct weft_npz {
    struct wf_npz_entry *entry;
    const struct weft_file_tensor **by_name;
    int count;
};

// Fills f, which begins as {0}, and is to be closed even after a failure.
bool wf_npz_read(weft_npz *f, const char *path, const struct wf_map *map, struct weft_error *err);

// "FILE: ENTRY" for an error, cut on the left and on the right.
struct wf_npz_shown {
    char text[200];
};
const char *wf_npz_shown(struct wf_npz_shown *s, const char *path, const char *entry);

#endif
