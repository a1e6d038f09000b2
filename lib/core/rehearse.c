// The dry run. Every storage of the scope gets a twin of the stand-in, which the run gives back to
// it as it would the real one; afterwards tensors and records are as they were.
#include "core/rehearse.h"
#include "core/plan.h"
#include "core/run.h"
#include <stdlib.h>

struct saved {
    struct wf_tensor *tensor;
    struct wf_storage *storage;
    struct wf_variable *variable;
    uint64_t version;
};

// The twins, found by what they stand for: an open hash table of 2^bits.
struct twins {
    struct twin {
        const struct wf_storage *of;
        struct wf_storage *twin; // NULL: it has gone
    } * slot;
    size_t size;
};

static struct twin *find_twin(const struct twins *all, const struct wf_storage *s)
{
    size_t i = (size_t)(uintptr_t)s / sizeof(*s) & (all->size - 1);
    while (all->slot[i].of && all->slot[i].of != s)
        i = (i + 1) & (all->size - 1);
    return &all->slot[i];
}

static bool make_twin(struct wf_dry *dry, struct twin *slot, struct wf_storage *s)
{
    struct wf_storage *t = calloc(1, sizeof *t);
    struct wf_block *b = s->block ? calloc(1, sizeof *b) : NULL;
    if (!t || (s->block && !b)) {
        free(t);
        free(b);
        return false;
    }
    if (b)
        b->bytes = s->block->bytes;
    *t = (struct wf_storage){
        .dev = &dry->dev, .block = b, .mem = s->mem, .refs = (int)s->refs, .noted = &slot->twin};
    *slot = (struct twin){s, t};
    return true;
}

// Leaves of variables read these in place, and give nothing back.
static bool save_tensor(struct wf_dry *dry, struct twins *twins, struct saved *at,
                        struct wf_tensor *t)
{
    *at = (struct saved){t, t->storage, t->variable, t->version};
    if (!t->storage || t->variable) {
        wf_storage_ref(t->storage);
        return true;
    }
    struct twin *slot = find_twin(twins, t->storage);
    if (!slot->twin && !make_twin(dry, slot, t->storage))
        return false;
    t->storage = slot->twin;
    return true;
}

// Returns how many tensors are saved; fewer than the scope has: out of memory.
static int save_all(weft_scope *s, struct wf_dry *dry, struct twins *twins, struct saved *all)
{
    int n = 0;
    for (struct wf_tensor *t = s->tensors; t; t = t->next, n++) {
        if (!save_tensor(dry, twins, &all[n], t))
            break;
    }
    return n;
}

static void restore_all(struct twins *twins, const struct saved *all, int n)
{
    for (int i = 0; i < n; i++) {
        struct wf_tensor *t = all[i].tensor;
        wf_storage_unref(t->storage);
        t->storage = all[i].storage;
        t->variable = all[i].variable;
        t->version = all[i].version;
    }
    // Twins of what is held outside the scope too.
    for (size_t i = 0; i < twins->size; i++) {
        if (twins->slot[i].twin) {
            twins->slot[i].twin->refs = 1;
            wf_storage_unref(twins->slot[i].twin);
        }
    }
}

static int count_tensors(const weft_scope *s)
{
    int n = 0;
    for (const struct wf_tensor *t = s->tensors; t; t = t->next)
        n++;
    return n;
}

static bool run_and_restore(weft_scope *s, struct wf_tensor *target, int lowest, struct wf_dry *dry,
                            void (*look)(weft_scope *s, void *priv), void *priv)
{
    int tensors = count_tensors(s);
    struct twins twins = {.size = 4};
    while (twins.size < 2 * (size_t)tensors)
        twins.size *= 2;
    twins.slot = calloc(twins.size, sizeof *twins.slot);
    struct saved *all = calloc((size_t)tensors + 1, sizeof *all);
    int n = twins.slot && all ? save_all(s, dry, &twins, all) : -1;
    bool ok = n == tensors && wf_run_dry(s, &dry->dev, lowest, target);
    if (ok && look)
        look(s, priv);
    if (n >= 0)
        restore_all(&twins, all, n);
    free(twins.slot);
    free(all);
    return ok && !dry->failed;
}

bool wf_rehearse(weft_scope *s, struct wf_tensor *target, struct wf_dry *dry,
                 void (*look)(weft_scope *s, void *priv), void *priv)
{
    int lowest;
    wf_dry_begin(dry, s->dev);
    bool ok = wf_plan_begin(s, target, &lowest);
    for (int i = 0; i < s->nrecords; i++)
        s->record[i]->was_done = s->record[i]->done;
    ok = ok && run_and_restore(s, target, lowest, dry, look, priv);
    for (int i = 0; i < s->nrecords; i++)
        s->record[i]->done = s->record[i]->was_done;
    wf_plan_end(s, lowest);
    wf_dry_finish(dry);
    return ok || (wf_scope_ok(s) && wf_scope_nomem(s, "plan"));
}

static void count_records(weft_scope *s, void *priv)
{
    for (int i = 0; i < s->nrecords; i++)
        *(int *)priv += s->record[i]->live;
}

bool weft_plan(weft_scope *s, const weft_tensor *x, struct weft_plan_info *out)
{
    if (!wf_scope_ok(s) || (x && !wf_scope_takes(s, "plan", x)))
        return false;
    if (!out || out->size < sizeof out->size)
        return wf_scope_wrong(s, "plan: the place for the answer is %s",
                              out ? "without its .size" : "NULL");
    struct wf_dry *dry = malloc(sizeof *dry);
    if (!dry)
        return wf_scope_nomem(s, "plan");
    int records = 0;
    bool ok = wf_rehearse(s, wf_tensor(x), dry, count_records, &records);
    struct weft_plan_info info = {.size = out->size,
                                  .peak_bytes = dry->peak,
                                  .records = records,
                                  .launches = dry->launches,
                                  .builds = dry->builds};
    if (ok)
        memcpy(out, &info, out->size < sizeof info ? out->size : sizeof info);
    free(dry);
    return ok;
}
