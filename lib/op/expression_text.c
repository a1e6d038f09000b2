// The text of a kernel for several elementwise records: it loads the inputs, evaluates one
// expression after the other and stores what is read elsewhere; once for a vector width, and once
// for single elements.
//
//   #define E0(T, x0, x1) (x0 + x1)      an expression, its arguments under their names
//   v0 = convert(p0[..])                 an input, in the computing type of its dtype
//   n0 = rounded(E0(float16, v0, v1))    a record's value, rounded as if it had been stored
#include "op/expression.h"
#include <stdio.h>

static const struct type {
    const char *storage, *compute;
} types[] = {
    [WEFT_F32] = {"float", "float"},   [WEFT_F16] = {"half", "float"},
    [WEFT_BF16] = {"ushort", "float"}, [WEFT_F64] = {"double", "double"},
    [WEFT_I8] = {"char", "int"},       [WEFT_U8] = {"uchar", "int"},
    [WEFT_I32] = {"int", "int"},       [WEFT_I64] = {"long", "long"},
    [WEFT_BOOL] = {"uchar", "int"},
};

const char *wf_storage_type(enum weft_dtype d)
{
    return types[d].storage;
}

const char *wf_compute_type(enum weft_dtype d)
{
    return types[d].compute;
}

// "16", or "" for single elements.
static const char *width_text(int vec)
{
    return vec == 16 ? "16" : vec == 8 ? "8" : vec == 4 ? "4" : "";
}

// `const float16 v0 = ...;`
static void write_load(struct wf_text *t, const struct wf_program_text *p, int i, int vec)
{
    enum weft_dtype dtype = p->in[i].dtype;
    enum wf_inner inner = p->in[i].inner;
    const char *w = inner == WF_DENSE ? width_text(vec) : "", *full = width_text(vec);
    const char *compute = types[dtype].compute;
    char at[96];
    snprintf(at, sizeof at,
             inner == WF_DENSE      ? "p%d + b%d + (i)"
             : inner == WF_REPEATED ? "p%d + b%d"
                                    : "p%d + b%d + (i) * d.stride[%d][RANK - 1]",
             i, i, i);
    wf_text_add(t, "const %s%s v%d = (%s%s)(", compute, full, i, compute, full);
    if (dtype == WEFT_F16)
        wf_text_add(t, "vload_half%s(0, %s)", w, at);
    else if (dtype == WEFT_BF16 && *w)
        wf_text_add(t, "BF16_TO(float%s, uint%s, vload%s(0, %s))", w, w, w, at);
    else if (dtype == WEFT_BF16)
        wf_text_add(t, "BF16_TO(float, uint, *(%s))", at);
    else if (*w)
        wf_text_add(t, "convert_%s%s(vload%s(0, %s))", compute, w, w, at);
    else
        wf_text_add(t, "(%s)*(%s)", compute, at);
    wf_text_add(t, "); ");
}

static enum weft_dtype dtype_of(const struct wf_program_text *p, int from)
{
    return from < 0 ? p->in[-1 - from].dtype : p->node[from].dtype;
}

// A value in the computing type of the node that reads it.
static void write_operand(struct wf_text *t, const struct wf_program_text *p, int from,
                          enum weft_dtype compute, const char *w)
{
    bool same = types[dtype_of(p, from)].compute == types[compute].compute ||
                !strcmp(types[dtype_of(p, from)].compute, types[compute].compute);
    if (same)
        wf_text_add(t, from < 0 ? ", v%d" : ", n%d", from < 0 ? -1 - from : from);
    else
        wf_text_add(t, from < 0 ? ", convert_%s%s(v%d)" : ", convert_%s%s(n%d)",
                    types[compute].compute, w, from < 0 ? -1 - from : from);
}

// From the computing type of `from` to that of `to`, with the precision that `to` has in memory:
// what comes before and after the value.
static void write_rounding(struct wf_text *t, enum weft_dtype from, enum weft_dtype to,
                           const char *w, const char **after)
{
    const char *compute = types[to].compute;
    bool saturate = wf_dtype_is_float(from) && !wf_dtype_is_float(to);
    *after = ")";
    if (to == WEFT_F16 || to == WEFT_BF16) {
        wf_text_add(t, "%s_ROUND%s(convert_float%s(", to == WEFT_F16 ? "F16" : "BF16", w, w);
        *after = "))";
    } else if (!strcmp(types[to].storage, compute)) {
        wf_text_add(t, "convert_%s%s%s(", compute, w, saturate ? "_sat" : "");
    } else {
        wf_text_add(t, "convert_%s%s(convert_%s%s%s(", compute, w, types[to].storage, w,
                    saturate ? "_sat" : "");
        *after = "))";
    }
}

// `const float16 n0 = ...;`
static void write_node(struct wf_text *t, const struct wf_program_text *p, int i, int vec)
{
    const struct wf_node *n = &p->node[i];
    const char *w = width_text(vec), *after;
    wf_text_add(t, "const %s%s n%d = ", types[n->dtype].compute, w, i);
    write_rounding(t, n->compute, n->dtype, w, &after);
    wf_text_add(t, "E%d(%s%s", i, types[n->compute].compute, w);
    for (int j = 0; j < n->nin; j++)
        write_operand(t, p, n->from[j], n->compute, w);
    for (int j = 0; j < n->e->na; j++)
        wf_text_add(t, ", a%d_%d", i, j);
    wf_text_add(t, ")%s; ", after);
}

static void write_store(struct wf_text *t, const struct wf_program_text *p, int i, int vec)
{
    const char *w = width_text(vec);
    enum weft_dtype to = p->node[i].dtype;
    if (to == WEFT_F16)
        wf_text_add(t, "vstore_half%s(n%d, 0, y%d + at + (i)); ", w, i, i);
    else if (*w)
        wf_text_add(t,
                    to == WEFT_BF16
                        ? "vstore%s(convert_ushort%s(as_uint%s(n%d) >> 16), 0, y%d + at + (i)); "
                        : "vstore%s(convert_%s%s(n%d), 0, y%d + at + (i)); ",
                    w, to == WEFT_BF16 ? w : types[to].storage, w, i, i);
    else
        wf_text_add(t,
                    to == WEFT_BF16 ? "y%d[at + (i)] = (ushort)(as_uint(n%d) >> 16); "
                                    : "y%d[at + (i)] = n%d; ",
                    i, i);
}

static void write_body(struct wf_text *t, const char *macro, const struct wf_program_text *p,
                       int vec)
{
    wf_text_add(t, "#define %s(i) { ", macro);
    for (int i = 0; i < p->inputs; i++)
        write_load(t, p, i, vec);
    for (int i = 0; i < p->nodes; i++) {
        write_node(t, p, i, vec);
        if (p->node[i].stored)
            write_store(t, p, i, vec);
    }
    wf_text_add(t, "}\n");
}

static void write_expressions(struct wf_text *t, const struct wf_program_text *p)
{
    for (int i = 0; i < p->nodes; i++) {
        const struct wf_expression *e = p->node[i].e;
        wf_text_add(t, "#define E%d(T", i);
        for (int j = 0; j < p->node[i].nin; j++)
            wf_text_add(t, ", %s", e->arg[j]);
        for (int j = 0; j < e->na; j++)
            wf_text_add(t, ", a%d", j);
        wf_text_add(t, ") (%s)\n", e->text);
    }
}

static void write_arguments(struct wf_text *t, const struct wf_program_text *p)
{
    wf_text_add(t, "#define ARGUMENTS");
    for (int i = 0; i < p->nodes; i++) {
        if (p->node[i].stored)
            wf_text_add(t, " , global %s *restrict y%d", types[p->node[i].dtype].storage, i);
    }
    for (int i = 0; i < p->inputs; i++)
        wf_text_add(t, " , global const %s *restrict p%d", types[p->in[i].dtype].storage, i);
    for (int i = 0; i < p->nodes; i++) {
        for (int j = 0; j < p->node[i].e->na; j++)
            wf_text_add(t, " , %s a%d_%d", types[p->node[i].compute].compute, i, j);
    }
    wf_text_add(t, "\n");
}

// Are there values of 16 bits?
static bool is_narrow(const struct wf_program_text *p)
{
    for (int i = 0; i < p->nodes; i++) {
        if (p->node[i].dtype == WEFT_F16 || p->node[i].dtype == WEFT_BF16)
            return true;
    }
    return false;
}

void wf_expression_write(void *program_text, struct wf_text *t)
{
    const struct wf_program_text *p = program_text;
    wf_text_add(t, "%s%s%s#define RANK %d\n#define VIEWS %d\n#define VEC %d\n",
                p->wide ? "#define INDEX long\n" : "", p->f64 ? "#define USE_F64\n" : "",
                is_narrow(p) ? "#define NARROW\n" : "", p->rank, p->inputs ? p->inputs : 1, p->vec);
    write_arguments(t, p);
    wf_text_add(t, "#define BASES");
    for (int i = 0; i < p->inputs; i++)
        wf_text_add(t, " const INDEX b%d = dims_at(&d, %d, row, RANK - 1);", i, i);
    wf_text_add(t, "\n");
    write_expressions(t, p);
    write_body(t, "BODY_V", p, p->vec);
    write_body(t, "BODY_1", p, 1);
}
