// The dtypes of safetensors files. Those that weft lacks become the next wider one that it has, in
// which every number is exact.
#include "base/error.h"
#include "file/safetensors.h"
#include <string.h>

#define WIDEN(name, narrow, wide)                                     \
    static bool name(const unsigned char *from, uint64_t n, void *to) \
    {                                                                 \
        wide *y = to;                                                 \
        for (uint64_t i = 0; i < n; i++) {                            \
            narrow v;                                                 \
            memcpy(&v, from + sizeof v * i, sizeof v);                \
            y[i] = v;                                                 \
        }                                                             \
        return true;                                                  \
    }
WIDEN(from_i16, int16_t, int32_t)
WIDEN(from_u16, uint16_t, int32_t)
WIDEN(from_u32, uint32_t, int64_t)

static bool from_u64(const unsigned char *from, uint64_t n, void *to)
{
    uint64_t *y = to, all = 0;
    memcpy(y, from, (size_t)n * 8);
    for (uint64_t i = 0; i < n; i++)
        all |= y[i];
    return all <= INT64_MAX;
}

// A half without its last eight bits.
static bool from_e5m2(const unsigned char *from, uint64_t n, void *to)
{
    uint16_t *y = to;
    for (uint64_t i = 0; i < n; i++)
        y[i] = (uint16_t)(from[i] << 8);
    return true;
}

// Exponent bias 7, of a half 15. No infinity; all ones is NaN. A denormal m / 512 is normal as a
// half.
static uint16_t half_of_e4m3(unsigned bits)
{
    unsigned sign = (bits & 0x80) << 8, exponent = bits >> 3 & 15, mantissa = bits & 7;
    if (exponent == 15 && mantissa == 7)
        return (uint16_t)(sign | 0x7e00);
    if (exponent)
        return (uint16_t)(sign | (exponent + 8) << 10 | mantissa << 7);
    if (!mantissa)
        return (uint16_t)sign;
    for (exponent = 9; mantissa < 8; exponent--)
        mantissa <<= 1;
    return (uint16_t)(sign | exponent << 10 | (mantissa & 7) << 7);
}

static bool from_e4m3(const unsigned char *from, uint64_t n, void *to)
{
    uint16_t *y = to;
    for (uint64_t i = 0; i < n; i++)
        y[i] = half_of_e4m3(from[i]);
    return true;
}

static const struct wf_safetensors_dtype dtypes[] = {
#define X(name, bytes) {#name, WEFT_##name, bytes, NULL},
    WEFT_DTYPE_MAP(X)
#undef X
        {"I16", WEFT_I32, 2, from_i16},
    {"U16", WEFT_I32, 2, from_u16},
    {"U32", WEFT_I64, 4, from_u32},
    {"U64", WEFT_I64, 8, from_u64},
    {"F8_E5M2", WEFT_F16, 1, from_e5m2},
    {"F8_E4M3", WEFT_F16, 1, from_e4m3},
};

const struct wf_safetensors_dtype *wf_safetensors_dtype(const char *name)
{
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (!strcmp(dtypes[i].name, name))
            return &dtypes[i];
    }
    return NULL;
}
