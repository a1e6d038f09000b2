// Training: what it needs, the steps, the test after every epoch, and the checkpoints.
#ifndef TRAINING_H
#define TRAINING_H
#include "dataset.h"
#include "history.h"
#include "host_time.h"
#include "losses.h"
#include "model.h"
#include "progress.h"
#include "recipe.h"
#include "score.h"
#include <weft/schedule.h>

struct train_args {
    struct model model;
    struct recipe recipe;
    bool classes_given, task_given, normalize_given;
    int epochs, batch;
    int64_t steps, save_every; // 0: no limit, only after each epoch
    uint64_t seed;
    double validation; // the part of the training data
    const char *data, *device, *trace, *save, *resume, *log;
    struct csv_options csv;
    bool profile, verbose;
};

struct training {
    struct train_args *args;
    struct description about;
    weft_device *dev;
    weft_loader *train, *validation, *test; // the last two may be NULL
    weft_params *net;
    weft_optim *optim;
    weft_schedule *schedule; // or NULL
    weft_scope *scope, *test_scope;
    struct losses losses;
    struct history history;
    struct progress progress;
    struct host_time host;
    int64_t began; // the step that this process began at
    int64_t saved; // the step of the last checkpoint, -1 for none
    struct score validated, tested;
    bool unheard; // standard output, or the history, could not be written: training ends
    struct weft_error history_err;
    struct weft_error err;
};

extern volatile sig_atomic_t interrupted; // set to end after the step

// Opens the data and the device and makes the parameters, or takes them from --resume. False: see
// t->err.
bool training_prepare(struct training *t);
// All epochs, with a line on stdout after each. False: see t->err, and t->unheard: what had been
// trained then is saved.
bool training_run(struct training *t);
void training_finish(struct training *t);

#endif
