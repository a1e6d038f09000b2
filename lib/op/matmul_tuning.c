// Matrix products in the tuning table: from a product to what it is looked up by, and from an entry
// to a variant with knobs.
#include "op/matmul_tuning.h"
#include "dev/dry.h"
#include <inttypes.h>
#include <stdio.h>

// Batches that share b are rows of one matrix, wherever they lie.
static void count_rows(const struct wf_matmul *p, int64_t *m, int64_t *count)
{
    *m = p->m;
    *count = 1;
    for (int i = 0; i < p->batch.rank; i++)
        *(p->batch.stride[1][i] ? count : m) *= p->batch.shape[i];
}

int wf_matmul_form(const struct wf_matmul *p)
{
    return (p->a_k != 1 && p->k != 1) | (p->b_n != 1 && p->n != 1) << 1;
}

struct wf_tuning_problem wf_matmul_key(const struct wf_matmul *p)
{
    struct wf_tuning_problem key = {.n = p->n, .k = p->k, .op = "matmul"};
    count_rows(p, &key.m, &key.count);
    wf_copy_text(key.dtype, sizeof key.dtype, weft_dtype_name(p->dtype));
    key.form[0] = wf_matmul_form(p) & 1 ? 't' : 'n';
    key.form[1] = wf_matmul_form(p) & 2 ? 't' : 'n';
    return key;
}

static bool find_dtype(const char *name, enum weft_dtype *d)
{
    static const enum weft_dtype floats[] = {WEFT_F32, WEFT_F16, WEFT_BF16, WEFT_F64};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        *d = floats[i];
        if (!strcmp(weft_dtype_name(*d), name))
            return true;
    }
    return false;
}

static bool is_size(const struct wf_tuning_problem *k)
{
    const double most = 0x1p40;
    double m = (double)k->m, n = (double)k->n, inner = (double)k->k, count = (double)k->count;
    return k->m > 0 && k->n > 0 && k->k > 0 && k->count > 0 && m * n * count < most &&
           m * inner * count < most && inner * n * count < most && m + n + inner < 0x1p31;
}

static bool is_wide(const weft_device *dev, const struct wf_matmul *p)
{
    int64_t most = p->m * p->k * p->count;
    most = p->k * p->n * p->count > most ? p->k * p->n * p->count : most;
    int64_t out = p->m * p->n * p->count + 128 * (p->n + 128);
    return wf_wide(dev, most) || wf_wide(dev, out) || wf_wide(dev, p->k + 1024);
}

bool wf_matmul_dense(const weft_device *dev, const struct wf_tuning_problem *key,
                     struct wf_matmul *p)
{
    const char *form = key->form;
    if (!is_size(key) || strspn(form, "nt") != 2 || form[2])
        return false;
    *p = (struct wf_matmul){.m = key->m, .n = key->n, .k = key->k, .count = key->count};
    p->plain_m = p->m;
    p->plain_count = p->count;
    p->a_m = form[0] == 'n' ? p->k : 1;
    p->a_k = form[0] == 'n' ? 1 : p->m;
    p->b_k = form[1] == 'n' ? p->n : 1;
    p->b_n = form[1] == 'n' ? 1 : p->k;
    p->batch = (struct wf_dims){.rank = 1, .views = 2, .shape = {p->count}};
    if (p->count > 1) {
        p->batch.stride[0][0] = p->m * p->k;
        p->batch.stride[1][0] = p->k * p->n;
    }
    p->wide = is_wide(dev, p);
    bool ok = find_dtype(key->dtype, &p->dtype);
    p->out = p->dtype;
    return ok;
}

const char *wf_matmul_key_text(const struct wf_tuning_problem *key, char buffer[120])
{
    int n = snprintf(buffer, 120, "matmul %.8s %.2s %" PRId64 "x%" PRId64 "x%" PRId64, key->dtype,
                     key->form, key->m, key->n, key->k);
    if (key->count > 1)
        snprintf(buffer + n, 120 - (size_t)n, " x %" PRId64, key->count);
    return buffer;
}

struct wf_matmul_choice wf_matmul_by_rule(weft_device *dev, const struct wf_matmul *p,
                                          const struct wf_matmul_variant *v)
{
    struct wf_matmul_choice c = {.v = v};
    if (v->choose)
        v->choose(dev, p, c.knob);
    return c;
}

const char *wf_matmul_knob_text(const struct wf_matmul_choice *c, char buffer[160])
{
    int n = 0;
    buffer[0] = 0;
    for (int i = 0; c->v->knobs && c->v->knobs[i].name && n < 140; i++)
        n += snprintf(buffer + n, 160 - (size_t)n, "%s%.14s=%d", i ? " " : "", c->v->knobs[i].name,
                      c->knob[i]);
    return buffer;
}

bool wf_matmul_is_tunable(const weft_device *dev, const struct wf_matmul_variant *v)
{
    return v->may_fail || v->calls_like_elementwise || dev->info.type != WEFT_DEVICE_CPU;
}

static bool refuse(char why[120], const struct wf_tuning_entry *e, const char *what)
{
    char text[120];
    snprintf(why, 120, "%.60s: %.50s", wf_matmul_key_text(&e->problem, text), what);
    return false;
}

static const struct wf_matmul_variant *find_variant(const char *name)
{
    const struct wf_matmul_variant *const *v = wf_matmul_variants;
    while (*v && strcmp((*v)->name, name) != 0)
        v++;
    return *v;
}

// A value that a tuner may try, or what the rule has.
static bool set_knob(const struct wf_matmul_variant *v, const struct wf_tuning_knob *k, int *knob,
                     unsigned *set)
{
    for (int i = 0; v->knobs && v->knobs[i].name; i++) {
        if (strcmp(v->knobs[i].name, k->name) != 0)
            continue;
        bool ok = knob[i] == k->value;
        for (int j = 0; j < v->knobs[i].values; j++)
            ok = ok || v->knobs[i].value[j] == k->value;
        knob[i] = k->value;
        *set |= 1u << i;
        return ok;
    }
    return false;
}

static bool set_knobs(const struct wf_matmul_variant *v, const struct wf_tuning_entry *e, int *knob)
{
    unsigned set = 0, all = 0;
    for (int i = 0; i < WF_TUNING_KNOBS && *e->knob[i].name; i++) {
        if (!set_knob(v, &e->knob[i], knob, &set))
            return false;
    }
    for (int i = 0; v->knobs && v->knobs[i].name; i++)
        all |= 1u << i;
    return set == all;
}

static bool resolve(weft_device *dev, const struct wf_tuning_entry *e, struct wf_tuning_choice *to,
                    char why[120])
{
    struct wf_matmul p;
    const struct wf_matmul_variant *v = find_variant(e->variant);
    if (!wf_matmul_dense(dev, &e->problem, &p))
        return refuse(why, e, "no problem that can be");
    if (!v)
        return refuse(why, e, "its variant is not known");
    struct wf_matmul_choice c = wf_matmul_by_rule(dev, &p, v);
    if (!set_knobs(v, e, c.knob))
        return refuse(why, e, "its knobs are not the variant's");
    if (!v->fits(dev, &p, c.knob))
        return refuse(why, e, "the device cannot run it so");
    to->variant = v;
    memcpy(to->knob, c.knob, sizeof c.knob);
    return true;
}

const struct wf_tuning_op wf_matmul_tuning = {"matmul", resolve};

bool wf_matmul_tuned(weft_device *dev, const struct wf_matmul *p, struct wf_matmul_choice *c,
                     bool *known)
{
    struct wf_tuning_choice t;
    struct wf_tuning_problem key = wf_matmul_key(p);
    wf_tuning_find(dev->dry ? dev->dry->real : dev, &wf_matmul_tuning, &key, &t);
    *known = t.known;
    *c = (struct wf_matmul_choice){.v = t.variant, .unproven = t.unproven};
    memcpy(c->knob, t.knob, sizeof c->knob);
    // Of a parameter, tiles that were tuned are right for its packed form too.
    if (wf_matmul_cpu_packed.applies(dev, p))
        c->v = c->v == &wf_matmul_cpu_tile ? &wf_matmul_cpu_packed : NULL;
    return c->v && wf_matmul_is_tunable(dev, c->v) && c->v->fits(dev, p, c->knob);
}
