// Writing safetensors. The tensors follow one another in the order given; the header is padded with
// spaces so that the data begin at a multiple of 8, where most readers can use them in place.
#include "base/json.h"
#include "base/os.h"
#include "base/text.h"
#include "file/safetensors.h"
#include <limits.h>
#include <stdlib.h>

bool wf_safetensors_bytes(const struct weft_file_tensor *t, uint64_t *bytes)
{
    int64_t product = (int64_t)weft_dtype_size(t->dtype);
    bool empty = false;
    for (int i = 0; i < t->ndim; i++) {
        int64_t n = t->shape[i];
        if (n < 0 || (n && product > INT64_MAX / n))
            return false;
        if (n)
            product *= n;
        empty |= !n;
    }
    *bytes = empty ? 0 : (uint64_t)product;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const struct weft_file_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

const char *wf_safetensors_sort(const struct weft_file_tensor **by_name, size_t n)
{
    if (n)
        qsort(by_name, n, sizeof *by_name, compare_names);
    for (size_t i = 1; i < n; i++) {
        if (!strcmp(by_name[i - 1]->name, by_name[i]->name))
            return by_name[i]->name;
    }
    return NULL;
}

static bool check_tensor(const char *path, const struct weft_file_tensor *t, uint64_t *bytes,
                         struct weft_error *err)
{
    if (!t->name || !strcmp(t->name, WF_SAFETENSORS_METADATA))
        return wf_fail(err, WEFT_PARAM, "%s: a tensor is called '%s'", path,
                       t->name ? t->name : "NULL");
    if (!weft_dtype_size(t->dtype))
        return wf_fail(err, WEFT_PARAM, "%s: tensor '%s': dtype is %d, which is none", path,
                       t->name, (int)t->dtype);
    if (t->ndim < 0 || t->ndim > WEFT_MAX_DIMS || !wf_safetensors_bytes(t, bytes))
        return wf_fail(
            err, WEFT_PARAM,
            "%s: tensor '%s': a dimension is negative, or there are more than %d, or too "
            "many elements",
            path, t->name, WEFT_MAX_DIMS);
    if (*bytes && !t->data)
        return wf_fail(err, WEFT_PARAM, "%s: tensor '%s': data is NULL", path, t->name);
    return true;
}

static bool check_names(const char *path, const struct weft_file_tensor *tensors, size_t n,
                        struct weft_error *err)
{
    const struct weft_file_tensor **by_name = malloc((n + 1) * sizeof *by_name);
    if (!by_name)
        return wf_fail_nomem(err, path);
    for (size_t i = 0; i < n; i++)
        by_name[i] = &tensors[i];
    const char *twice = wf_safetensors_sort(by_name, n);
    free(by_name);
    return !twice || wf_fail(err, WEFT_PARAM, "%s: two tensors are called '%s'", path, twice);
}

// {"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}; NULL when out of memory.
static wf_json *make_member(const struct weft_file_tensor *t, uint64_t begin, uint64_t end)
{
    wf_json *member = wf_json_object(), *shape = wf_json_array(), *place = wf_json_array();
    bool ok = wf_json_append(place, wf_json_int((int64_t)begin)) &&
              wf_json_append(place, wf_json_int((int64_t)end));
    for (int i = 0; i < t->ndim; i++)
        ok = wf_json_append(shape, wf_json_int(t->shape[i])) && ok;
    ok = wf_json_set(member, "dtype", wf_json_text(weft_dtype_name(t->dtype))) && ok;
    ok = wf_json_set(member, "shape", shape) && ok;
    ok = wf_json_set(member, "data_offsets", place) && ok;
    if (ok)
        return member;
    wf_json_free(member);
    return NULL;
}

static bool add_member(const char *path, wf_json *header, const struct weft_file_tensor *t,
                       uint64_t *end, struct weft_error *err)
{
    uint64_t begin = *end, bytes = 0;
    if (!check_tensor(path, t, &bytes, err))
        return false;
    if (bytes > (uint64_t)INT64_MAX - begin)
        return wf_fail(err, WEFT_PARAM, "%s: tensor '%s': ends beyond 2^63 bytes", path, t->name);
    *end = begin + bytes;
    if (!wf_is_utf8(t->name))
        return wf_fail(err, WEFT_PARAM, "%s: tensor '%s': the name is not UTF-8", path, t->name);
    return wf_json_set(header, t->name, make_member(t, begin, *end)) || wf_fail_nomem(err, path);
}

static const char *wrong_metadata(const wf_json *all, const struct weft_file_text *t)
{
    return !t->key                       ? "the key is NULL"
           : !t->value                   ? "the value is NULL"
           : !wf_is_utf8(t->value)       ? "the value is not UTF-8"
           : !wf_is_utf8(t->key)         ? "the key is not UTF-8"
           : wf_json_member(all, t->key) ? "there are two of that key"
                                         : NULL;
}

static bool add_metadata(const char *path, wf_json *header, const struct weft_safetensors_params *o,
                         struct weft_error *err)
{
    wf_json *all = o->nmetadata ? wf_json_object() : NULL;
    if (o->nmetadata && !wf_json_set(header, WF_SAFETENSORS_METADATA, all))
        return wf_fail_nomem(err, path);
    for (int i = 0; i < o->nmetadata; i++) {
        const struct weft_file_text *t = &o->metadata[i];
        const char *wrong = wrong_metadata(all, t);
        if (wrong)
            return wf_fail(err, WEFT_PARAM, "%s: metadata '%s': %s", path, t->key ? t->key : "NULL",
                           wrong);
        if (!wf_json_set(all, t->key, wf_json_text(t->value)))
            return wf_fail_nomem(err, path);
    }
    return true;
}

// The header's text, owned by the caller (free), and the data in spans[3] and on.
static char *make_header(const char *path, const struct weft_file_tensor *tensors, size_t n,
                         const struct weft_safetensors_params *o, struct wf_span *spans,
                         struct weft_error *err)
{
    wf_json *header = wf_json_object();
    uint64_t end = 0;
    bool ok = header ? add_metadata(path, header, o, err) : wf_fail_nomem(err, path);
    for (size_t i = 0; ok && i < n; i++) {
        uint64_t begin = end;
        ok = add_member(path, header, &tensors[i], &end, err);
        spans[3 + i] = (struct wf_span){tensors[i].data, (size_t)(end - begin)};
    }
    char *text = ok ? wf_json_print(header) : NULL;
    if (ok && !text)
        wf_fail_nomem(err, path);
    wf_json_free(header);
    return text;
}

static bool write_file(const char *path, const char *header, struct wf_span *spans, size_t n,
                       struct weft_error *err)
{
    size_t bytes = strlen(header), padding = (8 - bytes % 8) % 8;
    if (bytes + padding > WF_SAFETENSORS_MAX_HEADER)
        return wf_fail(err, WEFT_PARAM, "%s: header of %zu bytes, at most %d can be read", path,
                       bytes, WF_SAFETENSORS_MAX_HEADER);
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)(bytes + padding) >> 8 * i);
    spans[0] = (struct wf_span){length, sizeof length};
    spans[1] = (struct wf_span){header, bytes};
    spans[2] = (struct wf_span){"       ", padding};
    return wf_file_replace(path, spans, (int)n + 3, true, false, err);
}

bool weft_safetensors_write(const char *path, const struct weft_file_tensor *tensors, int n,
                            const struct weft_safetensors_params *params, struct weft_error *err)
{
    struct weft_safetensors_params o;
    WF_PARAMS(o, params);
    if (!path || n < 0 || n > INT_MAX - 3 || (n && !tensors))
        return wf_fail(err, WEFT_PARAM,
                       "weft_safetensors_write: path or tensors is NULL, or n is %d", n);
    if (o.nmetadata < 0 || (o.nmetadata && !o.metadata))
        return wf_fail(err, WEFT_PARAM, "%s: metadata is NULL, or there are %d", path, o.nmetadata);
    struct wf_span *spans = malloc(((size_t)n + 3) * sizeof *spans);
    if (!spans)
        return wf_fail_nomem(err, path);
    char *header = make_header(path, tensors, (size_t)n, &o, spans, err);
    bool ok = header && check_names(path, tensors, (size_t)n, err) &&
              write_file(path, header, spans, (size_t)n, err);
    free(header);
    free(spans);
    return ok;
}
