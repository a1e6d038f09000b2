// weft cache: where the compiled kernels are kept, how big they are, and removing them.
#include "console.h"
#include "json.h"
#include "options.h"
#include "verbs.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct cache_args {
    bool json;
};

static const struct option_row rows[] = {
    {"json", NULL, "the result as JSON", OPTION_FLAG, offsetof(struct cache_args, json)},
};

static const struct usage usage = {
    .verb = "cache",
    .operands = "info|clear",
    .about =
        "Says where the compiled kernels are kept and how big they are [info], or removes them.\n"
        "WEFT_CACHE=DIR moves the cache; empty, it switches it off.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

static void print_json(const struct weft_cache_info *info, bool cleared)
{
    struct json j = {0};
    json_begin(&j, NULL, '{');
    json_text(&j, "dir", *info->dir ? info->dir : NULL);
    json_count(&j, cleared ? "removed_files" : "files", (uint64_t)info->files);
    json_count(&j, cleared ? "removed_bytes" : "bytes", info->bytes);
    json_count(&j, "limit", info->limit);
    json_end(&j, '}');
}

static void print_off(void)
{
    const char *dir = getenv("WEFT_CACHE");
    if (dir && !*dir)
        printf("the cache is switched off: WEFT_CACHE is empty\n");
    else
        printf("the cache is off: no usable folder in WEFT_CACHE, XDG_CACHE_HOME or HOME\n");
}

static const char *exact_bytes(uint64_t bytes, char buffer[64])
{
    char human[32];
    human_bytes(bytes, human);
    if (bytes < 1024)
        snprintf(buffer, 64, "%s", human);
    else
        snprintf(buffer, 64, "%s (%" PRIu64 " bytes)", human, bytes);
    return buffer;
}

static void print_text(const struct weft_cache_info *info, bool cleared)
{
    char size[64], limit[64];
    exact_bytes(info->bytes, size);
    exact_bytes(info->limit, limit);
    if (!*info->dir)
        print_off();
    else if (cleared)
        printf("removed %d files, %s, from %s\n", info->files, size, info->dir);
    else
        printf("folder  %s\nfiles   %d\nsize    %s\nlimit   %s\n", info->dir, info->files, size,
               limit);
}

int verb_cache(int argc, char **argv)
{
    struct cache_args args = {0};
    struct parsed parsed;
    int code = options_parse(&usage, argc, argv, &args, &parsed);
    if (code != GO_ON)
        return code;
    struct weft_error err = {0};
    struct weft_cache_info info = {.size = sizeof info};
    const struct weft_device_params *params = weft_device_params(.log = console_log);
    if (!weft_cache_info(params, &info, &err) ||
        (parsed.operand && !weft_cache_clear(params, &err)))
        return console_fail("%s", err.text);
    (args.json ? print_json : print_text)(&info, parsed.operand);
    return EXIT_DONE;
}
