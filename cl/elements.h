// Elements in memory, by their type there: float, double, half, ushort (bfloat16), char, uchar, int
// and long. Half and bfloat16 are read as float, and written from float, rounded to even.
//
//   LOAD(X, p), STORE(X, v, p)              one element
//   LOAD_N(X, n, p), STORE_N(X, n, v, p)    n of them side by side, as a vector
#ifndef WF_ELEMENTS_H
#define WF_ELEMENTS_H
#include "common.h"

// As CAT, for use inside of what CAT makes.
#define ELEMENT_(a, b) a##b
#define ELEMENT(a, b)  ELEMENT_(a, b)

#define LOAD(X, p)          ELEMENT(LOAD_, X)(p)
#define STORE(X, v, p)      ELEMENT(STORE_, X)(v, p)
#define LOAD_N(X, n, p)     ELEMENT(LOAD_N_, X)(n, p)
#define STORE_N(X, n, v, p) ELEMENT(STORE_N_, X)(n, v, p)

#define LOAD_float(p)  (*(p))
#define LOAD_double(p) (*(p))
#define LOAD_half(p)   vload_half(0, p)
#define LOAD_ushort(p) from_bf16(*(p))
#define LOAD_char(p)   (*(p))
#define LOAD_uchar(p)  (*(p))
#define LOAD_int(p)    (*(p))
#define LOAD_long(p)   (*(p))

#define STORE_float(v, p)  (*(p) = (float)(v))
#define STORE_double(v, p) (*(p) = (double)(v))
#define STORE_half(v, p)   vstore_half((float)(v), 0, p)
#define STORE_ushort(v, p) (*(p) = to_bf16((float)(v)))
#define STORE_char(v, p)   (*(p) = (char)(v))
#define STORE_uchar(v, p)  (*(p) = (uchar)(v))
#define STORE_int(v, p)    (*(p) = (int)(v))
#define STORE_long(v, p)   (*(p) = (long)(v))

#define VLOAD_N(n, p)       ELEMENT(vload, n)(0, p)
#define LOAD_N_float(n, p)  VLOAD_N(n, p)
#define LOAD_N_double(n, p) VLOAD_N(n, p)
#define LOAD_N_half(n, p)   ELEMENT(vload_half, n)(0, p)
#define LOAD_N_ushort(n, p) ELEMENT(as_float, n)(ELEMENT(convert_uint, n)(VLOAD_N(n, p)) << 16)
#define LOAD_N_char(n, p)   VLOAD_N(n, p)
#define LOAD_N_uchar(n, p)  VLOAD_N(n, p)
#define LOAD_N_int(n, p)    VLOAD_N(n, p)
#define LOAD_N_long(n, p)   VLOAD_N(n, p)

#define STORE_N_float(n, v, p)  ELEMENT(vstore, n)(ELEMENT(convert_float, n)(v), 0, p)
#define STORE_N_double(n, v, p) ELEMENT(vstore, n)(ELEMENT(convert_double, n)(v), 0, p)
#define STORE_N_half(n, v, p)   ELEMENT(vstore_half, n)(ELEMENT(convert_float, n)(v), 0, p)
#define STORE_N_ushort(n, v, p) \
    ELEMENT(vstore, n)(BF16_BITS(n, ELEMENT(as_uint, n)(ELEMENT(convert_float, n)(v))), 0, p)
#define STORE_N_char(n, v, p)  STORE_BYTES(char, n, v, p)
#define STORE_N_uchar(n, v, p) STORE_BYTES(uchar, n, v, p)
#define STORE_N_int(n, v, p)   ELEMENT(vstore, n)(ELEMENT(convert_int, n)(v), 0, p)
#define STORE_N_long(n, v, p)  ELEMENT(vstore, n)(ELEMENT(convert_long, n)(v), 0, p)

// Bytes in global memory, which vstore may put there one by one, as PoCL's does. That a vector in a
// packed struct may lie anywhere is known of clang.
#ifdef __clang__
#define STORE_BYTES(T, n, v, p) \
    (((global struct ELEMENT(bytes_##T, n) *)(p))->all_ = ELEMENT(convert_##T, n)(v))
#define BYTES(T)       \
    struct bytes_##T { \
        T all_;        \
    } __attribute__((packed));
BYTES(char4)
BYTES(char8)
BYTES(char16)
BYTES(uchar4)
BYTES(uchar8)
BYTES(uchar16)
#else
#define STORE_BYTES(T, n, v, p) ELEMENT(vstore, n)(ELEMENT(convert_##T, n)(v), 0, (global T *)(p))
#endif

#define BF16_BITS(n, u)                                \
    ELEMENT(convert_ushort, n)                         \
    (((u)&0x7fffffffu) > (ELEMENT(uint, n))0x7f800000u \
         ? ((u) >> 16) | 0x40u                         \
         : ((u) + 0x7fffu + (((u) >> 16) & 1u)) >> 16)
#endif
