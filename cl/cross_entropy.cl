// Cross-entropy, and the loss of log-probabilities. A row is the classes of one place of x; s, the
// sum of exp(x[c] - top) over its classes, is 1 and top is 0 with LOG_PROBS. With log-probabilities
// lp[c] = x[c] - top - log(s), a row of the loss and its gradients are
//     y     = -h lp[label] - sum over c of u[c] lp[c]
//     gx[c] = g (exp(lp[c]) (h + sum of u) - u[c] - (c == label ? h : 0))
//     gt[c] = -g keep w[c] lp[c]
// where h = keep w[label], and u[c] = even w[c], or with probabilities t (keep t[c] + even) w[c].
// An ignored label gives 0, one outside 0 .. classes-1 NaN.
//
// In *_rows a task is one row, whose classes LOCAL work-items share, VEC at once. In *_columns rows
// lie side by side: each work-item takes VEC of them.
//
//   T             type that is computed in, of y and g: float or double [float]
//   HALF, BFLOAT  x, probabilities, weights and their gradients are half, bfloat16 [of type T]
//   VEC           elements at once [1]
//   LOCAL         work-items of a group, a power of two [1]
//   WEIGHTED      the classes have weights w [1]
//   SOFT          u is not zero; not with TARGET_GRAD
//   PROBS         the target is probabilities, not labels
//   LOG_PROBS     x is log-probabilities; without SOFT
//   GRAD          the kernels are those of the gradient gx or, with TARGET_GRAD, gt
#define VIEWS 4 // x, target, g, result
#include "lanes.h"

// lint: -DLOCAL=64 -DWEIGHTED -DHALF
// lint: -DGRAD -DT=double -DUSE_F64 -DVEC=8 -DSOFT
// lint: -DGRAD -DVEC=16 -DBFLOAT -DSOFT -DPROBS -DWEIGHTED
// lint: -DGRAD -DVEC=16 -DPROBS -DTARGET_GRAD
// lint: -DGRAD -DLOG_PROBS

#ifdef PROBS
#define TARGET X
#else
#define TARGET long
#endif

// The gradient holds exp(x - top) until the sum is known.
#if defined GRAD && !defined LOG_PROBS && !defined TARGET_GRAD && !defined HALF && !defined BFLOAT
#define IN_PLACE
#endif

// The number of classes, the strides from class to class, and where the weights begin.
struct classes {
    INDEX count, x, target, y, weight, weight_at;
};
struct smoothing {
    T keep, even;
};
// The label that is ignored, if `any`.
struct ignored {
    long label, any;
};

#define INPUTS                                                                                     \
    const struct dims d, const struct classes k, const struct smoothing o,                         \
        const struct ignored no, global const X *restrict x, global const TARGET *restrict target, \
        global const X *restrict weight
// Where a row begins.
#define AT(view, row) dims_at(&d, view, row, RANK)

inline T class_weight(const struct classes *k, global const X *weight, INDEX c)
{
#ifdef WEIGHTED
    return LOAD(weight + k->weight_at + c * k->weight);
#else
    return 1;
#endif
}

// What a row's label gives: h, the label's own u and x.
struct hard {
    T h, u, x;
    INDEX label;
    bool ignored;
};

inline struct hard hard_of(const struct classes *k, const struct smoothing *o,
                           const struct ignored *no, long label, global const X *x,
                           global const X *weight)
{
    struct hard r = {NAN, 0, 0, 0, no->any && label == no->label};
    if (label >= 0 && label < k->count) {
        r.label = (INDEX)label;
        T w = class_weight(k, weight, r.label);
        r.h = o->keep * w;
        r.u = o->even * w;
        r.x = LOAD(x + r.label * k->x);
    }
    return r;
}
#ifdef PROBS
#define HARD(at, x) ((struct hard){0, 0, 0, 0, false})
#else
#define HARD(at, x) hard_of(&k, &o, &no, target[at], x, weight)
#endif

// Sums over the classes: s, that of u, and that of u (x - top). Lanes are classes or rows.
struct sums {
    V top, s, soft, part;
};
struct totals {
    T top, s, soft, part;
};

// With TARGET_GRAD u is only keep w.
#ifdef TARGET_GRAD
#define EVEN ((V)(o->keep))
#else
#define EVEN ((V)(o->even))
#endif
#if defined PROBS && !defined TARGET_GRAD
#define SOFT_PROBS
#endif

// u of the n classes from c on, lanes being classes; those of a row's probabilities begin at t.
inline V soft_of_classes(INDEX c, INDEX n, const struct classes *k, const struct smoothing *o,
                         global const TARGET *t, global const X *weight)
{
    V u = EVEN;
#ifdef SOFT_PROBS
    u += o->keep * load(t + c * k->target, k->target, n);
#endif
#ifdef WEIGHTED
    u *= load(weight + k->weight_at + c * k->weight, k->weight, n);
#endif
    return u;
}

// u of class c in n rows, lanes being rows, `step` apart.
inline V soft_of_rows(INDEX c, INDEX step, INDEX n, const struct classes *k,
                      const struct smoothing *o, global const TARGET *t, global const X *weight)
{
    V u = EVEN;
#ifdef SOFT_PROBS
    u += o->keep * load(t + c * k->target, step, n);
#endif
    return u * (V)class_weight(k, weight, c);
}

// Adds n lanes of x - top. Returns their exp.
inline V add(struct sums *a, V v, V u, INDEX n)
{
    V e = exp_below(v);
    a->s += only(e, n);
#ifdef SOFT
    a->soft += only(u, n);
    a->part += only(u * v, n);
#endif
    return e;
}

struct totals sums_of_row(const struct classes *k, const struct smoothing *o, global const X *x,
                          global const TARGET *t, global const X *weight, local T *shared,
                          global X *e)
{
    struct totals y = {0, 1, 0, 0};
#ifndef LOG_PROBS
    INDEX begin = (INDEX)get_local_id(0) * VEC;
    struct sums a = {(V)-INFINITY, (V)0, (V)0, (V)0};
    for (INDEX c = begin; c < k->count; c += LOCAL * VEC) {
        V v = load(x + c * k->x, k->x, k->count - c);
        a.top = LARGER(v, a.top);
    }
    y.top = largest(a.top);
    TREE(shared, y.top, LARGER)
    for (INDEX c = begin; c < k->count; c += LOCAL * VEC) {
        INDEX n = k->count - c;
        V v = load(x + c * k->x, k->x, n) - (V)y.top, u = (V)0;
#ifdef SOFT
        u = soft_of_classes(c, n, k, o, t, weight);
#endif
        v = add(&a, v, u, n);
#ifdef IN_PLACE
        store(v, e + c * k->y, k->y, n);
#endif
    }
    y.s = total(a.s);
    TREE(shared, y.s, PLUS)
#ifdef SOFT
    y.soft = total(a.soft);
    TREE(shared, y.soft, PLUS)
    y.part = total(a.part);
    TREE(shared, y.part, PLUS)
#endif
#endif
    return y;
}

// Of n rows side by side.
struct sums sums_of_rows(const struct classes *k, const struct smoothing *o, const struct dims *d,
                         INDEX n, global const X *x, global const TARGET *t,
                         global const X *weight, global X *e)
{
#ifdef LOG_PROBS
    struct sums a = {(V)0, (V)1, (V)0, (V)0};
#else
    struct sums a = {(V)-INFINITY, (V)0, (V)0, (V)0};
    for (INDEX c = 0; c < k->count; c++) {
        V v = load(x + c * k->x, d->stride[0][RANK - 1], n);
        a.top = LARGER(v, a.top);
    }
    for (INDEX c = 0; c < k->count; c++) {
        V v = load(x + c * k->x, d->stride[0][RANK - 1], n) - a.top, u = (V)0;
#ifdef SOFT
        u = soft_of_rows(c, d->stride[1][RANK - 1], n, k, o, t, weight);
#endif
        v = add(&a, v, u, VEC);
#ifdef IN_PLACE
        store(v, e + c * k->y, d->stride[3][RANK - 1], n);
#endif
    }
#endif
    return a;
}

// A row of the loss.
inline T loss_of(struct hard r, struct totals a)
{
    if (r.ignored)
        return 0;
    return r.h * (log(a.s) - (r.x - a.top)) + (a.soft * log(a.s) - a.part);
}

// Lane j of the sums.
inline struct totals totals_of(const struct sums *a, int j)
{
    T top[VEC], s[VEC], soft[VEC], part[VEC];
    PUT(a->top, top);
    PUT(a->s, s);
    PUT(a->soft, soft);
    PUT(a->part, part);
    struct totals y = {top[j], s[j], soft[j], part[j]};
    return y;
}

// Rows side by side: the first that this work-item takes, and how many; none or less at the end.
inline INDEX columns_of(INDEX task, INDEX pieces, INDEX inner, INDEX *n)
{
    INDEX outer = task / pieces;
    INDEX at = ((task - outer * pieces) * LOCAL + (INDEX)get_local_id(0)) * VEC;
    *n = min((INDEX)VEC, inner - at);
    return outer * inner + at;
}

#ifndef GRAD
kernel void cross_entropy_rows(INDEX first, INDEX last, INPUTS, global T *restrict y)
{
    local T shared[LOCAL];
    FOR_TASKS(row)
    {
        global const X *xr = x + AT(0, row);
        struct totals a = sums_of_row(&k, &o, xr, target + AT(1, row), weight, shared, 0);
        if (get_local_id(0) == 0)
            y[row] = loss_of(HARD(AT(1, row), xr), a);
    }
}

kernel void cross_entropy_columns(INDEX first, INDEX last, INDEX pieces, INPUTS,
                                  global T *restrict y)
{
    FOR_TASKS(task)
    {
        INDEX n, row = columns_of(task, pieces, d.shape[RANK - 1], &n);
        if (n > 0) {
            global const X *xr = x + AT(0, row);
            global const TARGET *t = target + AT(1, row);
            struct sums a = sums_of_rows(&k, &o, &d, n, xr, t, weight, 0);
            for (int j = 0; j < VEC && j < n; j++) {
                struct hard r = HARD(AT(1, row + j), xr + j * d.stride[0][RANK - 1]);
                y[row + j] = loss_of(r, totals_of(&a, j));
            }
        }
    }
}

// The weight of each label, by which a mean divides.
kernel void label_weight(INDEX first, INDEX last, INDEX pieces, INPUTS, global T *restrict y)
{
    FOR_TASKS(task)
    {
        INDEX n, row = columns_of(task, pieces, d.shape[RANK - 1], &n);
        for (int j = 0; j < VEC && j < n; j++) {
            struct hard r = HARD(AT(1, row + j), x);
            y[row + j] = r.ignored ? (T)0 : r.h;
        }
    }
}

#else
// What the gradient of rows is made of; `live` is 0 where the label is ignored.
struct slope {
    V top, log_s, e, u, live;
};

inline void slope_of(struct hard r, struct totals a, T g, int j, T *log_s, T *e, T *u, T *live)
{
    log_s[j] = log(a.s);
    e[j] = g * (r.h + a.soft) / a.s;
    u[j] = g;
    live[j] = !r.ignored;
}

// The gradient of n lanes, whose elements begin at x and y.
inline V grad_of(const struct slope *f, V u, global const X *x, INDEX x_step, global const X *y,
                 INDEX y_step, INDEX n)
{
#if defined LOG_PROBS
    V v = isnan(f->e) ? (V)NAN : (V)0;
#elif defined TARGET_GRAD
    V v = f->u * u * (f->log_s + f->top - load(x, x_step, n));
#else
#ifdef IN_PLACE
    V v = load(y, y_step, n) * f->e;
#else
    V v = exp_below(load(x, x_step, n) - f->top) * f->e;
#endif
#ifdef SOFT
    v -= f->u * u;
#endif
#endif
    return f->live != (V)0 ? v : (V)0;
}

// The label's own element, after those of all classes.
inline void put_label(struct hard r, T e, T top, T g, global X *y)
{
#ifndef PROBS
    if (r.ignored)
        return;
#if defined LOG_PROBS
    STORE(-g * r.h, y);
#elif defined IN_PLACE
    *y -= g * r.h;
#else
    STORE(exp(r.x - top) * e - g * r.u - g * r.h, y);
#endif
#endif
}

kernel void cross_entropy_grad_rows(INDEX first, INDEX last, INPUTS, global const T *restrict g,
                                    global X *restrict y)
{
    local T shared[LOCAL];
    INDEX item = (INDEX)get_local_id(0);
    FOR_TASKS(row)
    {
        global const X *xr = x + AT(0, row);
        global const TARGET *t = target + AT(1, row);
        global X *yr = y + AT(3, row);
        struct totals a = sums_of_row(&k, &o, xr, t, weight, shared, yr);
        struct hard r = HARD(AT(1, row), xr);
        T log_s, e, gr, live;
        slope_of(r, a, g[AT(2, row)], 0, &log_s, &e, &gr, &live);
        const struct slope f = {(V)a.top, (V)log_s, (V)e, (V)gr, (V)live};
        for (INDEX c = item * VEC; c < k.count; c += LOCAL * VEC) {
            INDEX n = k.count - c;
            V u = soft_of_classes(c, n, &k, &o, t, weight);
            u = grad_of(&f, u, xr + c * k.x, k.x, yr + c * k.y, k.y, n);
            store(u, yr + c * k.y, k.y, n);
        }
        if (r.label / VEC % LOCAL == item)
            put_label(r, e, a.top, gr, yr + r.label * k.y);
    }
}

kernel void cross_entropy_grad_columns(INDEX first, INDEX last, INDEX pieces, INPUTS,
                                       global const T *restrict g, global X *restrict y)
{
    const INDEX xs = d.stride[0][RANK - 1], ts = d.stride[1][RANK - 1], ys = d.stride[3][RANK - 1];
    FOR_TASKS(task)
    {
        INDEX n, row = columns_of(task, pieces, d.shape[RANK - 1], &n);
        if (n > 0) {
            global const X *xr = x + AT(0, row);
            global const TARGET *t = target + AT(1, row);
            global X *yr = y + AT(3, row);
            struct sums a = sums_of_rows(&k, &o, &d, n, xr, t, weight, yr);
            T log_s[VEC], e[VEC], gr[VEC], live[VEC];
            for (int j = 0; j < VEC; j++) {
                int at = min(j, (int)n - 1);
                slope_of(HARD(AT(1, row + at), xr + at * xs), totals_of(&a, at),
                         g[AT(2, row + at)], j, log_s, e, gr, live);
            }
            const struct slope f = {a.top, GET(log_s), GET(e), GET(gr), GET(live)};
            for (INDEX c = 0; c < k.count; c++) {
                V u = soft_of_rows(c, ts, n, &k, &o, t, weight);
                u = grad_of(&f, u, xr + c * k.x, xs, yr + c * k.y, ys, n);
                store(u, yr + c * k.y, ys, n);
            }
            for (int j = 0; j < VEC && j < n; j++) {
                struct hard r = HARD(AT(1, row + j), xr + j * xs);
                put_label(r, e[j], totals_of(&a, j).top, gr[j], yr + r.label * k.y + j * ys);
            }
        }
    }
}
#endif
