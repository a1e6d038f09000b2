// A strided tensor to dense memory, element by element and without regard to what the bits mean.
//
// y[i] = x[where element i of the shape lies], i = 0 .. n-1; a task is CHUNK elements.
//
//   E      unsigned integer type of an element's size
//   CHUNK  elements of a task [1024]
#include "common.h"

#ifndef E
#define E uint
#endif
#ifndef CHUNK
#define CHUNK 1024
#endif

// lint: -DRANK=3 -DINDEX=long
kernel void copy_strided(INDEX first, INDEX last, INDEX n, const struct dims d,
                         global const E *restrict x, global E *restrict y)
{
    FOR_TASKS(t)
    {
        INDEX end = min(n, (t + 1) * CHUNK);
        for (INDEX i = t * CHUNK + (INDEX)get_local_id(0); i < end; i += (INDEX)get_local_size(0))
            y[i] = x[dims_at(&d, 0, i, RANK)];
    }
}
