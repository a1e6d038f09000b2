// CSV files as data sets.
//
// In a library of its own, libweft-data (pkg-config weft-data), with what it needs: a program that
// uses libweft alone does not get libcsv.
#ifndef WEFT_CSV_H
#define WEFT_CSV_H
#include <weft/data.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weft_csv_params {
    size_t size;
    const char *target; // the column that is y: its name, or its number from 0 [the last]
    const char *skip;   // columns left out: names or numbers, between separators [none]
    char separator;     // [',']
    bool no_header;     // the first line is a row too, and columns have numbers only [no]
    bool no_target;     // every column is x [no]
    bool classes;       // y is a label, and becomes a number from 0 [no: y is a number]
    bool allow_missing; // a missing number is NaN [no: it is an error]
    // x is these columns in this order, by name, without a header by number; others are left out
    // [all but y and those of .skip]
    const char *const *columns;
    int column_count;
};
#define weft_csv_params(...) WEFT_PARAMS(weft_csv_params, __VA_ARGS__)

// Reads a CSV file (RFC 4180: quotes around fields, doubled inside; line ends LF or CRLF; UTF-8,
// with or without a byte order mark) into memory. x is F32 [column], y is F32 [] or, with .classes,
// I64 []: the labels' places among all labels, sorted, as numbers if all are numbers and else byte
// by byte. weft_data_columns() has the names of x's columns, if there is a header,
// weft_data_target() that of y's, without a header its number, and weft_data_classes() those of the
// labels.
//
// Numbers are decimal, with a point whatever the locale; spaces around them do not count. Missing
// is an empty field, NA, N/A, NaN, null or ?; as a label, only an empty field, which is always an
// error. Empty lines are skipped.
//
// WEFT_IO if the file cannot be read. WEFT_FORMAT with line and column for a field that is no
// number or beyond F32, a row with fewer or more fields than the first, a quote out of place, a
// field over 1 MiB, a NUL; and for a file without rows. WEFT_PARAM for a column that is not there
// or in two places, or no column left for x. WEFT_UNSUPPORTED where weft was built without libcsv.
WEFT_API weft_data *weft_data_csv(const char *path, const struct weft_csv_params *o,
                                  struct weft_error *err);

#ifdef __cplusplus
}
#endif
#endif
