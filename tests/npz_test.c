// npz: archives that NumPy made are read, what is written is read back, and no file, however wrong,
// does more than give an error that names it.
#include "run.h"
#include "tempdir.h"
#include <weft/npz.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static struct weft_error err;
static const char *path; // of a file in the test's folder

static void setup(void)
{
    tempdir_make();
    path = in_tempdir("a.npz");
    err = (struct weft_error){0};
}

#ifdef WF_HAVE_ZIP
enum { ROOM = 1 << 16 };

static const float numbers[] = {0, 1, -2.5f, 3, 100, -5};

static void ck_numbers(const struct weft_file_tensor *t)
{
    ck_assert(t && t->dtype == WEFT_F32 && t->ndim == 2 && t->shape[0] == 2 && t->shape[1] == 3);
    ck_assert_mem_eq(t->data, numbers, sizeof numbers);
}

START_TEST(archives_of_numpy_are_read)
{
    static const int32_t big[] = {0, 1, -2, 3, 100, -5};
    static const char *const file[] = {TEST_DATA "/stored.npz", TEST_DATA "/deflated.npz"};
    weft_npz *f = weft_npz_open(file[_i], &err);
    ck_assert_msg(f, "%s", err.text);
    ck_assert_int_eq(weft_npz_count(f), 4 + _i);
    ck_assert_str_eq(weft_npz_at(f, 0)->name, "x");
    ck_numbers(weft_npz_find(f, "x"));
    const struct weft_file_tensor *y = weft_npz_find(f, "y"), *b = weft_npz_find(f, "big");
    ck_assert(y->dtype == WEFT_I64 && y->ndim == 1 && ((const int64_t *)y->data)[1] == 4);
    ck_assert(b->dtype == WEFT_I32 && !memcmp(b->data, big, sizeof big));
    ck_assert(*(const double *)weft_npz_find(f, "one")->data == 2);
    const struct weft_file_tensor *zeros = weft_npz_find(f, "zeros");
    ck_assert(!zeros == !_i);
    for (int i = 0; zeros && i < 10000; i++)
        ck_assert_double_eq(((const double *)zeros->data)[i], 0);
    ck_assert(!weft_npz_at(f, -1) && !weft_npz_at(f, 5) && !weft_npz_find(f, "x.npy"));
    ck_assert(!weft_npz_find(f, NULL) && !weft_npz_find(NULL, "x") && !weft_npz_count(NULL));
    weft_npz_close(&f);
    ck_assert_ptr_null(f);
    weft_npz_close(&f);
}
END_TEST

static const struct weft_file_tensor three[] = {
    {.name = "w", .dtype = WEFT_F32, .ndim = 2, .shape = {2, 3}, .data = numbers},
    {.name = "layer/1 \xc3\xa4", .dtype = WEFT_U8, .ndim = 0, .data = "\7"},
    {.name = "", .dtype = WEFT_F64, .ndim = 2, .shape = {0, 4}},
};

START_TEST(written_archives_come_back)
{
    for (int compress = 0; compress < 2; compress++) {
        const struct weft_npz_params *o = weft_npz_params(.compress = compress);
        ck_assert_msg(weft_npz_write(path, three, 3, o, &err), "%s", err.text);
        char once[ROOM], again[ROOM];
        size_t n = get_file(path, once, ROOM);
        ck_assert(weft_npz_write(path, three, 3, o, &err));
        ck_assert_uint_eq(get_file(path, again, ROOM), n);
        ck_assert_mem_eq(once, again, n);
        weft_npz *f = weft_npz_open(path, &err);
        ck_assert_msg(f, "%s", err.text);
        ck_assert_int_eq(weft_npz_count(f), 3);
        ck_numbers(weft_npz_at(f, 0));
        ck_assert_str_eq(weft_npz_at(f, 1)->name, three[1].name);
        ck_assert_int_eq(*(const char *)weft_npz_find(f, three[1].name)->data, 7);
        ck_assert_int_eq(weft_npz_find(f, "")->shape[1], 4);
        weft_npz_close(&f);
    }
    ck_assert_int_eq(count_files(tempdir), 1);
}
END_TEST

START_TEST(compression_makes_it_smaller)
{
    static double zeros[5000];
    static char file[2 * sizeof zeros];
    const struct weft_file_tensor t = {
        .name = "z", .dtype = WEFT_F64, .ndim = 1, .shape = {5000}, .data = zeros};
    ck_assert(weft_npz_write(path, &t, 1, NULL, &err));
    ck_assert_uint_gt(get_file(path, file, sizeof file), sizeof zeros);
    ck_assert(weft_npz_write(path, &t, 1, weft_npz_params(.compress = true), &err));
    ck_assert_uint_lt(get_file(path, file, sizeof file), 1000);
    weft_npz *f = weft_npz_open(path, &err);
    ck_assert_mem_eq(weft_npz_at(f, 0)->data, zeros, sizeof zeros);
    weft_npz_close(&f);
}
END_TEST

START_TEST(wrong_tensors_are_not_written)
{
    struct weft_file_tensor two[] = {three[0], three[0]};
    ck_assert(!weft_npz_write(path, two, 2, NULL, &err));
    ck_assert_msg(err.status == WEFT_PARAM && strstr(err.text, "a.npz: w.npy: "), "%s", err.text);
    static const char *const text[] = {"tensor 1 has no name", "w\xff.npy", "which npy does not",
                                       "data is NULL"};
    for (int i = 0; i < COUNT(text); i++) {
        two[1] = three[1];
        if (i < 2)
            two[1].name = i ? "w\xff" : NULL;
        else if (i == 2)
            two[1].dtype = WEFT_BF16;
        else
            two[1].data = NULL;
        err = (struct weft_error){0};
        ck_assert(!weft_npz_write(path, two, 2, NULL, &err));
        ck_assert_msg(strstr(err.text, text[i]), "%s", err.text);
    }
    ck_assert(!weft_npz_write(path, two, 0, NULL, NULL) &&
              !weft_npz_write(NULL, two, 1, NULL, NULL));
    ck_assert(!weft_npz_write("no/such/a.npz", three, 1, NULL, &(struct weft_error){0}));
    ck_assert_int_eq(count_files(tempdir), 0);
}
END_TEST

static void expect_refused(const char *file, size_t n, const char *text)
{
    put_file(path, file, n);
    err = (struct weft_error){0};
    weft_npz *f = weft_npz_open(path, &err);
    ck_assert_msg(!f, "%s, %zu bytes", text, n);
    ck_assert_msg(err.status == WEFT_FORMAT && strstr(err.text, text) && strstr(err.text, "a.npz"),
                  "%s: %s", text, err.text);
}

START_TEST(other_files_are_refused)
{
    err = (struct weft_error){0};
    ck_assert(!weft_npz_open(path, &err));
    ck_assert_int_eq(err.status, WEFT_IO);
    ck_assert(!weft_npz_open(NULL, NULL));
    expect_refused("", 0, "wanted an npz file");
    expect_refused("hello, world: this is no archive", 32, "wanted an npz file");
    char file[ROOM];
    size_t n = get_file(TEST_DATA "/f4.npy", file, ROOM);
    expect_refused(file, n, "wanted an npz file");
    // An archive without entries is one.
    put_file(path, "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    weft_npz *f = weft_npz_open(path, &err);
    ck_assert(f && !weft_npz_count(f) && !weft_npz_find(f, "x"));
    weft_npz_close(&f);
}
END_TEST

static size_t find(const char *file, size_t n, const char *what, size_t length)
{
    for (size_t i = 0; i + length <= n; i++) {
        if (!memcmp(file + i, what, length))
            return i;
    }
    ck_abort_msg("not found");
}

// Puts a number in the entry's directory record: at 20 its packed size, at 24 its size, at 10 the
// method; and in its own header, which has them at 18, 22 and 8.
static void lie(char *file, size_t n, int at, uint32_t value, int bytes)
{
    size_t record = find(file, n, "PK\1\2", 4);
    for (int i = 0; i < bytes; i++) {
        file[record + (size_t)(at + i)] = (char)(value >> 8 * i);
        file[at - 2 + i] = (char)(value >> 8 * i);
    }
}

// Sizes in the archive, in the npy header and in the file must fit before any memory is taken.
START_TEST(lying_sizes_are_refused)
{
    static double zeros[1000];
    const struct weft_file_tensor t = {
        .name = "z", .dtype = WEFT_F64, .ndim = 1, .shape = {1000}, .data = zeros};
    static char good[ROOM], file[ROOM];
    ck_assert(weft_npz_write(path, &t, 1, weft_npz_params(.compress = true), &err));
    size_t n = get_file(path, good, ROOM);
    static const struct {
        int at, bytes;
        uint32_t value;
        const char *text;
    } lies[] = {
        {24, 4, 0xfffffff0, "z.npy: the archive says 4294967280 bytes, packed"},
        {24, 4, 8000, "z.npy: has 7872 bytes of data, its header f8 [1000] wants 8000"},
        {24, 4, 20, "its header alone wants 128"},
        {24, 4, 5, "has less than 10 bytes"},
        {10, 2, 12, "packed by method 12, wanted stored or deflated"},
        {10, 2, 0, "which cannot be"},
    };
    for (int i = 0; i < COUNT(lies); i++) {
        memcpy(file, good, n);
        lie(file, n, lies[i].at, lies[i].value, lies[i].bytes);
        expect_refused(file, n, lies[i].text);
    }
}
END_TEST

// A changed byte of the data is found by the checksum.
START_TEST(damaged_data_are_refused)
{
    char file[ROOM];
    ck_assert(weft_npz_write(path, three, 1, NULL, &err));
    size_t n = get_file(path, file, ROOM), at = find(file, n, (const char *)numbers, 24);
    file[at + 9] ^= 4;
    expect_refused(file, n, "w.npy: CRC error");
}
END_TEST

// A part of the file that both entries claim.
START_TEST(shared_bytes_are_refused)
{
    char file[ROOM], name[] = "v";
    struct weft_file_tensor two[] = {three[0], three[0]};
    two[1].name = name;
    ck_assert(weft_npz_write(path, two, 2, NULL, &err));
    size_t n = get_file(path, file, ROOM);
    size_t one = find(file, n, "PK\1\2", 4),
           other = one + find(file + one + 1, n - one - 1, "PK\1\2", 4) + 1;
    memset(file + other + 42, 0, 4); // where its own header is
    put_file(path, file, n);
    weft_npz *f = weft_npz_open(path, &err);
    ck_assert(!f && err.status == WEFT_FORMAT);
}
END_TEST

START_TEST(every_cut_is_refused)
{
    char file[ROOM];
    size_t n = get_file(_i ? TEST_DATA "/deflated.npz" : TEST_DATA "/stored.npz", file, ROOM);
    for (size_t cut = 0; cut < n; cut++)
        expect_refused(file, cut, "");
}
END_TEST

START_TEST(changed_bytes_are_survived)
{
    static char file[ROOM], changed[ROOM];
    size_t n = get_file(_i ? TEST_DATA "/deflated.npz" : TEST_DATA "/stored.npz", file, ROOM);
    uint32_t random = 7;
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
        memcpy(changed, file, n);
        for (int k = 0; k <= i % 3; k++) {
            random = random * 1664525 + 1013904223;
            changed[(random >> 8) % n] ^= (char)(1 << (random >> 28 & 7));
        }
        put_file(path, changed, n);
        weft_npz *f = weft_npz_open(path, NULL);
        refused += !f;
        weft_npz_close(&f);
    }
    ck_assert_int_gt(refused, 1000);
}
END_TEST
#else
START_TEST(npz_without_libzip_is_named)
{
    ck_assert(!weft_npz_open(path, &err));
    ck_assert(err.status == WEFT_UNSUPPORTED && strstr(err.text, "build it with libzip"));
    ck_assert(!weft_npz_write(path, NULL, 0, NULL, NULL));
}
END_TEST
#endif

int main(void)
{
    Suite *suite = suite_create("npz");
    TCase *t = tcase_create("npz");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, tempdir_remove);
#ifdef WF_HAVE_ZIP
    tcase_add_loop_test(t, archives_of_numpy_are_read, 0, 2);
    tcase_add_test(t, written_archives_come_back);
    tcase_add_test(t, compression_makes_it_smaller);
    tcase_add_test(t, wrong_tensors_are_not_written);
    tcase_add_test(t, other_files_are_refused);
    tcase_add_test(t, lying_sizes_are_refused);
    tcase_add_test(t, damaged_data_are_refused);
    tcase_add_test(t, shared_bytes_are_refused);
    tcase_add_loop_test(t, every_cut_is_refused, 0, 2);
    tcase_add_loop_test(t, changed_bytes_are_survived, 0, 2);
#else
    tcase_add_test(t, npz_without_libzip_is_named);
#endif
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
