// What the matrix products of devices with groups of many work-items share: four columns as a
// vector, loads and stores that know their alignment, and the epilogue of four columns.
//
//   VEC   elements of one load where a row of them is aligned: 1, 2, 4 or 8 [4]
#ifndef WF_MATMUL_GPU_H
#define WF_MATMUL_GPU_H
#include "matmul.h"

#ifndef VEC
#define VEC 4
#endif

#define UNROLL _Pragma("unroll")
#define LANES  4
#define V      CAT(T, LANES)
#define VLOAD  vload4
#if VEC == 1
#define TV T
#else
#define TV CAT(T, VEC)
#endif

#define BYTES_float  4
#define BYTES_double 8
#define BYTES_half   2
#define BYTES_ushort 2
#define BYTES_char   1
#define BYTES_uchar  1
#define BYTES_int    4
#define BYTES_long   8
#define BYTES_OF(X)  CAT(BYTES_, X)

// n elements side by side at an address that is a multiple of their bytes, as T: vload4 promises
// the alignment of one element only, and is four loads on some devices.
#define LOAD_WIDE(X, n, p)     ELEMENT(LOAD_WIDE_, X)(n, p)
#define WIDE_AT(X, n, p)       (*(global const ELEMENT(X, n) *)(p))
#define LOAD_WIDE_float(n, p)  WIDE_AT(float, n, p)
#define LOAD_WIDE_double(n, p) WIDE_AT(double, n, p)
#define LOAD_WIDE_half(n, p)   ELEMENT(vloada_half, n)(0, p)
#define LOAD_WIDE_ushort(n, p) \
    ELEMENT(as_float, n)(ELEMENT(convert_uint, n)(WIDE_AT(ushort, n, p)) << 16)
#define LOAD_WIDE_char(n, p)  ELEMENT(as_uint, n)(ELEMENT(convert_int, n)(WIDE_AT(char, n, p)))
#define LOAD_WIDE_uchar(n, p) ELEMENT(convert_uint, n)(WIDE_AT(uchar, n, p))
#define LOAD_WIDE_int(n, p)   ELEMENT(as_uint, n)(WIDE_AT(int, n, p))
#define LOAD_WIDE_long(n, p)  ELEMENT(as_ulong, n)(WIDE_AT(long, n, p))

#define STORE_WIDE(Y, v, p)     ELEMENT(STORE_WIDE_, Y)(v, p)
#define STORE_WIDE_float(v, p)  (*(global float4 *)(p) = convert_float4(v))
#define STORE_WIDE_double(v, p) (*(global double4 *)(p) = convert_double4(v))
#define STORE_WIDE_half(v, p)   vstorea_half4(convert_float4(v), 0, p)
#define STORE_WIDE_ushort(v, p) (*(global ushort4 *)(p) = BF16_BITS(4, as_uint4(convert_float4(v))))
#define STORE_WIDE_char(v, p)   (*(global char4 *)(p) = convert_char4(v))
#define STORE_WIDE_uchar(v, p)  (*(global uchar4 *)(p) = convert_uchar4(v))
#define STORE_WIDE_int(v, p)    (*(global int4 *)(p) = as_int4(v))
#define STORE_WIDE_long(v, p)   (*(global long4 *)(p) = as_long4(v))

// Is p a multiple of n elements of type X, and is every multiple of `step` elements from there?
#define IS_ALIGNED(X, n, p, step) ((size_t)(p) % ((n)*BYTES_OF(X)) == 0 && (step) % (n) == 0)

// Four columns, of which `count` are there.
static inline void store4(V v, global Y *to, INDEX count, bool aligned)
{
    if (aligned && count >= LANES) {
        STORE_WIDE(Y, v, to);
        return;
    }
    T edge[LANES];
    vstore4(v, 0, edge);
    UNROLL for (int j = 0; j < LANES; j++)
    {
        if (j < count)
            STORE(Y, edge[j], to + j);
    }
}

#ifdef INPUTS
static inline V round4(V v)
{
    return (V)(e_round(v.s0), e_round(v.s1), e_round(v.s2), e_round(v.s3));
}

#define ROUND(v) round4(v)
static inline V finish4(V v, INDEX m, INDEX n, INDEX count E_TAKES)
{
    v = round4(v);
    if (count >= LANES) {
        E_WHOLE(m, n)
        EPILOGUE_STEPS(V)
        return EPILOGUE(V);
    }
    E_EDGE(m, n, count)
    EPILOGUE_STEPS(V)
    return EPILOGUE(V);
}
#undef ROUND
#define FINISH4(v, m, n, count) finish4(v, m, n, count E_ARGS)
#else
#define FINISH4(v, m, n, count) (v)
#endif
#endif
