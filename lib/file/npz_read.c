// Reading npz with libzip. The file is mapped and not trusted: an entry is unpacked only after its
// npy header and its unpacked size in the archive agree, and its packed size could become so much.
#include "file/npy.h"
#include "file/npz.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <zip.h>

struct reader {
    weft_npz *f;
    zip_t *zip;
    const char *path;
    uint64_t packed_left; // of the file's bytes: entries that share bytes would unpack to no end
    struct weft_error *err;
};

const char *wf_npz_shown(struct wf_npz_shown *s, const char *path, const char *entry)
{
    snprintf(s->text, sizeof s->text, "%s: %.60s", wf_npy_shown(path), entry);
    return s->text;
}

// deflate shrinks to 1/1032 at best.
static bool check_sizes(struct reader *r, const char *shown, const zip_stat_t *st)
{
    bool stored = st->comp_method == ZIP_CM_STORE;
    if (!stored && st->comp_method != ZIP_CM_DEFLATE)
        return wf_fail(r->err, WEFT_FORMAT, "%s: packed by method %d, wanted stored or deflated",
                       shown, (int)st->comp_method);
    if (st->encryption_method != ZIP_EM_NONE)
        return wf_fail(r->err, WEFT_FORMAT, "%s: is encrypted, wanted it plain", shown);
    bool fits = stored ? st->size == st->comp_size : st->size / 1032 <= st->comp_size;
    if (st->comp_size > r->packed_left || !fits)
        return wf_fail(r->err, WEFT_FORMAT,
                       "%s: the archive says %llu bytes, packed %llu, which cannot be", shown,
                       (unsigned long long)st->size, (unsigned long long)st->comp_size);
    r->packed_left -= st->comp_size;
    return true;
}

static bool read_all(struct reader *r, const char *shown, zip_file_t *file, void *to, uint64_t n)
{
    char *at = to;
    while (n) {
        zip_int64_t got = zip_fread(file, at, n);
        if (got < 0)
            return wf_fail(r->err, WEFT_FORMAT, "%s: %s", shown, zip_file_strerror(file));
        if (!got)
            return wf_fail(r->err, WEFT_FORMAT, "%s: is cut", shown);
        at += got;
        n -= (uint64_t)got;
    }
    return true;
}

// The checksum is compared when the end is met.
static bool at_end(struct reader *r, const char *shown, zip_file_t *file)
{
    char more;
    zip_int64_t got = zip_fread(file, &more, 1);
    return !got || wf_fail(r->err, WEFT_FORMAT, "%s: %s", shown,
                           got < 0 ? zip_file_strerror(file) : "is longer than the archive says");
}

static bool take_data(struct reader *r, struct wf_npz_entry *e, const struct wf_npy *h,
                      const char *shown, zip_file_t *file)
{
    if (!(e->data = malloc((size_t)h->bytes + 1)))
        return wf_fail_nomem(r->err, shown);
    if (!read_all(r, shown, file, e->data, h->bytes) || !at_end(r, shown, file))
        return false;
    e->tensor = h->tensor;
    e->tensor.name = e->name;
    e->tensor.data = e->data;
    if (wf_npy_is_plain(h, e->data))
        return true;
    void *from = e->data;
    e->tensor.data = e->data = malloc((size_t)h->weft_bytes + 1);
    bool ok =
        e->data ? wf_npy_convert(h, shown, from, e->data, r->err) : wf_fail_nomem(r->err, shown);
    free(from);
    return ok;
}

static bool read_array(struct reader *r, struct wf_npz_entry *e, const char *shown, uint64_t total,
                       zip_file_t *file)
{
    size_t first = total < 12 ? (size_t)total : 12, begin = 0;
    unsigned char *header = malloc(WF_NPY_MAX_BEGIN);
    struct wf_npy h;
    bool ok = header || wf_fail_nomem(r->err, shown);
    ok = ok && read_all(r, shown, file, header, first) &&
         wf_npy_begin(shown, header, first, &begin, r->err);
    if (ok && begin > first && begin <= total)
        ok = read_all(r, shown, file, header + first, begin - first);
    ok = ok && wf_npy_parse(&h, shown, header, begin, total, r->err) &&
         (begin >= first || wf_fail(r->err, WEFT_FORMAT, "%s: npy header is too short", shown)) &&
         take_data(r, e, &h, shown, file);
    free(header);
    return ok;
}

static bool read_entry(struct reader *r, int i)
{
    const zip_uint64_t need =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    struct wf_npz_entry *e = &r->f->entry[i];
    struct wf_npz_shown buffer;
    zip_stat_t st;
    zip_stat_init(&st);
    if (zip_stat_index(r->zip, (zip_uint64_t)i, 0, &st) || (st.valid & need) != need)
        return wf_fail(r->err, WEFT_FORMAT, "%s: entry %d: %s", wf_npy_shown(r->path), i,
                       zip_strerror(r->zip));
    const char *shown = wf_npz_shown(&buffer, r->path, st.name);
    if (!check_sizes(r, shown, &st))
        return false;
    if (!(e->name = wf_npy_entry_name(st.name)))
        return wf_fail_nomem(r->err, shown);
    zip_file_t *file = zip_fopen_index(r->zip, (zip_uint64_t)i, 0);
    if (!file)
        return wf_fail(r->err, WEFT_FORMAT, "%s: %s", shown, zip_strerror(r->zip));
    bool ok = read_array(r, e, shown, st.size, file);
    zip_fclose(file);
    return ok;
}

static int compare_names(const void *a, const void *b)
{
    const struct weft_file_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static bool index_names(struct reader *r)
{
    weft_npz *f = r->f;
    for (int i = 0; i < f->count; i++)
        f->by_name[i] = &f->entry[i].tensor;
    if (f->count)
        qsort(f->by_name, (size_t)f->count, sizeof *f->by_name, compare_names);
    for (int i = 1; i < f->count; i++) {
        if (!strcmp(f->by_name[i - 1]->name, f->by_name[i]->name))
            return wf_fail(r->err, WEFT_FORMAT, "%s: two arrays are called '%.60s'",
                           wf_npy_shown(r->path), f->by_name[i]->name);
    }
    return true;
}

static bool read_entries(struct reader *r)
{
    weft_npz *f = r->f;
    zip_int64_t n = zip_get_num_entries(r->zip, 0);
    if (n < 0 || n > INT_MAX)
        return wf_fail(r->err, WEFT_FORMAT, "%s: has %lld entries, wanted at most %d",
                       wf_npy_shown(r->path), (long long)n, INT_MAX);
    f->entry = calloc((size_t)n + 1, sizeof *f->entry);
    f->by_name = malloc(((size_t)n + 1) * sizeof *f->by_name);
    if (!f->entry || !f->by_name)
        return wf_fail_nomem(r->err, wf_npy_shown(r->path));
    for (f->count = 0; f->count < n;) {
        if (!read_entry(r, f->count++))
            return false;
    }
    return index_names(r);
}

bool wf_npz_read(weft_npz *f, const char *path, const struct wf_map *map, struct weft_error *err)
{
    if (!map->bytes) // which libzip takes for an archive without entries
        return wf_fail(err, WEFT_FORMAT, "%s: is empty, wanted an npz file", wf_npy_shown(path));
    zip_error_t e;
    zip_error_init(&e);
    struct reader r = {.f = f, .path = path, .packed_left = map->bytes, .err = err};
    zip_source_t *source = zip_source_buffer_create(map->data, map->bytes, 0, &e);
    r.zip = source ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &e) : NULL;
    bool ok = r.zip && read_entries(&r);
    if (!r.zip)
        wf_fail(err, WEFT_FORMAT, "%s: %s, wanted an npz file", wf_npy_shown(path),
                zip_error_strerror(&e));
    if (r.zip)
        zip_discard(r.zip); // frees the source
    else if (source)
        zip_source_free(source);
    zip_error_fini(&e);
    return ok;
}
