// Tensors in files.
//
// safetensors: 8 bytes with the length of a JSON header (little endian), the header, which gives
// each tensor's dtype, shape and place, and the data, dense and little endian.
// (https://huggingface.co/docs/safetensors) Dtypes F64 F32 F16 BF16 I64 I32 I8 U8 BOOL; read, not
// written, are also I16 and U16, which become I32, U32 and U64 (I64), F8_E5M2 and F8_E4M3 (F16).
//
// npy: one array, as numpy.save and numpy.load have it, with its dtype and shape in a header.
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html) npz, an archive of them,
// is in <weft/npz.h>.
//
// A file is written under a temporary name and renamed: it is there whole, or as it was before.
#ifndef WEFT_FILE_H
#define WEFT_FILE_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weft_file_tensor {
    const char *name;
    enum weft_dtype dtype;
    int ndim;
    int64_t shape[WEFT_MAX_DIMS];
    const void *data; // host memory, dense, the last dimension innermost
};

// A text of the header's "__metadata__", UTF-8 both.
struct weft_file_text {
    const char *key, *value;
};

struct weft_safetensors_params {
    size_t size;
    const struct weft_file_text *metadata; // [nmetadata], equal keys are refused
    int nmetadata;
};
#define weft_safetensors_params(...) WEFT_PARAMS(weft_safetensors_params, __VA_ARGS__)
// Writes n tensors; the order and the names are kept, and equal names are refused. Python's
// package puts them in an order of its own; either reads what the other writes.
WEFT_API bool weft_safetensors_write(const char *path, const struct weft_file_tensor *tensors,
                                     int n, const struct weft_safetensors_params *o,
                                     struct weft_error *err);

// An open file, mapped into memory where the system can. Thread-safety: safe.
typedef struct weft_safetensors weft_safetensors;
// WEFT_IO if the file cannot be read; WEFT_FORMAT for a header that is no JSON, lies about places
// or sizes, or leaves bytes unused; WEFT_DTYPE for a U64 above 2^63-1.
WEFT_API weft_safetensors *weft_safetensors_open(const char *path, struct weft_error *err);
// Likewise a file that is in memory, for a model that is part of the program: data [bytes] is
// borrowed until it is closed.
WEFT_API weft_safetensors *weft_safetensors_open_memory(const void *data, size_t bytes,
                                                        struct weft_error *err);
WEFT_API void weft_safetensors_close(weft_safetensors **f);
WEFT_API int weft_safetensors_count(const weft_safetensors *f);
// The i-th tensor, in the order of their places, or the one of that name; NULL if there is none.
// Borrowed from f, as its data are.
WEFT_API const struct weft_file_tensor *weft_safetensors_at(const weft_safetensors *f, int i);
WEFT_API const struct weft_file_tensor *weft_safetensors_find(const weft_safetensors *f,
                                                              const char *name);
// The value of a key of the metadata, and the i-th key; NULL if there is none. Borrowed from f.
WEFT_API const char *weft_safetensors_metadata(const weft_safetensors *f, const char *key);
WEFT_API const char *weft_safetensors_metadata_key(const weft_safetensors *f, int i);

// An open file with one array, mapped into memory where the system can. Thread-safety: safe.
typedef struct weft_npy weft_npy;
// Versions 1.0, 2.0 and 3.0. f2 f4 f8 i1 i4 i8 u1 b1 are F16 F32 F64 I8 I32 I64 U8 BOOL; i2 and u2
// become I32, u4 and u8 I64. Big-endian elements and arrays with the first dimension innermost
// (Fortran's order) are converted, so data is always as in struct weft_file_tensor.
// WEFT_IO if the file cannot be read; WEFT_DTYPE for another dtype, and for a u8 above 2^63-1;
// WEFT_FORMAT for a file that is no npy file, is cut, has a header that lies about the size of the
// data, more than 8 dimensions, or anything after the data.
WEFT_API weft_npy *weft_npy_open(const char *path, struct weft_error *err);
WEFT_API void weft_npy_close(weft_npy **f);
// Borrowed from f, as its data are; its name is the file's, without folder and .npy. NULL for NULL.
WEFT_API const struct weft_file_tensor *weft_npy_tensor(const weft_npy *f);
// Writes a tensor, whose name does not matter, byte for byte as numpy.save. WEFT_DTYPE for BF16,
// which npy does not have.
WEFT_API bool weft_npy_write(const char *path, const struct weft_file_tensor *tensor,
                             struct weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
