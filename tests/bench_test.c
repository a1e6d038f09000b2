// The table of `weft bench`: every operation has a case, and no two cases have one name.
#include "../tools/weft/bench.h"
#include "op/op.h"
#include "run.h"
#include <check.h>
#include <string.h>

enum { MAX = 1000 };
static struct bench_case cases[MAX];
static int count;

static void setup(void)
{
    for (count = 0; count < MAX && bench_case_at(count, &cases[count]); count++)
        ;
}

static bool has_case(const char *op)
{
    for (int i = 0; i < count; i++) {
        if (!strcmp(cases[i].op, op))
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
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < i; k++)
            ck_assert_msg(strcmp(cases[i].op, cases[k].op) != 0 ||
                              strcmp(cases[i].size, cases[k].size) != 0,
                          "two cases are %s/%s", cases[i].op, cases[i].size);
    }
}
END_TEST

START_TEST(a_case_says_how_it_runs)
{
    for (int i = 0; i < count; i++) {
        const struct bench_case *c = &cases[i];
        ck_assert_msg(c->measure || (c->call && c->nin > 0 && c->nin <= MAX_IN), "%s/%s", c->op,
                      c->size);
    }
    ck_assert_int_gt(count, 50);
    ck_assert_int_lt(count, MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bench");
    TCase *t = tcase_create("table");
    tcase_add_unchecked_fixture(t, setup, NULL);
    tcase_add_test(t, every_row_has_a_case);
    tcase_add_test(t, every_reference_has_a_case);
    tcase_add_test(t, names_differ);
    tcase_add_test(t, a_case_says_how_it_runs);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
