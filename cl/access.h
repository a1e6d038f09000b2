// What the defines of elements in memory use (lib/op/reduce.h).
#ifndef WF_ACCESS_H
#define WF_ACCESS_H
#include "common.h"

// bfloat16 from 16 floats, as to_bf16.
inline ushort16 to_bf16_16(float16 f)
{
    uint16 u = as_uint16(f);
    uint16 rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16, nan = (u >> 16) | 0x40u;
    return convert_ushort16(f != f ? nan : rounded);
}
#endif
