// The model that early_stopping.c trains and predict.c uses: what two programs must agree on.
#ifndef EXAMPLES_MODEL_H
#define EXAMPLES_MODEL_H
#include <weft/weft.h>

// Images [batch, 1, 28, 28] with pixels in 0 .. 1 -> a number for each of ten classes.
static inline weft_tensor *model(weft_scope *s, weft_params *p, const weft_tensor *x)
{
    x = weft_flatten(s, x, 1);
    x = weft_relu(s, weft_linear(s, p, "fc1", x, weft_linear_params(.out = 128)));
    return weft_linear(s, p, "fc2", x, weft_linear_params(.out = 10));
}

#endif
