// Optimizers: they change the parameters by their gradients.
#ifndef WEFT_OPTIM_H
#define WEFT_OPTIM_H
#include <weft/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

// Thread-safety: one thread at a time.
typedef struct weft_optim weft_optim;

// Stochastic gradient descent:
//   g += weight_decay * p;  v = momentum * v + g (v = g at the first step);
//   p -= lr * (nesterov ? g + momentum * v : v)
// as torch.optim.SGD.
struct weft_sgd_params {
    size_t size;
    double lr;           // step size [1e-2]
    double momentum;     // [0]
    double weight_decay; // [0]
    bool nesterov;       // needs a momentum [no]
};
#define weft_sgd_params(...) WEFT_PARAMS(weft_sgd_params, __VA_ARGS__)
WEFT_API weft_optim *weft_sgd_create(weft_params *p, const struct weft_sgd_params *o,
                                     struct weft_error *err);

// Adam (Kingma and Ba, 2015), with decoupled weight decay (Loshchilov and Hutter, 2019):
//   p -= lr * weight_decay * p;  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
//   p -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
// as torch.optim.AdamW; t counts the steps of each parameter.
struct weft_adam_params {
    size_t size;
    double lr;           // step size [1e-3]
    double beta1, beta2; // decay of the two moments [0.9, 0.999]
    double eps;          // [1e-8]
    double weight_decay; // [0]
};
#define weft_adam_params(...) WEFT_PARAMS(weft_adam_params, __VA_ARGS__)
WEFT_API weft_optim *weft_adam_create(weft_params *p, const struct weft_adam_params *o,
                                      struct weft_error *err);

// Changes the step size of the steps recorded from now on, for schedules; 0 is 0 here. A step with
// a negative one, or with NaN, is WEFT_PARAM.
WEFT_API void weft_optim_set_lr(weft_optim *o, double lr);
WEFT_API double weft_optim_lr(const weft_optim *o);
// Records the update of every parameter that has a gradient and is not frozen, then the clearing of
// the gradients. If anything recorded before it fails, no parameter changes; gradients may be there
// then: weft_zero_grad before the step is tried again.
WEFT_API bool weft_optim_step(weft_optim *o, weft_scope *s);
WEFT_API void weft_optim_destroy(weft_optim **o);

#ifdef __cplusplus
}
#endif
#endif
