// Softmax. What holds for every operation stands in op.h.
#ifndef WEFT_SOFTMAX_H
#define WEFT_SOFTMAX_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// exp(x) / sum(exp(x)) along `axis` of a floating tensor, in x's shape and dtype; large values do
// not overflow. Where all of a row is -INFINITY, or some of it INFINITY or NaN, the row is NaN. The
// gradient of x is y (g - sum(g y)).
WEFT_API weft_tensor *weft_softmax(weft_scope *s, const weft_tensor *x, int axis);
// Its logarithm x - log(sum(exp(x))), exact where softmax would be 0. The gradient of x is
// g - exp(y) sum(g).
WEFT_API weft_tensor *weft_log_softmax(weft_scope *s, const weft_tensor *x, int axis);

#ifdef __cplusplus
}
#endif
#endif
