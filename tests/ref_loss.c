// References: losses. In their cases `a` is the smoothing, delta or margin, `b` the reduction, and
// `keep` says that label 1 is ignored. `limit` is the number of labels and the largest weight.
#include "ref_rows.h"
#include <math.h>

enum { IGNORED = 1 };

// A case of x and target as they should be, refused for an option that the call gives.
#define PAIR_(text, call_)                                                  \
    {                                                                       \
        WEFT_PARAM, text, {.in = {{2, {2, 3}}, {2, {2, 3}}}}, .call = call_ \
    }
#define LABEL_(text, call_)                                              \
    {                                                                    \
        WEFT_PARAM, text, {.in = {{2, {2, 3}}, {1, {2}}}}, .call = call_ \
    }
#define REDUCTION(c) .reduction = (enum weft_loss_reduction)(int)(c)->b
#define CALL(name, ...)                                                                            \
    static weft_tensor *call_##name(weft_scope *s, weft_tensor *const *x, const struct op_case *c) \
    {                                                                                              \
        return __VA_ARGS__;                                                                        \
    }

CALL(mse, weft_mse(s, x[0], x[1], weft_loss_params(REDUCTION(c))))
CALL(l1, weft_l1(s, x[0], x[1], weft_loss_params(REDUCTION(c))))
CALL(huber, weft_huber(s, x[0], x[1], weft_loss_params(REDUCTION(c), .delta = c->a)))
CALL(hinge, weft_hinge(s, x[0], x[1], weft_loss_params(REDUCTION(c), .margin = c->a)))
CALL(bce, weft_bce(s, x[0], x[1], weft_loss_params(REDUCTION(c))))
CALL(bce_weighted, weft_bce(s, x[0], x[1], weft_loss_params(REDUCTION(c), .weight = x[2])))
CALL(bce_with_logits, weft_bce_with_logits(s, x[0], x[1], weft_loss_params(REDUCTION(c))))
CALL(bce_with_logits_pos_weight,
     weft_bce_with_logits(s, x[0], x[1],
                          weft_loss_params(REDUCTION(c), .pos_weight = x[2], .weight = x[3])))
CALL(kl_div, weft_kl_div(s, x[0], x[1], weft_loss_params(REDUCTION(c))))
CALL(kl_div_log_target,
     weft_kl_div(s, x[0], x[1], weft_loss_params(REDUCTION(c), .log_target = true)))

#define OF_LABELS \
    REDUCTION(c), .smoothing = c->a, .ignore = c->keep, .ignored = c->keep ? IGNORED : 0
CALL(cross_entropy, weft_cross_entropy(s, x[0], x[1], weft_loss_params(OF_LABELS)))
CALL(cross_entropy_weighted,
     weft_cross_entropy(s, x[0], x[1], weft_loss_params(OF_LABELS, .weight = x[2])))
CALL(cross_entropy_probs, weft_cross_entropy(s, x[0], x[1], weft_loss_params(OF_LABELS)))
CALL(cross_entropy_probs_weighted,
     weft_cross_entropy(s, x[0], x[1], weft_loss_params(OF_LABELS, .weight = x[2])))
CALL(nll, weft_nll(s, x[0], x[1], weft_loss_params(OF_LABELS)))
CALL(nll_weighted, weft_nll(s, x[0], x[1], weft_loss_params(OF_LABELS, .weight = x[2])))

// Options that a loss does not know, and one that another needs.
CALL(mse_weight, weft_mse(s, x[0], x[1], weft_loss_params(REDUCTION(c), .weight = x[0])))
CALL(bce_pos_weight, weft_bce(s, x[0], x[1], weft_loss_params(REDUCTION(c), .pos_weight = x[0])))
CALL(bce_smoothing, weft_bce(s, x[0], x[1], weft_loss_params(REDUCTION(c), .smoothing = 0.1)))
CALL(bce_delta, weft_bce(s, x[0], x[1], weft_loss_params(REDUCTION(c), .delta = 1)))
CALL(bce_margin, weft_bce(s, x[0], x[1], weft_loss_params(REDUCTION(c), .margin = 1)))
CALL(bce_ignore, weft_bce(s, x[0], x[1], weft_loss_params(REDUCTION(c), .ignore = true)))
CALL(bce_log_target, weft_bce(s, x[0], x[1], weft_loss_params(REDUCTION(c), .log_target = true)))
CALL(nll_smoothing, weft_nll(s, x[0], x[1], weft_loss_params(REDUCTION(c), .smoothing = 0.1)))
CALL(cross_entropy_ignored,
     weft_cross_entropy(s, x[0], x[1], weft_loss_params(REDUCTION(c), .ignored = 5)))

// The losses of places of a shape. Their sum is long: a reference's own rounding is not to be seen.
struct losses {
    struct array *y;
    enum weft_loss_reduction reduction;
    long double sum;
};

static struct losses make_losses(struct array *y, const struct op_case *c, int ndim,
                                 const int64_t *shape)
{
    struct losses l = {y, (enum weft_loss_reduction)(int)c->b, 0};
    array_make(y, l.reduction == WEFT_LOSS_NONE ? ndim : 0, shape);
    return l;
}

static void add_loss(struct losses *l, int64_t i, double loss)
{
    l->sum += loss;
    if (l->reduction == WEFT_LOSS_NONE)
        l->y->v[i] = loss;
}

static void reduce(struct losses *l, double mean, double batch)
{
    double divisor = l->reduction == WEFT_LOSS_MEAN         ? mean
                     : l->reduction == WEFT_LOSS_BATCH_MEAN ? batch
                                                            : 1;
    if (l->reduction != WEFT_LOSS_NONE)
        l->y->v[0] = (double)(l->sum / divisor);
}

// x0, x1 and a; `more` are factors of weights.
#define ELEMENTS(name, more, expression)                                                    \
    static void ref_##name(const struct array *x, struct array *y, const struct op_case *c) \
    {                                                                                       \
        struct losses l = make_losses(y, c, x->ndim, x->shape);                             \
        for (int64_t i = 0; i < array_count(x); i++) {                                      \
            double x0 = x[0].v[i], x1 = x[1].v[i], a = c->a ? c->a : 1;                     \
            (void)a;                                                                        \
            add_loss(&l, i, (more) * (expression));                                         \
        }                                                                                   \
        reduce(&l, (double)array_count(x), x->ndim ? (double)x->shape[0] : 1);              \
    }
#define AT(input) array_at(&x[input], &x[0], i)

#define BCE             (-x1 * log(x0) - (1 - x1) * log1p(-x0))
#define LOG_SIGMOID(v)  (fmin(v, 0) - log1p(exp(-fabs(v))))
#define BCE_LOGITS(pos) (-(pos)*x1 * LOG_SIGMOID(x0) - (1 - x1) * LOG_SIGMOID(-x0))

ELEMENTS(mse, 1, (x0 - x1) * (x0 - x1))
ELEMENTS(l1, 1, fabs(x0 - x1))
ELEMENTS(huber, 1, fabs(x0 - x1) < a ? 0.5 * (x0 - x1) * (x0 - x1) : a * (fabs(x0 - x1) - 0.5 * a))
ELEMENTS(hinge, 1, fmax(0, a - x1 * x0))
ELEMENTS(bce, 1, BCE)
ELEMENTS(bce_weighted, AT(2), BCE)
ELEMENTS(bce_with_logits, 1, BCE_LOGITS(1))
ELEMENTS(bce_with_logits_pos_weight, AT(3), BCE_LOGITS(AT(2)))
ELEMENTS(kl_div, 1, x1 *(log(x1) - x0))
ELEMENTS(kl_div_log_target, 1, exp(x1) * (x1 - x0))

struct form {
    bool log_probs, probs, weighted;
};

// Where the classes of a row begin, and the step between them.
struct place {
    int64_t at, step;
};

static double log_sum(const struct array *x, struct place p, int64_t classes)
{
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < classes; j++)
        top = fmax(top, x->v[p.at + j * p.step]);
    for (int64_t j = 0; j < classes; j++)
        sum += exp(x->v[p.at + j * p.step] - top);
    return top + log(sum);
}

// One row; what it adds to the divisor of the mean goes to *weight.
static double row_loss(const struct array *x, const struct op_case *c, struct form f,
                       struct place p, int64_t row, double *weight)
{
    int64_t classes = x->shape[x->ndim == 1 ? 0 : 1], label = f.probs ? -1 : (int64_t)x[1].v[row];
    double total = f.log_probs ? 0 : log_sum(x, p, classes), loss = 0;
    *weight = f.probs ? 1 : f.weighted ? x[2].v[label] : 1;
    if (c->keep && label == IGNORED)
        return *weight = 0;
    for (int64_t j = 0; j < classes; j++) {
        int64_t at = p.at + j * p.step;
        double t = f.probs ? x[1].v[at] : j == label, w = f.weighted ? x[2].v[j] : 1;
        double u = (1 - c->a) * t + c->a / (double)classes;
        if (u != 0)
            loss += w * u * (total - x->v[at]);
    }
    return loss;
}

static void ref_rows(const struct array *x, struct array *y, const struct op_case *c, struct form f)
{
    int axis = x->ndim == 1 ? 0 : 1, n = 0;
    int64_t shape[WEFT_MAX_DIMS] = {0}, rows = 1, inner = 1;
    for (int i = 0; i < x->ndim; i++) {
        if (i == axis)
            continue;
        shape[n++] = x->shape[i];
        rows *= x->shape[i];
        inner *= i > axis ? x->shape[i] : 1;
    }
    struct losses l = make_losses(y, c, n, shape);
    double divisor = 0, weight;
    for (int64_t row = 0; row < rows; row++) {
        struct place p = {row / inner * x->shape[axis] * inner + row % inner, inner};
        add_loss(&l, row, row_loss(x, c, f, p, row, &weight));
        divisor += weight;
    }
    reduce(&l, divisor, 1);
}

#define ROWS(name, ...)                                                                     \
    static void ref_##name(const struct array *x, struct array *y, const struct op_case *c) \
    {                                                                                       \
        ref_rows(x, y, c, (struct form){__VA_ARGS__});                                      \
    }
ROWS(cross_entropy, .probs = false)
ROWS(cross_entropy_weighted, .weighted = true)
ROWS(cross_entropy_probs, .probs = true)
ROWS(cross_entropy_probs_weighted, .probs = true, .weighted = true)
ROWS(nll, .log_probs = true)
ROWS(nll_weighted, .log_probs = true, .weighted = true)

static double scale_rows(const struct array *x, const struct array *y)
{
    (void)y;
    return array_largest(x);
}

// Where weights of at most `limit` are factors of the terms.
static double scale_weighted(const struct array *x, const struct array *y)
{
    (void)y;
    return array_largest(x) * array_largest(&x[2]);
}

// Of products of x and the target.
static double scale_product(const struct array *x, const struct array *y)
{
    (void)y;
    double a = array_largest(x) + 1, b = array_largest(&x[1]) + 1;
    return a * b + a * a + b * b;
}

#define SUM_   .b = WEFT_LOSS_SUM
#define NONE_  .b = WEFT_LOSS_NONE
#define BATCH_ .b = WEFT_LOSS_BATCH_MEAN
#define PAIR(...)       \
    {                   \
        {__VA_ARGS__},  \
        {               \
            __VA_ARGS__ \
        }               \
    }
#define BOUNDS(low, high) .lo = low, .hi = high
#define ELEMENT_CASES(low, high)                                                         \
    {.in = PAIR(2, {3, 5}), BOUNDS(low, high)}, {.in = PAIR(1, {1}), BOUNDS(low, high)}, \
        {.in = PAIR(2, {31, 33}), SUM_, BOUNDS(low, high)},                              \
        {.in = PAIR(2, {32, 64}), NONE_, BOUNDS(low, high)},                             \
        {.in = PAIR(3, {3, 5, 63}), NONE_, BOUNDS(low, high)},                           \
        {.in = PAIR(1, {65}), BOUNDS(low, high)}, {.in = PAIR(0), BOUNDS(low, high)},    \
        {.in = PAIR(2, {0, 3}), SUM_, BOUNDS(low, high)},                                \
    {                                                                                    \
        .in = PAIR(2, {3, 0}), NONE_, BOUNDS(low, high)                                  \
    }
#define ELEMENT(name_, tol, ...)                                                        \
    .name = #name_, .nin = 2, .smooth = true, .tolerance = tol, .scale = scale_product, \
    .call = call_##name_, .ref = ref_##name_, .cases = {__VA_ARGS__}, .alike = true

#define FROM4 .lo = -4, .hi = 4
#define LABEL_CASES                                                                          \
    {.in = {{2, {3, 5}}, {1, {3}}, {1, {5}}}, .limit = 5, FROM4},                            \
        {.in = {{2, {33, 10}}, {1, {33}}, {1, {10}}}, .limit = 10, FROM4, NONE_},            \
        {.in = {{2, {5, 1000}}, {1, {5}}, {1, {1000}}}, .limit = 1000, .lo = -90, .hi = 90}, \
        {.in = {{2, {1, 1}}, {1, {1}}, {1, {1}}}, .limit = 1, FROM4},                        \
        {.in = {{1, {31}}, {0}, {1, {31}}}, .limit = 31, FROM4},                             \
        {.in = {{2, {65, 32}}, {1, {65}}, {1, {32}}}, .limit = 32, FROM4, .keep = true},     \
        {.in = {{2, {64, 16}}, {1, {64}}, {1, {16}}}, .limit = 16, FROM4, SUM_},             \
        {.in = {{2, {63, 3}}, {1, {63}}, {1, {3}}}, .limit = 3, FROM4, .keep = true, NONE_}, \
        {.in = {{3, {3, 5, 17}}, {2, {3, 17}}, {1, {5}}}, .limit = 5, FROM4},                \
        {.in = {{3, {2, 7, 65}}, {2, {2, 65}}, {1, {7}}}, .limit = 7, FROM4, .keep = true},  \
        {.in = {{4, {2, 3, 4, 9}}, {3, {2, 4, 9}}, {1, {3}}}, .limit = 3, FROM4, NONE_},     \
        {.in = {{3, {9, 33, 2}}, {2, {9, 2}}, {1, {33}}}, .limit = 33, FROM4},               \
        {.in = {{2, {0, 5}}, {1, {0}}, {1, {5}}}, .limit = 5, FROM4, SUM_},                  \
    {                                                                                        \
        .in = {{3, {2, 5, 0}}, {2, {2, 0}}, {1, {5}}}, .limit = 5, FROM4, NONE_              \
    }
#define SMOOTHED_CASES                                                                          \
    {.in = {{2, {3, 5}}, {1, {3}}, {1, {5}}}, .limit = 5, FROM4, .a = 0.1},                     \
        {.in = {{2, {31, 33}}, {1, {31}}, {1, {33}}}, .limit = 33, FROM4, .a = 0.3, NONE_},     \
        {.in = {{2, {33, 64}}, {1, {33}}, {1, {64}}}, .limit = 64, FROM4, .a = 1, SUM_},        \
        {.in = {{3, {3, 5, 17}}, {2, {3, 17}}, {1, {5}}},                                       \
         .limit = 5,                                                                            \
         FROM4,                                                                                 \
         .a = 0.2,                                                                              \
         .keep = true},                                                                         \
    {                                                                                           \
        .in = {{2, {65, 10}}, {1, {65}}, {1, {10}}}, .limit = 10, FROM4, .a = 0.5, .keep = true \
    }
#define TO3 .lo = 0.1, .hi = 3, .limit = 5
#define PROBS_CASES                                                             \
    {.in = {{2, {3, 5}}, {2, {3, 5}}, {1, {5}}}, TO3},                          \
        {.in = {{2, {33, 32}}, {2, {33, 32}}, {1, {32}}}, TO3, NONE_},          \
        {.in = {{2, {31, 65}}, {2, {31, 65}}, {1, {65}}}, TO3, .a = 0.1, SUM_}, \
        {.in = {{3, {3, 5, 17}}, {3, {3, 5, 17}}, {1, {5}}}, TO3, .a = 0.3},    \
        {.in = {{1, {7}}, {1, {7}}, {1, {7}}}, TO3},                            \
    {                                                                           \
        .in = {{2, {0, 5}}, {2, {0, 5}}, {1, {5}}}, TO3, SUM_                   \
    }
#define OF_ROWS(name_, inputs, kinds, scale_, ...)                                 \
    .name = #name_, .nin = inputs, .kind = kinds, .smooth = true, .tolerance = 16, \
    .scale = scale_, .call = call_##name_, .ref = ref_##name_, .cases = {__VA_ARGS__}
#define LABELS       \
    {                \
        VALUE, INDEX \
    }
#define WEIGHTED_LABELS      \
    {                        \
        VALUE, INDEX, FACTOR \
    }
#define WEIGHTED_PROBS       \
    {                        \
        VALUE, VALUE, FACTOR \
    }

const struct op_ref op_refs_loss[] = {
    {ELEMENT(mse, 4, ELEMENT_CASES(-2, 2)),
     .bad =
         BAD(PARAM_("reduction is 9; 0 to 3 were wanted", .in = {{2, {2, 3}}, {2, {2, 3}}}, .b = 9),
             PARAM_("has no option reduction WEFT_LOSS_BATCH_MEAN",
                    .in = {{2, {2, 3}}, {2, {2, 3}}}, BATCH_),
             SHAPE_("x is [3] and the target []; one shape was wanted", .in = {{1, {3}}, {0}}),
             PAIR_("has no option weight", call_mse_weight))},
    {ELEMENT(l1, 4, ELEMENT_CASES(-2, 2)),
     .bad =
         BAD(PARAM_("reduction is 9; 0 to 3 were wanted", .in = {{2, {2, 3}}, {2, {2, 3}}}, .b = 9),
             PARAM_("has no option reduction WEFT_LOSS_BATCH_MEAN",
                    .in = {{2, {2, 3}}, {2, {2, 3}}}, BATCH_),
             SHAPE_("x is [3] and the target []; one shape was wanted", .in = {{1, {3}}, {0}}))},
    {ELEMENT(huber, 4, ELEMENT_CASES(-2, 2), {.in = PAIR(2, {7, 65}), BOUNDS(-2, 2), .a = 0.25}),
     .bad =
         BAD(PARAM_("reduction is 9; 0 to 3 were wanted", .in = {{2, {2, 3}}, {2, {2, 3}}}, .b = 9),
             PARAM_("has no option reduction WEFT_LOSS_BATCH_MEAN",
                    .in = {{2, {2, 3}}, {2, {2, 3}}}, BATCH_),
             SHAPE_("x is [3] and the target []; one shape was wanted", .in = {{1, {3}}, {0}}),
             PARAM_("delta is -1; a number above 0 was wanted", .in = {{2, {2, 3}}, {2, {2, 3}}},
                    .a = -1),
             PARAM_("delta is nan; a number above 0 was wanted", .in = {{2, {2, 3}}, {2, {2, 3}}},
                    .a = NAN),
             PARAM_("delta is inf; a number above 0 was wanted", .in = {{2, {2, 3}}, {2, {2, 3}}},
                    .a = INFINITY))},
    {ELEMENT(hinge, 4, ELEMENT_CASES(-2, 2), {.in = PAIR(2, {7, 65}), BOUNDS(-2, 2), .a = -0.5}),
     .bad =
         BAD(PARAM_("reduction is 9; 0 to 3 were wanted", .in = {{2, {2, 3}}, {2, {2, 3}}}, .b = 9),
             PARAM_("has no option reduction WEFT_LOSS_BATCH_MEAN",
                    .in = {{2, {2, 3}}, {2, {2, 3}}}, BATCH_),
             SHAPE_("x is [3] and the target []; one shape was wanted", .in = {{1, {3}}, {0}}),
             PARAM_("margin is inf; a finite number was wanted", .in = {{2, {2, 3}}, {2, {2, 3}}},
                    .a = INFINITY),
             PARAM_("margin is nan; a finite number was wanted", .in = {{2, {2, 3}}, {2, {2, 3}}},
                    .a = NAN))},
    {ELEMENT(bce, 8, ELEMENT_CASES(0.01, 0.99)),
     .bad =
         BAD(PARAM_("reduction is 9; 0 to 3 were wanted", .in = {{2, {2, 3}}, {2, {2, 3}}}, .b = 9),
             PARAM_("has no option reduction WEFT_LOSS_BATCH_MEAN",
                    .in = {{2, {2, 3}}, {2, {2, 3}}}, BATCH_),
             SHAPE_("x is [3] and the target []; one shape was wanted", .in = {{1, {3}}, {0}}),
             PAIR_("has no option pos_weight", call_bce_pos_weight),
             PAIR_("has no option smoothing", call_bce_smoothing),
             PAIR_("has no option delta", call_bce_delta),
             PAIR_("has no option margin", call_bce_margin),
             PAIR_("has no option ignore", call_bce_ignore),
             PAIR_("has no option log_target", call_bce_log_target))},
    {ELEMENT(bce_with_logits, 8, ELEMENT_CASES(-9, 9)),
     .bad =
         BAD(PARAM_("reduction is 9; 0 to 3 were wanted", .in = {{2, {2, 3}}, {2, {2, 3}}}, .b = 9),
             PARAM_("has no option reduction WEFT_LOSS_BATCH_MEAN",
                    .in = {{2, {2, 3}}, {2, {2, 3}}}, BATCH_),
             SHAPE_("x is [3] and the target []; one shape was wanted", .in = {{1, {3}}, {0}}))},
    {ELEMENT(kl_div, 8, ELEMENT_CASES(0.01, 2), {.in = PAIR(2, {7, 65}), BOUNDS(0.01, 2), BATCH_}),
     .bad = BAD(
         PARAM_("reduction is 9; 0 to 3 were wanted", .in = {{2, {2, 3}}, {2, {2, 3}}}, .b = 9),
         PARAM_("reduction is -1; 0 to 3 were wanted", .in = {{2, {2, 3}}, {2, {2, 3}}}, .b = -1),
         SHAPE_("x is [3] and the target []; one shape was wanted", .in = {{1, {3}}, {0}}),
         SHAPE_("x is a scalar; a batch was wanted", .in = {{0}, {0}}, BATCH_))},
    {ELEMENT(kl_div_log_target, 8, ELEMENT_CASES(-4, 0),
             {.in = PAIR(2, {7, 65}), BOUNDS(-4, 0), BATCH_}),
     .function = "kl_div",
     .bad = BAD(SHAPE_("x is [3] and the target []; one shape was wanted", .in = {{1, {3}}, {0}}),
                SHAPE_("x is a scalar; a batch was wanted", .in = {{0}, {0}}, BATCH_))},
    {.name = "bce_weighted",
     .nin = 3,
     .kind = {VALUE, VALUE, FACTOR},
     .smooth = true,
     .tolerance = 16,
     .scale = scale_weighted,
     .call = call_bce_weighted,
     .ref = ref_bce_weighted,
     .cases =
         {{.in = {{2, {5, 33}}, {2, {5, 33}}, {2, {5, 33}}}, .lo = 0.1, .hi = 0.9, .limit = 3},
          {.in = {{2, {5, 33}}, {2, {5, 33}}, {1, {33}}}, .lo = 0.1, .hi = 0.9, .limit = 3, NONE_}},
     .function = "bce",
     .alike = true,
     .bad = BAD(SHAPE_("x is [3] and weight [2,3], which does not broadcast to it",
                       .in = {{1, {3}}, {1, {3}}, {2, {2, 3}}}))},
    {.name = "bce_with_logits_pos_weight",
     .nin = 4,
     .kind = {VALUE, VALUE, FACTOR, FACTOR},
     .smooth = true,
     .tolerance = 32,
     .scale = scale_product,
     .call = call_bce_with_logits_pos_weight,
     .ref = ref_bce_with_logits_pos_weight,
     .cases = {{.in = {{2, {5, 33}}, {2, {5, 33}}, {1, {33}}, {2, {5, 1}}}, FROM4, .limit = 3},
               {.in = {{1, {65}}, {1, {65}}, {0}, {1, {65}}}, FROM4, .limit = 3, NONE_},
               {.in = {{2, {0, 3}}, {2, {0, 3}}, {1, {3}}, {0}}, FROM4, .limit = 3, SUM_}},
     .function = "bce_with_logits",
     .alike = true,
     .bad = BAD(SHAPE_("x is [2,3] and pos_weight [2], which does not broadcast to it",
                       .in = {{2, {2, 3}}, {2, {2, 3}}, {1, {2}}, {0}}),
                SHAPE_("x is [1] and weight [3], which does not broadcast to it",
                       .in = {{1, {1}}, {1, {1}}, {0}, {1, {3}}}))},
    {OF_ROWS(cross_entropy, 2, LABELS, scale_rows, LABEL_CASES, SMOOTHED_CASES),
     .bad =
         BAD(PARAM_("reduction is 9; 0 to 3 were wanted", .in = {{2, {2, 3}}, {1, {2}}}, .b = 9),
             PARAM_("has no option reduction WEFT_LOSS_BATCH_MEAN", .in = {{2, {2, 3}}, {1, {2}}},
                    BATCH_),
             SHAPE_("x is [2,3] and target [3]; [batch,class,...] and [batch,...] were wanted",
                    .in = {{2, {2, 3}}, {1, {3}}}),
             SHAPE_("x is [2,3] and target []; [batch,class,...]", .in = {{2, {2, 3}}, {0}}),
             SHAPE_("x is [2,0]; [batch,class,...] with classes was wanted",
                    .in = {{2, {2, 0}}, {1, {2}}}),
             SHAPE_("x is []; [batch,class,...] with classes was wanted", .in = {{0}, {0}}),
             PARAM_("smoothing is 1.5; 0 to 1 was wanted", .in = {{2, {2, 3}}, {1, {2}}}, .a = 1.5),
             PARAM_("smoothing is nan; 0 to 1 was wanted", .in = {{2, {2, 3}}, {1, {2}}}, .a = NAN),
             LABEL_("ignored is 5, but ignore is not set", call_cross_entropy_ignored),
             {WEFT_DTYPE,
              "x is F32 and target F16; I64 or I32, or probabilities of the dtype of x, was wanted",
              {.in = {{2, {2, 3}}, {2, {2, 3}}}},
              {WEFT_F32, WEFT_F16}},
             {WEFT_NOMEM,
              "cast: the result [200000] I64 needs",
              {.in = {{2, {200000, 1}}, {1, {200000}}}},
              {WEFT_F32, WEFT_I32}})},
    {OF_ROWS(cross_entropy_weighted, 3, WEIGHTED_LABELS, scale_weighted, LABEL_CASES,
             SMOOTHED_CASES),
     .function = "cross_entropy",
     .bad = BAD(SHAPE_("weight is [2,3]; [3], one for each class, was wanted",
                       .in = {{2, {2, 3}}, {1, {2}}, {2, {2, 3}}}),
                SHAPE_("weight is [4]; [3], one for each class, was wanted",
                       .in = {{2, {2, 3}}, {1, {2}}, {1, {4}}}))},
    {OF_ROWS(cross_entropy_probs, 2, {VALUE}, scale_rows, PROBS_CASES), .function = "cross_entropy",
     .alike = true,
     .bad = BAD(SHAPE_("x is [2,3] and the target [3]; of probabilities one shape was wanted",
                       .in = {{2, {2, 3}}, {1, {3}}}),
                PARAM_("ignore is set, but the target is probabilities",
                       .in = {{2, {2, 3}}, {2, {2, 3}}}, .keep = true))},
    {OF_ROWS(cross_entropy_probs_weighted, 3, WEIGHTED_PROBS, scale_weighted, PROBS_CASES),
     .function = "cross_entropy", .alike = true,
     .bad = BAD(SHAPE_("weight is [2]; [3], one for each class, was wanted",
                       .in = {{2, {2, 3}}, {2, {2, 3}}, {1, {2}}}))},
    {OF_ROWS(nll, 2, LABELS, scale_rows, LABEL_CASES),
     .bad = BAD(PARAM_("reduction is 9; 0 to 3 were wanted", .in = {{2, {2, 3}}, {1, {2}}}, .b = 9),
                PARAM_("has no option reduction WEFT_LOSS_BATCH_MEAN",
                       .in = {{2, {2, 3}}, {1, {2}}}, BATCH_),
                SHAPE_("x is [2,3] and label [3]; [batch,class,...] and [batch,...] were wanted",
                       .in = {{2, {2, 3}}, {1, {3}}}),
                SHAPE_("x is [2,3] and label []; [batch,class,...]", .in = {{2, {2, 3}}, {0}}),
                SHAPE_("x is [2,0]; [batch,class,...] with classes was wanted",
                       .in = {{2, {2, 0}}, {1, {2}}}),
                SHAPE_("x is []; [batch,class,...] with classes was wanted", .in = {{0}, {0}}),
                {WEFT_DTYPE,
                 "x is F32 and label F32; I64 or I32 was wanted",
                 {.in = {{2, {2, 3}}, {1, {2}}}},
                 {WEFT_F32, WEFT_F32}},
                LABEL_("has no option smoothing", call_nll_smoothing))},
    {OF_ROWS(nll_weighted, 3, WEIGHTED_LABELS, scale_weighted, LABEL_CASES), .function = "nll",
     .bad = BAD(SHAPE_("weight is [2,3]; [3], one for each class, was wanted",
                       .in = {{2, {2, 3}}, {1, {2}}, {2, {2, 3}}}),
                SHAPE_("weight is [4]; [3], one for each class, was wanted",
                       .in = {{2, {2, 3}}, {1, {2}}, {1, {4}}}))},
    {0},
};
