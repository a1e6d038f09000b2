// A line is written at once and whole. If the process is killed while it is being written, the next
// one that goes on with the file drops what has no end of line.
#include "history.h"
#include "failure.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define X(name) "," #name
static const char head[] = "step,epoch" HISTORY_MAP(X) "\n";
#undef X

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n > m && !strcmp(path + n - m, end);
}

bool history_is_name(const char *path)
{
    return ends_in(path, ".csv") || ends_in(path, ".jsonl");
}

bool history_is_one(const char *path)
{
    static const char csv[] = "step,epoch,", json[] = "{\"step\": ";
    char line[sizeof csv + sizeof json] = "";
    const char *wanted = ends_in(path, ".jsonl") ? json : csv;
    FILE *f = fopen(path, "r");
    bool found = f && fgets(line, sizeof line, f) && !strncmp(line, wanted, strlen(wanted));
    if (f)
        fclose(f);
    return found;
}

// The step of a line, 0 for the head of a CSV file, -1 for a line that no history has.
static int64_t line_step(const struct history *h, const char *line)
{
    static const char key[] = "{\"step\": ";
    if (!h->json && !strcmp(line, head))
        return 0;
    if (h->json && strncmp(line, key, sizeof key - 1) != 0)
        return -1;
    line += h->json ? sizeof key - 1 : 0;
    char *end;
    long long step = strtoll(line, &end, 10);
    return end > line && *end == ',' && step > 0 ? step : -1;
}

static bool copy_lines(const struct history *h, FILE *from, FILE *to, int64_t steps,
                       struct weft_error *err)
{
    char *line = NULL;
    size_t room = 0;
    bool ok = true;
    for (ssize_t n; ok && (n = getline(&line, &room, from)) > 0 && line[n - 1] == '\n';) {
        int64_t step = line_step(h, line);
        if (step < 0)
            ok = failure(err, WEFT_FORMAT, "%s: is no history of weft train, wanted a new file",
                         h->path);
        else if (step < steps && fputs(line, to) < 0)
            ok = false;
    }
    free(line);
    return ok && !ferror(from);
}

// Under a temporary name beside it, then renamed.
static bool shorten(const struct history *h, FILE *from, int64_t steps, struct weft_error *err)
{
    struct stat st;
    size_t room = strlen(h->path) + sizeof ".XXXXXX";
    char *path = malloc(room);
    if (!path)
        return failure(err, WEFT_NOMEM, "%s: no memory", h->path);
    snprintf(path, room, "%s.XXXXXX", h->path);
    int fd = mkstemp(path);
    FILE *to = fd < 0 ? NULL : fdopen(fd, "w");
    bool ok = to && !fstat(fileno(from), &st) && !fchmod(fd, st.st_mode & 0777);
    ok = ok && copy_lines(h, from, to, steps, err) && !fflush(to) && !fsync(fd);
    ok = (to ? !fclose(to) : fd >= 0 && !close(fd) && false) && ok && !rename(path, h->path);
    if (!ok)
        failure_errno(err, h->path);
    if (!ok && fd >= 0)
        unlink(path);
    free(path);
    return ok;
}

bool history_open(struct history *h, const char *path, int64_t steps, struct weft_error *err)
{
    *h = (struct history){.path = path, .json = ends_in(path, ".jsonl")};
    struct stat st;
    bool is_file = !stat(path, &st) && S_ISREG(st.st_mode); // a device has no lines to keep
    FILE *old = steps > 0 && is_file ? fopen(path, "r") : NULL;
    bool found = old;
    bool ok = !found || shorten(h, old, steps, err);
    if (old)
        fclose(old);
    if (!ok)
        return false;
    h->file = fopen(path, found ? "a" : "w");
    if (!h->file)
        return failure_errno(err, path);
    // Where a file that is appended to begins is not told before.
    if (h->json || (found && !fseek(h->file, 0, SEEK_END) && ftell(h->file) > 0))
        return true;
    return (fputs(head, h->file) >= 0 && !fflush(h->file)) || failure_errno(err, path);
}

static void put(const struct history *h, const char *name, double v)
{
    char text[32] = "";
    if (isfinite(v))
        snprintf(text, sizeof text, "%.9g", v);
    if (h->json)
        fprintf(h->file, ", \"%s\": %s", name, *text ? text : "null");
    else
        fprintf(h->file, ",%s", text);
}

bool history_add(struct history *h, const struct history_line *line, struct weft_error *err)
{
    if (!h->file)
        return true;
    fprintf(h->file, h->json ? "{\"step\": %" PRId64 ", \"epoch\": %d" : "%" PRId64 ",%d",
            line->step, line->epoch);
#define X(name) put(h, #name, line->name);
    HISTORY_MAP(X)
#undef X
    fputs(h->json ? "}\n" : "\n", h->file);
    return (!fflush(h->file) && !ferror(h->file)) || failure_errno(err, h->path);
}

void history_close(struct history *h)
{
    if (h->file)
        fclose(h->file);
    h->file = NULL;
}
