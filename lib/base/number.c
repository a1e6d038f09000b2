// Decimal numbers. Up to 2^53 times a power of ten up to 10^22 is exact in two steps (Clinger, "How
// to Read Floating Point Numbers Accurately", 1990); the rest is the C library's work.
#include "base/number.h"
#include "base/os.h"
#include "base/text.h"
#include <math.h>
#include <stdint.h>

struct decimal {
    uint64_t digits; // without the point
    int count;       // of digits, leading zeros not counted; above 19 `digits` has not all
    int exponent;
};

static const char *skip_digits(const char *p, const char *end, struct decimal *d)
{
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        d->count += d->count || *p != '0';
        if (d->count <= 19)
            d->digits = d->digits * 10 + (uint64_t)(*p - '0');
    }
    return p;
}

static const char *skip_exponent(const char *p, const char *end, struct decimal *d)
{
    bool negative = p < end && *p == '-';
    int e = 0;
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    const char *begin = p;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        e = e < 100000 ? e * 10 + (*p - '0') : e;
    d->exponent += negative ? -e : e;
    return p == begin ? NULL : p;
}

// NULL if there is no number; otherwise where it ends.
static const char *parse(const char *p, const char *end, struct decimal *d)
{
    const char *begin = p;
    p = skip_digits(p, end, d);
    int64_t digits = p - begin;
    if (p < end && *p == '.') {
        begin = p + 1;
        p = skip_digits(begin, end, d);
        digits += p - begin;
        d->exponent -= (int)(p - begin);
    }
    if (!digits)
        return NULL;
    return p < end && (*p == 'e' || *p == 'E') ? skip_exponent(p + 1, end, d) : p;
}

static bool parse_infinity(const char *p, const char *end, double *value)
{
    char word[12];
    size_t n = (size_t)(end - p);
    if (n >= sizeof word)
        return false;
    memcpy(word, p, n);
    word[n] = 0;
    if (!wf_equal_nocase(word, "inf") && !wf_equal_nocase(word, "infinity"))
        return false;
    *value = INFINITY;
    return true;
}

static bool parse_slowly(const char *p, size_t n, double *value)
{
    char text[502], *end;
    memcpy(text, p, n);
    text[n] = 0;
    *value = wf_strtod(text, &end);
    return end == text + n;
}

bool wf_parse_number(const char *text, size_t n, double *value)
{
    static const double power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *end = text + n, *p = text + (n && (*text == '-' || *text == '+'));
    struct decimal d = {0};
    if (n > 500)
        return false;
    if (parse(p, end, &d) != end) {
        if (!parse_infinity(p, end, value))
            return false;
    } else if (d.count <= 19 && d.digits <= UINT64_C(1) << 53 && d.exponent >= -22 &&
               d.exponent <= 22) {
        double digits = (double)d.digits;
        *value = d.exponent < 0 ? digits / power[-d.exponent] : digits * power[d.exponent];
    } else if (!parse_slowly(p, (size_t)(end - p), value)) {
        return false;
    }
    if (n && *text == '-')
        *value = -*value;
    return true;
}
