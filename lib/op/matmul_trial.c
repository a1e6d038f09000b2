// Trial products. c begins as NaN, and so do the bytes behind it: what a kernel leaves out, and
// what it writes too much, are both seen.
#include "op/matmul_trial.h"
#include <math.h>
#include <stdlib.h>

enum { GUARD = 4096 };

// Of n/64, 0 < |n| <= 64, which half and bfloat16 hold.
static uint16_t narrow_bits(enum weft_dtype d, int n)
{
    int size = abs(n), e = 0;
    float f = (float)n / 64;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if (d == WEFT_BF16 || !n)
        return (uint16_t)(bits >> 16);
    while (size >> (e + 1))
        e++;
    int rest = (size - (1 << e)) << (10 - e);
    return (uint16_t)((n < 0 ? 0x8000 : 0) | (15 + e - 6) << 10 | rest);
}

// Numbers of -1 .. 1: narrow ones whose products and sums are exact, wide ones with every bit.
static void *make_values(enum weft_dtype d, int64_t n, uint32_t random)
{
    size_t size = weft_dtype_size(d);
    char *v = malloc((size_t)n * size);
    for (int64_t i = 0; v && i < n; i++) {
        random = random * 1664525u + 1013904223u;
        double x = (double)(random >> 8) * 0x1p-23 - 1;
        float f = (float)x;
        uint16_t narrow = narrow_bits(d, (int)(random >> 16) % 129 - 64);
        const void *from = d == WEFT_F64 ? (void *)&x : d == WEFT_F32 ? (void *)&f : &narrow;
        memcpy(v + (size_t)i * size, from, size);
    }
    return v;
}

static struct wf_storage *make_operand(struct wf_matmul_trial *t, int64_t n, uint32_t seed,
                                       struct weft_error *err)
{
    size_t bytes = (size_t)n * weft_dtype_size(t->p.dtype);
    struct wf_storage *s =
        wf_device_fits(t->dev, bytes, err) ? wf_storage_new(t->dev, bytes, err) : NULL;
    void *v = s ? make_values(t->p.dtype, n, seed) : NULL;
    bool ok = v ? wf_upload(t->dev, s->mem, 0, v, bytes, err) : wf_fail_nomem(err, "tune");
    free(v);
    if (ok)
        return s;
    wf_storage_unref(s);
    return NULL;
}

// Runs a choice into a c of NaNs, and reads all of it.
static bool run(struct wf_matmul_trial *t, const struct wf_matmul_choice *c, void *to,
                struct weft_error *err)
{
    const unsigned char nan = 0xff;
    return wf_fill(t->dev, t->c->mem, t->bytes + GUARD, &nan, 1, err) &&
           c->v->run(t->dev, &t->p, c->knob, err) &&
           wf_download(t->dev, t->c->mem, 0, to, t->bytes + GUARD, err);
}

// The plain variant where the reference is at fault itself.
static bool answer(struct wf_matmul_trial *t, const struct wf_matmul_choice *reference,
                   struct weft_error *err)
{
    const struct wf_matmul_choice plain = {.v = &wf_matmul_plain};
    struct weft_error own = {0};
    if (run(t, reference, t->want, &own))
        return true;
    return wf_matmul_is_own_fault(reference, &own) ? run(t, &plain, t->want, err)
                                                   : wf_fail(err, own.status, "%s", own.text);
}

bool wf_matmul_trial_make(struct wf_matmul_trial *t, weft_device *dev,
                          const struct wf_tuning_problem *key,
                          const struct wf_matmul_choice *reference, struct weft_error *err)
{
    *t = (struct wf_matmul_trial){.dev = dev};
    struct wf_matmul *p = &t->p;
    if (!wf_matmul_dense(dev, key, p))
        return wf_fail(err, WEFT_PARAM, "tune: the sizes, dtype or form of a problem cannot be");
    t->bytes = (size_t)(p->m * p->n * p->count) * weft_dtype_size(p->dtype);
    t->a = make_operand(t, p->m * p->k * p->count, 1, err);
    t->b = t->a ? make_operand(t, p->k * p->n * p->count, 2, err) : NULL;
    bool ok = t->b && wf_device_fits(dev, t->bytes + GUARD, err) &&
              (t->c = wf_storage_new(dev, t->bytes + GUARD, err));
    t->want = ok ? malloc(t->bytes + GUARD) : NULL;
    t->got = ok ? malloc(t->bytes + GUARD) : NULL;
    if (!ok || !t->want || !t->got)
        return wf_fail_nomem(err, "tune");
    p->a = t->a->mem;
    p->b = t->b->mem;
    p->c = t->c->mem;
    return answer(t, reference, err);
}

void wf_matmul_trial_finish(struct wf_matmul_trial *t)
{
    wf_storage_unref(t->a);
    wf_storage_unref(t->b);
    wf_storage_unref(t->c);
    free(t->want);
    free(t->got);
    *t = (struct wf_matmul_trial){0};
}

// The rounding of both sums of k products of numbers below 1, and of narrow ones once more; of
// factors too, where they may be TF32.
static bool agrees(const struct wf_matmul_trial *t, double got, double want)
{
    const struct wf_matmul *p = &t->p;
    bool tf32 = p->dtype == WEFT_F32 && t->dev->params.f32_products == WEFT_F32_TF32;
    double unit = p->dtype == WEFT_F64 ? 0x1p-53 : tf32 ? 0x1p-16 : 0x1p-24;
    double most = 64 * unit * sqrt((double)p->k);
    if (p->dtype == WEFT_F16 || p->dtype == WEFT_BF16)
        most += fabs(want) * (p->dtype == WEFT_F16 ? 0x1p-10 : 0x1p-7);
    return fabs(got - want) <= most;
}

bool wf_matmul_trial_check(struct wf_matmul_trial *t, const struct wf_matmul_choice *c,
                           struct weft_error *err)
{
    const struct wf_matmul *p = &t->p;
    size_t size = weft_dtype_size(p->dtype);
    if (!run(t, c, t->got, err))
        return false;
    for (size_t i = 0; i < t->bytes; i += size) {
        double got = wf_to_double(p->dtype, t->got + i), want = wf_to_double(p->dtype, t->want + i);
        if (!agrees(t, got, want))
            return wf_fail(err, WEFT_UNSUPPORTED, "element %zu is %.9g and not %.9g", i / size, got,
                           want);
    }
    for (size_t i = t->bytes; i < t->bytes + GUARD; i++) {
        if (t->got[i] != 0xff)
            return wf_fail(err, WEFT_UNSUPPORTED, "%zu bytes behind the result were written",
                           i - t->bytes + 1);
    }
    return true;
}
