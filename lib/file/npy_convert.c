// Elements of npy files that weft has in another form: in the other byte order, the first dimension
// innermost (Fortran's), or of a dtype that weft reads as the next wider one. The file is little
// endian like the machine, or big endian.
#include "file/npy.h"

#if defined __BYTE_ORDER__ && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "lib/file/npy_convert.c takes the machine for little endian"
#endif

static bool has_bad_bools(const struct wf_npy *h, const unsigned char *p)
{
    unsigned char all = 0;
    for (uint64_t i = 0; h->kind == 'b' && i < h->bytes; i++)
        all |= p[i];
    return all > 1;
}

bool wf_npy_is_plain(const struct wf_npy *h, const void *from)
{
    bool swapped = h->big_endian && h->item > 1;
    bool widened = h->bytes != h->weft_bytes;
    bool turned = h->fortran && h->tensor.ndim > 1;
    return !swapped && !widened && !turned && !(h->kind == 'u' && h->item == 8) &&
           !has_bad_bools(h, from);
}

static uint64_t load(const struct wf_npy *h, const unsigned char *p)
{
    uint64_t bits = 0;
    for (int i = 0; i < h->item; i++)
        bits |= (uint64_t)p[i] << 8 * (h->big_endian ? h->item - 1 - i : i);
    return bits;
}

// The bits of a float stay; integers are extended by their sign, if they have one.
static bool convert_one(const struct wf_npy *h, const unsigned char *from, unsigned char *to)
{
    uint64_t bits = load(h, from);
    int above = 64 - 8 * h->item;
    if (h->kind == 'i' && above)
        bits = (uint64_t)((int64_t)(bits << above) >> above);
    if (h->kind == 'b')
        bits = bits != 0;
    memcpy(to, &bits, weft_dtype_size(h->tensor.dtype));
    return h->kind != 'u' || bits <= INT64_MAX;
}

// Steps to the next element in C order; returns where it is in the file, in elements.
static uint64_t next_place(const struct weft_file_tensor *t, int64_t *index, const uint64_t *stride,
                           uint64_t place)
{
    for (int d = t->ndim - 1; d >= 0; d--) {
        place += stride[d];
        if (++index[d] < t->shape[d])
            return place;
        place -= stride[d] * (uint64_t)t->shape[d];
        index[d] = 0;
    }
    return 0;
}

bool wf_npy_convert(const struct wf_npy *h, const char *shown, const void *from, void *to,
                    struct weft_error *err)
{
    const struct weft_file_tensor *t = &h->tensor;
    size_t item = (size_t)h->item, size = weft_dtype_size(t->dtype);
    uint64_t stride[WEFT_MAX_DIMS], step = 1, place = 0;
    int64_t index[WEFT_MAX_DIMS] = {0};
    for (int d = 0; d < t->ndim; d++) {
        stride[d] = step;
        step *= (uint64_t)t->shape[d];
    }
    for (uint64_t i = 0; i < h->weft_bytes / size; i++) {
        uint64_t at = h->fortran ? place : i;
        if (!convert_one(h, (const unsigned char *)from + at * item,
                         (unsigned char *)to + i * size))
            return wf_fail(err, WEFT_DTYPE,
                           "%s: npy dtype is u8 and element %llu above 2^63-1, which I64 cannot "
                           "hold",
                           shown, (unsigned long long)i);
        if (h->fortran)
            place = next_place(t, index, stride, place);
    }
    return true;
}
