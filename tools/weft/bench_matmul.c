// The matrix products that are timed, m x k times k x n: "MxKxN", or "N" of squares, behind
// "COUNTx" of a batch. With "/ta" the first matrix is the transposed view of one of k rows, with
// "/tb" the second one of n rows: so a linear layer multiplies by its weights, [out, in], and makes
// their gradient. "/relu" and "/gelu" add a bias, [n], and apply the function; "/f16" and the like
// name the dtype of the operands where it is not F32. tools/bench/matmul reads the names.
#include "bench.h"

#define CALL(name) \
    static weft_tensor *name(weft_scope *s, weft_tensor *const *x, const struct op_case *c)

CALL(plain)
{
    (void)c;
    return weft_matmul(s, x[0], x[1]);
}

CALL(transposed_a)
{
    (void)c;
    return weft_matmul(s, weft_transpose(s, x[0], -1, -2), x[1]);
}

CALL(transposed_b)
{
    (void)c;
    return weft_matmul(s, x[0], weft_transpose(s, x[1], -1, -2));
}

CALL(relu)
{
    return weft_relu(s, weft_add(s, transposed_b(s, x, c), x[2]));
}

CALL(gelu)
{
    return weft_gelu(s, weft_add(s, transposed_b(s, x, c), x[2]));
}

CALL(bytes)
{
    (void)c;
    return weft_matmul_int(s, x[0], x[1]);
}

CALL(bytes_tb)
{
    (void)c;
    return weft_matmul_int(s, x[0], weft_transpose(s, x[1], -1, -2));
}

// c->shape is m, k, n, and the number of products.
static double flops(const struct op_case *c)
{
    return 2. * (double)c->shape[0] * (double)c->shape[1] * (double)c->shape[2] *
           (double)c->shape[3];
}

#define MATRIX(rows, columns) \
    {                         \
        2,                    \
        {                     \
            rows, columns     \
        }                     \
    }
#define MATRICES(count, rows, columns) \
    {                                  \
        3,                             \
        {                              \
            count, rows, columns       \
        }                              \
    }
#define PRODUCT(op_, size_, call_, m, k, n, count, a, b, ...)                                    \
    {                                                                                            \
        .op = op_, .size = size_, .call = call_, .nin = 2, .flops = flops, .chain = true,        \
        .row = (m) == 1,                                                                         \
        .c = {.in = {a, b, {1, {n}}}, .lo = -2, .hi = 2, .shape = {m, k, n, count}}, __VA_ARGS__ \
    }
#define NAME(m, k, n) #m "x" #k "x" #n
#define PLAIN(m, k, n)                                                              \
    PRODUCT("matmul", NAME(m, k, n), plain, m, k, n, 1, MATRIX(m, k), MATRIX(k, n), \
            .dtype = WEFT_F32)
#define TA(m, k, n)                                                                              \
    PRODUCT("matmul", NAME(m, k, n) "/ta", transposed_a, m, k, n, 1, MATRIX(k, m), MATRIX(k, n), \
            .dtype = WEFT_F32)
#define TB(m, k, n)                                                                              \
    PRODUCT("matmul", NAME(m, k, n) "/tb", transposed_b, m, k, n, 1, MATRIX(m, k), MATRIX(n, k), \
            .dtype = WEFT_F32)
#define SQUARE(n) SQUARE_OF(n, "", WEFT_F32)
#define SQUARE_OF(n, suffix, dtype_) \
    PRODUCT("matmul", #n suffix, plain, n, n, n, 1, MATRIX(n, n), MATRIX(n, n), .dtype = dtype_)
#define BATCH(count, m, k, n)                                                                 \
    PRODUCT("matmul", #count "x" NAME(m, k, n), plain, m, k, n, count, MATRICES(count, m, k), \
            MATRICES(count, k, n), .dtype = WEFT_F32)
#define BATCH_TB(count, m, k, n)                                                    \
    PRODUCT("matmul", #count "x" NAME(m, k, n) "/tb", transposed_b, m, k, n, count, \
            MATRICES(count, m, k), MATRICES(count, n, k), .dtype = WEFT_F32)
// A linear layer's forms.
#define FUSED(function, m, k, n)                                                            \
    {                                                                                       \
        .op = "matmul", .size = NAME(m, k, n) "/tb/" #function, .call = function, .nin = 3, \
        .flops = flops, .chain = true, .row = (m) == 1, .c = {                              \
            .in = {MATRIX(m, k), MATRIX(n, k), {1, {n}}},                                   \
            .lo = -2,                                                                       \
            .hi = 2,                                                                        \
            .shape = {m, k, n, 1}                                                           \
        }                                                                                   \
    }
#define TB_OF(m, k, n, suffix, dtype_)                                                    \
    PRODUCT("matmul", NAME(m, k, n) "/tb" suffix, transposed_b, m, k, n, 1, MATRIX(m, k), \
            MATRIX(n, k), .dtype = dtype_)
#define BYTES(m, k, n)                                                                  \
    PRODUCT("matmul_int", NAME(m, k, n), bytes, m, k, n, 1, MATRIX(m, k), MATRIX(k, n), \
            .kind = {BYTE, BYTE})
#define BYTES_TB(m, k, n)                                                                        \
    PRODUCT("matmul_int", NAME(m, k, n) "/tb", bytes_tb, m, k, n, 1, MATRIX(m, k), MATRIX(n, k), \
            .kind = {BYTE, BYTE})

const struct bench_case bench_matmul_cases[] = {
    SQUARE(32),
    SQUARE(64),
    SQUARE(128),
    SQUARE(256),
    SQUARE(512),
    SQUARE(1024),
    SQUARE(2048),
    TA(512, 512, 512),
    TB(512, 512, 512),
    TA(1024, 1024, 1024),
    TB(1024, 1024, 1024),
    // Nothing that tiles divide.
    SQUARE(127),
    SQUARE(1023),
    PLAIN(333, 777, 555),
    TA(333, 777, 555),
    TB(333, 777, 555),
    PLAIN(1000, 17, 1000),
    PLAIN(31, 4099, 33),
    // Few rows.
    PLAIN(1, 1024, 1024),
    PLAIN(2, 1024, 1024),
    PLAIN(4, 1024, 1024),
    PLAIN(8, 1024, 1024),
    PLAIN(16, 1024, 1024),
    PLAIN(32, 1024, 1024),
    PLAIN(64, 1024, 1024),
    TB(1, 1024, 1024),
    TB(2, 1024, 1024),
    TB(4, 1024, 1024),
    TB(8, 1024, 1024),
    TB(16, 1024, 1024),
    TB(32, 1024, 1024),
    TB(64, 1024, 1024),
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
    PLAIN(128, 784, 512),
    // A step of an LSTM: its four gates.
    TB(32, 128, 512),
    TB(32, 256, 1024),
    TB(32, 512, 2048),
    TB(64, 128, 512),
    TB(64, 256, 1024),
    TB(64, 512, 2048),
    // ResNet-50's convolutions of 1x1: the pixels of an image, or of eight.
    PLAIN(3136, 64, 256),
    PLAIN(3136, 256, 64),
    PLAIN(784, 512, 128),
    PLAIN(196, 1024, 256),
    PLAIN(49, 2048, 512),
    PLAIN(392, 2048, 512),
    // BERT-base on 128 tokens, and the heads of its attention.
    TB(128, 768, 768),
    TB(128, 768, 3072),
    TB(128, 3072, 768),
    BATCH_TB(12, 128, 64, 128),
    BATCH(12, 128, 128, 64),
    // Layers with bias and activation.
    FUSED(relu, 128, 784, 512),
    FUSED(relu, 128, 512, 512),
    FUSED(relu, 64, 1024, 1024),
    FUSED(relu, 4, 1024, 1024),
    FUSED(gelu, 128, 768, 3072),
    FUSED(gelu, 64, 256, 1024),
    // Other dtypes.
    SQUARE_OF(512, "/f16", WEFT_F16),
    SQUARE_OF(1024, "/f16", WEFT_F16),
    TB_OF(128, 784, 512, "/f16", WEFT_F16),
    SQUARE_OF(512, "/bf16", WEFT_BF16),
    SQUARE_OF(1024, "/bf16", WEFT_BF16),
    TB_OF(16, 1024, 1024, "/bf16", WEFT_BF16),
    SQUARE_OF(512, "/f64", WEFT_F64),
    BYTES(512, 512, 512),
    BYTES(1024, 1024, 1024),
    BYTES(128, 768, 3072),
    BYTES_TB(128, 784, 512),
    BYTES_TB(1, 1024, 1024),
    {0},
};
