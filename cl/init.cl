// Initial values of a parameter: element i is made from word i % 4 of Philox with the key and the
// counter (i / 4, stream), so it is the same on every device.
//
//   CONSTANT, UNIFORM, NORMAL or TRUNCATED, which is normal within two deviations
//
// What falls outside is drawn again, with the number of the attempt in the counter's top byte.
#include "common.h"
#include "philox.h"
#if !defined CONSTANT && !defined UNIFORM && !defined NORMAL && !defined TRUNCATED
#define UNIFORM
#endif
// lint: -DCONSTANT
// lint: -DUNIFORM -DINDEX=long
// lint: -DNORMAL -DINDEX=long
// lint: -DTRUNCATED

#if defined NORMAL || defined TRUNCATED
// The built-in functions, quotients and square roots too, differ from device to device in the last
// places; these do not.

// The nearest number to a / b, b > 0: a step with the exact remainder, then the neighbours.
float nearer(float q, float other, float a, float b)
{
    return fabs(fma(-other, b, a)) < fabs(fma(-q, b, a)) ? other : q;
}

float own_divide(float a, float b)
{
    if (a == 0)
        return 0;
    float q = a / b;
    q = fma(fma(-q, b, a), 1.0f / b, q);
    return nearer(nearer(q, as_float(as_int(q) + 1), a, b), as_float(as_int(q) - 1), a, b);
}

// The nearest number to the square root of x, likewise (Tuckerman's test).
float own_sqrt(float x)
{
    float y = sqrt(x);
    if (!(x > 0))
        return y;
    y = fma(fma(-y, y, x), 0.5f / y, y);
    float down = as_float(as_int(y) - 1), up = as_float(as_int(y) + 1);
    return fma(-y, down, x) <= 0 ? down : fma(-y, up, x) > 0 ? up : y;
}

// The logarithm of u in (0, 1], and sin and cos of a turn t in [0, 1), by polynomials of our own.
float own_log(float u)
{
    uint bits = as_uint(u);
    int e = (int)(bits >> 23) - 127;
    float m = as_float((bits & 0x7fffffu) | 0x3f800000u);
    if (m > 1.41421356f) {
        m *= 0.5f;
        e++;
    }
    // 2 atanh(s), s = (m - 1) / (m + 1)
    float s = own_divide(m - 1.0f, m + 1.0f), q = s * s;
    float p = fma(q, fma(q, fma(q, fma(q, 2.0f / 9, 2.0f / 7), 2.0f / 5), 2.0f / 3), 2.0f);
    return fma((float)e, 0.69314718f, s * p);
}

// cos(2 pi t)
float own_cos_turn(float t)
{
    t = fabs(t - floor(t + 0.5f)); // 0 .. 1/2
    float sign = 1;
    if (t > 0.25f) {
        t = 0.5f - t;
        sign = -1;
    }
    float x = t * 6.28318531f, q = x * x;
    float p = fma(q, fma(q, fma(q, fma(q, fma(q, -2.7557319e-7f, 2.4801587e-5f), -1.3888889e-3f),
                                4.1666667e-2f), -0.5f), 1.0f);
    return sign * p;
}

// Box and Muller, 1958: elements 0 and 1 share a radius and a turn, so do 2 and 3.
float own_normal(struct philox r, int i)
{
    int pair = i / 2 * 2;
    float u = 1.0f - philox_uniform(r.v[pair]), turn = philox_uniform(r.v[pair + 1]);
    float radius = own_sqrt(-2.0f * own_log(u));
    return radius * own_cos_turn(i % 2 ? turn - 0.25f : turn);
}
#endif

kernel void init(INDEX first, INDEX last, INDEX n, INDEX chunk, ulong key, ulong stream, float a,
                 float b, global float *restrict y)
{
    FOR_TASKS(t)
    {
        INDEX end = min(n, (t + 1) * chunk);
        for (INDEX i = t * chunk + (INDEX)get_local_id(0); i < end; i += (INDEX)get_local_size(0)) {
#ifdef CONSTANT
            y[i] = a;
#else
            struct philox r = philox(key, (ulong)(i / 4), stream);
#ifdef UNIFORM
            y[i] = fma(philox_uniform(r.v[i % 4]), b - a, a);
#else
            float z = own_normal(r, (int)(i % 4));
#ifdef TRUNCATED
            for (uint attempt = 1; fabs(z) > 2.0f && attempt < 256; attempt++) {
                r = philox(key, (ulong)(i / 4) | (ulong)attempt << 56, stream);
                z = own_normal(r, (int)(i % 4));
            }
#endif
            y[i] = fma(z, b, a);
#endif
#endif
        }
    }
}
