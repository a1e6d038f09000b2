// Which matrix instructions a device may have. That it says so is no proof: what uses them is
// compared with other kernels first.
#ifndef WF_DEV_MATRIX_H
#define WF_DEV_MATRIX_H
#include "dev/device.h"

// The numbers are those of cl/matmul_atom.h.
enum wf_matrix {
    WF_MATRIX_NONE,
    WF_MATRIX_NV,     // mma.sync: compute capability 8.0 and on
    WF_MATRIX_MFMA,   // AMD's gfx90a
    WF_MATRIX_MFMA3,  // gfx940 and on, with longer products of bytes
    WF_MATRIX_WMMA,   // AMD's gfx11
    WF_MATRIX_DPAS8,  // Intel's, of subgroups of 8
    WF_MATRIX_DPAS16, // and of 16
};

// Asks the device at the first call.
enum wf_matrix wf_device_matrix(weft_device *dev);

#endif
