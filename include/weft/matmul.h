// Matrix products. What holds for every operation stands in op.h.
#ifndef WEFT_MATMUL_H
#define WEFT_MATMUL_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// [..., m, k] by [..., k, n] -> [..., m, n]; the leading dimensions broadcast. A one-dimensional a
// is a row, b a column, and that dimension vanishes from the result. Both are of the same dtype,
// any but BOOL, and so is the result. F32 and F64 are accumulated in themselves; F16 and BF16 in
// float, and rounded once; of integers, what exceeds the dtype is cut off, modulo 2^bits.
// Transposed operands (weft_transpose) are read in place. k = 0 gives zeros. WEFT_DTYPE where the
// dtypes differ or are BOOL; WEFT_SHAPE where an operand is a scalar, a has not as many columns as
// b has rows, or the leading dimensions don't broadcast.
//
// Which of its variants runs is what was measured to be the fastest, where that was (tune.h), and
// else a rule's choice. By the rule, on a GPU F32 and F64 go to CLBlast where it is installed
// (Debian: libclblast1), once its products were compared with weft's own on that device; clblast of
// the device's params leaves it out, or takes it on other devices too.
//
// GPUs with matrix instructions (NVIDIA from compute capability 8.0, AMD gfx90a, gfx94 and gfx11,
// Intel's) use them for F16, BF16 and F32, likewise once compared. F32 stays as exact as float
// unless f32_products of the device's params says otherwise.
//
// On CPUs, a parameter that is b, as it lies or transposed, is kept packed as well from the second
// product that reads one of its versions: a copy of about its size, which goes when the parameter
// changes or goes, and before an allocation fails. All products with it have the same bits.
//
// Elementwise calls that follow are merged into the product where nothing else reads what is in
// between (tensor.h): scale, bias, residual, activation, a cast at the end.
WEFT_API weft_tensor *weft_matmul(weft_scope *s, const weft_tensor *a, const weft_tensor *b);

// The product of bytes as 32-bit integers: c[..., m, n] = sum over k of a[..., m, k] b[..., k, n],
// exactly; what exceeds I32 is cut off, modulo 2^32, which takes more than 33000 terms. a and b are
// I8 or U8, each by itself; c is I32. Shapes, broadcasting and transposed operands are those of
// weft_matmul. It has no gradient: bytes carry none. WEFT_DTYPE where an operand is neither I8 nor
// U8; WEFT_SHAPE as for weft_matmul.
//
// Numbers that are quantized with a zero point, (a - za) (b - zb), are these products less za times
// the sums of the columns of b and zb times those of the rows of a, plus k za zb.
WEFT_API weft_tensor *weft_matmul_int(weft_scope *s, const weft_tensor *a, const weft_tensor *b);

#ifdef __cplusplus
}
#endif
#endif
