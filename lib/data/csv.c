// A CSV file as a data set: a table in memory.
#include "data/csv.h"
#include "base/error.h"
#include <stdlib.h>

#ifdef WF_HAVE_CSV
static bool get_row(void *priv, int64_t row, void *x, void *y, struct weft_error *err)
{
    (void)err;
    const struct wf_table *t = priv;
    memcpy(x, t->x + row * t->columns, (size_t)t->columns * sizeof *t->x);
    if (t->label)
        memcpy(y, t->label + row, sizeof *t->label);
    else if (t->y)
        memcpy(y, t->y + row, sizeof *t->y);
    return true;
}

void wf_table_finish(struct wf_table *t)
{
    for (int i = 0; t->names && i < t->columns; i++)
        free(t->names[i]);
    for (int i = 0; t->classes && i < t->class_count; i++)
        free(t->classes[i]);
    free(t->names);
    free(t->classes);
    free(t->target);
    free(t->x);
    free(t->y);
    free(t->label);
}

static void destroy_table(void *priv)
{
    wf_table_finish(priv);
    free(priv);
}

static weft_data *from_table(struct wf_table *t, struct weft_error *err)
{
    struct weft_data_source src =
        *weft_data_source(.x = {WEFT_F32, 1, {t->columns}}, .count = t->rows, .get = get_row,
                          .destroy = destroy_table, .priv = t);
    src.y.dtype = t->label ? WEFT_I64 : t->y ? WEFT_F32 : WEFT_DTYPE_NONE;
    src.columns = (const char *const *)t->names;
    src.classes = (const char *const *)t->classes;
    src.class_count = t->class_count;
    src.target = t->target;
    return weft_data_create(&src, err);
}

static bool check(const char *path, struct weft_csv_params *o, struct weft_error *err)
{
    o->separator = o->separator ? o->separator : ',';
    if (!path)
        return wf_fail(err, WEFT_PARAM, "data_csv: path is NULL");
    if (strchr("\"\r\n", o->separator))
        return wf_fail(err, WEFT_PARAM, "data_csv: .separator is a quote or a line end");
    if (o->no_target && (o->target || o->classes))
        return wf_fail(err, WEFT_PARAM, "data_csv: .no_target, and .%s is given",
                       o->target ? "target" : "classes");
    if (o->column_count < 0 || (o->column_count && (!o->columns || o->skip)))
        return wf_fail(err, WEFT_PARAM, "data_csv: .column_count is %d, and .%s", o->column_count,
                       o->skip ? "skip is given" : "columns is NULL");
    return true;
}

weft_data *weft_data_csv(const char *path, const struct weft_csv_params *params,
                         struct weft_error *err)
{
    struct weft_csv_params o;
    wf_params_copy(&o, sizeof o, params);
    if (!check(path, &o, err))
        return NULL;
    struct wf_table *t = calloc(1, sizeof *t);
    if (t && wf_csv_read(t, path, &o, err))
        return from_table(t, err);
    if (t)
        destroy_table(t);
    else
        wf_fail_nomem(err, "data_csv");
    return NULL;
}
#else
weft_data *weft_data_csv(const char *path, const struct weft_csv_params *params,
                         struct weft_error *err)
{
    (void)path, (void)params;
    wf_fail(err, WEFT_UNSUPPORTED, "data_csv: this weft cannot read CSV, build it with libcsv");
    return NULL;
}
#endif
