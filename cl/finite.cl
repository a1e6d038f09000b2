// flag[t] = 1 if there is a NaN or an infinity in x[t * share ... (t + 1) * share - 1], else 0. x
// is dense and has n elements.
//
//   X_F32, X_F16, X_BF16 or X_F64  type of the elements
#ifdef X_F64
#define USE_F64
#endif
#include "common.h"
// lint: -DX_F16
// lint: -DX_BF16
// lint: -DX_F64 -DINDEX=long

#if defined X_F64
#define X ulong
#define EXPONENT 0x7ff0000000000000ul
#elif defined X_F16
#define X ushort
#define EXPONENT 0x7c00
#elif defined X_BF16
#define X ushort
#define EXPONENT 0x7f80
#else
#define X uint
#define EXPONENT 0x7f800000u
#endif

// The bits are looked at: neither fast math nor what a device lacks can hide anything.
kernel void finite(INDEX first, INDEX last, INDEX n, INDEX share, global const X *restrict x,
                   global int *restrict flag)
{
    FOR_TASKS(t)
    {
        int found = 0;
        INDEX end = min(n, (t + 1) * share);
        for (INDEX i = t * share; i < end; i++)
            found |= (x[i] & EXPONENT) == EXPONENT;
        flag[t] = found;
    }
}
