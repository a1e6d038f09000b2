// What the tests of weft_map and weft_op share: an activation of the program's own, and inputs.
#ifndef TESTS_CUSTOM_FIXTURE_H
#define TESTS_CUSTOM_FIXTURE_H
#include "scope_fixture.h"
#include <math.h>

static const struct weft_map swish =
    WEFT_MAP(.name = "swish", .inputs = 1, .options = 1, .y = "x0 / (1 + exp(-a0 * x0))",
             .dx = {"g * (a0 * y + (1 - a0 * y) / (1 + exp(-a0 * x0)))"});

static inline weft_tensor *matrix(const float *v, int64_t rows, int64_t columns)
{
    return weft_from_host(s, WEFT_F32, 2, (int64_t[]){rows, columns}, v);
}

static inline void fill(float *v, int n, unsigned seed)
{
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = (float)(seed >> 8) / (1 << 22) - 2;
    }
}

static inline weft_tensor *swish_of(const weft_tensor *x, double a)
{
    return weft_map(s, &swish, &x, &a);
}

static inline double swish_on_host(double x, double a)
{
    return x / (1 + exp(-a * x));
}

#endif
