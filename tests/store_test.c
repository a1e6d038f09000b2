// The kernel store: what comes back is what was stored or nothing, whatever happened to the files.
#include "base/hash.h"
#include "dev/store.h"
#include "run.h"
#include "tempdir.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

static struct wf_store store;
static int log_lines;
static char last_line[1024];
static enum weft_log_level worst;

static void count_line(void *priv, enum weft_log_level level, const char *line)
{
    (void)priv;
    log_lines++;
    worst = level < worst ? level : worst;
    snprintf(last_line, sizeof last_line, "%s", line);
}

static const struct wf_log counting = {.line = count_line};

static void open_store(const char *dir, size_t limit)
{
    wf_store_init(&store, weft_device_params(.cache_dir = dir, .cache_limit = limit), &counting);
}

static void setup(void)
{
    tempdir_make();
    open_store(in_tempdir("cache"), 0);
    log_lines = 0;
    worst = WEFT_LOG_DEBUG;
}

static bool save(const char *key, const char *payload)
{
    return wf_store_save(&store, key, strlen(key), payload, strlen(payload));
}

// Is there an entry, and does it hold this text?
static bool holds(const char *key, const char *payload)
{
    void *data = NULL;
    size_t bytes = 0;
    if (!wf_store_load(&store, key, strlen(key), &data, &bytes))
        return false;
    bool same = bytes == strlen(payload) && !memcmp(data, payload, bytes);
    free(data);
    return same;
}

static bool has(const char *key)
{
    void *data = NULL;
    size_t bytes = 0;
    bool found = wf_store_load(&store, key, strlen(key), &data, &bytes);
    free(data);
    return found;
}

static const char *file_of(const char *key)
{
    char name[64] = "cache/";
    wf_hash_hex(wf_hash(key, strlen(key)), name + 6);
    return in_tempdir(strcat(name, ".krn"));
}

static int files_in_cache(void)
{
    return count_files(in_tempdir("cache"));
}

START_TEST(what_was_saved_is_loaded)
{
    ck_assert(!has("key") && !wf_path_exists(in_tempdir("cache")));
    ck_assert(save("key", "payload") && holds("key", "payload"));
    ck_assert(!has("kez") && !has("ke") && !has("keyp"));
    ck_assert(save("key", "a longer payload") && holds("key", "a longer payload"));
    ck_assert(save("other", "") && holds("other", ""));
    ck_assert_int_eq(files_in_cache(), 2);
    ck_assert_int_eq(mode_of(in_tempdir("cache")), 0700);
    ck_assert_int_eq(mode_of(file_of("key")), 0600);
    wf_store_drop(&store, "key", 3);
    ck_assert(!has("key") && has("other"));
    wf_store_drop(&store, "key", 3);
    ck_assert_msg(!log_lines, "%s", last_line);
}
END_TEST

START_TEST(file_is_as_documented)
{
    unsigned char file[64];
    ck_assert(save("key", "data!"));
    ck_assert_uint_eq(get_file(file_of("key"), file, sizeof file), 40 + 3 + 5);
    ck_assert(!memcmp(file, "weftkrn1\3\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0", 24));
    ck_assert(!memcmp(file + 40, "keydata!", 8));
    struct wf_hash h = wf_hash("keydata!", 8);
    for (int i = 0; i < 8; i++) {
        ck_assert_uint_eq(file[24 + i], h.lo >> 8 * i & 255);
        ck_assert_uint_eq(file[32 + i], h.hi >> 8 * i & 255);
    }
}
END_TEST

static void expect_gone(const char *what, size_t at)
{
    ck_assert_msg(!has("key"), "%s %zu: loaded", what, at);
    ck_assert_msg(!wf_path_exists(file_of("key")), "%s %zu: the file is still there", what, at);
    ck_assert_msg(save("key", "payload") && holds("key", "payload"), "%s %zu", what, at);
}

START_TEST(flipped_bits_are_found)
{
    unsigned char file[64];
    ck_assert(save("key", "payload"));
    size_t n = get_file(file_of("key"), file, sizeof file);
    ck_assert_uint_eq(n, 50);
    for (size_t bit = 0; bit < n * 8; bit++) {
        file[bit / 8] ^= (unsigned char)(1 << bit % 8);
        put_file(file_of("key"), file, n);
        file[bit / 8] ^= (unsigned char)(1 << bit % 8);
        expect_gone("bit", bit);
    }
    ck_assert_int_eq(log_lines, (int)n * 8);
    ck_assert(worst == WEFT_LOG_INFO && strstr(last_line, "removed"));
}
END_TEST

START_TEST(other_lengths_are_found)
{
    unsigned char file[64];
    ck_assert(save("key", "payload"));
    size_t n = get_file(file_of("key"), file, sizeof file);
    for (size_t cut = 0; cut < n; cut++) {
        put_file(file_of("key"), file, cut);
        expect_gone("cut to", cut);
    }
    file[n] = 0;
    put_file(file_of("key"), file, n + 1);
    expect_gone("grown to", n + 1);
}
END_TEST

START_TEST(another_key_under_the_same_name_is_a_miss)
{
    unsigned char file[64];
    ck_assert(save("yek", "payload"));
    size_t n = get_file(file_of("yek"), file, sizeof file);
    put_file(file_of("key"), file, n);
    expect_gone("foreign key of", 3);
    ck_assert(save("ke", "ypayload")); // the same bytes, parted elsewhere
    n = get_file(file_of("ke"), file, sizeof file);
    put_file(file_of("key"), file, n);
    expect_gone("foreign key of", 2);
    ck_assert(holds("yek", "payload") && holds("ke", "ypayload"));
}
END_TEST

START_TEST(a_folder_in_the_place_of_an_entry)
{
    ck_assert(save("other", "x"));
    ck_assert(!mkdir(file_of("key"), 0700));
    ck_assert(!has("key") && !save("key", "payload") && holds("other", "x"));
    ck_assert_int_eq(log_lines, 1);
    ck_assert(worst == WEFT_LOG_WARN && strstr(last_line, file_of("key")));
    ck_assert_int_eq(files_in_cache(), 2);
}
END_TEST

// Each entry of these tests has 40 + 1 + 59 = 100 bytes.
static void save_aged(const char *key, int seconds)
{
    static const char fifty_nine[] = "-----------------------------------------------------------";
    ck_assert(save(key, fifty_nine));
    set_age(file_of(key), seconds);
}

START_TEST(the_longest_unused_goes_first)
{
    open_store(in_tempdir("cache"), 300);
    save_aged("a", 9000);
    save_aged("b", 8000);
    save_aged("c", 7000);
    ck_assert(has("a") && files_in_cache() == 3);
    save_aged("d", 10000);
    ck_assert(wf_path_exists(file_of("a")) && !wf_path_exists(file_of("b")));
    ck_assert(wf_path_exists(file_of("c")) && wf_path_exists(file_of("d")));
    ck_assert(save("large", "----------------------------------------------------------------"
                            "----------------------------------------------------------------"));
    ck_assert(has("large") && has("a") && files_in_cache() == 2);
}
END_TEST

START_TEST(the_newest_stays_even_if_its_clock_is_behind)
{
    open_store(in_tempdir("cache"), 100);
    save_aged("a", -100000);
    save_aged("b", 0);
    ck_assert(has("b") && files_in_cache() == 1);
}
END_TEST

START_TEST(what_never_fits_is_not_stored)
{
    open_store(in_tempdir("cache"), 99);
    ck_assert(save("b", "small"));
    ck_assert(!save("a", "-----------------------------------------------------------"));
    ck_assert(has("b") && files_in_cache() == 1 && worst == WEFT_LOG_INFO && log_lines == 1);
    ck_assert(!wf_store_save(&store, "k", 1, "", SIZE_MAX) && files_in_cache() == 1);
    open_store(in_tempdir("cache"), 30);
    ck_assert(!save("c", "") && !has("b") && files_in_cache() == 0);
}
END_TEST

START_TEST(loading_counts_as_use_once_an_hour)
{
    ck_assert(save("key", "payload"));
    set_age(file_of("key"), 1800);
    ck_assert(has("key") && wf_file_age(file_of("key")) > 1700);
    set_age(file_of("key"), 7200);
    ck_assert(has("key") && wf_file_age(file_of("key")) < 600);
}
END_TEST

static const char *const foreign[] = {
    "cache/notes.txt",
    "cache/0123456789abcdef.krn",
    "cache/0123456789ABCDEF0123456789abcdef.krn",
    "cache/0123456789abcdef0123456789abcdef0.krn",
    "cache/0123456789abcdef0123456789abcdef.krn.bak",
    "cache/0123456789abcdef0123456789abcdef.krn.tmp",
    "cache/0123456789abcdef0123456789abcdef.krn.1-x.tmp",
    "cache/0123456789abcdef0123456789abcdef.krn.1-2-3.tmp2",
    "cache/0123456789abcdef0123456789abcdef",
    "cache/1-2-3.tmp",
};
enum { FOREIGN = sizeof foreign / sizeof *foreign };
static const char *const young = "cache/0123456789abcdef0123456789abcdef.krn.1-2-3.tmp";
static const char *const stale = "cache/0123456789abcdef0123456789abcdef.krn.41-999999999-0.tmp";

static void put_foreign(void)
{
    for (int i = 0; i < FOREIGN; i++) {
        put_file(in_tempdir(foreign[i]), "not ours", 8);
        set_age(in_tempdir(foreign[i]), 1000000);
    }
}

START_TEST(only_our_own_files_go)
{
    ck_assert(save("key", "payload"));
    put_foreign();
    put_file(in_tempdir(young), "1", 1);
    put_file(in_tempdir(stale), "1", 1);
    set_age(in_tempdir(stale), 4000);
    open_store(in_tempdir("cache"), 60);
    ck_assert(save("next", "payload") && !has("key"));
    ck_assert(wf_path_exists(in_tempdir(young)) && !wf_path_exists(in_tempdir(stale)));
    ck_assert_int_eq(files_in_cache(), FOREIGN + 2);
}
END_TEST

START_TEST(clear_removes_only_our_own_files)
{
    const struct weft_device_params *p =
        weft_device_params(.cache_dir = store.dir, .cache_limit = 5000);
    struct weft_cache_info info = {.size = sizeof info};
    ck_assert(weft_cache_info(p, &info, NULL) && info.files == 0 && info.bytes == 0);
    ck_assert(save("a", "123") && save("b", "12345"));
    put_foreign();
    put_file(in_tempdir(young), "1", 1);
    ck_assert(weft_cache_info(p, &info, NULL));
    ck_assert_str_eq(info.dir, in_tempdir("cache"));
    ck_assert(info.files == 3 && info.bytes == 44 + 46 + 1 && info.limit == 5000);
    ck_assert(weft_cache_clear(p, NULL) && !has("a") && !has("b"));
    ck_assert_int_eq(files_in_cache(), FOREIGN);
    ck_assert(weft_cache_info(p, &info, NULL) && info.files == 0 && info.bytes == 0);
    ck_assert(weft_cache_clear(p, NULL));
}
END_TEST

START_TEST(info_fits_an_older_caller)
{
    struct weft_error err = {0};
    struct weft_cache_info info = {.size = offsetof(struct weft_cache_info, limit), .limit = 77};
    ck_assert(weft_cache_info(weft_device_params(.cache_dir = ""), &info, NULL));
    ck_assert(info.limit == 77 && info.size == offsetof(struct weft_cache_info, limit));
    ck_assert(!*info.dir && !info.files);
    ck_assert(weft_cache_clear(weft_device_params(.cache_dir = ""), NULL));
    info.size = 0;
    ck_assert(!weft_cache_info(NULL, &info, &err) && err.status == WEFT_PARAM);
    ck_assert(!weft_cache_info(NULL, NULL, NULL));
}
END_TEST

START_TEST(info_of_what_is_no_folder)
{
    struct weft_error err = {0};
    struct weft_cache_info info = {.size = sizeof info};
    put_file(in_tempdir("f"), "", 0);
    ck_assert(!weft_cache_info(weft_device_params(.cache_dir = in_tempdir("f")), &info, &err));
    ck_assert(err.status == WEFT_IO && strstr(err.text, in_tempdir("f")));
    ck_assert(!weft_cache_clear(weft_device_params(.cache_dir = in_tempdir("f")), NULL));
    ck_assert(wf_path_exists(in_tempdir("f")));
}
END_TEST

static const char *const unusable[] = {"f", "f/below/it", "", "/proc/self/weft", "/dev/null/x"};

START_TEST(folders_that_cannot_be_are_only_logged)
{
    put_file(in_tempdir("f"), "1", 1);
    open_store(*unusable[_i] == '/' ? unusable[_i] : in_tempdir(unusable[_i]), 0);
    if (!*unusable[_i])
        memset(store.dir, 'x', sizeof store.dir - 1); // a name longer than the system takes
    ck_assert(!save("key", "payload"));
    ck_assert(log_lines == 1 && worst == WEFT_LOG_WARN);
    ck_assert_msg(!strncmp(last_line, "cache: ", 7), "%s", last_line);
    ck_assert(!has("key"));
    wf_store_drop(&store, "key", 3);
    ck_assert_int_eq(count_files(tempdir), 1);
}
END_TEST

START_TEST(a_path_too_long_is_no_cache)
{
    char dir[2000];
    memset(dir, 'd', sizeof dir);
    dir[1023] = 0;
    open_store(dir, 0);
    ck_assert(!log_lines && !strcmp(store.dir, dir));
    dir[1023] = 'd', dir[1999] = 0;
    open_store(dir, 0);
    ck_assert(!*store.dir && log_lines == 1 && worst == WEFT_LOG_WARN);
}
END_TEST

// Runs in a child, whose files may have 200 bytes: as on a disk that is full from there on.
static int save_on_a_full_disk(void)
{
    char large[1000];
    memset(large, 'x', sizeof large);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){200, 200});
    if (wf_store_save(&store, "key", 3, large, sizeof large))
        return 1;
    if (wf_store_save(&store, "new", 3, large, sizeof large))
        return 2;
    if (log_lines != 2 || worst != WEFT_LOG_WARN)
        return 3;
    return files_in_cache() == 1 && holds("key", "old") && save("b", "small") ? 0 : 4;
}

static int wait_for(pid_t child)
{
    int status = -1;
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(full_disk_is_only_logged)
{
    ck_assert(save("key", "old"));
    pid_t child = fork();
    if (!child)
        _exit(save_on_a_full_disk());
    ck_assert_int_eq(wait_for(child), 0);
    ck_assert(holds("key", "old") && holds("b", "small") && !has("new"));
}
END_TEST

enum { ENTRIES = 150, ROUNDS = 6 };

// The payload of entry `i`, the same from every process and every round but for its length.
static size_t make_payload(int i, int round, unsigned char *payload)
{
    size_t n = (size_t)(1000 + 37 * i + 500 * round);
    for (size_t k = 0; k < n; k++)
        payload[k] = (unsigned char)(k * 7 + (size_t)i);
    return n;
}

static bool is_payload(int i, const unsigned char *data, size_t bytes)
{
    unsigned char want[16384];
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = make_payload(i, round, want);
        if (n == bytes)
            return !memcmp(want, data, n);
    }
    return false;
}

// 0, or what went wrong. The processes go through the entries in different orders.
static int share(int who)
{
    unsigned char payload[16384];
    for (int at = 0; at < ENTRIES * ROUNDS; at++) {
        int i = at * (who ? 7 : 11) % ENTRIES;
        void *data = NULL;
        size_t bytes = 0;
        if (wf_store_load(&store, &i, sizeof i, &data, &bytes) && !is_payload(i, data, bytes))
            return 1;
        free(data);
        bytes = make_payload(i, at / ENTRIES, payload);
        if (!wf_store_save(&store, &i, sizeof i, payload, bytes))
            return 2;
    }
    return log_lines ? 3 : 0;
}

static void share_with_a_child(void)
{
    pid_t child = fork();
    if (!child)
        _exit(share(1));
    int here = share(0);
    ck_assert_int_eq(wait_for(child), 0);
    ck_assert_msg(here == 0, "%d: %s", here, last_line);
}

START_TEST(two_processes_fill_one_cache)
{
    share_with_a_child();
    ck_assert_int_eq(files_in_cache(), ENTRIES);
    for (int i = 0; i < ENTRIES; i++) {
        void *data = NULL;
        size_t bytes = 0;
        ck_assert(wf_store_load(&store, &i, sizeof i, &data, &bytes) && is_payload(i, data, bytes));
        free(data);
    }
}
END_TEST

START_TEST(two_processes_share_too_small_a_cache)
{
    open_store(in_tempdir("cache"), 100000);
    share_with_a_child();
    struct wf_store_list list;
    ck_assert(wf_store_files(&store, &list, NULL));
    uint64_t sum = 0;
    for (size_t i = 0; i < list.count; i++) {
        ck_assert(!list.file[i].temporary);
        sum += list.file[i].bytes;
    }
    wf_store_list_finish(&list);
    ck_assert(sum > 0 && sum <= 100000);
}
END_TEST

static const char *const names[] = {"WEFT_CACHE", "XDG_CACHE_HOME", "HOME"};
static char *before[3];

static void keep_environment(void)
{
    setup();
    for (int i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        before[i] = value ? strdup(value) : NULL;
    }
}

static void restore_environment(void)
{
    for (int i = 0; i < 3; i++) {
        if (before[i])
            setenv(names[i], before[i], 1);
        else
            unsetenv(names[i]);
        free(before[i]);
    }
    tempdir_remove();
}

static const struct {
    const char *cache_dir;
    bool no_env;
    const char *env[3]; // of names[]; NULL: unset
    const char *dir;
    int lines; // logged
} rules[] = {
    {"/given", false, {"/env", "/xdg", "/home/u"}, "/given", 0},
    {"", false, {"/env", "/xdg", "/home/u"}, "", 0},
    {NULL, false, {"/env", "/xdg", "/home/u"}, "/env", 0},
    {NULL, false, {"", "/xdg", "/home/u"}, "", 0},
    {NULL, true, {"/env", "/xdg", "/home/u"}, "/xdg/weft", 0},
    {NULL, true, {"", NULL, "/home/u"}, "/home/u/.cache/weft", 0},
    {NULL, false, {NULL, "/xdg", "/home/u"}, "/xdg/weft", 0},
    {NULL, false, {NULL, "", "/home/u"}, "/home/u/.cache/weft", 0},
    {NULL, false, {NULL, "relative", "/home/u"}, "/home/u/.cache/weft", 0},
    {NULL, false, {NULL, NULL, NULL}, "", 1},
    {NULL, false, {NULL, NULL, ""}, "", 1},
};
enum { RULES = sizeof rules / sizeof *rules };

START_TEST(the_folder_is_found)
{
    for (int i = 0; i < 3; i++) {
        if (rules[_i].env[i])
            setenv(names[i], rules[_i].env[i], 1);
        else
            unsetenv(names[i]);
    }
    wf_store_init(&store,
                  weft_device_params(.cache_dir = rules[_i].cache_dir, .no_env = rules[_i].no_env),
                  &counting);
    ck_assert_str_eq(store.dir, rules[_i].dir);
    ck_assert_int_eq(log_lines, rules[_i].lines);
    ck_assert_uint_eq(store.limit, 256u << 20);
}
END_TEST

START_TEST(no_params_are_the_defaults)
{
    setenv("WEFT_CACHE", in_tempdir("mine"), 1);
    struct weft_cache_info info = {.size = sizeof info};
    wf_store_init(&store, NULL, NULL);
    ck_assert(save("key", "payload") && holds("key", "payload"));
    ck_assert(weft_cache_info(NULL, &info, NULL) && info.files == 1);
    ck_assert_str_eq(info.dir, in_tempdir("mine"));
    ck_assert(weft_cache_clear(NULL, NULL) && !has("key"));
}
END_TEST

START_TEST(switched_off_does_nothing)
{
    setenv("WEFT_CACHE", "", 1);
    wf_store_init(&store, NULL, &counting);
    ck_assert(!save("key", "payload") && !has("key"));
    wf_store_drop(&store, "key", 3);
    ck_assert(!log_lines && !wf_path_exists("/key") && !count_files(tempdir));
}
END_TEST

static TCase *entries(void)
{
    TCase *t = tcase_create("entries");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, tempdir_remove);
    tcase_add_test(t, what_was_saved_is_loaded);
    tcase_add_test(t, file_is_as_documented);
    tcase_add_test(t, flipped_bits_are_found);
    tcase_add_test(t, other_lengths_are_found);
    tcase_add_test(t, another_key_under_the_same_name_is_a_miss);
    tcase_add_test(t, a_folder_in_the_place_of_an_entry);
    tcase_add_test(t, the_longest_unused_goes_first);
    tcase_add_test(t, the_newest_stays_even_if_its_clock_is_behind);
    tcase_add_test(t, what_never_fits_is_not_stored);
    tcase_add_test(t, loading_counts_as_use_once_an_hour);
    tcase_add_test(t, only_our_own_files_go);
    tcase_add_test(t, clear_removes_only_our_own_files);
    tcase_add_test(t, info_fits_an_older_caller);
    tcase_add_test(t, info_of_what_is_no_folder);
    tcase_add_loop_test(t, folders_that_cannot_be_are_only_logged, 0, 5);
    tcase_add_test(t, a_path_too_long_is_no_cache);
    tcase_add_test(t, full_disk_is_only_logged);
    tcase_add_test(t, two_processes_fill_one_cache);
    tcase_add_test(t, two_processes_share_too_small_a_cache);
    return t;
}

static TCase *environment(void)
{
    TCase *t = tcase_create("environment");
    tcase_add_checked_fixture(t, keep_environment, restore_environment);
    tcase_add_loop_test(t, the_folder_is_found, 0, RULES);
    tcase_add_test(t, no_params_are_the_defaults);
    tcase_add_test(t, switched_off_does_nothing);
    return t;
}

int main(void)
{
    Suite *suite = suite_create("store");
    suite_add_tcase(suite, entries());
    suite_add_tcase(suite, environment());
    return run_suite(suite);
}
