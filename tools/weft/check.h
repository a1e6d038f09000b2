// The work of `weft check`, in processes of its own.
#ifndef CHECK_H
#define CHECK_H
#include "ref_check.h"

enum { MAX_OPS = 512 };

struct check_result {
    int op; // place in the list; -1: the device could not be opened, see text
    int passed, run;
    double worst, ms; // the largest error as a part of what is allowed
    char text[sizeof((struct ref_check *)0)->text]; // what was wrong; ""
    struct weft_device_info device;
};

struct check_workers {
    int count, ops;
    const char *const *op; // names, [ops]
    const char *device;    // which one; NULL: the fastest
    int pipe;              // what the workers write
};

// Starts processes that share the ops among them. False if not even one could be started.
bool check_start(struct check_workers *w);
// The next result, of any op. False when the workers have ended.
bool check_next(struct check_workers *w, struct check_result *out);
// Ends the workers; waits for the cases that they are at.
void check_end(struct check_workers *w);

#endif
