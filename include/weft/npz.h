// npz files: archives of npy files, as numpy.savez and numpy.load have them.
//
// In a library of its own, libweft-data (pkg-config weft-data), with what it needs: a program that
// uses libweft alone does not get libzip.
#ifndef WEFT_NPZ_H
#define WEFT_NPZ_H
#include <weft/file.h>

#ifdef __cplusplus
extern "C" {
#endif

// An archive, whose arrays are in memory. Thread-safety: safe.
typedef struct weft_npz weft_npz;
// Reads all of it, stored or deflated. What weft_npy_open() says of dtypes and order holds for each
// array. WEFT_IO if the file cannot be read; WEFT_FORMAT if it is no zip archive, if an entry is no
// npy file, is packed otherwise or damaged, or if its sizes and its header do not fit together (it
// is unpacked only if they do); WEFT_DTYPE as in weft_npy_open(); WEFT_UNSUPPORTED where weft was
// built without libzip.
WEFT_API weft_npz *weft_npz_open(const char *path, struct weft_error *err);
WEFT_API void weft_npz_close(weft_npz **f);
WEFT_API int weft_npz_count(const weft_npz *f);
// The i-th array, in the archive's order, or the one of that name (without .npy); NULL if there is
// none. Borrowed from f, as its data are.
WEFT_API const struct weft_file_tensor *weft_npz_at(const weft_npz *f, int i);
WEFT_API const struct weft_file_tensor *weft_npz_find(const weft_npz *f, const char *name);

struct weft_npz_params {
    size_t size;
    bool compress; // deflate, as numpy.savez_compressed [no: stored]
};
#define weft_npz_params(...) WEFT_PARAMS(weft_npz_params, __VA_ARGS__)
// Writes n tensors, 1 or more, in that order. WEFT_PARAM for equal names and for one that is not
// UTF-8; WEFT_DTYPE for BF16. The archive is made in memory first.
WEFT_API bool weft_npz_write(const char *path, const struct weft_file_tensor *tensors, int n,
                             const struct weft_npz_params *o, struct weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
