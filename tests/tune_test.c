// Tuning on a device, in the forms that GPUs get, whose kernels compile fast; and what is believed
// of variants that answer wrongly, write too much, fail or do not compile.
#include "device_fixture.h"
#include "op/matmul_gpu.h"
#include "op/matmul_trial.h"
#include "op/matmul_tune.h"
#include "tempdir.h"

static weft_device *dev;

static weft_device *open_here(double tune_seconds)
{
    logged[0] = 0;
    weft_device *d = open_device(weft_device_params(.cache_dir = in_tempdir("cache"),
                                                    .tuning = in_tempdir("tuning.json"),
                                                    .clblast = WEFT_CLBLAST_OFF,
                                                    .tune_seconds = tune_seconds, .log = log_line));
    d->info.type = WEFT_DEVICE_GPU;
    // A folder of kernels switches it off.
    wf_store_init(&d->store, weft_device_params(.cache_dir = in_tempdir("cache")), &d->log);
    return d;
}

static void reopen(void)
{
    weft_device_destroy(&dev);
    dev = open_here(0);
}

static void setup(void)
{
    tempdir_make();
    dev = open_here(0);
}

static void teardown(void)
{
    weft_device_destroy(&dev);
    unsetenv("WEFT_CL_DIR");
    tempdir_remove();
}

// With it the tiles do not compile, which leaves little to try.
#define NO_TILES "s/kernel void matmul_gpu_tile/#error no tiles\\n&/"

// The kernels in a folder, those of products changed by sed.
static void edit_kernels(const char *sed)
{
    char command[2048];
    snprintf(command, sizeof command, "mkdir -p %s && cp %s/../cl/*.[ch]* %s && sed -i '%s' %s*",
             in_tempdir("cl"), TUNING, in_tempdir("cl"), sed, in_tempdir("cl/matmul"));
    ck_assert_msg(!system(command), "%s", command);
    setenv("WEFT_CL_DIR", in_tempdir("cl"), 1);
    reopen();
}

static struct wf_tuning_problem key(int64_t m, int64_t n, int64_t k)
{
    return (struct wf_tuning_problem){
        .m = m, .n = n, .k = k, .count = 1, .op = "matmul", .dtype = "F32", .form = "nn"};
}

static int lines_with(const char *part)
{
    int n = 0;
    for (const char *at = logged; (at = strstr(at, part)); at++)
        n++;
    return n;
}

// A product of twos and threes, all of whose elements are 6 k.
static void multiply(int64_t m, int64_t n, int64_t k)
{
    weft_scope *s = open_scope(dev);
    weft_tensor *c = weft_matmul(s, weft_full(s, WEFT_F32, 2, (int64_t[]){m, k}, 2),
                                 weft_full(s, WEFT_F32, 2, (int64_t[]){k, n}, 3));
    float *v = malloc((size_t)(m * n) * sizeof *v);
    ck_assert_msg(weft_read(s, c, v, (size_t)(m * n) * sizeof *v), "%s", weft_scope_error(s)->text);
    for (int64_t i = 0; i < m * n; i++)
        ck_assert(v[i] == (float)(6 * k));
    free(v);
    weft_scope_destroy(&s);
}

// Variants that are not to be trusted: what they do after, or instead of, a plain product.
static enum { RIGHT, WRONG, MISSING, BEHIND, FAILS, NO_MEMORY } mode;
static int runs;

static bool fake_fits(weft_device *d, const struct wf_matmul *p, const int *knob)
{
    (void)d, (void)knob;
    return p->dtype == WEFT_F32;
}

static bool fake_run(weft_device *d, const struct wf_matmul *p, const int *knob,
                     struct weft_error *err)
{
    const float one = 1;
    size_t elements = (size_t)(p->m * p->n * p->count);
    runs++;
    if (mode == FAILS)
        return wf_fail(err, WEFT_DEVICE, "fake: error 5");
    if (mode == NO_MEMORY)
        return wf_fail(err, WEFT_NOMEM, "fake: no memory");
    if (mode != MISSING && !wf_matmul_plain.run(d, p, knob, err))
        return false;
    if (mode == WRONG || mode == BEHIND)
        return wf_upload(d, p->c, (elements - (mode == WRONG)) * sizeof one, &one, sizeof one, err);
    return true;
}

static const struct wf_matmul_variant fake = {
    .name = "fake", .fits = fake_fits, .run = fake_run, .may_fail = true};

START_TEST(a_trial_sees_what_is_wrong)
{
    static const char *const want[] = {[RIGHT] = NULL,
                                       [WRONG] = "element 34 is 1 and not ",
                                       [MISSING] = "nan and not ",
                                       [BEHIND] = "1 bytes behind the result",
                                       [FAILS] = "fake: error 5",
                                       [NO_MEMORY] = "fake: no memory"};
    struct wf_matmul_choice plain = {.v = &wf_matmul_plain}, c = {.v = &fake};
    struct wf_tuning_problem problem = key(5, 7, 30);
    struct wf_matmul_trial t;
    struct weft_error err = {0};
    mode = RIGHT;
    ck_assert_msg(wf_matmul_trial_make(&t, dev, &problem, &plain, &err), "%s", err.text);
    for (mode = RIGHT; mode <= NO_MEMORY; mode++) {
        err = (struct weft_error){0};
        ck_assert_int_eq(wf_matmul_trial_check(&t, &c, &err), mode == RIGHT);
        ck_assert_msg(mode == RIGHT || strstr(err.text, want[mode]), "%d: %s", mode, err.text);
    }
    wf_matmul_trial_finish(&t);
}
END_TEST

// Operands of every dtype and form, and what each own variant makes of them.
START_TEST(trials_of_every_kind)
{
    static const char *const dtypes[] = {"F32", "F16", "BF16", "F64"}, *const forms[] = {"nn",
                                                                                         "tt"};
    struct wf_matmul_choice plain = {.v = &wf_matmul_plain};
    for (int i = 0; i < 8; i++) {
        struct wf_tuning_problem problem = key(33, 17, 290);
        struct wf_matmul_trial t;
        struct weft_error err = {0};
        problem.count = 3;
        strcpy(problem.dtype, dtypes[i / 2]);
        strcpy(problem.form, forms[i % 2]);
        if (i / 2 == 3 && !weft_device_has(dev, WEFT_CAP_F64))
            continue;
        ck_assert_msg(wf_matmul_trial_make(&t, dev, &problem, &plain, &err), "%s", err.text);
        struct wf_matmul_choice c = wf_matmul_by_rule(dev, &t.p, &wf_matmul_gpu_tile);
        ck_assert_msg(wf_matmul_trial_check(&t, &c, &err), "%s: %s", problem.dtype, err.text);
        wf_matmul_trial_finish(&t);
    }
}
END_TEST

static bool is_trusted(void)
{
    struct wf_matmul p;
    struct wf_tuning_problem problem = key(8, 8, 8);
    struct wf_matmul_choice c = {.v = &fake};
    ck_assert(wf_matmul_dense(dev, &problem, &p));
    return wf_matmul_is_trusted(dev, &p, &c);
}

START_TEST(what_was_right_is_remembered)
{
    mode = RIGHT;
    runs = 0;
    ck_assert(is_trusted());
    ck_assert_int_gt(runs, 0);
    ck_assert_int_eq(lines_with("matmul fake F32 gave the right products"), 1);
    reopen();
    runs = 0;
    ck_assert(is_trusted() && is_trusted());
    ck_assert_int_eq(runs, 0);
}
END_TEST

START_TEST(what_was_wrong_is_remembered)
{
    mode = _i;
    ck_assert(!is_trusted() && !is_trusted());
    ck_assert_int_eq(lines_with("matmul fake F32 is switched off"), 1);
    reopen();
    runs = 0;
    ck_assert(!is_trusted() && !is_trusted());
    ck_assert_int_eq(runs, 0);
    ck_assert_int_eq(lines_with("matmul fake F32 is switched off"), 1);
    // A cache that was cleared forgets it.
    ck_assert(weft_cache_clear(weft_device_params(.cache_dir = in_tempdir("cache")), NULL));
    mode = RIGHT;
    reopen();
    ck_assert(is_trusted());
}
END_TEST

// It says nothing of the variant: off for this process only.
START_TEST(want_of_memory_is_not_remembered)
{
    mode = NO_MEMORY;
    ck_assert(!is_trusted());
    mode = RIGHT;
    ck_assert(!is_trusted());
    reopen();
    ck_assert(is_trusted());
}
END_TEST

START_TEST(a_trial_that_hung_twice)
{
    mode = RIGHT;
    ck_assert_int_eq(wf_trust_begin(dev, "matmul fake F32", NULL), WF_TRUST_UNKNOWN);
    ck_assert_int_eq(wf_trust_begin(dev, "matmul fake F32", NULL), WF_TRUST_UNKNOWN);
    runs = 0;
    ck_assert(!is_trusted());
    ck_assert_int_eq(runs, 0);
    ck_assert_msg(strstr(logged, "a trial of it never ended"), "%s", logged);
}
END_TEST

// What was tuned elsewhere is compared, even if it is weft's own.
// Of the rule for the problem, with another BM.
static struct wf_matmul_choice tile_of(const struct wf_matmul *p, int bm)
{
    struct wf_matmul_choice c = wf_matmul_by_rule(dev, p, &wf_matmul_gpu_tile);
    c.knob[BM] = bm;
    return c;
}

// How often the log says that a choice is switched off.
static int times_off(const struct wf_matmul *p, const struct wf_matmul_choice *c)
{
    char name[256], line[300];
    snprintf(line, sizeof line, "%s is switched off", wf_matmul_trust_name(p, c, name));
    return lines_with(line);
}

START_TEST(a_tile_from_elsewhere_is_compared)
{
    struct wf_matmul p;
    struct wf_tuning_problem problem = key(8, 8, 8);
    edit_kernels("s/FINISH4(sum.NEXT(q)./& + (BM == 32)/");
    ck_assert(wf_matmul_dense(dev, &problem, &p));
    struct wf_matmul_choice good = tile_of(&p, 64), bad = tile_of(&p, 32);
    good.unproven = bad.unproven = true;
    ck_assert(wf_matmul_is_trusted(dev, &p, &good));
    ck_assert(!wf_matmul_is_trusted(dev, &p, &bad));
    ck_assert_msg(times_off(&p, &bad) == 1, "%s", logged);
    reopen();
    bad.unproven = false;
    ck_assert(!wf_matmul_is_trusted(dev, &p, &bad)); // the store remembers
    bad.knob[BK] = 8;
    ck_assert(wf_matmul_is_trusted(dev, &p, &bad));
}
END_TEST

// A reference that fails says nothing of what was to be held against it.
START_TEST(the_reference_may_fail)
{
    edit_kernels(NO_TILES);
    mode = RIGHT;
    ck_assert(is_trusted());
    edit_kernels("s/FOR_TASKS/#error nothing\\n&/");
    ck_assert(weft_cache_clear(weft_device_params(.cache_dir = in_tempdir("cache")), NULL));
    ck_assert(!is_trusted());
    unsetenv("WEFT_CL_DIR");
    reopen();
    ck_assert(is_trusted());
}
END_TEST

// The next variant serves; the log has it once.
START_TEST(a_variant_that_does_not_compile)
{
    struct wf_matmul p;
    struct wf_tuning_problem problem = key(40, 50, 60);
    edit_kernels(NO_TILES);
    ck_assert(wf_matmul_dense(dev, &problem, &p));
    struct wf_matmul_choice rule = wf_matmul_by_rule(dev, &p, &wf_matmul_gpu_tile);
    multiply(40, 50, 60);
    multiply(41, 50, 60);
    ck_assert_msg(times_off(&p, &rule) == 1, "%s", logged);
    reopen();
    multiply(40, 50, 60);
    ck_assert_int_eq(lines_with("did not compile"), 0);
    edit_kernels("s/static inline T finish/#error nothing\\n&/;s/FOR_TASKS/#error nothing\\n&/");
    weft_scope *s = open_scope(dev);
    weft_tensor *x = weft_full(s, WEFT_F32, 2, (int64_t[]){9, 9}, 1);
    weft_want(s, weft_matmul(s, x, x));
    ck_assert(!weft_flush(s));
    ck_assert_int_eq(weft_scope_error(s)->status, WEFT_BUILD);
    weft_scope_destroy(&s);
}
END_TEST

static struct wf_tuning_entry tile(int64_t m, int bm)
{
    struct wf_tuning_entry e = {
        .problem = key(m, 50, 60), .variant = "gpu_tile", .ns = 1000, .rule_ns = 2000};
    struct wf_matmul p;
    ck_assert(wf_matmul_dense(dev, &e.problem, &p));
    struct wf_matmul_choice c = tile_of(&p, bm);
    for (int i = 0; wf_matmul_tile_knobs[i].name; i++) {
        strcpy(e.knob[i].name, wf_matmul_tile_knobs[i].name);
        e.knob[i].value = c.knob[i];
    }
    return e;
}

START_TEST(the_tuned_choice_runs)
{
    struct weft_error err = {0};
    struct wf_tuning_entry e = tile(40, 64);
    multiply(40, 50, 60);
    uint64_t builds = stats_of(dev).builds;
    ck_assert(wf_tuning_put(dev, &wf_matmul_tuning, &e, &err));
    multiply(40, 50, 60);
    ck_assert_uint_eq(stats_of(dev).builds, builds + 1);
    // What the device cannot run is left to the rule.
    dev->info.max_group = 63;
    builds = stats_of(dev).builds;
    multiply(40, 50, 60);
    ck_assert_uint_eq(stats_of(dev).builds, builds + 1); // a smaller one
}
END_TEST

// On a CPU only tiles whose epilogue is like the elementwise kernels are taken.
START_TEST(fused_and_unfused_stay_the_same)
{
    struct weft_error err = {0};
    struct wf_tuning_entry e = tile(40, 64);
    struct wf_matmul_choice c;
    struct wf_matmul p;
    bool known;
    ck_assert(wf_tuning_put(dev, &wf_matmul_tuning, &e, &err));
    ck_assert(wf_matmul_dense(dev, &e.problem, &p));
    ck_assert(wf_matmul_tuned(dev, &p, &c, &known) && known);
    dev->info.type = WEFT_DEVICE_CPU;
    ck_assert(!wf_matmul_tuned(dev, &p, &c, &known) && known);
}
END_TEST

static int results, calls, stop_at;

static void count_result(void *priv, const struct weft_tune_result *r)
{
    struct weft_tune_result *last = priv;
    ck_assert_msg(r->us > 0 && r->us <= r->rule_us, "%g, %g", r->us, r->rule_us);
    results++;
    *last = *r;
}

static bool count_call(void *priv, const struct weft_tune_progress *p)
{
    (void)priv;
    ck_assert(p->index >= 0 && p->index < p->count && p->problem->m > 0);
    return ++calls != stop_at;
}

START_TEST(tuning_fills_the_file)
{
    const struct weft_tune_problem problem[] = {{.m = 96, .n = 80, .k = 70, .b_transposed = true},
                                                {.m = 9, .n = 64, .k = 64, .count = 4}};
    struct weft_tune_result last = {0};
    struct weft_tune_report report = {.size = sizeof report};
    struct weft_error err = {0};
    struct weft_tune_params *p =
        weft_tune_params(.problem = problem, .count = 2, .seconds = 120, .progress = count_call,
                         .result = count_result, .priv = &last);
    edit_kernels(NO_TILES);
    results = calls = stop_at = 0;
    ck_assert_msg(weft_tune(dev, p, &report, &err), "%s", err.text);
    ck_assert(results == 2 && report.count == 2 && report.done == 2 && report.known == 0);
    ck_assert_int_ge(calls, 6);
    ck_assert(last.problem.count == 4 && !last.known && !last.partial && *last.variant);
    // Another time there is nothing to do, unless asked for.
    reopen();
    ck_assert_msg(weft_tune(dev, p, &report, &err), "%s", err.text);
    ck_assert(results == 4 && report.done == 0 && report.known == 2 && last.known);
    p->again = true;
    ck_assert_msg(weft_tune(dev, p, &report, &err), "%s", err.text);
    ck_assert(results == 6 && report.done == 2 && report.known == 0 && !last.known);
    multiply(96, 80, 70);
}
END_TEST

START_TEST(tuning_can_be_stopped)
{
    const struct weft_tune_problem problem[] = {{.m = 96, .n = 80, .k = 70},
                                                {.m = 9, .n = 64, .k = 64}};
    struct weft_tune_result last = {0};
    struct weft_tune_report report = {.size = sizeof report};
    struct weft_error err = {0};
    struct weft_tune_params *p =
        weft_tune_params(.problem = problem, .count = 2, .seconds = 120, .progress = count_call,
                         .result = count_result, .priv = &last);
    edit_kernels(NO_TILES);
    // In the second problem: the first is kept.
    results = calls = 0;
    stop_at = 1000;
    ck_assert(weft_tune(dev,
                        weft_tune_params(.problem = problem, .count = 1, .seconds = 120,
                                         .progress = count_call, .again = true),
                        &report, &err));
    stop_at = 2;
    calls = 0;
    ck_assert(!weft_tune(dev, p, &report, &err));
    ck_assert_int_eq(err.status, WEFT_CANCELLED);
    ck_assert(report.known == 1 && report.done == 0 && results == 1);
    reopen();
    struct wf_tuning_problem first = key(96, 80, 70), second = key(9, 64, 64);
    struct wf_tuning_entry e;
    ck_assert(wf_tuning_has(dev, &wf_matmul_tuning, &first, &e));
    ck_assert(!wf_tuning_has(dev, &wf_matmul_tuning, &second, &e));
}
END_TEST

// Without time, what the rule takes is measured all the same, and noted as a beginning.
START_TEST(tuning_without_time)
{
    const struct weft_tune_problem problem[] = {{.m = 96, .n = 80, .k = 70},
                                                {.m = 9, .n = 9, .k = 9}};
    struct weft_tune_report report = {.size = sizeof report};
    struct weft_error err = {0};
    struct wf_tuning_problem first = key(96, 80, 70);
    struct wf_tuning_entry e;
    ck_assert_msg(weft_tune(dev, weft_tune_params(.problem = problem, .count = 2, .seconds = 1e-3),
                            &report, &err),
                  "%s", err.text);
    ck_assert(report.done == 0 && report.known == 0 && report.count == 2);
    ck_assert(!wf_tuning_has(dev, &wf_matmul_tuning, &first, &e));
    ck_assert(wf_path_exists(in_tempdir("tuning.json")));
}
END_TEST

START_TEST(tuning_leaves_out_what_is_wrong)
{
    const struct weft_tune_problem problem = {.m = 96, .n = 80, .k = 70};
    struct wf_tuning_problem k = key(96, 80, 70);
    struct wf_tuning_entry e;
    struct weft_error err = {0};
    edit_kernels("s/FINISH4(sum.NEXT(q)./& + 1/");
    ck_assert_msg(weft_tune(dev, weft_tune_params(.problem = &problem, .count = 1, .seconds = 120),
                            NULL, &err),
                  "%s", err.text);
    ck_assert_int_ge(lines_with("is switched off"), 2);
    ck_assert(wf_tuning_has(dev, &wf_matmul_tuning, &k, &e));
    ck_assert_str_eq(e.variant, "plain");
}
END_TEST

START_TEST(bad_calls)
{
    const struct weft_tune_problem good = {.m = 9, .n = 9, .k = 9};
    struct weft_tune_problem bad[] = {good, good, good, good, good};
    bad[0].m = 0;
    bad[1].k = -1;
    bad[2].n = INT64_MAX;
    bad[3].count = -1;
    bad[4].dtype = WEFT_I32;
    for (int i = 0; i < COUNT(bad); i++) {
        struct weft_error err = {0};
        ck_assert(!weft_tune(dev, weft_tune_params(.problem = &bad[i], .count = 1), NULL, &err));
        assert_refused(&err, WEFT_PARAM, "tune: problem 0 is ");
    }
    static const struct weft_tune_params params[] = {
        {.size = sizeof *params, .op = "fft"},
        {.size = sizeof *params, .seconds = -1},
        {.size = sizeof *params, .count = 1},
        {.size = sizeof *params, .count = -1},
    };
    for (int i = 0; i < COUNT(params); i++) {
        struct weft_error err = {0};
        ck_assert(!weft_tune(dev, &params[i], NULL, &err));
        assert_refused(&err, WEFT_PARAM, "tune: ");
    }
    struct weft_error err = {0};
    ck_assert(!weft_tune(NULL, NULL, NULL, &err));
    assert_refused(&err, WEFT_PARAM, "tune: the device is NULL");
    dev->tuning.busy = true;
    err = (struct weft_error){0};
    ck_assert(!weft_tune(dev, weft_tune_params(.problem = &good, .count = 1), NULL, &err));
    assert_refused(&err, WEFT_PARAM, "another thread");
    dev->tuning.busy = false;
    // A file of another device stays as it is.
    put_file(in_tempdir("tuning.json"), "{}", 2);
    edit_kernels(NO_TILES);
    err = (struct weft_error){0};
    ck_assert(!weft_tune(dev, weft_tune_params(.problem = &good, .count = 1), NULL, &err));
    assert_refused(&err, WEFT_FORMAT, "is no tuning file");
    char text[8];
    ck_assert_uint_eq(get_file(in_tempdir("tuning.json"), text, sizeof text), 2);
}
END_TEST

// Only where asked for, and until the time is used up.
START_TEST(products_that_are_met)
{
    struct wf_tuning_problem first = key(40, 50, 60), second = key(41, 70, 80);
    struct wf_tuning_entry e;
    edit_kernels(NO_TILES);
    multiply(40, 50, 60);
    ck_assert(!wf_path_exists(in_tempdir("tuning.json")));
    weft_device_destroy(&dev);
    dev = open_here(60);
    multiply(40, 50, 60);
    ck_assert(wf_tuning_has(dev, &wf_matmul_tuning, &first, &e));
    int64_t left = dev->tuning.lazy_ns;
    ck_assert(left > 0 && left < INT64_C(60000000000));
    multiply(40, 50, 60);
    ck_assert(dev->tuning.lazy_ns == left);
    dev->tuning.lazy_ns = 1;
    multiply(41, 70, 80);
    ck_assert_int_le(dev->tuning.lazy_ns, 0);
    ck_assert(!wf_tuning_has(dev, &wf_matmul_tuning, &second, &e));
    multiply(42, 70, 80);
    // A file that cannot be written ends it, and no product.
    weft_device_destroy(&dev);
    put_file(in_tempdir("tuning.json"), "{}", 2);
    dev = open_here(60);
    multiply(40, 50, 60);
    ck_assert_int_le(dev->tuning.lazy_ns, 0);
    ck_assert_int_eq(lines_with("no product is tuned any more"), 1);
}
END_TEST

int main(void)
{
    unsetenv("WEFT_CLBLAST");
    Suite *suite = suite_create("tune");
    TCase *t = tcase_create("tune");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_trial_sees_what_is_wrong);
    tcase_add_test(t, trials_of_every_kind);
    tcase_add_test(t, what_was_right_is_remembered);
    tcase_add_loop_test(t, what_was_wrong_is_remembered, WRONG, NO_MEMORY);
    tcase_add_test(t, want_of_memory_is_not_remembered);
    tcase_add_test(t, a_trial_that_hung_twice);
    tcase_add_test(t, a_tile_from_elsewhere_is_compared);
    tcase_add_test(t, the_reference_may_fail);
    tcase_add_test(t, a_variant_that_does_not_compile);
    tcase_add_test(t, the_tuned_choice_runs);
    tcase_add_test(t, fused_and_unfused_stay_the_same);
    tcase_add_test(t, tuning_fills_the_file);
    tcase_add_test(t, tuning_can_be_stopped);
    tcase_add_test(t, tuning_without_time);
    tcase_add_test(t, tuning_leaves_out_what_is_wrong);
    tcase_add_test(t, bad_calls);
    tcase_add_test(t, products_that_are_met);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
