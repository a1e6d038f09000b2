// Segments: records that are run again for the gradient.
//
// A clone reads what the segment read from outside, and leaves the same bits: what is random has
// its counters in the records' attributes.
#include "core/segment.h"

static bool is_inside(const struct wf_segment *g, const struct wf_tensor *t)
{
    return t->record && t->record->index >= g->first && t->record->index < g->last;
}

static bool is_tracked(const weft_scope *s, const struct wf_segment *g)
{
    for (int i = g->first; i < g->last; i++) {
        for (int j = 0; j < s->record[i]->nout; j++) {
            if (s->record[i]->out[j]->tracked)
                return true;
        }
    }
    return false;
}

// What the segment reads from outside stays until it has been cloned, if a gradient may come.
static void hold_inputs(weft_scope *s, struct wf_segment *g, bool on)
{
    on = on && is_tracked(s, g);
    for (int i = g->first; i < g->last && g->holds != on; i++) {
        struct wf_record *r = s->record[i];
        for (int j = 0; j < r->nin; j++) {
            if (!is_inside(g, r->in[j]))
                r->in[j]->saved += on ? 1 : -1;
        }
    }
    g->holds = on;
}

static bool add_segment(weft_scope *s, int first, int last)
{
    struct wf_segment *g = wf_arena_take(&s->arena, sizeof *g);
    if (!g)
        return wf_scope_nomem(s, "checkpoint");
    g->first = first;
    g->last = last;
    *(s->last_segment ? &s->last_segment->next : &s->segments) = g;
    s->last_segment = g;
    for (int i = first; i < last; i++) {
        wf_note_saved(s->record[i], false);
        s->record[i]->segment = g;
    }
    return true;
}

bool wf_segment_end(weft_scope *s, int first)
{
    if (first == s->nrecords)
        return true;
    // What an inner segment holds, this one holds if it is from outside of it too.
    for (struct wf_segment *g = s->segments; g; g = g->next) {
        if (g->first >= first)
            hold_inputs(s, g, false);
    }
    if (!add_segment(s, first, s->nrecords))
        return false;
    hold_inputs(s, s->last_segment, true);
    return true;
}

bool wf_segment_has_grad(const weft_scope *s, const struct wf_segment *g)
{
    for (int i = g->first; i < g->last; i++) {
        for (int j = 0; j < s->record[i]->nout; j++) {
            if (s->record[i]->out[j]->grad)
                return true;
        }
    }
    return false;
}

static bool clone_record(weft_scope *s, const struct wf_segment *g, const struct wf_record *r)
{
    struct wf_tensor **in = wf_arena_take(&s->arena, (size_t)r->nin * sizeof *in);
    if (!in)
        return wf_scope_nomem(s, "checkpoint");
    for (int i = 0; i < r->nin; i++)
        in[i] = is_inside(g, r->in[i]) ? r->in[i]->again : r->in[i];
    struct wf_record *c = wf_record_clone(s, r, in);
    for (int i = 0; c && i < r->nout; i++)
        c->out[i]->grad = r->out[i]->grad;
    return c;
}

// How many of the records from..to-1 are cloned.
static int cloned(const weft_scope *s, int from, int to)
{
    int n = 0;
    for (int i = from; i < to; i++)
        n += !s->record[i]->op->update;
    return n;
}

static bool clone_inner(weft_scope *s, const struct wf_segment *g, int first)
{
    const struct wf_segment *last = s->last_segment;
    for (const struct wf_segment *i = s->segments; i != g; i = i->next) {
        if (i->first < g->first || i->last > g->last)
            continue;
        if (!add_segment(s, first + cloned(s, g->first, i->first),
                         first + cloned(s, g->first, i->last)))
            return false;
    }
    for (struct wf_segment *i = last->next; i; i = i->next)
        hold_inputs(s, i, true);
    return true;
}

bool wf_segment_clone(weft_scope *s, struct wf_segment *g)
{
    int first = s->nrecords;
    for (int i = g->first; i < g->last; i++) {
        const struct wf_record *r = s->record[i];
        if (!r->op->update && !clone_record(s, g, r))
            return false;
    }
    hold_inputs(s, g, false);
    return clone_inner(s, g, first);
}

void wf_segment_take_grads(weft_scope *s, const struct wf_segment *g)
{
    for (int i = g->first; i < g->last; i++) {
        const struct wf_record *r = s->record[i];
        for (int j = 0; j < r->nout && !r->op->update; j++)
            r->out[j]->grad = r->out[j]->again->grad;
    }
}
