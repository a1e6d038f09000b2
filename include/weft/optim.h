// Optimizers: they change the parameters by their gradients. Schedules of the step size are in
// schedule.h, saving and resuming in resume.h.
#ifndef WEFT_OPTIM_H
#define WEFT_OPTIM_H
#include <weft/nn.h>

#ifdef __cplusplus
extern "C" {
#endif

// Formulas and defaults are those of torch.optim: p is a parameter, g its gradient; the moments
// begin as zeros. With `maximize`, -g stands for g, and what was to fall rises. Every number is
// finite and 0 or more, beta1, beta2, alpha and rho below 1; else WEFT_PARAM. An optimizer holds on
// to its params. Thread-safety: one thread at a time.
typedef struct weft_optim weft_optim;

// Stochastic gradient descent (torch.optim.SGD):
//   g += weight_decay * p
//   v = momentum * v + (1 - dampening) * g (v = g at the first step)
//   p -= lr * (nesterov ? g + momentum * v : v)
struct weft_sgd_params {
    size_t size;
    double lr;           // step size [1e-2]
    double momentum;     // [0]
    double weight_decay; // [0]
    bool nesterov;       // needs a momentum and no dampening [no]
    double dampening;    // at most 1 [0]
    bool maximize;       // [no]
};
#define weft_sgd_params(...) WEFT_PARAMS(weft_sgd_params, __VA_ARGS__)
WEFT_API weft_optim *weft_sgd_create(weft_params *p, const struct weft_sgd_params *o,
                                     struct weft_error *err);

// Adagrad (Duchi, Hazan and Singer, 2011; torch.optim.Adagrad):
//   g += weight_decay * p;  s += g^2 (s begins as initial_accumulator_value)
//   p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)
// t counts the steps of each parameter, from 1.
struct weft_adagrad_params {
    size_t size;
    double lr;                        // [1e-2]
    double lr_decay;                  // [0]
    double weight_decay;              // [0]
    double initial_accumulator_value; // [0]
    double eps;                       // [1e-10]
    bool maximize;                    // [no]
};
#define weft_adagrad_params(...) WEFT_PARAMS(weft_adagrad_params, __VA_ARGS__)
WEFT_API weft_optim *weft_adagrad_create(weft_params *p, const struct weft_adagrad_params *o,
                                         struct weft_error *err);

// Adadelta (Zeiler, 2012; torch.optim.Adadelta):
//   g += weight_decay * p;  s = rho * s + (1 - rho) * g^2
//   d = sqrt(u + eps) / sqrt(s + eps) * g;  u = rho * u + (1 - rho) * d^2;  p -= lr * d
struct weft_adadelta_params {
    size_t size;
    double lr;           // [1]
    double rho;          // [0.9]
    double eps;          // [1e-6]
    double weight_decay; // [0]
    bool maximize;       // [no]
};
#define weft_adadelta_params(...) WEFT_PARAMS(weft_adadelta_params, __VA_ARGS__)
WEFT_API weft_optim *weft_adadelta_create(weft_params *p, const struct weft_adadelta_params *o,
                                          struct weft_error *err);

// RMSprop (Tieleman and Hinton, 2012; torch.optim.RMSprop):
//   g += weight_decay * p;  s = alpha * s + (1 - alpha) * g^2
//   centered: m = alpha * m + (1 - alpha) * g, and s - m^2 stands for s below
//   d = g / (sqrt(s) + eps)
//   momentum: b = momentum * b + d, and b stands for d below
//   p -= lr * d
struct weft_rmsprop_params {
    size_t size;
    double lr;           // [1e-2]
    double alpha;        // [0.99]
    double eps;          // [1e-8]
    double weight_decay; // [0]
    double momentum;     // [0]
    bool centered;       // [no]
    bool maximize;       // [no]
};
#define weft_rmsprop_params(...) WEFT_PARAMS(weft_rmsprop_params, __VA_ARGS__)
WEFT_API weft_optim *weft_rmsprop_create(weft_params *p, const struct weft_rmsprop_params *o,
                                         struct weft_error *err);

// Adam (Kingma and Ba, 2015; torch.optim.Adam):
//   g += weight_decay * p
//   m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g^2
//   p -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
// t counts the steps of each parameter, from 1. amsgrad: the largest v so far stands for v in the
// last line (Reddi, Kale and Kumar, 2018).
struct weft_adam_params {
    size_t size;
    double lr;           // step size [1e-3]
    double beta1, beta2; // decay of the two moments [0.9, 0.999]
    double eps;          // [1e-8]
    double weight_decay; // [0]
    bool amsgrad;        // [no]
    bool maximize;       // [no]
};
#define weft_adam_params(...) WEFT_PARAMS(weft_adam_params, __VA_ARGS__)
WEFT_API weft_optim *weft_adam_create(weft_params *p, const struct weft_adam_params *o,
                                      struct weft_error *err);

// AdamW (Loshchilov and Hutter, 2019; torch.optim.AdamW): Adam whose weight decay does not go
// through the moments: p -= lr * weight_decay * p comes first, and g stays as it is.
struct weft_adamw_params {
    size_t size;
    double lr;            // step size [1e-3]
    double beta1, beta2;  // decay of the two moments [0.9, 0.999]
    double eps;           // [1e-8]
    double weight_decay;  // [1e-2]
    bool no_weight_decay; // 0, where weight_decay is left 0 [no]
    bool amsgrad;         // [no]
    bool maximize;        // [no]
};
#define weft_adamw_params(...) WEFT_PARAMS(weft_adamw_params, __VA_ARGS__)
WEFT_API weft_optim *weft_adamw_create(weft_params *p, const struct weft_adamw_params *o,
                                       struct weft_error *err);

WEFT_API void weft_optim_destroy(weft_optim **o);

// Changes the step size of the steps recorded from now on; 0 is 0 here. A step with a negative one,
// or with NaN, is WEFT_PARAM. A schedule made later takes it as the one it begins with.
WEFT_API void weft_optim_set_lr(weft_optim *o, double lr);
WEFT_API double weft_optim_lr(const weft_optim *o);

// What is different for some parameters. A field left zero leaves what the optimizer, or a group
// before, has said.
struct weft_optim_group_params {
    size_t size;
    double lr_scale;      // multiplies the optimizer's step size, whatever a schedule makes of it
    double weight_decay;  // instead of the optimizer's
    bool no_weight_decay; // 0 instead of the optimizer's
};
#define weft_optim_group_params(...) WEFT_PARAMS(weft_optim_group_params, __VA_ARGS__)
// Adds a group: the parameters whose names fit `pattern`, where each * stands for any characters or
// none ("*.bias", "encoder.*"). Of groups that fit the same parameter, each field is that of the
// last that sets it. Binds for the steps recorded from now on; a step while a group fits no
// parameter of the store is WEFT_PARAM. More groups cost no more launches.
WEFT_API bool weft_optim_group(weft_optim *o, const char *pattern,
                               const struct weft_optim_group_params *g, struct weft_error *err);

// Records the update of every parameter that has a gradient and is not frozen, then the clearing of
// the gradients. If anything recorded before it fails, no parameter changes; gradients may be there
// then: weft_zero_grad before the step is tried again.
WEFT_API bool weft_optim_step(weft_optim *o, weft_scope *s);

struct weft_clip_params {
    size_t size;
    double p;                // of the norm; INFINITY: the largest absolute value [2]
    bool error_if_nonfinite; // a norm that is NaN or infinite is WEFT_NONFINITE [no]
};
#define weft_clip_params(...) WEFT_PARAMS(weft_clip_params, __VA_ARGS__)
// Records that the gradients of params that are not frozen are scaled so that their norm, taken as
// of one vector of all, is at most max_norm: by min(1, max_norm / (norm + 1e-6)), as
// torch.nn.utils.clip_grad_norm_. Returns the norm before that, a scalar, which need not be read:
// nothing waits for the device, unless error_if_nonfinite asks. Then the scope runs up to here, and
// an error leaves the gradients as they were. Without it, a NaN makes all gradients NaN. WEFT_PARAM
// if max_norm is negative or NaN, or if there is no gradient.
WEFT_API weft_tensor *weft_clip_grad_norm(weft_scope *s, weft_params *params, double max_norm,
                                          const struct weft_clip_params *o);
// Records that every element of the gradients is put into [-most, most]; NaN stays NaN. As
// torch.nn.utils.clip_grad_value_.
WEFT_API bool weft_clip_grad_value(weft_scope *s, weft_params *params, double most);

#ifdef __cplusplus
}
#endif
#endif
