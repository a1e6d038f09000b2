// Matrix products. What holds for every operation stands in op.h.
#ifndef WEFT_MATMUL_H
#define WEFT_MATMUL_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// [..., m, k] by [..., k, n] -> [..., m, n]; the leading dimensions broadcast. A one-dimensional a
// is a row, b a column, and that dimension vanishes from the result. F32 or F64, accumulated in the
// same type. Transposed operands (weft_transpose) are read in place. k = 0 gives zeros.
WEFT_API weft_tensor *weft_matmul(weft_scope *s, const weft_tensor *a, const weft_tensor *b);

#ifdef __cplusplus
}
#endif
#endif
