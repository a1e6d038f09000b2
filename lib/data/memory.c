// Data sets of arrays in memory or in npy files: a row is a piece of each.
#include "base/text.h"
#include "data/data.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct arrays {
    const char *x, *y;       // the data; y may be NULL
    size_t x_bytes, y_bytes; // of a row
    void *x_copy, *y_copy;   // owned, or NULL
    weft_npy *x_file, *y_file;
};

static bool get_row(void *priv, int64_t row, void *x, void *y, struct weft_error *err)
{
    (void)err;
    const struct arrays *a = priv;
    memcpy(x, a->x + (size_t)row * a->x_bytes, a->x_bytes);
    if (a->y)
        memcpy(y, a->y + (size_t)row * a->y_bytes, a->y_bytes);
    return true;
}

static void destroy_arrays(void *priv)
{
    struct arrays *a = priv;
    free(a->x_copy);
    free(a->y_copy);
    weft_npy_close(&a->x_file);
    weft_npy_close(&a->y_file);
    free(a);
}

// A row of a tensor, and its bytes.
static bool describe(const char *what, const struct weft_file_tensor *t, struct weft_row *row,
                     size_t *bytes, struct weft_error *err)
{
    if (t->ndim < 1 || t->ndim > WEFT_MAX_DIMS)
        return wf_fail(err, WEFT_SHAPE, "%s has %d dimensions, wanted 1 to %d, the first its rows",
                       what, t->ndim, WEFT_MAX_DIMS);
    *row = (struct weft_row){t->dtype, t->ndim - 1, {0}};
    *bytes = weft_dtype_size(t->dtype);
    bool ok = *bytes && t->shape[0] >= 0 && (t->data || !t->shape[0]);
    for (int i = 1; i < t->ndim; i++) {
        row->shape[i - 1] = t->shape[i];
        if (t->shape[i] <= 0)
            return wf_fail(err, WEFT_SHAPE, "%s is %s, its sizes must be above 0", what,
                           WF_SHAPE(t->ndim, t->shape));
        ok = ok && (uint64_t)t->shape[i] <= PTRDIFF_MAX / *bytes;
        if (ok)
            *bytes *= (size_t)t->shape[i];
    }
    if (ok && (uint64_t)t->shape[0] <= PTRDIFF_MAX / *bytes)
        return true;
    return wf_fail(
        err, WEFT_PARAM, "%s is %s %s%s; wanted a dtype, data, and no more than memory can hold",
        what, weft_dtype_name(t->dtype), WF_SHAPE(t->ndim, t->shape), t->data ? "" : " at NULL");
}

static bool copy_rows(const char **data, size_t bytes, void **copy)
{
    *copy = malloc(bytes ? bytes : 1);
    if (*copy && bytes)
        memcpy(*copy, *data, bytes);
    *data = *copy;
    return *copy;
}

static bool copy_arrays(struct arrays *a, int64_t rows, struct weft_error *err)
{
    if (!copy_rows(&a->x, a->x_bytes * (size_t)rows, &a->x_copy))
        return wf_fail_nomem(err, "data_memory");
    return !a->y || copy_rows(&a->y, a->y_bytes * (size_t)rows, &a->y_copy) ||
           wf_fail_nomem(err, "data_memory");
}

// What errors call an array: "data_memory: x", or its file.
struct shown {
    char text[112];
};

static const char *show(struct shown *s, const char *what, const char *path)
{
    size_t n = path ? strlen(path) : 0; // the end of a long path tells more than its beginning
    snprintf(s->text, sizeof s->text, "%s", !path ? what : n > 100 ? path + n - 100 : path);
    return s->text;
}
#define SHOW(what, path) show(&(struct shown){{0}}, "data_memory: " what, path)

// Takes a. The paths, for errors, are NULL for arrays in memory.
static weft_data *from_arrays(struct arrays *a, const char *x_path, const char *y_path, bool copy,
                              const struct weft_file_tensor *x, const struct weft_file_tensor *y,
                              struct weft_error *err)
{
    struct weft_data_source src = *weft_data_source(.count = x->shape[0], .get = get_row,
                                                    .destroy = destroy_arrays, .priv = a);
    const char *x_name = SHOW("x", x_path), *y_name = SHOW("y", y_path);
    bool ok = describe(x_name, x, &src.x, &a->x_bytes, err) &&
              (!y || describe(y_name, y, &src.y, &a->y_bytes, err));
    if (ok && y && x->shape[0] != y->shape[0])
        ok = wf_fail(err, WEFT_SHAPE, "%s has %" PRId64 " rows, %s has %" PRId64, x_name,
                     x->shape[0], y_path ? y_name : "y", y->shape[0]);
    a->x = x->data;
    a->y = y ? y->data : NULL;
    if (ok && (!copy || copy_arrays(a, src.count, err)))
        return weft_data_create(&src, err);
    destroy_arrays(a);
    return NULL;
}

weft_data *weft_data_memory(const struct weft_file_tensor *x, const struct weft_file_tensor *y,
                            const struct weft_data_memory_params *params, struct weft_error *err)
{
    struct weft_data_memory_params o;
    WF_PARAMS(o, params);
    struct arrays *a = x ? calloc(1, sizeof *a) : NULL;
    if (a)
        return from_arrays(a, NULL, NULL, o.copy, x, y, err);
    if (x)
        wf_fail_nomem(err, "data_memory");
    else
        wf_fail(err, WEFT_PARAM, "data_memory: x is NULL");
    return NULL;
}

weft_data *weft_data_npy(const char *x_path, const char *y_path, struct weft_error *err)
{
    struct arrays *a = calloc(1, sizeof *a);
    if (!a) {
        wf_fail_nomem(err, "data_npy");
        return NULL;
    }
    a->x_file = weft_npy_open(x_path, err);
    a->y_file = a->x_file && y_path ? weft_npy_open(y_path, err) : NULL;
    if (a->x_file && (a->y_file || !y_path))
        return from_arrays(a, x_path, y_path, false, weft_npy_tensor(a->x_file),
                           weft_npy_tensor(a->y_file), err);
    destroy_arrays(a);
    return NULL;
}
