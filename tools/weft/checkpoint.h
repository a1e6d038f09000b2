// What `weft train` saves: one safetensors file with the model, the state of training, and in the
// metadata, under "train.", what the model is and where training has come to.
#ifndef CHECKPOINT_H
#define CHECKPOINT_H
#include "json.h"
#include "training.h"

extern const struct option_row train_rows[];
extern const int train_row_count;

// Sets the options that are kept with a model to those of the file, the shape of its input, and
// *d. WEFT_FORMAT for a file that `weft train` has not saved.
bool checkpoint_read(const weft_safetensors *f, const char *path, struct train_args *args,
                     struct description *d, struct weft_error *err);
// For info: what the file says of its model, if it does.
void checkpoint_describe(const weft_safetensors *f);
void checkpoint_describe_json(struct json *j, const weft_safetensors *f);

// The number "train.NAME": a whole one from 0, or any. False, with file and name in *err, for one
// that is missing or none.
bool checkpoint_count(const weft_safetensors *f, const char *path, const char *name, int64_t *out,
                      struct weft_error *err);
bool checkpoint_number(const weft_safetensors *f, const char *path, const char *name, double *out,
                       struct weft_error *err);

// The state of training to --save's FILE, and from --resume's.
bool checkpoint_save(struct training *t);
// Says so if it could not be saved; training goes on.
void checkpoint_save_or_warn(struct training *t);
bool checkpoint_load(struct training *t);

#endif
