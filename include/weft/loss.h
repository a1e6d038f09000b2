// Losses. What holds for every operation stands in op.h.
#ifndef WEFT_LOSS_H
#define WEFT_LOSS_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// Mean over the batch of -log softmax(x)[label]. x [batch, class] F32 or F64, label I64 [batch] ->
// scalar. A label outside 0 .. class-1 makes the loss NaN.
WEFT_API weft_tensor *weft_cross_entropy(weft_scope *s, const weft_tensor *x,
                                         const weft_tensor *label);

#ifdef __cplusplus
}
#endif
#endif
