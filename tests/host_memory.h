// Host memory that fails: the linker puts these functions in the place of the C library's in weft
// and in the test (tests/meson.build), not in drivers, which are loaded at run time. jansson, which
// is shared too, is told to use them.
#ifndef TESTS_HOST_MEMORY_H
#define TESTS_HOST_MEMORY_H
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Does this allocation fail? The program says so.
static bool host_memory_fails(void);
static atomic_int host_live; // what is allocated

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

// What is allocated here, as an open hash table: the C library's own pieces, such as those of
// strdup(), come to free() too and are not counted.
enum { HOST_SLOTS = 1 << 18 };
static void *host_slot[HOST_SLOTS];
static pthread_mutex_t host_lock = PTHREAD_MUTEX_INITIALIZER;

static size_t host_place(const void *p)
{
    return (size_t)((uintptr_t)p / 16 * 0x9e3779b97f4a7c15u >> 20) % HOST_SLOTS;
}

static void *host_counted(void *p)
{
    if (!p)
        return NULL;
    pthread_mutex_lock(&host_lock);
    size_t i = host_place(p);
    while (host_slot[i])
        i = (i + 1) % HOST_SLOTS;
    host_slot[i] = p;
    pthread_mutex_unlock(&host_lock);
    host_live++;
    return p;
}

// Those behind, which went on from the place that is free now, move up.
static void host_move_up(size_t free)
{
    for (size_t i = (free + 1) % HOST_SLOTS; host_slot[i]; i = (i + 1) % HOST_SLOTS) {
        size_t from = host_place(host_slot[i]);
        if ((i + HOST_SLOTS - from) % HOST_SLOTS < (i + HOST_SLOTS - free) % HOST_SLOTS)
            continue;
        host_slot[free] = host_slot[i];
        free = i;
    }
    host_slot[free] = NULL;
}

static void host_forgotten(const void *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&host_lock);
    size_t i = host_place(p);
    while (host_slot[i] && host_slot[i] != p)
        i = (i + 1) % HOST_SLOTS;
    if (host_slot[i]) {
        host_move_up(i);
        host_live--;
    }
    pthread_mutex_unlock(&host_lock);
}

void *__wrap_malloc(size_t n)
{
    return host_memory_fails() ? NULL : host_counted(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return host_memory_fails() ? NULL : host_counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
    if (host_memory_fails())
        return NULL;
    host_forgotten(p);
    void *to = __real_realloc(p, n);
    host_counted(to ? to : p);
    return to;
}

void __wrap_free(void *p)
{
    host_forgotten(p);
    __real_free(p);
}

// jansson's own allocations fail only where it writes: reading, it does not survive that.
static bool host_writes;

static inline void *host_jansson(size_t n)
{
    return host_writes ? __wrap_malloc(n) : host_counted(__real_malloc(n));
}

static inline void host_memory_begin(void)
{
    json_set_alloc_funcs(host_jansson, __wrap_free);
}

#endif
