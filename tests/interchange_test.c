// safetensors files in both directions with Python's package, whose files are in tests/data/ with
// the script that made them; and what is left of a file when the process that writes it is killed.
#include "run.h"
#include "tempdir.h"
#include <check.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <weft/weft.h>

static struct weft_error err;

static void setup(void)
{
    err = (struct weft_error){0};
    tempdir_make();
}

static void teardown(void)
{
    tempdir_remove();
}

static const char *data_file(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", TESTS_DATA, name);
    return path;
}

static weft_safetensors *open_file(const char *path)
{
    weft_safetensors *f = weft_safetensors_open(path, &err);
    ck_assert_msg(f != NULL, "%s", err.text);
    return f;
}

// What tests/data/make_safetensors.py wrote.
#define WANT(name, type, dims, s0, s1, values)                     \
    {                                                              \
        {name, WEFT_##type, dims, {s0, s1}, values}, sizeof values \
    }
static const double f64[] = {0.0, -0.0, 1.5, INFINITY, -INFINITY};
static const float f32[] = {0.0f, -0.0f, 1.5f, INFINITY, -INFINITY};
static const uint16_t f16[] = {0, 1, 0x3e00, 0xc000, 0x7bff, 0x7c00, 0x7e00};
static const uint16_t bf16[] = {0, 1, 0x3fc0, 0xc000, 0x7f7f, 0x7f80, 0x7fc0};
static const int64_t i64[] = {INT64_MIN, INT64_MAX};
static const int32_t i32[] = {INT32_MIN, INT32_MAX};
static const int8_t i8[] = {-128, 0, 127};
static const uint8_t u8[] = {0, 1, 255}, boolean[] = {0, 1};
static const float scalar[] = {0.1f}, two[] = {2};
static const struct {
    struct weft_file_tensor t;
    size_t bytes; // of the values that are compared
} want[] = {
    WANT("f64", F64, 2, 2, 3, f64),
    WANT("f32", F32, 2, 3, 2, f32),
    WANT("f16", F16, 1, 7, 0, f16),
    WANT("bf16", BF16, 1, 7, 0, bf16),
    WANT("i64", I64, 1, 2, 0, i64),
    WANT("i32", I32, 2, 1, 2, i32),
    WANT("i8", I8, 1, 3, 0, i8),
    WANT("u8", U8, 1, 3, 0, u8),
    WANT("bool", BOOL, 1, 2, 0, boolean),
    WANT("scalar", F32, 0, 0, 0, scalar),
    {{"empty", WEFT_F32, 2, {0, 4}, NULL}, 0},
    WANT("name with \"quotes\", \\ and \u00e9\u6f22", F32, 1, 1, 0, two),
};
enum { WANTED = sizeof want / sizeof *want };

static const char *const files[] = {"all.safetensors", "metadata.safetensors"};

START_TEST(python_files_are_read)
{
    weft_safetensors *f = open_file(data_file(files[_i]));
    ck_assert_int_eq(weft_safetensors_count(f), WANTED);
    for (int i = 0; i < WANTED; i++) {
        const struct weft_file_tensor *w = &want[i].t, *t = weft_safetensors_find(f, w->name);
        ck_assert_msg(t != NULL, "%s", w->name);
        ck_assert_int_eq(t->dtype, w->dtype);
        ck_assert_int_eq(t->ndim, w->ndim);
        ck_assert(!memcmp(t->shape, w->shape, (size_t)w->ndim * sizeof *w->shape));
        ck_assert_msg(!memcmp(t->data, w->data ? w->data : "", want[i].bytes), "%s", w->name);
    }
    ck_assert(isnan(((const double *)weft_safetensors_find(f, "f64")->data)[5]));
    ck_assert(isnan(((const float *)weft_safetensors_find(f, "f32")->data)[5]));
    weft_safetensors_close(&f);
}
END_TEST

// weft keeps the order it is given; in Python's, it writes Python's bytes.
START_TEST(python_files_are_written)
{
    struct weft_file_tensor t[WANTED];
    char ours[4096], theirs[4096];
    weft_safetensors *f = open_file(data_file("all.safetensors"));
    for (int i = 0; i < WANTED; i++)
        t[i] = *weft_safetensors_at(f, i);
    ck_assert_msg(weft_safetensors_write(in_tempdir("a"), t, WANTED, NULL, &err), "%s", err.text);
    weft_safetensors_close(&f);
    size_t n = get_file(data_file("all.safetensors"), theirs, sizeof theirs);
    ck_assert_uint_eq(get_file(in_tempdir("a"), ours, sizeof ours), n);
    ck_assert_mem_eq(ours, theirs, n);
}
END_TEST

static double half_value(uint16_t h)
{
    int e = h >> 10 & 31, m = h & 1023;
    double v = e == 31 ? m ? NAN : INFINITY : ldexp(e ? 1024 + m : m, (e ? e : 1) - 25);
    return h & 0x8000 ? -v : v;
}

// Of a number with so many bits of mantissa and this bias.
static double small_value(int bits, int mantissa, int bias)
{
    int m = bits & ((1 << mantissa) - 1), e = (bits & 0x7f) >> mantissa;
    double v = ldexp(e ? m + (1 << mantissa) : m, (e ? e : 1) - bias - mantissa);
    return bits & 0x80 ? -v : v;
}

static void check_halves(const struct weft_file_tensor *t, bool e4m3)
{
    ck_assert_int_eq(t->dtype, WEFT_F16);
    for (int i = 0; i < 256; i++) {
        double got = half_value(((const uint16_t *)t->data)[i]);
        bool is_nan = e4m3 ? (i & 0x7f) == 0x7f : (i & 0x7f) > 0x7c;
        if (is_nan)
            ck_assert(isnan(got));
        else if (!e4m3 && (i & 0x7f) == 0x7c)
            ck_assert(isinf(got) && (got < 0) == (i > 127));
        else
            ck_assert_double_eq(got, e4m3 ? small_value(i, 3, 7) : small_value(i, 2, 15));
    }
}

START_TEST(dtypes_that_weft_lacks_become_wider_ones)
{
    weft_safetensors *f = open_file(data_file("other.safetensors"));
    const int32_t *i16 = weft_safetensors_find(f, "i16")->data;
    const int32_t *u16 = weft_safetensors_find(f, "u16")->data;
    const int64_t *u32 = weft_safetensors_find(f, "u32")->data;
    const int64_t *u64 = weft_safetensors_find(f, "u64")->data;
    ck_assert(i16[0] == -32768 && i16[1] == -1 && i16[2] == 32767);
    ck_assert(u16[0] == 1 && u16[1] == 65535);
    ck_assert(u32[0] == 1 && u32[1] == UINT32_MAX);
    ck_assert(u64[0] == 1 && u64[1] == INT64_MAX);
    check_halves(weft_safetensors_find(f, "e4m3"), true);
    check_halves(weft_safetensors_find(f, "e5m2"), false);
    weft_safetensors_close(&f);
    ck_assert_ptr_null(weft_safetensors_open(data_file("wide.safetensors"), &err));
    ck_assert_int_eq(err.status, WEFT_DTYPE);
    ck_assert(strstr(err.text, "tensor 'u64': a U64 is above the I64 there are"));
}
END_TEST

// A file in memory, at a place that is aligned for nothing.
START_TEST(a_file_in_memory_is_read)
{
    char bytes[4097];
    size_t n = get_file(data_file("all.safetensors"), bytes + 1, sizeof bytes - 1);
    weft_safetensors *f = weft_safetensors_open_memory(bytes + 1, n, &err);
    ck_assert_msg(f != NULL, "%s", err.text);
    ck_assert_int_eq(weft_safetensors_count(f), WANTED);
    for (int i = 0; i < WANTED; i++) {
        const struct weft_file_tensor *t = weft_safetensors_find(f, want[i].t.name);
        ck_assert(t && t->dtype == want[i].t.dtype &&
                  (uintptr_t)t->data % weft_dtype_size(t->dtype) == 0);
        ck_assert(!want[i].bytes || !memcmp(t->data, want[i].t.data, want[i].bytes));
    }
    weft_safetensors_close(&f);
    ck_assert_ptr_null(weft_safetensors_open_memory(bytes + 1, n - 1, &err));
    ck_assert_int_eq(err.status, WEFT_FORMAT);
    ck_assert(!strncmp(err.text, "safetensors in memory: ", 23));
    ck_assert_ptr_null(weft_safetensors_open_memory(NULL, 0, NULL));
}
END_TEST

enum { BIG = 200000 };

static void write_turn(const char *path, float *v, int turn)
{
    for (int i = 0; i < BIG; i++)
        v[i] = (float)turn;
    struct weft_file_tensor t = {"v", WEFT_F32, 1, {BIG}, v};
    if (!weft_safetensors_write(path, &t, 1, NULL, NULL))
        _exit(1);
}

// Killed while it writes, again and again: every time the file is one of those it wrote, whole.
START_TEST(a_killed_process_leaves_a_whole_file)
{
    enum { KILLS = 12, MOST_KILLS = 40 }; // more where writing takes longer
    float last = 0;
    double ms = 1;
    float *v = malloc(BIG * sizeof *v);
    const char *path = in_tempdir("v");
    write_turn(path, v, 1);
    for (int k = 0; k < KILLS || (last < 2 && k < MOST_KILLS); k++, ms *= 1.25) {
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (!child) {
            for (int turn = 2;; turn++)
                write_turn(path, v, turn);
        }
        struct timespec pause = {(time_t)(ms / 1000), (long)(fmod(ms, 1000) * 1e6)};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        int status = 0;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status));
        weft_safetensors *f = open_file(path);
        const float *got = weft_safetensors_at(f, 0)->data;
        for (int i = 1; i < BIG; i++)
            ck_assert_float_eq(got[i], got[0]);
        last = got[0] > last ? got[0] : last;
        weft_safetensors_close(&f);
    }
    ck_assert(last > 1); // one of them was done with a file, and at work on the next
    free(v);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("interchange");
    TCase *t = tcase_create("interchange");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, python_files_are_read, 0, 2);
    tcase_add_test(t, python_files_are_written);
    tcase_add_test(t, dtypes_that_weft_lacks_become_wider_ones);
    tcase_add_test(t, a_file_in_memory_is_read);
    tcase_add_test(t, a_killed_process_leaves_a_whole_file);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
