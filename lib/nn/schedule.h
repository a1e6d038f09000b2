// Schedules, as they are saved with a training.
#ifndef WF_NN_SCHEDULE_H
#define WF_NN_SCHEDULE_H
#include "base/json.h"
#include "nn/optim.h"
#include <weft/schedule.h>

const weft_optim *wf_schedule_optim(const weft_schedule *s);
// The schedule's numbers; NULL when out of memory, or if one is not finite.
wf_json *wf_schedule_state(const weft_schedule *s);
// Are these the numbers of a schedule such as s? Fails with a text that begins with `path`.
bool wf_schedule_fits(const weft_schedule *s, const wf_json *state, const char *path,
                      struct weft_error *err);
// Takes on the numbers, which fit.
void wf_schedule_restore(weft_schedule *s, const wf_json *state);

#endif
