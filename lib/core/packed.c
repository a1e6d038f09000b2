// The list of packed copies of a device. It is short, one entry for each use of a parameter in a
// product, and walked from the front.
#include "core/packed.h"
#include <stdlib.h>

struct wf_packed {
    struct wf_packed *next;
    const struct wf_storage *from;
    uint64_t version;
    struct wf_packed_key key;
    struct wf_storage *copy; // NULL: read once
};

// Takes an entry out of the list; its copy is left in *rest, for the lock of the pool must not be
// taken inside that of the list.
static void take_out(struct wf_packed **at, struct wf_packed **rest)
{
    struct wf_packed *e = *at;
    *at = e->next;
    e->next = *rest;
    *rest = e;
}

static void free_all(struct wf_packed *rest)
{
    for (struct wf_packed *e; (e = rest);) {
        rest = e->next;
        wf_storage_unref(e->copy);
        free(e);
    }
}

// Those of one storage, or all.
static bool drop(struct wf_packs *packs, const struct wf_storage *from)
{
    struct wf_packed *rest = NULL;
    wf_lock(&packs->lock);
    for (struct wf_packed **at = &packs->first; *at;) {
        if (!from || (*at)->from == from)
            take_out(at, &rest);
        else
            at = &(*at)->next;
    }
    wf_unlock(&packs->lock);
    bool any = rest;
    free_all(rest);
    return any;
}

static bool shed(weft_device *dev)
{
    return drop(wf_packs_of(dev), NULL);
}

bool wf_packs_init(weft_device *dev, struct wf_packs *packs)
{
    if (!wf_mutex_init(&packs->lock))
        return false;
    dev->shed = shed;
    return true;
}

void wf_packs_finish(struct wf_packs *packs)
{
    drop(packs, NULL);
    wf_mutex_finish(&packs->lock);
}

void wf_packed_drop(struct wf_storage *from)
{
    drop(wf_packs_of(from->dev), from);
}

// The entry of what is asked for; those of earlier versions of it go.
static struct wf_packed *find(struct wf_packs *packs, const struct wf_packing *p,
                              struct wf_packed **rest)
{
    struct wf_packed *found = NULL;
    for (struct wf_packed **at = &packs->first; *at;) {
        struct wf_packed *e = *at;
        bool same = e->from == p->from && !memcmp(&e->key, &p->key, sizeof p->key);
        if (same && e->version == p->version)
            found = e;
        if (same && e->version != p->version)
            take_out(at, rest);
        else
            at = &e->next;
    }
    return found;
}

static void note_read(struct wf_packs *packs, const struct wf_packing *p)
{
    struct wf_packed *e = malloc(sizeof *e);
    if (!e)
        return;
    *e = (struct wf_packed){packs->first, p->from, p->version, p->key, NULL};
    packs->first = e;
    p->from->packed = true;
}

// The copy, if it is there. *again: it is not, and this is not the first read.
static struct wf_storage *look_up(struct wf_packs *packs, const struct wf_packing *p, bool *again)
{
    struct wf_packed *rest = NULL;
    wf_lock(&packs->lock);
    struct wf_packed *e = find(packs, p, &rest);
    if (!e)
        note_read(packs, p);
    *again = e && !e->copy;
    struct wf_storage *copy = e ? wf_storage_ref(e->copy) : NULL;
    wf_unlock(&packs->lock);
    free_all(rest);
    return copy;
}

// Another thread may have been faster.
static struct wf_storage *make(weft_device *dev, struct wf_packs *packs, const struct wf_packing *p,
                               struct wf_storage *to)
{
    struct weft_error ignored = {0};
    struct wf_packed *rest = NULL;
    struct wf_storage *copy = NULL;
    wf_lock(&packs->lock);
    struct wf_packed *e = find(packs, p, &rest);
    if (e && !e->copy && p->make(dev, to, p->priv, &ignored))
        e->copy = wf_storage_ref(to);
    if (e)
        copy = wf_storage_ref(e->copy);
    wf_unlock(&packs->lock);
    free_all(rest);
    return copy;
}

struct wf_storage *wf_packed_find(weft_device *dev, const struct wf_packing *p)
{
    struct wf_packs *packs = wf_packs_of(dev);
    bool again;
    struct wf_storage *copy = look_up(packs, p, &again);
    if (copy || !again)
        return copy;
    struct wf_storage *to = wf_storage_new(dev, p->bytes, NULL);
    if (!to)
        return NULL;
    copy = make(dev, packs, p, to);
    wf_storage_unref(to);
    return copy;
}
