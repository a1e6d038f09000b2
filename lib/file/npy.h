// The npy format, which npz archives hold too: the header, and elements that weft has in another
// form.
#ifndef WF_FILE_NPY_H
#define WF_FILE_NPY_H
#include "base/error.h"
#include <weft/file.h>

enum {
    WF_NPY_MAX_HEADER = 65536, // bytes: an array without fields needs 400
    WF_NPY_MAX_BEGIN = 12 + WF_NPY_MAX_HEADER,
};

struct wf_npy {
    struct weft_file_tensor tensor; // as weft has it; no name, no data
    char kind;                      // 'f', 'i', 'u' or 'b'
    int item;                       // bytes of an element in the file
    bool big_endian, fortran;
    size_t begin;        // of the data in the file
    uint64_t bytes;      // of the data in the file
    uint64_t weft_bytes; // of the data in memory
};

// How long the part of a file before its data is, from its first n bytes; n is 12 or the whole
// file. `shown` names the file in errors.
bool wf_npy_begin(const char *shown, const void *file, size_t n, size_t *begin,
                  struct weft_error *err);
// Reads that part, `begin` bytes long, of a file of `total` bytes.
bool wf_npy_parse(struct wf_npy *h, const char *shown, const void *file, size_t begin,
                  uint64_t total, struct weft_error *err);

// Are the elements at `from` already as weft has them?
bool wf_npy_is_plain(const struct wf_npy *h, const void *from);
// Writes weft_bytes to `to`. False for an unsigned number above what I64 holds.
bool wf_npy_convert(const struct wf_npy *h, const char *shown, const void *from, void *to,
                    struct weft_error *err);

// A header, as numpy.save writes it.
struct wf_npy_prefix {
    unsigned char data[512];
    size_t bytes;
    uint64_t data_bytes; // of the tensor
};
bool wf_npy_print(struct wf_npy_prefix *p, const char *shown, const struct weft_file_tensor *t,
                  struct weft_error *err);

// The end of a path, which tells more than its beginning, short enough for an error.
const char *wf_npy_shown(const char *path);
// The name of a tensor: the path's last part without .npy, owned by the caller (free).
char *wf_npy_name(const char *path);
// The same of an archive's entry, whose folders are part of its name.
char *wf_npy_entry_name(const char *entry);

#endif
