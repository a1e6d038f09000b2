// Looking for NaN and infinity in what records make.
#ifndef WF_CORE_FINITE_H
#define WF_CORE_FINITE_H
#include "core/op.h"

// Is it that the device does not check, or the record has made no NaN or infinity of finite inputs?
// Its inputs still have storage. WEFT_NONFINITE if it has; without the op's name.
bool wf_check_finite(weft_device *dev, const struct wf_record *r, struct weft_error *err);

#endif
