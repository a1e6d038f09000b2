// What the expressions of elementwise.def speak of. T is the type that is computed in, or a vector
// of it.
#ifndef WF_FUNCTIONS_H
#define WF_FUNCTIONS_H

// Is T, the type that is computed in, an integer?
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
#define BY_KIND(name, T) CAT(name, CAT(KIND_, T))

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
#define MOD_F(T, a, b)   FLOOR_MOD(T, a, b, fmod(a, b))
#define MOD_I(T, a, b)   FLOOR_MOD(T, a, b, (a) - (b)*DIVIDE_I(T, a, b))
#define MOD(T, a, b)     BY_KIND(MOD_, T)(T, a, b)

// From the remainder r of a division that rounds to zero to one with the sign of the divisor.
#define FLOOR_MOD(T, a, b, r) ((r) == (T)0 || ((r) < (T)0) == ((b) < (T)0) ? (r) : (r) + (b))

// Some built-in tanh stop short of 1.
#define TANH(T, x)    ((x) > (T)20 ? (T)1 : (x) < (T)-20 ? (T)-1 : tanh(x))
#define SIGMOID(T, x) ((T)1 / ((T)1 + exp(-(x))))
// log(1 + e^x) without overflow.
#define SOFTPLUS(T, x) (fmax(x, (T)0) + log1p(exp(-fabs(x))))
// The normal distribution: below x, and its density.
#define NORMAL_CDF(T, x) ((T)0.5 * erfc((x) * (T)-0.70710678118654752440))
#define NORMAL_PDF(T, x) ((T)0.39894228040143267794 * exp((T)-0.5 * (x) * (x)))
#endif
