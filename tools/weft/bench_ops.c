// The cases of operations: at sizes that do not fit a cache of 32 MiB. Elementwise ones are made
// from their references, matrix products are in bench_matmul.c, the others are rows here.
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

#define FLAT(n) \
    {           \
        1,      \
        {       \
            n   \
        }       \
    }
#define TABLE(m, n) \
    {               \
        2,          \
        {           \
            m, n    \
        }           \
    }
#define RANGE .lo = -2, .hi = 2
// Along one axis of [16384, 1024]; all of it.
#define ALONG(name, size_, axis, ...)     \
    {                                     \
        .op = name, .size = size_, .c = { \
            .in = {TABLE(16384, 1024)},   \
            .naxes = 1,                   \
            .axes = {axis},               \
            __VA_ARGS__                   \
        }                                 \
    }
#define OVER(name, ...) ALONG(name, "rows", 1, __VA_ARGS__), ALONG(name, "columns", 0, __VA_ARGS__)
#define REDUCTION(name, ...)                                                 \
    OVER(name, __VA_ARGS__),                                                 \
    {                                                                        \
        .op = name, .size = "all", .c = {.in = {FLAT(16 * M)}, __VA_ARGS__ } \
    }
#define CHAIN(name, n, ...)                                                                    \
    {                                                                                          \
        .op = #name, .size = "16M", .call = name, .nin = n, .c = {.in = {__VA_ARGS__}, RANGE } \
    }
// Of one input that is only asked for its dtype.
#define MADE(name, ...)                                                        \
    {                                                                          \
        .op = name, .size = "16M", .c = {.in = {FLAT(1)}, RANGE, __VA_ARGS__ } \
    }
// Of two inputs of one shape, to a mean.
#define LOSS(name, low, high)                   \
    {                                           \
        .op = name, .size = "16M", .c = {       \
            .in = {FLAT(16 * M), FLAT(16 * M)}, \
            .lo = low,                          \
            .hi = high                          \
        }                                       \
    }
#define LABELS(m, n) .in = {TABLE(m, n), FLAT(m)}, .limit = n, RANGE
// A view of [4096, 4096], read by a negation, which makes it dense.
#define VIEW(name, ...)                                 \
    {                                                   \
        .op = name, .size = "neg", .read = true, .c = { \
            .in = {TABLE(4096, 4096)},                  \
            RANGE,                                      \
            __VA_ARGS__                                 \
        }                                               \
    }

static const struct bench_case cases[] = {
    CHAIN(chain3, 3, FLAT(16 * M), FLAT(16 * M), FLAT(16 * M)),
    CHAIN(chain6, 3, FLAT(16 * M), FLAT(16 * M), FLAT(16 * M)),
    CHAIN(chain10, 4, FLAT(16 * M), FLAT(16 * M), FLAT(16 * M), FLAT(16 * M)),
    CHAIN(chain_gelu_tanh, 1, FLAT(16 * M)),
    CHAIN(chain_layernorm, 3, TABLE(16384, 1024), FLAT(1024), FLAT(1024)),
    REDUCTION("sum", RANGE),
    REDUCTION("mean", RANGE),
    REDUCTION("max", RANGE),
    REDUCTION("min", RANGE),
    REDUCTION("prod", .lo = 0.5, .hi = 1.5),
    REDUCTION("any", RANGE),
    REDUCTION("all", RANGE),
    REDUCTION("var", .a = 1, RANGE),
    REDUCTION("std", .a = 1, RANGE),
    REDUCTION("norm", .a = 2, RANGE),
    REDUCTION("logsumexp", RANGE),
    OVER("argmax", RANGE),
    OVER("argmin", RANGE),
    OVER("cumsum", RANGE),
    OVER("softmax", RANGE),
    {.op = "softmax",
     .size = "rows/grad",
     .grad = true,
     .c = {.in = {TABLE(16384, 1024)}, .naxes = 1, .axes = {1}, RANGE}},
    OVER("log_softmax", RANGE),
    LOSS("mse", -2, 2),
    LOSS("l1", -2, 2),
    LOSS("huber", -2, 2),
    LOSS("hinge", -2, 2),
    LOSS("bce", 0.01, 0.99),
    LOSS("bce_with_logits", -2, 2),
    LOSS("kl_div", 0.01, 2),
    LOSS("kl_div_log_target", -4, 0),
    {.op = "bce_weighted",
     .size = "16M",
     .c = {.in = {FLAT(16 * M), FLAT(16 * M), FLAT(1)}, .lo = 0.01, .hi = 0.99, .limit = 3}},
    {.op = "bce_with_logits_pos_weight",
     .size = "16M",
     .c = {.in = {FLAT(16 * M), FLAT(16 * M), FLAT(1), FLAT(1)}, .limit = 3, RANGE}},
    {.op = "cross_entropy", .size = "10", .c = {LABELS(M, 10)}},
    {.op = "cross_entropy", .size = "1000", .c = {LABELS(16384, 1000)}},
    {.op = "cross_entropy", .size = "1000/grad", .grad = true, .c = {LABELS(16384, 1000)}},
    {.op = "cross_entropy_weighted",
     .size = "1000",
     .c = {.in = {TABLE(16384, 1000), FLAT(16384), FLAT(1000)}, .limit = 1000, RANGE}},
    {.op = "cross_entropy_probs",
     .size = "1000",
     .c = {.in = {TABLE(16384, 1000), TABLE(16384, 1000)}, .lo = 0.1, .hi = 3}},
    {.op = "cross_entropy_probs_weighted",
     .size = "1000",
     .c = {.in = {TABLE(16384, 1000), TABLE(16384, 1000), FLAT(1000)},
           .limit = 5,
           .lo = 0.1,
           .hi = 3}},
    {.op = "nll", .size = "1000", .c = {LABELS(16384, 1000)}},
    {.op = "nll_weighted",
     .size = "1000",
     .c = {.in = {TABLE(16384, 1000), FLAT(16384), FLAT(1000)}, .limit = 1000, RANGE}},
    {.op = "reshape",
     .size = "16M",
     .view = true,
     .c = {.in = {FLAT(16 * M)}, .ndim = 2, .shape = {4096, 4096}, RANGE}},
    {.op = "detach", .size = "16M", .view = true, .c = {.in = {FLAT(16 * M)}, RANGE}},
    VIEW("transpose", .axes = {0, 1}),
    VIEW("permute", .axes = {1, 0}),
    VIEW("flip", .naxes = 1, .axes = {1}),
    VIEW("slice", .axes = {1}, .shape = {0, 2048}),
    VIEW("slice_step", .axes = {1}, .shape = {0, 4096, 2}),
    VIEW("flatten", .axes = {0}),
    VIEW("unsqueeze", .axes = {1}),
    {.op = "squeeze",
     .size = "neg",
     .read = true,
     .c = {.in = {{3, {4096, 1, 4096}}}, .axes = {1}, RANGE}},
    // Of the parts, and a second one of the latter half.
    {.op = "split",
     .size = "concat",
     .c = {.in = {TABLE(4096, 4096)}, .axes = {1}, .shape = {2048, 2048}, RANGE}},
    {.op = "chunk",
     .size = "concat",
     .c = {.in = {TABLE(4096, 4096)}, .axes = {1}, .shape = {4}, RANGE}},
    {.op = "stack",
     .size = "4096",
     .c = {.in = {TABLE(4096, 4096), TABLE(4096, 4096)}, .axes = {1}, RANGE}},
    {.op = "roll",
     .size = "4096",
     .c = {.in = {TABLE(4096, 4096)}, .axes = {1}, .shape = {1000}, RANGE}},
    {.op = "expand",
     .size = "neg",
     .read = true,
     .c = {.in = {FLAT(1024)}, .ndim = 2, .shape = {16384, 1024}, RANGE}},
    {.op = "concat",
     .size = "rows",
     .c = {.in = {TABLE(4096, 2048), TABLE(4096, 1024), TABLE(4096, 1024)}, .axes = {1}, RANGE}},
    {.op = "pad",
     .size = "4096",
     .c = {.in = {TABLE(4096, 4096)}, .ndim = 2, .axes = {1, 1, 1, 1}, RANGE}},
    {.op = "tril", .size = "4096", .c = {.in = {TABLE(4096, 4096)}, RANGE}},
    {.op = "triu", .size = "4096", .c = {.in = {TABLE(4096, 4096)}, RANGE}},
    MADE("full", .ndim = 1, .shape = {16 * M}),
    MADE("arange", .a = 0, .b = 1, .shape = {16 * M}),
    MADE("linspace", .a = 0, .b = 1, .shape = {16 * M}),
    MADE("eye", .shape = {4096, 4096}),
    MADE("uniform", .a = 0, .b = 1, .ndim = 1, .shape = {16 * M}),
    MADE("normal", .a = 0, .b = 1, .ndim = 1, .shape = {16 * M}),
    MADE("random_int", .limit = 10, .ndim = 1, .shape = {16 * M}),
    {.op = "permutation", .size = "1M", .c = {.in = {FLAT(1)}, RANGE, .ndim = 1, .shape = {M}}},
    {.op = "bernoulli", .size = "16M", .c = {.in = {FLAT(16 * M)}, .hi = 1}},
    {.op = "dropout", .size = "16M", .c = {.in = {FLAT(16 * M)}, .a = 0.5, RANGE}},
    {.op = "gather",
     .size = "rows",
     .c = {.in = {TABLE(4096, 4096), TABLE(4096, 4096)}, .axes = {1}, .limit = 4096, RANGE}},
    {.op = "scatter_add",
     .size = "rows",
     .c = {.in = {TABLE(4096, 4096), TABLE(4096, 4096), TABLE(4096, 4096)},
           .axes = {1},
           .limit = 4096,
           RANGE}},
    {.op = "index_select",
     .size = "256",
     .c = {.in = {TABLE(65536, 256), FLAT(65536)}, .limit = 65536, RANGE}},
    {.op = "embedding",
     .size = "256",
     .c = {.in = {TABLE(65536, 256), FLAT(65536)}, .limit = 65536, RANGE}},
    {.op = "one_hot", .size = "16", .c = {.in = {FLAT(M)}, .limit = 16, .a = 16, .b = 1, RANGE}},
    ALONG("sort", "rows", 1, RANGE),
    ALONG("argsort", "rows", 1, RANGE),
    ALONG("topk", "rows", 1, .a = 1, .b = 10, RANGE),
    {0},
};

// By the name of its row or of its function; the first.
static const struct op_ref *find(const char *name)
{
    const struct op_ref *r;
    for (int i = 0; (r = op_ref_at(i)); i++) {
        if (!strcmp(r->name, name) || !strcmp(op_ref_function(r), name))
            break;
    }
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
    c->train = r->train;
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
    return case_in(cases, &i, out) || case_in(bench_matmul_cases, &i, out) ||
           case_in(bench_step_cases, &i, out) || case_in(bench_peak_cases, &i, out);
}
