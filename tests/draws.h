// What a draw is, by the scalar Philox in C.
#ifndef TESTS_DRAWS_H
#define TESTS_DRAWS_H
#include "philox.h"
#include <math.h>

struct draw {
    uint64_t key, high;
};

// Draw n of a scope.
static inline struct draw draw_of(uint64_t seed, uint64_t stream, uint64_t n)
{
    struct philox r = philox(seed, stream, n);
    return (struct draw){r.v[0] | (uint64_t)r.v[1] << 32, r.v[2] | (uint64_t)r.v[3] << 32};
}

// That of element i where a counter makes four numbers of 32 bits.
static inline uint32_t draw_number(struct draw d, int64_t i)
{
    uint64_t counter = (uint64_t)(i / 64 * 16 + i % 16);
    return philox(d.key, counter, d.high).v[i / 16 % 4];
}

// That of element i where it makes two of 64 bits.
static inline uint64_t draw_long_number(struct draw d, int64_t i)
{
    int64_t j = i / 16 % 2 * 2;
    struct philox r = philox(d.key, (uint64_t)(i / 32 * 16 + i % 16), d.high);
    return r.v[j] | (uint64_t)r.v[j + 1] << 32;
}

// Uniform in [0, 1).
static inline double draw_unit(struct draw d, int64_t i)
{
    return (draw_number(d, i) >> 8) * 0x1p-24;
}

// Standard normal: elements 16 apart share a radius and an angle.
static inline double draw_normal(struct draw d, int64_t i)
{
    int64_t first = i - i / 16 % 2 * 16;
    double u = (double)fmaf((float)(int32_t)(draw_number(d, first) >> 1), 0x1p-31f, 0x1p-32f);
    double angle = draw_number(d, first + 16) * 0x1p-32 * 6.283185307179586;
    return sqrt(-2 * log(u)) * (first == i ? cos(angle) : sin(angle));
}

static inline long double draw_long_normal(struct draw d, int64_t i)
{
    int64_t first = i - i / 16 % 2 * 16;
    double u = fma((double)(draw_long_number(d, first) >> 11), 0x1p-53, 0x1p-54);
    long double angle = draw_long_number(d, first + 16) * 0x1p-64L * 6.283185307179586476925L;
    return sqrtl(-2 * logl(u)) * (first == i ? cosl(angle) : sinl(angle));
}

#endif
