// Powers and remainders of vectors.
//
//   POWERS          powers are wanted
//   OWN_FUNCTIONS   for CPUs: instead of the driver's, which take one number after the other, or
//                   are wrong where one of several doubles is 0 (PoCL 3.1)
#ifndef WF_POWER_H
#define WF_POWER_H

// Integers to a power, by squaring, in as many bits as they have. What is below 0 gives 0, but of 1
// and -1.
#ifdef POWERS
#define POWER(T, BITS)                                                  \
    static inline T CAT(power_, T)(T a, T n)                            \
    {                                                                   \
        T y = ((n >= (T)0) | (a == (T)1) | (a == (T)-1)) ? (T)1 : (T)0; \
        for (int bit = 0; bit < BITS; bit++) {                          \
            y = (n & (T)1) != (T)0 ? y * a : y;                         \
            a *= a;                                                     \
            n >>= 1;                                                    \
        }                                                               \
        return y;                                                       \
    }
POWER(CAT(int, VEC), 31)
POWER(CAT(long, VEC), 63)
#endif

#ifdef OWN_FUNCTIONS
// a - b trunc(a / b). The quotient may have been rounded up to a whole number: then one b too much
// is taken away. Where it has so many bits that it is not exact, the driver's function is right.
#define FMOD_FUNCTION(T, EXACT)                                               \
    static inline T CAT(fmod_, T)(T a, T b)                                   \
    {                                                                         \
        T q = trunc(a / b), r = fma(-q, b, a);                                \
        r = r * copysign((T)1, a) < (T)0 ? r + copysign(b, a) : r;            \
        if (any(!(fabs(q) < (T)EXACT && fabs(b) < (T)INFINITY)))              \
            r = fabs(q) < (T)EXACT && fabs(b) < (T)INFINITY ? r : fmod(a, b); \
        return copysign(r, a);                                                \
    }
FMOD_FUNCTION(CAT(float, VEC), 0x1p22f)
#ifdef USE_F64
FMOD_FUNCTION(CAT(double, VEC), 0x1p51)
#endif
#endif

#if defined OWN_FUNCTIONS && defined POWERS
#ifdef USE_F64
static inline CAT(double, VEC) CAT(power_, CAT(double, VEC))(CAT(double, VEC) x, CAT(double, VEC) y)
{
    return pow(x, y);
}
#endif

#define F CAT(float, VEC)
#define I CAT(int, VEC)
// log2 x as two floats: x = 2^e m with m around 1, log2 m = 2/ln 2 atanh f with f = (m - 1)/(m +
// 1).
static inline F log2_parts(F x, F *low)
{
    I bits = CAT(as_int, VEC)(x), e = (bits - 0x3f3504f3) >> 23;
    F m = CAT(as_float, VEC)(bits - (e << 23)), u = m - 1.0f, d = m + 1.0f, dl = m - (d - 1.0f);
    F f = u / d, fl = (fma(-f, d, u) - f * dl) / d, s = f * f;
    F p = fma(s, fma(s, fma(s, fma(s, fma(s, 1.0f / 13, 1.0f / 11), 1.0f / 9), 1.0f / 7), 0.2f),
              1.0f / 3);
    // 2/ln 2 as the sum of two floats.
    const float high = 2.885390043f, rest = 3.8519237e-8f;
    F h = f * high;
    F l = fma(f, (F)high, -h) + fma(f, (F)rest, fma(fl, (F)high, s * p * f * high));
    F k = CAT(convert_float, VEC)(e), sum = k + h;
    l += k == 0.0f ? (F)0 : h - (sum - k);
    F log = sum + l;
    *low = l - (log - sum);
    return log;
}

// x^y = 2^(y log2 x). Where x is no positive normal number, or y is none, the driver's function.
static inline F CAT(power_, F)(F x, F y)
{
    F low, log = log2_parts(x, &low), z = y * log;
    F rest = fma(y, log, -z) + y * low;
    rest = fabs(z) < 252.0f ? rest : (F)0;
    z = clamp(z, (F)-252.0f, (F)252.0f);
    F n = rint(z), r = (z - n) + rest;
    F p = fma(r,
              fma(r, fma(r, (F)0.00015343479321472357f, (F)0.0013402597646877293f),
                  (F)0.009618518573767812f),
              (F)0.05550322067968975f);
    p = fma(r, fma(r, fma(r, p, (F)0.24022646411914675f), (F)0.6931472088734401f), (F)1.0f);
    I whole = CAT(convert_int, VEC)(n), half_ = whole >> 1;
    p = p * CAT(as_float, VEC)((half_ + 127) << 23) *
        CAT(as_float, VEC)((whole - half_ + 127) << 23);
    I good = (x >= 0x1p-126f) & (x < (float)INFINITY) & (fabs(y) < 0x1p100f);
    return all(good) ? p : good ? p : pow(x, y);
}
#undef F
#undef I
#endif
#endif
