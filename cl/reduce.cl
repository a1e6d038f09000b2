// Reductions: each output is one value of many inputs.
//
// The kept dimensions of x are walked by KRANK strides, the reduced ones by RRANK; y is dense. Sums
// add blocks of BLOCK elements and collect the blocks with a compensation (Kahan, 1965), always in
// the same order: a large sum loses nothing, and every run gives the same bits.
//
//   SUM, MAX or ARGMAX  what is done
//   KRANK, RRANK        dimensions kept and reduced [1]
//   X, LOAD(p)          type of an element in memory; how one is read
//   A                   type that is computed in [float]
//   Y, STORE(p, a)      type of y in memory; how an A is written
//   BLOCK               elements added before the compensation, of columns a quarter [64]
//   LOCAL               work-items of a group, a power of two [1]
//   WIDTH               columns of a task in reduce_columns [16]
#include "common.h"

#ifndef X
#define SUM
#define X float
#define LOAD(p) (*(p))
#define A float
#define Y float
#define STORE(p, a) (*(p) = (a))
#endif
#ifndef KRANK
#define KRANK 1
#endif
#ifndef RRANK
#define RRANK 1
#endif
#ifndef BLOCK
#define BLOCK 64
#endif
#ifndef LOCAL
#define LOCAL 1
#endif
#ifndef WIDTH
#define WIDTH 16
#endif
// lint: -DMAX -DX=int -DLOAD(p)=(*(p)) -DA=int -DY=int -DSTORE(p,a)=(*(p)=(a)) -DINTEGER -DLOCAL=8
// lint: -DARGMAX -DX=float -DLOAD(p)=(*(p)) -DA=float -DY=long -DSTORE(p,a)=(*(p)=(a)) -DRRANK=2

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

INDEX reduced_at(const struct reduce_dims *d, INDEX i)
{
#if RRANK == 1
    return i * d->stride[0];
#else
    INDEX at = 0;
    for (int k = RRANK - 1; k > 0; k--) {
        INDEX q = i / d->shape[k];
        at += (i - q * d->shape[k]) * d->stride[k];
        i = q;
    }
    return at + i * d->stride[0];
#endif
}

inline bool is_nan(A v)
{
#ifdef INTEGER
    return false;
#else
    return isnan(v);
#endif
}

#ifdef SUM
struct state {
    A sum, lost;
};
#define EMPTY {0, 0}
#ifdef INTEGER
void put(struct state *s, A v)
{
    s->sum += v;
}
#else
void put(struct state *s, A v)
{
    A y = v - s->lost, t = s->sum + y;
    // Infinity and NaN have no compensation.
    s->lost = isfinite(t) ? (t - s->sum) - y : 0;
    s->sum = t;
}
#endif
void join(struct state *s, struct state o)
{
    put(s, o.sum);
}
#else
// The largest value so far and where it was; `at` < 0: none yet. NaN is larger than everything,
// and of equals the first counts.
struct state {
    A value;
    INDEX at;
};
#define EMPTY {0, -1}
void join(struct state *s, struct state o)
{
    bool first = s->at < 0;
    bool larger = o.value > s->value || (is_nan(o.value) && !is_nan(s->value));
    bool same = o.value == s->value || (is_nan(o.value) && is_nan(s->value));
    if (o.at >= 0 && (first || larger || (same && o.at < s->at)))
        *s = o;
}
#endif

#ifdef SUM
// A block in eight interleaved sums: shorter chains of roundings, and work for a vector unit.
A block_sum(const struct reduce_dims *d, global const X *x, INDEX begin, INDEX end)
{
    A lane[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    INDEX i = begin;
    for (; i + 8 <= end; i += 8) {
        for (int j = 0; j < 8; j++)
            lane[j] += (A)LOAD(x + reduced_at(d, i + j));
    }
    for (; i < end; i++)
        lane[0] += (A)LOAD(x + reduced_at(d, i));
    for (int j = 0; j < 4; j++)
        lane[j] += lane[j + 4];
    return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}
#endif

// What item `item` of LOCAL takes: every LOCAL-th block.
struct state reduce_part(const struct reduce_dims *d, global const X *x, INDEX begin, INDEX end,
                         INDEX item)
{
    struct state s = EMPTY;
    for (INDEX b = begin + item * BLOCK; b < end; b += LOCAL * BLOCK) {
        INDEX stop = min(end, b + BLOCK);
#ifdef SUM
        put(&s, block_sum(d, x, b, stop));
#else
        for (INDEX i = b; i < stop; i++) {
            struct state o = {(A)LOAD(x + reduced_at(d, i)), i};
            join(&s, o);
        }
#endif
    }
    return s;
}

#ifdef ARGMAX
#define RESULT(s) ((s).at)
#elif defined MAX
#define RESULT(s) ((s).value)
#else
#define RESULT(s) ((s).sum / divisor)
#endif

// y[o * parts + p] for part p of the elements of output o; a task is one of these.
kernel void reduce_rows(INDEX first, INDEX last, INDEX count, INDEX parts, INDEX part, A divisor,
                        const struct reduce_dims d, global const X *restrict x,
                        global Y *restrict y)
{
    local struct state shared[LOCAL];
    INDEX item = (INDEX)get_local_id(0);
    FOR_TASKS(t)
    {
        INDEX o = t / parts, begin = (t - o * parts) * part, end = min(count, begin + part);
        struct state s = reduce_part(&d, x + kept_at(&d, o), begin, end, item);
        if (LOCAL > 1) {
            shared[item] = s;
            for (int half_ = LOCAL / 2; half_ > 0; half_ /= 2) {
                barrier(CLK_LOCAL_MEM_FENCE);
                if (item < half_) {
                    struct state mine = shared[item];
                    join(&mine, shared[item + half_]);
                    shared[item] = mine;
                }
            }
            s = shared[0];
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (item == 0)
            STORE(y + t, RESULT(s));
    }
}

#ifdef SUM
enum { MINE = WIDTH / LOCAL };

// Adds rows begin .. end-1 of this item's columns; past the `width` columns that there are, the
// last one is read instead.
inline void add_rows(A *sum, global const X *x, INDEX stride, INDEX begin, INDEX end, INDEX width)
{
    int item = (int)get_local_id(0);
    for (INDEX i = begin; i < end; i++) {
        global const X *row = x + i * stride;
        for (int j = 0; j < MINE; j++)
            sum[j] += (A)LOAD(row + (width == WIDTH ? j * LOCAL + item
                                                    : min((INDEX)(j * LOCAL + item), width - 1)));
    }
}

// Sums down columns that lie side by side, `columns` of them in each of the outer kept dimensions.
// A task is WIDTH columns; each work-item takes every LOCAL-th of them.
kernel void reduce_columns(INDEX first, INDEX last, INDEX count, INDEX columns, A divisor,
                           const struct reduce_dims d, global const X *restrict x,
                           global Y *restrict y)
{
    INDEX pieces = (columns + WIDTH - 1) / WIDTH;
    FOR_TASKS(t)
    {
        INDEX outer = t / pieces, c = (t - outer * pieces) * WIDTH;
        INDEX at = kept_at(&d, outer * columns + c), width = min((INDEX)WIDTH, columns - c);
        struct state s[MINE];
        for (int j = 0; j < MINE; j++)
            s[j].sum = s[j].lost = 0;
        for (INDEX b = 0; b < count; b += BLOCK / 4) {
            INDEX stop = min(count, b + BLOCK / 4);
            A sum[MINE];
            for (int j = 0; j < MINE; j++)
                sum[j] = 0;
            if (width == WIDTH)
                add_rows(sum, x + at, d.stride[0], b, stop, WIDTH);
            else
                add_rows(sum, x + at, d.stride[0], b, stop, width);
            for (int j = 0; j < MINE; j++)
                put(&s[j], sum[j]);
        }
        for (int j = 0; j < MINE; j++) {
            INDEX column = j * LOCAL + (INDEX)get_local_id(0);
            if (column < width)
                STORE(y + outer * columns + c + column, s[j].sum / divisor);
        }
    }
}
#endif
