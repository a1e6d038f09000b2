// Parameters, gradients and layers; the optimizers are in optim.h.
//
// A layer is a function of (scope, params, name, x); a model is a C function that calls layers. The
// params hold the tensors that the layers make on first use, by name; a checkpoint is the params in
// a file.
#ifndef WEFT_NN_H
#define WEFT_NN_H
#include <weft/op.h>

#ifdef __cplusplus
extern "C" {
#endif

// Thread-safety: many readers or one writer. Scopes that record layers are readers once the
// parameters exist; making parameters, gradients, an optimizer's step and loading write.
typedef struct weft_params weft_params;

// An empty store. A scope that has read its parameters, and an optimizer, hold on to it: destroying
// the handle before them is safe. Initial values come from the seed and the parameter's name, so
// they are the same on every device and do not depend on the order in which layers are called. NULL
// if dev is NULL or memory ran out.
WEFT_API weft_params *weft_params_create(weft_device *dev, uint64_t seed, struct weft_error *err);
WEFT_API void weft_params_destroy(weft_params **p);

// Number of parameter tensors, and of elements in all of them.
WEFT_API int weft_params_count(const weft_params *p);
WEFT_API int64_t weft_params_elements(const weft_params *p);
// Name of the i-th, in the order they were made; NULL past the last. Borrowed from p.
WEFT_API const char *weft_params_name(const weft_params *p, int i);

// Copies a parameter to or from the host: dense, the last dimension innermost. A value that was set
// makes what a scope recorded with the old one, and did not run yet, WEFT_STALE. Setting waits for
// the device.
WEFT_API bool weft_params_get(const weft_params *p, const char *name, void *dst, size_t bytes,
                              struct weft_error *err);
WEFT_API bool weft_params_set(weft_params *p, const char *name, const void *src, size_t bytes,
                              struct weft_error *err);
// The gradient, likewise; zeros where there is none.
WEFT_API bool weft_params_get_grad(const weft_params *p, const char *name, void *dst, size_t bytes,
                                   struct weft_error *err);

// Freezes (or thaws) every parameter whose name begins with `prefix` ("" for all): no gradient, no
// update. Binds when a layer, or an optimizer's step, is recorded. Returns how many there are.
WEFT_API int weft_params_freeze(weft_params *p, const char *prefix, bool frozen);

// Saves the parameters as safetensors (file.h), or sets them from such a file: every parameter in
// the file is made or, if it is there, must have the same dtype and shape; parameters that the file
// lacks are an error. On error nothing has changed. Not saved: gradients and the optimizer's state;
// of a file that has them (resume.h), what begins with "optimizer." or "gradient." is passed
// over.
WEFT_API bool weft_params_save(const weft_params *p, const char *path, struct weft_error *err);
WEFT_API bool weft_params_load(weft_params *p, const char *path, struct weft_error *err);

enum weft_init_kind {
    WEFT_INIT_CONSTANT = 1, // every element a
    WEFT_INIT_UNIFORM,      // uniform in [a, b)
    WEFT_INIT_NORMAL,       // normal with mean a and standard deviation b
};
struct weft_init {
    enum weft_init_kind kind;
    double a, b;
};
// The parameter `name` as a tensor of the scope, made with `init` on first use. For layers of one's
// own. WEFT_SHAPE if it exists with another shape. F32.
WEFT_API weft_tensor *weft_param(weft_scope *s, weft_params *p, const char *name,
                                 struct weft_init init, int ndim, const int64_t *shape);

// Adds d loss / d p to the gradient of every parameter p of `params` [of any] that the scalar loss
// depends on and that is not frozen. WEFT_PARAM if there is none, or if the scope does not train.
// What one scope has recorded of gradients, another sees only once it has run (weft_flush); before,
// it is WEFT_STALE there.
WEFT_API bool weft_backward(weft_scope *s, const weft_tensor *loss, weft_params *params);
// d y / d x for a scalar y and any tensor x of the scope that y depends on. Gradients of gradients
// are WEFT_UNSUPPORTED where they meet an operation that is the gradient of another.
WEFT_API weft_tensor *weft_grad(weft_scope *s, const weft_tensor *y, const weft_tensor *x);
// y = fn(s, priv, x), whose activations are not kept for the gradient: weft_backward() and
// weft_grad() run the calls that fn recorded once more instead, with the same random numbers. The
// gradients are the same to the bit; the memory of the activations is saved, their time is spent
// twice. May be nested. fn should not record updates of parameters. NULL after an error. (Chen et
// al., 2016, "Training deep nets with sublinear memory cost".)
WEFT_API weft_tensor *weft_checkpoint(weft_scope *s,
                                      weft_tensor *(*fn)(weft_scope *s, void *priv,
                                                         const weft_tensor *x),
                                      void *priv, const weft_tensor *x);
// Records that the gradients of params are forgotten.
WEFT_API bool weft_zero_grad(weft_scope *s, weft_params *params);

// Gradients of one's own beside those of the params, for scopes that work in parallel on the same
// params: each adds into its own, and then one scope adds them up in the order that the program
// chooses, so that the sum is the same bits every run. They survive resets and add up until they
// are zeroed. As with the params' own, what one scope has recorded of them is WEFT_STALE for
// another until it has run. A scope that uses them holds on to them, and they to their params.
// Thread-safety: one thread at a time.
typedef struct weft_grads weft_grads;
// None yet, for any parameter of p. NULL if p is NULL or memory ran out.
WEFT_API weft_grads *weft_grads_create(weft_params *p, struct weft_error *err);
WEFT_API void weft_grads_destroy(weft_grads **g);
// As weft_backward() with the params of `into`, whose own gradients it leaves alone.
WEFT_API bool weft_backward_into(weft_scope *s, const weft_tensor *loss, weft_grads *into);
// Records that the gradients of `from` are added to `into` [to the params' own]. WEFT_PARAM if the
// two are the same or of different params.
WEFT_API bool weft_grads_add(weft_scope *s, const weft_grads *from, weft_grads *into);
// Records that the gradients are forgotten.
WEFT_API bool weft_grads_zero(weft_scope *s, weft_grads *g);
// The gradient of the parameter `name`, as weft_params_get_grad().
WEFT_API bool weft_grads_get(const weft_grads *g, const char *name, void *dst, size_t bytes,
                             struct weft_error *err);

struct weft_linear_params {
    size_t size;
    int out;      // features out; required
    bool no_bias; // [no]
};
#define weft_linear_params(...) WEFT_PARAMS(weft_linear_params, __VA_ARGS__)
// x w^T + b. x [..., in] -> [..., out]. w is "<name>.weight" [out, in] of p and b is "<name>.bias"
// [out], both made on first use, uniform in +-1/sqrt(in) as in PyTorch.
WEFT_API weft_tensor *weft_linear(weft_scope *s, weft_params *p, const char *name,
                                  const weft_tensor *x, const struct weft_linear_params *o);

#ifdef __cplusplus
}
#endif
#endif
