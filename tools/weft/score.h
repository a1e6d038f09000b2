// How good a model is on data.
#ifndef SCORE_H
#define SCORE_H
#include "model.h"
#include <signal.h>

struct score {
    int64_t rows, correct;
    double loss;             // summed up, as the others; of standardized values
    double square, absolute; // errors of a regression's values
    int64_t *confusion;      // [class of the label][class predicted], or NULL
};

// Goes through one epoch of `data`. False on error, or when *stop became nonzero; then *err has
// none. `confusion`, if it is not NULL, has classes^2 zeros.
bool score_measure(struct score *score, weft_scope *s, weft_params *net, const struct model *m,
                   weft_loader *data, const volatile sig_atomic_t *stop, struct weft_error *err);

// Means over the rows; those of a regression over its values.
double score_loss(const struct score *score, const struct model *m);
double score_square(const struct score *score, const struct model *m);
double score_absolute(const struct score *score, const struct model *m);
double score_accuracy(const struct score *score);

// Of `count` numbers: the place of the largest, and each one's probability.
int largest(const float *x, int count);
void softmax(const float *x, int count, double *probability);

#endif
