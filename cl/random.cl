// Random numbers: y from Philox and, for two kinds, from an input x.
//
// Counter c makes PER numbers: four of 32 bits, or two of 64. Counters lie in blocks of 16: number
// j of counter c is element c / 16 * 16 * PER + j * 16 + c % 16, so that VEC counters at once give
// VEC elements side by side. It is the same on every device, whatever its VEC.
//
//   UNIFORM    y = a + b u, u in [0, 1) from the upper BITS bits of a number
//   NORMAL     y = a + b z, z standard normal
//   WHOLE      y = a whole number in 0 .. limit - 1; with LONG
//   BERNOULLI  y = 1 where u < x, else 0; NaN where x is
//   DROPOUT    y = x b where u >= a, else x 0
//   LONG       numbers have 64 bits
//   REAL       type that is computed in: float, or double, which of UNIFORM and NORMAL wants LONG
//   Y          type of y, and of x, in memory (elements.h)
//   DENSE      x lies as y does; or REPEATED, is one element; else it lies by its strides
//   BITS       [24]
//   VEC        counters at once, a divisor of 16 [1]
#include "elements.h"
#include "philox.h"

#ifndef Y
#define UNIFORM
#define Y float
#endif
#ifndef REAL
#define REAL float
#endif
#ifndef BITS
#define BITS 24
#endif
#ifndef VEC
#define VEC 1
#endif
// lint: -DUNIFORM -DY=half -DBITS=11 -DVEC=16
// lint: -DUNIFORM -DLONG -DREAL=double -DY=double -DUSE_F64 -DBITS=53 -DVEC=4 -DINDEX=long
// lint: -DNORMAL -DY=ushort -DVEC=8
// lint: -DNORMAL -DLONG -DREAL=double -DY=double -DUSE_F64
// lint: -DWHOLE -DLONG -DY=char -DVEC=8
// lint: -DWHOLE -DLONG -DY=long -DINDEX=long
// lint: -DBERNOULLI -DY=half -DVEC=8 -DRANK=3
// lint: -DDROPOUT -DY=float -DDENSE
// lint: -DDROPOUT -DY=float -DREPEATED
// lint: -DDROPOUT -DY=double -DUSE_F64 -DVEC=8 -DRANK=2

#if VEC > 1
#define V(type)        CAT(type, VEC)
#define READ(p)        CAT(vload, VEC)(0, p)
#define WRITE(v, p)    CAT(vstore, VEC)(v, 0, p)
#define LOAD_V(p)      LOAD_N(Y, VEC, p)
#define STORE_V(v, p)  STORE_N(Y, VEC, v, p)
#else
#define V(type)        type
#define READ(p)        (*(p))
#define WRITE(v, p)    (*(p) = (v))
#define LOAD_V(p)      LOAD(Y, p)
#define STORE_V(v, p)  STORE(Y, v, p)
#endif
#define CONVERT(type) CAT(convert_, V(type))
#define AS(type)      CAT(as_, V(type))
#define REALS(x)      ((V(REAL))(x))

struct words {
    V(uint) v[4];
};

// The words of VEC counters from c on.
#if VEC > 1
// What each round adds to the key.
struct keys {
    ulong k[20];
};

struct keys keys_of(ulong key)
{
    struct keys keys;
    for (uint r = 0; r < 10; r++) {
        keys.k[2 * r] = (uint)key + r * 0x9E3779B9u;
        keys.k[2 * r + 1] = (uint)(key >> 32) + r * 0xBB67AE85u;
    }
    return keys;
}

// As philox(), in the lower halves of 64-bit lanes, which CPUs multiply where they are.
struct words words_of(const struct keys *keys, ulong c, ulong high)
{
    const ulong lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const V(ulong) low = (V(ulong))0xffffffffu;
    V(ulong) c0 = c + READ(lane), c1 = c0 >> 32, c2 = (V(ulong))high, c3 = c2 >> 32;
#pragma unroll
    for (int r = 0; r < 10; r++) {
        V(ulong) p = (c0 & low) * 0xD2511F53u, q = (c2 & low) * 0xCD9E8D57u;
        c0 = (q >> 32) ^ c1 ^ keys->k[2 * r];
        c1 = q;
        c2 = (p >> 32) ^ c3 ^ keys->k[2 * r + 1];
        c3 = p;
    }
    struct words w;
    w.v[0] = CONVERT(uint)(c0 & low);
    w.v[1] = CONVERT(uint)(c1 & low);
    w.v[2] = CONVERT(uint)(c2 & low);
    w.v[3] = CONVERT(uint)(c3 & low);
    return w;
}
#else
struct keys {
    ulong key;
};

struct keys keys_of(ulong key)
{
    struct keys keys = {key};
    return keys;
}

struct words words_of(const struct keys *keys, ulong c, ulong high)
{
    struct philox r = philox(keys->key, c, high);
    struct words w = {{r.v[0], r.v[1], r.v[2], r.v[3]}};
    return w;
}
#endif

#ifdef LONG
#define PER 2
#define NUMBER ulong
V(ulong) number(struct words w, int j)
{
    return CONVERT(ulong)(w.v[2 * j]) | CONVERT(ulong)(w.v[2 * j + 1]) << 32;
}
#define UNIT(n) (CONVERT(REAL)((n) >> (64 - BITS)) * (REAL)(1.0f / (1ul << BITS)))
#else
#define PER 4
#define NUMBER uint
#define number(w, j) ((w).v[j])
// By way of int, for few CPUs convert uint.
#define UNIT(n) (CONVERT(REAL)(AS(int)((n) >> (32 - BITS))) * (REAL)(1.0f / (1u << BITS)))
#endif

#ifdef NORMAL
// Built-in functions differ from device to device. These are the same on all, but for the rounding
// of sqrt.
#ifdef LONG
#define SIGNED long
#define SQRT_HALF 0x3fe6a09e667f3bcdl
#define FRACTION 52
#else
#define SIGNED int
#define SQRT_HALF 0x3f3504f3
#define FRACTION 23
#endif
enum { SIZE = 8 * sizeof(NUMBER) };

// Of u in (0, 1].
V(REAL) own_log(V(REAL) u)
{
    // u = m 2^k, m in sqrt(1/2) .. sqrt(2)
    V(SIGNED) bits = AS(SIGNED)(u), k = (bits - SQRT_HALF) >> FRACTION;
    V(REAL) e = CONVERT(REAL)(k), f = AS(REAL)(bits - (k << FRACTION)) - (REAL)1;
#ifdef LONG
    // 2 atanh(s)
    V(REAL) s = f / (f + 2.0), q = s * s, p = REALS(2.0 / 23);
    p = fma(p, q, REALS(2.0 / 21));
    p = fma(p, q, REALS(2.0 / 19));
    p = fma(p, q, REALS(2.0 / 17));
    p = fma(p, q, REALS(2.0 / 15));
    p = fma(p, q, REALS(2.0 / 13));
    p = fma(p, q, REALS(2.0 / 11));
    p = fma(p, q, REALS(2.0 / 9));
    p = fma(p, q, REALS(2.0 / 7));
    p = fma(p, q, REALS(2.0 / 5));
    p = fma(p, q, REALS(2.0 / 3));
    // ln 2 in two parts, of which e times the first is exact.
    V(REAL) low = fma(p * q, s, e * 1.90821492927058770002e-10);
    return fma(e, REALS(6.93147180369123816490e-01), fma(s, REALS(2.0), low));
#else
    // The polynomial of Cephes (Moshier).
    V(REAL) p = REALS(7.0376836292e-2f), q = f * f;
    p = fma(p, f, REALS(-1.1514610310e-1f));
    p = fma(p, f, REALS(1.1676998740e-1f));
    p = fma(p, f, REALS(-1.2420140846e-1f));
    p = fma(p, f, REALS(1.4249322787e-1f));
    p = fma(p, f, REALS(-1.6668057665e-1f));
    p = fma(p, f, REALS(2.0000714765e-1f));
    p = fma(p, f, REALS(-2.4999993993e-1f));
    p = fma(p, f, REALS(3.3333331174e-1f));
    V(REAL) low = fma(p * f, q, e * -2.12194440e-4f);
    return fma(e, REALS(0.693359375f), f + fma(q, REALS(-0.5f), low));
#endif
}

// sin and cos of x in -pi/4 .. pi/4.
V(REAL) own_sin(V(REAL) x)
{
    V(REAL) q = x * x;
#ifdef LONG
    V(REAL) p = REALS(1 / 355687428096000.0);
    p = fma(p, q, REALS(-1 / 1307674368000.0));
    p = fma(p, q, REALS(1 / 6227020800.0));
    p = fma(p, q, REALS(-1 / 39916800.0));
    p = fma(p, q, REALS(1 / 362880.0));
    p = fma(p, q, REALS(-1 / 5040.0));
    p = fma(p, q, REALS(1 / 120.0));
    p = fma(p, q, REALS(-1 / 6.0));
#else
    V(REAL) p = REALS(-1.9515295891e-4f);
    p = fma(p, q, REALS(8.3321608736e-3f));
    p = fma(p, q, REALS(-1.6666654611e-1f));
#endif
    return fma(p * q, x, x);
}

V(REAL) own_cos(V(REAL) x)
{
    V(REAL) q = x * x;
#ifdef LONG
    V(REAL) p = REALS(-1 / 6402373705728000.0);
    p = fma(p, q, REALS(1 / 20922789888000.0));
    p = fma(p, q, REALS(-1 / 87178291200.0));
    p = fma(p, q, REALS(1 / 479001600.0));
    p = fma(p, q, REALS(-1 / 3628800.0));
    p = fma(p, q, REALS(1 / 40320.0));
    p = fma(p, q, REALS(-1 / 720.0));
    p = fma(p, q, REALS(1 / 24.0));
#else
    V(REAL) p = REALS(2.443315711809948e-5f);
    p = fma(p, q, REALS(-1.388731625493765e-3f));
    p = fma(p, q, REALS(4.166664568298827e-2f));
#endif
    return fma(p * q, q, fma(q, REALS(-0.5f), REALS(1)));
}

// Two standard normal values (Box and Muller, 1958) of the radius sqrt(-2 log u), at the angle of n
// turns.
void normal_pair(V(NUMBER) u, V(NUMBER) n, V(REAL) *a, V(REAL) *b)
{
#ifdef LONG
    V(REAL) unit = fma(CONVERT(REAL)(u >> 11), REALS(0x1p-53), REALS(0x1p-54));
    const REAL quarter = 1.57079632679489661923 * 0x1p-64;
#else
    V(REAL) unit = fma(CONVERT(REAL)(AS(int)(u >> 1)), REALS(0x1p-31f), REALS(0x1p-32f));
    const REAL quarter = 1.57079632679489661923f * 0x1p-32f;
#endif
    V(REAL) radius = sqrt(own_log(unit) * -(REAL)2);
    // The nearest quarter turn, and the rest as a signed fraction of one.
    V(NUMBER) turn = (n + ((NUMBER)1 << (SIZE - 3))) >> (SIZE - 2);
    V(REAL) x = CONVERT(REAL)(AS(SIGNED)(n << 2)) * quarter;
    V(REAL) sine = own_sin(x), cosine = own_cos(x);
    V(REAL) across = (turn & 1) != 0 ? sine : cosine, up = (turn & 1) != 0 ? cosine : sine;
    *a = radius * AS(REAL)(AS(NUMBER)(across) ^ ((turn + 1) & 2) << (SIZE - 2));
    *b = radius * AS(REAL)(AS(NUMBER)(up) ^ (turn & 2) << (SIZE - 2));
}
#endif

#ifdef WHOLE
#define VALUE ulong
#else
#define VALUE REAL
#endif

#if defined BERNOULLI || defined DROPOUT
#define INPUT_ARGS const struct dims d, global const Y *restrict x,
V(REAL) load(const struct dims *d, global const Y *restrict x, INDEX i, INDEX n, bool whole)
{
#ifdef DENSE
    if (whole)
        return LOAD_V(x + d->offset[0] + i);
#elif defined REPEATED
    return REALS(LOAD(Y, x + d->offset[0]));
#endif
    REAL lane[VEC];
    for (int k = 0; k < VEC; k++)
        lane[k] = i + k < n ? LOAD(Y, x + dims_at(d, 0, i + k, RANK)) : (REAL)0;
    return READ(lane);
}
#else
#define INPUT_ARGS
#endif

void store(V(VALUE) v, global Y *restrict y, INDEX i, INDEX n, bool whole)
{
    if (whole) {
        STORE_V(v, y + i);
        return;
    }
    VALUE lane[VEC];
    WRITE(v, lane);
    for (int k = 0; k < VEC && i + k < n; k++)
        STORE(Y, lane[k], y + i + k);
}

// A task is `chunk` counters, a multiple of 16. `limit` is for WHOLE, a and b are for the others.
kernel void random(INDEX first, INDEX last, INDEX n, INDEX chunk, ulong key, ulong high,
                   ulong limit, REAL a, REAL b, INPUT_ARGS global Y *restrict y)
{
    INDEX item = (INDEX)get_local_id(0) * VEC, items = (INDEX)get_local_size(0) * VEC;
    struct keys keys = keys_of(key);
    FOR_TASKS(t)
    {
        INDEX begin = t * chunk, end = min(begin + chunk, (n + 16 * PER - 1) / (16 * PER) * 16);
        for (INDEX c = begin + item; c < end; c += items) {
            struct words w = words_of(&keys, (ulong)c, high);
            INDEX i = c / 16 * (16 * PER) + c % 16;
            bool whole = i + 16 * (PER - 1) + VEC <= n;
            V(VALUE) v[PER];
#ifdef NORMAL
#pragma unroll
            for (int j = 0; j < PER; j += 2)
                normal_pair(number(w, j), number(w, j + 1), &v[j], &v[j + 1]);
#endif
#pragma unroll
            for (int j = 0; j < PER; j++) {
#ifdef UNIFORM
                v[j] = fma(UNIT(number(w, j)), REALS(b), REALS(a));
#elif defined NORMAL
                v[j] = fma(v[j], REALS(b), REALS(a));
#elif defined WHOLE
                if (limit >> 32)
                    v[j] = mul_hi(number(w, j), (V(ulong))limit);
                else
                    v[j] = (CONVERT(ulong)(w.v[2 * j + 1]) * limit +
                            (CONVERT(ulong)(w.v[2 * j]) * limit >> 32)) >> 32;
#elif defined BERNOULLI
                V(REAL) p = load(&d, x, i + 16 * j, n, whole);
                v[j] = p != p ? p : UNIT(number(w, j)) < p ? REALS(1) : REALS(0);
#else
                V(REAL) keep = UNIT(number(w, j)) < REALS(a) ? REALS(0) : REALS(b);
                v[j] = load(&d, x, i + 16 * j, n, whole) * keep;
#endif
                store(v[j], y, i + 16 * j, n, whole);
            }
        }
    }
}
