// The params store as lib/nn sees it.
#ifndef WF_NN_PARAMS_H
#define WF_NN_PARAMS_H
#include "core/scope.h"
#include <weft/file.h>
#include <weft/optim.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { WF_MAX_NAME = 255 }; // bytes of a name

struct wf_param {
    struct wf_variable variable; // first: a variable of the store is a parameter
    char *name;
    int ndim;
    int64_t shape[WEFT_MAX_DIMS], count;
    bool frozen;
    bool buffer;
    bool unsettled;    // made by a file: its first use says whether it is a buffer
    UT_hash_handle hh; // by name
};

// Another name of a tensor, which need not be there yet.
struct wf_tie {
    char *name, *of;   // of may be tied in turn
    UT_hash_handle hh; // by name
};

struct weft_params {
    weft_device *dev;
    uint64_t seed;
    atomic_int refs;         // the handle, optimizers, scopes that read it
    wf_mutex lock;           // held while parameters are added or looked up
    struct wf_param **param; // in the order they were made
    struct wf_param *by_name;
    struct wf_tie *ties;
    int count, room;
    bool torn; // an optimizer step failed half-way
};

weft_params *wf_params_ref(weft_params *p);
void wf_params_unref(weft_params *p);
// The name under which the tensor of this name is kept.
const char *wf_params_root(const weft_params *p, const char *name);
// The tensor of that name, tied names included; NULL if there is none.
struct wf_param *wf_params_find(const weft_params *p, const char *name);
// A name of q that begins with `prefix` [NULL: ""]: its own, else a tied one; NULL if none does.
const char *wf_params_matches(const weft_params *p, const struct wf_param *q, const char *prefix);
// The parameter of that name, and are there as many bytes at `host` as it has? NULL, with an error,
// if not.
struct wf_param *wf_params_checked(const weft_params *p, const char *name, const void *host,
                                   size_t bytes, struct weft_error *err);
// Can a tensor have this name? Errors begin with `call`.
bool wf_params_name_ok(const char *call, const char *name, struct weft_error *err);
// A new tensor. `name` must not be there. Takes the storage, also when it fails.
struct wf_param *wf_params_add(weft_params *p, const char *name, int ndim, const int64_t *shape,
                               struct wf_storage *storage, struct weft_error *err);
// Takes the parameters from index `count` on away again.
void wf_params_cut(weft_params *p, int count);

// What a layer asks for.
struct wf_param_spec {
    const char *name;
    struct weft_init init;
    bool buffer;
    bool padded; // row `padding` of [rows, width] begins as zeros
    int64_t padding;
};
// weft_param() and weft_buffer().
weft_tensor *wf_param(weft_scope *s, weft_params *p, const struct wf_param_spec *spec, int ndim,
                      const int64_t *shape);

// Values that replace those of a store, all or none, and tensors that are added to it meanwhile.
struct wf_exchange {
    weft_params *p;
    int before; // parameters that the store had
    int count, room;
    struct wf_new_value {
        struct wf_param *param;
        struct wf_storage *storage;
    } * value;
};
bool wf_exchange_init(struct wf_exchange *x, const char *call, weft_params *p, int room,
                      struct weft_error *err);
// The new value of q. Takes the storage, also when it fails.
bool wf_exchange_add(struct wf_exchange *x, struct wf_param *q, struct wf_storage *storage);
// With `ok`, puts the values in place; else takes new tensors away again. Returns ok.
bool wf_exchange_finish(struct wf_exchange *x, bool ok);

// Is this the name, in a file, of something that belongs to a training and is no parameter?
bool wf_params_skips(const char *name);
// Refuses a store whose values are of two steps.
bool wf_params_whole(const weft_params *p, const char *what, struct weft_error *err);

// Can a tensor of this shape begin with `init`?
bool wf_init_ok(const struct weft_init *init, const char *name, int ndim, const int64_t *shape,
                struct weft_error *err);
// Fills a tensor with initial values, the same for the same seed and name on every device.
bool wf_init(weft_device *dev, const struct weft_init *init, uint64_t seed, const char *name,
             cl_mem mem, int ndim, const int64_t *shape, struct weft_error *err);
// Likewise where mem holds normal numbers: makes them orthogonal, times gain.
bool wf_init_orthogonal(weft_device *dev, double gain, cl_mem mem, int ndim, const int64_t *shape,
                        struct weft_error *err);

#endif
