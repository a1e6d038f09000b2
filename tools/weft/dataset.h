// Data by their paths: folders of IDX files, CSV, npz, npy and single IDX files.
#ifndef DATASET_H
#define DATASET_H
#include "class_names.h"
#include "model.h"
#include <weft/weft.h>

#define SPLITS "test|train"
enum split { TEST_SPLIT, TRAIN_SPLIT };
extern const char default_data[];

struct dataset_args {
    const char *path;
    int split;          // of folders and npz files
    bool with_target;   // else there need be none
    const char *target; // of CSV: name or number of the column; NULL: the last
    bool no_header;     // of CSV
};

// Data for a known model and its classes: labels become the places of their names. NULL: see *err.
weft_data *dataset_open(const struct dataset_args *a, const struct model *m,
                        const struct class_names *names, struct weft_error *err);
// Data to make a model for: *task is what the target is, unless it is given as CLASSIFY or REGRESS;
// the names of the classes are put in *names.
enum { ANY_TASK = -1 };
weft_data *dataset_open_new(const struct dataset_args *a, int *task, struct class_names *names,
                            struct weft_error *err);
// Is it CSV, whose rows are columns with one of them to learn?
bool dataset_is_table(const char *path);
// Are there test data beside the training data?
bool dataset_has_test(const char *path);

// Sets m->classes to what the labels, or the values of the target, are; those given must do.
bool dataset_classes(const weft_data *data, struct model *m, bool given, const char *path,
                     struct weft_error *err);
// The mean of each of `n` values of the targets, and their standard deviation.
bool dataset_target_statistics(const weft_data *data, int n, double *mean, double *std,
                               struct weft_error *err);

#endif
