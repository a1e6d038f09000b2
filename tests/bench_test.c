// The table of `weft bench`: every operation has a case, and no two cases have one name.
#include "../tools/weft/bench.h"
#include "op/op.h"
#include "run.h"
#include <check.h>
#include <string.h>

static bool has_case(const char *op)
{
    struct bench_case c;
    for (int i = 0; bench_case_at(i, &c); i++) {
        if (!strcmp(c.op, op))
            return true;
    }
    return false;
}

START_TEST(every_row_has_a_case)
{
    for (const struct wf_op *const *const *family = wf_op_families; *family; family++) {
        for (const struct wf_op *const *op = *family; *op; op++)
            ck_assert_msg(has_case((*op)->name), "%s has no case in tools/weft/bench_ops.c",
                          (*op)->name);
    }
}
END_TEST

START_TEST(every_reference_has_a_case)
{
    const struct op_ref *r;
    for (int i = 0; (r = op_ref_at(i)); i++)
        ck_assert_msg(has_case(r->name), "%s has no case in tools/weft/bench_ops.c", r->name);
}
END_TEST

START_TEST(names_differ)
{
    struct bench_case a, b;
    for (int i = 0; bench_case_at(i, &a); i++) {
        for (int k = 0; k < i && bench_case_at(k, &b); k++)
            ck_assert_msg(strcmp(a.op, b.op) != 0 || strcmp(a.size, b.size) != 0,
                          "two cases are %s/%s", a.op, a.size);
    }
}
END_TEST

START_TEST(a_case_says_how_it_runs)
{
    struct bench_case c;
    int n = 0;
    for (; bench_case_at(n, &c); n++) {
        ck_assert_msg(c.measure || c.call, "%s/%s", c.op, c.size);
        ck_assert_msg(c.measure || (c.nin > 0 && c.nin <= MAX_IN), "%s/%s", c.op, c.size);
    }
    ck_assert_int_gt(n, 50);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bench");
    TCase *t = tcase_create("table");
    tcase_add_test(t, every_row_has_a_case);
    tcase_add_test(t, every_reference_has_a_case);
    tcase_add_test(t, names_differ);
    tcase_add_test(t, a_case_says_how_it_runs);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
