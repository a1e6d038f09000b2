// Data sets of some of another's rows.
//
// A split marks the rows of the validation part in a random order (Fisher and Yates's). A
// stratified one sorts that order by label, stably, and takes rows from it at even steps: so each
// label's share is right to one row, and the sum is exact.
#include "base/error.h"
#include "data/data.h"
#include "philox.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct rows {
    weft_data *data; // owned
    int64_t *row;    // NULL: as they are
};

static bool get_row(void *priv, int64_t row, void *x, void *y, struct weft_error *err)
{
    const struct rows *r = priv;
    const struct weft_data_source *src = &r->data->src;
    return src->get(src->priv, r->row ? r->row[row] : row, x, y, err);
}

static void destroy_rows(void *priv)
{
    struct rows *r = priv;
    weft_data_destroy(&r->data);
    free(r->row);
    free(r);
}

// Takes data and row.
static weft_data *from_rows(weft_data *data, int64_t n, int64_t *row, struct weft_error *err)
{
    struct rows *r = malloc(sizeof *r);
    if (!r) {
        wf_fail_nomem(err, "data");
        weft_data_destroy(&data);
        free(row);
        return NULL;
    }
    *r = (struct rows){data, row};
    struct weft_data_source src = wf_data_like(data);
    src.count = n;
    src.get = get_row;
    src.destroy = destroy_rows;
    src.priv = r;
    return weft_data_create(&src, err);
}

static int64_t *new_rows(int64_t n)
{
    if ((uint64_t)n > PTRDIFF_MAX / sizeof(int64_t))
        return NULL;
    return malloc(n ? (size_t)n * sizeof(int64_t) : 1);
}

static bool check_rows(const weft_data *data, int64_t n, const int64_t *rows,
                       struct weft_error *err)
{
    int64_t count = data->src.count;
    if (n < 0 || (!rows && n > count))
        return wf_fail(err, WEFT_PARAM,
                       "data_subset: n is %" PRId64 ", the data set has %" PRId64 " rows", n,
                       count);
    for (int64_t i = 0; rows && i < n; i++) {
        if (rows[i] < 0 || rows[i] >= count)
            return wf_fail(err, WEFT_PARAM,
                           "data_subset: rows[%" PRId64 "] is %" PRId64 ", wanted 0 to %" PRId64, i,
                           rows[i], count - 1);
    }
    return true;
}

weft_data *weft_data_subset(weft_data *data, int64_t n, const int64_t *rows, struct weft_error *err)
{
    if (!data) {
        wf_fail(err, WEFT_PARAM, "data_subset: data is NULL");
        return NULL;
    }
    int64_t *copy = NULL;
    bool ok = check_rows(data, n, rows, err);
    if (ok && rows && !(copy = new_rows(n)))
        ok = wf_fail_nomem(err, "data_subset");
    if (!ok) {
        weft_data_destroy(&data);
        return NULL;
    }
    if (copy && n)
        memcpy(copy, rows, (size_t)n * sizeof *copy);
    return from_rows(data, n, copy, err);
}

struct labelled {
    int64_t label, place, row; // place in the random order
};

static void put_label(void *priv, int64_t row, int64_t label)
{
    ((int64_t *)priv)[row] = label;
}

static int compare_labels(const void *a, const void *b)
{
    const struct labelled *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

// Sorts the rows in `order` by label.
static bool group_labels(const weft_data *data, int64_t *order, struct weft_error *err)
{
    int64_t n = data->src.count, *label = new_rows(n);
    struct labelled *l =
        (uint64_t)n > PTRDIFF_MAX / sizeof *l ? NULL : malloc((size_t)n * sizeof *l);
    bool ok = (label && l) || wf_fail_nomem(err, "data_split");
    ok = ok && wf_data_each_label(data, "data_split", put_label, label, err);
    for (int64_t i = 0; ok && i < n; i++)
        l[i] = (struct labelled){label[order[i]], i, order[i]};
    if (ok)
        qsort(l, (size_t)n, sizeof *l, compare_labels);
    for (int64_t i = 0; ok && i < n; i++)
        order[i] = l[i].row;
    free(label);
    free(l);
    return ok;
}

static void shuffle(int64_t *order, int64_t n, uint64_t seed)
{
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    for (int64_t i = 0; i < n; i++) {
        struct philox p = philox(seed, (uint64_t)i, 0);
        uint64_t bits = p.v[0] | (uint64_t)p.v[1] << 32;
        int64_t other = i + (int64_t)(bits % (uint64_t)(n - i)), row = order[other];
        order[other] = order[i];
        order[i] = row;
    }
}

// Rows for the validation part.
static int64_t validation_rows(int64_t n, double share)
{
    int64_t wanted = (int64_t)llround(share * (double)n);
    return wanted < 1 ? 1 : wanted > n - 1 ? n - 1 : wanted;
}

// Puts the rows of the two parts in order in train[] and validation[].
static bool choose(const weft_data *data, const struct weft_data_split_params *o, int64_t *train,
                   int64_t *validation, struct weft_error *err)
{
    int64_t n = data->src.count, wanted = validation_rows(n, o->validation), carry = n / 2;
    int64_t *order = new_rows(n);
    char *is_validation = calloc((size_t)n, 1);
    bool ok = (order && is_validation) || wf_fail_nomem(err, "data_split");
    if (ok) {
        shuffle(order, n, o->seed);
        ok = !o->stratified || group_labels(data, order, err);
    }
    for (int64_t i = 0; ok && i < n; i++) {
        carry += wanted;
        is_validation[order[i]] = carry >= n;
        carry -= carry >= n ? n : 0;
    }
    for (int64_t i = 0; ok && i < n; i++) {
        if (is_validation[i])
            *validation++ = i;
        else
            *train++ = i;
    }
    free(order);
    free(is_validation);
    return ok;
}

static bool check_split(const weft_data *data, struct weft_data_split_params *o,
                        struct weft_error *err)
{
    if (!data)
        return wf_fail(err, WEFT_PARAM, "data_split: data is NULL");
    if (data->src.count < 2)
        return wf_fail(err, WEFT_PARAM,
                       "data_split: the data set has %" PRId64 " rows, wanted 2 or more",
                       data->src.count);
    if (o->validation == 0)
        o->validation = 0.2;
    if (!(o->validation > 0 && o->validation < 1))
        return wf_fail(err, WEFT_PARAM,
                       "data_split: .validation is %g, wanted a share between 0 and 1",
                       o->validation);
    return true;
}

bool weft_data_split(weft_data *data, const struct weft_data_split_params *params,
                     weft_data **train, weft_data **validation, struct weft_error *err)
{
    struct weft_data_split_params o;
    WF_PARAMS(o, params);
    if (train)
        *train = NULL;
    if (validation)
        *validation = NULL;
    if (!train || !validation || !check_split(data, &o, err)) {
        wf_fail(err, WEFT_PARAM, "data_split: train or validation is NULL");
        weft_data_destroy(&data);
        return false;
    }
    int64_t n = data->src.count, wanted = validation_rows(n, o.validation);
    int64_t *t = new_rows(n - wanted), *v = new_rows(wanted);
    bool ok = (t && v) || wf_fail_nomem(err, "data_split");
    if (!ok || !choose(data, &o, t, v, err)) {
        free(t);
        free(v);
        weft_data_destroy(&data);
        return false;
    }
    atomic_fetch_add(&data->owners, 1);
    *train = from_rows(data, n - wanted, t, err);
    *validation = from_rows(data, wanted, v, err);
    if (*train && *validation)
        return true;
    weft_data_destroy(train);
    weft_data_destroy(validation);
    return false;
}
