// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n] for at most ROWS rows where columns of b lie
// side by side, c dense: for devices whose work-group runs on one core. Memory is the limit: b is
// read once, in long runs, STEPS rows of it at a time, and added to sums in local memory.
//
//   ROWS 4     1, 2, 4 or 8
//   SPAN 512   columns of a task, a multiple of LANES
//   KC 256     terms that are added before the sums of such blocks are: short sums round less; a
//              multiple of 8
#include "matmul_cpu.h"

#ifndef ROWS
#define ROWS 4
#endif
#ifndef SPAN
#define SPAN 512
#endif
#ifndef KC
#define KC 256
#endif
// lint: -DVIEWS=2
// lint: -DVIEWS=2 -DROWS=1 -DSPAN=1024 -DINDEX=long
// lint: -DVIEWS=2 -DX=half -DT=float -DY=half -DNARROW -DROWS=8 -DSPAN=256
// lint: -DVIEWS=2 -DX=ushort -DT=float -DY=ushort -DNARROW -DROWS=2 -DLANES=8
// lint: -DVIEWS=2 -DX=double -DT=double -DY=double -DUSE_F64 -DLANES=8 -DKC=64
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const float *restrict p0'
//       '-DE_AT(matrix)=global const float *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const float *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, float, q0 + (m) * es->m[0] + (n))'
//       '-DE_WHOLE(m, n)=E_VECTOR(b0, float, q0 + (m) * es->m[0] + (n))'
//       '-DE_EDGE(m, n, count)=E_GATHER(b0, float, q0 + (m) * es->m[0], es->n[0], count)'

#define STEPS 8

// Adds `steps` rows of b, at most STEPS, of which the elements of a lie in `few`.
static inline void add_steps(global const X *b, INDEX b_k, INDEX width, INDEX steps,
                             local const T *few, local T *sums)
{
    INDEX j = 0;
    for (; steps == STEPS && j + LANES <= width; j += LANES) {
        V x[STEPS];
        UNROLL for (int i = 0; i < STEPS; i++) x[i] = LOAD_N(X, LANES, b + i * b_k + j);
        UNROLL for (int r = 0; r < ROWS; r++)
        {
            V sum = VLOAD(0, sums + r * SPAN + j);
            UNROLL for (int i = 0; i < STEPS; i++) sum = fma((V)(few[r * KC + i]), x[i], sum);
            VSTORE(sum, 0, sums + r * SPAN + j);
        }
    }
    for (; j < width; j++) {
        for (INDEX i = 0; i < steps; i++) {
            T x = LOAD(X, b + i * b_k + j);
            UNROLL for (int r = 0; r < ROWS; r++) sums[r * SPAN + j] =
                fma(few[r * KC + i], x, sums[r * SPAN + j]);
        }
    }
}

// KC columns of a from a on, of which there are kc; rows past the last are 0.
static inline void copy_few(const struct product *p, global const X *a, INDEX kc, local T *few)
{
    for (int r = 0; r < ROWS; r++) {
        for (INDEX k = 0; k < kc; k++)
            few[r * KC + k] = r < p->m ? (T)LOAD(X, a + r * p->a_m + k * p->a_k) : (T)0;
    }
}

static inline void set_zero(local T *sums)
{
    for (int i = 0; i < ROWS * SPAN; i += LANES)
        VSTORE((V)0, 0, sums + i);
}

// A task is `span` columns, at most SPAN, of one matrix of the batch.
__attribute__((reqd_work_group_size(1, 1, 1))) kernel void matmul_cpu_gemv(
    INDEX first, INDEX last, const struct product p, INDEX span, const struct dims batch,
    global const X *restrict a, global const X *restrict b, global Y *restrict c E_PARAMS)
{
    local T few[ROWS * KC] __attribute__((aligned(64)));
    local T block[ROWS * SPAN] __attribute__((aligned(64)));
    local T sums[ROWS * SPAN] __attribute__((aligned(64)));
    INDEX across = (p.n + span - 1) / span;
    FOR_TASKS(t)
    {
        INDEX matrix = t / across, n = (t - matrix * across) * span;
        INDEX width = min(span, p.n - n);
        global const X *am = a + dims_at(&batch, 0, matrix, RANK);
        global const X *bm = b + dims_at(&batch, 1, matrix, RANK) + n;
        E_AT(matrix)
        set_zero(sums);
        for (INDEX k0 = 0; k0 < p.k; k0 += KC) {
            INDEX kc = min((INDEX)KC, p.k - k0);
            copy_few(&p, am + k0 * p.a_k, kc, few);
            set_zero(block);
            for (INDEX k = 0; k < kc; k += STEPS)
                add_steps(bm + (k0 + k) * p.b_k, p.b_k, width, min((INDEX)STEPS, kc - k), few + k,
                          block);
            for (int i = 0; i < ROWS * SPAN; i += LANES)
                VSTORE(VLOAD(0, sums + i) + VLOAD(0, block + i), 0, sums + i);
        }
        store_rows(sums, SPAN, p.m, width, &p, c + matrix * p.m * p.n, 0, n E_ARGS);
    }
}
