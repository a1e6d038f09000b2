// The same elements in other shapes and places. What holds for every operation stands in op.h.
#ifndef WEFT_SHAPE_H
#define WEFT_SHAPE_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// The same elements in another shape; one dimension may be -1 and is worked out.
WEFT_API weft_tensor *weft_reshape(weft_scope *s, const weft_tensor *x, int ndim,
                                   const int64_t *shape);
// Dimensions from `first` to the last as one: [batch, 1, 28, 28] with first = 1 -> [batch, 784].
WEFT_API weft_tensor *weft_flatten(weft_scope *s, const weft_tensor *x, int first);
// With two dimensions exchanged.
WEFT_API weft_tensor *weft_transpose(weft_scope *s, const weft_tensor *x, int dim0, int dim1);
// Repeated to a shape that x broadcasts to.
WEFT_API weft_tensor *weft_expand(weft_scope *s, const weft_tensor *x, int ndim,
                                  const int64_t *shape);

// x without its history: no gradient flows through it.
WEFT_API weft_tensor *weft_detach(weft_scope *s, const weft_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
