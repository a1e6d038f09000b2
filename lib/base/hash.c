// Hashing: the only file that includes xxHash.
#include "base/hash.h"
#include <inttypes.h>
#include <stdio.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

struct wf_hash wf_hash(const void *data, size_t n)
{
    XXH128_hash_t h = XXH3_128bits(data, n);
    return (struct wf_hash){.lo = h.low64, .hi = h.high64};
}

uint64_t wf_hash64(const void *data, size_t n)
{
    return XXH3_64bits(data, n);
}

void wf_hash_hex(struct wf_hash h, char out[33])
{
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, h.hi, h.lo);
}
