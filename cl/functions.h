// What the expressions of elementwise.def speak of. T is the type that is computed in, or a vector
// of it.
//
//   OWN_FUNCTIONS   see power.h
#ifndef WF_FUNCTIONS_H
#define WF_FUNCTIONS_H

// Is T, the type that is computed in, an integer? Is it float or double?
#define KIND_float       F
#define KIND_float4      F
#define KIND_float8      F
#define KIND_float16     F
#define KIND_double      F
#define KIND_double4     F
#define KIND_double8     F
#define KIND_double16    F
#define KIND_int         I
#define KIND_int4        I
#define KIND_int8        I
#define KIND_int16       I
#define KIND_long        I
#define KIND_long4       I
#define KIND_long8       I
#define KIND_long16      I
#define REAL_float       S
#define REAL_float4      S
#define REAL_float8      S
#define REAL_float16     S
#define REAL_double      D
#define REAL_double4     D
#define REAL_double8     D
#define REAL_double16    D
#define BY_KIND(name, T) CAT(name, CAT(KIND_, T))
#define BY_REAL(name, T) CAT(name, CAT(REAL_, T))

// Integers: nothing traps, x / 0 is 0 and the smallest number / -1 is itself.
#define DIVIDE_F(T, a, b) ((a) / (b))
#define DIVIDE_I(T, a, b) \
    ((b) == (T)0 ? (T)0   \
                 : ((b) == (T)-1 ? -(a) : (a) / ((((b) == (T)0) | ((b) == (T)-1)) ? (T)1 : (b))))
#define DIVIDE(T, a, b)  BY_KIND(DIVIDE_, T)(T, a, b)
#define ABS_F(T, x)      fabs(x)
#define ABS_I(T, x)      ((x) < (T)0 ? -(x) : (x))
#define ABS(T, x)        BY_KIND(ABS_, T)(T, x)
#define ROUNDED_F(f, x)  f(x)
#define ROUNDED_I(f, x)  (x)
#define ROUNDED(T, f, x) BY_KIND(ROUNDED_, T)(f, x)
// elementwise.cl has functions of its own for vectors of CPUs.
#ifdef OWN_FUNCTIONS
#define FMOD(T, a, b)  CAT(fmod_, T)(a, b)
#define POW_F(T, a, b) CAT(power_, T)(a, b)
#else
#define FMOD(T, a, b)  fmod(a, b)
#define POW_F(T, a, b) pow(a, b)
#endif
#define TRUNC_MOD_F(T, a, b) FMOD(T, a, b)
#define TRUNC_MOD_I(T, a, b) ((a) - (b)*DIVIDE_I(T, a, b))
#define TRUNC_MOD(T, a, b)   BY_KIND(TRUNC_MOD_, T)(T, a, b)
// By way of the remainder: a / b may round up to a whole number.
#define FLOOR_DIV_F(T, a, b) \
    ((b) == (T)0 ? (a) / (b) : rint(((a)-FMOD(T, a, b)) / (b)-ROUNDED_UP(T, b, FMOD(T, a, b))))
#define FLOOR_DIV_I(T, a, b) \
    ((b) == (T)0 ? (T)0 : DIVIDE_I(T, a, b) - ROUNDED_UP(T, b, TRUNC_MOD_I(T, a, b)))
#define FLOOR_DIV(T, a, b) BY_KIND(FLOOR_DIV_, T)(T, a, b)
#define POW_I(T, a, b)     CAT(power_, T)(a, b)
#define POW(T, a, b)       BY_KIND(POW_, T)(T, a, b)

// Has a division with the remainder r rounded up, being to zero?
#define ROUNDED_UP(T, b, r) ((r) == (T)0 || ((r) < (T)0) == ((b) < (T)0) ? (T)0 : (T)1)
// The remainder with the sign of the divisor.
#define FLOOR_MOD(T, a, b, r) ((r) == (T)0 || ((r) < (T)0) == ((b) < (T)0) ? (r) : (r) + (b))
#define MOD(T, a, b)          FLOOR_MOD(T, a, b, TRUNC_MOD(T, a, b))

// Some built-in tanh stop short of 1.
#define TANH(T, x)    ((x) > (T)20 ? (T)1 : (x) < (T)-20 ? (T)-1 : tanh(x))
#define SIGMOID(T, x) ((T)1 / ((T)1 + exp(-(x))))
// log(1 + e^x) without overflow.
#define SOFTPLUS(T, x) (fmax(x, (T)0) + log1p(exp(-fabs(x))))
// The larger of x and a bound; NaN stays NaN.
#define AT_LEAST(T, bound, x) ((x) < (T)(bound) ? (T)(bound) : (x))
// 1/2 + tanh(z)/2, z the argument of the approximation of gelu, as the sigmoid of 2 z.
#define GELU_GATE(T, x) \
    ((T)1 / ((T)1 + exp((x) * ((T)-1.5957691216057308 - (T)0.07135481627260025 * (x) * (x)))))
// Of the normal distribution what lies beyond a >= 0, as e^(-a^2/2) times a polynomial in
// t = 1 / (1 + 0.3 a), fitted to 3.5e-9; what a^2 loses by rounding is made up for.
#define NORMAL_TAIL(T, a, t)                                                                     \
    (exp((T)-0.5 * ((a) * (a))) * ((T)1 - (T)0.5 * fma(a, a, -((a) * (a)))) *                    \
     (t)*fma(                                                                                    \
         t,                                                                                      \
         fma(t,                                                                                  \
             fma(t,                                                                              \
                 fma(t,                                                                          \
                     fma(t,                                                                      \
                         fma(t,                                                                  \
                             fma(t,                                                              \
                                 fma(t, fma(t, (T)-0.02062354905235023, (T)0.11243604498959738), \
                                     (T)-0.22821460670090105),                                   \
                                 (T)0.19178586169788522),                                        \
                             (T)-0.07942457767164407),                                           \
                         (T)0.09615740383451737),                                                \
                     (T)0.07838945726617103),                                                    \
                 (T)0.11023546458145848),                                                        \
             (T)0.1195718092863862),                                                             \
         (T)0.11968669003899667))
#define CAPPED(T, a)  ((a) > (T)15 ? (T)15 : (a)) // beyond, the tail is 0; of NaN it is NaN
#define TAIL_OF(T, a) NORMAL_TAIL(T, CAPPED(T, a), ((T)1 / fma((T)0.3, CAPPED(T, a), (T)1)))
// The normal distribution: below x, and its density.
#define NORMAL_CDF_S(T, x) ((x) < (T)0 ? TAIL_OF(T, fabs(x)) : (T)1 - TAIL_OF(T, fabs(x)))
#define NORMAL_CDF_D(T, x) ((T)0.5 * erfc((x) * (T)-0.70710678118654752440))
#define NORMAL_CDF(T, x)   BY_REAL(NORMAL_CDF_, T)(T, x)
#define NORMAL_PDF(T, x)   ((T)0.39894228040143267794 * exp((T)-0.5 * (x) * (x)))
// The error function: below 1 a polynomial, fitted to 1.3e-9, above it 1 - 2 (tail of sqrt(2) x).
#define ERF_NEAR(T, x, u)                                                                   \
    ((x)*fma(u,                                                                             \
             fma(u,                                                                         \
                 fma(u,                                                                     \
                     fma(u,                                                                 \
                         fma(u, fma(u, (T)7.85385743388679e-05, (T)-0.0008010192438338425), \
                             (T)0.0051883275506554635),                                     \
                         (T)-0.02685381186421867),                                          \
                     (T)0.11283585146915683),                                               \
                 (T)-0.3761262582408352),                                                   \
             (T)1.12837916572669))
#define ERF_FAR(T, x) copysign((T)1 - (T)2 * TAIL_OF(T, ((T)1.4142135623730950488 * fabs(x))), x)
#define ERF_S(T, x)   (fabs(x) < (T)1 ? ERF_NEAR(T, x, ((x) * (x))) : ERF_FAR(T, x))
#define ERF_D(T, x)   erf(x)
#define ERF(T, x)     BY_REAL(ERF_, T)(T, x)
#endif
