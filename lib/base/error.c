// Errors are values: the first one is kept, so a caller checks once, after many calls.
#include "base/error.h"
#include <stdio.h>

bool wf_failv(struct weft_error *err, enum weft_status status, const char *fmt, va_list ap)
{
    if (!err || err->status)
        return false;
    err->status = status;
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    for (char *c = err->text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
    return false;
}

bool wf_fail(struct weft_error *err, enum weft_status status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    wf_failv(err, status, fmt, ap);
    va_end(ap);
    return false;
}

bool wf_fail_in(struct weft_error *err, const char *what, const struct weft_error *inside)
{
    return wf_fail(err, inside->status, "%s: %s", what, inside->text);
}

bool wf_fail_nomem(struct weft_error *err, const char *what)
{
    return wf_fail(err, WEFT_NOMEM, "%s: out of host memory", what);
}

void wf_params_copy(void *to, size_t to_size, const void *from)
{
    memset(to, 0, to_size);
    size_t size = 0;
    if (from)
        memcpy(&size, from, sizeof size);
    if (size)
        memcpy(to, from, size < to_size ? size : to_size);
}

void wf_log(const struct wf_log *log, enum weft_log_level level, const char *fmt, ...)
{
    if (!log || !log->line)
        return;
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    log->line(log->priv, level, line);
}
