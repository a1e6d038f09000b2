// Runs a suite and gives main() its exit code. One suite for each program: the log that
// tests/count.py reads is written anew by each runner.
#ifndef TESTS_RUN_H
#define TESTS_RUN_H
#include <check.h>

static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
