// Sharing OpenCL objects with the host program, which the test plays: device, import, export.
#include "base/os.h"
#include "dev/device.h"
#include <check.h>
#include <stdlib.h>
#include <time.h>
#include <weft/opencl.h>
#include <weft/weft.h>

enum { MAX_DEVICES = 8, FLOATS = 64 };

// The host program's objects. The context has one device.
static struct wf_cl cl;
static cl_device_id ids[MAX_DEVICES], id;
static cl_uint nids;
static cl_context context;
static cl_command_queue queue;
static cl_mem buffer; // FLOATS of them: -20, -19, ...
static float content[FLOATS];

static weft_device *dev;
static weft_scope *s;
static struct weft_error err;

static cl_context make_context(cl_uint n, const cl_device_id *of)
{
    cl_int code;
    cl_context c = cl.clCreateContext(NULL, n, of, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return c;
}

static cl_command_queue make_queue(cl_context c, cl_device_id d, cl_command_queue_properties how)
{
    cl_int code;
    cl_command_queue q = cl.clCreateCommandQueue(c, d, how, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return q;
}

static cl_mem make_buffer(cl_context c, size_t bytes, const void *data)
{
    cl_int code;
    cl_mem mem = cl.clCreateBuffer(c, CL_MEM_READ_WRITE | (data ? CL_MEM_COPY_HOST_PTR : 0), bytes,
                                   (void *)data, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return mem;
}

static void make_host(void)
{
    cl_platform_id platform;
    ck_assert_msg(wf_cl_load(&cl, &err), "%s", err.text);
    ck_assert_int_eq(cl.clGetPlatformIDs(1, &platform, NULL), CL_SUCCESS);
    ck_assert_int_eq(cl.clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &nids),
                     CL_SUCCESS);
    nids = nids < MAX_DEVICES ? nids : MAX_DEVICES;
    id = ids[nids - 1]; // the first of PoCL's runs commands while they are enqueued
    context = make_context(1, &id);
    queue = make_queue(context, id, 0);
    for (int i = 0; i < FLOATS; i++)
        content[i] = (float)(i - 20);
    buffer = make_buffer(context, sizeof content, content);
}

static void release_host(void)
{
    cl.clReleaseMemObject(buffer);
    cl.clReleaseCommandQueue(queue);
    cl.clReleaseContext(context);
}

static void setup(void)
{
    err = (struct weft_error){0};
    make_host();
    dev = weft_opencl_device_create(weft_opencl_params(.context = context, .queue = queue), &err);
    s = weft_scope_create(dev, NULL, &err);
    ck_assert_msg(s != NULL, "%s", err.text);
}

static void teardown(void)
{
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
    release_host();
}

// How many references the driver counts.
#define COUNT_REFS(name, type, get, what)                                       \
    static cl_uint name(type object)                                            \
    {                                                                           \
        cl_uint n = 0;                                                          \
        ck_assert_int_eq(cl.get(object, what, sizeof n, &n, NULL), CL_SUCCESS); \
        return n;                                                               \
    }
COUNT_REFS(context_refs, cl_context, clGetContextInfo, CL_CONTEXT_REFERENCE_COUNT)
COUNT_REFS(queue_refs, cl_command_queue, clGetCommandQueueInfo, CL_QUEUE_REFERENCE_COUNT)
COUNT_REFS(mem_refs, cl_mem, clGetMemObjectInfo, CL_MEM_REFERENCE_COUNT)

#define ck_text(e, code, part)                                    \
    ck_assert_msg((e).status == (code) && strstr((e).text, part), \
                  "got status %d, \"%s\"; want %d, \"%s\"", (e).status, (e).text, code, part)

// The scope's error is this one; it is forgotten.
#define ck_scope_error(code, part)                 \
    do {                                           \
        ck_text(*weft_scope_error(s), code, part); \
        weft_scope_clear(s);                       \
    } while (0)

static void ck_floats(const float *got, const float *want, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_msg(got[i] == want[i], "[%d] is %g, want %g", i, (double)got[i], (double)want[i]);
}

static void ck_values(const weft_tensor *x, const float *want)
{
    float got[4 * FLOATS];
    int n = (int)weft_count(x);
    ck_assert_int_le(n, 4 * FLOATS);
    ck_assert_msg(weft_read(s, x, got, (size_t)n * sizeof *got), "%s", weft_scope_error(s)->text);
    ck_floats(got, want, n);
}

// The first n floats of the buffer.
static weft_tensor *import_floats(int64_t n)
{
    weft_tensor *x = weft_opencl_import(
        s, buffer,
        weft_opencl_import_params(.dtype = WEFT_F32, .ndim = 1, .shape = (int64_t[]){n}));
    ck_assert_msg(x != NULL, "%s", weft_scope_error(s)->text);
    return x;
}

static struct weft_device_stats stats(void)
{
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(dev, &st);
    return st;
}

static void try_device(weft_device *d)
{
    ck_assert_msg(d != NULL, "%s", err.text);
    ck_assert_int_eq(weft_device_info(d)->index, -1);
    weft_scope *on = weft_scope_create(d, NULL, &err);
    weft_tensor *x = weft_from_host(on, WEFT_F32, 1, (int64_t[]){2}, (float[]){3, 4});
    ck_assert_double_eq(weft_item(on, weft_sum(on, weft_square(on, x), NULL)), 25);
    weft_scope_destroy(&on);
}

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
    ck_assert_ptr_null(weft_opencl_device_create(weft_opencl_params(.context = context), &err));
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

// Layouts of the buffer, and its elements in the tensor's order.
static const struct layout {
    int64_t rows, columns, offset, row, column; // strides and offset in elements
} layouts[] = {
    {8, 8, 0, 8, 1},  // dense
    {4, 6, 5, 6, 1},  // with an offset
    {5, 3, 2, 12, 1}, // rows with padding
    {6, 4, 1, 1, 6},  // transposed
    {3, 5, 4, 20, 3}, // gaps everywhere
    {4, 7, 9, 0, 1},  // one row, repeated
    {7, 3, 11, 2, 0}, // one column, repeated
    {4, 4, 63, 0, 0}, // the last element, repeated
    {4, 8, 0, 4, 1},  // rows that overlap
};

static weft_tensor *import_layout(const struct layout *l, float *values)
{
    for (int64_t i = 0; i < l->rows * l->columns; i++)
        values[i] = content[l->offset + i / l->columns * l->row + i % l->columns * l->column];
    return weft_opencl_import(
        s, buffer,
        weft_opencl_import_params(.dtype = WEFT_F32, .ndim = 2,
                                  .shape = (int64_t[]){l->rows, l->columns},
                                  .stride = (int64_t[]){l->row, l->column},
                                  .offset = (size_t)l->offset * sizeof(float)));
}

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
#define SHAPE(...)       \
    .shape = (int64_t[]) \
    {                    \
        __VA_ARGS__      \
    }
#define STRIDE(...)       \
    .stride = (int64_t[]) \
    {                     \
        __VA_ARGS__       \
    }

START_TEST(import_beyond_the_buffer)
{
    ck_no_import(buffer, WEFT_PARAM, "the buffer has 256 bytes; [65] F32 needs 260",
                 .dtype = WEFT_F32, .ndim = 1, SHAPE(65));
    ck_no_import(buffer, WEFT_PARAM, "needs 260", .dtype = WEFT_F32, .ndim = 1, SHAPE(1),
                 .offset = 256);
    ck_no_import(buffer, WEFT_PARAM, "needs 264", .dtype = WEFT_F32, .ndim = 2, SHAPE(2, 2),
                 STRIDE(64, 1));
    ck_no_import(buffer, WEFT_PARAM, "the buffer has 256 bytes", .dtype = WEFT_F32, .ndim = 2,
                 SHAPE(0, 2), .offset = 260);
    ck_no_import(buffer, WEFT_PARAM, "the buffer has 256 bytes", .dtype = WEFT_F32, .ndim = 1,
                 SHAPE(4), .offset = SIZE_MAX - 7); // the sum wraps around
    ck_no_import(buffer, WEFT_PARAM, "no multiple of an element's 4", .dtype = WEFT_F32, .ndim = 1,
                 SHAPE(1), .offset = 6);
    ck_no_import(buffer, WEFT_PARAM, "strides are negative or too large", .dtype = WEFT_F32,
                 .ndim = 2, SHAPE(2, 2), STRIDE(2, -1));
    ck_no_import(buffer, WEFT_PARAM, "strides are negative or too large", .dtype = WEFT_F32,
                 .ndim = 2, SHAPE(2, 2), STRIDE(INT64_MAX, INT64_MAX));
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
                 SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1));
    ck_no_import(buffer, WEFT_SHAPE, "import: 1 dimensions", .dtype = WEFT_F32, .ndim = 1);
    ck_no_import(buffer, WEFT_SHAPE, "negative", .dtype = WEFT_F32, .ndim = 1, SHAPE(-1));
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
    ck_assert_uint_eq(mem_refs(buffer), refs);
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

// A command on a queue of its own that sets the buffer to 7 once `gate` opens.
struct writer {
    cl_command_queue queue;
    cl_event gate, written;
    cl_int (*open)(cl_event event, cl_int status);
};

static void writer_init(struct writer *w)
{
    cl_event (*create)(cl_context, cl_int *);
    *(void **)&create = wf_library_symbol(cl.library, "clCreateUserEvent");
    *(void **)&w->open = wf_library_symbol(cl.library, "clSetUserEventStatus");
    cl_int code;
    w->queue = make_queue(context, id, 0);
    w->gate = create(context, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    ck_assert_int_eq(cl.clEnqueueFillBuffer(w->queue, buffer, &(float){7}, sizeof(float), 0,
                                            sizeof content, 1, &w->gate, &w->written),
                     CL_SUCCESS);
    cl.clFlush(w->queue);
}

static void writer_finish(struct writer *w)
{
    cl.clReleaseEvent(w->gate);
    cl.clReleaseCommandQueue(w->queue);
}

static void *open_later(void *priv)
{
    struct writer *w = priv;
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    w->open(w->gate, CL_COMPLETE);
    return NULL;
}

// Lets go of its event at once, as weft must hold it.
static weft_tensor *import_written(struct writer *w)
{
    weft_tensor *x = weft_opencl_import(
        s, buffer,
        weft_opencl_import_params(.dtype = WEFT_F32, .ndim = 1, .shape = (int64_t[]){FLOATS},
                                  .wait = &w->written, .wait_count = 1));
    ck_assert_msg(x != NULL, "%s", weft_scope_error(s)->text);
    cl.clReleaseEvent(w->written);
    return x;
}

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
    ck_assert(weft_flush(s));
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
    weft_backward(on, weft_cross_entropy(on, z, y), net);
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
    ck_assert_uint_eq(mem_refs(buffer), 1);
}
END_TEST

static TCase *test_case(const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    return t;
}

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
    tcase_add_loop_test(t, training_on_an_imported_batch, 0, 3);
    return t;
}

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
    return t;
}

int main(void)
{
    setenv("POCL_DEVICES", "basic pthread", 0); // a platform with two devices
    Suite *suite = suite_create("interop");
    suite_add_tcase(suite, device_case());
    suite_add_tcase(suite, import_case());
    suite_add_tcase(suite, export_case());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
