// The loader: threads fill a ring of host batches ahead of the caller.
//
// The batches of all epochs are numbered in one sequence; batch n lives in slot n % ahead. A thread
// claims the next number under the lock, where the rows of the batch are chosen too, and then
// fetches them without it. So the order of rows and batches doesn't depend on the threads, and the
// first batches of an epoch are made ready during the one before.
//
// A shuffle is Fisher and Yates's, done as far as rows are claimed. Every epoch begins from the
// unshuffled order, and each draw is a function of (seed, epoch, position): an epoch can be begun
// again without what came before it.
#include "data/loader.h"
#include "base/os.h"
#include "core/scope.h"
#include "data/data.h"
#include "philox.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <weft/op.h>

#define MAX_POSITION (INT64_C(1) << 62) // so that counting on from there does not overflow

struct slot {
    unsigned char *x, *y;
    int64_t *row; // [rows]
    int64_t rows;
    bool ready;
    struct weft_error err; // of get()
};

struct weft_loader {
    weft_data *data;
    struct weft_loader_params o; // defaults filled in
    int64_t batches;             // in an epoch
    int64_t at;                  // batches of this epoch consumed; only the caller's thread knows

    wf_mutex lock;   // of all below
    wf_cond changed; // a batch was made ready or consumed, or the threads are to halt, go on, stop
    bool has_lock, has_changed;
    struct slot *slot; // [o.ahead]
    int64_t *order;    // rows as shuffled so far, [count]; NULL: in order
    int64_t claimed;   // the next batch that no thread has begun
    int64_t consumed;  // batches consumed, of all epochs
    int busy;          // threads that are filling a slot
    bool stop;
    atomic_bool halt; // batches being filled are no longer wanted; read without the lock
    int started;
    wf_thread *thread; // [started]
};

static int64_t draw(const weft_loader *l, int64_t epoch, int64_t position, int64_t below)
{
    struct philox p = philox(l->o.seed, (uint64_t)position, (uint64_t)epoch);
    uint64_t bits = p.v[0] | (uint64_t)p.v[1] << 32;
    return (int64_t)(bits % (uint64_t)below); // uneven by less than below / 2^64
}

static void shuffle_one(weft_loader *l, int64_t epoch, int64_t position)
{
    int64_t other = position + draw(l, epoch, position, l->data->src.count - position);
    int64_t row = l->order[other];
    l->order[other] = l->order[position];
    l->order[position] = row;
}

static void begin_order(weft_loader *l)
{
    for (int64_t i = 0; l->order && i < l->data->src.count; i++)
        l->order[i] = i;
}

static void choose_rows(weft_loader *l, struct slot *b, int64_t epoch, int64_t index)
{
    int64_t count = l->data->src.count, first = index * l->o.batch;
    b->rows = count - first < l->o.batch ? count - first : l->o.batch;
    if (!index)
        begin_order(l);
    for (int64_t i = 0; i < b->rows; i++) {
        if (l->order)
            shuffle_one(l, epoch, first + i);
        b->row[i] = l->order ? l->order[first + i] : first + i;
    }
}

// With the lock held. NULL: the thread is to end.
static struct slot *claim(weft_loader *l)
{
    while (!l->stop && (l->halt || l->claimed - l->consumed == l->o.ahead))
        wf_cond_wait(&l->changed, &l->lock);
    if (l->stop)
        return NULL;
    struct slot *b = &l->slot[l->claimed % l->o.ahead];
    choose_rows(l, b, l->claimed / l->batches, l->claimed % l->batches);
    l->claimed++;
    l->busy++;
    return b;
}

static void fill(const weft_loader *l, struct slot *b)
{
    const weft_data *d = l->data;
    b->err = (struct weft_error){0};
    for (int64_t i = 0; i < b->rows && !l->halt; i++) {
        struct weft_error err = {0};
        void *y = d->y_bytes ? b->y + (size_t)i * d->y_bytes : NULL;
        if (d->src.get(d->src.priv, b->row[i], b->x + (size_t)i * d->x_bytes, y, &err))
            continue;
        wf_fail(&b->err, err.status ? err.status : WEFT_PARAM, "loader: row %" PRId64 ": %s",
                b->row[i], err.status ? err.text : "get returned false without an error");
        return;
    }
}

static void *run(void *priv)
{
    weft_loader *l = priv;
    wf_lock(&l->lock);
    for (struct slot *b; (b = claim(l));) {
        wf_unlock(&l->lock);
        fill(l, b);
        wf_lock(&l->lock);
        b->ready = true;
        l->busy--;
        wf_cond_broadcast(&l->changed);
    }
    wf_unlock(&l->lock);
    return NULL;
}

// With the lock held: drops what was read ahead and goes on with batch `position` of all epochs.
// The shuffle is made up to there.
static void go_to(weft_loader *l, int64_t position)
{
    l->halt = true;
    while (l->busy)
        wf_cond_wait(&l->changed, &l->lock);
    for (int i = 0; i < l->o.ahead; i++)
        l->slot[i].ready = false;
    l->consumed = l->claimed = position;
    l->at = position % l->batches;
    begin_order(l);
    for (int64_t i = 0; l->order && i < l->at * l->o.batch; i++)
        shuffle_one(l, position / l->batches, i);
    l->halt = false;
    wf_cond_broadcast(&l->changed);
}

bool wf_loader_host_batch(weft_loader *l, struct wf_host_batch *out, struct weft_error *err)
{
    if (l->at == l->batches) {
        l->at = 0;
        return false;
    }
    wf_lock(&l->lock);
    struct slot *b = &l->slot[l->consumed % l->o.ahead];
    while (!b->ready)
        wf_cond_wait(&l->changed, &l->lock);
    bool ok = !b->err.status;
    if (ok) {
        *out = (struct wf_host_batch){.x = b->x, .y = b->y, .row = b->row, .rows = b->rows};
    } else {
        wf_fail(err, b->err.status, "%s", b->err.text);
        go_to(l, l->consumed + l->batches - l->at);
    }
    wf_unlock(&l->lock);
    return ok;
}

void wf_loader_consume(weft_loader *l)
{
    wf_lock(&l->lock);
    l->slot[l->consumed % l->o.ahead].ready = false;
    l->consumed++;
    l->at++;
    wf_cond_broadcast(&l->changed);
    wf_unlock(&l->lock);
}

static bool set_params(weft_loader *l, const struct weft_loader_params *o, struct weft_error *err)
{
    WF_PARAMS(l->o, o);
    int64_t count = weft_data_count(l->data);
    if (!l->data)
        return wf_fail(err, WEFT_PARAM, "loader: data is NULL");
    if (!count)
        return wf_fail(err, WEFT_PARAM, "loader: the data set has no rows");
    if (l->o.batch < 0 || l->o.threads < 0 || l->o.ahead < 0)
        return wf_fail(err, WEFT_PARAM,
                       "loader: batch %d, threads %d, ahead %d: none can be below 0", l->o.batch,
                       l->o.threads, l->o.ahead);
    l->o.batch = l->o.batch ? l->o.batch : 32;
    l->o.ahead = l->o.ahead ? l->o.ahead : 4;
    l->o.threads = l->o.threads ? l->o.threads : 1;
    if (l->o.threads > l->o.ahead)
        l->o.threads = l->o.ahead; // more would have no slot to fill
    l->batches = count / l->o.batch + (!l->o.drop_last && count % l->o.batch != 0);
    if (!l->batches)
        return wf_fail(err, WEFT_PARAM,
                       "loader: batch is %d, the data set has %" PRId64
                       " rows, drop_last leaves none of them",
                       l->o.batch, count);
    return true;
}

static bool make_slot(weft_loader *l, struct slot *b)
{
    int64_t count = l->data->src.count;
    size_t rows = (size_t)(count < l->o.batch ? count : l->o.batch);
    size_t x = l->data->x_bytes, y = l->data->y_bytes;
    if (rows > PTRDIFF_MAX / (x > y ? x : y))
        return false;
    b->row = malloc(rows * sizeof *b->row);
    b->x = malloc(rows * x);
    b->y = malloc(y ? rows * y : 1);
    return b->row && b->x && b->y;
}

static bool make_memory(weft_loader *l)
{
    uint64_t count = (uint64_t)l->data->src.count;
    l->thread = calloc((size_t)l->o.threads, sizeof *l->thread);
    l->slot = calloc((size_t)l->o.ahead, sizeof *l->slot);
    bool ok = l->slot && l->thread;
    for (int i = 0; ok && i < l->o.ahead; i++)
        ok = make_slot(l, &l->slot[i]);
    if (ok && l->o.shuffle)
        ok = count <= PTRDIFF_MAX / sizeof *l->order &&
             (l->order = malloc((size_t)count * sizeof *l->order));
    return ok;
}

static bool start(weft_loader *l, struct weft_error *err)
{
    l->has_lock = wf_mutex_init(&l->lock);
    l->has_changed = wf_cond_init(&l->changed);
    if (!l->has_lock || !l->has_changed || !make_memory(l))
        return wf_fail_nomem(err, "loader");
    for (; l->started < l->o.threads; l->started++) {
        if (!wf_thread_start(&l->thread[l->started], run, l))
            return wf_fail(err, WEFT_NOMEM, "loader: the system starts %d threads, wanted %d",
                           l->started, l->o.threads);
    }
    return true;
}

weft_loader *weft_loader_create(weft_data *data, const struct weft_loader_params *o,
                                struct weft_error *err)
{
    weft_loader *l = calloc(1, sizeof *l);
    if (!l) {
        wf_fail_nomem(err, "loader");
        weft_data_destroy(&data);
        return NULL;
    }
    l->data = data;
    if (!set_params(l, o, err) || !start(l, err))
        weft_loader_destroy(&l);
    return l;
}

static void stop_threads(weft_loader *l)
{
    wf_lock(&l->lock);
    l->stop = true;
    l->halt = true;
    wf_cond_broadcast(&l->changed);
    wf_unlock(&l->lock);
    for (int i = 0; i < l->started; i++)
        wf_thread_join(l->thread[i]);
}

void weft_loader_destroy(weft_loader **loader)
{
    weft_loader *l = loader ? *loader : NULL;
    if (!l)
        return;
    if (l->started)
        stop_threads(l);
    for (int i = 0; l->slot && i < l->o.ahead; i++) {
        free(l->slot[i].row);
        free(l->slot[i].x);
        free(l->slot[i].y);
    }
    free(l->slot);
    free(l->order);
    free(l->thread);
    if (l->has_changed)
        wf_cond_finish(&l->changed);
    if (l->has_lock)
        wf_mutex_finish(&l->lock);
    weft_data_destroy(&l->data);
    free(l);
    *loader = NULL;
}

// The batch is one more dimension, the first.
static weft_tensor *to_device(weft_scope *s, const struct weft_row *row, int64_t rows,
                              const void *data)
{
    int64_t shape[WEFT_MAX_DIMS] = {rows};
    for (int i = 0; i < row->ndim; i++)
        shape[i + 1] = row->shape[i];
    return weft_from_host(s, row->dtype, row->ndim + 1, shape, data);
}

static bool hand_over(const weft_loader *l, weft_scope *s, const struct wf_host_batch *b,
                      weft_tensor **x, weft_tensor **y)
{
    const struct weft_row *xrow = &l->data->src.x, *yrow = &l->data->src.y;
    weft_tensor *xt = to_device(s, xrow, b->rows, b->x), *yt = NULL;
    if (xrow->dtype == WEFT_U8 && !l->o.raw)
        xt = weft_scale(s, weft_cast(s, xt, WEFT_F32), 1.0 / 255);
    if (y && yrow->dtype)
        yt = to_device(s, yrow, b->rows, b->y);
    if (!wf_scope_ok(s))
        return false;
    *x = xt;
    if (y)
        *y = yt;
    return true;
}

// A batch that the scope could not take, for want of memory say, is not consumed: the caller may
// clear the scope and ask again.
bool weft_loader_next(weft_loader *l, weft_scope *s, weft_tensor **x, weft_tensor **y)
{
    if (x)
        *x = NULL;
    if (y)
        *y = NULL;
    if (!wf_scope_ok(s))
        return false;
    if (!l || !x)
        return wf_scope_wrong(s, "loader: %s is NULL", l ? "x" : "the loader");
    struct wf_host_batch b;
    struct weft_error err = {0};
    if (!wf_loader_host_batch(l, &b, &err))
        return err.status && wf_scope_fail(s, err.status, "%s", err.text);
    if (!hand_over(l, s, &b, x, y))
        return false;
    wf_loader_consume(l);
    return true;
}

int64_t weft_loader_position(const weft_loader *l)
{
    return l ? l->consumed : 0; // only the caller's own calls change it
}

bool weft_loader_seek(weft_loader *l, int64_t position, struct weft_error *err)
{
    if (!l)
        return wf_fail(err, WEFT_PARAM, "loader_seek: the loader is NULL");
    if (position < 0 || position > MAX_POSITION)
        return wf_fail(err, WEFT_PARAM,
                       "loader_seek: position is %" PRId64 ", wanted 0 to %" PRId64, position,
                       MAX_POSITION);
    wf_lock(&l->lock);
    go_to(l, position);
    wf_unlock(&l->lock);
    return true;
}

int64_t weft_loader_batches(const weft_loader *l)
{
    return l ? l->batches : 0;
}

const weft_data *weft_loader_data(const weft_loader *l)
{
    return l ? l->data : NULL;
}
