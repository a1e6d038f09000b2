// c[b][m][n] = sum over k of a[b][m][k] * b[b][k][n], where m or n is at most ROWS: every element
// of the other operand, "the matrix", is read once, so memory is the limit. A group has ACROSS
// work-items along the matrix' long side (m or n) and GROUP / ACROSS along k:
//
//   FORM 0: the long side lies side by side: VEC of it are a work-item's, neighbours along it
//   FORM 1: k lies side by side: VEC of k at a time, neighbours along k
//
// The few rows of the other operand go through local memory, KC of k at a time. Those along k are
// summed up as a tree, the same every time. The parts of k (`part`) are as in matmul_gpu.cl.
//
//   GROUP 128    work-items: a power of 2
//   ACROSS 8     a power of 2, at most GROUP
//   ROWS 8       1, 2, 4 or 8
//   KC 256       a multiple of VEC; ROWS * KC numbers lie in local memory
//   VEC 4
//   FORM, TURNED 0; TURNED 1: n is the few
#include "matmul_gpu.h"

#ifndef GROUP
#define GROUP 128
#endif
#ifndef ACROSS
#define ACROSS 8
#endif
#ifndef ROWS
#define ROWS 8
#endif
#ifndef KC
#define KC 256
#endif
#ifndef FORM
#define FORM 0
#endif
#ifndef TURNED
#define TURNED 0
#endif
// lint: -DVIEWS=2 -DFORM=1 -DROWS=1
// lint: -DVIEWS=2 -DTURNED=1 -DVEC=1 -DROWS=4
// lint: -DVIEWS=2 -DTURNED=1 -DFORM=1 -DVEC=2 -DGROUP=64 -DACROSS=1 -DROWS=2 -DKC=512
// lint: -DVIEWS=2 -DX=half -DT=float -DY=half -DNARROW -DVEC=8 -DINDEX=long
// lint: -DVIEWS=2 -DX=ushort -DT=float -DY=ushort -DNARROW -DFORM=1
// lint: -DVIEWS=2 -DX=double -DT=double -DY=double -DUSE_F64 -DVEC=2
// lint: -DVIEWS=2 -DX=char -DT=uint -DY=char -DWHOLE -DFORM=1
// lint: -DVIEWS=2 -DX=char -DXA=char -DXB=uchar -DT=uint -DY=int -DWHOLE -DTURNED=1
// lint: -DVIEWS=3 -DRANK=2 -DINPUTS=1 -DINDEX=long -DX=ushort -DT=float -DY=ushort -DNARROW
//       '-DEPILOGUE(T)=(n1)' '-DEPILOGUE_STEPS(T)=const T n1 = v * b0;'
//       '-DE_PARAMS=, const struct steps steps, global const ushort *restrict p0'
//       '-DE_AT(matrix)=global const ushort *q0 = p0 + dims_at(&batch, 2, matrix, RANK);'
//       '-DE_TAKES=, const struct steps *es, global const ushort *q0'
//       '-DE_ARGS=, &steps, q0' '-DE_PASS=, es, q0'
//       '-DE_ONE(m, n)=E_SINGLE(b0, ushort, q0 + (m) * es->m[0] + (n))'
//       '-DE_WHOLE(m, n)=E_VECTOR(b0, ushort, q0 + (m) * es->m[0] + (n))'
//       '-DE_EDGE(m, n, count)=E_GATHER(b0, ushort, q0 + (m) * es->m[0], es->n[0], count)'

#define DEEP (GROUP / ACROSS)
#if FORM
#define SPAN         ACROSS // of the long side, of a group
#define ALONG        1      // between neighbours along k
#define FEW_AT(k, r) ((r)*KC + (k))
#define SUM          T
#else
#define SPAN         (ACROSS * VEC)
#define ALONG        ACROSS
#define FEW_AT(k, r) ((k)*ROWS + (r))
#define SUM          TV
#endif

// The sizes and strides of the matrix x and of the few rows y.
#if TURNED
#define X_TYPE XA // types of x and y
#define Y_TYPE XB
#define LENGTH p.m
#define FEW    p.n
#define X_ROW  p.a_m
#define X_K    p.a_k
#define Y_ROW  p.b_n
#define Y_K    p.b_k
#else
#define X_TYPE XB
#define Y_TYPE XA
#define LENGTH p.n
#define FEW    p.m
#define X_ROW  p.b_n
#define X_K    p.b_k
#define Y_ROW  p.a_m
#define Y_K    p.a_k
#endif

#if VEC == 1
#define GATHER(v, from) (from)[0]
#else
#define GATHER(v, from) CAT(vload, VEC)(0, from)
#endif

// VEC elements from x on, `step` apart, of which `count` are there.
static inline TV load_some(global const X_TYPE *x, INDEX step, INDEX count, bool wide)
{
#if VEC > 1
    if (wide && count >= VEC)
        return LOAD_WIDE(X_TYPE, VEC, x);
#endif
    T one[VEC];
    UNROLL for (int j = 0; j < VEC; j++) one[j] = j < count ? (T)LOAD(X_TYPE, x + j * step) : (T)0;
    return GATHER(TV, one);
}

#if FORM
static inline T total(TV v)
{
    T one[VEC], sum = 0;
#if VEC == 1
    one[0] = v;
#else
    CAT(vstore, VEC)(v, 0, one);
#endif
    UNROLL for (int j = 0; j < VEC; j++) sum += one[j];
    return sum;
}
#else
#define total(v) (v)
#endif

// A task is SPAN of the long side of one matrix of the batch, over `part` of k.
__attribute__((reqd_work_group_size(GROUP, 1, 1))) kernel void matmul_gemv(
    INDEX first, INDEX last, const struct product p, INDEX part, const struct dims batch,
    global const XA *restrict a, global const XB *restrict b, global Y *restrict c E_PARAMS)
{
    local T few[ROWS * KC] __attribute__((aligned(64)));
    local SUM sums[GROUP] __attribute__((aligned(64)));
    int item = (int)get_local_id(0);
    int across = FORM ? item / DEEP : item % ACROSS, deep = FORM ? item % DEEP : item / ACROSS;
    INDEX blocks = (LENGTH + SPAN - 1) / SPAN, parts = max((INDEX)1, (p.k + part - 1) / part);
    FOR_TASKS(t)
    {
        INDEX of = t / blocks, l0 = (t - of * blocks) * SPAN, matrix = of / parts;
        INDEX k_begin = (of - matrix * parts) * part, k_end = min(p.k, k_begin + part);
        INDEX at = l0 + across * (FORM ? 1 : VEC), left = LENGTH - at;
        global const XA *am = a + dims_at(&batch, 0, matrix, RANK);
        global const XB *bm = b + dims_at(&batch, 1, matrix, RANK);
#if TURNED
        global const X_TYPE *x = am;
        global const Y_TYPE *y = bm;
#else
        global const X_TYPE *x = bm;
        global const Y_TYPE *y = am;
#endif
        E_AT(matrix)
        bool wide = (FORM ? X_K : X_ROW) == 1 && IS_ALIGNED(X_TYPE, VEC, x, FORM ? X_ROW : X_K);
        TV sum[ROWS];
        UNROLL for (int r = 0; r < ROWS; r++) sum[r] = 0;
        for (INDEX k0 = k_begin; k0 < k_end; k0 += KC) {
            int kc = (int)min((INDEX)KC, k_end - k0);
            barrier(CLK_LOCAL_MEM_FENCE);
            for (int e = item; e < ROWS * KC; e += GROUP) {
                int k = e % KC, r = e / KC;
                bool in = r < FEW && k < kc;
                few[FEW_AT(k, r)] = in ? (T)LOAD(Y_TYPE, y + r * Y_ROW + (k0 + k) * Y_K) : (T)0;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            if (left <= 0)
                continue;
            global const X_TYPE *xk = x + at * X_ROW + k0 * X_K;
#if FORM
            _Pragma("unroll 4") for (int k = deep * VEC; k < kc; k += DEEP * VEC)
            {
                TV v = load_some(xk + k * X_K, X_K, kc - k, wide);
                UNROLL for (int r = 0; r < ROWS; r++) sum[r] =
                    FMA(v, *(local const TV *)&few[FEW_AT(k, r)], sum[r]);
            }
#else
            _Pragma("unroll 4") for (int k = deep; k < kc; k += DEEP)
            {
                TV v = load_some(xk + k * X_K, X_ROW, left, wide);
                UNROLL for (int r = 0; r < ROWS; r++) sum[r] =
                    FMA(v, (TV)(few[FEW_AT(k, r)]), sum[r]);
            }
#endif
        }
        global Y *cm = c + of * p.m * p.n;
        // The code after the sum stands once: the rows move through sum[0].
        _Pragma("unroll 1") for (int r = 0; r < ROWS; r++)
        {
            if (r >= FEW)
                break;
            sums[item] = total(sum[0]);
            UNROLL for (int j = 1; j < ROWS; j++) sum[j - 1] = sum[j];
            for (int half_ = DEEP / 2; half_ > 0; half_ /= 2) {
                barrier(CLK_LOCAL_MEM_FENCE);
                if (deep < half_)
                    sums[item] += sums[item + half_ * ALONG];
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            for (int e = item; e < SPAN && l0 + e < LENGTH; e += GROUP) {
                INDEX m = TURNED ? l0 + e : r, n = TURNED ? r : l0 + e;
                T v = ((local const T *)sums)[FORM ? e * DEEP : e];
                STORE(Y, FINISH_ONE(v, m, n), cm + m * p.n + n);
            }
            barrier(CLK_LOCAL_MEM_FENCE);
        }
    }
}
