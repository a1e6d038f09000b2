// Writing npz with libzip: into memory, and from there to the file as any other. The entries have
// NumPy's fixed date, so equal tensors make equal files.
#include "base/os.h"
#include "base/text.h"
#include "file/npy.h"
#include "file/npz.h"
#include <stdlib.h>
#include <zip.h>

enum { DATE_1980 = 1 << 5 | 1 }; // January 1st, as DOS writes it

struct writer {
    zip_t *zip;
    const char *path;
    bool compress;
    struct weft_error *err;
};

static bool fail(const struct writer *w, const char *shown, zip_error_t *e)
{
    if (zip_error_code_zip(e) == ZIP_ER_MEMORY)
        return wf_fail_nomem(w->err, shown);
    return wf_fail(w->err, WEFT_PARAM, "%s: %s", shown, zip_error_strerror(e));
}

static bool add_entry(const struct writer *w, const struct weft_file_tensor *t, const char *name,
                      struct wf_npy_prefix *prefix)
{
    struct wf_npz_shown buffer;
    const char *shown = wf_npz_shown(&buffer, w->path, name);
    if (!wf_npy_print(prefix, shown, t, w->err))
        return false;
    zip_buffer_fragment_t part[] = {{prefix->data, prefix->bytes},
                                    {(zip_uint8_t *)t->data, prefix->data_bytes}};
    zip_error_t e;
    zip_error_init(&e);
    zip_source_t *source =
        zip_source_buffer_fragment_create(part, prefix->data_bytes ? 2 : 1, 0, &e);
    if (!source) {
        fail(w, shown, &e);
        zip_error_fini(&e);
        return false;
    }
    zip_int64_t i = zip_file_add(w->zip, name, source, ZIP_FL_ENC_UTF_8);
    if (i < 0)
        zip_source_free(source);
    int method = w->compress ? ZIP_CM_DEFLATE : ZIP_CM_STORE;
    return (i >= 0 && !zip_set_file_compression(w->zip, (zip_uint64_t)i, method, 0) &&
            !zip_file_set_dostime(w->zip, (zip_uint64_t)i, 0, DATE_1980, 0)) ||
           fail(w, shown, zip_get_error(w->zip));
}

static bool add_entries(const struct writer *w, const struct weft_file_tensor *tensors, int n,
                        struct wf_npy_prefix *prefix)
{
    for (int i = 0; i < n; i++) {
        struct wf_text name = {0};
        if (!tensors[i].name)
            return wf_fail(w->err, WEFT_PARAM, "%s: tensor %d has no name", wf_npy_shown(w->path),
                           i);
        wf_text_add(&name, "%s.npy", tensors[i].name);
        bool ok = name.failed ? wf_fail_nomem(w->err, wf_npy_shown(w->path))
                              : add_entry(w, &tensors[i], name.data, &prefix[i]);
        wf_text_finish(&name);
        if (!ok)
            return false;
    }
    return true;
}

static bool write_source(const struct writer *w, zip_source_t *source)
{
    zip_stat_t st;
    zip_stat_init(&st);
    if (zip_source_stat(source, &st) || !(st.valid & ZIP_STAT_SIZE) || zip_source_open(source))
        return fail(w, wf_npy_shown(w->path), zip_source_error(source));
    void *data = malloc((size_t)st.size + 1);
    bool ok = data || wf_fail_nomem(w->err, wf_npy_shown(w->path));
    if (ok && zip_source_read(source, data, st.size) != (zip_int64_t)st.size)
        ok = fail(w, wf_npy_shown(w->path), zip_source_error(source));
    const struct wf_span span = {data, (size_t)st.size};
    ok = ok && wf_file_replace(w->path, &span, 1, true, false, w->err);
    free(data);
    zip_source_close(source);
    return ok;
}

static bool write_archive(struct writer *w, const struct weft_file_tensor *tensors, int n,
                          struct wf_npy_prefix *prefix, zip_source_t *source)
{
    zip_error_t e;
    zip_error_init(&e);
    zip_source_keep(source);
    w->zip = zip_open_from_source(source, ZIP_TRUNCATE, &e);
    if (!w->zip) {
        zip_source_free(source);
        fail(w, wf_npy_shown(w->path), &e);
        zip_error_fini(&e);
        return false;
    }
    if (!add_entries(w, tensors, n, prefix)) {
        zip_discard(w->zip);
        return false;
    }
    if (zip_close(w->zip)) {
        fail(w, wf_npy_shown(w->path), zip_get_error(w->zip));
        zip_discard(w->zip);
        return false;
    }
    return write_source(w, source);
}

bool weft_npz_write(const char *path, const struct weft_file_tensor *tensors, int n,
                    const struct weft_npz_params *params, struct weft_error *err)
{
    struct weft_npz_params o;
    WF_PARAMS(o, params);
    if (!path || !tensors || n < 1)
        return wf_fail(err, WEFT_PARAM, "weft_npz_write: path or tensors is NULL, or n is %d", n);
    struct writer w = {.path = path, .compress = o.compress, .err = err};
    struct wf_npy_prefix *prefix = malloc((size_t)n * sizeof *prefix);
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    bool ok = (prefix && source) || wf_fail_nomem(err, wf_npy_shown(path));
    ok = ok && write_archive(&w, tensors, n, prefix, source);
    if (source)
        zip_source_free(source);
    free(prefix);
    return ok;
}
