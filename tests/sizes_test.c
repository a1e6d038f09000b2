// The promise that new sizes compile nothing: after one size of each class, 50 random sizes of
// every op, forwards and backwards, build no kernel. A class is what may be in a kernel's text:
// dtype, number of dimensions, which of them are 1 and, for vectors and tiles, few or many
// elements (a large reduction is made in parts).
#include "dev/device.h"
#include "ref_check.h"
#include "run.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 3, DISTINCT = 5, RANDOM = 50, LARGEST = 60 };
static const int64_t class_size[CLASSES] = {2, 17, 60};

static weft_device *dev;
static char logged[1 << 13];

static void log_line(void *priv, enum weft_log_level level, const char *line)
{
    size_t at = strlen(logged);
    (void)priv, (void)level;
    snprintf(logged + at, sizeof logged - at, "%s\n", line);
}

static void setup(void)
{
    struct weft_error err = {0};
    dev = weft_device_create(weft_device_params(.log = log_line), &err);
    ck_assert_msg(dev != NULL, "%s", err.text);
    // As in op_test: in the forms that GPUs get.
    if (getenv("WEFT_TEST_AS_GPU"))
        dev->info.type = WEFT_DEVICE_GPU;
}

static void teardown(void)
{
    weft_device_destroy(&dev);
}

static uint64_t programs(void)
{
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(dev, &st);
    return st.builds + st.loads;
}

// Equal sizes of a case, other than 0 and 1, stay equal: the i-th distinct one becomes to[i].
struct sizes {
    int n;
    int64_t from[DISTINCT], to[DISTINCT];
};

static int64_t mapped(struct sizes *z, int64_t size)
{
    if (size < 2)
        return size;
    for (int i = 0; i < z->n; i++) {
        if (z->from[i] == size)
            return z->to[i];
    }
    if (z->n == DISTINCT)
        return size;
    z->from[z->n] = size;
    return z->to[z->n++];
}

static struct op_case resized(const struct op_ref *r, const struct op_case *o, struct sizes *z)
{
    struct op_case c = *o;
    for (int i = 0; i < r->nin; i++) {
        for (int d = 0; d < c.in[i].ndim; d++)
            c.in[i].shape[d] = mapped(z, o->in[i].shape[d]);
    }
    for (int d = 0; d < c.ndim; d++)
        c.shape[d] = mapped(z, o->shape[d]);
    return c;
}

// An input in a buffer of its own; what is in it does not matter here.
static weft_tensor *make_input(weft_scope *s, const struct op_ref *r, const struct op_case *c,
                               int i)
{
    int64_t n = 1;
    for (int d = 0; d < c->in[i].ndim; d++)
        n *= c->in[i].shape[d];
    enum weft_dtype dtype = ref_input_dtype(r, i, WEFT_F32);
    void *data = calloc((size_t)n + 1, 8);
    float middle = (float)((c->lo + c->hi) / 2);
    for (int64_t k = 0; dtype == WEFT_F32 && k < n; k++)
        memcpy((float *)data + k, &middle, sizeof middle);
    weft_tensor *x = weft_from_host(s, dtype, c->in[i].ndim, c->in[i].shape, data);
    free(data);
    return x;
}

// Runs the case, with its gradients; false where the op refuses the shapes.
static bool run_case(const struct op_ref *r, const struct op_case *c)
{
    weft_tensor *x[MAX_IN];
    weft_scope *s = weft_scope_create(dev, weft_scope_params(.train = true), NULL);
    for (int i = 0; i < r->nin; i++)
        x[i] = make_input(s, r, c, i);
    weft_tensor *y = r->call(s, x, c);
    bool taken = y;
    weft_tensor *loss = y && r->smooth ? weft_sum(s, y, NULL) : NULL;
    for (int i = 0; loss && i < r->nin; i++) {
        if (r->kind[i] == VALUE)
            weft_want(s, weft_grad(s, loss, x[i]));
    }
    bool ok = weft_flush(s);
    ck_assert_msg(ok || !taken, "%s: %s", r->name, weft_scope_error(s)->text);
    weft_scope_destroy(&s);
    return taken;
}

static int case_count(const struct op_ref *r)
{
    int n = 0;
    while (n < MAX_CASES && r->cases[n].lo != r->cases[n].hi)
        n++;
    return n;
}

static int64_t random_size(void)
{
    return rand() % (LARGEST - 1) + 2;
}

// The i-th combination of classes for the distinct sizes of a case.
static struct op_case combine(const struct op_ref *r, const struct op_case *c, int i,
                              struct sizes *z)
{
    *z = (struct sizes){.n = 0};
    for (int k = 0; k < DISTINCT; k++, i /= CLASSES)
        z->to[k] = class_size[i % CLASSES];
    return resized(r, c, z);
}

static int combinations(const struct op_ref *r, const struct op_case *c)
{
    struct sizes z;
    int n = 1;
    combine(r, c, 0, &z);
    for (int k = 0; k < z.n; k++)
        n *= CLASSES;
    return n;
}

static int warm_up(const struct op_ref *r)
{
    int taken = 0;
    for (int k = 0; k < case_count(r); k++) {
        struct sizes z;
        taken += run_case(r, &r->cases[k]);
        for (int i = 0; i < combinations(r, &r->cases[k]); i++) {
            struct op_case c = combine(r, &r->cases[k], i, &z);
            taken += run_case(r, &c);
        }
    }
    return taken;
}

// A further row of an op may be tied to its sizes.
static bool is_first(int row)
{
    for (int i = 0; i < row; i++) {
        if (!strcmp(op_ref_at(i)->name, op_ref_at(row)->name))
            return false;
    }
    return true;
}

START_TEST(random_sizes_build_nothing)
{
    const struct op_ref *r = op_ref_at(_i);
    const char *text = getenv("WEFT_TEST_OP");
    if (text && !strstr(r->name, text))
        return;
    int n = case_count(r);
    ck_assert_msg(warm_up(r) > 0, "%s takes none of its cases", r->name);
    uint64_t before = programs();
    int taken = 0;
    logged[0] = 0;
    srand((unsigned)_i + 1);
    for (int i = 0; i < RANDOM; i++) {
        struct sizes z = {.n = 0};
        for (int k = 0; k < DISTINCT; k++)
            z.to[k] = random_size();
        struct op_case c = resized(r, &r->cases[i % n], &z);
        taken += run_case(r, &c);
        ck_assert_msg(programs() == before, "%s[%d] with %s built: %s", r->name, i % n,
                      r->nin ? "inputs of another size" : "another size", logged);
    }
    ck_assert_msg(taken > 0 || !is_first(_i), "%s takes none of the sizes", r->name);
}
END_TEST

int main(void)
{
    int n = 0;
    while (op_ref_at(n))
        n++;
    Suite *suite = suite_create("sizes");
    TCase *t = tcase_create("table");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, random_sizes_build_nothing, 0, n);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
