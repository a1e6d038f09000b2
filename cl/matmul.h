// What the kernels of matrix products share: the problem, and the epilogue, an expression over each
// element of the product before it is stored.
//
//   X, T, Y     types of a and b in memory, of what is computed, of c in memory [float]
//   XA, XB      types of a and of b in memory, where they are two: char and uchar [X]
//   NARROW      X is half or bfloat16: T is another type
//   WHOLE       whole numbers: T is unsigned, for what exceeds it is cut off
//
// With an epilogue, the host writes (lib/op/matmul_kernel.c):
//
//   INPUTS              how many inputs b0, b1, ... the expression has [none]
//   EPILOGUE(T)         the expression of v, the inputs and the options a0, a1, ...
//   EPILOGUE_STEPS(T)   statements before it; ROUND(v) gives v the precision of X
//   E_PARAMS            further parameters of a kernel: `, const struct steps steps, global const
//                       float *restrict p0, const T a0`
//   E_AT(matrix)        makes q0, ...: the inputs of a matrix of the batch
//   E_TAKES             further parameters of a function: `, const struct steps *es, global const
//                       float *q0, const T a0`
//   E_ARGS, E_PASS      the arguments for it, in a kernel and in such a function
//   E_WHOLE(m, n), E_EDGE(m, n, count), E_ONE(m, n)
//                       b0, ... for LANES columns, `count` of them, or one
#ifndef WF_MATMUL_H
#define WF_MATMUL_H
#include "elements.h"
#include "functions.h"

#ifndef X
#define X float
#define T float
#define Y float
#endif
#ifndef XA
#define XA X
#define XB X
#endif
#ifndef INPUTS
#define E_PARAMS
#define E_AT(matrix)
#define E_TAKES
#define E_ARGS
#define E_PASS
#endif

#ifdef WHOLE
#define FMA(a, b, c) ((a) * (b) + (c))
#else
#define FMA(a, b, c) fma(a, b, c)
#endif

// Sizes and strides, in elements. `batch` walks the leading dimensions of a (view 0), b (1) and the
// epilogue's inputs (2 and on).
struct product {
    INDEX m, n, k, a_m, a_k, b_k, b_n;
};

#ifdef INPUTS
// The strides of the epilogue's inputs, 0 where they are repeated.
struct steps {
    INDEX m[INPUTS + 1], n[INPUTS + 1];
};

// LANES columns of an input of type P: side by side; one value; or with a stride, the first
// `count`.
#define E_VECTOR(b, P, p) const V b = CAT(convert_, V)(LOAD_N(P, LANES, p));
#define E_REPEAT(b, P, p) const V b = (V)((T)LOAD(P, p));
#define E_GATHER(b, P, p, step, count)                                       \
    V b;                                                                     \
    {                                                                        \
        T gathered[LANES];                                                   \
        for (int j = 0; j < LANES; j++)                                      \
            gathered[j] = j < (count) ? (T)LOAD(P, (p) + j * (step)) : (T)0; \
        b = VLOAD(0, gathered);                                              \
    }
#define E_SINGLE(b, P, p) const T b = (T)LOAD(P, p);

// The product is rounded to its own type first: what is fused gives the same bits as what is not.
static inline T e_round(T v)
{
#ifdef NARROW
    ushort bits;
    STORE(X, v, (private X *)&bits);
    v = LOAD(X, (const private X *)&bits);
#endif
    return v;
}

// The epilogue of one element.
#define ROUND(v) e_round(v)
static inline T finish_one(T v, INDEX m, INDEX n E_TAKES)
{
    v = e_round(v);
    E_ONE(m, n)
    EPILOGUE_STEPS(T)
    return EPILOGUE(T);
}
#undef ROUND
#define FINISH_ONE(v, m, n) finish_one(v, m, n E_ARGS)
#else
#define FINISH_ONE(v, m, n) (v)
#endif
#endif
