// Every operation in plain loops and in double, and the cases it is tested on.
#ifndef WEFT_TESTS_REF_H
#define WEFT_TESTS_REF_H
#include <weft/weft.h>

enum { MAX_IN = 4, MAX_CASES = 24 };

// A dense array of doubles on the host.
struct array {
    int ndim;
    int64_t shape[WEFT_MAX_DIMS];
    double *v;
};
int64_t array_count(const struct array *a);
// Sets the shape and takes memory (free).
void array_make(struct array *a, int ndim, const int64_t *shape);
// The largest |a|.
double array_largest(const struct array *a);
// Element of x at the place that index i of y's shape broadcasts from.
double array_at(const struct array *x, const struct array *y, int64_t i);

enum input_kind {
    VALUE, // of the dtype that is tested, in lo .. hi
    WHOLE, // likewise, whole numbers
    INDEX, // I64 in 0 .. limit - 1
    FLAG,  // BOOL
};

struct op_case {
    struct {
        int ndim;
        int64_t shape[5];
    } in[MAX_IN];
    double lo, hi;      // range of the inputs [-2 .. 2]
    double limit;       // of INDEX
    double a, b;        // options of elementwise ops
    int naxes, axes[4]; // of reductions; axes[0], axes[1]: dims of transpose, first of flatten
    bool keep;
    int ndim; // wanted shape
    int64_t shape[5];
};

struct op_ref {
    const char *name; // of the row
    int nin;
    enum input_kind kind[MAX_IN];
    bool smooth;      // the VALUE inputs have gradients
    bool train;       // the value too is checked in a scope that trains
    double tolerance; // in units of 2^-24 (2^-53) times |y| and, with `scale`, times that too
    // Where terms cancel: how large the numbers are whose rounding y carries. NULL: none do.
    double (*scale)(const struct array *x, const struct array *y);
    weft_tensor *(*call)(weft_scope *s, weft_tensor *const *x, const struct op_case *c);
    void (*ref)(const struct array *x, struct array *y, const struct op_case *c); // makes y
    struct op_case cases[MAX_CASES]; // ends with lo == hi
};

// One table for each family of operations, op_refs_NAME in ref_NAME.c; each ends with {0}.
#define REF_FAMILIES(X) \
    X(elementwise)      \
    X(fill)             \
    X(index)            \
    X(loss)             \
    X(matmul)           \
    X(random)           \
    X(reduce)           \
    X(shape)            \
    X(slice)            \
    X(sort)
#define X(family) extern const struct op_ref op_refs_##family[];
REF_FAMILIES(X)
#undef X
// The i-th of all references; NULL past the last.
const struct op_ref *op_ref_at(int i);

#endif
