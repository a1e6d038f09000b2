// The params store as lib/nn sees it.
#ifndef WF_NN_PARAMS_H
#define WF_NN_PARAMS_H
#include "core/scope.h"
#include <weft/file.h>
#include <weft/optim.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct wf_param {
    struct wf_variable variable; // first: a variable of the store is a parameter
    char *name;
    int ndim;
    int64_t shape[WEFT_MAX_DIMS], count;
    bool frozen;
    UT_hash_handle hh; // by name
};

struct weft_params {
    weft_device *dev;
    uint64_t seed;
    atomic_int refs;         // the handle, optimizers, scopes that read it
    wf_mutex lock;           // held while parameters are added or looked up
    struct wf_param **param; // in the order they were made
    struct wf_param *by_name;
    int count, room;
    bool torn; // an optimizer step failed half-way
};

weft_params *wf_params_ref(weft_params *p);
void wf_params_unref(weft_params *p);
// The parameter of that name; NULL if there is none.
struct wf_param *wf_params_find(const weft_params *p, const char *name);
// Likewise, and are there as many bytes at `host` as it has? NULL, with an error, if not.
struct wf_param *wf_params_checked(const weft_params *p, const char *name, const void *host,
                                   size_t bytes, struct weft_error *err);
// A new parameter with `init`. `name` must not be there.
struct wf_param *wf_params_add(weft_params *p, const char *name, struct weft_init init, int ndim,
                               const int64_t *shape, struct weft_error *err);
// Takes the parameters from index `count` on away again.
void wf_params_cut(weft_params *p, int count);
// Is this the name, in a file, of something that belongs to a training and is no parameter?
bool wf_params_skips(const char *name);
// weft_params_load() from an open file; `path` is for texts.
bool wf_params_load_from(weft_params *p, const weft_safetensors *f, const char *path,
                         struct weft_error *err);
// Fails if an optimizer step failed half-way; `path` is the file that is not written then.
bool wf_params_whole(const weft_params *p, const char *path, struct weft_error *err);
// Fills n floats with initial values, the same for the same seed and name on every device.
bool wf_init(weft_device *dev, struct weft_init init, uint64_t seed, const char *name, cl_mem mem,
             int64_t n, struct weft_error *err);

#endif
