// What reading a CSV file is made of: a table of numbers, and the labels of a column.
#ifndef WF_DATA_CSV_H
#define WF_DATA_CSV_H
#include <weft/csv.h>

struct wf_label;

// The labels of a column, numbered as they come.
struct wf_labels {
    struct wf_label *by_text; // a hash table
    int count;
};
// Puts the number of a label in *number; false when out of memory.
bool wf_labels_add(struct wf_labels *l, const char *text, size_t n, int64_t *number);
// Sorts them: *order, owned by the caller (free), has the new number of each old one, and *names,
// which are `count` in the end, their texts (free each, and the list). False when out of memory.
bool wf_labels_sort(struct wf_labels *l, int64_t **order, char ***names, int *count);
void wf_labels_finish(struct wf_labels *l);

// One row after another, in memory.
struct wf_table {
    int columns; // of x
    int64_t rows, room;
    float *x;       // [rows, columns]
    float *y;       // [rows], or NULL
    int64_t *label; // [rows], or NULL
    char **names;   // of x's columns, [columns], or NULL
    char **classes; // [class_count], or NULL
    int class_count;
    char *target; // the name of y's column, or NULL
};

// Fills a table, which begins as {0}, and is to be finished even after a failure.
bool wf_csv_read(struct wf_table *t, const char *path, const struct weft_csv_params *o,
                 struct weft_error *err);
void wf_table_finish(struct wf_table *t);

#endif
