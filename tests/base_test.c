// lib/base: errors, text, JSON, files, hashing, and the Philox generator of cl/philox.h.
#include "base/hash.h"
#include "base/json.h"
#include "base/os.h"
#include "base/text.h"
#include "philox.h"
#include "run.h"
#include "tempdir.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

START_TEST(first_error_is_kept)
{
    struct weft_error err = {0};
    ck_assert(!wf_fail(&err, WEFT_SHAPE, "add: x is %d", 5));
    ck_assert(!wf_fail(&err, WEFT_IO, "later"));
    ck_assert_int_eq(err.status, WEFT_SHAPE);
    ck_assert_str_eq(err.text, "add: x is 5");
    ck_assert(!wf_fail(NULL, WEFT_IO, "nobody listens"));
    ck_assert(!wf_fail_nomem(&(struct weft_error){0}, "x"));
}
END_TEST

START_TEST(error_text_is_one_line_that_fits)
{
    struct weft_error err = {0};
    char text[1000];
    memset(text, 'x', sizeof text);
    text[999] = 0;
    text[3] = '\n', text[4] = '\r', text[5] = '\x1b', text[6] = '\t', text[7] = 0x7f;
    wf_fail(&err, WEFT_BUILD, "%s", text);
    ck_assert_uint_eq(strlen(err.text), sizeof err.text - 1);
    ck_assert(!memcmp(err.text, "xxx     x", 9));
}
END_TEST

START_TEST(every_status_has_a_text)
{
    for (int i = WEFT_OK; i <= WEFT_UNSUPPORTED; i++)
        ck_assert_str_ne(weft_status_text((enum weft_status)i), "unknown status");
    ck_assert_str_eq(weft_status_text((enum weft_status)(WEFT_NONFINITE + 1)), "unknown status");
    ck_assert_str_eq(weft_status_text(WEFT_IO), "a file could not be read or written");
}
END_TEST

START_TEST(older_and_newer_params_are_read)
{
    struct caller {
        size_t size;
        int a, b, c;
    } all = {sizeof all, 1, 2, 3}, to;
    WF_PARAMS(to, &all);
    ck_assert(to.a == 1 && to.b == 2 && to.c == 3);
    all.size = offsetof(struct caller, b);
    WF_PARAMS(to, &all);
    ck_assert(to.a == 1 && to.b == 0 && to.c == 0);
    all.size = 4000;
    WF_PARAMS(to, &all);
    ck_assert(to.a == 1 && to.c == 3);
    WF_PARAMS(to, NULL);
    ck_assert(to.size == 0 && to.a == 0);
}
END_TEST

static char logged[100];

static void keep_line(void *priv, enum weft_log_level level, const char *line)
{
    snprintf(logged, sizeof logged, "%d%d:%s", *(int *)priv, (int)level, line);
}

START_TEST(log_reaches_the_callback)
{
    int seven = 7;
    wf_log(&(struct wf_log){keep_line, &seven}, WEFT_LOG_WARN, "cache: %s", "full");
    ck_assert_str_eq(logged, "72:cache: full");
    wf_log(NULL, WEFT_LOG_WARN, "nobody listens");
    wf_log(&(struct wf_log){0}, WEFT_LOG_WARN, "nobody listens");
    ck_assert_str_eq(logged, "72:cache: full");
}
END_TEST

START_TEST(text_grows)
{
    struct wf_text t = {0};
    ck_assert_str_eq(wf_text_get(&t), "");
    for (int i = 0; i < 1000; i++)
        wf_text_add(&t, "%d,", i % 10);
    wf_text_addn(&t, "end\0?", 3);
    wf_text_addn(&t, NULL, 0);
    ck_assert_uint_eq(t.length, 2003);
    ck_assert(!t.failed && !memcmp(t.data + 1996, "8,9,end", 8));
    wf_text_finish(&t);
    ck_assert(!t.data && !t.length);
}
END_TEST

START_TEST(text_helpers)
{
    char four[4];
    ck_assert(wf_copy_text(four, sizeof four, "abc") && !strcmp(four, "abc"));
    ck_assert(!wf_copy_text(four, sizeof four, "abcd") && !strcmp(four, "abc"));
    ck_assert(wf_copy_text(four, sizeof four, NULL) && !*four);
    ck_assert(wf_contains_nocase("NVIDIA H100", "h10") && wf_contains_nocase("x", ""));
    ck_assert(!wf_contains_nocase("H10", "h100"));
    ck_assert(wf_equal_nocase("GPU", "gpu") && !wf_equal_nocase("gpus", "gpu"));
    ck_assert(wf_begins("fc1.weight", "fc1.") && !wf_begins("fc", "fc1"));
    ck_assert(!wf_strdup(NULL));
}
END_TEST

START_TEST(shapes_are_printed)
{
    const int64_t shape[8] = {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN,
                              INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN};
    ck_assert_str_eq(WF_SHAPE(3, ((int64_t[]){64, 0, 28})), "[64,0,28]");
    ck_assert_str_eq(WF_SHAPE(0, shape), "[]");
    ck_assert_uint_eq(strlen(WF_SHAPE(8, shape)), 8 * 20 + 7 + 2);
}
END_TEST

static const struct {
    uint64_t bytes;
    const char *text;
} sizes[] = {
    {0, "0 bytes"},
    {1023, "1023 bytes"},
    {1024, "1 KiB"},
    {1536, "1.5 KiB"},
    {(1 << 20) - 1, "1 MiB"},
    {3ull << 30, "3 GiB"},
    {5ull << 40, "5 TiB"},
    {1ull << 60, "1048576 TiB"},
    {UINT64_MAX / 16 + 1, "1048576 TiB"},
    {UINT64_MAX, "16777216 TiB"},
};

START_TEST(bytes_are_printed)
{
    ck_assert_str_eq(WF_BYTES(sizes[_i].bytes), sizes[_i].text);
}
END_TEST

START_TEST(bytes_are_parsed)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"17", 17},
                {"2k", 2048},
                {"512M", 512ull << 20},
                {"3g", 3ull << 30},
                {"18446744073709551600", 18446744073709551600u},
                {"17179869183G", 17179869183ull << 30}};
    static const char *const bad[] = {"",
                                      "M",
                                      "-1",
                                      "1.5G",
                                      " 1",
                                      "1 ",
                                      "1MM",
                                      "1T",
                                      "0x1",
                                      "1\xe4",
                                      "17179869184G",
                                      "18446744073709551616",
                                      "99999999999999999999"};
    uint64_t bytes = 0;
    for (int i = 0; i < COUNT(good); i++) {
        ck_assert_msg(wf_parse_bytes(good[i].text, &bytes), "%s", good[i].text);
        ck_assert_uint_eq(bytes, good[i].bytes);
    }
    for (int i = 0; i < COUNT(bad); i++)
        ck_assert_msg(!wf_parse_bytes(bad[i], &bytes), "%s", bad[i]);
    ck_assert_uint_eq(bytes, good[COUNT(good) - 1].bytes);
}
END_TEST

START_TEST(hash_is_that_of_xxhash)
{
    char hex[33];
    wf_hash_hex(wf_hash("", 0), hex); // as xxhsum -H128 and -H3 print
    ck_assert_str_eq(hex, "99aa06d3014798d86001c324468d497f");
    ck_assert_uint_eq(wf_hash64("", 0), 0x2d06800538d394c2u);
    wf_hash_hex(wf_hash("abc", 3), hex);
    ck_assert_str_eq(hex, "06b05ab6733a618578af5f94892f3950");
}
END_TEST

// Known answers of Philox4x32-10, from Random123's kat_vectors.
static const struct {
    uint32_t counter[4], key[2], out[4];
} answers[] = {
    {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

START_TEST(philox_gives_the_published_words)
{
    const uint32_t *c = answers[_i].counter, *k = answers[_i].key;
    struct philox p = philox(k[0] | (uint64_t)k[1] << 32, c[0] | (uint64_t)c[1] << 32,
                             c[2] | (uint64_t)c[3] << 32);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(p.v[i], answers[_i].out[i]);
}
END_TEST

START_TEST(uniform_is_below_one)
{
    ck_assert(philox_uniform(0) == 0.0f);
    ck_assert(philox_uniform(UINT32_MAX) == 1.0f - 0x1p-24f);
    ck_assert(philox_uniform(UINT32_MAX) < 1.0f);
    ck_assert(philox_uniform(0x80000000u) == 0.5f);
}
END_TEST

static wf_json *parse(const char *text, struct weft_error *err)
{
    return wf_json_parse("model.json", text, strlen(text), err);
}

START_TEST(json_is_read)
{
    wf_json *v =
        parse("{\"n\": 9007199254740993, \"t\": \"\\u00e4\", \"b\": [true, null, 1.5]}", NULL);
    int64_t n = 0;
    bool b = false;
    ck_assert(wf_json_is_object(v) && !wf_json_is_array(v));
    ck_assert(wf_json_get_int(wf_json_member(v, "n"), &n) && n == 9007199254740993);
    ck_assert_str_eq(wf_json_get_text(wf_json_member(v, "t")), "\xc3\xa4");
    wf_json *a = wf_json_member(v, "b");
    ck_assert(wf_json_is_array(a) && wf_json_length(a) == 3);
    ck_assert(wf_json_get_bool(wf_json_at(a, 0), &b) && b);
    ck_assert(!wf_json_get_bool(wf_json_at(a, 1), &b) && !wf_json_get_int(wf_json_at(a, 2), &n));
    ck_assert(!wf_json_at(a, 3) && !wf_json_member(v, "x") && !wf_json_member(a, "n"));
    wf_json_free(v);
}
END_TEST

START_TEST(json_of_no_value)
{
    int64_t n = 0;
    bool b = false;
    ck_assert(!wf_json_get_int(NULL, &n) && !wf_json_get_bool(NULL, &b) && !wf_json_get_text(NULL));
    ck_assert(!wf_json_member(NULL, "x") && !wf_json_at(NULL, 0) && !wf_json_length(NULL));
    ck_assert(!wf_json_is_object(NULL) && !wf_json_is_array(NULL) &&
              !wf_json_each(NULL, NULL, NULL));
    wf_json_free(NULL);
}
END_TEST

static const char *const not_json[] = {
    "",  "{",          "{} x",     "{\"a\":1,\"a\":2}", "{\"a\":99999999999999999999}",
    "7", "{\"a\":1,}", "{'a':1}",  "[\"\\u0000\"]",     "[\"\xff\"]",
    "]", "{\"a\" 1}",  "{\"a\":}",
};

START_TEST(json_is_strict)
{
    struct weft_error err = {0};
    ck_assert_msg(!parse(not_json[_i], &err), "%s", not_json[_i]);
    ck_assert_int_eq(err.status, WEFT_FORMAT);
    ck_assert(wf_begins(err.text, "model.json: is no JSON: line 1, column "));
}
END_TEST

START_TEST(deep_json_is_refused)
{
    struct weft_error err = {0};
    size_t n = 1000000;
    char *text = malloc(n);
    ck_assert(text);
    memset(text, '[', n);
    ck_assert(!wf_json_parse("deep", text, n, &err));
    ck_assert_int_eq(err.status, WEFT_FORMAT);
    free(text);
}
END_TEST

static bool add_key(void *priv, const char *key, const wf_json *v)
{
    int64_t n = 0;
    wf_text_add(priv, "%s", key);
    return wf_json_get_int(v, &n);
}

START_TEST(members_come_in_order_until_stopped)
{
    wf_json *v = parse("{\"z\":1,\"a\":2,\"m\":true,\"b\":3}", NULL), *a = parse("[1]", NULL);
    struct wf_text t = {0};
    ck_assert(!wf_json_each(v, add_key, &t));
    ck_assert_str_eq(wf_text_get(&t), "zam");
    ck_assert(!wf_json_each(a, add_key, &t));
    ck_assert_str_eq(wf_text_get(&t), "zam");
    wf_text_finish(&t);
    wf_json_free(v);
    wf_json_free(a);
}
END_TEST

START_TEST(json_is_written)
{
    wf_json *v = wf_json_object(), *a = wf_json_array();
    ck_assert(wf_json_append(a, wf_json_int(INT64_MIN)) && wf_json_append(a, wf_json_bool(false)));
    ck_assert(wf_json_append(a, wf_json_real(0.5)));
    ck_assert(!wf_json_append(a, wf_json_text("\xff")));
    ck_assert(wf_json_set(v, "z", a) && wf_json_set(v, "a", wf_json_text("q\"")));
    ck_assert(!wf_json_set(v, "n", NULL) && !wf_json_set(NULL, "n", wf_json_int(1)));
    char *text = wf_json_print(v);
    ck_assert_str_eq(text, "{\"z\":[-9223372036854775808,false,0.5],\"a\":\"q\\\"\"}");
    free(text);
    wf_json_free(v);
    ck_assert(!wf_json_print(NULL));
}
END_TEST

static bool put(const char *name, const char *text, struct weft_error *err)
{
    struct wf_span spans[] = {{text, strlen(text)}, {NULL, 0}, {"!", 1}};
    return wf_file_replace(in_tempdir(name), spans, 3, true, false, err);
}

START_TEST(files_are_replaced)
{
    char data[32];
    ck_assert(put("f", "first", NULL) && put("f", "next", NULL));
    ck_assert_uint_eq(get_file(in_tempdir("f"), data, sizeof data), 5);
    ck_assert(!memcmp(data, "next!", 5));
    mode_t mask = umask(022);
    ck_assert(put("open", "x", NULL));
    struct wf_span span = {"x", 1};
    ck_assert(wf_file_replace(in_tempdir("shut"), &span, 1, false, true, NULL));
    umask(mask);
    ck_assert_int_eq(mode_of(in_tempdir("open")), 0644);
    ck_assert_int_eq(mode_of(in_tempdir("shut")), 0600);
    ck_assert_int_eq(count_files(tempdir), 3);
}
END_TEST

START_TEST(a_replaced_file_keeps_its_mode_and_its_links)
{
    char data[32];
    ck_assert(put("f", "first", NULL) && !chmod(in_tempdir("f"), 0640));
    ck_assert(!symlink("f", in_tempdir("link")));
    ck_assert(put("link", "next", NULL));
    ck_assert_uint_eq(get_file(in_tempdir("f"), data, sizeof data), 5);
    ck_assert(!memcmp(data, "next!", 5));
    ck_assert_int_eq(mode_of(in_tempdir("f")), 0640);
    struct stat st;
    ck_assert(!lstat(in_tempdir("link"), &st) && S_ISLNK(st.st_mode));
    ck_assert(!symlink("nowhere/f", in_tempdir("lost")));
    struct weft_error err = {0};
    ck_assert(!put("lost", "x", &err) && strstr(err.text, "is a link that leads nowhere"));
    ck_assert(!lstat(in_tempdir("lost"), &st) && S_ISLNK(st.st_mode));
    ck_assert_int_eq(count_files(tempdir), 3);
}
END_TEST

START_TEST(replacing_fails_with_the_path)
{
    struct weft_error err = {0};
    ck_assert(!put("no/such/f", "x", &err));
    ck_assert_int_eq(err.status, WEFT_IO);
    ck_assert(wf_begins(err.text, in_tempdir("no/such/f: cannot be written: ")));
    ck_assert(!wf_file_replace(tempdir, NULL, 0, false, false, NULL));
    ck_assert(!wf_file_replace("/dev/null", NULL, 0, false, false, NULL));
    struct stat st;
    ck_assert(!stat("/dev/null", &st) && S_ISCHR(st.st_mode));
    ck_assert_int_eq(count_files(tempdir), 0);
}
END_TEST

// Runs in a child: its files may have 1,000 bytes, as on a disk that is full from there on.
static int replace_on_a_full_disk(void)
{
    static char large[5000];
    struct weft_error err = {0};
    struct wf_span span = {large, sizeof large};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
    if (wf_file_replace(in_tempdir("f"), &span, 1, false, false, &err) || err.status != WEFT_IO)
        return 1;
    return count_files(tempdir) == 1 ? 0 : 2;
}

START_TEST(full_disk_leaves_the_old_file)
{
    char data[32];
    ck_assert(put("f", "old", NULL));
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child)
        _exit(replace_on_a_full_disk());
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(get_file(in_tempdir("f"), data, sizeof data), 4);
    ck_assert(!memcmp(data, "old!", 4));
}
END_TEST

START_TEST(files_are_read)
{
    void *data = NULL;
    size_t bytes = 0;
    struct wf_map m;
    put_file(in_tempdir("f"), "ab\0c", 4);
    put_file(in_tempdir("empty"), "", 0);
    ck_assert(wf_file_read(in_tempdir("f"), 4, &data, &bytes, NULL) && bytes == 4);
    ck_assert(!memcmp(data, "ab\0c", 5));
    free(data);
    ck_assert(wf_map_open(&m, in_tempdir("f"), NULL) && m.bytes == 4 && m.mapped);
    ck_assert(!memcmp(m.data, "ab\0c", 4));
    wf_map_close(&m);
    ck_assert(!m.data && !m.bytes);
    ck_assert(wf_map_open(&m, in_tempdir("empty"), NULL) && m.bytes == 0 && m.data);
    wf_map_close(&m);
}
END_TEST

START_TEST(reading_fails_with_the_path)
{
    struct weft_error err = {0}, large = {0};
    void *data = NULL;
    size_t bytes = 0;
    struct wf_map m;
    put_file(in_tempdir("f"), "12345", 5);
    ck_assert(!mkfifo(in_tempdir("pipe"), 0600));
    ck_assert(!wf_file_read(in_tempdir("f"), 4, &data, &bytes, &large) && !data);
    ck_assert_int_eq(large.status, WEFT_FORMAT);
    ck_assert(!wf_file_read(in_tempdir("g"), 4, &data, &bytes, &err));
    ck_assert_int_eq(err.status, WEFT_IO);
    ck_assert(wf_begins(err.text, in_tempdir("g: cannot be read: No such file")));
    ck_assert(!wf_file_read(tempdir, 4, &data, &bytes, NULL));
    ck_assert(!wf_map_open(&m, in_tempdir("pipe"), NULL));
    ck_assert(!wf_map_open(&m, in_tempdir("g"), NULL) && !m.data);
}
END_TEST

START_TEST(folders_are_made)
{
    struct weft_error err = {0};
    ck_assert(wf_make_dir(in_tempdir("a/b//c/"), NULL) && wf_make_dir(in_tempdir("a/b/c"), NULL));
    ck_assert_int_eq(mode_of(in_tempdir("a")), 0700);
    ck_assert_int_eq(mode_of(in_tempdir("a/b/c")), 0700);
    put_file(in_tempdir("f"), "", 0);
    ck_assert(!wf_make_dir(in_tempdir("f/below"), &err));
    ck_assert_int_eq(err.status, WEFT_IO);
    ck_assert(!wf_make_dir(in_tempdir("f"), NULL) && !wf_make_dir("", NULL));
}
END_TEST

struct seen {
    int files;
    double age;
    uint64_t bytes;
};

static bool see(void *priv, const struct wf_dir_entry *e)
{
    struct seen *s = priv;
    s->files++;
    s->age = e->age;
    s->bytes = e->bytes;
    return s->files < 2;
}

START_TEST(folders_are_listed)
{
    struct seen s = {0};
    ck_assert(wf_make_dir(in_tempdir("sub"), NULL) && !symlink("/dev/null", in_tempdir("link")));
    ck_assert(wf_dir_each(tempdir, see, &s, NULL) && s.files == 0);
    put_file(in_tempdir("f"), "123", 3);
    set_age(in_tempdir("f"), 100000);
    ck_assert(wf_dir_each(tempdir, see, &s, NULL) && s.files == 1 && s.bytes == 3 && s.age > 9e4);
    ck_assert(wf_file_age(in_tempdir("f")) > 9e4);
    wf_touch(in_tempdir("f"));
    ck_assert(wf_file_age(in_tempdir("f")) < 60 && wf_file_age(in_tempdir("none")) == 0);
    put_file(in_tempdir("g"), "", 0);
    put_file(in_tempdir("h"), "", 0);
    s.files = 0;
    ck_assert(wf_dir_each(tempdir, see, &s, NULL) && s.files == 2);
    ck_assert(wf_dir_each(in_tempdir("none"), see, &s, NULL) && s.files == 2);
    ck_assert(!wf_dir_each(in_tempdir("f"), see, &s, NULL));
}
END_TEST

START_TEST(files_are_removed)
{
    struct weft_error err = {0};
    put_file(in_tempdir("f"), "", 0);
    ck_assert(wf_path_exists(in_tempdir("f")));
    ck_assert(wf_remove(in_tempdir("f"), NULL) && !wf_path_exists(in_tempdir("f")));
    ck_assert(wf_remove(in_tempdir("f"), NULL));
    ck_assert(!wf_remove(tempdir, &err));
    ck_assert_int_eq(err.status, WEFT_IO);
}
END_TEST

static TCase *values(void)
{
    TCase *t = tcase_create("values");
    tcase_add_test(t, first_error_is_kept);
    tcase_add_test(t, error_text_is_one_line_that_fits);
    tcase_add_test(t, every_status_has_a_text);
    tcase_add_test(t, older_and_newer_params_are_read);
    tcase_add_test(t, log_reaches_the_callback);
    tcase_add_test(t, text_grows);
    tcase_add_test(t, text_helpers);
    tcase_add_test(t, shapes_are_printed);
    tcase_add_loop_test(t, bytes_are_printed, 0, COUNT(sizes));
    tcase_add_test(t, bytes_are_parsed);
    tcase_add_test(t, hash_is_that_of_xxhash);
    tcase_add_loop_test(t, philox_gives_the_published_words, 0, COUNT(answers));
    tcase_add_test(t, uniform_is_below_one);
    return t;
}

static TCase *json(void)
{
    TCase *t = tcase_create("json");
    tcase_add_test(t, json_is_read);
    tcase_add_test(t, json_of_no_value);
    tcase_add_loop_test(t, json_is_strict, 0, COUNT(not_json));
    tcase_add_test(t, deep_json_is_refused);
    tcase_add_test(t, members_come_in_order_until_stopped);
    tcase_add_test(t, json_is_written);
    return t;
}

static TCase *files(void)
{
    TCase *t = tcase_create("files");
    tcase_add_checked_fixture(t, tempdir_make, tempdir_remove);
    tcase_add_test(t, files_are_replaced);
    tcase_add_test(t, a_replaced_file_keeps_its_mode_and_its_links);
    tcase_add_test(t, replacing_fails_with_the_path);
    tcase_add_test(t, full_disk_leaves_the_old_file);
    tcase_add_test(t, files_are_read);
    tcase_add_test(t, reading_fails_with_the_path);
    tcase_add_test(t, folders_are_made);
    tcase_add_test(t, folders_are_listed);
    tcase_add_test(t, files_are_removed);
    return t;
}

int main(void)
{
    Suite *suite = suite_create("base");
    suite_add_tcase(suite, values());
    suite_add_tcase(suite, json());
    suite_add_tcase(suite, files());
    return run_suite(suite);
}
