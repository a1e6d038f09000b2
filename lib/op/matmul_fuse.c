// The elementwise records that follow a product as its epilogue: bias, activation, residual.
//
// The chain must be straight: each result has one reader, the next record, and no other use.
#include "op/expression.h"
#include "op/matmul.h"
#include <stdio.h>

enum { MAX_CHAIN = 8 };

static bool same_dtype(const struct wf_record *r, enum weft_dtype dtype)
{
    const struct wf_expression *e = r->attr;
    bool same = !e->compute || e->compute == dtype;
    for (int i = 0; i < r->nin; i++)
        same = same && r->in[i]->pub.dtype == dtype;
    return same;
}

// Powers and remainders are functions that elementwise.cl has.
static bool is_known(const char *text)
{
    return !strstr(text, "POW(") && !strstr(text, "MOD(") && !strstr(text, "FLOOR_DIV(");
}

// The last one's result may have another floating dtype.
static bool joins(const struct wf_group *g, const struct wf_record *r)
{
    const struct wf_record *product = g->first;
    const struct wf_tensor *y = product->out[0];
    enum weft_dtype dtype = y->pub.dtype;
    return r->op->fuser == &wf_expression_fuser && wf_matmul_fuses(product) &&
           g->last->out[0]->pub.dtype == dtype && wf_dtype_is_float(r->out[0]->pub.dtype) &&
           wf_is_passed_on(g->last->out[0]) && wf_same_shape(&y->pub, &r->out[0]->pub) &&
           same_dtype(r, dtype) && is_known(((const struct wf_expression *)r->attr)->text) &&
           g->records <= MAX_CHAIN &&
           g->options + ((const struct wf_expression *)r->attr)->na <= WF_EPILOGUE_OPTIONS;
}

// The number of an input of the epilogue.
static int input_number(struct wf_epilogue *e, struct wf_tensor *t)
{
    for (int i = 0; i < e->nin; i++) {
        if (e->in[i] == t)
            return i;
    }
    e->in[e->nin] = t;
    return e->nin++;
}

// `T n2; { const T q0 = n1, q1 = b0; const T c0 = (T)a3; { const T x0 = q0, ... n2 = ROUND(text);
// } }`: rounded as if it had been stored, and two blocks, for the names that the expression has for
// its operands may be those of the epilogue.
static void write_step(struct wf_text *t, struct wf_epilogue *e, struct wf_record *const *r, int i)
{
    const struct wf_expression *x = r[i]->attr;
    wf_text_add(t, "T n%d; {", i);
    for (int j = 0; j < r[i]->nin; j++) {
        if (r[i]->in[j] == r[i - 1]->out[0])
            wf_text_add(t, i == 1 ? " const T q%d = v;" : " const T q%d = n%d;", j, i - 1);
        else
            wf_text_add(t, " const T q%d = b%d;", j, input_number(e, r[i]->in[j]));
    }
    for (int j = 0; j < x->na; j++) {
        wf_text_add(t, " const T c%d = (T)a%d;", j, e->na);
        e->a[e->na++] = x->a[j];
    }
    wf_text_add(t, " {");
    for (int j = 0; j < r[i]->nin; j++)
        wf_text_add(t, " const T %s = q%d;", x->arg[j], j);
    for (int j = 0; j < x->na; j++)
        wf_text_add(t, " const T a%d = c%d;", j, j);
    wf_text_add(t, " n%d = ROUND(%s); } } ", i, x->text);
}

static bool fits(weft_device *dev, int n, struct wf_record *const *r)
{
    bool calls = false;
    for (int i = 1; i < n; i++)
        calls = calls || wf_expression_calls(((const struct wf_expression *)r[i]->attr)->text);
    return !r[0]->out[0]->storage && wf_matmul_fits(dev, r[0], calls);
}

static bool run(weft_device *dev, int n, struct wf_record *const *r, struct weft_error *err)
{
    struct wf_epilogue e = {0};
    struct wf_text steps = {0};
    char last[16];
    for (int i = 1; i < n; i++)
        write_step(&steps, &e, r, i);
    snprintf(last, sizeof last, "n%d", n - 1);
    e.text = last;
    e.steps = wf_text_get(&steps);
    bool ok = steps.failed ? wf_fail_nomem(err, "kernel")
                           : wf_matmul_run(dev, r[0], &e, r[n - 1]->out[0], err);
    wf_text_finish(&steps);
    return ok;
}

const struct wf_fuser wf_matmul_fuser = {.joins = joins, .fits = fits, .run = run};
