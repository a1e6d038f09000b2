// Knobs: numbers that a kernel is built or launched with, which change its speed and never what it
// computes (but for rounding). Their values come from a rule, or from tuning.
#ifndef WF_OP_KNOB_H
#define WF_OP_KNOB_H
#include <stdbool.h>

enum { WF_KNOB_VALUES = 8 };

struct wf_knob {
    const char *name; // "MR": the macro in the kernel; NULL: past the last
    int values;       // that a tuner may try: value[0 .. values - 1]
    int value[WF_KNOB_VALUES];
    bool launch; // of the launch: the kernel is not built with it
};

#endif
