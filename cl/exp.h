// e^x for x <= 0, for float and double and vectors of 16, from instructions that every vector unit
// has: within 1.5 units in the last place; NaN stays NaN. Above 0 it is wrong.
//
//   exp_below_T   down to the smallest denormal number
//   exp_near_T    0 below -87, for terms beside 1
#ifndef WF_EXP_H
#define WF_EXP_H
#include "common.h"

// e^x = 2^k e^r, with the polynomial of Cephes's expf for e^r. k, nearest to x / log(2), is found
// by adding 1.5 * 2^23, whose last bits then count it: they are left in *whole. It is multiplied in
// two halves, because the smallest numbers have no exponent of their own; where these may be 0, in
// one.
#define EXP_BELOW_FLOAT(F, I)                                                                   \
    static inline F CAT(exp_rest_, F)(F x, I * whole)                                           \
    {                                                                                           \
        F t = fma(x, (F)(1.44269504f), (F)(12582912.0f)), k = t - 12582912.0f;                  \
        F r = fma(k, (F)(2.12194440e-4f), fma(k, (F)(-0.693359375f), x));                       \
        F p = fma(r, (F)(1.9875691500e-4f), (F)(1.3981999507e-3f));                             \
        p = fma(p, r, (F)(8.3334519073e-3f));                                                   \
        p = fma(p, r, (F)(4.1665795894e-2f));                                                   \
        p = fma(p, r, (F)(1.6666665459e-1f));                                                   \
        p = fma(p, r, (F)(5.0000001201e-1f));                                                   \
        *whole = CAT(as_, I)(t);                                                                \
        return fma(p * r, r, r) + 1.0f;                                                         \
    }                                                                                           \
    static inline F CAT(exp_below_, F)(F x)                                                     \
    {                                                                                           \
        I whole, half_;                                                                         \
        F p = CAT(exp_rest_, F)(x < -104.0f ? (F)(-104.0f) : x, &whole);                        \
        whole -= 0x4b400000;                                                                    \
        half_ = whole >> 1;                                                                     \
        return p * CAT(as_, F)((half_ + 127) << 23) * CAT(as_, F)((whole - half_ + 127) << 23); \
    }                                                                                           \
    static inline F CAT(exp_near_, F)(F x)                                                      \
    {                                                                                           \
        I whole;                                                                                \
        F p = CAT(exp_rest_, F)(x, &whole);                                                     \
        return x < -87.0f ? (F)(0.0f) : p * CAT(as_, F)((whole << 23) + 0x3f800000);            \
    }
EXP_BELOW_FLOAT(float, int)
EXP_BELOW_FLOAT(float16, int16)
#ifdef USE_F64
static inline double exp_below_double(double x)
{
    return exp(x);
}
static inline double16 exp_below_double16(double16 x)
{
    return exp(x);
}
#define exp_near_double   exp_below_double
#define exp_near_double16 exp_below_double16
#endif
#endif
