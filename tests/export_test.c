// Tensors as buffers for the host program, and a training step between the two.
#include "interop.h"
#include "run.h"

static cl_int status_of(cl_event e)
{
    cl_int status = -1;
    ck_assert_int_eq(
        cl.clGetEventInfo(e, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL),
        CL_SUCCESS);
    return status;
}

START_TEST(export_does_not_wait)
{
    struct writer w;
    struct weft_opencl_view v;
    writer_init(&w);
    uint64_t waits = stats().waits;
    weft_tensor *y = weft_square(s, import_written(&w));
    ck_assert_msg(weft_opencl_export(s, y, &v), "%s", weft_scope_error(s)->text);
    ck_assert_uint_eq(stats().waits, waits);
    ck_assert_int_gt(status_of(v.event), CL_COMPLETE);
    ck_assert_int_eq(w.open(w.gate, CL_COMPLETE), CL_SUCCESS);
    ck_assert_int_eq(cl.clWaitForEvents(1, &v.event), CL_SUCCESS);
    ck_assert_int_eq(status_of(v.event), CL_COMPLETE);
    cl.clReleaseEvent(v.event);
    ck_assert_double_eq(weft_item(s, weft_max(s, y, NULL)), 49);
    writer_finish(&w);
}
END_TEST

static struct weft_opencl_view export(const weft_tensor *x)
{
    struct weft_opencl_view v;
    ck_assert_msg(weft_opencl_export(s, x, &v), "%s", weft_scope_error(s)->text);
    ck_assert_uint_eq(v.bytes, (size_t)weft_count(x) * weft_dtype_size(x->dtype));
    ck_assert_ptr_nonnull(v.event);
    return v;
}

// What another queue sees once the event is complete. Releases the event.
static void ck_view(const struct weft_opencl_view *v, const float *want)
{
    float got[FLOATS];
    cl_command_queue other = make_queue(context, id, 0);
    ck_assert_uint_le(v->bytes, sizeof got);
    ck_assert_int_eq(cl.clEnqueueReadBuffer(other, v->mem, CL_TRUE, v->offset, v->bytes, got, 1,
                                            &v->event, NULL),
                     CL_SUCCESS);
    ck_floats(got, want, (int)(v->bytes / sizeof *got));
    cl.clReleaseEvent(v->event);
    cl.clReleaseCommandQueue(other);
}

START_TEST(export_of_a_result)
{
    float want[FLOATS];
    for (int i = 0; i < FLOATS; i++)
        want[i] = content[i] * content[i];
    weft_tensor *y = weft_square(s, import_floats(FLOATS));
    uint64_t copies = stats().copies;
    struct weft_opencl_view v = export(y);
    ck_assert_uint_eq(stats().copies, copies);
    ck_view(&v, want);
}
END_TEST

START_TEST(export_of_a_strided_view_is_dense)
{
    float want[FLOATS];
    weft_tensor *x = import_layout(&layouts[_i], want);
    struct weft_opencl_view v = export(x);
    ck_assert(v.mem == buffer || v.offset == 0);
    ck_view(&v, want);
}
END_TEST

START_TEST(export_of_an_import_is_the_buffer)
{
    struct weft_device_stats before = stats();
    struct weft_opencl_view v = export(weft_opencl_import(
        s, buffer,
        weft_opencl_import_params(.dtype = WEFT_F32, .ndim = 1, .shape = (int64_t[]){10},
                                  .offset = 3 * sizeof(float))));
    ck_assert_ptr_eq(v.mem, buffer);
    ck_assert_uint_eq(v.offset, 3 * sizeof(float));
    ck_view(&v, content + 3);
    struct weft_device_stats after = stats();
    ck_assert_uint_eq(after.copies, before.copies);
    ck_assert_uint_eq(after.launches, before.launches);
    ck_assert_uint_eq(after.allocations, before.allocations);
}
END_TEST

START_TEST(hosts_commands_follow_on_the_same_queue)
{
    float got[FLOATS], twice[FLOATS];
    for (int i = 0; i < FLOATS; i++)
        twice[i] = content[i] * 2;
    weft_tensor *x = import_floats(FLOATS);
    struct weft_opencl_view v = export(weft_add(s, x, x));
    cl.clReleaseEvent(v.event);
    ck_assert_int_eq(
        cl.clEnqueueCopyBuffer(queue, v.mem, buffer, v.offset, 0, v.bytes, 0, NULL, NULL),
        CL_SUCCESS);
    ck_assert(weft_scope_reset(s));
    ck_assert_int_eq(
        cl.clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, sizeof got, got, 0, NULL, NULL),
        CL_SUCCESS);
    ck_floats(got, twice, FLOATS);
}
END_TEST

START_TEST(exported_buffer_lives_as_long_as_the_tensor)
{
    float want[FLOATS];
    for (int i = 0; i < FLOATS; i++)
        want[i] = -content[i];
    weft_tensor *y = weft_neg(s, import_floats(FLOATS));
    struct weft_opencl_view v = export(y);
    weft_tensor *z = y;
    for (int i = 0; i < 8; i++) // later readers of y, and allocations of its size
        z = weft_square(s, weft_add(s, z, y));
    ck_assert(weft_flush(s) && weft_device_wait(dev, &err)); // v.event comes before all that
    ck_view(&v, want);
}
END_TEST

START_TEST(export_twice_is_the_same_buffer)
{
    weft_tensor *y = weft_neg(s, import_floats(FLOATS));
    struct weft_opencl_view a = export(y), b = export(y);
    ck_assert_ptr_eq(a.mem, b.mem);
    ck_assert_uint_eq(a.offset, b.offset);
    cl.clReleaseEvent(a.event);
    cl.clReleaseEvent(b.event);
}
END_TEST

static cl_int fail_call(void *priv, const char *call)
{
    return strcmp(call, priv) ? CL_SUCCESS : CL_OUT_OF_RESOURCES;
}

START_TEST(failed_export_hands_out_nothing)
{
    static char calls[][32] = {"clEnqueueMarkerWithWaitList", "clFlush"};
    struct weft_opencl_view v;
    weft_tensor *y = weft_neg(s, import_floats(FLOATS));
    dev->cl.fault_priv = calls[_i];
    dev->cl.fault = fail_call;
    ck_assert(!weft_opencl_export(s, y, &v));
    ck_assert(!v.mem && !v.event);
    ck_assert(!weft_opencl_export(s, y, &v));
    dev->cl.fault = NULL;
    ck_text(*weft_scope_error(s), WEFT_NOMEM, "export: ");
    ck_scope_error(WEFT_NOMEM, calls[_i]);
    ck_values(weft_neg(s, weft_neg(s, import_floats(FLOATS))), content);
}
END_TEST

enum { BATCH = 6, IN = 5, CLASSES = 3, STEPS = 3 };

static void train_step(weft_params *net, weft_optim *sgd, weft_scope *on, const weft_tensor *x)
{
    static const int64_t label[BATCH] = {0, 2, 1, 1, 0, 2};
    weft_tensor *y = weft_from_host(on, WEFT_I64, 1, (int64_t[]){BATCH}, label);
    weft_tensor *z = weft_linear(on, net, "fc", x, weft_linear_params(.out = CLASSES));
    weft_backward(on, weft_cross_entropy(on, z, y, NULL), net);
    weft_optim_step(sgd, on);
    ck_assert_msg(weft_scope_reset(on), "%s", weft_scope_error(on)->text);
}

static void train(bool imported, const struct layout *l, float *weight)
{
    float values[FLOATS];
    weft_scope *plain = s;
    s = weft_scope_create(dev, weft_scope_params(.train = true), &err);
    weft_params *net = weft_params_create(dev, 1, &err);
    weft_optim *sgd = weft_sgd_create(net, weft_sgd_params(.lr = 0.05), &err);
    for (int i = 0; i < STEPS; i++) {
        weft_tensor *x = import_layout(l, values);
        if (!imported)
            x = weft_from_host(s, WEFT_F32, 2, (int64_t[]){BATCH, IN}, values);
        train_step(net, sgd, s, x);
    }
    ck_assert_msg(weft_params_get(net, "fc.weight", weight, CLASSES * IN * sizeof *weight, &err),
                  "%s", err.text);
    weft_optim_destroy(&sgd);
    weft_params_destroy(&net);
    weft_scope_destroy(&s);
    s = plain;
}

START_TEST(training_on_an_imported_batch)
{
    static const struct layout batch[] = {
        {BATCH, IN, 3, IN, 1}, {BATCH, IN, 1, 9, 1}, {BATCH, IN, 2, 1, BATCH}};
    float ours[CLASSES * IN], hosts[CLASSES * IN];
    train(false, &batch[_i], ours);
    train(true, &batch[_i], hosts);
    for (int i = 0; i < CLASSES * IN; i++)
        ck_assert_float_eq_tol(hosts[i], ours[i], 1e-5f);
    ck_assert_uint_eq(settled_refs(buffer, 1), 1);
}
END_TEST

static TCase *export_case(void)
{
    TCase *t = test_case("export");
    tcase_add_test(t, export_does_not_wait);
    tcase_add_test(t, export_of_a_result);
    tcase_add_loop_test(t, export_of_a_strided_view_is_dense, 0, sizeof layouts / sizeof *layouts);
    tcase_add_test(t, export_of_an_import_is_the_buffer);
    tcase_add_test(t, hosts_commands_follow_on_the_same_queue);
    tcase_add_test(t, exported_buffer_lives_as_long_as_the_tensor);
    tcase_add_test(t, export_twice_is_the_same_buffer);
    tcase_add_loop_test(t, failed_export_hands_out_nothing, 0, 2);
    tcase_add_loop_test(t, training_on_an_imported_batch, 0, 3);
    return t;
}

int main(void)
{
    setenv("POCL_DEVICES", "basic pthread", 0); // a platform with two devices
    Suite *suite = suite_create("export");
    suite_add_tcase(suite, export_case());
    return run_suite(suite);
}
