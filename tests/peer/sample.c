// See sample.h. Options are looked for in the text: there are few.
#include "sample.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double RTOL = 1.3e-6, ATOL = 1e-5;

bool sample_parse(struct sample *m, const char *line)
{
    int used = 0;
    *m = (struct sample){0};
    if (sscanf(line, "%47s %15s %d%n", m->op, m->kind, &m->number, &used) != 3)
        return false;
    m->options = line + used + strspn(line + used, " ");
    return true;
}

// False if the file is there but cannot be read.
static bool load(const struct sample *m, const char *folder, const char *name, int k, struct npy *a)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%d.%s%d.npy", folder, m->op, m->number, name, k);
    enum npy_result r = npy_read(path, a);
    if (r == NPY_BAD)
        fprintf(stderr, "%s is no array of numbers in C order\n", path);
    return r != NPY_BAD;
}

bool sample_load(struct sample *m, const char *folder)
{
    bool ok = true;
    for (int k = 0; k < PEER_TENSORS && ok && m->nin == k; k++) {
        ok = load(m, folder, "in", k, &m->in[k]) && load(m, folder, "grad", k, &m->grad[k]);
        m->nin += m->in[k].data != NULL;
    }
    for (int k = 0; k < PEER_TENSORS && ok && m->nout == k; k++) {
        ok = load(m, folder, "out", k, &m->out[k]) && load(m, folder, "up", k, &m->up[k]);
        m->nout += m->out[k].data != NULL;
    }
    if (ok && !m->nout)
        fprintf(stderr, "%s/%s/%d.out0.npy is not there\n", folder, m->op, m->number);
    return ok && m->nout;
}

void sample_free(struct sample *m)
{
    for (int k = 0; k < PEER_TENSORS; k++) {
        npy_free(&m->in[k]);
        npy_free(&m->out[k]);
        npy_free(&m->up[k]);
        npy_free(&m->grad[k]);
    }
}

const char *option(const struct sample *m, const char *key)
{
    size_t n = strlen(key);
    for (const char *at = m->options; *at; at += strspn(at, " ")) {
        if (!strncmp(at, key, n) && at[n] == '=')
            return at + n + 1;
        at += strcspn(at, " ");
    }
    return NULL;
}

bool option_is(const struct sample *m, const char *key, const char *value)
{
    const char *at = option(m, key);
    size_t n = strlen(value);
    return at && strcspn(at, " ") == n && !strncmp(at, value, n);
}

double option_number(const struct sample *m, const char *key, double without)
{
    const char *at = option(m, key);
    return at ? strtod(at, NULL) : without;
}

int option_list(const struct sample *m, const char *key, int64_t v[PEER_TENSORS])
{
    const char *at = option(m, key);
    int n = 0;
    while (at && *at && *at != ' ' && n < PEER_TENSORS) {
        char *end;
        v[n++] = strtoll(at, &end, 10);
        at = *end == ',' ? end + 1 : NULL;
    }
    return n;
}

enum weft_dtype option_dtype(const struct sample *m, const char *key)
{
#define X(name, bytes)              \
    if (option_is(m, key, #name)) { \
        return WEFT_##name;         \
    }
    WEFT_DTYPE_MAP(X)
#undef X
    return WEFT_DTYPE_NONE;
}

static double element(const struct npy *a, int64_t i)
{
    switch (a->dtype) {
    case WEFT_F32:
        return (double)((const float *)a->data)[i];
    case WEFT_F64:
        return ((const double *)a->data)[i];
    case WEFT_I32:
        return ((const int32_t *)a->data)[i];
    case WEFT_I64:
        return (double)((const int64_t *)a->data)[i];
    case WEFT_I8:
        return ((const int8_t *)a->data)[i];
    default:
        return ((const uint8_t *)a->data)[i];
    }
}

static bool element_close(const struct npy *want, const struct npy *got, int64_t i)
{
    double w = element(want, i), g = element(got, i);
    bool floating = want->dtype == WEFT_F32 || want->dtype == WEFT_F64;
    size_t bytes = weft_dtype_size(want->dtype), at = (size_t)i * bytes;
    if (!floating)
        return !memcmp((const char *)want->data + at, (const char *)got->data + at, bytes);
    return w == g || (isnan(w) && isnan(g)) ||
           (isfinite(w) && fabs(g - w) <= ATOL + RTOL * fabs(w));
}

static const char *shape_text(const struct npy *a, char text[PEER_TEXT])
{
    size_t at = (size_t)snprintf(text, PEER_TEXT, "%s [", weft_dtype_name(a->dtype));
    for (int d = 0; d < a->ndim && at < PEER_TEXT - 24; d++)
        at += (size_t)snprintf(text + at, PEER_TEXT - at, d ? ",%lld" : "%lld",
                               (long long)a->shape[d]);
    snprintf(text + at, PEER_TEXT - at, "]");
    return text;
}

// The place of the i-th element as "[1,2]".
static const char *place_text(const struct npy *a, int64_t i, char text[PEER_TEXT])
{
    struct npy place = {.ndim = a->ndim};
    for (int d = a->ndim - 1; d >= 0; d--) {
        place.shape[d] = i % a->shape[d];
        i /= a->shape[d];
    }
    return strchr(shape_text(&place, text), '[');
}

bool close_to(const struct npy *want, const struct npy *got, const char *what, char text[PEER_TEXT])
{
    char a[PEER_TEXT], b[PEER_TEXT];
    if (want->dtype != got->dtype || want->ndim != got->ndim ||
        memcmp(want->shape, got->shape, sizeof *want->shape * (size_t)want->ndim) != 0) {
        snprintf(text, PEER_TEXT, "%s is %.120s, want %.120s", what, shape_text(got, a),
                 shape_text(want, b));
        return false;
    }
    for (int64_t i = 0; i < want->count; i++) {
        if (element_close(want, got, i))
            continue;
        snprintf(text, PEER_TEXT, "%s%.120s got %.9g, want %.9g", what, place_text(want, i, a),
                 element(got, i), element(want, i));
        return false;
    }
    return true;
}
