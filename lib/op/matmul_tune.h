// The search for the fastest way to run one matrix product.
#ifndef WF_OP_MATMUL_TUNE_H
#define WF_OP_MATMUL_TUNE_H
#include "op/matmul_tuning.h"

struct wf_matmul_search {
    weft_device *dev;
    const struct wf_tuning_problem *key;
    double deadline; // wf_now()
    // Before each configuration: how many were measured, and the best and the rule's in
    // nanoseconds. False stops.
    bool (*progress)(void *priv, int tried, int64_t ns, int64_t rule_ns);
    void *priv;
};

// Fills *out. WEFT_CANCELLED where progress() stopped it.
bool wf_matmul_search(const struct wf_matmul_search *s, struct wf_tuning_entry *out,
                      struct weft_error *err);

#endif
