// Evenly spaced numbers: y[i] = start + i step below `half_way`, then stop - (n - 1 - i) step.
//
// Floating values are computed as sums of two numbers of the type, so that they are rounded once
// and are the same on every device. A task is `chunk` elements.
//
//   A               type that is computed in [float]; INTEGER: long
//   Y               type of y in memory (elements.h) [float]
#include "elements.h"

#ifndef A
#define A float
#define Y float
#endif
// lint: -DINTEGER -DA=long -DY=int -DINDEX=long
// lint: -DA=double -DY=double -DUSE_F64
// lint: -DA=float -DY=half

struct two {
    A high, low;
};

#ifdef INTEGER
A spaced_at(struct two begin, struct two step, INDEX i, int sign)
{
    return begin.high + sign * (A)i * step.high;
}
#else
// a + m step, where m has so few bits that it is exact.
struct two add_steps(struct two a, A m, struct two step)
{
    A p = m * step.high, lost = fma(m, step.high, -p) + m * step.low;
    A sum = a.high + p, part = sum - a.high;
    a.low += lost + ((a.high - (sum - part)) + (p - part));
    a.high = sum;
    return a;
}

A spaced_at(struct two begin, struct two step, INDEX i, int sign)
{
    INDEX low = i % 65536;
    struct two v = add_steps(begin, (A)sign * (A)(i - low), step);
    v = add_steps(v, (A)sign * (A)low, step);
    return isfinite(v.high) ? v.high + v.low : v.high;
}
#endif

kernel void spaced(INDEX first, INDEX last, INDEX n, INDEX chunk, INDEX half_way, struct two start,
                   struct two step, struct two stop, global Y *restrict y)
{
    FOR_TASKS(t)
    {
        INDEX end = min(n, (t + 1) * chunk);
        for (INDEX i = t * chunk + (INDEX)get_local_id(0); i < end; i += (INDEX)get_local_size(0)) {
            A v = i < half_way ? spaced_at(start, step, i, 1)
                               : spaced_at(stop, step, n - 1 - i, -1);
            STORE(Y, v, y + i);
        }
    }
}
