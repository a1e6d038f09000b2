// Reductions. What holds for every operation stands in op.h.
#ifndef WEFT_REDUCE_H
#define WEFT_REDUCE_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// Reductions over the axes listed in `axes` [naxes]; with naxes 0 over all of them. The reduced
// dimensions vanish, or stay as 1 with keep_dims. Sums are in float for F32, F16 and BF16 (pairwise
// over blocks of fixed size: the same bits every run), in double for F64, in 64 bits for integers
// and BOOL, whose sum is I64. The sum of nothing is 0, the mean of nothing NaN.
struct weft_reduce_params {
    size_t size;
    const int *axes;
    int naxes;
    bool keep_dims; // [no]
};
#define weft_reduce_params(...) WEFT_PARAMS(weft_reduce_params, __VA_ARGS__)
WEFT_API weft_tensor *weft_sum(weft_scope *s, const weft_tensor *x,
                               const struct weft_reduce_params *o);
// The mean of a floating tensor; the largest element, NaN if there is one (no empty reduction).
WEFT_API weft_tensor *weft_mean(weft_scope *s, const weft_tensor *x,
                                const struct weft_reduce_params *o);
WEFT_API weft_tensor *weft_max(weft_scope *s, const weft_tensor *x,
                               const struct weft_reduce_params *o);
// The index along `axis` of the largest element as I64; of equal ones the first; of NaN if there is
// one. The axis vanishes and must not be empty.
WEFT_API weft_tensor *weft_argmax(weft_scope *s, const weft_tensor *x, int axis);

#ifdef __cplusplus
}
#endif
#endif
