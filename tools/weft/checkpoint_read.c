// What the metadata of a checkpoint say. They are not trusted: what is missing or absurd is named.
#include "checkpoint.h"
#include "console.h"
#include "failure.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void description_free(struct description *d)
{
    class_names_free(&d->names);
    free(d->target);
    free(d->data);
    d->target = d->data = NULL;
}

weft_safetensors *checkpoint_open(const char *path, struct weft_error *err)
{
    char head[9] = "";
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(head, 1, sizeof head, f) : 0;
    if (f)
        fclose(f);
    if (n == sizeof head && head[8] != '{') { // the header begins so, behind its length
        failure(err, WEFT_FORMAT, "%s: is no safetensors file", path);
        return NULL;
    }
    return weft_safetensors_open(path, err);
}

const char *checkpoint_text(const weft_safetensors *f, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "train.%s", name);
    return weft_safetensors_metadata(f, key);
}

bool checkpoint_refuse(const char *text, const char *path, const char *name, struct weft_error *err)
{
    if (!text)
        return failure(err, WEFT_FORMAT, "%s: its metadata have no train.%s", path, name);
    return failure(err, WEFT_FORMAT, "%s: its metadata say train.%s = \"%.60s\"", path, name, text);
}

static bool parse_whole(const char *text, int64_t *out)
{
    char *end;
    if (!text || !*text || strlen(text) > 18 || text[strspn(text, "0123456789")])
        return false;
    *out = strtoll(text, &end, 10);
    return true;
}

bool checkpoint_count(const weft_safetensors *f, const char *path, const char *name, int64_t *out,
                      struct weft_error *err)
{
    const char *text = checkpoint_text(f, name);
    return parse_whole(text, out) || checkpoint_refuse(text, path, name, err);
}

static bool read_shape(const char *text, struct model *m)
{
    m->ndim = 0;
    for (; text && *text; text += *text == ',') {
        char one[20];
        size_t n = strcspn(text, ",");
        if (m->ndim == WEFT_MAX_DIMS - 1 || n >= sizeof one)
            return false;
        snprintf(one, sizeof one, "%.*s", (int)n, text);
        int64_t *size = &m->shape[m->ndim++];
        if (!parse_whole(one, size) || *size < 1 || *size > INT32_MAX)
            return false;
        text += n;
    }
    return text && m->ndim;
}

static bool read_names(const weft_safetensors *f, struct class_names *names, struct weft_error *err)
{
    const char *name;
    char key[32];
    bool ok = true;
    do {
        snprintf(key, sizeof key, "class.%d", names->count);
        name = checkpoint_text(f, key);
        ok = !name || class_names_add(names, name, err);
    } while (ok && name);
    return ok;
}

// May a file lack it? Those do where it was not set; option_write() says which have no such value.
static bool is_optional(const struct option_row *row)
{
    static const char *const always[] = {"classes", "epochs", "batch"};
    for (int i = 0; i < 3; i++) {
        if (!strcmp(row->name, always[i]))
            return false;
    }
    return row->kind == OPTION_FLAG || row->kind == OPTION_TEXT || row->kind == OPTION_COUNT ||
           row->kind == OPTION_STEPS || row->kind == OPTION_POSITIVE;
}

static bool read_options(const weft_safetensors *f, const char *path, struct train_args *args,
                         struct weft_error *err)
{
    for (int i = 0; i < train_row_count; i++) {
        const struct option_row *row = &train_rows[i];
        const char *text = checkpoint_text(f, row->name);
        if (!row->kept)
            continue;
        if ((!text || !*text) && !is_optional(row))
            return checkpoint_refuse(text, path, row->name, err);
        if (!option_read(row, text ? text : "", args))
            return checkpoint_refuse(text, path, row->name, err);
    }
    return true;
}

// The texts of the file go with it.
static bool keep_texts(struct train_args *args, struct description *d, struct weft_error *err)
{
    d->target = args->target ? strdup(args->target) : NULL;
    d->data = args->data ? strdup(args->data) : NULL;
    bool ok = !d->target == !args->target && !d->data == !args->data;
    args->target = d->target;
    args->data = d->data;
    return ok || failure(err, WEFT_NOMEM, "train: no memory for the options");
}

bool checkpoint_read(const weft_safetensors *f, const char *path, struct train_args *args,
                     struct description *d, struct weft_error *err)
{
    *d = (struct description){{0}};
    if (!checkpoint_text(f, "model"))
        return failure(err, WEFT_FORMAT,
                       "%s: its metadata name no model, wanted a file that weft train saved", path);
    bool ok = read_options(f, path, args, err);
    if (!keep_texts(args, d, err) || !ok || !read_names(f, &d->names, err))
        return false;
    const char *shape = checkpoint_text(f, "input");
    if (!read_shape(shape, &args->model))
        return checkpoint_refuse(shape, path, "input", err);
    if (d->names.count && d->names.count != args->model.classes)
        return failure(err, WEFT_FORMAT, "%s: its metadata name %d of %d classes", path,
                       d->names.count, args->model.classes);
    return true;
}

static const char *const described[] = {"model",   "hidden",  "input",     "task",
                                        "classes", "dropout", "normalize", "optimizer",
                                        "data",    "step",    "epoch"};
enum { DESCRIBED = sizeof described / sizeof *described };

void checkpoint_describe(const weft_safetensors *f)
{
    if (!checkpoint_text(f, "model"))
        return;
    for (int i = 0; i < DESCRIBED; i++) {
        if (checkpoint_text(f, described[i])) {
            printf("%-9s ", described[i]);
            print_safe(checkpoint_text(f, described[i]));
            putchar('\n');
        }
    }
}

void checkpoint_describe_json(struct json *j, const weft_safetensors *f)
{
    if (!checkpoint_text(f, "model"))
        return;
    json_begin(j, "checkpoint", '{');
    for (int i = 0; i < DESCRIBED; i++) {
        int64_t number;
        if (parse_whole(checkpoint_text(f, described[i]), &number) &&
            strcmp(described[i], "hidden") != 0)
            json_count(j, described[i], (uint64_t)number);
        else
            json_text(j, described[i], checkpoint_text(f, described[i]));
    }
    json_end(j, '}');
}
