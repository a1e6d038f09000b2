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

struct weft_sort_params {
    size_t size;
    bool descending;       // the largest first [the smallest]
    weft_tensor **indices; // gets what weft_argsort gives, NULL after an error [not given]
};
#define weft_sort_params(...) WEFT_PARAMS(weft_sort_params, __VA_ARGS__)
// The sorted values, of the shape and dtype of x. The gradient goes to where each value came from.
WEFT_API weft_tensor *weft_sort(weft_scope *s, const weft_tensor *x, int axis,
                                const struct weft_sort_params *o);

struct weft_topk_params {
    size_t size;
    bool smallest;         // not the largest, but these, ascending [no]
    weft_tensor **indices; // as of weft_sort [not given]
};
#define weft_topk_params(...) WEFT_PARAMS(weft_topk_params, __VA_ARGS__)
// The k largest of each row of x along `axis`, the largest first: the first k of weft_sort with
// `descending`, of equal ones those that come first in x. The axis has k elements then. WEFT_PARAM
// if it has fewer in x.
WEFT_API weft_tensor *weft_topk(weft_scope *s, const weft_tensor *x, int axis, int64_t k,
                                const struct weft_topk_params *o);

#ifdef __cplusplus
}
#endif
#endif
