// Between two records: cancelling, progress, and data of the host's that was read before.
#include "core/watch.h"

void wf_watch_begin(weft_scope *s, int lowest)
{
    s->steps = s->steps_done = 0;
    for (int i = lowest; i < s->nrecords; i++)
        s->steps += s->record[i]->live;
}

static bool report(weft_scope *s, const struct wf_record *r)
{
    struct weft_progress at = {.done = s->steps_done,
                               .total = s->steps,
                               .op = r ? r->op->name : "",
                               .label = r ? r->label : ""};
    return !s->progress || s->progress(s->progress_priv, &at);
}

// The host program may have changed what it lent since the record ran.
static bool reads_twice(struct wf_record *r)
{
    if (!r->done || (r->op->view && r->op->view(r)))
        return false;
    for (int i = 0; i < r->nin; i++) {
        if (r->in[i]->storage && r->in[i]->storage->borrowed)
            return true;
    }
    return false;
}

bool wf_watch_step(weft_scope *s, struct wf_record *r, struct weft_error *err)
{
    bool stopped = !s->cancelled && !report(s, r);
    // The callback may be where another thread's call arrives.
    if (s->cancelled)
        return wf_fail(err, WEFT_CANCELLED, "cancelled from another thread");
    if (stopped)
        return wf_fail(err, WEFT_CANCELLED, "cancelled by the progress callback");
    if (reads_twice(r))
        return wf_fail(err, WEFT_STALE,
                       "borrowed data would be read again; weft_want() keeps what comes of it");
    s->steps_done++;
    return true;
}

void wf_watch_end(weft_scope *s)
{
    s->steps_done = s->steps;
    if (s->steps)
        report(s, NULL);
}
