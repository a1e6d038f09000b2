// The text of a kernel for several elementwise records: it loads the inputs, evaluates one
// expression after the other and stores what is read elsewhere.
//
//   #define E0(T, x0, x1) (x0 + x1)      an expression, its arguments under their names
//   DENSE(v0, float, half, p0 + ..)      an input, in the computing type of its dtype
//   n0 = rounded(E0(float16, v0, v1))    a record's value, rounded as if it had been stored
#include "op/expression.h"

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

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool wf_expression_calls(const char *text)
{
    static const char *const exact[] = {"fabs", "DIVIDE", "ABS"};
    for (const char *at = text; (at = strchr(at, '(')); at++) {
        const char *name = at;
        while (name > text && is_name(name[-1]))
            name--;
        bool calls = name < at;
        for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
            if ((size_t)(at - name) == strlen(exact[i]) &&
                !strncmp(name, exact[i], (size_t)(at - name)))
                calls = false;
        }
        if (calls)
            return true;
    }
    return false;
}

static void write_load(struct wf_text *t, const struct wf_program_text *p, int i)
{
    static const char *const how[] = {
        [WF_REPEATED] = "REPEATED", [WF_DENSE] = "DENSE", [WF_STRIDED] = "STRIDED"};
    const struct type *type = &types[p->in[i].dtype];
    enum wf_inner inner = p->in[i].inner;
    wf_text_add(t, "%s(v%d, %s, %s, p%d + b%d", how[inner], i, type->compute, type->storage, i, i);
    if (inner == WF_STRIDED)
        wf_text_add(t, " + i * d.stride[%d][RANK - 1], d.stride[%d][RANK - 1]", i, i);
    wf_text_add(t, inner == WF_DENSE ? " + i) " : ") ");
}

static enum weft_dtype dtype_of(const struct wf_program_text *p, int from)
{
    return from < 0 ? p->in[-1 - from].dtype : p->node[from].dtype;
}

// A value in the computing type of the node that reads it.
static void write_operand(struct wf_text *t, const struct wf_program_text *p, int from,
                          enum weft_dtype compute)
{
    const char *has = types[dtype_of(p, from)].compute, *wanted = types[compute].compute;
    int number = from < 0 ? -1 - from : from;
    if (strcmp(has, wanted))
        wf_text_add(t, ", convert_%s%d(%c%d)", wanted, p->vec, from < 0 ? 'v' : 'n', number);
    else
        wf_text_add(t, ", %c%d", from < 0 ? 'v' : 'n', number);
}

// From the computing type of `from` to that of `to`, with the precision that `to` has in memory:
// what comes before the value. Returns what comes after it.
static const char *write_rounding(struct wf_text *t, enum weft_dtype from, enum weft_dtype to,
                                  int vec)
{
    const char *compute = types[to].compute, *storage = types[to].storage;
    const char *sat = wf_dtype_is_float(from) && !wf_dtype_is_float(to) ? "_sat" : "";
    if (to == WEFT_F16 || to == WEFT_BF16) {
        wf_text_add(t, "%s_ROUND(convert_float%d(", to == WEFT_F16 ? "F16" : "BF16", vec);
        return "))";
    }
    if (!strcmp(storage, compute)) {
        wf_text_add(t, "convert_%s%d%s(", compute, vec, sat);
        return ")";
    }
    wf_text_add(t, "convert_%s%d(convert_%s%d%s(", compute, vec, storage, vec, sat);
    return "))";
}

// A test gives BOOL: its condition is taken as it is, without 1 and 0 of type T in between.
static bool is_test(const struct wf_node *n)
{
    size_t length = strlen(n->e->text), tail = strlen(WF_TEST_RESULT);
    return n->dtype == WEFT_BOOL && length > tail &&
           !strcmp(n->e->text + length - tail, WF_TEST_RESULT);
}

// `const float16 n0 = ...;`
static void write_node(struct wf_text *t, const struct wf_program_text *p, int i)
{
    const struct wf_node *n = &p->node[i];
    wf_text_add(t, "const %s%d n%d = ", types[n->dtype].compute, p->vec, i);
    const char *after = ") & 1)";
    if (is_test(n))
        wf_text_add(t, "convert_int%d((", p->vec);
    else
        after = write_rounding(t, n->compute, n->dtype, p->vec);
    wf_text_add(t, "E%d(%s%d", i, types[n->compute].compute, p->vec);
    for (int j = 0; j < n->nin; j++)
        write_operand(t, p, n->from[j], n->compute);
    for (int j = 0; j < n->e->na; j++)
        wf_text_add(t, ", a%d_%d", i, j);
    wf_text_add(t, ")%s; ", after);
    if (n->stored)
        wf_text_add(t, "PUT(%s, %s, n%d, y%d + at + i) ", types[n->dtype].storage,
                    types[n->dtype].compute, i, i);
}

static void write_body(struct wf_text *t, const struct wf_program_text *p)
{
    wf_text_add(t, "#define BODY ");
    for (int i = 0; i < p->inputs; i++)
        write_load(t, p, i);
    for (int i = 0; i < p->nodes; i++)
        write_node(t, p, i);
    wf_text_add(t, "\n");
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
        int length = (int)strlen(e->text);
        if (is_test(&p->node[i]))
            length -= (int)strlen(WF_TEST_RESULT);
        wf_text_add(t, ") (%.*s)\n", length, e->text);
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

// Does an expression speak of this?
static bool has(const struct wf_program_text *p, const char *name)
{
    for (int i = 0; i < p->nodes; i++) {
        if (strstr(p->node[i].e->text, name))
            return true;
    }
    return false;
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
    if (p->cpu && (has(p, "POW(") || has(p, "MOD(") || has(p, "FLOOR_DIV(")))
        wf_text_add(t, "#define OWN_FUNCTIONS\n");
    wf_text_add(t, "%s%s%s%s#define RANK %d\n#define VIEWS %d\n#define VEC %d\n",
                p->wide ? "#define INDEX long\n" : "", p->f64 ? "#define USE_F64\n" : "",
                is_narrow(p) ? "#define NARROW\n" : "", has(p, "POW(") ? "#define POWERS\n" : "",
                p->rank, p->views, p->vec);
    write_arguments(t, p);
    wf_text_add(t, "#define BASES");
    for (int i = 0; i < p->inputs; i++)
        wf_text_add(t, " const INDEX b%d = dims_at(&d, %d, row, RANK - 1);", i, i);
    wf_text_add(t, "\n");
    write_expressions(t, p);
    write_body(t, p);
}
