// One optimizer step for up to SETS parameters in one launch. The parameters follow each other in
// chunks; a task is one chunk of one of them.
//
//   SETS         parameters of a launch: 16 or 4 [16]
//   SGD or ADAM  the rule; see include/weft/nn.h
//   VEC          elements at once [1]
//
// State: SGD with momentum v [n]; Adam m [n], v [n].
#include "common.h"

#ifndef SETS
#define SETS 16
#endif
#ifndef VEC
#define VEC 1
#endif
#if !defined SGD && !defined ADAM
#define ADAM
#endif
// lint: -DSGD -DSETS=4
// lint: -DADAM -DVEC=16

// The rule's numbers. SGD: lr, momentum, weight_decay, nesterov, first. Adam: lr / (1 - beta1^t),
// beta1, beta2, eps, 1 / (1 - beta2^t), lr * weight_decay.
struct rule {
    float r0, r1, r2, r3, r4, r5;
};

struct sets {
    INDEX count[SETS];     // elements
    INDEX first[SETS + 1]; // task that each begins with
};

#ifdef SGD
#define UPDATE(F, p, g, s0, s1)                                                                    \
    {                                                                                              \
        F step = fma(p, (F)r.r2, g);                                                               \
        if (r.r1 != 0) {                                                                           \
            s0 = r.r4 != 0 ? step : fma(s0, (F)r.r1, step);                                        \
            step = r.r3 != 0 ? fma(s0, (F)r.r1, step) : s0;                                        \
        }                                                                                          \
        p = fma(step, (F)-r.r0, p);                                                                \
    }
#define STATES (r.r1 != 0 ? 1 : 0)
#else
#define UPDATE(F, p, g, s0, s1)                                                                    \
    {                                                                                              \
        p = fma(p, (F)-r.r5, p);                                                                   \
        s0 = fma(s0, (F)r.r1, (1 - r.r1) * g);                                                     \
        s1 = fma(s1, (F)r.r2, (1 - r.r2) * g * g);                                                 \
        p -= r.r0 * s0 / (sqrt(s1 * r.r4) + r.r3);                                                 \
    }
#define STATES 2
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

// Elements [begin, end) of one parameter: `state` holds STATES arrays of n.
void update(struct rule r, INDEX n, INDEX begin, INDEX end, global float *p, global const float *g,
            global float *state)
{
    INDEX item = (INDEX)get_local_id(0), items = (INDEX)get_local_size(0);
    INDEX whole = begin + (end - begin) / VEC * VEC;
    for (INDEX i = begin + item * VEC; i < whole; i += items * VEC) {
        V x = VLOAD(0, p + i), d = VLOAD(0, g + i), s0 = 0, s1 = 0;
        if (STATES > 0)
            s0 = VLOAD(0, state + i);
        if (STATES > 1)
            s1 = VLOAD(0, state + n + i);
        UPDATE(V, x, d, s0, s1)
        VSTORE(x, 0, p + i);
        if (STATES > 0)
            VSTORE(s0, 0, state + i);
        if (STATES > 1)
            VSTORE(s1, 0, state + n + i);
    }
    for (INDEX i = whole + item; i < end; i += items) {
        float x = p[i], d = g[i], s0 = STATES > 0 ? state[i] : 0;
        float s1 = STATES > 1 ? state[n + i] : 0;
        UPDATE(float, x, d, s0, s1)
        p[i] = x;
        if (STATES > 0)
            state[i] = s0;
        if (STATES > 1)
            state[n + i] = s1;
    }
}

#if SETS == 4
#define EACH_SET(X) X(0) X(1) X(2) X(3)
#else
#define EACH_SET(X)                                                                                \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#endif

#define SET_ARGS(i) , global float *p##i, global const float *g##i, global float *s##i
// One body, whatever the parameter: the compiler would repeat it for each.
#define SET_PICK(i)                                                                                \
    if (set == i) {                                                                                \
        p = p##i;                                                                                  \
        g = g##i;                                                                                  \
        state = s##i;                                                                              \
    }

kernel void optim(INDEX first, INDEX last, INDEX chunk, struct rule r,
                  const struct sets s EACH_SET(SET_ARGS))
{
    FOR_TASKS(t)
    {
        int set = 0;
        while (set + 1 < SETS && t >= s.first[set + 1])
            set++;
        global float *p = p0, *state = s0;
        global const float *g = g0;
        EACH_SET(SET_PICK)
        INDEX begin = (t - s.first[set]) * chunk;
        update(r, s.count[set], begin, min(begin + chunk, s.count[set]), p, g, state);
    }
}
