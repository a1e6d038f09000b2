// What a device can do at most: copying, multiplying and adding, and starting a kernel.
//
// peak_copy: a task copies CHUNK vectors; its group shares them.
// peak_mad: a work-item has CHAINS vectors of its own, so that enough independent multiply-adds are
// under way, and goes through them `rounds` times.
//
//   VEC     floats of a vector: 16 or 4 [16]
//   CHUNK   vectors of a task [1024]
//   CHAINS  vectors of a work-item [8]
#include "common.h"

#ifndef VEC
#define VEC 16
#endif
#ifndef CHUNK
#define CHUNK 1024
#endif
#ifndef CHAINS
#define CHAINS 8
#endif
// lint: -DVEC=4 -DCHUNK=64 -DCHAINS=4 -DINDEX=long
#define V CAT(float, VEC)

kernel void peak_copy(INDEX first, INDEX last, global const V *restrict x, global V *restrict y)
{
    FOR_TASKS(t)
    {
        for (INDEX i = (INDEX)get_local_id(0); i < CHUNK; i += (INDEX)get_local_size(0))
            y[t * CHUNK + i] = x[t * CHUNK + i];
    }
}

kernel void peak_mad(INDEX first, INDEX last, int rounds, float a, float b, global V *y)
{
    FOR_TASKS(t)
    {
        V sum[CHAINS];
#pragma unroll
        for (int c = 0; c < CHAINS; c++)
            sum[c] = (V)(float)(c + (int)get_local_id(0));
        for (int n = 0; n < rounds; n++) {
#pragma unroll
            for (int c = 0; c < CHAINS; c++)
                sum[c] = fma(sum[c], (V)a, (V)b);
        }
        V all = 0;
#pragma unroll
        for (int c = 0; c < CHAINS; c++)
            all += sum[c];
        y[t * (INDEX)get_local_size(0) + (INDEX)get_local_id(0)] = all;
    }
}

kernel void peak_nothing(INDEX first, INDEX last)
{
}
