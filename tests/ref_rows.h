// What the references of the families share.
#ifndef WEFT_TESTS_REF_ROWS_H
#define WEFT_TESTS_REF_ROWS_H
#include "ref.h"

// The shape that a and b broadcast to; y is made.
void array_broadcast(const struct array *a, const struct array *b, struct array *y);

#define CALL1(name)                                                                                \
    static weft_tensor *call_##name(weft_scope *s, weft_tensor *const *x, const struct op_case *c) \
    {                                                                                              \
        (void)c;                                                                                   \
        return weft_##name(s, x[0]);                                                               \
    }
#define CALL2(name)                                                                                \
    static weft_tensor *call_##name(weft_scope *s, weft_tensor *const *x, const struct op_case *c) \
    {                                                                                              \
        (void)c;                                                                                   \
        return weft_##name(s, x[0], x[1]);                                                         \
    }
// The fields of a row.
#define REF(name_, nin_, smooth_, tol, scale_, ...)                                    \
    .name = #name_, .nin = nin_, .smooth = smooth_, .tolerance = tol, .scale = scale_, \
    .call = call_##name_, .ref = ref_##name_, .cases = {__VA_ARGS__}
// Of one or two inputs; with a scale; without a gradient.
#define ONE(name, tol, ...)              REF(name, 1, true, tol, NULL, __VA_ARGS__)
#define TWO(name, tol, ...)              REF(name, 2, true, tol, NULL, __VA_ARGS__)
#define SUMS(name, nin, tol, scale, ...) REF(name, nin, true, tol, scale, __VA_ARGS__)
#define FLAT(name, ...)                  REF(name, 1, false, 0, NULL, __VA_ARGS__)
// Of none.
#define MADE(name, tol, ...) REF(name, 1, false, tol, NULL, __VA_ARGS__), .kind = {NOTHING}

// A row's list of bad cases.
#define BAD(...)              \
    (const struct bad_case[]) \
    {                         \
        __VA_ARGS__,          \
        {                     \
            WEFT_OK           \
        }                     \
    }
// One case of it: how it is refused, and the fields of the call.
#define SHAPE_(text, ...) \
    {                     \
        WEFT_SHAPE, text, \
        {                 \
            __VA_ARGS__   \
        }                 \
    }
#define PARAM_(text, ...) \
    {                     \
        WEFT_PARAM, text, \
        {                 \
            __VA_ARGS__   \
        }                 \
    }
#define NOMEM_(text, ...) \
    {                     \
        WEFT_NOMEM, text, \
        {                 \
            __VA_ARGS__   \
        }                 \
    }
// Of the axis in axes[0], of an input with two dimensions.
#define BAD_AXIS(...)                                                                            \
    PARAM_("axis 2 of 2 dimensions; -2 to 1 were wanted", __VA_ARGS__, .naxes = 1, .axes = {2}), \
        PARAM_("axis -3 of 2 dimensions; -2 to 1 were wanted", __VA_ARGS__, .naxes = 1,          \
               .axes = {-3})

// The matrix product, as weft_matmul() has its shapes.
void array_matmul(const struct array *x, struct array *y);

#endif
