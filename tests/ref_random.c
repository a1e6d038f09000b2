// References: random tensors, by the scalar Philox in C. Each case is the first draw of a scope of
// seed 0 and stream 0.
#include "ref_draws.h"
#include "ref_rows.h"
#include <math.h>
#include <stdlib.h>

static struct draw first_draw(void)
{
    return draw_of(0, 0, 0);
}

// The references are those of one dtype, which stands for F32 and F64.
static enum weft_dtype dtype_of(const weft_tensor *x, enum weft_dtype usual)
{
    return x->dtype == WEFT_F32 || x->dtype == WEFT_F64 ? usual : x->dtype;
}

static weft_tensor *call_uniform(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_uniform(s, dtype_of(x[0], WEFT_F32), c->ndim, c->shape, c->a, c->b);
}

static void ref_uniform(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)x;
    array_make(y, c->ndim, c->shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] =
            (double)fmaf((float)draw_unit(first_draw(), i), (float)(c->b - c->a), (float)c->a);
}

// In steps of 1/8, which hide that float is not double.
static weft_tensor *call_normal(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    weft_tensor *y = weft_normal(s, dtype_of(x[0], WEFT_F32), c->ndim, c->shape, c->a, c->b);
    return weft_floor(s, weft_scale(s, y, 8));
}

static void ref_normal(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)x;
    array_make(y, c->ndim, c->shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = floor(8 * (c->a + c->b * draw_normal(first_draw(), i)));
}

static weft_tensor *call_random_int(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_random_int(s, dtype_of(x[0], WEFT_I64), c->ndim, c->shape, (int64_t)c->limit);
}

// floor(number limit / 2^64), by parts.
static double below(uint64_t n, uint64_t limit)
{
    uint64_t high = n >> 32, low = n & 0xffffffff, top = limit >> 32, rest = limit & 0xffffffff;
    uint64_t a = high * rest, b = low * top, c = low * rest;
    uint64_t carry = (a & 0xffffffff) + (b & 0xffffffff) + (c >> 32);
    return (double)(high * top + (a >> 32) + (b >> 32) + (carry >> 32));
}

static void ref_random_int(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)x;
    array_make(y, c->ndim, c->shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = below(draw_long_number(first_draw(), i), (uint64_t)c->limit);
}

CALL1(bernoulli)

static void ref_bernoulli(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)c;
    array_make(y, x->ndim, x->shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = draw_unit(first_draw(), i) < x->v[i];
}

static weft_tensor *call_dropout(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    return weft_dropout(s, x[0], c->a);
}

static void ref_dropout(const struct array *x, struct array *y, const struct op_case *c)
{
    array_make(y, x->ndim, x->shape);
    for (int64_t i = 0; i < array_count(y); i++)
        y->v[i] = draw_unit(first_draw(), i) < (double)(float)c->a ? 0 : x->v[i] / (1 - c->a);
}

static weft_tensor *call_permutation(weft_scope *s, weft_tensor *const *x, const struct op_case *c)
{
    (void)x;
    return weft_permutation(s, c->shape[0]);
}

static void shuffle(struct draw d, struct array *y)
{
    for (int64_t i = 0; i < array_count(y); i++) {
        struct philox r = philox(d.key, (uint64_t)i, d.high);
        int64_t j = (int64_t)below(r.v[0] | (uint64_t)r.v[1] << 32, (uint64_t)i + 1);
        y->v[i] = y->v[j];
        y->v[j] = (double)i;
    }
}

static uint32_t mix(uint32_t x, uint32_t add, uint32_t multiply)
{
    x = (x + add) * (multiply | 1);
    x = (x ^ x >> 16) * 0x7feb352d;
    return (x ^ x >> 15) * 0x846ca68b;
}

// Eight rounds: the upper and the lower half in turn change by the other one.
static uint64_t network(uint64_t x, int bits, struct draw d)
{
    int half[2] = {bits - bits / 2, bits / 2};
    uint32_t part[2] = {(uint32_t)(x & ((1ull << half[0]) - 1)), (uint32_t)(x >> half[0])};
    for (int round = 0; round < 8; round++) {
        struct philox r = philox(d.key, (uint64_t)round / 2, d.high);
        int to = 1 - round % 2;
        const uint32_t *k = &r.v[round % 2 * 2];
        part[to] ^= mix(part[1 - to], k[0], k[1]) >> (32 - half[to]);
    }
    return (uint64_t)part[1] << half[0] | part[0];
}

static void ref_permutation(const struct array *x, struct array *y, const struct op_case *c)
{
    (void)x;
    array_make(y, 1, c->shape);
    uint64_t n = (uint64_t)c->shape[0];
    int bits = 0;
    while (n > 1ull << bits)
        bits++;
    if (n <= 256)
        shuffle(first_draw(), y);
    for (uint64_t i = 0; n > 256 && i < n; i++) {
        uint64_t v = network(i, bits, first_draw());
        while (v >= n)
            v = network(v, bits, first_draw());
        y->v[i] = (double)v;
    }
}

#define NO_INPUT .in = {{1, {1}}}, .hi = 1
#define SIZES(...)                                                                           \
    {NO_INPUT, .ndim = 2, .shape = {3, 5}, __VA_ARGS__}, {NO_INPUT, .ndim = 0, __VA_ARGS__}, \
        {NO_INPUT, .ndim = 2, .shape = {3, 0}, __VA_ARGS__},                                 \
        {NO_INPUT, .ndim = 1, .shape = {31}, __VA_ARGS__},                                   \
        {NO_INPUT, .ndim = 2, .shape = {32, 33}, __VA_ARGS__},                               \
        {NO_INPUT, .ndim = 1, .shape = {64}, __VA_ARGS__},                                   \
        {NO_INPUT, .ndim = 3, .shape = {2, 63, 65}, __VA_ARGS__},                            \
    {                                                                                        \
        NO_INPUT, .ndim = 1, .shape = {9000}, __VA_ARGS__                                    \
    }
#define COUNT(n)                            \
    {                                       \
        NO_INPUT, .ndim = 1, .shape = { n } \
    }

const struct op_ref op_refs_random[] = {
    {MADE(uniform, 0, SIZES(.a = 0, .b = 1), {NO_INPUT, .ndim = 1, .shape = {65}, .a = -3, .b = 5}),
     .bad =
         BAD(PARAM_("from 1 to 0; finite numbers of F32 were wanted, the first not larger", .a = 1),
             PARAM_("from nan to 0; finite numbers of F32", .a = NAN),
             PARAM_("from 0 to inf; finite numbers of F32", .b = INFINITY),
             {WEFT_PARAM,
              "from -40000 to 40000; finite numbers of F16",
              {.a = -40000, .b = 40000},
              {WEFT_F16}},
             SHAPE_("the shape [-1] is negative or too large", .ndim = 1, .shape = {-1}, .b = 1),
             SHAPE_("9 dimensions; 0 to 8 are possible", .ndim = 9, .b = 1),
             NOMEM_("the result [2048,2048] F32 needs", .ndim = 2, .shape = {2048, 2048}, .b = 1))},
    {MADE(normal, 0, SIZES(.a = 0, .b = 1), {NO_INPUT, .ndim = 1, .shape = {65}, .a = 3, .b = 0.5}),
     .bad =
         BAD(PARAM_("mean 0, std -1; finite numbers of F32 were wanted, std not negative", .b = -1),
             PARAM_("mean inf, std 1; finite numbers of F32", .a = INFINITY, .b = 1),
             PARAM_("mean 0, std 1e+39; finite numbers of F32", .b = 1e39),
             PARAM_("mean nan, std 1; finite numbers of F32", .a = NAN, .b = 1),
             SHAPE_("the shape [-1] is negative or too large", .ndim = 1, .shape = {-1}, .b = 1),
             NOMEM_("the result [2048,2048] F32 needs", .ndim = 2, .shape = {2048, 2048}, .b = 1))},
    {MADE(random_int, 0, SIZES(.limit = 10), {NO_INPUT, .ndim = 1, .shape = {65}, .limit = 1},
          {NO_INPUT, .ndim = 1, .shape = {999}, .limit = 0x1p52 + 12345}),
     .takes = INTEGERS,
     .bad = BAD(
         PARAM_("below 0; 1 to 9223372036854775807 was wanted for I64", .limit = 0),
         PARAM_("below -1; 1 to", .limit = -1),
         {WEFT_PARAM, "below 129; 1 to 128 was wanted for I8", {.limit = 129}, {WEFT_I8}},
         {WEFT_PARAM, "below 257; 1 to 256 was wanted for U8", {.limit = 257}, {WEFT_U8}},
         SHAPE_("the shape [-1] is negative or too large", .ndim = 1, .shape = {-1}, .limit = 5),
         NOMEM_("the result [1024,1024] I64 needs", .ndim = 2, .shape = {1024, 1024}, .limit = 5))},
    {MADE(permutation, 0, COUNT(0), COUNT(1), COUNT(2), COUNT(31), COUNT(64), COUNT(256),
          COUNT(257), COUNT(512), COUNT(513), COUNT(1000), COUNT(1025), COUNT(4096), COUNT(70000)),
     .takes = ALL_TYPES,
     .bad = BAD(PARAM_("of -1 numbers; 0 or more was wanted", .shape = {-1}),
                NOMEM_("the result [200000] I64 needs", .shape = {200000}))},
    {FLAT(bernoulli, {.in = {{2, {3, 5}}}, .lo = -0.1, .hi = 1.1}, {.in = {{0}}, .lo = 0, .hi = 1},
          {.in = {{2, {3, 0}}}, .lo = 0, .hi = 1}, {.in = {{2, {32, 33}}}, .lo = 0, .hi = 1},
          {.in = {{3, {2, 63, 65}}}, .lo = 0, .hi = 1}, {.in = {{1, {9000}}}, .lo = 0, .hi = 1})},
    {.name = "dropout",
     .nin = 1,
     .smooth = true,
     .train = true,
     .tolerance = 2,
     .call = call_dropout,
     .ref = ref_dropout,
     .cases = {{.in = {{2, {3, 5}}}, .a = 0.5, .lo = -2, .hi = 2},
               {.in = {{0}}, .a = 0.3, .lo = -2, .hi = 2},
               {.in = {{2, {3, 0}}}, .a = 0.3, .lo = -2, .hi = 2},
               {.in = {{2, {32, 33}}}, .a = 0.1, .lo = -2, .hi = 2},
               {.in = {{1, {64}}}, .a = 1, .lo = -2, .hi = 2},
               {.in = {{1, {31}}}, .a = 0, .lo = -2, .hi = 2},
               {.in = {{3, {2, 63, 65}}}, .a = 0.9, .lo = -2, .hi = 2},
               {.in = {{1, {9000}}}, .a = 0.3, .lo = -2, .hi = 2}},
     .bad = BAD(PARAM_("p is 1.5; 0 to 1 was wanted", .a = 1.5),
                PARAM_("p is -0.1; 0 to 1 was wanted", .a = -0.1),
                PARAM_("p is nan; 0 to 1 was wanted", .a = NAN))},
    {0},
};
