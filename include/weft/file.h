// Tensors in files.
//
// safetensors: 8 bytes with the length of a JSON header (little endian), the header, which gives
// each tensor's dtype, shape and place, and the data, dense and little endian.
// (https://huggingface.co/docs/safetensors) Dtypes F64 F32 F16 BF16 I64 I32 I8 U8 BOOL.
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

// Writes n tensors; the order and the names are kept, and equal names are refused.
WEFT_API bool weft_safetensors_write(const char *path, const struct weft_file_tensor *tensors,
                                     int n, struct weft_error *err);

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
// Likewise, with more than tensors.
WEFT_API bool weft_safetensors_write_with(const char *path, const struct weft_file_tensor *tensors,
                                          int n, const struct weft_safetensors_params *o,
                                          struct weft_error *err);

// An open file, mapped into memory where the system can. Thread-safety: safe.
typedef struct weft_safetensors weft_safetensors;
// WEFT_IO if the file cannot be read; WEFT_FORMAT for a header that is no JSON, lies about places
// or sizes, or leaves bytes unused.
WEFT_API weft_safetensors *weft_safetensors_open(const char *path, struct weft_error *err);
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

#ifdef __cplusplus
}
#endif
#endif
