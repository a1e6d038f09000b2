// Memory that is taken in small pieces and forgotten all at once. Its chunks are kept for the next
// round, so a steady loop allocates nothing.
#ifndef WF_BASE_ARENA_H
#define WF_BASE_ARENA_H
#include <stddef.h>

struct wf_arena_chunk;
struct wf_arena { // begins as {0}
    struct wf_arena_chunk *first, *now;
    size_t used; // of `now`
};

// Zeroed, aligned for any type; NULL when out of memory.
void *wf_arena_take(struct wf_arena *a, size_t bytes);
void wf_arena_reset(struct wf_arena *a);
void wf_arena_finish(struct wf_arena *a);

#endif
