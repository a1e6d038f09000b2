// Cross-entropy, and the loss of log-probabilities. A row is the classes of one place of x; s, the
// sum of exp(x[c] - top) over its classes, is 1 and top is 0 with LOG_PROBS. With log-probabilities
// lp[c] = x[c] - top - log(s), a row of the loss and its gradients are
//     y     = -h lp[label] - sum over c of u[c] lp[c]
//     gx[c] = g (exp(lp[c]) (h + sum of u) - u[c] - (c == label ? h : 0))
//     gt[c] = -g keep w[c] lp[c]
// where h = keep w[label], and u[c] = even w[c], or with probabilities t (keep t[c] + even) w[c].
// An ignored label gives 0, one outside 0 .. classes-1 NaN.
//
// A unit of work is one row, whose classes LOCAL work-items share, VEC at once; or with COLUMNS,
// where rows lie side by side, VEC of them for each work-item.
//
//   T             type that is computed in, of y and g: float or double [float]
//   X             type of x, probabilities, weights and their gradients in memory [T]
//   VEC           elements at once, which lie side by side; not more than classes or, with COLUMNS,
//                 rows do [1]
//   LOCAL         work-items of a group, a power of two [1]
//   WEIGHTED      the classes have weights w [1]
//   SOFT          u is not zero; not with TARGET_GRAD
//   PROBS         the target is probabilities, not labels
//   LOG_PROBS     x is log-probabilities; without SOFT
//   GRAD          the kernel is that of the gradient gx or, with TARGET_GRAD, gt
//   CHUNK         vectors from one new maximum to the next [16]
#define VIEWS 4 // x, target, g, result
#include "cross_entropy.h"

#ifndef CHUNK
#define CHUNK 16
#endif
// lint: -DLOCAL=64 -DWEIGHTED -DX=half
// lint: -DGRAD -DT=double -DUSE_F64 -DVEC=8 -DCHUNK=8 -DSOFT -DINDEX=long
// lint: -DT=double -DUSE_F64 -DCOLUMNS -DVEC=8 -DSOFT -DPROBS
// lint: -DT=double -DUSE_F64 -DLOG_PROBS -DLOCAL=64 -DWEIGHTED
// lint: -DGRAD -DVEC=16 -DX=ushort -DSOFT -DPROBS -DWEIGHTED
// lint: -DGRAD -DVEC=16 -DPROBS -DTARGET_GRAD
// lint: -DVEC=16 -DCOLUMNS -DSOFT -DWEIGHTED -DINDEX=long
// lint: -DGRAD -DLOG_PROBS -DCOLUMNS

#define INPUTS                                                                                     \
    INDEX pieces, INDEX units, INDEX run, const struct dims d, const struct classes k,             \
        const struct smoothing o, const struct ignored no, global const X *restrict x,             \
        global const TARGET *restrict target, global const X *restrict weight
// Where a row begins.
#define AT(view, row) dims_at(&d, view, row, RANK)

// The vectors of a work-item begin at class FIRST and at every STEP after it, up to LAST; of a row,
// TAIL classes may be left, fewer than a vector.
#ifdef COLUMNS
#define FIRST ((INDEX)0)
#define STEP ((INDEX)1)
#define LAST(k) ((k)->count - 1)
#define TAIL(k) 0
#else
#define FIRST ((INDEX)get_local_id(0) * VEC)
#define STEP ((INDEX)LOCAL * VEC)
#define LAST(k) ((k)->count - VEC)
#define TAIL(k) ((k)->count % VEC)
#endif
// They are read with some before them, in lanes that don't count.
#define TAIL_AT(k) ((k)->count - VEC)
#define TAIL_LOW(k) (VEC - TAIL(k))

// Sums over classes, in each lane: s, that of u, and that of u (x - base).
struct sums {
    V top, s, soft, part, base;
};
struct totals {
    T top, s, soft, part; // part is of u (x - top)
};

// Goes on with a larger top.
static inline void grow(struct sums *a, V top)
{
    a->s *= exp_near(a->top - top);
    a->top = top;
}

static inline void add(struct sums *a, V v, V u, INDEX low)
{
    a->s += only(exp_near(v - a->top), low);
#ifdef SOFT
    a->soft += only(u, low);
    a->part += only(u * (v - a->base), low);
#endif
}

// The largest class of a chunk is known before its exponentials are taken: while that is done, the
// next chunk comes from memory. Its end may be read again, which changes no maximum.
struct sums sums_of(const struct part *p, const struct classes *k, const struct smoothing *o)
{
#ifdef LOG_PROBS
    struct sums a = {(V)0, (V)1, (V)0, (V)0, (V)0};
#else
    struct sums a = {(V)LOWEST, (V)0, (V)0, (V)0, (V)0};
    V next = a.top;
    for (INDEX c = FIRST; c <= min(LAST(k), FIRST + (CHUNK - 1) * STEP); c += STEP) {
        V v = load_x(p, k, c);
        next = LARGER(v, next);
    }
    if (FIRST <= LAST(k))
        a.base = next;
    for (INDEX b = FIRST; b <= LAST(k); b += CHUNK * STEP) {
        INDEX end = min(LAST(k), b + (CHUNK - 1) * STEP);
        grow(&a, LARGER(next, a.top));
        next = a.top;
        for (INDEX c = b; c <= end; c += STEP) {
            V ahead = load_x(p, k, min(c + CHUNK * STEP, LAST(k)));
            next = LARGER(ahead, next);
            add(&a, load_x(p, k, c), load_soft(p, k, o, c), 0);
        }
    }
    if (TAIL(k)) {
        V v = load_x(p, k, TAIL_AT(k));
        grow(&a, LARGER(v, a.top));
        add(&a, v, load_soft(p, k, o, TAIL_AT(k)), TAIL_LOW(k));
    }
#endif
    return a;
}

// Of all lanes and work-items, which are of one row.
static inline struct totals total_of(struct sums *a, local T *shared)
{
    struct totals y = {0, 1, 0, 0};
#ifndef LOG_PROBS
    y.top = largest(a->top);
    TREE(shared, y.top, LARGER)
    y.s = total(a->s * exp_near(a->top - (V)(y.top)));
    TREE(shared, y.s, PLUS)
#ifdef SOFT
    y.soft = total(a->soft);
    TREE(shared, y.soft, PLUS)
    y.part = total(a->part + a->soft * (a->base - (V)(y.top)));
    TREE(shared, y.part, PLUS)
#endif
#endif
    return y;
}

// A task is a run of units, which are rows or `pieces` of the columns: CPUs read on without a gap.
#define FOR_UNITS(unit)                                                                            \
    FOR_TASKS(task)                                                                                \
    for (INDEX unit = task * run; unit < min(units, task * run + run); unit++)

// The row of a unit or, in columns, the first one of a work-item; the lanes before `low` are of
// another one. False: there is none.
static inline bool find_rows(INDEX unit, INDEX pieces, INDEX inner, INDEX *row, INDEX *low)
{
    *low = 0;
    *row = unit;
#ifdef COLUMNS
    INDEX outer = unit / pieces;
    INDEX at = ((unit - outer * pieces) * LOCAL + (INDEX)get_local_id(0)) * VEC;
    if (at >= inner)
        return false;
    *low = max((INDEX)0, at + VEC - inner);
    *row = outer * inner + at - *low;
#endif
    return true;
}

#define FIND_PART                                                                                  \
    INDEX row, low;                                                                                \
    if (!find_rows(unit, pieces, d.shape[RANK - 1], &row, &low))                                   \
        continue;                                                                                  \
    const struct part p = {x + AT(0, row), weight,  target + AT(1, row), LANE(0),                  \
                           LANE(1),        LANE(3), low};
// The stride between rows side by side; what work-items of one row share.
#ifdef COLUMNS
#define LANE(view) d.stride[view][RANK - 1]
#define SHARED
#else
#define LANE(view) 1
#define SHARED local T shared[LOCAL];
#endif

// Of a hard and totals, or of hards and sums.
#define LOSS(r, a, log_s, part) (r.h * (log_s - (r.x - a.top)) + (a.soft * log_s - (part)))

#ifndef GRAD
kernel void cross_entropy(INDEX first, INDEX last, INPUTS, global T *restrict y)
{
    SHARED
    FOR_UNITS(unit)
    {
        FIND_PART
        struct sums a = sums_of(&p, &k, &o);
#ifdef COLUMNS
        struct hards r = hards_of(&p, &k, &o, &no);
        V log_s = log(a.s), loss = LOSS(r, a, log_s, a.part + a.soft * (a.base - a.top));
        T lane[VEC];
        loss = r.live == (V)0 ? (V)0 : loss;
        PUT(loss, lane);
        for (int j = (int)low; j < VEC; j++)
            y[row + j] = lane[j];
#else
        struct totals all = total_of(&a, shared);
        if (get_local_id(0) == 0) {
            struct hard r = hard_of(&p, &k, &o, &no, 0);
            T log_s = log(all.s);
            y[row] = r.live == 0 ? 0 : LOSS(r, all, log_s, all.part);
        }
#endif
    }
}

#ifdef COLUMNS
// The weight of each label, by which a mean divides.
kernel void label_weight(INDEX first, INDEX last, INPUTS, global T *restrict y)
{
    FOR_UNITS(unit)
    {
        FIND_PART
        for (int j = (int)low; j < VEC; j++)
            y[row + j] = hard_of(&p, &k, &o, &no, j).h;
    }
}
#endif

#else
// What the gradient of each lane is made of: its class's is e exp(x - top) - g u.
struct slope {
    V top, log_s, e, g, live;
};

static inline V grad_of(const struct slope *f, const struct part *p, const struct classes *k,
                 const struct smoothing *o, INDEX c)
{
#if defined LOG_PROBS
    V v = f->e == f->e ? (V)0 : (V)NAN;
#elif defined TARGET_GRAD
    V v = f->g * load_soft(p, k, o, c) * (f->log_s + (f->top - load_x(p, k, c)));
#else
    V v = exp_near(load_x(p, k, c) - f->top) * f->e;
#ifdef SOFT
    v -= f->g * load_soft(p, k, o, c);
#endif
#endif
    return f->live == (V)0 ? (V)0 : v;
}

// The rows that are this work-item's.
static inline void put(V v, const struct part *p, global X *y)
{
    if (p->low == 0 && p->y_lane == 1) {
        store(v, y);
        return;
    }
    T lane[VEC];
    PUT(v, lane);
    for (int j = (int)p->low; j < VEC; j++)
        STORE(X, lane[j], y + j * p->y_lane);
}

static inline void put_grads(const struct slope *f, const struct part *p, const struct classes *k,
                      const struct smoothing *o, global X *y)
{
    for (INDEX c = FIRST; c <= LAST(k); c += STEP)
        put(grad_of(f, p, k, o, c), p, y + c * k->y);
    if (TAIL(k))
        store(grad_of(f, p, k, o, TAIL_AT(k)), y + TAIL_AT(k) * k->y);
}

// The label's own element, of a hard or hards.
#ifdef LOG_PROBS
#define LABEL_GRAD(r, exp, top, e, g) (-(g) * (r).h)
#else
#define LABEL_GRAD(r, exp, top, e, g) (exp((r).x - (top)) * (e) - (g) * (r).u - (g) * (r).h)
#endif

kernel void cross_entropy_grad(INDEX first, INDEX last, INPUTS, global const T *restrict g,
                               global X *restrict y)
{
    SHARED
    FOR_UNITS(unit)
    {
        FIND_PART
        global X *yr = y + AT(3, row);
        struct sums a = sums_of(&p, &k, &o);
#ifdef COLUMNS
        struct hards r = hards_of(&p, &k, &o, &no);
        T lane[VEC];
        for (int j = 0; j < VEC; j++)
            lane[j] = g[AT(2, row + j)];
        V gr = GET(lane);
        const struct slope f = {a.top, log(a.s), gr * (r.h + a.soft) / a.s, gr, r.live};
        put_grads(&f, &p, &k, &o, yr);
        V own = LABEL_GRAD(r, exp_near, f.top, f.e, gr);
        own = r.live == (V)0 ? (V)0 : own;
        PUT(own, lane);
#ifndef PROBS
        for (int j = (int)low; j < VEC; j++)
            STORE(X, lane[j], yr + r.label[j] * k.y + j * p.y_lane);
#endif
#else
        struct totals all = total_of(&a, shared);
        struct hard r = hard_of(&p, &k, &o, &no, 0);
        T gr = g[AT(2, row)], e = gr * (r.h + all.soft) / all.s;
        const struct slope f = {(V)(all.top), (V)log(all.s), (V)e, (V)gr, (V)(r.live)};
        put_grads(&f, &p, &k, &o, yr);
        // It belongs to the work-item that has just written the class.
#ifndef PROBS
        if (r.live != 0 && r.label / VEC % LOCAL == (INDEX)get_local_id(0))
            STORE(X, LABEL_GRAD(r, exp, all.top, e, gr), yr + r.label * k.y);
#endif
#endif
    }
}
#endif
