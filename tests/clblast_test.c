// CLBlast where it is installed: when it is taken, and that its products are right. Exits with 77
// where it is not. With FAKE_CLBLAST set, the library that is found is fake_clblast.c: it must not
// be believed.
#include "clblast/clblast.h"
#include "op/matmul_tuning.h"
#include "run.h"
#include "scope_fixture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 40, INNER = 300, COLUMNS = 70 };

static char logged[4096];

static void log_line(void *priv, enum weft_log_level level, const char *line)
{
    (void)priv, (void)level;
    size_t at = strlen(logged);
    snprintf(logged + at, sizeof logged - at, "%s\n", line);
}

static void setup_clblast(void)
{
    struct weft_error e = {0};
    logged[0] = 0;
    dev = weft_device_create(weft_device_params(.log = log_line), &e);
    ck_assert_msg(dev != NULL, "%s", e.text);
    s = weft_scope_create(dev, NULL, &e);
    ck_assert(s);
}

static struct wf_matmul problem(void)
{
    struct wf_matmul p = {.dtype = WEFT_F32,
                          .out = WEFT_F32,
                          .m = ROWS,
                          .n = COLUMNS,
                          .k = INNER,
                          .count = 1,
                          .a_m = INNER,
                          .a_k = 1,
                          .b_k = COLUMNS,
                          .b_n = 1};
    p.batch = (struct wf_dims){.rank = 1, .views = 2, .shape = {1}};
    return p;
}

static bool is_taken(void)
{
    struct wf_matmul p = problem();
    struct wf_matmul_choice c = {.v = &wf_matmul_clblast};
    return wf_matmul_clblast.applies(dev, &p) && wf_matmul_is_trusted(dev, &p, &c);
}

// Products of small whole numbers, which every order of adding gives alike.
static void assert_product(int64_t batch)
{
    weft_tensor *a = weft_full(s, WEFT_F32, 3, (int64_t[]){batch, ROWS, INNER}, 2);
    weft_tensor *b = weft_full(s, WEFT_F32, 3, (int64_t[]){batch, INNER, COLUMNS}, 3);
    weft_tensor *c = weft_matmul(s, a, b);
    int64_t n = weft_count(c);
    float *v = malloc((size_t)n * sizeof *v);
    ck_assert_msg(weft_read(s, c, v, (size_t)n * sizeof *v), "%s", weft_scope_error(s)->text);
    for (int64_t i = 0; i < n; i++)
        ck_assert(v[i] == 6 * INNER);
    free(v);
}

// The device is made anew: it reads the environment then, and never after.
static void make_device_with(const char *clblast)
{
    teardown();
    setenv("WEFT_CLBLAST", clblast, 1);
    setup_clblast();
    unsetenv("WEFT_CLBLAST");
}

START_TEST(environment_decides)
{
    make_device_with("0");
    ck_assert(!is_taken());
    dev->info.type = WEFT_DEVICE_GPU;
    ck_assert(!is_taken());
    ck_assert_msg(!strstr(logged, "clblast"), "%s", logged);
    make_device_with("");
    dev->info.type = WEFT_DEVICE_CPU;
    ck_assert(!is_taken());
    ck_assert_msg(!strstr(logged, "clblast"), "%s", logged);
}
END_TEST

START_TEST(gpus_take_it_once_it_was_right)
{
    dev->info.type = WEFT_DEVICE_GPU;
    ck_assert(is_taken());
    ck_assert_msg(strstr(logged, "matmul clblast F32 gave the right products and is used") != NULL,
                  "%s", logged);
    logged[0] = 0;
    ck_assert(is_taken());
    ck_assert_str_eq(logged, "");
    assert_product(1);
    assert_product(3);
    ck_assert_str_eq(logged, "");
}
END_TEST

START_TEST(it_runs_on_a_cpu_where_asked_to)
{
    ck_assert(!is_taken());
    make_device_with("1");
    ck_assert(is_taken());
    assert_product(1);
    dev->params.clblast = WEFT_CLBLAST_ON_GPUS;
    ck_assert(!is_taken());
}
END_TEST

START_TEST(what_it_cannot_do_goes_elsewhere)
{
    dev->info.type = WEFT_DEVICE_GPU;
    struct wf_epilogue e = {.text = "v"};
    struct wf_matmul p = problem();
    p.epilogue = &e;
    ck_assert(!wf_matmul_clblast.applies(dev, &p));
    p = problem();
    p.a_k = 2; // neither rows nor columns side by side
    ck_assert(!wf_matmul_clblast.applies(dev, &p));
    p = problem();
    p.dtype = p.out = WEFT_F16;
    ck_assert(!wf_matmul_clblast.applies(dev, &p));
    p = problem();
    p.k = 0;
    ck_assert(!wf_matmul_clblast.applies(dev, &p));
    p = problem();
    p.a_m = 0; // one row, repeated
    ck_assert(!wf_matmul_clblast.applies(dev, &p));
}
END_TEST

// Another context gets kernels of its own.
START_TEST(devices_follow_one_another)
{
    for (int i = 0; i < 2; i++) {
        dev->info.type = WEFT_DEVICE_GPU;
        assert_product(1);
        ck_assert_msg(strstr(logged, "and is used") != NULL, "%s", logged);
        teardown();
        setup_clblast();
    }
}
END_TEST

START_TEST(a_fake_is_not_believed)
{
    dev->info.type = WEFT_DEVICE_GPU;
    ck_assert(!is_taken());
    bool wrong = !strcmp(getenv("FAKE_CLBLAST"), "wrong");
    ck_assert_msg(strstr(logged, "matmul clblast F32 is switched off on this device: ") &&
                      strstr(logged, wrong ? "nan and not " : "error -2048"),
                  "%s", logged);
    assert_product(1);
}
END_TEST

// One that was right and fails later is given up, and the product is there all the same.
START_TEST(a_failure_is_made_good)
{
    dev->info.type = WEFT_DEVICE_GPU;
    struct wf_matmul p = problem();
    struct wf_matmul_choice c = {.v = &wf_matmul_clblast};
    struct wf_trust_key key = wf_matmul_trust_key(&p, &c);
    wf_trust_set(dev, &key, WF_TRUST_YES); // as if it had been right
    ck_assert(is_taken());
    assert_product(1);
    ck_assert_msg(strstr(logged, "switched off on this device: CLBlast: error -2048") != NULL, "%s",
                  logged);
    ck_assert(!is_taken());
}
END_TEST

static bool is_there(void)
{
    struct weft_error e = {0};
    dev = weft_device_create(NULL, &e);
    bool yes = dev && wf_clblast_found(dev);
    weft_device_destroy(&dev);
    return yes;
}

int main(void)
{
    bool fake = getenv("FAKE_CLBLAST");
    unsetenv("WEFT_CLBLAST");
    if (!is_there() && !fake) {
        printf("skipped: CLBlast is not installed\n");
        return 77;
    }
    Suite *suite = suite_create("clblast");
    TCase *t = tcase_create("clblast");
    tcase_add_checked_fixture(t, setup_clblast, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_test(t, environment_decides);
    if (fake) {
        tcase_add_test(t, a_fake_is_not_believed);
        if (strcmp(getenv("FAKE_CLBLAST"), "wrong") != 0)
            tcase_add_test(t, a_failure_is_made_good);
    } else {
        tcase_add_test(t, gpus_take_it_once_it_was_right);
        tcase_add_test(t, it_runs_on_a_cpu_where_asked_to);
        tcase_add_test(t, what_it_cannot_do_goes_elsewhere);
        tcase_add_test(t, devices_follow_one_another);
    }
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
