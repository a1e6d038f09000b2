// Programs: a request for a kernel is answered from memory, from the store on disk or by compiling,
// in this order. The thread that comes first builds, without the lock; others that want the same
// program wait for it.
#include "dev/program.h"
#include "base/hash.h"
#include "base/text.h"
#include "dev/device.h"
#include "dev/dry.h"
#include "dev/quirks.h"
#include "kernels.h"
#include <stdio.h>
#include <stdlib.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum program_state { BUILDING, READY, FAILED };
enum { SEEN_LOCALS = 4, MAX_SOURCE = 16 << 20 };

struct wf_program {
    struct wf_hash id; // of file and defines: the key in memory
    enum program_state state;
    struct weft_error error; // why it failed
    cl_program program;
    struct wf_kernel *kernels;
    struct wf_text key;  // on disk
    size_t stored_bytes; // of the binary on disk; 0: none. Of the one thread that is saving
    bool from_store;
    bool saving;
    // (kernel, local size) pairs launched so far, and how many of them the stored binary had seen.
    struct {
        struct wf_kernel *kernel;
        size_t local;
    } seen[SEEN_LOCALS * 4];
    atomic_int seen_count, saved_count;
    UT_hash_handle hh;
};

bool wf_programs_init(weft_device *dev, const char *cl_dir)
{
    struct wf_programs *p = &dev->programs;
    p->cl_dir = cl_dir && *cl_dir ? cl_dir : NULL;
    if (!wf_mutex_init(&p->lock))
        return false;
    if (!wf_cond_init(&p->built)) {
        wf_mutex_finish(&p->lock);
        return false;
    }
    p->has_lock = true;
    return true;
}

static void program_free(weft_device *dev, struct wf_program *p)
{
    for (struct wf_kernel *k; (k = p->kernels);) {
        p->kernels = k->next;
        WF_CL_FREE(&dev->cl, clReleaseKernel, k->kernel);
        free(k);
    }
    WF_CL_FREE(&dev->cl, clReleaseProgram, p->program);
    wf_text_finish(&p->key);
    free(p);
}

// The source: the request's defines, then the text of the file, which begins with its own #line.
static bool source_of(weft_device *dev, const struct wf_request *r, struct wf_text *out,
                      struct weft_error *err)
{
    wf_text_add(out, "%s", r->defines ? r->defines : "");
    if (r->text) {
        wf_text_add(out, "#line 1 \"%s.cl\"\n%s", r->file, r->text);
        return !out->failed || wf_fail_nomem(err, "kernel");
    }
    if (dev->programs.cl_dir) {
        char path[1200];
        void *text = NULL;
        size_t n;
        snprintf(path, sizeof path, "%s/%s.cl", dev->programs.cl_dir, r->file);
        if (!wf_file_read(path, MAX_SOURCE, &text, &n, err))
            return false;
        wf_text_add(out, "#line 1 \"%s.cl\"\n%s", r->file, (char *)text);
        free(text);
        return !out->failed || wf_fail_nomem(err, "kernel");
    }
    for (const struct wf_kernel_source *k = wf_kernel_sources; k->name; k++) {
        if (!strcmp(k->name, r->file)) {
            wf_text_add(out, "%s", k->text);
            return !out->failed || wf_fail_nomem(err, "kernel");
        }
    }
    return wf_fail(err, WEFT_BUILD, "no kernel file is named %s.cl", r->file);
}

uint64_t wf_kernel_source_hash(const char *file)
{
    for (const struct wf_kernel_source *k = wf_kernel_sources; k->name; k++) {
        if (!strcmp(k->name, file))
            return wf_hash64(k->text, strlen(k->text));
    }
    return 0;
}

static const char *std_of(const struct wf_request *r)
{
    return r->std ? r->std : "CL1.2";
}

static const char *options_of(weft_device *dev, const struct wf_request *r, char *buffer,
                              size_t room)
{
    snprintf(buffer, room, "-cl-std=%s%s%s", std_of(r), dev->programs.cl_dir ? " -I " : "",
             dev->programs.cl_dir ? dev->programs.cl_dir : "");
    return buffer;
}

// Everything that a binary depends on.
static void disk_key(weft_device *dev, const struct wf_request *r, const struct wf_text *source,
                     const char *options, struct wf_text *key)
{
    char hex[33];
    wf_hash_hex(wf_hash(source->data, source->length), hex);
    wf_text_add(key, "kernels %d\nfile %s\nsource %s %zu\noptions %s\n", WF_KERNEL_VERSION, r->file,
                hex, source->length, options);
    wf_text_add(key, "platform %s\ndevice %s\nvendor %s\ndriver %s\nversion %s\ndefines\n%s",
                dev->info.platform, dev->info.name, dev->info.vendor, dev->info.driver,
                dev->info.version, r->defines ? r->defines : "");
}

static bool build(weft_device *dev, cl_program program, const char *options, cl_int *code)
{
    WF_CL_CODE(&dev->cl, *code, clBuildProgram, program, 1, &dev->id, options, NULL, NULL);
    return *code == CL_SUCCESS;
}

static bool load(weft_device *dev, struct wf_program *p, const char *options)
{
    void *binary = NULL;
    size_t n = 0;
    if (dev->quirks & WF_QUIRK_NO_BINARIES ||
        !wf_store_load(&dev->store, p->key.data, p->key.length, &binary, &n))
        return false;
    const unsigned char *bytes = binary;
    cl_int code, status = CL_SUCCESS;
    p->program = WF_CL_NEW(&dev->cl, code, clCreateProgramWithBinary, dev->context, 1, &dev->id, &n,
                           &bytes, &status);
    free(binary);
    if (p->program && !status && build(dev, p->program, options, &code)) {
        p->stored_bytes = n;
        p->from_store = true;
        dev->count.loads++;
        return true;
    }
    // The driver refuses what it once gave: it counts as missing.
    WF_CL_FREE(&dev->cl, clReleaseProgram, p->program);
    p->program = NULL;
    wf_store_drop(&dev->store, p->key.data, p->key.length);
    return false;
}

// The first line of a build log that speaks of an error, else the first line.
static const char *first_error(const char *log, char *buffer, size_t room)
{
    const char *at = log;
    for (const char *line = log; line && *line;) {
        const char *end = strchr(line, '\n');
        size_t n = end ? (size_t)(end - line) : strlen(line);
        if (n >= room)
            n = room - 1;
        memcpy(buffer, line, n);
        buffer[n] = 0;
        if (strstr(buffer, "error")) {
            at = line;
            break;
        }
        line = end ? end + 1 : NULL;
    }
    size_t n = strcspn(at, "\n");
    if (n >= room)
        n = room - 1;
    memcpy(buffer, at, n);
    buffer[n] = 0;
    return buffer;
}

static void log_lines(weft_device *dev, enum weft_log_level level, const char *text)
{
    while (*text) {
        int n = (int)strcspn(text, "\n");
        if (n)
            wf_log(&dev->log, level, "  %.*s", n, text);
        text += text[n] ? n + 1 : n;
    }
}

static void fail_build(weft_device *dev, const struct wf_request *r, cl_program program,
                       cl_int code, struct weft_error *err)
{
    char buffer[32], line[140];
    size_t n = 0;
    dev->cl.clGetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &n);
    char *log = calloc(1, n + 1);
    if (log && n)
        dev->cl.clGetProgramBuildInfo(program, dev->id, CL_PROGRAM_BUILD_LOG, n, log, NULL);
    enum weft_log_level level = r->quiet ? WEFT_LOG_DEBUG : WEFT_LOG_ERROR;
    wf_log(&dev->log, level, "%s: %s.cl did not compile; its defines and the log:", r->op, r->file);
    log_lines(dev, level, r->defines ? r->defines : "");
    log_lines(dev, level, log ? log : "");
    const char *why =
        log && *log ? first_error(log, line, sizeof line) : wf_cl_code_name(code, buffer);
    wf_fail(err, wf_cl_is_nomem(code) ? WEFT_NOMEM : WEFT_BUILD, "%s.cl did not compile: %s",
            r->file, why);
    free(log);
}

static bool compile(weft_device *dev, struct wf_program *p, const struct wf_request *r,
                    const struct wf_text *source, const char *options, struct weft_error *err)
{
    if (!dev->info.has_compiler)
        return wf_fail(err, WEFT_UNSUPPORTED, "the device has no compiler for %s.cl", r->file);
    double start = wf_now();
    cl_int code;
    const char *text = source->data;
    p->program = WF_CL_NEW(&dev->cl, code, clCreateProgramWithSource, dev->context, 1, &text,
                           &source->length);
    if (!wf_cl_check(err, "clCreateProgramWithSource", code))
        return false;
    if (!build(dev, p->program, options, &code)) {
        fail_build(dev, r, p->program, code, err);
        WF_CL_FREE(&dev->cl, clReleaseProgram, p->program);
        p->program = NULL;
        return false;
    }
    double ms = (wf_now() - start) * 1e3;
    dev->count.builds++;
    wf_lock(&dev->programs.lock);
    dev->programs.build_ms += ms;
    wf_unlock(&dev->programs.lock);
    wf_log(&dev->log, WEFT_LOG_DEBUG, "%s: compiled %s.cl in %.0f ms", r->op, r->file, ms);
    return true;
}

static bool make_program(weft_device *dev, struct wf_program *p, const struct wf_request *r,
                         struct weft_error *err)
{
    char options[1100];
    struct wf_text source = {0};
    options_of(dev, r, options, sizeof options);
    bool ok = source_of(dev, r, &source, err);
    if (ok) {
        disk_key(dev, r, &source, options, &p->key);
        ok = !p->key.failed || wf_fail_nomem(err, "kernel");
    }
    ok = ok && (load(dev, p, options) || compile(dev, p, r, &source, options, err));
    wf_text_finish(&source);
    return ok;
}

// Likewise, of a request whose defines are still to be written.
static bool write_and_make(weft_device *dev, struct wf_program *p, const struct wf_request *r,
                           struct weft_error *err)
{
    struct wf_text defines = {0};
    struct wf_request written = *r;
    if (r->write)
        r->write(r->priv, &defines);
    if (r->write)
        written.defines = wf_text_get(&defines);
    bool ok = defines.failed ? wf_fail_nomem(err, "kernel") : make_program(dev, p, &written, err);
    wf_text_finish(&defines);
    return ok;
}

static struct wf_hash memory_id(const struct wf_request *r)
{
    struct wf_hash h =
        r->id ? *r->id : wf_hash(r->defines ? r->defines : "", r->defines ? strlen(r->defines) : 0);
    uint64_t file = wf_hash64(r->file, strlen(r->file));
    h = (struct wf_hash){h.lo ^ file, h.hi + wf_hash64(std_of(r), strlen(std_of(r)))};
    if (r->text) {
        struct wf_hash text = wf_hash(r->text, strlen(r->text));
        h = (struct wf_hash){h.lo ^ text.lo, h.hi + text.hi};
    }
    return h;
}

// The program of a request; if it is for this thread to make, BUILDING and *mine. Called with the
// lock. A source that did not compile stays failed; memory or a device may come back.
static struct wf_program *find_program(struct wf_programs *ps, struct wf_hash id, bool *mine)
{
    struct wf_program *p = NULL;
    HASH_FIND(hh, ps->all, &id, sizeof id, p);
    *mine = !p || (p->state == FAILED && p->error.status != WEFT_BUILD);
    if (p && *mine) {
        p->state = BUILDING;
        wf_text_finish(&p->key);
    }
    if (p || !(p = calloc(1, sizeof *p)))
        return p;
    p->id = id;
    unsigned before = HASH_COUNT(ps->all);
    HASH_ADD(hh, ps->all, id, sizeof p->id, p);
    if (HASH_COUNT(ps->all) > before)
        return p;
    free(p);
    return NULL;
}

static struct wf_program *get_program(weft_device *dev, const struct wf_request *r,
                                      struct weft_error *err)
{
    struct wf_programs *ps = &dev->programs;
    bool mine;
    wf_lock(&ps->lock);
    struct wf_program *p = find_program(ps, memory_id(r), &mine);
    if (p && mine) {
        struct weft_error first = {0};
        wf_unlock(&ps->lock);
        bool ok = write_and_make(dev, p, r, &first);
        wf_lock(&ps->lock);
        p->error = first;
        p->state = ok ? READY : FAILED;
        wf_cond_broadcast(&ps->built);
    }
    while (p && p->state == BUILDING)
        wf_cond_wait(&ps->built, &ps->lock);
    bool ok = p && p->state == READY;
    if (p && !ok)
        wf_fail(err, p->error.status, "%s", p->error.text);
    else if (!p)
        wf_fail_nomem(err, "kernel");
    wf_unlock(&ps->lock);
    return ok ? p : NULL;
}

static struct wf_kernel *make_kernel(weft_device *dev, struct wf_program *p,
                                     const struct wf_request *r, struct weft_error *err)
{
    struct wf_kernel *k = calloc(1, sizeof *k);
    if (!k) {
        wf_fail_nomem(err, "kernel");
        return NULL;
    }
    cl_int code;
    wf_copy_text(k->name, sizeof k->name, r->kernel);
    k->program = p;
    k->kernel = WF_CL_NEW(&dev->cl, code, clCreateKernel, p->program, r->kernel);
    if (code == CL_INVALID_KERNEL_NAME)
        wf_fail(err, WEFT_BUILD, "%s.cl has no kernel \"%s\"", r->file, r->kernel);
    else if (wf_cl_check(err, "clCreateKernel", code) &&
             WF_CL(&dev->cl, err, clGetKernelWorkGroupInfo, k->kernel, dev->id,
                   CL_KERNEL_WORK_GROUP_SIZE, sizeof k->max_group, &k->max_group, NULL)) {
        k->next = p->kernels;
        p->kernels = k;
        return k;
    }
    WF_CL_FREE(&dev->cl, clReleaseKernel, k->kernel);
    free(k);
    return NULL;
}

// For a dry run: what is in memory, else the run's stand-in.
static struct wf_kernel *foresee(struct wf_dry *dry, const struct wf_request *r)
{
    struct wf_programs *ps = &dry->real->programs;
    struct wf_hash id = memory_id(r);
    struct wf_program *p = NULL;
    wf_lock(&ps->lock);
    HASH_FIND(hh, ps->all, &id, sizeof id, p);
    struct wf_kernel *k = p && p->state == READY ? p->kernels : NULL;
    while (k && strcmp(k->name, r->kernel))
        k = k->next;
    wf_unlock(&ps->lock);
    return k ? k : wf_dry_kernel(dry, id);
}

struct wf_kernel *wf_kernel_get(weft_device *dev, const struct wf_request *r,
                                struct weft_error *err)
{
    if (dev->dry)
        return foresee(dev->dry, r);
    struct wf_program *p = get_program(dev, r, err);
    if (!p)
        return NULL;
    wf_lock(&dev->programs.lock);
    struct wf_kernel *k = p->kernels;
    while (k && strcmp(k->name, r->kernel))
        k = k->next;
    if (!k)
        k = make_kernel(dev, p, r, err);
    wf_unlock(&dev->programs.lock);
    return k;
}

void wf_program_launched(weft_device *dev, struct wf_kernel *k, size_t local)
{
    struct wf_program *p = k->program;
    int n = p->seen_count;
    for (int i = 0; i < n; i++) {
        if (p->seen[i].kernel == k && p->seen[i].local == local)
            return;
    }
    if (n == (int)(sizeof p->seen / sizeof *p->seen))
        return;
    p->seen[n].kernel = k;
    p->seen[n].local = local;
    p->seen_count = n + 1;
    // What came from the store most likely has it: looked at only when the device goes.
    if (!p->from_store)
        dev->programs.unsaved++;
}

static void save(weft_device *dev, struct wf_program *p)
{
    size_t n = 0;
    struct wf_cl *cl = &dev->cl;
    if (cl->clGetProgramInfo(p->program, CL_PROGRAM_BINARY_SIZES, sizeof n, &n, NULL) || !n ||
        n <= p->stored_bytes)
        return;
    unsigned char *binary = malloc(n);
    if (binary &&
        !cl->clGetProgramInfo(p->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) &&
        wf_store_save(&dev->store, p->key.data, p->key.length, binary, n))
        p->stored_bytes = n;
    free(binary);
}

// A program that was launched in a way that its stored binary may lack, and that no other thread is
// saving; it counts as saved from now on.
static struct wf_program *next_unsaved(struct wf_programs *ps, bool from_store_too)
{
    wf_lock(&ps->lock);
    struct wf_program *p = ps->all;
    while (p && !(p->state == READY && !p->saving && p->seen_count > p->saved_count &&
                  (from_store_too || !p->from_store)))
        p = p->hh.next;
    if (p) {
        p->saved_count = p->seen_count;
        p->saving = true;
    }
    wf_unlock(&ps->lock);
    return p;
}

static void save_all(weft_device *dev, bool from_store_too)
{
    if (!*dev->store.dir || dev->quirks & WF_QUIRK_NO_BINARIES)
        return;
    for (struct wf_program *p; (p = next_unsaved(&dev->programs, from_store_too));) {
        save(dev, p);
        wf_lock(&dev->programs.lock);
        p->saving = false;
        wf_unlock(&dev->programs.lock);
    }
}

void wf_programs_save(weft_device *dev)
{
    if (atomic_exchange(&dev->programs.unsaved, 0))
        save_all(dev, false);
}

void wf_programs_finish(weft_device *dev)
{
    struct wf_programs *ps = &dev->programs;
    if (!ps->has_lock)
        return;
    save_all(dev, true);
    struct wf_program *p, *next;
    HASH_ITER(hh, ps->all, p, next) {
        HASH_DEL(ps->all, p);
        program_free(dev, p);
    }
    wf_cond_finish(&ps->built);
    wf_mutex_finish(&ps->lock);
    ps->has_lock = false;
}
