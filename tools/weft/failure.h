// Errors of the command's own, in the form that the library's have.
#ifndef FAILURE_H
#define FAILURE_H
#include <weft/weft.h>

// Fills *err unless there is an error in it already. Both return false.
#if defined __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
bool failure(struct weft_error *err, enum weft_status status, const char *fmt, ...);
// WEFT_IO: what errno says of `path`.
bool failure_errno(struct weft_error *err, const char *path);
// The error of a scope, if it has one; true if it has none.
bool scope_is_fine(const weft_scope *s, struct weft_error *err);

#endif
