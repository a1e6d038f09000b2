// Kernels on request: from memory, from the store on disk, or by compiling.
#ifndef WF_DEV_PROGRAM_H
#define WF_DEV_PROGRAM_H
#include "base/hash.h"
#include "base/os.h"
#include "base/text.h"
#include "dev/cl.h"
#include <stdatomic.h>

// Enters every key on disk: a change of what a kernel expects of the host makes old files useless.
#define WF_KERNEL_VERSION 1

struct wf_request {
    const char *file;    // "matmul": cl/matmul.cl
    const char *kernel;  // "matmul_cpu_tile"
    const char *defines; // lines "#define NAME VALUE\n", knobs and generated code; NULL: none
    const char *op;      // for error texts and the profile
    const char *std;     // version of OpenCL C, "CL3.0" where a probe has found it [CL1.2]
    bool quiet;          // a failure to compile is expected: not logged
    // Instead of `defines`: what they depend on, hashed, and how they are written when the kernel
    // is not in memory.
    const struct wf_hash *id;
    void (*write)(void *priv, struct wf_text *defines);
    void *priv;
    // The source itself, of a kernel that is not weft's; then `file` only names it. NULL: the file.
    const char *text;
};

struct wf_program;
struct wf_kernel {
    struct wf_program *program;
    cl_kernel kernel;
    char name[64];
    size_t max_group;       // work-items that this kernel can have in a group on the device
    struct wf_kernel *next; // of the same program
};

struct wf_programs {
    wf_mutex lock;
    wf_cond built;
    bool has_lock;
    struct wf_program *all;
    atomic_int unsaved; // programs whose binary may be worth writing
    const char *cl_dir; // kernels are read from here; NULL: from the library
    double build_ms;
};

// Of the text of a kernel file in the library; 0 for one that is not there.
uint64_t wf_kernel_source_hash(const char *file);

bool wf_programs_init(weft_device *dev, const char *cl_dir);
void wf_programs_finish(weft_device *dev);
// The kernel, owned by the device. A program is compiled once, outside the lock; other threads that
// want it meanwhile wait. WEFT_BUILD names the first error of the log, the defines and the op.
struct wf_kernel *wf_kernel_get(weft_device *dev, const struct wf_request *r,
                                struct weft_error *err);
// Writes the binaries of new programs to the store. Called after a wait, when their kernels have
// run: a binary taken before its kernel's first launch lacks what PoCL makes then.
void wf_programs_save(weft_device *dev);
// Notes that a kernel was launched with this local size: its binary may have grown. Called with the
// queue's lock.
void wf_program_launched(weft_device *dev, struct wf_kernel *k, size_t local);

#endif
