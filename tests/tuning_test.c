// The tuning table, without a device: files that are bad in every way, other devices, the nearest
// problem, threads, and what ships. And what is believed.
#include "device_fixture.h"
#include "op/matmul_tuning.h"
#include "tempdir.h"
#include <pthread.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static weft_device *dev;

// A device as far as tuning asks for it.
static weft_device *make_device(const char *tuning)
{
    weft_device *d = calloc(1, sizeof *d);
    d->log = (struct wf_log){.line = log_line};
    d->info = (struct weft_device_info){.type = WEFT_DEVICE_CPU,
                                        .name = "Some CPU",
                                        .vendor = "Some vendor",
                                        .platform = "Some platform",
                                        .driver = "1.0",
                                        .version = "OpenCL 3.0",
                                        .compute_units = 4,
                                        .max_group = 4096,
                                        .local_memory = 512 << 10};
    d->params = (struct weft_device_params){.tuning = tuning, .no_env = true, .log = log_line};
    wf_store_init(&d->store, weft_device_params(.cache_dir = in_tempdir("cache")), &d->log);
    ck_assert(wf_tuning_init(d));
    return d;
}

static void free_device(weft_device *d)
{
    wf_tuning_finish(d);
    free(d);
}

static void setup(void)
{
    tempdir_make();
    logged[0] = 0;
    dev = make_device(in_tempdir("tuning.json"));
}

static void teardown(void)
{
    free_device(dev);
    tempdir_remove();
}

static void reopen(void)
{
    free_device(dev);
    logged[0] = 0;
    dev = make_device(in_tempdir("tuning.json"));
}

static struct wf_tuning_problem problem(int64_t m, int64_t n, int64_t k)
{
    return (struct wf_tuning_problem){
        .m = m, .n = n, .k = k, .count = 1, .op = "matmul", .dtype = "F32", .form = "nn"};
}

// Of cpu_tile; MR tells entries from each other.
static struct wf_tuning_entry entry(int64_t m, int mr)
{
    return (struct wf_tuning_entry){
        .problem = problem(m, 512, 512),
        .variant = "cpu_tile",
        .knob =
            {{"MR", mr}, {"NV", 2}, {"LANES", 16}, {"KC", 128}, {"SUM_ROWS", 64}, {"PACK_A", 0}},
        .ns = 1000,
        .rule_ns = 2000};
}

// The file as this version writes it, with entries for 64 and 1024 rows; into `to`.
static void write_good(struct wf_text *to)
{
    struct wf_tuning_file f = {.about = wf_tuning_about(dev)};
    struct wf_tuning_entry a = entry(64, 8), b = entry(1024, 2);
    ck_assert(wf_tuning_file_put(&f, &a) && wf_tuning_file_put(&f, &b));
    wf_tuning_write(to, &f);
    wf_tuning_file_finish(&f);
}

// MR of what is found for a problem of so many rows; 0: the rule.
static int found(int64_t m)
{
    struct wf_tuning_choice c;
    struct wf_tuning_problem p = problem(m, 512, 512);
    wf_tuning_find(dev, &wf_matmul_tuning, &p, &c);
    ck_assert(!c.variant || c.variant == &wf_matmul_cpu_tile);
    return c.variant ? c.knob[0] : 0;
}

static void put(const char *text)
{
    put_file(in_tempdir("tuning.json"), text, strlen(text));
    reopen();
}

static int logged_lines(void)
{
    int n = 0;
    for (const char *c = logged; *c; c++)
        n += *c == '\n';
    return n;
}

START_TEST(entries_come_back)
{
    struct weft_error err = {0};
    struct wf_tuning_entry e = entry(64, 8), got;
    ck_assert_int_eq(found(64), 0);
    ck_assert_msg(wf_tuning_put(dev, &wf_matmul_tuning, &e, &err), "%s", err.text);
    ck_assert_int_eq(found(64), 8);
    e = entry(1024, 2);
    ck_assert(wf_tuning_put(dev, &wf_matmul_tuning, &e, &err));
    reopen();
    ck_assert_int_eq(found(64), 8);
    ck_assert_int_eq(found(1024), 2);
    ck_assert(wf_tuning_has(dev, &wf_matmul_tuning, &e.problem, &got));
    ck_assert_mem_eq(&e, &got, sizeof e);
    e = entry(64, 1);
    ck_assert(wf_tuning_put(dev, &wf_matmul_tuning, &e, &err));
    ck_assert_int_eq(found(64), 1);
    reopen();
    ck_assert_int_eq(found(64), 1);
    ck_assert_int_eq(found(1024), 2);
    ck_assert_str_eq(logged, "");
}
END_TEST

START_TEST(an_entry_a_line)
{
    struct wf_text t = {0};
    write_good(&t);
    ck_assert_msg(strstr(t.data,
                         "\n{\"op\": \"matmul\", \"dtype\": \"F32\", \"form\": \"nn\", \"m\": 64, "
                         "\"n\": 512, \"k\": 512, \"count\": 1, \"variant\": \"cpu_tile\", "
                         "\"knobs\": {\"MR\": 8, \"NV\": 2, \"LANES\": 16, \"KC\": 128, "
                         "\"SUM_ROWS\": 64, \"PACK_A\": 0}, \"ns\": 1000, \"rule_ns\": "
                         "2000},\n") != NULL,
                  "%s", t.data);
    wf_text_finish(&t);
}
END_TEST

// Both sides of the bound: a factor of two.
START_TEST(nearest_problem)
{
    struct wf_text t = {0};
    write_good(&t);
    put(t.data);
    ck_assert_int_eq(found(128), 8);
    ck_assert_int_eq(found(32), 8);
    ck_assert_int_eq(found(31), 0);
    ck_assert_int_eq(found(129), 0);
    ck_assert_int_eq(found(600), 2);
    ck_assert_int_eq(found(1024), 2);
    struct wf_tuning_choice c;
    struct wf_tuning_problem p = problem(64, 512, 512);
    strcpy(p.form, "nt");
    wf_tuning_find(dev, &wf_matmul_tuning, &p, &c);
    ck_assert(!c.variant && !c.known);
    strcpy(p.form, "nn");
    wf_tuning_find(dev, &wf_matmul_tuning, &p, &c);
    ck_assert(c.variant && c.known && !c.unproven);
    wf_text_finish(&t);
}
END_TEST

// What the rule takes anyhow says nothing about its neighbours.
START_TEST(the_rule_stays_the_rule)
{
    struct weft_error err = {0};
    struct wf_tuning_entry e = entry(64, 8), near = entry(100, 2);
    e.ns = e.rule_ns;
    ck_assert(wf_tuning_put(dev, &wf_matmul_tuning, &near, &err));
    ck_assert(wf_tuning_put(dev, &wf_matmul_tuning, &e, &err));
    ck_assert_int_eq(found(64), 0);
    ck_assert_int_eq(found(60), 0);
    ck_assert_int_eq(found(100), 2);
    near = entry(100, 4);
    near.partial = true;
    ck_assert(wf_tuning_put(dev, &wf_matmul_tuning, &near, &err));
    ck_assert_int_eq(found(100), 4);
    ck_assert(!wf_tuning_has(dev, &wf_matmul_tuning, &near.problem, &e));
}
END_TEST

// Each cut of a file is refused; a flipped bit may make another good file, and else takes one line
// in the log.
START_TEST(damaged_files)
{
    struct wf_text t = {0};
    write_good(&t);
    for (size_t n = 0; n < t.length - 2; n++) {
        put_file(in_tempdir("tuning.json"), t.data, n);
        reopen();
        ck_assert_int_eq(found(64), 0);
        ck_assert_msg(strstr(logged, "it is ignored") && logged_lines() == 1, "%s", logged);
    }
    for (size_t i = 0; i < t.length; i++) {
        for (int bit = 0; bit < 8; bit += 3) {
            t.data[i] ^= (char)(1 << bit);
            put_file(in_tempdir("tuning.json"), t.data, t.length);
            reopen();
            found(64);
            ck_assert_msg(logged_lines() <= 1, "%s", logged);
            t.data[i] ^= (char)(1 << bit);
        }
    }
    wf_text_finish(&t);
}
END_TEST

// The text with one piece replaced.
static const char *with(const char *from, const char *to)
{
    static char out[4096];
    struct wf_text t = {0};
    write_good(&t);
    const char *at = strstr(t.data, from);
    ck_assert_msg(at, "%s", from);
    snprintf(out, sizeof out, "%.*s%s%s", (int)(at - t.data), t.data, to, at + strlen(from));
    wf_text_finish(&t);
    return out;
}

START_TEST(files_for_another)
{
    static const struct {
        const char *from, *to, *why;
    } bad[] = {
        {"Some CPU", "Other CPU", "is for Other CPU of Some platform"},
        {"Some platform", "Other", "is for Some CPU of Other"},
        {"\"driver\": \"1.0\"", "\"driver\": \"1.1\"", "is for the driver 1.1"},
        {"OpenCL 3.0", "OpenCL 2.0", "is for the driver 1.0, OpenCL 2.0"},
        {"\"kernels\": ", "\"kernels\": 9", "of the kernels"},
        {"\"weft_tuning\": 1", "\"weft_tuning\": 2", "is no tuning file"},
        {"\"entries\": [", "\"entry\": [", "is no tuning file"},
    };
    for (int i = 0; i < COUNT(bad); i++) {
        char before[4096], after[4096];
        struct weft_error err = {0};
        struct wf_tuning_entry e = entry(64, 4);
        put(with(bad[i].from, bad[i].to));
        size_t n = get_file(in_tempdir("tuning.json"), before, sizeof before);
        ck_assert_int_eq(found(64), 0);
        ck_assert_msg(strstr(logged, bad[i].why) && logged_lines() == 1, "%s", logged);
        // It is not written over either.
        ck_assert(!wf_tuning_put(dev, &wf_matmul_tuning, &e, &err));
        assert_refused(&err, WEFT_FORMAT, bad[i].why);
        ck_assert_uint_eq(get_file(in_tempdir("tuning.json"), after, sizeof after), n);
        ck_assert_mem_eq(before, after, n);
    }
}
END_TEST

// The first entry is bad, the other serves.
START_TEST(bad_entries)
{
    static const struct {
        const char *from, *to;
    } bad[] = {
        {"cpu_tile", "warp_tile"},
        {"\"MR\": 8", "\"MR\": 3"},
        {"\"MR\": 8", "\"MR\": 0"},
        {"\"MR\": 8", "\"MR\": -8"},
        {"\"MR\": 8", "\"MR\": 8.5"},
        {"\"MR\": 8", "\"MR\": 99999999999"},
        {"\"MR\": 8", "\"RM\": 8"},
        {"\"MR\": 8, ", ""},
        {"\"PACK_A\": 0", "\"PACK_A\": 2"},
        {"\"knobs\": {", "\"knobs\": [], \"x\": {"},
        {"\"m\": 64", "\"m\": \"64\""},
        {"\"m\": 64", "\"m\": -1"},
        {"\"m\": 64", "\"m\": 0"},
        {"\"m\": 64", "\"m\": 9007199254740991"},
        {"\"m\": 64, ", ""},
        {"\"F32\"", "\"F33\""},
        {"\"F32\"", "\"A long text of it\""},
        {"\"nn\"", "\"nx\""},
        {"\"nn\"", "\"nnn\""},
        {"\"ns\": 1000", "\"ns\": null"},
        {"\"ns\": 1000", "\"ns\": 1000, \"partial\": 1"},
        {"{\"op\": \"matmul\"", "5, {\"op\": 5"},
    };
    for (int i = 0; i < COUNT(bad); i++) {
        put(with(bad[i].from, bad[i].to));
        ck_assert_msg(found(64) == 0, "%s", bad[i].to);
        ck_assert_msg(found(1024) == 2, "%s", bad[i].to);
        ck_assert_msg(strstr(logged, "entries are ignored: ") && logged_lines() == 1, "%s: %s",
                      bad[i].to, logged);
    }
    // Of an op that this version does not have.
    put(with("\"op\": \"matmul\"", "\"op\": \"fft\""));
    ck_assert_int_eq(found(64), 0);
    ck_assert_int_eq(found(1024), 2);
    ck_assert_str_eq(logged, "");
}
END_TEST

START_TEST(odd_places)
{
    struct weft_error err = {0};
    struct wf_tuning_entry e = entry(64, 8);
    // None: kept in memory.
    free_device(dev);
    dev = make_device("");
    ck_assert(wf_tuning_put(dev, &wf_matmul_tuning, &e, &err));
    ck_assert_int_eq(found(64), 8);
    // Folders are made.
    free_device(dev);
    dev = make_device(in_tempdir("a/b/tuning.json"));
    ck_assert(wf_tuning_put(dev, &wf_matmul_tuning, &e, &err));
    ck_assert(wf_path_exists(in_tempdir("a/b/tuning.json")));
    // What is no file.
    free_device(dev);
    dev = make_device(in_tempdir("a"));
    ck_assert_int_eq(found(64), 0);
    ck_assert_msg(strstr(logged, "is not a file"), "%s", logged);
    ck_assert(!wf_tuning_put(dev, &wf_matmul_tuning, &e, &err));
    ck_assert_int_eq(err.status, WEFT_IO);
    ck_assert_int_eq(found(64), 0);
}
END_TEST

START_TEST(default_place)
{
    setenv("XDG_DATA_HOME", tempdir, 1);
    free_device(dev);
    dev = make_device(NULL);
    const char *path = weft_device_tuning(dev);
    ck_assert_msg(wf_begins(path, in_tempdir("weft/tuning-some-cpu-")), "%s", path);
    char first[1024];
    strcpy(first, path);
    strcpy(dev->info.driver, "1.1");
    ck_assert(wf_tuning_init(dev));
    ck_assert_str_ne(first, weft_device_tuning(dev));
    setenv("XDG_DATA_HOME", "relative", 1);
    setenv("HOME", tempdir, 1);
    ck_assert(wf_tuning_init(dev));
    ck_assert(wf_begins(weft_device_tuning(dev), in_tempdir(".local/share/weft/tuning-")));
    unsetenv("HOME");
    dev->tuning.path[0] = 0;
    ck_assert(wf_tuning_init(dev));
    ck_assert_str_eq(weft_device_tuning(dev), "");
}
END_TEST

static void *ask(void *priv)
{
    int *wrong = priv;
    for (int i = 0; i < 3000; i++) {
        int got = found(40 + i % 80);
        *wrong += got != 8 && got != 4;
    }
    return NULL;
}

START_TEST(threads)
{
    pthread_t thread[4];
    int wrong[4] = {0};
    struct weft_error err = {0};
    struct wf_text t = {0};
    write_good(&t);
    put(t.data);
    for (int i = 0; i < COUNT(thread); i++)
        ck_assert(!pthread_create(&thread[i], NULL, ask, &wrong[i]));
    for (int i = 0; i < 20; i++) {
        struct wf_tuning_entry e = entry(64, i % 2 ? 8 : 4);
        ck_assert(wf_tuning_put(dev, &wf_matmul_tuning, &e, &err));
    }
    for (int i = 0; i < COUNT(thread); i++) {
        pthread_join(thread[i], NULL);
        ck_assert_int_eq(wrong[i], 0);
    }
    wf_text_finish(&t);
}
END_TEST

// More problems than are kept.
START_TEST(many_problems)
{
    struct wf_text t = {0};
    write_good(&t);
    put(t.data);
    for (int64_t m = 1; m < 10000; m++)
        ck_assert_int_eq(found(m) != 0, (m >= 32 && m <= 128) || (m >= 512 && m <= 2048));
    ck_assert_int_eq(found(64), 8);
    wf_text_finish(&t);
}
END_TEST

// A steady step asks for what was asked before.
START_TEST(no_allocation)
{
#ifdef __GLIBC__
    struct wf_text t = {0};
    write_good(&t);
    put(t.data);
    for (int64_t m = 1; m < 200; m++)
        found(m);
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < 100000; i++)
        found(1 + i % 199);
    ck_assert_uint_eq(mallinfo2().uordblks, before.uordblks);
    wf_text_finish(&t);
#endif
}
END_TEST

// A product goes by the same key whether it could be stacked or not.
START_TEST(keys_of_products)
{
    struct wf_matmul p = {.dtype = WEFT_F32, .m = 5, .n = 7, .k = 9, .count = 12};
    p.a_k = p.b_n = 1;
    p.batch = (struct wf_dims){.rank = 2, .views = 2, .shape = {3, 4}};
    p.batch.stride[1][0] = 63;
    struct wf_tuning_problem key = wf_matmul_key(&p);
    ck_assert(key.m == 20 && key.count == 3 && key.n == 7 && key.k == 9);
    ck_assert_str_eq(key.form, "nn");
    p.m = 20;
    p.count = 3;
    p.batch.rank = 1;
    struct wf_tuning_problem stacked = wf_matmul_key(&p);
    ck_assert_mem_eq(&key, &stacked, sizeof key);
    p.a_k = 20;
    p.b_n = 9;
    ck_assert_str_eq(wf_matmul_key(&p).form, "tt");
}
END_TEST

static bool has_suffix(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

// Files that were contributed: each is whole, of these kernels, names what is there and has no
// mere beginnings; and each is in the library.
START_TEST(what_ships_is_good)
{
    DIR *dir = opendir(TUNING);
    int files = 0, shipped = 0;
    ck_assert(dir);
    for (struct dirent *d; (d = readdir(dir));) {
        char path[1024], why[120];
        void *text = NULL;
        size_t n = 0;
        struct wf_tuning_file f;
        struct wf_tuning_choice c;
        struct weft_error err = {0};
        if (!has_suffix(d->d_name, ".json"))
            continue;
        snprintf(path, sizeof path, "%s/%s", TUNING, d->d_name);
        ck_assert_msg(wf_file_read(path, 1 << 24, &text, &n, &err), "%s", err.text);
        ck_assert_msg(wf_tuning_parse(&f, d->d_name, text, n, &err), "%s", err.text);
        ck_assert_msg(!f.bad && f.count, "%s: %s", d->d_name, f.why);
        ck_assert_msg(f.about.kernels == WF_KERNEL_VERSION, "%s: kernels", d->d_name);
        // The limits of the device are not known; these are those of large ones.
        dev->info.type = !strcmp(f.about.type, "cpu") ? WEFT_DEVICE_CPU : WEFT_DEVICE_GPU;
        for (size_t i = 0; i < f.count; i++) {
            const struct wf_tuning_entry *e = &f.entry[i];
            ck_assert_msg(!e->partial, "%s: a partial entry", d->d_name);
            // What a library did can only be looked at where it is installed.
            ck_assert_msg(!strcmp(e->variant, "clblast") ||
                              wf_matmul_tuning.resolve(dev, e, &c, why),
                          "%s: %s", d->d_name, why);
        }
        wf_tuning_file_finish(&f);
        free(text);
        files++;
    }
    closedir(dir);
    while (wf_tuning_shipped[shipped].entry)
        shipped++;
    ck_assert_int_eq(files, shipped);
}
END_TEST

// A mark that was left behind once is a trial that was interrupted; twice, one that hangs.
START_TEST(trials_that_never_ended)
{
    ck_assert_int_eq(wf_trust_load(dev, "a", NULL), WF_TRUST_UNKNOWN);
    ck_assert_int_eq(wf_trust_begin(dev, "a", NULL), WF_TRUST_UNKNOWN);
    reopen();
    ck_assert_int_eq(wf_trust_load(dev, "a", NULL), WF_TRUST_UNKNOWN);
    ck_assert_int_eq(wf_trust_begin(dev, "a", NULL), WF_TRUST_UNKNOWN);
    reopen();
    ck_assert_int_eq(wf_trust_load(dev, "a", NULL), WF_TRUST_NO);
    ck_assert_int_eq(wf_trust_begin(dev, "a", NULL), WF_TRUST_NO);
    // Others have nothing to do with it.
    ck_assert_int_eq(wf_trust_begin(dev, "b", NULL), WF_TRUST_UNKNOWN);
    wf_trust_save(dev, "b", NULL, WF_TRUST_YES);
    ck_assert_int_eq(wf_trust_begin(dev, "b", "matmul"), WF_TRUST_UNKNOWN);
    wf_trust_save(dev, "b", "matmul", WF_TRUST_UNKNOWN);
    reopen();
    ck_assert_int_eq(wf_trust_begin(dev, "b", NULL), WF_TRUST_YES);
    strcpy(dev->info.driver, "1.1");
    ck_assert_int_eq(wf_trust_begin(dev, "a", NULL), WF_TRUST_UNKNOWN);
}
END_TEST

START_TEST(trust_in_memory)
{
    struct wf_trust_key a = {.variant = &wf_matmul_cpu_tile, .dtype = 1, .knob = {4, 3}}, b = a;
    b.knob[1] = 2;
    ck_assert_int_eq(wf_trust_get(dev, &a), WF_TRUST_UNKNOWN);
    wf_trust_set(dev, &a, WF_TRUST_YES);
    wf_trust_set(dev, &b, WF_TRUST_NO);
    ck_assert_int_eq(wf_trust_get(dev, &a), WF_TRUST_YES);
    ck_assert_int_eq(wf_trust_get(dev, &b), WF_TRUST_NO);
    wf_trust_set(dev, &a, WF_TRUST_NO);
    ck_assert_int_eq(wf_trust_get(dev, &a), WF_TRUST_NO);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tuning");
    TCase *t = tcase_create("tuning");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, entries_come_back);
    tcase_add_test(t, an_entry_a_line);
    tcase_add_test(t, nearest_problem);
    tcase_add_test(t, the_rule_stays_the_rule);
    tcase_add_test(t, damaged_files);
    tcase_add_test(t, files_for_another);
    tcase_add_test(t, bad_entries);
    tcase_add_test(t, odd_places);
    tcase_add_test(t, default_place);
    tcase_add_test(t, threads);
    tcase_add_test(t, many_problems);
    tcase_add_test(t, no_allocation);
    tcase_add_test(t, keys_of_products);
    tcase_add_test(t, what_ships_is_good);
    tcase_add_test(t, trials_that_never_ended);
    tcase_add_test(t, trust_in_memory);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
