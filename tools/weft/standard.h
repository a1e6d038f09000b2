// Means and deviations that are 0 and 1 inside of a model: of its input, and of a regression's
// target. They are buffers, saved with the parameters.
#ifndef STANDARD_H
#define STANDARD_H
#include "model.h"

// Of a model that standardizes; others get what they gave.
weft_tensor *standard_input(weft_scope *s, weft_params *net, const struct model *m,
                            const weft_tensor *x);
// Of a regression: y [batch, value] in the model's units, and back.
weft_tensor *standard_target(weft_scope *s, weft_params *net, const struct model *m,
                             const weft_tensor *y);
weft_tensor *standard_values(weft_scope *s, weft_params *net, const struct model *m,
                             const weft_tensor *y);
// Sets the buffers to what the rows of the data say: of each channel of images, of each column of
// tables, of each value of the target.
bool standard_fit(weft_params *net, const struct model *m, const weft_data *data,
                  struct weft_error *err);
// One by the deviation of each value of the target, or ones: [classes] numbers.
bool standard_target_scale(weft_params *net, const struct model *m, float *scale,
                           struct weft_error *err);

#endif
