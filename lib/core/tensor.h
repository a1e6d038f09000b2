// A tensor as the library sees it, and what holds its elements.
#ifndef WF_CORE_TENSOR_H
#define WF_CORE_TENSOR_H
#include "dev/device.h"
#include <weft/tensor.h>

// Device memory with a count of references.
struct wf_storage {
    weft_device *dev;
    struct wf_block *block; // NULL: the host program's
    bool borrowed;          // the host program's, or a copy on its way from there
    cl_mem mem;
    atomic_int refs;
    void (*released)(void *priv, cl_mem mem);
    void *priv;
    struct wf_storage **noted; // of a dry run's: cleared when it goes
    atomic_bool packed;        // there may be copies of it (core/packed.h)
};
struct wf_storage *wf_storage_new(weft_device *dev, size_t bytes, struct weft_error *err);
struct wf_storage *wf_storage_ref(struct wf_storage *s);
// Accepts NULL.
void wf_storage_unref(struct wf_storage *s);

// A value that changes: a parameter. Records note the version they read.
struct wf_variable {
    const char *name;
    struct wf_storage *storage; // dense
    int64_t elements;           // F32
    struct wf_storage *grad;    // dense, F32; NULL: none
    atomic_int grads_pending;   // records of all scopes that change it and have not run
    atomic_uint_least64_t grad_version;
    atomic_uint_least64_t version;
    const void *store; // the params that it belongs to
    // A scope that reads the variable holds on to its store, until it forgets the records.
    void (*hold)(struct wf_variable *v, bool on);
};

enum wf_tensor_state { WF_TENSOR_DEAD, WF_TENSOR_IN_SCOPE, WF_TENSOR_KEPT };

struct wf_record;
struct wf_tensor {
    weft_tensor pub; // first: a handle points to it
    enum wf_tensor_state state;
    weft_device *dev;
    weft_scope *scope;        // NULL for a kept one
    struct wf_record *record; // what makes it; NULL for a leaf
    struct wf_storage *storage;
    int64_t stride[WEFT_MAX_DIMS], offset; // in elements, valid with storage
    struct wf_variable *variable;          // a leaf that reads this one, at
    uint64_t version;
    bool tracked;            // depends on a parameter that is not frozen, in a scope that trains
    bool leaf_tracked;       // of a leaf: is such a parameter
    bool wanted;             // keeps its storage until the reset
    int consumers;           // records that read it
    int uses;                // of these, in the plan that is running and not yet run
    int saved;               // gradients that will read it
    weft_tensor *grad;       // while a backward pass runs
    struct wf_tensor *again; // the same of the record's latest clone
    struct wf_tensor *next;  // of the scope; while dead, of the queue of free handles
};

static inline struct wf_tensor *wf_tensor(const weft_tensor *x)
{
    return (struct wf_tensor *)x;
}

// Handles come from the device and go back to the end of a queue, so that one that is used after
// its time is recognised as dead for long. The queue is made with the device's first scope.
bool wf_handles_make(weft_device *dev);
struct wf_tensor *wf_tensor_new(weft_device *dev);
void wf_tensor_free(struct wf_tensor *t);

// Row-major strides without gaps.
void wf_dense_strides(int ndim, const int64_t *shape, int64_t *stride);
bool wf_is_dense(const struct wf_tensor *t);
// Product of a shape; -1 for a negative dimension or more than 2^62.
int64_t wf_shape_count(int ndim, const int64_t *shape);
size_t wf_tensor_bytes(const struct wf_tensor *t);
bool wf_same_shape(const weft_tensor *a, const weft_tensor *b);
bool wf_dtype_is_float(enum weft_dtype d);

// The element at p, which need not be aligned, in host memory; NaN for no dtype.
double wf_to_double(enum weft_dtype dtype, const void *p);

#endif
