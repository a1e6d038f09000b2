// What reading and writing safetensors have in common.
#ifndef WF_FILE_SAFETENSORS_H
#define WF_FILE_SAFETENSORS_H
#include <weft/file.h>

enum { WF_SAFETENSORS_MAX_HEADER = 100000000 }; // bytes, by the format
#define WF_SAFETENSORS_METADATA "__metadata__"

// The bytes of a dense tensor. False if a dimension is negative, or if the product of all that are
// not zero is beyond int64_t: so no product or stride of the shape overflows later on.
bool wf_safetensors_bytes(const struct weft_file_tensor *t, uint64_t *bytes);

// Sorts n pointers by the tensors' names, and returns the first of two equal names; NULL if all
// differ.
const char *wf_safetensors_sort(const struct weft_file_tensor **by_name, size_t n);

#endif
