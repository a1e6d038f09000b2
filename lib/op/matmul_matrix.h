// What tests need to know of products by matrix instructions.
#ifndef WF_OP_MATMUL_MATRIX_H
#define WF_OP_MATMUL_MATRIX_H
#include "op/matmul.h"

// Knobs of gpu_matrix. ATOM is an `enum wf_matrix` that is emulated, 0: the device's own, not
// emulated.
enum { WF_MATMUL_MATRIX_TF32 = 9, WF_MATMUL_MATRIX_ATOM };
// The rule's choice for the atom that knob[WF_MATMUL_MATRIX_ATOM] names.
void wf_matmul_matrix_choose(weft_device *dev, const struct wf_matmul *p, int *knob);

#endif
