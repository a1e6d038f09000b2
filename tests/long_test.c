// Long runs, by hand: `meson test -C build --suite long`. 10^5 steps leave memory flat, on the
// device and in the process.
#include "device_fixture.h"
#include <unistd.h>

enum { STEPS = 100000, SETTLED = 1000 };

// The memory that the process has resident; 0 where the system doesn't tell.
static long resident(void)
{
    long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%ld %ld", &all, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

// A step that has all that may leave something behind: kept tensors, labels, an error that is
// cleared, gradients of one's own, a checkpoint.
static weft_tensor *block(weft_scope *s, void *net, const weft_tensor *x)
{
    return weft_tanh(s, weft_linear(s, net, "block", x, weft_linear_params(.out = 8)));
}

static void step(weft_scope *s, weft_params *net, weft_grads *grads, weft_optim *adam, int i)
{
    weft_tensor *x = ramp(s, 2, (int64_t[]){4, 8});
    weft_label_push(s, "step");
    weft_tensor *y = weft_checkpoint(s, block, net, x);
    weft_tensor *loss = weft_mean(s, weft_square(s, weft_sub(s, y, x)), NULL);
    weft_label_pop(s);
    weft_backward_into(s, loss, grads);
    weft_grads_add(s, grads, NULL);
    weft_grads_zero(s, grads);
    weft_optim_step(adam, s);
    weft_tensor *kept = weft_keep(s, loss);
    ck_assert_msg(kept && !isnan(weft_item(s, kept)), "%s", weft_scope_error(s)->text);
    weft_tensor_destroy(&kept);
    ck_assert(weft_scope_reset(s));
    if (i % 10 == 0) {
        weft_add(s, filled(s, 2, 1), filled(s, 3, 1));
        ck_assert_int_eq(weft_scope_error(s)->status, WEFT_SHAPE);
        weft_scope_clear(s);
    }
}

START_TEST(a_hundred_thousand_steps_leave_memory_flat)
{
    struct weft_error err = {0};
    weft_device *dev = open_device(NULL);
    weft_scope *s = open_scope(dev);
    weft_params *net = weft_params_create(dev, 1, &err);
    weft_grads *grads = weft_grads_create(net, &err);
    weft_optim *adam = weft_adam_create(net, NULL, &err);
    ck_assert_msg(net && grads && adam, "%s", err.text);
    struct weft_device_stats first = {0}, last;
    long before = 0;
    for (int i = 0; i < STEPS; i++) {
        step(s, net, grads, adam, i);
        if (i == SETTLED) {
            first = stats_of(dev);
            before = resident();
        }
    }
    last = stats_of(dev);
    ck_assert_uint_eq(last.bytes_used, first.bytes_used);
    ck_assert_uint_eq(last.bytes_held, first.bytes_held);
    ck_assert_uint_eq(last.bytes_peak, first.bytes_peak);
    ck_assert_uint_eq(last.allocations, first.allocations);
    ck_assert_uint_eq(last.builds + last.loads, first.builds + first.loads);
    // The driver may keep a little of its own; a byte a step of weft's would be seen.
    ck_assert_int_lt(resident() - before, STEPS);
    weft_optim_destroy(&adam);
    weft_grads_destroy(&grads);
    weft_params_destroy(&net);
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("long");
    TCase *t = tcase_create("long");
    tcase_set_timeout(t, 1800);
    tcase_add_test(t, a_hundred_thousand_steps_leave_memory_flat);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
