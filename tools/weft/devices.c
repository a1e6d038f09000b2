// weft devices: what is there, what weft would take and why, and what was skipped. Each device is
// opened, because what it can do is only known by trying.
#include "console.h"
#include "json.h"
#include "options.h"
#include "verbs.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct devices_args {
    bool json, verbose;
    const char *device;
};

#define AT(field) offsetof(struct devices_args, field)
static const struct option_row rows[] = {
    {"device", "TEXT", "say which device TEXT means: index, UUID, type, or a part of its name",
     OPTION_TEXT, AT(device)},
    {"json", NULL, "the result as JSON", OPTION_FLAG, AT(json)},
    {"verbose", NULL, "print what the library logs", OPTION_FLAG, AT(verbose)},
};
#undef AT

static const struct usage usage = {
    .verb = "devices",
    .about = "Lists the OpenCL devices and what was skipped. Says which device weft would take, "
             "and why.\n"
             "Fails if there is none to take.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

static const struct {
    const char *type, *key;
} types[] = {
    [WEFT_DEVICE_GPU] = {"GPU", "gpu"},
    [WEFT_DEVICE_INTEGRATED_GPU] = {"integrated GPU", "integrated_gpu"},
    [WEFT_DEVICE_ACCELERATOR] = {"accelerator", "accelerator"},
    [WEFT_DEVICE_CPU] = {"CPU", "cpu"},
};

static const struct {
    const char *name, *key;
} capabilities[WEFT_CAP_COUNT] = {
    [WEFT_CAP_F64] = {"double", "f64"},
    [WEFT_CAP_F16] = {"half", "f16"},
    [WEFT_CAP_SUBGROUP_SHUFFLE] = {"subgroup shuffle", "subgroup_shuffle"},
    [WEFT_CAP_INT_DOT] = {"8-bit dot product", "int_dot"},
};

// The list of skipped platforms is printed as a result, so only --verbose logs here.
static weft_device *open_device(const struct weft_device_info *d, const struct devices_args *args,
                                struct weft_error *err)
{
    char index[16];
    snprintf(index, sizeof index, "%d", d->index);
    return weft_device_create(weft_device_params(.match = index,
                                                 .log = args->verbose ? console_log : NULL,
                                                 .log_priv = (void *)args),
                              err);
}

static void print_memory(const struct weft_device_info *d)
{
    char memory[32], most[32], local[32];
    printf("   memory        %s%s; one tensor at most %s; local %s%s\n",
           human_bytes(d->memory, memory), d->shares_memory ? ", shared with the host" : "",
           human_bytes(d->max_alloc, most), human_bytes(d->local_memory, local),
           d->local_is_global ? ", in ordinary memory" : "");
}

static void print_capabilities(weft_device *dev)
{
    if (*weft_device_tuning(dev))
        printf("   tuning        %s\n", weft_device_tuning(dev));
    for (int yes = 1; yes >= 0; yes--) {
        int n = 0;
        for (int cap = 0; cap < WEFT_CAP_COUNT; cap++) {
            if (weft_device_has(dev, cap) == yes)
                printf("%s%s",
                       n++   ? ", "
                       : yes ? "   can           "
                             : "   cannot        ",
                       capabilities[cap].name);
        }
        if (n)
            putchar('\n');
    }
    const char *quirk;
    for (int n = 0; (quirk = weft_device_quirk(dev, n)); n++)
        printf("   quirk         %s\n", quirk);
}

static void print_device(const struct weft_device_info *d, bool chosen,
                         const struct devices_args *args)
{
    printf("%d  %s (%s)%s\n", d->index, d->name, types[d->type].type, chosen ? "  <- chosen" : "");
    printf("   platform      %s\n", d->platform);
    if (*d->also)
        printf("   also          %s\n", d->also);
    printf("   driver        %s (%s), %s\n", d->driver, d->vendor, d->version);
    printf("   units         %d x %d MHz, work-groups to %zu\n", d->compute_units, d->clock_mhz,
           d->max_group);
    print_memory(d);
    if (*d->uuid)
        printf("   uuid          %s\n", d->uuid);
    if (d->display)
        printf("   display       maybe: long launches are split\n");
    if (!d->has_compiler)
        printf("   compiler      none\n");
    if (*d->note)
        printf("   not by itself %s\n", d->note);
    struct weft_error err = {0};
    weft_device *dev = open_device(d, args, &err);
    if (dev)
        print_capabilities(dev);
    else
        printf("   broken        %s\n", err.text);
    weft_device_destroy(&dev);
}

static void print_text(const weft_device_list *list, const struct devices_args *args)
{
    for (int i = 0; i < list->count; i++)
        print_device(&list->device[i], i == list->chosen, args);
    for (int i = 0; i < list->skip_count; i++)
        printf("skipped %s: %s\n", list->skip[i].platform, list->skip[i].reason);
    if (list->chosen >= 0)
        printf("weft would take %d, %s: %s\n", list->chosen, list->device[list->chosen].name,
               list->why);
}

static void json_capabilities(struct json *j, weft_device *dev, const struct weft_error *err)
{
    json_text(j, "error", dev ? NULL : err->text);
    json_text(j, "tuning", dev && *weft_device_tuning(dev) ? weft_device_tuning(dev) : NULL);
    json_begin(j, "capabilities", '{');
    for (int cap = 0; dev && cap < WEFT_CAP_COUNT; cap++)
        json_bool(j, capabilities[cap].key, weft_device_has(dev, cap));
    json_end(j, '}');
    json_begin(j, "quirks", '[');
    const char *quirk;
    for (int n = 0; dev && (quirk = weft_device_quirk(dev, n)); n++)
        json_text(j, NULL, quirk);
    json_end(j, ']');
}

static void json_texts(struct json *j, const struct weft_device_info *d)
{
    json_text(j, "name", d->name);
    json_text(j, "type", types[d->type].key);
    json_text(j, "vendor", d->vendor);
    json_text(j, "platform", d->platform);
    json_text(j, "also", *d->also ? d->also : NULL);
    json_text(j, "driver", d->driver);
    json_text(j, "version", d->version);
    json_text(j, "uuid", *d->uuid ? d->uuid : NULL);
    json_text(j, "note", *d->note ? d->note : NULL);
}

static void json_device(struct json *j, const struct weft_device_info *d,
                        const struct devices_args *args)
{
    json_begin(j, NULL, '{');
    json_count(j, "index", (uint64_t)d->index);
    json_texts(j, d);
    json_count(j, "compute_units", (uint64_t)d->compute_units);
    json_count(j, "clock_mhz", (uint64_t)d->clock_mhz);
    json_count(j, "max_group", d->max_group);
    json_count(j, "memory", d->memory);
    json_count(j, "max_alloc", d->max_alloc);
    json_count(j, "local_memory", d->local_memory);
    json_bool(j, "local_is_global", d->local_is_global);
    json_bool(j, "shares_memory", d->shares_memory);
    json_bool(j, "has_compiler", d->has_compiler);
    json_bool(j, "display", d->display);
    struct weft_error err = {0};
    weft_device *dev = open_device(d, args, &err);
    json_capabilities(j, dev, &err);
    weft_device_destroy(&dev);
    json_end(j, '}');
}

static void print_json(const weft_device_list *list, const struct devices_args *args)
{
    struct json j = {0};
    json_begin(&j, NULL, '{');
    if (list->chosen >= 0)
        json_count(&j, "chosen", (uint64_t)list->chosen);
    else
        json_null(&j, "chosen");
    json_text(&j, "why", list->why);
    json_begin(&j, "devices", '[');
    for (int i = 0; i < list->count; i++)
        json_device(&j, &list->device[i], args);
    json_end(&j, ']');
    json_begin(&j, "skipped", '[');
    for (int i = 0; i < list->skip_count; i++) {
        json_begin(&j, NULL, '{');
        json_text(&j, "platform", list->skip[i].platform);
        json_text(&j, "reason", list->skip[i].reason);
        json_end(&j, '}');
    }
    json_end(&j, ']');
    json_end(&j, '}');
}

int verb_devices(int argc, char **argv)
{
    struct devices_args args = {0};
    int code = options_parse(&usage, argc, argv, &args, NULL);
    if (code != GO_ON)
        return code;
    struct weft_error err = {0};
    weft_device_list *list =
        weft_device_list_create(weft_device_params(.match = args.device), &err);
    if (!list)
        return console_fail("%s", err.text);
    (args.json ? print_json : print_text)(list, &args);
    code = list->chosen < 0 ? console_fail("%s", list->why) : EXIT_DONE;
    weft_device_list_destroy(&list);
    return code;
}
