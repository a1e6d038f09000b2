// A model from a file that `weft train` saved, ready to be applied.
#ifndef TRAINED_H
#define TRAINED_H
#include "checkpoint.h"

struct trained {
    struct train_args args; // what the file says
    struct description about;
    weft_device *dev;
    weft_params *net;
    weft_scope *scope;
};

// False: see *err.
bool trained_open(struct trained *t, const char *path, const char *device, struct weft_error *err);
void trained_close(struct trained *t);
// The rows of `path` in batches: with their targets, or without. Of a folder, those of the split.
// What is not said of a CSV file is as it was in training.
weft_loader *trained_data(const struct trained *t, const struct dataset_args *a, int batch,
                          struct weft_error *err);

#endif
