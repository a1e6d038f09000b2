// What the variants of the matrix product for devices whose work-group runs on one core share.
#ifndef WF_OP_MATMUL_CPU_H
#define WF_OP_MATMUL_CPU_H
#include "op/matmul.h"

// Floating numbers on such a device?
bool wf_matmul_is_for_cpu(const weft_device *dev, const struct wf_matmul *p);
// Numbers of a vector: 64 bytes.
static inline int wf_matmul_lanes(const struct wf_matmul *p)
{
    return p->dtype == WEFT_F64 ? 8 : 16;
}
static inline bool wf_matmul_is_narrow(const struct wf_matmul *p)
{
    return p->dtype == WEFT_F16 || p->dtype == WEFT_BF16;
}

// Knobs of cpu_tile and cpu_packed: cl/matmul_cpu.cl says what they do.
enum { MR, NV, LANES, KC, SUM_ROWS, PACK_A };
extern const struct wf_knob wf_matmul_cpu_knobs[];
void wf_matmul_cpu_choose(weft_device *dev, const struct wf_matmul *p, int *knob);
// "#define B_ROWS 1\n": how b lies.
const char *wf_matmul_b_form(const struct wf_matmul *p);
// Launches the variant's kernel in groups of one work-item. `text`: further defines; `size`: the
// rows or columns of a task.
bool wf_matmul_cpu_launch(weft_device *dev, const struct wf_matmul *p,
                          const struct wf_matmul_variant *v, const int *knob, const char *text,
                          int64_t size, int64_t tasks, struct weft_error *err);
// The tiles alone. `text`: further defines.
bool wf_matmul_cpu_tile_run(weft_device *dev, const struct wf_matmul *p, const char *text,
                            const int *knob, struct weft_error *err);

#endif
