// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n] of bytes, any strides of a and b, c dense: for
// devices whose work-group runs on one core. As in matmul_cpu.cl, a tile of MR rows runs down k,
// over a panel of b of NV * LANES columns in local memory, in one of two ways:
//
// In float, whose multiply-add every such device has as a vector, where that of 32-bit integers
// takes it several steps: 256 products of bytes, 255 * 255 at most, add up to less than 2^24, so
// every sum of KC terms is exact. Those of the KC steps are added as integers.
//
// In pairs of k, where the compiler has an instruction that multiplies 16-bit numbers and adds
// neighbours: with both operands packed as such pairs, it is one for twice the terms.
//
// Few rows by columns along which k lies side by side would be packed for nothing: they are summed
// up along k, as integers (DOT).
//
//   MR 4, NV 4, LANES 16
//   KC 256        terms: even, and no more, for float holds their sums
//   SUM_ROWS 128  of a task, where KC steps are not all; what they add is kept in local memory
//   PAIRS 2       0: in float; 1: in pairs; 2: in pairs where there is such an instruction
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
#ifndef PAIRS
#define PAIRS 2
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
//       -DINDEX=long -DPAIRS=0
// lint: -DVIEWS=2 -DX=uchar -DT=uint -DY=uchar -DWHOLE -DB_ROWS=1 -DMR=8 -DNV=1 -DLANES=8 -DKC=128
//       -DSUM_ROWS=64 -DPAIRS=1
// lint: -DVIEWS=2 -DX=uchar -DT=uint -DY=int -DWHOLE -DA_TURNED=1 -DPAIRS=1

// What clang says of x86.
#if PAIRS == 1 || (PAIRS == 2 && defined(__SSE2__))
#define PAIRED 1
#define E      short // of packed elements
#else
#define PAIRED 0
#define E      float
#endif
#define NR     (NV * LANES)
#define F      CAT(float, LANES)
#define U      CAT(uint, LANES)
#define EV     CAT(E, LANES)
#define AR     16 // rows of a that are packed at once
#define UNROLL _Pragma("unroll")
#define VLOAD  CAT(vload, LANES)
#define VSTORE CAT(vstore, LANES)
// LANES bytes into local memory, where all such vectors are aligned; vstore of PoCL may put short
// numbers there one by one.
#define PUT(to, from) (*(local EV *)(to) = CAT(convert_, EV)(VLOAD(0, from)))
#define AS_U(x)       CAT(as_, U)(x)
#define TO_INTS(x)    CAT(convert_int, LANES)(x)

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
        UNROLL for (int i = 0; i < MR; i++) all[i] += AS_U(WIDEN(a + row[i] + k) * y);
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
#if PAIRED
// Pairs of k of one column lie side by side, and so do the columns.
#define PANEL_AT(k, j) ((k) / 2 * 2 * NR + 2 * (j) + (k) % 2)

// Two rows of 8 columns.
static inline void pack_pairs(local short *to, global const XB *one, global const XB *other)
{
    short16 v;
    v.even = convert_short8(vload8(0, one));
    v.odd = convert_short8(vload8(0, other));
    *(local short16 *)to = v;
}
#else
#define PANEL_AT(k, j) ((k)*NR + (j))
#endif

// Rows k0 .. k0+kc-1 of NR columns from n0 into the panel; columns past the last are 0, and so is
// what the last pair lacks.
static inline void pack_b(const struct product *p, global const XB *b, INDEX k0, INDEX kc, INDEX n0,
                          local E *panel)
{
    INDEX whole = min((INDEX)NR, p->n - n0), k = 0;
    b += k0 * p->b_k + n0 * p->b_n;
#if B_ROWS && PAIRED
    for (; whole == NR && k + 2 <= kc; k += 2) {
        for (INDEX j = 0; j < NR; j += 8)
            pack_pairs(panel + PANEL_AT(k, j), b + k * p->b_k + j, b + (k + 1) * p->b_k + j);
    }
#elif B_ROWS
    for (; whole == NR && k < kc; k++) {
        for (int v = 0; v < NV; v++)
            PUT(panel + k * NR + v * LANES, b + k * p->b_k + v * LANES);
    }
#endif
    INDEX done = k, end = PAIRED ? (kc + 1) / 2 * 2 : kc;
    for (INDEX j = 0; done < end && j < NR; j++) {
        global const XB *column = b + min(j, whole - 1) * p->b_n;
        for (k = done; k < kc; k++)
            panel[PANEL_AT(k, j)] = j < whole ? (E)column[k * p->b_k] : (E)0;
        for (; k < end; k++)
            panel[PANEL_AT(k, j)] = 0;
    }
}

// Where an element of the packed rows lies: as it is copied side by side; of pairs, along k.
#if A_TURNED && !PAIRED
#define A_ROW  1
#define A_STEP AR
#else
#define A_ROW  KC
#define A_STEP 1
#endif

// AR rows from m and columns k0 .. k0+kc-1, with the one that the last pair lacks; rows past the
// last are left as they are.
static inline void pack_a(const struct product *p, global const XA *a, INDEX m, INDEX k0, INDEX kc,
                          local E *rows)
{
    INDEX whole = min((INDEX)AR, p->m - m);
    a += m * p->a_m + k0 * p->a_k;
#if A_TURNED
    for (INDEX k = 0; k < kc; k++) {
        INDEX i = 0;
        for (; !PAIRED && whole == AR && i < AR; i += LANES)
            PUT(rows + k * AR + i, a + k * p->a_k + i);
        for (; i < whole; i++)
            rows[i * A_ROW + k * A_STEP] = (E)a[k * p->a_k + i];
    }
#else
    for (INDEX i = 0; i < whole; i++) {
        INDEX k = 0;
        for (; p->a_k == 1 && k + LANES <= kc; k += LANES)
            PUT(rows + i * KC + k, a + i * p->a_m + k);
        for (; k < kc; k++)
            rows[i * KC + k] = (E)a[i * p->a_m + k * p->a_k];
    }
#endif
    for (INDEX i = 0; PAIRED && kc % 2 && i < whole; i++)
        rows[i * KC + kc] = 0;
}

// kc steps of the tile from nothing, in float. LOAD_ROW(v): vector v of the row of b.
#define RUN_TILE(LOAD_ROW)                                                                   \
    F c[MR][NV];                                                                             \
    UNROLL for (int i = 0; i < MR; i++)                                                      \
    {                                                                                        \
        UNROLL for (int v = 0; v < NV; v++) c[i][v] = 0;                                     \
    }                                                                                        \
    for (INDEX k = 0; k < kc; k++) {                                                         \
        F row_b[NV];                                                                         \
        UNROLL for (int v = 0; v < NV; v++) row_b[v] = LOAD_ROW(v);                          \
        UNROLL for (int i = 0; i < MR; i++)                                                  \
        {                                                                                    \
            F x = (F)((float)a[row[i]]);                                                     \
            UNROLL for (int v = 0; v < NV; v++) c[i][v] = fma(x, row_b[v], c[i][v]);         \
        }                                                                                    \
        a += A_STEP;                                                                         \
        b += b_step;                                                                         \
    }                                                                                        \
    UNROLL for (int i = 0; i < MR; i++)                                                      \
    {                                                                                        \
        UNROLL for (int v = 0; v < NV; v++) VSTORE(AS_U(TO_INTS(c[i][v])), i *NV + v, tile); \
    }

#if PAIRED
#define PV           (NR % 16 ? 1 : 2) // vectors of 8 columns that are summed at once
#define PAIR_COLUMNS (8 * PV)

// The products of a pair of a with those of 8 columns, and their sums.
static inline uint8 multiply_pair(int pair, short16 columns)
{
    int16 both = convert_int16(as_short16((int8)pair)) * convert_int16(columns);
    return as_uint8(both.even) + as_uint8(both.odd);
}

// PAIR_COLUMNS of the tile. What a step makes is added in the next one: added at once, compilers
// change the order of the three terms, and then see no sum of neighbours.
static inline void run_pairs(uint *tile, const INDEX *row, local const short *a,
                             local const short *b, INDEX kc)
{
    uint8 c[MR][PV], made[MR][PV];
    UNROLL for (int i = 0; i < MR; i++)
    {
        UNROLL for (int v = 0; v < PV; v++) c[i][v] = made[i][v] = 0;
    }
    for (INDEX k = 0; k < kc; k += 2) {
        short16 columns[PV];
        UNROLL for (int v = 0; v < PV; v++) columns[v] = vload16(v, b);
        UNROLL for (int i = 0; i < MR; i++)
        {
            int pair = as_int(vload2(0, a + row[i] + k));
            UNROLL for (int v = 0; v < PV; v++)
            {
                c[i][v] += made[i][v];
                made[i][v] = multiply_pair(pair, columns[v]);
            }
        }
        b += 2 * NR;
    }
    UNROLL for (int i = 0; i < MR; i++)
    {
        UNROLL for (int v = 0; v < PV; v++) vstore8(c[i][v] + made[i][v], v, tile + i * NR);
    }
}
#endif

static inline void run_packed(uint *tile, const INDEX *row, local const E *a, local const E *b,
                              INDEX b_step, INDEX kc)
{
#if PAIRED
    for (int j = 0; j < NR; j += PAIR_COLUMNS)
        run_pairs(tile + j, row, a, b + 2 * j, kc);
#else
#define PACKED(v) VLOAD(v, b)
    RUN_TILE(PACKED)
#endif
}

#if B_ROWS
// The columns as they are: where so few rows need them that packing does not pay.
static inline void run_in_place(uint *tile, const INDEX *row, local const E *a, global const XB *b,
                                INDEX b_step, INDEX kc)
{
#define IN_PLACE(v) CAT(convert_, F)(VLOAD(v, b))
    RUN_TILE(IN_PLACE)
}
#endif

// Adds the sums of the KC steps before, and keeps them, or stores what is whole.
static inline void add_tile(const uint *tile, local uint *sums, bool begun, bool more,
                            const struct product *p, global Y *y, INDEX m, INDEX n)
{
    INDEX rows = min((INDEX)MR, p->m - m);
    for (INDEX i = 0; i < rows; i++) {
        for (int v = 0; v < NV; v++) {
            INDEX at = n + v * LANES, count = p->n - at;
            U u = VLOAD((int)i * NV + v, tile);
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
    local E panel[KC * NR] __attribute__((aligned(64)));
    local uint sums[SUM_ROWS * NR] __attribute__((aligned(64)));
    local E packed[KC * AR] __attribute__((aligned(64)));
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
                uint tile[MR * NR] __attribute__((aligned(64)));
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
