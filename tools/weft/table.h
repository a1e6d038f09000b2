// CSV files: the options that say how they are read, and the columns that are input and target.
#ifndef TABLE_H
#define TABLE_H
#include "model.h"
#include <weft/weft.h>

struct csv_options {
    const char *target;    // name or number of the column; NULL: the last
    const char *separator; // a character or "tab"; NULL: a tab in .tsv files, else a comma
    const char *skip;      // names or numbers of columns that are left out, with commas between
    bool no_header;        // the first line is a row
};

// The rows of options for verbs that apply a model; AT(csv) is a struct csv_options.
#define TABLE_ROWS                                                                           \
    {"target", "NAME", "the column of a CSV file that was learned [as for weft train]",      \
     OPTION_TEXT, AT(csv.target)},                                                           \
        {"no-header", NULL, "the first line of a CSV file is a row too [as for weft train]", \
         OPTION_FLAG, AT(csv.no_header)},                                                    \
    {                                                                                        \
        "separator", "C",                                                                    \
            "between the columns of a CSV file: a character, or tab\n"                       \
            "                         [a tab in .tsv; else as for weft train]",              \
            OPTION_TEXT, AT(csv.separator)                                                   \
    }

// GO_ON, or the exit code of a wrong option, which is told.
int table_check(const char *verb, const struct csv_options *o);
// Is it a table, by the end of its name? "-" is one.
bool table_is(const char *path);
// Does the end of its name say what the separator is?
bool table_has_separator(const char *path);

struct description;
// As dataset_open() and dataset_open_new().
struct dataset_args;
weft_data *table_open(const struct dataset_args *a, const struct model *m,
                      const struct description *about, struct weft_error *err);
weft_data *table_open_new(const struct dataset_args *a, bool allow_missing, int *task,
                          struct description *about, struct weft_error *err);

#endif
