// What a data set is inside: its source, and the bytes of a row.
#ifndef WF_DATA_DATA_H
#define WF_DATA_DATA_H
#include <stdatomic.h>
#include <weft/data.h>

struct weft_data {
    struct weft_data_source src; // its size and pointers are checked
    size_t x_bytes, y_bytes;     // of one row; y_bytes is 0 where there is no target
    atomic_int owners;           // parts of a split have one data set
};

// The source of a data set that takes `data`: with its rows, names and destroy, but no get and
// priv.
struct weft_data_source wf_data_like(const weft_data *data);

// Is y one integer a row? `what` begins the error.
bool wf_data_has_labels(const weft_data *data, const char *what, struct weft_error *err);
int64_t wf_data_label(enum weft_dtype dtype, const void *y);
// Calls each() with the label of every row.
bool wf_data_each_label(const weft_data *data, const char *what,
                        void (*each)(void *priv, int64_t row, int64_t label), void *priv,
                        struct weft_error *err);

#endif
