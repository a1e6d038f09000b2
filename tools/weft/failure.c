// The first error is the one that is reported.
#include "failure.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool failure(struct weft_error *err, enum weft_status status, const char *fmt, ...)
{
    if (err->status)
        return false;
    va_list ap;
    va_start(ap, fmt);
    err->status = status;
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    return false;
}

bool failure_errno(struct weft_error *err, const char *path)
{
    return failure(err, WEFT_IO, "%s: %s", path, strerror(errno ? errno : EIO));
}

bool scope_is_fine(const weft_scope *s, struct weft_error *err)
{
    const struct weft_error *e = weft_scope_error(s);
    return !e->status || failure(err, e->status, "%s", e->text);
}
