// Writing is all that the command does with JSON, so it needs no library for it.
#include "json.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

// RFC 3629, section 4.
int utf8_sequence(const unsigned char *c)
{
    if (*c < 0x80)
        return 1;
    int n = *c >= 0xc2 && *c < 0xe0   ? 2
            : *c >= 0xe0 && *c < 0xf0 ? 3
            : *c >= 0xf0 && *c < 0xf5 ? 4
                                      : 0;
    unsigned least = *c == 0xe0 ? 0xa0 : *c == 0xf0 ? 0x90 : 0x80;
    unsigned most = *c == 0xed ? 0x9f : *c == 0xf4 ? 0x8f : 0xbf;
    if (n && (c[1] < least || c[1] > most))
        return 0;
    for (int i = 2; i < n; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

bool json_is_utf8(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    int n = 1;
    for (; n && *c; c += n)
        n = utf8_sequence(c);
    return n;
}

static void put_text(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    putchar('"');
    for (int n; *c; c += n ? n : 1) {
        n = utf8_sequence(c);
        if (*c == '"' || *c == '\\')
            printf("\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f)
            printf("\\u%04x", *c);
        else if (n)
            printf("%.*s", n, (const char *)c);
        else
            fputs("\\ufffd", stdout);
    }
    putchar('"');
}

static void next(struct json *j, const char *key)
{
    if (j->line)
        fputs(j->more ? ", " : "", stdout);
    else if (j->depth)
        printf("%s\n%*s", j->more ? "," : "", 2 * j->depth, "");
    j->more = true;
    if (!key)
        return;
    put_text(key);
    fputs(": ", stdout);
}

void json_begin(struct json *j, const char *key, char bracket)
{
    next(j, key);
    putchar(bracket);
    j->depth++;
    j->more = false;
}

void json_end(struct json *j, char bracket)
{
    j->depth--;
    if (j->more && !j->line)
        printf("\n%*s", 2 * j->depth, "");
    putchar(bracket);
    j->more = true;
    if (!j->depth)
        putchar('\n');
}

void json_text(struct json *j, const char *key, const char *text)
{
    if (!text) {
        json_null(j, key);
        return;
    }
    next(j, key);
    put_text(text);
}

void json_count(struct json *j, const char *key, uint64_t v)
{
    next(j, key);
    printf("%" PRIu64, v);
}

void json_number(struct json *j, const char *key, double v)
{
    if (!isfinite(v)) {
        json_null(j, key);
        return;
    }
    next(j, key);
    printf("%.6g", v);
}

void json_bool(struct json *j, const char *key, bool v)
{
    next(j, key);
    fputs(v ? "true" : "false", stdout);
}

void json_null(struct json *j, const char *key)
{
    next(j, key);
    fputs("null", stdout);
}
