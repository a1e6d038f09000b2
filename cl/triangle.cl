// Matrices with one side of a diagonal zero, without regard to what the bits mean.
//
// x [..., rows, columns] has rows of stride 1, y is dense; a task is a row. In row r, a lower
// triangle keeps the columns up to r + diagonal, an upper one those from there on.
//
//   E         unsigned integer type of an element's size
//   IN_PLACE  y holds x already: only the zeros are written
//   RANK      dimensions of x, at least 2 [2]
#ifndef RANK
#define RANK 2
#endif
#include "common.h"

#ifndef E
#define E uint
#endif
// lint: -DRANK=3 -DINDEX=long -DE=uchar
// lint: -DIN_PLACE -DE=ulong
#ifdef IN_PLACE
#define INPUT
#else
#define INPUT , global const E *restrict x
#endif

kernel void triangle(INDEX first, INDEX last, INDEX diagonal, int upper,
                     const struct dims d INPUT, global E *restrict y)
{
    INDEX columns = d.shape[RANK - 1];
    INDEX item = (INDEX)get_local_id(0), items = (INDEX)get_local_size(0);
    FOR_TASKS(t)
    {
        INDEX r = t % d.shape[RANK - 2];
        INDEX from = upper ? clamp(r + diagonal, (INDEX)0, columns) : 0;
        INDEX to = upper ? columns : clamp(r + diagonal + 1, (INDEX)0, columns);
        global E *restrict yr = y + t * columns;
        for (INDEX i = item; i < from; i += items)
            yr[i] = 0;
#ifndef IN_PLACE
        global const E *restrict xr = x + dims_at(&d, 0, t, RANK - 1);
        for (INDEX i = from + item; i < to; i += items)
            yr[i] = xr[i];
#endif
        for (INDEX i = to + item; i < columns; i += items)
            yr[i] = 0;
    }
}
