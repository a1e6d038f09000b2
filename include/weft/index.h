// Picking by an index, and adding by one. What holds for every operation stands in op.h.
#ifndef WEFT_INDEX_H
#define WEFT_INDEX_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// An index is I64 or I32 and counts from 0 along an axis. One that is negative or too large is no
// error, unlike in PyTorch, since a device could not say so without a wait: what is read there is
// NaN in floating dtypes and 0 in others, and what would be added there is left out. WEFT_DTYPE for
// any other dtype of an index.
//
// Sums are made in a fixed order, without atomics: the same bits in every run and on every device.
// F16 and BF16 are added as floats and rounded once; integers wrap around.

// y[..., i, ...] = x[..., index[..., i, ...], ...] with i along `axis`: one element for each of the
// index, whose shape y has. x and the index have as many dimensions; those of the index are at most
// those of x but for the axis. Any dtype. The gradient is added up where x was read.
WEFT_API weft_tensor *weft_gather(weft_scope *s, const weft_tensor *x, int axis,
                                  const weft_tensor *index);
// x with src[..., i, ...] added at [..., index[..., i, ...], ...] for each element of src in order,
// i along `axis`. The index has the shape of src; its dimensions are at most those of x but for the
// axis. x and src have one dtype, not BOOL. The gradient of src is gathered, and 0 where the index
// is outside.
WEFT_API weft_tensor *weft_scatter_add(weft_scope *s, const weft_tensor *x, int axis,
                                       const weft_tensor *index, const weft_tensor *src);
// y[..., i, ...] = x[..., index[i], ...]: whole slices of x along `axis`, which has n elements
// then. index: [n]. Any dtype.
WEFT_API weft_tensor *weft_index_select(weft_scope *s, const weft_tensor *x, int axis,
                                        const weft_tensor *index);
// Rows of weight [rows, width] for an index of any shape [...]: [..., width]. The row `padding` is
// read as any other, but its gradient stays zero; -1 for no such row. WEFT_PARAM if there is none
// of this number.
WEFT_API weft_tensor *weft_embedding(weft_scope *s, const weft_tensor *weight,
                                     const weft_tensor *index, int64_t padding);
// y[..., c] = 1 where c == index[...], else 0, c = 0 .. classes-1; a row of zeros for an index
// outside. [..., classes] of the dtype, 0 for I64. No gradient flows.
WEFT_API weft_tensor *weft_one_hot(weft_scope *s, const weft_tensor *index, int64_t classes,
                                   enum weft_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif
