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
//   MR 4, NV 4, LANES 16, KC 256
//   B_ROWS 0 or 1 (columns of b lie side by side), B_COLUMNS 0 or 1 (k does)
//   PACK_A 0: a is read in place; 1: AR rows of it at a time are converted and packed into local
//     memory, where k lies side by side; 2: likewise, where rows lie side by side
//   SUM_ROWS 128: of a task, where KC steps are not all; what they add is kept in local memory
//
// The macros of types and of the epilogue are in matmul.h.
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
#ifndef B_ROWS
#define B_ROWS 0
#endif
#ifndef B_COLUMNS
#define B_COLUMNS 0
#endif
#ifndef PACK_A
#define PACK_A 0
#endif
#ifndef SUM_ROWS
#define SUM_ROWS 128
#endif
// lint: -DB_ROWS=1 -DRANK=2 -DVIEWS=2 -DINDEX=long
// lint: -DB_COLUMNS=1 -DVIEWS=2 -DMR=8 -DNV=1
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

#define V CAT(T, LANES)
#define VLOAD CAT(vload, LANES)
#define VSTORE CAT(vstore, LANES)
#define NR (NV * LANES)
#define UNROLL _Pragma("unroll")
#if B_ROWS && !defined(NARROW)
#define IN_PLACE 1
#else
#define IN_PLACE 0
#endif

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
void transpose16(global const X *from, INDEX stride, local T *to)
{
    V r[16];
    UNROLL for (int i = 0; i < 16; i++) r[i] = LOAD_N(X, 16, from + i * stride);
    UNROLL for (int i = 0; i < 16; i += 2) SWAP1(r[i], r[i + 1])
    UNROLL for (int i = 0; i < 16; i++) if (!(i & 2)) SWAP2(r[i], r[i + 2])
    UNROLL for (int i = 0; i < 16; i++) if (!(i & 4)) SWAP4(r[i], r[i + 4])
    UNROLL for (int i = 0; i < 8; i++) SWAP8(r[i], r[i + 8])
    UNROLL for (int i = 0; i < 16; i++) VSTORE(r[i], 0, to + i * NR);
}
#endif

// Rows k0 .. k0+kc-1 of NR columns from n0 into the panel; columns past the last are 0.
void pack_b(const struct product *p, global const X *b, INDEX k0, INDEX kc, INDEX n0,
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
#if B_ROWS
    for (; whole == NR && k < kc; k++) {
        global const X *row = b + (k0 + k) * p->b_k + n0;
        for (int v = 0; v < NV; v++)
            VSTORE(LOAD_N(X, LANES, row + v * LANES), v, panel + k * NR);
    }
#endif
    for (; k < kc; k++) {
        global const X *row = b + (k0 + k) * p->b_k + n0 * p->b_n;
        for (INDEX j = 0; j < whole; j++)
            panel[k * NR + j] = LOAD(X, row + j * p->b_n);
        for (INDEX j = whole; j < NR; j++)
            panel[k * NR + j] = 0;
    }
}

#if PACK_A
#define AR 16
#define A_SPACE local
#define A_TYPE T
// Where an element of the packed rows lies: as it is copied side by side.
#if PACK_A == 1
#define A_ROW KC
#define A_STEP 1
#else
#define A_ROW 1
#define A_STEP AR
#endif
// AR rows from m and columns k0 .. k0+kc-1; rows past the last are left as they are.
void pack_a(const struct product *p, global const X *a, INDEX m, INDEX k0, INDEX kc, local T *rows)
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
#define AR MR
#define A_SPACE global
#define A_TYPE X
#define A_ROW p.a_m
#define A_STEP p.a_k
#endif

// Adds kc steps to the tile; rows past the last repeat it and are not stored.
#define RUN_TILE                                                                                   \
    for (INDEX k = 0; k < kc; k++) {                                                               \
        V bb[NV];                                                                                  \
        UNROLL for (int v = 0; v < NV; v++) bb[v] = VLOAD(v, b);                                   \
        UNROLL for (int i = 0; i < MR; i++)                                                        \
        {                                                                                          \
            V x = (V)(a[row[i]]);                                                                  \
            UNROLL for (int v = 0; v < NV; v++) c[i][v] = fma(x, bb[v], c[i][v]);                  \
        }                                                                                          \
        a += a_step;                                                                               \
        b += b_step;                                                                               \
    }

#if IN_PLACE
void run_global(V c[MR][NV], const INDEX *row, A_SPACE const A_TYPE *a, INDEX a_step,
                global const T *b, INDEX b_step, INDEX kc)
{
    RUN_TILE
}
#endif

void run_local(V c[MR][NV], const INDEX *row, A_SPACE const A_TYPE *a, INDEX a_step,
               local const T *b, INDEX b_step, INDEX kc)
{
    RUN_TILE
}

// What the tile adds to the sums of the KC steps before: short sums, then their sum, round less.
void add_sums(V c[MR][NV], local const T *sums)
{
    UNROLL for (int i = 0; i < MR; i++)
    {
        UNROLL for (int v = 0; v < NV; v++) c[i][v] += VLOAD(i * NV + v, sums);
    }
}

void keep_tile(V c[MR][NV], local T *sums)
{
    UNROLL for (int i = 0; i < MR; i++)
    {
        UNROLL for (int v = 0; v < NV; v++) VSTORE(c[i][v], i * NV + v, sums);
    }
}

#ifdef INPUTS
// The product is rounded to its own type first: what is fused gives the same bits as what is not.
static inline V round_vector(V v)
{
#ifdef NARROW
    ushort bits[LANES];
    STORE_N(X, LANES, v, (private X *)bits);
    v = LOAD_N(X, LANES, (const private X *)bits);
#endif
    return v;
}

// The epilogue of LANES columns, of which there are `count`.
V finish(V v, INDEX m, INDEX n, INDEX count E_TAKES)
{
    v = round_vector(v);
    if (count >= LANES) {
        E_WHOLE(m, n)
        EPILOGUE_STEPS(V)
        return EPILOGUE(V);
    }
    E_EDGE(m, n, count)
    EPILOGUE_STEPS(V)
    return EPILOGUE(V);
}
#define FINISH(v, m, n, count) finish(v, m, n, count E_PASS)
#else
#define FINISH(v, m, n, count) (v)
#endif

// Row by row through memory: the epilogue's code stands once.
void store_rows(const T *tile, const struct product *p, global Y *y, INDEX m, INDEX n E_TAKES)
{
    int rows = (int)min((INDEX)MR, p->m - m);
    for (int i = 0; i < rows; i++) {
        for (int v = 0; v < NV; v++) {
            INDEX at = n + v * LANES, count = p->n - at;
            if (count <= 0)
                break;
            V x = FINISH(VLOAD(i * NV + v, tile), m + i, at, count);
            global Y *to = y + (m + i) * p->n + at;
            if (count >= LANES) {
                STORE_N(Y, LANES, x, to);
            } else {
                T edge[LANES];
                VSTORE(x, 0, edge);
                for (INDEX j = 0; j < count; j++)
                    STORE(Y, edge[j], to + j);
            }
        }
    }
}

void store_tile(V c[MR][NV], const struct product *p, global Y *y, INDEX m, INDEX n E_TAKES)
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
    T tile[MR * NR];
    UNROLL for (int i = 0; i < MR; i++)
    {
        UNROLL for (int v = 0; v < NV; v++) VSTORE(c[i][v], i * NV + v, tile);
    }
    store_rows(tile, p, y, m, n E_PASS);
}

// A task is one panel of NR columns by `rows` rows of one matrix of the batch.
__attribute__((reqd_work_group_size(1, 1, 1))) kernel void
matmul_cpu_tile(INDEX first, INDEX last, const struct product p, INDEX rows,
                const struct dims batch, global const X *restrict a, global const X *restrict b,
                global Y *restrict c E_PARAMS)
{
    local T panel[KC * NR] __attribute__((aligned(64)));
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
        global const X *bm = b + dims_at(&batch, 1, matrix, RANK);
        global Y *cm = c + matrix * p.m * p.n;
        E_AT(matrix)
        // Far down k, rows of b collide in the cache; packing them pays for itself in many rows.
        bool in_place = IN_PLACE && n + NR <= p.n && (p.k < 4 * KC || rows < 64);
        INDEX k0 = 0;
        do {
            INDEX kc = min((INDEX)KC, p.k - k0);
            if (!in_place)
                pack_b(&p, bm, k0, kc, n, panel);
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
#if IN_PLACE
                if (in_place)
                    run_global(tile, row, rows_at, A_STEP, bm + k0 * p.b_k + n, p.b_k, kc);
                else
#endif
                    run_local(tile, row, rows_at, A_STEP, panel, NR, kc);
                if (k0)
                    add_sums(tile, sums + (m - m0) * NR);
                if (k0 + KC < p.k)
                    keep_tile(tile, sums + (m - m0) * NR);
                else
                    store_tile(tile, &p, cm, m, n E_ARGS);
            }
            k0 += KC;
        } while (k0 < p.k);
    }
}
