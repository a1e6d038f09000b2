// Grouping.
//
// A record joins the open group that makes one of its inputs, and groups that meet in a record
// become one, if their results have one shape. A group runs at the place of its last record; so its
// first ones run later than they were recorded. That is no different as long as nothing outside
// reads their results in between: a group is closed when a record outside reads a result of it, and
// all are at an update. Where each record is looked at for NaN, each runs alone.
#include "core/fuse.h"
#include <stdlib.h>

static bool is_open(const weft_scope *s, const struct wf_group *g)
{
    return g && g->round == s->round;
}

static struct wf_group *group_making(weft_scope *s, const struct wf_tensor *t)
{
    return t->record && t->record->live ? wf_group_of(s, t->record) : NULL;
}

bool wf_is_passed_on(const struct wf_tensor *t)
{
    return t->uses == 1 && t->consumers && !t->wanted && !t->saved;
}

static struct wf_group *new_group(weft_scope *s, const struct wf_record *r)
{
    if (s->ngroups == s->group_room) {
        int room = s->group_room ? 2 * s->group_room : 32;
        struct wf_group *group = realloc(s->group, (size_t)room * sizeof *group);
        if (!group) {
            wf_scope_nomem(s, r->op->name);
            return NULL;
        }
        s->group = group;
        s->group_room = room;
    }
    return &s->group[s->ngroups++];
}

static int options_of(const struct wf_record *r)
{
    return r->op->fuser->options ? r->op->fuser->options(r) : 0;
}

static bool has_input(const struct wf_group *g, const struct wf_tensor *t)
{
    for (int i = 0; i < g->inputs; i++) {
        if (g->in[i] == t)
            return true;
    }
    return false;
}

static bool add_input(struct wf_group *g, struct wf_tensor *t)
{
    if (has_input(g, t))
        return true;
    if (g->inputs == WF_GROUP_INPUTS)
        return false;
    g->in[g->inputs++] = t;
    return true;
}

// In a copy of the group: what is left after too many inputs is forgotten.
static bool add_record(struct wf_group *g, int number, struct wf_record *r)
{
    for (int i = 0; i < r->nin; i++) {
        bool inside =
            r->in[i]->record && r->in[i]->record->live && r->in[i]->record->group == number;
        if (!inside && !add_input(g, r->in[i]))
            return false;
    }
    g->options += options_of(r);
    g->records++;
    return true;
}

// The records of both, in order, under the number of the first.
static void link_records(struct wf_group *to, int number, struct wf_record *r)
{
    struct wf_record **at = &to->first;
    while (r) {
        struct wf_record *next = r->next;
        while (*at && (*at)->index < r->index)
            at = &(*at)->next;
        r->next = *at;
        *at = r;
        r->group = number;
        if (!r->next)
            to->last = r;
        r = next;
    }
}

// Are the shapes of their results one shape?
static bool same_shape(const struct wf_group *a, const struct wf_group *b)
{
    return !a->shape || !b->shape || wf_same_shape(a->shape, b->shape);
}

// What the group `from` reads, in a copy of `to`, which it joins.
static bool add_group(struct wf_group *to, int number, const struct wf_group *from)
{
    for (int i = 0; i < from->inputs; i++) {
        const struct wf_record *r = from->in[i]->record;
        bool inside = r && r->live && r->group == number;
        if (!inside && !add_input(to, from->in[i]))
            return false;
    }
    to->records += from->records;
    to->options += from->options;
    if (!to->shape)
        to->shape = from->shape;
    return true;
}

// Merges the other open groups that r reads into the one it is to join.
static void merge_inputs(weft_scope *s, struct wf_group *g, int number, const struct wf_record *r)
{
    for (int i = 0; i < r->nin; i++) {
        struct wf_group *h = group_making(s, r->in[i]);
        if (!is_open(s, h) || h == g || h->fuser != g->fuser || !same_shape(g, h) ||
            !h->fuser->joins(h, r) || g->records + h->records >= WF_GROUP_RECORDS)
            continue;
        struct wf_group both = *g;
        if (!add_group(&both, number, h))
            continue;
        *g = both;
        h->round = -1;
        link_records(g, number, h->first);
        h->first = h->last = NULL;
    }
}

static bool join(weft_scope *s, struct wf_group *g, struct wf_record *r)
{
    int number = (int)(g - s->group) + 1;
    if (g->records == WF_GROUP_RECORDS || !g->fuser->joins(g, r))
        return false;
    if (g->fuser->merges)
        merge_inputs(s, g, number, r);
    struct wf_group with = *g;
    if (!add_record(&with, number, r))
        return false;
    *g = with;
    r->next = NULL;
    link_records(g, number, r);
    if (r->nin)
        g->shape = &r->out[0]->pub;
    return true;
}

static bool begin_group(weft_scope *s, struct wf_record *r)
{
    struct wf_group *g = new_group(s, r);
    if (!g)
        return false;
    int number = s->ngroups;
    *g = (struct wf_group){.fuser = r->op->fuser, .round = s->round};
    r->group = number;
    r->next = NULL;
    g->first = g->last = r;
    g->shape = r->nin ? &r->out[0]->pub : NULL;
    if (!add_record(g, number, r)) {
        r->group = 0;
        s->ngroups--;
    }
    return true;
}

static bool join_any(weft_scope *s, struct wf_record *r)
{
    for (int i = 0; i < r->nin; i++) {
        struct wf_group *g = group_making(s, r->in[i]);
        if (is_open(s, g) && join(s, g, r))
            return true;
    }
    return false;
}

static void close_read(weft_scope *s, const struct wf_record *r)
{
    for (int i = 0; i < r->nin; i++) {
        struct wf_group *g = group_making(s, r->in[i]);
        if (g && r->group != g - s->group + 1)
            g->round = -1;
    }
}

bool wf_fuse(weft_scope *s, int lowest)
{
    // Where each record is looked at, each runs alone.
    bool together = !s->dev->params.check_nan;
    s->ngroups = 0;
    for (int i = lowest; i < s->nrecords; i++) {
        struct wf_record *r = s->record[i];
        r->group = 0;
        if (!r->live)
            continue;
        if (r->op->update)
            s->round++;
        else if (together && r->op->fuser && !join_any(s, r) && !begin_group(s, r))
            return false;
        close_read(s, r);
    }
    return true;
}
