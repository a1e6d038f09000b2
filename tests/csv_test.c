// CSV files as data sets, and the numbers in them.
#include "base/number.h"
#include "run.h"
#include "tempdir.h"
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <weft/csv.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static struct weft_error err;
static const char *path; // of a file in the test's folder

static void setup(void)
{
    tempdir_make();
    path = in_tempdir("a.csv");
    err = (struct weft_error){0};
}

#ifdef WF_HAVE_CSV
static weft_data *try_bytes(const char *text, size_t n, const struct weft_csv_params *o)
{
    put_file(path, text, n);
    err = (struct weft_error){0};
    return weft_data_csv(path, o, &err);
}

static weft_data *read_text(const char *text, const struct weft_csv_params *o)
{
    weft_data *d = try_bytes(text, strlen(text), o);
    ck_assert_msg(d, "%s", err.text);
    return d;
}

// Compares the numbers, y last in each row, and destroys.
static void ck_numbers(weft_data *d, int rows, int columns, const double *want)
{
    ck_assert_int_eq(weft_data_count(d), rows);
    ck_assert(weft_data_x(d)->dtype == WEFT_F32 && weft_data_x(d)->ndim == 1);
    ck_assert_int_eq(weft_data_x(d)->shape[0], columns);
    for (int row = 0; row < rows; row++) {
        float x[8];
        union {
            int64_t label;
            float f;
        } y;
        ck_assert(weft_data_get(d, row, x, &y, &err));
        for (int i = 0; i < columns; i++, want++)
            ck_assert_msg(x[i] == (float)*want || (isnan(x[i]) && isnan(*want)),
                          "row %d, column %d: %g", row, i, (double)x[i]);
        if (weft_data_y(d)->dtype == WEFT_I64)
            ck_assert_int_eq(y.label, (int64_t)*want++);
        else if (weft_data_y(d)->dtype)
            ck_assert_float_eq(y.f, (float)*want++);
    }
    weft_data_destroy(&d);
}
#define CK(d, rows, columns, ...) ck_numbers(d, rows, columns, (const double[]){__VA_ARGS__})

START_TEST(last_column_is_the_target)
{
    weft_data *d = read_text("a,b,price\n1,2,3\n-4.5,5e2,.6\n", NULL);
    ck_assert_str_eq(weft_data_columns(d)[0], "a");
    ck_assert_str_eq(weft_data_columns(d)[1], "b");
    ck_assert_ptr_null(weft_data_classes(d, NULL));
    ck_assert(weft_data_y(d)->dtype == WEFT_F32 && weft_data_y(d)->ndim == 0);
    CK(d, 2, 2, 1, 2, 3, -4.5, 500, 0.6);
}
END_TEST

START_TEST(columns_are_chosen)
{
    static const char text[] = "a,b,c,1\n10,20,30,40\n11,21,31,41\n";
    CK(read_text(text, weft_csv_params(.target = "b")), 2, 3, 10, 30, 40, 20, 11, 31, 41, 21);
    CK(read_text(text, weft_csv_params(.target = "0")), 2, 3, 20, 30, 40, 10, 21, 31, 41, 11);
    CK(read_text(text, weft_csv_params(.target = "1")), 2, 3, 10, 20, 30, 40, 11, 21, 31, 41);
    CK(read_text(text, weft_csv_params(.no_target = true)), 2, 4, 10, 20, 30, 40, 11, 21, 31, 41);
    CK(read_text(text, weft_csv_params(.skip = "c,0")), 2, 1, 20, 40, 21, 41);
    weft_data *d = read_text(text, weft_csv_params(.skip = "a", .target = "c"));
    ck_assert_str_eq(weft_data_columns(d)[0], "b");
    ck_assert_str_eq(weft_data_columns(d)[1], "1");
    CK(d, 2, 2, 20, 40, 30, 21, 41, 31);
    d = read_text("1,2\n3,4", weft_csv_params(.no_header = true, .target = "0"));
    ck_assert_ptr_null(weft_data_columns(d));
    CK(d, 2, 1, 2, 1, 4, 3);
    CK(read_text("a;b\n1;2\n", weft_csv_params(.separator = ';')), 1, 1, 1, 2);
    CK(read_text("a\tb\n1\t2\n", weft_csv_params(.separator = '\t')), 1, 1, 1, 2);
    CK(read_text("id;a;b\nx;1;2\n", weft_csv_params(.separator = ';', .skip = "id;")), 1, 1, 1, 2);
}
END_TEST

START_TEST(columns_are_named)
{
    static const char text[] = "a,b,c,1\n10,x,30,40\n11,y,31,41\n";
    const char *const ca[] = {"c", "a"}, *const twice[] = {"a", "a"}, *const number[] = {"0"};
    const char *const numbers[] = {"3", "0"}, *const one[] = {"1"};
    weft_data *d = read_text(text, weft_csv_params(.columns = ca, .column_count = 2));
    ck_assert_str_eq(weft_data_columns(d)[0], "c");
    ck_assert_str_eq(weft_data_columns(d)[1], "a");
    ck_assert_str_eq(weft_data_target(d), "1");
    CK(d, 2, 2, 30, 10, 40, 31, 11, 41);
    d = read_text(text, weft_csv_params(.columns = ca, .column_count = 2, .no_target = true));
    ck_assert_ptr_null(weft_data_target(d));
    CK(d, 2, 2, 30, 10, 31, 11);
    d = read_text(text, weft_csv_params(.columns = one, .column_count = 1, .target = "2"));
    ck_assert_str_eq(weft_data_target(d), "c");
    CK(d, 2, 1, 40, 30, 41, 31);
    d = read_text("1,2,3,4\n5,6,7,8\n", weft_csv_params(.columns = numbers, .column_count = 2,
                                                        .no_header = true, .target = "1"));
    ck_assert_str_eq(weft_data_target(d), "1");
    CK(d, 2, 2, 4, 1, 2, 8, 5, 6);
    ck_assert(
        !try_bytes("a,c,a,d\n1,2,3,4\n", 16, weft_csv_params(.columns = ca, .column_count = 2)));
    ck_assert_msg(strstr(err.text, "a.csv: more than one column 'a'"), "%s", err.text);
    const struct {
        const char *const *columns;
        int n;
        const char *target, *skip, *says;
    } bad[] = {{number, 1, NULL, NULL, "a.csv: no column '0', wanted one of the 4"},
               {twice, 2, NULL, NULL, "a.csv: column 'a' is in two places of x"},
               {ca, 2, "c", NULL, "a.csv: column 2 is the target, and one of x"},
               {ca, 2, NULL, "b", ".skip is given"},
               {NULL, 2, NULL, NULL, ".columns is NULL"},
               {ca, -1, NULL, NULL, ".column_count is -1"}};
    for (int i = 0; i < COUNT(bad); i++) {
        ck_assert(!try_bytes(text, sizeof text - 1,
                             weft_csv_params(.columns = bad[i].columns, .column_count = bad[i].n,
                                             .target = bad[i].target, .skip = bad[i].skip)));
        ck_assert_msg(strstr(err.text, bad[i].says), "%s", err.text);
        ck_assert(err.status == WEFT_PARAM);
    }
}
END_TEST

START_TEST(texts_of_all_kinds_are_read)
{
    static const char *const text[] = {
        "a,b\n1,2\n3,4\n",
        "a,b\n1,2\n3,4",
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\r1,2\r3,4\r",
        "\xef\xbb\xbf\141,b\n1,2\n3,4\n",
        "\xef\xbb\xbf\"a\",b\n1,2\n3,4\n",
        "\n\na,b\n\n1,2\n \n\r\n3,4\n\n\n",
        "\"a\",\"b\"\n\"1\",\"2\"\n\"3\",\"4\"\n",
        " a , b \n 1 ,\t2\n\" 3\",4 \n",
        "a,b\n+1,2.0\n0003,4E0\n",
    };
    for (int i = 0; i < COUNT(text); i++) {
        weft_data *d = read_text(text[i], NULL);
        ck_assert_str_eq(weft_data_columns(d)[0], "a");
        CK(d, 2, 1, 1, 2, 3, 4);
    }
    weft_data *d = read_text("\"a,\"\"b\"\"\nc\",d\n1,2\n", NULL);
    ck_assert_str_eq(weft_data_columns(d)[0], "a,\"b\"\nc");
    CK(d, 1, 1, 1, 2);
}
END_TEST

START_TEST(labels_are_sorted)
{
    int n = 0;
    weft_data *d = read_text("x,kind\n1,setosa\n2,\"virginica\"\n3,Other\n4,setosa\n5,ab\n6,a\n",
                             weft_csv_params(.classes = true));
    const char *const *name = weft_data_classes(d, &n), *const want[] = {"Other", "a", "ab",
                                                                         "setosa", "virginica"};
    ck_assert_int_eq(n, COUNT(want));
    for (int i = 0; i < n; i++)
        ck_assert_str_eq(name[i], want[i]);
    CK(d, 6, 1, 1, 3, 2, 4, 3, 0, 4, 3, 5, 2, 6, 1);
    d = read_text("x,kind\n1,10\n2,9\n3,-1\n4,9.0\n5,10\n", weft_csv_params(.classes = true));
    name = weft_data_classes(d, &n);
    ck_assert_int_eq(n, 3);
    ck_assert_str_eq(name[0], "-1");
    ck_assert_str_eq(name[1], "9");
    ck_assert_str_eq(name[2], "10");
    CK(d, 5, 1, 1, 2, 2, 1, 3, 0, 4, 1, 5, 2);
    d = read_text("x,k\n1,10\n2,9\n3,b\n", weft_csv_params(.classes = true)); // now as texts
    CK(d, 3, 1, 1, 0, 2, 1, 3, 2);
    d = read_text("x,k\n1,NA\n2,\"a b\"\n",
                  weft_csv_params(.classes = true)); // a label like others
    ck_assert_str_eq(weft_data_classes(d, &n)[1], "a b");
    CK(d, 2, 1, 1, 0, 2, 1);
}
END_TEST

START_TEST(missing_numbers_are_nan_if_allowed)
{
    static const char text[] = "a,b,c\n1,,2\nNA,n/a,3\nnan,NULL,4\n?,\"\",5\n 6 ,  ,7\n";
    CK(read_text(text, weft_csv_params(.allow_missing = true)), 5, 2, 1, NAN, 2, NAN, NAN, 3, NAN,
       NAN, 4, NAN, NAN, 5, 6, NAN, 7);
    ck_assert(!try_bytes(text, sizeof text - 1, NULL));
    ck_assert_msg(strstr(err.text, "a.csv: line 2, column 'b': '', wanted a number: missing ones"),
                  "%s", err.text);
}
END_TEST

START_TEST(the_ends_of_f32)
{
    CK(read_text("a,b\n-3.4e38,1e-45\n3.4e38,1e-60\n", NULL), 2, 1, -3.4e38, 1e-45, 3.4e38, 0);
}
END_TEST

#define P(...)                                              \
    {                                                       \
        .size = sizeof(struct weft_csv_params), __VA_ARGS__ \
    }
static const struct bad_csv {
    const char *text;
    struct weft_csv_params o;
    enum weft_status status;
    const char *error;
} bad_csv[] = {
    {"", P(0), WEFT_FORMAT, "a.csv: is empty, wanted a header and rows"},
    {"\n\n \n", P(0), WEFT_FORMAT, "is empty, wanted a header and rows"},
    {"", P(.no_header = true), WEFT_FORMAT, "is empty, wanted rows"},
    {"\xef\xbb\xbf", P(0), WEFT_FORMAT, "is empty"},
    {"a,b\n", P(0), WEFT_FORMAT, "a.csv: has no rows after its header"},
    {"a,b\n1,2\n3\n", P(0), WEFT_FORMAT, "line 3: 1 fields, wanted 2"},
    {"a,b\n1,2\n3,4,5\n", P(0), WEFT_FORMAT, "line 3: 3 fields, wanted 2"},
    {"a,b\n1,2\n\n\n3,4,5\n", P(0), WEFT_FORMAT, "line 5: 3 fields"},
    {"a,b\r\n1,2\r\n\r\n3,4,5\r\n", P(0), WEFT_FORMAT, "line 4: 3 fields"},
    {"a,b\r1,2\r3,4,5\r", P(0), WEFT_FORMAT, "line 3: 3 fields"},
    {"a,b\r1,2\n3,4,5\n", P(0), WEFT_FORMAT, "line 3: 3 fields"},
    {"\"a\nb\",c\n1,x\n", P(0), WEFT_FORMAT, "line 3, column 'c': 'x', wanted a number"},
    {"a,b\n1,2\n3,4x\n", P(0), WEFT_FORMAT, "line 3, column 'b': '4x', wanted a number"},
    {"a,b\n1,2\n0x10,4\n", P(0), WEFT_FORMAT, "line 3, column 'a': '0x10', wanted a number"},
    {"a,b\n1;2,3\n", P(0), WEFT_FORMAT, "line 2, column 'a': '1;2', wanted a number"},
    {"a,b\n1 2,3\n", P(0), WEFT_FORMAT, "column 'a': '1 2', wanted a number"},
    {"a,b\n1e,3\n", P(0), WEFT_FORMAT, "column 'a': '1e'"},
    {"a,b\n.,3\n", P(0), WEFT_FORMAT, "column 'a': '.'"},
    {"a,b\n--1,3\n", P(0), WEFT_FORMAT, "column 'a': '--1'"},
    {"a,b\n\"1\n\033\",3\n", P(0), WEFT_FORMAT, "column 'a': '1  ', wanted a number"},
    {"a,b\n1e39,3\n", P(0), WEFT_FORMAT, "column 'a': '1e39', wanted a number within F32"},
    {"a,b\n1e999,3\n", P(0), WEFT_FORMAT, "column 'a': '1e999', wanted a number within F32"},
    {"a,b\n1,inf\n", P(0), WEFT_FORMAT, "column 'b': 'inf', wanted a number within F32"},
    {"a,b\n-Infinity,3\n", P(0), WEFT_FORMAT, "column 'a': '-Infinity', wanted a number within"},
    {"a,b\n1,setosa\n", P(0), WEFT_FORMAT, "column 'b': 'setosa', wanted a number"},
    {"a,b\n1,\n", P(.classes = true), WEFT_FORMAT, "line 2, column 'b': '', wanted a label"},
    {"1,2\n3,x\n", P(.no_header = true), WEFT_FORMAT, "line 2, column 1: 'x', wanted a number"},
    {"x,2\n3,4\n", P(.no_header = true), WEFT_FORMAT, "line 1, column 0: 'x', wanted a number"},
    {"a,b\n1,\"2\n3,4\n", P(0), WEFT_FORMAT, "a quote does not end"},
    {"a,b\n1,2\"\n", P(0), WEFT_FORMAT, "line 2: a quote inside a field"},
    {"a,b\n\"1\"0,2\n", P(0), WEFT_FORMAT, "line 2: a quote inside a field, or something after"},
    {"a,b\n1,2\n", P(.target = "c"), WEFT_PARAM, "a.csv: no column 'c', wanted one of the 2"},
    {"a,b\n1,2\n", P(.target = ""), WEFT_PARAM, "no column ''"},
    {"a,b\n1,2\n", P(.target = "2"), WEFT_PARAM, "no column '2'"},
    {"a,b\n1,2\n", P(.target = "-1"), WEFT_PARAM, "no column '-1'"},
    {"a,b\n1,2\n", P(.target = "99999999999999999999"), WEFT_PARAM, "no column '9999"},
    {"a,b\n1,2\n", P(.target = "a", .no_header = true), WEFT_PARAM, "by number from 0"},
    {"a,a,b\n1,2,3\n", P(.target = "a"), WEFT_PARAM, "more than one column 'a'"},
    {"a,b\n1,2\n", P(.skip = "x"), WEFT_PARAM, "no column 'x'"},
    {"a,b\n1,2\n", P(.skip = "b"), WEFT_PARAM, "column 1 is the target, and skipped"},
    {"a,b\n1,2\n", P(.skip = "a"), WEFT_PARAM, "2 columns leave none for x"},
    {"a\n1\n", P(0), WEFT_PARAM, "1 columns leave none for x"},
    {"a,b\n1,2\n", P(.separator = '"'), WEFT_PARAM, ".separator is a quote"},
    {"a,b\n1,2\n", P(.no_target = true, .target = "a"), WEFT_PARAM, ".no_target, and .target"},
    {"a,b\n1,2\n", P(.no_target = true, .classes = true), WEFT_PARAM, ".no_target, and .classes"},
};

START_TEST(bad_files_are_named_with_the_place)
{
    const struct bad_csv *b = &bad_csv[_i];
    weft_data *d = try_bytes(b->text, strlen(b->text), &b->o);
    ck_assert_msg(!d, "%s", b->text);
    ck_assert_msg(err.status == b->status && strstr(err.text, b->error), "%s\n%s", b->text,
                  err.text);
}
END_TEST

START_TEST(odd_bytes_are_refused)
{
    ck_assert(!try_bytes("a,b\n1,2\n\0,3\n", 12, NULL));
    ck_assert_msg(strstr(err.text, "line 3: a NUL, wanted text"), "%s", err.text);
    ck_assert(!weft_data_csv(NULL, NULL, NULL));
    err = (struct weft_error){0};
    ck_assert(!weft_data_csv("/nowhere/at.csv", NULL, &err));
    ck_assert(err.status == WEFT_IO && strstr(err.text, "/nowhere/at.csv"));
    char deep[600]; // the end of a long path is told
    memset(deep, 'd', sizeof deep);
    memcpy(deep, "/tmp/", 5);
    strcpy(deep + 590, "x.csv");
    ck_assert(!weft_data_csv(deep, NULL, NULL));
}
END_TEST

// Quadratic time would take minutes, and the field gigabytes.
START_TEST(huge_fields_are_refused_early)
{
    static char text[4 << 20];
    memset(text, '1', sizeof text);
    memcpy(text, "a,b\n\"", 5);
    ck_assert(!try_bytes(text, sizeof text, NULL));
    ck_assert_msg(strstr(err.text, "line 2: a field of more than 1 MiB"), "%s", err.text);
    memcpy(text, "a,b\n1", 5);
    ck_assert(!try_bytes(text, sizeof text, NULL));
    memset(text, '\n', sizeof text);
    memcpy(text, "a,b\n1,\"", 7);
    ck_assert(!try_bytes(text, sizeof text, NULL));
    ck_assert_msg(strstr(err.text, "or a quote that does not end"), "%s", err.text);
    memset(text, ',', sizeof text);
    ck_assert(!try_bytes(text, sizeof text, NULL));
    ck_assert_msg(strstr(err.text, "more than 1048576 columns"), "%s", err.text);
    memset(text, '\n', sizeof text); // blank lines are none
    memcpy(text, "a,b\n", 4);
    memcpy(text + sizeof text - 3, "1,2", 3);
    CK(try_bytes(text, sizeof text, NULL), 1, 1, 1, 2);
}
END_TEST

START_TEST(many_rows_and_labels)
{
    enum { ROWS = 20000 };
    char *text = malloc(ROWS * 32), *at = text;
    at += sprintf(at, "x,k\n");
    for (int i = 0; i < ROWS; i++)
        at += sprintf(at, "%d.5,k%05d\n", i, i * 7919 % ROWS);
    weft_data *d = try_bytes(text, (size_t)(at - text), weft_csv_params(.classes = true));
    int n;
    ck_assert(weft_data_classes(d, &n) && n == ROWS && weft_data_count(d) == ROWS);
    for (int i = 0; i < ROWS; i++) {
        float x;
        int64_t y;
        ck_assert(weft_data_get(d, i, &x, &y, &err));
        ck_assert(x == (float)i + 0.5f && y == i * 7919 % ROWS);
    }
    weft_data_destroy(&d);
    free(text);
}
END_TEST

static const char sample[] = "\xef\xbb\xbf\"a \"\"x\"\"\",b,kind\r\n1.5,-2e3,red\r\n\r\n"
                             "\"4\", 5 ,\"gr\neen\"\n6,NA,red\n";

START_TEST(every_cut_is_survived)
{
    for (size_t n = 0; n < sizeof sample; n++) {
        weft_data *d =
            try_bytes(sample, n, weft_csv_params(.classes = true, .allow_missing = true));
        ck_assert(d || (err.status && strstr(err.text, "a.csv")));
        weft_data_destroy(&d);
    }
}
END_TEST

START_TEST(changed_bytes_are_survived)
{
    static const char odd[] = {'"', ',', '\n', '\r', 0, ' ', '9', 'e', '\xff', '-'};
    uint32_t random = 99;
    int refused = 0;
    for (int i = 0; i < 4000; i++) {
        char text[sizeof sample];
        memcpy(text, sample, sizeof sample);
        for (int k = 0; k <= i % 4; k++) {
            random = random * 1664525 + 1013904223;
            text[(random >> 8) % (sizeof text - 1)] = odd[(random >> 28) % sizeof odd];
        }
        weft_data *d = try_bytes(
            text, sizeof text - 1,
            weft_csv_params(.classes = i & 1, .allow_missing = true, .no_header = i % 5 == 0));
        ck_assert(d || (err.status && strstr(err.text, "a.csv")));
        refused += !d;
        weft_data_destroy(&d);
    }
    ck_assert_int_gt(refused, 1000);
}
END_TEST
#else
START_TEST(csv_without_libcsv_is_named)
{
    ck_assert(!weft_data_csv(path, NULL, &err));
    ck_assert(err.status == WEFT_UNSUPPORTED && strstr(err.text, "build it with libcsv"));
}
END_TEST
#endif

static void ck_number(const char *text)
{
    double got = 0, want = strtod(text, NULL);
    ck_assert_msg(wf_parse_number(text, strlen(text), &got), "%s", text);
    ck_assert_msg(!memcmp(&got, &want, sizeof got), "%s: %.17g, wanted %.17g", text, got, want);
}

START_TEST(numbers_are_those_of_strtod)
{
    static const char *const text[] = {"0",
                                       "-0",
                                       "-.5",
                                       "5.",
                                       "1e0",
                                       "1E+2",
                                       "1e-2",
                                       "9007199254740993",
                                       "9007199254740992e22",
                                       "9007199254740992e23",
                                       "123456789012345678901234567890",
                                       "0.1",
                                       "1e22",
                                       "1e23",
                                       "1e-23",
                                       "1e308",
                                       "1e309",
                                       "-1e309",
                                       "1e-400",
                                       "4.9e-324",
                                       "2.4e-324",
                                       "1e99999999999",
                                       "0e99999999",
                                       "0.00000000000000000000000000000000000000000000012345",
                                       "1797693134862315708e290",
                                       "1.7976931348623159e308",
                                       "00000000000000000000000000000000000000001.5",
                                       "inf",
                                       "-Infinity"};
    for (int i = 0; i < COUNT(text); i++)
        ck_number(text[i]);
    uint64_t random = 1;
    for (int i = 0; i < 100000; i++) {
        char number[64];
        random = random * 6364136223846793005 + 1442695040888963407;
        int digits = (int)(random >> 59) % 19 + 1;
        snprintf(number, sizeof number, i & 1 ? "%.*ge%d" : "%.*g", digits,
                 (double)(int64_t)random / 65537, (int)(random >> 33) % 40 - 20);
        if (!strchr(number, 'e') || !strchr(strchr(number, 'e') + 1, 'e'))
            ck_number(number);
    }
}
END_TEST

START_TEST(other_texts_are_no_numbers)
{
    static const char *const text[] = {"",      "-",   "+",   ".",  "e5",    "1e",  "1e+",
                                       "1e5.0", "1,5", "1 ",  " 1", "0x10",  "nan", "infinit",
                                       "1.2.3", "--1", "+-1", "1f", "1_000", "in",  "infinityy"};
    double value;
    for (int i = 0; i < COUNT(text); i++)
        ck_assert_msg(!wf_parse_number(text[i], strlen(text[i]), &value), "%s", text[i]);
    char longest[502];
    memset(longest, '1', sizeof longest);
    ck_assert(wf_parse_number(longest, 500, &value) && isinf(value));
    ck_assert(!wf_parse_number(longest, 501, &value));
}
END_TEST

// With a comma for a point, where the machine has such a locale.
START_TEST(locale_changes_nothing)
{
    static const char *const name[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"};
    for (int i = 0; i < COUNT(name) && !setlocale(LC_ALL, name[i]); i++)
        ;
    double a, b;
    ck_assert(wf_parse_number("1.5", 3, &a) && wf_parse_number("1.5e-30", 7, &b));
    ck_assert(a == 1.5 && b > 1.49e-30 && b < 1.51e-30);
    ck_assert(!wf_parse_number("1,5", 3, &a) && !wf_parse_number("1,5e-30", 7, &a));
    setlocale(LC_ALL, "C");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("csv");
    TCase *t = tcase_create("csv");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, tempdir_remove);
#ifdef WF_HAVE_CSV
    tcase_add_test(t, last_column_is_the_target);
    tcase_add_test(t, columns_are_chosen);
    tcase_add_test(t, columns_are_named);
    tcase_add_test(t, texts_of_all_kinds_are_read);
    tcase_add_test(t, labels_are_sorted);
    tcase_add_test(t, missing_numbers_are_nan_if_allowed);
    tcase_add_test(t, the_ends_of_f32);
    tcase_add_loop_test(t, bad_files_are_named_with_the_place, 0, COUNT(bad_csv));
    tcase_add_test(t, odd_bytes_are_refused);
    tcase_add_test(t, huge_fields_are_refused_early);
    tcase_add_test(t, many_rows_and_labels);
    tcase_add_test(t, every_cut_is_survived);
    tcase_add_test(t, changed_bytes_are_survived);
#else
    tcase_add_test(t, csv_without_libcsv_is_named);
#endif
    tcase_add_test(t, numbers_are_those_of_strtod);
    tcase_add_test(t, other_texts_are_no_numbers);
    tcase_add_test(t, locale_changes_nothing);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
