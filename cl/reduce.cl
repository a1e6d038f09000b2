// Reductions: each output is one value of many inputs.
//
// The kept dimensions of x are walked by KRANK strides, the reduced ones by RRANK; y is dense. The
// elements enter a state (reduce_state.h) block by block, always in the same order, so that every
// run gives the same bits. Sums of blocks are collected with a compensation (Kahan, 1965): a large
// sum loses nothing. Where few outputs have many elements each, parts of them leave their states,
// and reduce_join makes one of them.
//
//   SUM, PROD, MAX, MIN, ARGMAX, ARGMIN, VAR or LOG_SUM_EXP  the state
//   MAP(T, v, c, k)  what is made of an element v first; c is the option of the kind [v]
//   RESULT(s)        y of a state; `a` is the option [what the state is for]
//   PARTS            states are written in place of y
//   COLUMNS, JOIN    only the kernel of this name is made; else reduce_rows
//   KRANK, RRANK     dimensions kept and reduced [1]
//   UNIT             the last reduced dimension lies side by side [0]
//   X, Y             types of x and y in memory (elements.h) [float]
//   A                type that is computed in [float]; INTEGER if it is one
//   BLOCK            elements of a block [512]
//   ROWS             rows of a block of columns [32, or 128 where they are read twice]
//   LOCAL            work-items of a group, a power of two [1]
//   WIDTH            columns of a task in reduce_columns [16]
#include "elements.h"

#if !defined SUM && !defined PROD && !defined MAX && !defined MIN && !defined ARGMAX && \
    !defined ARGMIN && !defined VAR && !defined LOG_SUM_EXP
#define SUM
#endif
#ifndef X
#define X float
#define A float
#define Y float
#endif
#ifndef MAP
#define MAP(T, v, c, k) (v)
#endif
#ifndef KRANK
#define KRANK 1
#endif
#ifndef RRANK
#define RRANK 1
#endif
#ifndef UNIT
#define UNIT 0
#endif
#ifndef BLOCK
#define BLOCK 512
#endif
#ifndef ROWS
#if defined VAR || defined LOG_SUM_EXP
#define ROWS 128
#else
#define ROWS 32
#endif
#endif
#ifndef LOCAL
#define LOCAL 1
#endif
#ifndef WIDTH
#define WIDTH 16
#endif
// lint: -DMAX -DX=int -DA=int -DY=int -DINTEGER
// lint: -DMAX -DUNIT=1 -DLOCAL=64 -DBLOCK=32 -DX=float -DA=float -DY=uchar
//       '-DMAP(T, v, c, k)=((v) != (T)0 ? (T)1 : (T)0)' '-DRESULT(s)=((s).value > 0)'
// lint: -DMIN -DX=half -DA=float -DY=half -DUNIT=1 -DINDEX=long
// lint: -DSUM -DX=double -DA=double -DY=double -DUSE_F64 -DCOLUMNS -DLOCAL=64 -DWIDTH=64 -DROWS=16
// lint: -DSUM -DX=uchar -DA=long -DY=long -DINTEGER -DINDEX=long
// lint: -DSUM -DX=ushort -DA=float -DY=ushort -DLOCAL=64
// lint: -DPROD -DLOCAL=8 -DPARTS
// lint: -DPROD -DLOCAL=8 -DCOLUMNS
// lint: -DVAR -DCOLUMNS
// lint: -DLOG_SUM_EXP -DCOLUMNS
// lint: -DARGMIN -DCOLUMNS
// lint: -DARGMIN -DX=long -DA=long -DY=long -DINTEGER -DLOCAL=64
// lint: -DVAR -DJOIN -DLOCAL=8
// lint: -DVAR -DX=double -DA=double -DY=double -DUSE_F64 -DINDEX=long
// lint: -DARGMAX -DUNIT=1 -DRRANK=2
// lint: -DVAR -DUNIT=1 -DPARTS
// lint: -DLOG_SUM_EXP -DUNIT=1 -DKRANK=2
// lint: -DLOG_SUM_EXP -DX=double -DA=double -DY=double -DUSE_F64 -DJOIN
#include "reduce_state.h"

#ifdef PARTS
#define OUT         struct state
#define PUT(p, s)   (*(p) = (s))
#else
#define OUT       Y
#define PUT(p, s) STORE(Y, RESULT(s), p)
#endif

#ifndef COLUMNS
#ifndef JOIN
// The elements begin .. end-1 of the output at x; the items of a group take every LOCAL-th.
struct state reduce_part(const struct reduce_dims *d, global const X *x, INDEX begin, INDEX end,
                         A a)
{
    struct state s = EMPTY;
    INDEX item = (INDEX)get_local_id(0), run = d->shape[RRANK - 1];
    INDEX step = UNIT ? 1 : d->stride[RRANK - 1];
    A k = begin < end ? GET(x) : (A)0;
    for (INDEX b = begin; b < end;) {
        INDEX outer = RRANK > 1 ? b / run : 0, at = b - outer * run;
        INDEX n = min(min(end - b, run - at), (INDEX)(BLOCK * LOCAL));
        INDEX mine = LOCAL > 1 ? (n - item + LOCAL - 1) / LOCAL : n;
        global const X *p = x + reduced_at(d, outer, RRANK - 1) + (at + item) * step;
        if (mine > 0)
            add_block(&s, p, mine, step * LOCAL, b + item, a, k);
        b += n;
    }
    return s;
}

#endif

// The state of a group's items, in item 0.
struct state join_items(struct state s, local struct state *shared)
{
    INDEX item = (INDEX)get_local_id(0);
    shared[item] = s;
    for (int half_ = LOCAL / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < half_) {
            struct state mine = shared[item];
            join(&mine, shared[item + half_]);
            shared[item] = mine;
        }
    }
    if (item == 0)
        s = shared[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return s;
}

#ifndef JOIN
// y[o * parts + p] for part p of the elements of output o; a task is `each` of these.
kernel void reduce_rows(INDEX first, INDEX last, INDEX outputs, INDEX each, INDEX count,
                        INDEX parts, INDEX part, A a, const struct reduce_dims d,
                        global const X *restrict x, global OUT *restrict y)
{
    local struct state shared[LOCAL];
    FOR_TASKS(t)
    {
        INDEX stop = min(outputs - t * each, each) + t * each;
        for (INDEX o = t * each; o < stop; o++) {
            INDEX output = o / parts, begin = (o - output * parts) * part;
            struct state s = reduce_part(&d, x + kept_at(&d, output), begin,
                                         min(count - begin, part) + begin, a);
            if (LOCAL > 1)
                s = join_items(s, shared);
            if (get_local_id(0) == 0)
                PUT(y + o, s);
        }
    }
}

#else
// y[o] of the `parts` states of output o, which begin at o * step and lie `apart`.
kernel void reduce_join(INDEX first, INDEX last, INDEX parts, INDEX step, INDEX apart, A a,
                        global const struct state *restrict state, global Y *restrict y)
{
    local struct state shared[LOCAL];
    INDEX item = (INDEX)get_local_id(0);
    FOR_TASKS(o)
    {
        struct state s = EMPTY;
        for (INDEX b = 0; b < parts; b += LOCAL * 32) {
            struct state block = EMPTY;
            for (INDEX i = b + item; i < min(parts, b + LOCAL * 32); i += LOCAL)
                join(&block, state[o * step + i * apart]);
            join(&s, block);
        }
        if (LOCAL > 1)
            s = join_items(s, shared);
        if (item == 0)
            STORE(Y, RESULT(s), y + o);
    }
}

#endif
#else
// Columns that lie side by side: WIDTH of them are a task, of which an item has MINE.
enum { MINE = WIDTH / LOCAL };
struct columns {
    A acc[MINE], c[MINE];
#if defined ARGMAX || defined ARGMIN
    INDEX at[MINE];
#elif defined SUM
    A sum[MINE], lost[MINE];
#elif defined LOG_SUM_EXP
    A top[MINE], sum[MINE];
#else
    struct state s[MINE];
#endif
#ifdef VAR
    A k[MINE];
#define K(w) ((w)->k)
#else
#define K(w) ((w)->c)
#endif
};

#if defined SUM || defined VAR
#define FOLD_START (A)0
#elif defined ARGMAX
#define FOLD_START LOWEST
#elif defined ARGMIN
#define FOLD_START HIGHEST
#else
#define FOLD_START IDENTITY
#endif

#if defined LOG_SUM_EXP
// Of rows p[0] .. p[N - 1]: where the largest element grows, what was summed before is scaled down.
#define ADD_TERMS(T, N, READ, READ_ACC, WRITE_ACC)                              \
    {                                                                           \
        T v[N], old = READ_ACC(w->c), top = old;                                \
        for (int r = 0; r < N; r++) {                                           \
            v[r] = READ(p[r]);                                                  \
            top = BETTER(top, v[r]);                                            \
        }                                                                       \
        T from = BASE(top), sum = READ_ACC(w->acc) * EXP_FROM(T, old, from, 0); \
        for (int r = 0; r < N; r++)                                             \
            sum += EXP_FROM(T, v[r], from, 0);                                  \
        WRITE_ACC(w->c, top);                                                   \
        WRITE_ACC(w->acc, sum);                                                 \
    }
#define JOIN_TERMS(T, READ_ACC, WRITE_ACC)                    \
    {                                                         \
        T old = READ_ACC(w->top), more = READ_ACC(w->c);      \
        T top = BETTER(old, more), from = BASE(top);          \
        T sum = READ_ACC(w->sum) * EXP_FROM(T, old, from, 0); \
        sum += READ_ACC(w->acc) * EXP_FROM(T, more, from, 0); \
        WRITE_ACC(w->sum, sum);                               \
        WRITE_ACC(w->top, top);                               \
    }
#define NUMBER(p)         GET((p) + j * LOCAL)
#define VECTOR(p)         VGET((p) + j)
#define NUMBER_OF(a)      (a)[j]
#define VECTOR_OF(a)      vload16(0, (a) + j)
#define SET_NUMBER(a, v)  (a)[j] = (v)
#define SET_VECTOR(a, v)  vstore16(v, 0, (a) + j)
void add_rows(struct columns *w, const struct reduce_dims *d, global const X *x, INDEX begin,
              INDEX end, INDEX mine)
{
    FILL(w->c, LOWEST);
    FILL(w->acc, (A)0);
    for (INDEX i = begin; i < end;) {
        global const X *p[8];
        int rows = end - i < 8 ? 1 : 8;
        for (int r = 0; r < rows; r++)
            p[r] = x + reduced_at(d, i + r, RRANK);
        if (rows == 8) {
            EACH_COLUMN(mine, ADD_TERMS(A16, 8, VECTOR, VECTOR_OF, SET_VECTOR),
                        ADD_TERMS(A, 8, NUMBER, NUMBER_OF, SET_NUMBER))
        } else {
            EACH_COLUMN(mine, ADD_TERMS(A16, 1, VECTOR, VECTOR_OF, SET_VECTOR),
                        ADD_TERMS(A, 1, NUMBER, NUMBER_OF, SET_NUMBER))
        }
        i += rows;
    }
    EACH_COLUMN(mine, JOIN_TERMS(A16, VECTOR_OF, SET_VECTOR), JOIN_TERMS(A, NUMBER_OF, SET_NUMBER))
}
#elif !defined ARGMAX && !defined ARGMIN
// Adds the rows begin .. end-1 of the columns at x.
void add_rows(struct columns *w, const struct reduce_dims *d, global const X *x, INDEX begin,
              INDEX end, INDEX mine)
{
    FILL(w->acc, FOLD_START);
    fold_columns(w->acc, w->c, K(w), d, x, begin, end, mine);
#if defined SUM
    EACH_COLUMN(mine,
                {
                    A16 sum = vload16(0, w->sum + j);
                    A16 lost = vload16(0, w->lost + j);
                    ADD(A16, sum, lost, vload16(0, w->acc + j))
                    vstore16(sum, 0, w->sum + j);
                    vstore16(lost, 0, w->lost + j);
                },
                ADD(A, w->sum[j], w->lost[j], w->acc[j]))
#elif defined VAR
    A n = (A)(end - begin);
    for (INDEX j = 0; j < mine; j++)
        w->c[j] = w->acc[j] / n;
    FILL(w->acc, (A)0);
    fold_square_columns(w->acc, w->c, w->k, d, x, begin, end, mine);
    for (INDEX j = 0; j < mine; j++) {
        struct state o = {end - begin, w->c[j], w->acc[j]};
        join(&w->s[j], o);
    }
#else
    for (INDEX j = 0; j < mine; j++)
        w->s[j].value = COMBINE(w->s[j].value, w->acc[j]);
#endif
}
#else
// Does v come in place of the best so far? NaN does, unless there was one.
#ifdef INTEGER
#define TAKES(v, best) BEYOND(v, best)
#else
#define TAKES(v, best) (BEYOND(v, best) | (((v) != (v)) & ((best) == (best))))
#endif
void add_rows(struct columns *w, const struct reduce_dims *d, global const X *x, INDEX begin,
              INDEX end, INDEX mine)
{
    for (INDEX i = begin; i < end; i += 4) {
        global const X *p[4];
        int rows = (int)min(end - i, (INDEX)4);
        for (int r = 0; r < rows; r++)
            p[r] = x + reduced_at(d, i + r, RRANK);
        EACH_COLUMN(mine,
                    {
                        A16 best = vload16(0, w->acc + j);
                        CAT(INDEX, 16) at = vload16(0, w->at + j);
                        for (int r = 0; r < rows; r++) {
                            A16 v = VGET(p[r] + j);
                            at = CAT(convert_, CAT(INDEX, 16))(TAKES(v, best)) ? i + r : at;
                            best = TAKES(v, best) ? v : best;
                        }
                        vstore16(best, 0, w->acc + j);
                        vstore16(at, 0, w->at + j);
                    },
                    for (int r = 0; r < rows; r++) {
                        A v = GET(p[r] + j * LOCAL);
                        w->at[j] = TAKES(v, w->acc[j]) ? i + r : w->at[j];
                        w->acc[j] = TAKES(v, w->acc[j]) ? v : w->acc[j];
                    })
    }
}
#endif

// y[p * outputs + o] for part p of the rows of column o; `columns` of them lie in each of the outer
// kept dimensions.
kernel void reduce_columns(INDEX first, INDEX last, INDEX outputs, INDEX columns, INDEX count,
                           INDEX parts, INDEX part, A a, const struct reduce_dims d,
                           global const X *restrict x, global OUT *restrict y)
{
    INDEX pieces = (columns + WIDTH - 1) / WIDTH, item = (INDEX)get_local_id(0);
    struct columns w;
    FOR_TASKS(t)
    {
        INDEX whole = t / parts, p = t - whole * parts, outer = whole / pieces;
        INDEX column = (whole - outer * pieces) * WIDTH, o = outer * columns + column + item;
        INDEX width = min((INDEX)WIDTH, columns - column);
        INDEX mine = (width - item + LOCAL - 1) / LOCAL;
        if (item < width) {
            global const X *at = x + kept_at(&d, o);
            FILL(w.c, a);
#if defined ARGMAX || defined ARGMIN
            FILL(w.acc, FOLD_START);
            FILL(w.at, p * part);
#elif defined SUM
            FILL(w.sum, (A)0);
            FILL(w.lost, (A)0);
#elif defined LOG_SUM_EXP
            FILL(w.top, LOWEST);
            FILL(w.sum, (A)0);
#else
            const struct state empty = EMPTY;
            FILL(w.s, empty);
#endif
#ifdef VAR
            for (INDEX j = 0; j < mine && count; j++)
                w.k[j] = GET(at + j * LOCAL);
#endif
            INDEX end = min(count - p * part, part) + p * part;
            for (INDEX b = p * part; b < end; b += ROWS)
                add_rows(&w, &d, at, b, min(end - b, (INDEX)ROWS) + b, mine);
            for (INDEX j = 0; j < mine; j++) {
#if defined ARGMAX || defined ARGMIN
                struct state s = {w.acc[j], w.at[j]};
#elif defined SUM
                struct state s = {w.sum[j], w.lost[j]};
#elif defined LOG_SUM_EXP
                struct state s = {w.top[j], w.sum[j]};
#else
                struct state s = w.s[j];
#endif
                PUT(y + p * outputs + o + j * LOCAL, s);
            }
        }
    }
}
#endif
