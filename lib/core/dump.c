// What a scope holds, as text or as a graph.
#include "core/fuse.h"
#include "core/rehearse.h"
#include <stdlib.h>

struct dump {
    enum weft_dump_form form;
    void (*line)(void *priv, const char *text);
    void *priv;
    struct wf_text text;
    bool failed; // memory ran out: a line is missing
};

static bool put(struct dump *d)
{
    d->failed = d->failed || d->text.failed;
    if (!d->failed)
        d->line(d->priv, wf_text_get(&d->text));
    wf_text_finish(&d->text);
    d->text = (struct wf_text){0};
    return !d->failed;
}

// "#3", "param fc1.weight", "data [64,784]".
static void add_input(struct dump *d, const struct wf_tensor *t)
{
    if (t->record)
        wf_text_add(&d->text, "#%d", t->record->index);
    else if (t->variable)
        wf_text_add(&d->text, "param %s", t->variable->name);
    else
        wf_text_add(&d->text, "data %s", WF_SHAPE(t->pub.ndim, t->pub.shape));
}

// The record whose kernel makes the result of r.
static int kernel_of(weft_scope *s, const struct wf_record *r)
{
    const struct wf_group *g = r->live ? wf_group_of(s, r) : NULL;
    return g && g->last ? g->last->index : r->index;
}

static const char *state_of(weft_scope *s, const struct wf_record *r)
{
    bool empty = r->nout && !r->out[0]->storage && !r->out[0]->variable;
    if (r->was_done && r->nout && !r->stored)
        return r->op->view ? "ran, view" : "ran, merged";
    if (r->was_done)
        return empty ? "ran, storage given back" : "ran";
    if (!r->live)
        return wf_scope_ok(s) ? "not needed" : "has not run";
    if (r->op->update)
        return "updates";
    if (r->op->view && !r->stored)
        return "view";
    return kernel_of(s, r) == r->index ? "to run" : "";
}

static void add_record(weft_scope *s, struct dump *d, const struct wf_record *r)
{
    const char *state = state_of(s, r);
    wf_text_add(&d->text, "#%d %s%s%s (", r->index, r->label, *r->label ? ": " : "", r->op->name);
    for (int i = 0; i < r->nin; i++) {
        wf_text_add(&d->text, "%s", i ? ", " : "");
        add_input(d, r->in[i]);
    }
    wf_text_add(&d->text, ")");
    for (int i = 0; i < r->nvar; i++)
        wf_text_add(&d->text, "%s%s", i ? ", " : " changes ", r->var[i]->name);
    for (int i = 0; i < r->nout; i++) {
        const weft_tensor *y = &r->out[i]->pub;
        wf_text_add(&d->text, " -> %s %s, %s", weft_dtype_name(y->dtype),
                    WF_SHAPE(y->ndim, y->shape), WF_BYTES(wf_tensor_bytes(r->out[i])));
    }
    if (*state)
        wf_text_add(&d->text, "; %s", state);
    else
        wf_text_add(&d->text, "; %s the kernel of #%d", r->stored ? "stored by" : "merged into",
                    kernel_of(s, r));
    if (r->variant)
        wf_text_add(&d->text, "; %s", r->variant);
}

static void dump_text(weft_scope *s, struct dump *d)
{
    for (int i = 0; i < s->nrecords; i++) {
        add_record(s, d, s->record[i]);
        put(d);
    }
}

// A quote or backslash would end the label.
static void add_quoted(struct dump *d, const char *text)
{
    for (; *text; text++)
        wf_text_add(&d->text, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void dump_node(weft_scope *s, struct dump *d, const struct wf_record *r)
{
    struct dump inner = {0};
    add_record(s, &inner, r);
    wf_text_add(&d->text, "  r%d [label=\"", r->index);
    add_quoted(d, wf_text_get(&inner.text));
    wf_text_add(&d->text, "\"];");
    d->text.failed = d->text.failed || inner.text.failed;
    wf_text_finish(&inner.text);
    put(d);
}

static void dump_dot(weft_scope *s, struct dump *d)
{
    d->line(d->priv, "digraph scope {");
    d->line(d->priv, "  node [shape=box];");
    for (int i = 0; i < s->nrecords; i++)
        dump_node(s, d, s->record[i]);
    for (int i = 0; i < s->nrecords; i++) {
        const struct wf_record *r = s->record[i];
        for (int j = 0; j < r->nin; j++) {
            if (!r->in[j]->record)
                continue;
            wf_text_add(&d->text, "  r%d -> r%d;", r->in[j]->record->index, i);
            put(d);
        }
    }
    for (int i = 0; i < s->nrecords; i++) {
        const struct wf_group *g = s->record[i]->live ? wf_group_of(s, s->record[i]) : NULL;
        if (!g || g->last != s->record[i] || g->records < 2)
            continue;
        wf_text_add(&d->text, "  subgraph cluster_%d { label=\"kernel of #%d\";", i, i);
        for (const struct wf_record *r = g->first; r; r = r->next)
            wf_text_add(&d->text, " r%d;", r->index);
        wf_text_add(&d->text, " }");
        put(d);
    }
    d->line(d->priv, "}");
}

static void look(weft_scope *s, void *priv)
{
    struct dump *d = priv;
    if (d->form == WEFT_DUMP_DOT)
        dump_dot(s, d);
    else
        dump_text(s, d);
}

bool weft_scope_dump(weft_scope *s, enum weft_dump_form form,
                     void (*line)(void *priv, const char *text), void *priv)
{
    if (!s)
        return false;
    if (!line || (form != WEFT_DUMP_TEXT && form != WEFT_DUMP_DOT))
        return wf_scope_wrong(s, "dump: %s", line ? "no such form" : "no function takes the lines");
    struct dump d = {.form = form, .line = line, .priv = priv};
    if (!wf_scope_ok(s)) {
        for (int i = 0; i < s->nrecords; i++)
            s->record[i]->was_done = s->record[i]->done;
        look(s, &d);
        return !d.failed;
    }
    struct wf_dry *dry = malloc(sizeof *dry);
    bool ok = dry ? wf_rehearse(s, NULL, dry, look, &d) : wf_scope_nomem(s, "dump");
    free(dry);
    return ok && (!d.failed || wf_scope_nomem(s, "dump"));
}
