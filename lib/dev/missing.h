// Why a device is not there: what did not work, and what the machine says about its drivers.
#ifndef WF_DEV_MISSING_H
#define WF_DEV_MISSING_H
#include "base/error.h"

// Platforms and devices that were passed over. Begins as {.log = log}.
struct wf_skips {
    struct weft_device_skip *data; // [count]
    int count;
    bool failed; // memory ran out
    const struct wf_log *log;
};
// Adds one, and logs it.
void wf_skip(struct wf_skips *s, enum weft_log_level level, const char *who, const char *fmt, ...)
    WF_PRINTF(4, 5);

struct wf_drivers {
    int named;            // drivers that the OpenCL loader is told of
    char where[128];      // the folder, file or library it is told by
    char filenames[1024]; // OCL_ICD_FILENAMES
};
// Before the loader's first function is called: Khronos' cuts the list in its environment where it
// reads it.
void wf_missing_before(struct wf_drivers *out);
// Looks where the loader looks. Each driver whose library cannot be opened is skipped.
// After that call, so that a driver is not loaded twice.
void wf_missing_drivers(struct wf_skips *s, struct wf_drivers *out);

// Skips each GPU's device node that this user may not open, and returns how many.
int wf_missing_nodes(struct wf_skips *s);
// Is the file there, but not for this user to read and write?
bool wf_missing_permission(const char *path);

// What helps a platform that shows no device; "" where nothing is known.
const char *wf_missing_hint(const char *platform);

// Why there is no device at all. `drivers` is NULL where the table was filled by hand.
void wf_missing_why(const struct wf_skips *s, const struct wf_drivers *drivers, int closed_nodes,
                    char why[240]);

#endif
