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
#define ONE(name_, tol, ...)                                                              \
    {                                                                                     \
        .name = #name_, .nin = 1, .smooth = true, .tolerance = tol, .call = call_##name_, \
        .ref = ref_##name_, .cases = {                                                    \
            __VA_ARGS__                                                                   \
        }                                                                                 \
    }
#define TWO(name_, tol, ...)                                                              \
    {                                                                                     \
        .name = #name_, .nin = 2, .smooth = true, .tolerance = tol, .call = call_##name_, \
        .ref = ref_##name_, .cases = {                                                    \
            __VA_ARGS__                                                                   \
        }                                                                                 \
    }

#endif
