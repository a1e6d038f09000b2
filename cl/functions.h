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
#define DIVIDE(T, a, b)      BY_KIND(DIVIDE_, T)(T, a, b)
#define ABS_F(T, x)          fabs(x)
#define ABS_I(T, x)          ((x) < (T)0 ? -(x) : (x))
#define ABS(T, x)            BY_KIND(ABS_, T)(T, x)
#define ROUNDED_F(f, x)      f(x)
#define ROUNDED_I(f, x)      (x)
#define ROUNDED(T, f, x)     BY_KIND(ROUNDED_, T)(f, x)
#define TRUNC_MOD_F(T, a, b) fmod(a, b)
#define TRUNC_MOD_I(T, a, b) ((a) - (b)*DIVIDE_I(T, a, b))
#define TRUNC_MOD(T, a, b)   BY_KIND(TRUNC_MOD_, T)(T, a, b)
// By way of the remainder: a / b may round up to a whole number.
#define FLOOR_DIV_F(T, a, b) \
    ((b) == (T)0 ? (a) / (b) : rint(((a)-fmod(a, b)) / (b)-ROUNDED_UP(T, b, fmod(a, b))))
#define FLOOR_DIV_I(T, a, b) \
    ((b) == (T)0 ? (T)0 : DIVIDE_I(T, a, b) - ROUNDED_UP(T, b, TRUNC_MOD_I(T, a, b)))
#define FLOOR_DIV(T, a, b) BY_KIND(FLOOR_DIV_, T)(T, a, b)
#define POW_F(T, a, b)     pow(a, b)
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
// 1/2 + tanh(z)/2, z the argument of the approximation of gelu, as the sigmoid of 2 z.
#define GELU_GATE(T, x) \
    ((T)1 / ((T)1 + exp((x) * ((T)-1.5957691216057308 - (T)0.07135481627260025 * (x) * (x)))))
// The normal distribution: below x, and its density.
#define NORMAL_CDF(T, x) ((T)0.5 * erfc((x) * (T)-0.70710678118654752440))
#define NORMAL_PDF(T, x) ((T)0.39894228040143267794 * exp((T)-0.5 * (x) * (x)))
#endif
