// Every call to the operating system that C11 does not have. os_posix.c holds the POSIX ones; a
// port to another system is another os_*.c.
#ifndef WF_BASE_OS_H
#define WF_BASE_OS_H
#include "base/error.h"
#include <pthread.h>

typedef pthread_mutex_t wf_mutex;
typedef pthread_cond_t wf_cond;
typedef pthread_t wf_thread;

#define WF_MUTEX_INIT PTHREAD_MUTEX_INITIALIZER // of a static one, which is never finished
bool wf_mutex_init(wf_mutex *m);
void wf_mutex_finish(wf_mutex *m);
void wf_lock(wf_mutex *m);
void wf_unlock(wf_mutex *m);
bool wf_cond_init(wf_cond *c);
void wf_cond_finish(wf_cond *c);
void wf_cond_wait(wf_cond *c, wf_mutex *m);
void wf_cond_broadcast(wf_cond *c);
// Signals are left to the host program's own threads.
bool wf_thread_start(wf_thread *t, void *(*run)(void *), void *priv);
void wf_thread_join(wf_thread t);

// Monotonic seconds.
double wf_now(void);
// NULL if unset.
const char *wf_env(const char *name);
// NULL also where it is a relative path, which the XDG rules say to ignore.
const char *wf_env_path(const char *name);

// strtod(), as in the C locale whatever that of the thread is. *end is `text` if there is no
// number, or no memory.
double wf_strtod(const char *text, char **end);

// A library at run time. The error is filled with the system's text.
void *wf_library_open(const char *name, struct weft_error *err);
void *wf_library_symbol(void *library, const char *name);
void wf_library_close(void *library);

// Text for an errno value, in a buffer of the caller's.
const char *wf_errno_text(int code, char *buffer, size_t room);

// Makes a folder and its parents, mode 0700. True if it is there afterwards.
bool wf_make_dir(const char *path, struct weft_error *err);

struct wf_dir_entry {
    const char *name;
    uint64_t bytes;
    double age; // seconds since it was last written or touched
};
// Calls each() for every regular file of a folder, or link to one, until it returns false. A
// missing folder is empty.
bool wf_dir_each(const char *path, bool (*each)(void *priv, const struct wf_dir_entry *e),
                 void *priv, struct weft_error *err);
// Seconds since the file was last written or touched; 0 where that cannot be told.
double wf_file_age(const char *path);
// Sets a file's time to now.
void wf_touch(const char *path);
// True if it is gone afterwards.
bool wf_remove(const char *path, struct weft_error *err);
bool wf_path_exists(const char *path);

struct wf_span {
    const void *data;
    size_t bytes;
};
// Writes the spans to a temporary file beside `path`, flushes it to disk if `sync`, and renames it:
// the file is there whole or as it was. It keeps its mode; a new one has 0600 if `secret`, else
// 0666, less the umask. A link stays one, to the new file. What is there and is no file, such as
// /dev/null, is left alone: WEFT_IO.
bool wf_file_replace(const char *path, const struct wf_span *spans, int n, bool sync, bool secret,
                     struct weft_error *err);

// The whole file, owned by the caller (free), with a NUL after its end that is not counted.
// WEFT_IO if it cannot be read, WEFT_FORMAT if it is larger than `max`.
bool wf_file_read(const char *path, size_t max, void **data, size_t *bytes, struct weft_error *err);

// The file mapped read-only, or read where that is not possible.
struct wf_map {
    void *data;
    size_t bytes;
    bool mapped;
};
bool wf_map_open(struct wf_map *m, const char *path, struct weft_error *err);
void wf_map_close(struct wf_map *m);

#endif
