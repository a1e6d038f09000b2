// Running a matrix product: the tuned choice, else the first variant that applies; where one fails,
// the next.
#include "dev/dry.h"
#include "op/matmul_tuning.h"

enum outcome { RAN, NEXT, FAILED };

// Does not fill *err for NEXT where the choice was never tried.
static enum outcome attempt(weft_device *dev, struct wf_record *matmul, const struct wf_matmul *p,
                            const struct wf_matmul_choice *c, struct weft_error *err)
{
    struct weft_error own = {0};
    if (!wf_matmul_is_trusted(dev, p, c))
        return NEXT;
    matmul->variant = c->v->name;
    if (c->v->run(dev, p, c->knob, &own))
        return RAN;
    bool next = wf_matmul_is_own_fault(c, &own);
    if (next)
        wf_matmul_distrust(dev, p, c, &own);
    wf_fail(err, own.status, "%s", own.text);
    return next ? NEXT : FAILED;
}

static enum outcome run_tuned(weft_device *dev, struct wf_record *matmul, const struct wf_matmul *p,
                              struct weft_error *err)
{
    struct wf_matmul_choice c;
    bool known, found = wf_matmul_tuned(dev, p, &c, &known);
    if (!known && !dev->dry && dev->tuning.lazy_ns > 0) {
        wf_matmul_tune_lazily(dev, p);
        found = wf_matmul_tuned(dev, p, &c, &known);
    }
    return found ? attempt(dev, matmul, p, &c, err) : NEXT;
}

bool wf_matmul_run(weft_device *dev, struct wf_record *matmul, const struct wf_epilogue *e,
                   struct wf_tensor *out, struct weft_error *err)
{
    struct wf_matmul p = wf_matmul_problem(matmul, e, out);
    struct weft_error first = {0};
    if (!weft_count(&out->pub))
        return true;
    enum outcome o = run_tuned(dev, matmul, &p, &first);
    for (const struct wf_matmul_variant *const *v = wf_matmul_variants; *v && o == NEXT; v++) {
        if (!(*v)->applies(dev, &p))
            continue;
        struct wf_matmul_choice c = wf_matmul_by_rule(dev, &p, *v);
        o = attempt(dev, matmul, &p, &c, &first);
    }
    return o == RAN || wf_fail(err, first.status, "%s", first.text);
}
