// Text that grows, and small helpers for fixed buffers.
#ifndef WF_BASE_TEXT_H
#define WF_BASE_TEXT_H
#include "base/error.h"

// Begins as {0}. Running out of memory sets `failed` and makes further additions do nothing, so a
// caller checks once at the end.
struct wf_text {
    char *data; // ends in NUL; NULL while empty
    size_t length, room;
    bool failed;
};
void wf_text_add(struct wf_text *t, const char *fmt, ...) WF_PRINTF(2, 3);
void wf_text_addn(struct wf_text *t, const char *data, size_t n);
// The text, never NULL.
const char *wf_text_get(const struct wf_text *t);
void wf_text_finish(struct wf_text *t);

// Copies and always ends with NUL; false if `from` was cut. NULL copies as "".
bool wf_copy_text(char *to, size_t room, const char *from);
// Is `part` in `text`, whatever the case of ASCII letters?
bool wf_contains_nocase(const char *text, const char *part);
bool wf_equal_nocase(const char *a, const char *b);
bool wf_begins(const char *text, const char *prefix);
// Is it UTF-8 by the standard: no surrogates, nothing above U+10FFFF, nothing longer than need be?
bool wf_is_utf8(const char *text);
// Owned copy; NULL when out of memory or for NULL.
char *wf_strdup(const char *text);

// "[64,1,28,28]" in a buffer of the caller's, which is returned.
struct wf_shape_buffer {
    char text[8 * 21 + 3];
};
const char *wf_shape_text(struct wf_shape_buffer *b, int ndim, const int64_t *shape);
#define WF_SHAPE(ndim, shape) wf_shape_text(&(struct wf_shape_buffer){{0}}, (ndim), (shape))
// "1.5 GiB", likewise.
const char *wf_bytes_text(struct wf_shape_buffer *b, uint64_t bytes);
#define WF_BYTES(bytes) wf_bytes_text(&(struct wf_shape_buffer){{0}}, (bytes))

// Reads a size such as "512M" (K, M, G: powers of 1024); false if the text is none.
bool wf_parse_bytes(const char *text, uint64_t *bytes);

#endif
