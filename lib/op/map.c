// Elementwise operations of the program's own: a row is made for each call, in the scope's arena.
#include "op/custom.h"
#include "op/elementwise.h"
#include "op/expression.h"
#include <stdio.h>
#include <weft/custom.h>

struct map_row {
    struct wf_op op; // first: a record points to it
    const char *dx[WEFT_MAP_INPUTS];
    struct wf_op dx_op[WEFT_MAP_INPUTS];
};

static bool grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy, weft_tensor **gx)
{
    const struct map_row *row = (const struct map_row *)r->op;
    for (int i = 0; i < r->nin; i++) {
        if (!wf_wants(r, i))
            continue;
        if (!row->dx[i])
            return wf_scope_fail(s, WEFT_UNSUPPORTED, "%s: the map has no dx[%d]", r->op->name, i);
        weft_tensor *g = wf_elementwise_dx(s, r, row->dx[i], &row->dx_op[i], gy[0]);
        gx[i] = g ? wf_sum_to(s, g, &r->in[i]->pub) : NULL;
        if (!gx[i])
            return false;
    }
    return true;
}

// Of inputs and output, what the derivatives speak of.
static unsigned saves_of(const struct map_row *row, int nin)
{
    static const char *const name[] = {"x0", "x1", "x2"};
    unsigned saves = WF_SAVES_NOTHING;
    for (int i = 0; i < nin; i++) {
        for (int j = 0; row->dx[i] && j < nin; j++)
            saves |= wf_speaks_of(row->dx[i], name[j]) ? (unsigned)WF_SAVES_INPUT << j : 0;
        if (row->dx[i] && wf_speaks_of(row->dx[i], "y"))
            saves |= WF_SAVES_OUTPUT;
    }
    return saves;
}

// An expression is one line of the kernel's defines.
static char *copy_line(weft_scope *s, const char *text)
{
    char *line = wf_custom_copy(s, text);
    for (char *at = line; at && *at; at++)
        *at = *at == '\n' ? ' ' : *at;
    return line;
}

static struct map_row *make_row(weft_scope *s, const struct weft_map *m)
{
    char name[80];
    struct map_row *row = wf_arena_take(&s->arena, sizeof *row);
    if (!row) {
        wf_scope_nomem(s, m->name);
        return NULL;
    }
    row->op = wf_elementwise_op(wf_custom_copy(s, m->name));
    row->op.grad = grad;
    row->op.flat = m->flat;
    for (int i = 0; i < m->inputs && !m->flat && wf_scope_ok(s); i++) {
        if (!m->dx[i])
            continue;
        snprintf(name, sizeof name, "%s_grad%d", m->name, i);
        row->dx[i] = copy_line(s, m->dx[i]);
        row->dx_op[i] = wf_elementwise_op(wf_custom_copy(s, name));
    }
    row->op.saves = saves_of(row, m->inputs);
    return wf_scope_ok(s) ? row : NULL;
}

static bool check_map(weft_scope *s, const struct weft_map *m)
{
    if (!wf_custom_name(s, "map", m->name))
        return false;
    if (!m->y || !*m->y)
        return wf_scope_fail(s, WEFT_PARAM, "%s: the map has no expression y", m->name);
    if (m->inputs < 1 || m->inputs > WEFT_MAP_INPUTS || m->options < 0 ||
        m->options > WEFT_MAP_OPTIONS)
        return wf_scope_fail(s, WEFT_PARAM,
                             "%s: the map has %d inputs and %d options; 1 to %d and 0 to %d are "
                             "possible",
                             m->name, m->inputs, m->options, WEFT_MAP_INPUTS, WEFT_MAP_OPTIONS);
    for (int i = 0; i < WEFT_MAP_INPUTS; i++) {
        if (m->dx[i] && (!*m->dx[i] || i >= m->inputs))
            return wf_scope_fail(s, WEFT_PARAM, "%s: dx[%d] is %s", m->name, i,
                                 *m->dx[i] ? "of no input" : "empty");
    }
    return true;
}

// Are the inputs of one dtype, and to which shape do they broadcast?
static bool check_inputs(weft_scope *s, const struct weft_map *m, const weft_tensor *const *x,
                         weft_tensor *y)
{
    for (int i = 0; i < m->inputs; i++) {
        if (!wf_scope_takes(s, m->name, x[i]))
            return false;
        if (x[i]->dtype != x[0]->dtype)
            return wf_scope_fail(s, WEFT_DTYPE, "%s: x0 is %s and x%d %s; one dtype was wanted",
                                 m->name, weft_dtype_name(x[0]->dtype), i,
                                 weft_dtype_name(x[i]->dtype));
        weft_tensor all = i ? *y : *x[0];
        *y = all;
        if (!wf_broadcast(s, m->name, &all, x[i], &y->ndim, y->shape))
            return false;
    }
    return wf_scope_shape(s, m->name, y->dtype, y->ndim, y->shape);
}

weft_tensor *weft_map(weft_scope *s, const struct weft_map *map, const weft_tensor *const *x,
                      const double *a)
{
    struct weft_map m;
    weft_tensor y;
    if (wf_scope_ok(s) && !map)
        wf_scope_wrong(s, "map: the map is NULL");
    WF_PARAMS(m, map);
    m.inputs = m.inputs ? m.inputs : 1;
    if (!check_map(s, &m))
        return NULL;
    if (!x || (m.options && !a)) {
        wf_scope_wrong(s, "%s: the %s are NULL", m.name, x ? "options" : "inputs");
        return NULL;
    }
    if (!check_inputs(s, &m, x, &y))
        return NULL;
    const struct map_row *row = make_row(s, &m);
    struct wf_expression e = {.arg = {"x0", "x1", "x2"}, .na = m.options, .compute = y.dtype};
    if (!row || !(e.text = copy_line(s, m.y)))
        return NULL;
    for (int i = 0; i < m.options; i++)
        e.a[i] = a[i];
    return wf_record(s, &(struct wf_call){.op = &row->op,
                                          .nin = m.inputs,
                                          .in = x,
                                          .dtype = y.dtype,
                                          .ndim = y.ndim,
                                          .shape = y.shape,
                                          .attr = &e,
                                          .attr_bytes = sizeof e});
}
