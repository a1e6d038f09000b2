// Kernels with indices of 64 bits: which launches take them. A device that lies about what 31 bits
// hold shows at small sizes what else takes gigabytes: each tensor below has an element beyond the
// limit, though no single dimension and no single step reaches it, and the kernels must be the wide
// ones, and right.
#include "core/copy.h"
#include "device_fixture.h"
#include "op/op.h"

enum { ROWS = 3, N = 1000, LIMIT = 2500 };

static weft_device *dev;
static weft_scope *s;
static int built, narrow; // programs, and those of them with an INDEX of 32 bits
static __typeof__(clCreateProgramWithSource) *create;

static cl_program CL_API_CALL look(cl_context context, cl_uint n, const char **text,
                                   const size_t *length, cl_int *code)
{
    built++;
    narrow += !strstr(text[0], "#define INDEX long\n");
    return create(context, n, text, length, code);
}

static void setup(void)
{
    dev = open_device(weft_device_params(.cache_dir = "", .clblast = WEFT_CLBLAST_OFF));
    s = open_scope(dev);
    create = dev->cl.clCreateProgramWithSource;
    dev->cl.clCreateProgramWithSource = look;
    dev->index_max = LIMIT;
}

static void teardown(void)
{
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
}

// [ROWS, N]: row r holds 1000 r + 0, 1, 2 ... Made without a kernel.
static weft_tensor *big(void)
{
    float v[ROWS * N];
    for (int i = 0; i < ROWS * N; i++)
        v[i] = (float)i;
    return weft_from_host(s, WEFT_F32, 2, (int64_t[]){ROWS, N}, v);
}

static weft_tensor *numbers(int n, const int64_t *v)
{
    int64_t shape = n;
    return weft_from_host(s, WEFT_I64, 1, &shape, v);
}

// Every 200th element of the first and the last row, as a view; its last element has index 2999.
static weft_tensor *strided(void)
{
    weft_tensor *x = weft_slice_step(s, big(), 0, (struct weft_range){0, ROWS, 2});
    return weft_slice_step(s, x, 1, (struct weft_range){199, N, 200});
}

static weft_tensor *take_last(void)
{
    return weft_index_select(s, big(), 1, numbers(1, (int64_t[]){N - 1}));
}

static weft_tensor *add_last(void)
{
    float ones[ROWS] = {1, 1, 1};
    const int64_t last[ROWS] = {N - 1, N - 1, N - 1}, shape[] = {ROWS, 1};
    return weft_scatter_add(s, big(), 1, weft_from_host(s, WEFT_I64, 2, shape, last),
                            weft_from_host(s, WEFT_F32, 2, shape, ones));
}

static weft_tensor *softmax(void)
{
    return weft_softmax(s, strided(), 0);
}

static weft_tensor *cumsum(void)
{
    return weft_cumsum(s, strided(), 1);
}

static weft_tensor *sorted(void)
{
    return weft_sort(s, strided(), 1, NULL);
}

static weft_tensor *summed(void)
{
    return weft_sum(s, strided(), weft_reduce_params(.naxes = 1, .axes = (int[]){1}));
}

static weft_tensor *copied(void)
{
    return wf_dense(s, strided());
}

static weft_tensor *negated(void)
{
    return weft_neg(s, strided());
}

static weft_tensor *multiplied(void)
{
    return weft_matmul(s, strided(), weft_transpose(s, strided(), 0, 1));
}

static weft_tensor *triangle(void)
{
    return weft_tril(s, big(), 0);
}

static weft_tensor *counted(void)
{
    return weft_arange(s, WEFT_F32, 0, ROWS * N, 1);
}

static weft_tensor *drawn(void)
{
    return weft_permutation(s, ROWS * N);
}

// `last` is what the last element must be; NAN: not looked at.
static const struct {
    const char *name;
    weft_tensor *(*run)(void);
    double last;
} cases[] = {
    {"index_select", take_last, 2999},
    {"scatter_add", add_last, 3000},
    {"softmax", softmax, 1},
    {"cumsum", cumsum, 2199 + 2399 + 2599 + 2799 + 2999},
    {"sort", sorted, 2999},
    {"sum", summed, 2199 + 2399 + 2599 + 2799 + 2999},
    {"dense", copied, 2999},
    {"neg", negated, -2999},
    {"matmul", multiplied,
     2199. * 2199 + 2399. * 2399 + 2599. * 2599 + 2799. * 2799 + 2999. * 2999},
    {"tril", triangle, 0},
    {"arange", counted, 2999},
    {"permutation", drawn, NAN},
};

START_TEST(what_lies_beyond_the_limit_takes_the_wide_form)
{
    static double v[ROWS * N];
    built = narrow = 0;
    weft_tensor *y = cases[_i].run();
    ck_assert_msg(y != NULL, "%s: %s", cases[_i].name, weft_scope_error(s)->text);
    size_t bytes = (size_t)weft_count(y) * weft_dtype_size(y->dtype);
    ck_assert_uint_le(bytes, sizeof v);
    ck_assert_msg(weft_read(s, y, v, bytes), "%s", weft_scope_error(s)->text);
    double last = wf_to_double(y->dtype, (char *)v + bytes - weft_dtype_size(y->dtype));
    ck_assert_msg(built && !narrow, "%s: %d of %d kernels are of 32 bits", cases[_i].name, narrow,
                  built);
    ck_assert_msg(isnan(cases[_i].last) || fabs(last - cases[_i].last) <= 1e-6 * fabs(last),
                  "%s: %.9g, %.9g was wanted", cases[_i].name, last, cases[_i].last);
}
END_TEST

// A launch of more tasks than the narrow form counts is refused rather than wrong.
START_TEST(narrow_launches_are_never_too_long)
{
    struct weft_error err = {0};
    struct wf_kernel k = {.name = "example", .max_group = 1};
    struct wf_launch l = {.kernel = &k, .tasks = LIMIT + 1, .local = 1};
    ck_assert(!wf_launch(dev, &l, &err));
    assert_refused(&err, WEFT_UNSUPPORTED, "2501 tasks exceed an index of 32 bits");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wide");
    TCase *t = tcase_create("wide");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, what_lies_beyond_the_limit_takes_the_wide_form, 0, COUNT(cases));
    tcase_add_test(t, narrow_launches_are_never_too_long);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
