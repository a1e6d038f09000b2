// Reads arrays that NumPy saved: version 1 to 3 of the format, C order, little-endian.
#ifndef PEER_NPY_H
#define PEER_NPY_H
#include <weft/weft.h>

struct npy {
    enum weft_dtype dtype;
    int ndim;
    int64_t shape[WEFT_MAX_DIMS];
    int64_t count;
    void *data; // owned by the struct
};

enum npy_result { NPY_OK, NPY_MISSING, NPY_BAD };

// NPY_MISSING if there is no such file.
enum npy_result npy_read(const char *path, struct npy *a);
void npy_free(struct npy *a);

#endif
