// Losses. What holds for every operation stands in op.h.
//
// A loss compares x with a target, element by element or class by class, and reduces what it finds.
// Both have one floating dtype, which the result has too, and one shape, unless said otherwise:
// nothing is broadcast but the weight. F16 and BF16 are computed in float. The target has a
// gradient as well, the weights have none.
//
// An option that a loss does not name is an error where it is not zero.
#ifndef WEFT_LOSS_H
#define WEFT_LOSS_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// The mean and the sum are scalars. The mean of nothing is NaN, the sum of nothing 0.
enum weft_loss_reduction {
    WEFT_LOSS_MEAN,
    WEFT_LOSS_SUM,
    WEFT_LOSS_NONE,       // the loss of each element, or of each label
    WEFT_LOSS_BATCH_MEAN, // the sum divided by the first dimension; only of kl_div
};

struct weft_loss_params {
    size_t size;
    enum weft_loss_reduction reduction; // [mean]
    // Factors of the loss. Of bce and bce_with_logits: of a shape that broadcasts to that of x. Of
    // cross_entropy and nll: one for each class, [class]. [none]
    const weft_tensor *weight;
    const weft_tensor *pos_weight; // of bce_with_logits
    double smoothing;              // of cross_entropy, 0 .. 1
    double delta;                  // of huber, above 0; 0 is the default [1]
    double margin;                 // of hinge; 0 is the default [1]
    // Labels of cross_entropy and nll that count for nothing: those that are `ignored`. PyTorch's
    // default is to ignore -100; here it is none, and `ignored` without `ignore` is an error.
    bool ignore;
    int64_t ignored;
    bool log_target; // of kl_div
};
#define weft_loss_params(...) WEFT_PARAMS(weft_loss_params, __VA_ARGS__)

// (x - target)^2
WEFT_API weft_tensor *weft_mse(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                               const struct weft_loss_params *o);
// |x - target|; where they are equal the gradient is 0.
WEFT_API weft_tensor *weft_l1(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                              const struct weft_loss_params *o);
// With d = |x - target|: d < delta ? d^2 / 2 : delta (d - delta / 2).
WEFT_API weft_tensor *weft_huber(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                                 const struct weft_loss_params *o);
// max(0, margin - target x): x is a score, target -1 or 1. Where the two are equal the gradient is
// 0. (PyTorch's hinge_embedding_loss is another one: of distances.)
WEFT_API weft_tensor *weft_hinge(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                                 const struct weft_loss_params *o);

// -weight (target log(x) + (1 - target) log(1 - x)): x is a probability, target one as well. A
// logarithm below -100 counts as -100, and the gradient of x divides by 1e-12 at least; x outside
// 0 .. 1 gives NaN.
WEFT_API weft_tensor *weft_bce(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                               const struct weft_loss_params *o);
// Likewise of sigmoid(x), and exact for large |x|:
// -weight (pos_weight target log(sigmoid(x)) + (1 - target) log(1 - sigmoid(x)))
// pos_weight broadcasts to the shape of x, most often [class] to [batch, class].
WEFT_API weft_tensor *weft_bce_with_logits(weft_scope *s, const weft_tensor *x,
                                           const weft_tensor *target,
                                           const struct weft_loss_params *o);
// target (log(target) - x), 0 log(0) being 0: x is log-probabilities, target probabilities. With
// log_target it is log-probabilities too: e^target (target - x). The mean is over all elements, as
// in PyTorch; the divergence in the mathematical sense is WEFT_LOSS_BATCH_MEAN. The gradient of a
// target of 0 is that of the logarithm, infinite.
WEFT_API weft_tensor *weft_kl_div(weft_scope *s, const weft_tensor *x, const weft_tensor *target,
                                  const struct weft_loss_params *o);

// With p = softmax(x) over the classes and target labels, I64 or I32:
//     (1 - smoothing) w[label] (-log p[label]) + smoothing / classes * sum over c of w[c] (-log
//     p[c])
// x is [batch, class], [batch, class, d1, ...] or [class]; labels are x's shape without the class,
// and so is the result without reduction. There must be a class. The mean divides by the sum of
// w[label] over the labels that are not ignored, without weights by their number; NaN if there is
// none. An ignored label gives 0, and its row of the gradient is 0. Any other outside 0 .. class-1
// makes the loss NaN.
//
// With target probabilities t of x's shape and dtype:
//     sum over c of w[c] ((1 - smoothing) t[c] + smoothing / classes) (-log p[c])
// whose mean divides by the number of rows, whatever the weights; there is no `ignore`.
WEFT_API weft_tensor *weft_cross_entropy(weft_scope *s, const weft_tensor *x,
                                         const weft_tensor *target,
                                         const struct weft_loss_params *o);
// -w[label] x[label]: x is log-probabilities. Shapes, labels and mean as in cross_entropy.
WEFT_API weft_tensor *weft_nll(weft_scope *s, const weft_tensor *x, const weft_tensor *label,
                               const struct weft_loss_params *o);

#ifdef __cplusplus
}
#endif
#endif
