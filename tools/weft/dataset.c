// The kind of a file is told by the end of its name.
#include "dataset.h"
#include "failure.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/csv.h>
#include <weft/npz.h>

enum { MOST_WHOLE = 256 };

const char default_data[] = "/usr/share/datasets/fashion-mnist";

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && !strcmp(path + n - m, end);
}

bool dataset_is_table(const char *path)
{
    return ends_in(path, ".csv") || !strcmp(path, "-");
}

static bool is_folder(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

bool dataset_has_test(const char *path)
{
    return is_folder(path);
}

static weft_data *pair(const weft_npz *f, const char *path, const char *x_name, const char *y_name,
                       struct weft_error *err)
{
    const struct weft_file_tensor *x = weft_npz_find(f, x_name), *y = weft_npz_find(f, y_name);
    if (!x) {
        failure(err, WEFT_FORMAT, "%s: has no array %s, wanted x, and y with the targets", path,
                x_name);
        return NULL;
    }
    return weft_data_memory(x, y, weft_data_memory_params(.copy = true), err);
}

static weft_data *open_npz(const struct dataset_args *a, struct weft_error *err)
{
    weft_npz *f = weft_npz_open(a->path, err);
    bool split = f && weft_npz_find(f, "x_train");
    const char *x = !split ? "x" : a->split == TRAIN_SPLIT ? "x_train" : "x_test";
    const char *y = !split ? "y" : a->split == TRAIN_SPLIT ? "y_train" : "y_test";
    weft_data *data = f ? pair(f, a->path, x, y, err) : NULL;
    weft_npz_close(&f);
    return data;
}

// What is no table.
static weft_data *open_other(const struct dataset_args *a, struct weft_error *err)
{
    if (is_folder(a->path))
        return weft_data_idx(a->path, a->split == TRAIN_SPLIT ? "train" : "test", err);
    if (ends_in(a->path, ".npz"))
        return open_npz(a, err);
    if (ends_in(a->path, ".npy"))
        return weft_data_npy(a->path, NULL, err);
    if (ends_in(a->path, "ubyte") || ends_in(a->path, ".gz") || ends_in(a->path, ".idx"))
        return weft_data_idx_file(a->path, err);
    if (access(a->path, R_OK))
        failure_errno(err, a->path);
    else
        failure(err, WEFT_FORMAT,
                "%s: its name tells no kind of data, wanted a folder or .csv, .npz, .npy, .idx",
                a->path);
    return NULL;
}

// A pipe cannot be read twice.
static bool copy_stdin(char path[], struct weft_error *err)
{
    char part[65536];
    int fd = mkstemp(path);
    FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
    bool ok = to;
    for (size_t n; ok && (n = fread(part, 1, sizeof part, stdin)) > 0;)
        ok = fwrite(part, 1, n, to) == n;
    ok = ok && !ferror(stdin);
    ok = to && !fclose(to) && ok;
    return ok || failure_errno(err, path);
}

struct csv {
    char path[32]; // of the copy, or empty
    const struct dataset_args *a;
};

static bool csv_begin(struct csv *c, const struct dataset_args *a, struct weft_error *err)
{
    *c = (struct csv){.a = a};
    if (strcmp(a->path, "-") != 0)
        return true;
    snprintf(c->path, sizeof c->path, "/tmp/weft-XXXXXX");
    return copy_stdin(c->path, err);
}

static void csv_end(struct csv *c)
{
    if (*c->path)
        unlink(c->path);
}

static weft_data *csv_open(const struct csv *c, const struct weft_csv_params *o,
                           struct weft_error *err)
{
    return weft_data_csv(*c->path ? c->path : c->a->path, o, err);
}

static weft_data *csv_targets(const struct csv *c, bool classes, struct weft_error *err)
{
    return csv_open(
        c,
        weft_csv_params(.target = c->a->target, .no_header = c->a->no_header, .classes = classes),
        err);
}

// The column that was learned may be there or not: with it the rows are one longer.
static weft_data *csv_inputs(const struct csv *c, const struct model *m, struct weft_error *err)
{
    struct weft_error ignored = {0};
    weft_data *data = csv_open(
        c, weft_csv_params(.skip = c->a->target, .no_target = true, .no_header = c->a->no_header),
        &ignored);
    if (data && weft_data_x(data)->shape[0] == m->shape[0])
        return data;
    bool found = data;
    weft_data_destroy(&data);
    data = csv_open(c, weft_csv_params(.no_target = true, .no_header = c->a->no_header), err);
    if (!data && !found) // without the target it failed too, and says better why
        *err = ignored;
    return data;
}

static weft_data *open_csv(const struct dataset_args *a, const struct model *m,
                           struct weft_error *err)
{
    struct csv c;
    weft_data *data = NULL;
    if (csv_begin(&c, a, err))
        data = a->with_target ? csv_targets(&c, m->task == CLASSIFY, err) : csv_inputs(&c, m, err);
    csv_end(&c);
    return data;
}

weft_data *dataset_open(const struct dataset_args *a, const struct model *m,
                        const struct class_names *names, struct weft_error *err)
{
    weft_data *data = dataset_is_table(a->path) ? open_csv(a, m, err) : open_other(a, err);
    return a->with_target ? class_names_map(names, data, a->path, err) : data;
}

// Words are classes, and so are few enough whole numbers.
static int guess_task(const weft_data *data)
{
    int n = 0;
    bool whole = true;
    const char *const *name = weft_data_classes(data, &n);
    for (int i = 0; name && i < n; i++) {
        char *end;
        strtod(name[i], &end);
        if (*end || end == name[i])
            return CLASSIFY;
        whole = whole && !name[i][strspn(name[i], "-0123456789")];
    }
    return whole && n <= MOST_WHOLE ? CLASSIFY : REGRESS;
}

static weft_data *new_csv(const struct dataset_args *a, int *task, struct class_names *names,
                          struct weft_error *err)
{
    struct csv c;
    if (!csv_begin(&c, a, err)) {
        csv_end(&c);
        return NULL;
    }
    weft_data *data = csv_targets(&c, *task != REGRESS, err);
    if (data && *task == ANY_TASK) {
        *task = guess_task(data);
        if (*task == REGRESS) {
            weft_data_destroy(&data);
            data = csv_targets(&c, false, err);
        }
    }
    csv_end(&c);
    if (data && *task == CLASSIFY && !class_names_copy(names, data, err))
        weft_data_destroy(&data);
    return data;
}

weft_data *dataset_open_new(const struct dataset_args *a, int *task, struct class_names *names,
                            struct weft_error *err)
{
    if (dataset_is_table(a->path))
        return new_csv(a, task, names, err);
    weft_data *data = open_other(a, err);
    enum weft_dtype y = data ? weft_data_y(data)->dtype : WEFT_DTYPE_NONE;
    if (data && *task == ANY_TASK)
        *task = y == WEFT_F32 || y == WEFT_F64 || y == WEFT_F16 ? REGRESS : CLASSIFY;
    return data;
}
