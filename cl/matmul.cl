// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n], any strides of a and b, c dense.
//
//   T       float or double [float]
//   INDEX   int, or long where an index may exceed 31 bits
//
// matmul_cpu_tile: for devices whose work-group runs on one core. One work-item keeps a tile of MR
// rows and NR = NV * LANES columns in registers and runs down k:
//
//              n ->   NV vectors of LANES
//            +-----------------------+
//      k |   | b[k][n .. n+NR-1]     |   read in place where columns lie side by side (B_ROWS),
//        v   +-----------------------+   else packed, KC rows at a time, into local memory
//   +----+   +-----------------------+
//   |a   |   | c: MR x NV vectors    |
//   +----+   +-----------------------+
//
//   MR 4, NV 4, LANES 16, KC 256, B_ROWS 0 or 1, B_COLUMNS 0 or 1 (k lies side by side)
//
// matmul_gpu_tile: a group of TILE/4 x TILE/4 work-items makes TILE x TILE outputs, 4 x 4 each; KT
// columns of a and rows of b at a time go through local memory.
//
//   TILE 64, KT 16
//
// matmul_plain: one work-item an output; for devices that can do neither.
#include "common.h"

#ifndef T
#define T float
#endif
#ifndef MR
#define MR 4
#endif
#ifndef NV
#define NV 4
#endif
#ifndef LANES
#define LANES 16
#endif
#ifndef KC
#define KC 256
#endif
#ifndef B_ROWS
#define B_ROWS 0
#endif
#ifndef B_COLUMNS
#define B_COLUMNS 0
#endif
#ifndef TILE
#define TILE 64
#endif
#ifndef KT
#define KT 16
#endif
// lint: -DCPU_TILE -DB_ROWS=1 -DRANK=2 -DVIEWS=2
// lint: -DCPU_TILE -DB_COLUMNS=1 -DVIEWS=2
// lint: -DGPU_TILE -DVIEWS=2
// lint: -DPLAIN -DVIEWS=2
// lint: -DCPU_TILE -DT=double -DUSE_F64 -DLANES=8 -DVIEWS=2

#define V CAT(T, LANES)
#define VLOAD CAT(vload, LANES)
#define VSTORE CAT(vstore, LANES)
#define NR (NV * LANES)
#define UNROLL _Pragma("unroll")

// Sizes and strides, in elements. `batch` walks the leading dimensions of a (view 0) and b (1).
struct product {
    INDEX m, n, k, a_m, a_k, b_k, b_n;
};

#ifdef CPU_TILE
#if LANES == 16 && B_COLUMNS
// Steps of a 16 x 16 transposition in registers: blocks of 1, 2, 4 and 8 change places.
#define SWAP1(a, b)                                                                                \
    {                                                                                              \
        V t = (V)(a.s0, b.s0, a.s2, b.s2, a.s4, b.s4, a.s6, b.s6, a.s8, b.s8, a.sa, b.sa, a.sc,    \
                  b.sc, a.se, b.se);                                                               \
        b = (V)(a.s1, b.s1, a.s3, b.s3, a.s5, b.s5, a.s7, b.s7, a.s9, b.s9, a.sb, b.sb, a.sd,      \
                b.sd, a.sf, b.sf);                                                                 \
        a = t;                                                                                     \
    }
#define SWAP2(a, b)                                                                                \
    {                                                                                              \
        V t = (V)(a.s01, b.s01, a.s45, b.s45, a.s89, b.s89, a.scd, b.scd);                         \
        b = (V)(a.s23, b.s23, a.s67, b.s67, a.sab, b.sab, a.sef, b.sef);                           \
        a = t;                                                                                     \
    }
#define SWAP4(a, b)                                                                                \
    {                                                                                              \
        V t = (V)(a.s0123, b.s0123, a.s89ab, b.s89ab);                                             \
        b = (V)(a.s4567, b.s4567, a.scdef, b.scdef);                                               \
        a = t;                                                                                     \
    }
#define SWAP8(a, b)                                                                                \
    {                                                                                              \
        V t = (V)(a.lo, b.lo);                                                                     \
        b = (V)(a.hi, b.hi);                                                                       \
        a = t;                                                                                     \
    }
// 16 columns of 16 numbers side by side become 16 rows of a panel that is NR wide.
void transpose16(global const T *from, INDEX stride, local T *to)
{
    V r[16];
    UNROLL for (int i = 0; i < 16; i++) r[i] = VLOAD(0, from + i * stride);
    UNROLL for (int i = 0; i < 16; i += 2) SWAP1(r[i], r[i + 1])
    UNROLL for (int i = 0; i < 16; i++) if (!(i & 2)) SWAP2(r[i], r[i + 2])
    UNROLL for (int i = 0; i < 16; i++) if (!(i & 4)) SWAP4(r[i], r[i + 4])
    UNROLL for (int i = 0; i < 8; i++) SWAP8(r[i], r[i + 8])
    UNROLL for (int i = 0; i < 16; i++) VSTORE(r[i], 0, to + i * NR);
}
#endif

// Rows k0 .. k0+kc-1 of NR columns from n0 into the panel; columns past the last are 0.
void pack_b(const struct product *p, global const T *b, INDEX k0, INDEX kc, INDEX n0,
            local T *panel)
{
    INDEX whole = min((INDEX)NR, p->n - n0);
    INDEX k = 0;
#if B_COLUMNS && LANES == 16
    for (; whole == NR && k + 16 <= kc; k += 16) {
        for (int v = 0; v < NV; v++)
            transpose16(b + (n0 + v * 16) * p->b_n + k0 + k, p->b_n, panel + k * NR + v * 16);
    }
#endif
    for (; k < kc; k++) {
        global const T *row = b + (k0 + k) * p->b_k + n0 * p->b_n;
        for (INDEX j = 0; j < whole; j++)
            panel[k * NR + j] = row[j * p->b_n];
        for (INDEX j = whole; j < NR; j++)
            panel[k * NR + j] = 0;
    }
}

// Adds kc steps to the tile; rows past the last repeat it and are not stored.
#define RUN_TILE(space)                                                                            \
    for (INDEX k = 0; k < kc; k++) {                                                               \
        V bb[NV];                                                                                  \
        UNROLL for (int v = 0; v < NV; v++) bb[v] = VLOAD(v, b);                                   \
        UNROLL for (int i = 0; i < MR; i++)                                                        \
        {                                                                                          \
            V x = (V)(a[row[i]]);                                                                  \
            UNROLL for (int v = 0; v < NV; v++) c[i][v] = fma(x, bb[v], c[i][v]);                  \
        }                                                                                          \
        a += p->a_k;                                                                               \
        b += b_step;                                                                               \
    }

void run_global(V c[MR][NV], const struct product *p, const INDEX *row, global const T *a,
                global const T *b, INDEX b_step, INDEX kc)
{
    RUN_TILE(global)
}

void run_local(V c[MR][NV], const struct product *p, const INDEX *row, global const T *a,
               local const T *b, INDEX b_step, INDEX kc)
{
    RUN_TILE(local)
}

void load_tile(V c[MR][NV], const struct product *p, global const T *y, INDEX m, INDEX n)
{
    INDEX rows = min((INDEX)MR, p->m - m), columns = min((INDEX)NR, p->n - n);
    if (rows == MR && columns == NR) {
        UNROLL for (int i = 0; i < MR; i++)
        {
            UNROLL for (int v = 0; v < NV; v++) c[i][v] = VLOAD(v, y + (m + i) * p->n + n);
        }
        return;
    }
    for (int i = 0; i < MR; i++) {
        T edge[NR];
        for (INDEX j = 0; j < NR; j++)
            edge[j] = i < rows && j < columns ? y[(m + i) * p->n + n + j] : 0;
        for (int v = 0; v < NV; v++)
            c[i][v] = VLOAD(v, edge);
    }
}

void store_tile(V c[MR][NV], const struct product *p, global T *y, INDEX m, INDEX n)
{
    INDEX rows = min((INDEX)MR, p->m - m), columns = min((INDEX)NR, p->n - n);
    if (rows == MR && columns == NR) {
        UNROLL for (int i = 0; i < MR; i++)
        {
            UNROLL for (int v = 0; v < NV; v++) VSTORE(c[i][v], v, y + (m + i) * p->n + n);
        }
        return;
    }
    for (int i = 0; i < rows; i++) {
        T edge[NR];
        for (int v = 0; v < NV; v++)
            VSTORE(c[i][v], v, edge);
        for (INDEX j = 0; j < columns; j++)
            y[(m + i) * p->n + n + j] = edge[j];
    }
}

// A task is one panel of NR columns by `rows` rows of one matrix of the batch.
__attribute__((reqd_work_group_size(1, 1, 1))) kernel void
matmul_cpu_tile(INDEX first, INDEX last, const struct product p, INDEX rows,
                const struct dims batch, global const T *restrict a, global const T *restrict b,
                global T *restrict c)
{
    local T panel[KC * NR] __attribute__((aligned(64)));
    INDEX panels = (p.n + NR - 1) / NR, blocks = (p.m + rows - 1) / rows;
    FOR_TASKS(t)
    {
        INDEX matrix = t / (panels * blocks), rest = t - matrix * panels * blocks;
        INDEX m0 = rest / panels * rows, n = (rest - rest / panels * panels) * NR;
        INDEX m_end = min(p.m, m0 + rows);
        global const T *am = a + dims_at(&batch, 0, matrix, RANK);
        global const T *bm = b + dims_at(&batch, 1, matrix, RANK);
        global T *cm = c + matrix * p.m * p.n;
        bool in_place = B_ROWS && n + NR <= p.n;
        INDEX step = in_place ? max(p.k, (INDEX)1) : KC;
        INDEX k0 = 0;
        do {
            INDEX kc = min(step, p.k - k0);
            if (!in_place)
                pack_b(&p, bm, k0, kc, n, panel);
            for (INDEX m = m0; m < m_end; m += MR) {
                V tile[MR][NV];
                INDEX row[MR];
                UNROLL for (int i = 0; i < MR; i++)
                {
                    row[i] = (min(m + i, p.m - 1)) * p.a_m;
                    UNROLL for (int v = 0; v < NV; v++) tile[i][v] = 0;
                }
                if (k0)
                    load_tile(tile, &p, cm, m, n);
                if (in_place)
                    run_global(tile, &p, row, am + k0 * p.a_k, bm + n, p.b_k, kc);
                else
                    run_local(tile, &p, row, am + k0 * p.a_k, panel, NR, kc);
                store_tile(tile, &p, cm, m, n);
            }
            k0 += step;
        } while (k0 < p.k);
    }
}
#endif

#ifdef GPU_TILE
// A task is one TILE x TILE block of one matrix of the batch.
kernel void matmul_gpu_tile(INDEX first, INDEX last, const struct product p,
                            const struct dims batch, global const T *restrict a,
                            global const T *restrict b, global T *restrict c)
{
    local T as[KT][TILE + 1], bs[KT][TILE + 1];
    const int side = TILE / 4, items = side * side;
    int item = (int)get_local_id(0), tx = item % side, ty = item / side;
    INDEX across = (p.n + TILE - 1) / TILE, down = (p.m + TILE - 1) / TILE;
    // Neighbouring work-items read neighbouring memory, whichever way a and b lie.
    bool a_down = p.a_m < p.a_k, b_down = p.b_k < p.b_n;
    FOR_TASKS(t)
    {
        INDEX matrix = t / (across * down), rest = t - matrix * across * down;
        INDEX m0 = rest / across * TILE, n0 = (rest - rest / across * across) * TILE;
        global const T *am = a + dims_at(&batch, 0, matrix, RANK);
        global const T *bm = b + dims_at(&batch, 1, matrix, RANK);
        T sum[4][4];
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 4; j++)
                sum[i][j] = 0;
        }
        for (INDEX k0 = 0; k0 < p.k; k0 += KT) {
            for (int e = item; e < TILE * KT; e += items) {
                int i = a_down ? e % TILE : e / KT, k = a_down ? e / TILE : e % KT;
                bool in = m0 + i < p.m && k0 + k < p.k;
                as[k][i] = in ? am[(m0 + i) * p.a_m + (k0 + k) * p.a_k] : 0;
                int j = b_down ? e / KT : e % TILE;
                k = b_down ? e % KT : e / TILE;
                in = n0 + j < p.n && k0 + k < p.k;
                bs[k][j] = in ? bm[(k0 + k) * p.b_k + (n0 + j) * p.b_n] : 0;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            for (int k = 0; k < KT; k++) {
                T x[4], y[4];
                for (int i = 0; i < 4; i++) {
                    x[i] = as[k][ty + i * side];
                    y[i] = bs[k][tx + i * side];
                }
                for (int i = 0; i < 4; i++) {
                    for (int j = 0; j < 4; j++)
                        sum[i][j] = fma(x[i], y[j], sum[i][j]);
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 4; j++) {
                INDEX m = m0 + ty + i * side, n = n0 + tx + j * side;
                if (m < p.m && n < p.n)
                    c[(matrix * p.m + m) * p.n + n] = sum[i][j];
            }
        }
    }
}
#endif

#ifdef PLAIN
// A task is one row of one matrix of the batch.
kernel void matmul_plain(INDEX first, INDEX last, const struct product p, const struct dims batch,
                         global const T *restrict a, global const T *restrict b,
                         global T *restrict c)
{
    FOR_TASKS(t)
    {
        INDEX matrix = t / p.m, m = t - matrix * p.m;
        global const T *am = a + dims_at(&batch, 0, matrix, RANK) + m * p.a_m;
        global const T *bm = b + dims_at(&batch, 1, matrix, RANK);
        for (INDEX n = (INDEX)get_local_id(0); n < p.n; n += (INDEX)get_local_size(0)) {
            T sum = 0;
            for (INDEX k = 0; k < p.k; k++)
                sum = fma(am[k * p.a_k], bm[k * p.b_k + n * p.b_n], sum);
            c[t * p.n + n] = sum;
        }
    }
}
#endif
