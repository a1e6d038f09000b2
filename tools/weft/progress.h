// How far training is: a bar that is drawn over on a terminal, and now and then a line elsewhere.
#ifndef PROGRESS_H
#define PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

struct progress {
    int epochs;
    int64_t batches, total; // steps in an epoch, and in all
    int64_t rows;           // in an epoch
    int batch;
    bool bar;

    int epoch;        // from 1
    int64_t step;     // done, in all
    int64_t in_epoch; // done, of this epoch
    int64_t from;     // of them before this process began
    double began;     // the epoch, seconds
    int64_t read_at;  // the step at which the device was last waited for, and the next one
    int64_t read_next;
    double read_time;
    double line_time; // the last line, and the step of the epoch it was at
    int64_t line_at;
};

// With `in_epoch` of the epoch's steps done already.
void progress_begin_epoch(struct progress *p, int64_t in_epoch);
// Counts a step. True when the loss should be read and shown: the first time at once, then so that
// the device's own pace makes it about seven times a second.
bool progress_step(struct progress *p);
void progress_show(struct progress *p, double loss);
// Rows trained on in this epoch, by this process, for each second of it.
double progress_speed(const struct progress *p);
// "0.5123"; into buffer, which is returned.
const char *loss_text(double loss, char buffer[32]);

#endif
