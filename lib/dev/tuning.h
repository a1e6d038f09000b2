// The tuning of a device: which way to run a problem was measured to be the fastest there.
//
// It is kept in one JSON file for each device, driver and version of the kernels, an entry a line,
// beside what ships with weft (tuning/, in the sources). A file or an entry that does not do is
// left out with one line in the log, and never removed. Nothing here knows an op: its layer says
// what the names of variants and knobs mean.
#ifndef WF_DEV_TUNING_H
#define WF_DEV_TUNING_H
#include "base/os.h"
#include "base/text.h"
#include <stdatomic.h>

enum { WF_TUNING_KNOBS = 12 };

// It is hashed: what lies behind the end of a text is zero, and there is no gap.
struct wf_tuning_problem {
    int64_t m, n, k, count;
    char op[16], dtype[8], form[8]; // "matmul", "F32", "nt"
};

struct wf_tuning_entry {
    struct wf_tuning_problem problem;
    char variant[32];
    struct wf_tuning_knob {
        char name[16];
        int value;
    } knob[WF_TUNING_KNOBS]; // after the last one without a name
    int64_t ns, rule_ns;     // measured; of what the rule takes. No less: it is what the rule takes
    bool partial;            // there was no time to try all
};

// What a file is for.
struct wf_tuning_about {
    int kernels; // WF_KERNEL_VERSION
    char platform[128], device[128], vendor[64], type[16], driver[64], version[96];
};

struct wf_tuning_file {
    struct wf_tuning_about about;
    struct wf_tuning_entry *entry; // [count]
    size_t count;
    size_t bad;    // entries that were left out
    char why[160]; // what is wrong with the first of them
};

// What ships, made of tuning/*.json when weft is built; the last has no entries.
struct wf_tuning_shipped {
    struct wf_tuning_about about;
    const struct wf_tuning_entry *entry;
    size_t count;
};
extern const struct wf_tuning_shipped wf_tuning_shipped[];

// Reads a file's text; `name` is for the errors. Finish it also after a failure.
bool wf_tuning_parse(struct wf_tuning_file *f, const char *name, const char *text, size_t n,
                     struct weft_error *err);
void wf_tuning_file_finish(struct wf_tuning_file *f);
// Its text.
void wf_tuning_write(struct wf_text *to, const struct wf_tuning_file *f);
// Adds an entry, or puts it in the place of one for the same problem. False: out of memory.
bool wf_tuning_file_put(struct wf_tuning_file *f, const struct wf_tuning_entry *e);

// What an entry means to its op.
struct wf_tuning_choice {
    const void *variant; // NULL: take what the rule says
    int knob[WF_TUNING_KNOBS];
    bool unproven; // its answers were not compared on this device and driver
    bool known;    // the user's file has the very problem, tuned to the end
};
struct wf_tuning_op {
    const char *name;
    // False, with the reason, for an entry that names what is not there or cannot be.
    bool (*resolve)(weft_device *dev, const struct wf_tuning_entry *e, struct wf_tuning_choice *to,
                    char why[120]);
};

struct wf_tuning {
    wf_mutex lock;
    bool has_lock, loaded;
    char path[1024]; // the user's file; "": none
    struct wf_tuning_row *row;
    size_t count, room;
    struct wf_tuning_seen *seen;  // answers, by problem
    atomic_bool busy;             // a tuner is at work
    atomic_int_least64_t lazy_ns; // that may still be spent unasked
    struct wf_tuning_trust *trust;
    wf_mutex trial_lock; // one trial at a time
    bool has_trial_lock;
};

bool wf_tuning_init(weft_device *dev);
void wf_tuning_finish(weft_device *dev);
struct wf_tuning_about wf_tuning_about(const weft_device *dev);

// The best entry for a problem: of the user's file, else of what ships; the very problem, else the
// nearest of the same op, dtype and form. `dev` is no stand-in of a dry run. Does not allocate for
// a problem that was asked for before.
void wf_tuning_find(weft_device *dev, const struct wf_tuning_op *op,
                    const struct wf_tuning_problem *p, struct wf_tuning_choice *out);
// Has the user's file this very problem, tuned to the end?
bool wf_tuning_has(weft_device *dev, const struct wf_tuning_op *op,
                   const struct wf_tuning_problem *p, struct wf_tuning_entry *out);
// Adds an entry to the user's file, if there is one, and takes it from now on. A file that is for
// another device or damaged is not written over: WEFT_FORMAT.
bool wf_tuning_put(weft_device *dev, const struct wf_tuning_op *op, const struct wf_tuning_entry *e,
                   struct weft_error *err);

// Whether a way of running something is believed: in this process.
enum wf_trust { WF_TRUST_UNKNOWN, WF_TRUST_YES, WF_TRUST_NO };
struct wf_trust_key { // without gaps: it is hashed
    const void *variant;
    int dtype, form, knob[WF_TUNING_KNOBS];
};
enum wf_trust wf_trust_get(weft_device *dev, const struct wf_trust_key *key);
void wf_trust_set(weft_device *dev, const struct wf_trust_key *key, enum wf_trust trust);
void wf_trust_finish(weft_device *dev);

// And what the store says of it, for this device, driver and the present text of a kernel file.
// `name` is "matmul clblast F32"; `file` NULL: none of weft's.
enum wf_trust wf_trust_load(weft_device *dev, const char *name, const char *file);
// Likewise; where it says nothing, a mark is left there, for the trial that follows may hang or end
// the process. A mark that was left behind twice says NO.
enum wf_trust wf_trust_begin(weft_device *dev, const char *name, const char *file);
// Puts the answer in its place; UNKNOWN only takes the mark away.
void wf_trust_save(weft_device *dev, const char *name, const char *file, enum wf_trust trust);

#endif
