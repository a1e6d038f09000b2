// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n] where k lies side by side in both operands, or
// in a and b has few columns, c dense: for devices whose work-group runs on one core, and few rows
// or columns. Nothing is packed: one work-item keeps MR x NC sums, each LANES wide, and runs down
// k; at last the lanes of a sum are added. Each column of b is read from memory once.
//
//   MR 4, NC 4          rows of a and columns of b at a time
//   ROWS 16, SPAN 64    of c, at most, of a task; SPAN is a multiple of LANES
//   KC 4096             terms that are added before the sums of such blocks are: short sums round
//                       less; a multiple of LANES
//   COPY_B 0            1: b has SPAN columns at most, lying anyhow: KC terms of them are copied to
//                       local memory
#include "matmul_cpu.h"

#ifndef MR
#define MR 4
#endif
#ifndef NC
#define NC 4
#endif
#ifndef ROWS
#define ROWS 16
#endif
#ifndef SPAN
#define SPAN 64
#endif
#ifndef KC
#define KC 4096
#endif
#ifndef COPY_B
#define COPY_B 0
#endif
// lint: -DVIEWS=2
// lint: -DVIEWS=2 -DCOPY_B=1 -DSPAN=16 -DKC=512
// lint: -DVIEWS=2 -DCOPY_B=1 -DSPAN=16 -DKC=512 -DX=half -DT=float -DY=half -DNARROW -DINDEX=long
// lint: -DVIEWS=2 -DMR=8 -DNC=1 -DROWS=64 -DSPAN=16 -DINDEX=long
// lint: -DVIEWS=2 -DX=half -DT=float -DY=half -DNARROW -DMR=1 -DNC=8 -DKC=1024
// lint: -DVIEWS=2 -DX=ushort -DT=float -DY=ushort -DNARROW -DLANES=8
// lint: -DVIEWS=2 -DX=double -DT=double -DY=double -DUSE_F64 -DLANES=8
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const float *restrict p0'
//       '-DE_AT(matrix)=global const float *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const float *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, float, q0 + (m) * es->m[0] + (n))'
//       '-DE_WHOLE(m, n)=E_VECTOR(b0, float, q0 + (m) * es->m[0] + (n))'
//       '-DE_EDGE(m, n, count)=E_GATHER(b0, float, q0 + (m) * es->m[0], es->n[0], count)'

#if LANES == 16
#define ADD_LANES(v) add4((v).lo.lo + (v).lo.hi + ((v).hi.lo + (v).hi.hi))
#elif LANES == 8
#define ADD_LANES(v) add4((v).lo + (v).hi)
#else
#define ADD_LANES(v) add4(v)
#endif
static inline T add4(CAT(T, 4) v)
{
    return v.x + v.y + (v.z + v.w);
}

#if COPY_B
#define B_SPACE     local
#define BX          T
#define B_N         KC
#define LOAD_B(p)   (*(p))
#define LOAD_B_N(p) VLOAD(0, p)
// kc terms of the columns.
static inline void copy_b(const struct product *p, global const X *b, INDEX kc, local T *to)
{
    for (INDEX j = 0; j < p->n; j++) {
        for (INDEX k = 0; k < kc; k++)
            to[j * KC + k] = LOAD(X, b + k * p->b_k + j * p->b_n);
    }
}
#else
#define B_SPACE     global
#define BX          X
#define B_N         p->b_n
#define LOAD_B(p)   ((T)LOAD(X, p))
#define LOAD_B_N(p) LOAD_N(X, LANES, p)
#endif

// Adds kc terms of MR x NC sums to `out`. Rows and columns past the last repeat it.
static inline void add_dots(const struct product *p, global const X *a, B_SPACE const BX *b,
                            INDEX rows, INDEX columns, INDEX kc, local T *out)
{
    V sum[MR][NC];
    global const X *x[MR];
    B_SPACE const BX *y[NC];
    UNROLL for (int i = 0; i < MR; i++) x[i] = a + min((INDEX)i, rows - 1) * p->a_m;
    UNROLL for (int j = 0; j < NC; j++) y[j] = b + min((INDEX)j, columns - 1) * B_N;
    UNROLL for (int i = 0; i < MR; i++)
    {
        UNROLL for (int j = 0; j < NC; j++) sum[i][j] = 0;
    }
    INDEX k = 0;
    for (; k + LANES <= kc; k += LANES) {
        V yk[NC];
        UNROLL for (int j = 0; j < NC; j++) yk[j] = LOAD_B_N(y[j] + k);
        UNROLL for (int i = 0; i < MR; i++)
        {
            V xk = LOAD_N(X, LANES, x[i] + k);
            UNROLL for (int j = 0; j < NC; j++) sum[i][j] = fma(xk, yk[j], sum[i][j]);
        }
    }
    T total[MR][NC];
    UNROLL for (int i = 0; i < MR; i++)
    {
        UNROLL for (int j = 0; j < NC; j++) total[i][j] = ADD_LANES(sum[i][j]);
    }
    for (; k < kc; k++) {
        UNROLL for (int i = 0; i < MR; i++)
        {
            UNROLL for (int j = 0; j < NC; j++) total[i][j] =
                fma((T)LOAD(X, x[i] + k), LOAD_B(y[j] + k), total[i][j]);
        }
    }
    for (INDEX i = 0; i < min(rows, (INDEX)MR); i++) {
        for (INDEX j = 0; j < min(columns, (INDEX)NC); j++)
            out[i * SPAN + j] += total[i][j];
    }
}

// A task is `rows` rows, at most ROWS, by SPAN columns of one matrix of the batch.
__attribute__((reqd_work_group_size(1, 1, 1))) kernel void matmul_cpu_dot(
    INDEX first, INDEX last, const struct product p, INDEX rows, const struct dims batch,
    global const X *restrict a, global const X *restrict b, global Y *restrict c E_PARAMS)
{
    local T out[ROWS * SPAN] __attribute__((aligned(64)));
#if COPY_B
    local T few[SPAN * KC] __attribute__((aligned(64)));
#endif
    INDEX across = (p.n + SPAN - 1) / SPAN, down = (p.m + rows - 1) / rows;
    FOR_TASKS(t)
    {
        INDEX matrix = t / (across * down), rest = t - matrix * across * down;
        INDEX m0 = rest / across * rows, n0 = (rest - rest / across * across) * SPAN;
        INDEX height = min(rows, p.m - m0), width = min((INDEX)SPAN, p.n - n0);
        global const X *am = a + dims_at(&batch, 0, matrix, RANK) + m0 * p.a_m;
        global const X *bm = b + dims_at(&batch, 1, matrix, RANK) + n0 * p.b_n;
        E_AT(matrix)
        for (INDEX i = 0; i < height * SPAN; i++)
            out[i] = 0;
        for (INDEX k0 = 0; k0 < p.k; k0 += KC) {
            INDEX kc = min((INDEX)KC, p.k - k0);
#if COPY_B
            copy_b(&p, bm + k0 * p.b_k, kc, few);
            for (INDEX i = 0; i < height; i += MR) {
                for (INDEX j = 0; j < width; j += NC)
                    add_dots(&p, am + i * p.a_m + k0, few + j * KC, height - i, width - j, kc,
                             out + i * SPAN + j);
            }
#else
            for (INDEX j = 0; j < width; j += NC) {
                for (INDEX i = 0; i < height; i += MR)
                    add_dots(&p, am + i * p.a_m + k0, bm + j * p.b_n + k0, height - i, width - j,
                             kc, out + i * SPAN + j);
            }
#endif
        }
        store_rows(out, SPAN, height, width, &p, c + matrix * p.m * p.n, m0, n0 E_ARGS);
    }
}
