// The matrix products that are timed, m x k times k x n: "MxKxN", or "N" of squares. With "/ta" the
// first matrix is the transposed view of one of k rows, with "/tb" the second one of n rows: so a
// linear layer multiplies by its weights, [out, in], and makes their gradient.
#include "bench.h"

static weft_tensor *transposed_a(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    (void)c;
    return weft_matmul(s, weft_transpose(s, x[0], 0, 1), x[1]);
}

static weft_tensor *transposed_b(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    (void)c;
    return weft_matmul(s, x[0], weft_transpose(s, x[1], 0, 1));
}

// c->shape is m, k, n.
static double flops(const struct op_case *c)
{
    return 2. * (double)c->shape[0] * (double)c->shape[1] * (double)c->shape[2];
}

#define MATMUL(size_, call_, nin_, rows_a, columns_a, rows_b, columns_b, ...)             \
    {                                                                                     \
        .op = "matmul", .size = size_, .call = call_, .nin = nin_, .flops = flops, .c = { \
            .in = {{2, {rows_a, columns_a}}, {2, {rows_b, columns_b}}},                   \
            .lo = -2,                                                                     \
            .hi = 2,                                                                      \
            .shape = {__VA_ARGS__}                                                        \
        }                                                                                 \
    }
#define SQUARE(n)      MATMUL(#n, NULL, 0, n, n, n, n, n, n, n)
#define PLAIN(m, k, n) MATMUL(#m "x" #k "x" #n, NULL, 0, m, k, k, n, m, k, n)
#define TA(m, k, n)    MATMUL(#m "x" #k "x" #n "/ta", transposed_a, 2, k, m, k, n, m, k, n)
#define TB(m, k, n)    MATMUL(#m "x" #k "x" #n "/tb", transposed_b, 2, m, k, n, k, m, k, n)

const struct bench_case bench_matmul_cases[] = {
    SQUARE(32),
    SQUARE(64),
    SQUARE(128),
    SQUARE(256),
    SQUARE(512),
    SQUARE(1024),
    SQUARE(2048),
    PLAIN(128, 784, 512),
    // The perceptron 784-512-512-10 with 128 rows: forward, the gradients of the weights, and those
    // of the inputs of all layers but the first.
    TB(128, 784, 512),
    TB(128, 512, 512),
    TB(128, 512, 10),
    TA(512, 128, 784),
    TA(512, 128, 512),
    TA(10, 128, 512),
    PLAIN(128, 512, 512),
    PLAIN(128, 10, 512),
    // Few rows.
    PLAIN(1, 1024, 1024),
    PLAIN(4, 1024, 1024),
    PLAIN(16, 1024, 1024),
    PLAIN(64, 1024, 1024),
    TB(1, 1024, 1024),
    TB(16, 1024, 1024),
    // Nothing that tiles divide.
    SQUARE(127),
    SQUARE(1023),
    PLAIN(333, 777, 555),
    TA(333, 777, 555),
    TB(333, 777, 555),
    PLAIN(1000, 17, 1000),
    PLAIN(31, 4099, 33),
    {0},
};
