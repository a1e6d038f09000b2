// An arena: a list of chunks, filled one after the other.
#include "base/arena.h"
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 << 10 };

struct wf_arena_chunk {
    struct wf_arena_chunk *next;
    size_t room;
    alignas(max_align_t) char data[];
};

static struct wf_arena_chunk *new_chunk(size_t bytes)
{
    size_t room = bytes > CHUNK ? bytes : CHUNK;
    struct wf_arena_chunk *c = malloc(sizeof *c + room);
    if (c)
        *c = (struct wf_arena_chunk){.room = room};
    return c;
}

// The chunk after `now` if it has room, else a new one in between.
static struct wf_arena_chunk *next_chunk(struct wf_arena *a, size_t bytes)
{
    struct wf_arena_chunk **at = a->now ? &a->now->next : &a->first;
    if (*at && (*at)->room >= bytes)
        return *at;
    struct wf_arena_chunk *c = new_chunk(bytes);
    if (c) {
        c->next = *at;
        *at = c;
    }
    return c;
}

void *wf_arena_take(struct wf_arena *a, size_t bytes)
{
    size_t align = alignof(max_align_t);
    if (bytes > (size_t)-1 / 2)
        return NULL;
    bytes = (bytes + align - 1) & ~(align - 1);
    if (!a->now || a->used + bytes > a->now->room) {
        struct wf_arena_chunk *c = next_chunk(a, bytes);
        if (!c)
            return NULL;
        a->now = c;
        a->used = 0;
    }
    void *p = a->now->data + a->used;
    a->used += bytes;
    return memset(p, 0, bytes);
}

void wf_arena_reset(struct wf_arena *a)
{
    a->now = NULL;
    a->used = 0;
}

void wf_arena_finish(struct wf_arena *a)
{
    for (struct wf_arena_chunk *c; (c = a->first);) {
        a->first = c->next;
        free(c);
    }
    *a = (struct wf_arena){0};
}
