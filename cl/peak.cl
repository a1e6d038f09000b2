// What a device can do at most: copying, reading, multiplying and adding, and starting a kernel.
//
// peak_copy: a task copies CHUNK vectors; its group shares them.
// peak_read: a task adds up CHUNK vectors, and stores a vector for each work-item; after `blocks`
// tasks the next begins at the front again.
// peak_mad: a work-item has CHAINS vectors of its own, so that enough independent multiply-adds are
// under way, and goes through them `rounds` times.
//
//   VEC     numbers of a vector: 2 to 16 [16]
//   CHUNK   vectors of a task [1024]; of peak_read a multiple of CHAINS times the group's size
//   CHAINS  vectors of a work-item [8]
//   REAL    their type: float or double [float]
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
#ifndef REAL
#define REAL float
#endif
// lint: -DVEC=4 -DCHUNK=64 -DCHAINS=4 -DINDEX=long
// lint: -DVEC=8 -DREAL=double -DUSE_F64
#define V CAT(REAL, VEC)

kernel void peak_copy(INDEX first, INDEX last, global const V *restrict x, global V *restrict y)
{
    FOR_TASKS(t)
    {
        for (INDEX i = (INDEX)get_local_id(0); i < CHUNK; i += (INDEX)get_local_size(0))
            y[t * CHUNK + i] = x[t * CHUNK + i];
    }
}

kernel void peak_read(INDEX first, INDEX last, INDEX blocks, global const V *restrict x,
                      global V *restrict y)
{
    INDEX size = (INDEX)get_local_size(0), item = (INDEX)get_local_id(0);
    FOR_TASKS(t)
    {
        INDEX block = t % blocks;
        V sum[CHAINS];
#pragma unroll
        for (int c = 0; c < CHAINS; c++)
            sum[c] = 0;
        for (INDEX i = item; i < CHUNK; i += CHAINS * size) {
#pragma unroll
            for (int c = 0; c < CHAINS; c++)
                sum[c] += x[block * CHUNK + i + c * size];
        }
        V all = 0;
#pragma unroll
        for (int c = 0; c < CHAINS; c++)
            all += sum[c];
        y[block * size + item] = all;
    }
}

kernel void peak_mad(INDEX first, INDEX last, int rounds, REAL a, REAL b, global V *y)
{
    FOR_TASKS(t)
    {
        V sum[CHAINS];
#pragma unroll
        for (int c = 0; c < CHAINS; c++)
            sum[c] = (V)(REAL)(c + (int)get_local_id(0));
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
