// Every operation against its double reference: value, gradient, strided inputs, both floating
// types. The gradient is compared with differences of the reference, never of the kernel.
#include "op/op.h"
#include "ref.h"
#include "run.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static weft_device *dev;
static uint64_t random_state;

static void setup(void)
{
    struct weft_error err = {0};
    dev = weft_device_create(NULL, &err);
    ck_assert_msg(dev != NULL, "%s", err.text);
    // The forms for GPUs, with their groups of many work-items and barriers, run on a CPU as well.
    if (getenv("WEFT_TEST_AS_GPU"))
        dev->info.type = WEFT_DEVICE_GPU;
}

static void teardown(void)
{
    weft_device_destroy(&dev);
}

// In [0, 1).
static double uniform(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 11) * 0x1p-53;
}

static const char *describe(const struct op_ref *r, int c)
{
    static char text[160];
    const struct op_case *o = &r->cases[c];
    snprintf(text, sizeof text, "%s[%d] of %s", r->name, c,
             WF_SHAPE(o->in[0].ndim, o->in[0].shape));
    if (r->nin > 1) {
        strcat(text, " and ");
        strcat(text, WF_SHAPE(o->in[1].ndim, o->in[1].shape));
    }
    return text;
}

// Inputs that the float type holds exactly, so that both sides compute from the same numbers.
static void make_inputs(const struct op_ref *r, const struct op_case *c, struct array *x)
{
    for (int i = 0; i < r->nin; i++) {
        array_make(&x[i], c->in[i].ndim, c->in[i].shape);
        for (int64_t j = 0; j < array_count(&x[i]); j++) {
            double v = c->lo + (c->hi - c->lo) * uniform();
            x[i].v[j] = r->kind[i] == INDEX   ? floor(uniform() * c->limit)
                        : r->kind[i] == FLAG  ? uniform() < 0.5
                        : r->kind[i] == WHOLE ? floor(v)
                                              : (double)(float)v;
        }
    }
}

static void free_arrays(struct array *x, int n)
{
    for (int i = 0; i < n; i++)
        free(x[i].v);
}

static void *to_bytes(const struct array *x, enum weft_dtype dtype)
{
    int64_t n = array_count(x);
    char *data = malloc((size_t)n * 8 + 1);
    for (int64_t i = 0; i < n; i++) {
        float f = (float)x->v[i];
        int64_t l = (int64_t)x->v[i];
        const void *from = dtype == WEFT_F32   ? (const void *)&f
                           : dtype == WEFT_F64 ? (const void *)&x->v[i]
                                               : (const void *)&l;
        memcpy(data + (size_t)i * weft_dtype_size(dtype), from, weft_dtype_size(dtype));
    }
    return data;
}

// The array on the device; `strided`: with its last two dimensions lying the other way round.
static weft_tensor *to_device(weft_scope *s, const struct array *x, enum weft_dtype dtype,
                              bool strided)
{
    void *data = to_bytes(x, dtype);
    weft_tensor *t = weft_from_host(s, dtype, x->ndim, x->shape, data);
    free(data);
    if (strided && x->ndim > 1) {
        t = weft_keep(s, weft_transpose(s, t, -1, -2)); // dense, transposed
        weft_tensor *kept = t;
        t = weft_transpose(s, kept, -1, -2);
        weft_tensor_destroy(&kept);
    }
    return t;
}

static double *from_device(weft_scope *s, const weft_tensor *t)
{
    int64_t n = weft_count(t);
    size_t element = weft_dtype_size(t->dtype);
    char *bytes = malloc((size_t)n * element + 1);
    double *v = calloc((size_t)n + 1, sizeof *v);
    ck_assert_msg(weft_read(s, t, bytes, (size_t)n * element), "%s", weft_scope_error(s)->text);
    for (int64_t i = 0; i < n; i++) {
        const char *p = bytes + (size_t)i * element;
        switch (t->dtype) {
        case WEFT_F32:
            v[i] = (double)*(const float *)(const void *)p;
            break;
        case WEFT_F64:
            v[i] = *(const double *)(const void *)p;
            break;
        case WEFT_I64:
            v[i] = (double)*(const int64_t *)(const void *)p;
            break;
        case WEFT_BOOL:
            v[i] = *p;
            break;
        default:
            ck_abort_msg("no such dtype in these tests");
        }
    }
    free(bytes);
    return v;
}

// That of input i where `dtype` is tested.
static enum weft_dtype input_dtype(const struct op_ref *r, int i, enum weft_dtype dtype)
{
    return r->kind[i] == INDEX ? WEFT_I64 : r->kind[i] == FLAG ? WEFT_BOOL : dtype;
}

static void compare(const char *what, const double *got, const struct array *want, double absolute,
                    double relative)
{
    for (int64_t i = 0; i < array_count(want); i++) {
        double off = fabs(got[i] - want->v[i]);
        ck_assert_msg(off <= absolute + relative * fabs(want->v[i]),
                      "%s: y[%lld] got %.9g, want %.9g", what, (long long)i, got[i], want->v[i]);
    }
}

static void check_value(const struct op_ref *r, int c, enum weft_dtype dtype, bool strided)
{
    const struct op_case *o = &r->cases[c];
    struct array x[MAX_IN], y;
    weft_tensor *t[MAX_IN];
    char what[240];
    snprintf(what, sizeof what, "%s %s%s", describe(r, c), weft_dtype_name(dtype),
             strided ? " strided" : "");
    weft_scope *s = weft_scope_create(dev, NULL, NULL);
    make_inputs(r, o, x);
    r->ref(x, &y, o);
    for (int i = 0; i < r->nin; i++)
        t[i] = to_device(s, &x[i], input_dtype(r, i, dtype), strided);
    weft_tensor *out = r->call(s, t, o);
    ck_assert_msg(out != NULL, "%s: %s", what, weft_scope_error(s)->text);
    weft_tensor want = {.ndim = y.ndim};
    memcpy(want.shape, y.shape, sizeof want.shape);
    ck_assert_msg(wf_same_shape(out, &want), "%s: y is %s, want %s", what,
                  WF_SHAPE(out->ndim, out->shape), WF_SHAPE(y.ndim, y.shape));
    double *got = from_device(s, out), unit = dtype == WEFT_F64 ? 0x1p-53 : 0x1p-24;
    double absolute = r->scale ? r->tolerance * unit * r->scale(x, &y) : 0;
    compare(what, got, &y, absolute, r->tolerance * unit);
    free(got);
    free(y.v);
    free_arrays(x, r->nin);
    weft_scope_destroy(&s);
}

// L = sum over y of weight * y, on the host.
static double host_loss(const struct op_ref *r, const struct op_case *o, const struct array *x,
                        const double *weight)
{
    struct array y;
    double loss = 0;
    r->ref(x, &y, o);
    for (int64_t i = 0; i < array_count(&y); i++)
        loss += weight[i] * y.v[i];
    free(y.v);
    return loss;
}

// The change of L along a direction: central differences with a step where they are good to 1e-9.
static double difference(const struct op_ref *r, const struct op_case *o, struct array *x,
                         const double *direction, const double *weight, int input)
{
    double h = 1e-6, side[2];
    int64_t n = array_count(&x[input]);
    for (int sign = 0; sign < 2; sign++) {
        double *before = x[input].v;
        x[input].v = calloc((size_t)n + 1, sizeof *before);
        for (int64_t j = 0; j < n; j++)
            x[input].v[j] = before[j] + (sign ? -h : h) * direction[j];
        side[sign] = host_loss(r, o, x, weight);
        free(x[input].v);
        x[input].v = before;
    }
    return (side[0] - side[1]) / (2 * h);
}

// Two random directions, and each single element of a small input.
static void check_directions(const struct op_ref *r, int c, struct array *x, const double *weight,
                             int input, const double *got)
{
    int64_t n = array_count(&x[input]);
    int64_t directions = 2 + (n <= 64 ? n : 0);
    double *direction = calloc((size_t)n + 1, sizeof *direction);
    for (int64_t d = 0; d < directions; d++) {
        double along = 0, size = 0;
        for (int64_t j = 0; j < n; j++) {
            direction[j] = d < 2 ? 2 * uniform() - 1 : j == d - 2;
            along += direction[j] * got[j];
            size += fabs(direction[j] * got[j]);
        }
        double want = difference(r, &r->cases[c], x, direction, weight, input);
        ck_assert_msg(fabs(along - want) <= 1e-4 * fabs(want) + 2e-6 * size + 1e-6,
                      "%s: gradient of input %d along %lld is %.9g, want %.9g", describe(r, c),
                      input, (long long)d, along, want);
    }
    free(direction);
}

static void check_grad(const struct op_ref *r, int c, bool strided)
{
    const struct op_case *o = &r->cases[c];
    struct array x[MAX_IN], y;
    weft_tensor *t[MAX_IN];
    weft_scope *s = weft_scope_create(dev, weft_scope_params(.train = true), NULL);
    make_inputs(r, o, x);
    r->ref(x, &y, o);
    struct array weight;
    array_make(&weight, y.ndim, y.shape);
    for (int64_t i = 0; i < array_count(&y); i++)
        weight.v[i] = (double)(float)(2 * uniform() - 1);
    for (int i = 0; i < r->nin; i++)
        t[i] = to_device(s, &x[i], input_dtype(r, i, WEFT_F32), strided);
    weft_tensor *out = r->call(s, t, o);
    weft_tensor *w = to_device(s, &weight, WEFT_F32, false);
    weft_tensor *loss = weft_sum(s, weft_mul(s, out, w), NULL);
    for (int i = 0; i < r->nin; i++) {
        if (r->kind[i] != VALUE)
            continue;
        weft_tensor *g = weft_grad(s, loss, t[i]);
        ck_assert_msg(g && wf_same_shape(g, t[i]), "%s: gradient of input %d: %s", describe(r, c),
                      i, weft_scope_error(s)->text);
        double *got = from_device(s, g);
        check_directions(r, c, x, weight.v, i, got);
        free(got);
    }
    free(y.v);
    free(weight.v);
    free_arrays(x, r->nin);
    weft_scope_destroy(&s);
}

static int case_count(const struct op_ref *r)
{
    int n = 0;
    while (n < MAX_CASES && r->cases[n].lo != r->cases[n].hi)
        n++;
    return n;
}

// WEFT_TEST_OP=TEXT: only the ops whose names contain it.
static bool is_chosen(const struct op_ref *r)
{
    const char *text = getenv("WEFT_TEST_OP");
    return !text || strstr(r->name, text);
}

START_TEST(value_is_the_references)
{
    const struct op_ref *r = op_ref_at(_i);
    if (!is_chosen(r))
        return;
    random_state = (uint64_t)_i + 1;
    ck_assert_int_gt(case_count(r), 0);
    for (int c = 0; c < case_count(r); c++) {
        for (int strided = 0; strided < 2; strided++) {
            check_value(r, c, WEFT_F32, strided);
            if (weft_device_has(dev, WEFT_CAP_F64))
                check_value(r, c, WEFT_F64, strided);
        }
    }
}
END_TEST

START_TEST(gradient_is_the_references_difference)
{
    const struct op_ref *r = op_ref_at(_i);
    if (!is_chosen(r))
        return;
    random_state = (uint64_t)_i + 1;
    for (int c = 0; r->smooth && c < case_count(r); c++) {
        check_grad(r, c, false);
        check_grad(r, c, true);
    }
}
END_TEST

START_TEST(every_row_has_a_reference)
{
    for (const struct wf_op *const *const *family = wf_op_families; *family; family++) {
        for (const struct wf_op *const *op = *family; *op; op++) {
            bool found = false;
            const struct op_ref *r;
            for (int i = 0; (r = op_ref_at(i)); i++)
                found = found || !strcmp(r->name, (*op)->name);
            ck_assert_msg(found, "%s has no reference in tests/ref.c", (*op)->name);
        }
    }
}
END_TEST

int main(void)
{
    int n = 0;
    while (op_ref_at(n))
        n++;
    Suite *suite = suite_create("op");
    TCase *t = tcase_create("table");
    tcase_add_unchecked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, value_is_the_references, 0, n);
    tcase_add_loop_test(t, gradient_is_the_references_difference, 0, n);
    tcase_add_test(t, every_row_has_a_reference);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
