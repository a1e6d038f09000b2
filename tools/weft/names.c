// The names of classes and columns, and labels that are places among other names than the model's.
#include "names.h"
#include "failure.h"
#include "json.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool names_add(struct names *names, const char *name, struct weft_error *err)
{
    char **list = realloc(names->name, ((size_t)names->count + 1) * sizeof *list);
    char *copy = strdup(name);
    names->name = list ? list : names->name;
    if (!list || !copy) {
        free(copy);
        return failure(err, WEFT_NOMEM, "no memory for the names of classes and columns");
    }
    list[names->count++] = copy;
    return true;
}

bool names_add_all(struct names *names, const char *const *name, int n, struct weft_error *err)
{
    for (int i = 0; i < n; i++) {
        if (!names_add(names, name[i], err))
            return false;
    }
    return true;
}

bool names_are_utf8(const char *const *name, int n, const char *path, struct weft_error *err)
{
    for (int i = 0; i < n; i++) {
        const unsigned char *c = (const unsigned char *)name[i];
        for (int length; *c; c += length) {
            length = utf8_sequence(c);
            if (!length)
                return failure(err, WEFT_FORMAT,
                               "%s: a name has the byte 0x%02x, wanted a file in UTF-8", path, *c);
        }
    }
    return true;
}

void names_free(struct names *names)
{
    for (int i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
    *names = (struct names){0};
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool names_differ(const char *const *name, int n)
{
    const char **sorted = malloc((size_t)n * sizeof *sorted + 1);
    bool differ = sorted;
    if (sorted) {
        memcpy(sorted, name, (size_t)n * sizeof *sorted);
        qsort(sorted, (size_t)n, sizeof *sorted, compare);
    }
    for (int i = 1; differ && i < n; i++)
        differ = strcmp(sorted[i - 1], sorted[i]) != 0;
    free(sorted);
    return differ;
}

const char *class_name(const struct names *names, int class, char number[16])
{
    if (class < names->count)
        return names->name[class];
    snprintf(number, 16, "%d", class);
    return number;
}

// A data set with other labels.
struct mapped {
    weft_data *data;
    const char *path;
    int count;
    int64_t place[]; // of each label among the model's classes; -1: it has none
};

static bool get_mapped(void *priv, int64_t row, void *x, void *y, struct weft_error *err)
{
    const struct mapped *m = priv;
    int64_t label;
    if (!weft_data_get(m->data, row, x, &label, err))
        return false;
    if (label < 0 || label >= m->count || m->place[label] < 0) {
        int n;
        const char *const *name = weft_data_classes(m->data, &n);
        return failure(err, WEFT_PARAM,
                       "%s: the label of row %" PRId64 " is \"%.60s\", none of the model's classes",
                       m->path, row, label >= 0 && label < n ? name[label] : "?");
    }
    memcpy(y, &m->place[label], sizeof label);
    return true;
}

static void destroy_mapped(void *priv)
{
    struct mapped *m = priv;
    weft_data_destroy(&m->data);
    free(m);
}

static bool is_number(const char *text, double *v)
{
    char *end;
    *v = strtod(text, &end);
    return end != text && !*end;
}

// By name, and equal numbers are one name ("1", "1.0"); where the model's classes are numbers, the
// name is one.
static int64_t find_place(const struct names *names, const char *name)
{
    double v, other;
    for (int i = 0; i < names->count; i++) {
        if (!strcmp(names->name[i], name))
            return i;
    }
    if (!is_number(name, &v))
        return -1;
    for (int i = 0; i < names->count; i++) {
        if (is_number(names->name[i], &other) && !(other < v || other > v))
            return i;
    }
    bool whole = v >= 0 && v < 1e9 && !(v < floor(v) || v > floor(v));
    return !names->count && whole ? (int64_t)v : -1;
}

weft_data *class_names_map(const struct names *names, weft_data *data, const char *path,
                           struct weft_error *err)
{
    int n = 0;
    const char *const *name = weft_data_classes(data, &n);
    if (!name)
        return data;
    struct mapped *m = malloc(sizeof *m + (size_t)n * sizeof *m->place);
    if (!m) {
        weft_data_destroy(&data);
        failure(err, WEFT_NOMEM, "%s: no memory for its labels", path);
        return NULL;
    }
    m->data = data;
    m->path = path;
    m->count = n;
    for (int i = 0; i < n; i++)
        m->place[i] = find_place(names, name[i]);
    return weft_data_create(weft_data_source(.x = *weft_data_x(data), .y = *weft_data_y(data),
                                             .count = weft_data_count(data), .get = get_mapped,
                                             .destroy = destroy_mapped, .priv = m),
                            err);
}
