// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n], any strides of a and b, c dense: for devices
// whose work-group runs on one core. One work-item keeps a tile of MR rows and NR = NV * LANES
// columns in registers and runs down k:
//
//              n ->   NV vectors of LANES
//            +-----------------------+
//      k |   | b[k][n .. n+NR-1]     |   read in place where columns lie side by side (B_ROWS)
//        v   +-----------------------+   and k is small; else packed into local memory, KC rows
//   +----+   +-----------------------+   at a time
//   |a   |   | c: MR x NV vectors    |
//   +----+   +-----------------------+
//
//   MR 4, NV 4, LANES 16
//   KC 256: terms that are added before the sums of such parts are
//   B_ROWS, B_COLUMNS 0: how b lies (matmul_panel.h)
//   PACKED 0: 1: b lies in panels already, of type T, made by matmul_panel
//   PACK_A 0: a is read in place; 1: AR rows of it at a time are converted and packed into local
//     memory, where k lies side by side; 2: likewise, where rows lie side by side
//   SUM_ROWS 128: of a task, where KC steps are not all; what they add is kept in local memory
//
// The macros of types and of the epilogue are in matmul.h.
#include "matmul_cpu.h"

#ifndef MR
#define MR 4
#endif
#ifndef NV
#define NV 4
#endif
#ifndef KC
#define KC 256
#endif
#ifndef PACKED
#define PACKED 0
#endif
#ifndef PACK_A
#define PACK_A 0
#endif
#ifndef SUM_ROWS
#define SUM_ROWS 128
#endif
// lint: -DB_ROWS=1 -DRANK=2 -DVIEWS=2 -DINDEX=long
// lint: -DB_COLUMNS=1 -DVIEWS=2 -DMR=8 -DNV=1
// lint: -DPACKED=1 -DVIEWS=2
// lint: -DPACKED=1 -DX=half -DT=float -DY=half -DNARROW -DPACK_A=1 -DVIEWS=2
// lint: -DX=double -DT=double -DY=double -DUSE_F64 -DLANES=8 -DVIEWS=2 -DPACK_A=2 -DKC=64
//       -DSUM_ROWS=64
// lint: -DX=double -DT=double -DY=double -DUSE_F64 -DLANES=8 -DVIEWS=2 -DB_COLUMNS=1 -DNV=2
// lint: -DX=half -DT=float -DY=half -DNARROW -DPACK_A=1 -DVIEWS=2 -DB_ROWS=1
// lint: -DX=ushort -DT=float -DY=ushort -DNARROW -DPACK_A=1 -DVIEWS=2 -DB_COLUMNS=1
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long -DB_ROWS=1
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const float *restrict p0'
//       '-DE_AT(matrix)=global const float *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const float *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, float, q0 + (m) * es->m[0] + (n))'
//       '-DE_WHOLE(m, n)=E_VECTOR(b0, float, q0 + (m) * es->m[0] + (n))'
//       '-DE_EDGE(m, n, count)=E_GATHER(b0, float, q0 + (m) * es->m[0], es->n[0], count)'
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long -DX=ushort -DT=float -DY=ushort -DNARROW
//       -DPACK_A=2
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const ushort *restrict p0'
//       '-DE_AT(matrix)=global const ushort *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const ushort *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, ushort, q0 + (m) * es->m[0] + (n))'
//       '-DE_WHOLE(m, n)=E_VECTOR(b0, ushort, q0 + (m) * es->m[0] + (n))'
//       '-DE_EDGE(m, n, count)=E_GATHER(b0, ushort, q0 + (m) * es->m[0], es->n[0], count)'

#if PACKED
#define BX T
#else
#define BX X
#endif
#define PANEL_SPACE local
#include "matmul_panel.h"

#if B_ROWS && !PACKED && !defined(NARROW)
#define IN_PLACE 1
#else
#define IN_PLACE 0
#endif

#if PACK_A
#define AR      16
#define A_SPACE local
#define A_TYPE  T
// Where an element of the packed rows lies: as it is copied side by side.
#if PACK_A == 1
#define A_ROW  KC
#define A_STEP 1
#else
#define A_ROW  1
#define A_STEP AR
#endif
// AR rows from m and columns k0 .. k0+kc-1; rows past the last are left as they are.
static inline void pack_a(const struct product *p, global const X *a, INDEX m, INDEX k0, INDEX kc,
                          local T *rows)
{
    INDEX whole = min((INDEX)AR, p->m - m);
    a += m * p->a_m + k0 * p->a_k;
#if PACK_A == 1
    for (INDEX i = 0; i < whole; i++) {
        INDEX k = 0;
        for (; p->a_k == 1 && k + LANES <= kc; k += LANES)
            VSTORE(LOAD_N(X, LANES, a + i * p->a_m + k), 0, rows + i * KC + k);
        for (; k < kc; k++)
            rows[i * KC + k] = LOAD(X, a + i * p->a_m + k * p->a_k);
    }
#else
    for (INDEX k = 0; k < kc; k++) {
        if (whole == AR) {
            for (int i = 0; i < AR; i += LANES)
                VSTORE(LOAD_N(X, LANES, a + i + k * p->a_k), 0, rows + k * AR + i);
        } else {
            for (INDEX i = 0; i < whole; i++)
                rows[k * AR + i] = LOAD(X, a + i + k * p->a_k);
        }
    }
#endif
}
#else
#define AR      MR
#define A_SPACE global
#define A_TYPE  X
#define A_ROW   p.a_m
#define A_STEP  p.a_k
#endif

// Adds kc steps to the tile; rows past the last repeat it and are not stored.
#define RUN_TILE                                                                  \
    for (INDEX k = 0; k < kc; k++) {                                              \
        V bb[NV];                                                                 \
        UNROLL for (int v = 0; v < NV; v++) bb[v] = VLOAD(v, b);                  \
        UNROLL for (int i = 0; i < MR; i++)                                       \
        {                                                                         \
            V x = (V)(a[row[i]]);                                                 \
            UNROLL for (int v = 0; v < NV; v++) c[i][v] = fma(x, bb[v], c[i][v]); \
        }                                                                         \
        a += a_step;                                                              \
        b += b_step;                                                              \
    }

#if IN_PLACE || PACKED
static inline void run_global(V c[MR][NV], const INDEX *row, A_SPACE const A_TYPE *a, INDEX a_step,
                              global const T *b, INDEX b_step, INDEX kc)
{
    RUN_TILE
}
#endif

#if !PACKED
static inline void run_local(V c[MR][NV], const INDEX *row, A_SPACE const A_TYPE *a, INDEX a_step,
                             local const T *b, INDEX b_step, INDEX kc)
{
    RUN_TILE
}
#endif

// What the tile adds to the sums of the KC steps before: short sums, then their sum, round less.
static inline void add_sums(V c[MR][NV], local const T *sums)
{
    UNROLL for (int i = 0; i < MR; i++)
    {
        UNROLL for (int v = 0; v < NV; v++) c[i][v] += VLOAD(i * NV + v, sums);
    }
}

static inline void keep_tile(V c[MR][NV], local T *sums)
{
    UNROLL for (int i = 0; i < MR; i++)
    {
        UNROLL for (int v = 0; v < NV; v++) VSTORE(c[i][v], i * NV + v, sums);
    }
}

static inline void store_tile(V c[MR][NV], const struct product *p, global Y *y, INDEX m, INDEX n,
                              local T *edge E_TAKES)
{
#ifndef INPUTS
    if (m + MR <= p->m && n + NR <= p->n) {
        UNROLL for (int i = 0; i < MR; i++)
        {
            UNROLL for (int v = 0; v < NV; v++)
                STORE_N(Y, LANES, c[i][v], y + (m + i) * p->n + n + v * LANES);
        }
        return;
    }
#endif
    keep_tile(c, edge);
    store_rows(edge, NR, min((INDEX)MR, p->m - m), min((INDEX)NR, p->n - n), p, y, m, n E_PASS);
}

// A task is one panel of NR columns by `rows` rows of one matrix of the batch.
__attribute__((reqd_work_group_size(1, 1, 1))) kernel void matmul_cpu_tile(
    INDEX first, INDEX last, const struct product p, INDEX rows, const struct dims batch,
    global const X *restrict a, global const BX *restrict b, global Y *restrict c E_PARAMS)
{
#if !PACKED
    local T panel[KC * NR] __attribute__((aligned(64)));
#endif
    local T edge[MR * NR] __attribute__((aligned(64)));
    local T sums[SUM_ROWS * NR] __attribute__((aligned(64)));
#if PACK_A
    local T packed[KC * AR] __attribute__((aligned(64)));
#endif
    INDEX panels = (p.n + NR - 1) / NR, blocks = (p.m + rows - 1) / rows;
    FOR_TASKS(t)
    {
        INDEX matrix = t / (panels * blocks), rest = t - matrix * panels * blocks;
        INDEX m0 = rest / panels * rows, n = (rest - rest / panels * panels) * NR;
        INDEX m_end = min(p.m, m0 + rows);
        global const X *am = a + dims_at(&batch, 0, matrix, RANK);
#if PACKED
        global const T *panel = b + n * p.k;
#else
        global const X *bm = b + dims_at(&batch, 1, matrix, RANK);
        // Far down k, rows of b collide in the cache; packing them pays for itself in many rows.
        bool in_place = IN_PLACE && n + NR <= p.n && (p.k < 4 * KC || rows < 64);
#endif
        global Y *cm = c + matrix * p.m * p.n;
        E_AT(matrix)
        INDEX k0 = 0;
        do {
            INDEX kc = min((INDEX)KC, p.k - k0);
#if !PACKED
            if (!in_place)
                pack_b(&p, bm, k0, kc, n, panel);
#endif
            for (INDEX m = m0; m < m_end; m += MR) {
                V tile[MR][NV];
                INDEX row[MR];
#if PACK_A
                INDEX within = (m - m0) % AR;
                local const T *rows_at = packed;
                if (!within)
                    pack_a(&p, am, m, k0, kc, packed);
#else
                INDEX within = m;
                global const X *rows_at = am + k0 * p.a_k;
#endif
                UNROLL for (int i = 0; i < MR; i++)
                {
                    row[i] = (within + min((INDEX)i, p.m - 1 - m)) * A_ROW;
                    UNROLL for (int v = 0; v < NV; v++) tile[i][v] = 0;
                }
#if PACKED
                run_global(tile, row, rows_at, A_STEP, panel + k0 * NR, NR, kc);
#else
#if IN_PLACE
                if (in_place)
                    run_global(tile, row, rows_at, A_STEP, bm + k0 * p.b_k + n, p.b_k, kc);
                else
#endif
                    run_local(tile, row, rows_at, A_STEP, panel, NR, kc);
#endif
                if (k0)
                    add_sums(tile, sums + (m - m0) * NR);
                if (k0 + KC < p.k)
                    keep_tile(tile, sums + (m - m0) * NR);
                else
                    store_tile(tile, &p, cm, m, n, edge E_ARGS);
            }
            k0 += KC;
        } while (k0 < p.k);
    }
}
