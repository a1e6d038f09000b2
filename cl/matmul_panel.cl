// Packs the columns of b, once for many products: panels of NR = NV * LANES columns, p.k rows each,
// one after the other; columns past the last are there. matmul_cpu_tile reads them with PACKED.
//
//   NV 3, LANES 16; B_ROWS, B_COLUMNS 0: how b lies (matmul_panel.h)
#ifndef NV
#define NV 3
#endif
#define PANEL_SPACE global
#include "matmul_panel.h"
// lint: -DVIEWS=2 -DB_ROWS=1
// lint: -DVIEWS=2 -DB_COLUMNS=1 -DINDEX=long
// lint: -DVIEWS=2 -DNV=2 -DB_COLUMNS=1 -DX=half -DT=float -DY=half -DNARROW
// lint: -DVIEWS=2 -DX=double -DT=double -DY=double -DUSE_F64 -DLANES=8

// A task is a panel.
__attribute__((reqd_work_group_size(1, 1, 1))) kernel void matmul_panel(
    INDEX first, INDEX last, const struct product p, INDEX rows, const struct dims batch,
    global const X *restrict a, global const X *restrict b, global T *restrict c)
{
    FOR_TASKS(t)
    {
        pack_b(&p, b + dims_at(&batch, 1, 0, RANK), 0, p.k, t * NR, c + t * NR * p.k);
    }
}
