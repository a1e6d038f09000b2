// What an operation is to the layers that record, run and differentiate it: a row.
#ifndef WF_CORE_OP_H
#define WF_CORE_OP_H
#include "core/tensor.h"

struct wf_op;
struct wf_segment;
struct wf_fuser;
struct wf_record {
    const struct wf_op *op;
    int nin, nout, nvar;
    struct wf_tensor **in;    // [nin]
    struct wf_tensor **out;   // [nout]
    struct wf_variable **var; // [nvar], what an update changes, and
    uint64_t *version;        // [nvar], the version of it that it changes
    const void *attr;         // the op's own options; owned by the scope
    const char *label;        // of the caller; "" for none
    const char *variant;      // the row of its variants that it ran with; NULL: it has none
    int index;                // place in the scope
    bool done, live;
    bool was_done;              // before a dry run
    bool stored;                // its results have had storage of their own
    bool saves;                 // counted in the `saved` of what its gradient reads
    bool lazy;                  // runs only if something needs it
    struct wf_segment *segment; // the outermost that it belongs to; NULL: none
    int group;                  // in the plan that runs, from 1; 0: alone
    struct wf_record *next;     // of the group
    int slot;                   // place in it, while it runs
};

// What a gradient reads: bits for inputs, and the outputs.
enum {
    WF_SAVES_NOTHING = 0,
    WF_SAVES_INPUT = 1,
    WF_SAVES_INPUTS = 0xffff,
    WF_SAVES_OUTPUT = 1 << 16,
    WF_SAVES_BITS = 16 // of inputs; of further ones nothing is read
};

struct wf_op {
    const char *name;
    // Only another way to read in[0]: sets stride and offset of out[0] over its storage and returns
    // true, or returns false where strides cannot express it; then run copies. Strides always can
    // if there is no run. NULL: no view.
    bool (*view)(struct wf_record *r);
    // Enqueues. The inputs have storage; so have the outputs, dense. Errors without the op's name.
    bool (*run)(weft_device *dev, struct wf_record *r, struct weft_error *err);
    // Records the gradients of the inputs that want one (wf_wants) into gx[i], which begin as NULL;
    // gy[j] is that of out[j], or NULL if nothing depends on it. Never enqueues. NULL: weft has
    // none, which is an error where one is asked for, unless the op is flat.
    bool (*grad)(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                 weft_tensor **gx);
    const struct wf_fuser *fuser; // how it runs as one with others; NULL: alone
    bool flat;                    // its gradient is zero everywhere: none flows through
    unsigned saves;               // what .grad reads of the record's own inputs and outputs
    // Changes variables: runs once, in order, after everything recorded before it that can fail.
    enum wf_update { WF_UPDATES_NOTHING, WF_UPDATES_GRAD, WF_UPDATES_VALUE } update;
    // Of an update: gets ready what may fail, before the first update of a plan runs. NULL:
    // nothing.
    bool (*prepare)(weft_device *dev, struct wf_record *r, struct weft_error *err);
    // Of an update: takes on the stand-in of a dry run what getting ready and running would, when
    // the former would. NULL: nothing.
    bool (*rehearse)(weft_device *dev, struct wf_record *r, struct weft_error *err);
    // The record is forgotten, run or not. NULL: nothing to let go.
    void (*drop)(struct wf_record *r);
};

static inline bool wf_wants(const struct wf_record *r, int input)
{
    return r->in[input]->tracked;
}

// The record of a call, as the op's front asks for it.
struct wf_call {
    const struct wf_op *op;
    int nin;
    const weft_tensor *const *in;
    enum weft_dtype dtype; // of out[0]
    int ndim;
    const int64_t *shape;
    const void *attr; // copied
    size_t attr_bytes;
    int more; // outputs beside out[0]: out[i] for i = 1 .. more has the dtype and shape of in[i]
    int nvar; // for updates, which have no output
    struct wf_variable *const *var;
};
// Appends the record and returns its output; for an update, which has none, NULL. NULL also after
// an error: updates ask wf_scope_ok(). Inputs must have passed wf_scope_takes().
weft_tensor *wf_record(weft_scope *s, const struct wf_call *call);

#endif
