// Sorting. What holds for every operation stands in op.h.
#ifndef WEFT_SORT_H
#define WEFT_SORT_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// For each row of x along `axis`, where the elements of the sorted row lie in it: I64 of the shape
// of x, of any dtype. The order ascends, or descends. It is stable: equal elements stay in the
// order of x, either way. NaN is the largest, and -0 equals 0. No gradient flows. The axis is
// WEFT_PARAM if x has no such one.
WEFT_API weft_tensor *weft_argsort(weft_scope *s, const weft_tensor *x, int axis, bool descending);

#ifdef __cplusplus
}
#endif
#endif
