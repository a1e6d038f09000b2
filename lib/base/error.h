// First-error-wins errors, params structs of any age, and the log callback.
#ifndef WF_BASE_ERROR_H
#define WF_BASE_ERROR_H
#include <stdarg.h>
#include <string.h>
#include <weft/device.h>

#ifdef __GNUC__
#define WF_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define WF_PRINTF(f, a)
#endif

// Fills *err (may be NULL) unless it holds an error already, and returns false. A text too long for
// the struct is cut, control characters become spaces.
bool wf_fail(struct weft_error *err, enum weft_status status, const char *fmt, ...) WF_PRINTF(3, 4);
bool wf_failv(struct weft_error *err, enum weft_status status, const char *fmt, va_list ap)
    WF_PRINTF(3, 0);
// Passes on an error of something inside as one of `what`: "WHAT: TEXT". Returns false.
bool wf_fail_in(struct weft_error *err, const char *what, const struct weft_error *inside);
// WEFT_NOMEM for host memory. Returns false.
bool wf_fail_nomem(struct weft_error *err, const char *what);

// Copies a params struct, whose first member is its size, into one that may be newer: what the
// caller's struct does not have is zero. `from` may be NULL.
void wf_params_copy(void *to, size_t to_size, const void *from);
#define WF_PARAMS(to, from) wf_params_copy(&(to), sizeof(to), (from))

struct wf_log {
    void (*line)(void *priv, enum weft_log_level level, const char *line); // NULL: none
    void *priv;
};
void wf_log(const struct wf_log *log, enum weft_log_level level, const char *fmt, ...)
    WF_PRINTF(3, 4);

#endif
