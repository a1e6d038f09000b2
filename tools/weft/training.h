// Training on images: what it needs, the steps, and the test after every epoch.
#ifndef TRAINING_H
#define TRAINING_H
#include "model.h"
#include "progress.h"

enum { SGD = 0, ADAM = 1 }; // the order in the choice of --optimizer

struct train_args {
    int model, optimizer; // places in their choices
    struct mlp mlp;
    int epochs, batch;
    int64_t steps; // 0: no limit
    uint64_t seed;
    double lr, momentum; // lr 0: the optimizer's default
    const char *data, *device, *trace;
    bool profile, verbose;
};

struct training {
    const struct train_args *args;
    weft_device *dev;
    weft_loader *train, *test;
    weft_params *net;
    weft_optim *optim;
    weft_scope *scope, *test_scope;
    weft_tensor *loss_sum; // of this epoch's steps, kept
    struct progress progress;
    double accuracy;
    struct weft_error err;
};

extern volatile sig_atomic_t interrupted; // set to end after the step

// Opens the data and the device and makes the parameters. False: see t->err.
bool training_prepare(struct training *t);
// All epochs, with a line on stdout after each. False: what went wrong is in t->err, or was
// printed.
bool training_run(struct training *t);
void training_finish(struct training *t);

#endif
