// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n], any strides of a and b, c dense: the ways for
// devices with groups of many work-items. The one for CPUs is in matmul_cpu.cl.
//
// matmul_gpu_tile: a group of TILE/4 x TILE/4 work-items makes TILE x TILE outputs, 4 x 4 each; KT
// columns of a and rows of b at a time go through local memory.
//
// matmul_plain: one work-item an output; for devices that can do nothing better, and for integers.
//
//   GPU_TILE, PLAIN  the kernel that is made
//   TILE 64, KT 16
//   BLOCK 256        terms of a sum that are added before the sums of blocks are: short sums round
//                    less
#include "matmul.h"

#ifndef TILE
#define TILE 64
#endif
#ifndef KT
#define KT 16
#endif
#ifndef BLOCK
#define BLOCK 256
#endif
// lint: -DGPU_TILE -DVIEWS=2
// lint: -DPLAIN -DVIEWS=2
// lint: -DGPU_TILE -DVIEWS=2 -DX=double -DT=double -DY=double -DUSE_F64 -DTILE=32 -DKT=8 -DBLOCK=64
// lint: -DGPU_TILE -DVIEWS=2 -DX=half -DT=float -DY=half -DNARROW
// lint: -DPLAIN -DVIEWS=2 -DX=ushort -DT=float -DY=float -DNARROW -DINDEX=long
// lint: -DPLAIN -DVIEWS=2 -DX=char -DT=uint -DY=char -DWHOLE
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long -DGPU_TILE
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const float *restrict p0'
//       '-DE_AT(matrix)=global const float *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const float *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, float, q0 + (m) * es->m[0] + (n))'
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long -DPLAIN -DX=half -DT=float -DY=half -DNARROW
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const half *restrict p0'
//       '-DE_AT(matrix)=global const half *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const half *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, half, q0 + (m) * es->m[0] + (n))'

#ifdef INPUTS
static inline T finish(T v, INDEX m, INDEX n E_TAKES)
{
    v = e_round(v);
    E_ONE(m, n)
    EPILOGUE_STEPS(T)
    return EPILOGUE(T);
}
#define FINISH(v, m, n) finish(v, m, n E_ARGS)
#else
#define FINISH(v, m, n) (v)
#endif

#ifdef GPU_TILE
// A task is one TILE x TILE block of one matrix of the batch.
kernel void matmul_gpu_tile(INDEX first, INDEX last, const struct product p,
                            const struct dims batch, global const X *restrict a,
                            global const X *restrict b, global Y *restrict c E_PARAMS)
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
        global const X *am = a + dims_at(&batch, 0, matrix, RANK);
        global const X *bm = b + dims_at(&batch, 1, matrix, RANK);
        E_AT(matrix)
        T sum[4][4], block[4][4];
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 4; j++)
                sum[i][j] = block[i][j] = 0;
        }
        for (INDEX k0 = 0; k0 < p.k; k0 += KT) {
            for (int e = item; e < TILE * KT; e += items) {
                int i = a_down ? e % TILE : e / KT, k = a_down ? e / TILE : e % KT;
                bool in = m0 + i < p.m && k0 + k < p.k;
                as[k][i] = in ? (T)LOAD(X, am + (m0 + i) * p.a_m + (k0 + k) * p.a_k) : (T)0;
                int j = b_down ? e / KT : e % TILE;
                k = b_down ? e % KT : e / TILE;
                in = n0 + j < p.n && k0 + k < p.k;
                bs[k][j] = in ? (T)LOAD(X, bm + (k0 + k) * p.b_k + (n0 + j) * p.b_n) : (T)0;
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
                        block[i][j] = FMA(x[i], y[j], block[i][j]);
                }
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            if ((k0 + KT) % BLOCK && k0 + KT < p.k)
                continue;
            for (int i = 0; i < 4; i++) {
                for (int j = 0; j < 4; j++) {
                    sum[i][j] += block[i][j];
                    block[i][j] = 0;
                }
            }
        }
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 4; j++) {
                INDEX m = m0 + ty + i * side, n = n0 + tx + j * side;
                if (m < p.m && n < p.n)
                    STORE(Y, FINISH(sum[i][j], m, n), c + (matrix * p.m + m) * p.n + n);
            }
        }
    }
}
#endif

#ifdef PLAIN
// A task is one row of one matrix of the batch.
kernel void matmul_plain(INDEX first, INDEX last, const struct product p, const struct dims batch,
                         global const X *restrict a, global const X *restrict b,
                         global Y *restrict c E_PARAMS)
{
    FOR_TASKS(t)
    {
        INDEX matrix = t / p.m, m = t - matrix * p.m;
        global const X *am = a + dims_at(&batch, 0, matrix, RANK) + m * p.a_m;
        global const X *bm = b + dims_at(&batch, 1, matrix, RANK);
        E_AT(matrix)
        for (INDEX n = (INDEX)get_local_id(0); n < p.n; n += (INDEX)get_local_size(0)) {
            T sum = 0;
            for (INDEX k0 = 0; k0 < p.k; k0 += BLOCK) {
                T block = 0;
                for (INDEX k = k0; k < min(p.k, k0 + BLOCK); k++)
                    block = FMA((T)LOAD(X, am + k * p.a_k),
                                (T)LOAD(X, bm + k * p.b_k + n * p.b_n), block);
                sum += block;
            }
            STORE(Y, FINISH(sum, m, n), c + t * p.n + n);
        }
    }
}
#endif
