// Data sets: sources and IDX files.
#include "data_feed.h"
#include "run.h"

#define FASHION "/usr/share/datasets/fashion-mnist"

static void make_folder(void)
{
    forget_error();
    tempdir_make();
}

START_TEST(data_tells_what_it_is)
{
    struct numbers n = {0};
    weft_data *d = numbers(&n, 7);
    ck_assert_int_eq(weft_data_count(d), 7);
    ck_assert_int_eq(weft_data_x(d)->dtype, WEFT_I32);
    ck_assert_int_eq(weft_data_x(d)->shape[0], 2);
    ck_assert_int_eq(weft_data_y(d)->dtype, WEFT_I64);
    weft_data_destroy(&d);
    ck_assert_ptr_null(d);
    weft_data_destroy(&d);
    ck_assert_int_eq(n.destroyed, 1);
    ck_assert_int_eq(weft_data_count(NULL), 0);
    ck_assert(!weft_data_x(NULL) && !weft_data_y(NULL));
}
END_TEST

static const struct bad_source {
    struct weft_row x, y;
    int64_t count;
    bool no_get;
    enum weft_status status;
    const char *text;
} bad_source[] = {
    {{WEFT_F32, 1, {2}}, {0}, 1, true, WEFT_PARAM, ".get is NULL"},
    {{WEFT_F32, 1, {2}}, {0}, -3, false, WEFT_PARAM, ".count is -3"},
    {{0}, {0}, 1, false, WEFT_DTYPE, "x has dtype 0"},
    {{WEFT_F32}, {(enum weft_dtype)77}, 1, false, WEFT_DTYPE, "y has dtype 77"},
    {{WEFT_F32, 8, {1, 1, 1, 1, 1, 1, 1}}, {0}, 1, false, WEFT_SHAPE, "8 dimensions, 0 to 7"},
    {{WEFT_F32, -1}, {0}, 1, false, WEFT_SHAPE, "-1 dimensions"},
    {{WEFT_F32, 2, {3, 0}}, {0}, 1, false, WEFT_SHAPE, "x is [3,0], its sizes"},
    {{WEFT_F32}, {WEFT_U8, 1, {-4}}, 1, false, WEFT_SHAPE, "y is [-4]"},
    {{WEFT_U8, 2, {INT64_C(1) << 32, INT64_C(1) << 31}}, {0}, 1, false, WEFT_SHAPE, "more than"},
    {{WEFT_F64, 1, {INT64_C(1) << 60}}, {0}, 1, false, WEFT_SHAPE, "more than memory"},
};

START_TEST(bad_source_is_refused_and_freed)
{
    const struct bad_source *b = &bad_source[_i];
    struct numbers n = {0};
    struct weft_data_source src = source(&n, b->count);
    src.x = b->x;
    src.y = b->y;
    if (b->no_get)
        src.get = NULL;
    ck_assert_ptr_null(weft_data_create(&src, &err));
    ck_error(b->status, b->text);
    ck_assert_int_eq(n.destroyed, 1);
}
END_TEST

START_TEST(largest_row_and_no_rows_are_data)
{
    struct numbers n = {0};
    struct weft_data_source src = source(&n, 0);
    src.x = (struct weft_row){WEFT_I8, 7, {1, 1, 1, 1, 1, 1, PTRDIFF_MAX}};
    weft_data *d = weft_data_create(&src, &err);
    ck_assert_ptr_nonnull(d);
    weft_data_destroy(&d);
}
END_TEST

START_TEST(source_without_size_is_named)
{
    struct numbers n = {0};
    struct weft_data_source src = source(&n, 1);
    src.size = 0;
    ck_assert_ptr_null(weft_data_create(&src, &err));
    ck_error(WEFT_PARAM, ".size is 0");
    ck_assert_ptr_null(weft_data_create(NULL, &err));
    ck_error(WEFT_PARAM, "NULL");
}
END_TEST

static void ck_small_set(const char *split)
{
    weft_data *d = weft_data_idx(tempdir, split, &err);
    ck_assert_msg(d != NULL, "%s", err.text);
    const struct weft_row *x = weft_data_x(d), *y = weft_data_y(d);
    ck_assert(x->dtype == WEFT_U8 && x->ndim == 3 && y->dtype == WEFT_I64 && y->ndim == 0);
    ck_assert(x->shape[0] == 1 && x->shape[1] == 2 && x->shape[2] == 3);
    weft_loader *l = weft_loader_create(d, NULL, &err);
    struct wf_host_batch b;
    ck_assert(wf_loader_host_batch(l, &b, &err));
    ck_assert_int_eq(b.rows, 2);
    ck_assert_mem_eq(b.x, images + 16, 12);
    ck_assert_int_eq(((const int64_t *)b.y)[0], 7);
    ck_assert_int_eq(((const int64_t *)b.y)[1], 200);
    weft_loader_destroy(&l);
}

START_TEST(idx_reads_plain_files)
{
    put_small_set();
    ck_small_set("train");
    ck_assert_ptr_null(weft_data_idx(tempdir, "test", &err));
    ck_error(WEFT_IO, "t10k-images-idx3-ubyte: is not there, nor is it with .gz");
    put_file(in_tempdir("t10k-images-idx3-ubyte"), images, sizeof images);
    put_file(in_tempdir("t10k-labels-idx1-ubyte"), labels, sizeof labels);
    ck_small_set("test");
}
END_TEST

START_TEST(idx_names_what_is_missing)
{
    ck_assert_ptr_null(weft_data_idx("/nowhere/at/all", "train", &err));
    ck_error(WEFT_IO, "/nowhere/at/all/" IMAGES ": is not there, nor is it with .gz");
    put_file(in_tempdir(IMAGES), images, sizeof images);
    ck_assert_ptr_null(weft_data_idx(tempdir, "train", &err));
    ck_error(WEFT_IO, LABELS ": is not there");
    char deep[600];
    memset(deep, 'd', sizeof deep);
    deep[sizeof deep - 1] = 0;
    ck_assert_ptr_null(weft_data_idx(deep, "train", &err));
    ck_error(WEFT_IO, IMAGES ": is not there, nor is it with .gz");
    ck_assert_ptr_null(weft_data_idx(tempdir, "validation", &err));
    ck_error(WEFT_PARAM, "validation");
    ck_assert_ptr_null(weft_data_idx(tempdir, NULL, &err));
    ck_error(WEFT_PARAM, "split NULL");
    ck_assert_ptr_null(weft_data_idx(NULL, "train", &err));
    ck_error(WEFT_PARAM, "folder NULL");
}
END_TEST

START_TEST(one_idx_file_of_any_dimensions)
{
    static const unsigned char table[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
    unsigned char row[6];
    put_file(in_tempdir("table"), table, sizeof table);
    weft_data *d = weft_data_idx_file(in_tempdir("table"), &err);
    ck_assert_msg(d != NULL, "%s", err.text);
    ck_assert_int_eq(weft_data_count(d), 2);
    ck_assert(weft_data_x(d)->ndim == 1 && weft_data_x(d)->shape[0] == 3 && !weft_data_y(d)->dtype);
    ck_assert(weft_data_get(d, 1, row, NULL, &err));
    ck_assert_mem_eq(row, table + 15, 3);
    weft_data_destroy(&d);
    put_file(in_tempdir("images"), images, sizeof images);
    d = weft_data_idx_file(in_tempdir("images"), &err);
    ck_assert(d && weft_data_x(d)->ndim == 3 && weft_data_x(d)->shape[0] == 1);
    ck_assert(weft_data_get(d, 1, row, NULL, &err));
    ck_assert_mem_eq(row, images + 22, 6);
    weft_data_destroy(&d);
}
END_TEST

START_TEST(one_idx_file_that_is_none)
{
    static const unsigned char four[] = {0, 0, 8, 4, 0, 0, 0, 1};
    put_file(in_tempdir("four"), four, sizeof four);
    ck_assert_ptr_null(weft_data_idx_file(in_tempdir("four"), &err));
    ck_error(WEFT_FORMAT, "four: has 8 bytes, its header alone wants 16");
    put_file(in_tempdir("two"), four, 2);
    ck_assert_ptr_null(weft_data_idx_file(in_tempdir("two"), &err));
    ck_error(WEFT_FORMAT, "two: has 2 bytes");
    ck_assert_ptr_null(weft_data_idx_file(in_tempdir("none"), &err));
    ck_error(WEFT_IO, "none");
    ck_assert_ptr_null(weft_data_idx_file(NULL, &err));
    ck_error(WEFT_PARAM, "NULL");
    ck_assert_ptr_null(weft_data_idx_file("", &err));
    ck_error(WEFT_PARAM, "empty");
}
END_TEST

static const struct bad_idx {
    const char *file;
    size_t bytes; // of the content, which is the good one with one byte changed
    int at, value;
    const char *text;
} bad_idx[] = {
    {IMAGES, 27, 0, 0, IMAGES ": has 27 bytes, its header wants 28"},
    {IMAGES, 16, 0, 0, IMAGES ": has 16 bytes, its header wants 28"},
    {IMAGES, 15, 0, 0, IMAGES ": has 15 bytes, its header alone wants 16"},
    {IMAGES, 0, 0, 0, IMAGES ": has 0 bytes, its header alone wants 16"},
    {IMAGES, 29, 0, 0, IMAGES ": has 29 bytes, its header wants 28"},
    {IMAGES, 28, 3, 1, IMAGES ": begins with 0x00000801, wanted 0x00000803"},
    {IMAGES, 28, 7, 0, IMAGES ": its header says [0,2,3], wanted sizes above 0"},
    {IMAGES, 28, 15, 0, IMAGES ": its header says [2,2,0], wanted sizes above 0"},
    {IMAGES, 28, 11, 3, IMAGES ": has 28 bytes, its header wants 34"},
    {LABELS, 9, 0, 0, LABELS ": has 9 bytes, its header wants 10"},
    {LABELS, 11, 0, 0, LABELS ": has 11 bytes, its header wants 10"},
    {LABELS, 10, 3, 3, LABELS ": begins with 0x00000803, wanted 0x00000801"},
    {LABELS, 10, 4, 255, LABELS ": has 10 bytes, its header wants 4278190090"},
    {LABELS, 9, 7, 1, LABELS ": has 1 labels, " IMAGES " has 2 images"},
};

START_TEST(idx_refuses_a_damaged_file)
{
    const struct bad_idx *b = &bad_idx[_i];
    unsigned char content[64] = {0};
    if (strcmp(b->file, IMAGES))
        memcpy(content, labels, sizeof labels);
    else
        memcpy(content, images, sizeof images);
    content[b->at] = (unsigned char)b->value;
    put_small_set();
    put_file(in_tempdir(b->file), content, b->bytes);
    ck_assert_ptr_null(weft_data_idx(tempdir, "train", &err));
    ck_error(WEFT_FORMAT, b->text);
}
END_TEST

START_TEST(idx_refuses_sizes_that_overflow)
{
    unsigned char content[28] = {0, 0, 8, 3};
    memset(content + 4, 255, 12);
    put_small_set();
    put_file(in_tempdir(IMAGES), content, sizeof content);
    ck_assert_ptr_null(weft_data_idx(tempdir, "train", &err));
    ck_error(WEFT_FORMAT, IMAGES ": its header says more than memory can hold");
}
END_TEST

#ifdef WF_HAVE_ZLIB
// The set as Python's gzip and struct read it.
static const struct fashion {
    const char *split;
    int count, label[5], last_label;
    uint64_t sum, first_sum, last_sum, label_sum; // of pixels: all, first image, last image
} fashion[] = {
    {"train", 60000, {9, 0, 0, 3, 0}, 5, 3431114169, 76247, 16684, 270000},
    {"test", 10000, {9, 2, 1, 1, 6}, 5, 573469082, 33456, 24390, 45000},
};

static uint64_t sum_bytes(const unsigned char *p, int64_t n)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += p[i];
    return sum;
}

static void ck_fashion(const struct fashion *f, const struct wf_host_batch *b)
{
    const int64_t *y = b->y;
    const unsigned char *x = b->x;
    uint64_t label_sum = 0;
    for (int i = 0; i < f->count; i++)
        label_sum += (uint64_t)y[i];
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(y[i], f->label[i]);
    ck_assert_int_eq(y[f->count - 1], f->last_label);
    ck_assert_uint_eq(label_sum, f->label_sum);
    ck_assert_uint_eq(sum_bytes(x, f->count * INT64_C(784)), f->sum);
    ck_assert_uint_eq(sum_bytes(x, 784), f->first_sum);
    ck_assert_uint_eq(sum_bytes(x + (f->count - 1) * INT64_C(784), 784), f->last_sum);
}

START_TEST(fashion_mnist_is_what_python_reads)
{
    const struct fashion *f = &fashion[_i];
    weft_data *d = weft_data_idx(FASHION, f->split, &err);
    ck_assert_msg(d != NULL, "%s", err.text);
    ck_assert_int_eq(weft_data_count(d), f->count);
    ck_assert_int_eq(weft_data_x(d)->shape[1], 28);
    weft_loader *l = weft_loader_create(d, weft_loader_params(.batch = f->count, .ahead = 1), &err);
    struct wf_host_batch b;
    ck_assert(wf_loader_host_batch(l, &b, &err));
    ck_assert_int_eq(b.rows, f->count);
    ck_fashion(f, &b);
    weft_loader_destroy(&l);
}
END_TEST

static uint32_t crc32_of(const unsigned char *p, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

// One gzip member with one stored block. Returns its bytes, 23 more than n.
static size_t gzip_member(unsigned char *to, const unsigned char *data, size_t n)
{
    uint32_t crc = crc32_of(data, n);
    unsigned char head[15] = {31, 139, 8, 0, 0, 0, 0, 0, 0, 255, 1};
    head[11] = (unsigned char)n;
    head[13] = (unsigned char)~n;
    head[12] = (unsigned char)(n >> 8);
    head[14] = (unsigned char)(~n >> 8);
    memcpy(to, head, 15);
    memcpy(to + 15, data, n);
    unsigned char *tail = to + 15 + n;
    for (int i = 0; i < 4; i++) {
        tail[i] = (unsigned char)(crc >> 8 * i);
        tail[4 + i] = (unsigned char)(n >> 8 * i);
    }
    return n + 23;
}

static void put_gzip(const char *name, const unsigned char *data, size_t n)
{
    unsigned char packed[128];
    put_file(in_tempdir(name), packed, gzip_member(packed, data, n));
}

START_TEST(gzip_of_two_members_is_one_file)
{
    unsigned char packed[128];
    size_t n = gzip_member(packed, images, 18);
    n += gzip_member(packed + n, images + 18, sizeof images - 18);
    put_file(in_tempdir(IMAGES ".gz"), packed, n);
    put_gzip(LABELS ".gz", labels, sizeof labels);
    ck_small_set("train");
}
END_TEST

START_TEST(gzip_content_is_checked)
{
    unsigned char content[64] = {0};
    memcpy(content, images, sizeof images);
    put_gzip(LABELS ".gz", labels, sizeof labels);
    put_gzip(IMAGES ".gz", content, 20);
    ck_assert_ptr_null(weft_data_idx(tempdir, "train", &err));
    ck_error(WEFT_FORMAT, IMAGES ".gz: has 20 bytes, its header wants 28");
    put_gzip(IMAGES ".gz", content, 31);
    ck_assert_ptr_null(weft_data_idx(tempdir, "train", &err));
    ck_error(WEFT_FORMAT, IMAGES ".gz: has 31 bytes, its header wants 28");
    put_gzip(IMAGES ".gz", content, 9);
    ck_assert_ptr_null(weft_data_idx(tempdir, "train", &err));
    ck_error(WEFT_FORMAT, IMAGES ".gz: has 9 bytes, its header alone wants 16");
    content[4] = content[8] = 100; // 2^61 bytes, which nobody should try to allocate
    put_gzip(IMAGES ".gz", content, 28);
    ck_assert_ptr_null(weft_data_idx(tempdir, "train", &err));
    ck_error(WEFT_FORMAT, IMAGES ".gz: has 28 bytes, its header wants 8444249");
}
END_TEST

static const struct bad_gzip {
    int bytes; // kept
    int at, value;
    const char *text;
} bad_gzip[] = {
    {0, 0, 31, "cut"},
    {5, 0, 31, "cut"},
    {20, 0, 31, "cut"},
    {50, 0, 31, "cut"},
    {51, 0, 32, "incorrect header check"},
    {51, 10, 7, "invalid block type"},
    {51, 30, 99, "incorrect data check"}, // a pixel
    {51, 47, 99, "incorrect length check"},
    {52, 0, 31, "cut"}, // one byte of what could be another member
    {53, 0, 31, "incorrect header check"},
};

START_TEST(damaged_gzip_is_named_with_the_reason)
{
    const struct bad_gzip *b = &bad_gzip[_i];
    unsigned char packed[128] = {0};
    ck_assert_int_eq(gzip_member(packed, images, sizeof images), 51);
    packed[51] = 31;
    packed[b->at] = (unsigned char)b->value;
    put_file(in_tempdir(IMAGES ".gz"), packed, (size_t)b->bytes);
    put_file(in_tempdir(LABELS), labels, sizeof labels);
    ck_assert_ptr_null(weft_data_idx(tempdir, "train", &err));
    ck_assert_ptr_nonnull(strstr(err.text, in_tempdir(IMAGES ".gz: gzip: ")));
    ck_error(WEFT_FORMAT, b->text);
}
END_TEST
#else
START_TEST(gzip_without_zlib_is_named)
{
    put_file(in_tempdir(IMAGES ".gz"), "x", 1);
    ck_assert_ptr_null(weft_data_idx(tempdir, "train", &err));
    ck_error(WEFT_UNSUPPORTED, "build it with zlib");
}
END_TEST
#endif

static TCase *source_tests(void)
{
    TCase *t = tcase_create("source");
    tcase_add_checked_fixture(t, forget_error, NULL);
    tcase_add_test(t, data_tells_what_it_is);
    tcase_add_loop_test(t, bad_source_is_refused_and_freed, 0, ROWS(bad_source));
    tcase_add_test(t, largest_row_and_no_rows_are_data);
    tcase_add_test(t, source_without_size_is_named);
    return t;
}

static TCase *idx_tests(void)
{
    TCase *t = tcase_create("idx");
    tcase_add_checked_fixture(t, make_folder, tempdir_remove);
    tcase_add_test(t, idx_reads_plain_files);
    tcase_add_test(t, idx_names_what_is_missing);
    tcase_add_test(t, one_idx_file_of_any_dimensions);
    tcase_add_test(t, one_idx_file_that_is_none);
    tcase_add_loop_test(t, idx_refuses_a_damaged_file, 0, ROWS(bad_idx));
    tcase_add_test(t, idx_refuses_sizes_that_overflow);
#ifdef WF_HAVE_ZLIB
    tcase_add_loop_test(t, fashion_mnist_is_what_python_reads, 0, ROWS(fashion));
    tcase_add_test(t, gzip_of_two_members_is_one_file);
    tcase_add_test(t, gzip_content_is_checked);
    tcase_add_loop_test(t, damaged_gzip_is_named_with_the_reason, 0, ROWS(bad_gzip));
#else
    tcase_add_test(t, gzip_without_zlib_is_named);
#endif
    return t;
}

int main(void)
{
    Suite *suite = suite_create("data");
    TCase *tests[] = {source_tests(), idx_tests()};
    for (int i = 0; i < ROWS(tests); i++) {
        tcase_set_timeout(tests[i], 60);
        suite_add_tcase(suite, tests[i]);
    }
    return run_suite(suite);
}
