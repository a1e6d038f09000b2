// A device whose n-th OpenCL call fails, and a model whose training is known.
#ifndef TESTS_FAULT_FIXTURE_H
#define TESTS_FAULT_FIXTURE_H
#include "device_fixture.h"
#include "tempdir.h"

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

static inline cl_int inject(void *priv, const char *call)
{
    struct fault *f = priv;
    f->calls++;
    if (!f->n || (f->mode == ONE_FAILS ? f->calls != f->n : f->calls < f->n))
        return CL_SUCCESS;
    if (!f->hit)
        snprintf(f->call, sizeof f->call, "%s", call);
    f->hit = true;
    return f->code;
}

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

// After a failure: the status fits the code, and the text names the call or what wanted memory.
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
                      (memory && strstr(e->text, "of device memory are not to be had")),
                  "%s: \"%s\"", fault.call, e->text);
}

static char cache[300];

static inline weft_device *open_faulty(struct weft_error *err)
{
    const struct wf_device_hooks hooks = {.fault = inject, .fault_priv = &fault};
    return wf_device_open(weft_device_params(.cache_dir = cache), &hooks, err);
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
    tempdir_make();
    strcpy(cache, in_tempdir("cache"));
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
    ck_assert_int_gt(n, 4);
    ck_assert(has_values(&m, 3));
    model_free(&m);
    close_device(&dev);
}

static struct weft_error file_error;
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
