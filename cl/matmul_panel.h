// Panels of b: NR = NV * LANES columns side by side, row after row.
//
//   NV                     vectors of a row
//   PANEL_SPACE            where panels lie: local or global
//   B_ROWS 0 or 1          columns of b lie side by side
//   B_COLUMNS 0 or 1       k does
#ifndef WF_MATMUL_PANEL_H
#define WF_MATMUL_PANEL_H
#include "matmul_cpu.h"

#ifndef B_ROWS
#define B_ROWS 0
#endif
#ifndef B_COLUMNS
#define B_COLUMNS 0
#endif
#define NR (NV * LANES)

#if LANES == 16 && B_COLUMNS
// Steps of a 16 x 16 transposition in registers: blocks of 1, 2, 4 and 8 change places.
#define SWAP1(a, b)                                                                             \
    {                                                                                           \
        V t = (V)(a.s0, b.s0, a.s2, b.s2, a.s4, b.s4, a.s6, b.s6, a.s8, b.s8, a.sa, b.sa, a.sc, \
                  b.sc, a.se, b.se);                                                            \
        b = (V)(a.s1, b.s1, a.s3, b.s3, a.s5, b.s5, a.s7, b.s7, a.s9, b.s9, a.sb, b.sb, a.sd,   \
                b.sd, a.sf, b.sf);                                                              \
        a = t;                                                                                  \
    }
#define SWAP2(a, b)                                                        \
    {                                                                      \
        V t = (V)(a.s01, b.s01, a.s45, b.s45, a.s89, b.s89, a.scd, b.scd); \
        b = (V)(a.s23, b.s23, a.s67, b.s67, a.sab, b.sab, a.sef, b.sef);   \
        a = t;                                                             \
    }
#define SWAP4(a, b)                                    \
    {                                                  \
        V t = (V)(a.s0123, b.s0123, a.s89ab, b.s89ab); \
        b = (V)(a.s4567, b.s4567, a.scdef, b.scdef);   \
        a = t;                                         \
    }
#define SWAP8(a, b)            \
    {                          \
        V t = (V)(a.lo, b.lo); \
        b = (V)(a.hi, b.hi);   \
        a = t;                 \
    }
// `count` columns of 16 numbers side by side become 16 rows of a panel that is NR wide; the columns
// past them are 0.
static inline void transpose16(global const X *from, INDEX stride, INDEX count, PANEL_SPACE T *to)
{
    V r[16];
    UNROLL for (int i = 0; i < 16; i++) r[i] = i < count ? LOAD_N(X, 16, from + i * stride) : (V)0;
    UNROLL for (int i = 0; i < 16; i += 2) SWAP1(r[i], r[i + 1])
        UNROLL for (int i = 0; i < 16; i++) if (!(i & 2)) SWAP2(r[i], r[i + 2])
            UNROLL for (int i = 0; i < 16; i++) if (!(i & 4)) SWAP4(r[i], r[i + 4])
                UNROLL for (int i = 0; i < 8; i++) SWAP8(r[i], r[i + 8])
                    UNROLL for (int i = 0; i < 16; i++) VSTORE(r[i], 0, to + i * NR);
}
#endif

// Of NR columns from n0, row k and on: how many rows may be read in whole vectors, though columns
// past the last are read with them, because what is read then belongs to the rows below?
static inline INDEX rows_in_vectors(const struct product *p, INDEX k, INDEX kc, INDEX n0)
{
    if (n0 + NR <= p->n)
        return kc;
    if (p->b_k <= 0)
        return 0;
    INDEX last = (p->k - 1) * p->b_k + p->n - n0 - NR;
    return last < 0 ? 0 : clamp(last / p->b_k + 1 - k, (INDEX)0, kc);
}

// Rows k0 .. k0+kc-1 of NR columns from n0 into the panel; what stands in columns past the last has
// no meaning.
static inline void pack_b(const struct product *p, global const X *b, INDEX k0, INDEX kc, INDEX n0,
                          PANEL_SPACE T *panel)
{
    INDEX whole = min((INDEX)NR, p->n - n0);
    INDEX k = 0;
#if B_COLUMNS && LANES == 16
    for (; k + 16 <= kc; k += 16) {
        for (int v = 0; v < NV; v++)
            transpose16(b + (n0 + v * 16) * p->b_n + k0 + k, p->b_n, whole - v * 16,
                        panel + k * NR + v * 16);
    }
#endif
#if B_ROWS
    for (INDEX rows = rows_in_vectors(p, k0, kc, n0); k < rows; k++) {
        global const X *row = b + (k0 + k) * p->b_k + n0;
        UNROLL for (int v = 0; v < NV; v++)
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
#endif
