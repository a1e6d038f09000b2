// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n], any strides of a and b, c dense: for devices
// with groups of many work-items. A group makes BM x BN of c; BK of k at a time go from memory
// through registers into local memory, where both operands lie with k outermost:
//
//                     tx: 4 columns, and 4 again BN / 2 further on
//              +------+----+------+----+
//         BK   |  b   |####|      |####|    bs[k][column]
//              +------+----+------+----+
//   +----+     +------+----+------+----+
//   | a  | ty  |      |####|      |####|    a work-item keeps TM x TN of c in registers, in blocks
//   +----+     |      |    |      |    |    of 4 x 4: neighbours read neighbouring vectors of bs,
//   |    |     +------+----+------+----+    and the same ones of as
//   +----+ ty  |      |####|      |####|
//   as[k][row] +------+----+------+----+
//
//   BM, BN 64       32, 64 or 128
//   BK 16           8, 16 or 32
//   TM, TN 4        4 or 8
//   VEC 4           elements of one load, where an operand's address and strides allow it
//   STAGES 2        2: while one part of k is computed, the next is fetched, with one barrier for
//                   each; 1: half of the local memory, and two barriers
//   PAD 4           numbers after each row of local memory, for writes of columns to meet other
//                   banks: 0 or 4
//   SWIZZLE 8       tiles are taken down such a band of tile rows before across: groups that run at
//                   the same time share more of a and b in the cache
//   BLOCK 256       terms of a sum that are added before the sums of blocks are: short sums round
//                   less. 0: straight along k, with half of the registers
//   A_FORM, B_FORM  0: k lies side by side (or nothing does); 1: the rows of a, the columns of b do
//   PADDED          a and b are whole tiles, aligned, of form 1, whatever m, n and k are
//
// Where k is long and c small, `part` of it is a task, and what comes of it lies one after the
// other in c: matmul_sum adds that up.
#include "matmul_gpu.h"

#ifndef BM
#define BM 64
#endif
#ifndef BN
#define BN 64
#endif
#ifndef BK
#define BK 16
#endif
#ifndef TM
#define TM 4
#endif
#ifndef TN
#define TN 4
#endif
#ifndef STAGES
#define STAGES 2
#endif
#ifndef PAD
#define PAD 4
#endif
#ifndef SWIZZLE
#define SWIZZLE 8
#endif
#ifndef BLOCK
#define BLOCK 256
#endif
#ifndef A_FORM
#define A_FORM 0
#endif
#ifndef B_FORM
#define B_FORM 1
#endif
// lint: -DVIEWS=2 -DBM=128 -DBN=128 -DBK=8 -DTM=8 -DTN=8 -DBLOCK=0
// lint: -DVIEWS=2 -DBM=32 -DBN=32 -DBK=32 -DVEC=1 -DSTAGES=1 -DPAD=0 -DSWIZZLE=1
// lint: -DVIEWS=2 -DBM=32 -DBN=128 -DTN=8 -DVEC=2 -DA_FORM=1 -DB_FORM=0
// lint: -DVIEWS=2 -DA_FORM=1 -DB_FORM=1 -DPADDED -DINDEX=long
// lint: -DVIEWS=2 -DA_FORM=1 -DB_FORM=1 -DPADDED -DVEC=1
// lint: -DVIEWS=2 -DX=half -DT=float -DY=half -DNARROW
// lint: -DVIEWS=2 -DX=ushort -DT=float -DY=float -DNARROW -DA_FORM=1
// lint: -DVIEWS=2 -DX=double -DT=double -DY=double -DUSE_F64 -DVEC=2
// lint: -DVIEWS=2 -DX=char -DT=uint -DY=char -DWHOLE
// lint: -DVIEWS=2 -DX=uchar -DXA=uchar -DXB=char -DT=uint -DY=int -DWHOLE
// lint: -DVIEWS=2 -DX=long -DT=ulong -DY=long -DWHOLE -DVEC=2
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const float *restrict p0'
//       '-DE_AT(matrix)=global const float *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const float *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, float, q0 + (m) * es->m[0] + (n))'
//       '-DE_WHOLE(m, n)=E_VECTOR(b0, float, q0 + (m) * es->m[0] + (n))'
//       '-DE_EDGE(m, n, count)=E_GATHER(b0, float, q0 + (m) * es->m[0], es->n[0], count)'
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long -DX=half -DT=float -DY=half -DNARROW
//       -DTM=8 -DTN=8
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const half *restrict p0'
//       '-DE_AT(matrix)=global const half *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const half *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, half, q0 + (m) * es->m[0] + (n))'
//       '-DE_WHOLE(m, n)=E_VECTOR(b0, half, q0 + (m) * es->m[0] + (n))'
//       '-DE_EDGE(m, n, count)=E_GATHER(b0, half, q0 + (m) * es->m[0], es->n[0], count)'

#define TX    (BN / TN)
#define TY    (BM / TM)
#define ITEMS (TX * TY)
#define MU    (TM / 4)
#define NV    (TN / 4)

// Vectors of a part of k, in all and of a work-item.
#define VECTORS(SIDE) ((SIDE)*BK / VEC)
#define COUNT(SIDE)   ((VECTORS(SIDE) + ITEMS - 1) / ITEMS)

// Where vector e, of W elements, of a part begins. Neighbours read neighbouring memory.
#define ROW_OF(e, SIDE, FORM, W) ((FORM) ? (e) % ((SIDE) / (W)) * (W) : (e) / (BK / (W)))
#define K_OF(e, SIDE, FORM, W)   ((FORM) ? (e) / ((SIDE) / (W)) : (e) % (BK / (W)) * (W))

#if VEC > 1
#define FETCH_WIDE(X, r, SIDE, FORM, x, row, step)                      \
    UNROLL for (int n = 0; n < COUNT(SIDE); n++)                        \
    {                                                                   \
        int e = item + n * ITEMS;                                       \
        if (VECTORS(SIDE) % ITEMS == 0 || e < VECTORS(SIDE)) {          \
            TV v = LOAD_WIDE(X, VEC,                                    \
                             (x) + ROW_OF(e, SIDE, FORM, VEC) * (row) + \
                                 K_OF(e, SIDE, FORM, VEC) * (step));    \
            CAT(vstore, VEC)(v, n, r);                                  \
        }                                                               \
    }
#define KEEP_WIDE(r, SIDE, FORM, to)                                                            \
    UNROLL for (int n = 0; n < COUNT(SIDE); n++)                                                \
    {                                                                                           \
        int e = item + n * ITEMS, i = ROW_OF(e, SIDE, FORM, VEC), k = K_OF(e, SIDE, FORM, VEC); \
        if (VECTORS(SIDE) % ITEMS == 0 || e < VECTORS(SIDE)) {                                  \
            if (FORM) {                                                                         \
                *(local TV *)&(to)[k][i] = CAT(vload, VEC)(n, r);                               \
            } else {                                                                            \
                UNROLL for (int j = 0; j < VEC; j++)(to)[k + j][i] = r[n * VEC + j];            \
            }                                                                                   \
        }                                                                                       \
    }
#else
#define FETCH_WIDE(X, r, SIDE, FORM, x, row, step) \
    {                                              \
    }
#define KEEP_WIDE(r, SIDE, FORM, to) \
    {                                \
    }
#endif

// One by one, and zero past the last row and the end of k: straight to local memory, for their
// addresses would take the registers that the tile needs.
#define COPY_EACH(X, SIDE, FORM, to, x, row, step, rows, ks)               \
    _Pragma("unroll 4") for (int e = item; e < (SIDE)*BK; e += ITEMS)      \
    {                                                                      \
        int i = ROW_OF(e, SIDE, FORM, 1), k = K_OF(e, SIDE, FORM, 1);      \
        bool in = i < (rows) && k < (ks);                                  \
        (to)[k][i] = in ? (T)LOAD(X, (x) + i * (row) + k * (step)) : (T)0; \
    }

#ifdef PADDED
#define IS_PART(at) true
#else
#define IS_PART(at) (k_end - (at) >= BK)
#endif

// The part of k from `at` on into registers, and from there into local memory.
#define FETCH(at)                                                         \
    {                                                                     \
        a_wide = a_whole && IS_PART(at);                                  \
        b_wide = b_whole && IS_PART(at);                                  \
        if (a_wide)                                                       \
            FETCH_WIDE(XA, ra, BM, A_FORM, am + (at)*p.a_k, p.a_m, p.a_k) \
        if (b_wide)                                                       \
            FETCH_WIDE(XB, rb, BN, B_FORM, bm + (at)*p.b_k, p.b_n, p.b_k) \
    }
#define KEEP(stage, at)                                                                   \
    {                                                                                     \
        if (a_wide)                                                                       \
            KEEP_WIDE(ra, BM, A_FORM, as[stage])                                          \
        else                                                                              \
            COPY_EACH(XA, BM, A_FORM, as[stage], am + (at)*p.a_k, p.a_m, p.a_k, p.m - m0, \
                      k_end - (at))                                                       \
        if (b_wide)                                                                       \
            KEEP_WIDE(rb, BN, B_FORM, bs[stage])                                          \
        else                                                                              \
            COPY_EACH(XB, BN, B_FORM, bs[stage], bm + (at)*p.b_k, p.b_n, p.b_k, p.n - n0, \
                      k_end - (at))                                                       \
    }

#define ADD_ROW(i, s) sum[(i)*NV + v] = FMA((V)(x[u].s), y[v], sum[(i)*NV + v]);
#define COMPUTE(stage)                                          \
    _Pragma("unroll 4") for (int k = 0; k < BK; k++)            \
    {                                                           \
        V x[MU], y[NV];                                         \
        UNROLL for (int u = 0; u < MU; u++) x[u] =              \
            *(local const V *)&as[stage][k][(u * TY + ty) * 4]; \
        UNROLL for (int v = 0; v < NV; v++) y[v] =              \
            *(local const V *)&bs[stage][k][(v * TX + tx) * 4]; \
        UNROLL for (int u = 0; u < MU; u++)                     \
        {                                                       \
            UNROLL for (int v = 0; v < NV; v++)                 \
            {                                                   \
                ADD_ROW(4 * u, s0)                              \
                ADD_ROW(4 * u + 1, s1)                          \
                ADD_ROW(4 * u + 2, s2)                          \
                ADD_ROW(4 * u + 3, s3)                          \
            }                                                   \
        }                                                       \
    }

#if BLOCK
#define BEGIN_BLOCKS  \
    V total[TM * NV]; \
    UNROLL for (int q = 0; q < TM * NV; q++) total[q] = 0;
#define END_BLOCKS UNROLL for (int q = 0; q < TM * NV; q++) sum[q] = total[q] + sum[q];
#define END_BLOCK(at)                            \
    if (((at)-k_begin) % BLOCK == 0) {           \
        UNROLL for (int q = 0; q < TM * NV; q++) \
        {                                        \
            total[q] += sum[q];                  \
            sum[q] = 0;                          \
        }                                        \
    }
#else
#define BEGIN_BLOCKS
#define END_BLOCKS
#define END_BLOCK(at)
#endif

// With an epilogue, its code stands once: the tile moves through sum[0].
#ifdef INPUTS
#define STORE_UNROLL _Pragma("unroll 1")
#define NEXT(q)      0
#else
#define STORE_UNROLL UNROLL
#define NEXT(q)      (q)
#endif

// A task is BM x BN of one matrix of the batch, over `part` of k.
__attribute__((reqd_work_group_size(ITEMS, 1, 1))) kernel void matmul_gpu_tile(
    INDEX first, INDEX last, const struct product p, INDEX part, const struct dims batch,
    global const XA *restrict a, global const XB *restrict b, global Y *restrict c E_PARAMS)
{
    local T as[STAGES][BK][BM + PAD] __attribute__((aligned(64)));
    local T bs[STAGES][BK][BN + PAD] __attribute__((aligned(64)));
    int item = (int)get_local_id(0), tx = item % TX, ty = item / TX;
    INDEX across = (p.n + BN - 1) / BN, down = (p.m + BM - 1) / BM;
    INDEX parts = max((INDEX)1, (p.k + part - 1) / part);
    bool c_aligned = IS_ALIGNED(Y, LANES, c, p.n);
    FOR_TASKS(t)
    {
        INDEX of = t / (across * down), rest = t - of * across * down, matrix = of / parts;
        INDEX band = rest / (SWIZZLE * across), high = min((INDEX)SWIZZLE, down - band * SWIZZLE);
        rest -= band * SWIZZLE * across;
        INDEX m0 = (band * SWIZZLE + rest % high) * BM, n0 = rest / high * BN;
        INDEX k_begin = (of - matrix * parts) * part, k_end = min(p.k, k_begin + part);
        global const XA *am = a + dims_at(&batch, 0, matrix, RANK);
        global const XB *bm = b + dims_at(&batch, 1, matrix, RANK);
        E_AT(matrix)
#if VEC == 1
        bool a_whole = false, b_whole = false;
#elif defined(PADDED)
        const bool a_whole = true, b_whole = true;
#else
        bool a_whole = m0 + BM <= p.m && (A_FORM ? p.a_m : p.a_k) == 1 &&
                       IS_ALIGNED(XA, VEC, am, A_FORM ? p.a_k : p.a_m);
        bool b_whole = n0 + BN <= p.n && (B_FORM ? p.b_n : p.b_k) == 1 &&
                       IS_ALIGNED(XB, VEC, bm, B_FORM ? p.b_k : p.b_n);
#endif
        bool a_wide, b_wide;
        am += m0 * p.a_m;
        bm += n0 * p.b_n;
#if VEC > 1
        T ra[COUNT(BM) * VEC], rb[COUNT(BN) * VEC];
#endif
        V sum[TM * NV];
        UNROLL for (int q = 0; q < TM * NV; q++) sum[q] = 0;
        BEGIN_BLOCKS
#if STAGES == 2
        // The first turn only fetches, the last only computes.
        int stage = 1;
        for (INDEX at = k_begin - BK; at < k_end; at += BK) {
            bool more = at + BK < k_end;
            if (more)
                FETCH(at + BK)
            if (at >= k_begin) {
                COMPUTE(stage)
                END_BLOCK(at + BK)
            }
            stage = 1 - stage;
            if (more)
                KEEP(stage, at + BK)
            barrier(CLK_LOCAL_MEM_FENCE);
        }
#else
        for (INDEX at = k_begin; at < k_end; at += BK) {
            FETCH(at)
            barrier(CLK_LOCAL_MEM_FENCE);
            KEEP(0, at)
            barrier(CLK_LOCAL_MEM_FENCE);
            COMPUTE(0)
            END_BLOCK(at + BK)
        }
#endif
        END_BLOCKS
        global Y *cm = c + of * p.m * p.n;
        STORE_UNROLL for (int q = 0; q < TM * NV; q++)
        {
            int i = q / NV, v = q % NV;
            INDEX m = m0 + (i / 4 * TY + ty) * 4 + i % 4, n = n0 + (v * TX + tx) * 4;
            INDEX count = p.n - n;
            if (m < p.m && count > 0)
                store4(FINISH4(sum[NEXT(q)], m, n, count), cm + m * p.n + n, count, c_aligned);
#ifdef INPUTS
            UNROLL for (int j = 1; j < TM * NV; j++) sum[j - 1] = sum[j];
#endif
        }
    }
}
