// Tuning: finding out which way of running a product is the fastest on a device, and keeping it.
//
// weft has several variants of the matrix product, each with knobs such as the size of a tile, and
// a rule that chooses among them by the device and the sizes. Tuning measures them instead. What it
// finds goes to one JSON file for each device, driver and version of the kernels, which every later
// program reads at its first product (weft_device_params.tuning in device.h says where it is, and
// weft_device_tuning() what it is called). weft also ships with files that were measured elsewhere
// (tuning/ in the sources, where those of users are welcome).
//
// A product goes by the entry for its very sizes; else by the nearest of the same dtype and form
// whose sizes differ by a factor of two in all; else by the rule. The user's file goes before what
// ships, and of that files for the same driver before those for the same device, and these before
// those for the same platform and type. What was measured on another device or driver has to give
// the products of another variant before it is used.
//
// A file that is damaged, or for another device or driver, is ignored with a line in the log, and
// so is an entry with a variant or knobs that cannot be. None is ever removed or written over.
//
// With another tuning file sums are added in another order: the last bits of a product may differ.
//
// A variant that fails on a device, gives wrong products, or twice did not come back from its
// trial, is switched off for that device and driver, with a line in the log; the next one serves.
// It is remembered in the cache of compiled kernels, and forgotten when that is cleared.
#ifndef WEFT_TUNE_H
#define WEFT_TUNE_H
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// `count` products [m, k] by [k, n], where a or b may lie transposed, as weft_transpose() makes
// them. weft_linear() has b transposed.
struct weft_tune_problem {
    enum weft_dtype dtype; // F32, F16, BF16 or F64 [WEFT_F32]
    int64_t m, n, k;       // from 1
    int64_t count;         // [1]
    bool a_transposed, b_transposed;
};

// What came of one problem. Times are medians of a product on the device with its launch.
struct weft_tune_result {
    struct weft_tune_problem problem;
    double us, rule_us; // of the best, and of what the rule takes; equal: the rule takes the best
    char variant[32];   // "cpu_tile"
    char knobs[160];    // "MR=4 NV=2 KC=256"
    bool known;         // from the file: it was tuned before
    bool partial;       // the time ran out before all was tried
};

struct weft_tune_progress {
    const struct weft_tune_problem *problem;
    int index, count;       // the problem's place, from 0, and how many there are
    int tried;              // configurations of it that were measured
    double us, rule_us;     // the best so far; 0 before the first
    double seconds, budget; // spent, and to be spent
};

struct weft_tune_params {
    size_t size;
    const char *op; // ["matmul", the only one]
    double seconds; // to spend; the configuration that is being tried is ended [60]
    // What to tune, borrowed [squares, flat products, and the layers of some common networks: F32].
    const struct weft_tune_problem *problem;
    int count;
    bool again; // also what the file has already [no: so tuning goes on where it was stopped]
    // Called before each configuration is tried; false stops. [none]
    bool (*progress)(void *priv, const struct weft_tune_progress *p);
    // Called for each problem when it is done and written to the file. [none]
    void (*result)(void *priv, const struct weft_tune_result *r);
    void *priv;
};
#define weft_tune_params(...) WEFT_PARAMS(weft_tune_params, __VA_ARGS__)

struct weft_tune_report {
    size_t size;            // set by the caller: sizeof(struct weft_tune_report)
    int count, done, known; // problems; of them tuned to the end now, and known before
    double seconds;         // spent
};

// Tunes one problem after the other, until the time is used up. Each configuration must give the
// products of a plain variant (a large problem's: of what the rule takes), and write nothing behind
// them, before its time counts; the device is warm when it is measured, and should have nothing
// else to do. The file is written after each problem, whole or not at all. `out` may be NULL.
//
// WEFT_PARAM where the device or what the params say cannot be, or another thread tunes the device;
// WEFT_CANCELLED where `progress` stopped it: what is done is kept; WEFT_FORMAT where the file is
// damaged or for another device; WEFT_IO where it cannot be written. A problem that the device has
// no memory for is left out.
WEFT_API bool weft_tune(weft_device *dev, const struct weft_tune_params *p,
                        struct weft_tune_report *out, struct weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
