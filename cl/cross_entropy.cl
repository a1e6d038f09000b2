// y[row] = log(sum over c of exp(x[row][c])) - x[row][label[row]], and its gradient
// gx[row][c] = (softmax(x[row])[c] - (c == label[row])) * g[row].
//
// A task is one row; LOCAL work-items share its classes. A label outside 0 .. classes-1 gives NaN.
//
//   T      float or double [float]
//   LOCAL  work-items of a group, a power of two [1]
#include "common.h"

#ifndef T
#define T float
#endif
#ifndef LOCAL
#define LOCAL 1
#endif
// lint: -DLOCAL=64
// lint: -DT=double -DUSE_F64

struct rows {
    INDEX classes, x_row, x_class, label, g; // strides in elements, and
    INDEX x_at, label_at, g_at;              // where each tensor begins
};

inline T larger(T a, T b)
{
    return a > b || isnan(a) ? a : b;
}

#define TREE(shared, item, value, combine)                                                         \
    shared[item] = value;                                                                          \
    for (int half_ = LOCAL / 2; half_ > 0; half_ /= 2) {                                           \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        if (item < half_)                                                                          \
            shared[item] = combine(shared[item], shared[item + half_]);                            \
    }                                                                                              \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                  \
    value = shared[0];                                                                             \
    barrier(CLK_LOCAL_MEM_FENCE);

#define PLUS(a, b) ((a) + (b))

// The largest of a row and log(sum(exp(x - largest))): of any row, nothing overflows.
void row_sums(const struct rows *r, global const T *x, local T *shared, T *top, T *log_sum)
{
    int item = (int)get_local_id(0);
    T most = -INFINITY, sum = 0;
    for (INDEX c = item; c < r->classes; c += LOCAL)
        most = larger(x[c * r->x_class], most);
    TREE(shared, item, most, larger)
    for (INDEX c = item; c < r->classes; c += LOCAL)
        sum += exp(x[c * r->x_class] - most);
    TREE(shared, item, sum, PLUS)
    *top = most;
    *log_sum = log(sum);
}

kernel void cross_entropy(INDEX first, INDEX last, const struct rows r, global const T *restrict x,
                          global const long *restrict label, global T *restrict y)
{
    local T shared[LOCAL];
    FOR_TASKS(row)
    {
        global const T *xr = x + r.x_at + row * r.x_row;
        T top, log_sum;
        row_sums(&r, xr, shared, &top, &log_sum);
        long want = label[r.label_at + row * r.label];
        bool known = want >= 0 && want < r.classes;
        if (get_local_id(0) == 0)
            y[row] = known ? log_sum + (top - xr[(INDEX)want * r.x_class]) : (T)NAN;
    }
}

kernel void cross_entropy_grad(INDEX first, INDEX last, const struct rows r,
                               global const T *restrict x, global const long *restrict label,
                               global const T *restrict g, global T *restrict gx)
{
    local T shared[LOCAL];
    FOR_TASKS(row)
    {
        global const T *xr = x + r.x_at + row * r.x_row;
        T top, log_sum;
        row_sums(&r, xr, shared, &top, &log_sum);
        long want = label[r.label_at + row * r.label];
        bool known = want >= 0 && want < r.classes;
        T scale = known ? g[r.g_at + row * r.g] : (T)NAN;
        for (INDEX c = (INDEX)get_local_id(0); c < r.classes; c += LOCAL) {
            T p = exp(xr[c * r.x_class] - top - log_sum);
            gx[row * r.classes + c] = (p - (c == want ? (T)1 : (T)0)) * scale;
        }
    }
}
