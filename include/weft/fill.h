// Tensors from nothing. What holds for every operation stands in op.h.
#ifndef WEFT_FILL_H
#define WEFT_FILL_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// Every element the same value; floating, integer or BOOL. A floating dtype rounds it. An integer
// one drops what is behind the point, and takes its own nearest number where the value is out of
// range: 1.5 is 1 in I32, 300 is 255 in U8, NaN is 0. BOOL is false for 0 alone.
WEFT_API weft_tensor *weft_full(weft_scope *s, enum weft_dtype dtype, int ndim,
                                const int64_t *shape, double value);

// start, start + step, ... up to but without stop: [ceil((stop - start) / step)], empty where the
// step leads away from stop. Any dtype but BOOL; of an integer one start and step must be whole
// (WEFT_DTYPE), and what the dtype cannot hold wraps around. The three must be finite and the step
// not 0 (WEFT_PARAM). Each floating value is start + i step, rounded once.
WEFT_API weft_tensor *weft_arange(weft_scope *s, enum weft_dtype dtype, double start, double stop,
                                  double step);
// n numbers of a floating dtype, evenly spaced from start to stop, both among them: [n]. One number
// is start. Both must be finite.
WEFT_API weft_tensor *weft_linspace(weft_scope *s, enum weft_dtype dtype, double start, double stop,
                                    int64_t n);
// 1 on the main diagonal, 0 elsewhere: [rows, columns].
WEFT_API weft_tensor *weft_eye(weft_scope *s, enum weft_dtype dtype, int64_t rows, int64_t columns);

#ifdef __cplusplus
}
#endif
#endif
