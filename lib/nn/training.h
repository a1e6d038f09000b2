// What saving and loading a training have in common.
#ifndef WF_NN_TRAINING_H
#define WF_NN_TRAINING_H
#include "nn/optim.h"
#include "nn/schedule.h"
#include <weft/resume.h>

#define WF_TRAINING_KEY "weft.training" // of the metadata

// Copies the params and checks that they belong together; `call` begins the texts.
bool wf_training_params(const char *call, const char *path, const struct weft_training_params *from,
                        struct weft_training_params *to, struct weft_error *err);

#endif
