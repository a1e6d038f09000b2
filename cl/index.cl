// Elements picked by an index, and added where an index says.
//
// Whatever is picked is copied as bits: E is any type of the elements' size, and `fill` is what an
// index outside gives. y is dense. Tensors are walked by `struct dims`; the axis that the index
// counts along has a stride of its own, `step`, and 0 in the dims.
//
//   E          type of what is copied, added or set [uint]
//   I          type of the index, int or long [long]
//   ADD        E can be added: a floating type, or an unsigned integer that wraps around
//   ONE_BY_ONE work-items take single elements, not stretches that a vector unit likes
//   CHUNK      elements of a task [1024]
#include "common.h"

#ifndef E
#define E uint
#define ADD
#endif
#ifndef I
#define I long
#endif
#ifndef CHUNK
#define CHUNK 1024
#endif
// lint: -DE=uint4 -DRANK=2 -DVIEWS=2 -DONE_BY_ONE -DCHUNK=64
// lint: -DE=float -DADD -DI=int -DRANK=3 -DVIEWS=4 -DINDEX=long
// lint: -DE=double -DADD -DUSE_F64 -DVIEWS=4 -DONE_BY_ONE
// lint: -DE=ulong -DADD -DVIEWS=4
// lint: -DE=uchar -DVIEWS=2

static inline bool is_inside(I i, INDEX n)
{
    return i >= 0 && i < n;
}

#if VIEWS >= 2
// `length` elements of y along the last dimension of the walk, from element `from` of it; x and
// index are where the row begins.
void take_stretch(global const E *restrict x, INDEX xs, global const I *restrict index, INDEX is,
                  INDEX from, INDEX length, INDEX n, INDEX step, E fill, global E *restrict y)
{
    index += from * is;
    x += from * xs;
    if (is != 0) {
        for (INDEX i = 0; i < length; i++) {
            I k = index[i * is];
            y[i] = is_inside(k, n) ? x[i * xs + (INDEX)k * step] : fill;
        }
        return;
    }
    I k = index[0];
    if (!is_inside(k, n)) {
        for (INDEX i = 0; i < length; i++)
            y[i] = fill;
    } else if (xs == 1) {
        x += (INDEX)k * step;
        for (INDEX i = 0; i < length; i++)
            y[i] = x[i];
    } else {
        x += (INDEX)k * step;
        for (INDEX i = 0; i < length; i++)
            y[i] = x[i * xs];
    }
}

// y[e] = x[place of e + index[place of e] * step], e = 0 .. count-1; a task is CHUNK of them.
// Views: x, index. n: the elements of x along the axis.
kernel void take(INDEX first, INDEX last, INDEX count, INDEX n, INDEX step, E fill,
                 const struct dims d, global const E *restrict x, global const I *restrict index,
                 global E *restrict y)
{
    FOR_TASKS(t)
    {
        INDEX e = t * CHUNK, end = min(count, e + CHUNK);
#ifdef ONE_BY_ONE
        for (e += (INDEX)get_local_id(0); e < end; e += (INDEX)get_local_size(0)) {
            I k = index[dims_at(&d, 1, e, RANK)];
            y[e] = is_inside(k, n) ? x[dims_at(&d, 0, e, RANK) + (INDEX)k * step] : fill;
        }
#else
        INDEX width = d.shape[RANK - 1], row = e / width, from = e - row * width;
        for (; e < end; row++, from = 0) {
            INDEX length = min(width - from, end - e);
            take_stretch(x + dims_at(&d, 0, row, RANK - 1), d.stride[0][RANK - 1],
                         index + dims_at(&d, 1, row, RANK - 1), d.stride[1][RANK - 1], from, length,
                         n, step, fill, y + e);
            e += length;
        }
#endif
    }
}
#endif

// y[r][c] = c == index[r] ? one : 0. A task is CHUNK elements of y.
kernel void one_hot(INDEX first, INDEX last, INDEX count, INDEX classes, E one, const struct dims d,
                    global const I *restrict index, global E *restrict y)
{
    FOR_TASKS(t)
    {
        INDEX e = t * CHUNK, end = min(count, e + CHUNK);
#ifdef ONE_BY_ONE
        for (e += (INDEX)get_local_id(0); e < end; e += (INDEX)get_local_size(0)) {
            INDEX row = e / classes;
            y[e] = index[dims_at(&d, 0, row, RANK)] == e - row * classes ? one : (E)0;
        }
#else
        for (INDEX i = e; i < end; i++)
            y[i] = (E)0;
        for (INDEX row = e / classes; row * classes < end; row++) {
            I k = index[dims_at(&d, 0, row, RANK)];
            INDEX at = row * classes + (is_inside(k, classes) ? (INDEX)k : 0);
            if (is_inside(k, classes) && at >= e && at < end)
                y[at] = one;
        }
#endif
    }
}

#if defined ADD && VIEWS >= 4
// Adds sources to destinations, each destination its sources in their order: the same bits however
// the work is shared.
//
// A lane is a walk along the axis: m sources with an index each, and n destinations. The last
// dimension of the walk over the lanes lies at RANK - 1. Views: index, src, y, order.
struct scatter {
    INDEX n, m;
    INDEX index_step, src_step, y_step, order_step; // along the axis
    long skip;                                      // an index that is left out
};

#ifdef ONE_BY_ONE
// y += the sum of a run of equal indices. `order` sorts the index of each lane, stably; a work-item
// is one place in this order in one lane, and sums if a run begins there.
kernel void scatter_runs(INDEX first, INDEX last, INDEX count, const struct dims d,
                         const struct scatter s, global const I *restrict index,
                         global const E *restrict src, global const long *restrict order,
                         global E *restrict y)
{
    INDEX lanes = d.shape[RANK - 1];
    FOR_TASKS(t)
    {
        INDEX e = t * (INDEX)get_local_size(0) + (INDEX)get_local_id(0);
        if (e >= count)
            continue;
        INDEX lane = e % lanes, place = e / lanes % s.m, outer = e / lanes / s.m;
        INDEX at[4];
        for (int v = 0; v < 4; v++)
            at[v] = dims_at(&d, v, outer, RANK - 1) + lane * d.stride[v][RANK - 1];
        global const long *by = order + at[3];
        global const I *it = index + at[0];
        INDEX from = (INDEX)by[place * s.order_step];
        I k = it[from * s.index_step];
        bool begins = place == 0 || it[(INDEX)by[(place - 1) * s.order_step] * s.index_step] != k;
        if (begins && is_inside(k, s.n) && k != s.skip) {
            global E *to = y + at[2] + (INDEX)k * s.y_step;
            E sum = *to;
            do {
                sum += src[at[1] + from * s.src_step];
                if (++place == s.m)
                    break;
                from = (INDEX)by[place * s.order_step];
            } while (it[from * s.index_step] == k);
            *to = sum;
        }
    }
}
#else
enum { BATCH = 256 };

struct range {
    INDEX low, high; // of the destinations of this task
    long skip;
};

static inline bool is_taken(I k, const struct range *r)
{
    return k >= r->low && k < r->high && k != r->skip;
}

// One lane. Which sources are taken is decided without a branch, since no one can guess it.
void add_lane(const struct scatter *s, const struct range *r, global const I *index,
              global const E *src, global E *y)
{
    INDEX taken[BATCH];
    for (INDEX b = 0; b < s->m; b += BATCH) {
        INDEX end = min(s->m, b + BATCH);
        int n = 0;
        for (INDEX j = b; j < end; j++) {
            taken[n] = j;
            n += is_taken(index[j * s->index_step], r);
        }
        for (int i = 0; i < n; i++)
            y[(INDEX)index[taken[i] * s->index_step] * s->y_step] += src[taken[i] * s->src_step];
    }
}

// Lanes side by side that share one index.
void add_rows(const struct scatter *s, const struct range *r, INDEX lanes, global const I *index,
              global const E *restrict src, INDEX src_lane, global E *restrict y)
{
    for (INDEX j = 0; j < s->m; j++) {
        I k = index[j * s->index_step];
        if (!is_taken(k, r))
            continue;
        global const E *restrict from = src + j * s->src_step;
        global E *restrict to = y + (INDEX)k * s->y_step;
        if (src_lane == 1) {
            for (INDEX i = 0; i < lanes; i++)
                to[i] += from[i];
        } else {
            for (INDEX i = 0; i < lanes; i++)
                to[i] += from[i * src_lane];
        }
    }
}

// Lanes side by side, each with an index of its own.
void add_lanes(const struct scatter *s, const struct range *r, INDEX lanes, global const I *index,
               INDEX index_lane, global const E *src, INDEX src_lane, global E *y)
{
    for (INDEX j = 0; j < s->m; j++) {
        for (INDEX i = 0; i < lanes; i++) {
            I k = index[j * s->index_step + i * index_lane];
            if (is_taken(k, r))
                y[(INDEX)k * s->y_step + i] += src[j * s->src_step + i * src_lane];
        }
    }
}

// A task is up to `piece` lanes and `range` destinations of each; it sees all their sources.
kernel void scatter_ranges(INDEX first, INDEX last, INDEX piece, INDEX range, const struct dims d,
                           const struct scatter s, global const I *index, global const E *src,
                           global E *y)
{
    INDEX lanes = d.shape[RANK - 1], pieces = (lanes + piece - 1) / piece;
    INDEX ranges = (s.n + range - 1) / range;
    INDEX il = d.stride[0][RANK - 1], sl = d.stride[1][RANK - 1], yl = d.stride[2][RANK - 1];
    FOR_TASKS(t)
    {
        INDEX low = t % ranges * range, lane = t / ranges % pieces * piece;
        INDEX outer = t / ranges / pieces, n = min(piece, lanes - lane);
        struct range r = {low, min(s.n, low + range), s.skip};
        global const I *it = index + dims_at(&d, 0, outer, RANK - 1) + lane * il;
        global const E *from = src + dims_at(&d, 1, outer, RANK - 1) + lane * sl;
        global E *to = y + dims_at(&d, 2, outer, RANK - 1) + lane * yl;
        if (n > 1 && yl == 1 && il == 0) {
            add_rows(&s, &r, n, it, from, sl, to);
        } else if (n > 1 && yl == 1) {
            add_lanes(&s, &r, n, it, il, from, sl, to);
        } else {
            for (INDEX i = 0; i < n; i++)
                add_lane(&s, &r, it + i * il, from + i * sl, to + i * yl);
        }
    }
}
#endif
#endif
