// MNIST and its kin: IDX files, read whole. An IDX file is a magic number (two zero bytes, 8 for
// unsigned bytes, the number of dimensions), the dimensions, 32 bits each, and the bytes, the last
// dimension innermost; numbers are big-endian.
#include "base/os.h"
#include "base/text.h"
#include "data/data.h"
#include <inttypes.h>
#include <stdlib.h>
#ifdef WF_HAVE_ZLIB
#include <zlib.h>
#endif

struct idx {
    unsigned char *file; // owned; the header first
    int ndim;            // 0: what the file has
    int64_t shape[3];
};

struct set {
    struct idx images, labels;
};

static size_t header_bytes(int ndim)
{
    return 4 + 4 * (size_t)ndim;
}

static uint32_t big_endian(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// The fourth byte, where no number was wanted; any other magic number is told by parse_header().
static void take_ndim(struct idx *f, const unsigned char *p, size_t n)
{
    if (!f->ndim)
        f->ndim = n >= 4 && p[3] >= 1 && p[3] <= 3 ? p[3] : 3;
}

// Reads the dimensions from the first `n` bytes of a file, and puts in *wants how many bytes the
// whole file should have.
static bool parse_header(struct idx *f, const char *name, const unsigned char *p, size_t n,
                         uint64_t *wants, struct weft_error *err)
{
    size_t header = header_bytes(f->ndim);
    if (n < header)
        return wf_fail(err, WEFT_FORMAT, "%s: has %zu bytes, its header alone wants %zu", name, n,
                       header);
    uint32_t magic = 0x800 + (uint32_t)f->ndim;
    if (big_endian(p) != magic)
        return wf_fail(err, WEFT_FORMAT, "%s: begins with 0x%08" PRIX32 ", wanted 0x%08" PRIX32,
                       name, big_endian(p), magic);
    uint64_t bytes = 1;
    for (int i = 0; i < f->ndim; i++) {
        uint32_t size = big_endian(p + 4 + 4 * i);
        f->shape[i] = size;
        if (bytes && size > (PTRDIFF_MAX - header) / bytes)
            return wf_fail(err, WEFT_FORMAT, "%s: its header says more than memory can hold", name);
        bytes *= size;
    }
    if (!bytes)
        return wf_fail(err, WEFT_FORMAT, "%s: its header says %s, wanted sizes above 0", name,
                       WF_SHAPE(f->ndim, f->shape));
    *wants = header + bytes;
    return true;
}

static bool check_bytes(const char *name, uint64_t has, uint64_t wants, struct weft_error *err)
{
    if (has == wants)
        return true;
    return wf_fail(err, WEFT_FORMAT, "%s: has %" PRIu64 " bytes, its header wants %" PRIu64, name,
                   has, wants);
}

#ifdef WF_HAVE_ZLIB
struct gunzip {
    const char *name;
    z_stream z;
    const unsigned char *data; // compressed, not yet seen by zlib
    size_t left;
    bool inside; // a gzip member, of which there may be several
};

// zlib counts in 32 bits.
static unsigned part(size_t n)
{
    return n < 1u << 30 ? (unsigned)n : 1u << 30;
}

static bool inflate_failed(struct gunzip *g, int code, struct weft_error *err)
{
    if (code == Z_MEM_ERROR)
        return wf_fail_nomem(err, g->name);
    const char *why = g->z.msg ? g->z.msg : "the compressed data are cut";
    return wf_fail(err, WEFT_FORMAT, "%s: gzip: %s", g->name, why);
}

static bool inflate_part(struct gunzip *g, struct weft_error *err)
{
    if (!g->z.avail_in) {
        g->z.avail_in = part(g->left);
        g->z.next_in = (unsigned char *)g->data; // zlib does not write to it
        g->data += g->z.avail_in;
        g->left -= g->z.avail_in;
    }
    g->inside = true;
    int code = inflate(&g->z, Z_NO_FLUSH);
    if (code == Z_STREAM_END) {
        g->inside = false;
        code = inflateReset(&g->z);
    }
    return code == Z_OK || inflate_failed(g, code, err);
}

// Writes up to `room` bytes to `to`; fewer, put in *got, only at the end of the file.
static bool inflate_to(struct gunzip *g, unsigned char *to, size_t room, size_t *got,
                       struct weft_error *err)
{
    *got = 0;
    while (*got < room && (g->inside || g->left || g->z.avail_in)) {
        unsigned some = part(room - *got);
        g->z.next_out = to + *got;
        g->z.avail_out = some;
        if (!inflate_part(g, err))
            return false;
        *got += some - g->z.avail_out;
    }
    return true;
}

// Only counts, so that the error can say how much too long the file is, and so that the checksum
// after the last byte is compared.
static bool inflate_rest(struct gunzip *g, uint64_t *has, struct weft_error *err)
{
    unsigned char nowhere[4096];
    size_t got;
    do {
        if (!inflate_to(g, nowhere, sizeof nowhere, &got, err))
            return false;
        *has += got;
    } while (got);
    return true;
}

static bool inflate_file(struct gunzip *g, struct idx *f, struct weft_error *err)
{
    unsigned char header[16];
    size_t begin, got;
    uint64_t wants = 0;
    size_t packed = g->left;
    if (!inflate_to(g, header, 4, &begin, err))
        return false;
    take_ndim(f, header, begin);
    size_t n = header_bytes(f->ndim);
    if (!inflate_to(g, header + begin, n - begin, &got, err) ||
        !parse_header(f, g->name, header, begin + got, &wants, err))
        return false;
    // gzip shrinks to 1/1032 at best: so a header that lies does not get us to allocate more.
    uint64_t most = (uint64_t)packed * 1032 + n;
    size_t room = (size_t)(wants < most ? wants : most);
    f->file = malloc(room);
    if (!f->file)
        return wf_fail_nomem(err, g->name);
    memcpy(f->file, header, n);
    if (!inflate_to(g, f->file + n, room - n, &got, err))
        return false;
    uint64_t has = n + got;
    return inflate_rest(g, &has, err) && check_bytes(g->name, has, wants, err);
}

static bool read_gzip(struct idx *f, const char *path, const char *name, struct weft_error *err)
{
    void *packed;
    size_t bytes;
    if (!wf_file_read(path, PTRDIFF_MAX - 1, &packed, &bytes, err))
        return false;
    struct gunzip g = {.name = name, .data = packed, .left = bytes, .inside = true};
    bool ok = inflateInit2(&g.z, 16 + MAX_WBITS) == Z_OK; // 16: gzip, not zlib's own format
    if (ok) {
        ok = inflate_file(&g, f, err);
        inflateEnd(&g.z);
    } else {
        wf_fail_nomem(err, name);
    }
    free(packed);
    return ok;
}
#else
static bool read_gzip(struct idx *f, const char *path, const char *name, struct weft_error *err)
{
    (void)f, (void)path;
    return wf_fail(err, WEFT_UNSUPPORTED,
                   "%s: this weft cannot read .gz files, build it with zlib or unpack the file",
                   name);
}
#endif

static bool read_plain(struct idx *f, const char *path, const char *name, struct weft_error *err)
{
    void *data;
    size_t bytes;
    uint64_t wants = 0;
    if (!wf_file_read(path, PTRDIFF_MAX - 1, &data, &bytes, err))
        return false;
    f->file = data;
    take_ndim(f, f->file, bytes);
    return parse_header(f, name, f->file, bytes, &wants, err) &&
           check_bytes(name, bytes, wants, err);
}

static bool read_idx(struct idx *f, const char *dir, const char *name, struct weft_error *err)
{
    struct wf_text path = {0};
    wf_text_add(&path, "%s/%s.gz", dir, name);
    if (path.failed)
        return wf_fail_nomem(err, name);
    // The end of a long path tells more than its beginning.
    const char *shown = path.length > 180 ? path.data + path.length - 180 : path.data;
    bool ok, is_zipped = wf_path_exists(path.data);
    path.data[path.length - 3] = 0;
    if (wf_path_exists(path.data)) {
        ok = read_plain(f, path.data, shown, err);
    } else if (is_zipped) {
        path.data[path.length - 3] = '.';
        ok = read_gzip(f, path.data, shown, err);
    } else {
        ok = wf_fail(err, WEFT_IO, "%s: is not there, nor is it with .gz", shown);
    }
    wf_text_finish(&path);
    return ok;
}

static bool get_row(void *priv, int64_t row, void *x, void *y, struct weft_error *err)
{
    (void)err;
    const struct set *set = priv;
    size_t pixels = (size_t)set->images.shape[1] * (size_t)set->images.shape[2];
    memcpy(x, set->images.file + header_bytes(3) + (size_t)row * pixels, pixels);
    int64_t label = set->labels.file[header_bytes(1) + (size_t)row];
    memcpy(y, &label, sizeof label);
    return true;
}

static void destroy_set(void *priv)
{
    struct set *set = priv;
    free(set->images.file);
    free(set->labels.file);
    free(set);
}

static bool read_set(struct set *set, const char *dir, bool train, struct weft_error *err)
{
    const char *images = train ? "train-images-idx3-ubyte" : "t10k-images-idx3-ubyte";
    const char *labels = train ? "train-labels-idx1-ubyte" : "t10k-labels-idx1-ubyte";
    set->images.ndim = 3;
    set->labels.ndim = 1;
    if (!read_idx(&set->images, dir, images, err) || !read_idx(&set->labels, dir, labels, err))
        return false;
    if (set->images.shape[0] == set->labels.shape[0])
        return true;
    size_t n = strlen(dir);
    return wf_fail(err, WEFT_FORMAT, "%s/%s: has %" PRId64 " labels, %s has %" PRId64 " images",
                   n > 100 ? dir + n - 100 : dir, labels, set->labels.shape[0], images,
                   set->images.shape[0]);
}

weft_data *weft_data_idx(const char *dir, const char *split, struct weft_error *err)
{
    bool train = split && !strcmp(split, "train");
    if (!dir || !split || (!train && strcmp(split, "test"))) {
        wf_fail(err, WEFT_PARAM, "data_idx: folder %s, split %.40s; the split is train or test",
                dir ? "given" : "NULL", split ? split : "NULL");
        return NULL;
    }
    struct set *set = calloc(1, sizeof *set);
    if (!set || !read_set(set, dir, train, err)) {
        wf_fail_nomem(err, "data_idx");
        if (set)
            destroy_set(set);
        return NULL;
    }
    const int64_t *shape = set->images.shape;
    return weft_data_create(weft_data_source(.x = {WEFT_U8, 3, {1, shape[1], shape[2]}},
                                             .y = {WEFT_I64, 0, {0}}, .count = shape[0],
                                             .get = get_row, .destroy = destroy_set, .priv = set),
                            err);
}

static bool get_bytes(void *priv, int64_t row, void *x, void *y, struct weft_error *err)
{
    (void)y, (void)err;
    const struct idx *f = priv;
    size_t bytes = 1;
    for (int i = 1; i < f->ndim; i++)
        bytes *= (size_t)f->shape[i];
    memcpy(x, f->file + header_bytes(f->ndim) + (size_t)row * bytes, bytes);
    return true;
}

static void destroy_idx(void *priv)
{
    struct idx *f = priv;
    free(f->file);
    free(f);
}

weft_data *weft_data_idx_file(const char *path, struct weft_error *err)
{
    size_t length = path ? strlen(path) : 0;
    struct idx *f = length ? calloc(1, sizeof *f) : NULL;
    if (!length)
        wf_fail(err, WEFT_PARAM, "data_idx_file: path is %s, wanted a file",
                path ? "empty" : "NULL");
    else if (!f)
        wf_fail_nomem(err, "data_idx_file");
    if (!f)
        return NULL;
    const char *shown = length > 180 ? path + length - 180 : path;
    bool zipped = length > 3 && !strcmp(path + length - 3, ".gz");
    if (!(zipped ? read_gzip : read_plain)(f, path, shown, err)) {
        destroy_idx(f);
        return NULL;
    }
    struct weft_row x = {.dtype = WEFT_U8, .ndim = f->ndim - 1};
    for (int i = 1; i < f->ndim; i++)
        x.shape[i - 1] = f->shape[i];
    if (f->ndim == 3) // an image, of one channel
        x = (struct weft_row){WEFT_U8, 3, {1, f->shape[1], f->shape[2]}};
    return weft_data_create(weft_data_source(.x = x, .count = f->shape[0], .get = get_bytes,
                                             .destroy = destroy_idx, .priv = f),
                            err);
}
