// Operations of one's own: elementwise ones from an expression, and others from a kernel.
//
// Both are recorded, cached, profiled under their name and looked at by params.check_nan like
// weft's own. What describes an operation, and every text in it, is copied by the call. Weft prints
// nothing where a source does not compile, but a driver may: PoCL writes "1 error generated." to
// stderr. See op.h for what holds of all operations.
#ifndef WEFT_CUSTOM_H
#define WEFT_CUSTOM_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { WEFT_MAP_INPUTS = 3, WEFT_MAP_OPTIONS = 2 };
// An elementwise operation: y = an expression of OpenCL C.
//
//     static const struct weft_map swish = WEFT_MAP(
//         .name = "swish", .inputs = 1, .options = 1,
//         .y = "x0 / (1 + exp(-a0 * x0))",
//         .dx = {"g * (a0 * y + (1 - a0 * y) / (1 + exp(-a0 * x0)))"});
//     y = weft_map(s, &swish, (const weft_tensor *[]){x}, (double[]){1.5});
//
// The expression speaks of the inputs x0, x1, x2 and the options a0, a1, which have the type T:
// float for F32, F16 and BF16, double for F64, int for I8, U8, I32 and BOOL, long for I64; or a
// vector of it. So a constant that is not a whole number is written (T)0.5, `c ? a : b` wants
// vectors on both sides of the colon ((T)0, not 0), and an `if` cannot be. A derivative
// speaks of g, the gradient of y, and of y as well. An expression that does not compile is
// WEFT_BUILD when it runs, with the compiler's first error.
struct weft_map {
    size_t size;
    const char *name; // of letters, digits and "_-./", 63 at most; required
    int inputs;       // 1 to WEFT_MAP_INPUTS [1]
    int options;      // up to WEFT_MAP_OPTIONS [0]
    const char *y;    // the expression; required
    // What of g comes to each input, "g * ...". A gradient that would need a missing one is
    // WEFT_UNSUPPORTED. [none]
    const char *dx[WEFT_MAP_INPUTS];
    bool flat; // the gradient is zero everywhere: none flows through, and no dx is needed [no]
};
#define WEFT_MAP(...)                                 \
    {                                                 \
        .size = sizeof(struct weft_map), __VA_ARGS__, \
    }
// y = map(x[0], x[1], ...) with the options a [map->options; may be NULL without]. The inputs [map
// ->inputs] have one dtype, any, which is that of y, and broadcast. WEFT_PARAM where the map is not
// complete.
WEFT_API weft_tensor *weft_map(weft_scope *s, const struct weft_map *map,
                               const weft_tensor *const *x, const double *a);

enum { WEFT_OP_INPUTS = 8, WEFT_OP_ARGS = 24 };
struct weft_op;

// One call of an operation, as its callbacks see it.
struct weft_op_call {
    const struct weft_op *op;
    const weft_tensor *const *x; // the inputs [op->inputs]
    const weft_tensor *y;        // the output; NULL in .shape
    const void *options;         // [op->option_bytes]
    const bool *wants;           // in .grad: which inputs want a gradient; else NULL
};

// How the kernel is launched: filled by .launch, which finds it zeroed.
struct weft_op_launch {
    // Work-items in each dimension, 0 at the end; rounded up to whole groups, so the kernel checks
    // its index. [as many as y has elements]
    size_t global[3];
    // Work-items in a group. Some drivers compile again for a new one. [64, 1, 1, or the most that
    // the kernel can have]
    size_t local[3];
    // Lines before the source, "#define T float\n...". Each new text is compiled: sizes belong in
    // the arguments. [none]
    char defines[512];
    // A guess of what a work-item takes on a slow device, in ns: on a device that may drive a
    // display a long launch is split. [100]
    double item_ns;
    bool whole; // never split it [no]
    int args;   // filled by weft_op_arg()
    struct {
        size_t bytes;
        union {
            unsigned char data[64];
            double align;
        } value;
        bool local;
    } arg[WEFT_OP_ARGS];
};
// The next argument of the kernel: `bytes` bytes at value, 64 at most, copied; or, with NULL, local
// memory. More than WEFT_OP_ARGS fail the call.
WEFT_API void weft_op_arg(struct weft_op_launch *l, size_t bytes, const void *value);

// An operation with a kernel of its own, in OpenCL C 1.2.
//
// The kernel's arguments are the inputs' buffers in order, the output's buffer, and what .launch
// has added with weft_op_arg(); without .launch, one `long`: the number of elements of y. A kernel
// with more or fewer is WEFT_PARAM when it runs. The tensors lie dense, the last dimension
// innermost, from the start of their buffers; a strided one has been copied. In memory, elements
// are float (F32), half, read with vload_half() (F16), ushort (BF16), double, char, uchar, int,
// long, and uchar (BOOL). Every element of y is the kernel's to write.
//
// It is an ordinary NDRange: get_global_id() says which part a work-item computes. A long launch
// is split along its outermost dimension, in whole groups: get_global_id() goes on from piece to
// piece, get_group_id() and get_global_size() are those of the piece. Nothing is launched where y
// has no elements. A call may run again, for weft_checkpoint() or a value that was not kept, and
// must give the same bits then.
//
// The source is compiled once for each text of it and its defines, and kept in the cache. It begins
// with nothing of weft's: cl_khr_fp64 and FP_CONTRACT are its own matter.
//
// A callback that returns false should have filled *err; it is the scope's error then, with the
// operation's name. The callbacks must depend on nothing but the call.
struct weft_op {
    size_t size;
    const char *name;    // as of weft_map; required
    const char *source;  // required
    const char *kernel;  // its name in the source, 63 letters at most [name]
    int inputs;          // 0 to WEFT_OP_INPUTS
    size_t option_bytes; // of a struct of the operation's own, copied by the call [0]
    // Checks the inputs and sets dtype, ndim and shape of y. Called when the call is recorded.
    // Without an input it is required. [y is like x[0]]
    bool (*shape)(const struct weft_op_call *c, weft_tensor *y, struct weft_error *err);
    // Called when it runs. [one work-item for each element of y]
    bool (*launch)(const struct weft_op_call *c, struct weft_op_launch *l, struct weft_error *err);
    // Records the gradients of the inputs that want one into gx [op->inputs], NULL for zero; gy is
    // that of y. It may call operations, also of one's own, and ask for no values. Errors are left
    // in the scope. [a gradient is WEFT_UNSUPPORTED]
    bool (*grad)(weft_scope *s, const struct weft_op_call *c, const weft_tensor *gy,
                 weft_tensor **gx);
    bool flat;           // the gradient is zero everywhere [no]
    bool grad_without_x; // .grad reads no input: they need not be kept [no]
    bool grad_without_y; // likewise the output [no]
    void *priv;          // for the callbacks
};
#define WEFT_OP(...)                                 \
    {                                                \
        .size = sizeof(struct weft_op), __VA_ARGS__, \
    }
// y = op(x[0], x[1], ...). WEFT_PARAM where the operation is not complete.
WEFT_API weft_tensor *weft_op(weft_scope *s, const struct weft_op *op, const weft_tensor *const *x,
                              const void *options);

#ifdef __cplusplus
}
#endif
#endif
