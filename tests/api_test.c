// What a scope offers beyond recording: reads without waiting, borrowed data, progress,
// checkpoints.
#include "run.h"
#include "scope_fixture.h"
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <weft/weft.h>

enum { N = 1000 };

static weft_tensor *ramp(int64_t n)
{
    float *v = malloc((size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)(i % 97) / 97;
    weft_tensor *x = weft_from_host(s, WEFT_F32, 1, &n, v);
    free(v);
    return x;
}

START_TEST(a_read_goes_on_while_the_scope_is_reset)
{
    float got[N];
    weft_async *a = weft_read_async(s, weft_scale(s, ramp(N), 97), got, sizeof got);
    ck_assert_msg(a != NULL, "%s", weft_scope_error(s)->text);
    weft_scope_reset(s);
    ck_assert(weft_async_wait(a, NULL) && weft_async_done(a));
    for (int i = 0; i < N; i++)
        ck_assert_float_eq_tol(got[i], (float)(i % 97), 1e-4f);
    weft_async_destroy(&a);
    ck_assert_ptr_null(a);
    weft_async_destroy(&a);
}
END_TEST

static void note_done(void *priv, const struct weft_error *err)
{
    atomic_int *status = priv;
    *status = err->status == WEFT_OK ? 1 : -1;
}

START_TEST(a_read_calls_back_once)
{
    float got[N];
    atomic_int status = 0;
    struct weft_error e = {0};
    weft_async *a = weft_read_async(s, ramp(N), got, sizeof got);
    ck_assert_msg(weft_async_notify(a, note_done, &status, &e), "%s", e.text);
    ck_assert(!weft_async_notify(a, note_done, &status, &e));
    ck_assert_int_eq(e.status, WEFT_PARAM);
    weft_async_destroy(&a); // waits for the callback
    ck_assert_int_eq(status, 1);
}
END_TEST

START_TEST(a_read_is_refused_with_the_wrong_room)
{
    float got[N];
    ck_assert_ptr_null(weft_read_async(s, ramp(N), got, 4));
    assert_error(WEFT_PARAM, "read_async: 4 bytes of room");
    ck_assert(!weft_async_wait(NULL, NULL));
    ck_assert(weft_async_done(NULL));
}
END_TEST

static void note_release(void *priv, const void *data)
{
    (void)data;
    ++*(atomic_int *)priv;
}

static void borrow_at(float *v)
{
    int64_t n = N;
    float got[N];
    atomic_int released = 0;
    for (int i = 0; i < N; i++)
        v[i] = (float)i;
    weft_tensor *x = weft_borrow(s, v,
                                 weft_borrow_params(.dtype = WEFT_F32, .ndim = 1, .shape = &n,
                                                    .released = note_release, .priv = &released));
    ck_assert_msg(x != NULL, "%s", weft_scope_error(s)->text);
    ck_assert(weft_read(s, weft_neg(s, x), got, sizeof got));
    for (int i = 0; i < N; i++)
        ck_assert_float_eq(got[i], (float)-i);
    weft_scope_reset(s);
    ck_assert(weft_device_wait(dev, NULL));
    for (int i = 0; i < 2000 && !released; i++) {
        struct timespec ms = {0, 1000000};
        nanosleep(&ms, NULL);
    }
    ck_assert_int_eq(released, 1);
}

START_TEST(borrowed_data_is_read_and_released_once)
{
    void *room = NULL;
    ck_assert_int_eq(posix_memalign(&room, 4096, 2 * 4096), 0);
    borrow_at(room);
    borrow_at((float *)room + 1); // not where the device could share it
    free(room);
}
END_TEST

START_TEST(borrowing_nothing_is_refused)
{
    int64_t n = N;
    ck_assert_ptr_null(
        weft_borrow(s, NULL, weft_borrow_params(.dtype = WEFT_F32, .ndim = 1, .shape = &n)));
    assert_error(WEFT_PARAM, "borrow: the data is NULL");
}
END_TEST

struct steps {
    int calls, last_done, total, stop_at;
};

static bool on_progress(void *priv, const struct weft_progress *at)
{
    struct steps *p = priv;
    p->last_done = at->done;
    p->total = at->total;
    return ++p->calls != p->stop_at;
}

START_TEST(progress_counts_up_and_may_cancel)
{
    struct steps steps = {0};
    struct weft_error e = {0};
    weft_scope *own = weft_scope_create(
        dev, weft_scope_params(.progress = on_progress, .progress_priv = &steps), &e);
    weft_tensor *x = weft_full(own, WEFT_F32, 0, NULL, 2);
    ck_assert_double_eq(weft_item(own, weft_square(own, weft_neg(own, x))), 4);
    ck_assert_int_eq(steps.last_done, 3);
    ck_assert_int_eq(steps.total, 3);
    steps = (struct steps){.stop_at = 2};
    x = weft_full(own, WEFT_F32, 0, NULL, 3);
    weft_item(own, weft_square(own, weft_neg(own, x)));
    ck_assert_int_eq(weft_scope_error(own)->status, WEFT_CANCELLED);
    weft_scope_clear(own);
    x = weft_full(own, WEFT_F32, 0, NULL, 3);
    ck_assert_double_eq(weft_item(own, weft_square(own, x)), 9);
    weft_scope_destroy(&own);
}
END_TEST

START_TEST(borrowed_data_is_read_by_a_call_once)
{
    int64_t n = N;
    static float v[N], got[N];
    weft_tensor *x =
        weft_borrow(s, v, weft_borrow_params(.dtype = WEFT_F32, .ndim = 1, .shape = &n));
    weft_tensor *gone = weft_neg(s, x), *kept = weft_square(s, x);
    weft_want(s, kept);
    weft_tensor *y = weft_add(s, weft_exp(s, gone), weft_exp(s, kept));
    ck_assert(weft_read(s, y, got, sizeof got));
    ck_assert_float_eq(got[3], 2);
    ck_assert(weft_read(s, kept, got, sizeof got));
    ck_assert(!weft_read(s, gone, got, sizeof got));
    assert_error(WEFT_STALE, "neg: borrowed data would be read again");
}
END_TEST

enum { DEPTH = 8, LONG = 1 << 16 };

static weft_tensor *stretch(weft_scope *scope, void *priv, const weft_tensor *x)
{
    weft_tensor *w = weft_param(scope, priv, "w", (struct weft_init){WEFT_INIT_CONSTANT, 0.9, 0}, 1,
                                (int64_t[]){LONG});
    weft_tensor *y = (weft_tensor *)x;
    for (int i = 0; i < DEPTH; i++)
        y = weft_tanh(scope, weft_mul(scope, y, w));
    return y;
}

// A segment of two, of which each is one.
static weft_tensor *nested(weft_scope *scope, void *priv, const weft_tensor *x)
{
    return weft_checkpoint(scope, stretch, priv, weft_checkpoint(scope, stretch, priv, x));
}

enum form { PLAIN, FLAT, NESTED };

static const weft_tensor *forward(enum form form, weft_params *p)
{
    const weft_tensor *x = ramp(LONG);
    for (int i = 0; i < 4; i += form == NESTED ? 2 : 1)
        x = form == PLAIN ? stretch(s, p, x)
                          : weft_checkpoint(s, form == NESTED ? nested : stretch, p, x);
    return x;
}

static uint64_t train(enum form form, float *grad)
{
    weft_params *p = weft_params_create(dev, 1, NULL);
    weft_tensor *loss = weft_sum(s, forward(form, p), NULL);
    // The forward pass alone: what it keeps is what the gradient reads.
    ck_assert_msg(weft_item(s, loss) > 0, "%s", weft_scope_error(s)->text);
    uint64_t kept = stats().bytes_used;
    ck_assert_msg(weft_backward(s, loss, p), "%s", weft_scope_error(s)->text);
    ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
    ck_assert(weft_params_get_grad(p, "w", grad, LONG * sizeof *grad, NULL));
    weft_scope_reset(s);
    weft_params_destroy(&p);
    return kept;
}

START_TEST(a_checkpoint_gives_the_same_gradient_in_less_memory)
{
    float *a = malloc(LONG * sizeof *a), *b = malloc(LONG * sizeof *b);
    uint64_t without = train(PLAIN, a);
    for (enum form form = FLAT; form <= NESTED; form++) {
        uint64_t with = train(form, b);
        ck_assert_mem_eq(a, b, LONG * sizeof *a);
        ck_assert_msg(with < without / 3, "%llu bytes with, %llu without", (unsigned long long)with,
                      (unsigned long long)without);
    }
    free(a);
    free(b);
}
END_TEST

START_TEST(a_checkpoint_keeps_nothing_where_no_gradient_comes)
{
    uint64_t used[2];
    for (enum form form = PLAIN; form <= FLAT; form++) {
        weft_params *p = weft_params_create(dev, 1, NULL);
        weft_scope *training = s;
        s = weft_scope_create(dev, NULL, NULL);
        ck_assert(weft_item(s, weft_sum(s, forward(form, p), NULL)) > 0);
        used[form] = stats().bytes_used;
        weft_scope_destroy(&s);
        s = training;
        weft_params_destroy(&p);
    }
    ck_assert_uint_eq(used[FLAT], used[PLAIN]);
}
END_TEST

START_TEST(a_checkpoint_without_a_function_is_refused)
{
    ck_assert_ptr_null(weft_checkpoint(s, NULL, NULL, ramp(4)));
    assert_error(WEFT_PARAM, "checkpoint: the function is NULL");
}
END_TEST

#ifdef WF_DEBUG_ABORT
enum { WRONG_CALLS_ABORT = 1 };
#else
enum { WRONG_CALLS_ABORT = 0 };
#endif

int main(void)
{
    Suite *suite = suite_create("api");
    TCase *t = tcase_create("scope");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_read_goes_on_while_the_scope_is_reset);
    tcase_add_test(t, a_read_calls_back_once);
    tcase_add_test(t, borrowed_data_is_read_and_released_once);
    tcase_add_test(t, borrowed_data_is_read_by_a_call_once);
    tcase_add_test(t, a_checkpoint_keeps_nothing_where_no_gradient_comes);
    tcase_add_test(t, progress_counts_up_and_may_cancel);
    tcase_add_test(t, a_checkpoint_gives_the_same_gradient_in_less_memory);
    if (!WRONG_CALLS_ABORT) {
        tcase_add_test(t, a_read_is_refused_with_the_wrong_room);
        tcase_add_test(t, borrowing_nothing_is_refused);
        tcase_add_test(t, a_checkpoint_without_a_function_is_refused);
    }
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
