// What `weft bench` measures: tables of operations and chains of them (bench_ops.c,
// bench_matmul.c), cases with a state of their own (bench_step.c), and what the device can do at
// most (bench_peak.c).
#ifndef BENCH_H
#define BENCH_H
#include "ref.h"

// What one run does, as far as it can be said; 0 where not.
struct bench_work {
    double flops; // arithmetic: then peak_percent is that of multiply-adds, else of copying
    double bytes; // of inputs read and outputs written, each once
};

struct bench_time {
    double ms, ms_min; // median and least of the runs
    double chain_ms;   // of a case with `chain`: of one of many calls that are waited for together
    struct bench_work work;
};

struct bench {
    weft_device *dev;
    weft_scope *s;  // that the cases may use; reset after each run
    double seconds; // a case runs at least so long
    struct weft_device_peak peak;
    struct weft_error err; // of what failed, where it is not in the scope
};

struct bench_case {
    const char *op;   // of the row, of a model, or of a chain: what `weft bench OP` names
    const char *size; // the case is "op/size"
    struct op_case c; // inputs and options, for `call`
    // How it is called; NULL: as the reference of `op` says, which has the kinds of the inputs too.
    weft_tensor *(*call)(weft_scope *s, weft_tensor *const *x, const struct op_case *c);
    int nin; // with `call`
    enum input_kind kind[MAX_IN];
    double (*flops)(const struct op_case *c); // of a case that is bound by arithmetic
    bool train;                               // runs in a scope that trains, as a gradient does
    bool grad;                                // forward, and the gradient of the first input
    bool view;                                // moves nothing: only the host's time
    bool read;                                // the result is a view: times its negation too
    bool chain;                               // timed in a chain of calls, too
    bool row;                                 // a product of one row: its peak is that of reading
    enum weft_dtype dtype;                    // of the inputs VALUE [F32]
    // Instead of all that.
    bool (*measure)(struct bench *b, struct bench_time *out);
};

// The i-th case; false past the last. Cases of operations that the library does not have are left
// out.
bool bench_case_at(int i, struct bench_case *out);
// Both end with {0}.
extern const struct bench_case bench_matmul_cases[], bench_peak_cases[], bench_step_cases[];

// A run that is repeated. Only `timed` counts; the others may be NULL. All return false on error.
struct bench_run {
    bool (*before)(void *priv), (*timed)(void *priv), (*after)(void *priv);
    void *priv;
};
bool bench_repeat(const struct bench *b, const struct bench_run *run, struct bench_time *out);
// Runs what is recorded and waits for it.
bool bench_finish(struct bench *b);
bool bench_op(struct bench *b, const struct bench_case *c, struct bench_time *out);

#endif
