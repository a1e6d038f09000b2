// The table of `weft bench`: every operation has a case, and no two cases have one name; and every
// public function that is an operation is there, and has a reference.
#include "../tools/weft/bench.h"
#include "op/op.h"
#include "run.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX = 1000, MAX_HEADER = 1 << 16 };
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

static bool has_reference(const char *function)
{
    const struct op_ref *r;
    for (int i = 0; (r = op_ref_at(i)); i++) {
        if (!strcmp(op_ref_function(r), function))
            return true;
    }
    return false;
}

// All of a public header; free it.
static char *read_header(const char *name)
{
    char path[1000], *text = calloc(1, MAX_HEADER);
    snprintf(path, sizeof path, "%s/%s", WEFT_HEADERS, name);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s", path);
    ck_assert_uint_lt(fread(text, 1, MAX_HEADER - 1, f), MAX_HEADER - 1);
    fclose(f);
    return text;
}

// The functions of a header, which are `WEFT_API TYPE weft_NAME(`, with the type perhaps a pointer.
static int check_functions(const char *header)
{
    char *text = read_header(header), name[64];
    int found = 0;
    for (const char *at = text; (at = strstr(at, "WEFT_API ")); found++) {
        at += strcspn(at, "(");
        const char *begin = at;
        while (begin[-1] != ' ' && begin[-1] != '*')
            begin--;
        ck_assert_int_eq(strncmp(begin, "weft_", 5), 0);
        snprintf(name, sizeof name, "%.*s", (int)(at - begin - 5), begin + 5);
        ck_assert_msg(has_case(name), "%s has no case in tools/weft/bench_ops.c", name);
        ck_assert_msg(has_reference(name), "%s has no row in tests/ref_*.c", name);
    }
    free(text);
    return found;
}

START_TEST(every_public_operation_has_a_case_and_a_reference)
{
    char *list = read_header("op.h"), header[64];
    int found = 0;
    for (const char *at = list; (at = strstr(at, "#include <weft/")); at++) {
        ck_assert_int_eq(sscanf(at, "#include <weft/%63[^>]", header), 1);
        found += check_functions(header);
    }
    ck_assert_int_gt(found, 100);
    free(list);
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

// The sizes in the name of a product, count, m, k, n; returns what is behind them.
static const char *read_sizes(const struct bench_case *c, int64_t size[4])
{
    int at = c->c.in[0].ndim == 3 ? 0 : 1, first = at;
    char *end;
    size[0] = 1;
    size[at++] = strtol(c->size, &end, 10);
    while (*end == 'x' && at < 4)
        size[at++] = strtol(end + 1, &end, 10);
    ck_assert_msg(at == 4 || (first == 1 && at == 2), "%s", c->size);
    if (at == 2)
        size[3] = size[2] = size[1];
    return end;
}

// "", "/f16", "/relu".
static void check_options(const struct bench_case *c, const char *text)
{
    bool fused = !strcmp(text, "/relu") || !strcmp(text, "/gelu");
    bool narrow = c->dtype && c->dtype != WEFT_F32;
    ck_assert_msg(c->nin == (fused ? 3 : 2), "%s", c->size);
    ck_assert_msg(fused || (narrow ? !strcasecmp(text + 1, weft_dtype_name(c->dtype)) : !*text),
                  "%s", c->size);
    ck_assert_msg(!strcmp(c->op, "matmul_int") == (c->kind[0] == BYTE), "%s", c->size);
}

// The name is what the benches against rivals know a product by.
START_TEST(a_product_has_the_shape_that_its_name_says)
{
    for (const struct bench_case *c = bench_matmul_cases; c->op; c++) {
        int64_t size[4];
        const char *form = read_sizes(c, size);
        int batch = c->c.in[0].ndim - 2;
        const int64_t *a = c->c.in[0].shape + batch, *b = c->c.in[1].shape + batch;
        bool ta = !strncmp(form, "/ta", 3), tb = !strncmp(form, "/tb", 3);
        ck_assert_msg(a[ta] == size[1] && a[!ta] == size[2], "%s", c->size);
        ck_assert_msg(b[tb] == size[2] && b[!tb] == size[3], "%s", c->size);
        ck_assert_msg(!batch || (a[-1] == size[0] && b[-1] == size[0]), "%s", c->size);
        ck_assert_int_eq(c->row, size[1] == 1);
        ck_assert_double_eq(c->flops(&c->c), 2. * (double)(size[0] * size[1] * size[2] * size[3]));
        check_options(c, form + (ta || tb ? 3 : 0));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bench");
    TCase *t = tcase_create("table");
    tcase_add_unchecked_fixture(t, setup, NULL);
    tcase_add_test(t, every_row_has_a_case);
    tcase_add_test(t, every_reference_has_a_case);
    tcase_add_test(t, every_public_operation_has_a_case_and_a_reference);
    tcase_add_test(t, names_differ);
    tcase_add_test(t, a_case_says_how_it_runs);
    tcase_add_test(t, a_product_has_the_shape_that_its_name_says);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
