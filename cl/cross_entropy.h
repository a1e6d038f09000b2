// What a work-item of cross-entropy reads: classes, labels and weights. See cross_entropy.cl.
#ifndef WF_CROSS_ENTROPY_H
#define WF_CROSS_ENTROPY_H
#include "lanes.h"

#ifdef PROBS
#define TARGET X
#else
#define TARGET long
#endif

// The number of classes, the strides from class to class, and where the weights begin.
struct classes {
    INDEX count, x, target, y, weight, weight_at;
};
struct smoothing {
    T keep, even;
};
// The label that is ignored, if `any`.
struct ignored {
    long label, any;
};

static inline T class_weight(const struct classes *k, global const X *weight, INDEX c)
{
#ifdef WEIGHTED
    return LOAD(X, weight + k->weight_at + c * k->weight);
#else
    return 1;
#endif
}

// What a work-item reads: classes of one row, or a few rows that lie side by side.
struct part {
    global const X *x, *weight;
    global const TARGET *target;
    INDEX x_lane, target_lane, y_lane; // of rows side by side: strides from row to row
    INDEX low;                         // the rows before belong to another work-item
};

// What the label of a row gives: h, u and x of its class; `live` is 0 if it is ignored.
struct hard {
    T h, u, x, live;
    INDEX label;
};

// Of lane j.
static inline struct hard hard_of(const struct part *p, const struct classes *k,
                                  const struct smoothing *o, const struct ignored *no, int j)
{
#ifdef PROBS
    struct hard r = {0, 0, 0, 1, 0};
#else
    struct hard r = {(T)NAN, 0, 0, 1, 0};
    long label = p->target[j * p->target_lane];
    if (no->any && label == no->label) {
        r.live = r.h = 0;
    } else if (label >= 0 && label < k->count) {
        T w = class_weight(k, p->weight, (INDEX)label);
        r.label = (INDEX)label;
        r.h = o->keep * w;
        r.u = o->even * w;
#if !defined GRAD || !defined LOG_PROBS
        r.x = LOAD(X, p->x + j * p->x_lane + r.label * k->x);
#endif
    }
#endif
    return r;
}

// The lanes of class or classes c.
static inline V load_x(const struct part *p, const struct classes *k, INDEX c)
{
    return load(p->x + c * k->x);
}

// u, or with TARGET_GRAD keep w.
static inline V load_soft(const struct part *p, const struct classes *k, const struct smoothing *o,
                          INDEX c)
{
#ifdef TARGET_GRAD
    V u = (V)(o->keep);
#else
    V u = (V)(o->even);
#ifdef PROBS
    u += o->keep * load(p->target + c * k->target);
#endif
#endif
#if defined WEIGHTED && defined COLUMNS
    u *= (V)class_weight(k, p->weight, c);
#elif defined WEIGHTED
    u *= load(p->weight + k->weight_at + c * k->weight);
#endif
    return u;
}

#ifdef COLUMNS
// The same of each lane.
struct hards {
    V h, u, x, live;
    INDEX label[VEC];
};

static inline struct hards hards_of(const struct part *p, const struct classes *k,
                                    const struct smoothing *o, const struct ignored *no)
{
    struct hards r;
    T h[VEC], u[VEC], x[VEC], live[VEC];
    for (int j = 0; j < VEC; j++) {
        struct hard one = hard_of(p, k, o, no, j);
        h[j] = one.h;
        u[j] = one.u;
        x[j] = one.x;
        live[j] = one.live;
        r.label[j] = one.label;
    }
    r.h = GET(h);
    r.u = GET(u);
    r.x = GET(x);
    r.live = GET(live);
    return r;
}
#endif
#endif
