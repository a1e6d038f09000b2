// A device whose n-th OpenCL call fails, and a model whose training is known. Programs that are
// built with FAULT_HOST_MEMORY make the n-th allocation of host memory fail instead.
#ifndef TESTS_FAULT_FIXTURE_H
#define TESTS_FAULT_FIXTURE_H
#include "device_fixture.h"
#include "live_cl.h"
#include "op/op.h"
#include "tempdir.h"
#include <errno.h>
#include <time.h>
#ifdef FAULT_HOST_MEMORY
#include "host_memory.h"
#endif

enum mode { ONE_FAILS, ALL_FAIL_FROM, MODES };

// The n-th call from now fails (0: none does).
static struct fault {
    int calls, n;
    enum mode mode;
    cl_int code;
    bool hit;
    char call[64]; // the first that failed
} fault;

static const cl_int codes[] = {CL_OUT_OF_RESOURCES, CL_MEM_OBJECT_ALLOCATION_FAILURE,
                               CL_OUT_OF_HOST_MEMORY, CL_DEVICE_NOT_AVAILABLE,
                               CL_INVALID_COMMAND_QUEUE};

// Counts a call, and says whether it fails.
static inline bool comes(struct fault *f, const char *call)
{
    f->calls++;
    if (!f->n || (f->mode == ONE_FAILS ? f->calls != f->n : f->calls < f->n))
        return false;
    if (!f->hit)
        snprintf(f->call, sizeof f->call, "%s", call);
    f->hit = true;
    return true;
}

#ifdef FAULT_HOST_MEMORY
static bool host_memory_fails(void)
{
    return comes(&fault, "malloc");
}

static inline cl_int inject(void *priv, const char *call)
{
    (void)priv, (void)call;
    return CL_SUCCESS;
}
#else
static inline cl_int inject(void *priv, const char *call)
{
    struct fault *f = priv;
    return comes(f, call) ? f->code : CL_SUCCESS;
}
#endif

// Each n gets another code, and each code all kinds of calls in the end.
static inline void arm(int n, enum mode mode)
{
    fault =
        (struct fault){.n = n, .mode = mode, .code = codes[(n + n / COUNT(codes)) % COUNT(codes)]};
}

static inline int disarm(void)
{
    fault.n = 0;
    return fault.calls;
}

// Is this name the text's beginning, before ": "? A gradient's has an end: "relu_grad0".
static inline bool begins_with(const char *text, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(text, name, n))
        return false;
    text += n;
    if (!strncmp(text, "_grad", 5))
        text += 5 + strspn(text + 5, "0123456789");
    return !strncmp(text, ": ", 2);
}

// What errors begin with beside the rows of the operations.
static const char *const other_names[] = {
    "adam",
    "dense",
    "accumulate_grad",
    "zero_grad",
    "buffer_set",
    "optimizer",
    "backward",
    "from_host",
    "clip_grad_norm",
    "item",
    "read",
    "read_async",
    "borrow",
    "keep",
    "flush",
    "grads",
    "grads_zero",
    "fc1.weight",
    "fc1.bias",
    "fc2.bias",
    "fc2.weight",
    "save",
    "load",
    "training_save",
    "training_load",
    "copy",
    "params",
    "clone",
    "tie",
    "plan",
    "dump",
    "loader",
    "data_memory",
    "data",
    "label",
    "checkpoint",
    "wait",
    "profile",
    "trace",
    "scope",
    "a",
    "b",
    "v",
    "export",
    "import",
    "cube",
    "twice",
    "sgd",
    "adagrad",
    "adadelta",
    "rmsprop",
    "adamw",
    "cosine",
    "multi_step",
    "sequential",
};

// Does the text begin with the name of an operation, of a call, of a parameter or of a file?
static inline bool names_what_failed(const char *text)
{
    const char *label = "encoder/first: ";
    text += strncmp(text, label, strlen(label)) ? 0 : strlen(label);
    for (const struct wf_op *const *const *f = wf_op_families; *f; f++) {
        for (const struct wf_op *const *r = *f; *r; r++) {
            if (begins_with(text, (*r)->name))
                return true;
        }
    }
    for (int i = 0; i < COUNT(other_names); i++) {
        if (begins_with(text, other_names[i]))
            return true;
    }
    return !strncmp(text, tempdir, strlen(tempdir));
}

#ifdef FAULT_HOST_MEMORY
static inline void assert_names_it(const struct weft_error *e)
{
    ck_assert_msg(e->status == WEFT_NOMEM, "at call %d: status %d \"%s\"", fault.calls, e->status,
                  e->text);
    ck_assert_msg(strstr(e->text, "out of host memory") || strstr(e->text, strerror(ENOMEM)),
                  "\"%s\"", e->text);
    ck_assert_msg(names_what_failed(e->text), "\"%s\"", e->text);
}
#else
// After a failure: the status fits the code, and the text names what failed, and the call or what
// wanted memory.
static inline void assert_names_it(const struct weft_error *e)
{
    char buffer[32];
    bool memory = wf_cl_is_nomem(fault.code);
    ck_assert_msg(e->status == (memory ? WEFT_NOMEM : WEFT_DEVICE) ||
                      (e->status == WEFT_BUILD && strstr(fault.call, "clBuildProgram")),
                  "%s at call %d: status %d \"%s\"", fault.call, fault.calls, e->status, e->text);
    // A binary that cannot be loaded is compiled, so that then another call is named.
    bool named = strstr(e->text, fault.call) || strstr(fault.call, "Program");
    ck_assert_msg((named && strstr(e->text, wf_cl_code_name(fault.code, buffer))) ||
                      (memory && strstr(e->text, " are not to be had")),
                  "%s: \"%s\"", fault.call, e->text);
    ck_assert_msg(names_what_failed(e->text), "%s: \"%s\"", fault.call, e->text);
}
#endif

// What is allocated of host memory now; 0 where that is not counted.
static inline int live_now(void)
{
#ifdef FAULT_HOST_MEMORY
    return host_live;
#else
    return 0;
#endif
}

// Does what follows write JSON, and not read it?
static inline void set_writes(bool on)
{
#ifdef FAULT_HOST_MEMORY
    host_writes = on;
#else
    (void)on;
#endif
}

static inline bool was_host_memory(void)
{
#ifdef FAULT_HOST_MEMORY
    return true;
#else
    return false;
#endif
}

static inline void assert_none_left(int before)
{
    int left = live_now() - before;
    ck_assert_msg(!left, "%d pieces of host memory are left", left);
}

// Of OpenCL, once all devices are closed. A driver may hold an event until its callback returns.
static inline void assert_no_objects(void)
{
    for (int i = 0; i < 5000 && live.events; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    ck_assert_msg(!live.objects && !live.events, "%d objects and %d events of OpenCL are left",
                  live.objects, live.events);
}

static char cache[300];

static struct weft_error file_error; // of the calls that take one
static bool with_profile;            // of the devices that are opened

static inline weft_device *open_faulty(struct weft_error *err)
{
    const struct wf_cl cl = live_cl();
    const struct wf_device_hooks hooks = {.cl = &cl, .fault = inject, .fault_priv = &fault};
    return wf_device_open(weft_device_params(.cache_dir = cache, .profile = with_profile), &hooks,
                          err);
}

static inline weft_device *open_whole(void)
{
    struct weft_error err = {0};
    fault = (struct fault){0};
    weft_device *dev = open_faulty(&err);
    ck_assert_msg(dev != NULL, "%s", err.text);
    return dev;
}

// What a training without faults gives.
static struct {
    double loss[3];
    float values[4][MODEL_VALUES]; // before the first step and after each
    float logits[MODEL_BATCH * MODEL_CLASSES];
} want;

static inline bool read_logits(const struct model *m, float v[MODEL_BATCH * MODEL_CLASSES])
{
    return weft_read(m->s, model_logits(m), v, sizeof want.logits);
}

static inline void setup_want(void)
{
    file_error = (struct weft_error){0};
    tempdir_make();
    strcpy(cache, in_tempdir("cache"));
#ifdef FAULT_HOST_MEMORY
    host_memory_begin();
#endif
    weft_device *dev = open_whole();
    struct model m;
    model_make(&m, dev);
    model_logits(&m);
    model_values(&m, want.values[0]);
    weft_scope_clear(m.s);
    for (int i = 0; i < 3; i++) {
        want.loss[i] = model_step(&m);
        model_values(&m, want.values[i + 1]);
    }
    ck_assert(read_logits(&m, want.logits));
    model_free(&m);
    weft_device_destroy(&dev);
}

static inline void close_device(weft_device **dev)
{
    ck_assert_uint_eq(stats_of(*dev).bytes_used, 0);
    ck_assert_int_eq((*dev)->refs, 1);
    weft_device_destroy(dev);
    assert_no_objects();
}

// Are the parameters those after `steps` steps?
static inline bool has_values(const struct model *m, int steps)
{
    float v[MODEL_VALUES];
    model_values(m, v);
    return !memcmp(v, want.values[steps], sizeof v);
}

// Runs `work` with its n-th call failing, for every n; each time on a model of one step's training.
// `check` sees what came of it.
static inline void each_fault(enum mode mode, bool (*work)(const struct model *m),
                              void (*check)(const struct model *m, bool done))
{
    int before = live_now();
    weft_device *dev = open_whole();
    struct model m;
    model_make(&m, dev);
    for (int i = 0; i < 3; i++)
        model_step(&m);
    int n = 0;
    do {
        arm(++n, mode);
        bool done = work(&m);
        disarm();
        ck_assert_msg(done || fault.hit, "%s", weft_scope_error(m.s)->text);
        check(&m, done);
        weft_scope_clear(m.s);
    } while (fault.hit);
    ck_assert_int_gt(n, 1); // something could fail
    ck_assert(has_values(&m, 3));
    model_free(&m);
    close_device(&dev);
    assert_none_left(before);
}

static char old_file[4096];
static size_t old_bytes;

// An older file is there, which a save that fails leaves alone.
static inline void setup_file(void)
{
    memset(old_file, 'x', sizeof old_file);
    old_bytes = 1000;
    put_file(in_tempdir("m.safetensors"), old_file, old_bytes);
}

#endif
