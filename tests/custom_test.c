// weft_op: operations with a kernel of the program's own, alone and with weft_map.
#include "custom_fixture.h"
#include "dev/device.h"
#include "run.h"
#include <stdio.h>
#include <stdlib.h>

static struct weft_error err;

// y[r] = sum over i of x[r, i] w[i] in groups of LOCAL, by a kernel with local memory.
static const char dot_source[] =
    "kernel void row_dot(global const float *x, global const float *w, global float *y, int n,\n"
    "                    local float *part)\n"
    "{\n"
    "    int row = get_global_id(1), item = get_local_id(0), items = get_local_size(0);\n"
    "    float sum = 0;\n"
    "    for (int i = item; i < n; i += items)\n"
    "        sum += x[row * n + i] * w[i];\n"
    "    part[item] = sum;\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    for (int i = 1; item == 0 && i < items; i++)\n"
    "        sum += part[i];\n"
    "    if (item == 0)\n"
    "        y[row] = SCALE * sum;\n"
    "}\n";

static bool dot_shape(const struct weft_op_call *c, weft_tensor *y, struct weft_error *e)
{
    const weft_tensor *x = c->x[0], *w = c->x[1];
    if (x->ndim != 2 || w->ndim != 1 || x->shape[1] != w->shape[0]) {
        e->status = WEFT_SHAPE;
        snprintf(e->text, sizeof e->text, "x and w do not fit");
        return false;
    }
    *y = (weft_tensor){.dtype = x->dtype, .ndim = 1, .shape = {x->shape[0]}};
    return x->dtype == WEFT_F32; // else false without a text
}

static bool dot_launch(const struct weft_op_call *c, struct weft_op_launch *l, struct weft_error *e)
{
    (void)e;
    int n = (int)c->x[1]->shape[0];
    l->global[0] = l->local[0] = 16;
    l->global[1] = (size_t)c->y->shape[0];
    snprintf(l->defines, sizeof l->defines, "#define SCALE %d\n", *(const int *)c->options);
    weft_op_arg(l, sizeof n, &n);
    weft_op_arg(l, 16 * sizeof(float), NULL);
    return true;
}

// dx = scale gy w, dw = scale gy x
static bool dot_grad(weft_scope *scope, const struct weft_op_call *c, const weft_tensor *gy,
                     weft_tensor **gx)
{
    const weft_tensor *x = c->x[0], *w = c->x[1];
    weft_tensor *g = weft_scale(scope, gy, *(const int *)c->options);
    g = weft_reshape(scope, g, 2, (int64_t[]){x->shape[0], 1});
    if (c->wants[0])
        gx[0] = weft_mul(scope, g, weft_reshape(scope, w, 2, (int64_t[]){1, w->shape[0]}));
    if (c->wants[1])
        gx[1] = weft_sum(scope, weft_mul(scope, g, x),
                         weft_reduce_params(.axes = (int[]){0}, .naxes = 1));
    return true;
}

static const struct weft_op row_dot =
    WEFT_OP(.name = "row_dot", .source = dot_source, .inputs = 2, .option_bytes = sizeof(int),
            .shape = dot_shape, .launch = dot_launch, .grad = dot_grad, .grad_without_y = true);

static weft_tensor *dot_of(const weft_tensor *x, const weft_tensor *w, int scale)
{
    return weft_op(s, &row_dot, (const weft_tensor *[]){x, w}, &scale);
}

enum { ROWS = 5, COLUMNS = 37 };

static void dot_values(bool strided, float y[ROWS], float gw[COLUMNS])
{
    static float x[ROWS * COLUMNS], w[COLUMNS];
    fill(x, ROWS * COLUMNS, 6);
    fill(w, COLUMNS, 7);
    weft_tensor *tx = matrix(x, ROWS, COLUMNS);
    if (strided) { // of the same values, the other way round in memory
        weft_tensor *kept = weft_keep(s, weft_transpose(s, tx, 0, 1));
        tx = weft_transpose(s, kept, 0, 1);
        weft_tensor_destroy(&kept);
    }
    weft_tensor *tw = weft_from_host(s, WEFT_F32, 1, (int64_t[]){COLUMNS}, w);
    weft_tensor *ty = dot_of(tx, tw, 2);
    ck_assert_msg(ty != NULL, "%s", weft_scope_error(s)->text);
    weft_tensor *g = weft_grad(s, weft_sum(s, ty, NULL), tw);
    ck_assert_msg(weft_read(s, ty, y, ROWS * sizeof *y), "%s", weft_scope_error(s)->text);
    ck_assert(weft_read(s, g, gw, COLUMNS * sizeof *gw));
    for (int i = 0; i < ROWS; i++) {
        double want = 0;
        for (int j = 0; j < COLUMNS; j++)
            want += 2 * (double)x[i * COLUMNS + j] * (double)w[j];
        ck_assert_float_eq_tol(y[i], (float)want, 1e-4f);
    }
    for (int j = 0; j < COLUMNS; j++) {
        double want = 0;
        for (int i = 0; i < ROWS; i++)
            want += 2 * (double)x[i * COLUMNS + j];
        ck_assert_float_eq_tol(gw[j], (float)want, 1e-4f);
    }
}

START_TEST(a_kernel_is_launched_as_asked)
{
    float y[ROWS], gw[COLUMNS], y2[ROWS], gw2[COLUMNS];
    dot_values(false, y, gw);
    dot_values(true, y2, gw2);
    ck_assert_mem_eq(y, y2, sizeof y);
    ck_assert_mem_eq(gw, gw2, sizeof gw);
}
END_TEST

START_TEST(an_op_runs_eagerly_and_in_a_cache)
{
    float y[ROWS], gw[COLUMNS], y2[ROWS], gw2[COLUMNS];
    dot_values(false, y, gw);
    weft_scope *planned = s;
    weft_device *d = weft_device_create(weft_device_params(.eager = true), &err), *before = dev;
    s = weft_scope_create(d, weft_scope_params(.train = true), &err);
    dev = d;
    dot_values(false, y2, gw2);
    ck_assert_mem_eq(y, y2, sizeof y);
    // Both texts of its defines are kept: another size builds nothing.
    uint64_t builds = stats().builds + stats().loads;
    float v[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    ck_assert_double_eq(
        weft_item(s, dot_of(matrix(v, 1, 8), weft_from_host(s, WEFT_F32, 1, (int64_t[]){8}, v), 2)),
        408);
    ck_assert_uint_eq(stats().builds + stats().loads, builds);
    weft_scope_destroy(&s);
    weft_device_destroy(&d);
    s = planned;
    dev = before;
}
END_TEST

// One work-item for each element, and how many there are.
static const struct weft_op twice =
    WEFT_OP(.name = "twice", .inputs = 1, .flat = true,
            .source = "kernel void twice(global const float *x, global float *y, long n)"
                      "{ size_t i = get_global_id(0); if (i < n) y[i] = 2 * x[i]; }");

START_TEST(the_defaults_are_one_item_for_each_element)
{
    static const int size[] = {1, 63, 64, 65, 5000};
    static float v[5000], got[5000];
    fill(v, 5000, 8);
    for (int k = 0; k < 5; k++) {
        const weft_tensor *x = matrix(v, 1, size[k]);
        weft_tensor *y = weft_op(s, &twice, &x, NULL);
        ck_assert_msg(weft_read(s, y, got, (size_t)size[k] * sizeof *got), "%s",
                      weft_scope_error(s)->text);
        for (int i = 0; i < size[k]; i++)
            ck_assert_float_eq(got[i], 2 * v[i]);
    }
    uint64_t before = stats().launches;
    const weft_tensor *none = matrix(v, 0, 3);
    ck_assert(weft_read(s, weft_op(s, &twice, &none, NULL), NULL, 0));
    ck_assert_uint_eq(stats().launches, before);
}
END_TEST

START_TEST(a_kernel_reads_half_and_any_view)
{
    static const struct weft_op scaled =
        WEFT_OP(.name = "halve", .inputs = 1, .flat = true,
                .source = "kernel void halve(global const half *x, global half *y, long n)"
                          "{ size_t i = get_global_id(0);"
                          "  if (i < n) vstore_half(vload_half(i, x) / 2, i, y); }");
    float v[6] = {1, 2, 3, 4, 5, 7}, got[6];
    const weft_tensor *x = weft_transpose(s, weft_cast(s, matrix(v, 2, 3), WEFT_F16), 0, 1);
    weft_tensor *y = weft_op(s, &scaled, &x, NULL);
    ck_assert(y && y->dtype == WEFT_F16 && y->shape[0] == 3);
    ck_assert_msg(weft_read(s, weft_cast(s, y, WEFT_F32), got, sizeof got), "%s",
                  weft_scope_error(s)->text);
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq(got[i], v[i % 2 * 3 + i / 2] / 2);
}
END_TEST

// Two dimensions, groups that do not fit, and pieces.
static bool index_launch(const struct weft_op_call *c, struct weft_op_launch *l,
                         struct weft_error *e)
{
    (void)e;
    int rows = (int)c->y->shape[0], columns = (int)c->y->shape[1];
    l->global[0] = (size_t)columns;
    l->global[1] = (size_t)rows;
    l->local[0] = 8;
    l->local[1] = 2;
    l->whole = c->op->priv;
    weft_op_arg(l, sizeof rows, &rows);
    weft_op_arg(l, sizeof columns, &columns);
    return true;
}

static bool index_shape(const struct weft_op_call *c, weft_tensor *y, struct weft_error *e)
{
    (void)c, (void)e;
    *y = (weft_tensor){.dtype = WEFT_I32, .ndim = 2, .shape = {301, 13}};
    return true;
}

static struct weft_op place =
    WEFT_OP(.name = "place", .flat = true, .shape = index_shape, .launch = index_launch,
            .source = "kernel void place(global int *y, int rows, int columns)"
                      "{ int i = get_global_id(0), j = get_global_id(1);"
                      "  if (i < columns && j < rows) y[j * columns + i] = 1000 * j + i; }");

START_TEST(a_long_launch_is_split_for_a_display)
{
    static int got[301 * 13];
    dev->info.display = true;
    dev->params.launch_limit_ms = 0.05;
    for (int whole = 0; whole < 2; whole++) {
        uint64_t splits = stats().splits;
        place.priv = whole ? dev : NULL;
        ck_assert(weft_read(s, weft_op(s, &place, NULL, NULL), got, sizeof got));
        ck_assert(whole ? stats().splits == splits : stats().splits > splits + 2);
        for (int i = 0; i < 301 * 13; i++)
            ck_assert_int_eq(got[i], 1000 * (i / 13) + i % 13);
    }
}
END_TEST

START_TEST(an_op_that_does_not_compile_is_told)
{
    static const struct {
        const char *source, *part;
        enum weft_status status;
    } wrong[] = {
        {"kernel void broken(global float *x) { x[0] = nonsense; }", "nonsense", WEFT_BUILD},
        {"kernel void other(global float *x) { x[0] = 1; }", "has no kernel \"broken\"",
         WEFT_BUILD},
        {"kernel void broken(global float *x) { x[0] = 1; }",
         "the kernel has 1 argument, 3 were given (1 input, 1 output, 1 more)", WEFT_PARAM},
    };
    for (int i = 0; i < 3; i++) {
        struct weft_op o = WEFT_OP(.name = "broken", .inputs = 1, .source = wrong[i].source);
        const weft_tensor *x = weft_full(s, WEFT_F32, 0, NULL, 1);
        ck_assert_ptr_nonnull(weft_op(s, &o, &x, NULL));
        ck_assert(!weft_flush(s));
        ck_assert_msg(strstr(weft_scope_error(s)->text, "broken: ") == weft_scope_error(s)->text,
                      "%s", weft_scope_error(s)->text);
        assert_error(wrong[i].status, wrong[i].part);
    }
    const weft_tensor *x = weft_full(s, WEFT_F32, 0, NULL, 4);
    ck_assert_double_eq(weft_item(s, weft_op(s, &twice, &x, NULL)), 8);
}
END_TEST

START_TEST(an_incomplete_op_is_refused)
{
    static const struct {
        struct weft_op op;
        const char *part;
    } wrong[] = {
        {{0}, "op: there is no name"},
        {WEFT_OP(.name = "o\"o"), "op: the name"},
        {WEFT_OP(.name = "o"), "o: the operation has no source"},
        {WEFT_OP(.name = "o", .source = "x", .inputs = 9), "o: the operation has 9 inputs"},
        {WEFT_OP(.name = "o", .source = "x"), "o: without an input, .shape must say what y is"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_ptr_null(weft_op(s, &wrong[i].op, NULL, NULL));
        assert_error(WEFT_PARAM, wrong[i].part);
    }
    ck_assert_ptr_null(weft_op(s, NULL, NULL, NULL));
    assert_error(WEFT_PARAM, "op: the operation is NULL");
    float v[6] = {0};
    ck_assert_ptr_null(dot_of(matrix(v, 2, 3), matrix(v, 2, 3), 1));
    assert_error(WEFT_SHAPE, "row_dot: x and w do not fit");
    weft_tensor *x = weft_cast(s, matrix(v, 2, 3), WEFT_I32);
    ck_assert_ptr_null(dot_of(x, weft_full(s, WEFT_F32, 1, (int64_t[]){3}, 0), 1));
    assert_error(WEFT_SHAPE, "row_dot: the inputs do not fit");
    ck_assert_ptr_null(dot_of(NULL, x, 1));
    assert_error(WEFT_PARAM, "row_dot: a tensor is NULL");
}
END_TEST

static bool bad_launch(const struct weft_op_call *c, struct weft_op_launch *l, struct weft_error *e)
{
    static const char big[65];
    int how = *(const int *)c->options;
    (void)e;
    l->local[0] = how == 2 ? SIZE_MAX : 0; // some devices run 2^26 in a group
    if (how == 1)
        weft_op_arg(l, sizeof big, big);
    int64_t n = weft_count(c->y);
    if (how == 2)
        weft_op_arg(l, sizeof n, &n);
    for (int i = 0; how == 3 && i < 25; i++)
        weft_op_arg(l, sizeof i, &i);
    return how;
}

START_TEST(a_launch_that_cannot_be_is_told)
{
    static const struct {
        const char *part;
        enum weft_status status;
    } wrong[] = {{"twice: launch failed", WEFT_PARAM},
                 {"twice: argument 0 of launch has 65 bytes", WEFT_PARAM},
                 {"work-items a group", WEFT_UNSUPPORTED},
                 {"twice: launch gave 25 arguments", WEFT_PARAM}};
    for (int i = 0; i < 4; i++) {
        struct weft_op o = twice;
        o.launch = bad_launch;
        o.option_bytes = sizeof i;
        const weft_tensor *x = weft_full(s, WEFT_F32, 0, NULL, 1);
        ck_assert_ptr_nonnull(weft_op(s, &o, &x, &i));
        ck_assert(!weft_flush(s));
        assert_error(wrong[i].status, wrong[i].part);
    }
}
END_TEST

static bool shift_launch(const struct weft_op_call *c, struct weft_op_launch *l,
                         struct weft_error *e)
{
    (void)e;
    int n = (int)weft_count(c->y);
    float by = 3;
    weft_op_arg(l, sizeof n, &n);
    if (!c->op->priv)
        weft_op_arg(l, sizeof by, &by);
    return true;
}

// PoCL would go on with the value of the launch before.
START_TEST(a_missing_argument_is_told)
{
    struct weft_op shift =
        WEFT_OP(.name = "shift", .inputs = 1, .flat = true, .launch = shift_launch,
                .source =
                    "kernel void shift(global const float *x, global float *y, int n, float by)"
                    "{ int i = get_global_id(0); if (i < n) y[i] = x[i] + by; }");
    const weft_tensor *x = weft_full(s, WEFT_F32, 0, NULL, 1);
    ck_assert_double_eq(weft_item(s, weft_op(s, &shift, &x, NULL)), 4);
    shift.priv = dev;
    weft_op(s, &shift, &x, NULL);
    ck_assert(!weft_flush(s));
    assert_error(WEFT_PARAM,
                 "shift: the kernel has 4 arguments, 3 were given (1 input, 1 output, 1 more)");
}
END_TEST

static bool bad_grad(weft_scope *scope, const struct weft_op_call *c, const weft_tensor *gy,
                     weft_tensor **gx)
{
    (void)gy;
    gx[0] = weft_full(scope, WEFT_F32, 1, (int64_t[]){3}, 0);
    return !c->op->priv;
}

START_TEST(a_wrong_gradient_is_refused)
{
    for (int i = 0; i < 3; i++) {
        struct weft_op o = twice;
        const weft_tensor *x = weft_full(s, WEFT_F32, 1, (int64_t[]){2}, 1);
        o.flat = false;
        o.grad = i < 2 ? bad_grad : NULL;
        o.priv = i ? dev : NULL;
        weft_tensor *y = weft_op(s, &o, &x, NULL);
        ck_assert_ptr_null(weft_grad(s, weft_sum(s, y, NULL), x));
        assert_error(i == 0   ? WEFT_SHAPE
                     : i == 1 ? WEFT_PARAM
                              : WEFT_UNSUPPORTED,
                     i == 0   ? "twice: the gradient of x0 is [3] F32; [2] F32 was wanted"
                     : i == 1 ? "twice: grad failed"
                              : "twice: the operation has no grad");
    }
}
END_TEST

static weft_tensor *block(weft_scope *scope, void *priv, const weft_tensor *x)
{
    (void)scope, (void)priv;
    return dot_of(swish_of(x, 1.25),
                  weft_param(s, net, "w", (struct weft_init){WEFT_INIT_UNIFORM, -1, 1}, 1,
                             (int64_t[]){COLUMNS}),
                  3);
}

START_TEST(a_checkpoint_runs_them_again)
{
    static float x[ROWS * COLUMNS];
    float got[2][COLUMNS];
    fill(x, ROWS * COLUMNS, 9);
    for (int i = 0; i < 2; i++) {
        weft_tensor *t = matrix(x, ROWS, COLUMNS);
        weft_tensor *y = i ? weft_checkpoint(s, block, NULL, t) : block(s, NULL, t);
        ck_assert(weft_backward(s, weft_sum(s, weft_square(s, y), NULL), net));
        ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
        ck_assert(weft_params_get_grad(net, "w", got[i], sizeof got[i], &err));
        ck_assert(weft_zero_grad(s, net) && weft_scope_reset(s));
    }
    ck_assert_mem_eq(got[0], got[1], sizeof got[0]);
    ck_assert_float_ne(got[0][0], 0);
}
END_TEST

START_TEST(they_are_profiled_and_checked_under_their_names)
{
    weft_scope *plain = s;
    weft_device *d =
        weft_device_create(weft_device_params(.profile = true, .check_nan = true), &err);
    s = weft_scope_create(d, NULL, &err);
    const weft_tensor *x = weft_full(s, WEFT_F32, 1, (int64_t[]){9}, 1);
    x = swish_of(x, 2);
    ck_assert(weft_read(s, weft_op(s, &twice, &x, NULL), (float[9]){0}, 36));
    struct weft_profile_row row[32];
    int n = weft_device_profile(d, row, 32, &err), found = 0;
    for (int i = 0; i < n; i++)
        found += !strcmp(row[i].op, "swish") ||
                 (!strcmp(row[i].op, "twice") && !strcmp(row[i].kernel, "twice"));
    ck_assert_int_eq(found, 2);
    x = weft_full(s, WEFT_F32, 1, (int64_t[]){9}, 3e38);
    weft_op(s, &twice, &x, NULL);
    ck_assert(!weft_flush(s));
    assert_error(WEFT_NONFINITE, "twice: has made");
    swish_of(weft_full(s, WEFT_F32, 0, NULL, 0), (double)INFINITY);
    ck_assert(!weft_flush(s));
    assert_error(WEFT_NONFINITE, "swish: has made");
    weft_scope_destroy(&s);
    weft_device_destroy(&d);
    s = plain;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("custom");
    TCase *t = tcase_create("custom");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_kernel_is_launched_as_asked);
    tcase_add_test(t, an_op_runs_eagerly_and_in_a_cache);
    tcase_add_test(t, the_defaults_are_one_item_for_each_element);
    tcase_add_test(t, a_kernel_reads_half_and_any_view);
    tcase_add_test(t, a_long_launch_is_split_for_a_display);
    tcase_add_test(t, an_op_that_does_not_compile_is_told);
    tcase_add_test(t, an_incomplete_op_is_refused);
    tcase_add_test(t, a_launch_that_cannot_be_is_told);
    tcase_add_test(t, a_missing_argument_is_told);
    tcase_add_test(t, a_wrong_gradient_is_refused);
    tcase_add_test(t, a_checkpoint_runs_them_again);
    tcase_add_test(t, they_are_profiled_and_checked_under_their_names);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
