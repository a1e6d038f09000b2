// Reading a value waits for the device; reading it without waiting lets the host record the next
// steps. The sum is in double and in the order of the steps, so it is the same however often it is
// looked at.
#include "losses.h"
#include "failure.h"
#include <inttypes.h>
#include <math.h>

void losses_start(struct losses *l, int64_t step, double sum, int64_t rows)
{
    l->done = l->begun = step;
    l->sum = sum;
    l->sum_rows = rows;
}

// The oldest one.
static bool take(struct losses *l, struct weft_error *err)
{
    int at = (int)(l->done % LOSSES_AHEAD);
    bool ok = weft_async_wait(l->read[at], err);
    weft_async_destroy(&l->read[at]);
    l->done++;
    double loss = (double)l->value[at];
    if (ok && !isfinite(loss)) {
        l->bad = l->done;
        return failure(err, WEFT_NONFINITE, "train: the loss became %s in step %" PRId64,
                       isnan(loss) ? "NaN" : "infinite", l->done);
    }
    l->sum += loss * l->rows[at];
    l->sum_rows += l->rows[at];
    return ok;
}

bool losses_push(struct losses *l, weft_scope *s, const weft_tensor *loss, int rows,
                 struct weft_error *err)
{
    if (l->begun - l->done == LOSSES_AHEAD && !take(l, err))
        return false;
    int at = (int)(l->begun % LOSSES_AHEAD);
    l->read[at] = weft_read_async(s, loss, &l->value[at], sizeof l->value[at]);
    if (!l->read[at])
        return scope_is_fine(s, err);
    l->rows[at] = rows;
    l->begun++;
    return true;
}

bool losses_wait(struct losses *l, struct weft_error *err)
{
    while (l->done < l->begun) {
        if (!take(l, err))
            return false;
    }
    return true;
}

double losses_mean(const struct losses *l)
{
    return l->sum_rows ? l->sum / (double)l->sum_rows : NAN;
}

void losses_finish(struct losses *l)
{
    for (int i = 0; i < LOSSES_AHEAD; i++)
        weft_async_destroy(&l->read[i]);
    l->done = l->begun;
}
