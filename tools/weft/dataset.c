// The kind of a file is told by the end of its name.
#include "dataset.h"
#include "failure.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/npz.h>

const char default_data[] = "/usr/share/datasets/fashion-mnist";

void description_free(struct description *d)
{
    names_free(&d->classes);
    names_free(&d->columns);
    free(d->target);
    for (size_t i = 0; i < sizeof d->owned / sizeof *d->owned; i++)
        free(d->owned[i]);
    *d = (struct description){{0}};
}

const char *dataset_name(const char *path)
{
    return strcmp(path, "-") != 0 ? path : "standard input";
}

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && !strcasecmp(path + n - m, end);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

// The end of a long path tells more than its beginning.
static const char *end_of(const char *path, size_t most)
{
    size_t n = strlen(path);
    return n > most ? path + n - most : path;
}

// What targets are called in errors.
struct target_name {
    char text[160];
};

static weft_data *pair(const weft_npz *f, const char *path, const char *x_name, const char *y_name,
                       struct weft_error *err)
{
    const struct weft_file_tensor *x = weft_npz_find(f, x_name), *y = weft_npz_find(f, y_name);
    const char *scalar = x && !x->ndim ? x_name : y && !y->ndim ? y_name : NULL;
    if (!x)
        failure(err, WEFT_FORMAT, "%s: has no array %s, wanted x, and y with the targets", path,
                x_name);
    else if (scalar)
        failure(err, WEFT_SHAPE, "%s: %s is one number, wanted rows", path, scalar);
    else if (y && x->shape[0] != y->shape[0])
        failure(err, WEFT_SHAPE, "%s: %s has %" PRId64 " rows, %s has %" PRId64, path, x_name,
                x->shape[0], y_name, y->shape[0]);
    else
        return weft_data_memory(x, y, weft_data_memory_params(.copy = true), err);
    return NULL;
}

static weft_data *open_npz(const struct dataset_args *a, struct target_name *name,
                           struct weft_error *err)
{
    weft_npz *f = weft_npz_open(a->path, err);
    bool train = a->split == TRAIN_SPLIT;
    bool split = weft_npz_find(f, train ? "x_train" : "x_test") || weft_npz_find(f, "x_train");
    const char *x = !split ? "x" : train ? "x_train" : "x_test";
    const char *y = !split ? "y" : train ? "y_train" : "y_test";
    snprintf(name->text, sizeof name->text, "%s: %s", end_of(a->path, 120), y);
    weft_data *data = f ? pair(f, a->path, x, y, err) : NULL;
    weft_npz_close(&f);
    return data;
}

static weft_data *open_folder(const struct dataset_args *a, struct target_name *name,
                              struct weft_error *err)
{
    bool train = a->split == TRAIN_SPLIT;
    snprintf(name->text, sizeof name->text, "%s/%s-labels-idx1-ubyte", end_of(a->path, 120),
             train ? "train" : "t10k");
    return weft_data_idx(a->path, train ? "train" : "test", err);
}

// What is no table.
static weft_data *open_other(const struct dataset_args *a, struct target_name *name,
                             struct weft_error *err)
{
    if (is_folder(a->path))
        return open_folder(a, name, err);
    if (ends_in(a->path, ".npz"))
        return open_npz(a, name, err);
    if (ends_in(a->path, ".npy"))
        return weft_data_npy(a->path, NULL, err);
    bool packed = ends_in(a->path, ".csv.gz") || ends_in(a->path, ".tsv.gz");
    if (!packed &&
        (ends_in(a->path, "ubyte") || ends_in(a->path, ".gz") || ends_in(a->path, ".idx")))
        return weft_data_idx_file(a->path, err);
    if (access(a->path, R_OK))
        failure_errno(err, a->path);
    else if (packed)
        failure(err, WEFT_FORMAT, "%s: is compressed, wanted plain CSV; gunzip unpacks it",
                a->path);
    else
        failure(err, WEFT_FORMAT,
                "%s: its name tells no kind of data, wanted a folder or .csv, .tsv, .npz, .npy, "
                ".idx",
                a->path);
    return NULL;
}

static bool get_one(void *priv, int64_t row, void *x, void *y, struct weft_error *err)
{
    return weft_data_get(priv, row, x, y, err);
}

static void destroy_one(void *priv)
{
    weft_data *data = priv;
    weft_data_destroy(&data);
}

// Takes data. A row that is one number is a row of one column, and a target of one column is one
// number.
static weft_data *one_value(weft_data *data, struct weft_error *err)
{
    if (!data)
        return NULL;
    struct weft_row x = *weft_data_x(data), y = *weft_data_y(data);
    bool x_differs = !x.ndim, y_differs = y.ndim;
    for (int i = 0; i < y.ndim; i++)
        y_differs = y_differs && y.shape[i] == 1;
    if (!x_differs && !y_differs)
        return data;
    if (x_differs)
        x = (struct weft_row){x.dtype, 1, {1}};
    if (y_differs)
        y.ndim = 0;
    return weft_data_create(weft_data_source(.x = x, .y = y, .count = weft_data_count(data),
                                             .get = get_one, .destroy = destroy_one, .priv = data),
                            err);
}

// An error names the file, and data have rows.
static weft_data *finish(weft_data *data, const struct weft_error *e, const char *path,
                         struct weft_error *err)
{
    if (e->status && !strstr(e->text, end_of(dataset_name(path), 60)))
        failure(err, e->status, "%s: %s", dataset_name(path), e->text);
    else if (e->status)
        failure(err, e->status, "%s", e->text);
    else if (!weft_data_count(data))
        failure(err, WEFT_FORMAT, "%s: has no rows", dataset_name(path));
    if (err->status)
        weft_data_destroy(&data);
    return data;
}

static weft_data *open_known(const struct dataset_args *a, const struct model *m,
                             const struct description *about, struct weft_error *err)
{
    struct target_name name = {{0}};
    snprintf(name.text, sizeof name.text, "%s", end_of(dataset_name(a->path), 150));
    weft_data *data = table_is(a->path) ? table_open(a, m, about, err)
                                        : one_value(open_other(a, &name, err), err);
    if (!data || !a->with_target)
        return data;
    data = class_names_map(&about->classes, data, dataset_name(a->path), err);
    if (data && !dataset_check_targets(data, m, name.text, err))
        weft_data_destroy(&data);
    return data;
}

weft_data *dataset_open(const struct dataset_args *a, const struct model *m,
                        const struct description *about, struct weft_error *err)
{
    struct weft_error e = {0};
    weft_data *data = open_known(a, m, about, &e);
    return finish(data, &e, a->path, err);
}

static bool npz_has_test(const char *path)
{
    struct weft_error ignored = {0};
    weft_npz *f = ends_in(path, ".npz") ? weft_npz_open(path, &ignored) : NULL;
    bool has = weft_npz_find(f, "x_test") && weft_npz_find(f, "y_test");
    weft_npz_close(&f);
    return has;
}

weft_data *dataset_open_test(const char *path, const struct model *m,
                             const struct description *about, struct weft_error *err)
{
    struct dataset_args from = {.path = path, .split = TEST_SPLIT, .with_target = true};
    bool has = is_folder(path) || npz_has_test(path);
    return has ? dataset_open(&from, m, about, err) : NULL;
}

weft_data *dataset_open_new(const struct dataset_args *a, bool allow_missing, int *task,
                            struct description *about, struct weft_error *err)
{
    struct weft_error e = {0};
    struct target_name name = {{0}};
    weft_data *data = table_is(a->path) ? table_open_new(a, allow_missing, task, about, &e)
                                        : one_value(open_other(a, &name, &e), &e);
    if (data && *task == ANY_TASK && is_folder(a->path))
        *task = CLASSIFY;
    if (data && *task == ANY_TASK)
        dataset_guess(data, task, name.text, &e);
    return finish(data, &e, a->path, err);
}
