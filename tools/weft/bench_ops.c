// The cases of operations: at sizes that do not fit a cache of 32 MiB. Elementwise ones are made
// from their references, the others are rows here.
#include "bench.h"
#include <string.h>

enum { M = 1 << 20 };

#define CALL(name) \
    static weft_tensor *name(weft_scope *s, weft_tensor *const *x, const struct op_case *c)

static weft_tensor *number(weft_scope *s, double v)
{
    return weft_full(s, WEFT_F32, 0, NULL, v);
}

// relu(a x + b)
CALL(chain3)
{
    (void)c;
    return weft_relu(s, weft_add(s, weft_mul(s, x[1], x[0]), x[2]));
}

// sigmoid(a x + b) tanh(x) - b
CALL(chain6)
{
    (void)c;
    weft_tensor *gate = weft_sigmoid(s, weft_add(s, weft_mul(s, x[1], x[0]), x[2]));
    return weft_sub(s, weft_mul(s, gate, weft_tanh(s, x[0])), x[2]);
}

// Like the cell of an LSTM: i, f, g, c.
CALL(chain10)
{
    (void)c;
    weft_tensor *in = weft_sigmoid(s, x[0]), *forget = weft_sigmoid(s, x[1]);
    weft_tensor *cell = weft_add(s, weft_mul(s, forget, x[3]), weft_mul(s, in, weft_tanh(s, x[2])));
    return weft_relu(s, weft_add(s, weft_mul(s, in, weft_tanh(s, cell)), x[3]));
}

// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
CALL(chain_gelu_tanh)
{
    (void)c;
    weft_tensor *cube = weft_mul(s, weft_square(s, x[0]), x[0]);
    weft_tensor *inner = weft_add(s, x[0], weft_scale(s, cube, 0.044715));
    weft_tensor *outer =
        weft_add(s, weft_tanh(s, weft_scale(s, inner, 0.7978845608)), number(s, 1));
    return weft_mul(s, weft_scale(s, x[0], 0.5), outer);
}

// (x - mean) / sqrt(variance + eps) * weight + bias, over rows.
CALL(chain_layernorm)
{
    (void)c;
    const struct weft_reduce_params *rows =
        weft_reduce_params(.axes = (int[]){1}, .naxes = 1, .keep_dims = true);
    weft_tensor *centred = weft_sub(s, x[0], weft_mean(s, x[0], rows));
    weft_tensor *variance = weft_mean(s, weft_square(s, centred), rows);
    weft_tensor *scale = weft_rsqrt(s, weft_add(s, variance, number(s, 1e-5)));
    return weft_add(s, weft_mul(s, weft_mul(s, centred, scale), x[1]), x[2]);
}

// A view as the input of an operation that reads it in its strange order.
CALL(transpose_neg)
{
    return weft_neg(s, weft_transpose(s, x[0], c->axes[0], c->axes[1]));
}

CALL(expand_neg)
{
    return weft_neg(s, weft_expand(s, x[0], c->ndim, c->shape));
}

static double matmul_flops(const struct op_case *c)
{
    const int64_t *a = c->in[0].shape, *b = c->in[1].shape;
    int da = c->in[0].ndim, db = c->in[1].ndim;
    double batch = da > 2 ? (double)a[0] : 1;
    return 2 * batch * (double)a[da - 2] * (double)a[da - 1] * (double)b[db - 1];
}

#define FLAT(n) \
    {           \
        1,      \
        {       \
            n   \
        }       \
    }
#define RANGE   .lo = -2, .hi = 2
#define AXIS(a) .naxes = 1, .axes = {a}, RANGE
#define MATMUL(size_, m, k, n)                                                         \
    {                                                                                  \
        .op = "matmul", .size = size_, .c = {.in = {{2, {m, k}}, {2, {k, n}}}, RANGE}, \
        .flops = matmul_flops                                                          \
    }
#define OVER(name)                                                                 \
    {.op = name, .size = "rows", .c = {.in = {{2, {16384, 1024}}}, AXIS(1)}},      \
    {                                                                              \
        .op = name, .size = "columns", .c = {.in = {{2, {16384, 1024}}}, AXIS(0) } \
    }
#define REDUCTION(name)                                                \
    OVER(name),                                                        \
    {                                                                  \
        .op = name, .size = "all", .c = {.in = {FLAT(16 * M)}, RANGE } \
    }
#define CHAIN(name, n, ...)                                                                    \
    {                                                                                          \
        .op = #name, .size = "16M", .call = name, .nin = n, .c = {.in = {__VA_ARGS__}, RANGE } \
    }

static const struct bench_case cases[] = {
    CHAIN(chain3, 3, FLAT(16 * M), FLAT(16 * M), FLAT(16 * M)),
    CHAIN(chain6, 3, FLAT(16 * M), FLAT(16 * M), FLAT(16 * M)),
    CHAIN(chain10, 4, FLAT(16 * M), FLAT(16 * M), FLAT(16 * M), FLAT(16 * M)),
    CHAIN(chain_gelu_tanh, 1, FLAT(16 * M)),
    CHAIN(chain_layernorm, 3, {2, {16384, 1024}}, {1, {1024}}, {1, {1024}}),
    {.op = "full", .size = "16M", .c = {.in = {FLAT(1)}, .ndim = 1, .shape = {16 * M}, RANGE}},
    REDUCTION("sum"),
    REDUCTION("mean"),
    REDUCTION("max"),
    OVER("argmax"),
    {.op = "cross_entropy",
     .size = "10",
     .c = {.in = {{2, {1 * M, 10}}, FLAT(1 * M)}, .limit = 10, RANGE}},
    {.op = "cross_entropy",
     .size = "1000",
     .c = {.in = {{2, {16384, 1000}}, FLAT(16384)}, .limit = 1000, RANGE}},
    {.op = "cross_entropy",
     .size = "1000/grad",
     .grad = true,
     .c = {.in = {{2, {16384, 1000}}, FLAT(16384)}, .limit = 1000, RANGE}},
    {.op = "reshape",
     .size = "16M",
     .view = true,
     .c = {.in = {FLAT(16 * M)}, .ndim = 2, .shape = {4096, 4096}, RANGE}},
    {.op = "detach", .size = "16M", .view = true, .c = {.in = {FLAT(16 * M)}, RANGE}},
    {.op = "transpose",
     .size = "neg",
     .call = transpose_neg,
     .nin = 1,
     .c = {.in = {{2, {4096, 4096}}}, .axes = {0, 1}, RANGE}},
    {.op = "expand",
     .size = "neg",
     .call = expand_neg,
     .nin = 1,
     .c = {.in = {FLAT(1024)}, .ndim = 2, .shape = {16384, 1024}, RANGE}},
    MATMUL("128", 128, 128, 128),
    MATMUL("256", 256, 256, 256),
    MATMUL("512", 512, 512, 512),
    MATMUL("1024", 1024, 1024, 1024),
    MATMUL("2048", 2048, 2048, 2048),
    MATMUL("128x784x512", 128, 784, 512),
    {0},
};

static const struct op_ref *find(const char *name)
{
    const struct op_ref *r;
    for (int i = 0; (r = op_ref_at(i)) && strcmp(r->name, name) != 0; i++)
        ;
    return r;
}

// Takes the call of the reference, where the case has none. False if there is no such operation.
static bool complete(struct bench_case *c)
{
    const struct op_ref *r = c->call || c->measure ? NULL : find(c->op);
    if (!r)
        return c->call || c->measure;
    c->call = r->call;
    c->nin = r->nin;
    memcpy(c->kind, r->kind, sizeof c->kind);
    return true;
}

// That of an elementwise operation: all inputs of one size, with the range and the options of its
// first test.
static struct bench_case elementwise_case(const struct op_ref *r)
{
    struct bench_case c = {.op = r->name, .size = "16M", .c = r->cases[0]};
    for (int i = 0; i < r->nin; i++) {
        c.c.in[i].ndim = 1;
        c.c.in[i].shape[0] = 16 * M;
    }
    return c;
}

// Takes from *i what it passes over. False if the case is not in this table.
static bool case_in(const struct bench_case *table, int *i, struct bench_case *out)
{
    for (; table->op; table++) {
        *out = *table;
        if (complete(out) && !(*i)--)
            return true;
    }
    return false;
}

bool bench_case_at(int i, struct bench_case *out)
{
    for (const struct op_ref *r = op_refs_elementwise; r->name; r++) {
        *out = elementwise_case(r);
        if (!i--)
            return complete(out);
    }
    return case_in(cases, &i, out) || case_in(bench_step_cases, &i, out);
}
