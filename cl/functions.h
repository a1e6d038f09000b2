// What the expressions of elementwise.def speak of. T is the type that is computed in, or a vector
// of it.
//
//   INTEGER   T is int or long
#ifndef WF_FUNCTIONS_H
#define WF_FUNCTIONS_H

// Integers: nothing traps, x / 0 is 0 and the smallest number / -1 is itself.
#ifdef INTEGER
#define DIVIDE(T, a, b) \
    ((b) == (T)0 ? (T)0 \
                 : ((b) == (T)-1 ? -(a) : (a) / ((((b) == (T)0) | ((b) == (T)-1)) ? (T)1 : (b))))
#define ABS(T, x)     ((x) < (T)0 ? -(x) : (x))
#define ROUNDED(f, x) (x)
#define MOD(T, a, b)  FLOOR_MOD(T, a, b, (a) - (b)*DIVIDE(T, a, b))
#else
#define DIVIDE(T, a, b) ((a) / (b))
#define ABS(T, x)       fabs(x)
#define ROUNDED(f, x)   f(x)
#define MOD(T, a, b)    FLOOR_MOD(T, a, b, fmod(a, b))
#endif

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
