// Tensors of files as F32.
#ifndef WF_NN_CHECKPOINT_CONVERT_H
#define WF_NN_CHECKPOINT_CONVERT_H
#include <weft/file.h>

// Does every integer of t equal an F32? Floating numbers always do: they are rounded.
bool wf_fits_f32(const struct weft_file_tensor *t);
// All n elements of t, to the nearest F32; NaN stays NaN.
void wf_to_f32(const struct weft_file_tensor *t, int64_t n, float *out);

#endif
