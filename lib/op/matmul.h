// The ways to run a matrix product, for the op, for the planner that fuses into it, and for tests
// that compare them.
#ifndef WF_OP_MATMUL_H
#define WF_OP_MATMUL_H
#include "base/text.h"
#include "core/op.h"
#include "core/view.h"
#include "op/knob.h"

enum { WF_EPILOGUE_INPUTS = 6, WF_EPILOGUE_OPTIONS = 8 };

// What is done to each element of a product before it is stored: c = text. Types are as in
// expression.h: T is the computing type of the product, or a vector of it, and the macros of
// cl/functions.h are there.
struct wf_epilogue {
    // "v + b0": of v, an element of the product, rounded to the product's dtype; of the inputs b0,
    // b1, ..., which are converted to T; and of the options a0, a1, ...
    const char *text;
    const char *steps; // statements before it, "const T t = v + b0;"; NULL: none
    int nin;
    struct wf_tensor *in[WF_EPILOGUE_INPUTS]; // broadcast to the shape of the product
    int na;
    double a[WF_EPILOGUE_OPTIONS];
};

// c[i][m][n] = sum over k of a[i][m][k] b[i][k][n]; `batch` walks a (view 0), b (view 1) and the
// epilogue's inputs; c is dense.
struct wf_matmul {
    enum weft_dtype dtype, out; // of a and b; of c
    enum weft_dtype b_dtype;    // of b where it is another than that of a; else 0 will do, too
    int64_t m, n, k, count;     // count: matrices in the batch
    int64_t a_m, a_k, b_k, b_n;
    struct wf_dims batch;
    bool wide;
    cl_mem a, b, c;
    const struct wf_epilogue *epilogue; // NULL: none
    int64_t e_m[WF_EPILOGUE_INPUTS], e_n[WF_EPILOGUE_INPUTS];
    // m and count of the same product without its epilogue, which may not let matrices be stacked:
    // what decides the order of sums goes by these, so that fused and unfused give the same bits.
    int64_t plain_m, plain_count;
    // Of a variable that b reads: it may be kept packed (core/packed.h). NULL: it is none.
    struct wf_storage *b_from;
    uint64_t b_version;
};

// The problem of a record of matmul, with an epilogue or NULL, into `out`, which has storage,
// dense, of a floating dtype where there is an epilogue, and as many elements as the product.
struct wf_matmul wf_matmul_problem(const struct wf_record *matmul, const struct wf_epilogue *e,
                                   const struct wf_tensor *out);

// Can an epilogue be fused into this record? It is a matmul of floating numbers.
bool wf_matmul_fuses(const struct wf_record *r);
// Runs a record of matmul, whose inputs have storage and whose own output needs none. e may be
// NULL.
bool wf_matmul_run(weft_device *dev, struct wf_record *matmul, const struct wf_epilogue *e,
                   struct wf_tensor *out, struct weft_error *err);

// Can the record be run with an epilogue that gives the bits of the ops one by one? `calls`: it
// calls functions, which CPUs' drivers have in several forms.
bool wf_matmul_fits(weft_device *dev, const struct wf_record *matmul, bool calls);
extern const struct wf_fuser wf_matmul_fuser;

enum { WF_MATMUL_KNOBS = 12 };

// One way. Of those that apply, the first is taken, unless tuning found another to be faster.
struct wf_matmul_variant {
    const char *name;            // "cpu_tile": the kernel is matmul_cpu_tile
    const char *file;            // of cl/; NULL: it has no kernel of weft's
    const struct wf_knob *knobs; // at most WF_MATMUL_KNOBS; after the last one without a name
    // Is it made for the device and the problem?
    bool (*applies)(weft_device *dev, const struct wf_matmul *p);
    // Good values for its knobs. NULL: it has none.
    void (*choose)(weft_device *dev, const struct wf_matmul *p, int *knob);
    // Can the device run the problem with these knobs, though another variant may be better?
    bool (*fits)(weft_device *dev, const struct wf_matmul *p, const int *knob);
    bool (*run)(weft_device *dev, const struct wf_matmul *p, const int *knob,
                struct weft_error *err);
    bool may_fail; // it is not weft's own: it is compared before it is believed (matmul_tuning.h)
    bool calls_like_elementwise; // of CPUs: its epilogue calls functions on vectors, as they do
};
extern const struct wf_matmul_variant *const wf_matmul_variants[]; // the last before NULL applies
                                                                   // always
extern const struct wf_matmul_variant wf_matmul_clblast, wf_matmul_cpu_dot, wf_matmul_cpu_gemv,
    wf_matmul_cpu_int, wf_matmul_cpu_packed, wf_matmul_cpu_tile, wf_matmul_gemv,
    wf_matmul_gpu_matrix, wf_matmul_gpu_packed, wf_matmul_gpu_tile, wf_matmul_plain;
// Can it run the problem, and does it, with the knobs that it chooses?
bool wf_matmul_can(weft_device *dev, const struct wf_matmul *p, const struct wf_matmul_variant *v);
bool wf_matmul_try(weft_device *dev, const struct wf_matmul *p, const struct wf_matmul_variant *v,
                   struct weft_error *err);

static inline int64_t wf_matmul_tiles(int64_t size, int64_t tile)
{
    return (size + tile - 1) / tile;
}

// For variants: the defines of types and of the epilogue, as cl/matmul.h wants them.
void wf_matmul_defines(struct wf_text *t, const struct wf_matmul *p);
// The arguments that all kernels have: `struct product`, [rows], `struct dims`, the buffers, the
// epilogue's strides, inputs and options. *room holds them until the launch.
struct wf_matmul_args {
    struct wf_index rows;
    struct wf_dims_arg batch;
    char product[7 * 8], steps[2 * (WF_EPILOGUE_INPUTS + 1) * 8];
    double option[WF_EPILOGUE_OPTIONS];
};
void wf_matmul_add_args(struct wf_launch *l, struct wf_matmul_args *room, const struct wf_matmul *p,
                        int64_t rows);

// The kernel matmul_NAME of cl/FILE.cl, both of the variant, built with the defines of types and
// epilogue, of these knobs, and with `text`.
struct wf_kernel *wf_matmul_kernel(weft_device *dev, const struct wf_matmul *p, const char *text,
                                   const struct wf_matmul_variant *v, const int *knob,
                                   struct weft_error *err);
// The dtype of b.
static inline enum weft_dtype wf_matmul_b_dtype(const struct wf_matmul *p)
{
    return p->b_dtype ? p->b_dtype : p->dtype;
}
// The bytes of an element in registers and in local memory.
size_t wf_matmul_computed_size(const struct wf_matmul *p);

#endif
