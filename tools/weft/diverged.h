// Why a loss is no number.
#ifndef DIVERGED_H
#define DIVERGED_H
#include "training.h"

// What is to be said behind the WEFT_NONFINITE of a step: it is the data, or else the options. Into
// buffer, which is returned.
enum { WHY = 1024 };
const char *diverged_why(const struct training *t, char buffer[WHY]);
// Are all parameters finite? A name of one that is not, if any, is put in *err, behind `what`.
bool diverged_check(const struct training *t, const char *what, const char *end,
                    struct weft_error *err);

#endif
