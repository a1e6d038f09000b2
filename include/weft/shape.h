// The same elements in other shapes and places. What holds for every operation stands in op.h.
//
// All dtypes are taken. What is called a view below copies nothing and launches nothing: it reads x
// where it lies.
#ifndef WEFT_SHAPE_H
#define WEFT_SHAPE_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// The same elements in another shape; one dimension may be -1 and is worked out. A view, unless x
// is one itself that strides cannot express in this shape: then x is copied.
WEFT_API weft_tensor *weft_reshape(weft_scope *s, const weft_tensor *x, int ndim,
                                   const int64_t *shape);
// Dimensions from `first` to the last as one: [batch, 1, 28, 28] with first = 1 -> [batch, 784].
// A view where strides allow it, as of weft_reshape().
WEFT_API weft_tensor *weft_flatten(weft_scope *s, const weft_tensor *x, int first);
// Without the dimension `axis`, which must be 1 (WEFT_SHAPE). A view.
WEFT_API weft_tensor *weft_squeeze(weft_scope *s, const weft_tensor *x, int axis);
// With a dimension of 1 that becomes dimension `axis` of the result; -1 is the last. A view.
WEFT_API weft_tensor *weft_unsqueeze(weft_scope *s, const weft_tensor *x, int axis);
// With two dimensions exchanged. A view.
WEFT_API weft_tensor *weft_transpose(weft_scope *s, const weft_tensor *x, int axis0, int axis1);
// With the dimensions in another order: dimension i of the result is axes[i] of x. `axes` [ndim],
// of as many as x has, lists each once (WEFT_PARAM). A view.
WEFT_API weft_tensor *weft_permute(weft_scope *s, const weft_tensor *x, int ndim, const int *axes);
// Repeated to a shape that x broadcasts to. A view.
WEFT_API weft_tensor *weft_expand(weft_scope *s, const weft_tensor *x, int ndim,
                                  const int64_t *shape);

// Elements start .. stop-1 along an axis, x[start:stop] of Python: negative numbers count from the
// end, and what is out of range is clamped, so that INT64_MAX is the end; nothing is left where
// stop is not behind start. A view. The gradient is zero outside of the slice.
WEFT_API weft_tensor *weft_slice(weft_scope *s, const weft_tensor *x, int axis, int64_t start,
                                 int64_t stop);
// Likewise every `step`th, x[start:stop:step]. A negative step goes down from start to the last
// before stop, so that INT64_MIN as stop takes the first in; then the result is a copy. A step of 0
// is WEFT_PARAM.
struct weft_range {
    int64_t start, stop, step;
};
WEFT_API weft_tensor *weft_slice_step(weft_scope *s, const weft_tensor *x, int axis,
                                      struct weft_range range);
// Leaves in out[0 .. n-1] parts of these sizes along an axis, one after the other; the sizes must
// add up to x's (WEFT_SHAPE). Views. False after an error.
struct weft_sizes {
    int n;
    const int64_t *size; // [n]
};
WEFT_API bool weft_split(weft_scope *s, const weft_tensor *x, int axis, struct weft_sizes sizes,
                         weft_tensor **out);
// In parts of equal size, but for a last one that may be shorter: as few, at most n, as parts of
// ceil(size / n) elements make. Returns how many, 0 after an error; `out` has room for n. Views.
WEFT_API int weft_chunk(weft_scope *s, const weft_tensor *x, int axis, int n, weft_tensor **out);

// The x[0 .. n-1], at least one, after each other along an axis. They have one dtype, and shapes
// that differ only there; they may be empty. Each is copied once.
WEFT_API weft_tensor *weft_concat(weft_scope *s, int n, const weft_tensor *const *x, int axis);
// The x[0 .. n-1], of one dtype and shape, along a new dimension, which becomes dimension `axis` of
// the result; -1 is the last.
WEFT_API weft_tensor *weft_stack(weft_scope *s, int n, const weft_tensor *const *x, int axis);

// What stands in the padding of x[0 .. n-1] along an axis, at index i < 0 or i >= n.
enum weft_pad_mode {
    WEFT_PAD_CONSTANT,  // the value
    WEFT_PAD_REFLECT,   // mirrored at the first and the last, x[1] at -1; at most n - 1 on a side
    WEFT_PAD_REPLICATE, // the first or the last; x must not be empty
    WEFT_PAD_CIRCULAR   // from the other end, x[n - 1] at -1; at most n on a side
};
// Pads the last `ndim` dimensions: `before` [ndim] and `after` [ndim] say by how much on each side,
// outermost first; NULL is none. A negative number crops instead: before anything is added, but
// WEFT_PAD_REFLECT and WEFT_PAD_REPLICATE add from the whole x and crop that. Padding that a mode
// cannot make is WEFT_PARAM, cropping more than there is WEFT_SHAPE. Nothing is copied where
// nothing is added. The gradient of an element is the sum of those of its copies, in the same order
// every run.
struct weft_pad_params {
    size_t size;
    int ndim; // [0: nothing is padded]
    const int64_t *before, *after;
    enum weft_pad_mode mode; // [WEFT_PAD_CONSTANT]
    double value;            // of WEFT_PAD_CONSTANT [0]
};
#define weft_pad_params(...) WEFT_PARAMS(weft_pad_params, __VA_ARGS__)
WEFT_API weft_tensor *weft_pad(weft_scope *s, const weft_tensor *x,
                               const struct weft_pad_params *o);

// With the order of the elements reversed along the axes listed, each once (WEFT_PARAM). A copy.
WEFT_API weft_tensor *weft_flip(weft_scope *s, const weft_tensor *x, int naxes, const int *axes);
// Moved on by `shift` places along an axis; what leaves one end comes in at the other. Element i
// goes to (i + shift) mod n. A copy, unless nothing moves.
WEFT_API weft_tensor *weft_roll(weft_scope *s, const weft_tensor *x, int axis, int64_t shift);

// The lower triangle of the last two dimensions: 0 where column > row + diagonal. At least two
// dimensions (WEFT_SHAPE).
WEFT_API weft_tensor *weft_tril(weft_scope *s, const weft_tensor *x, int64_t diagonal);
// The upper triangle: 0 where column < row + diagonal.
WEFT_API weft_tensor *weft_triu(weft_scope *s, const weft_tensor *x, int64_t diagonal);

// x without its history: no gradient flows through it.
WEFT_API weft_tensor *weft_detach(weft_scope *s, const weft_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
