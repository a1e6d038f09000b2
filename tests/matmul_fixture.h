// What the tests of matrix products share: values whose products are exact, and comparing bits.
#ifndef TESTS_MATMUL_FIXTURE_H
#define TESTS_MATMUL_FIXTURE_H
#include "core/scope.h"
#include "op/matmul.h"
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t random_state;

// Multiples of 1/64 in -1 .. 1: every dtype holds them, and float holds any sum of their products,
// so all ways to add give the same bits.
static inline float coarse(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (float)((int)((random_state >> 16) % 129) - 64) / 64;
}

static inline float *coarse_values(int64_t n)
{
    float *v = malloc((size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i++)
        v[i] = coarse();
    return v;
}

static inline weft_tensor *upload(enum weft_dtype dtype, int ndim, const int64_t *shape,
                                  const float *v)
{
    return weft_cast(s, weft_from_host(s, WEFT_F32, ndim, shape, v), dtype);
}

static inline weft_tensor *random_tensor(enum weft_dtype dtype, int ndim, const int64_t *shape)
{
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    float *v = coarse_values(n);
    weft_tensor *t = upload(dtype, ndim, shape, v);
    free(v);
    return t;
}

// The elements as float, owned by the caller.
static inline float *download(const weft_tensor *t)
{
    size_t bytes = (size_t)weft_count(t) * sizeof(float);
    float *v = malloc(bytes + 1);
    ck_assert_msg(weft_read(s, weft_cast(s, t, WEFT_F32), v, bytes), "%s",
                  weft_scope_error(s)->text);
    return v;
}

static inline void assert_same(const char *what, const weft_tensor *got, const weft_tensor *want)
{
    ck_assert_int_eq(got->dtype, want->dtype);
    ck_assert_int_eq(weft_count(got), weft_count(want));
    float *g = download(got), *w = download(want);
    for (int64_t i = 0; i < weft_count(want); i++)
        ck_assert_msg(!memcmp(&g[i], &w[i], sizeof *g), "%s, %s: y[%lld] got %.9g, want %.9g", what,
                      weft_dtype_name(got->dtype), (long long)i, (double)g[i], (double)w[i]);
    free(g);
    free(w);
}

// Calls check() for each of the dtypes that the device computes in.
static inline void check_dtypes(void (*check)(enum weft_dtype), int n, const enum weft_dtype *dtype)
{
    for (int i = 0; i < n; i++) {
        if (dtype[i] != WEFT_F64 || weft_device_has(dev, WEFT_CAP_F64))
            check(dtype[i]);
        ck_assert(weft_scope_reset(s));
    }
}
#define CHECK_DTYPES(check, ...)                                    \
    check_dtypes(check, sizeof((int[]){__VA_ARGS__}) / sizeof(int), \
                 (const enum weft_dtype[]){__VA_ARGS__})

// A tensor with storage to run a variant into; it holds sevens.
static inline struct wf_tensor *target(enum weft_dtype dtype, int ndim, const int64_t *shape)
{
    weft_tensor *c = weft_full(s, dtype, ndim, shape, 7);
    weft_want(s, c);
    ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
    return wf_tensor(c);
}

#endif
