// Saving a training, so that one that was interrupted and goes on from the file ends with the same
// bits as one that never stopped.
#ifndef WEFT_RESUME_H
#define WEFT_RESUME_H
#include <weft/file.h>
#include <weft/schedule.h>

#ifdef __cplusplus
extern "C" {
#endif

// What a training consists of. What is left NULL is neither saved nor loaded.
struct weft_training_params {
    size_t size;
    weft_params *params;     // required
    weft_optim *optim;       // of these params: its moments and counts of steps, its step size
    weft_schedule *schedule; // of this optimizer: its numbers
    weft_scope *scope;       // its seed and stream and how many random tensors were drawn from them
    int64_t position;        // the program's own: batches or samples consumed, say; 0 or more
    // Saved only: texts of the program's own, which weft_safetensors_metadata() gives back. Keys
    // that begin with "weft." are weft's.
    const struct weft_file_text *text; // [ntext]
    int ntext;
};
#define weft_training_params(...) WEFT_PARAMS(weft_training_params, __VA_ARGS__)

// Saves as one safetensors file (file.h): each parameter under its name, its gradient, where there
// is one that no step has used yet, as "gradient.NAME", and what the optimizer knows of it as
// "optimizer.NAME.step" (I64) and "optimizer.NAME.MOMENT" ("exp_avg" and "exp_avg_sq" of Adam, as
// torch.optim calls them). Numbers are JSON in the metadata, under "weft.training". First it runs
// what the scope has recorded, and fails if that does; what other scopes have recorded and not run
// is not in it. WEFT_DEVICE if an optimizer's step has failed half-way. A file that is there is
// replaced at once, or stays as it is.
// weft_params_load() takes the parameters alone from such a file, to predict with.
WEFT_API bool weft_training_save(const char *path, const struct weft_training_params *t,
                                 struct weft_error *err);

// Loads what weft_training_save() has saved into the same: params as weft_params_load(), which may
// still be empty, an optimizer and a schedule made in the same way, a scope. Options of the
// optimizer and the schedule are not in the file, but for the step sizes and the momentum that they
// have come to.
// Gradients that the file lacks are cleared. *position [may be NULL] is the one that was saved.
// WEFT_FORMAT for a file of another kind of optimizer or schedule, or one that lacks what is
// wanted; errors of weft_params_load(). On error nothing has changed. Records of before become
// WEFT_STALE.
WEFT_API bool weft_training_load(const char *path, const struct weft_training_params *t,
                                 int64_t *position, struct weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
