// A loop test over the rows of the table of references: one case for each, so that what an
// environment variable leaves out is not counted as passed.
#ifndef TESTS_CHOSEN_OPS_H
#define TESTS_CHOSEN_OPS_H
#include "ref.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// WEFT_TEST_OP=TEXT[,TEXT...]: only the ops whose names contain one of them.
static inline bool is_chosen(const struct op_ref *r)
{
    const char *text = getenv("WEFT_TEST_OP");
    while (text) {
        char part[64];
        snprintf(part, sizeof part, "%.*s", (int)strcspn(text, ","), text);
        if (strstr(r->name, part) || strstr(op_ref_function(r), part))
            return true;
        text = strchr(text, ',');
        text = text ? text + 1 : NULL;
    }
    return !getenv("WEFT_TEST_OP");
}

static inline void add_chosen_ops(TCase *t, const TTest *test)
{
    for (int i = 0; op_ref_at(i); i++) {
        if (is_chosen(op_ref_at(i)))
            tcase_add_loop_test(t, test, i, i + 1);
    }
}

#endif
