// npy files: mapped, and used in place where the elements are as weft has them.
#include "file/npy.h"
#include "base/os.h"
#include <stdlib.h>

struct weft_npy {
    struct wf_map map;
    struct weft_file_tensor tensor;
    char *name;
    void *copy; // the data, where they cannot be used in place; or NULL
};

static bool find_data(weft_npy *f, const struct wf_npy *h, const char *shown,
                      struct weft_error *err)
{
    const char *data = (const char *)f->map.data + h->begin;
    f->tensor = h->tensor;
    f->tensor.name = f->name;
    f->tensor.data = h->bytes ? data : f->map.data; // any aligned place
    bool aligned = (uintptr_t)f->tensor.data % weft_dtype_size(h->tensor.dtype) == 0;
    if (!h->bytes || (aligned && wf_npy_is_plain(h, data)))
        return true;
    if (!(f->copy = malloc((size_t)h->weft_bytes)))
        return wf_fail_nomem(err, shown);
    f->tensor.data = f->copy;
    return wf_npy_convert(h, shown, data, f->copy, err);
}

static bool read_file(weft_npy *f, const char *path, struct weft_error *err)
{
    const char *shown = wf_npy_shown(path);
    struct wf_npy h;
    size_t begin = 0;
    if (!(f->name = wf_npy_name(path)))
        return wf_fail_nomem(err, shown);
    return wf_map_open(&f->map, path, err) &&
           wf_npy_begin(shown, f->map.data, f->map.bytes, &begin, err) &&
           wf_npy_parse(&h, shown, f->map.data, begin, f->map.bytes, err) &&
           find_data(f, &h, shown, err);
}

weft_npy *weft_npy_open(const char *path, struct weft_error *err)
{
    if (!path) {
        wf_fail(err, WEFT_PARAM, "weft_npy_open: path is NULL");
        return NULL;
    }
    weft_npy *f = calloc(1, sizeof *f);
    if (!f)
        wf_fail_nomem(err, wf_npy_shown(path));
    else if (!read_file(f, path, err))
        weft_npy_close(&f);
    return f;
}

void weft_npy_close(weft_npy **f)
{
    if (!f || !*f)
        return;
    free((*f)->copy);
    free((*f)->name);
    wf_map_close(&(*f)->map);
    free(*f);
    *f = NULL;
}

const struct weft_file_tensor *weft_npy_tensor(const weft_npy *f)
{
    return f ? &f->tensor : NULL;
}

bool weft_npy_write(const char *path, const struct weft_file_tensor *tensor, struct weft_error *err)
{
    struct wf_npy_prefix p;
    if (!path)
        return wf_fail(err, WEFT_PARAM, "weft_npy_write: path is NULL");
    if (!wf_npy_print(&p, wf_npy_shown(path), tensor, err))
        return false;
    const struct wf_span spans[] = {{p.data, p.bytes}, {tensor->data, (size_t)p.data_bytes}};
    return wf_file_replace(path, spans, 2, true, false, err);
}
