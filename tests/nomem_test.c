// Files and data sets when host memory runs out: each allocation of a piece of work fails once. The
// work then fails with WEFT_NOMEM, or does without, and frees all it has. The linker puts these
// functions in the place of the C library's (tests/meson.build).
#include "run.h"
#include "tempdir.h"
#include <weft/csv.h>
#include <weft/npz.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static int calls, failing, live; // failing: the number of the call that fails; 0: none

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static void *count(void *p)
{
    live += p != NULL;
    return p;
}

void *__wrap_malloc(size_t n)
{
    return ++calls == failing ? NULL : count(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return ++calls == failing ? NULL : count(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
    if (++calls == failing)
        return NULL;
    void *to = __real_realloc(p, n);
    live += to && !p;
    return to;
}

void __wrap_free(void *p)
{
    live -= p != NULL;
    __real_free(p);
}

static const float x[] = {1, 2, 3, 4, 5, 6};
static const int64_t y[] = {0, 1, 2};
static const struct weft_file_tensor xt = {
    .name = "x", .dtype = WEFT_F32, .ndim = 2, .shape = {3, 2}, .data = x};
static const struct weft_file_tensor yt = {
    .name = "y", .dtype = WEFT_I64, .ndim = 1, .shape = {3}, .data = y};

static weft_data *copied(struct weft_error *err)
{
    return weft_data_memory(&xt, &yt, weft_data_memory_params(.copy = true), err);
}

static bool done(weft_data *d)
{
    bool ok = d != NULL;
    weft_data_destroy(&d);
    return ok;
}

static bool read_npy(struct weft_error *err)
{
    weft_npy *f = weft_npy_open(TEST_DATA "/fortran_big.npy", err);
    bool ok = f != NULL;
    weft_npy_close(&f);
    return ok;
}

static bool write_npy(struct weft_error *err)
{
    return weft_npy_write(in_tempdir("x.npy"), &xt, err);
}

static bool npy_data(struct weft_error *err)
{
    return done(weft_data_npy(TEST_DATA "/f4.npy", TEST_DATA "/big_i2.npy", err));
}

static bool memory(struct weft_error *err)
{
    return done(copied(err));
}

static bool subset(struct weft_error *err)
{
    return done(weft_data_subset(copied(err), 2, (const int64_t[]){2, 1}, err));
}

static bool split(struct weft_error *err)
{
    weft_data *train, *validation;
    bool ok = weft_data_split(copied(err), weft_data_split_params(.stratified = true), &train,
                              &validation, err);
    if (ok != (train != NULL) || ok != (validation != NULL)) {
        *err = (struct weft_error){WEFT_PARAM, "split: both parts or none were wanted"};
        ok = false;
    }
    weft_data_destroy(&train);
    weft_data_destroy(&validation);
    return ok;
}

static bool transforms(struct weft_error *err)
{
    return done(weft_data_one_hot(weft_data_normalize(copied(err), NULL, err), 0, err));
}

// Elements that shrink are fetched to memory of their own.
static bool wide_rows(struct weft_error *err)
{
    weft_data *d = weft_data_normalize(
        weft_data_memory(&yt, NULL, NULL, err),
        weft_data_normalize_params(.mean = (double[]){0}, .std = (double[]){1}, .n = 1), err);
    float got;
    bool ok = d && weft_data_get(d, 1, &got, NULL, err);
    weft_data_destroy(&d);
    return ok;
}

#ifdef WF_HAVE_CSV
static bool csv(struct weft_error *err)
{
    return done(weft_data_csv(in_tempdir("a.csv"), weft_csv_params(.classes = true), err));
}
#endif

#ifdef WF_HAVE_ZIP
static bool read_npz(struct weft_error *err)
{
    weft_npz *f = weft_npz_open(TEST_DATA "/deflated.npz", err);
    bool ok = f != NULL;
    weft_npz_close(&f);
    return ok;
}

static bool write_npz(struct weft_error *err)
{
    return weft_npz_write(in_tempdir("x.npz"), (const struct weft_file_tensor[]){xt, yt}, 2, NULL,
                          err);
}
#endif

static const struct work {
    const char *name;
    bool (*run)(struct weft_error *err);
} work[] = {
#define WORK(name)  \
    {               \
#name, name \
    }
    WORK(read_npy), WORK(write_npy), WORK(npy_data),   WORK(memory),
    WORK(subset),   WORK(split),     WORK(transforms), WORK(wide_rows),
#ifdef WF_HAVE_CSV
    WORK(csv),
#endif
#ifdef WF_HAVE_ZIP
    WORK(read_npz), WORK(write_npz),
#endif
};

static void setup(void)
{
    static const char text[] = "a,b,kind\n1,2,red\n3,4,blue\n5,6,red\n";
    tempdir_make();
    put_file(in_tempdir("a.csv"), text, sizeof text - 1);
}

START_TEST(every_allocation_may_fail)
{
    const struct work *w = &work[_i];
    struct weft_error err = {0};
    calls = 0;
    ck_assert_msg(w->run(&err), "%s: %s", w->name, err.text);
    int all = calls;
    ck_assert_int_gt(all, 0);
    for (int n = 1; n <= all; n++) {
        int before = live;
        err = (struct weft_error){0};
        calls = 0;
        failing = n;
        bool ok = w->run(&err);
        failing = 0;
        int left = live - before; // Check allocates too
        // A file of which not even the temporary name fits in memory cannot be written: WEFT_IO.
        ck_assert_msg(ok || err.status == WEFT_NOMEM || err.status == WEFT_IO,
                      "%s, call %d: status %d, \"%s\"", w->name, n, err.status, err.text);
        ck_assert_msg(!left, "%s, call %d: %d left", w->name, n, left);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nomem");
    TCase *t = tcase_create("nomem");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, setup, tempdir_remove);
    tcase_add_loop_test(t, every_allocation_may_fail, 0, COUNT(work));
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
