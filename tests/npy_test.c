// npy: files that NumPy made are read, what is written is what NumPy writes, and no file, however
// wrong, does more than give an error that names it.
#include "run.h"
#include "tempdir.h"
#include <weft/file.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
enum { ROOM = 4096 };

static struct weft_error err;
static const char *path; // of a file in the test's folder

static void setup(void)
{
    tempdir_make();
    path = in_tempdir("a.npy");
    err = (struct weft_error){0};
}

static const char *made(const char *name)
{
    static char text[512];
    snprintf(text, sizeof text, TEST_DATA "/%s.npy", name);
    return text;
}

static weft_npy *open_made(const char *name)
{
    weft_npy *f = weft_npy_open(made(name), &err);
    ck_assert_msg(f, "%s", err.text);
    return f;
}

static double element(const struct weft_file_tensor *t, int i)
{
    switch (t->dtype) {
    case WEFT_F32:
        return (double)((const float *)t->data)[i];
    case WEFT_F64:
        return ((const double *)t->data)[i];
    case WEFT_I32:
        return ((const int32_t *)t->data)[i];
    case WEFT_I64:
        return (double)((const int64_t *)t->data)[i];
    case WEFT_I8:
        return ((const int8_t *)t->data)[i];
    case WEFT_U8:
    case WEFT_BOOL:
        return ((const uint8_t *)t->data)[i];
    default:
        ck_abort_msg("dtype %s", weft_dtype_name(t->dtype));
    }
}

static const struct made_file {
    const char *name;
    enum weft_dtype dtype;
    double value[6];
} made_file[] = {
#define FLOATS                 \
    {                          \
        0, 1, -2.5, 3, 100, -5 \
    }
#define SIGNED               \
    {                        \
        0, 1, -2, 3, 100, -5 \
    }
#define UNSIGNED               \
    {                          \
        0, 1, 200, 3, 100, 255 \
    }
    {"f4", WEFT_F32, FLOATS},
    {"f8", WEFT_F64, FLOATS},
    {"i1", WEFT_I8, SIGNED},
    {"i2", WEFT_I32, SIGNED},
    {"i4", WEFT_I32, SIGNED},
    {"i8", WEFT_I64, SIGNED},
    {"u1", WEFT_U8, UNSIGNED},
    {"u2", WEFT_I32, UNSIGNED},
    {"u4", WEFT_I64, UNSIGNED},
    {"u8", WEFT_I64, UNSIGNED},
    {"b1", WEFT_BOOL, {0, 1, 1, 0, 0, 1}},
    {"big_f4", WEFT_F32, FLOATS},
    {"big_f8", WEFT_F64, FLOATS},
    {"big_i2", WEFT_I32, SIGNED},
    {"big_i4", WEFT_I32, SIGNED},
    {"big_i8", WEFT_I64, SIGNED},
    {"big_u2", WEFT_I32, UNSIGNED},
    {"big_u4", WEFT_I64, UNSIGNED},
    {"big_u8", WEFT_I64, UNSIGNED},
    {"fortran", WEFT_F32, FLOATS},
    {"version_2", WEFT_F32, FLOATS},
    {"version_3", WEFT_F32, FLOATS},
};

START_TEST(files_of_numpy_are_read)
{
    const struct made_file *m = &made_file[_i];
    weft_npy *f = open_made(m->name);
    const struct weft_file_tensor *t = weft_npy_tensor(f);
    ck_assert_str_eq(t->name, m->name);
    ck_assert_int_eq(t->dtype, m->dtype);
    ck_assert(t->ndim == 2 && t->shape[0] == 2 && t->shape[1] == 3);
    ck_assert_uint_eq((uintptr_t)t->data % weft_dtype_size(t->dtype), 0);
    for (int i = 0; i < 6; i++)
        ck_assert_double_eq(element(t, i), m->value[i]);
    weft_npy_close(&f);
    ck_assert_ptr_null(f);
}
END_TEST

START_TEST(halves_and_more_dimensions_are_read)
{
    static const uint16_t half[] = {0, 0x3c00, 0xc100, 0x4200, 0x5640, 0xc500};
    static const char *const name[] = {"f2", "big_f2"};
    for (int i = 0; i < 2; i++) {
        weft_npy *f = open_made(name[i]);
        ck_assert_int_eq(weft_npy_tensor(f)->dtype, WEFT_F16);
        ck_assert_mem_eq(weft_npy_tensor(f)->data, half, sizeof half);
        weft_npy_close(&f);
    }
    weft_npy *f = open_made("fortran_big");
    const struct weft_file_tensor *t = weft_npy_tensor(f);
    ck_assert(t->ndim == 3 && t->shape[0] == 2 && t->shape[1] == 3 && t->shape[2] == 4);
    for (int i = 0; i < 24; i++)
        ck_assert_double_eq(element(t, i), i);
    weft_npy_close(&f);
}
END_TEST

START_TEST(written_files_are_those_of_numpy)
{
    static const char *const name[] = {"f2", "f4",     "f8",     "i1",    "i4",    "i8",  "u1",
                                       "b1", "scalar", "vector", "empty", "eight", "long"};
    for (int i = 0; i < COUNT(name); i++) {
        unsigned char want[ROOM], got[ROOM];
        weft_npy *f = open_made(name[i]);
        ck_assert_msg(weft_npy_write(path, weft_npy_tensor(f), &err), "%s", err.text);
        weft_npy_close(&f);
        size_t n = get_file(made(name[i]), want, ROOM);
        ck_assert_uint_eq(get_file(path, got, ROOM), n);
        ck_assert_msg(!memcmp(want, got, n), "%s", name[i]);
    }
}
END_TEST

// 1 to 8 dimensions, the first of 1 to 18 digits: the header may end anywhere in its 64 bytes.
START_TEST(any_shape_comes_back)
{
    for (int64_t size = 1; size < INT64_MAX / 10; size *= 10) {
        for (int ndim = 1; ndim <= 8; ndim++) {
            struct weft_file_tensor t = {.dtype = WEFT_I8, .ndim = ndim};
            for (int d = 0; d < ndim; d++)
                t.shape[d] = d ? 1 : size;
            t.shape[ndim - 1] = 0; // so there are no data
            ck_assert_msg(weft_npy_write(path, &t, &err), "%s", err.text);
            weft_npy *f = weft_npy_open(path, &err);
            ck_assert_msg(f, "%s", err.text);
            ck_assert_str_eq(weft_npy_tensor(f)->name, "a");
            ck_assert_mem_eq(weft_npy_tensor(f)->shape, t.shape, sizeof t.shape);
            weft_npy_close(&f);
        }
    }
}
END_TEST

START_TEST(other_dtypes_are_named)
{
    static const struct {
        const char *name, *text;
    } bad[] = {
        {"bad_complex", "dtype is '<c8', wanted f2 f4"},
        {"bad_text", "dtype is '<U3'"},
        {"bad_bytes", "dtype is '|S3'"},
        {"bad_date", "dtype is '<M8[D]'"},
        {"bad_fields", "dtype is [('a', '<f4'), ('b', '<i4')]"},
        {"bad_object", "dtype is '|O'"},
        {"bad_large", "dtype is u8 and element 1 above 2^63-1"},
    };
    for (int i = 0; i < COUNT(bad); i++) {
        err = (struct weft_error){0};
        ck_assert(!weft_npy_open(made(bad[i].name), &err));
        ck_assert_int_eq(err.status, WEFT_DTYPE);
        ck_assert_msg(strstr(err.text, bad[i].text), "%s", err.text);
        ck_assert(strstr(err.text, bad[i].name));
    }
    err = (struct weft_error){0};
    ck_assert(!weft_npy_open(made("bad_nine"), &err));
    ck_assert_msg(strstr(err.text, "more than 8 dimensions"), "%s", err.text);
}
END_TEST

// A header of version 1 and so many zero bytes of data.
static void put_header(const char *header, size_t data_bytes)
{
    char file[2000] = "\x93NUMPY\1";
    size_t n = strlen(header);
    ck_assert_uint_le(10 + n + data_bytes, sizeof file);
    file[8] = (char)(n & 255);
    file[9] = (char)(n >> 8);
    memcpy(file + 10, header, n);
    put_file(path, file, 10 + n + data_bytes);
}

static void expect_refused(enum weft_status status, const char *text, const char *what)
{
    err = (struct weft_error){0};
    weft_npy *f = weft_npy_open(path, &err);
    ck_assert_msg(!f, "%s", what);
    ck_assert_msg(err.status == status && strstr(err.text, text) && strstr(err.text, "a.npy"),
                  "%s: %s", what, err.text);
}

#define ORDER    "'fortran_order': False"
#define SHAPE(s) "{'descr': '<f4', " ORDER ", 'shape': " s "}"
#define HUGE     "4611686018427387904"

static const struct hostile {
    const char *header;
    int data_bytes;
    const char *text;
} hostile[] = {
    {"", 0, "no Python dict"},
    {"[]", 0, "no Python dict"},
    {"{", 0, "a string is missing"},
    {"{}", 0, "descr is missing"},
    {"{'descr': '<f4', " ORDER "}", 4, "shape is missing"},
    {"{'descr': '<f4', 'shape': ()}", 4, "fortran_order is missing"},
    {"{'descr': '<f4', 'descr': '<f4', " ORDER ", 'shape': ()}", 4, "key 'descr' again"},
    {"{'descr': '<f4', " ORDER ", 'shape': (), 'x': 1}", 4, "key 'x', wanted descr"},
    {"{'descr': '<f4' " ORDER ", 'shape': ()}", 4, "no Python dict"},
    {"{'descr' '<f4', " ORDER ", 'shape': ()}", 4, "a key without a value"},
    {"{'descr': <f4, " ORDER ", 'shape': ()}", 4, "a string is missing"},
    {"{'descr': '<f4", 4, "does not end"},
    {"{'descr': '<f\\x34', " ORDER ", 'shape': ()}", 4, "has an escape"},
    {"{'descr': '<f4', 'fortran_order': 0, 'shape': ()}", 4, "not True or False"},
    {"{'descr': '<f4', 'fortran_order': Fals", 4, "not True or False"},
    {SHAPE("()") "x", 4, "something follows"},
    {SHAPE("()") "{}", 4, "something follows"},
    {SHAPE("(1)"), 4, "not a tuple"},
    {SHAPE("[1]"), 4, "not a tuple"},
    {SHAPE("1"), 4, "not a tuple"},
    {SHAPE("(,)"), 4, "not a tuple"},
    {SHAPE("(1 1)"), 4, "not a tuple"},
    {SHAPE("(1,,1)"), 4, "not a tuple"},
    {SHAPE("(-1,)"), 4, "not a tuple"},
    {SHAPE("(1.0,)"), 4, "not a tuple"},
    {SHAPE("(01,)"), 4, "not a tuple"},
    {"{" ORDER ", 'descr': '<f4', 'shape': (1,", 0, "not a tuple"},
    {SHAPE("(18446744073709551617,)"), 4, "beyond 2^63"},
    {SHAPE("(" HUGE ",)"), 4, "more than memory can hold"},
    {SHAPE("(" HUGE "," HUGE ",0)"), 0, "more than memory can hold"},
    {SHAPE("(0," HUGE "," HUGE ")"), 0, "more than memory can hold"},
    {"{'descr': '<u4', " ORDER ", 'shape': (1152921504606846976,)}", 4, "more than memory"},
    {SHAPE("(1000000000000,)"), 4, "has 4 bytes of data, its header f4 [1000000000000] wants 4000"},
    {SHAPE("(2,)"), 7, "has 7 bytes of data, its header f4 [2] wants 8"},
    {SHAPE("(2,)"), 9, "has 9 bytes of data, its header f4 [2] wants 8"},
    {SHAPE("()"), 0, "has 0 bytes of data, its header f4 [] wants 4"},
    {SHAPE("(0,)"), 1, "has 1 bytes of data, its header f4 [0] wants 0"},
    {SHAPE("(1,1,1,1,1,1,1,1,1)"), 4, "more than 8 dimensions"},
};

START_TEST(hostile_headers_are_refused)
{
    put_header(hostile[_i].header, (size_t)hostile[_i].data_bytes);
    expect_refused(WEFT_FORMAT, hostile[_i].text, hostile[_i].header);
}
END_TEST

START_TEST(harmless_headers_are_read)
{
    static const char *const good[] = {
        SHAPE("(1,2)"),
        SHAPE("( 1 ,\t2 , )") " \n",
        "  {  'shape':(1L, 2L) ,'fortran_order' :True, \"descr\": \"<f4\", }",
        "{'descr':'f4'," ORDER ",'shape':(2,)}",
        "{'descr':'=f4'," ORDER ",'shape':(2,)}\n\n",
        "{'descr':'|i1'," ORDER ",'shape':(2,2,2)}",
        "{'descr':'<f4'," ORDER ",'shape':(2,1,1,1,1,1,1,1,)}",
    };
    for (int i = 0; i < COUNT(good); i++) {
        put_header(good[i], 8);
        weft_npy *f = weft_npy_open(path, &err);
        ck_assert_msg(f, "%s: %s", good[i], err.text);
        weft_npy_close(&f);
    }
}
END_TEST

START_TEST(other_files_are_refused)
{
    char file[70000] = "\x93NUMPY\1";
    expect_refused(WEFT_IO, "cannot be read", "no file");
    put_file(path, "", 0);
    expect_refused(WEFT_FORMAT, "less than 10 bytes", "empty");
    put_file(path, "PK\3\4 and more", 14);
    expect_refused(WEFT_FORMAT, "does not begin with", "a zip file");
    file[6] = 4;
    put_file(path, file, 100);
    expect_refused(WEFT_FORMAT, "version is 4.0", "version 4.0");
    file[6] = 1, file[7] = 1;
    put_file(path, file, 100);
    expect_refused(WEFT_FORMAT, "version is 1.1", "version 1.1");
    file[6] = 2, file[7] = 0;
    put_file(path, file, 11);
    expect_refused(WEFT_FORMAT, "less than 12 bytes", "11 bytes");
    memset(file + 8, 255, 4);
    put_file(path, file, sizeof file);
    expect_refused(WEFT_FORMAT, "header of 4294967295 bytes, wanted at most 65536", "long header");
    ck_assert(!weft_npy_open(NULL, &err) && !weft_npy_tensor(NULL));
    weft_npy_close(NULL);
    weft_npy_close(&(weft_npy *){NULL});
}
END_TEST

// Bools are 0 or 1, whatever the file says.
START_TEST(bools_are_one_bit)
{
    char file[ROOM];
    size_t n = get_file(made("b1"), file, ROOM);
    file[n - 1] = 77;
    put_file(path, file, n);
    weft_npy *f = weft_npy_open(path, &err);
    for (int i = 0; i < 6; i++)
        ck_assert_double_eq(element(weft_npy_tensor(f), i), i == 1 || i == 2 || i == 5);
    weft_npy_close(&f);
}
END_TEST

START_TEST(every_cut_is_refused)
{
    static const char *const name[] = {"f4", "version_2", "fortran_big", "big_u8"};
    char file[ROOM];
    size_t n = get_file(made(name[_i]), file, ROOM);
    for (size_t cut = 0; cut < n; cut++) {
        put_file(path, file, cut);
        expect_refused(WEFT_FORMAT, "", name[_i]);
    }
    put_file(path, file, n + 1);
    expect_refused(WEFT_FORMAT, "bytes of data", name[_i]);
}
END_TEST

// Any answer will do, but no crash; and what is handed out may be read.
static bool survive(void)
{
    weft_npy *f = weft_npy_open(path, NULL);
    const struct weft_file_tensor *t = weft_npy_tensor(f);
    if (!f)
        return false;
    size_t n = weft_dtype_size(t->dtype);
    for (int d = 0; d < t->ndim; d++)
        n *= (size_t)t->shape[d];
    char *copy = malloc(n + 1);
    ck_assert(copy && memcpy(copy, t->data, n));
    free(copy);
    weft_npy_close(&f);
    return true;
}

START_TEST(changed_bytes_are_survived)
{
    static const char *const name[] = {"f4", "version_3", "fortran_big", "big_u8", "eight", "b1"};
    char file[ROOM];
    size_t n = get_file(made(name[_i]), file, ROOM);
    uint32_t random = 12345;
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
        char changed[ROOM];
        memcpy(changed, file, n);
        for (uint32_t k = 0; k <= (uint32_t)i % 3; k++) {
            random = random * 1664525 + 1013904223;
            changed[(random >> 8) % n] ^= (char)(1 << (random >> 28 & 7));
        }
        put_file(path, changed, n);
        refused += !survive();
    }
    ck_assert_int_gt(refused, 500);
}
END_TEST

START_TEST(wrong_tensors_are_not_written)
{
    const float x[] = {1, 2};
    const struct weft_file_tensor good = {.dtype = WEFT_F32, .ndim = 1, .shape = {2}, .data = x};
    struct weft_file_tensor t[] = {good, good, good, good, good, good};
    t[0].dtype = WEFT_DTYPE_NONE;
    t[1].dtype = WEFT_BF16;
    t[2].ndim = 9;
    t[3].shape[0] = -1;
    t[4].data = NULL;
    t[5].ndim = 2, t[5].shape[0] = t[5].shape[1] = INT64_C(1) << 40;
    static const char *const text[] = {"none of weft's", "BF16, which npy does not have",
                                       "more than 8",    "negative",
                                       "data is NULL",   "too many elements"};
    for (int i = 0; i < COUNT(t); i++) {
        err = (struct weft_error){0};
        ck_assert(!weft_npy_write(path, &t[i], &err));
        ck_assert_msg(strstr(err.text, text[i]), "%s", err.text);
    }
    ck_assert(!weft_npy_write(path, NULL, NULL) && !weft_npy_write(NULL, &good, NULL));
    ck_assert_int_eq(count_files(tempdir), 0);
    err = (struct weft_error){0};
    ck_assert(!weft_npy_write("no/such/a.npy", &good, &err));
    ck_assert_int_eq(err.status, WEFT_IO);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("npy");
    TCase *t = tcase_create("npy");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, tempdir_remove);
    tcase_add_loop_test(t, files_of_numpy_are_read, 0, COUNT(made_file));
    tcase_add_test(t, halves_and_more_dimensions_are_read);
    tcase_add_test(t, written_files_are_those_of_numpy);
    tcase_add_test(t, any_shape_comes_back);
    tcase_add_test(t, other_dtypes_are_named);
    tcase_add_loop_test(t, hostile_headers_are_refused, 0, COUNT(hostile));
    tcase_add_test(t, harmless_headers_are_read);
    tcase_add_test(t, other_files_are_refused);
    tcase_add_test(t, bools_are_one_bit);
    tcase_add_loop_test(t, every_cut_is_refused, 0, 4);
    tcase_add_loop_test(t, changed_bytes_are_survived, 0, 6);
    tcase_add_test(t, wrong_tensors_are_not_written);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
