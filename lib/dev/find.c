// Finding devices: asks every platform and device what it is. A GPU that two platforms show, told
// by its PCI address or UUID, becomes one entry. Whatever fails is passed over with its reason.
#include "dev/find.h"
#include "base/text.h"
#include "dev/missing.h"
#include "dev/quirks.h"
#include <stdio.h>
#include <stdlib.h>

// No code of OpenCL's: weft itself had no memory. A driver that has none is passed over.
enum { NO_MEMORY = 1 };

typedef cl_int ask(const struct wf_cl *cl, void *object, cl_uint what, size_t room, void *to,
                   size_t *size);

static cl_int ask_platform(const struct wf_cl *cl, void *object, cl_uint what, size_t room,
                           void *to, size_t *size)
{
    cl_int code;
    return WF_CL_CODE(cl, code, clGetPlatformInfo, object, what, room, to, size);
}

static cl_int ask_device(const struct wf_cl *cl, void *object, cl_uint what, size_t room, void *to,
                         size_t *size)
{
    cl_int code;
    return WF_CL_CODE(cl, code, clGetDeviceInfo, object, what, room, to, size);
}

// Owned by the caller; NULL with a code if it cannot be read.
static char *read_text(const struct wf_cl *cl, ask *get, void *object, cl_uint what, cl_int *code)
{
    size_t size = 0;
    if ((*code = get(cl, object, what, 0, NULL, &size)))
        return NULL;
    char *text = calloc(1, size + 1);
    if (!text)
        *code = NO_MEMORY;
    else if ((*code = get(cl, object, what, size, text, NULL))) {
        free(text);
        text = NULL;
    }
    return text;
}

// Without the blanks around it, which some drivers leave.
static void copy_trimmed(char *to, size_t room, char *text)
{
    text += strspn(text, " ");
    size_t n = strlen(text);
    while (n && text[n - 1] == ' ')
        n--;
    text[n] = 0;
    wf_copy_text(to, room, text);
}

static bool fail_info(struct weft_error *err, const char *what, cl_int code)
{
    char buffer[32];
    if (code == NO_MEMORY)
        return wf_fail_nomem(err, what);
    return wf_fail(err, WEFT_DEVICE, "%s cannot be read: %s", what, wf_cl_code_name(code, buffer));
}

struct text_field {
    cl_uint what;
    const char *label;
    char *to;
    size_t room;
};

static bool read_field(const struct wf_cl *cl, ask *get, void *object, const struct text_field *f,
                       struct weft_error *err)
{
    cl_int code;
    char *text = read_text(cl, get, object, f->what, &code);
    if (!text)
        return fail_info(err, f->label, code);
    copy_trimmed(f->to, f->room, text);
    free(text);
    return true;
}

#define FIELD(which, array)                   \
    {                                         \
        which, #which, (array), sizeof(array) \
    }

static bool read_texts(const struct wf_cl *cl, cl_platform_id platform, cl_device_id id,
                       struct weft_device_info *out, struct weft_error *err)
{
    char profile[64];
    const struct text_field of_platform = FIELD(CL_PLATFORM_NAME, out->platform);
    const struct text_field of_device[] = {
        FIELD(CL_DEVICE_NAME, out->name),      FIELD(CL_DEVICE_VENDOR, out->vendor),
        FIELD(CL_DRIVER_VERSION, out->driver), FIELD(CL_DEVICE_VERSION, out->version),
        FIELD(CL_DEVICE_PROFILE, profile),
    };
    if (!read_field(cl, ask_platform, platform, &of_platform, err))
        return false;
    for (size_t i = 0; i < sizeof of_device / sizeof *of_device; i++) {
        if (!read_field(cl, ask_device, id, &of_device[i], err))
            return false;
    }
    return true;
}

#define NUMBERS(X)                                                    \
    X(cl_device_type, type, CL_DEVICE_TYPE)                           \
    X(cl_uint, units, CL_DEVICE_MAX_COMPUTE_UNITS)                    \
    X(cl_uint, clock, CL_DEVICE_MAX_CLOCK_FREQUENCY)                  \
    X(size_t, group, CL_DEVICE_MAX_WORK_GROUP_SIZE)                   \
    X(cl_ulong, memory, CL_DEVICE_GLOBAL_MEM_SIZE)                    \
    X(cl_ulong, alloc, CL_DEVICE_MAX_MEM_ALLOC_SIZE)                  \
    X(cl_ulong, local, CL_DEVICE_LOCAL_MEM_SIZE)                      \
    X(cl_device_local_mem_type, local_type, CL_DEVICE_LOCAL_MEM_TYPE) \
    X(cl_bool, unified, CL_DEVICE_HOST_UNIFIED_MEMORY)                \
    X(cl_bool, compiler, CL_DEVICE_COMPILER_AVAILABLE)                \
    X(cl_bool, available, CL_DEVICE_AVAILABLE)                        \
    X(cl_bool, little, CL_DEVICE_ENDIAN_LITTLE)

struct numbers {
#define X(type, name, what) type name;
    NUMBERS(X)
#undef X
};

static bool read_numbers(const struct wf_cl *cl, cl_device_id id, struct numbers *n,
                         struct weft_error *err)
{
    cl_int code;
#define X(type, name, what)                                                              \
    if (WF_CL_CODE(cl, code, clGetDeviceInfo, id, what, sizeof n->name, &n->name, NULL)) \
        return fail_info(err, #what, code);
    NUMBERS(X)
#undef X
    return true;
}

// One that claims to be several is a program on the CPU, as Oclgrind is.
static int type_of(const struct numbers *n)
{
    if (n->type & CL_DEVICE_TYPE_CPU)
        return WEFT_DEVICE_CPU;
    if (n->type & CL_DEVICE_TYPE_GPU)
        return n->unified ? WEFT_DEVICE_INTEGRATED_GPU : WEFT_DEVICE_GPU;
    return n->type & CL_DEVICE_TYPE_ACCELERATOR ? WEFT_DEVICE_ACCELERATOR : 0;
}

static bool use_numbers(struct weft_device_info *out, const struct numbers *n,
                        struct weft_error *err)
{
    if (!n->available)
        return wf_fail(err, WEFT_DEVICE, "the driver says that it is not available");
    if (!n->little)
        return wf_fail(err, WEFT_UNSUPPORTED, "it is big-endian, weft wants little-endian");
    if (!type_of(n))
        return wf_fail(err, WEFT_UNSUPPORTED, "it is neither a GPU, an accelerator nor a CPU");
    out->type = (enum weft_device_type)type_of(n);
    out->compute_units = (int)n->units;
    out->clock_mhz = (int)n->clock;
    out->max_group = n->group;
    out->memory = n->memory;
    out->max_alloc = n->alloc;
    out->local_memory = n->local;
    out->local_is_global = n->local_type != CL_LOCAL;
    out->shares_memory = n->unified || out->type == WEFT_DEVICE_CPU;
    out->has_compiler = n->compiler;
    return true;
}

// Attributes that an extension adds, asked for only where it is listed: others may crash.
static bool lists(const char *extensions, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = extensions; at && (at = strstr(at, name)); at += n) {
        if ((at == extensions || at[-1] == ' ') && (at[n] == ' ' || !at[n]))
            return true;
    }
    return false;
}

static bool read_raw(const struct wf_cl *cl, cl_device_id id, cl_uint what, void *to, size_t size)
{
    return ask_device(cl, id, what, size, to, NULL) == CL_SUCCESS;
}

static void read_uuid(const struct wf_cl *cl, cl_device_id id, const char *extensions, char to[37])
{
    unsigned char raw[CL_UUID_SIZE_KHR] = {0}, any = 0;
    if (!lists(extensions, "cl_khr_device_uuid") ||
        !read_raw(cl, id, CL_DEVICE_UUID_KHR, raw, sizeof raw))
        return;
    for (size_t i = 0; i < sizeof raw; i++)
        any |= raw[i];
    for (size_t i = 0; any && i < sizeof raw; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        to += sprintf(to, "%s%02x", dash ? "-" : "", raw[i]);
    }
}

// NVIDIA's driver stops long kernels on a card that drives a display, and says so.
static bool may_display(const struct wf_cl *cl, cl_device_id id, const char *extensions,
                        const struct weft_device_info *info)
{
    cl_bool timeout;
    if (info->type != WEFT_DEVICE_GPU && info->type != WEFT_DEVICE_INTEGRATED_GPU)
        return false;
    if (wf_quirks(info) & WF_QUIRK_NO_DISPLAY)
        return false;
    if (lists(extensions, "cl_nv_device_attribute_query") &&
        read_raw(cl, id, CL_DEVICE_KERNEL_EXEC_TIMEOUT_NV, &timeout, sizeof timeout))
        return timeout;
    return true;
}

static void note_quirks(struct weft_device_info *info)
{
    const struct wf_quirk_row *r;
    for (int n = 0; (r = wf_quirk_row(info, n)); n++) {
        if (r->quirks & WF_QUIRK_NOT_CHOSEN && !*info->note)
            wf_copy_text(info->note, sizeof info->note, r->why);
    }
}

bool wf_describe(const struct wf_cl *cl, cl_platform_id platform, cl_device_id id,
                 struct weft_device_info *out, struct weft_error *err)
{
    struct numbers n = {0};
    cl_int code;
    *out = (struct weft_device_info){.index = -1};
    if (!read_texts(cl, platform, id, out, err) || !read_numbers(cl, id, &n, err) ||
        !use_numbers(out, &n, err))
        return false;
    char *extensions = read_text(cl, ask_device, id, CL_DEVICE_EXTENSIONS, &code);
    read_uuid(cl, id, extensions, out->uuid);
    out->display = may_display(cl, id, extensions, out);
    note_quirks(out);
    free(extensions);
    return true;
}

// Attributes of cl_nv_device_attribute_query that the headers leave out. The slot holds the device
// and, in its three low bits, the function.
enum { NV_PCI_BUS = 0x4008, NV_PCI_SLOT = 0x4009, NV_PCI_DOMAIN = 0x400A };

static bool pci_of_nvidia(const struct wf_cl *cl, cl_device_id id, cl_device_pci_bus_info_khr *p)
{
    cl_uint slot;
    if (!read_raw(cl, id, NV_PCI_BUS, &p->pci_bus, sizeof p->pci_bus) ||
        !read_raw(cl, id, NV_PCI_SLOT, &slot, sizeof slot))
        return false;
    p->pci_device = slot >> 3;
    p->pci_function = slot & 7;
    read_raw(cl, id, NV_PCI_DOMAIN, &p->pci_domain, sizeof p->pci_domain);
    return true;
}

static bool pci_of_amd(const struct wf_cl *cl, cl_device_id id, cl_device_pci_bus_info_khr *p)
{
    cl_device_topology_amd t;
    if (!read_raw(cl, id, CL_DEVICE_TOPOLOGY_AMD, &t, sizeof t) ||
        t.raw.type != CL_DEVICE_TOPOLOGY_TYPE_PCIE_AMD)
        return false;
    p->pci_bus = (unsigned char)t.pcie.bus;
    p->pci_device = (unsigned char)t.pcie.device;
    p->pci_function = (unsigned char)t.pcie.function;
    return true;
}

static void read_pci(const struct wf_cl *cl, struct wf_candidate *c)
{
    cl_int code;
    cl_device_pci_bus_info_khr p = {0};
    char *all = read_text(cl, ask_device, c->id, CL_DEVICE_EXTENSIONS, &code);
    if ((lists(all, "cl_khr_pci_bus_info") &&
         read_raw(cl, c->id, CL_DEVICE_PCI_BUS_INFO_KHR, &p, sizeof p)) ||
        (lists(all, "cl_nv_device_attribute_query") && pci_of_nvidia(cl, c->id, &p)) ||
        (lists(all, "cl_amd_device_attribute_query") && pci_of_amd(cl, c->id, &p)))
        snprintf(c->pci, sizeof c->pci, "%04x:%02x:%02x.%x", p.pci_domain & 0xffff,
                 p.pci_bus & 0xff, p.pci_device & 0xff, p.pci_function & 7);
    free(all);
}

// Two platforms may show one GPU; one platform that shows two at an address means parts of a card.
static bool same_device(const struct wf_candidate *a, const struct wf_candidate *b)
{
    if (a->platform == b->platform || a->info.type == WEFT_DEVICE_CPU ||
        b->info.type == WEFT_DEVICE_CPU)
        return false;
    if (*a->pci && *b->pci)
        return !strcmp(a->pci, b->pci);
    return *a->info.uuid && !strcmp(a->info.uuid, b->info.uuid);
}

static int opencl_version(const struct weft_device_info *info)
{
    int major = 0, minor = 0;
    sscanf(info->version, "OpenCL %d.%d", &major, &minor);
    return major * 100 + minor;
}

static bool is_general(const struct weft_device_info *info)
{
    static const char *const names[] = {"rusticl", "clover", "mesa", "Portable Computing Language"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (wf_contains_nocase(info->platform, names[i]))
            return true;
    }
    return false;
}

static bool serves_better(const struct weft_device_info *a, const struct weft_device_info *b)
{
    int more = opencl_version(a) - opencl_version(b);
    return more > 0 || (more == 0 && !is_general(a) && is_general(b));
}

static void add_also(char also[128], const char *platform)
{
    size_t n = strlen(also);
    snprintf(also + n, 128 - n, "%s%s", n ? ", " : "", platform);
}

static void fold(struct wf_candidate *kept, const struct wf_candidate *c)
{
    struct weft_device_info old = kept->info;
    if (!serves_better(&c->info, &old)) {
        add_also(kept->info.also, c->info.platform);
        return;
    }
    *kept = *c;
    memcpy(kept->info.also, old.also, sizeof old.also);
    add_also(kept->info.also, old.platform);
}

static bool add(struct wf_found *out, const struct wf_candidate *c)
{
    for (int i = 0; i < out->count; i++) {
        if (out->device[i].id == c->id) // a driver that is installed twice
            return true;
        if (same_device(&out->device[i], c)) {
            fold(&out->device[i], c);
            return true;
        }
    }
    void *more = realloc(out->device, ((size_t)out->count + 1) * sizeof *out->device);
    if (!more)
        return false;
    out->device = more;
    out->device[out->count++] = *c;
    return true;
}

static bool find_one(const struct wf_cl *cl, cl_platform_id platform, cl_device_id id,
                     struct wf_skips *skips, struct wf_found *out)
{
    struct wf_candidate c = {.platform = platform, .id = id};
    struct weft_error why = {0};
    if (wf_describe(cl, platform, id, &c.info, &why)) {
        read_pci(cl, &c);
        return add(out, &c);
    }
    if (why.status == WEFT_NOMEM)
        return false;
    char who[sizeof c.info.platform];
    snprintf(who, sizeof who, "%.70s%s%.50s", c.info.platform, *c.info.name ? ": " : "",
             c.info.name);
    wf_skip(skips, WEFT_LOG_WARN, who, "%s", why.text);
    return true;
}

// A platform without a device is no fault: its driver serves other machines.
static void skip_platform(struct wf_skips *skips, const char *name, cl_int code)
{
    char buffer[32];
    if (code && code != CL_DEVICE_NOT_FOUND)
        wf_skip(skips, WEFT_LOG_WARN, name, "clGetDeviceIDs: %s", wf_cl_code_name(code, buffer));
    else
        wf_skip(skips, WEFT_LOG_INFO, name, "shows no device%s", wf_missing_hint(name));
}

static bool find_devices(const struct wf_cl *cl, cl_platform_id platform, const char *name,
                         struct wf_skips *skips, struct wf_found *out)
{
    cl_uint n = 0;
    cl_int code;
    WF_CL_CODE(cl, code, clGetDeviceIDs, platform, CL_DEVICE_TYPE_ALL, 0, NULL, &n);
    cl_device_id *ids = calloc(n + (size_t)1, sizeof *ids);
    if (!ids)
        return false;
    if (!code && n)
        WF_CL_CODE(cl, code, clGetDeviceIDs, platform, CL_DEVICE_TYPE_ALL, n, ids, NULL);
    bool ok = true;
    if (code || !n)
        skip_platform(skips, name, code);
    else
        for (cl_uint i = 0; i < n && ok; i++)
            ok = find_one(cl, platform, ids[i], skips, out);
    free(ids);
    return ok;
}

static bool find_in(const struct wf_cl *cl, cl_platform_id platform, int number,
                    struct wf_skips *skips, struct wf_found *out)
{
    char name[128], who[32];
    struct weft_error why = {0};
    const struct text_field f = FIELD(CL_PLATFORM_NAME, name);
    if (read_field(cl, ask_platform, platform, &f, &why))
        return find_devices(cl, platform, name, skips, out);
    if (why.status == WEFT_NOMEM)
        return false;
    snprintf(who, sizeof who, "platform %d", number);
    wf_skip(skips, WEFT_LOG_WARN, who, "%s", why.text);
    return true;
}

static bool find_platforms(const struct wf_cl *cl, struct wf_skips *skips, struct wf_found *out)
{
    cl_uint n = 0;
    cl_int code;
    char buffer[32];
    WF_CL_CODE(cl, code, clGetPlatformIDs, 0, NULL, &n);
    if (code == CL_PLATFORM_NOT_FOUND_KHR || (!code && !n))
        return true;
    cl_platform_id *ids = calloc(n + (size_t)1, sizeof *ids);
    if (!ids)
        return false;
    if (!code)
        WF_CL_CODE(cl, code, clGetPlatformIDs, n, ids, NULL);
    if (code)
        wf_skip(skips, WEFT_LOG_WARN, "OpenCL loader", "clGetPlatformIDs: %s",
                wf_cl_code_name(code, buffer));
    bool ok = true;
    for (cl_uint i = 0; i < n && ok && !code; i++)
        ok = find_in(cl, ids[i], (int)i, skips, out);
    free(ids);
    return ok;
}

static bool has_gpu(const struct wf_found *f)
{
    for (int i = 0; i < f->count; i++) {
        if (f->device[i].info.type <= WEFT_DEVICE_INTEGRATED_GPU)
            return true;
    }
    return false;
}

// A table that was filled by hand says nothing about this machine.
static void look_around(const struct wf_cl *cl, struct wf_drivers *drivers, struct wf_skips *skips,
                        struct wf_found *out)
{
    int closed = 0;
    if (cl->library)
        wf_missing_drivers(skips, drivers);
    if (cl->library && !has_gpu(out))
        closed = wf_missing_nodes(skips);
    if (!out->count)
        wf_missing_why(skips, cl->library ? drivers : NULL, closed, out->why);
}

bool wf_find(const struct wf_cl *cl, const struct weft_error *load_error, const char *match,
             const struct wf_log *log, struct wf_found *out, struct weft_error *err)
{
    struct wf_skips skips = {.log = log};
    *out = (struct wf_found){.chosen = -1};
    if (load_error) {
        wf_copy_text(out->why, sizeof out->why, load_error->text);
        return true;
    }
    struct wf_drivers drivers;
    wf_missing_before(&drivers);
    bool ok = find_platforms(cl, &skips, out);
    look_around(cl, &drivers, &skips, out);
    out->skip = skips.data;
    out->skip_count = skips.count;
    if (!ok || skips.failed) {
        wf_found_finish(out);
        return wf_fail_nomem(err, "the list of devices");
    }
    for (int i = 0; i < out->count; i++)
        out->device[i].info.index = i;
    if (out->count)
        wf_choose(out, match);
    return true;
}

void wf_found_finish(struct wf_found *f)
{
    free(f->device);
    free(f->skip);
    *f = (struct wf_found){.chosen = -1};
}
