// Why a device is not there. The OpenCL loader drops a driver that does not open without a word,
// so its configuration is read here once more. ocl-icd, Debian's loader, takes OCL_ICD_VENDORS as a
// folder of .icd files, one .icd file or a library, and OPENCL_VENDOR_PATH as the usual folder;
// Khronos' loader adds the libraries in OCL_ICD_FILENAMES.
#include "dev/missing.h"
#include "base/os.h"
#include "base/text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void wf_skip(struct wf_skips *s, enum weft_log_level level, const char *who, const char *fmt, ...)
{
    struct weft_error reason = {0}; // one line, cut to fit
    va_list ap;
    va_start(ap, fmt);
    wf_failv(&reason, WEFT_DEVICE, fmt, ap);
    va_end(ap);
    wf_log(s->log, level, "%s: skipped: %s", who, reason.text);
    size_t bytes = ((size_t)s->count + 1) * sizeof *s->data;
    struct weft_device_skip *data = realloc(s->data, bytes);
    if (!data) {
        s->failed = true;
        return;
    }
    s->data = data;
    wf_copy_text(data[s->count].platform, sizeof data->platform, who);
    wf_copy_text(data[s->count].reason, sizeof data->reason, reason.text);
    s->count++;
}

struct look {
    struct wf_skips *skips;
    struct wf_drivers *drivers;
    const char *folder;
};

static void look_at_library(struct look *l, const char *named_by, const char *library)
{
    struct weft_error err = {0};
    l->drivers->named++;
    void *handle = wf_library_open(library, &err);
    if (!handle)
        wf_skip(l->skips, WEFT_LOG_WARN, named_by, "%s", err.text);
    wf_library_close(handle);
}

static bool ends_in_icd(const char *name)
{
    size_t n = strlen(name);
    return n >= 4 && !strcmp(name + n - 4, ".icd");
}

// The first line of an .icd file is the library's name or path.
static void look_at_icd(struct look *l, const char *path)
{
    struct weft_error err = {0};
    void *data;
    size_t bytes;
    if (!wf_file_read(path, 4096, &data, &bytes, &err)) {
        l->drivers->named++;
        wf_skip(l->skips, WEFT_LOG_WARN, path, "%s", err.text);
        return;
    }
    char *library = data;
    library[strcspn(library, " \t\r\n")] = 0;
    if (*library) {
        look_at_library(l, path, library);
    } else {
        l->drivers->named++;
        wf_skip(l->skips, WEFT_LOG_WARN, path, "its first line names no library");
    }
    free(data);
}

static bool look_at_entry(void *priv, const struct wf_dir_entry *e)
{
    struct look *l = priv;
    char path[1024];
    if (ends_in_icd(e->name)) {
        snprintf(path, sizeof path, "%s/%s", l->folder, e->name);
        look_at_icd(l, path);
    }
    return true;
}

static void look_at_vendors(struct look *l, const char *vendors)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", l->folder, vendors);
    if (ends_in_icd(vendors)) {
        bool bare = !strchr(vendors, '/') && wf_path_exists(path);
        look_at_icd(l, bare ? path : vendors);
        return;
    }
    l->folder = vendors;
    if (!wf_path_exists(vendors) || !wf_dir_each(vendors, look_at_entry, l, NULL))
        look_at_library(l, vendors, vendors);
}

static void look_at_list(struct look *l, const char *list)
{
    while (*list) {
        char name[1024];
        size_t n = strcspn(list, ":");
        snprintf(name, sizeof name, "%.*s", n < sizeof name ? (int)n : 0, list);
        if (*name)
            look_at_library(l, name, name);
        list += n + (list[n] == ':');
    }
}

static const char *set_or(const char *name, const char *fallback)
{
    const char *value = wf_env(name);
    return value && *value ? value : fallback;
}

void wf_missing_before(struct wf_drivers *out)
{
    *out = (struct wf_drivers){0};
    if (!wf_copy_text(out->filenames, sizeof out->filenames, set_or("OCL_ICD_FILENAMES", "")))
        out->filenames[0] = 0; // the last name would be half of one
}

void wf_missing_drivers(struct wf_skips *s, struct wf_drivers *out)
{
    const char *folder = set_or("OPENCL_VENDOR_PATH", "/etc/OpenCL/vendors");
    const char *vendors = set_or("OCL_ICD_VENDORS", NULL);
    struct look l = {.skips = s, .drivers = out, .folder = folder};
    wf_copy_text(out->where, sizeof out->where, vendors ? vendors : folder);
    if (vendors)
        look_at_vendors(&l, vendors);
    else
        wf_dir_each(folder, look_at_entry, &l, NULL);
    look_at_list(&l, out->filenames);
}

// Opening tells what the mode bits do not: groups, access lists and a container's device rules.
bool wf_missing_permission(const char *path)
{
    FILE *f = fopen(path, "r+b");
    if (f)
        fclose(f);
    return !f && (errno == EACCES || errno == EPERM);
}

static int look_at_node(struct wf_skips *s, const char *path)
{
    if (!wf_path_exists(path) || !wf_missing_permission(path))
        return 0;
    wf_skip(s, WEFT_LOG_WARN, path, "no permission on %s: add the user to group render", path);
    return 1;
}

// Linux numbers render nodes from 128, 64 of them.
int wf_missing_nodes(struct wf_skips *s)
{
    int closed = look_at_node(s, "/dev/kfd");
    if (!wf_path_exists("/dev/dri"))
        return closed;
    for (int i = 128; i < 192; i++) {
        char path[32];
        snprintf(path, sizeof path, "/dev/dri/renderD%d", i);
        closed += look_at_node(s, path);
    }
    return closed;
}

const char *wf_missing_hint(const char *platform)
{
    if (wf_equal_nocase(platform, "rusticl"))
        return ", it wants RUSTICL_ENABLE=radeonsi, iris, nouveau or whatever driver the GPU has";
    if (wf_contains_nocase(platform, "Portable Computing Language"))
        return ", as PoCL does where it cannot write its own cache: set POCL_CACHE_DIR to a folder";
    return "";
}

static const struct weft_device_skip *first_closed(const struct wf_skips *s)
{
    int i = 0;
    while (i < s->count && !wf_begins(s->data[i].platform, "/dev/"))
        i++;
    return i < s->count ? &s->data[i] : NULL;
}

void wf_missing_why(const struct wf_skips *s, const struct wf_drivers *drivers, int closed_nodes,
                    char why[240])
{
    const struct weft_device_skip *closed = closed_nodes ? first_closed(s) : NULL;
    if (drivers && !drivers->named)
        snprintf(why, 240,
                 "no OpenCL driver is installed: no .icd file in %.60s; install pocl-opencl-icd "
                 "(any CPU), intel-opencl-icd, mesa-opencl-icd or NVIDIA's driver",
                 drivers->where);
    else if (closed)
        snprintf(why, 240, "%s", closed->reason);
    else if (s->count)
        snprintf(why, 240, "no OpenCL device works: %.100s: %.100s", s->data[0].platform,
                 s->data[0].reason);
    else
        snprintf(why, 240, "no OpenCL device: the installed drivers show none");
}
