// The outputs of a batch are read, and judged on the host in double: a few numbers for each row.
#include "score.h"
#include "failure.h"
#include "standard.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

// As weft_argmax(): the first of equal ones, and NaN is above all.
int largest(const float *x, int count)
{
    int best = 0;
    for (int i = 1; i < count; i++) {
        if (x[i] > x[best] || (isnan(x[i]) && !isnan(x[best])))
            best = i;
    }
    return best;
}

void softmax(const float *x, int count, double *probability)
{
    double most = (double)x[largest(x, count)], sum = 0;
    for (int i = 0; i < count; i++)
        sum += probability[i] = exp((double)x[i] - most);
    for (int i = 0; i < count; i++)
        probability[i] /= sum;
}

static double cross_entropy(const float *x, int count, int label)
{
    double most = (double)x[largest(x, count)], sum = 0;
    for (int i = 0; i < count; i++)
        sum += exp((double)x[i] - most);
    return log(sum) + most - (double)x[label];
}

static bool add_classes(struct score *t, const struct model *m, const float *out,
                        const int64_t *label, int64_t rows, struct weft_error *err)
{
    for (int64_t r = 0; r < rows; r++, out += m->classes) {
        if (label[r] < 0 || label[r] >= m->classes)
            return failure(err, WEFT_PARAM,
                           "a label is %" PRId64 ", wanted 0 .. %d: the model's classes", label[r],
                           m->classes - 1);
        int found = largest(out, m->classes);
        t->correct += found == label[r];
        t->loss += cross_entropy(out, m->classes, (int)label[r]);
        if (t->confusion)
            t->confusion[label[r] * m->classes + found]++;
    }
    return true;
}

static void add_values(struct score *t, const struct model *m, const float *out, const float *y,
                       const float *scale, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        double d = (double)out[i] - (double)y[i], unit = (double)scale[i % m->classes];
        t->loss += d * unit * d * unit;
        t->square += d * d;
        t->absolute += fabs(d);
    }
}

struct batch {
    weft_tensor *out, *y;
    const float *scale; // of the model's values
};

static bool add_batch(struct score *t, weft_scope *s, const struct model *m, const struct batch *b,
                      struct weft_error *err)
{
    bool classify = m->task == CLASSIFY;
    int64_t count = weft_count(b->out), targets = weft_count(b->y);
    weft_tensor *y = weft_cast(s, b->y, classify ? WEFT_I64 : WEFT_F32);
    size_t out_bytes = (size_t)count * sizeof(float);
    size_t y_bytes = (size_t)targets * (classify ? sizeof(int64_t) : sizeof(float));
    float *host = malloc(out_bytes + 1);
    void *target = malloc(y_bytes + 1);
    bool ok = host && target
                  ? weft_read(s, b->out, host, out_bytes) && weft_read(s, y, target, y_bytes)
                  : failure(err, WEFT_NOMEM, "no memory for the outputs of a batch");
    if (ok && classify)
        ok = add_classes(t, m, host, target, targets, err);
    else if (ok)
        add_values(t, m, host, target, b->scale, count);
    t->rows += ok ? b->out->shape[0] : 0;
    free(host);
    free(target);
    return ok;
}

bool score_measure(struct score *t, weft_scope *s, weft_params *net, const struct model *m,
                   weft_loader *data, const volatile sig_atomic_t *stop, struct weft_error *err)
{
    float *scale = malloc((size_t)m->classes * sizeof *scale);
    bool ok = scale ? standard_target_scale(net, m, scale, err)
                    : failure(err, WEFT_NOMEM, "no memory for the scale of the values");
    for (weft_tensor *x, *y; ok && !*stop && weft_loader_next(data, s, &x, &y);
         weft_scope_reset(s)) {
        weft_tensor *out = model_apply(s, net, m, x);
        ok = out && add_batch(t, s, m, &(struct batch){out, y, scale}, err);
    }
    free(scale);
    return scope_is_fine(s, err) && ok && !*stop;
}

double score_square(const struct score *t, const struct model *m)
{
    return t->square / (double)t->rows / m->classes;
}

double score_loss(const struct score *t, const struct model *m)
{
    return t->loss / (double)t->rows / (m->task == CLASSIFY ? 1 : m->classes);
}

double score_absolute(const struct score *t, const struct model *m)
{
    return t->absolute / (double)t->rows / m->classes;
}

double score_accuracy(const struct score *t)
{
    return (double)t->correct / (double)t->rows;
}
