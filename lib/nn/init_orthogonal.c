// Orthogonal initial values (Saxe et al., 2014): the Q of A = QR for a matrix A of normal numbers,
// with a positive diagonal of R, which makes Q uniform among the orthogonal matrices.
//
// Q comes from modified Gram-Schmidt, each vector twice, in double on the host: only sums, products
// and square roots in a fixed order, so the bits are those of A on every machine. The vectors are
// the rows of A or, where there are fewer, its columns.
#include "nn/params.h"
#include <math.h>
#include <stdlib.h>

enum { LANES = 8 }; // sums that a processor can work on side by side

static double dot(const double *a, const double *b, int64_t n)
{
    double sum[LANES] = {0}, all = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (int j = 0; j < LANES; j++)
            sum[j] += a[i + j] * b[i + j];
    }
    for (; i < n; i++)
        all += a[i] * b[i];
    for (int j = 0; j < LANES; j++)
        all += sum[j];
    return all;
}

// Takes from v what lies along the first n vectors.
static void project(double *v, const double *q, int64_t n, int64_t length)
{
    for (int64_t i = 0; i < n; i++, q += length) {
        double along = dot(q, v, length);
        for (int64_t k = 0; k < length; k++)
            v[k] -= along * q[k];
    }
}

// A vector that (almost) depends on those before it is replaced by an axis that does not.
static void orthonormalise(double *q, int64_t count, int64_t length)
{
    for (int64_t i = 0, axis = 0; i < count; i++) {
        double *v = q + i * length, before = sqrt(dot(v, v, length)), norm = 0;
        for (;;) {
            project(v, q, i, length);
            project(v, q, i, length);
            norm = sqrt(dot(v, v, length));
            if (norm > 1e-10 * before)
                break;
            memset(v, 0, (size_t)length * sizeof *v);
            v[axis++ % length] = before = 1;
        }
        for (int64_t k = 0; k < length; k++)
            v[k] /= norm;
    }
}

// Element k of vector i is a[i * columns + k] or, across, a[k * columns + i].
static void make_orthogonal(float *a, double *q, int64_t rows, int64_t columns, double gain)
{
    bool across = rows > columns;
    int64_t count = across ? columns : rows, length = across ? rows : columns;
    for (int64_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < length; k++)
            q[i * length + k] = (double)a[across ? k * columns + i : i * columns + k];
    }
    orthonormalise(q, count, length);
    for (int64_t i = 0; i < count; i++) {
        for (int64_t k = 0; k < length; k++)
            a[across ? k * columns + i : i * columns + k] = (float)(gain * q[i * length + k]);
    }
}

bool wf_init_orthogonal(weft_device *dev, double gain, cl_mem mem, int ndim, const int64_t *shape,
                        struct weft_error *err)
{
    size_t n = (size_t)wf_shape_count(ndim, shape), bytes = n * sizeof(float);
    float *a = malloc(bytes);
    double *q = malloc(n * sizeof *q);
    bool ok = (a && q) || wf_fail_nomem(err, "init");
    ok = ok && wf_download(dev, mem, 0, a, bytes, err);
    if (ok)
        make_orthogonal(a, q, shape[0], (int64_t)n / shape[0], gain);
    ok = ok && wf_upload(dev, mem, 0, a, bytes, err);
    free(a);
    free(q);
    return ok;
}
