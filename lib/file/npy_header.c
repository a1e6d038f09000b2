// The header of an npy file, by the specification in numpy.lib.format: 6 bytes of magic, version
// (1.0, 2.0 or 3.0), the length of what follows (2 bytes in version 1, else 4, little endian), and
// a Python dict literal with the keys 'descr', 'fortran_order' and 'shape', in any order, padded
// with spaces and a newline.
#include "base/text.h"
#include "file/npy.h"
#include <stdio.h>
#include <stdlib.h>

#define MAGIC    "\x93NUMPY"
#define READABLE "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1"

// A walk through the dict.
struct reader {
    struct wf_npy *h;
    const char *shown; // the file's name
    const char *at, *end;
    struct weft_error *err;
};

static bool wrong(const struct reader *r, const char *what)
{
    return wf_fail(r->err, WEFT_FORMAT, "%s: npy header: %s", r->shown, what);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// The next character that is no space; 0 at the end.
static char peek(struct reader *r)
{
    while (r->at < r->end && is_space(*r->at))
        r->at++;
    return r->at < r->end ? *r->at : 0;
}

static bool accept(struct reader *r, char c)
{
    if (peek(r) != c)
        return false;
    r->at++;
    return true;
}

// A string literal without escapes, which is cut to the room in *text.
static bool read_text(struct reader *r, char *text, size_t room)
{
    char quote = peek(r);
    if (quote != '\'' && quote != '"')
        return wrong(r, "a string is missing");
    const char *begin = ++r->at;
    while (r->at < r->end && *r->at != quote && *r->at != '\\' && *r->at)
        r->at++;
    if (r->at == r->end || *r->at != quote)
        return wrong(r, "a string does not end, or has an escape or a NUL in it");
    size_t n = (size_t)(r->at++ - begin);
    n = n < room ? n : room - 1;
    memcpy(text, begin, n);
    text[n] = 0;
    return true;
}

static bool unreadable(const struct reader *r, const char *what, int length)
{
    return wf_fail(r->err, WEFT_DTYPE, "%s: npy dtype is %.*s, wanted " READABLE, r->shown,
                   length < 40 ? length : 40, what);
}

static const struct {
    char name[4];
    enum weft_dtype dtype;
} dtypes[] = {
    {"f2", WEFT_F16}, {"f4", WEFT_F32}, {"f8", WEFT_F64}, {"i1", WEFT_I8},
    {"i2", WEFT_I32}, {"i4", WEFT_I32}, {"i8", WEFT_I64}, {"u1", WEFT_U8},
    {"u2", WEFT_I32}, {"u4", WEFT_I64}, {"u8", WEFT_I64}, {"b1", WEFT_BOOL},
};

static bool read_dtype(struct reader *r)
{
    char text[40];
    if (peek(r) == '[') // fields: what follows need not be read
        return unreadable(r, r->at, (int)(r->end - r->at < 40 ? r->end - r->at : 40));
    if (!read_text(r, text, sizeof text))
        return false;
    const char *name = text + (text[0] && strchr("<>=|", text[0]) != NULL);
    r->h->big_endian = text[0] == '>';
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        if (strcmp(name, dtypes[i].name))
            continue;
        r->h->tensor.dtype = dtypes[i].dtype;
        r->h->kind = name[0];
        r->h->item = name[1] - '0';
        return true;
    }
    char quoted[48];
    return unreadable(r, quoted, snprintf(quoted, sizeof quoted, "'%s'", text));
}

static bool read_order(struct reader *r)
{
    static const char *const word[] = {"False", "True"};
    peek(r);
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(word[i]);
        if ((size_t)(r->end - r->at) < n || memcmp(r->at, word[i], n))
            continue;
        r->at += n;
        r->h->fortran = i;
        return true;
    }
    return wrong(r, "fortran_order is not True or False");
}

static bool read_size(struct reader *r, int64_t *size)
{
    const char *begin = r->at;
    *size = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        if (*size > (INT64_MAX - 9) / 10)
            return wrong(r, "a dimension is beyond 2^63");
        *size = *size * 10 + (*r->at - '0');
    }
    if (r->at == begin || (*begin == '0' && r->at - begin > 1))
        return wrong(r, "shape is not a tuple of sizes");
    accept(r, 'L'); // as Python 2 wrote it
    return true;
}

// (), (3,) or (3, 4): one number in parentheses is no tuple.
static bool read_shape(struct reader *r)
{
    struct weft_file_tensor *t = &r->h->tensor;
    bool comma = true;
    if (!accept(r, '('))
        return wrong(r, "shape is not a tuple of sizes");
    t->ndim = 0;
    while (peek(r) != ')') {
        if (!comma)
            return wrong(r, "shape is not a tuple of sizes");
        if (t->ndim == WEFT_MAX_DIMS)
            return wf_fail(r->err, WEFT_FORMAT, "%s: npy array has more than %d dimensions",
                           r->shown, WEFT_MAX_DIMS);
        if (!read_size(r, &t->shape[t->ndim++]))
            return false;
        comma = accept(r, ',');
    }
    if (t->ndim == 1 && !comma)
        return wrong(r, "shape is not a tuple of sizes");
    return accept(r, ')');
}

static const struct {
    const char *name;
    bool (*read)(struct reader *r);
} keys[] = {{"descr", read_dtype}, {"fortran_order", read_order}, {"shape", read_shape}};
enum { KEYS = sizeof keys / sizeof *keys };

static bool read_member(struct reader *r, bool *seen)
{
    char name[40];
    if (!read_text(r, name, sizeof name))
        return false;
    int k = 0;
    while (k < KEYS && strcmp(keys[k].name, name))
        k++;
    if (k == KEYS || seen[k])
        return wf_fail(r->err, WEFT_FORMAT,
                       "%s: npy header: key '%s'%s, wanted descr, fortran_order and shape, once",
                       r->shown, name, k < KEYS ? " again" : "");
    seen[k] = true;
    return (accept(r, ':') || wrong(r, "a key without a value")) && keys[k].read(r);
}

static bool read_dict(struct reader *r)
{
    bool seen[KEYS] = {false}, comma = true;
    if (!accept(r, '{'))
        return wrong(r, "it is no Python dict");
    while (peek(r) != '}') {
        if (!comma)
            return wrong(r, "it is no Python dict");
        if (!read_member(r, seen))
            return false;
        comma = accept(r, ',');
    }
    r->at++;
    if (peek(r) || r->at != r->end)
        return wrong(r, "something follows the dict");
    for (int k = 0; k < KEYS; k++) {
        if (!seen[k])
            return wf_fail(r->err, WEFT_FORMAT, "%s: npy header: %s is missing", r->shown,
                           keys[k].name);
    }
    return true;
}

// Elements, or false if a product of sizes overflows. A size of 0 does not excuse the others: so no
// product or stride of the shape overflows later on.
static bool count(const struct weft_file_tensor *t, int item, uint64_t *elements)
{
    int64_t product = item;
    bool empty = false;
    for (int i = 0; i < t->ndim; i++) {
        int64_t n = t->shape[i];
        if (n < 0 || (n && product > INT64_MAX / n))
            return false;
        product *= n ? n : 1;
        empty |= !n;
    }
    *elements = empty ? 0 : (uint64_t)(product / item);
    return true;
}

static bool check_bytes(struct wf_npy *h, const char *shown, uint64_t total, struct weft_error *err)
{
    const struct weft_file_tensor *t = &h->tensor;
    int size = (int)weft_dtype_size(t->dtype);
    uint64_t elements = 0, has = total - h->begin;
    if (!count(t, size > h->item ? size : h->item, &elements))
        return wf_fail(err, WEFT_FORMAT, "%s: npy shape %s is more than memory can hold", shown,
                       WF_SHAPE(t->ndim, t->shape));
    h->bytes = elements * (uint64_t)h->item;
    h->weft_bytes = elements * (uint64_t)size;
    if (h->bytes == has)
        return true;
    return wf_fail(err, WEFT_FORMAT, "%s: has %llu bytes of data, its header %c%d %s wants %llu",
                   shown, (unsigned long long)has, h->kind, h->item, WF_SHAPE(t->ndim, t->shape),
                   (unsigned long long)h->bytes);
}

bool wf_npy_begin(const char *shown, const void *file, size_t n, size_t *begin,
                  struct weft_error *err)
{
    const unsigned char *p = file;
    size_t magic = sizeof MAGIC - 1;
    if (n < 10 || memcmp(p, MAGIC, magic))
        return wf_fail(err, WEFT_FORMAT, "%s: %s, wanted an npy file", shown,
                       n < 10 ? "has less than 10 bytes" : "does not begin with \\x93NUMPY");
    if (p[6] < 1 || p[6] > 3 || p[7])
        return wf_fail(err, WEFT_FORMAT, "%s: npy version is %d.%d, wanted 1.0, 2.0 or 3.0", shown,
                       p[6], p[7]);
    if (p[6] > 1 && n < 12)
        return wf_fail(err, WEFT_FORMAT, "%s: has less than 12 bytes, wanted an npy file", shown);
    uint32_t length = p[8] | (uint32_t)p[9] << 8;
    if (p[6] > 1)
        length |= (uint32_t)p[10] << 16 | (uint32_t)p[11] << 24;
    if (length > WF_NPY_MAX_HEADER)
        return wf_fail(err, WEFT_FORMAT, "%s: npy header of %lu bytes, wanted at most %d", shown,
                       (unsigned long)length, WF_NPY_MAX_HEADER);
    *begin = (p[6] > 1 ? 12 : 10) + (size_t)length;
    return true;
}

bool wf_npy_parse(struct wf_npy *h, const char *shown, const void *file, size_t begin,
                  uint64_t total, struct weft_error *err)
{
    const char *p = file;
    *h = (struct wf_npy){.begin = begin};
    if (begin > total)
        return wf_fail(err, WEFT_FORMAT, "%s: has %llu bytes, its header alone wants %zu", shown,
                       (unsigned long long)total, begin);
    struct reader r = {.h = h, .shown = shown, .err = err};
    r.at = p + (p[6] > 1 ? 12 : 10);
    r.end = p + begin;
    return read_dict(&r) && check_bytes(h, shown, total, err);
}

static const char *descr(enum weft_dtype dtype)
{
    switch (dtype) {
    case WEFT_F16:
        return "<f2";
    case WEFT_F32:
        return "<f4";
    case WEFT_F64:
        return "<f8";
    case WEFT_I8:
        return "|i1";
    case WEFT_U8:
        return "|u1";
    case WEFT_I32:
        return "<i4";
    case WEFT_I64:
        return "<i8";
    case WEFT_BOOL:
        return "|b1";
    case WEFT_BF16:
    case WEFT_DTYPE_NONE:
        break;
    }
    return NULL;
}

static bool check_tensor(const char *shown, const struct weft_file_tensor *t, uint64_t *bytes,
                         struct weft_error *err)
{
    int size = t ? (int)weft_dtype_size(t->dtype) : 0;
    if (!size)
        return wf_fail(err, WEFT_PARAM, "%s: the tensor is NULL or its dtype none of weft's",
                       shown);
    if (!descr(t->dtype))
        return wf_fail(err, WEFT_DTYPE, "%s: dtype is %s, which npy does not have", shown,
                       weft_dtype_name(t->dtype));
    if (t->ndim < 0 || t->ndim > WEFT_MAX_DIMS || !count(t, size, bytes))
        return wf_fail(err, WEFT_PARAM,
                       "%s: a dimension is negative, or there are more than %d, or too many "
                       "elements",
                       shown, WEFT_MAX_DIMS);
    *bytes *= (uint64_t)size;
    return !*bytes || t->data || wf_fail(err, WEFT_PARAM, "%s: data is NULL", shown);
}

// numpy leaves room for the first size to grow to 21 digits, then pads to a multiple of 64.
bool wf_npy_print(struct wf_npy_prefix *p, const char *shown, const struct weft_file_tensor *t,
                  struct weft_error *err)
{
    if (!check_tensor(shown, t, &p->data_bytes, err))
        return false;
    char text[448] = "", first[24] = "";
    int n = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                     descr(t->dtype));
    for (int i = 0; i < t->ndim; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, i ? ", %lld" : "%lld",
                      (long long)t->shape[i]);
    n += snprintf(text + n, sizeof text - (size_t)n, t->ndim == 1 ? ",), }" : "), }");
    if (t->ndim)
        n += 21 - snprintf(first, sizeof first, "%lld", (long long)t->shape[0]);
    p->bytes = ((size_t)n + 11) / 64 * 64 + 64;
    memset(p->data, ' ', p->bytes);
    memcpy(p->data, MAGIC "\1\0", 8);
    p->data[8] = (unsigned char)((p->bytes - 10) & 255);
    p->data[9] = (unsigned char)((p->bytes - 10) >> 8);
    memcpy(p->data + 10, text, strlen(text));
    p->data[p->bytes - 1] = '\n';
    return true;
}

const char *wf_npy_shown(const char *path)
{
    size_t n = strlen(path);
    return n > 120 ? path + n - 120 : path;
}

char *wf_npy_entry_name(const char *entry)
{
    char *name = wf_strdup(entry);
    size_t n = name ? strlen(name) : 0;
    if (n >= 4 && !strcmp(name + n - 4, ".npy"))
        name[n - 4] = 0;
    return name;
}

char *wf_npy_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return wf_npy_entry_name(slash ? slash + 1 : path);
}
