// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n] of bytes, any strides of a and b, c dense: for
// devices whose work-group runs on one core. As in matmul_cpu.cl, a tile of MR rows and NV * LANES
// columns runs down k, over a panel of b in local memory.
//
// The tile is computed in float, whose multiply-add such a device has as a vector, where that of
// 32-bit integers takes it several steps: 256 products of bytes, 255 * 255 at most, add up to less
// than 2^24, so every sum of KC terms is exact. Those of the KC steps are added as integers.
//
// Few rows by columns along which k lies side by side would be packed for nothing: they are summed
// up along k, as integers (DOT).
//
//   MR 4, NV 4, LANES 16
//   KC 256        terms: no more, for float holds their sums
//   SUM_ROWS 128  of a task, where KC steps are not all; what they add is kept in local memory
//   A_TURNED 0    1: the rows of a lie side by side
//   B_ROWS 0      1: the columns of b lie side by side
//   DOT 0         1: k lies side by side in both operands, and rows are few
#include "matmul.h"

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
#ifndef SUM_ROWS
#define SUM_ROWS 128
#endif
#ifndef A_TURNED
#define A_TURNED 0
#endif
#ifndef B_ROWS
#define B_ROWS 0
#endif
#ifndef DOT
#define DOT 0
#endif
// lint: -DVIEWS=2 -DX=char -DT=uint -DY=int -DWHOLE
// lint: -DVIEWS=2 -DX=char -DXA=char -DXB=uchar -DT=uint -DY=int -DWHOLE -DDOT=1
// lint: -DVIEWS=2 -DX=char -DXA=char -DXB=uchar -DT=uint -DY=int -DWHOLE -DA_TURNED=1 -DB_ROWS=1
//       -DINDEX=long
// lint: -DVIEWS=2 -DX=uchar -DT=uint -DY=uchar -DWHOLE -DB_ROWS=1 -DMR=8 -DNV=1 -DLANES=8 -DKC=128
//       -DSUM_ROWS=64

#define NR          (NV * LANES)
#define F           CAT(float, LANES)
#define U           CAT(uint, LANES)
#define AR          16 // rows of a that are packed at once
#define UNROLL      _Pragma("unroll")
#define VLOAD       CAT(vload, LANES)
#define VSTORE      CAT(vstore, LANES)
#define FLOATS(x)   CAT(convert_, F)(x)
#define BYTES_AT(p) FLOATS(VLOAD(0, p))

#if DOT
#define I        CAT(int, LANES)
#define WIDEN(p) CAT(convert_, I)(VLOAD(0, p))

// The products of MR rows of a, `row` of them, with a column of b.
static inline void dot_column(uint *sum, const struct product *p, global const XA *a,
                              const INDEX *row, global const XB *b)
{
    U all[MR];
    UNROLL for (int i = 0; i < MR; i++)
    {
        all[i] = 0;
        sum[i] = 0;
    }
    INDEX k = 0;
    for (; k + LANES <= p->k; k += LANES) {
        I y = WIDEN(b + k);
        UNROLL for (int i = 0; i < MR; i++) all[i] += CAT(as_, U)(WIDEN(a + row[i] + k) * y);
    }
    for (; k < p->k; k++) {
        UNROLL for (int i = 0; i < MR; i++) sum[i] += (uint)((int)a[row[i] + k] * (int)b[k]);
    }
    UNROLL for (int i = 0; i < MR; i++)
    {
        uint lane[LANES];
        VSTORE(all[i], 0, lane);
        UNROLL for (int j = 0; j < LANES; j++) sum[i] += lane[j];
    }
}

// A task is NR columns by `rows` rows of one matrix of the batch.
__attribute__((reqd_work_group_size(1, 1, 1))) kernel void matmul_cpu_int(
    INDEX first, INDEX last, const struct product p, INDEX rows, const struct dims batch,
    global const XA *restrict a, global const XB *restrict b, global Y *restrict c)
{
    INDEX panels = (p.n + NR - 1) / NR, blocks = (p.m + rows - 1) / rows;
    FOR_TASKS(t)
    {
        INDEX matrix = t / (panels * blocks), rest = t - matrix * panels * blocks;
        INDEX m0 = rest / panels * rows, n0 = (rest - rest / panels * panels) * NR;
        INDEX m_end = min(p.m, m0 + rows), n_end = min(p.n, n0 + NR);
        global const XA *am = a + dims_at(&batch, 0, matrix, RANK);
        global const XB *bm = b + dims_at(&batch, 1, matrix, RANK);
        global Y *cm = c + matrix * p.m * p.n;
        for (INDEX m = m0; m < m_end; m += MR) {
            INDEX row[MR];
            uint sum[MR];
            UNROLL for (int i = 0; i < MR; i++) row[i] = (m + min((INDEX)i, p.m - 1 - m)) * p.a_m;
            for (INDEX n = n0; n < n_end; n++) {
                dot_column(sum, &p, am, row, bm + n * p.b_n);
                for (INDEX i = 0; i < MR && m + i < m_end; i++)
                    STORE(Y, sum[i], cm + (m + i) * p.n + n);
            }
        }
    }
}
#else
// Rows k0 .. k0+kc-1 of NR columns from n0 into the panel; columns past the last are 0.
static inline void pack_b(const struct product *p, global const XB *b, INDEX k0, INDEX kc, INDEX n0,
                          local float *panel)
{
    INDEX whole = min((INDEX)NR, p->n - n0);
    b += k0 * p->b_k + n0 * p->b_n;
#if B_ROWS
    for (INDEX k = 0; whole == NR && k < kc; k++) {
        for (int v = 0; v < NV; v++)
            VSTORE(BYTES_AT(b + k * p->b_k + v * LANES), v, panel + k * NR);
    }
    if (whole == NR)
        return;
#endif
    // Along what lies side by side; what is written collides less.
    for (INDEX j = 0; j < NR; j++) {
        global const XB *column = b + min(j, whole - 1) * p->b_n;
        for (INDEX k = 0; k < kc; k++)
            panel[k * NR + j] = j < whole ? (float)column[k * p->b_k] : 0.0f;
    }
}

// Where an element of the packed rows lies: as it is copied side by side.
#if A_TURNED
#define A_ROW  1
#define A_STEP AR
#else
#define A_ROW  KC
#define A_STEP 1
#endif

// AR rows from m and columns k0 .. k0+kc-1; rows past the last are left as they are.
static inline void pack_a(const struct product *p, global const XA *a, INDEX m, INDEX k0, INDEX kc,
                          local float *rows)
{
    INDEX whole = min((INDEX)AR, p->m - m);
    a += m * p->a_m + k0 * p->a_k;
#if A_TURNED
    for (INDEX k = 0; k < kc; k++) {
        for (INDEX i = 0; whole == AR && i < AR; i += LANES)
            VSTORE(BYTES_AT(a + k * p->a_k + i), 0, rows + k * AR + i);
        for (INDEX i = whole == AR ? AR : 0; i < whole; i++)
            rows[k * AR + i] = (float)a[k * p->a_k + i];
    }
#else
    for (INDEX i = 0; i < whole; i++) {
        INDEX k = 0;
        for (; p->a_k == 1 && k + LANES <= kc; k += LANES)
            VSTORE(BYTES_AT(a + i * p->a_m + k), 0, rows + i * KC + k);
        for (; k < kc; k++)
            rows[i * KC + k] = (float)a[i * p->a_m + k * p->a_k];
    }
#endif
}

// kc steps of the tile from nothing. LOAD_ROW(v): vector v of the row of b.
#define RUN_TILE(LOAD_ROW)                                                           \
    F c[MR][NV];                                                                     \
    UNROLL for (int i = 0; i < MR; i++)                                              \
    {                                                                                \
        UNROLL for (int v = 0; v < NV; v++) c[i][v] = 0;                             \
    }                                                                                \
    for (INDEX k = 0; k < kc; k++) {                                                 \
        F row_b[NV];                                                                 \
        UNROLL for (int v = 0; v < NV; v++) row_b[v] = LOAD_ROW(v);                  \
        UNROLL for (int i = 0; i < MR; i++)                                          \
        {                                                                            \
            F x = (F)(a[row[i]]);                                                    \
            UNROLL for (int v = 0; v < NV; v++) c[i][v] = fma(x, row_b[v], c[i][v]); \
        }                                                                            \
        a += A_STEP;                                                                 \
        b += b_step;                                                                 \
    }                                                                                \
    UNROLL for (int i = 0; i < MR; i++)                                              \
    {                                                                                \
        UNROLL for (int v = 0; v < NV; v++) VSTORE(c[i][v], i *NV + v, tile);        \
    }

static inline void run_packed(float *tile, const INDEX *row, local const float *a,
                              local const float *b, INDEX b_step, INDEX kc)
{
#define PACKED(v) VLOAD(v, b)
    RUN_TILE(PACKED)
}

#if B_ROWS
// The columns as they are: where so few rows need them that packing does not pay.
static inline void run_in_place(float *tile, const INDEX *row, local const float *a,
                                global const XB *b, INDEX b_step, INDEX kc)
{
#define IN_PLACE(v) FLOATS(VLOAD(v, b))
    RUN_TILE(IN_PLACE)
}
#endif

// Adds the sums of the KC steps before, and keeps them, or stores what is whole.
static inline void add_tile(const float *tile, local uint *sums, bool begun, bool more,
                            const struct product *p, global Y *y, INDEX m, INDEX n)
{
    INDEX rows = min((INDEX)MR, p->m - m);
    for (INDEX i = 0; i < rows; i++) {
        for (int v = 0; v < NV; v++) {
            INDEX at = n + v * LANES, count = p->n - at;
            U u = CAT(as_, U)(CAT(convert_int, LANES)(VLOAD((int)i * NV + v, tile)));
            if (begun)
                u += VLOAD(v, sums + i * NR);
            if (more) {
                VSTORE(u, v, sums + i * NR);
            } else if (count >= LANES) {
                STORE_N(Y, LANES, CAT(as_int, LANES)(u), y + (m + i) * p->n + at);
            } else {
                uint edge[LANES];
                VSTORE(u, 0, edge);
                for (INDEX j = 0; j < count; j++)
                    STORE(Y, edge[j], y + (m + i) * p->n + at + j);
            }
        }
    }
}

// A task is one panel of NR columns by `rows` rows of one matrix of the batch.
__attribute__((reqd_work_group_size(1, 1, 1))) kernel void matmul_cpu_int(
    INDEX first, INDEX last, const struct product p, INDEX rows, const struct dims batch,
    global const XA *restrict a, global const XB *restrict b, global Y *restrict c)
{
    local float panel[KC * NR] __attribute__((aligned(64)));
    local uint sums[SUM_ROWS * NR] __attribute__((aligned(64)));
    local float packed[KC * AR] __attribute__((aligned(64)));
    INDEX panels = (p.n + NR - 1) / NR, blocks = (p.m + rows - 1) / rows;
    FOR_TASKS(t)
    {
        INDEX matrix = t / (panels * blocks), rest = t - matrix * panels * blocks;
        INDEX m0 = rest / panels * rows, n = (rest - rest / panels * panels) * NR;
        INDEX m_end = min(p.m, m0 + rows);
        global const XA *am = a + dims_at(&batch, 0, matrix, RANK);
        global const XB *bm = b + dims_at(&batch, 1, matrix, RANK);
        global Y *cm = c + matrix * p.m * p.n;
        bool in_place = B_ROWS && n + NR <= p.n && m_end - m0 <= 2 * MR;
        INDEX k0 = 0;
        do {
            INDEX kc = min((INDEX)KC, p.k - k0);
            if (!in_place)
                pack_b(&p, bm, k0, kc, n, panel);
            for (INDEX m = m0; m < m_end; m += MR) {
                INDEX within = (m - m0) % AR, row[MR];
                float tile[MR * NR] __attribute__((aligned(64)));
                if (!within)
                    pack_a(&p, am, m, k0, kc, packed);
                UNROLL for (int i = 0; i < MR; i++) row[i] =
                    (within + min((INDEX)i, p.m - 1 - m)) * A_ROW;
#if B_ROWS
                if (in_place)
                    run_in_place(tile, row, packed, bm + k0 * p.b_k + n, p.b_k, kc);
                else
#endif
                    run_packed(tile, row, packed, panel, NR, kc);
                add_tile(tile, sums + (m - m0) * NR, k0 > 0, k0 + KC < p.k, &p, cm, m, n);
            }
            k0 += KC;
        } while (k0 < p.k);
    }
}
#endif
