// Targets, read row by row on the host.
#include "dataset.h"
#include "failure.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Different whole numbers that may be classes, and the most that are told from their number alone.
enum { MOST_CLASSES = 65536, FEW_CLASSES = 20 };

static double from_half(uint16_t h)
{
    int exponent = h >> 10 & 31, bits = h & 1023;
    double v = exponent == 31 ? (bits ? (double)NAN : (double)INFINITY)
               : exponent     ? ldexp(1024 + bits, exponent - 25)
                              : ldexp(bits, -24);
    return h >> 15 ? -v : v;
}

static double value(enum weft_dtype dtype, const void *y)
{
    union {
        float f32;
        double f64;
        uint16_t u16;
        uint32_t u32;
        int64_t i64;
        int32_t i32;
        int8_t i8;
        uint8_t u8;
    } v;
    memcpy(&v, y, weft_dtype_size(dtype));
    switch (dtype) {
    case WEFT_F32:
        return (double)v.f32;
    case WEFT_F64:
        return v.f64;
    case WEFT_F16:
        return from_half(v.u16);
    case WEFT_BF16: // the upper half of an F32
        v.u32 = (uint32_t)v.u16 << 16;
        return (double)v.f32;
    case WEFT_I64:
        return (double)v.i64;
    case WEFT_I32:
        return v.i32;
    case WEFT_I8:
        return v.i8;
    default:
        return v.u8;
    }
}

static bool is_whole(double v)
{
    return isfinite(v) && !(v < floor(v) || v > floor(v));
}

static bool is_integer(enum weft_dtype dtype)
{
    return dtype == WEFT_I64 || dtype == WEFT_I32 || dtype == WEFT_I8 || dtype == WEFT_U8;
}

static size_t row_bytes(const struct weft_row *r)
{
    size_t n = weft_dtype_size(r->dtype);
    for (int i = 0; i < r->ndim; i++)
        n *= (size_t)r->shape[i];
    return n;
}

static int64_t row_values(const struct weft_row *r)
{
    int64_t n = 1;
    for (int i = 0; i < r->ndim; i++)
        n *= r->shape[i];
    return n;
}

// Calls see() with the values of each row's target, until it returns false.
static bool each_target(const weft_data *data, const char *path,
                        bool (*see)(void *priv, int64_t row, const double *v), void *priv,
                        struct weft_error *err)
{
    const struct weft_row *y = weft_data_y(data);
    size_t n = (size_t)row_values(y), size = weft_dtype_size(y->dtype);
    void *x = malloc(row_bytes(weft_data_x(data)));
    char *row = malloc(row_bytes(y));
    double *v = malloc(n * sizeof *v);
    bool ok = (x && row && v) || failure(err, WEFT_NOMEM, "%s: no memory for a row", path);
    for (int64_t i = 0; ok && i < weft_data_count(data); i++) {
        ok = weft_data_get(data, i, x, row, err);
        for (size_t k = 0; ok && k < n; k++)
            v[k] = value(y->dtype, row + k * size);
        ok = ok && see(priv, i, v);
    }
    free(x);
    free(row);
    free(v);
    return ok;
}

// What each target must be.
struct check {
    const char *path, *why;
    int64_t limit; // of labels; 0: they are values
    int64_t values;
    double most;
    struct weft_error *err;
};

static bool check_one(void *priv, int64_t row, const double *v)
{
    struct check *c = priv;
    for (int64_t i = 0; i < c->values; i++) {
        if (!c->limit && !isfinite(v[i]))
            return failure(c->err, WEFT_PARAM,
                           "%s: the target of row %" PRId64 " is %s, wanted a number", c->path, row,
                           isnan(v[i]) ? "missing or NaN" : "infinite");
        if (c->limit && !(is_whole(v[i]) && v[i] >= 0 && v[i] < (double)c->limit))
            return failure(c->err, WEFT_PARAM,
                           "%s: the label of row %" PRId64 " is %.9g, wanted 0 .. %" PRId64 ", %s",
                           c->path, row, v[i], c->limit - 1, c->why);
        c->most = fmax(c->most, v[i]);
    }
    return true;
}

// Only what model_takes() will not refuse.
static bool can_check(const weft_data *data, const struct model *m)
{
    const struct weft_row *y = weft_data_y(data);
    return y->dtype && row_values(y) == (m->task == CLASSIFY ? 1 : m->classes);
}

bool dataset_check_targets(const weft_data *data, const struct model *m, const char *path,
                           struct weft_error *err)
{
    struct check c = {.path = path,
                      .why = "the model's classes",
                      .limit = m->task == CLASSIFY ? m->classes : 0,
                      .values = row_values(weft_data_y(data)),
                      .err = err};
    return !can_check(data, m) || each_target(data, path, check_one, &c, err);
}

bool dataset_classes(const weft_data *data, struct model *m, bool given, const char *path,
                     struct weft_error *err)
{
    const struct weft_row *y = weft_data_y(data);
    bool classify = m->task == CLASSIFY;
    struct check c = {.path = path,
                      .why = given ? "below --classes" : "or --task regress",
                      .limit = !classify ? 0
                               : given   ? m->classes
                                         : MOST_CLASSES,
                      .values = row_values(y),
                      .err = err};
    if (!classify && !given)
        m->classes = (int)c.values;
    if (!can_check(data, m))
        return true;
    if (!each_target(data, path, check_one, &c, err))
        return false;
    if (classify && !given)
        m->classes = c.most < 1 ? 2 : (int)c.most + 1;
    return true;
}

bool are_few(int64_t n, int64_t rows)
{
    return n <= FEW_CLASSES && (n <= 2 || 2 * n <= rows);
}

// Which of the numbers 0 .. MOST_CLASSES - 1 there are.
struct seen {
    bool classes; // all are such numbers
    int64_t different, most;
    unsigned char bits[MOST_CLASSES / 8];
};

static bool see_label(void *priv, int64_t row, const double *v)
{
    struct seen *s = priv;
    (void)row;
    s->classes = is_whole(*v) && *v >= 0 && *v < MOST_CLASSES;
    if (!s->classes)
        return false;
    int label = (int)*v, bit = 1 << label % 8;
    s->different += !(s->bits[label / 8] & bit);
    s->bits[label / 8] |= (unsigned char)bit;
    s->most = label > s->most ? label : s->most;
    return true;
}

bool dataset_guess(const weft_data *data, int *task, const char *path, struct weft_error *err)
{
    const struct weft_row *y = weft_data_y(data);
    int64_t rows = weft_data_count(data);
    *task = y->dtype && row_values(y) != 1 ? REGRESS : CLASSIFY;
    if (!y->dtype || row_values(y) != 1)
        return true;
    struct seen *s = calloc(1, sizeof *s);
    if (!s)
        return failure(err, WEFT_NOMEM, "%s: no memory for its labels", path);
    each_target(data, path, see_label, s, err);
    int64_t n = s->most + 1;
    bool all = is_integer(y->dtype) && s->different == n && 2 * n <= rows;
    *task = s->classes && (are_few(n, rows) || all) ? CLASSIFY : REGRESS;
    free(s);
    return !err->status;
}

struct moments {
    int n;
    double *mean, *std; // the sums of squares are in std until the end (Welford, 1962)
};

static bool add_row(void *priv, int64_t row, const double *v)
{
    struct moments *m = priv;
    for (int i = 0; i < m->n; i++) {
        double d = v[i] - m->mean[i];
        m->mean[i] += d / (double)(row + 1);
        m->std[i] += d * (v[i] - m->mean[i]);
    }
    return true;
}

bool dataset_target_statistics(const weft_data *data, int n, double *mean, double *std,
                               struct weft_error *err)
{
    struct moments m = {n, mean, std};
    for (int i = 0; i < n; i++)
        mean[i] = std[i] = 0;
    bool ok = each_target(data, "train", add_row, &m, err);
    for (int i = 0; i < n; i++)
        std[i] = sqrt(std[i] / (double)weft_data_count(data));
    return ok;
}
