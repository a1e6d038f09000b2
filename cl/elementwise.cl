// Chains of expressions over strided, broadcast inputs, with dense outputs of one shape. The host
// writes what is evaluated: see lib/op/expression_text.c.
//
// The shape is walked as rows: the last of the RANK dimensions has `inner` elements, cut into
// `chunks` pieces of `chunk`; a task is one piece of one row. In a row, an input has stride 1, or 0
// and is one value, or any other and then VEC is 1.
//
//   VEC        elements at once [1]
//   ARGUMENTS  the further arguments: `, global float *restrict y0, global const float *restrict p0`
//   BASES      the rows of the inputs: `const INDEX b0 = dims_at(&d, 0, row, RANK - 1);`
//   BODY_V(i), BODY_1(i)  compute and store VEC elements, one element; in the outputs the row
//              begins at `at`
#include "common.h"
#include "functions.h"

#ifndef VEC
#define VEC 1
#define ARGUMENTS , global float *restrict y0, global const float *restrict p0
#define BASES const INDEX b0 = dims_at(&d, 0, row, RANK - 1);
#define BODY_V(i) y0[at + (i)] = -p0[b0 + (i)];
#define BODY_1(i) BODY_V(i)
#endif

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
