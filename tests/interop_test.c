// A device on the host program's objects, and its buffers as tensors.
#include "interop.h"
#include "run.h"

START_TEST(context_alone_is_enough)
{
    weft_device *d = weft_opencl_device_create(weft_opencl_params(.context = context), &err);
    try_device(d);
    ck_assert_ptr_eq(weft_opencl_context(d), context);
    ck_assert_ptr_eq(weft_opencl_device_id(d), id);
    ck_assert_ptr_nonnull(weft_opencl_queue(d));
    ck_assert_ptr_ne(weft_opencl_queue(d), queue);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(hosts_queue_is_used)
{
    weft_device *d = weft_opencl_device_create(
        weft_opencl_params(.context = context, .device = id, .queue = queue), &err);
    try_device(d);
    ck_assert_ptr_eq(weft_opencl_queue(d), queue);
    weft_device_destroy(&d);
    ck_assert_ptr_null(weft_opencl_context(NULL));
    ck_assert_ptr_null(weft_opencl_device_id(NULL));
    ck_assert_ptr_null(weft_opencl_queue(NULL));
}
END_TEST

// Needs a platform with two devices, which PoCL is made to be: see main().
START_TEST(any_device_of_the_context)
{
    if (nids < 2)
        return;
    cl_context both = make_context(2, ids);
    cl_command_queue second = make_queue(both, ids[1], 0);
    weft_device *d = weft_opencl_device_create(weft_opencl_params(.context = both), &err);
    ck_assert_ptr_eq(weft_opencl_device_id(d), ids[0]);
    weft_device_destroy(&d);
    d = weft_opencl_device_create(
        weft_opencl_params(.context = both, .device = ids[1], .queue = second), &err);
    try_device(d);
    ck_assert_ptr_eq(weft_opencl_device_id(d), ids[1]);
    weft_device_destroy(&d);

    ck_assert_ptr_null(weft_opencl_device_create(
        weft_opencl_params(.context = both, .device = ids[0], .queue = second), &err));
    ck_text(err, WEFT_PARAM, "the queue is of another context or device");
    err = (struct weft_error){0};
    ck_assert_ptr_null(
        weft_opencl_device_create(weft_opencl_params(.context = context, .device = ids[0]), &err));
    ck_text(err, WEFT_PARAM, "the device is none of the context's 1");
    cl.clReleaseCommandQueue(second);
    cl.clReleaseContext(both);
}
END_TEST

static void ck_refused(const struct weft_opencl_params *o, enum weft_status status,
                       const char *part)
{
    struct weft_error e = {0};
    cl_uint before = context_refs(context);
    ck_assert_ptr_null(weft_opencl_device_create(o, &e));
    ck_text(e, status, part);
    ck_assert_ptr_null(weft_opencl_device_create(o, NULL));
    ck_assert_uint_eq(context_refs(context), before);
}

START_TEST(unfit_objects_are_refused)
{
    cl_context other = make_context(1, &id);
    cl_command_queue foreign = make_queue(other, id, 0);
    cl_command_queue unordered = make_queue(context, id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
    ck_refused(NULL, WEFT_PARAM, "the context is NULL");
    ck_refused(weft_opencl_params(.queue = queue), WEFT_PARAM, "the context is NULL");
    ck_refused(weft_opencl_params(.context = context, .queue = foreign), WEFT_PARAM,
               "the queue is of another context or device");
    ck_refused(weft_opencl_params(.context = context, .queue = unordered), WEFT_UNSUPPORTED,
               "the queue is out of order");
    ck_refused(weft_opencl_params(.context = context, .queue = queue,
                                  .params = weft_device_params(.profile = true)),
               WEFT_UNSUPPORTED, "CL_QUEUE_PROFILING_ENABLE");
    err = (struct weft_error){WEFT_IO, "an earlier error"};
    ck_assert_ptr_null(weft_opencl_device_create(NULL, &err));
    ck_text(err, WEFT_IO, "an earlier error");
    cl.clReleaseCommandQueue(unordered);
    cl.clReleaseCommandQueue(foreign);
    cl.clReleaseContext(other);
}
END_TEST

START_TEST(profiling_queue_profiles)
{
    cl_command_queue timed = make_queue(context, id, CL_QUEUE_PROFILING_ENABLE);
    weft_device *d =
        weft_opencl_device_create(weft_opencl_params(.context = context, .queue = timed,
                                                     .params = weft_device_params(.profile = true)),
                                  &err);
    try_device(d);
    ck_assert_int_gt(weft_device_profile(d, NULL, 0, &err), 0);
    weft_device_destroy(&d);
    cl.clReleaseCommandQueue(timed);
}
END_TEST

START_TEST(device_retains_and_releases)
{
    cl_uint of_context = context_refs(context), of_queue = queue_refs(queue);
    weft_device *d =
        weft_opencl_device_create(weft_opencl_params(.context = context, .queue = queue), &err);
    ck_assert_uint_gt(context_refs(context), of_context);
    ck_assert_uint_gt(queue_refs(queue), of_queue);
    try_device(d);
    weft_device_destroy(&d);
    ck_assert_uint_eq(context_refs(context), of_context);
    ck_assert_uint_eq(queue_refs(queue), of_queue);
}
END_TEST

START_TEST(host_may_release_first)
{
    cl_context c = make_context(1, &id);
    cl_command_queue q = make_queue(c, id, 0);
    weft_device *d = weft_opencl_device_create(weft_opencl_params(.context = c, .queue = q), &err);
    cl.clReleaseCommandQueue(q);
    cl.clReleaseContext(c);
    try_device(d);
    weft_device_destroy(&d);
}
END_TEST

START_TEST(every_layout_is_read_in_place)
{
    const struct layout *l = &layouts[_i];
    float x[FLOATS], twice[FLOATS], product[FLOATS] = {0};
    int rows = (int)l->rows, columns = (int)l->columns;
    weft_tensor *in = import_layout(l, x);
    double sum = 0;
    for (int i = 0; i < rows * columns; i++) {
        twice[i] = x[i] * 2;
        sum += (double)x[i];
    }
    for (int i = 0; i < rows * rows * columns; i++)
        product[i / columns] += x[i / columns / rows * columns + i % columns] *
                                x[i / columns % rows * columns + i % columns];
    uint64_t copies = stats().copies;
    weft_tensor *y = weft_add(s, in, in), *z = weft_matmul(s, in, weft_transpose(s, in, 0, 1));
    ck_assert_msg(weft_flush(s), "%s", weft_scope_error(s)->text);
    ck_assert_uint_eq(stats().copies, copies);
    ck_values(y, twice);
    ck_values(z, product);
    ck_values(in, x);
    ck_assert_double_eq(weft_item(s, weft_sum(s, in, NULL)), sum);
}
END_TEST

START_TEST(bytes_may_begin_anywhere)
{
    weft_tensor *x = weft_opencl_import(s, buffer,
                                        weft_opencl_import_params(.dtype = WEFT_U8, .ndim = 1,
                                                                  .shape = (int64_t[]){1},
                                                                  .offset = 4 * sizeof(float) + 3));
    ck_assert_double_eq(weft_item(s, x), 0xc1); // -16 is 0xc1800000
}
END_TEST

START_TEST(scalar_and_empty)
{
    weft_tensor *x = weft_opencl_import(
        s, buffer, weft_opencl_import_params(.dtype = WEFT_F32, .offset = 63 * sizeof(float)));
    ck_assert_double_eq(weft_item(s, x), (double)content[63]);
    x = weft_opencl_import(s, buffer,
                           weft_opencl_import_params(.dtype = WEFT_F32, .ndim = 2,
                                                     .shape = (int64_t[]){0, 5},
                                                     .offset = sizeof content));
    ck_assert(weft_read(s, x, NULL, 0));
    ck_assert_double_eq(weft_item(s, weft_sum(s, x, NULL)), 0);
}
END_TEST

struct release {
    int times;
    cl_mem mem;
};

static void note_release(void *priv, cl_mem mem)
{
    struct release *r = priv;
    r->times++;
    r->mem = mem;
    ck_assert_uint_gt(mem_refs(mem), 0);
}

static weft_tensor *import_noted(cl_mem mem, struct release *r)
{
    weft_tensor *x = weft_opencl_import(
        s, mem,
        weft_opencl_import_params(.dtype = WEFT_F32, .ndim = 2, .shape = (int64_t[]){8, 8},
                                  .released = note_release, .priv = r));
    ck_assert_msg(x != NULL, "%s", weft_scope_error(s)->text);
    return x;
}

#ifndef WF_DEBUG_ABORT // which ends the program there
static void ck_no_import(cl_mem mem, const struct weft_opencl_import_params *o,
                         enum weft_status status, const char *part)
{
    struct release r = {0};
    struct weft_opencl_import_params noted = *o;
    noted.released = note_release;
    noted.priv = &r;
    cl_uint refs = mem_refs(buffer);
    ck_assert_ptr_null(weft_opencl_import(s, mem, &noted));
    ck_scope_error(status, part);
    ck_assert_int_eq(r.times, 0);
    ck_assert_uint_eq(mem_refs(buffer), refs);
}
#define ck_no_import(mem, status, part, ...) \
    ck_no_import(mem, weft_opencl_import_params(__VA_ARGS__), status, part)
#define DIMS(...) ((int64_t[]){__VA_ARGS__})

START_TEST(import_beyond_the_buffer)
{
    ck_no_import(buffer, WEFT_PARAM, "the buffer has 256 bytes; [65] F32 needs 260",
                 .dtype = WEFT_F32, .ndim = 1, .shape = DIMS(65));
    ck_no_import(buffer, WEFT_PARAM, "needs 260", .dtype = WEFT_F32, .ndim = 1, .shape = DIMS(1),
                 .offset = 256);
    ck_no_import(buffer, WEFT_PARAM, "needs 264", .dtype = WEFT_F32, .ndim = 2, .shape = DIMS(2, 2),
                 .stride = DIMS(64, 1));
    ck_no_import(buffer, WEFT_PARAM, "the buffer has 256 bytes", .dtype = WEFT_F32, .ndim = 2,
                 .shape = DIMS(0, 2), .offset = 260);
    ck_no_import(buffer, WEFT_PARAM, "the buffer has 256 bytes", .dtype = WEFT_F32, .ndim = 1,
                 .shape = DIMS(4), .offset = SIZE_MAX - 7); // the sum wraps around
    ck_no_import(buffer, WEFT_PARAM, "no multiple of an element's 4", .dtype = WEFT_F32, .ndim = 1,
                 .shape = DIMS(1), .offset = 6);
    ck_no_import(buffer, WEFT_PARAM, "strides are negative or too large", .dtype = WEFT_F32,
                 .ndim = 2, .shape = DIMS(2, 2), .stride = DIMS(2, -1));
    ck_no_import(buffer, WEFT_PARAM, "strides are negative or too large", .dtype = WEFT_F32,
                 .ndim = 2, .shape = DIMS(2, 2), .stride = DIMS(INT64_MAX, INT64_MAX));
}
END_TEST

START_TEST(import_of_what_is_none)
{
    cl_context other = make_context(1, &id);
    cl_mem foreign = make_buffer(other, sizeof content, NULL);
    ck_no_import(NULL, WEFT_PARAM, "the buffer is NULL", .dtype = WEFT_F32);
    ck_no_import(foreign, WEFT_PARAM, "of another context", .dtype = WEFT_F32);
    ck_no_import(buffer, WEFT_DTYPE, "import: dtype 0", .ndim = 0);
    ck_no_import(buffer, WEFT_SHAPE, "import: 9 dimensions", .dtype = WEFT_F32, .ndim = 9,
                 .shape = DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1));
    ck_no_import(buffer, WEFT_SHAPE, "import: a shape of 1 dimensions is NULL", .dtype = WEFT_F32,
                 .ndim = 1);
    ck_no_import(buffer, WEFT_SHAPE, "negative", .dtype = WEFT_F32, .ndim = 1, .shape = DIMS(-1));
    ck_no_import(buffer, WEFT_PARAM, "import: 1 events at NULL", .dtype = WEFT_F32,
                 .wait_count = 1);
    ck_no_import(buffer, WEFT_PARAM, "import: -1 events", .dtype = WEFT_F32,
                 .wait = &(cl_event){NULL}, .wait_count = -1);
    ck_assert_ptr_null(weft_opencl_import(NULL, buffer, NULL));
    cl.clReleaseMemObject(foreign);
    cl.clReleaseContext(other);
}
END_TEST
#undef ck_no_import
#endif

START_TEST(released_once_when_the_scope_lets_go)
{
    struct release r = {0};
    cl_uint refs = mem_refs(buffer);
    weft_tensor *x = import_noted(buffer, &r);
    ck_assert_uint_eq(mem_refs(buffer), refs + 1);
    weft_tensor *y = weft_relu(s, weft_transpose(s, x, 0, 1));
    ck_assert(weft_flush(s) && weft_want(s, y) && !r.times);
    if (_i == 0)
        ck_assert(weft_scope_reset(s));
    else if (_i == 1)
        weft_scope_clear(s);
    else
        weft_scope_destroy(&s);
    ck_assert_int_eq(r.times, 1);
    ck_assert_ptr_eq(r.mem, buffer);
    ck_assert(weft_device_wait(dev, &err));
    ck_assert_uint_eq(settled_refs(buffer, refs), refs);
    weft_scope_reset(s);
    ck_assert_int_eq(r.times, 1);
}
END_TEST

START_TEST(released_when_the_last_kept_tensor_goes)
{
    struct release r = {0};
    weft_tensor *a = weft_keep(s, import_noted(buffer, &r)), *b = weft_keep(s, a);
    ck_assert(a && b && weft_scope_reset(s));
    ck_assert_int_eq(r.times, 0);
    ck_values(a, content);
    weft_tensor_destroy(&a);
    ck_assert(weft_scope_reset(s));
    ck_assert_int_eq(r.times, 0);
    ck_values(b, content);
    ck_assert(weft_scope_reset(s));
    weft_tensor_destroy(&b);
    ck_assert_int_eq(r.times, 1);
}
END_TEST

START_TEST(buffer_may_be_released_at_once)
{
    struct release r = {0};
    cl_mem mem = make_buffer(context, sizeof content, content);
    weft_tensor *x = import_noted(mem, &r);
    ck_assert_uint_eq(mem_refs(mem), 2);
    cl.clReleaseMemObject(mem);
    ck_values(x, content);
    ck_assert(weft_scope_reset(s));
    ck_assert_int_eq(r.times, 1);
}
END_TEST

START_TEST(writers_events_are_waited_for)
{
    struct writer w;
    wf_thread opener;
    float want[FLOATS];
    for (int i = 0; i < FLOATS; i++)
        want[i] = 14;
    writer_init(&w);
    weft_tensor *x = import_written(&w);
    ck_assert(wf_thread_start(&opener, open_later, &w));
    ck_values(weft_add(s, x, x), want);
    wf_thread_join(opener);
    writer_finish(&w);
}
END_TEST

static TCase *device_case(void)
{
    TCase *t = test_case("device");
    tcase_add_test(t, context_alone_is_enough);
    tcase_add_test(t, hosts_queue_is_used);
    tcase_add_test(t, any_device_of_the_context);
    tcase_add_test(t, unfit_objects_are_refused);
    tcase_add_test(t, profiling_queue_profiles);
    tcase_add_test(t, device_retains_and_releases);
    tcase_add_test(t, host_may_release_first);
    return t;
}

static TCase *import_case(void)
{
    TCase *t = test_case("import");
    tcase_add_loop_test(t, every_layout_is_read_in_place, 0, sizeof layouts / sizeof *layouts);
    tcase_add_test(t, bytes_may_begin_anywhere);
    tcase_add_test(t, scalar_and_empty);
#ifndef WF_DEBUG_ABORT
    tcase_add_test(t, import_beyond_the_buffer);
    tcase_add_test(t, import_of_what_is_none);
#endif
    tcase_add_loop_test(t, released_once_when_the_scope_lets_go, 0, 3);
    tcase_add_test(t, released_when_the_last_kept_tensor_goes);
    tcase_add_test(t, buffer_may_be_released_at_once);
    tcase_add_test(t, writers_events_are_waited_for);
    return t;
}

int main(void)
{
    setenv("POCL_DEVICES", "basic pthread", 0); // a platform with two devices
    Suite *suite = suite_create("interop");
    suite_add_tcase(suite, device_case());
    suite_add_tcase(suite, import_case());
    return run_suite(suite);
}
