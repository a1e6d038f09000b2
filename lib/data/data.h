// What a data set is inside: its source, and the bytes of a row.
#ifndef WF_DATA_DATA_H
#define WF_DATA_DATA_H
#include <weft/data.h>

struct weft_data {
    struct weft_data_source src; // its size and pointers are checked
    size_t x_bytes, y_bytes;     // of one row; y_bytes is 0 where there is no target
};

#endif
