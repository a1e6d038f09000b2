// y = EXPR over strided, broadcast inputs and a dense output. The host writes BODY from the
// expression, once for vectors and once for single elements; see lib/op/expression.c.
//
// The shape is walked as rows: the last of the RANK dimensions has `inner` elements, cut into
// `chunks` pieces of `chunk`; a task is one piece of one row. In a row, an input has stride 1, or 0
// and is one value, or any other and then VEC is 1.
//
//   VEC      elements at once [1]
//   Y        type of the output in memory
//   INPUTS   the further arguments: `, global const float *restrict p0, ...`
//   BASES    where each input's row begins: `const INDEX b0 = dims_at(&d, 0, row, RANK - 1);`
//   BODY_V(i), BODY_1(i)  compute and store VEC elements, one element
#include "common.h"

#ifndef VEC
#define VEC 1
#define Y float
#define INPUTS , global const float *restrict p0
#define BASES const INDEX b0 = dims_at(&d, 0, row, RANK - 1);
#define BODY_V(i) yr[i] = -p0[b0 + (i)];
#define BODY_1(i) BODY_V(i)
#endif

// Integers: nothing traps, x / 0 is 0 and the smallest number / -1 is itself.
#ifdef INTEGER
#define DIVIDE(T, a, b)                                                                            \
    ((b) == (T)0 ? (T)0                                                                            \
                 : ((b) == (T)-1 ? -(a) : (a) / ((((b) == (T)0) | ((b) == (T)-1)) ? (T)1 : (b))))
#define ABS(T, x) ((x) < (T)0 ? -(x) : (x))
#define ROUNDED(f, x) (x)
#define MOD(T, a, b) FLOOR_MOD(T, a, b, (a) - (b)*DIVIDE(T, a, b))
#else
#define DIVIDE(T, a, b) ((a) / (b))
#define ABS(T, x) fabs(x)
#define ROUNDED(f, x) f(x)
#define MOD(T, a, b) FLOOR_MOD(T, a, b, fmod(a, b))
#endif

// From the remainder r of a division that rounds to zero to one with the sign of the divisor.
#define FLOOR_MOD(T, a, b, r) ((r) == (T)0 || ((r) < (T)0) == ((b) < (T)0) ? (r) : (r) + (b))

// Some built-in tanh stop short of 1.
#define TANH(T, x) ((x) > (T)20 ? (T)1 : (x) < (T)-20 ? (T)-1 : tanh(x))
#define SIGMOID(T, x) ((T)1 / ((T)1 + exp(-(x))))
// log(1 + e^x) without overflow.
#define SOFTPLUS(T, x) (fmax(x, (T)0) + log1p(exp(-fabs(x))))
// The larger of x and a bound; NaN stays NaN.
#define AT_LEAST(T, bound, x) ((x) < (T)(bound) ? (T)(bound) : (x))
// The normal distribution: below x, and its density.
#define NORMAL_CDF(T, x) ((T)0.5 * erfc((x) * (T)-0.70710678118654752440))
#define NORMAL_PDF(T, x) ((T)0.39894228040143267794 * exp((T)-0.5 * (x) * (x)))

// bfloat16: the upper half of a float, rounded to even; NaN stays NaN.
#define BF16_TO(F, U, u) (CAT(as_, F)(CAT(convert_, U)(u) << 16))
#define BF16_ROUND(U, b) (((b) + 0x7fffu + (((b) >> 16) & 1u)) >> 16)
#define BF16_NAN(b) (((b) >> 16) | 0x40u)

kernel void elementwise(INDEX first, INDEX last, INDEX inner, INDEX chunks, INDEX chunk,
                        const struct dims d, global Y *restrict y INPUTS)
{
    INDEX item = (INDEX)get_local_id(0), items = (INDEX)get_local_size(0);
    FOR_TASKS(t)
    {
        INDEX row = t / chunks;
        INDEX begin = (t - row * chunks) * chunk;
        INDEX end = min(inner, begin + chunk);
        global Y *restrict yr = y + row * inner;
        BASES
        INDEX whole = begin + (end - begin) / VEC * VEC;
        for (INDEX i = begin + item * VEC; i < whole; i += items * VEC) {
            BODY_V(i)
        }
        for (INDEX i = whole + item; i < end; i += items) {
            BODY_1(i)
        }
    }
}
