// Elements from any strides to any strides, without regard to what the bits mean: view 0 of `d` is
// read from x, view 1 written to y. The host orders and joins the dimensions; strides may be
// negative. x and y may be one buffer, if nothing that is read is written.
//
// copy_rows walks the last dimension, of `inner` elements. A task is one of the `chunks` pieces of
// `chunk` elements of a row; or, with one piece, `rows` rows of the `count`.
//
// copy_each is the same for groups: a task is CHUNK elements, one after the other in the order of
// the shape.
//
// copy_tiles is for rows of x that do not lie along those of y, or that are short: a task is a tile
// of size_k by size_l of the last two dimensions, k and l; x runs along k, y along l.
//
//   E      unsigned integer type of an element's size
//   CHUNK  elements of a task of copy_each [1024]
//   LOCAL  work-items of a group in copy_tiles: 1, or a multiple of BLOCK [1]
//   BLOCK  the side of a square that is turned at once: 16; with LOCAL > 1 any, and the tile's [16]
#define VIEWS 2
#include "common.h"

#ifndef E
#define E uint
#endif
#ifndef CHUNK
#define CHUNK 1024
#endif
#ifndef LOCAL
#define LOCAL 1
#endif
#ifndef BLOCK
#define BLOCK 16
#endif
// lint: -DRANK=3 -DINDEX=long -DCHUNK=64 -DE=ulong
// lint: -DRANK=2 -DLOCAL=256 -DBLOCK=32
// lint: -DRANK=2 -DE=uchar
// lint: -DRANK=4 -DE=ushort -DLOCAL=256 -DBLOCK=32 -DINDEX=long

// Each form of its own, so that it becomes moves of vectors where it can. Rows are often short: a
// loop that waits for several vectors at once would leave most of them to single elements.
static inline void copy_row(global const E *x, INDEX sx, global E *y, INDEX sy, INDEX n)
{
    if (sy == 1 && sx == 1) {
        INDEX i = 0;
        for (; i <= n - 16; i += 16)
            vstore16(vload16(0, x + i), 0, y + i);
        for (; i < n; i++)
            y[i] = x[i];
    } else if (sy == 1 && sx == -1) {
        for (INDEX i = 0; i < n; i++)
            y[i] = x[-i];
    } else if (sy == 1 && sx == 0) {
        E v = x[0];
        for (INDEX i = 0; i < n; i++)
            y[i] = v;
    } else {
        for (INDEX i = 0; i < n; i++)
            y[i * sy] = x[i * sx];
    }
}

kernel void copy_rows(INDEX first, INDEX last, INDEX count, INDEX rows, INDEX chunks, INDEX chunk,
                      const struct dims d, global const E *restrict x, global E *restrict y)
{
    INDEX inner = d.shape[RANK - 1], sx = d.stride[0][RANK - 1], sy = d.stride[1][RANK - 1];
    FOR_TASKS(t)
    {
        INDEX block = t / chunks, begin = (t - block * chunks) * chunk;
        INDEX end = min(count, (block + 1) * rows), n = min(chunk, inner - begin);
        for (INDEX row = block * rows; row < end; row++)
            copy_row(x + dims_at(&d, 0, row, RANK - 1) + begin * sx, sx,
                     y + dims_at(&d, 1, row, RANK - 1) + begin * sy, sy, n);
    }
}

kernel void copy_each(INDEX first, INDEX last, INDEX n, const struct dims d,
                      global const E *restrict x, global E *restrict y)
{
    FOR_TASKS(t)
    {
        INDEX end = min(n, (t + 1) * CHUNK);
        for (INDEX i = t * CHUNK + (INDEX)get_local_id(0); i < end; i += (INDEX)get_local_size(0))
            y[dims_at(&d, 1, i, RANK)] = x[dims_at(&d, 0, i, RANK)];
    }
}

#if RANK > 1
// Where the tile begins that task t is, and how much of it there is.
struct tile {
    INDEX x, y, k, l;
};
struct tile tile_of(const struct dims *d, INDEX t, INDEX size_k, INDEX size_l)
{
    INDEX nk = d->shape[RANK - 2], nl = d->shape[RANK - 1];
    INDEX across = (nl + size_l - 1) / size_l, down = (nk + size_k - 1) / size_k;
    INDEX q = t / across, l = (t - q * across) * size_l;
    INDEX outer = q / down, k = (q - outer * down) * size_k;
    struct tile a;
    a.x = dims_at(d, 0, outer, RANK - 2) + k * d->stride[0][RANK - 2] + l * d->stride[0][RANK - 1];
    a.y = dims_at(d, 1, outer, RANK - 2) + k * d->stride[1][RANK - 2] + l * d->stride[1][RANK - 1];
    a.k = min(size_k, nk - k);
    a.l = min(size_l, nl - l);
    return a;
}

#if LOCAL > 1
kernel void copy_tiles(INDEX first, INDEX last, INDEX size_k, INDEX size_l, const struct dims d,
                       global const E *restrict x, global E *restrict y)
{
    local E square[BLOCK][BLOCK + 1];
    INDEX xk = d.stride[0][RANK - 2], xl = d.stride[0][RANK - 1];
    INDEX yk = d.stride[1][RANK - 2], yl = d.stride[1][RANK - 1];
    int fast = (int)get_local_id(0) % BLOCK, slow = (int)get_local_id(0) / BLOCK;
    FOR_TASKS(t)
    {
        struct tile a = tile_of(&d, t, BLOCK, BLOCK);
        for (int l = slow; l < a.l; l += LOCAL / BLOCK) {
            if (fast < a.k)
                square[l][fast] = x[a.x + fast * xk + l * xl];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = slow; k < a.k; k += LOCAL / BLOCK) {
            if (fast < a.l)
                y[a.y + k * yk + fast * yl] = square[fast][k];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#else
#define E16 CAT(E, 16)
// Turns a square of 16 by 16 in registers: exchanges the off-diagonal halves of squares of 2, 4, 8
// and 16.
#define TURN2(a, b)                                                                          \
    {                                                                                        \
        E16 t = (E16)(a.s0, b.s0, a.s2, b.s2, a.s4, b.s4, a.s6, b.s6, a.s8, b.s8, a.sa, b.sa, \
                      a.sc, b.sc, a.se, b.se);                                               \
        b = (E16)(a.s1, b.s1, a.s3, b.s3, a.s5, b.s5, a.s7, b.s7, a.s9, b.s9, a.sb, b.sb,     \
                  a.sd, b.sd, a.sf, b.sf);                                                   \
        a = t;                                                                               \
    }
#define TURN4(a, b)                                                                          \
    {                                                                                        \
        E16 t = (E16)(a.s01, b.s01, a.s45, b.s45, a.s89, b.s89, a.scd, b.scd);               \
        b = (E16)(a.s23, b.s23, a.s67, b.s67, a.sab, b.sab, a.sef, b.sef);                   \
        a = t;                                                                               \
    }
#define TURN8(a, b)                                                                          \
    {                                                                                        \
        E16 t = (E16)(a.s0123, b.s0123, a.s89ab, b.s89ab);                                   \
        b = (E16)(a.s4567, b.s4567, a.scdef, b.scdef);                                       \
        a = t;                                                                               \
    }
#define TURN16(a, b)                                                                         \
    {                                                                                        \
        E16 t = (E16)(a.lo, b.lo);                                                           \
        b = (E16)(a.hi, b.hi);                                                               \
        a = t;                                                                               \
    }
#define EACH_PAIR(turn, d)                                                                   \
    for (int i = 0; i < 16; i++) {                                                           \
        if (!(i & (d)))                                                                      \
            turn(r[i], r[i + (d)])                                                           \
    }
static inline void turn_square(global const E *x, INDEX xl, global E *y, INDEX yk)
{
    E16 r[16];
    __attribute__((opencl_unroll_hint(16)))
    for (int i = 0; i < 16; i++)
        r[i] = vload16(0, x + i * xl);
    __attribute__((opencl_unroll_hint(16)))
    EACH_PAIR(TURN2, 1)
    __attribute__((opencl_unroll_hint(16)))
    EACH_PAIR(TURN4, 2)
    __attribute__((opencl_unroll_hint(16)))
    EACH_PAIR(TURN8, 4)
    __attribute__((opencl_unroll_hint(16)))
    EACH_PAIR(TURN16, 8)
    __attribute__((opencl_unroll_hint(16)))
    for (int i = 0; i < 16; i++)
        vstore16(r[i], 0, y + i * yk);
}

kernel void copy_tiles(INDEX first, INDEX last, INDEX size_k, INDEX size_l, const struct dims d,
                       global const E *restrict x, global E *restrict y)
{
    INDEX xk = d.stride[0][RANK - 2], xl = d.stride[0][RANK - 1];
    INDEX yk = d.stride[1][RANK - 2], yl = d.stride[1][RANK - 1];
    FOR_TASKS(t)
    {
        struct tile a = tile_of(&d, t, size_k, size_l);
        bool turn = xk == 1 && yl == 1;
        INDEX whole_k = turn ? a.k / BLOCK * BLOCK : 0, whole_l = turn ? a.l / BLOCK * BLOCK : 0;
        for (INDEX k = 0; k < whole_k; k += BLOCK) {
            for (INDEX l = 0; l < whole_l; l += BLOCK)
                turn_square(x + a.x + k + l * xl, xl, y + a.y + k * yk + l, yk);
        }
        // Few rows of y, each along its own elements.
        for (INDEX k = 0; k < a.k && a.k < BLOCK; k++)
            copy_row(x + a.x + k * xk, xl, y + a.y + k * yk, yl, a.l);
        // What is left of the squares: below them, and beside them.
        for (INDEX l = 0; l < a.l && a.k >= BLOCK; l++) {
            INDEX k = l < whole_l ? whole_k : 0;
            copy_row(x + a.x + k * xk + l * xl, xk, y + a.y + k * yk + l * yl, yk, a.k - k);
        }
    }
}
#endif
#endif
