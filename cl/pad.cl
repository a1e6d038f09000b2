// The gradient of padding, in place: to each element of view 0 of `d` is added the one of view 1
// that was copied from it, or `repeats` of them, `step` apart. The views do not overlap.
//
// The last dimension, of `inner` elements, is walked as a row. A task is one of the `chunks` pieces
// of `chunk` elements of a row; or, with one piece, `rows` rows of the `count`.
//
//   X  type of an element in memory (elements.h) [float]
//   A  type that is computed in [float]
#define VIEWS 2
#include "elements.h"

#ifndef X
#define X float
#define A float
#endif
// lint: -DRANK=3 -DINDEX=long
// lint: -DRANK=2 -DX=half -DA=float
// lint: -DX=ushort -DA=float
// lint: -DX=double -DA=double -DUSE_F64
// lint: -DX=char -DA=int

kernel void pad_fold(INDEX first, INDEX last, INDEX count, INDEX rows, INDEX chunks, INDEX chunk,
                     INDEX repeats, INDEX step, const struct dims d, global X *g)
{
    INDEX inner = d.shape[RANK - 1], s0 = d.stride[0][RANK - 1], s1 = d.stride[1][RANK - 1];
    FOR_TASKS(t)
    {
        INDEX block = t / chunks, begin = (t - block * chunks) * chunk;
        INDEX end = min(count, (block + 1) * rows), n = min(chunk, inner - begin);
        INDEX all = (end - block * rows) * n;
        for (INDEX i = (INDEX)get_local_id(0); i < all; i += (INDEX)get_local_size(0)) {
            INDEX q = i / n, row = block * rows + q, at = begin + i - q * n;
            global X *to = g + dims_at(&d, 0, row, RANK - 1) + at * s0;
            global const X *from = g + dims_at(&d, 1, row, RANK - 1) + at * s1;
            A sum = LOAD(X, to);
            for (INDEX k = 0; k < repeats; k++)
                sum += LOAD(X, from + k * step);
            STORE(X, sum, to);
        }
    }
}
