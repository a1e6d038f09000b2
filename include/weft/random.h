// Random tensors and dropout. What holds for every operation stands in op.h.
//
// Each call is a draw. Its numbers are those of Philox4x32-10 (Salmon et al., 2011) for the scope's
// seed and stream (weft_scope_params) and the number of the draw in the scope, from 0 on, which
// neither a reset nor a clear rewinds. So a program draws the same numbers every run, whatever else
// runs between, however it is merged, and wherever: uniform numbers have the same bits on every
// device, normal ones differ by rounding at most, a few units in the last place. What is computed
// again (weft_checkpoint) draws the same again. A call that fails is no draw.
//
// Scopes of one seed and stream draw the same numbers; another stream's are independent.
#ifndef WEFT_RANDOM_H
#define WEFT_RANDOM_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// Uniform in lo .. hi without hi: lo + (hi - lo) u, where u is a multiple of 2^-24 in [0, 1), of
// F64 of 2^-53, of F16 2^-11, of BF16 2^-8. Where lo is not 0, rounding may give hi itself.
// Floating. WEFT_PARAM unless lo <= hi and both and their distance are finite numbers of the dtype.
WEFT_API weft_tensor *weft_uniform(weft_scope *s, enum weft_dtype dtype, int ndim,
                                   const int64_t *shape, double lo, double hi);

// Normal: mean + std z, z standard normal, at most 6.7 from 0 (of F64, 8.7). Floating. WEFT_PARAM
// unless both are finite numbers of the dtype and std >= 0.
WEFT_API weft_tensor *weft_normal(weft_scope *s, enum weft_dtype dtype, int ndim,
                                  const int64_t *shape, double mean, double std);

// Whole numbers in 0 .. limit - 1, equally likely to within limit / 2^64; I8, U8, I32 or I64.
// WEFT_PARAM unless limit >= 1 and limit - 1 is a number of the dtype.
WEFT_API weft_tensor *weft_random_int(weft_scope *s, enum weft_dtype dtype, int ndim,
                                      const int64_t *shape, int64_t limit);

// 1 with probability p, else 0, of p's shape and floating dtype: 1 where u < p, with u a multiple
// of 2^-24 in [0, 1). So p <= 0 gives 0 and p >= 1 gives 1; NaN stays NaN. No gradient flows
// through. With one probability for all,
//     weft_bernoulli(s, weft_expand(s, weft_full(s, WEFT_F32, 0, NULL, 0.3), ndim, shape))
// takes no memory for it.
WEFT_API weft_tensor *weft_bernoulli(weft_scope *s, const weft_tensor *p);

// The numbers 0 .. n-1 in a random order; I64 [n]. Up to 256 numbers every order is equally likely;
// more are put in order by a keyed function of their place, one of 2^128. WEFT_PARAM if n < 0.
WEFT_API weft_tensor *weft_permutation(weft_scope *s, int64_t n);

// In a scope that trains: x / (1 - p) where u >= p, else 0, with u as in weft_bernoulli and a draw
// of its own: each element is dropped with probability p, and the expectation stays x. p = 1 gives
// zeros. NaN and infinity are dropped to NaN, as in PyTorch. The gradient is kept and dropped
// likewise. In a scope that does not train, and for p = 0, it is x itself and no draw. Floating.
// WEFT_PARAM unless 0 <= p <= 1.
WEFT_API weft_tensor *weft_dropout(weft_scope *s, const weft_tensor *x, double p);

#ifdef __cplusplus
}
#endif
#endif
