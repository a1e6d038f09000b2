// The norm of up to SETS gradients in one launch (sets.h), and clipping them.
//
//   NORM  what each element adds to the norm: 1 x^2, 2 |x|^p, 3 the largest |x| counts [1]
//   RULE  of clipping: 1 by the norm, 2 by value [1]
//   LOCAL  work-items of a group: 1 or 64 [64]
#include "common.h"
#include "sets.h"

#ifndef NORM
#define NORM 1
#endif
#ifndef RULE
#define RULE 1
#endif
#ifndef LOCAL
#define LOCAL 64
#endif
// lint: -DNORM=2 -DRULE=2 -DSETS=4 -DINDEX=long
// lint: -DNORM=3
// lint: -DNORM=3 -DLOCAL=1
// lint: -DNORM=2 -DLOCAL=1 -DINDEX=long

#if NORM == 3
// NaN wins.
#define JOIN(a, b) ((b) > (a) || (b) != (b) ? (b) : (a))
#define TERM(F, x) fabs(x)
#define ROOT(x, p) (x)
#else
#define JOIN(a, b) ((a) + (b))
#if NORM == 2
#define TERM(F, x) pow(fabs(x), (F)p)
#define ROOT(x, p) pow(x, 1 / (p))
#else
#define TERM(F, x) ((x) * (x))
#define ROOT(x, p) sqrt(x)
#endif
#endif

// Sums in so many parts, whoever computes them: the bits are the same for both local sizes.
#define LANES 64

#define SET_READ(i) , global const float *g##i
#define PICK_READ(i)                                                                               \
    if (set == i)                                                                                  \
        g = g##i;

#if LOCAL == 1
// Lanes k .. k+15 of `lane`, of the chunk's whole rows of LANES.
#define ADD(sum, k)                                                                                \
    {                                                                                              \
        float16 x = vload16(0, g + i + k), term = TERM(float16, x);                                \
        sum = JOIN(sum, term);                                                                     \
    }

void lane_norms(global const float *g, INDEX begin, INDEX end, float p, local float *lane)
{
    float16 a = 0, b = 0, c = 0, d = 0;
    INDEX i = begin;
    for (; i + LANES <= end; i += LANES) {
        ADD(a, 0)
        ADD(b, 16)
        ADD(c, 32)
        ADD(d, 48)
    }
    vstore16(a, 0, lane);
    vstore16(b, 1, lane);
    vstore16(c, 2, lane);
    vstore16(d, 3, lane);
    for (int k = 0; i < end; i++, k++) {
        float x = g[i], term = TERM(float, x);
        lane[k] = JOIN(lane[k], term);
    }
}
#else
void lane_norms(global const float *g, INDEX begin, INDEX end, float p, local float *lane)
{
    int k = (int)get_local_id(0);
    float sum = 0;
    for (INDEX i = begin + k; i < end; i += LANES) {
        float x = g[i], term = TERM(float, x);
        sum = JOIN(sum, term);
    }
    lane[k] = sum;
}
#endif

// The whole of LANES numbers, in item 0. Changes them.
float join_lanes(local float *lane)
{
#if LOCAL == 1
    for (int n = LANES / 2; n > 0; n /= 2) {
        for (int i = 0; i < n; i++)
            lane[i] = JOIN(lane[i], lane[i + n]);
    }
    return lane[0];
#else
    int item = (int)get_local_id(0);
    for (int n = LANES / 2; n > 0; n /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < n)
            lane[item] = JOIN(lane[item], lane[item + n]);
    }
    float whole = item == 0 ? lane[0] : 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    return whole;
#endif
}

// part[at + t] = what the elements of chunk t add.
kernel void norm_parts(INDEX first, INDEX last, INDEX chunk, float p, INDEX at,
                       global float *part, const struct sets s EACH_SET(SET_READ))
{
    local float lane[LANES];
    FOR_TASKS(t)
    {
        FIND_SET(set, t, s)
        global const float *g = g0;
        EACH_SET(PICK_READ)
        INDEX begin = (t - s.first[set]) * chunk, end = min(begin + chunk, s.count[set]);
        lane_norms(g, begin, end, p, lane);
        float sum = join_lanes(lane);
        if (get_local_id(0) == 0)
            part[at + t] = sum;
    }
}

// norm = the root of all n parts. One task.
kernel void norm_total(INDEX first, INDEX last, INDEX n, float p, global const float *part,
                       global float *norm)
{
    local float lane[LANES];
    FOR_TASKS(t)
    {
        for (int i = (int)get_local_id(0); i < LANES; i += LOCAL) {
            float sum = 0;
            for (INDEX j = i; j < n; j += LANES)
                sum = JOIN(sum, part[j]);
            lane[i] = sum;
        }
        float sum = join_lanes(lane);
        if (get_local_id(0) == 0)
            *norm = ROOT(sum, p);
    }
}

#define SET_BOTH(i) , global const float *g##i, global float *y##i
#define PICK_BOTH(i)                                                                               \
    if (set == i) {                                                                                \
        g = g##i;                                                                                  \
        y = y##i;                                                                                  \
    }

#if RULE == 2
// In [-most, most]; NaN stays.
#define CLIP(x) ((x) > most ? most : (x) < -most ? -most : (x))
#else
#define CLIP(x) ((x) * scale)
#endif

// y = g, clipped. `norm` is read by rule 1 only.
kernel void clip(INDEX first, INDEX last, INDEX chunk, float most, global const float *norm,
                 const struct sets s EACH_SET(SET_BOTH))
{
#if RULE == 1
    float scale = most / (*norm + 1e-6f);
    scale = scale > 1 ? 1 : scale;
#endif
    FOR_TASKS(t)
    {
        FIND_SET(set, t, s)
        global const float *g = g0;
        global float *y = y0;
        EACH_SET(PICK_BOTH)
        INDEX begin = (t - s.first[set]) * chunk, end = min(begin + chunk, s.count[set]);
        INDEX item = (INDEX)get_local_id(0), items = (INDEX)get_local_size(0);
        for (INDEX i = begin + item; i < end; i += items)
            y[i] = CLIP(g[i]);
    }
}
