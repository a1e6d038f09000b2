// softmax and log_softmax along one axis, and their gradients. A row is what lies along the axis;
// rows are walked by RANK other dimensions, and `n` elements of a row lie `step`s apart.
//
//   y = exp(x - top) / sum(exp(x - top)),      gx = y (g - sum(g y))
//   LOG: y = x - top - log(sum(exp(x - top))), gx = g - exp(y) sum(g)
//
//   softmax_rows     a task is a row
//   softmax_stats, softmax_apply  long rows in parts: their sums, then the results
// Rows that lie side by side are in softmax_columns.cl.
//
//   LOG, GRAD        what is computed
//   STATS, APPLY     only the kernel of this name is made; else softmax_rows
//   UNIT             a row's elements lie side by side in x and y, and in g, or g has one [0]
//   T                type that is computed in [float]
//   X                type in memory (elements.h) [float]
//   KEEP             y holds a T exactly: exp(x - top) is kept there until the sum is known
//   BLOCK            elements of an item that are added before the next [1024]
//   LOCAL            work-items of a group, a power of two [1]
#include "elements.h"

#ifndef T
#define T float
#endif
#ifndef X
#define X float
#define KEEP
#endif
#ifndef UNIT
#define UNIT 0
#endif
#ifndef BLOCK
#define BLOCK 1024
#endif
#ifndef LOCAL
#define LOCAL 1
#endif
// lint: -DUNIT=1
// lint: -DUNIT=1 -DX=half -DBLOCK=64 -DINDEX=long
// lint: -DUNIT=1 -DX=double -DT=double -DUSE_F64 -DKEEP -DINDEX=long
// lint: -DUNIT=1 -DSTATS -DLOG
// lint: -DUNIT=1 -DGRAD -DVIEWS=3
// lint: -DX=ushort -DGRAD -DLOG -DVIEWS=3
// lint: -DX=double -DT=double -DUSE_F64 -DGRAD -DLOG -DVIEWS=3 -DLOCAL=64
// lint: -DLOCAL=8 -DAPPLY -DLOG
// lint: -DLOCAL=8 -DSTATS -DGRAD -DVIEWS=3
#include "exp.h"

#define T16           CAT(T, 16)
#define CONVERT(v)    CAT(convert_, T16)(v)
// Terms of a sum that become results are exact down to the smallest number.
#if defined LOG || defined STATS
#define EXP(x)  CAT(exp_near_, T)(x)
#define VEXP(x) CAT(exp_near_, T16)(x)
#else
#define EXP(x)  CAT(exp_below_, T)(x)
#define VEXP(x) CAT(exp_below_, T16)(x)
#endif
// NaN is left to the sum, which it reaches all the same.
#define LARGER(a, b) ((b) > (a) ? (b) : (a))
#define PLUS(a, b)    ((a) + (b))

// What sums of exp(x - top) take for top: where all so far is -INFINITY, they are 0, not NaN.
#define BASE(top) ((top) == -(T)INFINITY ? (T)0 : (top))

// What a result needs to know of its whole row: the largest element and sum(exp(x - top)); for
// gradients only a sum.
struct stat {
    T top, sum;
};
struct stat join(struct stat a, struct stat b)
{
#ifdef GRAD
    struct stat s = {0, a.sum + b.sum};
#else
    T top = LARGER(a.top, b.top), from = BASE(top);
    struct stat s = {top, a.sum * EXP(a.top - from) + b.sum * EXP(b.top - from)};
#endif
    return s;
}

// The result of one element: v is x or, of gradients, y; scale is 1 / sum or, with LOG, log(sum).
#if defined GRAD && defined LOG
#define VALUE(V, v, g, s) ((g) - CAT(exp_below_, V)(v) * (s).sum)
#define TERM(v, g)               (g)
#elif defined GRAD
#define VALUE(V, v, g, s) ((v) * ((g) - (s).sum))
#define TERM(v, g)               ((v) * (g))
#elif defined LOG
#define VALUE(V, v, g, s, scale) ((v) - (s).top - (scale))
#else
#define VALUE(V, v, g, s, scale) (CAT(exp_below_, V)((v) - (s).top) * (scale))
#endif
#if defined LOG
#define SCALE(sum) log(sum)
#else
#define SCALE(sum) ((T)1 / (sum))
#endif
#ifndef GRAD
#define TERM(v, g) ((T)0)
#endif

static inline T across(T16 v)
{
    CAT(T, 8) a = v.lo + v.hi;
    CAT(T, 4) b = a.lo + a.hi;
    CAT(T, 2) c = b.lo + b.hi;
    return c.x + c.y;
}

// Loops over the elements begin .. end-1 of a row, of which an item of a group takes every
// LOCAL-th. Where they lie side by side and one item takes all, 16 at a time with VBODY, then BODY.
#if UNIT && LOCAL == 1
#define AT(i, step) (i)
#define LOOP(begin, end, VBODY, BODY)      \
    {                                      \
        INDEX i = (begin);                 \
        for (; i + 16 <= (end); i += 16)   \
            VBODY;                         \
        for (; i < (end); i++)             \
            BODY;                          \
    }
#else
#define AT(i, step) ((i) * (step))
#define LOOP(begin, end, VBODY, BODY)                                             \
    for (INDEX i = (begin) + (INDEX)get_local_id(0); i < (end); i += LOCAL)       \
        BODY;
#endif

// 16 elements of g.
#define LOAD_G(r, i) \
    ((r)->g_step ? CONVERT(LOAD_N(X, 16, (r)->g + (i))) : (T16)((T)LOAD(X, (r)->g)))

// Where the elements of a row lie.
struct row {
    global const X *x, *g;
    global X *y;
    INDEX x_step, g_step, y_step;
};

// The value combined over a group's items.
#define GROUP(value, C)                                                \
    if (LOCAL > 1) {                                                   \
        INDEX item = (INDEX)get_local_id(0);                           \
        shared[item] = value;                                          \
        for (int half_ = LOCAL / 2; half_ > 0; half_ /= 2) {           \
            barrier(CLK_LOCAL_MEM_FENCE);                              \
            if (item < half_)                                          \
                shared[item] = C(shared[item], shared[item + half_]);  \
        }                                                              \
        barrier(CLK_LOCAL_MEM_FENCE);                                  \
        value = shared[0];                                             \
        barrier(CLK_LOCAL_MEM_FENCE);                                  \
    }

#ifdef GRAD
T block_sum(const struct row *r, INDEX begin, INDEX end)
{
    T16 vsum = 0;
    T sum = 0;
    LOOP(begin, end,
         vsum += TERM(CONVERT(LOAD_N(X, 16, r->x + i)), LOAD_G(r, i)),
         sum += TERM((T)LOAD(X, r->x + AT(i, r->x_step)), (T)LOAD(X, r->g + i * r->g_step)))
    return across(vsum) + sum;
}
#else
T largest(const struct row *r, INDEX n)
{
    T top = -(T)INFINITY;
    INDEX begin = 0;
#if UNIT && LOCAL == 1
    const T16 least = (T16)(-(T)INFINITY);
    T16 most[4] = {least, least, least, least};
    for (; begin + 64 <= n; begin += 64) {
        for (int k = 0; k < 4; k++) {
            T16 v = CONVERT(LOAD_N(X, 16, r->x + begin + 16 * k));
            most[k] = LARGER(most[k], v);
        }
    }
    most[0] = LARGER(most[0], most[1]);
    most[2] = LARGER(most[2], most[3]);
    most[0] = LARGER(most[0], most[2]);
    CAT(T, 8) top8 = LARGER(most[0].lo, most[0].hi);
    CAT(T, 4) top4 = LARGER(top8.lo, top8.hi);
    CAT(T, 2) top2 = LARGER(top4.lo, top4.hi);
    top = LARGER(top2.x, top2.y);
#endif
    for (INDEX i = begin + (INDEX)get_local_id(0); i < n; i += LOCAL) {
        T v = (T)LOAD(X, r->x + AT(i, r->x_step));
        top = LARGER(top, v);
    }
    return top;
}

// The sum of exp(x - top); with `keep`, y becomes that.
T block_sum(const struct row *r, INDEX begin, INDEX end, T top, bool keep)
{
    T16 vsum = 0;
    T sum = 0;
    LOOP(begin, end,
         {
             T16 v = VEXP(CONVERT(LOAD_N(X, 16, r->x + i)) - top);
             vsum += v;
             if (keep)
                 STORE_N(X, 16, v, r->y + i);
         },
         {
             T v = EXP((T)LOAD(X, r->x + AT(i, r->x_step)) - top);
             sum += v;
             if (keep)
                 STORE(X, v, r->y + AT(i, r->y_step));
         })
    return across(vsum) + sum;
}
#endif

// Sums are made block by block, so that rounding does not grow with the row.
struct stat row_stat(const struct row *r, INDEX n, bool keep, local T *shared)
{
    struct stat s = {0, 0};
#ifndef GRAD
    s.top = largest(r, n);
    GROUP(s.top, LARGER)
#endif
    for (INDEX b = 0; b < n; b += BLOCK * LOCAL) {
#ifdef GRAD
        s.sum += block_sum(r, b, min(n - b, (INDEX)(BLOCK * LOCAL)) + b);
#else
        s.sum += block_sum(r, b, min(n - b, (INDEX)(BLOCK * LOCAL)) + b, BASE(s.top), keep);
#endif
    }
    GROUP(s.sum, PLUS)
    return s;
}

void row_write(const struct row *r, INDEX n, struct stat s)
{
#ifdef GRAD
    LOOP(0, n,
         {
             T16 v = CONVERT(LOAD_N(X, 16, r->x + i));
             T16 g = LOAD_G(r, i);
             v = VALUE(T16, v, g, s);
             STORE_N(X, 16, v, r->y + i);
         },
         {
             T v = (T)LOAD(X, r->x + AT(i, r->x_step));
             T g = (T)LOAD(X, r->g + i * r->g_step);
             v = VALUE(T, v, g, s);
             STORE(X, v, r->y + AT(i, r->y_step));
         })
#else
    T scale = SCALE(s.sum);
    LOOP(0, n,
         {
             T16 v = CONVERT(LOAD_N(X, 16, r->x + i));
             v = VALUE(T16, v, v, s, scale);
             STORE_N(X, 16, v, r->y + i);
         },
         {
             T v = (T)LOAD(X, r->x + AT(i, r->x_step));
             v = VALUE(T, v, v, s, scale);
             STORE(X, v, r->y + AT(i, r->y_step));
         })
#endif
}

struct row row_at(const struct dims *d, INDEX row, INDEX begin, global const X *x,
                  global const X *g, global X *y, INDEX x_step, INDEX g_step, INDEX y_step)
{
    struct row r = {x + dims_at(d, 0, row, RANK) + begin * x_step,
                    g,
                    y + dims_at(d, VIEWS - 1, row, RANK) + begin * y_step,
                    x_step,
                    g_step,
                    y_step};
    if (VIEWS > 2)
        r.g = g + dims_at(d, 1, row, RANK) + begin * g_step;
    return r;
}

#if defined STATS
// stat[row * parts + p], of part p of a row.
kernel void softmax_stats(INDEX first, INDEX last, INDEX n, INDEX parts, INDEX part, INDEX x_step,
                          INDEX g_step, INDEX y_step, const struct dims d,
                          global const X *restrict x, global const X *restrict g,
                          global struct stat *restrict stat)
{
    local T shared[LOCAL];
    FOR_TASKS(t)
    {
        INDEX row = t / parts, begin = (t - row * parts) * part;
        struct row r = row_at(&d, row, begin, x, g, 0, x_step, g_step, 0);
        struct stat s = row_stat(&r, min(n - begin, part), false, shared);
        if (get_local_id(0) == 0)
            stat[t] = s;
    }
}
#elif defined APPLY
kernel void softmax_apply(INDEX first, INDEX last, INDEX n, INDEX parts, INDEX part, INDEX x_step,
                          INDEX g_step, INDEX y_step, const struct dims d,
                          global const X *restrict x, global const X *restrict g,
                          global const struct stat *restrict stat, global X *restrict y)
{
    FOR_TASKS(t)
    {
        INDEX row = t / parts, begin = (t - row * parts) * part;
        struct stat s = stat[row * parts];
        for (INDEX i = 1; i < parts; i++)
            s = join(s, stat[row * parts + i]);
        struct row r = row_at(&d, row, begin, x, g, y, x_step, g_step, y_step);
        row_write(&r, min(n - begin, part), s);
    }
}
#else
kernel void softmax_rows(INDEX first, INDEX last, INDEX rows, INDEX each, INDEX n, INDEX x_step,
                         INDEX g_step, INDEX y_step, const struct dims d,
                         global const X *restrict x, global const X *restrict g,
                         global X *restrict y)
{
    local T shared[LOCAL];
    FOR_TASKS(t)
    {
        INDEX stop = min(rows - t * each, each) + t * each;
        for (INDEX row = t * each; row < stop; row++) {
            struct row r = row_at(&d, row, 0, x, g, y, x_step, g_step, y_step);
#if defined KEEP && !defined GRAD && !defined LOG
            struct stat s = row_stat(&r, n, true, shared);
            T scale = SCALE(s.sum);
            LOOP(0, n, STORE_N(X, 16, LOAD_N(X, 16, r.y + i) * scale, r.y + i),
                 r.y[AT(i, r.y_step)] *= scale)
#else
            struct stat s = row_stat(&r, n, false, shared);
            row_write(&r, n, s);
#endif
        }
    }
}
#endif
