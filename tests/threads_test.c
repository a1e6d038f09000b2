// Several threads at once, in every way that the headers allow. On its own it checks that each gets
// the answers that it would get alone; with ThreadSanitizer (tests/sanitize) that none reads what
// another writes.
#include "base/os.h"
#include "device_fixture.h"
#include "tempdir.h"
#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 3, OPENS = 2 };

// No assertion in a thread that is not Check's: it counts what was wrong.
struct job {
    weft_device *dev;
    int number;
    int wrong;
    double loss;
    void *priv;
};

static weft_device *dev;

static void setup(void)
{
    tempdir_make();
    dev = open_device(NULL);
}

static void teardown(void)
{
    weft_device_destroy(&dev);
    tempdir_remove();
}

// Runs work[i] on job i, each in a thread of its own. None may find anything wrong.
static void run_all(struct job *job, void *(*const *work)(void *), int n)
{
    pthread_t thread[8];
    for (int i = 0; i < n; i++) {
        job[i].number = i;
        ck_assert(!pthread_create(&thread[i], NULL, work[i], &job[i]));
    }
    for (int i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < n; i++)
        ck_assert_msg(!job[i].wrong, "thread %d: %d wrong", i, job[i].wrong);
}

static void run_same(struct job *job, void *(*work)(void *), int n)
{
    void *(*all[8])(void *);
    for (int i = 0; i < n; i++)
        all[i] = work;
    run_all(job, all, n);
}

// in_tempdir() is for one thread.
static const char *file_at(char path[256], const char *name, int number)
{
    snprintf(path, 256, "%s/%s%d", tempdir, name, number);
    return path;
}

static void *train(void *priv)
{
    struct job *j = priv;
    struct model m;
    model_make(&m, j->dev);
    for (int i = 0; i < 15; i++) {
        j->loss = model_step(&m);
        j->wrong += isnan(j->loss);
    }
    model_free(&m);
    return NULL;
}

static void *open_and_close(void *priv)
{
    struct job *j = priv;
    char cache[256];
    file_at(cache, "cache", 0);
    for (int i = 0; i < OPENS; i++) {
        struct weft_error e = {0};
        weft_device_list *list = weft_device_list_create(NULL, &e);
        j->wrong += !list || list->chosen < 0;
        weft_device_list_destroy(&list);
        j->dev = weft_device_create(weft_device_params(.cache_dir = cache), &e);
        j->wrong += !j->dev;
        if (j->dev)
            train(j);
        weft_device_destroy(&j->dev);
    }
    return NULL;
}

// Each has a device of its own; they share the folder of compiled kernels.
START_TEST(devices_are_opened_at_once_and_share_a_cache)
{
    struct job job[THREADS + 1] = {{0}};
    run_same(job, open_and_close, THREADS);
    job[THREADS].dev = dev;
    train(&job[THREADS]);
    for (int i = 0; i < THREADS; i++)
        ck_assert_double_eq(job[i].loss, job[THREADS].loss);
}
END_TEST

// Everything that is asked of a device, while others train on it.
static void *ask(void *priv)
{
    struct job *j = priv;
    struct weft_profile_row row[4];
    struct weft_error e = {0};
    for (int i = 0; i < 10; i++) {
        struct weft_device_stats st = stats_of(j->dev);
        j->wrong += st.bytes_used > st.bytes_peak;
        j->wrong += weft_device_profile(j->dev, row, COUNT(row), &e) < 0;
        j->wrong += !weft_device_trace(j->dev, j->priv, &e) || !weft_device_wait(j->dev, &e);
        weft_device_trim(j->dev);
        for (int cap = 0; cap < WEFT_CAP_COUNT; cap++)
            weft_device_has(j->dev, (enum weft_capability)cap);
        j->wrong += weft_device_info(j->dev)->index < 0;
    }
    return NULL;
}

START_TEST(a_device_is_asked_while_it_works)
{
    char path[256];
    strcpy(path, in_tempdir("trace.json"));
    weft_device *d =
        open_device(weft_device_params(.cache_dir = in_tempdir("kernels"), .profile = true));
    struct job job[4] = {
        {.dev = d}, {.dev = d}, {.dev = d, .priv = path}, {.dev = d, .priv = path}};
    run_all(job, (void *(*[])(void *)){train, train, ask, ask}, 4);
    ck_assert_double_eq(job[0].loss, job[1].loss);
    ck_assert_uint_eq(stats_of(d).bytes_used, 0);
    weft_device_destroy(&d);
}
END_TEST

// The table's own; and how many threads take a program's binary from the driver, at most ever.
static cl_int(CL_API_CALL *program_info)(cl_program, cl_program_info, size_t, void *, size_t *);
static atomic_int taking, most_taking;

// Takes its time, for another thread to come in if it may.
static cl_int CL_API_CALL slow_info(cl_program program, cl_program_info what, size_t bytes,
                                    void *value, size_t *needs)
{
    int now = ++taking;
    if (now > most_taking)
        most_taking = now;
    for (double end = wf_now() + 0.5; taking < 2 && wf_now() < end;)
        sched_yield();
    cl_int code = program_info(program, what, bytes, value, needs);
    taking--;
    return code;
}

// The second thread launches with another size of the groups, while the first is saving.
static void *launch_and_save(void *priv)
{
    struct job *j = priv;
    struct weft_error e = {0};
    struct wf_kernel *k =
        wf_kernel_get(j->dev,
                      &(struct wf_request){.file = "own",
                                           .kernel = "one",
                                           .op = "own",
                                           .text = "kernel void one(global int *x) { *x = 1; }"},
                      &e);
    if (!k) {
        j->wrong++;
        return NULL;
    }
    for (double end = wf_now() + 10; j->number && !taking && wf_now() < end;)
        sched_yield();
    wf_lock(&j->dev->queue_lock);
    wf_program_launched(j->dev, k, (size_t)j->number + 1);
    wf_unlock(&j->dev->queue_lock);
    wf_programs_save(j->dev);
    return NULL;
}

START_TEST(a_program_is_saved_by_one_thread_at_a_time)
{
    weft_device *d = open_device(weft_device_params(.cache_dir = in_tempdir("cache")));
    struct job job[2] = {{.dev = d}, {.dev = d}};
    program_info = d->cl.clGetProgramInfo;
    d->cl.clGetProgramInfo = slow_info;
    run_same(job, launch_and_save, 2);
    ck_assert_int_eq(most_taking, 1);
    d->cl.clGetProgramInfo = program_info;
    weft_device_destroy(&d);
}
END_TEST

static atomic_int errors;

static void count_errors(void *priv, enum weft_log_level level, const char *line)
{
    (void)priv, (void)line;
    errors += level == WEFT_LOG_ERROR;
}

// Trains, and says when it has begun.
struct begun {
    atomic_int count;
};

static void *train_on(void *priv)
{
    struct job *j = priv;
    struct begun *b = j->priv;
    struct model m;
    model_make(&m, j->dev);
    b->count++;
    for (int i = 0; i < 20; i++)
        j->wrong += isnan(model_step(&m));
    model_free(&m);
    return NULL;
}

static void *let_go(void *priv)
{
    struct job *j = priv;
    struct begun *b = j->priv;
    while (b->count < 2)
        sched_yield();
    weft_device_destroy(&j->dev);
    return NULL;
}

// It lives on until the last model, of whichever thread, has gone.
START_TEST(a_device_is_destroyed_while_threads_work_on_it)
{
    weft_device *d = open_device(weft_device_params(.log = count_errors));
    struct begun begun = {0};
    struct job job[] = {
        {.dev = d, .priv = &begun}, {.dev = d, .priv = &begun}, {.dev = d, .priv = &begun}};
    errors = 0;
    run_all(job, (void *(*[])(void *)){train_on, train_on, let_go}, 3);
    ck_assert_int_eq(errors, 1);
}
END_TEST

// Reads a tensor, and uses it, in a scope of its own.
static void *read_kept(void *priv)
{
    struct job *j = priv;
    weft_scope *s = weft_scope_create(j->dev, NULL, NULL);
    for (int i = 0; i < 30; i++) {
        float v[8];
        j->wrong += !weft_read(s, j->priv, v, sizeof v) || v[3] != 5;
        j->wrong += weft_item(s, weft_sum(s, j->priv, NULL)) != 40;
        weft_scope_reset(s);
    }
    weft_scope_destroy(&s);
    return NULL;
}

START_TEST(a_kept_tensor_is_read_by_many)
{
    weft_scope *s = open_scope(dev);
    weft_tensor *kept = weft_keep(s, filled(s, 8, 5));
    weft_scope_destroy(&s);
    struct job job[THREADS];
    for (int i = 0; i < THREADS; i++)
        job[i] = (struct job){.dev = dev, .priv = kept};
    run_same(job, read_kept, THREADS);
    weft_tensor_destroy(&kept);
}
END_TEST

static void *save(void *priv)
{
    struct job *j = priv;
    struct weft_error e = {0};
    char own[256], all[256];
    file_at(own, "own", j->number);
    file_at(all, "all", 0);
    for (int i = 0; i < 10; i++) {
        float v[MODEL_CLASSES];
        j->wrong += !weft_params_save(j->priv, own, NULL, &e);
        j->wrong += !weft_params_save(j->priv, all, NULL, &e);
        j->wrong += !weft_params_get(j->priv, "fc2.bias", v, sizeof v, &e);
        j->wrong += weft_params_count(j->priv) != 4;
    }
    return NULL;
}

// Two threads save the same params and a third others, each to a file of its own and all to one.
START_TEST(params_are_saved_at_once)
{
    struct model m[2];
    struct job job[3];
    for (int i = 0; i < 2; i++) {
        model_make(&m[i], dev);
        ck_assert(!isnan(model_step(&m[i])));
    }
    for (int i = 0; i < 3; i++)
        job[i] = (struct job){.dev = dev, .priv = m[i / 2].net};
    run_same(job, save, 3);
    static const char *const files[] = {"own0", "own1", "own2", "all0"};
    for (int i = 0; i < COUNT(files); i++) {
        struct weft_error e = {0};
        ck_assert_msg(weft_params_load(m[0].net, in_tempdir(files[i]), NULL, &e), "%s", e.text);
    }
    for (int i = 0; i < 2; i++)
        model_free(&m[i]);
    ck_assert_int_eq(count_files(tempdir), COUNT(files));
}
END_TEST

static void *look_up(void *priv)
{
    struct job *j = priv;
    for (int i = 0; i < 50; i++) {
        const struct weft_file_tensor *t = weft_safetensors_find(j->priv, "fc1.bias");
        j->wrong += !t || weft_safetensors_find(j->priv, "none");
        j->wrong += weft_safetensors_count(j->priv) != 4 || !weft_safetensors_at(j->priv, i % 4);
        j->wrong += weft_safetensors_metadata(j->priv, "none") != NULL;
    }
    return NULL;
}

START_TEST(an_open_file_is_read_by_many)
{
    struct model m;
    struct weft_error e = {0};
    struct job job[THREADS] = {{0}};
    model_make(&m, dev);
    ck_assert(!isnan(model_step(&m)));
    ck_assert(weft_params_save(m.net, in_tempdir("model"), NULL, &e));
    model_free(&m);
    weft_safetensors *f = weft_safetensors_open(in_tempdir("model"), &e);
    ck_assert_msg(f != NULL, "%s", e.text);
    for (int i = 0; i < THREADS; i++)
        job[i].priv = f;
    run_same(job, look_up, THREADS);
    weft_safetensors_close(&f);
}
END_TEST

enum { ROWS = 40 };

// Two epochs, of which the second is broken off.
static void *load(void *priv)
{
    struct job *j = priv;
    struct weft_error e = {0};
    weft_scope *s = weft_scope_create(j->dev, NULL, &e);
    weft_loader *l = weft_loader_create(
        j->priv, weft_loader_params(.batch = 3, .shuffle = true, .threads = 2, .ahead = 3), &e);
    double sum = 0;
    for (weft_tensor *x; weft_loader_next(l, s, &x, NULL); weft_scope_reset(s))
        sum += weft_item(s, weft_sum(s, x, NULL));
    j->wrong += sum != ROWS / 2 * 1.0 || weft_scope_error(s)->status;
    weft_tensor *x;
    j->wrong += !weft_loader_next(l, s, &x, NULL);
    weft_loader_destroy(&l);
    j->wrong += isnan(weft_item(s, weft_sum(s, x, NULL)));
    weft_scope_destroy(&s);
    return NULL;
}

// The halves of one data set; the last loader to go frees it.
START_TEST(loaders_share_a_data_set)
{
    float *v = malloc(ROWS * sizeof *v);
    ck_assert(v != NULL);
    for (int i = 0; i < ROWS; i++)
        v[i] = 1;
    struct weft_error e = {0};
    weft_data *half[2],
        *all = weft_data_memory(
            &(struct weft_file_tensor){.dtype = WEFT_F32, .ndim = 1, .shape = {ROWS}, .data = v},
            NULL, weft_data_memory_params(.copy = true), &e);
    free(v);
    ck_assert_msg(
        weft_data_split(all, weft_data_split_params(.validation = 0.5), &half[0], &half[1], &e),
        "%s", e.text);
    struct job job[2] = {{.dev = dev, .priv = half[0]}, {.dev = dev, .priv = half[1]}};
    run_same(job, load, 2);
}
END_TEST

enum { READS = 20 };

struct read {
    weft_async *async;
    float value[64];
    atomic_int called;
};

// From a thread of the driver; every other one goes here.
static void note_read(void *priv, const struct weft_error *e)
{
    struct read *r = priv;
    int ok = e->status == WEFT_OK && r->value[63] == 3;
    if (r->async)
        weft_async_destroy(&r->async);
    r->called = ok ? 1 : -1;
}

static void *read_async(void *priv)
{
    struct job *j = priv;
    static struct read all[2][READS];
    struct read *r = all[j->number];
    weft_scope *s = weft_scope_create(j->dev, NULL, NULL);
    for (int i = 0; i < READS; i++) {
        r[i].called = 0;
        weft_async *a = weft_read_async(s, filled(s, 64, 3), r[i].value, sizeof r[i].value);
        r[i].async = i % 2 ? a : NULL;
        j->wrong += !weft_async_notify(a, note_read, &r[i], NULL);
        weft_scope_reset(s);
        if (i % 2 == 0)
            weft_async_destroy(&a); // waits for the callback
    }
    weft_scope_destroy(&s);
    for (int i = 0; i < READS; i++) {
        for (double end = wf_now() + 60; !r[i].called && wf_now() < end;)
            sched_yield();
        j->wrong += r[i].called != 1;
    }
    return NULL;
}

START_TEST(reads_call_back_in_two_threads)
{
    struct job job[2] = {{.dev = dev}, {.dev = dev}};
    run_same(job, read_async, 2);
}
END_TEST

static void *await(void *priv)
{
    struct job *j = priv;
    struct read *r = j->priv;
    while (j->number == 0 && !weft_async_done(r->async))
        sched_yield();
    j->wrong += !weft_async_wait(r->async, NULL) || r->value[0] != 3 || r->value[63] != 3;
    return NULL;
}

START_TEST(a_read_is_awaited_by_many)
{
    weft_scope *s = open_scope(dev);
    for (int i = 0; i < 10; i++) {
        struct read r = {0};
        r.async = weft_read_async(s, filled(s, 64, 3), r.value, sizeof r.value);
        struct job job[THREADS] = {{.priv = &r}, {.priv = &r}, {.priv = &r}};
        run_same(job, await, THREADS);
        weft_async_destroy(&r.async);
    }
    weft_scope_destroy(&s);
}
END_TEST

static void note_back(void *priv, const void *data)
{
    (void)data;
    ++*(atomic_int *)priv;
}

// Memory of the thread's, which the driver gives back from a thread of its own.
static void *borrow(void *priv)
{
    struct job *j = priv;
    int64_t n = 2048;
    float *v = aligned_alloc(4096, 4 * 4096);
    weft_scope *s = weft_scope_create(j->dev, NULL, NULL);
    for (int i = 0; i < 10; i++) {
        atomic_int back = 0;
        for (int k = 0; k < n + 1; k++)
            v[k] = (float)i;
        weft_tensor *x = weft_borrow(s, v + i % 2,
                                     weft_borrow_params(.dtype = WEFT_F32, .ndim = 1, .shape = &n,
                                                        .released = note_back, .priv = &back));
        j->wrong += weft_item(s, weft_sum(s, x, NULL)) != (double)(n * i);
        weft_scope_reset(s);
        for (double end = wf_now() + 60; !back && wf_now() < end;)
            weft_device_wait(j->dev, NULL);
        j->wrong += back != 1;
    }
    weft_scope_destroy(&s);
    free(v);
    return NULL;
}

START_TEST(memory_is_lent_by_two_threads)
{
    struct job job[2] = {{.dev = dev}, {.dev = dev}};
    run_same(job, borrow, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threads");
    TCase *t = tcase_create("threads");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 600);
    tcase_add_test(t, devices_are_opened_at_once_and_share_a_cache);
    tcase_add_test(t, a_device_is_asked_while_it_works);
    tcase_add_test(t, a_program_is_saved_by_one_thread_at_a_time);
    tcase_add_test(t, a_device_is_destroyed_while_threads_work_on_it);
    tcase_add_test(t, a_kept_tensor_is_read_by_many);
    tcase_add_test(t, params_are_saved_at_once);
    tcase_add_test(t, an_open_file_is_read_by_many);
    tcase_add_test(t, loaders_share_a_data_set);
    tcase_add_test(t, reads_call_back_in_two_threads);
    tcase_add_test(t, a_read_is_awaited_by_many);
    tcase_add_test(t, memory_is_lent_by_two_threads);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
