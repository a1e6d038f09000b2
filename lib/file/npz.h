// What reading and writing npz have in common.
#ifndef WF_FILE_NPZ_H
#define WF_FILE_NPZ_H
#include <weft/npz.h>

// "FILE: ENTRY" for an error, cut on the left and on the right.
struct wf_npz_shown {
    char text[200];
};
const char *wf_npz_shown(struct wf_npz_shown *s, const char *path, const char *entry);

#endif
