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
#include "functions.h"

#ifndef VEC
#define VEC 1
#define Y float
#define INPUTS , global const float *restrict p0
#define BASES const INDEX b0 = dims_at(&d, 0, row, RANK - 1);
#define BODY_V(i) yr[i] = -p0[b0 + (i)];
#define BODY_1(i) BODY_V(i)
#endif

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
