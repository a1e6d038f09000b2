// A trial product: what one choice answers is compared with what another did.
#ifndef WF_OP_MATMUL_TRIAL_H
#define WF_OP_MATMUL_TRIAL_H
#include "op/matmul_tuning.h"

struct wf_matmul_trial {
    weft_device *dev;
    struct wf_matmul p; // with buffers
    struct wf_storage *a, *b, *c;
    size_t bytes; // of c; behind them are bytes that nothing may write
    unsigned char *want, *got;
};

// Makes the operands of a dense problem, and has `reference` answer it, or the plain variant where
// that fails. Finish it also after a failure.
bool wf_matmul_trial_make(struct wf_matmul_trial *t, weft_device *dev,
                          const struct wf_tuning_problem *key,
                          const struct wf_matmul_choice *reference, struct weft_error *err);
void wf_matmul_trial_finish(struct wf_matmul_trial *t);
// Does the choice answer the same, and write nothing else? WEFT_UNSUPPORTED for another answer;
// else what it failed of.
bool wf_matmul_trial_check(struct wf_matmul_trial *t, const struct wf_matmul_choice *c,
                           struct weft_error *err);

#endif
