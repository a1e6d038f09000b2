// Value and gradient of an operation against its reference in double.
#include "ref_check.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GNUC__
#define PRINTF __attribute__((format(printf, 2, 3)))
#else
#define PRINTF
#endif

// The first thing that is wrong is kept.
static bool fail(struct ref_check *k, const char *fmt, ...) PRINTF;
static bool fail(struct ref_check *k, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (!*k->text)
        vsnprintf(k->text, sizeof k->text, fmt, ap);
    va_end(ap);
    return false;
}

double ref_uniform(struct ref_check *k)
{
    k->random = k->random * 6364136223846793005u + 1442695040888963407u;
    return (double)(k->random >> 11) * 0x1p-53;
}

int ref_case_count(const struct op_ref *r)
{
    int n = 0;
    while (n < MAX_CASES && r->cases[n].lo != r->cases[n].hi)
        n++;
    return n;
}

struct shape_text {
    char text[120];
};

// "[33,5]"
static struct shape_text shape_text(int ndim, const int64_t *shape)
{
    struct shape_text t = {"["};
    size_t n = 1;
    for (int i = 0; i < ndim && n < sizeof t.text - 24; i++)
        n += (size_t)snprintf(t.text + n, sizeof t.text - n, "%s%lld", i ? "," : "",
                              (long long)shape[i]);
    snprintf(t.text + n, sizeof t.text - n, "]");
    return t;
}

// "add[2] of [33,5] and [5] F32 strided"
static void describe(const struct op_ref *r, int c, enum weft_dtype dtype, bool strided,
                     char text[320])
{
    size_t n = (size_t)snprintf(text, 320, "%s[%d] of", r->name, c);
    for (int i = 0; i < r->nin && n < 280; i++) {
        struct shape_text t = shape_text(r->cases[c].in[i].ndim, r->cases[c].in[i].shape);
        n += (size_t)snprintf(text + n, 320 - n, "%s %.60s", i ? " and" : "", t.text);
    }
    snprintf(text + n, 320 - n, " %s%s", weft_dtype_name(dtype), strided ? " strided" : "");
}

void ref_make_inputs(struct ref_check *k, const struct op_ref *r, const struct op_case *c,
                     struct array *x)
{
    for (int i = 0; i < r->nin; i++) {
        array_make(&x[i], c->in[i].ndim, c->in[i].shape);
        for (int64_t j = 0; j < array_count(&x[i]); j++) {
            double v = c->lo + (c->hi - c->lo) * ref_uniform(k);
            x[i].v[j] = r->kind[i] == INDEX    ? floor(ref_uniform(k) * c->limit)
                        : r->kind[i] == FACTOR ? floor(ref_uniform(k) * c->limit) + 1
                        : r->kind[i] == FLAG   ? ref_uniform(k) < 0.5
                        : r->kind[i] == BYTE   ? floor(ref_uniform(k) * 256) - 128
                        : r->kind[i] == UBYTE  ? floor(ref_uniform(k) * 256)
                        : r->kind[i] == WHOLE  ? floor(v)
                                               : (double)(float)v;
        }
    }
}

void ref_free_arrays(struct array *x, int n)
{
    for (int i = 0; i < n; i++)
        free(x[i].v);
}

static void *to_bytes(const struct array *x, enum weft_dtype dtype)
{
    int64_t n = array_count(x);
    size_t size = weft_dtype_size(dtype);
    char *data = malloc((size_t)n * 8 + 1);
    for (int64_t i = 0; i < n; i++) {
        float f = (float)x->v[i];
        int64_t l = (int64_t)x->v[i];
        const void *from = dtype == WEFT_F32   ? (const void *)&f
                           : dtype == WEFT_F64 ? (const void *)&x->v[i]
                                               : (const void *)&l;
        memcpy(data + (size_t)i * size, from, size);
    }
    return data;
}

weft_tensor *ref_to_device(weft_scope *s, const struct array *x, enum weft_dtype dtype,
                           bool strided)
{
    void *data = to_bytes(x, dtype);
    weft_tensor *t = weft_from_host(s, dtype, x->ndim, x->shape, data);
    free(data);
    if (strided && x->ndim > 1) {
        weft_tensor *kept = weft_keep(s, weft_transpose(s, t, -1, -2)); // dense, transposed
        t = weft_transpose(s, kept, -1, -2);
        weft_tensor_destroy(&kept);
    }
    return t;
}

static double element(const char *p, enum weft_dtype dtype)
{
    return dtype == WEFT_F32   ? (double)*(const float *)(const void *)p
           : dtype == WEFT_F64 ? *(const double *)(const void *)p
           : dtype == WEFT_I64 ? (double)*(const int64_t *)(const void *)p
           : dtype == WEFT_I32 ? *(const int32_t *)(const void *)p
                               : *p;
}

double *ref_from_device(weft_scope *s, const weft_tensor *t)
{
    size_t n = (size_t)weft_count(t), size = t ? weft_dtype_size(t->dtype) : 0;
    char *bytes = malloc(n * size + 1);
    double *v = calloc(n + 1, sizeof *v);
    bool ok = weft_read(s, t, bytes, n * size);
    for (size_t i = 0; ok && i < n; i++)
        v[i] = element(bytes + i * size, t->dtype);
    free(bytes);
    if (ok)
        return v;
    free(v);
    return NULL;
}

enum weft_dtype ref_input_dtype(const struct op_ref *r, int i, enum weft_dtype dtype)
{
    switch (r->kind[i]) {
    case INDEX:
        return WEFT_I64;
    case FLAG:
        return WEFT_BOOL;
    case BYTE:
        return WEFT_I8;
    case UBYTE:
        return WEFT_U8;
    default:
        return dtype;
    }
}

// Takes an error of `off` where `allowed` may be; false, and infinitely wrong, for NaN too.
static bool note(struct ref_check *k, double off, double allowed)
{
    bool ok = off <= allowed;
    double part = ok ? (allowed > 0 ? off / allowed : 0) : allowed > 0 ? off / allowed : INFINITY;
    part = isnan(part) ? INFINITY : part;
    k->worst = part > k->worst ? part : k->worst;
    return ok;
}

bool ref_compare(struct ref_check *k, const char *what, const double *got, const struct array *want,
                 double absolute, double relative)
{
    for (int64_t i = 0; i < array_count(want); i++) {
        double w = want->v[i];
        bool same = got[i] == w || (isnan(got[i]) && isnan(w));
        if (!same && !note(k, fabs(got[i] - w), absolute + relative * fabs(w)))
            return fail(k, "%s: y[%lld] got %.9g, want %.9g", what, (long long)i, got[i], w);
    }
    return true;
}

static bool same_shape(const weft_tensor *t, int ndim, const int64_t *shape)
{
    return t->ndim == ndim && (!ndim || !memcmp(t->shape, shape, (size_t)ndim * sizeof *shape));
}

// A case on its way: its inputs on both sides and what the reference makes of them.
struct run {
    struct ref_check *k;
    const struct op_ref *r;
    const struct op_case *o;
    char what[320];
    weft_scope *s;
    struct array x[MAX_IN], y;
    weft_tensor *t[MAX_IN], *out;
};

static bool begin(struct run *n, struct ref_check *k, const struct op_ref *r, int c, bool train)
{
    struct weft_error err = {0};
    *n = (struct run){.k = k, .r = r, .o = &r->cases[c]};
    n->s = weft_scope_create(k->dev, weft_scope_params(.train = train), &err);
    return n->s || fail(k, "%s: %s", r->name, err.text);
}

static bool call(struct run *n, enum weft_dtype dtype, bool strided)
{
    const struct op_ref *r = n->r;
    describe(r, (int)(n->o - r->cases), dtype, strided, n->what);
    ref_make_inputs(n->k, r, n->o, n->x);
    r->ref(n->x, &n->y, n->o);
    for (int i = 0; i < r->nin; i++)
        n->t[i] = ref_to_device(n->s, &n->x[i], ref_input_dtype(r, i, dtype), strided);
    n->out = r->call(n->s, n->t, n->o);
    if (!n->out)
        return fail(n->k, "%s: %s", n->what, weft_scope_error(n->s)->text);
    if (same_shape(n->out, n->y.ndim, n->y.shape))
        return true;
    return fail(n->k, "%s: y is %s, want %s", n->what, shape_text(n->out->ndim, n->out->shape).text,
                shape_text(n->y.ndim, n->y.shape).text);
}

static void end(struct run *n)
{
    free(n->y.v);
    ref_free_arrays(n->x, n->r->nin);
    weft_scope_destroy(&n->s);
}

static bool compare_value(struct run *n, enum weft_dtype dtype)
{
    double *got = ref_from_device(n->s, n->out), unit = dtype == WEFT_F64 ? 0x1p-53 : 0x1p-24;
    if (!got)
        return fail(n->k, "%s: %s", n->what, weft_scope_error(n->s)->text);
    double absolute = n->r->scale ? n->r->tolerance * unit * n->r->scale(n->x, &n->y) : 0;
    bool ok = ref_compare(n->k, n->what, got, &n->y, absolute, n->r->tolerance * unit);
    free(got);
    return ok;
}

bool ref_check_value(struct ref_check *k, const struct op_ref *r, int c, enum weft_dtype dtype,
                     bool strided)
{
    struct run n;
    bool ok = begin(&n, k, r, c, r->train) && call(&n, dtype, strided) && compare_value(&n, dtype);
    end(&n);
    return ok;
}

// L = sum over y of weight * y, on the host.
static double host_loss(const struct run *n, const double *weight)
{
    struct array y;
    double loss = 0;
    n->r->ref(n->x, &y, n->o);
    for (int64_t i = 0; i < array_count(&y); i++)
        loss += weight[i] * y.v[i];
    free(y.v);
    return loss;
}

// The change of L along a direction: central differences with a step where they are good to 1e-9.
static double difference(struct run *n, int input, const double *direction, const double *weight)
{
    double h = 1e-6, side[2];
    struct array *x = &n->x[input];
    int64_t count = array_count(x);
    for (int sign = 0; sign < 2; sign++) {
        double *before = x->v;
        x->v = calloc((size_t)count + 1, sizeof *before);
        for (int64_t j = 0; j < count; j++)
            x->v[j] = before[j] + (sign ? -h : h) * direction[j];
        side[sign] = host_loss(n, weight);
        free(x->v);
        x->v = before;
    }
    return (side[0] - side[1]) / (2 * h);
}

// Two random directions, and each single element of a small input.
static bool compare_directions(struct run *n, int input, const double *got, const double *weight)
{
    int64_t count = array_count(&n->x[input]), directions = 2 + (count <= 64 ? count : 0);
    double *direction = calloc((size_t)count + 1, sizeof *direction);
    bool ok = true;
    for (int64_t d = 0; ok && d < directions; d++) {
        double along = 0, size = 0;
        for (int64_t j = 0; j < count; j++) {
            direction[j] = d < 2 ? 2 * ref_uniform(n->k) - 1 : j == d - 2;
            along += direction[j] * got[j];
            size += fabs(direction[j] * got[j]);
        }
        double want = difference(n, input, direction, weight);
        ok = note(n->k, fabs(along - want), 1e-4 * fabs(want) + 2e-6 * size + 1e-6);
        if (!ok)
            fail(n->k, "%s: gradient of input %d along %lld is %.9g, want %.9g", n->what, input,
                 (long long)d, along, want);
    }
    free(direction);
    return ok;
}

static bool compare_grad(struct run *n, int input, const weft_tensor *loss, const double *weight)
{
    const weft_tensor *t = n->t[input], *g = weft_grad(n->s, loss, t);
    double *got = g && same_shape(g, t->ndim, t->shape) ? ref_from_device(n->s, g) : NULL;
    bool ok = got ? compare_directions(n, input, got, weight)
                  : fail(n->k, "%s: gradient of input %d: %s", n->what, input,
                         weft_scope_error(n->s)->text);
    free(got);
    return ok;
}

static bool compare_grads(struct run *n)
{
    struct array weight;
    array_make(&weight, n->y.ndim, n->y.shape);
    for (int64_t i = 0; i < array_count(&weight); i++)
        weight.v[i] = (double)(float)(2 * ref_uniform(n->k) - 1);
    weft_tensor *w = ref_to_device(n->s, &weight, WEFT_F32, false);
    weft_tensor *loss = weft_sum(n->s, weft_mul(n->s, n->out, w), NULL);
    bool ok = true;
    for (int i = 0; ok && i < n->r->nin; i++)
        ok = n->r->kind[i] != VALUE || compare_grad(n, i, loss, weight.v);
    free(weight.v);
    return ok;
}

bool ref_check_grad(struct ref_check *k, const struct op_ref *r, int c, bool strided)
{
    struct run n;
    bool ok = begin(&n, k, r, c, true) && call(&n, WEFT_F32, strided) && compare_grads(&n);
    end(&n);
    return ok;
}
