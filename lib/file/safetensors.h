// What reading and writing safetensors have in common.
#ifndef WF_FILE_SAFETENSORS_H
#define WF_FILE_SAFETENSORS_H
#include <weft/file.h>

enum { WF_SAFETENSORS_MAX_HEADER = 100000000 }; // bytes, by the format
#define WF_SAFETENSORS_METADATA "__metadata__"

// A dtype of the format and what it becomes.
struct wf_safetensors_dtype {
    const char *name; // in the file
    enum weft_dtype dtype;
    size_t bytes; // of an element in the file
    // Makes n elements of `dtype`; false for one that it lacks. [they are the same]
    bool (*convert)(const unsigned char *from, uint64_t n, void *to);
};
// NULL if there is none of the name.
const struct wf_safetensors_dtype *wf_safetensors_dtype(const char *name);

// The bytes of a dense tensor. False if a dimension is negative, or if the product of all that are
// not zero is beyond int64_t: so no product or stride of the shape overflows later on.
bool wf_safetensors_bytes(const struct weft_file_tensor *t, uint64_t *bytes);

// The file's name, for texts.
const char *wf_safetensors_path(const weft_safetensors *f);

// Sorts n pointers by the tensors' names, and returns the first of two equal names; NULL if all
// differ.
const char *wf_safetensors_sort(const struct weft_file_tensor **by_name, size_t n);

#endif
