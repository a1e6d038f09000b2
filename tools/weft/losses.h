// The losses of the steps: read while training goes on, so that no step waits for one.
#ifndef LOSSES_H
#define LOSSES_H
#include <weft/weft.h>

enum { LOSSES_AHEAD = 32 }; // steps that the host runs ahead of the device at the most

struct losses {
    weft_async *read[LOSSES_AHEAD]; // a ring: step i is at i % LOSSES_AHEAD
    float value[LOSSES_AHEAD];
    int rows[LOSSES_AHEAD];
    int64_t done, begun; // steps whose loss is known, and whose is asked for
    double sum;          // of this epoch: each step's mean loss times its rows
    int64_t sum_rows;
    int64_t bad; // the step whose loss was no number, 0 for none
};

// Of a new epoch, or of one that is gone on with.
void losses_start(struct losses *l, int64_t step, double sum, int64_t rows);
// Asks for the loss of the next step. False on error, in the scope or in *err; WEFT_NONFINITE for
// an earlier step's loss that is no number, with the step named.
bool losses_push(struct losses *l, weft_scope *s, const weft_tensor *loss, int rows,
                 struct weft_error *err);
// Waits for all that were asked for. Errors as losses_push().
bool losses_wait(struct losses *l, struct weft_error *err);
// The mean over the rows of what is known.
double losses_mean(const struct losses *l);
void losses_finish(struct losses *l);

#endif
