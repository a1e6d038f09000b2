// Text that grows, and small helpers for fixed buffers. Numbers are written and read without the
// help of the locale, which belongs to the host program.
#include "base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool reserve(struct wf_text *t, size_t more)
{
    if (t->failed)
        return false;
    if (t->length + more + 1 <= t->room)
        return true;
    size_t room = (t->length + more + 1) * 2;
    char *data = realloc(t->data, room);
    if (!data) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->room = room;
    return true;
}

void wf_text_addn(struct wf_text *t, const char *data, size_t n)
{
    if (!reserve(t, n))
        return;
    if (n)
        memcpy(t->data + t->length, data, n);
    t->length += n;
    t->data[t->length] = 0;
}

void wf_text_add(struct wf_text *t, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0 && reserve(t, (size_t)n)) {
        vsnprintf(t->data + t->length, (size_t)n + 1, fmt, again);
        t->length += (size_t)n;
    }
    va_end(again);
}

const char *wf_text_get(const struct wf_text *t)
{
    return t->data ? t->data : "";
}

void wf_text_finish(struct wf_text *t)
{
    free(t->data);
    *t = (struct wf_text){0};
}

bool wf_copy_text(char *to, size_t room, const char *from)
{
    size_t n = from ? strlen(from) : 0;
    bool fits = n < room;
    if (!fits)
        n = room - 1;
    if (n)
        memcpy(to, from, n);
    to[n] = 0;
    return fits;
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool begins_nocase(const char *text, const char *prefix)
{
    for (; *prefix; text++, prefix++) {
        if (lower(*text) != lower(*prefix))
            return false;
    }
    return true;
}

bool wf_contains_nocase(const char *text, const char *part)
{
    for (;; text++) {
        if (begins_nocase(text, part))
            return true;
        if (!*text)
            return false;
    }
}

bool wf_equal_nocase(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && begins_nocase(a, b);
}

bool wf_begins(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

// Bytes that follow the first of a character; -1 where none can begin so.
static int more_bytes(unsigned char first)
{
    return first < 0x80                    ? 0
           : first >= 0xc2 && first < 0xe0 ? 1
           : first >= 0xe0 && first < 0xf0 ? 2
           : first >= 0xf0 && first < 0xf5 ? 3
                                           : -1;
}

bool wf_is_utf8(const char *text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        int more = more_bytes(*c);
        if (more < 0)
            return false;
        uint32_t code = more ? *c & (0x3fu >> more) : *c;
        c++;
        for (int i = 0; i < more; i++, c++) {
            if ((*c & 0xc0) != 0x80)
                return false;
            code = code << 6 | (*c & 0x3f);
        }
        if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
            return false;
    }
    return true;
}

char *wf_strdup(const char *text)
{
    if (!text)
        return NULL;
    size_t n = strlen(text) + 1;
    char *copy = malloc(n);
    if (copy)
        memcpy(copy, text, n);
    return copy;
}

const char *wf_shape_text(struct wf_shape_buffer *b, int ndim, const int64_t *shape)
{
    size_t at = 0;
    b->text[at++] = '[';
    for (int i = 0; i < ndim && i < 8; i++)
        at += (size_t)snprintf(b->text + at, sizeof b->text - at, i ? ",%" PRId64 : "%" PRId64,
                               shape[i]);
    b->text[at++] = ']';
    b->text[at] = 0;
    return b->text;
}

const char *wf_bytes_text(struct wf_shape_buffer *b, uint64_t bytes)
{
    static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    int u = bytes > UINT64_MAX / 16;
    uint64_t tenths = (u ? bytes / 1024 : bytes) * 10;
    while (tenths >= 10240 && u < 4) {
        tenths = (tenths + 512) / 1024;
        u++;
    }
    if (tenths % 10 && u)
        snprintf(b->text, sizeof b->text, "%" PRIu64 ".%d %s", tenths / 10, (int)(tenths % 10),
                 unit[u]);
    else
        snprintf(b->text, sizeof b->text, "%" PRIu64 " %s", tenths / 10, unit[u]);
    return b->text;
}

bool wf_parse_bytes(const char *text, uint64_t *bytes)
{
    uint64_t n = 0;
    const char *c = text;
    for (; *c >= '0' && *c <= '9'; c++) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*c - '0');
    }
    if (c == text)
        return false;
    static const char suffix[] = "KMG";
    const char *s = *c ? strchr(suffix, *c >= 'a' ? *c - 'a' + 'A' : *c) : NULL;
    int shift = s ? 10 * (int)(s - suffix + 1) : 0;
    if (s)
        c++;
    if (*c || n > UINT64_MAX >> shift)
        return false;
    *bytes = n << shift;
    return true;
}
