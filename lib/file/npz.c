// An npz archive that has been read.
#include "file/npz.h"
#include "base/os.h"
#include "file/npy.h"
#include <stdlib.h>

static int compare_name(const void *name, const void *b)
{
    const struct weft_file_tensor *const *t = b;
    return strcmp(name, (*t)->name);
}

void weft_npz_close(weft_npz **f)
{
    if (!f || !*f)
        return;
    for (int i = 0; i < (*f)->count; i++) {
        free((*f)->entry[i].name);
        free((*f)->entry[i].data);
    }
    free((*f)->entry);
    free((*f)->by_name);
    free(*f);
    *f = NULL;
}

int weft_npz_count(const weft_npz *f)
{
    return f ? f->count : 0;
}

const struct weft_file_tensor *weft_npz_at(const weft_npz *f, int i)
{
    return f && i >= 0 && i < f->count ? &f->entry[i].tensor : NULL;
}

const struct weft_file_tensor *weft_npz_find(const weft_npz *f, const char *name)
{
    if (!f || !name || !f->count)
        return NULL;
    const struct weft_file_tensor *const *t =
        bsearch(name, f->by_name, (size_t)f->count, sizeof *f->by_name, compare_name);
    return t ? *t : NULL;
}

#ifdef WF_HAVE_ZIP
weft_npz *weft_npz_open(const char *path, struct weft_error *err)
{
    struct wf_map map;
    if (!path) {
        wf_fail(err, WEFT_PARAM, "weft_npz_open: path is NULL");
        return NULL;
    }
    weft_npz *f = calloc(1, sizeof *f);
    if (!f) {
        wf_fail_nomem(err, wf_npy_shown(path));
        return NULL;
    }
    if (!wf_map_open(&map, path, err)) {
        weft_npz_close(&f);
        return NULL;
    }
    if (!wf_npz_read(f, path, &map, err))
        weft_npz_close(&f);
    wf_map_close(&map);
    return f;
}
#else
weft_npz *weft_npz_open(const char *path, struct weft_error *err)
{
    (void)path;
    wf_fail(err, WEFT_UNSUPPORTED, "npz: this weft cannot read npz, build it with libzip");
    return NULL;
}

bool weft_npz_write(const char *path, const struct weft_file_tensor *tensors, int n,
                    const struct weft_npz_params *o, struct weft_error *err)
{
    (void)path, (void)tensors, (void)n, (void)o;
    return wf_fail(err, WEFT_UNSUPPORTED, "npz: this weft cannot write npz, build it with libzip");
}
#endif
