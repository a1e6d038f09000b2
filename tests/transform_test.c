// Data sets in memory, in npy files, and those made of others.
#include "data_feed.h"
#include "run.h"
#include <math.h>

static const float xs[] = {1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60};
static const int64_t ys[] = {0, 1, 0, 2, 0, 1};
static const struct weft_file_tensor x6 = {
    .name = "x", .dtype = WEFT_F32, .ndim = 2, .shape = {6, 2}, .data = xs};
static const struct weft_file_tensor y6 = {
    .name = "y", .dtype = WEFT_I64, .ndim = 1, .shape = {6}, .data = ys};

static void make_folder(void)
{
    forget_error();
    tempdir_make();
}

static weft_data *six(void)
{
    weft_data *d = weft_data_memory(&x6, &y6, NULL, &err);
    ck_assert_msg(d, "%s", err.text);
    return d;
}

static weft_data *bytes(const unsigned char *data, int64_t rows, int64_t channels, int64_t pixels)
{
    const struct weft_file_tensor x = {
        .dtype = WEFT_U8, .ndim = 3, .shape = {rows, channels, pixels}, .data = data};
    return weft_data_memory(&x, NULL, NULL, &err);
}

static void ck_row(const weft_data *d, int64_t row, const float *x, int n, int64_t label)
{
    float got[8];
    int64_t y = -1;
    ck_assert_msg(weft_data_get(d, row, got, &y, &err), "%s", err.text);
    for (int i = 0; i < n; i++)
        ck_assert_float_eq_tol(got[i], x[i], 1e-6f);
    ck_assert_int_eq(y, label);
}

START_TEST(memory_is_borrowed_or_copied)
{
    float x[] = {1, 2, 3, 4};
    const struct weft_file_tensor t = {.dtype = WEFT_F32, .ndim = 1, .shape = {4}, .data = x};
    weft_data *borrowed = weft_data_memory(&t, NULL, NULL, &err);
    weft_data *copied = weft_data_memory(&t, &t, weft_data_memory_params(.copy = true), &err);
    ck_assert(borrowed && copied && !weft_data_y(borrowed)->dtype);
    ck_assert(weft_data_count(copied) == 4 && weft_data_x(copied)->ndim == 0);
    x[2] = 9;
    float a, b, c;
    ck_assert(weft_data_get(borrowed, 2, &a, NULL, &err));
    ck_assert(weft_data_get(copied, 2, &b, &c, &err));
    ck_assert(a == 9 && b == 3 && c == 3);
    weft_data_destroy(&borrowed);
    weft_data_destroy(&copied);
}
END_TEST

START_TEST(wrong_arrays_are_refused)
{
    struct weft_file_tensor t[] = {x6, x6, x6, x6, x6, x6};
    t[0].ndim = 0;
    t[1].shape[1] = 0;
    t[2].dtype = WEFT_DTYPE_NONE;
    t[3].data = NULL;
    t[4].shape[0] = INT64_C(1) << 61;
    t[5].ndim = 9;
    static const char *const text[] = {"0 dimensions, wanted 1 to 8",
                                       "[6,0], its sizes",
                                       "x is none",
                                       "at NULL",
                                       "more than memory",
                                       "9 dimensions"};
    for (int i = 0; i < ROWS(t); i++) {
        forget_error();
        ck_assert(!weft_data_memory(&t[i], NULL, NULL, &err));
        ck_assert_msg(err.status && strstr(err.text, text[i]), "%d: %s", i, err.text);
    }
    forget_error();
    struct weft_file_tensor five = y6;
    five.shape[0] = 5;
    ck_assert(!weft_data_memory(&x6, &five, NULL, &err));
    ck_error(WEFT_SHAPE, "x has 6 rows, y has 5");
    ck_assert(!weft_data_memory(NULL, NULL, NULL, &err));
    ck_error(WEFT_PARAM, "x is NULL");
}
END_TEST

START_TEST(npy_files_are_a_data_set)
{
    ck_assert(weft_npy_write(in_tempdir("x.npy"), &x6, &err));
    ck_assert(weft_npy_write(in_tempdir("y.npy"), &y6, &err));
    weft_data *d = weft_data_npy(in_tempdir("x.npy"), in_tempdir("y.npy"), &err);
    ck_assert_msg(d, "%s", err.text);
    for (int i = 0; i < 6; i++)
        ck_row(d, i, xs + 2 * i, 2, ys[i]);
    weft_data_destroy(&d);
    d = weft_data_npy(in_tempdir("x.npy"), NULL, &err);
    ck_assert(weft_data_count(d) == 6 && !weft_data_y(d)->dtype);
    weft_data_destroy(&d);
    ck_assert(!weft_data_npy(in_tempdir("x.npy"), in_tempdir("z.npy"), &err));
    ck_error(WEFT_IO, "z.npy: cannot be read");
    ck_assert(!weft_data_npy(NULL, NULL, &err));
    ck_error(WEFT_PARAM, "path is NULL");
    put_file(in_tempdir("y.npy"), "x", 1);
    ck_assert(!weft_data_npy(in_tempdir("x.npy"), in_tempdir("y.npy"), &err));
    ck_error(WEFT_FORMAT, "y.npy: has less than 10 bytes");
    ck_assert(weft_npy_write(in_tempdir("y.npy"),
                             &(struct weft_file_tensor){.dtype = WEFT_F32, .data = &(float){1}},
                             &err));
    ck_assert(!weft_data_npy(in_tempdir("y.npy"), NULL, &err));
    ck_error(WEFT_SHAPE, "/y.npy has 0 dimensions");
    ck_assert(weft_npy_write(
        in_tempdir("y.npy"),
        &(struct weft_file_tensor){.dtype = WEFT_F32, .ndim = 1, .shape = {1}, .data = &(float){1}},
        &err));
    ck_assert(!weft_data_npy(in_tempdir("x.npy"), in_tempdir("y.npy"), &err));
    ck_assert_ptr_nonnull(strstr(err.text, "/y.npy has 1"));
    ck_error(WEFT_SHAPE, "/x.npy has 6 rows");
}
END_TEST

START_TEST(subset_has_the_rows_asked_for)
{
    weft_data *d = weft_data_subset(six(), 4, (const int64_t[]){5, 0, 0, 3}, &err);
    ck_assert_int_eq(weft_data_count(d), 4);
    ck_row(d, 0, xs + 10, 2, 1);
    ck_row(d, 2, xs, 2, 0);
    ck_row(d, 3, xs + 6, 2, 2);
    d = weft_data_subset(d, 2, NULL, &err);
    ck_assert_int_eq(weft_data_count(d), 2);
    ck_row(d, 1, xs, 2, 0);
    ck_assert(!weft_data_get(d, 2, NULL, NULL, &err));
    ck_error(WEFT_PARAM, "row 2 of 2");
    ck_assert(!weft_data_get(d, 0, NULL, NULL, &err));
    ck_error(WEFT_PARAM, "x is NULL");
    ck_assert(!weft_data_subset(d, 3, NULL, &err));
    ck_error(WEFT_PARAM, "n is 3, the data set has 2 rows");
    ck_assert(!weft_data_subset(six(), 2, (const int64_t[]){0, 6}, &err));
    ck_error(WEFT_PARAM, "rows[1] is 6, wanted 0 to 5");
    ck_assert(!weft_data_subset(NULL, 0, NULL, &err));
    ck_error(WEFT_PARAM, "data is NULL");
}
END_TEST

// Which part each row of `numbers` came to: 1 validation; and that all came once.
static void take_parts(weft_data *train, weft_data *validation, char *part, int count)
{
    int64_t last = -1;
    memset(part, 9, (size_t)count);
    for (int which = 0; which < 2; which++, last = -1) {
        weft_data *d = which ? validation : train;
        for (int64_t i = 0; i < weft_data_count(d); i++) {
            int32_t x[2];
            int64_t y;
            ck_assert(weft_data_get(d, i, x, &y, &err));
            ck_assert_int_eq(part[x[0]], 9);
            ck_assert_int_gt(x[0], last);
            part[last = x[0]] = (char)which;
        }
    }
    ck_assert_ptr_null(memchr(part, 9, (size_t)count));
}

// The parts are destroyed in either order.
static void split_numbers(int train_first, uint64_t seed, double share, int count, char *part)
{
    struct numbers *n = feed((struct numbers){0});
    weft_data *train, *validation;
    ck_assert_msg(weft_data_split(numbers(n, count),
                                  weft_data_split_params(.validation = share, .seed = seed), &train,
                                  &validation, &err),
                  "%s", err.text);
    take_parts(train, validation, part, count);
    weft_data_destroy(train_first ? &train : &validation);
    ck_assert_int_eq(n->destroyed, 0);
    weft_data_destroy(train_first ? &validation : &train);
    ck_assert_int_eq(n->destroyed, 1);
    free(n);
}

static int ones(const char *part, int count)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        n += part[i];
    return n;
}

START_TEST(split_is_disjoint_complete_and_by_the_seed)
{
    char a[103], b[103];
    split_numbers(_i, 1, 0, 103, a);
    ck_assert_int_eq(ones(a, 103), 21); // 0.2
    split_numbers(_i, 1, 0, 103, b);
    ck_assert_mem_eq(a, b, sizeof a);
    split_numbers(_i, 2, 0, 103, b);
    ck_assert_mem_ne(a, b, sizeof a);
    split_numbers(_i, 1, 0.5, 4, b);
    ck_assert_int_eq(ones(b, 4), 2);
    split_numbers(_i, 1, 0.001, 10, b);
    ck_assert_int_eq(ones(b, 10), 1);
    split_numbers(_i, 1, 0.999, 10, b);
    ck_assert_int_eq(ones(b, 10), 9);
}
END_TEST

// In 2000 splits of 10 rows, each is chosen about 400 times; the deviation is 18.
START_TEST(split_is_fair)
{
    int times[10] = {0};
    for (uint64_t seed = 0; seed < 2000; seed++) {
        char part[10];
        split_numbers(0, seed, 0.2, 10, part);
        for (int i = 0; i < 10; i++)
            times[i] += part[i];
    }
    for (int i = 0; i < 10; i++)
        ck_assert(times[i] > 310 && times[i] < 490);
}
END_TEST

START_TEST(stratified_split_shares_each_label)
{
    enum { N = 1000 };
    static int64_t x[N];
    static unsigned char y[N];
    int all[4] = {0};
    for (int i = 0; i < N; i++) {
        x[i] = i;
        y[i] = i % 100 == 0 ? 3 : i % 7 == 0 ? 2 : i % 3 == 0;
        all[y[i]]++;
    }
    const struct weft_file_tensor xt = {.dtype = WEFT_I64, .ndim = 1, .shape = {N}, .data = x};
    const struct weft_file_tensor yt = {.dtype = WEFT_U8, .ndim = 1, .shape = {N}, .data = y};
    weft_data *train, *validation, *d = weft_data_memory(&xt, &yt, NULL, &err);
    ck_assert(weft_data_split(d, weft_data_split_params(.validation = 0.1, .stratified = true),
                              &train, &validation, &err));
    ck_assert(weft_data_count(train) == 900 && weft_data_count(validation) == 100);
    int got[4] = {0};
    for (int64_t i = 0; i < 100; i++) {
        int64_t row;
        unsigned char label;
        ck_assert(weft_data_get(validation, i, &row, &label, &err));
        ck_assert_int_eq(label, y[row]);
        got[label]++;
    }
    for (int k = 0; k < 4; k++)
        ck_assert_double_lt(fabs(got[k] - all[k] / 10.0), 1);
    weft_data_destroy(&train);
    weft_data_destroy(&validation);
}
END_TEST

START_TEST(wrong_splits_are_refused)
{
    weft_data *a = (weft_data *)&err, *b = a; // not NULL before
    ck_assert(!weft_data_split(six(), weft_data_split_params(.validation = 1), &a, &b, &err));
    ck_error(WEFT_PARAM, ".validation is 1, wanted a share");
    ck_assert(!a && !b);
    ck_assert(!weft_data_split(six(), weft_data_split_params(.validation = -1), &a, &b, NULL));
    ck_assert(!weft_data_split(six(), weft_data_split_params(.validation = NAN), &a, &b, NULL));
    ck_assert(!weft_data_split(six(), NULL, NULL, &b, &err));
    ck_error(WEFT_PARAM, "train or validation is NULL");
    ck_assert(!weft_data_split(NULL, NULL, &a, &b, &err));
    ck_error(WEFT_PARAM, "data is NULL");
    ck_assert(!weft_data_split(weft_data_subset(six(), 1, NULL, &err), NULL, &a, &b, &err));
    ck_error(WEFT_PARAM, "has 1 rows, wanted 2");
    weft_data *no_labels = weft_data_memory(&x6, &x6, NULL, &err);
    ck_assert(
        !weft_data_split(no_labels, weft_data_split_params(.stratified = true), &a, &b, &err));
    ck_error(WEFT_PARAM, "y is F32 [2], wanted one integer a row");
}
END_TEST

START_TEST(statistics_are_of_columns_or_of_all)
{
    weft_data *d = six();
    double mean[2], std[2];
    ck_assert(weft_data_statistics(d, 2, mean, std, &err));
    ck_assert_double_eq_tol(mean[0], 3.5, 1e-12);
    ck_assert_double_eq_tol(mean[1], 35, 1e-12);
    ck_assert_double_eq_tol(std[1], sqrt(17.5 / 6) * 10, 1e-12);
    ck_assert(weft_data_statistics(d, 1, mean, std, &err));
    ck_assert_double_eq_tol(mean[0], 19.25, 1e-12);
    ck_assert_double_eq_tol(std[0], sqrt(9191.0 / 12 - 19.25 * 19.25), 1e-9);
    ck_assert(!weft_data_statistics(d, 3, mean, std, &err));
    ck_error(WEFT_PARAM, "n is 3, a row of x is [2]");
    ck_assert(!weft_data_statistics(d, 2, NULL, std, &err));
    ck_error(WEFT_PARAM, "mean or std is NULL");
    weft_data_destroy(&d);
}
END_TEST

// A large mean takes no digits away; NaNs are left out.
START_TEST(statistics_of_hard_columns)
{
    const double x[] = {1e9 + 4, NAN, 7, 1e9 + 7, NAN, NAN, 1e9 + 13, NAN, 9, 1e9 + 16, NAN, 7};
    const struct weft_file_tensor t = {.dtype = WEFT_F64, .ndim = 2, .shape = {4, 3}, .data = x};
    weft_data *d = weft_data_memory(&t, NULL, NULL, &err);
    double mean[3], std[3];
    ck_assert(weft_data_statistics(d, 3, mean, std, &err));
    ck_assert_double_eq_tol(mean[0], 1e9 + 10, 1e-6);
    ck_assert_double_eq_tol(std[0], sqrt(22.5), 1e-6);
    ck_assert(isnan(mean[1]) && isnan(std[1]));
    ck_assert_double_eq_tol(mean[2], 23.0 / 3, 1e-12);
    ck_assert(!weft_data_normalize(d, NULL, &err));
    ck_error(WEFT_PARAM, "mean[1] is nan, std[1] nan");
}
END_TEST

START_TEST(normalized_columns_have_mean_0_and_std_1)
{
    double mean[2], std[2];
    weft_data *d = weft_data_normalize(six(), NULL, &err);
    ck_assert(weft_data_statistics(d, 2, mean, std, &err));
    for (int k = 0; k < 2; k++)
        ck_assert(fabs(mean[k]) < 1e-6 && fabs(std[k] - 1) < 1e-6);
    weft_data_destroy(&d);
    d = weft_data_normalize(
        six(), weft_data_normalize_params(.n = 1, .mean = (double[]){5}, .std = (double[]){2}),
        &err);
    ck_row(d, 2, (const float[]){-1, 12.5f}, 2, 0);
    weft_data_destroy(&d);
}
END_TEST

START_TEST(channels_of_bytes_are_in_units_of_one)
{
    static const unsigned char pixel[] = {0, 51, 102, 255, 255, 0, 204, 255};
    const double mean[] = {0.2, 0.5}, std[] = {0.1, 0.25};
    weft_data *d = weft_data_normalize(bytes(pixel, 2, 2, 2),
                                       weft_data_normalize_params(.mean = mean, .std = std), &err);
    ck_assert(weft_data_x(d)->dtype == WEFT_F32 && weft_data_x(d)->ndim == 2);
    float x[4], want[] = {-2, 0, -0.4f, 2};
    ck_assert(weft_data_get(d, 0, x, NULL, &err));
    for (int i = 0; i < 4; i++)
        ck_assert_float_eq_tol(x[i], want[i], 1e-6f);
    weft_data_destroy(&d);
    double m[2], s[2];
    d = bytes(pixel, 2, 2, 2);
    ck_assert(weft_data_statistics(d, 2, m, s, &err));
    ck_assert_double_eq_tol(m[0], (0 + 51 + 255 + 0) / 4.0 / 255, 1e-12);
    weft_data_destroy(&d);
}
END_TEST

// As elements of every dtype: narrower than F32, as wide, wider.
START_TEST(every_dtype_is_normalized)
{
    const union {
        int64_t i64[3];
        int32_t i32[3];
        int8_t i8[3];
        double f64[3];
        uint16_t u16[3];
    } value[] = {{.i64 = {1, 2, 5}},
                 {.i32 = {1, 2, 5}},
                 {.i8 = {1, 2, 5}},
                 {.f64 = {1, 2, 5}},
                 {.u16 = {0x3c00, 0x4000, 0x4500}},
                 {.u16 = {0x3f80, 0x4000, 0x40a0}}};
    static const enum weft_dtype dtype[] = {WEFT_I64, WEFT_I32, WEFT_I8,
                                            WEFT_F64, WEFT_F16, WEFT_BF16};
    for (int i = 0; i < ROWS(dtype); i++) {
        const struct weft_file_tensor t = {
            .dtype = dtype[i], .ndim = 2, .shape = {1, 3}, .data = &value[i]};
        weft_data *d = weft_data_normalize(
            weft_data_memory(&t, NULL, NULL, &err),
            weft_data_normalize_params(.n = 1, .mean = (double[]){1}, .std = (double[]){0}), &err);
        union {
            float f32[3];
            double f64[3];
        } x;
        ck_assert(weft_data_get(d, 0, &x, NULL, &err));
        bool f64 = weft_data_x(d)->dtype == WEFT_F64;
        ck_assert_int_eq(f64, dtype[i] == WEFT_F64);
        for (int k = 0; k < 3; k++)
            ck_assert_double_eq(f64 ? x.f64[k] : (double)x.f32[k], k * k); // 1 1 4 - 1 is 0 1 4
        weft_data_destroy(&d);
    }
}
END_TEST

START_TEST(wrong_numbers_are_refused)
{
    const double good[] = {1, 1}, bad[] = {1, -1}, nan[] = {NAN, 1};
    ck_assert(!weft_data_normalize(six(), weft_data_normalize_params(.mean = good), &err));
    ck_error(WEFT_PARAM, "mean is given alone");
    ck_assert(
        !weft_data_normalize(six(), weft_data_normalize_params(.mean = good, .std = bad), &err));
    ck_error(WEFT_PARAM, "std[1] -1");
    ck_assert(
        !weft_data_normalize(six(), weft_data_normalize_params(.mean = nan, .std = good), &err));
    ck_error(WEFT_PARAM, "mean[0] is nan");
    ck_assert(!weft_data_normalize(six(), weft_data_normalize_params(.n = -2), &err));
    ck_error(WEFT_PARAM, "n is -2");
    ck_assert(!weft_data_normalize(NULL, NULL, &err));
    ck_error(WEFT_PARAM, "data is NULL");
    weft_data *none = weft_data_idx("/nowhere", "train", &err);
    ck_assert(!weft_data_one_hot(weft_data_normalize(none, NULL, &err), 0, &err));
    ck_error(WEFT_IO, "/nowhere/");
}
END_TEST

START_TEST(labels_become_one_hot)
{
    for (int classes = 0; classes <= 3; classes += 3) {
        weft_data *d = weft_data_one_hot(six(), classes, &err);
        ck_assert_msg(d, "%s", err.text);
        ck_assert(weft_data_y(d)->dtype == WEFT_F32 && weft_data_y(d)->shape[0] == 3);
        for (int row = 0; row < 6; row++) {
            float x[2], y[3];
            ck_assert(weft_data_get(d, row, x, y, &err));
            for (int k = 0; k < 3; k++)
                ck_assert_float_eq(y[k], k == ys[row]);
        }
        weft_data_destroy(&d);
    }
    weft_data *d = weft_data_one_hot(six(), 2, &err);
    float x[2], y[3];
    ck_assert(!weft_data_get(d, 3, x, y, &err));
    ck_error(WEFT_PARAM, "label is 2, wanted 0 to 1");
    weft_data_destroy(&d);
    ck_assert(!weft_data_one_hot(six(), -1, &err));
    ck_error(WEFT_PARAM, "classes is -1");
    ck_assert(!weft_data_one_hot(weft_data_memory(&x6, NULL, NULL, &err), 2, &err));
    ck_error(WEFT_PARAM, "y is none [], wanted one integer a row");
    struct numbers n = {0}; // its labels are 0, -1, ...: the largest is 0
    d = weft_data_one_hot(numbers(&n, 3), 0, &err);
    ck_assert_int_eq(weft_data_y(d)->shape[0], 1);
    weft_data_destroy(&d);
}
END_TEST

// Names stay with the data through all that is made of it.
START_TEST(names_stay)
{
    static const char *const column[] = {"length", "width"}, *const name[] = {"a", "b", "c"};
    struct numbers n = {.fail = -1};
    struct weft_data_source src = source(&n, 5);
    src.columns = column;
    src.classes = name;
    src.class_count = 3;
    weft_data *d = weft_data_subset(weft_data_normalize(weft_data_create(&src, &err), NULL, &err),
                                    2, NULL, &err);
    int classes = 0;
    ck_assert_str_eq(weft_data_columns(d)[1], "width");
    ck_assert_str_eq(weft_data_classes(d, &classes)[2], "c");
    ck_assert_int_eq(classes, 3);
    d = weft_data_one_hot(d, 0, &err);
    ck_assert_int_eq(weft_data_y(d)->shape[0], 3);
    weft_data_destroy(&d);
    ck_assert_int_eq(n.destroyed, 1);
    ck_assert(!weft_data_columns(NULL) && !weft_data_classes(NULL, &classes) && !classes);
    src.classes = NULL;
    ck_assert(!weft_data_create(&src, &err));
    ck_error(WEFT_PARAM, ".class_count is 3, .classes is NULL");
}
END_TEST

START_TEST(a_failing_row_fails_what_needs_it)
{
    struct numbers n = {.fail = 3, .failures = 1000};
    double mean[2], std[2];
    weft_data *a, *b, *d = numbers(&n, 6);
    ck_assert(!weft_data_statistics(d, 2, mean, std, &err));
    ck_error(WEFT_FORMAT, "sensor: bad weather");
    ck_assert(!weft_data_split(d, weft_data_split_params(.stratified = true), &a, &b, &err));
    ck_error(WEFT_FORMAT, "sensor: bad weather");
    ck_assert_int_eq(n.destroyed, 1);
    struct numbers m = {.fail = 3, .failures = 1000};
    ck_assert(!weft_data_normalize(numbers(&m, 6), NULL, &err));
    ck_error(WEFT_FORMAT, "sensor: bad weather");
    ck_assert_int_eq(m.destroyed, 1);
}
END_TEST

// What the loader gives of it all, read by several threads.
START_TEST(parts_of_a_split_load_in_parallel)
{
    struct numbers *n = feed((struct numbers){.slow = 11});
    weft_data *train, *validation;
    ck_assert(weft_data_split(numbers(n, 60), NULL, &train, &validation, &err));
    weft_loader *t = weft_loader_create(train, weft_loader_params(.batch = 4, .threads = 2), &err);
    weft_loader *v = weft_loader_create(validation, weft_loader_params(.threads = 2), &err);
    struct wf_host_batch b;
    int rows = 0;
    for (; wf_loader_host_batch(t, &b, &err); wf_loader_consume(t))
        rows += (int)b.rows;
    for (; wf_loader_host_batch(v, &b, &err); wf_loader_consume(v))
        rows += (int)b.rows;
    ck_assert_int_eq(rows, 60);
    weft_loader_destroy(&t);
    finish(&v, n);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transform");
    TCase *t = tcase_create("transform");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, make_folder, tempdir_remove);
    tcase_add_test(t, memory_is_borrowed_or_copied);
    tcase_add_test(t, wrong_arrays_are_refused);
    tcase_add_test(t, npy_files_are_a_data_set);
    tcase_add_test(t, subset_has_the_rows_asked_for);
    tcase_add_loop_test(t, split_is_disjoint_complete_and_by_the_seed, 0, 2);
    tcase_add_test(t, split_is_fair);
    tcase_add_test(t, stratified_split_shares_each_label);
    tcase_add_test(t, wrong_splits_are_refused);
    tcase_add_test(t, statistics_are_of_columns_or_of_all);
    tcase_add_test(t, statistics_of_hard_columns);
    tcase_add_test(t, normalized_columns_have_mean_0_and_std_1);
    tcase_add_test(t, channels_of_bytes_are_in_units_of_one);
    tcase_add_test(t, every_dtype_is_normalized);
    tcase_add_test(t, wrong_numbers_are_refused);
    tcase_add_test(t, labels_become_one_hot);
    tcase_add_test(t, names_stay);
    tcase_add_test(t, a_failing_row_fails_what_needs_it);
    tcase_add_test(t, parts_of_a_split_load_in_parallel);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
