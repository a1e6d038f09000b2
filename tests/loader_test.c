// The loader: its host side without a device, then the batches on one.
#include "data_feed.h"
#include "run.h"

// Takes the rest of an epoch. Puts the rows in `rows`, those of a batch in `batch` if not NULL, and
// returns how many batches there were.
static int take_epoch(weft_loader *l, int64_t *rows, int64_t *batch)
{
    struct wf_host_batch b;
    int n = 0;
    while (wf_loader_host_batch(l, &b, &err)) {
        for (int64_t i = 0; i < b.rows; i++) {
            const int32_t *x = (const int32_t *)b.x + 2 * i;
            ck_assert_int_eq(x[0], b.row[i]);
            ck_assert_int_eq(x[1], 3 * b.row[i]);
            ck_assert_int_eq(((const int64_t *)b.y)[i], -b.row[i]);
            *rows++ = b.row[i];
        }
        if (batch)
            batch[n] = b.rows;
        n++;
        wf_loader_consume(l);
    }
    return n;
}

static void ck_all_once(const int64_t *rows, int count)
{
    char *seen = calloc((size_t)count, 1);
    ck_assert_ptr_nonnull(seen);
    for (int i = 0; i < count; i++) {
        ck_assert(rows[i] >= 0 && rows[i] < count && !seen[rows[i]]);
        seen[rows[i]] = 1;
    }
    free(seen);
}

static void wait_for_gets(struct numbers *n, int gets)
{
    for (double end = wf_now() + 10; n->gets < gets && wf_now() < end;)
        pause_ms(1);
    ck_assert_int_eq(n->gets, gets);
}

START_TEST(every_row_comes_once_an_epoch)
{
    struct numbers *n = feed((struct numbers){.slow = 13});
    weft_loader *l = loader(n, 103,
                            weft_loader_params(.batch = 10, .shuffle = _i & 1, .seed = 5,
                                               .threads = 1 + _i / 2, .ahead = 3));
    ck_assert_int_eq(weft_loader_batches(l), 11);
    ck_assert_int_eq(weft_data_count(weft_loader_data(l)), 103);
    for (int epoch = 0; epoch < 3; epoch++) {
        int64_t rows[103], batch[11];
        ck_assert_int_eq(take_epoch(l, rows, batch), 11);
        ck_all_once(rows, 103);
        for (int i = 0; i < 10; i++)
            ck_assert_int_eq(batch[i], 10);
        ck_assert_int_eq(batch[10], 3);
        for (int i = 0; !(_i & 1) && i < 103; i++)
            ck_assert_int_eq(rows[i], i);
    }
    ck_assert_int_eq(err.status, WEFT_OK);
    finish(&l, n);
}
END_TEST

static void three_epochs(int64_t *rows, int count, const struct weft_loader_params *o)
{
    struct numbers *n = feed((struct numbers){.slow = 11});
    weft_loader *l = loader(n, count, o);
    for (int epoch = 0; epoch < 3; epoch++)
        take_epoch(l, rows + epoch * count, NULL);
    finish(&l, n);
}

START_TEST(order_depends_on_the_seed_and_not_on_the_threads)
{
    int64_t one[3 * 100], same[3 * 100], other[3 * 100];
    three_epochs(one, 100, weft_loader_params(.batch = 7, .shuffle = true, .seed = 1));
    for (int threads = 2; threads <= 3; threads++) {
        for (int ahead = 3; ahead <= 40; ahead += 37) {
            three_epochs(same, 100,
                         weft_loader_params(.batch = 7, .shuffle = true, .seed = 1,
                                            .threads = threads, .ahead = ahead));
            ck_assert_mem_eq(one, same, sizeof one);
        }
    }
    three_epochs(other, 100, weft_loader_params(.batch = 7, .shuffle = true, .seed = 2));
    ck_assert_mem_ne(one, other, 100 * sizeof *one);
    ck_assert_mem_ne(one, one + 100, 100 * sizeof *one);
    ck_assert_mem_ne(one + 100, one + 200, 100 * sizeof *one);
}
END_TEST

// Each of 24 orders of 4 rows should come up about 500 times in 12000 epochs: chi squared with 23
// degrees of freedom is above 50 once in a thousand seeds.
START_TEST(shuffle_is_uniform)
{
    struct numbers *n = feed((struct numbers){0});
    weft_loader *l = loader(n, 4, weft_loader_params(.batch = 4, .shuffle = true, .ahead = 64));
    int times[256] = {0}, orders = 0;
    for (int epoch = 0; epoch < 12000; epoch++) {
        int64_t r[4];
        ck_assert_int_eq(take_epoch(l, r, NULL), 1);
        times[r[0] | r[1] << 2 | r[2] << 4 | r[3] << 6]++;
    }
    double chi = 0;
    for (int i = 0; i < 256; i++) {
        orders += times[i] > 0;
        chi += times[i] ? (times[i] - 500.0) * (times[i] - 500.0) / 500 : 0;
    }
    ck_assert_int_eq(orders, 24);
    ck_assert_double_lt(chi, 50);
    finish(&l, n);
}
END_TEST

START_TEST(drop_last_leaves_the_smaller_batch_out)
{
    struct numbers *n = feed((struct numbers){0});
    weft_loader *l = loader(n, 23, weft_loader_params(.batch = 5, .drop_last = true));
    ck_assert_int_eq(weft_loader_batches(l), 4);
    int64_t rows[23], batch[5];
    for (int epoch = 0; epoch < 2; epoch++) {
        ck_assert_int_eq(take_epoch(l, rows, batch), 4);
        ck_assert_int_eq(batch[3], 5);
        ck_assert_int_eq(rows[19], 19);
    }
    finish(&l, n);
    struct numbers *even = feed((struct numbers){0});
    l = loader(even, 20, weft_loader_params(.batch = 5, .drop_last = true));
    ck_assert_int_eq(weft_loader_batches(l), 4);
    finish(&l, even);
}
END_TEST

START_TEST(batch_may_be_larger_than_the_data)
{
    struct numbers *n = feed((struct numbers){0});
    weft_loader *l = loader(n, 3, weft_loader_params(.batch = 1000000000));
    int64_t rows[3], batch[1];
    ck_assert_int_eq(take_epoch(l, rows, batch), 1);
    ck_assert_int_eq(batch[0], 3);
    finish(&l, n);
}
END_TEST

START_TEST(a_batch_stays_until_it_is_consumed)
{
    struct numbers *n = feed((struct numbers){0});
    weft_loader *l = loader(n, 8, weft_loader_params(.batch = 2));
    struct wf_host_batch a, b;
    ck_assert(wf_loader_host_batch(l, &a, &err) && wf_loader_host_batch(l, &b, &err));
    ck_assert_int_eq(b.row[0], 0);
    wf_loader_consume(l);
    ck_assert(wf_loader_host_batch(l, &b, &err));
    ck_assert_int_eq(b.row[0], 2);
    finish(&l, n);
}
END_TEST

START_TEST(threads_read_ahead_into_the_next_epoch_and_no_further)
{
    struct numbers *n = feed((struct numbers){0});
    weft_loader *l = loader(n, 12, weft_loader_params(.batch = 2, .ahead = 3, .threads = 2));
    wait_for_gets(n, 6);
    pause_ms(20);
    ck_assert_int_eq(n->gets, 6);
    struct wf_host_batch b;
    for (int i = 0; i < 6; i++) {
        ck_assert(wf_loader_host_batch(l, &b, &err));
        ck_assert_int_le(n->gets, 2 * (i + 3));
        wf_loader_consume(l);
    }
    wait_for_gets(n, 12 + 6);
    ck_assert(!wf_loader_host_batch(l, &b, &err));
    ck_assert_int_eq(err.status, WEFT_OK);
    finish(&l, n);
}
END_TEST

START_TEST(get_runs_on_as_many_threads_as_asked)
{
    struct numbers *n = feed((struct numbers){.meet = 3});
    weft_loader *l = loader(n, 64, weft_loader_params(.batch = 2, .ahead = 6, .threads = 3));
    int64_t rows[64];
    take_epoch(l, rows, NULL);
    ck_assert_int_eq(n->most_inside, 3);
    ck_assert_int_eq(n->threads, 3);
    finish(&l, n);
}
END_TEST

START_TEST(threads_are_no_more_than_batches_ahead)
{
    struct numbers *n = feed((struct numbers){.slow = 1});
    weft_loader *l = loader(n, 64, weft_loader_params(.batch = 2, .ahead = 2, .threads = 50));
    int64_t rows[64];
    take_epoch(l, rows, NULL);
    ck_assert_int_le(n->threads, 2);
    finish(&l, n);
}
END_TEST

START_TEST(an_error_from_get_ends_the_epoch)
{
    struct numbers *n = feed((struct numbers){.fail = 17, .failures = 2, .slow = 7});
    weft_loader *l = loader(n, 40, weft_loader_params(.batch = 4, .threads = 1 + _i, .ahead = 9));
    int64_t rows[40];
    for (int epoch = 0; epoch < 2; epoch++) {
        ck_assert_int_eq(take_epoch(l, rows, NULL), 4);
        ck_error(WEFT_FORMAT, "loader: row 17: sensor: bad weather");
    }
    ck_assert_int_eq(take_epoch(l, rows, NULL), 10);
    ck_assert_int_eq(err.status, WEFT_OK);
    ck_all_once(rows, 40);
    finish(&l, n);
}
END_TEST

START_TEST(an_error_does_not_change_the_epochs_after_it)
{
    int64_t good[3 * 40], rows[40];
    const struct weft_loader_params *o =
        weft_loader_params(.batch = 4, .threads = 2, .ahead = 5, .shuffle = true, .seed = 3);
    three_epochs(good, 40, o);
    struct numbers *n = feed((struct numbers){.fail = 21, .failures = 1});
    weft_loader *l = loader(n, 40, o);
    ck_assert_int_lt(take_epoch(l, rows, NULL), 10);
    ck_error(WEFT_FORMAT, "row 21");
    for (int epoch = 1; epoch < 3; epoch++) {
        ck_assert_int_eq(take_epoch(l, rows, NULL), 10);
        ck_assert_mem_eq(rows, good + 40 * epoch, sizeof rows);
    }
    finish(&l, n);
}
END_TEST

// Seeks to each position of three epochs in turn, forwards and backwards, with rows being fetched
// or ready, and takes a few batches from there: those of a loader that never left its way.
START_TEST(seek_gives_what_an_uninterrupted_loader_gives)
{
    enum { COUNT = 43, BATCHES = 9 };
    int64_t want[3 * COUNT];
    struct weft_loader_params o = *weft_loader_params(.batch = 5, .shuffle = _i & 1, .seed = 8,
                                                      .threads = 1 + _i / 2, .ahead = 4);
    three_epochs(want, COUNT, &o);
    struct numbers *n = feed((struct numbers){.slow = 17});
    weft_loader *l = loader(n, COUNT, &o);
    for (int i = 0; i < 3 * BATCHES; i++) {
        int at = i * 10 % (3 * BATCHES), epoch = at / BATCHES, index = at % BATCHES;
        int64_t rows[COUNT], left = COUNT - 5 * index;
        ck_assert(weft_loader_seek(l, at, &err));
        ck_assert_int_eq(weft_loader_position(l), at);
        ck_assert_int_eq(take_epoch(l, rows, NULL), BATCHES - index);
        ck_assert_int_eq(weft_loader_position(l), (epoch + 1) * BATCHES);
        ck_assert_mem_eq(rows, want + epoch * COUNT + 5 * index, (size_t)left * sizeof *rows);
        struct wf_host_batch b; // of the epoch after it
        ck_assert(wf_loader_host_batch(l, &b, &err));
        if (epoch < 2)
            ck_assert_mem_eq(b.row, want + (epoch + 1) * COUNT, 5 * sizeof *b.row);
    }
    finish(&l, n);
}
END_TEST

START_TEST(position_counts_batches_of_all_epochs)
{
    struct numbers *n = feed((struct numbers){.fail = 9, .failures = 1});
    weft_loader *l = loader(n, 11, weft_loader_params(.batch = 3, .drop_last = true));
    int64_t rows[9];
    ck_assert_int_eq(weft_loader_position(l), 0);
    ck_assert_int_eq(take_epoch(l, rows, NULL), 3);
    ck_assert_int_eq(weft_loader_position(l), 3);
    ck_assert(weft_loader_seek(l, INT64_C(1) << 62, &err));
    ck_assert_int_eq(take_epoch(l, rows, NULL), 3 - (INT64_C(1) << 62) % 3);
    ck_assert(weft_loader_seek(l, 3, NULL));
    struct wf_host_batch b;
    ck_assert(wf_loader_host_batch(l, &b, &err)); // the end of the epoch is not told again
    ck_assert_int_eq(b.row[0], 0);
    ck_assert(!weft_loader_seek(l, -1, &err));
    ck_error(WEFT_PARAM, "loader_seek: position is -1, wanted 0 to");
    ck_assert(!weft_loader_seek(l, INT64_MAX, NULL) && !weft_loader_seek(NULL, 0, &err));
    ck_error(WEFT_PARAM, "the loader is NULL");
    ck_assert_int_eq(weft_loader_position(NULL), 0);
    finish(&l, n);
}
END_TEST

START_TEST(a_mute_failure_is_an_error_too)
{
    struct numbers *n = feed((struct numbers){.fail = 0, .failures = 1, .mute = true});
    weft_loader *l = loader(n, 4, NULL);
    int64_t rows[4];
    ck_assert_int_eq(take_epoch(l, rows, NULL), 0);
    ck_error(WEFT_PARAM, "loader: row 0: get returned false without an error");
    finish(&l, n);
}
END_TEST

// After 0 to 7 batches of 8, with rows being fetched, ready, or waiting for room.
START_TEST(loader_may_be_destroyed_at_any_moment)
{
    for (int threads = 1; threads <= 3; threads++) {
        struct numbers *n = feed((struct numbers){.slow = 3, .fail = 28, .failures = 100});
        weft_loader *l = loader(n, 32, weft_loader_params(.batch = 4, .threads = threads));
        struct wf_host_batch b;
        for (int i = 0; i < _i && wf_loader_host_batch(l, &b, &err); i++)
            wf_loader_consume(l);
        pause_ms(_i % 3);
        finish(&l, n);
    }
    weft_loader *none = NULL;
    weft_loader_destroy(&none);
    ck_assert_int_eq(weft_loader_batches(NULL), 0);
    ck_assert_ptr_null(weft_loader_data(NULL));
}
END_TEST

START_TEST(destroy_does_not_wait_for_a_whole_batch)
{
    struct numbers *n = feed((struct numbers){.slow = 1});
    weft_loader *l = loader(n, 100000, weft_loader_params(.batch = 100000, .threads = 2));
    for (double end = wf_now() + 10; !n->gets && wf_now() < end;)
        pause_ms(1);
    double start = wf_now();
    finish(&l, n);
    ck_assert_double_lt(wf_now() - start, 5); // the batch would take 100 s
}
END_TEST

static const struct bad_loader {
    struct weft_loader_params o;
    int64_t count;
    const char *text;
} bad_loader[] = {
    {{.batch = 4}, 0, "loader: the data set has no rows"},
    {{.batch = -1}, 9, "loader: batch -1"},
    {{.threads = -2}, 9, "threads -2"},
    {{.ahead = -3}, 9, "ahead -3"},
    {{.batch = 10, .drop_last = true}, 9, "batch is 10, the data set has 9 rows"},
};

START_TEST(bad_loader_is_refused_and_its_data_freed)
{
    struct numbers n = {0};
    struct weft_loader_params o = bad_loader[_i].o;
    o.size = sizeof o;
    ck_assert_ptr_null(weft_loader_create(numbers(&n, bad_loader[_i].count), &o, &err));
    ck_error(WEFT_PARAM, bad_loader[_i].text);
    ck_assert_int_eq(n.destroyed, 1);
}
END_TEST

START_TEST(batch_that_does_not_fit_is_nomem)
{
    struct numbers n = {0};
    struct weft_data_source src = source(&n, 100);
    src.x = (struct weft_row){WEFT_U8, 1, {PTRDIFF_MAX / 16}};
    weft_data *d = weft_data_create(&src, &err);
    ck_assert_ptr_null(weft_loader_create(d, NULL, &err));
    ck_error(WEFT_NOMEM, "loader");
    ck_assert_int_eq(n.destroyed, 1);
}
END_TEST

START_TEST(loader_of_no_data_keeps_the_first_error)
{
    weft_data *d = weft_data_idx("/nowhere", "train", &err);
    ck_assert_ptr_null(weft_loader_create(d, NULL, &err));
    ck_error(WEFT_IO, "/nowhere/");
    ck_assert_ptr_null(weft_loader_create(NULL, NULL, &err));
    ck_error(WEFT_PARAM, "data is NULL");
}
END_TEST

#ifndef WITHOUT_DEVICE
static weft_device *dev;
static weft_scope *s;

static void open_device(void)
{
    forget_error();
    tempdir_make();
    dev = weft_device_create(NULL, &err);
    s = weft_scope_create(dev, NULL, &err);
    ck_assert_msg(s != NULL, "%s", err.text);
}

static void close_device(void)
{
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
    tempdir_remove();
}

static weft_loader *small_loader(const struct weft_loader_params *o)
{
    put_small_set();
    weft_loader *l = weft_loader_create(weft_data_idx(tempdir, "train", &err), o, &err);
    ck_assert_msg(l != NULL, "%s", err.text);
    return l;
}

START_TEST(next_brings_images_as_floats)
{
    weft_loader *l = small_loader(NULL);
    weft_tensor *x, *y;
    ck_assert(weft_loader_next(l, s, &x, &y));
    ck_assert(x->dtype == WEFT_F32 && x->ndim == 4 && y->dtype == WEFT_I64 && y->ndim == 1);
    ck_assert(x->shape[0] == 2 && x->shape[1] == 1 && x->shape[2] == 2 && x->shape[3] == 3);
    float pixel[12];
    int64_t label[2];
    ck_assert(weft_read(s, x, pixel, sizeof pixel) && weft_read(s, y, label, sizeof label));
    for (int i = 0; i < 12; i++)
        ck_assert_float_eq_tol(pixel[i], (float)images[16 + i] / 255, 1e-7f);
    ck_assert_float_le(pixel[11], 1);
    ck_assert(label[0] == 7 && label[1] == 200);
    weft_loader_destroy(&l);
}
END_TEST

START_TEST(next_leaves_raw_images_as_they_are)
{
    weft_loader *l = small_loader(weft_loader_params(.raw = true));
    weft_tensor *x;
    ck_assert(weft_loader_next(l, s, &x, NULL));
    ck_assert_int_eq(x->dtype, WEFT_U8);
    unsigned char pixel[12];
    ck_assert(weft_read(s, x, pixel, sizeof pixel));
    ck_assert_mem_eq(pixel, images + 16, 12);
    weft_loader_destroy(&l);
}
END_TEST

START_TEST(next_is_false_between_epochs)
{
    struct numbers *n = feed((struct numbers){.slow = 5});
    weft_loader *l = loader(n, 10, weft_loader_params(.batch = 4, .ahead = 1 + _i));
    for (int epoch = 0; epoch < 3; epoch++) {
        weft_tensor *x, *y;
        for (int i = 0; i < 3; i++) {
            ck_assert(weft_loader_next(l, s, &x, &y));
            ck_assert_int_eq(x->shape[0], i < 2 ? 4 : 2);
            int32_t number[8];
            ck_assert(weft_read(s, x, number, (size_t)weft_count(x) * 4));
            ck_assert_int_eq(number[0], 4 * i);
            ck_assert(weft_scope_reset(s));
        }
        ck_assert(!weft_loader_next(l, s, &x, &y));
        ck_assert(!x && !y);
        ck_assert_int_eq(weft_scope_error(s)->status, WEFT_OK);
    }
    finish(&l, n);
}
END_TEST

START_TEST(next_on_a_failed_scope_consumes_nothing)
{
    struct numbers *n = feed((struct numbers){0});
    weft_loader *l = loader(n, 2, weft_loader_params(.batch = 1));
    weft_tensor *x, *y;
    for (int i = 0; i < 3; i++) { // two batches and the end of the epoch
        weft_tensor here, *stale = &here;
        x = y = stale;
        ck_assert_ptr_null(weft_from_host(s, WEFT_F32, 1, &(int64_t){-1}, images));
        ck_assert(!weft_loader_next(l, s, &x, &y));
        ck_assert(!x && !y);
        weft_scope_clear(s);
        ck_assert_int_eq(weft_loader_next(l, s, &x, &y), i < 2);
        ck_assert_int_eq(weft_scope_error(s)->status, WEFT_OK);
        if (i < 2)
            ck_assert_double_eq(weft_item(s, y), -i);
    }
    ck_assert(!weft_loader_next(l, NULL, &x, &y));
    finish(&l, n);
}
END_TEST

START_TEST(next_leaves_an_error_of_get_in_the_scope)
{
    struct numbers *n = feed((struct numbers){.fail = 5, .failures = 1});
    weft_loader *l = loader(n, 8, weft_loader_params(.batch = 2, .threads = 2));
    weft_tensor *x, *y;
    ck_assert(weft_loader_next(l, s, &x, &y) && weft_loader_next(l, s, &x, &y));
    ck_assert(!weft_loader_next(l, s, &x, &y));
    ck_assert(!x && !y);
    err = *weft_scope_error(s);
    ck_error(WEFT_FORMAT, "loader: row 5: sensor: bad weather");
    ck_assert(!weft_loader_next(l, s, &x, &y));
    weft_scope_clear(s);
    for (int i = 0; i < 4; i++)
        ck_assert(weft_loader_next(l, s, &x, &y));
    ck_assert(!weft_loader_next(l, s, &x, &y));
    ck_assert_int_eq(weft_scope_error(s)->status, WEFT_OK);
    finish(&l, n);
}
END_TEST

START_TEST(next_gives_no_target_where_there_is_none)
{
    struct numbers *n = feed((struct numbers){.fail = -1});
    struct weft_data_source src = source(n, 3);
    src.y = (struct weft_row){0};
    weft_loader *l = weft_loader_create(weft_data_create(&src, &err), NULL, &err);
    weft_tensor here, *x, *y = &here;
    ck_assert(weft_loader_next(l, s, &x, &y));
    ck_assert_ptr_null(y);
    ck_assert_int_eq(x->shape[0], 3);
    finish(&l, n);
}
END_TEST

#ifndef WF_DEBUG_ABORT // which ends the program there
START_TEST(next_without_a_loader_is_an_error)
{
    weft_tensor here, *x = &here;
    ck_assert(!weft_loader_next(NULL, s, &x, NULL));
    ck_assert_ptr_null(x);
    ck_assert_int_eq(weft_scope_error(s)->status, WEFT_PARAM);
}
END_TEST
#endif

static TCase *device_tests(void)
{
    TCase *t = tcase_create("device");
    tcase_add_checked_fixture(t, open_device, close_device);
    tcase_add_test(t, next_brings_images_as_floats);
    tcase_add_test(t, next_leaves_raw_images_as_they_are);
    tcase_add_loop_test(t, next_is_false_between_epochs, 0, 2);
    tcase_add_test(t, next_on_a_failed_scope_consumes_nothing);
    tcase_add_test(t, next_leaves_an_error_of_get_in_the_scope);
    tcase_add_test(t, next_gives_no_target_where_there_is_none);
#ifndef WF_DEBUG_ABORT
    tcase_add_test(t, next_without_a_loader_is_an_error);
#endif
    return t;
}
#endif

static TCase *loader_tests(void)
{
    TCase *t = tcase_create("loader");
    tcase_add_checked_fixture(t, forget_error, NULL);
    tcase_add_loop_test(t, every_row_comes_once_an_epoch, 0, 6);
    tcase_add_test(t, order_depends_on_the_seed_and_not_on_the_threads);
    tcase_add_test(t, shuffle_is_uniform);
    tcase_add_test(t, drop_last_leaves_the_smaller_batch_out);
    tcase_add_test(t, batch_may_be_larger_than_the_data);
    tcase_add_test(t, a_batch_stays_until_it_is_consumed);
    tcase_add_test(t, threads_read_ahead_into_the_next_epoch_and_no_further);
    tcase_add_test(t, get_runs_on_as_many_threads_as_asked);
    tcase_add_test(t, threads_are_no_more_than_batches_ahead);
    tcase_add_loop_test(t, an_error_from_get_ends_the_epoch, 0, 3);
    tcase_add_test(t, an_error_does_not_change_the_epochs_after_it);
    tcase_add_loop_test(t, seek_gives_what_an_uninterrupted_loader_gives, 0, 6);
    tcase_add_test(t, position_counts_batches_of_all_epochs);
    tcase_add_test(t, a_mute_failure_is_an_error_too);
    tcase_add_loop_test(t, loader_may_be_destroyed_at_any_moment, 0, 8);
    tcase_add_test(t, destroy_does_not_wait_for_a_whole_batch);
    tcase_add_loop_test(t, bad_loader_is_refused_and_its_data_freed, 0, ROWS(bad_loader));
    tcase_add_test(t, batch_that_does_not_fit_is_nomem);
    tcase_add_test(t, loader_of_no_data_keeps_the_first_error);
    return t;
}

int main(void)
{
    Suite *suite = suite_create("loader");
    TCase *tests[] = {
        loader_tests(),
#ifndef WITHOUT_DEVICE
        device_tests(),
#endif
    };
    for (int i = 0; i < ROWS(tests); i++) {
        tcase_set_timeout(tests[i], 60);
        suite_add_tcase(suite, tests[i]);
    }
    return run_suite(suite);
}
