// The kernel store on disk. Nothing here is an error for the caller: an entry that is missing, cut,
// flipped or made for another key is a miss, and then the kernel is compiled. There is no lock: an
// entry is one file that is renamed into place, so a reader finds all of it or none.
#include "dev/store.h"
#include "base/hash.h"
#include "base/text.h"
#include <stdio.h>
#include <stdlib.h>

enum { HEAD = 40, NAME = 36 }; // bytes before the key; "<32 hexadecimal digits>.krn"

static const char magic[8] = "weftkrn1";
static const uint64_t default_limit = 256u << 20;
static const double hour = 3600;

struct path {
    char text[sizeof(struct wf_store) + sizeof(struct wf_store_file)]; // a folder, '/', a name
};

static void set_dir(struct wf_store *st, const char *dir, const char *below)
{
    int n = snprintf(st->dir, sizeof st->dir, "%s%s", dir, below);
    if (n >= 0 && (size_t)n < sizeof st->dir)
        return;
    st->dir[0] = 0;
    wf_log(st->log, WEFT_LOG_WARN, "cache: the path has %d bytes, at most %zu fit: no cache", n,
           sizeof st->dir - 1);
}

void wf_store_init(struct wf_store *st, const struct weft_device_params *p,
                   const struct wf_log *log)
{
    struct weft_device_params params;
    WF_PARAMS(params, p);
    *st = (struct wf_store){.limit = params.cache_limit, .log = log};
    if (!st->limit)
        st->limit = default_limit;
    const char *dir = params.cache_dir;
    if (!dir && !params.no_env)
        dir = wf_env("WEFT_CACHE");
    if (dir) {
        set_dir(st, dir, "");
    } else if ((dir = wf_env_path("XDG_CACHE_HOME"))) {
        set_dir(st, dir, "/weft");
    } else if ((dir = wf_env_path("HOME"))) {
        set_dir(st, dir, "/.cache/weft");
    } else {
        wf_log(log, WEFT_LOG_INFO, "cache: neither HOME nor XDG_CACHE_HOME is set: no cache");
    }
}

static const char *path_of(struct wf_store *st, const char *name, struct path *path)
{
    snprintf(path->text, sizeof path->text, "%s/%s", st->dir, name);
    return path->text;
}

static const char *path_of_key(struct wf_store *st, const void *key, size_t key_bytes,
                               struct path *path)
{
    char name[NAME + 1];
    wf_hash_hex(wf_hash(key, key_bytes), name);
    memcpy(name + 32, ".krn", 5);
    return path_of(st, name, path);
}

static void put_u64(unsigned char *to, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)(v >> 8 * i);
}

// The head of a file whose key and payload, one after the other, are at `body`.
static void make_head(unsigned char head[HEAD], const void *body, size_t key_bytes,
                      size_t payload_bytes)
{
    struct wf_hash h = wf_hash(body, key_bytes + payload_bytes);
    memcpy(head, magic, sizeof magic);
    put_u64(head + 8, key_bytes);
    put_u64(head + 16, payload_bytes);
    put_u64(head + 24, h.lo);
    put_u64(head + 32, h.hi);
}

// Is the file what a save with this key has written?
static bool is_whole(const unsigned char *file, size_t bytes, const void *key, size_t key_bytes)
{
    if (bytes < HEAD || bytes - HEAD < key_bytes)
        return false;
    unsigned char head[HEAD];
    make_head(head, file + HEAD, key_bytes, bytes - HEAD - key_bytes);
    return !memcmp(file, head, HEAD) && !memcmp(file + HEAD, key, key_bytes);
}

static void log_error(struct wf_store *st, const struct weft_error *err)
{
    if (!err->status)
        return;
    bool again = atomic_exchange(&st->warned, true);
    wf_log(st->log, again ? WEFT_LOG_DEBUG : WEFT_LOG_WARN, "cache: %s", err->text);
}

static void discard(struct wf_store *st, const char *path)
{
    struct weft_error err = {0};
    if (wf_remove(path, &err))
        wf_log(st->log, WEFT_LOG_INFO, "cache: %s: is damaged or too large: removed", path);
    log_error(st, &err);
}

bool wf_store_load(struct wf_store *st, const void *key, size_t key_bytes, void **payload,
                   size_t *payload_bytes)
{
    if (!*st->dir)
        return false;
    struct path path;
    path_of_key(st, key, key_bytes, &path);
    struct weft_error err = {0};
    void *file = NULL;
    size_t bytes = 0, max = st->limit < SIZE_MAX ? (size_t)st->limit : SIZE_MAX - 1;
    // Mostly there is no file, or another process has just removed it. If it is something worse,
    // the save that follows says so.
    if (!wf_file_read(path.text, max, &file, &bytes, &err) && err.status != WEFT_FORMAT)
        return false;
    if (!file || !is_whole(file, bytes, key, key_bytes)) {
        free(file);
        discard(st, path.text);
        return false;
    }
    if (wf_file_age(path.text) > hour) // not at each load: it is a write
        wf_touch(path.text);
    *payload_bytes = bytes - HEAD - key_bytes;
    memmove(file, (char *)file + HEAD + key_bytes, *payload_bytes);
    *payload = file;
    return true;
}

static bool write_entry(struct wf_store *st, const char *path, const void *body,
                        const unsigned char *head, size_t body_bytes)
{
    struct weft_error err = {0};
    struct wf_span spans[] = {{head, HEAD}, {body, body_bytes}};
    bool ok = wf_make_dir(st->dir, &err) && wf_file_replace(path, spans, 2, false, true, &err);
    log_error(st, &err);
    return ok;
}

static bool is_too_large(struct wf_store *st, size_t key_bytes, size_t payload_bytes)
{
    uint64_t room = st->limit < SIZE_MAX ? st->limit : SIZE_MAX;
    bool fits =
        room >= HEAD && room - HEAD >= key_bytes && room - HEAD - key_bytes >= payload_bytes;
    if (!fits)
        wf_log(st->log, WEFT_LOG_INFO, "cache: %s to store, at most %s fit",
               WF_BYTES(payload_bytes), WF_BYTES(st->limit));
    return !fits;
}

static int compare_ages(const void *a, const void *b)
{
    const struct wf_store_file *x = a, *y = b;
    return (x->age < y->age) - (x->age > y->age);
}

// Oldest out until the sum is within the limit, and what a process that died left behind. The entry
// called `keep` stays.
static void evict(struct wf_store *st, const char *keep)
{
    struct weft_error err = {0};
    struct wf_store_list list = {0};
    uint64_t sum = 0;
    wf_store_files(st, &list, &err);
    for (size_t i = 0; i < list.count; i++)
        sum += list.file[i].temporary ? 0 : list.file[i].bytes;
    if (list.count)
        qsort(list.file, list.count, sizeof *list.file, compare_ages);
    for (size_t i = 0; i < list.count; i++) {
        const struct wf_store_file *f = &list.file[i];
        if (f->temporary ? f->age <= hour : sum <= st->limit || !strcmp(f->name, keep))
            continue;
        if (wf_store_remove(st, f, &err) && !f->temporary)
            sum -= f->bytes;
    }
    wf_store_list_finish(&list);
    log_error(st, &err);
}

bool wf_store_save(struct wf_store *st, const void *key, size_t key_bytes, const void *payload,
                   size_t payload_bytes)
{
    if (!*st->dir || is_too_large(st, key_bytes, payload_bytes))
        return false;
    char *body = malloc(key_bytes + payload_bytes + 1);
    if (!body)
        return false;
    if (key_bytes)
        memcpy(body, key, key_bytes);
    if (payload_bytes)
        memcpy(body + key_bytes, payload, payload_bytes);
    unsigned char head[HEAD];
    make_head(head, body, key_bytes, payload_bytes);
    struct path path;
    path_of_key(st, key, key_bytes, &path);
    bool ok = write_entry(st, path.text, body, head, key_bytes + payload_bytes);
    free(body);
    if (ok)
        evict(st, strrchr(path.text, '/') + 1);
    return ok;
}

void wf_store_drop(struct wf_store *st, const void *key, size_t key_bytes)
{
    struct weft_error err = {0};
    struct path path;
    if (*st->dir)
        wf_remove(path_of_key(st, key, key_bytes, &path), &err);
    log_error(st, &err);
}

// Our names are "<hash>.krn" and, by wf_file_replace(), "<hash>.krn.<numbers>.tmp".
static bool is_ours(const char *name, bool *temporary)
{
    if (strspn(name, "0123456789abcdef") != 32 || strncmp(name + 32, ".krn", 4))
        return false;
    const char *rest = name + NAME;
    *temporary = *rest == '.';
    if (!*rest)
        return true;
    size_t numbers = *temporary ? strspn(rest + 1, "0123456789-") : 0;
    return numbers && !strcmp(rest + 1 + numbers, ".tmp");
}

static bool add_file(void *priv, const struct wf_dir_entry *e)
{
    struct wf_store_list *list = priv;
    struct wf_store_file f = {.bytes = e->bytes, .age = e->age};
    if (!wf_copy_text(f.name, sizeof f.name, e->name) || !is_ours(f.name, &f.temporary))
        return true;
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        struct wf_store_file *file = realloc(list->file, room * sizeof *file);
        if (!file) {
            list->failed = true;
            return false;
        }
        list->file = file;
        list->room = room;
    }
    list->file[list->count++] = f;
    return true;
}

bool wf_store_files(struct wf_store *st, struct wf_store_list *list, struct weft_error *err)
{
    *list = (struct wf_store_list){0};
    if (!*st->dir)
        return true;
    bool ok = wf_dir_each(st->dir, add_file, list, err);
    return list->failed ? wf_fail_nomem(err, "cache") : ok;
}

void wf_store_list_finish(struct wf_store_list *list)
{
    free(list->file);
    *list = (struct wf_store_list){0};
}

bool wf_store_remove(struct wf_store *st, const struct wf_store_file *file, struct weft_error *err)
{
    struct path path;
    return wf_remove(path_of(st, file->name, &path), err);
}
