// Tensors from nothing. What holds for every operation stands in op.h.
#ifndef WEFT_FILL_H
#define WEFT_FILL_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// Every element the same value; floating, integer or BOOL.
WEFT_API weft_tensor *weft_full(weft_scope *s, enum weft_dtype dtype, int ndim,
                                const int64_t *shape, double value);

#ifdef __cplusplus
}
#endif
#endif
