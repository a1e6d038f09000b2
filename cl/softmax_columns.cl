// softmax and log_softmax, and their gradients, where rows lie side by side: a task is a few of
// them, the columns. The formulas are in softmax.cl.
//
//   softmax_columns                             a task has its columns' elements whole
//   softmax_column_stats, softmax_column_apply  long columns in parts: their sums, then the results
//
//   LOG, GRAD     what is computed
//   STATS, APPLY  only the kernel of this name is made; else softmax_columns
//   T             type that is computed in [float]
//   X             type in memory (elements.h) [float]
//   LOCAL         work-items of a group, a power of two [1]
//   WIDTH         columns of a task at most [1024]
#include "elements.h"

#ifndef T
#define T float
#endif
#ifndef X
#define X float
#endif
#ifndef LOCAL
#define LOCAL 1
#endif
#ifndef WIDTH
#define WIDTH 1024
#endif
// lint: -DVIEWS=2
// lint: -DVIEWS=2 -DX=half -DINDEX=long
// lint: -DVIEWS=2 -DX=double -DT=double -DUSE_F64 -DINDEX=long
// lint: -DLOG -DLOCAL=8 -DWIDTH=8
// lint: -DGRAD -DVIEWS=3
// lint: -DGRAD -DVIEWS=3 -DX=double -DT=double -DUSE_F64 -DLOCAL=64 -DWIDTH=64
// lint: -DGRAD -DLOG -DVIEWS=3
// lint: -DSTATS -DVIEWS=2
// lint: -DAPPLY -DVIEWS=2
// lint: -DSTATS -DGRAD -DVIEWS=3 -DLOCAL=8 -DWIDTH=8
// lint: -DAPPLY -DGRAD -DVIEWS=3 -DLOCAL=8 -DWIDTH=8
#include "exp.h"

#define T16        CAT(T, 16)
#define CONVERT(v) CAT(convert_, T16)(v)
// NaN is left to the sum, which it reaches all the same.
#define LARGER(a, b) ((b) > (a) ? (b) : (a))
#ifdef LOG
#define SCALE(sum) log(sum)
#else
#define SCALE(sum) ((T)1 / (sum))
#endif

enum { MINE = WIDTH / LOCAL };

// Loops over this item's columns: 16 at a time where one item has them all, then one by one.
#if LOCAL == 1
#define EACH_COLUMN(BODY)                  \
    {                                      \
        INDEX j = 0;                       \
        for (; j + 16 <= w->mine; j += 16) \
            BODY(T16, VREAD, VPUT, VAT)    \
        for (; j < w->mine; j++)           \
            BODY(T, READ, PUT, SAT)        \
    }
#else
#define EACH_COLUMN(BODY)               \
    for (INDEX j = 0; j < w->mine; j++) \
        BODY(T, READ, PUT, SAT)
#endif
#define READ(p)     ((T)LOAD(X, (p) + j * LOCAL))
#define VREAD(p)    CONVERT(LOAD_N(X, 16, (p) + j))
#define SAT(a)      (a)[j]
#define VAT(a)      vload16(0, (a) + j)
#define STAT_SAT(a) (a)[j * LOCAL]
#define STAT_VAT(a) vload16(0, (a) + j)
#define PUT(a, v)   (a)[j] = (v)
#define VPUT(a, v)  vstore16(v, 0, (a) + j)
#define OUT_float   STORE(X, v, yi + j * LOCAL)
#define OUT_double  STORE(X, v, yi + j * LOCAL)
#define OUT_float16 STORE_N(X, 16, v, yi + j)
#define OUT_double16 STORE_N(X, 16, v, yi + j)

// Eight rows, or one: where the largest element grows, the sum so far is scaled down.
#define TERM(V, v)   CAT(exp_near_, V)(v)
#define BASE(V, top) ((top) == -(V)INFINITY ? (V)0 : (top))
#define ADD_ROWS(V, N, READ, PUT, AT_)               \
    {                                                \
        V v[N], old = AT_(w->top), new = old;        \
        for (int r = 0; r < N; r++) {                \
            v[r] = READ(xi + r * x_step);            \
            new = LARGER(new, v[r]);                 \
        }                                            \
        V from = BASE(V, new);                       \
        V total = AT_(w->sum) * TERM(V, old - from); \
        for (int r = 0; r < N; r++)                  \
            total += TERM(V, v[r] - from);           \
        PUT(w->top, new);                            \
        PUT(w->sum, total);                          \
    }
#define ADD_EIGHT(V, READ, PUT, AT_) ADD_ROWS(V, 8, READ, PUT, AT_)
#define ADD_ONE(V, READ, PUT, AT_)   ADD_ROWS(V, 1, READ, PUT, AT_)

// What another part has for its largest elements and sums.
#ifdef GRAD
#define JOIN(V, READ, PUT, AT_) PUT(w->sum, AT_(w->sum) + STAT_##AT_(sums));
#else
#define JOIN(V, READ, PUT, AT_)                                                                   \
    {                                                                                             \
        V old = AT_(w->top), more = STAT_##AT_(tops), new = LARGER(old, more);                    \
        V from = BASE(V, new);                                                                    \
        PUT(w->sum, AT_(w->sum) * TERM(V, old - from) + STAT_##AT_(sums) * TERM(V, more - from)); \
        PUT(w->top, new);                                                                         \
    }
#endif
#ifdef LOG
#define ADD_TERM(V, READ, PUT, AT_) PUT(w->sum, AT_(w->sum) + READ(gi));
#else
#define ADD_TERM(V, READ, PUT, AT_) PUT(w->sum, AT_(w->sum) + READ(xi) * READ(gi));
#endif
#if defined GRAD && defined LOG
#define RESULT(V, READ, AT_) (READ(gi) - CAT(exp_below_, V)(READ(xi)) * AT_(w->sum))
#elif defined GRAD
#define RESULT(V, READ, AT_) (READ(xi) * (READ(gi) - AT_(w->sum)))
#elif defined LOG
#define RESULT(V, READ, AT_) (READ(xi) - AT_(w->top) - AT_(w->sum))
#else
#define RESULT(V, READ, AT_) (CAT(exp_below_, V)(READ(xi) - AT_(w->top)) * AT_(w->sum))
#endif
#define WRITE(V, READ, PUT, AT_)    \
    {                               \
        V v = RESULT(V, READ, AT_); \
        CAT(OUT_, V);               \
    }

// The columns of an item, as many as it has of them, and where they begin.
struct columns {
    T top[MINE], sum[MINE];
    INDEX mine;
    global const X *x, *g;
    global X *y;
};

// The last of the walked dimensions has `columns` elements that lie side by side; task `whole` has
// `width` of them. Returns the first one's number.
static inline INDEX find_columns(struct columns *w, INDEX whole, INDEX columns, INDEX width,
                          const struct dims *d, global const X *x, global const X *g, global X *y)
{
    INDEX pieces = (columns + width - 1) / width, item = (INDEX)get_local_id(0);
    INDEX outer = whole / pieces, column = (whole - outer * pieces) * width;
    INDEX n = min(width, columns - column), o = outer * columns + column + min(item, n - 1);
    w->mine = (n - item + LOCAL - 1) / LOCAL;
    w->x = x + dims_at(d, 0, o, RANK);
    w->y = y + dims_at(d, VIEWS - 1, o, RANK);
    w->g = VIEWS > 2 ? g + dims_at(d, 1, o, RANK) : 0;
    for (INDEX j = 0; j < w->mine; j++) {
        w->top[j] = -(T)INFINITY;
        w->sum[j] = 0;
    }
    return o;
}

// The largest elements and the sums of the rows begin .. end-1.
static inline void add_rows(struct columns *w, INDEX begin, INDEX end, INDEX x_step, INDEX g_step)
{
    INDEX i = begin;
#ifdef GRAD
    for (; i < end; i++) {
        global const X *gi = w->g + i * g_step;
#ifndef LOG
        global const X *xi = w->x + i * x_step;
#endif
        EACH_COLUMN(ADD_TERM)
    }
#else
    for (; i + 8 <= end; i += 8) {
        global const X *xi = w->x + i * x_step;
        EACH_COLUMN(ADD_EIGHT)
    }
    for (; i < end; i++) {
        global const X *xi = w->x + i * x_step;
        EACH_COLUMN(ADD_ONE)
    }
#endif
}

static inline void join_part(struct columns *w, global const T *tops, global const T *sums)
{
    EACH_COLUMN(JOIN)
}

// The results. Of sums only what is taken off or multiplied is left.
static inline void write_rows(struct columns *w, INDEX begin, INDEX end, INDEX x_step, INDEX g_step,
                       INDEX y_step)
{
#ifndef GRAD
    for (INDEX j = 0; j < w->mine; j++)
        w->sum[j] = SCALE(w->sum[j]);
#endif
    for (INDEX i = begin; i < end; i++) {
        global const X *xi = w->x + i * x_step;
        global X *yi = w->y + i * y_step;
#ifdef GRAD
        global const X *gi = w->g + i * g_step;
#endif
        EACH_COLUMN(WRITE)
    }
}

#if defined STATS
// stat[2 * p * outputs + o] is the largest element of part p of column o, and `outputs` later lies
// the sum.
kernel void softmax_column_stats(INDEX first, INDEX last, INDEX columns, INDEX width, INDEX n,
                                 INDEX outputs, INDEX parts, INDEX part, INDEX x_step, INDEX g_step,
                                 INDEX y_step, const struct dims d, global const X *restrict x,
                                 global const X *restrict g, global T *restrict stat)
{
    struct columns w;
    FOR_TASKS(t)
    {
        INDEX whole = t / parts, p = t - whole * parts;
        INDEX o = find_columns(&w, whole, columns, width, &d, x, g, 0);
        add_rows(&w, p * part, min(n - p * part, part) + p * part, x_step, g_step);
        for (INDEX j = 0; j < w.mine; j++) {
            stat[2 * p * outputs + o + j * LOCAL] = w.top[j];
            stat[(2 * p + 1) * outputs + o + j * LOCAL] = w.sum[j];
        }
    }
}
#elif defined APPLY
// The last parts come first: they are the likeliest to be still in a cache.
kernel void softmax_column_apply(INDEX first, INDEX last, INDEX columns, INDEX width, INDEX n,
                                 INDEX outputs, INDEX parts, INDEX part, INDEX x_step, INDEX g_step,
                                 INDEX y_step, const struct dims d, global const X *restrict x,
                                 global const X *restrict g, global const T *restrict stat,
                                 global X *restrict y)
{
    struct columns w;
    FOR_TASKS(t)
    {
        INDEX whole = t / parts, p = parts - 1 - (t - whole * parts);
        INDEX o = find_columns(&w, whole, columns, width, &d, x, g, y);
        for (INDEX i = 0; i < parts; i++)
            join_part(&w, stat + 2 * i * outputs + o, stat + (2 * i + 1) * outputs + o);
        write_rows(&w, p * part, min(n - p * part, part) + p * part, x_step, g_step, y_step);
    }
}
#else
kernel void softmax_columns(INDEX first, INDEX last, INDEX columns, INDEX width, INDEX n,
                            INDEX x_step, INDEX g_step, INDEX y_step, const struct dims d,
                            global const X *restrict x, global const X *restrict g,
                            global X *restrict y)
{
    struct columns w;
    FOR_TASKS(t)
    {
        find_columns(&w, t, columns, width, &d, x, g, y);
        add_rows(&w, 0, n, x_step, g_step);
        write_rows(&w, 0, n, x_step, g_step, y_step);
    }
}
#endif
