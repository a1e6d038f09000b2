// Elements of every dtype as F32.
#include "nn/checkpoint_convert.h"
#include "core/tensor.h"
#include <math.h>

static float from_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static float from_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
    if (exponent == 31)
        return from_bits(sign | 0x7f800000 | mantissa << 13);
    if (exponent)
        return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    return copysignf((float)mantissa * 0x1p-24f, sign ? -1.0f : 1.0f);
}

// Is it the same as an F32? Those that round to 2^63 are not, which no int64_t holds.
static bool survives(int64_t v)
{
    float f = (float)v;
    return f < 0x1p63f && (int64_t)f == v;
}

bool wf_fits_f32(const struct weft_file_tensor *t)
{
    int64_t n = wf_shape_count(t->ndim, t->shape);
    bool fits = true;
    for (int64_t i = 0; fits && i < n && t->dtype == WEFT_I64; i++)
        fits = survives(((const int64_t *)t->data)[i]);
    for (int64_t i = 0; fits && i < n && t->dtype == WEFT_I32; i++)
        fits = survives(((const int32_t *)t->data)[i]);
    return fits;
}

#define EACH(type, expression)            \
    do {                                  \
        const type *x = t->data;          \
        for (int64_t i = 0; i < n; i++)   \
            out[i] = (float)(expression); \
    } while (0)

void wf_to_f32(const struct weft_file_tensor *t, int64_t n, float *out)
{
    switch (t->dtype) {
    case WEFT_DTYPE_NONE:
        break;
    case WEFT_F64:
        EACH(double, x[i]);
        break;
    case WEFT_F32:
        EACH(float, x[i]);
        break;
    case WEFT_F16:
        EACH(uint16_t, from_half(x[i]));
        break;
    case WEFT_BF16:
        EACH(uint16_t, from_bits((uint32_t)x[i] << 16));
        break;
    case WEFT_I64:
        EACH(int64_t, x[i]);
        break;
    case WEFT_I32:
        EACH(int32_t, x[i]);
        break;
    case WEFT_I8:
        EACH(int8_t, x[i]);
        break;
    case WEFT_U8:
        EACH(uint8_t, x[i]);
        break;
    case WEFT_BOOL:
        EACH(uint8_t, x[i] != 0);
        break;
    }
}
