// Device memory that runs out: a limit of every size, a driver that has less than it says, and the
// memory of a small device used to the end. A step that fails changes nothing and names what wanted
// how much; with more memory the same objects go on.
#include "fault_fixture.h"
#include "lost_cl.h"

enum { GRAIN = 256 }; // of the pool

static void assert_names_bytes(const struct weft_error *e)
{
    ck_assert_msg(e->status == WEFT_NOMEM && names_what_failed(e->text), "%d \"%s\"", e->status,
                  e->text);
    ck_assert_msg(strstr(e->text, " bytes") || strstr(e->text, " KiB") || strstr(e->text, " MiB"),
                  "\"%s\"", e->text);
}

// What a dry run foretells for the first step.
static uint64_t foretold(weft_device *dev)
{
    struct model m;
    struct weft_plan_info info = {.size = sizeof info};
    const int64_t label[MODEL_BATCH] = {0, 1, 2, 0, 1}, batch = MODEL_BATCH;
    model_make(&m, dev);
    weft_tensor *y = weft_from_host(m.s, WEFT_I64, 1, &batch, label);
    weft_tensor *loss = weft_cross_entropy(m.s, model_logits(&m), y, NULL);
    ck_assert(weft_backward(m.s, loss, m.net) && weft_optim_step(m.adam, m.s));
    ck_assert(weft_plan(m.s, loss, &info));
    model_free(&m);
    return info.peak_bytes;
}

// The first step of a training with what memory there is; then `more` gives it enough. True if it
// was made at once.
static bool try_step(weft_device *dev, void (*more)(weft_device *dev))
{
    struct model m;
    model_make(&m, dev);
    double loss = model_step(&m);
    bool done = !isnan(loss);
    if (!done)
        assert_names_bytes(weft_scope_error(m.s));
    more(dev);
    if (!done) {
        weft_scope_clear(m.s);
        ck_assert(weft_zero_grad(m.s, m.net) && weft_scope_reset(m.s));
        loss = model_step(&m);
        ck_assert_msg(!isnan(loss), "%s", weft_scope_error(m.s)->text);
    }
    ck_assert_double_eq(loss, want.loss[0]);
    ck_assert(has_values(&m, 1));
    ck_assert_double_eq(model_step(&m), want.loss[1]);
    model_free(&m);
    ck_assert_uint_eq(stats_of(dev).bytes_used, 0);
    return done;
}

static void no_limit(weft_device *dev)
{
    dev->pool.limit = 0;
}

START_TEST(a_limit_of_every_size)
{
    weft_device *dev = open_whole();
    uint64_t peak = foretold(dev);
    ck_assert_uint_gt(peak, 10 * GRAIN);
    for (uint64_t limit = 1; limit < peak; limit += GRAIN / 2) {
        weft_device_trim(dev);
        dev->pool.limit = limit;
        ck_assert_msg(!try_step(dev, no_limit), "%d bytes were enough", (int)limit);
    }
    weft_device_trim(dev);
    dev->pool.limit = peak;
    ck_assert(try_step(dev, no_limit));
    close_device(&dev);
}
END_TEST

START_TEST(the_limit_of_the_params)
{
    struct weft_error err = {0};
    weft_device *dev = open_whole();
    uint64_t peak = foretold(dev);
    close_device(&dev);
    for (int less = 1; less >= 0; less--) {
        dev = weft_device_create(
            weft_device_params(.cache_dir = cache, .memory_limit = (size_t)peak - (size_t)less),
            &err);
        ck_assert_msg(dev != NULL, "%s", err.text);
        ck_assert_int_eq(try_step(dev, no_limit), !less);
        close_device(&dev);
    }
}
END_TEST

static void driver_has_more(weft_device *dev)
{
    (void)dev;
    driver.limit = 0;
}

static bool step_with(size_t limit, cl_int full)
{
    weft_device *dev = open_driver(cache);
    driver.limit = limit;
    driver.full = full;
    bool done = try_step(dev, driver_has_more);
    close_device(&dev);
    ck_assert_uint_eq(driver.held, 0);
    return done;
}

// The buffers for uploads count too. Some drivers give none and say that all is well.
START_TEST(a_driver_that_has_less)
{
    static const cl_int full[] = {CL_MEM_OBJECT_ALLOCATION_FAILURE, CL_SUCCESS};
    size_t limit = 1;
    int tried = 0;
    for (; !step_with(limit, full[_i]); tried++)
        limit += limit % (64 << 10) < 8 * GRAIN ? GRAIN / 2 : (16 << 10) - GRAIN;
    ck_assert_int_gt(tried, 10);
    ck_assert_uint_lt(limit, 2 << 20);
}
END_TEST

// Blocks that nothing uses go back before uploads fail for want of memory.
START_TEST(uploads_take_what_the_pool_does_not_use)
{
    weft_device *dev = open_driver(cache);
    weft_scope *s = open_scope(dev);
    ck_assert_double_eq(weft_item(s, weft_sum(s, filled(s, 1 << 20, 1), NULL)), 1 << 20);
    weft_scope_reset(s);
    driver.limit = driver.held; // all of it in the pool
    const float one = 1;
    weft_tensor *x = weft_from_host(s, WEFT_F32, 0, NULL, &one);
    ck_assert_msg(x != NULL, "%s", weft_scope_error(s)->text);
    ck_assert_double_eq(weft_item(s, x), 1);
    weft_scope_destroy(&s);
    close_device(&dev);
}
END_TEST

// All that a small device has: 128 MiB.
START_TEST(memory_used_to_the_end)
{
    enum { PIECES = 16 };
    weft_device *dev = open_driver(cache);
    driver.limit = 128 << 20;
    weft_scope *s = open_scope(dev);
    int64_t n = (int64_t)(driver.limit / PIECES / sizeof(float));
    int tensors = 0;
    for (weft_tensor *x; (x = filled(s, n, 1)) && weft_want(s, x) && weft_flush(s);)
        ck_assert_int_le(++tensors, PIECES);
    assert_names_bytes(weft_scope_error(s));
    ck_assert_int_ge(tensors, PIECES / 2);
    weft_scope_clear(s);
    ck_assert_double_eq(weft_item(s, filled(s, 1, 3)), 3);
    weft_scope_destroy(&s);
    close_device(&dev);
    ck_assert_uint_eq(driver.held, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *t = tcase_create("memory");
    tcase_add_unchecked_fixture(t, setup_want, tempdir_remove);
    tcase_set_timeout(t, 300);
    suite_add_tcase(suite, t);
    tcase_add_test(t, a_limit_of_every_size);
    tcase_add_test(t, the_limit_of_the_params);
    tcase_add_loop_test(t, a_driver_that_has_less, 0, 2);
    tcase_add_test(t, uploads_take_what_the_pool_does_not_use);
    tcase_add_test(t, memory_used_to_the_end);
    return run_suite(suite);
}
