// The file: "\x93NUMPY", version, the length of a header, the header, which is the text of a Python
// dictionary with descr, fortran_order and shape, then the elements.
#include "npy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum weft_dtype dtype_of(const char *descr)
{
    static const struct {
        char text[4];
        enum weft_dtype dtype;
    } map[] = {{"<f4", WEFT_F32}, {"<f2", WEFT_F16}, {"<f8", WEFT_F64}, {"|i1", WEFT_I8},
               {"|u1", WEFT_U8},  {"<i4", WEFT_I32}, {"<i8", WEFT_I64}, {"|b1", WEFT_BOOL}};
    for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
        if (!strncmp(descr, map[i].text, 3))
            return map[i].dtype;
    }
    return WEFT_DTYPE_NONE;
}

// What stands behind 'key': in the header.
static const char *value_of(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    at = at ? strchr(at, ':') : NULL;
    return at ? at + 1 + strspn(at + 1, " ") : "";
}

static bool parse(const char *header, struct npy *a)
{
    const char *descr = value_of(header, "'descr'"), *shape = value_of(header, "'shape'");
    a->dtype = *descr == '\'' ? dtype_of(descr + 1) : WEFT_DTYPE_NONE;
    if (!a->dtype || strncmp(value_of(header, "'fortran_order'"), "False", 5) || *shape != '(')
        return false;
    a->count = 1;
    for (shape++; *shape && *shape != ')'; shape += strspn(shape, ", ")) {
        char *end;
        int64_t n = strtoll(shape, &end, 10);
        if (end == shape || n < 0 || a->ndim == WEFT_MAX_DIMS)
            return false;
        a->shape[a->ndim++] = n;
        a->count *= n;
        shape = end;
    }
    return *shape == ')';
}

static bool read_header(FILE *f, struct npy *a)
{
    unsigned char start[12] = {0};
    if (fread(start, 1, 10, f) != 10 || memcmp(start, "\x93NUMPY", 6))
        return false;
    size_t n = start[8] + 256u * start[9];
    // Later versions have a length of four bytes.
    if (start[6] > 1 && fread(start + 10, 1, 2, f) == 2)
        n += 65536u * start[10];
    char *header = calloc(1, n + 1);
    bool ok = header && fread(header, 1, n, f) == n && parse(header, a);
    free(header);
    return ok;
}

enum npy_result npy_read(const char *path, struct npy *a)
{
    *a = (struct npy){0};
    FILE *f = fopen(path, "rb");
    if (!f)
        return NPY_MISSING;
    bool ok = read_header(f, a);
    size_t bytes = ok ? (size_t)a->count * weft_dtype_size(a->dtype) : 0;
    a->data = malloc(bytes + 1);
    ok = ok && a->data && fread(a->data, 1, bytes, f) == bytes && fgetc(f) == EOF;
    fclose(f);
    if (!ok)
        npy_free(a);
    return ok ? NPY_OK : NPY_BAD;
}

void npy_free(struct npy *a)
{
    free(a->data);
    *a = (struct npy){0};
}
