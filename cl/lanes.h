// Vectors of VEC elements of type T, from and to memory of type X: T itself, or HALF or BFLOAT.
// With VEC 1 they are scalars. LOCAL work-items share what TREE combines.
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

#ifdef USE_F64
#define LOWEST (-DBL_MAX)
#else
#define LOWEST (-MAXFLOAT)
#endif
#define LARGER(a, b) ((a) > (b) ? (a) : (b))

// The largest lane and the sum of the lanes.
#if VEC == 1
#define largest(v) (v)
#define total(v)   (v)
#else
inline T largest(V v)
{
#if VEC == 16
    CAT(T, 8) h = LARGER(v.lo, v.hi);
#else
    V h = v;
#endif
    CAT(T, 4) q = LARGER(h.lo, h.hi);
    return LARGER(LARGER(q.x, q.y), LARGER(q.z, q.w));
}

inline T total(V v)
{
#if VEC == 16
    CAT(T, 8) h = v.lo + v.hi;
#else
    V h = v;
#endif
    CAT(T, 4) q = h.lo + h.hi;
    return (q.x + q.y) + (q.z + q.w);
}
#endif

// Combines a value of each work-item in the same order every time, and gives all of them the
// result.
#define PLUS(a, b) ((a) + (b))
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

// e^v of v <= 0. The vector form is several times as fast as a built-in one (Cephes's polynomial,
// 2 ulp); adding 1.5 * 2^23 rounds to an integer, which its low bits then hold.
#if VEC == 16
inline V exp_below(V v)
{
    V n = fma(v, (V)1.44269504088896341f, (V)12582912.0f), k = n - 12582912.0f;
    V r = fma(k, (V)2.12194440e-4f, fma(k, (V)-0.693359375f, v));
    V p = fma(r, (V)1.9875691500e-4f, (V)1.3981999507e-3f);
    p = fma(p, r, (V)8.3334519073e-3f);
    p = fma(p, r, (V)4.1665795894e-2f);
    p = fma(p, r, (V)1.6666665459e-1f);
    p = fma(p, r, (V)5.0000001201e-1f);
    p = fma(p, r * r, r) + 1.0f;
    return v < (V)-87.0f ? (V)0.0f : p * as_float16((as_int16(n) << 23) + 0x3f800000);
}
#else
#define exp_below(v) exp(v)
#endif

#if VEC == 1
#define load(p)      LOAD(p)
#define store(v, p)  STORE(v, p)
#define only(v, low) (v)
#else
#define load(p)     LOADV(p)
#define store(v, p) STOREV(v, p)
// The lanes from `low` on, and zero before.
inline V only(V v, INDEX low)
{
    return LANES < (V)low ? (V)0 : v;
}
#endif
#endif
