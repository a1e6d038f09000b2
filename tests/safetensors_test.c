// safetensors: what is written is read back, files of other programs are read, and no file, however
// wrong, does more than give an error that names it.
#include "base/os.h"
#include "run.h"
#include "tempdir.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <weft/file.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static const char *const path = "model.safetensors"; // in the test's folder
static struct weft_error err;

static void setup(void)
{
    tempdir_make();
    ck_assert(!chdir(tempdir));
    err = (struct weft_error){0};
}

static void teardown(void)
{
    ck_assert(!chdir("/"));
    tempdir_remove();
}

#define DTYPE(name, bytes) WEFT_##name,
static const enum weft_dtype dtypes[] = {WEFT_DTYPE_MAP(DTYPE)};
static const struct weft_file_tensor shapes[] = {
    {.name = "scalar", .ndim = 0},
    {.name = "one", .ndim = 1, .shape = {1}},
    {.name = "three", .ndim = 1, .shape = {3}},
    {.name = "empty", .ndim = 2, .shape = {0, 3}},
    {.name = "empty later", .ndim = 3, .shape = {2, 0, 7}},
    {.name = "eight", .ndim = 8, .shape = {1, 2, 3, 1, 1, 2, 1, 5}},
};
enum { DTYPES = COUNT(dtypes), SHAPES = COUNT(shapes) };

static void expect_same(const struct weft_file_tensor *got, const struct weft_file_tensor *want)
{
    int64_t n = 1;
    ck_assert(got);
    ck_assert_str_eq(got->name, want->name);
    ck_assert_int_eq(got->dtype, want->dtype);
    ck_assert_int_eq(got->ndim, want->ndim);
    for (int i = 0; i < want->ndim; i++) {
        ck_assert_int_eq(got->shape[i], want->shape[i]);
        n *= want->shape[i];
    }
    ck_assert(got->data && (uintptr_t)got->data % weft_dtype_size(got->dtype) == 0);
    ck_assert(!memcmp(got->data, want->data, (size_t)n * weft_dtype_size(want->dtype)));
}

static void write_and_read(const struct weft_file_tensor *t, int n)
{
    ck_assert_msg(weft_safetensors_write(path, t, n, NULL, &err), "%s", err.text);
    weft_safetensors *f = weft_safetensors_open(path, &err);
    ck_assert_msg(f, "%s", err.text);
    ck_assert_int_eq(weft_safetensors_count(f), n);
    for (int i = 0; i < n; i++) {
        expect_same(weft_safetensors_at(f, i), &t[i]);
        ck_assert_ptr_eq(weft_safetensors_find(f, t[i].name), weft_safetensors_at(f, i));
    }
    ck_assert(!weft_safetensors_at(f, n) && !weft_safetensors_at(f, -1));
    ck_assert(!weft_safetensors_find(f, "no such") && !weft_safetensors_find(f, NULL));
    weft_safetensors_close(&f);
    ck_assert(!f);
}

// Every dtype in every shape, in one file: so most data follow odd sizes and are not aligned.
START_TEST(every_dtype_and_shape_comes_back)
{
    static unsigned char data[60 * 8];
    static char names[DTYPES * SHAPES][32];
    struct weft_file_tensor t[DTYPES * SHAPES];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 37 + 1);
    for (int i = 0; i < DTYPES * SHAPES; i++) {
        t[i] = shapes[i % SHAPES];
        t[i].dtype = dtypes[i * 5 % DTYPES];
        t[i].data = data;
        snprintf(names[i], sizeof *names, "%s %d", t[i].name, i);
        t[i].name = names[i];
    }
    write_and_read(t, DTYPES * SHAPES);
}
END_TEST

START_TEST(few_tensors_and_odd_names)
{
    const float x = 1.5f;
    const struct weft_file_tensor t[] = {
        {.name = "z\"\\\n\xc3\xa4", .dtype = WEFT_F32, .data = &x},
        {.name = "", .dtype = WEFT_F32, .data = &x},
        {.name = "a", .dtype = WEFT_F64, .ndim = 1, .shape = {0}, .data = &x},
    };
    write_and_read(t, 0);
    for (int n = 1; n <= COUNT(t); n++)
        write_and_read(t, n);
    struct weft_file_tensor empty = {.name = "e", .dtype = WEFT_F64, .ndim = 1}; // without data
    ck_assert(weft_safetensors_write(path, &empty, 1, NULL, NULL));
}
END_TEST

START_TEST(header_is_padded_and_compact)
{
    const unsigned char x[3] = {7, 8, 9};
    const struct weft_file_tensor t = {
        .name = "b", .dtype = WEFT_U8, .ndim = 2, .shape = {3, 1}, .data = x};
    static const char want[] = "\70\0\0\0\0\0\0\0"
                               "{\"b\":{\"dtype\":\"U8\",\"shape\":[3,1],\"data_offsets\":[0,3]}}"
                               " \7\10\11";
    char file[200];
    ck_assert(weft_safetensors_write(path, &t, 1, NULL, NULL));
    ck_assert_uint_eq(get_file(path, file, sizeof file), sizeof want - 1);
    ck_assert(!memcmp(file, want, sizeof want - 1));
}
END_TEST

// Made by the Python package, 0.8.0: safetensors.numpy.save({"w": np.array([[1, -2, 0.5]],
// np.float32), "n": np.array([7], np.int64), "e": np.zeros((0, 3), np.float16), "s":
// np.array(True)}, metadata={"made": "by hand"})
static const char from_python[] =
    "\x00\x01\x00\x00\x00\x00\x00\x00{\"__metadata__\":{\"made\":\"by hand\"},"
    "\"n\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]},"
    "\"w\":{\"dtype\":\"F32\",\"shape\":[1,3],\"data_offsets\":[8,20]},"
    "\"e\":{\"dtype\":\"F16\",\"shape\":[0,3],\"data_offsets\":[20,20]},"
    "\"s\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[20,21]}}"
    "\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80?\x00\x00\x00\xc0\x00\x00\x00?\x01";

START_TEST(file_of_the_python_package_is_read)
{
    const struct weft_file_tensor want[] = {
        {"n", WEFT_I64, 1, {1}, &(const int64_t){7}},
        {"w", WEFT_F32, 2, {1, 3}, (const float[]){1, -2, 0.5f}},
        {"e", WEFT_F16, 2, {0, 3}, ""},
        {"s", WEFT_BOOL, 0, {0}, "\1"},
    };
    put_file(path, from_python, sizeof from_python - 1);
    weft_safetensors *f = weft_safetensors_open(path, &err);
    ck_assert_msg(f, "%s", err.text);
    ck_assert_int_eq(weft_safetensors_count(f), COUNT(want));
    for (int i = 0; i < COUNT(want); i++)
        expect_same(weft_safetensors_at(f, i), &want[i]);
    weft_safetensors_close(&f);
}
END_TEST

// The header with its length before it and so many bytes of data after it.
static void put_header(const char *header, size_t data_bytes)
{
    char file[2000] = {0};
    size_t n = strlen(header);
    ck_assert_uint_le(8 + n + data_bytes, sizeof file);
    file[0] = (char)(n & 255);
    file[1] = (char)(n >> 8);
    memcpy(file + 8, header, n);
    put_file(path, file, 8 + n + data_bytes);
}

static void expect_refused(enum weft_status status, const char *what)
{
    err = (struct weft_error){0};
    weft_safetensors *f = weft_safetensors_open(path, &err);
    ck_assert_msg(!f, "%s", what);
    ck_assert_msg(err.status == status, "%s: %s", what, err.text);
    ck_assert_msg(!strncmp(err.text, "model.safetensors: ", 19), "%s: %s", what, err.text);
}

START_TEST(every_cut_is_refused)
{
    for (size_t n = 0; n < sizeof from_python - 1; n++) {
        char what[32];
        snprintf(what, sizeof what, "cut to %zu", n);
        put_file(path, from_python, n);
        expect_refused(WEFT_FORMAT, what);
    }
    put_file(path, from_python, sizeof from_python); // one byte more
    expect_refused(WEFT_FORMAT, "grown");
    ck_assert_msg(strstr(err.text, "1 bytes after the last tensor"), "%s", err.text);
}
END_TEST

// Any answer will do, but no crash; and what is handed out may be read.
START_TEST(any_flipped_byte_is_survived)
{
    static const unsigned char flips[] = {1, 2, 16, 128, 255};
    char file[sizeof from_python - 1];
    int refused = 0;
    for (int i = 0; i < COUNT(file) * COUNT(flips); i++) {
        memcpy(file, from_python, sizeof file);
        file[i / COUNT(flips)] ^= (char)flips[i % COUNT(flips)];
        put_file(path, file, sizeof file);
        weft_safetensors *f = weft_safetensors_open(path, NULL);
        refused += !f;
        for (int k = 0; k < weft_safetensors_count(f); k++) {
            const struct weft_file_tensor *t = weft_safetensors_at(f, k);
            size_t n = weft_dtype_size(t->dtype);
            for (int d = 0; d < t->ndim; d++)
                n *= (size_t)t->shape[d];
            char *copy = malloc(n + 1);
            ck_assert(copy && memcpy(copy, t->data, n));
            free(copy);
        }
        weft_safetensors_close(&f);
    }
    ck_assert_int_gt(refused, COUNT(file) * COUNT(flips) / 2);
}
END_TEST

START_TEST(lengths_of_the_header)
{
    static const struct {
        uint64_t length;
        size_t bytes; // of the file
    } bad[] = {{3, 10},
               {1, 8},
               {0, 8},
               {0, 100},
               {UINT64_MAX, 100},
               {1u << 31, 100},
               {1ull << 63, 64},
               {100000001, 64},
               {UINT64_MAX - 7, 64}};
    for (int i = 0; i < COUNT(bad); i++) {
        char file[100] = "12345678{}", what[32];
        for (int k = 0; k < 8; k++)
            file[k] = (char)(bad[i].length >> 8 * k & 255);
        put_file(path, file, bad[i].bytes);
        snprintf(what, sizeof what, "length %d", i);
        expect_refused(WEFT_FORMAT, what);
    }
}
END_TEST

START_TEST(header_over_the_limit_is_refused_unread)
{
    static const unsigned char length[8] = {0x01, 0xe1, 0xf5, 0x05}; // 100,000,001
    put_file(path, length, sizeof length);
    ck_assert(!truncate(path, 8 + 100000001)); // a hole: takes no space
    expect_refused(WEFT_FORMAT, "a header too large");
    ck_assert_msg(strstr(err.text, "header of 100000001 bytes"), "%s", err.text);
}
END_TEST

#define F32_AT(shape, place) "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" place "}"
#define A_AT(shape, place)   "{\"a\":" F32_AT(shape, place) "}"
#define B_AT(shape, place)   ",\"b\":" F32_AT(shape, place) "}"
#define A_THEN               "{\"a\":" F32_AT("[2]", "[0,8]")
#define HUGE                 "4611686018427387904"

static const struct {
    const char *header;
    int data_bytes;
    const char *text; // in the error
} hostile[] = {
    {"[]", 0, "no JSON object"},
    {" {}", 0, "no JSON object"},
    {"{", 0, "is no JSON"},
    {"{}x", 0, "is no JSON"},
    {"{\"a\":\xff}", 0, "is no JSON"},
    {"{}", 1, "1 bytes after the last tensor"},
    {A_AT("[2]", "[0,8]"), 9, "1 bytes after the last tensor"},
    {A_AT("[2]", "[0,8]"), 7, "the file has 7 bytes"},
    {A_AT("[2]", "[8,0]"), 8, "data_offsets are [8,0]"},
    {A_AT("[2]", "[-8,0]"), 8, "data_offsets are [-8,0]"},
    {A_AT("[2]", "[0,9223372036854775807]"), 8, "the file has 8 bytes"},
    {A_AT("[2]", "[9223372036854775807,9223372036854775807]"), 8, "the file has 8 bytes"},
    {A_AT("[2]", "[0,18446744073709551615]"), 8, "is no JSON"},
    {A_AT("[2]", "[0]"), 8, "not two integers"},
    {A_AT("[2]", "[0,8,8]"), 8, "not two integers"},
    {A_AT("[2]", "[0,8.0]"), 8, "not two integers"},
    {A_AT("[2]", "\"0,8\""), 8, "not two integers"},
    {A_AT("[2]", "{\"0\":8}"), 8, "not two integers"},
    {A_AT("[2]", "null"), 8, "not two integers"},
    {A_AT("[3]", "[0,8]"), 8, "F32[3] does not fit 8 bytes"},
    {A_AT("[]", "[0,8]"), 8, "F32[] does not fit 8 bytes"},
    {A_AT("[0]", "[0,8]"), 8, "F32[0] does not fit 8 bytes"},
    {A_AT("[" HUGE "]", "[0,0]"), 0, "does not fit 0 bytes"},
    {A_AT("[" HUGE ",4]", "[0,0]"), 0, "does not fit 0 bytes"},
    {A_AT("[0," HUGE "," HUGE "]", "[0,0]"), 0, "does not fit 0 bytes"},
    {A_AT("[" HUGE "," HUGE ",0]", "[0,0]"), 0, "does not fit 0 bytes"},
    {A_AT("[-2]", "[0,8]"), 8, "dimension 0 is no count"},
    {A_AT("[1,-1,-2]", "[0,8]"), 8, "dimension 1 is no count"},
    {A_AT("[2.0]", "[0,8]"), 8, "dimension 0 is no count"},
    {A_AT("[\"2\"]", "[0,8]"), 8, "dimension 0 is no count"},
    {A_AT("2", "[0,8]"), 8, "shape is no array"},
    {A_AT("[1,1,1,1,1,1,1,1,2]", "[0,8]"), 8, "of at most 8"},
    {A_THEN B_AT("[2]", "[4,12]"), 12, "'b': data begin at 4, wanted 8"},
    {A_THEN B_AT("[2]", "[0,8]"), 8, "data begin at 0, wanted 8"},
    {A_THEN B_AT("[2]", "[8,16]"), 15, "the file has 15 bytes"},
    {A_THEN B_AT("[2]", "[9,17]"), 17, "'b': data begin at 9, wanted 8"},
    {A_THEN B_AT("[0]", "[4,4]"), 8, "'b': data begin at 4, wanted 8"},
    {A_THEN B_AT("[0]", "[9,9]"), 9, "'b': data begin at 9, wanted 8"},
    {A_AT("[2]", "[1,9]"), 9, "'a': data begin at 1, wanted 0"},
    {A_THEN ",\"a\":" F32_AT("[2]", "[8,16]") "}", 16, "duplicate"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4,
     "duplicate"},
    {"{\"a\":{\"shape\":[],\"data_offsets\":[0,4]}}", 4, "dtype is missing"},
    {"{\"a\":{\"dtype\":4,\"shape\":[],\"data_offsets\":[0,4]}}", 4, "dtype is missing or no text"},
    {"{\"a\":{\"dtype\":\"F4\",\"shape\":[],\"data_offsets\":[0,1]}}", 1, "'F4', wanted"},
    {"{\"a\":{\"dtype\":\"f32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "dtype is 'f32'"},
    {"{\"a\":{\"dtype\":\"none\",\"shape\":[],\"data_offsets\":[0,0]}}", 0, "dtype is 'none'"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "'a': shape is no array"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 4, "'a': data_offsets is missing"},
    {"{\"a\":null}", 0, "'a': dtype is missing"},
    {"{\"a\":[\"F32\",[],[0,4]]}", 4, "'a': dtype is missing"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "__metadata__ is not an object of texts"},
    {"{\"__metadata__\":[\"a\"]}", 0, "__metadata__ is not an object of texts"},
    {"{\"__metadata__\":null}", 0, "__metadata__ is not an object of texts"},
};

START_TEST(hostile_headers_are_refused)
{
    put_header(hostile[_i].header, (size_t)hostile[_i].data_bytes);
    expect_refused(WEFT_FORMAT, hostile[_i].header);
    ck_assert_msg(strstr(err.text, hostile[_i].text), "%s", err.text);
}
END_TEST

START_TEST(harmless_headers_are_read)
{
    static const struct {
        const char *header;
        int data_bytes, tensors;
    } good[] = {
        {"{}", 0, 0},
        {"{} \t\n ", 0, 0},
        {"{\"__metadata__\":{}}", 0, 0},
        {A_AT("[1,1,1,1,1,1,1,2]", "[0,8]"), 8, 1},
        {"{\"a\":{\"note\":1,\"data_offsets\":[0,4],\"shape\":[],\"dtype\":\"I32\"}}", 4, 1},
        {"{\"a\":" F32_AT("[2]", "[8,16]") B_AT("[2]", "[0,8]"), 16, 2},
        {"{\"a\":" F32_AT("[0]", "[8,8]") B_AT("[2]", "[0,8]"), 8, 2},
        {"{\"a\":" F32_AT("[2]", "[0,8]") B_AT("[0]", "[0,0]"), 8, 2},
    };
    for (int i = 0; i < COUNT(good); i++) {
        put_header(good[i].header, (size_t)good[i].data_bytes);
        weft_safetensors *f = weft_safetensors_open(path, &err);
        ck_assert_msg(f, "%s", err.text);
        ck_assert_int_eq(weft_safetensors_count(f), good[i].tensors);
        if (i >= 5)
            ck_assert_str_eq(weft_safetensors_at(f, 0)->name, "b");
        weft_safetensors_close(&f);
    }
}
END_TEST

START_TEST(no_file_no_tensors)
{
    expect_refused(WEFT_IO, "no file");
    ck_assert(!mkdir(path, 0700));
    expect_refused(WEFT_IO, "a folder");
    ck_assert(!weft_safetensors_open(NULL, NULL));
    ck_assert(!weft_safetensors_count(NULL) && !weft_safetensors_at(NULL, 0));
    ck_assert(!weft_safetensors_find(NULL, "a"));
    weft_safetensors_close(&(weft_safetensors *){NULL});
    weft_safetensors_close(NULL);
}
END_TEST

static const float numbers[4] = {1, 2, 3, 4};
static const struct weft_file_tensor good = {
    .name = "a", .dtype = WEFT_F32, .ndim = 2, .shape = {2, 2}, .data = numbers};

static void expect_unwritten(const struct weft_file_tensor *t, int n, const char *text)
{
    err = (struct weft_error){0};
    ck_assert_msg(!weft_safetensors_write(path, t, n, NULL, &err), "%s", text);
    ck_assert_int_eq(err.status, WEFT_PARAM);
    ck_assert_msg(strstr(err.text, text), "%s, wanted %s", err.text, text);
    ck_assert_int_eq(count_files("."), 0);
}

START_TEST(wrong_tensors_are_not_written)
{
    const int64_t huge = INT64_C(1) << 62;
    struct weft_file_tensor t[] = {good, good, good, good, good, good, good, good, good};
    t[0].name = NULL;
    t[1].name = "__metadata__";
    t[2].name = "\xff";
    t[3].dtype = WEFT_DTYPE_NONE;
    t[4].ndim = 9;
    t[5].ndim = -1;
    t[6].shape[1] = -1;
    t[7].shape[0] = t[7].shape[1] = huge;
    t[8].data = NULL;
    static const char *const text[] = {"'NULL'",     "'__metadata__'", "not UTF-8",
                                       "dtype is 0", "more than 8",    "negative",
                                       "negative",   "many elements",  "data is NULL"};
    for (int i = 0; i < COUNT(t); i++)
        expect_unwritten(&t[i], 1, text[i]);
    expect_unwritten((struct weft_file_tensor[]){good, good}, 2, "two tensors are called 'a'");
    expect_unwritten(NULL, 1, "tensors is NULL");
    expect_unwritten(&good, -1, "n is -1");
    t[3].name = "b", t[3].dtype = WEFT_I8, t[3].shape[0] = huge - 1, t[3].shape[1] = 2;
    t[4] = t[3], t[4].name = "c";
    expect_unwritten(t + 3, 2, "beyond 2^63");
    ck_assert(!weft_safetensors_write(NULL, &good, 1, NULL, NULL));
}
END_TEST

static bool write_texts(const struct weft_file_text *text, int n)
{
    return weft_safetensors_write(path, NULL, 0,
                                  weft_safetensors_params(.metadata = text, .nmetadata = n), &err);
}

START_TEST(metadata_come_back)
{
    const struct weft_file_text text[] = {
        {"format", "pt"}, {"", ""}, {"\xc3\xa9\"\\", "a\nb"}, {"format", "tf"}, {"b", "\x80"}};
    ck_assert_msg(write_texts(text, 3), "%s", err.text);
    weft_safetensors *f = weft_safetensors_open(path, &err);
    ck_assert_msg(f, "%s", err.text);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(weft_safetensors_metadata_key(f, i), text[i].key);
        ck_assert_str_eq(weft_safetensors_metadata(f, text[i].key), text[i].value);
    }
    ck_assert(!weft_safetensors_metadata_key(f, 3) && !weft_safetensors_metadata_key(f, -1));
    ck_assert(!weft_safetensors_metadata(f, "x") && !weft_safetensors_metadata(f, NULL));
    weft_safetensors_close(&f);
    ck_assert(!write_texts(text, 4));
    ck_assert_str_eq(err.text, "model.safetensors: metadata 'format': there are two of that key");
    err = (struct weft_error){0};
    ck_assert(!write_texts(text + 4, 1));
    ck_assert_str_eq(err.text, "model.safetensors: metadata 'b': the value is not UTF-8");
    err = (struct weft_error){0};
    ck_assert(!write_texts(&(struct weft_file_text){"\x80", "b"}, 1));
    ck_assert(strstr(err.text, "the key is not UTF-8"));
    err = (struct weft_error){0};
    ck_assert(!write_texts(NULL, 2));
    ck_assert_int_eq(err.status, WEFT_PARAM);
    // A file without any.
    err = (struct weft_error){0};
    ck_assert(write_texts(NULL, 0) && (f = weft_safetensors_open(path, &err)));
    ck_assert(!weft_safetensors_metadata(f, "x") && !weft_safetensors_metadata_key(f, 0));
    weft_safetensors_close(&f);
}
END_TEST

START_TEST(unwritable_places_are_errors)
{
    ck_assert(!weft_safetensors_write("no/such/folder", &good, 1, NULL, &err));
    ck_assert(err.status == WEFT_IO && strstr(err.text, "no/such/folder: "));
    ck_assert(!weft_safetensors_write(".", &good, 1, NULL, NULL));
    ck_assert_int_eq(count_files("."), 0);
}
END_TEST

// Runs in a child, whose files may have 200 bytes: as on a disk that is full from there on.
static int write_on_a_full_disk(void)
{
    static float large[1000];
    struct weft_file_tensor t = {
        .name = "large", .dtype = WEFT_F32, .ndim = 1, .shape = {1000}, .data = large};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){200, 200});
    if (weft_safetensors_write(path, &t, 1, NULL, &err) || err.status != WEFT_IO)
        return 1;
    return count_files(".") == 1 ? 0 : 2;
}

START_TEST(a_failed_write_leaves_the_old_file)
{
    ck_assert(weft_safetensors_write(path, &good, 1, NULL, NULL));
    weft_safetensors *open = weft_safetensors_open(path, NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child)
        _exit(write_on_a_full_disk());
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    weft_safetensors *f = weft_safetensors_open(path, &err);
    ck_assert_msg(f, "%s", err.text);
    expect_same(weft_safetensors_at(f, 0), &good);
    weft_safetensors_close(&f);
    struct weft_file_tensor other = good;
    other.data = &(const float[4]){9, 9, 9, 9};
    ck_assert(weft_safetensors_write(path, &other, 1, NULL, NULL));
    expect_same(weft_safetensors_at(open, 0), &good); // the file that it has open is still whole
    weft_safetensors_close(&open);
}
END_TEST

START_TEST(thousands_of_tensors)
{
    enum { N = 20000 };
    static char names[N][16];
    static struct weft_file_tensor t[N];
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof *names, "t%d", i * 7919 % N);
        t[i] = good;
        t[i].name = names[i];
        t[i].ndim = 1;
    }
    write_and_read(t, N);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *t = tcase_create("safetensors");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, every_dtype_and_shape_comes_back);
    tcase_add_test(t, few_tensors_and_odd_names);
    tcase_add_test(t, header_is_padded_and_compact);
    tcase_add_test(t, file_of_the_python_package_is_read);
    tcase_add_test(t, every_cut_is_refused);
    tcase_add_test(t, any_flipped_byte_is_survived);
    tcase_add_test(t, lengths_of_the_header);
    tcase_add_test(t, header_over_the_limit_is_refused_unread);
    tcase_add_loop_test(t, hostile_headers_are_refused, 0, COUNT(hostile));
    tcase_add_test(t, harmless_headers_are_read);
    tcase_add_test(t, no_file_no_tensors);
    tcase_add_test(t, wrong_tensors_are_not_written);
    tcase_add_test(t, metadata_come_back);
    tcase_add_test(t, unwritable_places_are_errors);
    tcase_add_test(t, a_failed_write_leaves_the_old_file);
    tcase_add_test(t, thousands_of_tensors);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
