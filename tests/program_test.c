// Compiled programs through the device: what a second device finds in the cache, what becomes of
// damaged files, which sizes compile nothing, and what a kernel that does not compile says.
#include "device_fixture.h"
#include "tempdir.h"

static const char *self; // this program

// A device on a cache folder.
static weft_device *open_with(const char *cache)
{
    logged[0] = 0;
    return open_device(weft_device_params(.cache_dir = cache, .log = log_line));
}

// A small piece of work with one kernel; what it gives must not depend on where that came from.
static void assert_works(weft_device *dev)
{
    weft_scope *s = open_scope(dev);
    float v[100];
    ck_assert_msg(weft_read(s, weft_square(s, ramp(s, 1, (int64_t[]){100})), v, sizeof v), "%s",
                  weft_scope_error(s)->text);
    for (int i = 0; i < 97; i++)
        ck_assert_float_eq(v[i], (float)(i * i) / 256);
    weft_scope_destroy(&s);
}

static bool logged_an_error(void)
{
    return logged[0] == '1' || strstr(logged, "\n1 ");
}

// Opens a device on the cache, works and closes it; the counts at the end.
static struct weft_device_stats work_with(const char *cache)
{
    weft_device *dev = open_with(cache);
    assert_works(dev);
    struct weft_device_stats st = stats_of(dev);
    weft_device_destroy(&dev);
    return st;
}

static void assert_built(const char *cache)
{
    struct weft_device_stats st = work_with(cache);
    ck_assert_uint_eq(st.builds, 1);
    ck_assert_uint_eq(st.loads, 0);
}

static void assert_loaded(const char *cache)
{
    struct weft_device_stats st = work_with(cache);
    ck_assert_uint_eq(st.builds, 0);
    ck_assert_uint_eq(st.loads, 1);
}

// The path of the one entry of the cache.
static const char *only_entry(void)
{
    struct wf_store st = {.limit = 1 << 28};
    struct wf_store_list list;
    static char path[1200];
    snprintf(st.dir, sizeof st.dir, "%s", in_tempdir("cache"));
    ck_assert(wf_store_files(&st, &list, NULL));
    ck_assert_uint_eq(list.count, 1);
    snprintf(path, sizeof path, "%s/%s", st.dir, list.file[0].name);
    wf_store_list_finish(&list);
    return path;
}

START_TEST(a_second_device_compiles_nothing)
{
    double loss[2];
    struct weft_device_stats st[2];
    for (int i = 0; i < 2; i++) {
        struct model m;
        weft_device *dev = open_with(in_tempdir("cache"));
        model_make(&m, dev);
        model_step(&m);
        loss[i] = model_step(&m);
        st[i] = stats_of(dev);
        model_free(&m);
        weft_device_destroy(&dev);
    }
    ck_assert_uint_gt(st[0].builds, 5);
    ck_assert_uint_eq(st[0].loads, 0);
    ck_assert_uint_eq(st[1].builds, 0);
    ck_assert_uint_eq(st[1].loads, st[0].builds);
    ck_assert(st[1].build_ms == 0 && loss[0] == loss[1]);
}
END_TEST

START_TEST(a_binary_is_written_while_the_device_lives)
{
    weft_device *dev = open_with(in_tempdir("cache"));
    assert_works(dev);
    ck_assert_int_eq(count_files(in_tempdir("cache")), 1);
    ck_assert_int_eq(mode_of(in_tempdir("cache")), 0700);
    assert_loaded(in_tempdir("cache"));
    weft_device_destroy(&dev);
}
END_TEST

// Everything about a file: [what is flipped or cut, where from its beginning or, below 0, its end].
static const struct {
    const char *what;
    int at;
    bool cut;
} damages[] = {
    {"magic", 0, false},
    {"key length", 9, false},
    {"payload length", 16, false},
    {"checksum", 30, false},
    {"key", 45, false},
    {"payload", 2000, false},
    {"last byte", -1, false},
    {"all of it", 0, true},
    {"within the head", 20, true},
    {"within the key", 45, true},
    {"within the payload", 2000, true},
    {"the last byte", -1, true},
};

START_TEST(a_damaged_file_is_made_anew)
{
    static unsigned char file[1 << 20];
    assert_built(in_tempdir("cache"));
    const char *path = only_entry();
    size_t whole = get_file(path, file, sizeof file), at = (size_t)damages[_i].at;
    ck_assert(whole > 2000 && whole < sizeof file);
    if (damages[_i].at < 0)
        at += whole;
    file[at] ^= 0x10;
    put_file(path, file, damages[_i].cut ? at : whole);
    assert_built(in_tempdir("cache"));
    ck_assert_msg(strstr(logged, "is damaged"), "%s: %s", damages[_i].what, logged);
    ck_assert_msg(!logged_an_error(), "%s", logged);
    ck_assert_str_eq(only_entry(), path);
    assert_loaded(in_tempdir("cache"));
}
END_TEST

// A file that is whole, whose binary the driver refuses.
START_TEST(a_binary_that_the_driver_refuses_is_made_anew)
{
    static unsigned char file[1 << 20];
    assert_built(in_tempdir("cache"));
    size_t whole = get_file(only_entry(), file, sizeof file), key_bytes = 0;
    for (int i = 7; i >= 0; i--)
        key_bytes = key_bytes << 8 | file[8 + i];
    ck_assert(key_bytes > 100 && 40 + key_bytes < whole);
    struct wf_store st = {.limit = 1 << 28};
    snprintf(st.dir, sizeof st.dir, "%s", in_tempdir("cache"));
    const char garbage[1000] = "weft";
    ck_assert(wf_store_save(&st, file + 40, key_bytes, garbage, _i ? sizeof garbage : 0));
    only_entry(); // it took the place
    assert_built(in_tempdir("cache"));
    assert_loaded(in_tempdir("cache"));
}
END_TEST

START_TEST(no_cache_writes_nothing)
{
    char before[256];
    ck_assert(getcwd(before, sizeof before) && !chdir(tempdir));
    setenv("WEFT_CACHE", in_tempdir("other"), 1);
    assert_built("");
    assert_built("");
    ck_assert(!chdir(before));
    ck_assert_int_eq(count_files(tempdir), 0);
}
END_TEST

START_TEST(the_environment_names_the_cache)
{
    setenv("WEFT_CACHE", in_tempdir("cache"), 1);
    assert_built(NULL);
    assert_loaded(in_tempdir("cache"));
    setenv("WEFT_CACHE", "", 1);
    assert_built(NULL);
}
END_TEST

START_TEST(a_folder_that_cannot_be_is_no_error)
{
    put_file(in_tempdir("file"), "", 0);
    assert_built(in_tempdir("file/cache"));
    ck_assert_msg(strstr(logged, "2 cache: ") && strstr(logged, "file"), "%s", logged);
    ck_assert_msg(!logged_an_error(), "%s", logged);
    assert_built(in_tempdir("file/cache"));
}
END_TEST

START_TEST(capabilities_are_asked_once)
{
    struct weft_device_stats st[2];
    bool has[2];
    for (int i = 0; i < 2; i++) {
        weft_device *dev = open_with(in_tempdir("cache"));
        has[i] = weft_device_has(dev, WEFT_CAP_F64);
        st[i] = stats_of(dev);
        ck_assert_int_eq(weft_device_has(dev, WEFT_CAP_F64), has[i]);
        ck_assert_uint_eq(stats_of(dev).launches, st[i].launches);
        weft_device_destroy(&dev);
    }
    ck_assert_int_eq(has[0], has[1]);
    ck_assert(!has[0] || st[0].builds == 1);
    ck_assert_uint_eq(st[1].builds + st[1].loads + st[1].launches, 0);
}
END_TEST

// A probe that could not run says nothing about the device, so it is not remembered.
START_TEST(a_probe_without_memory_is_not_remembered)
{
    weft_device *dev = open_with(in_tempdir("cache"));
    bool has = weft_device_has(dev, WEFT_CAP_F64);
    weft_device_destroy(&dev);
    remove_tree(in_tempdir("cache"));
    dev = open_with(in_tempdir("cache"));
    uint64_t most = dev->info.max_alloc;
    dev->info.max_alloc = 1;
    ck_assert(!weft_device_has(dev, WEFT_CAP_F64));
    dev->info.max_alloc = most;
    ck_assert_int_eq(weft_device_has(dev, WEFT_CAP_F64), has);
    weft_device_destroy(&dev);
    dev = open_with(in_tempdir("cache"));
    ck_assert_int_eq(weft_device_has(dev, WEFT_CAP_F64), has);
    weft_device_destroy(&dev);
}
END_TEST

// This program run again, to train on its own device: it prints the loss.
static FILE *start_training(void)
{
    char command[1200];
    snprintf(command, sizeof command, "exec %s %s", self, in_tempdir("cache"));
    FILE *out = popen(command, "r");
    ck_assert(out != NULL);
    return out;
}

static double train(const char *cache, struct weft_device_stats *st)
{
    struct model m;
    weft_device *dev = open_with(cache);
    model_make(&m, dev);
    model_step(&m);
    double loss = model_step(&m);
    *st = stats_of(dev);
    model_free(&m);
    weft_device_destroy(&dev);
    return loss;
}

// In the program that was run again: its only test.
START_TEST(training)
{
    struct weft_device_stats st;
    printf("%a\n", train(getenv("WEFT_CACHE"), &st));
}
END_TEST

START_TEST(two_processes_fill_one_cache)
{
    FILE *out[] = {start_training(), start_training()};
    double loss[3];
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(fscanf(out[i], "%la", &loss[i]), 1);
        ck_assert_int_eq(pclose(out[i]), 0);
    }
    struct weft_device_stats st;
    loss[2] = train(in_tempdir("cache"), &st);
    ck_assert(loss[0] == loss[2] && loss[1] == loss[2]);
    ck_assert_uint_eq(st.builds, 0);
    ck_assert_uint_gt(st.loads, 5);
}
END_TEST

// Every op there is a class of sizes for, on [m, k], [k, n] and what comes of them.
static void use_sizes(weft_device *dev, int64_t m, int64_t k, int64_t n)
{
    weft_scope *s = open_scope(dev);
    weft_params *net = weft_params_create(dev, 1, NULL);
    weft_optim *adam = weft_adam_create(net, NULL, NULL);
    weft_tensor *x = ramp(s, 2, (int64_t[]){m, k}), *w = ramp(s, 2, (int64_t[]){k, n});
    weft_tensor *row = ramp(s, 1, (int64_t[]){n}), *label = weft_full(s, WEFT_I64, 1, &m, 0);
    weft_tensor *y = weft_relu(s, weft_add(s, weft_matmul(s, x, w), row));
    for (int axis = 0; axis < 2; axis++)
        weft_sum(s, y, weft_reduce_params(.axes = &axis, .naxes = 1));
    weft_sum(s, y, NULL);
    y = weft_linear(s, net, "fc", weft_relu(s, x), weft_linear_params(.out = (int)n));
    y = weft_linear(s, net, "out", weft_relu(s, y), weft_linear_params(.out = (int)n));
    weft_tensor *loss = weft_cross_entropy(s, y, label, NULL);
    weft_backward(s, loss, net);
    weft_optim_step(adam, s);
    ck_assert_msg(!isnan(weft_item(s, loss)), "%s", weft_scope_error(s)->text);
    weft_optim_destroy(&adam);
    weft_params_destroy(&net);
    weft_scope_destroy(&s);
}

START_TEST(new_sizes_compile_nothing)
{
    // One size for each class: single elements, what fits a vector and what does not, one, two and
    // more vectors of a matrix tile.
    static const int size[] = {1, 2, 17, 40};
    weft_device *dev = open_device(weft_device_params(.log = log_line));
    for (int i = 0; i < 64; i++)
        use_sizes(dev, size[i / 16], size[i / 4 % 4], size[i % 4]);
    struct weft_device_stats st = stats_of(dev);
    logged[0] = 0;
    srand(1);
    for (int i = 0; i < 50; i++)
        use_sizes(dev, rand() % 60 + 1, rand() % 60 + 1, rand() % 60 + 1);
    ck_assert_msg(stats_of(dev).builds + stats_of(dev).loads == st.builds + st.loads, "%s", logged);
    ck_assert_uint_lt(st.builds + st.loads, 150);
    weft_device_destroy(&dev);
}
END_TEST

// A file's path from where the program runs: the compiler was given it from the build folder.
static const char *source_path(const char *name)
{
    static char path[4096];
    char exe[2048] = "";
    if (__FILE__[0] != '/' && readlink("/proc/self/exe", exe, sizeof exe - 1) > 0) {
        for (int i = 0; i < 2; i++)
            *strrchr(exe, '/') = 0;
        strcat(exe, "/");
    }
    snprintf(path, sizeof path, "%s%.*s/../%s", exe, (int)(strrchr(__FILE__, '/') - __FILE__),
             __FILE__, name);
    return path;
}

// Copies the kernels to a folder, adds a line to the end of one file, and makes devices use it.
static void copy_kernels(const char *file, const char *line)
{
    char command[9000];
    snprintf(command, sizeof command, "mkdir -p %s && cp %s/*.[ch]* %s && printf '%s' >>%s/%s",
             in_tempdir("cl"), source_path("cl"), in_tempdir("cl"), line, in_tempdir("cl"), file);
    ck_assert_msg(!system(command), "%s", command);
    setenv("WEFT_CL_DIR", in_tempdir("cl"), 1);
}

START_TEST(kernels_may_come_from_a_folder)
{
    copy_kernels("elementwise.cl", "");
    struct weft_device_stats st;
    double from_folder = train(in_tempdir("cache"), &st);
    ck_assert_uint_gt(st.builds, 5);
    unsetenv("WEFT_CL_DIR");
    ck_assert_double_eq(train(in_tempdir("cache"), &st), from_folder);
}
END_TEST

// Of a file and of what it includes.
START_TEST(an_edited_kernel_is_compiled_again)
{
    const char *file = _i ? "common.h" : "elementwise.cl";
    copy_kernels(file, "");
    work_with(in_tempdir("cache"));
    copy_kernels(file, "\\n#error edited\\n");
    weft_device *dev = open_with(in_tempdir("cache"));
    weft_scope *s = open_scope(dev);
    ck_assert(!weft_want(s, weft_square(s, ramp(s, 1, (int64_t[]){100}))) || !weft_flush(s));
    ck_assert_int_eq(weft_scope_error(s)->status, WEFT_BUILD);
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
}
END_TEST

START_TEST(a_kernel_that_does_not_compile_is_told_with_its_line)
{
    copy_kernels("elementwise.cl", "\\n#line 4711\\nint wrong(void) { return undeclared; }\\n");
    weft_device *dev = open_with("");
    weft_scope *s = open_scope(dev);
    weft_label_push(s, "decoder");
    weft_tensor *y = weft_square(s, filled(s, 3, 2));
    weft_label_pop(s);
    ck_assert(!weft_want(s, y) || !weft_flush(s));
    assert_refused(weft_scope_error(s), WEFT_BUILD, "decoder: square: elementwise.cl");
    ck_assert_msg(strstr(weft_scope_error(s)->text, "elementwise.cl:4711"), "%s",
                  weft_scope_error(s)->text);
    ck_assert_msg(strstr(logged, "#define VEC ") && strstr(logged, "undeclared"), "%s", logged);
    weft_scope_clear(s);
    // What did not compile isn't tried again; other files go on.
    logged[0] = 0;
    ck_assert(isnan(weft_item(s, weft_sum(s, weft_square(s, filled(s, 3, 2)), NULL))));
    ck_assert(!strstr(logged, "undeclared"));
    weft_scope_clear(s);
    ck_assert_double_eq(weft_item(s, weft_sum(s, filled(s, 3, 2), NULL)), 6);
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
}
END_TEST

START_TEST(a_missing_kernel_folder_is_named)
{
    setenv("WEFT_CL_DIR", in_tempdir("missing"), 1);
    weft_device *dev = open_with("");
    weft_scope *s = open_scope(dev);
    ck_assert(isnan(weft_item(s, weft_square(s, filled(s, 1, 2)))));
    assert_refused(weft_scope_error(s), WEFT_IO, "missing/elementwise.cl");
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
}
END_TEST

static char cache_before[1024];

static void teardown(void)
{
    unsetenv("WEFT_CL_DIR");
    setenv("WEFT_CACHE", cache_before, 1);
    tempdir_remove();
}

static TCase *folder_case(Suite *suite, const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, tempdir_make, teardown);
    tcase_set_timeout(t, 120);
    suite_add_tcase(suite, t);
    return t;
}

static int run_training(const char *cache)
{
    setenv("WEFT_CACHE", cache, 1);
    unsetenv("CK_TAP_LOG_FILE_NAME");
    Suite *suite = suite_create("training");
    TCase *t = tcase_create("training");
    tcase_add_test(t, training);
    suite_add_tcase(suite, t);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed;
}

static void add_cache(Suite *suite)
{
    TCase *t = folder_case(suite, "cache");
    tcase_add_test(t, a_second_device_compiles_nothing);
    tcase_add_test(t, a_binary_is_written_while_the_device_lives);
    tcase_add_loop_test(t, a_damaged_file_is_made_anew, 0, COUNT(damages));
    tcase_add_loop_test(t, a_binary_that_the_driver_refuses_is_made_anew, 0, 2);
    tcase_add_test(t, no_cache_writes_nothing);
    tcase_add_test(t, the_environment_names_the_cache);
    tcase_add_test(t, a_folder_that_cannot_be_is_no_error);
    tcase_add_test(t, capabilities_are_asked_once);
    tcase_add_test(t, a_probe_without_memory_is_not_remembered);
    tcase_add_test(t, two_processes_fill_one_cache);
}

static void add_source(Suite *suite)
{
    TCase *t = folder_case(suite, "source");
    tcase_add_test(t, new_sizes_compile_nothing);
    tcase_add_test(t, kernels_may_come_from_a_folder);
    tcase_add_loop_test(t, an_edited_kernel_is_compiled_again, 0, 2);
    tcase_add_test(t, a_kernel_that_does_not_compile_is_told_with_its_line);
    tcase_add_test(t, a_missing_kernel_folder_is_named);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1)
        return run_training(argv[1]);
    if (getenv("WEFT_CACHE"))
        snprintf(cache_before, sizeof cache_before, "%s", getenv("WEFT_CACHE"));
    Suite *suite = suite_create("program");
    add_cache(suite);
    add_source(suite);
    return run_suite(suite);
}
