// The adapter to CLBlast: its C functions, declared by hand as clblast_c.h has them, so that its
// header is not needed to build.
#include "clblast/clblast.h"
#include <stddef.h>

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

// Enumerations are passed as int. S stands for float or double.
#define GEMM(S, name)                                                                           \
    int (*name)(int layout, int ta, int tb, size_t m, size_t n, size_t k, S alpha, cl_mem a,    \
                size_t a_offset, size_t a_row, cl_mem b, size_t b_offset, size_t b_row, S beta, \
                cl_mem c, size_t c_offset, size_t c_row, cl_command_queue *queue, cl_event *event)
#define BATCHED(S, name)                                                                      \
    int (*name)(int layout, int ta, int tb, size_t m, size_t n, size_t k, S alpha, cl_mem a,  \
                size_t a_offset, size_t a_row, size_t a_step, cl_mem b, size_t b_offset,      \
                size_t b_row, size_t b_step, S beta, cl_mem c, size_t c_offset, size_t c_row, \
                size_t c_step, size_t count, cl_command_queue *queue, cl_event *event)

static struct api {
    GEMM(float, f32);
    GEMM(double, f64);
    BATCHED(float, f32_batched);
    BATCHED(double, f64_batched);
    int (*clear_cache)(void);
} api;

static const struct {
    const char *name;
    size_t at; // in api
} symbols[] = {
    {"CLBlastSgemm", offsetof(struct api, f32)},
    {"CLBlastDgemm", offsetof(struct api, f64)},
    {"CLBlastSgemmStridedBatched", offsetof(struct api, f32_batched)},
    {"CLBlastDgemmStridedBatched", offsetof(struct api, f64_batched)},
    {"CLBlastClearCache", offsetof(struct api, clear_cache)},
};

static wf_mutex lock = WF_MUTEX_INIT;
static bool asked, found;

// The library stays loaded: it has things to do when the process ends.
static bool load(void)
{
    static const char *const libraries[] = {"libclblast.so.1", "libclblast.dylib", "libclblast.so"};
    struct weft_error err = {0};
    void *library = NULL;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries && !library; i++)
        library = wf_library_open(libraries[i], &err);
    bool all = library;
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols && all; i++) {
        void *f = wf_library_symbol(library, symbols[i].name);
        memcpy((char *)&api + symbols[i].at, &f, sizeof f);
        all = f;
    }
    return all;
}

bool wf_clblast_found(const weft_device *dev)
{
    wf_lock(&lock);
    if (!asked)
        found = load();
    asked = true;
    // It calls the system's OpenCL loader; a table filled by hand leads elsewhere.
    bool yes = found && dev->cl.library;
    wf_unlock(&lock);
    return yes;
}

// CLBlast keeps kernels by context, and would hand them to a later context at the same address.
static void forget(weft_device *dev)
{
    (void)dev;
    wf_lock(&lock);
    api.clear_cache();
    wf_unlock(&lock);
}

static int transposition(const struct wf_clblast_matrix *x)
{
    return x->transposed ? TRANSPOSED : PLAIN;
}

#define CALL_ONE(f)                                                                      \
    f(ROW_MAJOR, ta, tb, g->m, g->n, g->k, 1, g->a.mem, g->a.offset, g->a.row, g->b.mem, \
      g->b.offset, g->b.row, 0, g->c.mem, g->c.offset, g->c.row, &dev->queue, event)
#define CALL_BATCHED(f)                                                                          \
    f(ROW_MAJOR, ta, tb, g->m, g->n, g->k, 1, g->a.mem, g->a.offset, g->a.row, g->a.step,        \
      g->b.mem, g->b.offset, g->b.row, g->b.step, 0, g->c.mem, g->c.offset, g->c.row, g->c.step, \
      g->count, &dev->queue, event)

static int call(weft_device *dev, const struct wf_clblast_gemm *g, cl_event *event)
{
    int ta = transposition(&g->a), tb = transposition(&g->b);
    if (g->count == 1)
        return g->f64 ? CALL_ONE(api.f64) : CALL_ONE(api.f32);
    return g->f64 ? CALL_BATCHED(api.f64_batched) : CALL_BATCHED(api.f32_batched);
}

bool wf_clblast_gemm(weft_device *dev, const struct wf_clblast_gemm *g, struct weft_error *err)
{
    wf_lock(&lock);
    dev->forget_kernels = forget;
    cl_event event = NULL;
    int code = call(dev, g, dev->profile.on ? &event : NULL);
    wf_unlock(&lock);
    if (code)
        return wf_fail(err, wf_cl_is_nomem(code) ? WEFT_NOMEM : WEFT_DEVICE, "CLBlast: error %d",
                       code);
    dev->count.launches++;
    // Of the last of its kernels only.
    if (event)
        wf_profile_add(dev, "clblast", "matmul", event);
    return true;
}
