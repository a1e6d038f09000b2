// The store: buffers and their updates, descriptions, tied weights, copies, names.
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>

static const struct weft_init zero = {WEFT_INIT_CONSTANT, 0, 0};
static const struct weft_init spread = {WEFT_INIT_UNIFORM, -1, 1};
static const int64_t three[] = {3};
static struct weft_error err;

static void setup_store(void)
{
    setup();
    err = (struct weft_error){0};
}

// The error is this one; then it is forgotten.
static void assert_err(enum weft_status status, const char *part)
{
    ck_assert_msg(err.status == status && strstr(err.text, part), "got %d \"%s\", want \"%s\"",
                  err.status, err.text, part);
    err = (struct weft_error){0};
}

static weft_tensor *buffer(const char *name)
{
    return weft_buffer(s, net, name, zero, 1, three);
}

static weft_tensor *row(float a, float b, float c)
{
    return weft_from_host(s, WEFT_F32, 1, three, (float[]){a, b, c});
}

static void expect(weft_params *p, const char *name, float a, float b, float c)
{
    float v[3] = {NAN, NAN, NAN};
    ck_assert_msg(weft_params_get(p, name, v, sizeof v, &err), "%s", err.text);
    ck_assert_msg(v[0] == a && v[1] == b && v[2] == c, "%s is %g %g %g, want %g %g %g", name,
                  (double)v[0], (double)v[1], (double)v[2], (double)a, (double)b, (double)c);
}

// m = 0.5 m + x, three times in one scope: each reads what the one before left.
START_TEST(a_later_read_sees_the_update)
{
    for (int i = 0; i < 3; i++) {
        weft_tensor *m = weft_add(s, weft_scale(s, buffer("m"), 0.5), row(8, 16, 24));
        ck_assert(weft_buffer_set(s, net, "m", m));
    }
    float v[3];
    ck_assert(weft_read(s, buffer("m"), v, sizeof v));
    ck_assert(v[0] == 14 && v[1] == 28 && v[2] == 42);
    expect(net, "m", 14, 28, 42);
    ck_assert(weft_scope_reset(s));
    expect(net, "m", 14, 28, 42); // ran once
}
END_TEST

START_TEST(a_reset_runs_pending_updates)
{
    ck_assert(buffer("m") && weft_buffer_set(s, net, "m", row(1, 2, 3)));
    struct weft_plan_info plan = {.size = sizeof plan};
    ck_assert(weft_plan(s, NULL, &plan));
    expect(net, "m", 0, 0, 0);
    ck_assert(weft_scope_reset(s));
    expect(net, "m", 1, 2, 3);
}
END_TEST

START_TEST(what_read_the_old_value_is_stale_after_the_update)
{
    weft_tensor *old = buffer("m"), *late = NULL;
    ck_assert(weft_buffer_set(s, net, "m", row(1, 1, 1)));
    ck_assert(weft_flush(s));
    late = weft_neg(s, old);
    ck_assert(late && !weft_flush(s));
    assert_error(WEFT_STALE, "m");
    // Another scope, and the host.
    weft_scope *other = weft_scope_create(dev, NULL, NULL);
    ck_assert_ptr_nonnull(weft_buffer(other, net, "m", zero, 1, three));
    weft_tensor *one = weft_full(other, WEFT_F32, 1, three, 1);
    ck_assert(weft_buffer_set(other, net, "m", one));
    ck_assert(weft_params_set(net, "m", (float[]){7, 7, 7}, 12, NULL));
    ck_assert(!weft_flush(other));
    ck_assert_int_eq(weft_scope_error(other)->status, WEFT_STALE);
    expect(net, "m", 7, 7, 7);
    weft_scope_destroy(&other);
}
END_TEST

// A tensor that became a buffer's value stays what it is when the buffer changes.
START_TEST(values_are_not_shared_with_what_changes_later)
{
    weft_tensor *w = weft_param(s, net, "w", spread, 1, three);
    weft_tensor *value = weft_scale(s, row(1, 2, 3), 2), *kept = weft_keep(s, value);
    float v[3], first[3], w0[3];
    weft_params_get(net, "w", w0, sizeof w0, NULL);
    ck_assert(buffer("a") && buffer("b") && buffer("c"));
    ck_assert(weft_buffer_set(s, net, "a", value) && weft_buffer_set(s, net, "b", w));
    weft_tensor *pairs =
        weft_from_host(s, WEFT_F32, 2, (int64_t[]){3, 2}, (float[]){0, 1, 2, 3, 4, 5});
    weft_tensor *odd = weft_squeeze(s, weft_slice(s, weft_scale(s, pairs, 1), 1, 1, 2), 1);
    ck_assert_msg(weft_buffer_set(s, net, "c", odd), "%s", weft_scope_error(s)->text);
    ck_assert(weft_flush(s));
    ck_assert(weft_params_set(net, "a", (float[]){9, 9, 9}, 12, NULL));
    ck_assert(weft_read(s, value, v, sizeof v) && v[0] == 2 && v[2] == 6);
    ck_assert(weft_read(s, kept, first, sizeof first) && first[1] == 4);
    // b began as w, which an optimizer then changes in place.
    weft_optim *o = weft_sgd_create(net, weft_sgd_params(.lr = 1), NULL);
    weft_backward(s, weft_sum(s, weft_param(s, net, "w", spread, 1, three), NULL), net);
    ck_assert(weft_optim_step(o, s) && weft_scope_reset(s));
    expect(net, "b", w0[0], w0[1], w0[2]);
    expect(net, "w", w0[0] - 1, w0[1] - 1, w0[2] - 1);
    expect(net, "c", 1, 3, 5);
    expect(net, "a", 9, 9, 9);
    weft_tensor_destroy(&kept);
    weft_optim_destroy(&o);
}
END_TEST

static void got_back(void *priv, const void *data)
{
    (void)data;
    ++*(int *)priv;
}

START_TEST(borrowed_memory_is_not_kept)
{
    static float lent[3] = {1, 2, 3};
    int back = 0;
    weft_tensor *x = weft_borrow(s, lent,
                                 weft_borrow_params(.dtype = WEFT_F32, .ndim = 1, .shape = three,
                                                    .released = got_back, .priv = &back));
    ck_assert(buffer("m") && weft_buffer_set(s, net, "m", x) && weft_scope_reset(s));
    ck_assert(weft_device_wait(dev, NULL));
    lent[0] = 99;
    expect(net, "m", 1, 2, 3);
    ck_assert_int_eq(back, 1);
}
END_TEST

static weft_tensor *counting(weft_scope *on, void *priv, const weft_tensor *x)
{
    (void)priv;
    weft_tensor *n = weft_buffer(on, net, "n", zero, 1, three);
    weft_buffer_set(on, net, "n", weft_add(on, n, weft_full(on, WEFT_F32, 0, NULL, 1)));
    return weft_square(on, x);
}

// Also where each call runs at once: what is run again must not read the old value then.
START_TEST(buffers_have_no_gradient_and_run_once_in_a_checkpoint)
{
    if (_i) {
        teardown();
        dev = weft_device_create(weft_device_params(.eager = true), NULL);
        s = weft_scope_create(dev, weft_scope_params(.train = true), NULL);
        net = weft_params_create(dev, 7, NULL);
    }
    weft_optim *o = weft_adam_create(net, weft_adam_params(.weight_decay = 0.1), NULL);
    weft_tensor *w = weft_param(s, net, "w", spread, 1, three);
    weft_tensor *y = weft_checkpoint(s, counting, NULL, w);
    y = weft_sum(s, weft_mul(s, y, weft_exp(s, buffer("m"))), NULL);
    ck_assert(weft_backward(s, y, net) && weft_optim_step(o, s) && weft_scope_reset(s));
    expect(net, "n", 1, 1, 1);
    expect(net, "m", 0, 0, 0);
    float g[3];
    ck_assert(weft_params_get_grad(net, "m", g, sizeof g, NULL) && g[0] == 0);
    // A loss of buffers alone has nothing to train.
    ck_assert(!weft_backward(s, weft_sum(s, buffer("m"), NULL), net));
    assert_error(WEFT_PARAM, "does not depend");
    weft_optim_destroy(&o);
}
END_TEST

START_TEST(wrong_buffers_are_refused)
{
    ck_assert(buffer("m") && weft_param(s, net, "w", spread, 1, three));
    ck_assert(!weft_param(s, net, "m", zero, 1, three));
    assert_error(WEFT_PARAM, "m: is a buffer; a parameter was wanted");
    ck_assert(!buffer("w"));
    assert_error(WEFT_PARAM, "w: is a parameter; a buffer was wanted");
    ck_assert(!weft_buffer_set(s, net, "w", row(1, 2, 3)));
    assert_error(WEFT_PARAM, "buffer_set: w is a parameter");
    ck_assert(!weft_buffer_set(s, net, "q", row(1, 2, 3)));
    assert_error(WEFT_PARAM, "buffer_set: there is no buffer \"q\"");
    ck_assert(!weft_buffer_set(s, net, NULL, row(1, 2, 3)));
    assert_error(WEFT_PARAM, "(NULL)");
    ck_assert(!weft_buffer_set(s, NULL, "m", row(1, 2, 3)));
    assert_error(WEFT_PARAM, "buffer_set: the params are NULL");
    ck_assert(!weft_buffer_set(s, net, "m", weft_full(s, WEFT_F32, 0, NULL, 1)));
    assert_error(WEFT_SHAPE, "buffer_set: the value of m is []; [3] was wanted");
    ck_assert(!weft_buffer_set(s, net, "m", weft_full(s, WEFT_I32, 1, three, 1)));
    assert_error(WEFT_DTYPE, "buffer_set: the value of m is I32");
    expect(net, "m", 0, 0, 0);
}
END_TEST

START_TEST(tensors_are_described)
{
    weft_param(s, net, "w", spread, 2, (int64_t[]){2, 3});
    buffer("m");
    weft_params_freeze(net, "w", true);
    struct weft_param_info i = {.size = sizeof i};
    ck_assert(weft_params_info(net, 0, &i));
    ck_assert_str_eq(i.name, "w");
    ck_assert(i.dtype == WEFT_F32 && i.ndim == 2 && i.shape[0] == 2 && i.shape[1] == 3);
    ck_assert(i.frozen && !i.buffer);
    ck_assert(weft_params_info(net, 1, &i) && i.buffer && !i.frozen && i.ndim == 1);
    ck_assert(!weft_params_info(net, 2, &i) && !weft_params_info(net, -1, &i));
    ck_assert_int_eq(weft_params_count(net), 2);
    ck_assert_int_eq(weft_params_elements(net), 6);
    ck_assert_int_eq(weft_params_index(net, "m"), 1);
    ck_assert_int_eq(weft_params_index(net, "x"), -1);
    // A caller built with an older, shorter struct.
    i = (struct weft_param_info){.size = offsetof(struct weft_param_info, dtype)};
    ck_assert(weft_params_info(net, 0, &i) && i.name && i.dtype == 0);
}
END_TEST

START_TEST(tied_weights_are_one_tensor)
{
    ck_assert(weft_params_tie(net, "out", "in", &err) && weft_params_tie(net, "out", "in", &err));
    weft_tensor *out = weft_param(s, net, "out", spread, 1, three);
    weft_tensor *in = weft_param(s, net, "in", spread, 1, three);
    ck_assert_int_eq(weft_params_count(net), 1);
    ck_assert_str_eq(weft_params_name(net, 0), "in");
    ck_assert_int_eq(weft_params_index(net, "out"), 0);
    // d/dw of 2 w + w^2
    float w[3], g[3], after[3];
    weft_params_get(net, "out", w, sizeof w, NULL);
    weft_tensor *y = weft_add(s, weft_scale(s, in, 2), weft_mul(s, out, in));
    weft_optim *o = weft_sgd_create(net, weft_sgd_params(.lr = 0.5), NULL);
    ck_assert(weft_backward(s, weft_sum(s, y, NULL), net) && weft_flush(s));
    ck_assert(weft_params_get_grad(net, "out", g, sizeof g, NULL));
    ck_assert(weft_optim_step(o, s) && weft_scope_reset(s));
    weft_params_get(net, "in", after, sizeof after, NULL);
    for (int i = 0; i < 3; i++) {
        ck_assert_float_eq(g[i], 2 + 2 * w[i]);
        ck_assert_float_eq_tol(after[i], w[i] - 0.5f * g[i], 1e-6f);
    }
    ck_assert_int_eq(weft_params_freeze(net, "ou", true), 1);
    ck_assert(
        !weft_backward(s, weft_sum(s, weft_param(s, net, "in", spread, 1, three), NULL), net));
    assert_error(WEFT_PARAM, "not frozen");
    ck_assert_ptr_null(weft_param(s, net, "out", spread, 0, NULL));
    assert_error(WEFT_SHAPE, "out: is [3]; [] was wanted");
    weft_optim_destroy(&o);
}
END_TEST

START_TEST(wrong_ties_are_refused)
{
    ck_assert(weft_param(s, net, "a", spread, 1, three));
    ck_assert(weft_params_tie(net, "b", "a", &err) && weft_params_tie(net, "c", "b", &err));
    ck_assert_int_eq(weft_params_index(net, "c"), 0);
    ck_assert(!weft_params_tie(net, "a", "z", &err));
    assert_err(WEFT_PARAM, "tie: a is a tensor of its own already");
    ck_assert(!weft_params_tie(net, "b", "z", &err));
    assert_err(WEFT_PARAM, "tie: b is tied to a already");
    ck_assert(!weft_params_tie(net, "z", "z", &err));
    assert_err(WEFT_PARAM, "tie: z cannot be tied to itself");
    ck_assert(weft_params_tie(net, "y", "z", &err) && !weft_params_tie(net, "z", "y", &err));
    assert_err(WEFT_PARAM, "tie: z cannot be tied to itself");
    ck_assert(weft_params_tie(net, "z", "a", &err)); // and so y
    ck_assert_int_eq(weft_params_index(net, "y"), 0);
    ck_assert(!weft_params_tie(net, NULL, "a", &err));
    assert_err(WEFT_PARAM, "tie: the name is NULL");
    ck_assert(!weft_params_tie(NULL, "q", "a", &err));
    assert_err(WEFT_PARAM, "tie: the params are NULL");
}
END_TEST

START_TEST(names_are_checked)
{
    char name[300];
    memset(name, 'n', sizeof name);
    name[256] = 0;
    ck_assert_ptr_null(weft_param(s, net, name, spread, 0, NULL));
    assert_error(WEFT_PARAM, "has 256 bytes; at most 255 are possible");
    name[255] = 0;
    ck_assert_ptr_nonnull(weft_param(s, net, name, spread, 0, NULL));
    static const char *const bad[][2] = {{NULL, "NULL"},
                                         {"", "empty"},
                                         {"__metadata__", "no tensor in a file"},
                                         {"caf\xe9", "not UTF-8"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_ptr_null(weft_param(s, net, bad[i][0], spread, 0, NULL));
        assert_error(WEFT_PARAM, bad[i][1]);
        ck_assert_ptr_null(weft_buffer(s, net, bad[i][0], spread, 0, NULL));
        assert_error(WEFT_PARAM, bad[i][1]);
    }
    ck_assert_ptr_nonnull(weft_param(s, net, "\xe6\xbc\xa2 \"\n", spread, 0, NULL));
    ck_assert_int_eq(weft_params_count(net), 2);
}
END_TEST

START_TEST(a_clone_is_the_same_and_apart)
{
    weft_params_tie(net, "tied", "w", NULL);
    weft_param(s, net, "w", spread, 1, three);
    weft_param(s, net, "empty", spread, 1, (int64_t[]){0});
    ck_assert(buffer("m") && weft_buffer_set(s, net, "m", row(1, 2, 3)) && weft_flush(s));
    weft_params_freeze(net, "w", true);
    weft_params *c = weft_params_clone(net, NULL, &err);
    ck_assert_msg(c != NULL, "%s", err.text);
    ck_assert_int_eq(weft_params_count(c), 3);
    struct weft_param_info i = {.size = sizeof i};
    ck_assert(weft_params_info(c, 0, &i) && i.frozen && weft_params_info(c, 2, &i) && i.buffer);
    ck_assert_int_eq(weft_params_index(c, "tied"), 0);
    float w[3], v[3];
    weft_params_get(net, "w", w, sizeof w, NULL);
    expect(c, "tied", w[0], w[1], w[2]);
    ck_assert(weft_params_set(net, "m", (float[]){5, 5, 5}, 12, NULL));
    expect(c, "m", 1, 2, 3);
    // Its seed is the same.
    weft_param(s, net, "new", spread, 1, three);
    weft_param(s, c, "new", spread, 1, three);
    weft_params_get(net, "new", w, sizeof w, NULL);
    weft_params_get(c, "new", v, sizeof v, NULL);
    ck_assert_mem_eq(v, w, sizeof v);
    ck_assert_ptr_null(weft_params_clone(NULL, NULL, &err));
    assert_err(WEFT_PARAM, "clone: the params are NULL");
    weft_params_destroy(&c);
}
END_TEST

START_TEST(copies_go_to_the_same_names_and_shapes)
{
    weft_param(s, net, "a", spread, 1, three), buffer("m");
    weft_params *to = weft_params_create(dev, 9, NULL);
    weft_param(s, to, "a", zero, 1, three);
    weft_buffer(s, to, "m", zero, 1, three);
    ck_assert(weft_params_set(net, "a", (float[]){1, 2, 3}, 12, NULL));
    ck_assert(weft_params_set(net, "m", (float[]){4, 5, 6}, 12, NULL));
    weft_tensor *old = weft_param(s, to, "a", zero, 1, three);
    ck_assert_msg(weft_params_copy(to, net, &err), "%s", err.text);
    expect(to, "a", 1, 2, 3), expect(to, "m", 4, 5, 6);
    ck_assert(weft_neg(s, old) && !weft_flush(s));
    assert_error(WEFT_STALE, "a");
    ck_assert(weft_params_copy(to, to, &err));
    // Another device, were there one, is another context: this device opened anew.
    weft_device *far = weft_device_create(NULL, NULL);
    weft_params *there = weft_params_clone(net, far, &err);
    ck_assert_msg(there != NULL, "%s", err.text);
    expect(there, "m", 4, 5, 6);
    ck_assert(weft_params_set(there, "m", (float[]){7, 8, 9}, 12, NULL));
    ck_assert_msg(weft_params_copy(to, there, &err), "%s", err.text);
    expect(to, "m", 7, 8, 9);
    weft_params_destroy(&there);
    weft_device_destroy(&far);
    // What does not fit changes nothing.
    weft_param(s, net, "b", spread, 1, three);
    weft_params_set(net, "a", (float[]){0, 0, 0}, 12, NULL);
    ck_assert(!weft_params_copy(to, net, &err));
    assert_err(WEFT_PARAM, "copy: the destination has no tensor \"b\"");
    ck_assert(!weft_params_copy(net, to, &err));
    assert_err(WEFT_PARAM, "copy: the source has no tensor \"b\"");
    weft_param(s, to, "b", spread, 0, NULL);
    ck_assert(!weft_params_copy(to, net, &err));
    assert_err(WEFT_SHAPE, "copy: b is []; the source has [3]");
    expect(to, "a", 1, 2, 3);
    ck_assert(!weft_params_copy(to, NULL, &err));
    assert_err(WEFT_PARAM, "copy: the source is NULL");
    weft_params_destroy(&to);
    to = weft_params_create(dev, 9, NULL);
    weft_params_tie(to, "b", "a", NULL);
    ck_assert(!weft_params_copy(to, net, &err));
    assert_err(WEFT_PARAM, "copy: the two have tied different tensors");
    ck_assert_int_eq(weft_params_count(to), 0);
    weft_params_destroy(&to);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("params");
    TCase *t = tcase_create("params");
    tcase_add_checked_fixture(t, setup_store, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_later_read_sees_the_update);
    tcase_add_test(t, a_reset_runs_pending_updates);
    tcase_add_test(t, what_read_the_old_value_is_stale_after_the_update);
    tcase_add_test(t, values_are_not_shared_with_what_changes_later);
    tcase_add_test(t, borrowed_memory_is_not_kept);
    tcase_add_loop_test(t, buffers_have_no_gradient_and_run_once_in_a_checkpoint, 0, 2);
    tcase_add_test(t, wrong_buffers_are_refused);
    tcase_add_test(t, tensors_are_described);
    tcase_add_test(t, tied_weights_are_one_tensor);
    tcase_add_test(t, wrong_ties_are_refused);
    tcase_add_test(t, names_are_checked);
    tcase_add_test(t, a_clone_is_the_same_and_apart);
    tcase_add_test(t, copies_go_to_the_same_names_and_shapes);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
