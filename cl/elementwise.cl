// Chains of expressions over strided, broadcast inputs, with dense outputs of one shape. The host
// writes what is evaluated: see lib/op/expression_text.c.
//
// The shape is walked as rows: the last of the RANK dimensions has `inner` elements, cut into
// `chunks` pieces of `chunk`; a task is one piece of one row. Everything is computed on vectors,
// the end of a row too: some devices have other forms of a function for single numbers, with other
// last bits.
//
//   VEC        elements at once [4]
//   NARROW     there are F16 or BF16
//   ARGUMENTS  further arguments: `, global float *restrict y0, global const float *restrict p0`
//   BASES      the rows of the inputs: `const INDEX b0 = dims_at(&d, 0, row, RANK - 1);`
//   BODY       computes the elements i .. i + count - 1 of the row, which begins at `at` in the
//              outputs; with `whole`, they are VEC
#include "elements.h"
#include "functions.h"

#ifndef VEC
#define VEC 4
#define ARGUMENTS , global float *restrict y0, global const float *restrict p0
#define BASES const INDEX b0 = dims_at(&d, 0, row, RANK - 1);
#define BODY DENSE(v0, float, float, p0 + b0 + i) PUT(float, float, -v0, y0 + at + i)
#endif
// lint: -DPOWERS -DNARROW -DOWN_FUNCTIONS -Wno-unused-function
// lint: -DVEC=8 -DUSE_F64 -DRANK=2 -DINDEX=long -DOWN_FUNCTIONS -DPOWERS
//       '-DARGUMENTS=, global double *restrict y0, global const double *restrict p0'
//       '-DBASES=const INDEX b0 = dims_at(&d, 0, row, RANK - 1);'
//       '-DBODY=STRIDED(v0, double, double, p0 + b0, 3)
//          PUT(double, double, POW(double8, v0, v0), y0 + at + i)'
// lint: -DVEC=16 -DRANK=1 -DNARROW
//       '-DARGUMENTS=, global ushort *restrict y0, global const half *restrict p0'
//       '-DBASES=const INDEX b0 = dims_at(&d, 0, row, RANK - 1);'
//       '-DBODY=DENSE(v0, float, half, p0 + b0 + i)
//          PUT(ushort, float, ERF(float16, v0), y0 + at + i)'
// lint: -DVEC=4 -DRANK=3 -DINDEX=long
//       '-DARGUMENTS=, global uchar *restrict y0, global const int *restrict p0'
//       '-DBASES=const INDEX b0 = dims_at(&d, 0, row, RANK - 1);'
//       '-DBODY=REPEATED(v0, int, int, p0 + b0)
//          PUT(uchar, int, DIVIDE(int4, v0, v0), y0 + at + i)'

// An input of type X in memory as the vector v of C: side by side, repeated, or with a step.
#define DENSE(v, C, X, p)                                                                          \
    CAT(C, VEC) v;                                                                                 \
    if (whole)                                                                                     \
        v = CAT(CAT(convert_, C), VEC)(LOAD_N(X, VEC, p));                                         \
    else                                                                                           \
        GATHER(v, C, X, p, 1)
#define REPEATED(v, C, X, p) const CAT(C, VEC) v = (CAT(C, VEC))((C)LOAD(X, p));
#define STRIDED(v, C, X, p, step)                                                                  \
    CAT(C, VEC) v;                                                                                 \
    GATHER(v, C, X, p, step)
#define GATHER(v, C, X, p, step)                                                                   \
    {                                                                                              \
        C one[VEC];                                                                                \
        for (int j = 0; j < VEC; j++)                                                              \
            one[j] = j < count ? (C)LOAD(X, (p) + j * (step)) : (C)0;                              \
        v = CAT(vload, VEC)(0, one);                                                               \
    }
// Stores a vector of C.
#define PUT(X, C, v, p)                                                                            \
    if (whole) {                                                                                   \
        STORE_N(X, VEC, v, p);                                                                     \
    } else {                                                                                       \
        C one[VEC];                                                                                \
        CAT(vstore, VEC)(v, 0, one);                                                               \
        for (int j = 0; j < count; j++)                                                            \
            STORE(X, one[j], (p) + j);                                                             \
    }

// A float with the precision that F16 or BF16 have in memory.
#ifdef NARROW
static inline CAT(float, VEC) F16_ROUND(CAT(float, VEC) v)
{
    CAT(ushort, VEC) bits;
    CAT(vstore_half, VEC)(v, 0, (half *)&bits);
    return CAT(vload_half, VEC)(0, (const half *)&bits);
}

static inline CAT(float, VEC) BF16_ROUND(CAT(float, VEC) v)
{
    CAT(ushort, VEC) bits = BF16_BITS(VEC, CAT(as_uint, VEC)(v));
    return CAT(as_float, VEC)(CAT(convert_uint, VEC)(bits) << 16);
}
#endif

#include "power.h"

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
        for (INDEX i = begin + item * VEC; i < end; i += items * VEC) {
            const bool whole = end - i >= VEC;
            const int count = whole ? VEC : (int)(end - i);
            BODY
        }
    }
}
