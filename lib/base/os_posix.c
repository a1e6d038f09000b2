// The operating system, POSIX side.
#define _XOPEN_SOURCE 700 // realpath()
#include "base/os.h"
#include "base/text.h"
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool wf_mutex_init(wf_mutex *m)
{
    return !pthread_mutex_init(m, NULL);
}

void wf_mutex_finish(wf_mutex *m)
{
    pthread_mutex_destroy(m);
}

void wf_lock(wf_mutex *m)
{
    pthread_mutex_lock(m);
}

void wf_unlock(wf_mutex *m)
{
    pthread_mutex_unlock(m);
}

bool wf_cond_init(wf_cond *c)
{
    return !pthread_cond_init(c, NULL);
}

void wf_cond_finish(wf_cond *c)
{
    pthread_cond_destroy(c);
}

void wf_cond_wait(wf_cond *c, wf_mutex *m)
{
    pthread_cond_wait(c, m);
}

void wf_cond_broadcast(wf_cond *c)
{
    pthread_cond_broadcast(c);
}

bool wf_thread_start(wf_thread *t, void *(*run)(void *), void *priv)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    bool ok = !pthread_create(t, NULL, run, priv);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ok;
}

void wf_thread_join(wf_thread t)
{
    pthread_join(t, NULL);
}

double wf_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

const char *wf_env(const char *name)
{
    return getenv(name);
}

const char *wf_env_path(const char *name)
{
    const char *value = wf_env(name);
    return value && *value == '/' ? value : NULL;
}

double wf_strtod(const char *text, char **end)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    *end = (char *)text;
    if (c == (locale_t)0)
        return 0;
    locale_t old = uselocale(c);
    double value = strtod(text, end);
    uselocale(old);
    freelocale(c);
    return value;
}

void *wf_library_open(const char *name, struct weft_error *err)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        wf_fail(err, WEFT_UNSUPPORTED, "%s", dlerror());
    return library;
}

void *wf_library_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

void wf_library_close(void *library)
{
    if (library)
        dlclose(library);
}

const char *wf_errno_text(int code, char *buffer, size_t room)
{
    if (strerror_r(code, buffer, room))
        snprintf(buffer, room, "error %d", code);
    return buffer;
}

static bool fail_errno(struct weft_error *err, const char *path, const char *what)
{
    char text[128];
    return wf_fail(err, errno == ENOMEM ? WEFT_NOMEM : WEFT_IO, "%s: %s: %s", path, what,
                   wf_errno_text(errno, text, sizeof text));
}

bool wf_make_dir(const char *path, struct weft_error *err)
{
    char part[1024];
    if (!*path || !wf_copy_text(part, sizeof part, path))
        return wf_fail(err, WEFT_IO, "%s: the path is empty or too long", path);
    for (char *c = part + 1; *c; c++) {
        if (*c != '/')
            continue;
        *c = 0;
        mkdir(part, 0700);
        *c = '/';
    }
    if (mkdir(part, 0700) && errno != EEXIST)
        return fail_errno(err, path, "the folder cannot be made");
    struct stat st;
    if (stat(part, &st) || !S_ISDIR(st.st_mode))
        return wf_fail(err, WEFT_IO, "%s: is not a folder", path);
    return true;
}

static double seconds_between(struct timespec from, struct timespec to)
{
    return difftime(to.tv_sec, from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

bool wf_dir_each(const char *path, bool (*each)(void *priv, const struct wf_dir_entry *e),
                 void *priv, struct weft_error *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? true : fail_errno(err, path, "the folder cannot be read");
    struct timespec now; // one for all: so that ages tell which file is the older
    clock_gettime(CLOCK_REALTIME, &now);
    for (struct dirent *d; (d = readdir(dir));) {
        struct stat st;
        if (fstatat(dirfd(dir), d->d_name, &st, 0) || !S_ISREG(st.st_mode))
            continue;
        struct wf_dir_entry e = {.name = d->d_name, .bytes = (uint64_t)st.st_size};
        e.age = seconds_between(st.st_mtim, now);
        if (!each(priv, &e))
            break;
    }
    closedir(dir);
    return true;
}

double wf_file_age(const char *path)
{
    struct timespec now;
    struct stat st;
    if (stat(path, &st) || clock_gettime(CLOCK_REALTIME, &now))
        return 0;
    return seconds_between(st.st_mtim, now);
}

void wf_touch(const char *path)
{
    utimensat(AT_FDCWD, path, NULL, 0);
}

bool wf_remove(const char *path, struct weft_error *err)
{
    if (unlink(path) && errno != ENOENT)
        return fail_errno(err, path, "cannot be removed");
    return true;
}

bool wf_path_exists(const char *path)
{
    return !access(path, F_OK);
}

static bool write_all(int fd, const void *data, size_t bytes)
{
    for (const char *at = data; bytes;) {
        ssize_t n = write(fd, at, bytes < (1u << 30) ? bytes : 1u << 30);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

// A new file beside `path`, whose name is put in *name. Not mkstemp(), which would need the umask,
// a process-wide thing, to give the file its usual mode.
static int open_temporary(const char *path, bool secret, struct wf_text *name)
{
    for (int tries = 0; tries < 100; tries++) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        name->length = 0;
        wf_text_add(name, "%s.%ld-%ld-%d.tmp", path, (long)getpid(), t.tv_nsec, tries);
        if (name->failed) {
            errno = ENOMEM;
            return -1;
        }
        int fd = open(name->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

static bool write_spans(int fd, const struct wf_span *spans, int n, bool sync)
{
    for (int i = 0; i < n; i++) {
        if (!write_all(fd, spans[i].data, spans[i].bytes))
            return false;
    }
    return !sync || !fsync(fd);
}

// The file that a rename should replace is `path`, which is no link.
static bool replace(const char *path, const struct wf_span *spans, int n, bool sync, bool secret,
                    struct weft_error *err)
{
    struct stat st; // a rename would put a file in the place of /dev/null
    bool old = !stat(path, &st);
    if (old && !S_ISREG(st.st_mode))
        return wf_fail(err, WEFT_IO, "%s: is not a file", path);
    struct wf_text name = {0};
    int fd = open_temporary(path, secret, &name);
    bool ok =
        fd >= 0 && (!old || !fchmod(fd, st.st_mode & 07777)) && write_spans(fd, spans, n, sync);
    if (!ok)
        fail_errno(err, path, "cannot be written");
    if (fd >= 0 && close(fd) && ok)
        ok = fail_errno(err, path, "cannot be written");
    if (ok && rename(name.data, path))
        ok = fail_errno(err, path, "cannot be replaced");
    if (!ok && fd >= 0)
        unlink(name.data);
    wf_text_finish(&name);
    return ok;
}

bool wf_file_replace(const char *path, const struct wf_span *spans, int n, bool sync, bool secret,
                     struct weft_error *err)
{
    struct stat st;
    bool link = !lstat(path, &st) && S_ISLNK(st.st_mode);
    char *target = link ? realpath(path, NULL) : NULL;
    bool ok = link && !target ? fail_errno(err, path, "is a link that leads nowhere")
                              : replace(target ? target : path, spans, n, sync, secret, err);
    free(target);
    return ok;
}

static bool read_all(int fd, char *to, size_t bytes)
{
    while (bytes) {
        ssize_t n = read(fd, to, bytes < (1u << 30) ? bytes : 1u << 30);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (!n)
                errno = EIO;
            return false;
        }
        to += n;
        bytes -= (size_t)n;
    }
    return true;
}

static int open_file(const char *path, size_t *bytes, struct weft_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe without a writer would block
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) {
        fail_errno(err, path, "cannot be read");
    } else if (!S_ISREG(st.st_mode)) {
        wf_fail(err, WEFT_IO, "%s: is not a file", path);
    } else {
        *bytes = (size_t)st.st_size;
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

bool wf_file_read(const char *path, size_t max, void **data, size_t *bytes, struct weft_error *err)
{
    int fd = open_file(path, bytes, err);
    if (fd < 0)
        return false;
    char *to = NULL;
    bool ok = false;
    if (*bytes > max)
        wf_fail(err, WEFT_FORMAT, "%s: has %zu bytes, wanted at most %zu", path, *bytes, max);
    else if (!(to = malloc(*bytes + 1)))
        wf_fail_nomem(err, path);
    else if (!(ok = read_all(fd, to, *bytes)))
        fail_errno(err, path, "cannot be read");
    close(fd);
    if (!ok) {
        free(to);
        return false;
    }
    to[*bytes] = 0;
    *data = to;
    return true;
}

bool wf_map_open(struct wf_map *m, const char *path, struct weft_error *err)
{
    *m = (struct wf_map){0};
    int fd = open_file(path, &m->bytes, err);
    if (fd < 0)
        return false;
    void *data = m->bytes ? mmap(NULL, m->bytes, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (data == MAP_FAILED)
        return wf_file_read(path, SIZE_MAX - 1, &m->data, &m->bytes, err);
    m->data = data;
    m->mapped = true;
    return true;
}

void wf_map_close(struct wf_map *m)
{
    if (m->mapped)
        munmap(m->data, m->bytes);
    else
        free(m->data);
    *m = (struct wf_map){0};
}
