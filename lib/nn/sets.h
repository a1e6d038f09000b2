// Launches over many tensors at once: the host's side of cl/sets.h.
#ifndef WF_NN_SETS_H
#define WF_NN_SETS_H
#include "core/scope.h"
#include "dev/launch.h"

enum { WF_MAX_SETS = 16, WF_SET_CHUNK = 8192 };

// Tensors of a launch: a device with the embedded profile may take few arguments.
int wf_sets_of(const weft_device *dev);
// Does one of n tensors need 64-bit indices?
bool wf_sets_wide(const weft_device *dev, int n, const int64_t *count);

// `struct sets` of the kernel, and its chunk.
struct wf_sets {
    int sets;
    struct wf_index chunk;
    union {
        int32_t narrow[2 * WF_MAX_SETS + 1];
        int64_t wide[2 * WF_MAX_SETS + 1];
    } u;
};
// Of n tensors, at most wf_sets_of(dev); sets the tasks of the launch, whose `wide` is set.
void wf_sets_make(struct wf_sets *s, struct wf_launch *l, int sets, int n, const int64_t *count);
void wf_sets_argument(struct wf_sets *s, struct wf_launch *l);

#endif
