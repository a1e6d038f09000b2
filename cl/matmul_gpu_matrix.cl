// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n], any strides of a and b, c dense, by matrix
// instructions (matmul_atom.h). A group makes BM x BN of c; both operands go through local memory
// as words, with k innermost, and a subgroup keeps its part of c in registers:
//
//              +---------+---------+
//         KW   | b       |         |    bs[column][word of k]
//              +---------+---------+
//   +----+     +---------+---------+
//   | a  |     | TM x TN |         |    DOWN x ACROSS subgroups
//   |    |     +---------+---------+
//   +----+     |         |         |
//   as[row][word of k] --+---------+
//
//   BM, BN 128        rows and columns of a group
//   KW 16             words of k at a time: a multiple of AK
//   DOWN 2, ACROSS 4  subgroups
//   STAGES 2, SWIZZLE 8, A_FORM, B_FORM   as in matmul_gpu.cl
//   BLOCK 0           words of k that are added before the sums of blocks are; 0: straight
//   SPLIT3            of TF32: a number is taken as the sum of two, and three products are added,
//                     which is as good as float
//
// `part` of k is in elements. An epilogue goes over rows of c that lie in local memory, so its code
// stands once.
#include "matmul_gpu.h"

#ifndef ATOM
#define ATOM ATOM_NV
#ifndef EMULATE
#define EMULATE // which any compiler can
#endif
#endif
#ifndef KIND
#define KIND KIND_F16
#endif
#include "matmul_atom.h"

#ifdef EMULATE
// Barriers in loops that are not unrolled are what drivers are used to.
#undef UNROLL
#define UNROLL
#endif

#ifndef BM
#define BM 128
#endif
#ifndef BN
#define BN 128
#endif
#ifndef KW
#define KW 16
#endif
#ifndef DOWN
#define DOWN 2
#endif
#ifndef ACROSS
#define ACROSS 4
#endif
#ifndef STAGES
#define STAGES 2
#endif
#ifndef SWIZZLE
#define SWIZZLE 8
#endif
#ifndef BLOCK
#define BLOCK 0
#endif
#ifndef A_FORM
#define A_FORM 0
#endif
#ifndef B_FORM
#define B_FORM 1
#endif
// lint: -DVIEWS=2 -DEMULATE -DATOM=ATOM_NV -DX=half -DT=float -DY=half -DNARROW
// lint: -DVIEWS=2 -DEMULATE -DATOM=ATOM_MFMA -DX=half -DT=float -DY=half -DNARROW
// lint: -DVIEWS=2 -DEMULATE -DATOM=ATOM_MFMA3 -DX=half -DT=float -DY=half -DNARROW
// lint: -DVIEWS=2 -DEMULATE -DATOM=ATOM_WMMA -DX=half -DT=float -DY=half -DNARROW
// lint: -DVIEWS=2 -DEMULATE -DATOM=ATOM_DPAS8 -DX=half -DT=float -DY=half -DNARROW
// lint: -DVIEWS=2 -DEMULATE -DATOM=ATOM_DPAS16 -DX=half -DT=float -DY=half -DNARROW
// lint: -DVIEWS=2 -DEMULATE -DKIND=KIND_BF16 -DX=ushort -DT=float -DY=ushort -DNARROW -DA_FORM=1
// lint: -DVIEWS=2 -DEMULATE -DKIND=KIND_F32 -DSPLIT3 -DBLOCK=256 -DKW=8 -DBM=64 -DBN=64
//       -DACROSS=2
// lint: -DVIEWS=2 -DEMULATE -DATOM=ATOM_MFMA -DKIND=KIND_F32 -DSTAGES=1 -DSWIZZLE=4 -DB_FORM=0
// lint: -DVIEWS=2 -DEMULATE -DKIND=KIND_I8 -DX=char -DT=uint -DY=int -DWHOLE -DDOWN=4 -DACROSS=2
// lint: -DVIEWS=2 -DEMULATE -DATOM=ATOM_DPAS16 -DKIND=KIND_I8 -DA_SIGNED=0 -DB_SIGNED=1 -DXA=uchar
//       -DXB=char -DX=uchar -DT=uint -DY=int -DWHOLE
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long -DEMULATE -DX=half -DT=float -DY=half -DNARROW
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const half *restrict p0'
//       '-DE_AT(matrix)=global const half *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const half *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, half, q0 + (m) * es->m[0] + (n))'
//       '-DE_WHOLE(m, n)=E_VECTOR(b0, half, q0 + (m) * es->m[0] + (n))'
//       '-DE_EDGE(m, n, count)=E_GATHER(b0, half, q0 + (m) * es->m[0], es->n[0], count)'
#define ROW         (KW + 4) // words from row to row: rows begin in other banks, and at 16 bytes
#define ITEMS       (DOWN * ACROSS * LANES_ALL)
#define TM          (BM / DOWN / AM)
#define TN          (BN / ACROSS / AN)
#define WN          (BN / ACROSS)
#define SLAB        (AM * WN) // numbers of c of a subgroup that go through local memory at once
#define TILE        ((BM + BN) * ROW)
#define COUNT(SIDE) ((SIDE)*KW / 4 / ITEMS) // vectors of 4 words of a work-item

#if WORD == 4
#define BITS uchar
#elif WORD == 2
#define BITS ushort
#else
#define BITS uint
#endif
#define BITS4 CAT(BITS, 4)

// A fetch is 4 words: along k of one row (form 0), or one of each of 4 rows (form 1).
#define ROW_OF(e, SIDE, FORM) ((FORM) ? (e) % ((SIDE) / 4) * 4 : (e) / (KW / 4))
#define K_OF(e, SIDE, FORM)   ((FORM) ? (e) / ((SIDE) / 4) : (e) % (KW / 4) * 4)

static inline uint4 shifted(BITS4 v, int i)
{
    return convert_uint4(v) << (uint)(i * (32 / WORD) % 32);
}

// 4 elements of each of WORD rows of k become 4 words.
static inline uint4 fetch_turned(global const BITS *x, INDEX step)
{
    uint4 words = 0;
    UNROLL for (int i = 0; i < WORD; i++) words |=
        shifted(*(global const BITS4 *)(x + i * step), i);
    return words;
}

// Element by element, zero past the last row and the end of k.
static inline uint4 fetch_each(global const BITS *x, INDEX row, INDEX step, INDEX rows, INDEX ks,
                               int form)
{
    uint words[4];
    UNROLL for (int j = 0; j < 4; j++)
    {
        INDEX r = form ? j : 0, k = form ? 0 : j * WORD;
        words[j] = 0;
        UNROLL for (int i = 0; i < WORD; i++)
        {
            uint bits = r < rows && k + i < ks ? (uint)x[r * row + (k + i) * step] : 0;
            words[j] |= bits << (i * (32 / WORD) % 32);
        }
    }
    return vload4(0, words);
}

// May vectors be fetched?
#define WIDE(FORM, x, row, step)                      \
    ((FORM) ? (row) == 1 && IS_ALIGNED_TO(4, x, step) \
            : (step) == 1 && IS_ALIGNED_TO(4 * WORD, x, row))
#define IS_ALIGNED_TO(n, x, step) ((size_t)(x) % ((n) * sizeof(BITS)) == 0 && (step) % (n) == 0)

#define FETCH_SIDE(r, SIDE, FORM, x, row, step, rows, wide, at)                     \
    UNROLL for (int n = 0; n < COUNT(SIDE); n++)                                    \
    {                                                                               \
        int e = item + n * ITEMS, i = ROW_OF(e, SIDE, FORM);                        \
        INDEX k = (at) + K_OF(e, SIDE, FORM) * WORD;                                \
        global const BITS *from = (x) + i * (row) + k * (step);                     \
        if ((wide) && k_end - (at) >= KW * WORD)                                    \
            r[n] = (FORM) ? fetch_turned(from, step) : *(global const uint4 *)from; \
        else                                                                        \
            r[n] = fetch_each(from, row, step, (rows)-i, k_end - k, FORM);          \
    }
#define KEEP_SIDE(r, SIDE, FORM, to)                                                \
    UNROLL for (int n = 0; n < COUNT(SIDE); n++)                                    \
    {                                                                               \
        int e = item + n * ITEMS;                                                   \
        local uint *to_ = (to) + ROW_OF(e, SIDE, FORM) * ROW + K_OF(e, SIDE, FORM); \
        if (FORM) {                                                                 \
            to_[0] = r[n].x;                                                        \
            to_[ROW] = r[n].y;                                                      \
            to_[2 * ROW] = r[n].z;                                                  \
            to_[3 * ROW] = r[n].w;                                                  \
        } else {                                                                    \
            *(local uint4 *)to_ = r[n];                                             \
        }                                                                           \
    }
#define FETCH(at)                                                      \
    FETCH_SIDE(ra, BM, A_FORM, am, p.a_m, p.a_k, p.m - m0, a_wide, at) \
    FETCH_SIDE(rb, BN, B_FORM, bm, p.b_n, p.b_k, p.n - n0, b_wide, at)
#define KEEP(stage)                                \
    KEEP_SIDE(ra, BM, A_FORM, tile + (stage)*TILE) \
    KEEP_SIDE(rb, BN, B_FORM, tile + (stage)*TILE + BM * ROW)

#ifdef SPLIT3
// The number, rounded to TF32; where that is too large, cut off.
static inline uint high(uint x)
{
    uint rounded = (x + 0x1000u) & 0xffffe000u;
    bool finite = (x & 0x7f800000u) != 0x7f800000u;
    bool over = (rounded & 0x7f800000u) == 0x7f800000u;
    uint cut = x & 0xffffe000u;
    return !finite ? cut | (x & 0x1fffu ? 0x2000u : 0u) : over ? cut : rounded;
}

// What is left of it. Of what is not finite nothing is, and its own products are in the high parts.
static inline uint low(uint x, uint h)
{
    return (x & 0x7f800000u) == 0x7f800000u ? 0u : as_uint(as_float(x) - as_float(h));
}

static inline uint cross_part(uint h)
{
    return (h & 0x7f800000u) == 0x7f800000u ? 0u : h;
}

#define MULTIPLY(c, a, b)                                    \
    {                                                        \
        uint ah[AW], al[AW], ac[AW], bh[BW], bl[BW], bc[BW]; \
        UNROLL for (int r = 0; r < AW; r++)                  \
        {                                                    \
            ah[r] = high((a)[r]);                            \
            al[r] = low((a)[r], ah[r]);                      \
            ac[r] = cross_part(ah[r]);                       \
        }                                                    \
        UNROLL for (int r = 0; r < BW; r++)                  \
        {                                                    \
            bh[r] = high((b)[r]);                            \
            bl[r] = low((b)[r], bh[r]);                      \
            bc[r] = cross_part(bh[r]);                       \
        }                                                    \
        MMA(c, al, bc)                                       \
        MMA(c, ac, bl)                                       \
        MMA(c, ah, bh)                                       \
    }
#else
#define MULTIPLY(c, a, b) MMA(c, a, b)
#endif

#define COMPUTE(stage)                                                                        \
    UNROLL for (int k = 0; k < KW; k += AK)                                                   \
    {                                                                                         \
        local const uint *as = tile + (stage)*TILE + down * (BM / DOWN) * ROW + k;            \
        local const uint *bs = tile + (stage)*TILE + (BM + across * WN) * ROW + k;            \
        uint y[TN][BW];                                                                       \
        UNROLL for (int j = 0; j < TN; j++)                                                   \
        {                                                                                     \
            UNROLL for (int r = 0; r < BW; r++) y[j][r] =                                     \
                bs[(j * AN + B_COLUMN(lane, r)) * ROW + B_K(lane, r)];                        \
        }                                                                                     \
        UNROLL for (int i = 0; i < TM; i++)                                                   \
        {                                                                                     \
            A_PART x[AW];                                                                     \
            UNROLL for (int r = 0; r < AW; r++) x[r] =                                        \
                ((local const A_PART *)(as + (i * AM + A_ROW(lane, r)) * ROW))[A_K(lane, r)]; \
            UNROLL for (int j = 0; j < TN; j++) MULTIPLY(sum[i][j], x, y[j])                  \
        }                                                                                     \
    }

#define EACH_SUM                                                            \
    UNROLL for (int i = 0; i < TM; i++) UNROLL for (int j = 0; j < TN; j++) \
        UNROLL for (int r = 0; r < CN; r++)
#if BLOCK
#define BEGIN_BLOCKS          \
    C_TYPE total[TM][TN][CN]; \
    EACH_SUM total[i][j][r] = 0;
#define END_BLOCK(at)                           \
    if (((at)-k_begin) % (BLOCK * WORD) == 0) { \
        EACH_SUM                                \
        {                                       \
            total[i][j][r] += sum[i][j][r];     \
            sum[i][j][r] = 0;                   \
        }                                       \
    }
#define END_BLOCKS EACH_SUM sum[i][j][r] += total[i][j][r];
#else
#define BEGIN_BLOCKS
#define END_BLOCK(at)
#define END_BLOCKS
#endif

#if LANES_ALL == 8 || LANES_ALL == 16
#define SUBGROUP __attribute__((intel_reqd_sub_group_size(LANES_ALL)))
#else
#define SUBGROUP
#endif
#if defined(EMULATE) || !defined(cl_intel_required_subgroup_size)
#undef SUBGROUP
#define SUBGROUP
#endif

// A task is BM x BN of one matrix of the batch, over `part` of k.
SUBGROUP __attribute__((reqd_work_group_size(ITEMS, 1, 1))) kernel void matmul_gpu_matrix(
    INDEX first, INDEX last, const struct product p, INDEX part, const struct dims batch,
    global const XA *restrict a, global const XB *restrict b, global Y *restrict c E_PARAMS)
{
    local uint tile[STAGES * TILE] __attribute__((aligned(64)));
#ifdef EMULATE
    local uint all_heard[DOWN * ACROSS * LANES_ALL * (AW + BW)];
    local uint *heard = all_heard + get_local_id(0) / LANES_ALL * (LANES_ALL * (AW + BW));
#endif
    int item = (int)get_local_id(0), lane = item % LANES_ALL, subgroup = item / LANES_ALL;
    int down = subgroup / ACROSS, across = subgroup % ACROSS;
    INDEX columns = (p.n + BN - 1) / BN, rows = (p.m + BM - 1) / BM;
    INDEX parts = max((INDEX)1, (p.k + part - 1) / part);
    bool c_aligned = IS_ALIGNED(Y, LANES, c, p.n);
    FOR_TASKS(t)
    {
        INDEX of = t / (columns * rows), rest = t - of * columns * rows, matrix = of / parts;
        INDEX band = rest / (SWIZZLE * columns), tall = min((INDEX)SWIZZLE, rows - band * SWIZZLE);
        rest -= band * SWIZZLE * columns;
        INDEX m0 = (band * SWIZZLE + rest % tall) * BM, n0 = rest / tall * BN;
        INDEX k_begin = (of - matrix * parts) * part, k_end = min(p.k, k_begin + part);
        global const BITS *am = (global const BITS *)a + dims_at(&batch, 0, matrix, RANK);
        global const BITS *bm = (global const BITS *)b + dims_at(&batch, 1, matrix, RANK);
        E_AT(matrix)
        am += m0 * p.a_m;
        bm += n0 * p.b_n;
        bool a_wide = m0 + BM <= p.m && WIDE(A_FORM, am, p.a_m, p.a_k);
        bool b_wide = n0 + BN <= p.n && WIDE(B_FORM, bm, p.b_n, p.b_k);
        uint4 ra[COUNT(BM)], rb[COUNT(BN)];
        C_TYPE sum[TM][TN][CN];
        EACH_SUM sum[i][j][r] = 0;
        BEGIN_BLOCKS
        // The first turn only fetches, the last only computes.
        int stage = STAGES - 1;
        for (INDEX at = k_begin - KW * WORD; at < k_end; at += KW * WORD) {
            bool more = at + KW * WORD < k_end;
            if (more) {
                FETCH(at + KW * WORD)
            }
            if (at >= k_begin) {
                COMPUTE(stage)
                END_BLOCK(at + KW * WORD)
            }
#if STAGES == 1
            barrier(CLK_LOCAL_MEM_FENCE);
#else
            stage = 1 - stage;
#endif
            if (more) {
                KEEP(stage)
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        END_BLOCKS
        global Y *cm = c + of * p.m * p.n;
        local C_TYPE *slab = (local C_TYPE *)tile + subgroup * SLAB;
        _Pragma("unroll 1") for (int step = 0; step < TM; step++)
        {
            UNROLL for (int i = 0; i < TM; i++)
            {
                if (i == step) {
                    UNROLL for (int j = 0; j < TN; j++)
                    {
                        UNROLL for (int r = 0; r < CN; r++)
                            slab[C_ROW(lane, r) * WN + j * AN + C_COLUMN(lane, r)] = sum[i][j][r];
                    }
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            _Pragma("unroll 1") for (int e = lane; e < SLAB / 4; e += LANES_ALL)
            {
                INDEX m = m0 + down * (BM / DOWN) + step * AM + e / (WN / 4);
                INDEX n = n0 + across * WN + e % (WN / 4) * 4, count = p.n - n;
                V v = CAT(as_, V)(vload4(e, slab));
                if (m < p.m && count > 0)
                    store4(FINISH4(v, m, n, count), cm + m * p.n + n, count, c_aligned);
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
    }
}
