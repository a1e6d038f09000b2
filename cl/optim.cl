// One optimizer step for up to SETS parameters in one launch (sets.h).
//
//   SGD, ADAGRAD, ADADELTA, RMSPROP, ADAM or ADAMW  the rule; see include/weft/optim.h [ADAM]
//   MOMENTUM, NESTEROV, CENTERED, AMSGRAD, MAXIMIZE  its options
//   VEC                                             elements at once [1]
//
// `state` holds the rule's moments, n elements each, one after the other.
#include "common.h"
#include "sets.h"

#ifndef VEC
#define VEC 1
#endif
// lint: -DSGD -DSETS=4 -DINDEX=long
// lint: -DSGD -DMOMENTUM -DNESTEROV
// lint: -DADAGRAD -DMAXIMIZE
// lint: -DADADELTA
// lint: -DRMSPROP -DMOMENTUM -DCENTERED
// lint: -DADAM -DAMSGRAD -DVEC=16 -DINDEX=long
// lint: -DADAMW -DVEC=16

// The rule's numbers, as lib/nn/optim_rules.c makes them.
struct rule {
    float r0, r1, r2, r3, r4;
};

// Those of one parameter: step size, weight decay, and one more of the rule's.
struct each {
    float lr, decay, more;
};

struct numbers {
    struct each of[SETS];
};

// UPDATE changes the parameter p and the moments s0, s1, s2 [STATES] by the gradient g, which are
// numbers of type F; r and e are their rule's and parameter's.
#define DECAYED(F) g = fma(p, (F)e.decay, g);

#if defined SGD
// r: momentum, 1 - dampening. e.more: is this the first step?
#ifdef NESTEROV
#define DIRECTION(F) fma(s0, (F)r.r0, g)
#else
#define DIRECTION(F) s0
#endif
#ifdef MOMENTUM
#define STATES 1
#define UPDATE(F)                                                                                  \
    DECAYED(F)                                                                                     \
    s0 = e.more != 0 ? g : fma(s0, (F)r.r0, r.r1 * g);                                             \
    p = fma(DIRECTION(F), (F)-e.lr, p);
#else
#define STATES 0
#define UPDATE(F) DECAYED(F) p = fma(g, (F)-e.lr, p);
#endif

#elif defined ADAGRAD
// r: eps.
#define STATES 1
#define UPDATE(F)                                                                                  \
    DECAYED(F)                                                                                     \
    s0 = fma(g, g, s0);                                                                            \
    p -= e.lr * g / (sqrt(s0) + r.r0);

#elif defined ADADELTA
// r: rho, 1 - rho, eps.
#define STATES 2
#define UPDATE(F)                                                                                  \
    DECAYED(F)                                                                                     \
    s0 = fma(s0, (F)r.r0, r.r1 * g * g);                                                           \
    F delta = sqrt(s1 + r.r2) / sqrt(s0 + r.r2) * g;                                               \
    s1 = fma(s1, (F)r.r0, r.r1 * delta * delta);                                                   \
    p = fma(delta, (F)-e.lr, p);

#elif defined RMSPROP
// r: momentum, alpha, 1 - alpha, eps. The moments: mean square, momentum, mean.
#ifdef MOMENTUM
#define MEAN s2
#define APPLY(F)                                                                                   \
    s1 = fma(s1, (F)r.r0, g / mean);                                                               \
    p = fma(s1, (F)-e.lr, p);
#else
#define MEAN s1
#define APPLY(F) p -= e.lr * g / mean;
#endif
#ifdef CENTERED
// The variance is never below zero but for rounding.
#define CENTER(F)                                                                                  \
    MEAN = fma((F)r.r2, g - MEAN, MEAN);                                                           \
    mean = fma(-MEAN, MEAN, mean);                                                                 \
    mean = mean < 0 ? (F)0 : mean;
#else
#define CENTER(F)
#endif
#if defined MOMENTUM && defined CENTERED
#define STATES 3
#elif defined MOMENTUM || defined CENTERED
#define STATES 2
#else
#define STATES 1
#endif
#define UPDATE(F)                                                                                  \
    DECAYED(F)                                                                                     \
    s0 = fma(s0, (F)r.r1, r.r2 * g * g);                                                           \
    F mean = s0;                                                                                   \
    CENTER(F)                                                                                      \
    mean = sqrt(mean) + r.r3;                                                                      \
    APPLY(F)

#else
// r: beta1, 1 - beta1, beta2, 1 - beta2, eps. e.lr: lr / (1 - beta1^t). e.more: 1 / (1 - beta2^t).
#ifdef ADAMW
#define DECAY(F) p = fma(p, (F)-e.decay, p);
#else
#define DECAY(F) DECAYED(F)
#endif
#ifdef AMSGRAD
#define STATES 3
#define LARGEST                                                                                    \
    s2 = s2 > s1 ? s2 : s1;                                                                        \
    v = s2;
#else
#define STATES 2
#define LARGEST
#endif
#define UPDATE(F)                                                                                  \
    DECAY(F)                                                                                       \
    s0 = fma(s0, (F)r.r0, r.r1 * g);                                                               \
    s1 = fma(s1, (F)r.r2, r.r3 * g * g);                                                           \
    F v = s1;                                                                                      \
    LARGEST                                                                                        \
    p -= e.lr * s0 / (sqrt(v * e.more) + r.r4);
#endif

#if VEC > 1
#define V CAT(float, VEC)
#define VLOAD CAT(vload, VEC)
#define VSTORE CAT(vstore, VEC)
#else
#define V float
#define VLOAD(i, p) ((p)[i])
#define VSTORE(v, i, p) ((p)[i] = (v))
#endif

#ifdef MAXIMIZE
#define SIGN -
#else
#define SIGN
#endif
#define TAKE(F, LOAD, i)                                                                           \
    F p = LOAD(0, x + i), g = SIGN LOAD(0, d + i);                                                 \
    F s0 = 0, s1 = 0, s2 = 0;                                                                      \
    if (STATES > 0)                                                                                \
        s0 = LOAD(0, state + i);                                                                   \
    if (STATES > 1)                                                                                \
        s1 = LOAD(0, state + n + i);                                                               \
    if (STATES > 2)                                                                                \
        s2 = LOAD(0, state + 2 * n + i);

#define GIVE(STORE, i)                                                                             \
    STORE(p, 0, x + i);                                                                            \
    if (STATES > 0)                                                                                \
        STORE(s0, 0, state + i);                                                                   \
    if (STATES > 1)                                                                                \
        STORE(s1, 0, state + n + i);                                                               \
    if (STATES > 2)                                                                                \
        STORE(s2, 0, state + 2 * n + i);

#define LOAD_ONE(i, p) ((p)[i])
#define STORE_ONE(v, i, p) ((p)[i] = (v))

// Elements [begin, end) of one parameter.
void update(struct rule r, struct each e, INDEX n, INDEX begin, INDEX end, global float *x,
            global const float *d, global float *state)
{
    INDEX item = (INDEX)get_local_id(0), items = (INDEX)get_local_size(0);
    INDEX whole = begin + (end - begin) / VEC * VEC;
    for (INDEX i = begin + item * VEC; i < whole; i += items * VEC) {
        TAKE(V, VLOAD, i)
        UPDATE(V)
        GIVE(VSTORE, i)
    }
    for (INDEX i = whole + item; i < end; i += items) {
        TAKE(float, LOAD_ONE, i)
        UPDATE(float)
        GIVE(STORE_ONE, i)
    }
}

#define SET_ARGS(i) , global float *x##i, global const float *d##i, global float *s##i
#define SET_PICK(i)                                                                                \
    if (set == i) {                                                                                \
        x = x##i;                                                                                  \
        d = d##i;                                                                                  \
        state = s##i;                                                                              \
    }

kernel void optim(INDEX first, INDEX last, INDEX chunk, struct rule r, const struct numbers e,
                  const struct sets s EACH_SET(SET_ARGS))
{
    FOR_TASKS(t)
    {
        FIND_SET(set, t, s)
        global float *x = x0, *state = s0;
        global const float *d = d0;
        EACH_SET(SET_PICK)
        INDEX begin = (t - s.first[set]) * chunk;
        update(r, e.of[set], s.count[set], begin, min(begin + chunk, s.count[set]), x, d, state);
    }
}
