// Scopes and tensors.
//
// A scope is one stretch of work. A call on it, such as weft_relu(s, x), is checked at once and
// recorded; it runs when a value is asked for (weft_read, weft_item, weft_flush) and then together
// with everything recorded before it, in order. Asking is the only wait for the device. A scope
// owns every tensor made in it and frees them at weft_scope_reset(), which a training loop calls
// once a step.
//
// A tensor's value never changes. It has a shape from the start, and storage once it has run. What
// keeps its storage: what was asked for, what no other call has used (a loss, a metric), what
// weft_want() named, and, in a scope that trains, what a gradient will read. Anything else may have
// been merged into other kernels; asked for later, it is computed again from what has storage. If a
// parameter that it depends on has changed in between, that is WEFT_STALE.
//
// Work calls leave the first error in the scope. From then on every call on it does nothing and
// returns NULL or false, so that calls can be nested and checked once:
//     y = weft_relu(s, weft_matmul(s, a, b));
//     if (weft_scope_error(s)->status) ...
// A NULL tensor is WEFT_PARAM. So is a handle from before a reset or from another scope: it is
// found, not undefined, as long as at least 4096 younger handles of the device have not been made.
#ifndef WEFT_TENSOR_H
#define WEFT_TENSOR_H
#include <weft/device.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { WEFT_MAX_DIMS = 8 };

// name in weft, bytes of one element. F16 and BF16 are storage types: arithmetic is in float.
// BOOL is one byte, 0 or 1.
#define WEFT_DTYPE_MAP(X) \
    X(F32, 4) X(F16, 2) X(BF16, 2) X(F64, 8) X(I8, 1) X(U8, 1) X(I32, 4) X(I64, 8) X(BOOL, 1)
enum weft_dtype {
    WEFT_DTYPE_NONE,
#define X(name, bytes) WEFT_##name,
    WEFT_DTYPE_MAP(X)
#undef X
};
// "F32"; "none" for a number that is no dtype. Thread-safety: safe.
WEFT_API const char *weft_dtype_name(enum weft_dtype dtype);
// Bytes of one element; 0 for a number that is no dtype. Thread-safety: safe.
WEFT_API size_t weft_dtype_size(enum weft_dtype dtype);

// Read-only; the library keeps more behind it. Thread-safety: as its scope; a kept tensor may be
// read by any thread.
typedef struct weft_tensor {
    enum weft_dtype dtype;
    int ndim;                     // 0 for a scalar
    int64_t shape[WEFT_MAX_DIMS]; // elements, outermost first
} weft_tensor;

// Number of elements: the product of the shape; 0 for NULL.
WEFT_API int64_t weft_count(const weft_tensor *x);

// Thread-safety: one thread at a time; different scopes of a device in parallel.
typedef struct weft_scope weft_scope;
// Where a scope that runs has come to. Borrowed during the callback.
struct weft_progress {
    int done, total;        // calls that are enqueued, and that this ask runs in all
    const char *op, *label; // of the call that comes next; "" where there is none
};
struct weft_scope_params {
    size_t size;
    bool train;    // record gradients [no]
    uint64_t seed; // of everything random in this scope (random.h) [0]
    // Called while the scope runs, on the thread that asked: before each recorded call, once before
    // all updates of parameters together, and at the end with done == total. Returning false
    // cancels what has not run, as weft_scope_cancel() does, unless it is the end. May use no call
    // on the scope but weft_scope_cancel(). [none]
    bool (*progress)(void *priv, const struct weft_progress *at);
    void *progress_priv;
    // Which stream of the seed's random numbers this scope draws from. Scopes that run side by
    // side, and one that goes on after a restart, want one of their own: scopes of one seed and
    // stream draw the same numbers. [0]
    uint64_t stream;
};
#define weft_scope_params(...) WEFT_PARAMS(weft_scope_params, __VA_ARGS__)

// NULL if dev is NULL (an error already in *err is kept) or memory ran out.
WEFT_API weft_scope *weft_scope_create(weft_device *dev, const struct weft_scope_params *p,
                                       struct weft_error *err);
WEFT_API void weft_scope_destroy(weft_scope **s);

// Ends a step: runs the parameter updates still pending with what they need, drops everything else
// that has not run, frees the tensors of the scope and forgets the records. Keeps the error; after
// an error nothing runs. Random numbers go on where they were. False after an error.
WEFT_API bool weft_scope_reset(weft_scope *s);

// The first error of the scope: status WEFT_OK if none, WEFT_PARAM for a NULL scope. Borrowed.
WEFT_API const struct weft_error *weft_scope_error(const weft_scope *s);
// Drops everything recorded and forgets the error: the scope is as good as new. Random numbers go
// on where they were.
WEFT_API void weft_scope_clear(weft_scope *s);
// Makes the scope fail with WEFT_CANCELLED before it runs its next recorded call; the updates of
// parameters that an ask runs are all run, or none of them. The one call on a scope that is allowed
// from any thread. weft_scope_clear() forgets it.
WEFT_API void weft_scope_cancel(weft_scope *s);

WEFT_API weft_device *weft_scope_device(const weft_scope *s);
WEFT_API bool weft_scope_trains(const weft_scope *s);

// Names the calls that follow in error texts and profiles, "decoder/fc1: matmul: ..."; labels nest,
// up to 64 deep. The text is copied.
WEFT_API void weft_label_push(weft_scope *s, const char *label);
WEFT_API void weft_label_pop(weft_scope *s);

// A tensor with the data at `data`, dense, the last dimension innermost, copied during the call.
WEFT_API weft_tensor *weft_from_host(weft_scope *s, enum weft_dtype dtype, int ndim,
                                     const int64_t *shape, const void *data);

struct weft_borrow_params {
    size_t size;
    enum weft_dtype dtype; // required
    int ndim;
    const int64_t *shape; // [ndim]
    // Called once, when weft no longer reads the data, from any thread, and with nothing of weft's
    // called in it. Not called if weft_borrow() fails. [none]
    void (*released)(void *priv, const void *data);
    void *priv;
};
#define weft_borrow_params(...) WEFT_PARAMS(weft_borrow_params, __VA_ARGS__)
// A tensor with the data at `data`, dense, the last dimension innermost, which is not copied during
// the call: it stays as it is until `released`. On a device that shares memory with the host, where
// the address is a multiple of what the device wants (CL_DEVICE_MEM_BASE_ADDR_ALIGN; 128 bytes are
// enough mostly, 4096 everywhere), it is read in place, and released after the reset of the scope
// or, where a kept tensor shares it, later. Elsewhere it is copied to the device from there, while
// the program goes on, and released as soon as that is done. A recorded call reads it once: asking
// again for a value that came directly of it and was not kept is WEFT_STALE (weft_want keeps it).
WEFT_API weft_tensor *weft_borrow(weft_scope *s, const void *data,
                                  const struct weft_borrow_params *o);

// Runs what is recorded, waits for x and copies it to dst, dense, the last dimension innermost.
// `bytes` must be weft_count(x) * weft_dtype_size(x->dtype).
WEFT_API bool weft_read(weft_scope *s, const weft_tensor *x, void *dst, size_t bytes);
// Likewise the one element of x, of any dtype; NAN on error.
WEFT_API double weft_item(weft_scope *s, const weft_tensor *x);
// A read that is under way. Thread-safety: safe, but for weft_async_notify() and
// weft_async_destroy(), which one thread calls once.
typedef struct weft_async weft_async;
// As weft_read(), without waiting: dst is filled while the program goes on, and must stay until the
// read is done. The scope may record, run, be reset or destroyed meanwhile, or fail. NULL after an
// error. weft/opencl.h has the event.
WEFT_API weft_async *weft_read_async(weft_scope *s, const weft_tensor *x, void *dst, size_t bytes);
// Has it ended, well or not? True for NULL. Doesn't wait.
WEFT_API bool weft_async_done(const weft_async *a);
// Waits until dst is filled. WEFT_DEVICE if the device failed before it was.
WEFT_API bool weft_async_wait(weft_async *a, struct weft_error *err);
// Has `done` called once when the read ends, with status WEFT_OK if dst is filled: from a thread of
// the driver or, if it has ended already, perhaps at once from this one. It should be short, and
// may neither wait for the device nor use a scope. WEFT_PARAM if there is a callback already.
WEFT_API bool weft_async_notify(weft_async *a,
                                void (*done)(void *priv, const struct weft_error *err), void *priv,
                                struct weft_error *err);
// Waits for the read and for its callback to return: afterwards weft writes to dst no more. Inside
// the callback it doesn't wait.
WEFT_API void weft_async_destroy(weft_async **a);

// Runs what is recorded, without waiting for it: the updates of parameters are on their way then.
WEFT_API bool weft_flush(weft_scope *s);

// What an ask would take: a dry run of what is recorded and not yet run.
struct weft_plan_info {
    size_t size;
    uint64_t peak_bytes; // device memory in use at the most, with what is in use already
    int records;         // calls that would run
    int launches;        // kernels that would be launched for them
    int builds; // kernels that are not in memory: loaded from the cache on disk, or compiled
};

// Fills *out (whose size is set) with what weft_read(s, x, ...) or, with x NULL, weft_flush(s)
// would take now. Nothing runs, and nothing of the scope changes. Memory is counted as the pool
// hands it out: other scopes of the device come on top.
WEFT_API bool weft_plan(weft_scope *s, const weft_tensor *x, struct weft_plan_info *out);

enum weft_dump_form { WEFT_DUMP_TEXT, WEFT_DUMP_DOT };
// Shows what is recorded, line by line without newlines: each call with its inputs, dtype, shape
// and bytes, whether it has run, whether its result has storage, is a view or is merged into a
// later call's kernel, and which variant of its kernels it takes. Calls that have not run are shown
// as an ask would run them now. As text, or as a graph for Graphviz, whose clusters are the kernels
// of what has not run. The scope may be in error; then what would run is not worked out.
WEFT_API bool weft_scope_dump(weft_scope *s, enum weft_dump_form form,
                              void (*line)(void *priv, const char *text), void *priv);

// Keeps the storage of x until the reset, whatever else becomes of it. Returns x. A parameter, or a
// view of one, changes all the same: weft_keep copies it.
WEFT_API const weft_tensor *weft_want(weft_scope *s, const weft_tensor *x);
// Runs what is recorded and returns an owned tensor with the value of x and without history. It
// may be used in any scope of the device and outlives a reset.
WEFT_API weft_tensor *weft_keep(weft_scope *s, const weft_tensor *x);
WEFT_API void weft_tensor_destroy(weft_tensor **x);

#ifdef __cplusplus
}
#endif
#endif
