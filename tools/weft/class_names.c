// The names of classes, and labels that are places among other names than the model's.
#include "class_names.h"
#include "failure.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool class_names_add(struct class_names *names, const char *name, struct weft_error *err)
{
    char **list = realloc(names->name, ((size_t)names->count + 1) * sizeof *list);
    char *copy = strdup(name);
    names->name = list ? list : names->name;
    if (!list || !copy) {
        free(copy);
        return failure(err, WEFT_NOMEM, "no memory for the names of the classes");
    }
    list[names->count++] = copy;
    return true;
}

void class_names_free(struct class_names *names)
{
    for (int i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
    *names = (struct class_names){0};
}

const char *class_name(const struct class_names *names, int class, char number[16])
{
    if (class < names->count)
        return names->name[class];
    snprintf(number, 16, "%d", class);
    return number;
}

bool class_names_copy(struct class_names *names, const weft_data *data, struct weft_error *err)
{
    int n = 0;
    const char *const *name = weft_data_classes(data, &n);
    for (int i = 0; name && i < n; i++) {
        if (!class_names_add(names, name[i], err))
            return false;
    }
    return true;
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
        return failure(err, WEFT_PARAM, "%s: the label \"%.60s\" is none of the model's classes",
                       m->path, label >= 0 && label < n ? name[label] : "?");
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

// By name; where the model's classes are numbers, the name is one.
static int64_t find_place(const struct class_names *names, const char *name)
{
    for (int i = 0; i < names->count; i++) {
        if (!strcmp(names->name[i], name))
            return i;
    }
    bool whole = *name && strlen(name) < 10 && !name[strspn(name, "0123456789")];
    return !names->count && whole ? atoi(name) : -1;
}

weft_data *class_names_map(const struct class_names *names, weft_data *data, const char *path,
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
