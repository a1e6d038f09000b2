// Faults of devices and drivers, as rows of one table, each with its reason.
#ifndef WF_DEV_QUIRKS_H
#define WF_DEV_QUIRKS_H
#include <weft/device.h>

enum wf_quirk {
    WF_QUIRK_NOT_CHOSEN = 1 << 0,  // never taken unless named
    WF_QUIRK_NO_BINARIES = 1 << 1, // compiled programs are not stored
    WF_QUIRK_NO_DISPLAY = 1 << 2,  // drives no display, whatever its type suggests
};

struct wf_quirk_row {
    const char *platform, *vendor, *device, *driver; // parts of these, any case; NULL matches all
    unsigned quirks;                                 // enum wf_quirk, or'ed
    const char *why;
};

// The bits of every row that matches.
unsigned wf_quirks(const struct weft_device_info *info);
// The n-th row that matches, from 0; NULL past the last.
const struct wf_quirk_row *wf_quirk_row(const struct weft_device_info *info, int n);

#endif
