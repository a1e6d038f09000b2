// What large and long matrix products take beside the product itself.
//
// matmul_sum: the sums of the parts of k, which lie one after the other, are added in their
// order, and get the epilogue. A work-item makes four columns.
//
// matmul_pack: an operand of a product becomes [k][rows] in whole tiles, side by side, zero
// where there is nothing.
//
//   SUM, PACK   the kernel that is made
//   B uint      a type of the size of the operand's elements
#include "matmul_gpu.h"

#ifndef B
#define B uint
#endif
// lint: -DSUM -DVIEWS=2
// lint: -DSUM -DVIEWS=2 -DX=half -DT=float -DY=half -DNARROW
// lint: -DSUM -DVIEWS=2 -DX=char -DT=uint -DY=char -DWHOLE
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long -DSUM
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const float *restrict p0'
//       '-DE_AT(matrix)=global const float *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const float *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, float, q0 + (m) * es->m[0] + (n))'
//       '-DE_WHOLE(m, n)=E_VECTOR(b0, float, q0 + (m) * es->m[0] + (n))'
//       '-DE_EDGE(m, n, count)=E_GATHER(b0, float, q0 + (m) * es->m[0], es->n[0], count)'
// lint: -DPACK -DVIEWS=2
// lint: -DPACK -DVIEWS=2 -DB=ushort -DINDEX=long

#ifdef SUM
// A task is as many vectors as a group has work-items. X is not looked at.
kernel void matmul_sum(INDEX first, INDEX last, const struct product p, INDEX parts,
                       const struct dims batch, global const T *restrict sums,
                       global const T *restrict same, global Y *restrict c E_PARAMS)
{
    INDEX across = (p.n + LANES - 1) / LANES, rows = p.m * across;
    bool aligned = IS_ALIGNED(Y, LANES, c, p.n);
    FOR_TASKS(t)
    {
        INDEX at = t * (INDEX)get_local_size(0) + (INDEX)get_local_id(0);
        INDEX matrix = at / rows, m = (at - matrix * rows) / across;
        INDEX n = (at - matrix * rows - m * across) * LANES, count = p.n - n;
        // `count` of the batch is not known here: the shape of the walk says it.
        INDEX matrices = 1;
        for (int i = 0; i < RANK; i++)
            matrices *= batch.shape[i];
        if (matrix >= matrices)
            continue;
        E_AT(matrix)
        global const T *from = sums + matrix * parts * p.m * p.n + m * p.n + n;
        V sum = 0;
        for (INDEX i = 0; i < parts; i++) {
            T one[LANES];
            UNROLL for (int j = 0; j < LANES; j++) one[j] =
                j < count ? from[i * p.m * p.n + j] : (T)0;
            sum += vload4(0, one);
        }
        store4(FINISH4(sum, m, n, count), c + (matrix * p.m + m) * p.n + n, count, aligned);
    }
}
#endif

#ifdef PACK
#define SIDE 32
struct pack {
    INDEX rows, k, row, step, rows_padded, k_padded;
};
// A task is SIDE x SIDE of a matrix; view: of the operand, in `batch`.
kernel void matmul_pack(INDEX first, INDEX last, const struct pack p, const int view,
                        const struct dims batch, global const B *restrict from,
                        global B *restrict to)
{
    local B tile[SIDE][SIDE + 1];
    INDEX across = p.rows_padded / SIDE, down = (p.k_padded + SIDE - 1) / SIDE;
    bool k_side = p.step < p.row;
    FOR_TASKS(t)
    {
        INDEX matrix = t / (across * down), rest = t - matrix * across * down;
        INDEX k0 = rest / across * SIDE, r0 = (rest - rest / across * across) * SIDE;
        global const B *x = from + dims_at(&batch, view, matrix, RANK);
        for (int e = (int)get_local_id(0); e < SIDE * SIDE; e += (int)get_local_size(0)) {
            int k = k_side ? e % SIDE : e / SIDE, r = k_side ? e / SIDE : e % SIDE;
            bool in = k0 + k < p.k && r0 + r < p.rows;
            tile[k][r] = in ? x[(r0 + r) * p.row + (k0 + k) * p.step] : (B)0;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int e = (int)get_local_id(0); e < SIDE * SIDE; e += (int)get_local_size(0)) {
            int k = e / SIDE, r = e % SIDE;
            if (k0 + k < p.k_padded)
                to[(matrix * p.k_padded + k0 + k) * p.rows_padded + r0 + r] = tile[k][r];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
#endif
