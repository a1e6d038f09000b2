// The table of a device's tuning: found, read, asked and added to.
//
// It is read at the first question. An answer is kept by its problem, so that a launch costs a look
// into a hash table.
#include "dev/tuning.h"
#include "base/hash.h"
#include "dev/device.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { MAX_FILE = 2 << 20, MAX_SEEN = 4096 };

// How far the nearest problem may be: the sum of the logarithms to base 2 of the sizes' ratios.
static const double max_distance = 1;

struct wf_tuning_row {
    struct wf_tuning_entry entry;
    struct wf_tuning_choice choice;
    bool shipped, good; // good: its op has resolved it
};

struct wf_tuning_seen {
    struct wf_tuning_problem problem;
    ptrdiff_t row; // -1: none
    bool known;
    UT_hash_handle hh;
};

static void slug(char *to, size_t room, const char *name)
{
    size_t n = 0;
    for (const char *c = name; *c && n + 1 < room; c++) {
        bool keep = isalnum((unsigned char)*c) && (unsigned char)*c < 0x80;
        if (keep)
            to[n++] = (char)tolower((unsigned char)*c);
        else if (n && to[n - 1] != '-')
            to[n++] = '-';
    }
    while (n && to[n - 1] == '-')
        n--;
    to[n] = 0;
}

// "tuning-pthread-skylake-avx512-1f2e3d4c5b6a7988.json"
static void file_name(const weft_device *dev, char to[96])
{
    struct wf_tuning_about a = wf_tuning_about(dev); // without gaps of unknown content: zeroed
    char name[48];
    slug(name, sizeof name, a.device);
    snprintf(to, 96, "tuning-%s-%016llx.json", name, (unsigned long long)wf_hash64(&a, sizeof a));
}

static void set_path(weft_device *dev, const char *dir, const char *below)
{
    struct wf_tuning *t = &dev->tuning;
    char name[96];
    file_name(dev, name);
    int n = snprintf(t->path, sizeof t->path, "%s%s/%s", dir, below, name);
    if (n >= 0 && (size_t)n < sizeof t->path)
        return;
    t->path[0] = 0;
    wf_log(&dev->log, WEFT_LOG_WARN, "tuning: the path has %d bytes, at most %zu fit: no file", n,
           sizeof t->path - 1);
}

static void find_path(weft_device *dev)
{
    const char *path = dev->params.tuning, *dir;
    if (!path && !dev->params.no_env)
        path = wf_env("WEFT_TUNING");
    if (path && !wf_copy_text(dev->tuning.path, sizeof dev->tuning.path, path)) {
        dev->tuning.path[0] = 0;
        wf_log(&dev->log, WEFT_LOG_WARN, "tuning: the path has more than %zu bytes: no file",
               sizeof dev->tuning.path - 1);
    }
    if (path)
        return;
    if ((dir = wf_env_path("XDG_DATA_HOME")))
        set_path(dev, dir, "/weft");
    else if ((dir = wf_env_path("HOME")))
        set_path(dev, dir, "/.local/share/weft");
}

bool wf_tuning_init(weft_device *dev)
{
    double ns = dev->params.tune_seconds * 1e9;
    dev->tuning.lazy_ns = ns < 1e18 ? (int64_t)ns : INT64_C(1000000000000000000);
    dev->tuning.has_lock = wf_mutex_init(&dev->tuning.lock);
    dev->tuning.has_trial_lock = wf_mutex_init(&dev->tuning.trial_lock);
    find_path(dev);
    return dev->tuning.has_lock && dev->tuning.has_trial_lock;
}

static void forget_answers(struct wf_tuning *t)
{
    struct wf_tuning_seen *s, *next;
    HASH_ITER(hh, t->seen, s, next) {
        HASH_DEL(t->seen, s);
        free(s);
    }
}

void wf_tuning_finish(weft_device *dev)
{
    struct wf_tuning *t = &dev->tuning;
    forget_answers(t);
    wf_trust_finish(dev);
    free(t->row);
    if (t->has_lock)
        wf_mutex_finish(&t->lock);
    if (t->has_trial_lock)
        wf_mutex_finish(&t->trial_lock);
    *t = (struct wf_tuning){0};
}

// As the file can hold it: UTF-8.
static void copy_clean(char *to, size_t room, const char *from)
{
    wf_copy_text(to, room, from);
    for (char *c = to; *c; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
}

struct wf_tuning_about wf_tuning_about(const weft_device *dev)
{
    static const char *const types[] = {[0] = "",
                                        [WEFT_DEVICE_GPU] = "gpu",
                                        [WEFT_DEVICE_INTEGRATED_GPU] = "integrated_gpu",
                                        [WEFT_DEVICE_ACCELERATOR] = "accelerator",
                                        [WEFT_DEVICE_CPU] = "cpu"};
    struct wf_tuning_about a;
    memset(&a, 0, sizeof a);
    a.kernels = WF_KERNEL_VERSION;
    copy_clean(a.platform, sizeof a.platform, dev->info.platform);
    copy_clean(a.device, sizeof a.device, dev->info.name);
    copy_clean(a.vendor, sizeof a.vendor, dev->info.vendor);
    copy_clean(a.type, sizeof a.type, types[dev->info.type]);
    copy_clean(a.driver, sizeof a.driver, dev->info.driver);
    copy_clean(a.version, sizeof a.version, dev->info.version);
    return a;
}

// How well tuning for one device does for another: 3 the very device and driver, 2 the device with
// another driver, 1 one of its kind, 0 not at all.
static int closeness(const struct wf_tuning_about *a, const struct wf_tuning_about *b)
{
    if (strcmp(a->platform, b->platform) != 0)
        return 0;
    bool device = !strcmp(a->device, b->device);
    bool driver = !strcmp(a->driver, b->driver) && !strcmp(a->version, b->version);
    return device && driver ? 3 : device ? 2 : !strcmp(a->type, b->type);
}

// The place of a row for the very problem, of the same origin; `count` where there is none.
static size_t find_row(const struct wf_tuning *t, const struct wf_tuning_problem *p, bool shipped)
{
    size_t i = 0;
    while (i < t->count &&
           (t->row[i].shipped != shipped || memcmp(&t->row[i].entry.problem, p, sizeof *p) != 0))
        i++;
    return i;
}

static bool add_row(struct wf_tuning *t, const struct wf_tuning_row *row)
{
    size_t i = find_row(t, &row->entry.problem, row->shipped);
    if (i == t->room) {
        size_t room = t->room ? 2 * t->room : 64;
        struct wf_tuning_row *all = realloc(t->row, room * sizeof *all);
        if (!all)
            return false;
        t->row = all;
        t->room = room;
    }
    t->row[i] = *row;
    t->count += i == t->count;
    return true;
}

// An entry that its op refuses is counted, and the first reason kept in `why`.
static bool take_entry(weft_device *dev, const struct wf_tuning_op *op,
                       const struct wf_tuning_entry *e, struct wf_tuning_row *like, size_t *bad,
                       char why[160])
{
    struct wf_tuning_row row = *like;
    char text[120] = "";
    if (strcmp(e->problem.op, op->name) != 0)
        return true;
    row.entry = *e;
    row.good = op->resolve(dev, e, &row.choice, text);
    row.choice.unproven = like->choice.unproven;
    if (!row.good && !(*bad)++)
        snprintf(why, 160, "%.140s", text);
    return !row.good || add_row(&dev->tuning, &row);
}

static void load_shipped(weft_device *dev, const struct wf_tuning_op *op)
{
    struct wf_tuning_about own = wf_tuning_about(dev);
    const struct wf_tuning_shipped *s;
    int best = 0;
    size_t bad = 0;
    char why[160];
    for (s = wf_tuning_shipped; s->entry; s++)
        best = closeness(&s->about, &own) > best ? closeness(&s->about, &own) : best;
    for (s = wf_tuning_shipped; best && s->entry; s++) {
        if (closeness(&s->about, &own) < best)
            continue;
        struct wf_tuning_row like = {.shipped = true};
        like.choice.unproven = best < 3 || s->about.kernels != own.kernels;
        for (size_t i = 0; i < s->count; i++)
            take_entry(dev, op, &s->entry[i], &like, &bad, why);
    }
}

// What of the file and of the device differ: `what` is for people.
static bool is_for(const struct wf_tuning_about *a, const weft_device *dev, char what[120])
{
    struct wf_tuning_about own = wf_tuning_about(dev);
    if (closeness(a, &own) < 2)
        snprintf(what, 120, "is for %.40s of %.40s", a->device, a->platform);
    else if (closeness(a, &own) < 3)
        snprintf(what, 120, "is for the driver %.40s, %.40s", a->driver, a->version);
    else if (a->kernels != own.kernels)
        snprintf(what, 120, "is for version %d of the kernels, not %d", a->kernels, own.kernels);
    else
        return true;
    return false;
}

static bool read_file(weft_device *dev, struct wf_tuning_file *f, struct weft_error *err)
{
    void *text = NULL;
    size_t n = 0;
    char what[120];
    const char *path = dev->tuning.path;
    *f = (struct wf_tuning_file){0};
    bool ok =
        wf_file_read(path, MAX_FILE, &text, &n, err) && wf_tuning_parse(f, path, text, n, err);
    free(text);
    return ok && (is_for(&f->about, dev, what) || wf_fail(err, WEFT_FORMAT, "%s: %s", path, what));
}

static void load_file(weft_device *dev, const struct wf_tuning_op *op)
{
    struct wf_tuning_file f = {0};
    struct weft_error err = {0};
    struct wf_tuning_row like = {.good = false};
    if (!*dev->tuning.path || !wf_path_exists(dev->tuning.path))
        return;
    bool ok = read_file(dev, &f, &err);
    size_t bad = f.bad;
    char why[160];
    memcpy(why, f.why, sizeof why);
    for (size_t i = 0; ok && i < f.count; i++)
        ok = take_entry(dev, op, &f.entry[i], &like, &bad, why) || wf_fail_nomem(&err, "entries");
    if (!ok)
        wf_log(&dev->log, WEFT_LOG_WARN, "tuning: %s: it is ignored", err.text);
    else if (bad)
        wf_log(&dev->log, WEFT_LOG_WARN, "tuning: %s: %zu of %zu entries are ignored: %s",
               dev->tuning.path, bad, f.count + f.bad, why);
    wf_tuning_file_finish(&f);
}

// Called with the lock.
static void load(weft_device *dev, const struct wf_tuning_op *op)
{
    if (dev->tuning.loaded)
        return;
    dev->tuning.loaded = true;
    load_shipped(dev, op);
    load_file(dev, op);
}

static double ratio(int64_t a, int64_t b)
{
    if (a == b)
        return 0;
    return a > 0 && b > 0 ? fabs(log2((double)a / (double)b)) : INFINITY;
}

static double distance(const struct wf_tuning_problem *a, const struct wf_tuning_problem *b)
{
    if (strcmp(a->op, b->op) != 0 || strcmp(a->dtype, b->dtype) != 0 ||
        strcmp(a->form, b->form) != 0)
        return INFINITY;
    return ratio(a->m, b->m) + ratio(a->n, b->n) + ratio(a->k, b->k) + ratio(a->count, b->count);
}

// Where the rule's choice was the best for a neighbour, the rule is the best guess: it looks at the
// sizes.
static ptrdiff_t nearest(const struct wf_tuning *t, const struct wf_tuning_problem *p, bool shipped)
{
    ptrdiff_t best = -1;
    double least = max_distance;
    for (size_t i = 0; i < t->count; i++) {
        double d = t->row[i].shipped == shipped ? distance(&t->row[i].entry.problem, p) : INFINITY;
        if (d < least || (d == least && best < 0)) {
            least = d;
            best = (ptrdiff_t)i;
        }
    }
    return best;
}

static ptrdiff_t search(const struct wf_tuning *t, const struct wf_tuning_problem *p)
{
    ptrdiff_t i = nearest(t, p, false);
    if (i < 0)
        i = nearest(t, p, true);
    return i >= 0 && t->row[i].entry.ns < t->row[i].entry.rule_ns ? i : -1;
}

static struct wf_tuning_seen look(const struct wf_tuning *t, const struct wf_tuning_problem *p)
{
    size_t own = find_row(t, p, false);
    bool known = own < t->count && !t->row[own].entry.partial;
    return (struct wf_tuning_seen){.problem = *p, .row = search(t, p), .known = known};
}

// Called with the lock.
static struct wf_tuning_seen answer(struct wf_tuning *t, const struct wf_tuning_problem *p)
{
    struct wf_tuning_seen *s, now;
    unsigned hash = (unsigned)wf_hash64(p, sizeof *p);
    HASH_FIND_BYHASHVALUE(hh, t->seen, p, sizeof *p, hash, s);
    if (s)
        return *s;
    now = look(t, p);
    if (HASH_COUNT(t->seen) >= MAX_SEEN)
        forget_answers(t);
    if (!(s = malloc(sizeof *s)))
        return now;
    *s = now;
    unsigned before = HASH_COUNT(t->seen);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->seen, &s->problem, sizeof s->problem, hash, s);
    if (HASH_COUNT(t->seen) == before)
        free(s);
    return now;
}

void wf_tuning_find(weft_device *dev, const struct wf_tuning_op *op,
                    const struct wf_tuning_problem *p, struct wf_tuning_choice *out)
{
    struct wf_tuning *t = &dev->tuning;
    wf_lock(&t->lock);
    load(dev, op);
    *out = (struct wf_tuning_choice){0};
    if (t->count) {
        struct wf_tuning_seen s = answer(t, p);
        if (s.row >= 0)
            *out = t->row[s.row].choice;
        out->known = s.known;
    }
    wf_unlock(&t->lock);
}

bool wf_tuning_has(weft_device *dev, const struct wf_tuning_op *op,
                   const struct wf_tuning_problem *p, struct wf_tuning_entry *out)
{
    struct wf_tuning *t = &dev->tuning;
    wf_lock(&t->lock);
    load(dev, op);
    size_t i = find_row(t, p, false);
    bool has = i < t->count && !t->row[i].entry.partial;
    if (has)
        *out = t->row[i].entry;
    wf_unlock(&t->lock);
    return has;
}

// What another process has added since stays.
static bool write_file(weft_device *dev, const struct wf_tuning_entry *e, struct weft_error *err)
{
    struct wf_tuning_file f = {0};
    struct wf_text text = {0};
    char dir[sizeof dev->tuning.path], *slash;
    const char *path = dev->tuning.path;
    bool there = wf_path_exists(path), ok = !there || read_file(dev, &f, err);
    f.about = wf_tuning_about(dev);
    ok = ok && (wf_tuning_file_put(&f, e) || wf_fail_nomem(err, "tuning"));
    memcpy(dir, path, sizeof dir);
    if (ok && !there && (slash = strrchr(dir, '/')) && slash > dir) {
        *slash = 0;
        ok = wf_make_dir(dir, err);
    }
    if (ok)
        wf_tuning_write(&text, &f);
    ok = ok && (!text.failed || wf_fail_nomem(err, "tuning")) &&
         wf_file_replace(path, &(struct wf_span){text.data, text.length}, 1, true, false, err);
    wf_text_finish(&text);
    wf_tuning_file_finish(&f);
    return ok;
}

bool wf_tuning_put(weft_device *dev, const struct wf_tuning_op *op, const struct wf_tuning_entry *e,
                   struct weft_error *err)
{
    struct wf_tuning *t = &dev->tuning;
    struct wf_tuning_row like = {.good = false};
    size_t bad = 0;
    char why[160];
    wf_lock(&t->lock);
    load(dev, op);
    bool ok = !*t->path || write_file(dev, e, err);
    ok = ok && (take_entry(dev, op, e, &like, &bad, why) || wf_fail_nomem(err, "tuning"));
    forget_answers(t);
    wf_unlock(&t->lock);
    return ok && (!bad || wf_fail(err, WEFT_PARAM, "tuning: %s", why));
}
