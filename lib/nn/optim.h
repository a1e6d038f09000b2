// The optimizer as lib/nn sees it.
#ifndef WF_NN_OPTIM_H
#define WF_NN_OPTIM_H
#include "nn/params.h"
#include "nn/sets.h"
#include <weft/optim.h>

enum { WF_MAX_MOMENTS = 3 };
#define WF_MAX_STEPS ((int64_t)1 << 53) // that a file may say were made

// `struct rule` and `struct each` of cl/optim.cl.
struct wf_rule_numbers {
    cl_float r[5];
};
struct wf_each_numbers {
    cl_float lr, decay, more;
};

// How an optimizer changes a parameter: a row.
struct wf_rule {
    const char *name;   // of the optimizer, in errors and files
    const char *define; // selects the rule in the kernel
    // The kernel's numbers, from the optimizer's own.
    void (*numbers)(const double *own, struct wf_rule_numbers *r);
    // Those of a parameter's step t, counted from 1, with this step size and weight decay.
    struct wf_each_numbers (*each)(const double *own, double lr, double decay, int64_t t);
    struct wf_op op;
};
enum wf_rule_index { WF_SGD, WF_ADAGRAD, WF_ADADELTA, WF_RMSPROP, WF_ADAM, WF_ADAMW, WF_RULES };
extern const struct wf_rule wf_rules[WF_RULES];

// What an optimizer remembers of a parameter.
struct wf_optim_state {
    struct wf_param *param;
    struct wf_storage *storage; // the moments, one after the other; NULL: the rule has none
    int64_t steps;              // that have run
};

struct wf_optim_group {
    char *pattern;
    struct weft_optim_group_params params;
};

enum { WF_OWN_NUMBERS = 4 };
struct weft_optim {
    weft_params *params;
    const struct wf_rule *rule;
    double lr, base_lr; // now, and where a schedule begins
    double weight_decay;
    double own[WF_OWN_NUMBERS]; // own[0]: the momentum, or beta1, if has_momentum
    bool has_momentum;
    double base_momentum;   // where a schedule begins
    const char *options[4]; // -D of the kernel; NULL: no more
    const char *moment[WF_MAX_MOMENTS];
    int moments;
    double initial;  // value of the first moment
    atomic_int refs; // the handle, schedules, and the steps that are recorded
    struct wf_optim_state *state;
    int count, room;
    struct wf_optim_group *group;
    int groups;
};

weft_optim *wf_optim_ref(weft_optim *o);
void wf_optim_unref(weft_optim *o);
// The state of a parameter, which is probably the `hint`-th; NULL: it has made no step.
struct wf_optim_state *wf_optim_state(const weft_optim *o, const struct wf_param *q, int hint);

// The hooks of a step's record.
bool wf_optim_prepare(weft_device *dev, struct wf_record *r, struct weft_error *err);
bool wf_optim_run(weft_device *dev, struct wf_record *r, struct weft_error *err);
bool wf_optim_rehearse(weft_device *dev, struct wf_record *r, struct weft_error *err);
void wf_optim_drop(struct wf_record *r);

// The parameters of p that have a gradient and are not frozen: at most p->count. Their number; -1
// after an error.
int wf_optim_collect(weft_scope *s, weft_params *p, const weft_tensor **grad,
                     struct wf_variable **var);

#endif
