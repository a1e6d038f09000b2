// CSV to a table, with libcsv, which calls back for each field and each row. It gets the file in
// pieces that end where a line ends, so that errors can tell the line.
#include "base/number.h"
#include "base/os.h"
#include "base/text.h"
#include "data/csv.h"
#include <csv.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { MAX_COLUMNS = 1 << 20, MAX_FIELD = 1 << 20, PIECE = 1 << 16 };

enum role { ROLE_X, ROLE_Y, ROLE_SKIPPED };

struct reader {
    struct wf_table *t;
    const struct weft_csv_params *o;
    const char *shown; // the file's name
    struct weft_error *err;
    bool ok;

    char **names; // the fields of the first row
    unsigned char *role;
    int *place; // of the columns that are x, in x
    int columns, names_room;
    bool begun;   // the first row has ended
    int64_t at;   // the field of this row
    int64_t line; // of the piece, from 1
    int64_t crs;  // rows of the piece that ended in CR
    struct wf_labels labels;
};

// A field for an error: cut, and without control characters.
struct quoted {
    char text[44];
};

static const char *quote(struct quoted *q, const char *text, size_t n)
{
    size_t k = n < 40 ? n : 40;
    for (size_t i = 0; i < k; i++)
        q->text[i] = (unsigned char)text[i] < ' ' ? ' ' : text[i];
    strcpy(q->text + k, n > k ? "..." : "");
    return q->text;
}
#define QUOTE(text, n) quote(&(struct quoted){{0}}, text, n)

static void fail(struct reader *r, const char *what)
{
    r->ok =
        wf_fail(r->err, WEFT_FORMAT, "%s: line %" PRId64 ": %s", r->shown, r->line + r->crs, what);
}

static void fail_field(struct reader *r, const char *text, size_t n, const char *wanted)
{
    char number[32];
    snprintf(number, sizeof number, "%" PRId64, r->at);
    bool named = !r->o->no_header;
    const char *name = named ? QUOTE(r->names[r->at], strlen(r->names[r->at])) : number;
    r->ok = wf_fail(r->err, WEFT_FORMAT, "%s: line %" PRId64 ", column %s%s%s: '%s', wanted %s",
                    r->shown, r->line + r->crs, named ? "'" : "", name, named ? "'" : "",
                    QUOTE(text, n), wanted);
}

static void fail_nomem(struct reader *r)
{
    r->ok = wf_fail_nomem(r->err, r->shown);
}

static bool is_missing(const char *text, size_t n)
{
    static const char *const missing[] = {"", "NA", "N/A", "NaN", "null", "?"};
    char word[8];
    if (n >= sizeof word)
        return false;
    memcpy(word, text, n);
    word[n] = 0;
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        if (wf_equal_nocase(word, missing[i]))
            return true;
    }
    return false;
}

static float read_number(struct reader *r, const char *text, size_t n)
{
    double v = NAN;
    const char *whole = text;
    size_t whole_n = n;
    for (; n && (*text == ' ' || *text == '\t'); n--)
        text++;
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    if (wf_parse_number(text, n, &v)) {
        if (!(fabs(v) <= (double)FLT_MAX))
            fail_field(r, whole, whole_n, "a number within F32, 3.4e38");
    } else if (!is_missing(text, n)) {
        fail_field(r, whole, whole_n, "a number");
    } else if (!r->o->allow_missing) {
        fail_field(r, whole, whole_n, "a number: missing ones are not allowed");
    }
    return (float)v;
}

static void *resize(void *data, int64_t rows, size_t row_bytes)
{
    if ((uint64_t)rows > PTRDIFF_MAX / row_bytes)
        return NULL;
    return realloc(data, (size_t)rows * row_bytes);
}

// Gives the table room for so many rows.
static bool set_room(struct reader *r, int64_t rows)
{
    struct wf_table *t = r->t;
    float *x = resize(t->x, rows, (size_t)t->columns * sizeof *x);
    t->x = x ? x : t->x;
    bool ok = x != NULL;
    if (ok && !r->o->no_target && r->o->classes) {
        int64_t *label = resize(t->label, rows, sizeof *label);
        t->label = label ? label : t->label;
        ok = label != NULL;
    } else if (ok && !r->o->no_target) {
        float *y = resize(t->y, rows, sizeof *y);
        t->y = y ? y : t->y;
        ok = y != NULL;
    }
    if (!ok)
        fail_nomem(r);
    t->room = ok ? rows : t->room;
    return ok;
}

static void read_target(struct reader *r, const char *text, size_t n)
{
    struct wf_table *t = r->t;
    if (!r->o->classes)
        t->y[t->rows] = read_number(r, text, n);
    else if (!n)
        fail_field(r, text, n, "a label");
    else if (!wf_labels_add(&r->labels, text, n, &t->label[t->rows]))
        fail_nomem(r);
}

static void read_field(struct reader *r, const char *text, size_t n)
{
    struct wf_table *t = r->t;
    if (!r->at && t->rows == t->room && !set_room(r, t->room ? t->room * 2 : 256))
        return;
    if (r->at < r->columns && r->role[r->at] == ROLE_X)
        t->x[t->rows * t->columns + r->place[r->at]] = read_number(r, text, n);
    else if (r->at < r->columns && r->role[r->at] == ROLE_Y)
        read_target(r, text, n);
    r->at++;
}

static void end_row(struct reader *r)
{
    char text[80];
    snprintf(text, sizeof text, "%" PRId64 " fields, wanted %d", r->at, r->columns);
    if (r->at != r->columns)
        fail(r, text);
    r->t->rows += r->ok;
    r->at = 0;
}

static void keep_name(struct reader *r, const char *text, size_t n)
{
    if (r->columns == MAX_COLUMNS) {
        fail(r, "more than 1048576 columns");
        return;
    }
    if (r->columns == r->names_room) {
        int room = r->names_room ? r->names_room * 2 : 32;
        char **names = realloc(r->names, (size_t)room * sizeof *names);
        if (!names) {
            fail_nomem(r);
            return;
        }
        r->names = names;
        r->names_room = room;
    }
    char *name = malloc(n + 1);
    if (!name) {
        fail_nomem(r);
        return;
    }
    memcpy(name, text, n);
    name[n] = 0;
    r->names[r->columns++] = name;
}

// A name comes before a number, where that may be one. -1 and the error if there is no such column,
// or two.
static int find_column(struct reader *r, const char *text, size_t n, bool number_too)
{
    int found = -1, times = 0;
    double number;
    for (int i = 0; i < r->columns && !r->o->no_header; i++) {
        if (strlen(r->names[i]) == n && !memcmp(r->names[i], text, n)) {
            found = i;
            times++;
        }
    }
    if (!times && number_too && n && strspn(text, "0123456789") >= n &&
        wf_parse_number(text, n, &number) && number < r->columns)
        return (int)number;
    if (times != 1)
        r->ok = wf_fail(r->err, WEFT_PARAM, "%s: %s column '%s', wanted one of the %d there are%s",
                        r->shown, times ? "more than one" : "no", QUOTE(text, n), r->columns,
                        r->o->no_header ? ", by number from 0" : "");
    return times == 1 ? found : -1;
}

static void skip_columns(struct reader *r)
{
    const char *skip = r->o->skip;
    while (r->ok && skip && *skip) {
        const char *end = strchr(skip, r->o->separator);
        size_t n = end ? (size_t)(end - skip) : strlen(skip);
        int column = find_column(r, skip, n, true);
        if (column >= 0)
            r->role[column] = ROLE_SKIPPED;
        skip += n + (end != NULL);
    }
}

struct named {
    const char *name;
    int column;
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return strcmp(x->name, y->name);
}

// The columns in the order of their names, so that many are found fast.
static struct named *sort_names(struct reader *r)
{
    struct named *sorted = malloc(((size_t)r->columns + 1) * sizeof *sorted);
    for (int i = 0; sorted && i < r->columns; i++)
        sorted[i] = (struct named){r->names[i], i};
    if (sorted)
        qsort(sorted, (size_t)r->columns, sizeof *sorted, compare_named);
    else
        fail_nomem(r);
    return sorted;
}

// As find_column().
static int find_sorted(struct reader *r, const struct named *sorted, const char *name)
{
    const struct named key = {name, 0}, *end = sorted + r->columns;
    const struct named *found =
        bsearch(&key, sorted, (size_t)r->columns, sizeof key, compare_named);
    bool one = found && (found == sorted || compare_named(found - 1, &key)) &&
               (found + 1 == end || compare_named(found + 1, &key));
    return one && !r->o->no_header ? found->column
                                   : find_column(r, name, strlen(name), r->o->no_header);
}

// .columns, and no others.
static void choose_columns(struct reader *r)
{
    struct named *sorted = sort_names(r);
    memset(r->role, ROLE_SKIPPED, (size_t)r->columns);
    for (int i = 0; r->ok && i < r->o->column_count; i++) {
        const char *name = r->o->columns[i];
        int column = find_sorted(r, sorted, name);
        if (column >= 0 && r->role[column] == ROLE_X)
            r->ok = wf_fail(r->err, WEFT_PARAM, "%s: column '%s' is in two places of x", r->shown,
                            QUOTE(name, strlen(name)));
        if (!r->ok)
            break;
        r->role[column] = ROLE_X;
        r->place[column] = i;
    }
    free(sorted);
}

static void set_target(struct reader *r)
{
    const char *given = r->o->target;
    int target = given ? find_column(r, given, strlen(given), true) : r->columns - 1;
    bool chosen = r->o->column_count, is_x = target >= 0 && r->role[target] == ROLE_X;
    if (target >= 0 && is_x == chosen)
        r->ok = wf_fail(r->err, WEFT_PARAM, "%s: column %d is the target, and %s", r->shown, target,
                        chosen ? "one of x" : "skipped");
    if (!r->ok)
        return;
    r->role[target] = ROLE_Y;
    char number[16];
    snprintf(number, sizeof number, "%d", target);
    r->t->target = wf_strdup(r->o->no_header ? number : r->names[target]);
    if (!r->t->target)
        fail_nomem(r);
}

static void set_roles(struct reader *r)
{
    if (r->o->column_count)
        choose_columns(r);
    else
        skip_columns(r);
    if (r->ok && !r->o->no_target)
        set_target(r);
    for (int i = 0; r->ok && i < r->columns; i++) {
        int next = r->t->columns;
        r->t->columns += r->role[i] == ROLE_X;
        if (!r->o->column_count)
            r->place[i] = next;
    }
}

// Names of x's columns.
static void set_names(struct reader *r)
{
    struct wf_table *t = r->t;
    if (r->o->no_header)
        return;
    t->names = calloc((size_t)t->columns, sizeof *t->names);
    for (int i = 0; t->names && r->ok && i < r->columns; i++) {
        if (r->role[i] == ROLE_X)
            r->ok = (t->names[r->place[i]] = wf_strdup(r->names[i])) != NULL;
    }
    if (!t->names || !r->ok)
        fail_nomem(r);
}

static void end_first_row(struct reader *r)
{
    r->begun = true;
    r->role = calloc((size_t)r->columns + 1, 1);
    r->place = calloc((size_t)r->columns + 1, sizeof *r->place);
    if (!r->role || !r->place) {
        fail_nomem(r);
        return;
    }
    set_roles(r);
    if (r->ok && !r->t->columns)
        r->ok =
            wf_fail(r->err, WEFT_PARAM, "%s: %d columns leave none for x", r->shown, r->columns);
    if (r->ok)
        set_names(r);
    if (!r->ok || !r->o->no_header)
        return;
    for (int i = 0; i < r->columns && r->ok; i++)
        read_field(r, r->names[i], strlen(r->names[i]));
    end_row(r);
}

static void on_field(void *text, size_t n, void *priv)
{
    struct reader *r = priv;
    if (!r->ok)
        return;
    if (r->begun)
        read_field(r, text ? text : "", n);
    else
        keep_name(r, text ? text : "", n);
}

static void on_row(int end, void *priv)
{
    struct reader *r = priv;
    if (r->ok && r->begun)
        end_row(r);
    else if (r->ok)
        end_first_row(r);
    r->crs += end == '\r';
}

static bool feed(struct reader *r, struct csv_parser *p, const char *piece, size_t n)
{
    if (memchr(piece, 0, n))
        fail(r, "a NUL, wanted text");
    if (r->ok && csv_parse(p, piece, n, on_field, on_row, r) != n) {
        if (csv_error(p) == CSV_EPARSE)
            fail(r, "a quote inside a field, or something after a quoted one");
        else
            fail_nomem(r);
    }
    if (r->ok && p->entry_pos > MAX_FIELD)
        fail(r, "a field of more than 1 MiB, or a quote that does not end");
    bool ended = n && piece[n - 1] == '\n', crlf = n > 1 && piece[n - 2] == '\r';
    r->line += r->crs + (ended && !(crlf && r->crs));
    r->crs = 0;
    return r->ok;
}

static bool feed_all(struct reader *r, struct csv_parser *p, const char *text, size_t n)
{
    if (n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        n -= 3;
    }
    while (n) {
        size_t some = n < PIECE ? n : PIECE;
        const char *end = memchr(text, '\n', some);
        some = end ? (size_t)(end - text) + 1 : some;
        if (!feed(r, p, text, some))
            return false;
        text += some;
        n -= some;
    }
    if (csv_fini(p, on_field, on_row, r) && r->ok)
        fail(r, "a quote does not end");
    return r->ok;
}

// Labels get their final numbers.
static bool number_labels(struct reader *r)
{
    struct wf_table *t = r->t;
    int64_t *order = NULL;
    if (!t->label)
        return true;
    r->ok = wf_labels_sort(&r->labels, &order, &t->classes, &t->class_count);
    for (int64_t i = 0; r->ok && i < t->rows; i++)
        t->label[i] = order[t->label[i]];
    free(order);
    return r->ok || wf_fail_nomem(r->err, r->shown);
}

static bool finish_table(struct reader *r)
{
    if (!r->begun)
        return wf_fail(r->err, WEFT_FORMAT, "%s: is empty, wanted %s", r->shown,
                       r->o->no_header ? "rows" : "a header and rows");
    if (!r->t->rows)
        return wf_fail(r->err, WEFT_FORMAT, "%s: has no rows after its header", r->shown);
    return set_room(r, r->t->rows) && number_labels(r);
}

bool wf_csv_read(struct wf_table *t, const char *path, const struct weft_csv_params *o,
                 struct weft_error *err)
{
    size_t n = strlen(path);
    const char *shown = n > 100 ? path + n - 100 : path; // the end tells more than the beginning
    struct reader r = {.t = t, .o = o, .shown = shown, .err = err, .ok = true, .line = 1};
    struct csv_parser p;
    struct wf_map map;
    if (!wf_map_open(&map, path, err))
        return false;
    bool ok = !csv_init(&p, CSV_STRICT | CSV_STRICT_FINI) || wf_fail_nomem(err, shown);
    if (ok) {
        csv_set_delim(&p, (unsigned char)o->separator);
        csv_set_blk_size(&p, 4096);
        ok = feed_all(&r, &p, map.data, map.bytes) && finish_table(&r);
        csv_free(&p);
    }
    for (int i = 0; i < r.columns; i++)
        free(r.names[i]);
    free(r.names);
    free(r.role);
    free(r.place);
    wf_labels_finish(&r.labels);
    wf_map_close(&map);
    return ok;
}
