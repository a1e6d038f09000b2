// What the matrix products of devices whose work-group runs on one core share: vectors of LANES
// columns, the epilogue of such a vector, and panels of b.
//
//   LANES 16   of a vector of T: 16, 8 or 4
#ifndef WF_MATMUL_CPU_H
#define WF_MATMUL_CPU_H
#include "matmul.h"

#ifndef LANES
#define LANES 16
#endif

#define V      CAT(T, LANES)
#define VLOAD  CAT(vload, LANES)
#define VSTORE CAT(vstore, LANES)
#define UNROLL _Pragma("unroll")

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

#define ROUND(v) round_vector(v)
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
#undef ROUND
#define FINISH(v, m, n, count) finish(v, m, n, count E_PASS)
#else
#define FINISH(v, m, n, count) (v)
#endif

// `rows` rows of `width` columns, `stride` apart in local memory, to c from row m and column n on,
// with the epilogue: its code stands once. Whole vectors are read there.
static inline void store_rows(local const T *tile, INDEX stride, INDEX rows, INDEX width,
                              const struct product *p, global Y *c, INDEX m, INDEX n E_TAKES)
{
    for (INDEX i = 0; i < rows; i++) {
        for (INDEX j = 0; j < width; j += LANES) {
            INDEX at = n + j, count = min(width - j, p->n - at);
            V x = FINISH(VLOAD(0, tile + i * stride + j), m + i, at, count);
            global Y *to = c + (m + i) * p->n + at;
            if (count >= LANES) {
                STORE_N(Y, LANES, x, to);
            } else {
                T edge[LANES];
                VSTORE(x, 0, edge);
                for (INDEX e = 0; e < count; e++)
                    STORE(Y, edge[e], to + e);
            }
        }
    }
}
#endif
