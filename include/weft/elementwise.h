// Elementwise operations and casts. What holds for every operation stands in op.h.
#ifndef WEFT_ELEMENTWISE_H
#define WEFT_ELEMENTWISE_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// Elementwise, any floating dtype and shape. Where the derivative jumps, the gradient is PyTorch's.
WEFT_API weft_tensor *weft_neg(weft_scope *s, const weft_tensor *x);     // -x, integers too
WEFT_API weft_tensor *weft_abs(weft_scope *s, const weft_tensor *x);     // |x|, integers too
WEFT_API weft_tensor *weft_exp(weft_scope *s, const weft_tensor *x);     // e^x
WEFT_API weft_tensor *weft_expm1(weft_scope *s, const weft_tensor *x);   // e^x - 1, exact near 0
WEFT_API weft_tensor *weft_log(weft_scope *s, const weft_tensor *x);     // natural logarithm
WEFT_API weft_tensor *weft_log1p(weft_scope *s, const weft_tensor *x);   // log(1 + x), exact near 0
WEFT_API weft_tensor *weft_sqrt(weft_scope *s, const weft_tensor *x);    // square root
WEFT_API weft_tensor *weft_rsqrt(weft_scope *s, const weft_tensor *x);   // 1 / sqrt(x)
WEFT_API weft_tensor *weft_square(weft_scope *s, const weft_tensor *x);  // x^2, integers too
WEFT_API weft_tensor *weft_sin(weft_scope *s, const weft_tensor *x);     // sine
WEFT_API weft_tensor *weft_cos(weft_scope *s, const weft_tensor *x);     // cosine
WEFT_API weft_tensor *weft_tan(weft_scope *s, const weft_tensor *x);     // tangent
WEFT_API weft_tensor *weft_asin(weft_scope *s, const weft_tensor *x);    // arc sine
WEFT_API weft_tensor *weft_acos(weft_scope *s, const weft_tensor *x);    // arc cosine
WEFT_API weft_tensor *weft_atan(weft_scope *s, const weft_tensor *x);    // arc tangent
WEFT_API weft_tensor *weft_sinh(weft_scope *s, const weft_tensor *x);    // hyperbolic sine
WEFT_API weft_tensor *weft_cosh(weft_scope *s, const weft_tensor *x);    // hyperbolic cosine
WEFT_API weft_tensor *weft_tanh(weft_scope *s, const weft_tensor *x);    // hyperbolic tangent
WEFT_API weft_tensor *weft_sigmoid(weft_scope *s, const weft_tensor *x); // 1 / (1 + e^-x)
WEFT_API weft_tensor *weft_softplus(weft_scope *s,
                                    const weft_tensor *x); // log(1 + e^x), does not overflow
WEFT_API weft_tensor *weft_softsign(weft_scope *s, const weft_tensor *x); // x / (1 + |x|)
WEFT_API weft_tensor *weft_relu(weft_scope *s, const weft_tensor *x);     // max(x, 0), integers too
WEFT_API weft_tensor *weft_selu(
    weft_scope *s, const weft_tensor *x); // l (x > 0 ? x : a (e^x - 1)), l 1.0507..., a 1.6732...
WEFT_API weft_tensor *weft_gelu(weft_scope *s,
                                const weft_tensor *x); // x P(X <= x), X standard normal
// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), the approximation of weft_gelu() of the first
// GPTs and BERT
WEFT_API weft_tensor *weft_gelu_tanh(weft_scope *s, const weft_tensor *x);
WEFT_API weft_tensor *weft_silu(weft_scope *s, const weft_tensor *x); // x sigmoid(x)
WEFT_API weft_tensor *weft_mish(weft_scope *s, const weft_tensor *x); // x tanh(softplus(x))
WEFT_API weft_tensor *weft_hardsigmoid(weft_scope *s,
                                       const weft_tensor *x); // min(max(x / 6 + 1/2, 0), 1)
WEFT_API weft_tensor *weft_hardswish(weft_scope *s, const weft_tensor *x); // x hardsigmoid(x)
WEFT_API weft_tensor *weft_erf(weft_scope *s, const weft_tensor *x);       // the error function
// Steps, integers too (those that round leave them as they are); the gradient is zero everywhere.
WEFT_API weft_tensor *weft_sign(weft_scope *s,
                                const weft_tensor *x);                 // -1, 0, 1, or NaN
WEFT_API weft_tensor *weft_floor(weft_scope *s, const weft_tensor *x); // to the next integer below
WEFT_API weft_tensor *weft_ceil(weft_scope *s, const weft_tensor *x);  // to the next integer above
WEFT_API weft_tensor *weft_round(weft_scope *s,
                                 const weft_tensor *x); // to the nearest integer, halves to even
WEFT_API weft_tensor *weft_trunc(weft_scope *s, const weft_tensor *x); // towards zero
// x * factor. Of integers, the factor is rounded towards zero first.
WEFT_API weft_tensor *weft_scale(weft_scope *s, const weft_tensor *x, double factor);
// x > 0 ? x : slope * x. PyTorch's default slope is 0.01.
WEFT_API weft_tensor *weft_leaky_relu(weft_scope *s, const weft_tensor *x, double slope);
// x > 0 ? x : alpha (e^x - 1). PyTorch's default alpha is 1.
WEFT_API weft_tensor *weft_elu(weft_scope *s, const weft_tensor *x, double alpha);
// x > 0 ? x : alpha (e^(x / alpha) - 1). PyTorch's default alpha is 1. WEFT_PARAM if alpha is 0.
WEFT_API weft_tensor *weft_celu(weft_scope *s, const weft_tensor *x, double alpha);
// log(1 + e^(beta x)) / beta, and x where beta x > threshold. PyTorch's defaults are 1 and 20.
// WEFT_PARAM if beta is 0 or not finite, or threshold is NaN.
WEFT_API weft_tensor *weft_softplus_beta(weft_scope *s, const weft_tensor *x, double beta,
                                         double threshold);
// min(max(x, lo), hi), integers too; lo or hi may be infinite. The gradient is that of x where
// lo <= x <= hi, else 0. WEFT_PARAM if lo > hi or one is NaN.
WEFT_API weft_tensor *weft_clamp(weft_scope *s, const weft_tensor *x, double lo, double hi);

// Elementwise with broadcasting; a and b of one dtype, which the result has too. Integer division
// rounds towards zero; by zero it gives 0.
WEFT_API weft_tensor *weft_add(weft_scope *s, const weft_tensor *a, const weft_tensor *b); // a + b
WEFT_API weft_tensor *weft_sub(weft_scope *s, const weft_tensor *a, const weft_tensor *b); // a - b
WEFT_API weft_tensor *weft_mul(weft_scope *s, const weft_tensor *a, const weft_tensor *b); // a * b
WEFT_API weft_tensor *weft_div(weft_scope *s, const weft_tensor *a, const weft_tensor *b); // a / b
// a - b floor(a / b), with the sign of b, as Python's %. Of integers, a mod 0 is a.
WEFT_API weft_tensor *weft_mod(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
// a - b trunc(a / b), with the sign of a, as C's fmod. Of integers, a fmod 0 is a.
WEFT_API weft_tensor *weft_fmod(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
// floor(a / b) of the exact quotient, as Python's //, integers too; the gradient is zero
// everywhere. For a division that rounds towards zero, weft_trunc() of weft_div().
WEFT_API weft_tensor *weft_floor_div(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
// The smaller and the larger one; NaN if one is. Equal ones share the gradient.
WEFT_API weft_tensor *weft_minimum(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
WEFT_API weft_tensor *weft_maximum(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
// a^b. Of integers, modulo 2 to the power of their bits; with b < 0 it is 0, but for a = 1 and -1.
WEFT_API weft_tensor *weft_pow(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
// The angle of the point (b, a) in -pi .. pi; floating.
WEFT_API weft_tensor *weft_atan2(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
// a == b, a != b, a < b, a <= b, a > b, a >= b as BOOL. NaN equals nothing and has no order.
WEFT_API weft_tensor *weft_eq(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
WEFT_API weft_tensor *weft_ne(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
WEFT_API weft_tensor *weft_lt(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
WEFT_API weft_tensor *weft_le(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
WEFT_API weft_tensor *weft_gt(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
WEFT_API weft_tensor *weft_ge(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
// Logic on any dtype, as BOOL; what is not 0 is true, NaN too.
WEFT_API weft_tensor *weft_logical_and(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
WEFT_API weft_tensor *weft_logical_or(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
WEFT_API weft_tensor *weft_logical_xor(weft_scope *s, const weft_tensor *a, const weft_tensor *b);
WEFT_API weft_tensor *weft_logical_not(weft_scope *s, const weft_tensor *x);
// condition ? a : b, all three broadcast; condition BOOL, a and b of any one dtype.
WEFT_API weft_tensor *weft_where(weft_scope *s, const weft_tensor *condition, const weft_tensor *a,
                                 const weft_tensor *b);

// x as another dtype. Floating to integer rounds towards zero and saturates, NaN gives 0; to BOOL:
// x != 0. A cast to x's own dtype is x.
WEFT_API weft_tensor *weft_cast(weft_scope *s, const weft_tensor *x, enum weft_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif
