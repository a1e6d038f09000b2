// Chains of expressions over strided, broadcast inputs, with dense outputs of one shape. The host
// writes what is evaluated: see lib/op/expression_text.c.
//
// The shape is walked as rows: the last of the RANK dimensions has `inner` elements, cut into
// `chunks` pieces of `chunk`; a task is one piece of one row. In a row, an input has stride 1, or 0
// and is one value, or any other and then VEC is 1.
//
//   VEC        elements at once [1]
//   ARGUMENTS  the further arguments: `, global float *restrict y0, global const float *restrict p0`
//   BASES      where a row begins in the inputs: `const INDEX b0 = dims_at(&d, 0, row, RANK - 1);`
//   BODY_V(i), BODY_1(i)  compute and store VEC elements, one element; in the outputs the row
//              begins at `at`
#include "common.h"

#ifndef VEC
#define VEC 1
#define ARGUMENTS , global float *restrict y0, global const float *restrict p0
#define BASES const INDEX b0 = dims_at(&d, 0, row, RANK - 1);
#define BODY_V(i) y0[at + (i)] = -p0[b0 + (i)];
#define BODY_1(i) BODY_V(i)
#endif

// Is T, the type that is computed in, an integer?
#define KIND_float F
#define KIND_float4 F
#define KIND_float8 F
#define KIND_float16 F
#define KIND_double F
#define KIND_double4 F
#define KIND_double8 F
#define KIND_double16 F
#define KIND_int I
#define KIND_int4 I
#define KIND_int8 I
#define KIND_int16 I
#define KIND_long I
#define KIND_long4 I
#define KIND_long8 I
#define KIND_long16 I
#define BY_KIND(name, T) CAT(name, CAT(KIND_, T))

// Integers: nothing traps, x / 0 is 0 and the smallest number / -1 is itself.
#define DIVIDE_F(T, a, b) ((a) / (b))
#define DIVIDE_I(T, a, b)                                                                          \
    ((b) == (T)0 ? (T)0                                                                            \
                 : ((b) == (T)-1 ? -(a) : (a) / ((((b) == (T)0) | ((b) == (T)-1)) ? (T)1 : (b))))
#define DIVIDE(T, a, b) BY_KIND(DIVIDE_, T)(T, a, b)
#define ABS_F(T, x) fabs(x)
#define ABS_I(T, x) ((x) < (T)0 ? -(x) : (x))
#define ABS(T, x) BY_KIND(ABS_, T)(T, x)
#define ROUNDED_F(f, x) f(x)
#define ROUNDED_I(f, x) (x)
#define ROUNDED(T, f, x) BY_KIND(ROUNDED_, T)(f, x)
#define MOD_F(T, a, b) FLOOR_MOD(T, a, b, fmod(a, b))
#define MOD_I(T, a, b) FLOOR_MOD(T, a, b, (a) - (b)*DIVIDE_I(T, a, b))
#define MOD(T, a, b) BY_KIND(MOD_, T)(T, a, b)

// From the remainder r of a division that rounds to zero to one with the sign of the divisor.
#define FLOOR_MOD(T, a, b, r) ((r) == (T)0 || ((r) < (T)0) == ((b) < (T)0) ? (r) : (r) + (b))

// Some built-in tanh stop short of 1.
#define TANH(T, x) ((x) > (T)20 ? (T)1 : (x) < (T)-20 ? (T)-1 : tanh(x))
#define SIGMOID(T, x) ((T)1 / ((T)1 + exp(-(x))))
// log(1 + e^x) without overflow.
#define SOFTPLUS(T, x) (fmax(x, (T)0) + log1p(exp(-fabs(x))))
// The normal distribution: below x, and its density.
#define NORMAL_CDF(T, x) ((T)0.5 * erfc((x) * (T)-0.70710678118654752440))
#define NORMAL_PDF(T, x) ((T)0.39894228040143267794 * exp((T)-0.5 * (x) * (x)))

// bfloat16: the upper half of a float, rounded to even; NaN stays NaN.
#define BF16_TO(F, U, u) (CAT(as_, F)(CAT(convert_, U)(u) << 16))

// A float with the precision that F16 or BF16 have in memory.
#define ROUND_FUNCTIONS(W)                                                                         \
    inline float##W F16_ROUND##W(float##W v)                                                       \
    {                                                                                              \
        ushort##W bits;                                                                            \
        vstore_half##W(v, 0, (half *)&bits);                                                       \
        return vload_half##W(0, (const half *)&bits);                                              \
    }                                                                                              \
    inline float##W BF16_ROUND##W(float##W v)                                                      \
    {                                                                                              \
        uint##W b = as_uint##W(v);                                                                 \
        uint##W r = (b + 0x7fffu + ((b >> 16) & 1u)) & 0xffff0000u;                                \
        return as_float##W((b & 0x7fffffffu) > 0x7f800000u ? (b & 0xffff0000u) | 0x400000u : r);   \
    }
#ifdef NARROW
ROUND_FUNCTIONS()
ROUND_FUNCTIONS(4)
ROUND_FUNCTIONS(8)
ROUND_FUNCTIONS(16)
#endif

kernel void elementwise(INDEX first, INDEX last, INDEX inner, INDEX chunks, INDEX chunk,
                        const struct dims d ARGUMENTS)
{
    INDEX item = (INDEX)get_local_id(0), items = (INDEX)get_local_size(0);
    FOR_TASKS(t)
    {
        INDEX row = t / chunks;
        INDEX begin = (t - row * chunks) * chunk;
        INDEX end = min(inner, begin + chunk);
        INDEX at = row * inner;
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
