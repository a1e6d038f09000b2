// A device that is lost in the middle of a step, and for good: every call of lost_cl.h from the
// n-th on fails, also where weft does not look at the answer. Everything can still be destroyed,
// and another device goes on from a training that was saved.
#include "fault_fixture.h"
#include "lost_cl.h"
#include <time.h>

static struct weft_training_params training_of(const struct model *m)
{
    return (struct weft_training_params){.size = sizeof(struct weft_training_params),
                                         .params = m->net,
                                         .optim = m->adam,
                                         .scope = m->s};
}

// The second step on a new device, from what was saved after the first.
static void check_another_device(void)
{
    struct model m;
    struct weft_error err = {0};
    weft_device *dev = open_whole();
    model_make(&m, dev);
    struct weft_training_params t = training_of(&m);
    ck_assert_msg(weft_training_load(in_tempdir("first.safetensors"), &t, NULL, &err), "%s",
                  err.text);
    ck_assert_double_eq(model_step(&m), want.loss[1]);
    ck_assert(has_values(&m, 2));
    model_free(&m);
    close_device(&dev);
}

static atomic_int lent;
static float lent_data[64], read_back[64];

static void got_back(void *priv, const void *data)
{
    (void)priv, (void)data;
    lent--;
}

static void lose(weft_device *dev, struct model *m, int n)
{
    struct weft_error err = {0};
    struct weft_training_params t = training_of(m);
    const int64_t count = COUNT(lent_data);
    weft_tensor *x = weft_borrow(
        m->s, lent_data,
        weft_borrow_params(.dtype = WEFT_F32, .ndim = 1, .shape = &count, .released = got_back));
    lent += x != NULL;
    weft_tensor *kept = weft_keep(m->s, weft_neg(m->s, x));
    weft_async *a = weft_read_async(m->s, kept, read_back, sizeof read_back);
    ck_assert_ptr_nonnull(a);
    driver.calls = 0;
    driver.lost_at = n;
    driver.code = n % 2 ? CL_DEVICE_NOT_AVAILABLE : CL_OUT_OF_RESOURCES;
    double loss = model_step(m);
    const struct weft_error *e = weft_scope_error(m->s);
    bool hit = driver.calls >= n;
    ck_assert(hit == isnan(loss) || driver.calls == n);
    ck_assert_msg(!isnan(loss) || ((e->status == WEFT_DEVICE || e->status == WEFT_NOMEM) &&
                                   names_what_failed(e->text)),
                  "%s", e->text);
    if (hit) {
        ck_assert(!weft_training_save(in_tempdir("lost.safetensors"), &t, &err));
        ck_assert_msg(err.status == WEFT_DEVICE || err.status == WEFT_NOMEM, "%s", err.text);
        ck_assert(!weft_device_wait(dev, NULL));
        ck_assert(!weft_async_wait(a, NULL));
    }
    weft_async_destroy(&a);
    weft_tensor_destroy(&kept);
}

// False once the step is over before the n-th call.
static bool lose_at(int n)
{
    struct model m;
    int before = live_now();
    weft_device *dev = open_driver(cache);
    model_make(&m, dev);
    ck_assert_double_eq(model_step(&m), want.loss[0]);
    lose(dev, &m, n);
    bool hit = driver.calls >= n;
    model_free(&m);
    close_device(&dev);
    for (int i = 0; i < 5000 && lent; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    ck_assert_int_eq(lent, 0);
    ck_assert_uint_eq(driver.held, 0);
    assert_none_left(before);
    return hit;
}

START_TEST(a_device_lost_in_a_step)
{
    struct model m;
    weft_device *dev = open_whole();
    model_make(&m, dev);
    struct weft_training_params t = training_of(&m);
    model_step(&m);
    ck_assert(weft_training_save(in_tempdir("first.safetensors"), &t, NULL));
    model_free(&m);
    close_device(&dev);
    int n = 1;
    for (; lose_at(n); n++) {
        if (n % 30 == 1)
            check_another_device();
    }
    ck_assert_int_gt(n, 50);
    ck_assert_int_eq(count_files(tempdir), 2); // the cache and the training
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lost");
    TCase *t = tcase_create("lost");
    tcase_add_unchecked_fixture(t, setup_want, tempdir_remove);
    tcase_set_timeout(t, 300);
    suite_add_tcase(suite, t);
    tcase_add_test(t, a_device_lost_in_a_step);
    return run_suite(suite);
}
