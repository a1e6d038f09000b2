// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n], any strides of a and b, c dense: one
// work-item an output, for devices that can do nothing better. The other ways are in matmul_cpu.cl
// and matmul_gpu.cl.
//
//   BLOCK 256   terms of a sum that are added before the sums of blocks are: short sums round less
#include "matmul.h"

#ifndef BLOCK
#define BLOCK 256
#endif
// lint: -DVIEWS=2
// lint: -DVIEWS=2 -DX=double -DT=double -DY=double -DUSE_F64 -DBLOCK=64
// lint: -DVIEWS=2 -DX=ushort -DT=float -DY=float -DNARROW -DINDEX=long
// lint: -DVIEWS=2 -DX=char -DT=uint -DY=char -DWHOLE
// lint: -DVIEWS=2 -DX=char -DXA=char -DXB=uchar -DT=uint -DY=int -DWHOLE
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long -DX=half -DT=float -DY=half -DNARROW
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const half *restrict p0'
//       '-DE_AT(matrix)=global const half *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const half *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, half, q0 + (m) * es->m[0] + (n))'

// A task is one row of one matrix of the batch.
kernel void matmul_plain(INDEX first, INDEX last, const struct product p, const struct dims batch,
                         global const XA *restrict a, global const XB *restrict b,
                         global Y *restrict c E_PARAMS)
{
    FOR_TASKS(t)
    {
        INDEX matrix = t / p.m, m = t - matrix * p.m;
        global const XA *am = a + dims_at(&batch, 0, matrix, RANK) + m * p.a_m;
        global const XB *bm = b + dims_at(&batch, 1, matrix, RANK);
        E_AT(matrix)
        for (INDEX n = (INDEX)get_local_id(0); n < p.n; n += (INDEX)get_local_size(0)) {
            T sum = 0;
            for (INDEX k0 = 0; k0 < p.k; k0 += BLOCK) {
                T block = 0;
                for (INDEX k = k0; k < min(p.k, k0 + BLOCK); k++)
                    block = FMA((T)LOAD(XA, am + k * p.a_k),
                                (T)LOAD(XB, bm + k * p.b_k + n * p.b_n), block);
                sum += block;
            }
            STORE(Y, FINISH_ONE(sum, m, n), c + t * p.n + n);
        }
    }
}
