// Every operation in plain loops and in double, and the cases it is tested on.
#ifndef WEFT_TESTS_REF_H
#define WEFT_TESTS_REF_H
#include <weft/weft.h>

enum { MAX_IN = 2, MAX_CASES = 24 };

// A dense array of doubles on the host.
struct array {
    int ndim;
    int64_t shape[WEFT_MAX_DIMS];
    double *v;
};
int64_t array_count(const struct array *a);
// Sets the shape and takes memory (free).
void array_make(struct array *a, int ndim, const int64_t *shape);
// Element of x at the place that index i of y's shape broadcasts from.
double array_at(const struct array *x, const struct array *y, int64_t i);

struct op_case {
    struct {
        int ndim;
        int64_t shape[5];
    } in[MAX_IN];
    double lo, hi;      // range of the inputs [-2 .. 2]
    double a, b;        // options of elementwise ops
    int naxes, axes[4]; // of reductions; axes[0], axes[1]: dims of transpose, first of flatten
    bool keep;
    int ndim; // wanted shape
    int64_t shape[5];
};

struct op_ref {
    const char *name; // of the row
    int nin;
    bool smooth;      // has a gradient
    bool integer;     // y is compared exactly
    double tolerance; // in units of 2^-24 (2^-53) times the magnitude that is summed
    weft_tensor *(*call)(weft_scope *s, weft_tensor *const *x, const struct op_case *c);
    // Makes y. x[1] of cross_entropy holds labels.
    void (*ref)(const struct array *x, struct array *y, const struct op_case *c);
    struct op_case cases[MAX_CASES]; // ends with lo == hi
};
extern const struct op_ref op_refs_elementwise[]; // ends with {0}
// The i-th of all references; NULL past the last.
const struct op_ref *op_ref_at(int i);

#endif
