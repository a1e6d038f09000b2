// What a device does and tells: launches and their pieces, counts, the profiler, capabilities.
#include "dev/launch.h"
#include "device_fixture.h"
#include "tempdir.h"
#include <jansson.h>

static weft_device *dev;
static weft_scope *s;

static void setup(void)
{
    dev = open_device(NULL);
    s = open_scope(dev);
}

static void teardown(void)
{
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
}

START_TEST(stats_count)
{
    struct weft_device_stats a = stats_of(dev), b;
    weft_tensor *x = ramp(s, 1, (int64_t[]){100});
    ck_assert_uint_eq(stats_of(dev).copies, a.copies + 1);
    float v[100];
    ck_assert(weft_read(s, weft_neg(s, x), v, sizeof v));
    b = stats_of(dev);
    ck_assert_float_eq(v[16], -1);
    ck_assert_uint_eq(b.waits, a.waits + 1);
    ck_assert_uint_eq(b.launches, a.launches + 1);
    ck_assert_uint_eq(b.copies, a.copies + 2);
    ck_assert_uint_eq(b.builds + b.loads, a.builds + a.loads + 1);
    ck_assert_uint_ge(b.allocations, a.allocations + 3); // x, -x and the way there
    ck_assert_uint_eq(b.splits, 0);
    ck_assert(weft_device_wait(dev, NULL));
    ck_assert_uint_eq(stats_of(dev).waits, b.waits + 1);
    struct weft_device_stats old = {.size = offsetof(struct weft_device_stats, copies),
                                    .copies = 4711};
    weft_device_stats(dev, &old);
    ck_assert_uint_eq(old.launches, b.launches);
    ck_assert_uint_eq(old.copies, 4711);
    weft_device_stats(NULL, &old);
    weft_device_stats(dev, NULL);
}
END_TEST

START_TEST(compiling_is_counted_and_timed)
{
    weft_device *d = open_device(weft_device_params(.cache_dir = ""));
    weft_scope *t = open_scope(d);
    ck_assert_double_eq(weft_item(t, weft_exp(t, filled(t, 1, 0))), 1);
    struct weft_device_stats st = stats_of(d);
    ck_assert_uint_eq(st.builds, 1);
    ck_assert_uint_eq(st.loads, 0);
    ck_assert_double_gt(st.build_ms, 0);
    weft_scope_destroy(&t);
    weft_device_destroy(&d);
}
END_TEST

static void fill_and_reduce(float out[3000])
{
    weft_tensor *x = weft_tanh(s, ramp(s, 2, (int64_t[]){3000, 1}));
    weft_tensor *y = weft_add(s, x, filled(s, 500, 0.1));
    weft_tensor *sum = weft_sum(s, y, weft_reduce_params(.axes = (int[]){1}, .naxes = 1));
    ck_assert_msg(weft_read(s, sum, out, 3000 * sizeof *out), "%s", weft_scope_error(s)->text);
}

START_TEST(long_launches_are_split_for_a_display)
{
    static float whole[3000], pieces[3000];
    fill_and_reduce(whole);
    ck_assert_uint_eq(stats_of(dev).splits, 0);
    dev->info.display = true;
    dev->params.launch_limit_ms = 0.1;
    uint64_t before = stats_of(dev).launches;
    fill_and_reduce(pieces);
    ck_assert_mem_eq(whole, pieces, sizeof whole);
    ck_assert_uint_gt(stats_of(dev).splits, 10);
    ck_assert_uint_ge(stats_of(dev).launches - before, stats_of(dev).splits);
    dev->params.launch_limit_ms = 1e-9; // one task at a time
    struct model m;
    model_make(&m, dev);
    ck_assert(!isnan(model_step(&m)));
    model_free(&m);
}
END_TEST

START_TEST(a_launch_is_checked)
{
    struct weft_error err = {0};
    struct wf_request r = {"probe", "probe_f64", "#define PROBE_F64\n", "probe"};
    struct wf_kernel *k = wf_kernel_get(dev, &r, &err);
    ck_assert_msg(k != NULL, "%s", err.text);
    uint64_t before = stats_of(dev).launches;
    ck_assert(wf_launch(dev, &(struct wf_launch){.kernel = k, .local = 1}, &err)); // no tasks
    struct wf_launch l = {.kernel = k, .tasks = 1, .local = k->max_group + 1};
    ck_assert(!wf_launch(dev, &l, &err));
    assert_refused(&err, WEFT_UNSUPPORTED, "work-items a group");
    ck_assert_uint_eq(stats_of(dev).launches, before);
}
END_TEST

// Runs something and returns the profile's rows.
static int profile_of(weft_device *d, weft_scope *t, struct weft_profile_row row[8])
{
    struct weft_error err = {0};
    weft_tensor *x = filled(t, 1000, 1);
    for (int i = 0; i < 5; i++)
        x = weft_exp(t, weft_neg(t, x));
    ck_assert(weft_flush(t));
    int n = weft_device_profile(d, row, 8, &err);
    ck_assert_msg(n > 0 && n <= 8, "%d %s", n, err.text);
    return n;
}

START_TEST(profile_has_a_row_for_each_kernel_and_op)
{
    weft_device *d = open_device(weft_device_params(.profile = true, .eager = true));
    weft_scope *t = open_scope(d);
    struct weft_profile_row row[8];
    int n = profile_of(d, t, row), exps = 0;
    uint64_t launches = 0;
    for (int i = 0; i < n; i++) {
        launches += row[i].launches;
        ck_assert_str_eq(row[i].kernel, "elementwise");
        ck_assert_double_ge(row[i].total_ms * 1.001, (double)row[i].launches * row[i].min_ms);
        ck_assert_double_le(row[i].total_ms * 0.999, (double)row[i].launches * row[i].max_ms);
        ck_assert(row[i].max_ms > 0 && (!i || row[i].total_ms <= row[i - 1].total_ms));
        exps += !strcmp(row[i].op, "exp") && row[i].launches == 5;
    }
    ck_assert_int_eq(exps, 1);
    ck_assert_uint_eq(launches, stats_of(d).launches);
    ck_assert_int_eq(weft_device_profile(d, NULL, 0, NULL), n);
    ck_assert_int_eq(weft_device_profile(d, row, 1, NULL), n);
    weft_scope_destroy(&t);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(profile_names_the_ops_that_run_as_one_kernel)
{
    weft_device *d = open_device(weft_device_params(.profile = true));
    weft_scope *t = open_scope(d);
    struct weft_profile_row row[8];
    ck_assert_int_eq(profile_of(d, t, row), 1);
    ck_assert_str_eq(row[0].kernel, "elementwise");
    ck_assert_msg(!strncmp(row[0].op, "full+neg+exp+neg+exp", 20), "%s", row[0].op);
    ck_assert_uint_eq(row[0].launches, 1);
    weft_scope_destroy(&t);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(trace_is_json_with_an_event_for_each_launch)
{
    weft_device *d = open_device(weft_device_params(.profile = true));
    weft_scope *t = open_scope(d);
    struct weft_profile_row row[8];
    profile_of(d, t, row);
    tempdir_make();
    struct weft_error err = {0};
    ck_assert_msg(weft_device_trace(d, in_tempdir("t.json"), &err), "%s", err.text);
    json_t *json = json_load_file(in_tempdir("t.json"), 0, NULL), *event;
    json_t *events = json_object_get(json, "traceEvents");
    ck_assert_uint_eq(json_array_size(events), stats_of(d).launches);
    size_t i;
    double last = 0;
    json_array_foreach(events, i, event) {
        ck_assert_str_eq(json_string_value(json_object_get(event, "ph")), "X");
        ck_assert(json_string_value(json_object_get(event, "name")));
        double ts = json_real_value(json_object_get(event, "ts"));
        ck_assert_double_ge(ts, last);
        ck_assert_double_gt(json_real_value(json_object_get(event, "dur")), 0);
        last = ts;
    }
    json_decref(json);
    ck_assert(!weft_device_trace(d, in_tempdir("missing/t.json"), &err));
    assert_refused(&err, WEFT_IO, "missing/t.json");
    tempdir_remove();
    weft_scope_destroy(&t);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(the_host_has_times_of_its_own)
{
    weft_device *d = open_device(weft_device_params(.profile = true));
    weft_scope *t = open_scope(d);
    struct weft_profile_row row[8];
    struct weft_device_stats none = stats_of(d);
    ck_assert(none.plan_ms == 0 && none.launch_ms == 0);
    profile_of(d, t, row);
    struct weft_device_stats st = stats_of(d);
    ck_assert(st.plan_ms > 0 && st.wait_ms > none.wait_ms);
    ck_assert_double_gt(st.launch_ms, st.build_ms);
    weft_scope_destroy(&t);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(without_profile_there_is_none)
{
    struct weft_error err = {0}, again = {0};
    weft_scope *t = open_scope(dev);
    ck_assert(weft_neg(t, filled(t, 10, 1)) && weft_flush(t) && weft_device_wait(dev, &err));
    weft_scope_destroy(&t);
    struct weft_device_stats st = stats_of(dev);
    ck_assert(st.launches && st.plan_ms == 0 && st.launch_ms == 0 && st.wait_ms == 0);
    ck_assert_int_eq(weft_device_profile(dev, NULL, 0, &err), -1);
    assert_refused(&err, WEFT_PARAM, "without .profile");
    tempdir_make();
    ck_assert(!weft_device_trace(dev, in_tempdir("t.json"), &again));
    assert_refused(&again, WEFT_PARAM, "without .profile");
    ck_assert(access(in_tempdir("t.json"), F_OK));
    tempdir_remove();
}
END_TEST

static bool has_extension(const char *name)
{
    char all[8192] = {0};
    dev->cl.clGetDeviceInfo(dev->id, CL_DEVICE_EXTENSIONS, sizeof all - 1, all, NULL);
    return strstr(all, name);
}

START_TEST(capabilities_need_their_extension)
{
    static const char *const extension[WEFT_CAP_COUNT] = {
        [WEFT_CAP_F64] = "cl_khr_fp64",
        [WEFT_CAP_F16] = "cl_khr_fp16",
        [WEFT_CAP_SUBGROUP_SHUFFLE] = "cl_khr_subgroup_shuffle",
        [WEFT_CAP_INT_DOT] = "cl_khr_integer_dot_product",
    };
    for (int i = 0; i < WEFT_CAP_COUNT; i++)
        ck_assert(!weft_device_has(dev, i) || has_extension(extension[i]));
    // On a CPU double is no question.
    if (dev->info.type == WEFT_DEVICE_CPU)
        ck_assert_int_eq(weft_device_has(dev, WEFT_CAP_F64), has_extension("cl_khr_fp64"));
    ck_assert(!weft_device_has(NULL, WEFT_CAP_F64));
    ck_assert(!weft_device_has(dev, (enum weft_capability)WEFT_CAP_COUNT));
}
END_TEST

START_TEST(quirks_are_told_with_their_reason)
{
    ck_assert_ptr_null(weft_device_quirk(dev, -1));
    ck_assert_ptr_null(weft_device_quirk(dev, 100));
    ck_assert_ptr_null(weft_device_quirk(NULL, 0));
    strcpy(dev->info.name, "llvmpipe (LLVM 15)");
    ck_assert(strstr(weft_device_quirk(dev, 0), "software renderer"));
    ck_assert_ptr_null(weft_device_quirk(dev, 1));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("launch");
    TCase *t = tcase_create("device");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    suite_add_tcase(suite, t);
    tcase_add_test(t, stats_count);
    tcase_add_test(t, compiling_is_counted_and_timed);
    tcase_add_test(t, long_launches_are_split_for_a_display);
    tcase_add_test(t, a_launch_is_checked);
    tcase_add_test(t, profile_has_a_row_for_each_kernel_and_op);
    tcase_add_test(t, profile_names_the_ops_that_run_as_one_kernel);
    tcase_add_test(t, trace_is_json_with_an_event_for_each_launch);
    tcase_add_test(t, the_host_has_times_of_its_own);
    tcase_add_test(t, without_profile_there_is_none);
    tcase_add_test(t, capabilities_need_their_extension);
    tcase_add_test(t, quirks_are_told_with_their_reason);
    return run_suite(suite);
}
