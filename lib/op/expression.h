// Elementwise kernels made from expressions.
#ifndef WF_OP_EXPRESSION_H
#define WF_OP_EXPRESSION_H
#include "base/text.h"
#include "core/fuse.h"
#include "core/view.h"

enum { WF_EXPRESSION_ARGS = 5, WF_EXPRESSION_OPTIONS = 2 };

// The attribute of an elementwise record. out = text, for every element: the inputs broadcast to
// the shape of `out` and are converted to T; the result is converted to the dtype of `out`, from
// floating to integer with saturation.
struct wf_expression {
    const char *text;                    // "x0 * x1", of type T
    const char *arg[WF_EXPRESSION_ARGS]; // the names of the inputs in it, in order
    enum weft_dtype compute;             // whose computing type T is [of the first input]
    double a[WF_EXPRESSION_OPTIONS];     // the options a0, a1 of the text
    int na;
};

// How the text of a test ends, whose result is BOOL.
#define WF_TEST_RESULT " ? (T)1 : (T)0"

// The `run` of an elementwise row, and how its records run together.
bool wf_expression_run(weft_device *dev, struct wf_record *r, struct weft_error *err);
extern const struct wf_fuser wf_expression_fuser;

// Does the text call functions whose last bits may depend on how many numbers they are given at
// once? fabs, DIVIDE and ABS are exact.
bool wf_expression_calls(const char *text);

// The type in kernels that elements of this dtype have in memory, and that they are computed in.
const char *wf_storage_type(enum weft_dtype d);
const char *wf_compute_type(enum weft_dtype d);

// What follows is shared by expression.c and expression_text.c.

// One record in a kernel. A value is computed in T and then in the computing type of its dtype.
struct wf_node {
    const struct wf_expression *e;
    enum weft_dtype compute, dtype;
    int nin;
    int from[WF_EXPRESSION_ARGS]; // number of a node, or -1 - number of an input
    bool stored;
};

enum wf_inner { WF_REPEATED, WF_DENSE, WF_STRIDED };

// A kernel for several records.
struct wf_program_text {
    struct wf_node node[WF_GROUP_RECORDS];
    int nodes, inputs;
    struct {
        enum weft_dtype dtype;
        enum wf_inner inner; // along the last dimension
    } in[WF_GROUP_INPUTS];
    int rank, views, vec; // views: of `struct dims`, 1 where there are no inputs
    bool wide, f64, cpu;
};
// Adds the defines that elementwise.cl wants.
void wf_expression_write(void *program_text, struct wf_text *defines);

#endif
