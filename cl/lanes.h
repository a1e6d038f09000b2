// Vectors of VEC elements of type T, from and to memory of type X (elements.h). With VEC 1 they are
// scalars. LOCAL work-items share what TREE combines.
#ifndef WF_LANES_H
#define WF_LANES_H
#include "elements.h"
#include "exp.h"

#ifndef T
#define T float
#endif
#ifndef X
#define X T
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
static inline T largest(V v)
{
#if VEC == 16
    CAT(T, 8) h = LARGER(v.lo, v.hi);
#else
    V h = v;
#endif
    CAT(T, 4) q = LARGER(h.lo, h.hi);
    return LARGER(LARGER(q.x, q.y), LARGER(q.z, q.w));
}

static inline T total(V v)
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

// e^v of v <= 0, beside terms that are larger.
#if VEC == 16
#define exp_near(v) exp_near_float16(v)
#else
#define exp_near(v) exp(v)
#endif

#if VEC == 1
#define load(p)      LOAD(X, p)
#define store(v, p)  STORE(X, v, p)
#define only(v, low) (v)
#else
#define load(p)     LOAD_N(X, VEC, p)
#define store(v, p) STORE_N(X, VEC, v, p)
// The lanes from `low` on, and zero before.
static inline V only(V v, INDEX low)
{
    return LANES < (V)low ? (V)0 : v;
}
#endif
#endif
