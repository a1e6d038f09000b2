// What `weft train --profile` prints.
#ifndef PROFILE_H
#define PROFILE_H
#include <weft/weft.h>

// The kernels that ran and how long they took, as a table on stderr.
bool profile_print(weft_device *dev, struct weft_error *err);

#endif
