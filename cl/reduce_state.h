// What reductions keep of the elements seen so far: the state; how a block of elements, or of rows
// of columns, enters it; and how two states become one. See reduce.cl for the knobs.
#ifndef WF_REDUCE_STATE_H
#define WF_REDUCE_STATE_H
#include "elements.h"
#include "exp.h"
#include "kahan.h"

#define A16     CAT(A, 16)
#define A8      CAT(A, 8)
#define A4      CAT(A, 4)
#define A2      CAT(A, 2)
#define GET(p)  ((A)LOAD(X, p))
#define VGET(p) (CAT(convert_, A16)(LOAD_N(X, 16, p)))

// Of numbers and of vectors. NaN is larger, and smaller, than everything.
#define PLUS(a, b)  ((a) + (b))
#define TIMES(a, b) ((a) * (b))
#ifdef INTEGER
#define LARGER(a, b)  ((b) > (a) ? (b) : (a))
#define SMALLER(a, b) ((b) < (a) ? (b) : (a))
#define LOWEST        (sizeof(A) == 8 ? (A)LONG_MIN : (A)INT_MIN)
#define HIGHEST       (sizeof(A) == 8 ? (A)LONG_MAX : (A)INT_MAX)
#define IS_NAN(v)     false
#else
#define LARGER(a, b)  ((((b) > (a)) | ((b) != (b))) ? (b) : (a))
#define SMALLER(a, b) ((((b) < (a)) | ((b) != (b))) ? (b) : (a))
#define LOWEST        ((A)(-INFINITY))
#define HIGHEST       ((A)INFINITY)
#define IS_NAN(v)     ((v) != (v))
#endif

#define SAME(T, v, c, k) (v)

// Four values into the accumulators s0 .. s3, or combined into s.
#define FOUR_PLUS(s, v0, v1, v2, v3)  (s) += ((v0) + (v1)) + ((v2) + (v3))
#define FOUR_TIMES(s, v0, v1, v2, v3) (s) *= ((v0) * (v1)) * ((v2) * (v3))
#define APART(C, v0, v1, v2, v3)      s0 = C(s0, v0), s1 = C(s1, v1), s2 = C(s2, v2), s3 = C(s3, v3)

// The better of two numbers is one instruction where NaN does not matter: of the two, a stays where
// one is NaN. So the best of four are looked for, and NaN among them apart.
#if defined MIN || defined ARGMIN
#define BEYOND(a, b) ((a) < (b))
#else
#define BEYOND(a, b) ((a) > (b))
#endif
#define BETTER(a, b) (BEYOND(b, a) ? (b) : (a))
#ifdef INTEGER
#define FOUR_BEST(s, v0, v1, v2, v3) \
    (v0) = BETTER(v0, v1), (v2) = BETTER(v2, v3), (v0) = BETTER(v0, v2), (s) = BETTER(s, v0)
#else
#define FOUR_BEST(s, v0, v1, v2, v3)                                                            \
    (s) = (((v0) != (v0)) | ((v1) != (v1))) | (((v2) != (v2)) | ((v3) != (v3))) ? (A)NAN : (s), \
    (v0) = BETTER(v0, v1), (v2) = BETTER(v2, v3), (v0) = BETTER(v0, v2), (s) = BETTER(s, v0)
#endif
#define BEST_APART(C, v0, v1, v2, v3) FOUR_BEST(s0, v0, v1, v2, v3)

struct reduce_dims {
    INDEX kept_shape[KRANK], kept_stride[KRANK];
    INDEX shape[RRANK], stride[RRANK];
    INDEX offset;
};

INDEX kept_at(const struct reduce_dims *d, INDEX i)
{
    INDEX at = d->offset;
    for (int k = KRANK - 1; k > 0; k--) {
        INDEX q = i / d->kept_shape[k];
        at += (i - q * d->kept_shape[k]) * d->kept_stride[k];
        i = q;
    }
    return at + i * d->kept_stride[0];
}

// Where element i lies, counting over the first `rank` reduced dimensions.
INDEX reduced_at(const struct reduce_dims *d, INDEX i, int rank)
{
    INDEX at = 0;
    for (int k = rank - 1; k > 0; k--) {
        INDEX q = i / d->shape[k];
        at += (i - q * d->shape[k]) * d->stride[k];
        i = q;
    }
    return rank > 0 ? at + i * d->stride[0] : at;
}

// FOLD(name, C, IDENTITY, M, FOUR) makes a function that combines by C, and FOUR four by four, what
// M makes of the n elements at p, every step-th; c and k are what M may use. Several accumulators
// make short chains of roundings and of waits.
#if UNIT && LOCAL == 1
#define FOLD(name, C, IDENTITY, M, FOUR)                      \
    A name(global const X *p, INDEX n, INDEX step, A c, A k)  \
    {                                                         \
        A16 s0 = (A16)(IDENTITY), s1 = s0, s2 = s0, s3 = s0;  \
        INDEX i = 0;                                          \
        for (; i + 64 <= n; i += 64) {                        \
            A16 v0 = VGET(p + i), v1 = VGET(p + i + 16);      \
            A16 v2 = VGET(p + i + 32), v3 = VGET(p + i + 48); \
            v0 = M(A16, v0, c, k), v1 = M(A16, v1, c, k);     \
            v2 = M(A16, v2, c, k), v3 = M(A16, v3, c, k);     \
            FOUR(C, v0, v1, v2, v3);                          \
        }                                                     \
        for (; i + 16 <= n; i += 16) {                        \
            A16 v0 = VGET(p + i);                             \
            v0 = M(A16, v0, c, k);                            \
            s0 = C(s0, v0);                                   \
        }                                                     \
        A rest = IDENTITY;                                    \
        for (; i < n; i++) {                                  \
            A v = GET(p + i);                                 \
            v = M(A, v, c, k);                                \
            rest = C(rest, v);                                \
        }                                                     \
        s0 = C(s0, s1), s2 = C(s2, s3), s0 = C(s0, s2);       \
        A8 s8 = C(s0.lo, s0.hi);                              \
        A4 s4 = C(s8.lo, s8.hi);                              \
        A2 s = C(s4.lo, s4.hi);                               \
        A all_ = C(s.x, s.y);                                 \
        return C(all_, rest);                                 \
    }
#else
#define FOLD(name, C, IDENTITY, M, FOUR)                                                        \
    A name(global const X *p, INDEX n, INDEX step, A c, A k)                                    \
    {                                                                                           \
        A s0 = IDENTITY, s1 = s0, s2 = s0, s3 = s0;                                             \
        INDEX i = 0;                                                                            \
        for (; i + 4 <= n; i += 4) {                                                            \
            A v0 = GET(p + i * step), v1 = GET(p + (i + 1) * step);                             \
            A v2 = GET(p + (i + 2) * step), v3 = GET(p + (i + 3) * step);                       \
            v0 = M(A, v0, c, k), v1 = M(A, v1, c, k), v2 = M(A, v2, c, k), v3 = M(A, v3, c, k); \
            FOUR(C, v0, v1, v2, v3);                                                            \
        }                                                                                       \
        for (; i < n; i++) {                                                                    \
            A v = GET(p + i * step);                                                            \
            v = M(A, v, c, k);                                                                  \
            s0 = C(s0, v);                                                                      \
        }                                                                                       \
        s0 = C(s0, s1), s2 = C(s2, s3);                                                         \
        return C(s0, s2);                                                                       \
    }
#endif

// Loops over `mine` columns that lie LOCAL apart: 16 at a time where one item has them all, with
// VBODY, then one at a time with BODY.
#if LOCAL == 1
#define EACH_COLUMN(mine, VBODY, BODY)    \
    {                                     \
        INDEX j = 0;                      \
        for (; j + 16 <= (mine); j += 16) \
            VBODY;                        \
        for (; j < (mine); j++)           \
            BODY;                         \
    }
#else
#define EACH_COLUMN(mine, VBODY, BODY) \
    for (INDEX j = 0; j < (mine); j++) \
        BODY;
#endif

// One or 16 columns of the rows at p0 .. p3.
#define FOUR_NUMBERS(FOUR, M)                                 \
    {                                                         \
        A v0 = GET(p0 + j * LOCAL), v1 = GET(p1 + j * LOCAL); \
        A v2 = GET(p2 + j * LOCAL), v3 = GET(p3 + j * LOCAL); \
        v0 = M(A, v0, c[j], k[j]), v1 = M(A, v1, c[j], k[j]); \
        v2 = M(A, v2, c[j], k[j]), v3 = M(A, v3, c[j], k[j]); \
        FOUR(acc[j], v0, v1, v2, v3);                         \
    }
#define FOUR_VECTORS(FOUR, M)                                  \
    {                                                          \
        A16 v0 = VGET(p0 + j);                                 \
        A16 v1 = VGET(p1 + j);                                 \
        A16 v2 = VGET(p2 + j);                                 \
        A16 v3 = VGET(p3 + j);                                 \
        A16 s = vload16(0, acc + j);                           \
        v0 = M(A16, v0, vload16(0, c + j), vload16(0, k + j)); \
        v1 = M(A16, v1, vload16(0, c + j), vload16(0, k + j)); \
        v2 = M(A16, v2, vload16(0, c + j), vload16(0, k + j)); \
        v3 = M(A16, v3, vload16(0, c + j), vload16(0, k + j)); \
        FOUR(s, v0, v1, v2, v3);                               \
        vstore16(s, 0, acc + j);                               \
    }

// Likewise of rows begin .. end-1, into acc[j] for each of `mine` columns.
#define FOLD_COLUMNS(name, C, M, FOUR)                                                            \
    void name(A *restrict acc, const A *restrict c, const A *restrict k,                          \
              const struct reduce_dims *d, global const X *x, INDEX begin, INDEX end, INDEX mine) \
    {                                                                                             \
        INDEX i = begin;                                                                          \
        for (; i + 4 <= end; i += 4) {                                                            \
            global const X *p0 = x + reduced_at(d, i, RRANK);                                     \
            global const X *p1 = x + reduced_at(d, i + 1, RRANK);                                 \
            global const X *p2 = x + reduced_at(d, i + 2, RRANK);                                 \
            global const X *p3 = x + reduced_at(d, i + 3, RRANK);                                 \
            EACH_COLUMN(mine, FOUR_VECTORS(FOUR, M), FOUR_NUMBERS(FOUR, M))                       \
        }                                                                                         \
        for (; i < end; i++) {                                                                    \
            global const X *p = x + reduced_at(d, i, RRANK);                                      \
            for (INDEX j = 0; j < mine; j++) {                                                    \
                A v = GET(p + j * LOCAL);                                                         \
                v = M(A, v, c[j], k[j]);                                                          \
                acc[j] = C(acc[j], v);                                                            \
            }                                                                                     \
        }                                                                                         \
    }

// Sets values[0 .. mine-1].
#define FILL(values, value)          \
    for (INDEX j = 0; j < mine; j++) \
    (values)[j] = (value)

// From here on, for each kind of state:
//   add_block(s, p, n, step, at, a, k): n elements, every step-th of p, the first of which has the
//       number `at`, the next that LOCAL later. k is the output's first element.
//   struct columns, add_rows(s, w, d, x, begin, end, mine, a): rows of columns; w is room.
//   join(s, o): what s stands for and then what o stands for.

#if defined SUM
struct state {
    A sum, lost;
};
#define EMPTY \
    {         \
        0, 0  \
    }
FOLD(fold, PLUS, (A)0, MAP, APART)
FOLD_COLUMNS(fold_columns, PLUS, MAP, FOUR_PLUS)
void join(struct state *s, struct state o)
{
    ADD(A, s->sum, s->lost, o.sum)
}
void add_block(struct state *s, global const X *p, INDEX n, INDEX step, INDEX at, A a, A k)
{
    struct state o = {fold(p, n, step, a, k), 0};
    join(s, o);
}

#elif defined PROD || defined MAX || defined MIN
struct state {
    A value;
};
#if defined PROD
#define COMBINE   TIMES
#define IDENTITY  ((A)1)
#define FOLD_FOUR APART
#define TREE      FOUR_TIMES
#elif defined MAX
#define COMBINE  LARGER
#define IDENTITY LOWEST
#else
#define COMBINE  SMALLER
#define IDENTITY HIGHEST
#endif
#ifndef PROD
#define FOLD_FOUR BEST_APART
#define TREE      FOUR_BEST
#endif
#define EMPTY    \
    {            \
        IDENTITY \
    }
FOLD(fold, COMBINE, IDENTITY, MAP, FOLD_FOUR)
FOLD_COLUMNS(fold_columns, COMBINE, MAP, TREE)
void join(struct state *s, struct state o)
{
    s->value = COMBINE(s->value, o.value);
}
void add_block(struct state *s, global const X *p, INDEX n, INDEX step, INDEX at, A a, A k)
{
    struct state o = {fold(p, n, step, a, k)};
    join(s, o);
}

#elif defined ARGMAX || defined ARGMIN
// `at` < 0: nothing yet. Of equal ones the first counts.
struct state {
    A value;
    INDEX at;
};
#define EMPTY \
    {         \
        0, -1 \
    }
#ifdef ARGMAX
FOLD(fold, LARGER, LOWEST, SAME, BEST_APART)
#else
FOLD(fold, SMALLER, HIGHEST, SAME, BEST_APART)
#endif
void join(struct state *s, struct state o)
{
    bool beyond = BEYOND(o.value, s->value) || (IS_NAN(o.value) && !IS_NAN(s->value));
    bool same = o.value == s->value || (IS_NAN(o.value) && IS_NAN(s->value));
    if (o.at >= 0 && (s->at < 0 || beyond || (same && o.at < s->at)))
        *s = o;
}
// A block is searched for its best element only where that is better than what there was.
void add_block(struct state *s, global const X *p, INDEX n, INDEX step, INDEX at, A a, A k)
{
    struct state o = {fold(p, n, step, a, k), at};
    if (s->at >= 0 && !BEYOND(o.value, s->value) && (!IS_NAN(o.value) || IS_NAN(s->value)))
        return;
    INDEX i = 0;
    while (i < n - 1 && GET(p + i * step) != o.value && !IS_NAN(GET(p + i * step)))
        i++;
    o.at = at + i * LOCAL;
    *s = o;
}

#elif defined VAR
// Elements, their mean less k, and the sum of the squares of their distances from the mean. Taking
// k, the output's first element, off everything leaves small numbers where all of x is far from 0.
struct state {
    INDEX n;
    A mean, square;
};
#define EMPTY   \
    {           \
        0, 0, 0 \
    }
#define FROM_FIRST(T, v, c, k) ((v) - (k))
#define FROM_MEAN2(T, v, c, k) (((v) - (k) - (c)) * ((v) - (k) - (c)))
FOLD(fold, PLUS, (A)0, FROM_FIRST, APART)
FOLD(fold_square, PLUS, (A)0, FROM_MEAN2, APART)
FOLD_COLUMNS(fold_columns, PLUS, FROM_FIRST, FOUR_PLUS)
FOLD_COLUMNS(fold_square_columns, PLUS, FROM_MEAN2, FOUR_PLUS)
// Chan, Golub and LeVeque 1979.
void join(struct state *s, struct state o)
{
    INDEX n = s->n + o.n;
    A part = n ? (A)o.n / (A)n : 0, apart = o.mean - s->mean;
    s->mean += apart * part;
    s->square += o.square + apart * apart * ((A)s->n * part);
    s->n = n;
}
void add_block(struct state *s, global const X *p, INDEX n, INDEX step, INDEX at, A a, A k)
{
    struct state o = {n, fold(p, n, step, 0, k) / (A)n, 0};
    o.square = fold_square(p, n, step, o.mean, k);
    join(s, o);
}

#elif defined LOG_SUM_EXP
// The largest element and the sum of exp(x - largest).
struct state {
    A top, sum;
};
#define EMPTY     \
    {             \
        LOWEST, 0 \
    }
// A term of the sum. Where the largest is infinite, 0 is taken off in its place and elements above
// it count as 0: then the sum shows only whether there was NaN, which `top` passes by.
#define BASE(top)            (fabs(top) == (A)INFINITY ? (A)0 : (top))
#define NO_MORE(v)           ((v) > (A)0 ? (A)0 : (v))
#define EXP_FROM(T, v, c, k) (CAT(exp_near_, T)(NO_MORE((v) - (c))))
FOLD(fold, BETTER, LOWEST, SAME, APART)
FOLD(fold_exp, PLUS, (A)0, EXP_FROM, APART)
void join(struct state *s, struct state o)
{
    A top = BETTER(s->top, o.top), from = BASE(top);
    s->sum = s->sum * EXP_FROM(A, s->top, from, 0) + o.sum * EXP_FROM(A, o.top, from, 0);
    s->top = top;
}
void add_block(struct state *s, global const X *p, INDEX n, INDEX step, INDEX at, A a, A k)
{
    struct state o = {fold(p, n, step, 0, k), 0};
    o.sum = fold_exp(p, n, step, BASE(o.top), k);
    join(s, o);
}
static inline A log_of(struct state s)
{
    return isinf(s.top) ? s.top + (s.sum - s.sum) : log(s.sum) + s.top;
}
#endif

#ifndef RESULT
#if defined SUM
#define RESULT(s) ((s).sum)
#elif defined ARGMAX || defined ARGMIN
#define RESULT(s) ((s).at)
#elif defined VAR
#define RESULT(s) ((s).square / fmax((A)(s).n - a, (A)0))
#elif defined LOG_SUM_EXP
#define RESULT(s) log_of(s)
#else
#define RESULT(s) ((s).value)
#endif
#endif
#endif
