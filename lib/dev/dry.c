// Counting instead of doing.
#include "dev/dry.h"
#include <stdlib.h>

void wf_dry_begin(struct wf_dry *d, weft_device *real)
{
    *d = (struct wf_dry){.real = real};
    weft_device *dev = &d->dev;
    dev->cl = real->cl;
    dev->log = real->log;
    dev->info = real->info;
    dev->params = real->params;
    dev->quirks = real->quirks;
    dev->argument_bytes = real->argument_bytes;
    dev->index_max = real->index_max;
    dev->id = real->id;
    dev->context = real->context;
    dev->queue = real->queue;
    dev->refs = 1;
    dev->dry = d;
    d->kernel.max_group = real->info.max_group;
    wf_lock(&real->pool.lock);
    d->used = d->peak = real->pool.used;
    wf_unlock(&real->pool.lock);
}

void wf_dry_finish(struct wf_dry *d)
{
    free(d->seen);
    d->seen = NULL;
}

struct wf_block *wf_dry_take(struct wf_dry *d, size_t bytes, struct weft_error *err)
{
    struct wf_block *b = calloc(1, sizeof *b);
    if (!b) {
        wf_fail_nomem(err, "dry run");
        return NULL;
    }
    b->bytes = wf_pool_round(bytes);
    d->used += b->bytes;
    d->peak = d->used > d->peak ? d->used : d->peak;
    return b;
}

void wf_dry_hold(struct wf_dry *d, size_t bytes)
{
    d->used += wf_pool_round(bytes);
    d->peak = d->used > d->peak ? d->used : d->peak;
}

void wf_dry_give(struct wf_dry *d, struct wf_block *b)
{
    d->used -= b->bytes;
    free(b);
}

struct wf_kernel *wf_dry_kernel(struct wf_dry *d, struct wf_hash id)
{
    for (int i = 0; i < d->nseen; i++) {
        if (d->seen[i].lo == id.lo && d->seen[i].hi == id.hi)
            return &d->kernel;
    }
    d->builds++;
    if (d->nseen == d->room) {
        int room = d->room ? 2 * d->room : 32;
        struct wf_hash *seen = realloc(d->seen, (size_t)room * sizeof *seen);
        d->failed = d->failed || !seen;
        if (!seen)
            return &d->kernel;
        d->seen = seen;
        d->room = room;
    }
    d->seen[d->nseen++] = id;
    return &d->kernel;
}
