// What of matrix products is tuned, and what of them is believed.
#ifndef WF_OP_MATMUL_TUNING_H
#define WF_OP_MATMUL_TUNING_H
#include "dev/tuning.h"
#include "op/matmul.h"

_Static_assert((int)WF_MATMUL_KNOBS == (int)WF_TUNING_KNOBS, "knobs");

// A variant with its knobs.
struct wf_matmul_choice {
    const struct wf_matmul_variant *v;
    int knob[WF_MATMUL_KNOBS];
    bool unproven; // comes from another device or driver: to be compared first
};

extern const struct wf_tuning_op wf_matmul_tuning;

// What the tuning goes by. It is the same for a product with an epilogue and for one without, even
// where only one of them could be stacked to taller matrices: so both give the same bits.
struct wf_tuning_problem wf_matmul_key(const struct wf_matmul *p);
// Bit 0: a lies transposed; bit 1: b.
int wf_matmul_form(const struct wf_matmul *p);
// The dense problem of a key, without buffers. False for one that is empty, or too large to be.
bool wf_matmul_dense(const weft_device *dev, const struct wf_tuning_problem *key,
                     struct wf_matmul *p);
// "matmul F32 nt 64x128x784", with "x COUNT" at the end of a batch.
const char *wf_matmul_key_text(const struct wf_tuning_problem *key, char buffer[120]);

// The knobs that the variant's rule gives.
struct wf_matmul_choice wf_matmul_by_rule(weft_device *dev, const struct wf_matmul *p,
                                          const struct wf_matmul_variant *v);
// The tuned choice, where there is one and the device can run the problem with it. *known: the
// problem has been tuned here, whatever came of it.
bool wf_matmul_tuned(weft_device *dev, const struct wf_matmul *p, struct wf_matmul_choice *c,
                     bool *known);
// May a tuned choice be this variant? On CPUs not where its epilogue calls functions in another
// form than elementwise kernels do.
bool wf_matmul_is_tunable(const weft_device *dev, const struct wf_matmul_variant *v);
// "MR=4 NV=2"
const char *wf_matmul_knob_text(const struct wf_matmul_choice *c, char buffer[160]);

// Is the choice believed? One that may fail, or was tuned elsewhere, is compared with another
// variant's answers at the first question, and the result kept. A dry run does not compare: what is
// not known is not taken.
bool wf_matmul_is_trusted(weft_device *dev, const struct wf_matmul *p,
                          const struct wf_matmul_choice *c);
// It failed, or answered wrongly: it is switched off for this device and driver.
void wf_matmul_distrust(weft_device *dev, const struct wf_matmul *p,
                        const struct wf_matmul_choice *c, const struct weft_error *why);
// Is this the failure of a variant, for which another can stand in, and not of memory or the
// device?
bool wf_matmul_is_own_fault(const struct wf_matmul_choice *c, const struct weft_error *e);
// The names of a choice in wf_trust_...(). Of weft's own they are for one form, which is a kernel.
struct wf_trust_key wf_matmul_trust_key(const struct wf_matmul *p,
                                        const struct wf_matmul_choice *c);
const char *wf_matmul_trust_name(const struct wf_matmul *p, const struct wf_matmul_choice *c,
                                 char buffer[256]);

// Tunes the problem of a product that is about to run, if that was asked for and there is time
// left.
void wf_matmul_tune_lazily(weft_device *dev, const struct wf_matmul *p);

#endif
