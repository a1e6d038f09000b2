// Tuning, asked for or, with a budget, when a product is met: which problems, and the file.
#include "op/matmul_tune.h"
#include <stdio.h>
#include <weft/tune.h>

// By the shapes of products: squares; some that are no multiple of anything; few rows; layers of a
// perceptron with their gradients, of an LSTM, of ResNet-50 (1x1 convolutions of one image) and of
// BERT-base.
static const struct weft_tune_problem problems[] = {
#define P(rows, columns, inner, ...)                     \
    {                                                    \
        .m = rows, .n = columns, .k = inner, __VA_ARGS__ \
    }
#define NT .b_transposed = true
#define TN .a_transposed = true
    P(32, 32, 32, .count = 1),
    P(64, 64, 64, .count = 1),
    P(128, 128, 128, .count = 1),
    P(256, 256, 256, .count = 1),
    P(512, 512, 512, .count = 1),
    P(1024, 1024, 1024, .count = 1),
    P(2048, 2048, 2048, .count = 1),
    P(512, 512, 512, NT),
    P(512, 512, 512, TN),
    P(1024, 1024, 1024, NT),
    P(1024, 1024, 1024, TN),
    P(511, 511, 511, .count = 1),
    P(129, 65, 257, .count = 1),
    P(1, 1024, 1024, NT),
    P(2, 1024, 1024, NT),
    P(4, 1024, 1024, NT),
    P(8, 1024, 1024, NT),
    P(16, 1024, 1024, NT),
    P(64, 1024, 1024, NT),
    P(1, 1024, 1024, .count = 1),
    P(8, 1024, 1024, .count = 1),
    P(64, 1024, 1024, .count = 1),
    P(64, 128, 784, NT),
    P(64, 10, 128, NT),
    P(64, 128, 10, .count = 1),
    P(10, 128, 64, TN),
    P(128, 784, 64, TN),
    P(128, 512, 784, NT),
    P(128, 512, 512, NT),
    P(128, 512, 512, .count = 1),
    P(512, 512, 128, TN),
    P(64, 2048, 512, NT),
    P(64, 512, 2048, .count = 1),
    P(2048, 512, 64, TN),
    P(3136, 64, 64, NT),
    P(3136, 256, 64, NT),
    P(784, 128, 512, NT),
    P(784, 512, 128, NT),
    P(196, 1024, 256, NT),
    P(49, 2048, 512, NT),
    P(512, 768, 768, NT),
    P(512, 3072, 768, NT),
    P(512, 768, 3072, NT),
    P(128, 128, 64, NT, .count = 96),
    P(128, 64, 128, .count = 96),
#undef P
#undef NT
#undef TN
};

struct tune {
    weft_device *dev;
    const struct weft_tune_params *params;
    const struct weft_tune_problem *problem; // the one at work
    int index, count;
    double begin, budget;
};

static struct wf_tuning_problem key_of(const struct weft_tune_problem *p)
{
    struct wf_tuning_problem key = {.m = p->m, .n = p->n, .k = p->k, .count = p->count};
    key.count = p->count ? p->count : 1;
    strcpy(key.op, "matmul");
    wf_copy_text(key.dtype, sizeof key.dtype, weft_dtype_name(p->dtype ? p->dtype : WEFT_F32));
    key.form[0] = p->a_transposed ? 't' : 'n';
    key.form[1] = p->b_transposed ? 't' : 'n';
    // A row or column lies the same way either way.
    if (p->k == 1)
        key.form[0] = 'n';
    if (p->n == 1)
        key.form[1] = 'n';
    return key;
}

static void report_result(const struct tune *t, const struct wf_tuning_entry *e, bool known)
{
    struct weft_tune_result r = {.problem = *t->problem,
                                 .us = (double)e->ns * 1e-3,
                                 .rule_us = (double)e->rule_ns * 1e-3,
                                 .known = known,
                                 .partial = e->partial};
    r.problem.count = e->problem.count;
    r.problem.dtype = r.problem.dtype ? r.problem.dtype : WEFT_F32;
    wf_copy_text(r.variant, sizeof r.variant, e->variant);
    int n = 0;
    for (int i = 0; i < WF_TUNING_KNOBS && *e->knob[i].name && n < 140; i++)
        n += snprintf(r.knobs + n, sizeof r.knobs - (size_t)n, "%s%.15s=%d", i ? " " : "",
                      e->knob[i].name, e->knob[i].value);
    if (t->params->result)
        t->params->result(t->params->priv, &r);
}

static bool report_progress(void *priv, int tried, int64_t ns, int64_t rule_ns)
{
    const struct tune *t = priv;
    struct weft_tune_progress p = {.problem = t->problem,
                                   .index = t->index,
                                   .count = t->count,
                                   .tried = tried,
                                   .us = (double)ns * 1e-3,
                                   .rule_us = (double)rule_ns * 1e-3,
                                   .seconds = wf_now() - t->begin,
                                   .budget = t->budget};
    return !t->params->progress || t->params->progress(t->params->priv, &p);
}

static bool tune_one(struct tune *t, struct weft_tune_report *out, struct weft_error *err)
{
    struct wf_tuning_problem key = key_of(t->problem);
    struct wf_tuning_entry e;
    struct weft_error own = {0};
    if (!t->params->again && wf_tuning_has(t->dev, &wf_matmul_tuning, &key, &e)) {
        out->known++;
        report_result(t, &e, true);
        return true;
    }
    struct wf_matmul_search s = {.dev = t->dev,
                                 .key = &key,
                                 .deadline = t->begin + t->budget,
                                 .progress = report_progress,
                                 .priv = t};
    if (wf_now() > s.deadline)
        return true;
    bool ok = wf_matmul_search(&s, &e, &own) && wf_tuning_put(t->dev, &wf_matmul_tuning, &e, &own);
    if (ok) {
        out->done += !e.partial;
        report_result(t, &e, false);
    } else if (own.status == WEFT_NOMEM) {
        char text[120];
        wf_log(&t->dev->log, WEFT_LOG_WARN, "tune: %s is left out: %s",
               wf_matmul_key_text(&key, text), own.text);
    } else {
        return wf_fail(err, own.status, "%s", own.text);
    }
    return true;
}

static bool check_params(weft_device *dev, const struct weft_tune_params *p, struct weft_error *err)
{
    if (!dev)
        return wf_fail(err, WEFT_PARAM, "tune: the device is NULL");
    if (p->op && strcmp(p->op, "matmul") != 0)
        return wf_fail(err, WEFT_PARAM, "tune: op is \"%s\"; matmul is what can be tuned", p->op);
    if (!(p->seconds >= 0) || p->count < 0 || (p->count && !p->problem))
        return wf_fail(err, WEFT_PARAM,
                       "tune: seconds is %g and count %d with%s problems; 0 or more were wanted",
                       p->seconds, p->count, p->problem ? "" : "out");
    for (int i = 0; i < p->count; i++) {
        struct wf_matmul dense;
        struct wf_tuning_problem key = key_of(&p->problem[i]);
        if (!wf_matmul_dense(dev, &key, &dense))
            return wf_fail(err, WEFT_PARAM,
                           "tune: problem %d is %lld x %lld x %lld; sizes from 1 and F32, F16, "
                           "BF16 or F64 were wanted",
                           i, (long long)key.m, (long long)key.n, (long long)key.k);
        if (dense.dtype == WEFT_F64 && !weft_device_has(dev, WEFT_CAP_F64))
            return wf_fail(err, WEFT_UNSUPPORTED, "tune: %s has no F64", dev->info.name);
    }
    return true;
}

static bool run(struct tune *t, struct weft_tune_report *out, struct weft_error *err)
{
    const struct weft_tune_params *p = t->params;
    bool ok = wf_wait(t->dev, err);
    t->count = out->count = p->count ? p->count : (int)(sizeof problems / sizeof *problems);
    for (t->index = 0; t->index < t->count && ok; t->index++) {
        t->problem = p->count ? &p->problem[t->index] : &problems[t->index];
        ok = tune_one(t, out, err);
    }
    out->seconds = wf_now() - t->begin;
    return ok;
}

bool weft_tune(weft_device *dev, const struct weft_tune_params *params,
               struct weft_tune_report *out, struct weft_error *err)
{
    struct weft_tune_params p;
    struct weft_error own = {0};
    err = err ? err : &own;
    WF_PARAMS(p, params);
    if (!check_params(dev, &p, err))
        return false;
    if (atomic_exchange(&dev->tuning.busy, true))
        return wf_fail(err, WEFT_PARAM, "tune: another thread is tuning this device");
    struct weft_tune_report report = {.size = sizeof report};
    struct tune t = {
        .dev = dev, .params = &p, .begin = wf_now(), .budget = p.seconds > 0 ? p.seconds : 60};
    bool ok = run(&t, &report, err);
    dev->tuning.busy = false;
    if (out && out->size) {
        report.size = out->size;
        memcpy(out, &report, report.size < sizeof report ? report.size : sizeof report);
    }
    return ok;
}

// A product must not fail because it was to be tuned: then it is left, and no other is tuned.
void wf_matmul_tune_lazily(weft_device *dev, const struct wf_matmul *p)
{
    struct wf_matmul dense;
    struct wf_tuning_problem key = wf_matmul_key(p);
    struct wf_tuning_entry e;
    struct weft_error err = {0};
    if (!wf_matmul_dense(dev, &key, &dense) || atomic_exchange(&dev->tuning.busy, true))
        return;
    double begin = wf_now();
    struct wf_matmul_search s = {
        .dev = dev, .key = &key, .deadline = begin + (double)dev->tuning.lazy_ns * 1e-9};
    bool ok = wf_wait(dev, &err) && wf_matmul_search(&s, &e, &err) &&
              wf_tuning_put(dev, &wf_matmul_tuning, &e, &err);
    dev->tuning.lazy_ns -= ok ? (int64_t)((wf_now() - begin) * 1e9) : dev->tuning.lazy_ns;
    if (!ok)
        wf_log(&dev->log, WEFT_LOG_WARN, "tune: %s: no product is tuned any more", err.text);
    dev->tuning.busy = false;
}
