// The history of a training in a file: a line of CSV, or of JSON in a file that ends in .jsonl, for
// each time the model was tested.
#ifndef HISTORY_H
#define HISTORY_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <weft/weft.h>

// A column for each; NaN where there is none, which is an empty cell and null.
#define HISTORY_MAP(X) \
    X(loss)            \
    X(validation_loss) X(validation_accuracy) X(test_loss) X(test_accuracy) X(lr) X(rows_per_second)

struct history_line {
    int64_t step;
    int epoch;
#define X(name) double name;
    HISTORY_MAP(X)
#undef X
};

struct history {
    const char *path;
    FILE *file;
    bool json;
};

// Is `path` the name of a history: does it end in .csv or .jsonl?
bool history_is_name(const char *path);
// Does it begin as one?
bool history_is_one(const char *path);
// An empty file or, with steps above 0, the one that is there without its lines of this step and
// beyond: those are left out of a new file, which then takes the old one's name.
bool history_open(struct history *h, const char *path, int64_t steps, struct weft_error *err);
// One write for each line. Does nothing where no file is open.
bool history_add(struct history *h, const struct history_line *line, struct weft_error *err);
void history_close(struct history *h);

#endif
