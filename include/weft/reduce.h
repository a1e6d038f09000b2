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
// The mean of a floating tensor.
WEFT_API weft_tensor *weft_mean(weft_scope *s, const weft_tensor *x,
                                const struct weft_reduce_params *o);
// The product; of integers and BOOL I64, which wraps; of nothing 1. The gradient of an element is
// the product of the others, where some are 0 too.
WEFT_API weft_tensor *weft_prod(weft_scope *s, const weft_tensor *x,
                                const struct weft_reduce_params *o);
// The largest and the smallest element, in x's dtype; NaN if there is one. Equal ones share the
// gradient. WEFT_SHAPE where nothing is reduced.
WEFT_API weft_tensor *weft_max(weft_scope *s, const weft_tensor *x,
                               const struct weft_reduce_params *o);
WEFT_API weft_tensor *weft_min(weft_scope *s, const weft_tensor *x,
                               const struct weft_reduce_params *o);
// Is any element not 0, are all of them, as BOOL, of any dtype; NaN is not 0. Of nothing: any is
// false, all is true. No gradient.
WEFT_API weft_tensor *weft_any(weft_scope *s, const weft_tensor *x,
                               const struct weft_reduce_params *o);
WEFT_API weft_tensor *weft_all(weft_scope *s, const weft_tensor *x,
                               const struct weft_reduce_params *o);
// The index along `axis` of the largest, of the smallest element as I64; of equal ones the first;
// of NaN if there is one. The axis vanishes and must not be empty. No gradient.
WEFT_API weft_tensor *weft_argmax(weft_scope *s, const weft_tensor *x, int axis);
WEFT_API weft_tensor *weft_argmin(weft_scope *s, const weft_tensor *x, int axis);
// The variance sum((x - mean)^2) / max(n - correction, 0) of a floating tensor, and its square
// root. A correction of 1, PyTorch's default, estimates from a sample without bias; 0 is for all
// there is. Where n - correction is not positive: NaN if the sum is 0, else infinity. The gradient
// of the root is 0 where y is 0. WEFT_PARAM if the correction is not finite.
WEFT_API weft_tensor *weft_var(weft_scope *s, const weft_tensor *x, double correction,
                               const struct weft_reduce_params *o);
WEFT_API weft_tensor *weft_std(weft_scope *s, const weft_tensor *x, double correction,
                               const struct weft_reduce_params *o);
// The norm sum(|x|^p)^(1/p) of a floating tensor; p = 0: how many are not 0; p infinite: the
// largest, or with -INFINITY the smallest, |x|, of which equal ones share the gradient. p = 2 is
// the Euclidean norm. The gradient is 0 where x or y is 0, and of p = 0. WEFT_PARAM if p is NaN,
// WEFT_SHAPE if p is infinite and nothing is reduced.
WEFT_API weft_tensor *weft_norm(weft_scope *s, const weft_tensor *x, double p,
                                const struct weft_reduce_params *o);
// log(sum(exp(x))) of a floating tensor, without overflow; of nothing -INFINITY. The gradient is
// exp(x - y).
WEFT_API weft_tensor *weft_logsumexp(weft_scope *s, const weft_tensor *x,
                                     const struct weft_reduce_params *o);

// The sum along `axis` of each element and all before it, in x's shape; of integers and BOOL I64.
// It computes as weft_sum does. The gradient is the same sum from the end.
WEFT_API weft_tensor *weft_cumsum(weft_scope *s, const weft_tensor *x, int axis);

#ifdef __cplusplus
}
#endif
#endif
