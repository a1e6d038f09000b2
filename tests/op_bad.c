// What is refused, by the table. Nothing of it may run: so inputs are only recorded.
#include "op_bad.h"
#include "ref_check.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

// A row on its way.
struct bad {
    const struct op_ref *r;
    weft_scope *s;
    weft_tensor *x[MAX_IN];
    struct weft_device_stats before;
};

static struct weft_device_stats stats(const struct bad *b)
{
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(weft_scope_device(b->s), &st);
    return st;
}

static struct bad begin(weft_device *dev, const struct op_ref *r)
{
    struct bad b = {.r = r,
                    .s = weft_scope_create(dev, weft_scope_params(.train = r->train), NULL)};
    ck_assert_ptr_nonnull(b.s);
    weft_device_has(dev, WEFT_CAP_F64); // the first question launches a kernel
    b.before = stats(&b);
    return b;
}

static weft_tensor *make_input(weft_scope *s, enum weft_dtype dtype, const struct op_case *c, int i)
{
    weft_tensor *x = weft_full(s, dtype, c->in[i].ndim, c->in[i].shape, 0);
    ck_assert_msg(x != NULL, "input %d: %s", i, weft_scope_error(s)->text);
    return x;
}

// The inputs of a case, in these dtypes [MAX_IN]; where there are none, in those of their kinds.
static void make_inputs(struct bad *b, const struct op_case *c, const enum weft_dtype *dtype)
{
    for (int i = 0; i < b->r->nin; i++) {
        enum weft_dtype usual = ref_input_dtype(b->r, i, WEFT_F32);
        b->x[i] = make_input(b->s, dtype && dtype[i] ? dtype[i] : usual, c, i);
    }
}

// Is it "FUNCTION: TEXT..." in one line?
static bool says(const struct weft_error *e, const struct op_ref *r, const char *text)
{
    const char *name = op_ref_function(r);
    size_t n = strlen(name);
    return !strncmp(e->text, name, n) && !strncmp(e->text + n, ": ", 2) &&
           !strncmp(e->text + n + 2, text, strlen(text)) && !strchr(e->text, '\n');
}

// After weft_scope_clear() the scope is as good as new: a good call is taken.
static void go_on(struct bad *b)
{
    weft_scope_clear(b->s);
    ck_assert_int_eq(weft_scope_error(b->s)->status, WEFT_OK);
    make_inputs(b, &b->r->cases[0], NULL);
    weft_tensor *y = b->r->call(b->s, b->x, &b->r->cases[0]);
    ck_assert_msg(y != NULL, "%s: after an error: %s", op_ref_function(b->r),
                  weft_scope_error(b->s)->text);
    weft_scope_clear(b->s);
}

// Is y, what a call gave, the refusal that was wanted?
static void assert_refused(struct bad *b, const weft_tensor *y, enum weft_status status,
                           const char *text)
{
    const struct weft_error *e = weft_scope_error(b->s);
    ck_assert_msg(!y, "%s: a result, where status %d and \"%s\" was wanted", op_ref_function(b->r),
                  status, text);
    ck_assert_msg(e->status == status && says(e, b->r, text),
                  "got %d \"%s\", want %d \"%s: %s...\"", e->status, e->text, status,
                  op_ref_function(b->r), text);
    go_on(b);
}

// Nothing was launched, no memory is held, and the scope still computes.
static void end(struct bad *b)
{
    struct weft_device_stats after = stats(b);
    ck_assert_uint_eq(after.launches, b->before.launches);
    ck_assert_uint_eq(after.bytes_used, b->before.bytes_used);
    make_inputs(b, &b->r->cases[0], NULL);
    ck_assert(weft_want(b->s, b->r->call(b->s, b->x, &b->r->cases[0])));
    ck_assert_msg(weft_flush(b->s), "%s", weft_scope_error(b->s)->text);
    ck_assert_double_eq(weft_item(b->s, weft_full(b->s, WEFT_F32, 0, NULL, 5)), 5);
    weft_scope_destroy(&b->s);
}

// Has the dtype that is tested.
static bool is_value(const struct op_ref *r, int i)
{
    return r->kind[i] == VALUE || r->kind[i] == WHOLE || r->kind[i] == FACTOR;
}

// The good call but for input i.
static void refuse_handle(struct bad *b, int i, weft_tensor *x, const char *text)
{
    const struct op_case *c = &b->r->cases[0];
    make_inputs(b, c, NULL);
    b->x[i] = x;
    assert_refused(b, b->r->call(b->s, b->x, c), WEFT_PARAM, text);
}

static const char dead_text[] = "a tensor is from before a reset of its scope; use weft_keep";

static void refuse_foreign(struct bad *b, int i, weft_device *dev, const char *text)
{
    weft_scope *s = weft_scope_create(dev, NULL, NULL);
    enum weft_dtype dtype = ref_input_dtype(b->r, i, WEFT_F32);
    weft_tensor *x = make_input(s, dtype, &b->r->cases[0], i);
    refuse_handle(b, i, x, text);
    weft_scope_destroy(&s);
    refuse_handle(b, i, x, dead_text);
}

void bad_handles(weft_device *dev, weft_device *other, const struct op_ref *r)
{
    struct bad b = begin(dev, r);
    for (int i = 0; i < r->nin && r->kind[i] != NOTHING; i++) {
        make_inputs(&b, &r->cases[0], NULL);
        weft_tensor *dead = b.x[i];
        ck_assert(weft_scope_reset(b.s));
        refuse_handle(&b, i, dead, dead_text);
        refuse_foreign(&b, i, dev, "a tensor is of another scope; use weft_keep");
        refuse_foreign(&b, i, other, "a tensor is on another device");
        if (r->kind[i] != FACTOR)
            refuse_handle(&b, i, NULL, "a tensor is NULL");
    }
    end(&b);
}

static bool takes(const struct op_ref *r, enum weft_dtype d)
{
    return d == WEFT_F32 || d == WEFT_F64    ? true
           : d == WEFT_F16 || d == WEFT_BF16 ? r->takes != INTEGERS
           : d == WEFT_BOOL                  ? r->takes == ALL_TYPES
                                             : r->takes != FLOATS;
}

// The good call with inputs of these dtypes; an error must name `d`, one of them.
static void call_with(struct bad *b, const enum weft_dtype *dtype, enum weft_dtype d, bool good)
{
    const struct op_case *c = &b->r->cases[0];
    make_inputs(b, c, dtype);
    weft_tensor *y = b->r->call(b->s, b->x, c);
    const char *text = weft_scope_error(b->s)->text, *name = weft_dtype_name(d);
    if (good) {
        ck_assert_msg(y != NULL, "%s refuses %s: %s", op_ref_function(b->r), name, text);
        weft_scope_clear(b->s);
        return;
    }
    ck_assert_msg(y || strstr(text, name), "\"%s\" does not name %s", text, name);
    assert_refused(b, y, WEFT_DTYPE, "");
}

static void all_of_a_dtype(struct bad *b, enum weft_dtype d)
{
    enum weft_dtype dtype[MAX_IN] = {WEFT_DTYPE_NONE};
    bool any = false;
    for (int i = 0; i < b->r->nin; i++) {
        bool has = is_value(b->r, i) || b->r->kind[i] == NOTHING;
        dtype[i] = has ? d : WEFT_DTYPE_NONE;
        any = any || has;
    }
    if (any)
        call_with(b, dtype, d, takes(b->r, d));
}

static void one_of_a_dtype(struct bad *b, int i, enum weft_dtype d)
{
    enum weft_dtype dtype[MAX_IN] = {WEFT_DTYPE_NONE};
    int values = 0;
    for (int k = 0; k < b->r->nin; k++)
        values += is_value(b->r, k);
    dtype[i] = d;
    // Floats in place of labels are probabilities.
    if (b->r->kind[i] == INDEX && d != WEFT_F32 && d != WEFT_F64)
        call_with(b, dtype, d, d == WEFT_I64 || d == WEFT_I32);
    else if (b->r->kind[i] == FLAG)
        call_with(b, dtype, d, d == WEFT_BOOL);
    else if (is_value(b->r, i) && values > 1 && d == WEFT_F16)
        call_with(b, dtype, d, false);
}

void bad_dtypes(weft_device *dev, const struct op_ref *r)
{
    struct bad b = begin(dev, r);
    for (int d = WEFT_F32; d <= WEFT_BOOL; d++) {
        if (d == WEFT_F64 && !weft_device_has(dev, WEFT_CAP_F64))
            continue;
        all_of_a_dtype(&b, d);
        for (int i = 0; i < r->nin; i++)
            one_of_a_dtype(&b, i, d);
    }
    end(&b);
}

// The last dimension of input i that is not 1 becomes longer. False if there is none.
static bool lengthen(struct op_case *c, int i)
{
    for (int d = c->in[i].ndim - 1; d >= 0; d--) {
        if (c->in[i].shape[d] > 1) {
            c->in[i].shape[d]++;
            return true;
        }
    }
    return false;
}

static void shape_text(const struct op_case *c, int i, char text[100])
{
    size_t n = (size_t)snprintf(text, 100, "[");
    for (int d = 0; d < c->in[i].ndim; d++)
        n += (size_t)snprintf(text + n, 100 - n, "%s%lld", d ? "," : "",
                              (long long)c->in[i].shape[d]);
    snprintf(text + n, 100 - n, "]");
}

void bad_shapes(weft_device *dev, const struct op_ref *r)
{
    struct bad b = begin(dev, r);
    for (int i = 0; r->alike && i < r->nin; i++) {
        struct op_case c = r->cases[0];
        char text[100];
        ck_assert_msg(lengthen(&c, i), "%s: the first case has nothing to fit", r->name);
        make_inputs(&b, &c, NULL);
        weft_tensor *y = r->call(b.s, b.x, &c);
        shape_text(&c, i, text);
        ck_assert_msg(y || strstr(weft_scope_error(b.s)->text, text), "\"%s\" does not say %s",
                      weft_scope_error(b.s)->text, text);
        assert_refused(&b, y, WEFT_SHAPE, "");
    }
    end(&b);
}

static void make_error(struct bad *b)
{
    ck_assert_ptr_null(weft_full(b->s, WEFT_F32, -1, NULL, 0));
}

// A scope in error keeps its first one.
static void assert_kept(struct bad *b, const weft_tensor *y)
{
    ck_assert_ptr_null(y);
    ck_assert_int_eq(weft_scope_error(b->s)->status, WEFT_SHAPE);
    ck_assert_str_eq(weft_scope_error(b->s)->text, "full: -1 dimensions; 0 to 8 are possible");
    go_on(b);
}

static weft_tensor *call_bad(const struct bad *b, weft_scope *s, const struct bad_case *c)
{
    return (c->call ? c->call : b->r->call)(s, b->x, &c->c);
}

static bool may_call(const struct bad_case *c)
{
#ifdef WF_DEBUG_ABORT
    return !c->aborts;
#else
    return c;
#endif
}

void bad_cases(weft_device *dev, const struct op_ref *r)
{
    struct bad b = begin(dev, r);
    for (const struct bad_case *c = r->bad; c && c->status; c++) {
        if (!may_call(c))
            continue;
        make_inputs(&b, &c->c, c->dtype);
        weft_tensor *y = call_bad(&b, b.s, c);
        const char *text = weft_scope_error(b.s)->text;
        ck_assert_msg(c->status != WEFT_NOMEM || y || strstr(text, "at most 1 MiB"), "%s", text);
        assert_refused(&b, y, c->status, c->text);
        make_inputs(&b, &c->c, c->dtype);
        ck_assert_ptr_null(call_bad(&b, NULL, c));
        make_error(&b);
        assert_kept(&b, call_bad(&b, b.s, c));
    }
    end(&b);
}

void bad_scopes(weft_device *dev, const struct op_ref *r)
{
    struct bad b = begin(dev, r);
    make_inputs(&b, &r->cases[0], NULL);
    ck_assert_ptr_null(r->call(NULL, b.x, &r->cases[0]));
    make_error(&b);
    assert_kept(&b, r->call(b.s, b.x, &r->cases[0]));
    end(&b);
}
