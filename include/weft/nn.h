// Parameters, gradients and layers; the optimizers are in optim.h.
//
// A layer is a function of (scope, params, name, x); a model is a C function that calls layers. The
// params hold the tensors that the layers make on first use, by name; a checkpoint is the params in
// a file.
#ifndef WEFT_NN_H
#define WEFT_NN_H
#include <weft/file.h>
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

// Number of tensors, buffers included, and of elements in the parameters, buffers left out. A
// tensor with several names (weft_params_tie) counts once.
WEFT_API int weft_params_count(const weft_params *p);
WEFT_API int64_t weft_params_elements(const weft_params *p);
// Name of the i-th, in the order they were made; NULL past the last. Borrowed from p.
WEFT_API const char *weft_params_name(const weft_params *p, int i);
// The place of the tensor that has this name, tied names included; -1 if there is none.
WEFT_API int weft_params_index(const weft_params *p, const char *name);

struct weft_param_info {
    size_t size;
    const char *name; // borrowed from the params
    enum weft_dtype dtype;
    int ndim;
    int64_t shape[WEFT_MAX_DIMS];
    bool frozen, buffer;
};
// Describes the i-th in *info, whose .size must be set to its sizeof. False past the last.
WEFT_API bool weft_params_info(const weft_params *p, int i, struct weft_param_info *info);

// Copies a parameter or buffer to or from the host: dense, the last dimension innermost. A value
// that was set makes what a scope recorded with the old one, and did not run yet, WEFT_STALE.
// Setting waits for the device; on error nothing has changed.
WEFT_API bool weft_params_get(const weft_params *p, const char *name, void *dst, size_t bytes,
                              struct weft_error *err);
WEFT_API bool weft_params_set(weft_params *p, const char *name, const void *src, size_t bytes,
                              struct weft_error *err);
// The gradient, likewise; zeros where there is none.
WEFT_API bool weft_params_get_grad(const weft_params *p, const char *name, void *dst, size_t bytes,
                                   struct weft_error *err);

// Freezes (or thaws) every parameter with a name that begins with `prefix` ("" for all): no
// gradient, no update. Binds when a layer, or an optimizer's step, is recorded. Returns how many
// tensors there are.
WEFT_API int weft_params_freeze(weft_params *p, const char *prefix, bool frozen);

// Ties weights: from now on `name` is another name of the tensor `other`, which may still have to
// be made; it is made at the first use of either, with the initial values of `other`. Gradients of
// all uses add up in it, an optimizer updates it once, and it is saved once, as `other`. WEFT_PARAM
// if `name` has a tensor of its own already, is tied to something else, or is `other`.
WEFT_API bool weft_params_tie(weft_params *p, const char *name, const char *other,
                              struct weft_error *err);

// Copies the values of all parameters and buffers of src, which must have the names and shapes of
// dst; a dst without tensors gets those of src. The two may be on different devices. Gradients and
// what is frozen stay as they are. On error nothing has changed.
WEFT_API bool weft_params_copy(weft_params *dst, const weft_params *src, struct weft_error *err);
// New params on `dev` [that of p] with the seed, tensors, ties and what is frozen of p, without
// gradients. Owned by the caller; NULL after an error.
WEFT_API weft_params *weft_params_clone(const weft_params *p, weft_device *dev,
                                        struct weft_error *err);

struct weft_params_save_params {
    size_t size;
    const char *prefix; // [""] only tensors with a name that begins with it
};
#define weft_params_save_params(...) WEFT_PARAMS(weft_params_save_params, __VA_ARGS__)
// Saves parameters and buffers as safetensors (file.h), F32. The file is there whole, or as it was
// before. Not saved: gradients and the optimizer's state. WEFT_PARAM if no name begins with the
// prefix.
WEFT_API bool weft_params_save(const weft_params *p, const char *path,
                               const struct weft_params_save_params *params,
                               struct weft_error *err);

enum weft_load_problem {
    WEFT_LOAD_MISSING = 1, // the params have it, the file does not
    WEFT_LOAD_UNEXPECTED,  // the file has it, the params do not
    WEFT_LOAD_SHAPE,       // both have it, with different shapes
    WEFT_LOAD_DTYPE,       // it holds integers that no F32 equals
};
struct weft_params_load_params {
    size_t size;
    // [""] What does not begin with it is left alone, in the file and in the params.
    const char *prefix;
    // The name in the params of the file's tensor `name`; NULL leaves it out. What it returns must
    // be valid until the next call. [the same name]
    const char *(*rename)(void *priv, const char *name);
    bool partial; // [no] sets what fits, and leaves the rest of both as it is
    // Is told of everything that does not fit, by its name in the params, partial or not. [none]
    void (*report)(void *priv, enum weft_load_problem problem, const char *name);
    void *priv; // for both
};
#define weft_params_load_params(...) WEFT_PARAMS(weft_params_load_params, __VA_ARGS__)
// Sets parameters and buffers from a safetensors file. Params that have no tensors (beginning with
// the prefix) yet get those of the file; whether one is a buffer is settled by its first use. Else
// the names and shapes must be the same, as with PyTorch's load_state_dict(): what is missing,
// unexpected or of another shape is an error, WEFT_FORMAT or WEFT_SHAPE, that names the first few;
// with .partial it is an error only if nothing fits. Other dtypes are converted as PyTorch does:
// F64, F16 and BF16 to the nearest F32; integers and BOOL if an F32 equals them, else WEFT_DTYPE.
// Of tied names one is enough; two in the file must have the same values. Of a training's file
// (resume.h) what begins with "optimizer." or "gradient." is passed over. On error nothing has
// changed. The new values make stale what those of weft_params_set() would.
WEFT_API bool weft_params_load(weft_params *p, const char *path,
                               const struct weft_params_load_params *params,
                               struct weft_error *err);
// Likewise from an open file (file.h), also one in memory.
WEFT_API bool weft_params_load_from(weft_params *p, const weft_safetensors *file,
                                    const struct weft_params_load_params *params,
                                    struct weft_error *err);

// How a parameter begins. The values come from Philox, keyed by the params' seed and the
// parameter's name. With a weight [out, in, ...]: fan_in = in * ..., fan_out = out * ...
//
// The gain of XAVIER, KAIMING and ORTHOGONAL makes up for the activation that follows: 1 for none,
// sigmoid and convolutions, 5/3 for tanh, sqrt(2) for ReLU, sqrt(2 / (1 + slope^2)) for leaky ReLU,
// 3/4 for SELU.
enum weft_init_kind {
    WEFT_INIT_CONSTANT = 1, // every element a
    WEFT_INIT_UNIFORM,      // uniform in [a, b)
    WEFT_INIT_NORMAL,       // normal with mean a and standard deviation b
    // Normal with mean a and standard deviation b, what is outside of a - 2b .. a + 2b drawn again.
    WEFT_INIT_TRUNCATED_NORMAL,
    // a is the gain [1]. Normal with deviation gain * sqrt(2 / (fan_in + fan_out)), or uniform with
    // the same deviation. (Glorot and Bengio, 2010)
    WEFT_INIT_XAVIER_UNIFORM,
    WEFT_INIT_XAVIER_NORMAL,
    // a is the gain [sqrt(2)]. Normal with deviation gain / sqrt(fan), or uniform with the same
    // deviation; fan is fan_in, or with .fan_out fan_out. (He et al., 2015)
    WEFT_INIT_KAIMING_UNIFORM,
    WEFT_INIT_KAIMING_NORMAL,
    // a is the gain [1]. gain times a random orthogonal matrix [out, in * ...]: its rows, or if
    // there are fewer columns these, are orthonormal. (Saxe et al., 2014) Made on the host in
    // double, once: out = in = 1024 takes a second, twice as much eight times as long.
    WEFT_INIT_ORTHOGONAL,
};
struct weft_init {
    enum weft_init_kind kind;
    double a, b;
    bool fan_out; // of KAIMING [fan_in]
};
// The parameter `name` as a tensor of the scope, made with `init` on first use. For layers of one's
// own. F32. A name has 1 to 255 bytes of UTF-8. WEFT_SHAPE if it exists with another shape, or if
// the initialiser wants two dimensions or more; WEFT_PARAM for a deviation or gain below 0 or
// numbers that are not finite (CONSTANT may be any), or if it exists as a buffer.
WEFT_API weft_tensor *weft_param(weft_scope *s, weft_params *p, const char *name,
                                 struct weft_init init, int ndim, const int64_t *shape);
// Likewise a buffer: kept and saved with the parameters, but it has no gradient and no optimizer
// changes it. For running statistics.
WEFT_API weft_tensor *weft_buffer(weft_scope *s, weft_params *p, const char *name,
                                  struct weft_init init, int ndim, const int64_t *shape);
// Records that the buffer `name` becomes `value`, F32 of its shape. A later weft_buffer() in the
// scope reads the new value; what was recorded before and runs later is WEFT_STALE if it reads the
// old one. Runs once, also inside of weft_checkpoint(). WEFT_PARAM if there is no such buffer.
WEFT_API bool weft_buffer_set(weft_scope *s, weft_params *p, const char *name,
                              const weft_tensor *value);

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
// twice. May be nested. fn should not record updates of parameters; those of
// buffers run once. NULL after an error. (Chen et al., 2016, "Training deep nets with sublinear
// memory cost".)
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

// Layers. Those without parameters are the operations themselves: weft_relu() and its kind,
// weft_flatten(), and weft_dropout(), which drops in a scope that trains and passes x on in others.

struct weft_linear_params {
    size_t size;
    int out;                       // features out; required
    bool no_bias;                  // [no]
    struct weft_init weight, bias; // [both uniform in +-1/sqrt(in), as in PyTorch]
};
#define weft_linear_params(...) WEFT_PARAMS(weft_linear_params, __VA_ARGS__)
// x w^T + b. x [..., in] -> [..., out]. w is "<name>.weight" [out, in] of p and b is "<name>.bias"
// [out], both made on first use.
WEFT_API weft_tensor *weft_linear(weft_scope *s, weft_params *p, const char *name,
                                  const weft_tensor *x, const struct weft_linear_params *o);

struct weft_embedding_params {
    size_t size;
    int64_t rows, width;     // required: how many there are, and numbers in each
    bool padded;             // [no] the row `padding` begins as zeros and gets no gradient,
    int64_t padding;         // [0] so that it stays so
    struct weft_init weight; // [normal with mean 0 and deviation 1, as in PyTorch]
};
#define weft_embedding_params(...) WEFT_PARAMS(weft_embedding_params, __VA_ARGS__)
// The rows of w that an index [...] of I64 or I32 names: [..., width], as weft_embedding(). w is
// "<name>.weight" [rows, width] of p, made on first use.
WEFT_API weft_tensor *weft_embedding_layer(weft_scope *s, weft_params *p, const char *name,
                                           const weft_tensor *index,
                                           const struct weft_embedding_params *o);

#ifdef __cplusplus
}
#endif
#endif
