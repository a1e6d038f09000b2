// Hashing (xxHash, inlined). Nothing here has to resist an attacker.
#ifndef WF_BASE_HASH_H
#define WF_BASE_HASH_H
#include <stddef.h>
#include <stdint.h>

struct wf_hash {
    uint64_t lo, hi;
};
// XXH3-128.
struct wf_hash wf_hash(const void *data, size_t n);
// XXH3-64.
uint64_t wf_hash64(const void *data, size_t n);
// 32 hexadecimal digits and NUL.
void wf_hash_hex(struct wf_hash h, char out[33]);

#endif
