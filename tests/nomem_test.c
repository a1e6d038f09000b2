// Files and data sets when host memory runs out: each allocation of a piece of work fails once. The
// work then fails with WEFT_NOMEM, or does without, and frees all it has.
#include "host_memory.h"
#include "run.h"
#include "tempdir.h"
#include <weft/csv.h>
#include <weft/npz.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

static int calls, failing; // failing: the number of the call that fails; 0: none

static bool host_memory_fails(void)
{
    return ++calls == failing;
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
    weft_npy *f = weft_npy_open(TESTS_DATA "/fortran_big.npy", err);
    bool ok = f != NULL;
    weft_npy_close(&f);
    return ok;
}

static bool write_npy(struct weft_error *err)
{
    return weft_npy_write(in_tempdir("x.npy"), &xt, err);
}

static bool read_safetensors(struct weft_error *err)
{
    weft_safetensors *f = weft_safetensors_open(in_tempdir("a.safetensors"), err);
    bool ok = f != NULL;
    weft_safetensors_close(&f);
    return ok;
}

static bool write_safetensors(struct weft_error *err)
{
    const struct weft_file_text text = {"made", "by hand"};
    host_writes = true;
    bool ok = weft_safetensors_write(
        in_tempdir("a.safetensors"), (const struct weft_file_tensor[]){xt, yt}, 2,
        weft_safetensors_params(.metadata = &text, .nmetadata = 1), err);
    host_writes = false;
    return ok;
}

static bool npy_data(struct weft_error *err)
{
    return done(weft_data_npy(TESTS_DATA "/f4.npy", TESTS_DATA "/big_i2.npy", err));
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
    weft_npz *f = weft_npz_open(TESTS_DATA "/deflated.npz", err);
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
    WORK(read_npy),
    WORK(write_npy),
    WORK(write_safetensors),
    WORK(read_safetensors),
    WORK(npy_data),
    WORK(memory),
    WORK(subset),
    WORK(split),
    WORK(transforms),
    WORK(wide_rows),
#ifdef WF_HAVE_CSV
    WORK(csv),
#endif
#ifdef WF_HAVE_ZIP
    WORK(read_npz),
    WORK(write_npz),
#endif
};

static void setup(void)
{
    static const char text[] = "a,b,kind\n1,2,red\n3,4,blue\n5,6,red\n";
    tempdir_make();
    put_file(in_tempdir("a.csv"), text, sizeof text - 1);
    ck_assert(write_safetensors(NULL));
    host_memory_begin();
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
        int before = host_live;
        err = (struct weft_error){0};
        calls = 0;
        failing = n;
        bool ok = w->run(&err);
        failing = 0;
        int left = host_live - before; // Check allocates too
        ck_assert_msg(ok || err.status == WEFT_NOMEM, "%s, call %d: status %d, \"%s\"", w->name, n,
                      err.status, err.text);
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
