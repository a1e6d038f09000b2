// Stable sorting of rows: the indices that put each row in order.
//
// An element becomes an item, its key and its place in the row. Keys are unsigned numbers in the
// order wanted: of floats NaN is the largest, and -0 equals 0; `flip` turns the order round. No two
// items are equal, because equal keys are ordered by place: whatever sorts them, the result is the
// one stable order, on every device and however a row is cut.
//
// A row is cut in parts, which sort_parts sorts; sort_merge then merges pairs of runs until one is
// left. One work-item sorts its part by radix (least digit first, a byte at a time; digits that all
// keys share are passed over), a group of many by a bitonic network in local memory. sort_select
// keeps only the first few items of each part, in batches that are sorted when they are full.
//
//   X           unsigned integer type of an element's size [uint]
//   BITS        of X [32]
//   SIGNED      X holds signed integers
//   INFINITE    X holds floats, and these are the bits of infinity
//   WIDE_ITEM   an item has 16 bytes: for keys of 64 bits and rows of more than 2^32 elements
//   FROM_ITEMS  sort_select reads items, not elements
//   LOCAL       work-items of a group, a power of two [1]
//   BLOCK       items that a group of many sorts at once, a power of two, LOCAL or more [1024]
#define VIEWS 2
#include "common.h"

#ifndef X
#define X uint
#define BITS 32
#define INFINITE 0x7f800000
#endif
#ifndef LOCAL
#define LOCAL 1
#endif
#ifndef BLOCK
#define BLOCK 1024
#endif
// lint: -DLOCAL=64 -DBLOCK=256 -DRANK=2
// lint: -DX=ulong -DBITS=64 -DWIDE_ITEM -DSIGNED -DINDEX=long
// lint: -DX=ulong -DBITS=64 -DWIDE_ITEM -DINFINITE=0x7ff0000000000000 -DLOCAL=64 -DFROM_ITEMS
// lint: -DX=ushort -DBITS=16 -DWIDE_ITEM -DINDEX=long -DINFINITE=0x7c00
// lint: -DX=uchar -DBITS=8 -DFROM_ITEMS

#ifdef WIDE_ITEM
typedef ulong2 item;
#define MAKE(key, i) ((ulong2)(key, (ulong)(i)))
#define LESS(a, b)   ((a).x < (b).x || ((a).x == (b).x && (a).y < (b).y))
#define INDEX_OF(a)  ((long)(a).y)
#define DIGIT(a, p)  ((uint)((a).x >> (8 * (p))) & 255u)
#define LAST         ((ulong2)(ULONG_MAX, ULONG_MAX))
#else
typedef ulong item;
#define MAKE(key, i) ((ulong)(key) << 32 | (ulong)(i))
#define LESS(a, b)   ((a) < (b))
#define INDEX_OF(a)  ((long)((a) & 0xffffffffu))
#define DIGIT(a, p)  ((uint)((a) >> (32 + 8 * (p))) & 255u)
#define LAST         ULONG_MAX
#endif

enum { DIGITS = BITS / 8, FEW = sizeof(item) == 16 ? 32 : 64 };

struct sort {
    INDEX n;            // elements of a row
    INDEX x_step;       // between two of them in x
    INDEX keep, y_step; // of each row, how many y gets, and between two of them
    INDEX parts, part;  // of each row, and the elements of one
};

static inline X key_of(X u, X flip)
{
#ifdef INFINITE
    const X sign = (X)((X)1 << (BITS - 1));
    X size = (X)(u & (X)(sign - 1));
    X key = size > (X)INFINITE ? (X)~(X)0 : size == 0 ? sign : u & sign ? (X)~u : (X)(u | sign);
#elif defined SIGNED
    X key = (X)(u ^ (X)((X)1 << (BITS - 1)));
#else
    X key = u;
#endif
    return (X)(key ^ flip);
}

#if LOCAL == 1
#ifdef WIDE_ITEM
global item *sort_few(global item *a, global item *b, int n)
{
    for (int i = 1; i < n; i++) {
        item v = a[i];
        int j = i;
        for (; j > 0 && LESS(v, a[j - 1]); j--)
            a[j] = a[j - 1];
        a[j] = v;
    }
    return a;
}
#else
// Counts for each item those before it: more comparisons than need be, but a vector unit makes
// them, and none is a branch.
global item *sort_few(global item *a, global item *b, int n)
{
    long value[FEW], rank[FEW];
    for (int i = 0; i < n; i++)
        value[i] = (long)(a[i] ^ 1ul << 63);
    for (int i = 0; i < n; i += 8) {
        long8 mine = vload8(0, value + i), before = 0;
        for (int j = 0; j < n; j++)
            before -= (long8)(value[j]) < mine;
        vstore8(before, 0, rank + i);
    }
    for (int i = 0; i < n; i++)
        b[rank[i]] = a[i];
    return b;
}
#endif

// Sorts n items at a, with as much room at b; returns where they are then, a or b.
global item *radix_sort(global item *a, global item *b, INDEX n)
{
    INDEX count[DIGITS][256];
    if (n <= FEW)
        return sort_few(a, b, (int)n);
    for (int p = 0; p < DIGITS; p++) {
        for (int i = 0; i < 256; i++)
            count[p][i] = 0;
    }
    for (INDEX i = 0; i < n; i++) {
        item v = a[i];
        for (int p = 0; p < DIGITS; p++)
            count[p][DIGIT(v, p)]++;
    }
    for (int p = 0; p < DIGITS; p++) {
        if (count[p][DIGIT(a[0], p)] == n)
            continue;
        INDEX at = 0;
        for (int i = 0; i < 256; i++) {
            INDEX here = count[p][i];
            count[p][i] = at;
            at += here;
        }
        for (INDEX i = 0; i < n; i++) {
            item v = a[i];
            b[count[p][DIGIT(v, p)]++] = v;
        }
        global item *swap = a;
        a = b;
        b = swap;
    }
    return a;
}
#else
// Sorts BLOCK items by the whole group; all of them are written before and may be read after.
void bitonic_sort(local item *a)
{
    for (int size = 2; size <= BLOCK; size *= 2) {
        for (int step = size / 2; step > 0; step /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            for (int k = (int)get_local_id(0); k < BLOCK / 2; k += LOCAL) {
                int i = 2 * k - (k & (step - 1)), j = i + step;
                item u = a[i], v = a[j];
                bool up = (i & size) == 0;
                if (up ? LESS(v, u) : LESS(u, v)) {
                    a[i] = v;
                    a[j] = u;
                }
            }
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}
#endif

// Sorts a part of a row. Where a row is one part, its indices go to y; else the items to `out`.
// `scratch` has room for two parts for each group, or for as many items as `out` has.
kernel void sort_parts(INDEX first, INDEX last, const struct dims d, const struct sort s,
                       ulong flip, global const X *x, global item *scratch, global item *out,
                       global long *y)
{
#if LOCAL > 1
    local item block[BLOCK];
#endif
    FOR_TASKS(t)
    {
        INDEX row = t / s.parts, begin = (t - row * s.parts) * s.part;
        INDEX n = min(s.part, s.n - begin);
        global const X *xr = x + dims_at(&d, 0, row, RANK) + begin * s.x_step;
        global item *to = out + row * s.n + begin;
        global long *yr = y + dims_at(&d, 1, row, RANK);
#if LOCAL == 1
        global item *a = s.parts > 1 ? to : scratch + (INDEX)get_group_id(0) * 2 * s.part;
        global item *b = s.parts > 1 ? scratch + row * s.n + begin : a + s.part;
        for (INDEX i = 0; i < n; i++)
            a[i] = MAKE(key_of(xr[i * s.x_step], (X)flip), begin + i);
        a = radix_sort(a, b, n);
        if (s.parts == 1) {
            for (INDEX i = 0; i < s.keep; i++)
                yr[i * s.y_step] = INDEX_OF(a[i]);
        } else if (a != to) {
            for (INDEX i = 0; i < n; i++)
                to[i] = a[i];
        }
#else
        int me = (int)get_local_id(0);
        for (int i = me; i < BLOCK; i += LOCAL)
            block[i] = i < n ? MAKE(key_of(xr[i * s.x_step], (X)flip), begin + i) : LAST;
        bitonic_sort(block);
        for (int i = me; i < n; i += LOCAL) {
            if (s.parts > 1)
                to[i] = block[i];
            else if (i < s.keep)
                yr[i * s.y_step] = INDEX_OF(block[i]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
#endif
    }
}

// How many of the first `at` items of the merged runs a [na] and b [nb] come from a.
INDEX merge_split(global const item *a, INDEX na, global const item *b, INDEX nb, INDEX at)
{
    INDEX low = max((INDEX)0, at - nb), high = min(at, na);
    while (low < high) {
        INDEX middle = low + (high - low) / 2;
        if (LESS(a[middle], b[at - 1 - middle]))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Merges pairs of sorted runs of s.part items. A work-item makes s.parts of the merged ones, which
// divides s.part; the last merge writes indices to y.
kernel void sort_merge(INDEX first, INDEX last, INDEX units, int final, const struct dims d,
                       const struct sort s, global const item *from, global item *to,
                       global long *y)
{
    INDEX most = final ? s.keep : s.n, pieces = (most + s.parts - 1) / s.parts;
    FOR_TASKS(t)
    {
        INDEX unit = t * LOCAL + (INDEX)get_local_id(0);
        if (unit >= units)
            continue;
        INDEX row = unit / pieces, begin = (unit - row * pieces) * s.parts;
        INDEX end = min(begin + s.parts, most), run = begin / (2 * s.part) * (2 * s.part);
        INDEX na = min(s.part, s.n - run), nb = min(s.part, s.n - run - na);
        global const item *a = from + row * s.n + run, *b = a + na;
        global item *out = to + row * s.n;
        global long *yr = y + dims_at(&d, 1, row, RANK);
        INDEX i = merge_split(a, na, b, nb, begin - run), j = begin - run - i;
        for (INDEX o = begin; o < end; o++) {
            bool left = j >= nb || (i < na && LESS(a[i], b[j]));
            item v = left ? a[i] : b[j];
            i += left;
            j += !left;
            if (final)
                yr[o * s.y_step] = INDEX_OF(v);
            else
                out[o] = v;
        }
    }
}

#ifdef FROM_ITEMS
#define SOURCE       item
#define SOURCE_AT(i) xr[i]
#else
#define SOURCE       X
#define SOURCE_AT(i) MAKE(key_of(xr[(i) * s.x_step], (X)flip), begin + (i))
#endif

// The first s.keep items of each part, in order. Where a row is one part, their indices go to y;
// else the items to `out`, the missing ones of a short part as LAST. s.y_step is between those of
// y. Of one work-item, `room` items are collected for each group in `scratch`, with as many behind
// them; of a group of many, keep is at most BLOCK / 2.
kernel void sort_select(INDEX first, INDEX last, INDEX room, const struct dims d,
                        const struct sort s, ulong flip, global const SOURCE *x,
                        global item *scratch, global item *out, global long *y)
{
#if LOCAL > 1
    local item a[BLOCK];
    local int better;
#endif
    FOR_TASKS(t)
    {
        INDEX row = t / s.parts, begin = (t - row * s.parts) * s.part;
        INDEX n = min(s.part, s.n - begin);
#ifdef FROM_ITEMS
        global const SOURCE *xr = x + row * s.n + begin;
#else
        global const SOURCE *xr = x + dims_at(&d, 0, row, RANK) + begin * s.x_step;
#endif
        global long *yr = y + dims_at(&d, 1, row, RANK);
        int me = (int)get_local_id(0);
#if LOCAL == 1
        global item *a = scratch + (INDEX)get_group_id(0) * 2 * room, *b = a + room;
        item limit = LAST;
        INDEX count = 0;
        for (INDEX i = 0; i < n; i++) {
            item v = SOURCE_AT(i);
            if (!LESS(v, limit))
                continue;
            a[count++] = v;
            if (count == room) {
                global item *sorted = radix_sort(a, b, count);
                b = sorted == a ? b : a;
                a = sorted;
                count = s.keep;
                limit = a[count - 1];
            }
        }
        a = radix_sort(a, b, count);
        for (INDEX i = count; i < s.keep; i++)
            a[i] = LAST;
#else
        for (int i = me; i < s.keep; i += LOCAL)
            a[i] = LAST;
        barrier(CLK_LOCAL_MEM_FENCE);
        int batch = BLOCK - (int)s.keep;
        for (INDEX at = 0; at < n; at += batch) {
            item limit = a[s.keep - 1];
            if (me == 0)
                better = 0;
            barrier(CLK_LOCAL_MEM_FENCE);
            for (int i = me; i < batch; i += LOCAL) {
                item v = at + i < n ? SOURCE_AT(at + i) : LAST;
                a[(int)s.keep + i] = v;
                if (LESS(v, limit))
                    better = 1;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            if (better)
                bitonic_sort(a);
            barrier(CLK_LOCAL_MEM_FENCE);
        }
#endif
        for (INDEX i = me; i < s.keep; i += LOCAL) {
            if (s.parts > 1)
                out[t * s.keep + i] = a[i];
            else
                yr[i * s.y_step] = INDEX_OF(a[i]);
        }
#if LOCAL > 1
        barrier(CLK_LOCAL_MEM_FENCE);
#endif
    }
}
