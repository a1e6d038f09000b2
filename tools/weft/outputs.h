// The files that training writes, looked at before it begins: an hour of it should not end in a
// file that cannot be written, nor in one of the user's that is gone.
#ifndef OUTPUTS_H
#define OUTPUTS_H
#include "training.h"

// GO_ON, or the exit code after what is wrong was printed: two options name one file, a file cannot
// be made, or there is one that weft would not have written.
int outputs_check(const struct train_args *a);

#endif
