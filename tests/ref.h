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
    VALUE,  // of the dtype that is tested, in lo .. hi
    WHOLE,  // likewise, whole numbers
    FACTOR, // of that dtype too, whole numbers in 1 .. limit; no gradient flows, and it may be NULL
    INDEX,  // I64 in 0 .. limit - 1; I32 is taken too
    FLAG,   // BOOL
    BYTE,   // I8, any
    UBYTE,  // U8, any
    NOTHING, // no input of the op: `call` takes its dtype for that of the result
};

// The dtypes that an op takes of its inputs VALUE, WHOLE and FACTOR, which have one, or makes.
enum taken_dtypes {
    FLOATS,
    NUMBERS,   // and integers
    ALL_TYPES, // and BOOL
    INTEGERS,  // integers alone; F32 and F64, in which every case is called, stand for one
};

struct op_case {
    struct {
        int ndim;
        int64_t shape[WEFT_MAX_DIMS];
    } in[MAX_IN];
    double lo, hi;      // range of the inputs [-2 .. 2]
    double limit;       // of INDEX
    double a, b;        // options of elementwise ops
    int naxes, axes[4]; // of reductions; axes[0], axes[1]: dims of transpose, first of flatten
    bool keep;
    int ndim; // wanted shape
    int64_t shape[WEFT_MAX_DIMS];
};

// The largest piece of memory that the device of a bad case has, in bytes.
enum { BAD_LIMIT = 1 << 20 };

// A call that must be refused.
struct bad_case {
    enum weft_status status; // WEFT_OK ends the list
    const char *text;        // how the error begins behind the name of the function
    struct op_case c;
    enum weft_dtype dtype[MAX_IN]; // of the inputs [that of their kind, and F32]
    // Where that of the row cannot say it. [the row's]
    weft_tensor *(*call)(weft_scope *s, weft_tensor *const *x, const struct op_case *c);
    bool aborts; // where the library was built with -Ddebug-abort=true
};

struct op_ref {
    const char *name;     // of the row
    const char *function; // that is called, without its weft_ [the name]
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
    // What is refused. That inputs must be tensors of the scope, of these dtypes and, with `alike`,
    // of shapes that differ in no dimension but where one is 1, needs no case of its own.
    enum taken_dtypes takes;
    bool alike;
    const struct bad_case *bad; // whatever else can be wrong [nothing]
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
    X(sort)             \
    X(softmax)          \
    X(matmul_int)
#define X(family) extern const struct op_ref op_refs_##family[];
REF_FAMILIES(X)
#undef X
// The i-th of all references; NULL past the last.
const struct op_ref *op_ref_at(int i);
// "relu" of weft_relu().
const char *op_ref_function(const struct op_ref *r);

#endif
