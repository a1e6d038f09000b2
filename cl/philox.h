// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011), the same text
// for the host and for kernels: so the same bits on every device.
#ifndef WF_PHILOX_H
#define WF_PHILOX_H
#ifdef __OPENCL_C_VERSION__
typedef uint philox_u32;
typedef ulong philox_u64;
#else
#include <stdint.h>
typedef uint32_t philox_u32;
typedef uint64_t philox_u64;
#endif

struct philox {
    philox_u32 v[4];
};

static inline philox_u32 philox_high(philox_u32 a, philox_u32 b)
{
    return (philox_u32)(((philox_u64)a * b) >> 32);
}

// Four random words for a 64-bit key and a 128-bit counter of two 64-bit halves.
static inline struct philox philox(philox_u64 key, philox_u64 low, philox_u64 high)
{
    philox_u32 k0 = (philox_u32)key, k1 = (philox_u32)(key >> 32);
    struct philox c = {
        {(philox_u32)low, (philox_u32)(low >> 32), (philox_u32)high, (philox_u32)(high >> 32)}};
    for (int round = 0; round < 10; round++) {
        philox_u32 a = c.v[0], b = c.v[2];
        c.v[0] = philox_high(0xCD9E8D57u, b) ^ c.v[1] ^ k0;
        c.v[1] = 0xCD9E8D57u * b;
        c.v[2] = philox_high(0xD2511F53u, a) ^ c.v[3] ^ k1;
        c.v[3] = 0xD2511F53u * a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

// Uniform in [0, 1): the upper 24 bits.
static inline float philox_uniform(philox_u32 word)
{
    return (float)(word >> 8) * (1.0f / 16777216.0f);
}
#endif
