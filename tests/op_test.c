// Every operation against its double reference: value, gradient, strided inputs, both floating
// types; and what it refuses.
#include "op/op.h"
#include "op_bad.h"
#include "ref_check.h"
#include "run.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static weft_device *dev, *other;

static void setup(void)
{
    struct weft_error err = {0};
    // CLBlast is slow on a CPU, and has a test of its own.
    setenv("WEFT_CLBLAST", "0", 0);
    dev = weft_device_create(NULL, &err);
    other = weft_device_create(NULL, &err);
    ck_assert_msg(dev && other, "%s", err.text);
    // The forms for GPUs, with their groups of many work-items and barriers, run on a CPU as well.
    if (getenv("WEFT_TEST_AS_GPU"))
        dev->info.type = WEFT_DEVICE_GPU;
    // The forms for more than 2^31 elements, as if they were needed for every one above 1.
    if (getenv("WEFT_TEST_INDEX64"))
        dev->index_max = 1;
}

static void teardown(void)
{
    weft_device_destroy(&dev);
    weft_device_destroy(&other);
}

// WEFT_TEST_OP=TEXT,TEXT...: only the ops whose names contain one of these.
static bool is_chosen(const struct op_ref *r)
{
    const char *text = getenv("WEFT_TEST_OP");
    if (!text || !*text)
        return true;
    for (char part[64]; *text; text += *text == ',') {
        size_t n = strcspn(text, ",");
        snprintf(part, sizeof part, "%.*s", (int)n, text);
        if (strstr(r->name, part) || strstr(op_ref_function(r), part))
            return true;
        text += n;
    }
    return false;
}

// The elements of the largest tensor of a case.
static int64_t case_size(const struct op_case *c)
{
    struct array t = {.ndim = c->ndim};
    memcpy(t.shape, c->shape, sizeof t.shape);
    int64_t most = array_count(&t);
    for (int i = 0; i < MAX_IN; i++) {
        t.ndim = c->in[i].ndim;
        memcpy(t.shape, c->in[i].shape, sizeof t.shape);
        most = array_count(&t) > most ? array_count(&t) : most;
    }
    return most;
}

// WEFT_TEST_MAX=N: only the cases whose tensors have at most N elements each, but of every row the
// smallest, for a device that is very slow.
static bool is_small(const struct op_ref *r, int c)
{
    const char *text = getenv("WEFT_TEST_MAX");
    int64_t size = case_size(&r->cases[c]);
    bool smallest = true;
    for (int i = 0; i < ref_case_count(r); i++)
        smallest = smallest && size <= case_size(&r->cases[i]);
    return !text || smallest || size <= strtoll(text, NULL, 10);
}

// In double a kernel's text differs by its types only: some cases tell.
enum { F64_CASES = 3 };

START_TEST(value_is_the_references)
{
    const struct op_ref *r = op_ref_at(_i);
    struct ref_check k = {.dev = dev, .random = (uint64_t)_i + 1};
    bool has_f64 = weft_device_has(dev, WEFT_CAP_F64);
    ck_assert_int_gt(ref_case_count(r), 0);
    for (int c = 0; c < ref_case_count(r); c++) {
        for (int strided = 0; strided < 2 && is_small(r, c); strided++) {
            ck_assert_msg(ref_check_value(&k, r, c, WEFT_F32, strided), "%s", k.text);
            if (has_f64 && c < F64_CASES)
                ck_assert_msg(ref_check_value(&k, r, c, WEFT_F64, strided), "%s", k.text);
        }
    }
}
END_TEST

START_TEST(gradient_is_the_references_difference)
{
    const struct op_ref *r = op_ref_at(_i);
    struct ref_check k = {.dev = dev, .random = (uint64_t)_i + 1};
    for (int c = 0; r->smooth && c < ref_case_count(r); c++) {
        for (int strided = 0; strided < 2 && is_small(r, c); strided++)
            ck_assert_msg(ref_check_grad(&k, r, c, strided), "%s", k.text);
    }
}
END_TEST

START_TEST(bad_handles_are_refused)
{
    bad_handles(dev, other, op_ref_at(_i));
}
END_TEST

START_TEST(bad_dtypes_are_refused_and_the_others_taken)
{
    bad_dtypes(dev, op_ref_at(_i));
}
END_TEST

START_TEST(shapes_that_do_not_fit_are_refused)
{
    bad_shapes(dev, op_ref_at(_i));
}
END_TEST

START_TEST(bad_cases_are_refused)
{
    uint64_t limit = dev->info.max_alloc;
    dev->info.max_alloc = BAD_LIMIT;
    bad_cases(dev, op_ref_at(_i));
    dev->info.max_alloc = limit;
}
END_TEST

START_TEST(a_scope_in_error_records_nothing)
{
    bad_scopes(dev, op_ref_at(_i));
}
END_TEST

// What the other checks rely on: a wrong number, and only that, is found and named.
START_TEST(a_check_finds_what_is_wrong)
{
    struct array want = {1, {3}, (double[]){1, NAN, -INFINITY}};
    struct ref_check k = {.dev = dev};
    ck_assert(ref_compare(&k, "op", (double[]){1.5, NAN, -INFINITY}, &want, 0.5, 0.5));
    ck_assert_str_eq(k.text, "");
    ck_assert_double_eq(k.worst, 0.5);
    ck_assert(!ref_compare(&k, "op", (double[]){1, 0, -INFINITY}, &want, 1, 1));
    ck_assert_str_eq(k.text, "op: y[1] got 0, want nan");
    ck_assert(isinf(k.worst));
    ck_assert(!ref_compare(&k, "other", (double[]){1, NAN, 0}, &want, 1, 0));
    ck_assert_str_eq(k.text, "op: y[1] got 0, want nan");
}
END_TEST

START_TEST(every_row_has_a_reference)
{
    for (const struct wf_op *const *const *family = wf_op_families; *family; family++) {
        for (const struct wf_op *const *op = *family; *op; op++) {
            bool found = false;
            const struct op_ref *r;
            for (int i = 0; (r = op_ref_at(i)); i++)
                found = found || !strcmp(r->name, (*op)->name);
            ck_assert_msg(found, "%s has no reference in tests/ref.c", (*op)->name);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("op");
    TCase *table = tcase_create("table"), *bad = tcase_create("bad");
    tcase_add_unchecked_fixture(table, setup, teardown);
    tcase_add_unchecked_fixture(bad, setup, teardown);
    tcase_set_timeout(table, 300);
    tcase_set_timeout(bad, 300);
    const struct op_ref *r;
    int chosen = 0;
    for (int i = 0; (r = op_ref_at(i)); i++) {
        if (!is_chosen(r))
            continue;
        chosen++;
        tcase_add_loop_test(table, value_is_the_references, i, i + 1);
        tcase_add_loop_test(table, gradient_is_the_references_difference, i, i + 1);
        tcase_add_loop_test(bad, bad_handles_are_refused, i, i + 1);
        tcase_add_loop_test(bad, bad_dtypes_are_refused_and_the_others_taken, i, i + 1);
        tcase_add_loop_test(bad, shapes_that_do_not_fit_are_refused, i, i + 1);
        tcase_add_loop_test(bad, a_scope_in_error_records_nothing, i, i + 1);
        tcase_add_loop_test(bad, bad_cases_are_refused, i, i + 1);
    }
    tcase_add_test(table, a_check_finds_what_is_wrong);
    tcase_add_test(table, every_row_has_a_reference);
    suite_add_tcase(suite, table);
    suite_add_tcase(suite, bad);
    if (!chosen) {
        fprintf(stderr, "op_test: no op's name contains \"%s\"\n", getenv("WEFT_TEST_OP"));
        return EXIT_FAILURE;
    }
    return run_suite(suite);
}
