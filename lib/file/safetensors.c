// Reading safetensors. The file is mapped and not trusted: every place is checked against the
// file's length before it is used, and the tensors must cover the data without a gap or an overlap.
#include "file/safetensors.h"
#include "base/json.h"
#include "base/os.h"
#include "base/text.h"
#include <stdlib.h>

#if defined __BYTE_ORDER__ && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "lib/file/safetensors.c hands out the data as they are in the file, which is little endian"
#endif

struct entry {
    struct weft_file_tensor tensor;
    const struct wf_safetensors_dtype *from;
    uint64_t begin, end; // in the data
    size_t number;       // place in the header
    void *copy;          // the data, where they are not aligned in the file or converted; or NULL
};

struct weft_safetensors {
    struct wf_map map;
    bool borrowed;   // the map is the program's memory
    char *path;      // for texts
    wf_json *header; // holds the names
    struct entry *entry;
    const struct weft_file_tensor **by_name;
    size_t count, room;
};

// What a walk through the header needs.
struct reader {
    weft_safetensors *f;
    const char *path;
    uint64_t data_bytes;
    struct weft_error *err;
};

static bool is_text(void *priv, const char *key, const wf_json *v)
{
    (void)priv, (void)key;
    return wf_json_get_text(v);
}

static bool read_dtype(const struct reader *r, const wf_json *v, struct entry *e)
{
    struct weft_file_tensor *t = &e->tensor;
    const char *name = wf_json_get_text(v);
    if (!name)
        return wf_fail(r->err, WEFT_FORMAT, "%s: tensor '%s': dtype is missing or no text", r->path,
                       t->name);
    if (!(e->from = wf_safetensors_dtype(name)))
        return wf_fail(r->err, WEFT_FORMAT,
                       "%s: tensor '%s': dtype is '%s', wanted F64 F32 F16 BF16 F8_E5M2 F8_E4M3 "
                       "I64 I32 I16 I8 U64 U32 U16 U8 or BOOL",
                       r->path, t->name, name);
    t->dtype = e->from->dtype;
    return true;
}

static bool read_shape(const struct reader *r, const wf_json *v, struct weft_file_tensor *t)
{
    size_t n = wf_json_length(v);
    if (!wf_json_is_array(v) || n > WEFT_MAX_DIMS)
        return wf_fail(r->err, WEFT_FORMAT,
                       "%s: tensor '%s': shape is no array of at most %d integers", r->path,
                       t->name, WEFT_MAX_DIMS);
    for (size_t i = 0; i < n; i++) {
        if (!wf_json_get_int(wf_json_at(v, i), &t->shape[i]) || t->shape[i] < 0)
            return wf_fail(r->err, WEFT_FORMAT,
                           "%s: tensor '%s': dimension %zu is no count of elements", r->path,
                           t->name, i);
    }
    t->ndim = (int)n;
    return true;
}

// Of a tensor that has so many bytes once it is converted.
static uint64_t elements(const struct entry *e, uint64_t bytes)
{
    return bytes / weft_dtype_size(e->tensor.dtype);
}

static bool read_place(const struct reader *r, const wf_json *v, struct entry *e)
{
    int64_t begin = 0, end = 0;
    if (wf_json_length(v) != 2 || !wf_json_get_int(wf_json_at(v, 0), &begin) ||
        !wf_json_get_int(wf_json_at(v, 1), &end))
        return wf_fail(r->err, WEFT_FORMAT,
                       "%s: tensor '%s': data_offsets is missing or not two integers", r->path,
                       e->tensor.name);
    if (begin < 0 || end < begin || (uint64_t)end > r->data_bytes)
        return wf_fail(r->err, WEFT_FORMAT,
                       "%s: tensor '%s': data_offsets are [%lld,%lld], the file has %llu bytes of "
                       "data",
                       r->path, e->tensor.name, (long long)begin, (long long)end,
                       (unsigned long long)r->data_bytes);
    e->begin = (uint64_t)begin;
    e->end = (uint64_t)end;
    uint64_t bytes = 0;
    if (!wf_safetensors_bytes(&e->tensor, &bytes) ||
        elements(e, bytes) * e->from->bytes != e->end - e->begin)
        return wf_fail(r->err, WEFT_FORMAT, "%s: tensor '%s': %s%s does not fit %llu bytes of data",
                       r->path, e->tensor.name, e->from->name,
                       WF_SHAPE(e->tensor.ndim, e->tensor.shape),
                       (unsigned long long)(e->end - e->begin));
    return true;
}

static struct entry *add_entry(const struct reader *r)
{
    weft_safetensors *f = r->f;
    if (f->count == f->room) {
        size_t room = f->room ? f->room * 2 : 32;
        struct entry *entry = realloc(f->entry, room * sizeof *entry);
        if (!entry) {
            wf_fail_nomem(r->err, r->path);
            return NULL;
        }
        f->entry = entry;
        f->room = room;
    }
    f->entry[f->count] = (struct entry){.number = f->count};
    return &f->entry[f->count++];
}

static bool read_member(void *priv, const char *name, const wf_json *v)
{
    const struct reader *r = priv;
    if (!strcmp(name, WF_SAFETENSORS_METADATA))
        return (wf_json_is_object(v) && wf_json_each(v, is_text, NULL)) ||
               wf_fail(r->err, WEFT_FORMAT, "%s: %s is not an object of texts", r->path, name);
    struct entry *e = add_entry(r);
    if (!e)
        return false;
    e->tensor.name = name;
    return read_dtype(r, wf_json_member(v, "dtype"), e) &&
           read_shape(r, wf_json_member(v, "shape"), &e->tensor) &&
           read_place(r, wf_json_member(v, "data_offsets"), e);
}

// By place; an empty tensor before the one that begins where it is.
static int compare_places(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static bool check_cover(const struct reader *r)
{
    const weft_safetensors *f = r->f;
    uint64_t at = 0;
    for (size_t i = 0; i < f->count; at = f->entry[i++].end) {
        if (f->entry[i].begin != at)
            return wf_fail(r->err, WEFT_FORMAT,
                           "%s: tensor '%s': data begin at %llu, wanted %llu, where those before "
                           "end",
                           r->path, f->entry[i].tensor.name, (unsigned long long)f->entry[i].begin,
                           (unsigned long long)at);
    }
    return at == r->data_bytes ||
           wf_fail(r->err, WEFT_FORMAT, "%s: %llu bytes after the last tensor, wanted none",
                   r->path, (unsigned long long)(r->data_bytes - at));
}

// Data that are not aligned for their dtype, or have one that weft lacks, are copied: callers read
// them as arrays.
static bool find_data(const struct reader *r, struct entry *e)
{
    const char *data = (const char *)r->f->map.data + (r->f->map.bytes - r->data_bytes) + e->begin;
    size_t bytes = (size_t)(e->end - e->begin);
    if (!bytes)
        data = (const char *)r->f->by_name; // any aligned place
    e->tensor.data = data;
    bool aligned = (uintptr_t)data % weft_dtype_size(e->tensor.dtype) == 0;
    if (!bytes || (aligned && !e->from->convert))
        return true;
    uint64_t n = bytes / e->from->bytes, size = weft_dtype_size(e->tensor.dtype);
    if (n > PTRDIFF_MAX / size || !(e->copy = malloc((size_t)(n * size))))
        return wf_fail_nomem(r->err, r->path);
    e->tensor.data = e->copy;
    if (!e->from->convert)
        memcpy(e->copy, data, bytes);
    else if (!e->from->convert((const unsigned char *)data, n, e->copy))
        return wf_fail(r->err, WEFT_DTYPE, "%s: tensor '%s': a %s is above the %s there are",
                       r->path, e->tensor.name, e->from->name, weft_dtype_name(e->tensor.dtype));
    return true;
}

static bool read_header(struct reader *r)
{
    const struct wf_map *m = &r->f->map;
    const unsigned char *file = m->data;
    if (m->bytes < 8)
        return wf_fail(r->err, WEFT_FORMAT, "%s: has %zu bytes, a safetensors file at least 8",
                       r->path, m->bytes);
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n |= (uint64_t)file[i] << 8 * i;
    if (n > m->bytes - 8 || n > WF_SAFETENSORS_MAX_HEADER)
        return wf_fail(r->err, WEFT_FORMAT,
                       "%s: is no safetensors file, or cut: header of %llu bytes, at most %zu "
                       "can be there",
                       r->path, (unsigned long long)n,
                       m->bytes - 8 < WF_SAFETENSORS_MAX_HEADER ? m->bytes - 8
                                                                : WF_SAFETENSORS_MAX_HEADER);
    if (!n || file[8] != '{')
        return wf_fail(r->err, WEFT_FORMAT, "%s: the header is no JSON object", r->path);
    r->data_bytes = m->bytes - 8 - n;
    r->f->header = wf_json_parse(r->path, (const char *)file + 8, (size_t)n, r->err);
    return r->f->header && wf_json_each(r->f->header, read_member, r);
}

static bool read_file(struct reader *r)
{
    weft_safetensors *f = r->f;
    if (!read_header(r))
        return false;
    if (f->count)
        qsort(f->entry, f->count, sizeof *f->entry, compare_places);
    if (!check_cover(r))
        return false;
    if (!(f->by_name = malloc((f->count + 1) * sizeof *f->by_name)))
        return wf_fail_nomem(r->err, r->path);
    for (size_t i = 0; i < f->count; i++) {
        if (!find_data(r, &f->entry[i]))
            return false;
        f->by_name[i] = &f->entry[i].tensor;
    }
    wf_safetensors_sort(f->by_name, f->count);
    return true;
}

static weft_safetensors *make(const char *path, struct weft_error *err)
{
    weft_safetensors *f = calloc(1, sizeof *f);
    if (f && (f->path = wf_strdup(path)))
        return f;
    free(f);
    wf_fail_nomem(err, path);
    return NULL;
}

static weft_safetensors *read_or_close(weft_safetensors *f, struct weft_error *err)
{
    struct reader r = {.f = f, .path = f->path, .err = err};
    if (!read_file(&r))
        weft_safetensors_close(&f);
    return f;
}

weft_safetensors *weft_safetensors_open(const char *path, struct weft_error *err)
{
    if (!path) {
        wf_fail(err, WEFT_PARAM, "weft_safetensors_open: path is NULL");
        return NULL;
    }
    weft_safetensors *f = make(path, err);
    if (f && wf_map_open(&f->map, path, err))
        return read_or_close(f, err);
    weft_safetensors_close(&f);
    return NULL;
}

weft_safetensors *weft_safetensors_open_memory(const void *data, size_t bytes,
                                               struct weft_error *err)
{
    if (!data) {
        wf_fail(err, WEFT_PARAM, "weft_safetensors_open_memory: data is NULL");
        return NULL;
    }
    weft_safetensors *f = make("safetensors in memory", err);
    if (!f)
        return NULL;
    f->borrowed = true;
    f->map = (struct wf_map){.data = (void *)(uintptr_t)data, .bytes = bytes};
    return read_or_close(f, err);
}

const char *wf_safetensors_path(const weft_safetensors *f)
{
    return f->path;
}

void weft_safetensors_close(weft_safetensors **f)
{
    if (!f || !*f)
        return;
    for (size_t i = 0; i < (*f)->count; i++)
        free((*f)->entry[i].copy);
    free((*f)->entry);
    free((*f)->by_name);
    wf_json_free((*f)->header);
    if (!(*f)->borrowed)
        wf_map_close(&(*f)->map);
    free((*f)->path);
    free(*f);
    *f = NULL;
}

int weft_safetensors_count(const weft_safetensors *f)
{
    return f ? (int)f->count : 0;
}

const struct weft_file_tensor *weft_safetensors_at(const weft_safetensors *f, int i)
{
    return f && i >= 0 && (size_t)i < f->count ? &f->entry[i].tensor : NULL;
}

static int compare_name(const void *name, const void *b)
{
    const struct weft_file_tensor *const *t = b;
    return strcmp(name, (*t)->name);
}

const struct weft_file_tensor *weft_safetensors_find(const weft_safetensors *f, const char *name)
{
    if (!f || !name || !f->count)
        return NULL;
    const struct weft_file_tensor *const *t =
        bsearch(name, f->by_name, f->count, sizeof *f->by_name, compare_name);
    return t ? *t : NULL;
}

const char *weft_safetensors_metadata(const weft_safetensors *f, const char *key)
{
    const wf_json *all = f ? wf_json_member(f->header, WF_SAFETENSORS_METADATA) : NULL;
    return all && key ? wf_json_get_text(wf_json_member(all, key)) : NULL;
}

struct nth {
    int left;
    const char *key;
};

static bool count_down(void *priv, const char *key, const wf_json *v)
{
    struct nth *n = priv;
    (void)v;
    n->key = key;
    return n->left-- > 0;
}

const char *weft_safetensors_metadata_key(const weft_safetensors *f, int i)
{
    struct nth n = {i, NULL};
    const wf_json *all = f ? wf_json_member(f->header, WF_SAFETENSORS_METADATA) : NULL;
    return i >= 0 && all && !wf_json_each(all, count_down, &n) ? n.key : NULL;
}
