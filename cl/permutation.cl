// y = the numbers 0 .. n-1 in a random order.
//
// Few are shuffled (Fisher and Yates), all by one task. Of many, each element is found by itself:
// a Feistel network of 8 rounds, whose keys are words of Philox, permutes the numbers of BITS bits,
// and is applied until the result is below n (Black and Rogaway, 2002); as n is more than half of
// 2^BITS, that is less than twice on average.
//
//   WORD  holds n: uint, or ulong where INDEX is long [uint]
//   VEC   elements at once, at most 16 [1]
#include "common.h"
#include "philox.h"

#ifndef WORD
#define WORD uint
#endif
#ifndef VEC
#define VEC 1
#endif
// lint: -DVEC=16
// lint: -DVEC=8 -DWORD=ulong -DINDEX=long

#if VEC > 1
#define V(type)     CAT(type, VEC)
#define READ(p)     CAT(vload, VEC)(0, p)
#define WRITE(v, p) CAT(vstore, VEC)(v, 0, p)
#define ANY(c)      any(c)
#else
#define V(type)     type
#define READ(p)     (*(p))
#define WRITE(v, p) (*(p) = (v))
#define ANY(c)      (c)
#endif
#define CONVERT(type) CAT(convert_, V(type))

enum { ROUNDS = 8 };

kernel void permutation_few(INDEX first, INDEX last, INDEX n, ulong key, ulong high,
                            global long *restrict y)
{
    FOR_TASKS(t)
    {
        for (INDEX i = 0; i < n; i++) {
            struct philox r = philox(key, (ulong)i, high);
            INDEX j = (INDEX)mul_hi(r.v[0] | (ulong)r.v[1] << 32, (ulong)(i + 1));
            y[i] = y[j];
            y[j] = i;
        }
    }
}

// Mixes x, two words of the key and itself; the upper bits are the best (constants: Wellons, 2018).
V(WORD) mix(V(WORD) x, uint add, uint multiply)
{
    V(uint) h = (CONVERT(uint)(x) + add) * (multiply | 1u);
    h = (h ^ (h >> 16)) * 0x7feb352du;
    h = (h ^ (h >> 15)) * 0x846ca68bu;
    return CONVERT(WORD)(h);
}

V(WORD) network(V(WORD) x, int bits, const uint *k)
{
    int upper_bits = bits / 2, lower_bits = bits - upper_bits;
    V(WORD) upper = x >> lower_bits, lower = x & (((WORD)1 << lower_bits) - 1);
    for (int r = 0; r < 2 * ROUNDS; r += 4) {
        upper ^= mix(lower, k[r], k[r + 1]) >> (32 - upper_bits);
        lower ^= mix(upper, k[r + 2], k[r + 3]) >> (32 - lower_bits);
    }
    return upper << lower_bits | lower;
}

kernel void permutation(INDEX first, INDEX last, INDEX n, INDEX chunk, int bits, ulong key,
                        ulong high, global long *restrict y)
{
    const WORD lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    INDEX item = (INDEX)get_local_id(0) * VEC, items = (INDEX)get_local_size(0) * VEC;
    uint k[2 * ROUNDS];
    for (int r = 0; r < 2 * ROUNDS; r += 4) {
        struct philox words = philox(key, (ulong)(r / 4), high);
        for (int j = 0; j < 4; j++)
            k[r + j] = words.v[j];
    }
    FOR_TASKS(t)
    {
        INDEX begin = t * chunk, end = min(begin + chunk, n);
        for (INDEX i = begin + item; i < end; i += items) {
            // Only a number below n is sure to come back below it.
            V(WORD) x = network(min((WORD)i + READ(lane), (V(WORD))(n - 1)), bits, k);
            while (ANY(x >= (V(WORD))n))
                x = x >= (V(WORD))n ? network(x, bits, k) : x;
            V(long) v = CONVERT(long)(x);
            if (i + VEC <= end) {
                WRITE(v, y + i);
                continue;
            }
            long element[VEC];
            WRITE(v, element);
            for (int j = 0; j < VEC && i + j < end; j++)
                y[i + j] = element[j];
        }
    }
}
