// What the variants of the matrix product for devices with groups of many work-items share.
#ifndef WF_OP_MATMUL_GPU_H
#define WF_OP_MATMUL_GPU_H
#include "op/matmul.h"

// Knobs of gpu_tile and gpu_packed: cl/matmul_gpu.cl says what they do. SPLIT: the parts that k is
// computed in, at most.
enum { BM, BN, BK, TM, TN, VEC, STAGES, PAD, SWIZZLE, BLOCK, SPLIT };
extern const struct wf_knob wf_matmul_tile_knobs[];
void wf_matmul_tile_choose(weft_device *dev, const struct wf_matmul *p, int *knob);
bool wf_matmul_tile_fits(weft_device *dev, const struct wf_matmul *p, const int *knob);
// The tiles alone. `text`: further defines. Where the built kernel doesn't run in groups as large
// as the knobs ask for, *too_large says so and nothing is run.
bool wf_matmul_tile_run(weft_device *dev, const struct wf_matmul *p, const char *text,
                        const int *knob, bool *too_large, struct weft_error *err);
// "#define A_FORM 1\n#define B_FORM 0\n": which sides of a and b lie side by side.
const char *wf_matmul_forms(const struct wf_matmul *p);
// A smaller tile; false where there is none.
bool wf_matmul_tile_shrink(int *knob);

// A product whose sum is made in parts of k: run() gets a problem without an epilogue whose c is a
// workspace for the sums, [count][parts][m][n] of the computing type, and `part`, the terms of a
// part, a multiple of `unit`. Then they are added in order, with the epilogue. With `split` 1, or
// few terms, run() gets the problem itself.
struct wf_matmul_split {
    int split, unit;
    bool (*run)(weft_device *dev, const struct wf_matmul *p, int64_t part, void *priv,
                struct weft_error *err);
    void *priv;
};
bool wf_matmul_run_split(weft_device *dev, const struct wf_matmul *p,
                         const struct wf_matmul_split *split, struct weft_error *err);
// Is there room for the sums, and an index for each?
bool wf_matmul_can_split(const weft_device *dev, const struct wf_matmul *p, int split);
// Terms of a part, and parts: at least one.
int64_t wf_matmul_part(const struct wf_matmul *p, int split, int unit);

#endif
