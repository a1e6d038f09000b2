// Nothing that depends on the time or on how training was cut into processes is in the file, so the
// last file of a training is the same however often it was interrupted.
#include "checkpoint.h"
#include "console.h"
#include "diverged.h"
#include "failure.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/resume.h>

static const char *text_of(const weft_safetensors *f, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "train.%s", name);
    return weft_safetensors_metadata(f, key);
}

static bool refuse(const char *text, const char *path, const char *name, struct weft_error *err)
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

// "class.0" and so on.
static bool read_names(const weft_safetensors *f, const char *of, struct names *names,
                       struct weft_error *err)
{
    const char *name;
    char key[32];
    bool ok = true;
    do {
        snprintf(key, sizeof key, "%s.%d", of, names->count);
        name = text_of(f, key);
        ok = !name || names_add(names, name, err);
    } while (ok && name);
    return ok;
}

// Of an option's text, which would go with the file.
static bool own(const char **text, char **owned, struct weft_error *err)
{
    *owned = *text ? strdup(*text) : NULL;
    if (*text && !*owned)
        return failure(err, WEFT_NOMEM, "no memory for the options");
    *text = *owned;
    return true;
}

static bool read_description(const weft_safetensors *f, struct train_args *args,
                             struct description *d, struct weft_error *err)
{
    struct csv_options *o = &args->csv;
    const char *target = text_of(f, "target-column");
    return own(&o->target, &d->owned[0], err) && own(&o->separator, &d->owned[1], err) &&
           own(&o->skip, &d->owned[2], err) && own(&args->data, &d->owned[3], err) &&
           own(&target, &d->target, err) && read_names(f, "class", &d->classes, err) &&
           read_names(f, "column", &d->columns, err);
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
        const char *text = text_of(f, row->name);
        if (!row->kept)
            continue;
        if ((!text || !*text) && !is_optional(row))
            return refuse(text, path, row->name, err);
        if (!option_read(row, text ? text : "", args))
            return refuse(text, path, row->name, err);
    }
    return true;
}

bool checkpoint_read(const weft_safetensors *f, const char *path, struct train_args *args,
                     struct description *d, struct weft_error *err)
{
    *d = (struct description){{0}};
    if (!text_of(f, "model"))
        return failure(err, WEFT_FORMAT,
                       "%s: its metadata name no model, wanted a file that weft train saved", path);
    // The texts are the description's also where an option was refused: the file goes.
    bool ok = read_options(f, path, args, err);
    if (!read_description(f, args, d, err) || !ok)
        return false;
    const char *shape = text_of(f, "input");
    if (!read_shape(shape, &args->model))
        return refuse(shape, path, "input", err);
    if (d->classes.count && d->classes.count != args->model.classes)
        return failure(err, WEFT_FORMAT, "%s: its metadata name %d of %d classes", path,
                       d->classes.count, args->model.classes);
    if (d->columns.count && d->columns.count != args->model.shape[0])
        return failure(err, WEFT_FORMAT, "%s: its metadata name %d of %" PRId64 " columns", path,
                       d->columns.count, args->model.shape[0]);
    return true;
}

static const char *const described[] = {"model",   "hidden",  "input",     "task",
                                        "classes", "dropout", "normalize", "optimizer",
                                        "data",    "step",    "epoch"};
enum { DESCRIBED = sizeof described / sizeof *described };

void checkpoint_describe(const weft_safetensors *f)
{
    if (!text_of(f, "model"))
        return;
    for (int i = 0; i < DESCRIBED; i++) {
        if (text_of(f, described[i])) {
            printf("%-9s ", described[i]);
            print_safe(text_of(f, described[i]));
            putchar('\n');
        }
    }
}

void checkpoint_describe_json(struct json *j, const weft_safetensors *f)
{
    if (!text_of(f, "model"))
        return;
    json_begin(j, "checkpoint", '{');
    for (int i = 0; i < DESCRIBED; i++) {
        int64_t number;
        if (parse_whole(text_of(f, described[i]), &number) && strcmp(described[i], "hidden") != 0)
            json_count(j, described[i], (uint64_t)number);
        else
            json_text(j, described[i], text_of(f, described[i]));
    }
    json_end(j, '}');
}

bool checkpoint_count(const weft_safetensors *f, const char *path, const char *name, int64_t *out,
                      struct weft_error *err)
{
    const char *text = text_of(f, name);
    return parse_whole(text, out) || refuse(text, path, name, err);
}

bool checkpoint_number(const weft_safetensors *f, const char *path, const char *name, double *out,
                       struct weft_error *err)
{
    const char *text = text_of(f, name);
    char *end = NULL;
    *out = text ? strtod(text, &end) : 0;
    return (text && *text && !*end && isfinite(*out)) || refuse(text, path, name, err);
}

// Keys and values to be written.
struct texts {
    struct weft_file_text *list;
    int count;
    bool failed;
};

// Takes `value`.
static void add(struct texts *t, const char *name, char *value)
{
    struct weft_file_text *list = realloc(t->list, ((size_t)t->count + 1) * sizeof *list);
    size_t room = strlen(name) + sizeof "train.";
    char *key = malloc(room);
    t->list = list ? list : t->list;
    if (!list || !key || !value) {
        free(key);
        free(value);
        t->failed = true;
        return;
    }
    snprintf(key, room, "train.%s", name);
    list[t->count++] = (struct weft_file_text){key, value};
}

static void add_whole(struct texts *t, const char *name, int64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, v);
    add(t, name, strdup(text));
}

static void add_names(struct texts *t, const char *of, const struct names *names)
{
    char text[32];
    for (int i = 0; i < names->count; i++) {
        snprintf(text, sizeof text, "%s.%d", of, i);
        add(t, text, strdup(names->name[i]));
    }
}

static void add_all(struct texts *texts, const struct training *t)
{
    const struct progress *p = &t->progress;
    const struct model *m = &t->args->model;
    char text[160];
    for (int i = 0; i < train_row_count; i++) {
        char *value = train_rows[i].kept ? option_write(&train_rows[i], t->args) : NULL;
        if (value && *value && json_is_utf8(value)) // --data need not be kept
            add(texts, train_rows[i].name, value);
        else
            free(value);
        texts->failed = texts->failed || (train_rows[i].kept && !value);
    }
    add(texts, "input", strdup(shape_text(m->ndim, m->shape, text)));
    add_names(texts, "class", &t->about.classes);
    add_names(texts, "column", &t->about.columns);
    if (t->about.target)
        add(texts, "target-column", strdup(t->about.target));
    add_whole(texts, "rows", p->rows);
    add_whole(texts, "step", p->step);
    add_whole(texts, "epoch", (p->step - p->in_epoch) / p->batches);
    add_whole(texts, "epoch-steps", p->in_epoch);
    add_whole(texts, "epoch-rows", t->losses.sum_rows);
    snprintf(text, sizeof text, "%a", t->losses.sum);
    add(texts, "epoch-loss", strdup(text));
}

static void texts_free(struct texts *t)
{
    for (int i = 0; i < t->count; i++) {
        free((char *)t->list[i].key);
        free((char *)t->list[i].value);
    }
    free(t->list);
}

// The last loss says nothing of the update that followed it, and a file with a NaN is no use.
static bool is_finite(struct training *t)
{
    char end[48];
    snprintf(end, sizeof end, " after step %" PRId64, t->progress.step);
    return diverged_check(t, "train", end, &t->err);
}

static bool write_file(struct training *t, struct weft_error *err)
{
    struct texts texts = {0};
    add_all(&texts, t);
    bool ok =
        texts.failed
            ? failure(err, WEFT_NOMEM, "%s: no memory for its metadata", t->args->save)
            : weft_training_save(t->args->save,
                                 weft_training_params(.params = t->net, .optim = t->optim,
                                                      .schedule = t->schedule, .scope = t->scope,
                                                      .position = t->progress.step,
                                                      .text = texts.list, .ntext = texts.count),
                                 err);
    texts_free(&texts);
    if (ok)
        t->saved = t->progress.step;
    return ok;
}

bool checkpoint_save(struct training *t)
{
    return losses_wait(&t->losses, &t->err) && is_finite(t) && write_file(t, &t->err);
}

void checkpoint_save_or_warn(struct training *t)
{
    struct weft_error err = {0};
    if (losses_wait(&t->losses, &t->err) && is_finite(t) && !write_file(t, &err))
        console_fail("%s; training goes on", err.text);
}
