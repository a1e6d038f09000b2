// Data sets and the loader that brings their rows to the device.
//
// A data set comes from files, from memory or from a source of one's own. Others are made of it: a
// part of its rows, or its rows with x normalized or y one-hot. Those take it, so they can be
// nested, and a NULL data set gives NULL and leaves its error:
//     data = weft_data_normalize(weft_data_idx(dir, "train", &err), NULL, &err);
//
// CSV files are in <weft/csv.h>, with a library of its own.
#ifndef WEFT_DATA_H
#define WEFT_DATA_H
#include <weft/file.h>
#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

// What one row of a data set looks like: its dtype and shape, without the batch.
struct weft_row {
    enum weft_dtype dtype; // WEFT_DTYPE_NONE: there is none (only for y)
    int ndim;
    int64_t shape[WEFT_MAX_DIMS - 1];
};

// A data set of one's own: rows that are fetched by number.
struct weft_data_source {
    size_t size;
    struct weft_row x, y; // input and target
    int64_t count;        // rows
    // Writes row `row` to x and, if there is a target, y. Called from the loader's threads, several
    // at once. On failure returns false and fills *err.
    bool (*get)(void *priv, int64_t row, void *x, void *y, struct weft_error *err);
    void (*destroy)(void *priv); // [nothing to free]
    void *priv;
    // Names, which stay where they are until destroy is called.
    const char *const *columns; // along x's first dimension, which is as long [none]
    const char *const *classes; // of y's labels 0 .. class_count - 1 [none]
    int class_count;
    const char *target; // of y [none]
};
#define weft_data_source(...) WEFT_PARAMS(weft_data_source, __VA_ARGS__)

// A data set: fixed rows. Thread-safety: safe.
typedef struct weft_data weft_data;

// Takes src->priv: destroy is called with it, even if this fails.
WEFT_API weft_data *weft_data_create(const struct weft_data_source *src, struct weft_error *err);
WEFT_API void weft_data_destroy(weft_data **data);

// The four files of MNIST and its kin in folder `dir`, read into memory: with split "train"
// train-images-idx3-ubyte and train-labels-idx1-ubyte, with split "test" the t10k-... files; each
// plain or, with zlib, ending in .gz. x is U8 [1, height, width], y is I64 [].
// WEFT_IO for a missing file, WEFT_FORMAT for one that is cut or is no IDX file; nothing after the
// data may follow. (Format: http://yann.lecun.com/exdb/mnist, "The IDX file format".)
WEFT_API weft_data *weft_data_idx(const char *dir, const char *split, struct weft_error *err);
// One IDX file of unsigned bytes in 1 to 3 dimensions, plain or, where the name ends in .gz,
// compressed, without targets: the first dimension is the row, and x is U8 [1, height, width] of 3
// dimensions, [n] of 2 and [] of 1. Errors as weft_data_idx().
WEFT_API weft_data *weft_data_idx_file(const char *path, struct weft_error *err);

struct weft_data_memory_params {
    size_t size;
    bool copy; // [no: the arrays are borrowed until the data set is destroyed]
};
#define weft_data_memory_params(...) WEFT_PARAMS(weft_data_memory_params, __VA_ARGS__)
// Arrays in memory: the first dimension of x, and of y if there is one (else NULL), is the row.
// WEFT_SHAPE for a scalar, for arrays of different lengths and for rows without elements.
WEFT_API weft_data *weft_data_memory(const struct weft_file_tensor *x,
                                     const struct weft_file_tensor *y,
                                     const struct weft_data_memory_params *o,
                                     struct weft_error *err);
// The same from one npy file, or two; y_path may be NULL. Labels keep their dtype, where the losses
// want I64 or I32. Errors as weft_npy_open() and
// weft_data_memory().
WEFT_API weft_data *weft_data_npy(const char *x_path, const char *y_path, struct weft_error *err);

// A part of the rows: those `rows` names, n of them, in that order and as often; NULL: the first n.
// Takes data. WEFT_PARAM for a row that is not there.
WEFT_API weft_data *weft_data_subset(weft_data *data, int64_t n, const int64_t *rows,
                                     struct weft_error *err);

struct weft_data_split_params {
    size_t size;
    double validation; // share of the rows, between 0 and 1 [0.2]
    uint64_t seed;     // which rows [0]
    // The same share of each label's rows, give or take one. y is integers, one a row. [no]
    bool stratified;
};
#define weft_data_split_params(...) WEFT_PARAMS(weft_data_split_params, __VA_ARGS__)
// Chooses rows at random for *validation and leaves the rest to *train: each row is in one of them,
// in its old order, and both have at least one. Takes data, which goes when both are destroyed. On
// failure both are NULL. WEFT_PARAM for fewer than two rows.
WEFT_API bool weft_data_split(weft_data *data, const struct weft_data_split_params *o,
                              weft_data **train, weft_data **validation, struct weft_error *err);

// mean[n] and std[n] of x over all rows: n is 1, for all elements, or the size of x's first
// dimension (the columns of [column], the channels of [channel, height, width]), for each index of
// it. std is that of the rows given, sqrt(mean((x - mean)^2)). U8 counts in the loader's units, 0
// .. 1. NaN, a missing value, is left out; where there is nothing else, both are NaN.
WEFT_API bool weft_data_statistics(const weft_data *data, int n, double *mean, double *std,
                                   struct weft_error *err);

struct weft_data_normalize_params {
    size_t size;
    const double *mean, *std; // [n] [both measured: weft_data_statistics()]
    int n;                    // 1, or the size of x's first dimension [that]
};
#define weft_data_normalize_params(...) WEFT_PARAMS(weft_data_normalize_params, __VA_ARGS__)
// x becomes (x - mean) / std, F32 (F64 stays F64), for each index of its first dimension or with
// one mean and std for all. U8 counts as x / 255, so the usual means of images, such as 0.5, fit. A
// std of 0, which a constant column has, counts as 1. For validation rows give what
// weft_data_statistics() says of the training rows. Takes data. WEFT_PARAM for a mean that is not
// finite, and for a std that is not or is below 0.
WEFT_API weft_data *weft_data_normalize(weft_data *data, const struct weft_data_normalize_params *o,
                                        struct weft_error *err);

// y, an integer label, becomes F32 [classes], 1 at the label and 0 elsewhere. With classes 0 it is
// the number of named classes, else the largest label and 1, for which all rows are read. A row
// whose label is not below classes is WEFT_PARAM when it is fetched. Takes data.
WEFT_API weft_data *weft_data_one_hot(weft_data *data, int classes, struct weft_error *err);

// Fetches one row: room for weft_data_x(data) at x, for weft_data_y(data) at y, if there is a
// target. WEFT_PARAM for a row that is not there; otherwise the source's errors.
WEFT_API bool weft_data_get(const weft_data *data, int64_t row, void *x, void *y,
                            struct weft_error *err);

WEFT_API int64_t weft_data_count(const weft_data *data); // rows; 0 for NULL
// Borrowed from the data set; NULL for NULL.
WEFT_API const struct weft_row *weft_data_x(const weft_data *data);
WEFT_API const struct weft_row *weft_data_y(const weft_data *data);
// The names along x's first dimension, and of y's labels with their number in *n (may be NULL):
// borrowed from the data set; NULL where there are none.
WEFT_API const char *const *weft_data_columns(const weft_data *data);
WEFT_API const char *const *weft_data_classes(const weft_data *data, int *n);
WEFT_API const char *weft_data_target(const weft_data *data); // y's name

// Brings batches to the device, made ready by threads of its own while the device works.
// Thread-safety: one thread at a time.
typedef struct weft_loader weft_loader;
struct weft_loader_params {
    size_t size;
    int batch;      // rows [32]; the last batch of an epoch may be smaller
    bool drop_last; // leaves a smaller last batch out [no]
    bool shuffle;   // a new order every epoch [no]
    uint64_t seed;  // of the order: the same seed gives the same order [0]
    int threads;    // that read ahead [1]; at most `ahead` are started
    int ahead;      // batches made ready, each with its memory [4]
    bool raw;       // U8 rows stay U8 [no: they become F32 in 0 .. 1, x / 255]
};
#define weft_loader_params(...) WEFT_PARAMS(weft_loader_params, __VA_ARGS__)

// Takes data; NULL data gives NULL. WEFT_PARAM for a data set without rows. The threads start here.
WEFT_API weft_loader *weft_loader_create(weft_data *data, const struct weft_loader_params *o,
                                         struct weft_error *err);
WEFT_API void weft_loader_destroy(weft_loader **l);

// The next batch, owned by the scope: *x [batch, ...] and, if y is not NULL, *y [batch, ...]. False
// at the end of an epoch, and the call after that begins the next one; false on error, which is
// then in the scope. Until weft_scope_reset() a batch and what was computed from it stay in memory.
WEFT_API bool weft_loader_next(weft_loader *l, weft_scope *s, weft_tensor **x, weft_tensor **y);

WEFT_API int64_t weft_loader_batches(const weft_loader *l); // in an epoch; 0 for NULL

// Batches handed out, of all epochs: what to store with a checkpoint. 0 for NULL. (An epoch that an
// error ended counts whole.)
WEFT_API int64_t weft_loader_position(const weft_loader *l);
// Goes to a position: the next batch is the one that a loader of equal data and options (batch,
// drop_last, shuffle, seed) gives when it comes there, whatever the threads. position / batches is
// its epoch; at the end of one, the first batch of the next follows at once, and weft_loader_next()
// is not false in between. WEFT_PARAM for a position below 0 or above 2^62.
WEFT_API bool weft_loader_seek(weft_loader *l, int64_t position, struct weft_error *err);

// Borrowed from the loader; NULL for NULL.
WEFT_API const weft_data *weft_loader_data(const weft_loader *l);

#ifdef __cplusplus
}
#endif
#endif
