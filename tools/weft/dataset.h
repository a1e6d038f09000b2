// Data by their paths: folders of IDX files, CSV, npz, npy and single IDX files.
#ifndef DATASET_H
#define DATASET_H
#include "model.h"
#include "names.h"
#include "table.h"
#include <weft/weft.h>

#define SPLITS "test|train"
enum split { TEST_SPLIT, TRAIN_SPLIT };
extern const char default_data[];

// What of a trained model is said by its data and not by its options.
struct description {
    struct names classes;
    struct names columns; // x's columns of a CSV file; without names, they go by their places
    char *target;         // the column of a CSV file that was learned: its name, or its number
    char *owned[4];       // what options that were read from a file point to
};
void description_free(struct description *d);

struct dataset_args {
    const char *path;
    int split;        // of folders and npz files
    bool with_target; // else there need be none
    struct csv_options csv;
};

// Data for a known model: labels become the places of their names, the columns of a CSV file are
// found by their names, and every target is looked at. NULL: see *err.
weft_data *dataset_open(const struct dataset_args *a, const struct model *m,
                        const struct description *about, struct weft_error *err);
// The test data that are beside training data; NULL where there are none, without an error.
weft_data *dataset_open_test(const char *path, const struct model *m,
                             const struct description *about, struct weft_error *err);
// Data to make a model for: *task is what the target is, unless it is given as CLASSIFY or REGRESS;
// *about becomes what the data say.
enum { ANY_TASK = -1 };
weft_data *dataset_open_new(const struct dataset_args *a, bool allow_missing, int *task,
                            struct description *about, struct weft_error *err);
// What errors call a path.
const char *dataset_name(const char *path);

// Sets m->classes to what the labels, or the values of the target, are; those given must do. Looks
// at every target.
bool dataset_classes(const weft_data *data, struct model *m, bool given, const char *path,
                     struct weft_error *err);
// Is every target one of the model's classes, or finite? What model_takes() finds is left to it.
bool dataset_check_targets(const weft_data *data, const struct model *m, const char *path,
                           struct weft_error *err);
// Of arrays: few whole numbers from 0 are classes, and so are integers 0 .. N-1 that all occur.
bool dataset_guess(const weft_data *data, int *task, const char *path, struct weft_error *err);
// Are `n` different labels few against the rows?
bool are_few(int64_t n, int64_t rows);
// The mean of each of `n` values of the targets, and their standard deviation.
bool dataset_target_statistics(const weft_data *data, int n, double *mean, double *std,
                               struct weft_error *err);

#endif
