// Which device is meant, and the public list of devices.
#include "base/os.h"
#include "base/text.h"
#include "dev/find.h"
#include <stdio.h>
#include <stdlib.h>

static const char *type_text(enum weft_device_type type)
{
    switch (type) {
    case WEFT_DEVICE_GPU:
        return "GPU";
    case WEFT_DEVICE_INTEGRATED_GPU:
        return "integrated GPU";
    case WEFT_DEVICE_ACCELERATOR:
        return "accelerator";
    case WEFT_DEVICE_CPU:
        return "CPU";
    }
    return "unknown";
}

static int index_in(const struct wf_found *f, const char *match)
{
    size_t n = strspn(match, "0123456789");
    if (!n || match[n] || n > 6)
        return -1;
    int index = (int)strtol(match, NULL, 10);
    return index < f->count ? index : -1;
}

static bool is_uuid(const char *uuid, const char *match)
{
    char dashless[2][37] = {{0}};
    const char *from[2] = {uuid, match};
    for (int i = 0; i < 2; i++) {
        size_t n = 0;
        for (const char *c = from[i]; *c && n < 36; c++) {
            if (*c != '-')
                dashless[i][n++] = *c;
        }
    }
    return *uuid && wf_equal_nocase(dashless[0], dashless[1]);
}

static bool is_meant(const struct weft_device_info *d, const char *match)
{
    if (wf_equal_nocase(match, "gpu"))
        return d->type == WEFT_DEVICE_GPU || d->type == WEFT_DEVICE_INTEGRATED_GPU;
    if (wf_equal_nocase(match, "accelerator"))
        return d->type == WEFT_DEVICE_ACCELERATOR;
    if (wf_equal_nocase(match, "cpu"))
        return d->type == WEFT_DEVICE_CPU;
    if (wf_equal_nocase(match, "pocl")) // which nowhere says its short name
        match = "Portable Computing Language";
    return is_uuid(d->uuid, match) || wf_contains_nocase(d->name, match) ||
           wf_contains_nocase(d->vendor, match) || wf_contains_nocase(d->platform, match);
}

// Some drivers don't know their clock.
static int64_t speed(const struct weft_device_info *d)
{
    return (int64_t)d->compute_units * (d->clock_mhz > 0 ? d->clock_mhz : 1);
}

static bool goes_before(const struct weft_device_info *a, const struct weft_device_info *b)
{
    if (!*a->note != !*b->note)
        return !*a->note;
    return a->type != b->type ? a->type < b->type : speed(a) > speed(b);
}

static int fastest(const struct wf_found *f, const char *match, int *meant)
{
    int best = -1;
    for (int i = 0; i < f->count; i++) {
        const struct weft_device_info *d = &f->device[i].info;
        if (*match && !is_meant(d, match))
            continue;
        ++*meant;
        if (best < 0 || goes_before(d, &f->device[best].info))
            best = i;
    }
    return best;
}

static void explain_none(struct wf_found *f, const char *match)
{
    size_t room = sizeof f->why;
    size_t at = (size_t)snprintf(f->why, room, "no device matches \"%.60s\": there %s", match,
                                 f->count == 1 ? "is" : "are");
    for (int i = 0; i < f->count; i++) {
        if (at > room - 70) {
            snprintf(f->why + at, room - at, " and %d more", f->count - i);
            return;
        }
        at += (size_t)snprintf(f->why + at, room - at, "%s \"%.50s\" (%d)", i ? "," : "",
                               f->device[i].info.name, i);
    }
}

static void explain(struct wf_found *f, const char *match, int meant)
{
    const struct weft_device_info *d = &f->device[f->chosen].info;
    char named[96] = "", ranked[96] = "";
    if (*match)
        snprintf(named, sizeof named, "match \"%.60s\"%s", match, meant > 1 ? ", " : "");
    if (meant > 1)
        snprintf(ranked, sizeof ranked, "fastest: %s, %d units x %d MHz", type_text(d->type),
                 d->compute_units, d->clock_mhz);
    snprintf(f->why, sizeof f->why, "%s%s", named,
             *match || meant > 1 ? ranked : "the only device");
}

void wf_choose(struct wf_found *f, const char *match)
{
    int meant = 1;
    match = match ? match : "";
    f->chosen = index_in(f, match);
    if (f->chosen < 0) {
        meant = 0;
        f->chosen = fastest(f, match, &meant);
    }
    if (f->chosen < 0)
        explain_none(f, match);
    else
        explain(f, match, meant);
}

// Moves what was found into a public list.
static weft_device_list *list_of(struct wf_found *f, struct weft_error *err)
{
    weft_device_list *list = calloc(1, sizeof *list);
    struct weft_device_info *device = calloc((size_t)f->count + 1, sizeof *device);
    if (!list || !device) {
        free(list);
        free(device);
        wf_fail_nomem(err, "the list of devices");
        return NULL;
    }
    for (int i = 0; i < f->count; i++)
        device[i] = f->device[i].info;
    list->count = f->count;
    list->device = device;
    list->chosen = f->chosen;
    memcpy(list->why, f->why, sizeof list->why);
    list->skip_count = f->skip_count;
    list->skip = f->skip;
    f->skip = NULL;
    return list;
}

weft_device_list *weft_device_list_create(const struct weft_device_params *p,
                                          struct weft_error *err)
{
    struct weft_device_params params;
    WF_PARAMS(params, p);
    const char *match = params.match;
    if (!match && !params.no_env)
        match = wf_env("WEFT_DEVICE");
    const struct wf_log log = {.line = params.log, .priv = params.log_priv};
    struct weft_error missing = {0};
    struct wf_found found;
    struct wf_cl cl;
    bool loaded = wf_cl_load(&cl, &missing);
    weft_device_list *list = NULL;
    if (wf_find(&cl, loaded ? NULL : &missing, match, &log, &found, err)) {
        list = list_of(&found, err);
        wf_found_finish(&found);
    }
    wf_cl_unload(&cl);
    return list;
}

void weft_device_list_destroy(weft_device_list **list)
{
    if (!list || !*list)
        return;
    free((void *)(*list)->device);
    free((void *)(*list)->skip);
    free(*list);
    *list = NULL;
}
