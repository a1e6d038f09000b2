// Vectors of VEC elements of type T, from and to memory of type X: T itself, or HALF or BFLOAT.
// With VEC 1 they are scalars; LOCAL work-items share what TREE combines.
#ifndef WF_LANES_H
#define WF_LANES_H
#include "common.h"

#ifndef T
#define T float
#endif
#ifndef VEC
#define VEC 1
#endif
#ifndef LOCAL
#define LOCAL 1
#endif

#if VEC == 1
#define V          T
#define WIDE(name) name
#define LANES      ((T)0)
#define GET(p)     (*(p))
#define PUT(v, p)  (*(p) = (v))
#else
#define V          CAT(T, VEC)
#define WIDE(name) CAT(name, VEC)
#define GET(p)     WIDE(vload)(0, p)
#define PUT(v, p)  WIDE(vstore)(v, 0, p)
#if VEC == 16
#define LANES ((V)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))
#else
#define LANES ((V)(0, 1, 2, 3, 4, 5, 6, 7))
#endif
#endif

#if defined HALF
#define X            half
#define LOAD(p)      vload_half(0, p)
#define STORE(v, p)  vstore_half(v, 0, p)
#define LOADV(p)     WIDE(vload_half)(0, p)
#define STOREV(v, p) WIDE(vstore_half)(v, 0, p)
#elif defined BFLOAT
#define X            ushort
#define LOAD(p)      from_bf16(*(p))
#define STORE(v, p)  (*(p) = to_bf16(v))
#define LOADV(p)     WIDE(as_float)(WIDE(convert_uint)(GET(p)) << 16)
#define STOREV(v, p) PUT(round_to_bf16(v), p)
inline WIDE(ushort) round_to_bf16(V v)
{
    WIDE(uint) u = WIDE(as_uint)(v), up = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    return WIDE(convert_ushort)((u & 0x7fffffffu) > 0x7f800000u ? (u >> 16) | 0x40u : up);
}
#else
#define X            T
#define LOAD(p)      (*(p))
#define STORE(v, p)  (*(p) = (v))
#define LOADV(p)     GET(p)
#define STOREV(v, p) PUT(v, p)
#endif

// e^v of v <= 0. The vector form is several times as fast as a built-in one (Cephes's polynomial,
// 2 ulp); adding 1.5 * 2^23 rounds to an integer, which its low bits then hold.
#if VEC == 16
inline V exp_below(V v)
{
    V n = v * 1.44269504088896341f + 12582912.0f, k = n - 12582912.0f;
    V r = (v - k * 0.693359375f) + k * 2.12194440e-4f;
    V p = ((((r * 1.9875691500e-4f + 1.3981999507e-3f) * r + 8.3334519073e-3f) * r +
            4.1665795894e-2f) *
               r +
           1.6666665459e-1f) *
              r +
          5.0000001201e-1f;
    V y = (p * (r * r) + r) + 1.0f;
    return v < (V)-87.0f ? (V)0.0f : y * as_float16((as_int16(n) << 23) + 0x3f800000);
}
#else
#define exp_below(v) exp(v)
#endif

// The n elements that are there, at this stride; the last one again after them.
inline V load(global const X *p, INDEX stride, INDEX n)
{
#if VEC == 1
    return LOAD(p);
#else
    if (stride == 1 && n >= VEC)
        return LOADV(p);
    T lane[VEC];
    for (int j = 0; j < VEC; j++)
        lane[j] = LOAD(p + min((INDEX)j, n - 1) * stride);
    return GET(lane);
#endif
}

inline void store(V v, global X *p, INDEX stride, INDEX n)
{
#if VEC == 1
    STORE(v, p);
#else
    if (stride == 1 && n >= VEC) {
        STOREV(v, p);
        return;
    }
    T lane[VEC];
    PUT(v, lane);
    for (int j = 0; j < VEC && j < n; j++)
        STORE(lane[j], p + j * stride);
#endif
}

// Only the first n lanes, zero in the others.
inline V only(V v, INDEX n)
{
    if (n >= VEC)
        return v;
    return LANES < (V)n ? v : (V)0;
}

#if VEC > 1
#define FOLD(name, combine)                                  \
    inline T name(V v)                                       \
    {                                                        \
        T lane[VEC];                                         \
        PUT(v, lane);                                        \
        for (int half_ = VEC / 2; half_ > 0; half_ /= 2)     \
            for (int j = 0; j < half_; j++)                  \
                lane[j] = combine(lane[j], lane[j + half_]); \
        return lane[0];                                      \
    }
#else
#define FOLD(name, combine) \
    inline T name(V v)      \
    {                       \
        return v;           \
    }
#endif
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define PLUS(a, b)   ((a) + (b))
FOLD(largest, LARGER)
FOLD(total, PLUS)

#if LOCAL > 1
#define TREE(shared, value, combine)                                           \
    {                                                                          \
        int item_ = (int)get_local_id(0);                                      \
        shared[item_] = value;                                                 \
        for (int half_ = LOCAL / 2; half_ > 0; half_ /= 2) {                   \
            barrier(CLK_LOCAL_MEM_FENCE);                                      \
            if (item_ < half_)                                                 \
                shared[item_] = combine(shared[item_], shared[item_ + half_]); \
        }                                                                      \
        barrier(CLK_LOCAL_MEM_FENCE);                                          \
        value = shared[0];                                                     \
        barrier(CLK_LOCAL_MEM_FENCE);                                          \
    }
#else
#define TREE(shared, value, combine)
#endif
#endif
