// The columns of a trained model are found by their names where both have names, so a file may have
// them in another order and others beside them.
#include "console.h"
#include "dataset.h"
#include "failure.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <weft/csv.h>

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && !strcasecmp(path + n - m, end);
}

bool table_has_separator(const char *path)
{
    return ends_in(path, ".tsv");
}

bool table_is(const char *path)
{
    return ends_in(path, ".csv") || ends_in(path, ".tsv") || !strcmp(path, "-");
}

// 0 for what is no separator.
static char separator(const char *text)
{
    if (!strcmp(text, "tab") || !strcmp(text, "\\t"))
        return '\t';
    return strlen(text) == 1 && !strchr("\"\r\n", *text) ? *text : 0;
}

int table_check(const char *verb, const struct csv_options *o)
{
    if (!o->separator || separator(o->separator))
        return GO_ON;
    return console_misuse("%s: --separator: got \"%s\", wanted one character, no quote, or tab",
                          verb, o->separator);
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

struct table {
    char copy[1024]; // of standard input, or empty
    const char *path;
    char *skip;      // with the separator between
    char *skip_both; // and the target
    struct weft_csv_params params;
};

// a,b with the file's separator for the commas, and one more.
static char *join(const char *skip, const char *more, char separator)
{
    size_t n = skip ? strlen(skip) : 0, m = more ? strlen(more) : 0;
    char *text = malloc(n + m + 2), *at = text;
    for (size_t i = 0; text && i < n; i++)
        *at++ = skip[i] == ',' ? separator : skip[i];
    if (text && n && m)
        *at++ = separator;
    if (text)
        snprintf(at, m + 1, "%s", more ? more : "");
    return text;
}

static bool table_begin(struct table *c, const struct dataset_args *a, const char *target,
                        const char *skip, struct weft_error *err)
{
    bool is_stdin = !strcmp(a->path, "-");
    *c =
        (struct table){.path = a->path,
                       .params = *weft_csv_params(.target = target, .no_header = a->csv.no_header)};
    c->params.separator = a->csv.separator               ? separator(a->csv.separator)
                          : table_has_separator(a->path) ? '\t'
                                                         : ',';
    c->skip = join(skip, NULL, c->params.separator);
    c->skip_both = join(skip, target, c->params.separator);
    if (!c->skip || !c->skip_both)
        return failure(err, WEFT_NOMEM, "%s: no memory", dataset_name(a->path));
    if (!is_stdin)
        return true;
    const char *folder = getenv("TMPDIR");
    int n =
        snprintf(c->copy, sizeof c->copy, "%s/weft-XXXXXX", folder && *folder ? folder : "/tmp");
    if (n < 0 || (size_t)n >= sizeof c->copy) {
        *c->copy = 0;
        return failure(err, WEFT_PARAM, "TMPDIR: has %d bytes, wanted fewer than %zu", n,
                       sizeof c->copy);
    }
    c->path = c->copy;
    return copy_stdin(c->copy, err);
}

static void table_end(struct table *c)
{
    if (*c->copy)
        unlink(c->copy);
    free(c->skip);
    free(c->skip_both);
}

// In errors a copy has the name of what it is a copy of.
static weft_data *read_table(const struct table *c, const struct weft_csv_params *o,
                             struct weft_error *err)
{
    struct weft_error e = {0};
    size_t n = strlen(c->copy);
    weft_data *data = weft_data_csv(c->path, o, &e);
    if (!data && n && !strncmp(e.text, c->copy, n))
        failure(err, e.status, "standard input%s", e.text + n);
    else if (!data)
        failure(err, e.status, "%s", e.text);
    return data;
}

static weft_data *read_targets(const struct table *c, bool classes, struct weft_error *err)
{
    struct weft_csv_params o = c->params;
    o.classes = classes;
    o.skip = c->skip;
    return read_table(c, &o, err);
}

// The column that was learned may be there or not: with it the rows are one longer.
static weft_data *read_inputs(const struct table *c, const struct model *m, struct weft_error *err)
{
    struct weft_error ignored = {0};
    struct weft_csv_params o = c->params;
    o.target = NULL;
    o.no_target = true;
    o.skip = c->skip_both;
    weft_data *data = read_table(c, &o, &ignored);
    if (data && weft_data_x(data)->shape[0] == m->shape[0])
        return data;
    bool found = data;
    weft_data_destroy(&data);
    o.skip = c->skip;
    data = read_table(c, &o, err);
    if (!data && !found) // without the target it failed too, and says better why
        *err = ignored;
    return data;
}

static weft_data *read_named(const struct table *c, const struct dataset_args *a,
                             const struct model *m, const struct names *columns,
                             struct weft_error *err)
{
    struct weft_csv_params o = c->params;
    o.columns = (const char *const *)columns->name;
    o.column_count = columns->count;
    o.no_target = !a->with_target;
    o.target = a->with_target ? o.target : NULL;
    o.classes = a->with_target && m->task == CLASSIFY;
    return read_table(c, &o, err);
}

weft_data *table_open(const struct dataset_args *a, const struct model *m,
                      const struct description *about, struct weft_error *err)
{
    struct table c;
    weft_data *data = NULL;
    bool had_names = about->columns.count, lost_names = had_names && a->csv.no_header;
    const char *target = a->csv.target || lost_names ? a->csv.target : about->target;
    if (table_begin(&c, a, target, lost_names ? NULL : a->csv.skip, err)) {
        c.params.allow_missing = m->allow_missing;
        if (had_names && !lost_names)
            data = read_named(&c, a, m, &about->columns, err);
        else if (a->with_target)
            data = read_targets(&c, m->task == CLASSIFY, err);
        else
            data = read_inputs(&c, m, err);
    }
    table_end(&c);
    return data;
}

// Spaces around it do not count, nor does what stands for a missing number.
static bool is_whole(const char *text, bool *word)
{
    char *end;
    double v = strtod(text, &end);
    bool number = end != text && !end[strspn(end, " \t")];
    *word = !number && strcasecmp(text, "NA") != 0 && strcasecmp(text, "N/A") != 0 &&
            strcasecmp(text, "null") != 0 && strcmp(text, "?") != 0;
    return number && isfinite(v) && !(v < floor(v) || v > floor(v));
}

// Words are classes, and so are whole numbers that are few against the rows.
static int guess_task(const weft_data *data)
{
    int n = 0;
    bool whole = true, word = false;
    const char *const *name = weft_data_classes(data, &n);
    for (int i = 0; name && i < n && !word; i++)
        whole = is_whole(name[i], &word) && whole;
    return word || (whole && are_few(n, weft_data_count(data))) ? CLASSIFY : REGRESS;
}

static bool describe(const weft_data *data, int task, const char *path, struct description *about,
                     struct weft_error *err)
{
    int n = 0, columns = (int)weft_data_x(data)->shape[0];
    const char *const *class = weft_data_classes(data, &n);
    const char *const *column = weft_data_columns(data);
    about->target = weft_data_target(data) ? strdup(weft_data_target(data)) : NULL;
    if (!about->target)
        return failure(err, WEFT_NOMEM, "train: no memory");
    if (!names_are_utf8(column, column ? columns : 0, path, err) ||
        !names_are_utf8(class, n, path, err) ||
        !names_are_utf8((const char *const[]){about->target}, 1, path, err))
        return false;
    if (column && names_differ(column, columns) &&
        !names_add_all(&about->columns, column, columns, err))
        return false;
    return task != CLASSIFY || names_add_all(&about->classes, class, n, err);
}

weft_data *table_open_new(const struct dataset_args *a, bool allow_missing, int *task,
                          struct description *about, struct weft_error *err)
{
    struct table c;
    weft_data *data = NULL;
    if (table_begin(&c, a, a->csv.target, a->csv.skip, err)) {
        c.params.allow_missing = allow_missing;
        data = read_targets(&c, *task != REGRESS, err);
        if (data && *task == ANY_TASK) {
            *task = guess_task(data);
            if (*task == REGRESS) {
                weft_data_destroy(&data);
                data = read_targets(&c, false, err);
            }
        }
    }
    table_end(&c);
    if (data && !describe(data, *task, dataset_name(a->path), about, err))
        weft_data_destroy(&data);
    return data;
}
