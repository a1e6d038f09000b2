// A file that is there may be replaced by one of its own kind, and by nothing else.
#include "outputs.h"
#include "console.h"
#include "options.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void folder_of(const char *path, char *folder, size_t room)
{
    const char *end = strrchr(path, '/');
    snprintf(folder, room, "%.*s", end ? (int)(end - path) + 1 : 1, end ? path : ".");
}

// What two paths of one file have in common: the file, or its folder and its name there.
struct place {
    dev_t dev;
    ino_t ino;
    const char *name; // "" for a file that is there, NULL where the folder is not there either
};

static struct place place_of(const char *path)
{
    struct stat st;
    char folder[4096];
    const char *end = strrchr(path, '/');
    if (!stat(path, &st))
        return (struct place){st.st_dev, st.st_ino, ""};
    folder_of(path, folder, sizeof folder);
    if (stat(folder, &st))
        return (struct place){.name = NULL};
    return (struct place){st.st_dev, st.st_ino, end ? end + 1 : path};
}

static bool is_same(const char *a, const char *b)
{
    struct place p = place_of(a), q = place_of(b);
    return p.name && q.name && p.dev == q.dev && p.ino == q.ino && !strcmp(p.name, q.name);
}

// Training may save to the file that it goes on from.
static int check_names(const struct train_args *a)
{
    const struct {
        const char *option, *path;
    } file[] = {{"save", a->save},
                {"resume", a->resume},
                {"data", a->data},
                {"log", a->log},
                {"trace", a->trace}};
    for (int i = 0; i < 5; i++) {
        for (int k = i + 1; k < 5; k++) {
            if (file[i].path && file[k].path && i + k > 1 && is_same(file[i].path, file[k].path))
                return console_misuse("train: --%s and --%s: both are %s, wanted two files",
                                      file[i].option, file[k].option, file[k].path);
        }
    }
    return GO_ON;
}

static bool begins(const char *path, const char *text)
{
    char head[64] = "";
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(head, 1, strlen(text), f) : 0;
    if (f)
        fclose(f);
    return n == strlen(text) && !memcmp(head, text, n);
}

static bool is_trace(const char *path)
{
    return begins(path, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
}

static bool is_model(const char *path)
{
    struct weft_error err = {0};
    weft_safetensors *f = weft_safetensors_open(path, &err);
    bool found = f;
    weft_safetensors_close(&f);
    return found;
}

// A history is written into the file itself; the others are made beside it, and renamed.
static bool can_write(const char *path, bool there, bool renamed)
{
    char folder[4096];
    folder_of(path, folder, sizeof folder);
    if (there && !renamed)
        return !access(path, W_OK);
    return !access(folder, W_OK | X_OK);
}

struct kind {
    const char *name;
    bool (*is_one)(const char *path);
    bool renamed;
};

static bool check_file(const char *path, const struct kind *k)
{
    struct stat st;
    bool there = path && !stat(path, &st), is_file = there && S_ISREG(st.st_mode);
    if (!path)
        return true;
    if (there && !is_file && (k->renamed || S_ISDIR(st.st_mode)))
        console_fail("%s: is there and no file, wanted the name of one", path);
    else if (is_file && st.st_size && !k->is_one(path))
        console_fail("%s: is there and is no %s; another name was wanted", path, k->name);
    else if (!can_write(path, there, k->renamed))
        console_fail("%s: %s", path, strerror(errno));
    else
        return true;
    return false;
}

int outputs_check(const struct train_args *a)
{
    static const struct kind model = {"safetensors file", is_model, true},
                             history = {"history of weft train", history_is_one, false},
                             trace = {"trace that weft wrote", is_trace, true};
    int code = check_names(a);
    if (code != GO_ON)
        return code;
    bool ok =
        check_file(a->save, &model) && check_file(a->log, &history) && check_file(a->trace, &trace);
    return ok ? GO_ON : EXIT_FAILED;
}
