// Devices: opening, memory, life and threads.
#include "device_fixture.h"
#include <pthread.h>
#include <weft/opencl.h>

static weft_device *dev;
static weft_scope *s;

static void setup(void)
{
    logged[0] = 0;
    dev = open_device(weft_device_params(.log = log_line));
    s = open_scope(dev);
}

static void teardown(void)
{
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
}

static void scope_refused(enum weft_status status, const char *part)
{
    assert_refused(weft_scope_error(s), status, part);
}

static void open_refused(const struct weft_device_params *p, enum weft_status status,
                         const char *part)
{
    struct weft_error err = {0};
    ck_assert_ptr_null(weft_device_create(p, &err));
    assert_refused(&err, status, part);
}

START_TEST(opens_without_params)
{
    weft_device *d = open_device(NULL);
    const struct weft_device_info *info = weft_device_info(d);
    ck_assert(*info->name && *info->platform && *info->version);
    ck_assert_int_ge(info->index, 0);
    ck_assert(info->compute_units > 0 && info->max_group > 0 && info->max_alloc > 0);
    ck_assert(weft_device_wait(d, NULL));
    weft_device_destroy(&d);
    ck_assert_ptr_null(d);
    weft_device_destroy(&d);
    weft_device_destroy(NULL);
    ck_assert_ptr_null(weft_device_info(NULL));
}
END_TEST

START_TEST(opens_by_index_name_and_uuid)
{
    const struct weft_device_info *info = weft_device_info(dev);
    char index[16], part[8] = {0};
    snprintf(index, sizeof index, "%d", info->index);
    memcpy(part, info->name, sizeof part - 1);
    const char *match[] = {index, part, info->platform, info->uuid};
    for (int i = 0; i < COUNT(match); i++) {
        if (!*match[i])
            continue;
        weft_device *d = open_device(weft_device_params(.match = match[i]));
        ck_assert_int_eq(weft_device_info(d)->index, info->index);
        weft_device_destroy(&d);
    }
}
END_TEST

START_TEST(a_name_that_matches_nothing_is_named)
{
    open_refused(weft_device_params(.match = "no-such-device"), WEFT_UNSUPPORTED, "no-such-device");
    open_refused(weft_device_params(.match = "4711"), WEFT_UNSUPPORTED, "4711");
    open_refused(weft_device_params(.clblast = (enum weft_clblast)3), WEFT_PARAM,
                 "clblast is 3; 0 to 2 were wanted");
}
END_TEST

START_TEST(another_minor_version_is_refused)
{
    struct weft_device_params p = *weft_device_params(.cache_dir = "");
    const int same_minor[] = {WEFT_VERSION, WEFT_VERSION + 1, 0};
    p.version = WEFT_VERSION + 100;
    open_refused(&p, WEFT_PARAM, "weft 0.2");
    for (int i = 0; i < COUNT(same_minor); i++) {
        p.version = same_minor[i];
        weft_device *d = open_device(&p);
        weft_device_destroy(&d);
    }
}
END_TEST

static void *no_memory(void *priv, void *context, size_t bytes)
{
    (void)priv, (void)context, (void)bytes;
    return NULL;
}

START_TEST(half_an_allocator_is_refused)
{
    struct weft_error err = {0};
    const struct weft_device_params *half = weft_device_params(.mem_alloc = no_memory);
    open_refused(half, WEFT_PARAM, "mem_alloc and mem_free");
    ck_assert_ptr_null(weft_opencl_device_create(
        weft_opencl_params(.context = dev->context, .params = half), &err));
    assert_refused(&err, WEFT_PARAM, "mem_alloc and mem_free");
}
END_TEST

START_TEST(an_earlier_error_is_kept)
{
    struct weft_error err = {WEFT_IO, "the first"};
    weft_device *other = weft_device_create(NULL, &err);
    ck_assert_ptr_nonnull(other);
    weft_device_destroy(&other);
    assert_refused(&err, WEFT_IO, "the first");
    ck_assert_ptr_null(weft_device_create(weft_device_params(.match = "none such"), &err));
    assert_refused(&err, WEFT_IO, "the first");
    ck_assert_ptr_null(weft_scope_create(NULL, NULL, &err));
    assert_refused(&err, WEFT_IO, "the first");
}
END_TEST

START_TEST(environment_counts_unless_no_env)
{
    static const struct {
        const char *name, *value;
        enum weft_status status;
    } bad[] = {{"WEFT_DEVICE", "no-such-device", WEFT_UNSUPPORTED},
               {"WEFT_MEMORY_LIMIT", "much", WEFT_PARAM}};
    for (int i = 0; i < COUNT(bad); i++) {
        setenv(bad[i].name, bad[i].value, 1);
        open_refused(NULL, bad[i].status, bad[i].value);
        weft_device *d = open_device(weft_device_params(.no_env = true, .cache_dir = ""));
        weft_device_destroy(&d);
        unsetenv(bad[i].name);
    }
    setenv("WEFT_PROFILE", "1", 1);
    setenv("WEFT_EAGER", "1", 1);
    setenv("WEFT_MEMORY_LIMIT", "3M", 1);
    setenv("WEFT_CLBLAST", "1", 1);
    weft_device *d = open_device(NULL), *e = open_device(weft_device_params(.no_env = true));
    ck_assert(d->profile.on && d->params.eager && d->pool.limit == 3 << 20);
    ck_assert(!e->profile.on && !e->params.eager && !e->pool.limit);
    ck_assert(d->params.clblast == WEFT_CLBLAST_ON && e->params.clblast == WEFT_CLBLAST_ON_GPUS);
    weft_device_destroy(&d);
    weft_device_destroy(&e);
    d = open_device(weft_device_params(.clblast = WEFT_CLBLAST_OFF));
    ck_assert(d->params.clblast == WEFT_CLBLAST_OFF);
    weft_device_destroy(&d);
    setenv("WEFT_CLBLAST", "0", 1);
    d = open_device(NULL);
    ck_assert(d->params.clblast == WEFT_CLBLAST_OFF);
    weft_device_destroy(&d);
    unsetenv("WEFT_CLBLAST");
    unsetenv("WEFT_PROFILE");
    unsetenv("WEFT_EAGER");
    unsetenv("WEFT_MEMORY_LIMIT");
}
END_TEST

START_TEST(list_shows_what_is_chosen)
{
    weft_device_list *list = weft_device_list_create(NULL, NULL);
    ck_assert_int_eq(list->chosen, weft_device_info(dev)->index);
    ck_assert_str_eq(list->device[list->chosen].name, weft_device_info(dev)->name);
    ck_assert(*list->why);
    weft_device_list_destroy(&list);
    list = weft_device_list_create(weft_device_params(.match = "no-such-device"), NULL);
    ck_assert_int_eq(list->chosen, -1);
    ck_assert_int_gt(list->count, 0);
    ck_assert(strstr(list->why, "no-such-device"));
    weft_device_list_destroy(&list);
}
END_TEST

START_TEST(opening_is_logged)
{
    ck_assert_msg(strstr(logged, weft_device_info(dev)->name), "%s", logged);
    for (char *line = strtok(logged, "\n"); line; line = strtok(NULL, "\n"))
        ck_assert(line[0] >= '1' && line[0] <= '4' && line[1] == ' ' && line[2]);
}
END_TEST

START_TEST(memory_limit_is_an_error_that_passes)
{
    weft_device *d = open_device(weft_device_params(.memory_limit = 1 << 20));
    weft_scope *small = open_scope(d);
    weft_tensor *a = filled(small, 100000, 1), *b = filled(small, 100000, 2);
    weft_tensor *c = filled(small, 100000, 3);
    weft_want(small, a);
    weft_want(small, b);
    weft_want(small, c);
    ck_assert(!weft_flush(small));
    const struct weft_error *e = weft_scope_error(small);
    assert_refused(e, WEFT_NOMEM, "memory limit of 1 MiB");
    ck_assert_msg(strstr(e->text, "full") && strstr(e->text, "416 KiB"), "%s", e->text);
    ck_assert_uint_le(stats_of(d).bytes_held, 1 << 20);
    weft_scope_clear(small);
    ck_assert_uint_eq(stats_of(d).bytes_used, 0);
    // Blocks of another size make way.
    ck_assert_double_eq(weft_item(small, weft_sum(small, filled(small, 200000, 2), NULL)), 400000);
    weft_scope_destroy(&small);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(reset_returns_memory_and_trim_gives_it_back)
{
    weft_want(s, filled(s, 1 << 18, 1));
    ck_assert(weft_flush(s));
    struct weft_device_stats st = stats_of(dev);
    ck_assert_uint_eq(st.bytes_used, 4 << 18);
    ck_assert_uint_ge(st.bytes_held, 4 << 18);
    ck_assert(weft_scope_reset(s));
    ck_assert_uint_eq(stats_of(dev).bytes_used, 0);
    ck_assert_uint_eq(stats_of(dev).bytes_held, st.bytes_held);
    ck_assert_uint_eq(stats_of(dev).bytes_peak, st.bytes_peak);
    weft_device_trim(dev);
    ck_assert_uint_eq(stats_of(dev).bytes_held, 0);
    weft_device_trim(NULL);
}
END_TEST

START_TEST(a_steady_step_allocates_and_builds_nothing)
{
    struct model m;
    model_make(&m, dev);
    struct weft_device_stats first = {0}, last;
    for (int i = 0; i < 1000; i++) {
        ck_assert_msg(!isnan(model_step(&m)), "%s", weft_scope_error(m.s)->text);
        if (i == 9)
            first = stats_of(dev);
    }
    last = stats_of(dev);
    ck_assert_uint_eq(last.allocations, first.allocations);
    ck_assert_uint_eq(last.bytes_held, first.bytes_held);
    ck_assert_uint_eq(last.bytes_used, first.bytes_used);
    ck_assert_uint_eq(last.bytes_peak, first.bytes_peak);
    ck_assert_uint_eq(last.builds + last.loads, first.builds + first.loads);
    ck_assert_uint_eq(last.waits - first.waits, 990);
    model_free(&m);
    ck_assert_uint_eq(stats_of(dev).bytes_used, 0);
}
END_TEST

// A chain has two links alive at a time, however long it is.
START_TEST(peak_is_close_to_what_is_alive)
{
    const int64_t n = 99999;
    weft_tensor *x = filled(s, n, 1);
    for (int i = 0; i < 30; i++)
        x = weft_tanh(s, weft_neg(s, x));
    ck_assert(!isnan(weft_item(s, weft_sum(s, x, NULL))));
    double live = 2 * 4.0 * (double)n;
    ck_assert_double_le((double)stats_of(dev).bytes_peak, 1.2 * live);
    ck_assert_double_le((double)stats_of(dev).bytes_held, 1.2 * live);
}
END_TEST

START_TEST(size_classes_waste_an_eighth_at_most)
{
    ck_assert_uint_eq(wf_pool_round(0), 256);
    for (size_t n = 257; n < (size_t)1 << 40; n += n / 1000 + 1) {
        size_t r = wf_pool_round(n);
        ck_assert_msg(r >= n && r - n <= n / 8 && r % 4 == 0, "%zu -> %zu", n, r);
        ck_assert_uint_eq(wf_pool_round(r), r);
        ck_assert_uint_ge(wf_pool_round(n + 1), r);
    }
}
END_TEST

START_TEST(blocks_above_the_last_class_fit_the_device)
{
    dev->info.max_alloc = 1000; // between the classes 960 and 1024
    struct weft_error err = {0};
    struct wf_block *b = wf_pool_take(dev, 970, &err);
    ck_assert_msg(b && b->bytes >= 970 && b->bytes <= 1000, "%s", err.text);
    wf_pool_give(dev, b);
    struct wf_block *larger = wf_pool_take(dev, 999, &err);
    ck_assert_uint_ge(larger->bytes, 999);
    ck_assert_uint_le(larger->bytes, 1000);
    wf_pool_give(dev, larger);
    ck_assert_uint_eq(stats_of(dev).bytes_used, 0);
}
END_TEST

START_TEST(a_tensor_above_the_largest_allocation_is_refused_at_once)
{
    dev->info.max_alloc = 1 << 20;
    struct weft_device_stats before = stats_of(dev);
    weft_tensor *x = filled(s, 1 << 17, 1);
    weft_tensor *y = weft_reshape(s, x, 2, (int64_t[]){1 << 17, 1});
    weft_label_push(s, "decoder");
    ck_assert_ptr_null(weft_add(s, y, weft_reshape(s, x, 2, (int64_t[]){1, 1 << 17})));
    scope_refused(WEFT_NOMEM, "decoder: add: the result [131072,131072] F32 needs 64 GiB");
    ck_assert_msg(strstr(weft_scope_error(s)->text, "1 MiB"), "%s", weft_scope_error(s)->text);
    ck_assert_uint_eq(stats_of(dev).launches, before.launches);
    ck_assert_uint_eq(stats_of(dev).allocations, before.allocations);
}
END_TEST

// A host program's own allocator.
struct allocator {
    struct wf_cl cl;
    int64_t taken, given, bytes;
    bool empty;
};

static void *take(void *priv, void *context, size_t bytes)
{
    struct allocator *a = priv;
    if (a->empty)
        return NULL;
    a->taken++;
    a->bytes += (int64_t)bytes;
    return a->cl.clCreateBuffer(context, CL_MEM_READ_WRITE, bytes, NULL, NULL);
}

static void give(void *priv, void *mem)
{
    struct allocator *a = priv;
    a->given++;
    a->cl.clReleaseMemObject(mem);
}

START_TEST(what_the_device_can_do_is_measured)
{
    struct weft_error err = {0};
    struct weft_device_peak peak = {.size = sizeof peak};
    dev->info.max_alloc = 8 << 20; // so that little is copied
    ck_assert_msg(weft_device_peak(dev, &peak, &err), "%s", err.text);
    // Of any device made in this century, and none that is yet to come.
    ck_assert(peak.gb_s > 0.05 && peak.gb_s < 1e6);
    ck_assert(peak.gflop_s > 0.05 && peak.gflop_s < 1e7);
    ck_assert(peak.launch_us > 0 && peak.launch_us < 1e5);
    ck_assert(peak.read_gb_s > 0.05 && peak.read_gb_s < 1e6);
    ck_assert(peak.cached_gb_s > 0.05 && peak.cached_gb_s < 1e7);
    ck_assert(peak.round_trip_us > 0 && peak.round_trip_us < 1e6);
    bool f64 = weft_device_has(dev, WEFT_CAP_F64);
    ck_assert(f64 ? peak.gflop_s_f64 > 0.05 && peak.gflop_s_f64 < 1e7 : peak.gflop_s_f64 == 0);
    ck_assert_uint_eq(peak.size, sizeof peak);
    ck_assert_uint_eq(stats_of(dev).bytes_used, 0);
    ck_assert_uint_le(stats_of(dev).bytes_peak, 16 << 20);
}
END_TEST

START_TEST(a_peak_that_cannot_be_measured)
{
    struct weft_error err = {0};
    struct weft_device_peak peak = {.size = sizeof peak, .gb_s = 7};
    ck_assert(!weft_device_peak(NULL, &peak, &err));
    assert_refused(&err, WEFT_PARAM, "peak: the device is NULL");
    err = (struct weft_error){0};
    ck_assert(!weft_device_peak(dev, NULL, &err));
    assert_refused(&err, WEFT_PARAM, "peak: out is NULL");
    err = (struct weft_error){0};
    weft_device *d = open_device(weft_device_params(.memory_limit = 1 << 20));
    ck_assert(!weft_device_peak(d, &peak, &err));
    assert_refused(&err, WEFT_NOMEM, "limit");
    ck_assert_double_eq(peak.gb_s, 7);
    ck_assert_uint_eq(stats_of(d).bytes_used, 0);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(the_hosts_allocator_is_used)
{
    struct allocator a = {.empty = false};
    ck_assert(wf_cl_load(&a.cl, NULL));
    weft_device *d =
        open_device(weft_device_params(.mem_alloc = take, .mem_free = give, .mem_priv = &a));
    struct model m;
    model_make(&m, d);
    ck_assert(!isnan(model_step(&m)) && !isnan(model_step(&m)));
    ck_assert_int_gt(a.taken, 10);
    ck_assert_int_eq(a.bytes, (int64_t)stats_of(d).bytes_held);
    a.empty = true;
    ck_assert(!weft_want(m.s, filled(m.s, 1 << 20, 1)) || !weft_flush(m.s));
    assert_refused(weft_scope_error(m.s), WEFT_NOMEM, "mem_alloc gave no 4 MiB");
    weft_scope_clear(m.s);
    a.empty = false;
    ck_assert(!isnan(model_step(&m)));
    model_free(&m);
    weft_device_destroy(&d);
    ck_assert_int_eq(a.given, a.taken);
}
END_TEST

START_TEST(a_device_outlives_its_handle)
{
    weft_device *d = open_device(weft_device_params(.log = log_line));
    weft_scope *t = open_scope(d);
    weft_tensor *kept = weft_keep(t, filled(t, 1, 2));
    logged[0] = 0;
    weft_device_destroy(&d);
    ck_assert_ptr_null(d);
    ck_assert_msg(!strncmp(logged, "1 device destroyed while 2 ", 27), "%s", logged);
    ck_assert_double_eq(weft_item(t, weft_exp(t, weft_neg(t, filled(t, 1, 0)))), 1);
    weft_scope_destroy(&t);
    weft_tensor_destroy(&kept);
}
END_TEST

START_TEST(two_devices_do_not_mix)
{
    weft_device *d = open_device(NULL);
    weft_scope *t = open_scope(d);
    weft_tensor *a = filled(s, 10, 1), *b = filled(t, 10, 2);
    ck_assert_double_eq(weft_item(s, weft_sum(s, a, NULL)), 10);
    ck_assert_double_eq(weft_item(t, weft_sum(t, b, NULL)), 20);
    ck_assert_ptr_null(weft_add(s, a, b));
    scope_refused(WEFT_PARAM, "add: a tensor is on another device");
    weft_scope_destroy(&t);
    weft_device_destroy(&d);
    weft_scope_clear(s);
    ck_assert_double_eq(weft_item(s, weft_sum(s, filled(s, 10, 3), NULL)), 30);
}
END_TEST

// One thread's work: sums of ramps that it knows, and a model that must not learn from the other's.
struct worker {
    weft_device *dev;
    int wrong;
    double loss;
};

static void *work(void *priv)
{
    struct worker *w = priv;
    struct model m;
    model_make(&m, w->dev);
    for (int64_t i = 1; i <= 100; i++) {
        weft_tensor *x = weft_add(m.s, ramp(m.s, 1, &i), filled(m.s, i, (double)i));
        double want = 0, got = weft_item(m.s, weft_sum(m.s, weft_neg(m.s, x), NULL));
        for (int64_t j = 0; j < i; j++)
            want -= (double)(j % 97) / 16 + (double)i;
        w->wrong += got != want;
        w->loss = model_step(&m);
    }
    model_free(&m);
    return NULL;
}

// Without a cache, so that both want the same programs at once.
START_TEST(threads_share_a_device)
{
    weft_device *d = open_device(weft_device_params(.cache_dir = ""));
    struct worker w[3] = {{d, 0, 0}, {d, 0, 0}, {d, 0, 0}};
    pthread_t thread[2];
    for (int i = 0; i < 2; i++)
        ck_assert(!pthread_create(&thread[i], NULL, work, &w[i]));
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    uint64_t builds = stats_of(d).builds;
    work(&w[2]);
    ck_assert_uint_eq(stats_of(d).builds, builds);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(w[i].wrong, 0);
        ck_assert_double_eq(w[i].loss, w[2].loss);
    }
    ck_assert_uint_eq(stats_of(d).bytes_used, 0);
    weft_device_destroy(&d);
}
END_TEST

static TCase *device_case(Suite *suite, const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    suite_add_tcase(suite, t);
    return t;
}

static void add_opening(Suite *suite)
{
    TCase *t = device_case(suite, "opening");
    tcase_add_test(t, opens_without_params);
    tcase_add_test(t, opens_by_index_name_and_uuid);
    tcase_add_test(t, a_name_that_matches_nothing_is_named);
    tcase_add_test(t, another_minor_version_is_refused);
    tcase_add_test(t, half_an_allocator_is_refused);
    tcase_add_test(t, an_earlier_error_is_kept);
    tcase_add_test(t, environment_counts_unless_no_env);
    tcase_add_test(t, list_shows_what_is_chosen);
    tcase_add_test(t, opening_is_logged);
}

static void add_memory(Suite *suite)
{
    TCase *t = device_case(suite, "memory");
    tcase_add_test(t, memory_limit_is_an_error_that_passes);
    tcase_add_test(t, reset_returns_memory_and_trim_gives_it_back);
    tcase_add_test(t, a_steady_step_allocates_and_builds_nothing);
    tcase_add_test(t, peak_is_close_to_what_is_alive);
    tcase_add_test(t, size_classes_waste_an_eighth_at_most);
    tcase_add_test(t, blocks_above_the_last_class_fit_the_device);
    tcase_add_test(t, a_tensor_above_the_largest_allocation_is_refused_at_once);
    tcase_add_test(t, what_the_device_can_do_is_measured);
    tcase_add_test(t, a_peak_that_cannot_be_measured);
    tcase_add_test(t, the_hosts_allocator_is_used);
}

static void add_life(Suite *suite)
{
    TCase *t = device_case(suite, "life");
    tcase_add_test(t, a_device_outlives_its_handle);
    tcase_add_test(t, two_devices_do_not_mix);
    tcase_add_test(t, threads_share_a_device);
}

int main(void)
{
    Suite *suite = suite_create("device");
    add_opening(suite);
    add_memory(suite);
    add_life(suite);
    return run_suite(suite);
}
