// The dry run and the dump: what they say is what happens, and neither changes anything.
#include "run.h"
#include "scope_fixture.h"
#include <stdio.h>
#include <stdlib.h>

static const float rows[6] = {1, -2, 3, 4, -5, 6};
static const int64_t two_by_three[] = {2, 3}, labels[] = {0, 2}, two[] = {2};

static struct weft_plan_info planned(const weft_tensor *x)
{
    struct weft_plan_info info = {.size = sizeof info};
    ck_assert_msg(weft_plan(s, x, &info), "%s", weft_scope_error(s)->text);
    return info;
}

static weft_tensor *loss_of_a_step(weft_optim *optim)
{
    weft_tensor *x = weft_from_host(s, WEFT_F32, 2, two_by_three, rows);
    weft_tensor *label = weft_from_host(s, WEFT_I64, 1, two, labels);
    weft_tensor *h = weft_relu(s, weft_linear(s, net, "fc1", x, weft_linear_params(.out = 16)));
    weft_tensor *y = weft_linear(s, net, "fc2", h, weft_linear_params(.out = 3));
    weft_tensor *loss = weft_cross_entropy(s, y, label, NULL);
    ck_assert_msg(weft_backward(s, loss, net) && weft_optim_step(optim, s), "%s",
                  weft_scope_error(s)->text);
    return loss;
}

START_TEST(a_plan_tells_launches_builds_and_records)
{
    const int64_t shape[] = {1000};
    weft_tensor *x = weft_full(s, WEFT_F32, 1, shape, 2);
    weft_want(s, x);
    ck_assert(weft_flush(s));
    weft_tensor *y = weft_sum(s, weft_exp(s, weft_neg(s, x)), NULL);
    struct weft_device_stats before = stats();
    struct weft_plan_info info = planned(y);
    ck_assert_uint_eq(stats().launches, before.launches);
    ck_assert_uint_eq(stats().bytes_used, before.bytes_used);
    ck_assert_int_eq(info.records, 3);
    ck_assert_int_eq(info.launches, 2);
    ck_assert_int_eq(info.builds, 2);
    ck_assert_double_eq_tol(weft_item(s, y), 1000 * 0.1353352832, 1e-3);
    struct weft_device_stats after = stats();
    ck_assert_uint_eq(after.launches - before.launches, (uint64_t)info.launches);
    ck_assert_uint_eq(after.builds + after.loads - before.builds - before.loads,
                      (uint64_t)info.builds);
    info = planned(y);
    ck_assert_int_eq(info.records, 0);
    ck_assert_int_eq(info.launches, 0);
}
END_TEST

START_TEST(a_plan_of_a_training_step_changes_nothing)
{
    struct weft_error e = {0};
    weft_optim *adam = weft_adam_create(net, NULL, &e);
    for (int step = 0; step < 3; step++) {
        weft_tensor *loss = loss_of_a_step(adam);
        struct weft_device_stats before = stats();
        struct weft_plan_info info = planned(NULL), again = planned(NULL);
        ck_assert_uint_eq(info.peak_bytes, again.peak_bytes);
        ck_assert_int_eq(info.launches, again.launches);
        ck_assert_uint_eq(stats().launches, before.launches);
        ck_assert_uint_eq(stats().bytes_used, before.bytes_used);
        ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
        struct weft_device_stats after = stats();
        ck_assert_uint_eq(after.launches - before.launches, (uint64_t)info.launches);
        ck_assert_uint_eq(after.builds + after.loads - before.builds - before.loads,
                          (uint64_t)info.builds);
        ck_assert_double_gt(weft_item(s, loss), 0);
        ck_assert(weft_scope_reset(s));
    }
    weft_optim_destroy(&adam);
}
END_TEST

START_TEST(the_peak_is_what_the_run_needs)
{
    enum { N = 1 << 18 };
    const int64_t shape[] = {N};
    weft_tensor *x = weft_full(s, WEFT_F32, 1, shape, 1), *y = x;
    for (int i = 0; i < 6; i++) // the sums keep the chain from being one kernel
        y = weft_add(s, y, weft_sum(s, y, NULL));
    struct weft_plan_info info = planned(y);
    ck_assert_uint_ge(info.peak_bytes, 2 * sizeof(float[N]));
    ck_assert_uint_le(info.peak_bytes, (uint64_t)(2.4 * sizeof(float[N])));
    ck_assert(weft_want(s, y) && weft_flush(s));
    ck_assert_uint_eq(stats().bytes_peak, info.peak_bytes);
}
END_TEST

START_TEST(a_plan_of_what_is_kept_elsewhere_frees_nothing)
{
    const int64_t shape[] = {1000};
    weft_tensor *kept = weft_keep(s, weft_full(s, WEFT_F32, 1, shape, 3));
    weft_tensor *y = weft_exp(s, kept), *z = weft_sum(s, weft_neg(s, y), NULL);
    planned(z);
    planned(y);
    ck_assert_double_eq_tol(weft_item(s, z), -1000 * 20.085536923, 1e-1);
    weft_scope_reset(s);
    ck_assert_double_eq(weft_item(s, weft_sum(s, kept, NULL)), 3000);
    weft_tensor_destroy(&kept);
}
END_TEST

START_TEST(a_plan_is_told_what_is_wrong)
{
    struct weft_plan_info info = {.size = sizeof info};
    ck_assert(!weft_plan(s, NULL, NULL));
    assert_error(WEFT_PARAM, "plan: the place for the answer is NULL");
    ck_assert(!weft_plan(s, NULL, &(struct weft_plan_info){0}));
    assert_error(WEFT_PARAM, "plan: the place for the answer is without its .size");
    weft_tensor *x = weft_full(s, WEFT_F32, 0, NULL, 1);
    weft_scope_reset(s);
    ck_assert(!weft_plan(s, x, &info));
    assert_error(WEFT_PARAM, "plan: a tensor is from before a reset");
    ck_assert(!weft_plan(NULL, NULL, &info));
}
END_TEST

struct lines {
    char text[8000];
};

static void add_line(void *priv, const char *text)
{
    struct lines *l = priv;
    size_t at = strlen(l->text);
    snprintf(l->text + at, sizeof l->text - at, "%s\n", text);
}

START_TEST(a_dump_shows_records_cuts_and_bytes)
{
    struct lines l = {""};
    weft_label_push(s, "head");
    weft_tensor *x = weft_from_host(s, WEFT_F32, 2, two_by_three, rows);
    weft_tensor *t = weft_transpose(s, weft_exp(s, weft_neg(s, x)), 0, 1);
    weft_tensor *y = weft_sum(s, t, NULL);
    ck_assert(weft_scope_dump(s, WEFT_DUMP_TEXT, add_line, &l));
    static const char *const wanted[] = {
        "#0 head: neg (data [2,3]) -> F32 [2,3], 24 bytes; merged into the kernel of #1\n",
        "#1 head: exp (#0) -> F32 [2,3], 24 bytes; to run\n",
        "#2 head: transpose (#1) -> F32 [3,2], 24 bytes; view\n",
        "#3 head: sum (#2) -> F32 [], 4 bytes; to run\n"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        ck_assert_msg(strstr(l.text, wanted[i]) != NULL, "no \"%s\" in\n%s", wanted[i], l.text);
    weft_item(s, y);
    *l.text = 0;
    ck_assert(weft_scope_dump(s, WEFT_DUMP_TEXT, add_line, &l));
    ck_assert_msg(strstr(l.text, "#3 head: sum (#2) -> F32 [], 4 bytes; ran\n") != NULL, "%s",
                  l.text);
    static const char *const after[] = {
        "#0 head: neg (data [2,3]) -> F32 [2,3], 24 bytes; ran, merged\n",
        "24 bytes; ran, storage given back\n", "24 bytes; ran, view\n"};
    for (size_t i = 0; i < sizeof after / sizeof *after; i++)
        ck_assert_msg(strstr(l.text, after[i]) != NULL, "no \"%s\" in\n%s", after[i], l.text);
}
END_TEST

START_TEST(a_dump_is_a_graph_too)
{
    struct lines l = {""};
    weft_label_push(s, "a \"quoted\" label");
    weft_tensor *x = weft_from_host(s, WEFT_F32, 2, two_by_three, rows);
    weft_exp(s, weft_neg(s, x));
    ck_assert(weft_scope_dump(s, WEFT_DUMP_DOT, add_line, &l));
    ck_assert(!strncmp(l.text, "digraph scope {\n", 16) && strstr(l.text, "\n}\n"));
    ck_assert(strstr(l.text, "r0 -> r1;") && strstr(l.text, "a \\\"quoted\\\" label"));
    ck_assert_msg(strstr(l.text, "subgraph cluster_1 { label=\"kernel of #1\"; r0; r1; }") != NULL,
                  "%s", l.text);
}
END_TEST

START_TEST(a_scope_in_error_is_dumped_as_it_is)
{
    struct lines l = {""};
    weft_tensor *x = weft_from_host(s, WEFT_F32, 2, two_by_three, rows);
    weft_add(s, weft_neg(s, x), weft_from_host(s, WEFT_F32, 1, two, rows));
    ck_assert_int_eq(weft_scope_error(s)->status, WEFT_SHAPE);
    ck_assert(weft_scope_dump(s, WEFT_DUMP_TEXT, add_line, &l));
    ck_assert_msg(strstr(l.text, "#0 neg (data [2,3]) -> F32 [2,3], 24 bytes; has not run\n") !=
                      NULL,
                  "%s", l.text);
    ck_assert(!weft_scope_dump(NULL, WEFT_DUMP_TEXT, add_line, &l));
    weft_scope_clear(s);
    ck_assert(!weft_scope_dump(s, WEFT_DUMP_TEXT, NULL, NULL));
    assert_error(WEFT_PARAM, "dump: no function takes the lines");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *t = tcase_create("plan");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_plan_tells_launches_builds_and_records);
    tcase_add_test(t, a_plan_of_a_training_step_changes_nothing);
    tcase_add_test(t, the_peak_is_what_the_run_needs);
    tcase_add_test(t, a_plan_of_what_is_kept_elsewhere_frees_nothing);
    tcase_add_test(t, a_plan_is_told_what_is_wrong);
    tcase_add_test(t, a_dump_shows_records_cuts_and_bytes);
    tcase_add_test(t, a_dump_is_a_graph_too);
    tcase_add_test(t, a_scope_in_error_is_dumped_as_it_is);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
