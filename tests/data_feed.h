// What the tests of data sets and of the loader share: a source of numbers whose behaviour can be
// chosen, and a data set of two images.
#ifndef TESTS_DATA_FEED_H
#define TESTS_DATA_FEED_H
#include "base/os.h"
#include "data/loader.h"
#include "tempdir.h"
#include <check.h>
#include <stdatomic.h>
#include <weft/weft.h>

static struct weft_error err;

static inline void forget_error(void)
{
    err = (struct weft_error){0};
}

#define ck_error(code, part)                                                                  \
    do {                                                                                      \
        ck_assert_msg(err.status == (code) && strstr(err.text, part),                         \
                      "got status %d, \"%s\"; want %d, \"%s\"", err.status, err.text, (code), \
                      part);                                                                  \
        forget_error();                                                                       \
    } while (0)

// A source whose row r is x = {r, 3 r}, y = -r, and what is to happen on the way.
struct numbers {
    int64_t fail;        // this row fails [-1: none]
    atomic_int failures; // how often it still does
    bool mute;           // without an error text
    int slow;            // every slow-th row takes a while; 0: none
    int meet;            // the first rows wait until so many threads are in get(); 0: no
    atomic_int inside, most_inside, gets, destroyed, late, threads;
    atomic_bool gone;
};

// On the heap: after a failed assertion threads may still be using it.
static inline struct numbers *feed(struct numbers n)
{
    struct numbers *p = malloc(sizeof *p);
    ck_assert_ptr_nonnull(p);
    *p = n;
    return p;
}

static inline void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static inline void meet(struct numbers *n)
{
    for (double end = wf_now() + 10; n->most_inside < n->meet && wf_now() < end;)
        pause_ms(1);
}

static inline bool get_number(void *priv, int64_t row, void *x, void *y, struct weft_error *e)
{
    struct numbers *n = priv;
    n->late += n->gone; // no assertion here: this is not Check's thread
    int inside = ++n->inside, most = n->most_inside;
    while (inside > most && !atomic_compare_exchange_weak(&n->most_inside, &most, inside))
        ;
    static _Thread_local bool seen;
    n->threads += !seen;
    seen = true;
    n->gets++;
    if (n->meet)
        meet(n);
    if (n->slow && row % n->slow == 0)
        pause_ms(1);
    bool ok = row != n->fail || n->failures-- <= 0;
    if (!ok && !n->mute)
        *e = (struct weft_error){.status = WEFT_FORMAT, .text = "sensor: bad weather"};
    memcpy(x, (int32_t[]){(int32_t)row, (int32_t)row * 3}, 8);
    if (y)
        memcpy(y, &(int64_t){-row}, 8);
    n->inside--;
    return ok;
}

static inline void destroy_numbers(void *priv)
{
    struct numbers *n = priv;
    n->destroyed++;
    n->gone = true;
}

static inline struct weft_data_source source(struct numbers *n, int64_t count)
{
    return *weft_data_source(.x = {WEFT_I32, 1, {2}}, .y = {WEFT_I64, 0, {0}}, .count = count,
                             .get = get_number, .destroy = destroy_numbers, .priv = n);
}

static inline weft_data *numbers(struct numbers *n, int64_t count)
{
    if (!n->failures)
        n->fail = -1;
    struct weft_data_source src = source(n, count);
    weft_data *d = weft_data_create(&src, &err);
    ck_assert_ptr_nonnull(d);
    return d;
}

static inline weft_loader *loader(struct numbers *n, int64_t count,
                                  const struct weft_loader_params *o)
{
    weft_loader *l = weft_loader_create(numbers(n, count), o, &err);
    ck_assert_msg(l != NULL, "%s", err.text);
    return l;
}

static inline void finish(weft_loader **l, struct numbers *n)
{
    weft_loader_destroy(l);
    ck_assert_ptr_null(*l);
    ck_assert_int_eq(n->destroyed, 1);
    ck_assert_int_eq(n->inside, 0);
    ck_assert_int_eq(n->late, 0);
    free(n);
}

// Two images of 2 by 3 and their labels.
static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0,  0,  0,  2,  0,  0,
                                       0, 3, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 255};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 200};
#define IMAGES "train-images-idx3-ubyte"
#define LABELS "train-labels-idx1-ubyte"

static inline void put_small_set(void)
{
    put_file(in_tempdir(IMAGES), images, sizeof images);
    put_file(in_tempdir(LABELS), labels, sizeof labels);
}

#define ROWS(table) ((int)(sizeof(table) / sizeof(table)[0]))

#endif
