// Sums from the beginning of a row up to each of its elements. A row's n elements lie `step`s
// apart; to sum from the end, steps are negative. What came before a block of elements is carried
// with a compensation (Kahan, 1965).
//
//   scan_rows     a task is a row, or one of the parts of a row, of which scan_sums made the sums
//   scan_columns  rows that lie side by side; a task is WIDTH of them, or a part of these, of which
//                 scan_column_sums made the sums
//
//   COLUMNS, SUMS  only the kernel of this name is made; else scan_rows
//   UNIT           the step of all tensors if it is 1 or -1, else 0 [0]
//   T              type that is computed in [float]; INTEGER if it is one
//   X, Y           types of x and y in memory (elements.h) [float]
//   LOCAL          work-items of a group, a power of two [1]
//   WIDTH          columns of a task [256]
//   BLOCK          elements that are added before the compensation in scan_sums
#include "elements.h"

#ifndef T
#define T float
#endif
#ifndef X
#define X float
#define Y float
#endif
#ifndef UNIT
#define UNIT 0
#endif
#ifndef LOCAL
#define LOCAL 1
#endif
#ifndef WIDTH
#define WIDTH 256
#endif
// lint: -DUNIT=1 -DVIEWS=2
// lint: -DUNIT=-1 -DVIEWS=2
// lint: -DUNIT=1 -DSUMS -DVIEWS=2
// lint: -DUNIT=1 -DVIEWS=2 -DT=double -DX=double -DY=double -DUSE_F64 -DINDEX=long
// lint: -DLOCAL=8 -DVIEWS=2
// lint: -DLOCAL=8 -DVIEWS=2 -DT=long -DX=char -DY=long -DINTEGER
// lint: -DLOCAL=8 -DSUMS -DVIEWS=2
// lint: -DCOLUMNS -DVIEWS=2
// lint: -DCOLUMNS -DVIEWS=2 -DX=half -DY=half -DWIDTH=64 -DLOCAL=64 -DINDEX=long
// lint: -DCOLUMNS -DSUMS -DVIEWS=2
// lint: -DCOLUMNS -DVIEWS=2 -DT=double -DX=double -DY=double -DUSE_F64
#define BLOCK (LOCAL > 1 ? 4 * LOCAL : UNIT ? 256 : 64)

#define T16      CAT(T, 16)
#include "kahan.h"

#define GET(p)   ((T)LOAD(X, p))
#define VGET(p)  (CAT(convert_, T16)(LOAD_N(X, 16, p)))
#define BACK(v)  ((v).sfedcba9876543210)

struct carry {
    T sum, lost;
};

static inline struct carry put(struct carry c, T v)
{
    ADD(T, c.sum, c.lost, v)
    return c;
}

#if defined COLUMNS
enum { MINE = WIDTH / LOCAL };

// The columns of an item: the first one's number, how many it has, and where they lie.
struct columns {
    INDEX o, mine;
    T sum[MINE], lost[MINE];
};

// The last of the walked dimensions has `columns` elements that lie side by side.
static inline void find_columns(struct columns *w, INDEX whole, INDEX columns)
{
    INDEX pieces = (columns + WIDTH - 1) / WIDTH, item = (INDEX)get_local_id(0);
    INDEX outer = whole / pieces, column = (whole - outer * pieces) * WIDTH;
    INDEX width = min((INDEX)WIDTH, columns - column);
    w->o = outer * columns + column + min(item, width - 1);
    w->mine = (width - item + LOCAL - 1) / LOCAL;
    for (INDEX j = 0; j < w->mine; j++)
        w->sum[j] = w->lost[j] = 0;
}

// 16 columns at a time: ADDEND makes v, what is added, and THEN may use the sums s up to there.
#if LOCAL == 1
#define VECTORS(ADDEND, THEN)                   \
    for (; j + 16 <= w->mine; j += 16) {        \
        T16 s = vload16(0, w->sum + j);         \
        T16 l = vload16(0, w->lost + j), v = 0; \
        ADDEND;                                 \
        ADD(T16, s, l, v)                       \
        vstore16(s, 0, w->sum + j);             \
        vstore16(l, 0, w->lost + j);            \
        THEN;                                   \
    }
#else
#define VECTORS(ADDEND, THEN)
#endif

static inline void add_row(struct columns *w, global const X *x)
{
    INDEX j = 0;
    VECTORS(v = VGET(x + j), )
    for (; j < w->mine; j++)
        ADD(T, w->sum[j], w->lost[j], GET(x + j * LOCAL))
}

#ifdef SUMS
static inline void add_four_rows(struct columns *w, global const X *x, INDEX step)
{
    INDEX j = 0;
    VECTORS(for (int r = 0; r < 4; r++) v += VGET(x + r * step + j), )
    for (; j < w->mine; j++) {
        T v = 0;
        for (int r = 0; r < 4; r++)
            v += GET(x + r * step + j * LOCAL);
        ADD(T, w->sum[j], w->lost[j], v)
    }
}

// sums[p * outputs + o] of part p of column o; of the last part none is wanted.
kernel void scan_column_sums(INDEX first, INDEX last, INDEX columns, INDEX n, INDEX outputs,
                             INDEX parts, INDEX part, INDEX x_step, INDEX y_step,
                             const struct dims d, global const X *restrict x,
                             global T *restrict sums)
{
    struct columns w;
    FOR_TASKS(t)
    {
        INDEX whole = t / (parts - 1), p = t - whole * (parts - 1), i = p * part;
        find_columns(&w, whole, columns);
        global const X *xs = x + dims_at(&d, 0, w.o, RANK);
        for (; i + 4 <= (p + 1) * part; i += 4)
            add_four_rows(&w, xs + i * x_step, x_step);
        for (; i < (p + 1) * part; i++)
            add_row(&w, xs + i * x_step);
        for (INDEX j = 0; j < w.mine; j++)
            sums[p * outputs + w.o + j * LOCAL] = w.sum[j];
    }
}
#else
kernel void scan_columns(INDEX first, INDEX last, INDEX columns, INDEX n, INDEX outputs,
                         INDEX parts, INDEX part, INDEX x_step, INDEX y_step, const struct dims d,
                         global const X *restrict x, global const T *restrict sums,
                         global Y *restrict y)
{
    struct columns w_, *w = &w_;
    FOR_TASKS(t)
    {
        INDEX whole = t / parts, p = t - whole * parts;
        find_columns(w, whole, columns);
        global const X *xs = x + dims_at(&d, 0, w->o, RANK);
        global Y *ys = y + dims_at(&d, 1, w->o, RANK);
        for (INDEX i = 0; i < p; i++) {
            for (INDEX j = 0; j < w->mine; j++)
                ADD(T, w->sum[j], w->lost[j], sums[i * outputs + w->o + j * LOCAL])
        }
        for (INDEX i = p * part; i < min(n - p * part, part) + p * part; i++) {
            INDEX j = 0;
            VECTORS(v = VGET(xs + i * x_step + j), STORE_N(Y, 16, s, ys + i * y_step + j))
            for (; j < w->mine; j++) {
                ADD(T, w->sum[j], w->lost[j], GET(xs + i * x_step + j * LOCAL))
                STORE(Y, w->sum[j], ys + i * y_step + j * LOCAL);
            }
        }
    }
}
#endif

#elif defined SUMS
// The sum of a block of elements at p.
T block_sum(global const X *p, INDEX n, INDEX step)
{
    INDEX i = (INDEX)get_local_id(0);
    T sum = 0;
#if UNIT && LOCAL == 1
    T16 sums[4] = {0, 0, 0, 0};
    for (; i + 64 <= n; i += 64) {
        for (int k = 0; k < 4; k++)
            sums[k] += VGET(UNIT > 0 ? p + i + 16 * k : p - i - 16 * k - 15);
    }
    for (; i + 16 <= n; i += 16)
        sums[0] += VGET(UNIT > 0 ? p + i : p - i - 15);
    sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    CAT(T, 8) s8 = sums[0].lo + sums[0].hi;
    CAT(T, 4) s4 = s8.lo + s8.hi;
    sum = (s4.x + s4.y) + (s4.z + s4.w);
    step = UNIT;
#endif
    for (; i < n; i += LOCAL)
        sum += GET(p + i * step);
    return sum;
}

// sums[row * parts + p] of part p of each row.
kernel void scan_sums(INDEX first, INDEX last, INDEX n, INDEX parts, INDEX part, INDEX x_step,
                      INDEX y_step, const struct dims d, global const X *restrict x,
                      global T *restrict sums)
{
    local T shared[LOCAL];
    INDEX item = (INDEX)get_local_id(0);
    FOR_TASKS(t)
    {
        INDEX row = t / parts, begin = (t - row * parts) * part, m = min(n - begin, part);
        global const X *p = x + dims_at(&d, 0, row, RANK) + begin * x_step;
        struct carry c = {0, 0};
        for (INDEX b = 0; b < m; b += BLOCK)
            c = put(c, block_sum(p + b * x_step, min(m - b, (INDEX)BLOCK), x_step));
        shared[item] = c.sum;
        for (int half_ = LOCAL / 2; half_ > 0; half_ /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            if (item < half_)
                shared[item] += shared[item + half_];
        }
        if (item == 0)
            sums[t] = shared[0];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

#else
#if UNIT && LOCAL == 1
// Each element and those before it in v.
static inline T16 prefix(T16 v)
{
    v += (T16)(0, v.s01234567, v.s89ab, v.scde);
    v += (T16)(0, 0, v.s01234567, v.s89ab, v.scd);
    v += (T16)(0, 0, 0, 0, v.s01234567, v.s89ab);
    v += (T16)(0, 0, 0, 0, 0, 0, 0, 0, v.s01234567);
    return v;
}

// 64 at a time, so that what is carried is waited for once in four vectors.
struct carry scan_part(struct carry c, global const X *p, INDEX x_step, global Y *q, INDEX y_step,
                       INDEX n, local T *shared)
{
    INDEX i = 0;
    for (; i + 64 <= n; i += 64) {
        T16 v[4];
        for (int k = 0; k < 4; k++)
            v[k] = prefix(UNIT > 0 ? VGET(p + i + 16 * k) : BACK(VGET(p - i - 16 * k - 15)));
        v[1] += v[0].sf;
        v[3] += v[2].sf;
        v[2] += v[1].sf;
        v[3] += v[1].sf;
        for (int k = 0; k < 4; k++) {
            T16 sum = (v[k] - c.lost) + c.sum;
            if (UNIT > 0)
                STORE_N(Y, 16, sum, q + i + 16 * k);
            else
                STORE_N(Y, 16, BACK(sum), q - i - 16 * k - 15);
        }
        c = put(c, v[3].sf);
    }
    for (; i < n; i++) {
        c = put(c, GET(p + i * UNIT));
        STORE(Y, c.sum, q + i * UNIT);
    }
    return c;
}
#elif LOCAL == 1
struct carry scan_part(struct carry c, global const X *p, INDEX x_step, global Y *q, INDEX y_step,
                       INDEX n, local T *shared)
{
    for (INDEX i = 0; i < n; i++) {
        c = put(c, GET(p + i * x_step));
        STORE(Y, c.sum, q + i * y_step);
    }
    return c;
}
#else
// LOCAL elements at a time, which the items add up in steps of 1, 2, 4, ...
struct carry scan_part(struct carry c, global const X *p, INDEX x_step, global Y *q, INDEX y_step,
                       INDEX n, local T *shared)
{
    INDEX item = (INDEX)get_local_id(0);
    for (INDEX b = 0; b < n; b += LOCAL) {
        INDEX i = b + item;
        T v = i < n ? GET(p + i * x_step) : (T)0;
        shared[item] = v;
        for (int apart = 1; apart < LOCAL; apart *= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            T other = item >= apart ? shared[item - apart] : (T)0;
            barrier(CLK_LOCAL_MEM_FENCE);
            v += other;
            shared[item] = v;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (i < n)
            STORE(Y, c.sum + (v - c.lost), q + i * y_step);
        c = put(c, shared[LOCAL - 1]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    return c;
}
#endif

// Part p of each row; sums has those of the parts. A task is `each` of them.
kernel void scan_rows(INDEX first, INDEX last, INDEX n, INDEX parts, INDEX part, INDEX all_,
                      INDEX each, INDEX x_step, INDEX y_step, const struct dims d,
                      global const X *restrict x, global const T *restrict sums,
                      global Y *restrict y)
{
    local T shared[LOCAL];
    FOR_TASKS(task)
    for (INDEX t = task * each; t < min(all_ - task * each, each) + task * each; t++) {
        INDEX row = t / parts, begin = (t - row * parts) * part;
        struct carry c = {0, 0};
        for (INDEX i = row * parts; i < t; i++)
            c = put(c, sums[i]);
        scan_part(c, x + dims_at(&d, 0, row, RANK) + begin * x_step, x_step,
                  y + dims_at(&d, 1, row, RANK) + begin * y_step, y_step, min(n - begin, part),
                  shared);
    }
}
#endif
