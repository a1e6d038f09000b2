// softmax and log_softmax, and their gradients, where rows lie side by side: a task is WIDTH of
// them, the columns. The formulas are in softmax.cl.
//
//   LOG, GRAD  what is computed
//   T          type that is computed in [float]
//   X          type in memory (elements.h) [float]
//   LOCAL      work-items of a group, a power of two [1]
//   WIDTH      columns of a task [512]
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
#define WIDTH 512
#endif
// lint: -DVIEWS=2
// lint: -DLOG -DLOCAL=8 -DWIDTH=8
// lint: -DGRAD -DVIEWS=3
// lint: -DGRAD -DLOG -DVIEWS=3
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
#define EACH_COLUMN(BODY)                \
    {                                    \
        INDEX j = 0;                     \
        for (; j + 16 <= mine; j += 16)  \
            BODY(T16, VREAD, VPUT, VAT)  \
        for (; j < mine; j++)            \
            BODY(T, READ, PUT, SAT)      \
    }
#else
#define EACH_COLUMN(BODY)               \
    for (INDEX j = 0; j < mine; j++)    \
        BODY(T, READ, PUT, SAT)
#endif
#define READ(p)     ((T)LOAD(X, (p) + j * LOCAL))
#define VREAD(p)    CONVERT(LOAD_N(X, 16, (p) + j))
#define SAT(a)      (a)[j]
#define VAT(a)      vload16(0, (a) + j)
#define PUT(a, v)   (a)[j] = (v)
#define VPUT(a, v)  vstore16(v, 0, (a) + j)
#define OUT_float   STORE(X, v, yi + j * LOCAL)
#define OUT_double  STORE(X, v, yi + j * LOCAL)
#define OUT_float16 STORE_N(X, 16, v, yi + j)
#define OUT_double16 STORE_N(X, 16, v, yi + j)

// Eight rows: where the largest element grows, the sum so far is scaled down.
#define ADD_ROWS(V, READ, PUT, AT_)                                                   \
    {                                                                                 \
        V v[8], old = AT_(top), new = old;                                            \
        for (int r = 0; r < 8; r++) {                                                 \
            v[r] = READ(xi + r * x_step);                                             \
            new = LARGER(new, v[r]);                                                  \
        }                                                                             \
        V from = new == -INFINITY ? (V)0 : new;                                       \
        V total = AT_(sum) * CAT(exp_below_, V)(old - from);                          \
        for (int r = 0; r < 8; r++)                                                   \
            total += CAT(exp_below_, V)(v[r] - from);                                 \
        PUT(top, new);                                                                \
        PUT(sum, total);                                                              \
    }
#define ADD_ROW(V, READ, PUT, AT_)                                                    \
    {                                                                                 \
        V v = READ(xi), old = AT_(top), new = LARGER(old, v);                         \
        V from = new == -INFINITY ? (V)0 : new;                                       \
        PUT(sum, AT_(sum) * CAT(exp_below_, V)(old - from) + CAT(exp_below_, V)(v - from)); \
        PUT(top, new);                                                                \
    }
#ifdef LOG
#define ADD_TERM(V, READ, PUT, AT_) PUT(sum, AT_(sum) + READ(gi));
#else
#define ADD_TERM(V, READ, PUT, AT_) PUT(sum, AT_(sum) + READ(xi) * READ(gi));
#endif
#if defined GRAD && defined LOG
#define RESULT(V, READ, AT_) (READ(gi) - CAT(exp_below_, V)(READ(xi)) * AT_(sum))
#elif defined GRAD
#define RESULT(V, READ, AT_) (READ(xi) * (READ(gi) - AT_(sum)))
#elif defined LOG
#define RESULT(V, READ, AT_) (READ(xi) - AT_(top) - AT_(scale))
#else
#define RESULT(V, READ, AT_) (CAT(exp_below_, V)(READ(xi) - AT_(top)) * AT_(scale))
#endif
#define WRITE(V, READ, PUT, AT_)      \
    {                                 \
        V v = RESULT(V, READ, AT_);   \
        CAT(OUT_, V);                 \
    }

// The last of the walked dimensions has `columns` elements that lie side by side.
kernel void softmax_columns(INDEX first, INDEX last, INDEX columns, INDEX n, INDEX x_step,
                            INDEX g_step, INDEX y_step, const struct dims d,
                            global const X *restrict x, global const X *restrict g,
                            global X *restrict y)
{
    INDEX pieces = (columns + WIDTH - 1) / WIDTH, item = (INDEX)get_local_id(0);
    FOR_TASKS(t)
    {
        INDEX outer = t / pieces, column = (t - outer * pieces) * WIDTH;
        INDEX width = min((INDEX)WIDTH, columns - column);
        INDEX mine = (width - item + LOCAL - 1) / LOCAL;
        INDEX o = outer * columns + column + min(item, width - 1);
        T sum[MINE];
        global const X *xs = x + dims_at(&d, 0, o, RANK);
        global X *ys = y + dims_at(&d, VIEWS - 1, o, RANK);
        for (INDEX j = 0; j < mine; j++)
            sum[j] = 0;
#ifdef GRAD
        global const X *gs = g + dims_at(&d, 1, o, RANK);
        for (INDEX i = 0; i < n; i++) {
            global const X *gi = gs + i * g_step;
#ifndef LOG
            global const X *xi = xs + i * x_step;
#endif
            EACH_COLUMN(ADD_TERM)
        }
#else
        T top[MINE], scale[MINE];
        for (INDEX j = 0; j < mine; j++)
            top[j] = -INFINITY;
        INDEX begin = 0;
        for (; begin + 8 <= n; begin += 8) {
            global const X *xi = xs + begin * x_step;
            EACH_COLUMN(ADD_ROWS)
        }
        for (; begin < n; begin++) {
            global const X *xi = xs + begin * x_step;
            EACH_COLUMN(ADD_ROW)
        }
        for (INDEX j = 0; j < mine; j++)
            scale[j] = SCALE(sum[j]);
#endif
        for (INDEX i = 0; i < n; i++) {
            global const X *xi = xs + i * x_step;
            global X *yi = ys + i * y_step;
#ifdef GRAD
            global const X *gi = gs + i * g_step;
#endif
            EACH_COLUMN(WRITE)
        }
    }
}
