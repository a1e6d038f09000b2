// The host program that the tests of <weft/opencl.h> play: its OpenCL objects, and a device of
// weft's on them.
#ifndef TESTS_INTEROP_H
#define TESTS_INTEROP_H
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

static inline cl_context make_context(cl_uint n, const cl_device_id *of)
{
    cl_int code;
    cl_context c = cl.clCreateContext(NULL, n, of, NULL, NULL, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return c;
}

static inline cl_command_queue make_queue(cl_context c, cl_device_id d,
                                          cl_command_queue_properties how)
{
    cl_int code;
    cl_command_queue q = cl.clCreateCommandQueue(c, d, how, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return q;
}

static inline cl_mem make_buffer(cl_context c, size_t bytes, const void *data)
{
    cl_int code;
    cl_mem mem = cl.clCreateBuffer(c, CL_MEM_READ_WRITE | (data ? CL_MEM_COPY_HOST_PTR : 0), bytes,
                                   (void *)data, &code);
    ck_assert_int_eq(code, CL_SUCCESS);
    return mem;
}

static inline void make_host(void)
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

static inline void release_host(void)
{
    cl.clReleaseMemObject(buffer);
    cl.clReleaseCommandQueue(queue);
    cl.clReleaseContext(context);
}

static inline void setup(void)
{
    err = (struct weft_error){0};
    make_host();
    dev = weft_opencl_device_create(weft_opencl_params(.context = context, .queue = queue), &err);
    s = weft_scope_create(dev, NULL, &err);
    ck_assert_msg(s != NULL, "%s", err.text);
}

static inline void teardown(void)
{
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
    release_host();
}

// How many references the driver counts.
#define COUNT_REFS(name, type, get, what)                                       \
    static inline cl_uint name(type object)                                     \
    {                                                                           \
        cl_uint n = 0;                                                          \
        ck_assert_int_eq(cl.get(object, what, sizeof n, &n, NULL), CL_SUCCESS); \
        return n;                                                               \
    }
COUNT_REFS(context_refs, cl_context, clGetContextInfo, CL_CONTEXT_REFERENCE_COUNT)
COUNT_REFS(queue_refs, cl_command_queue, clGetCommandQueueInfo, CL_QUEUE_REFERENCE_COUNT)
COUNT_REFS(mem_refs, cl_mem, clGetMemObjectInfo, CL_MEM_REFERENCE_COUNT)

// A driver may let go of what a command used a moment after the command has finished.
static inline cl_uint settled_refs(cl_mem mem, cl_uint want)
{
    for (int i = 0; i < 5000 && mem_refs(mem) != want; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    return mem_refs(mem);
}

#define ck_text(e, code, part)                                    \
    ck_assert_msg((e).status == (code) && strstr((e).text, part), \
                  "got status %d, \"%s\"; want %d, \"%s\"", (e).status, (e).text, code, part)

// The scope's error is this one; it is forgotten.
#define ck_scope_error(code, part)                 \
    do {                                           \
        ck_text(*weft_scope_error(s), code, part); \
        weft_scope_clear(s);                       \
    } while (0)

static inline void ck_floats(const float *got, const float *want, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_msg(got[i] == want[i], "[%d] is %g, want %g", i, (double)got[i], (double)want[i]);
}

static inline void ck_values(const weft_tensor *x, const float *want)
{
    float got[4 * FLOATS];
    int n = (int)weft_count(x);
    ck_assert_int_le(n, 4 * FLOATS);
    ck_assert_msg(weft_read(s, x, got, (size_t)n * sizeof *got), "%s", weft_scope_error(s)->text);
    ck_floats(got, want, n);
}

// The first n floats of the buffer.
static inline weft_tensor *import_floats(int64_t n)
{
    weft_tensor *x = weft_opencl_import(
        s, buffer,
        weft_opencl_import_params(.dtype = WEFT_F32, .ndim = 1, .shape = (int64_t[]){n}));
    ck_assert_msg(x != NULL, "%s", weft_scope_error(s)->text);
    return x;
}

static inline struct weft_device_stats stats(void)
{
    struct weft_device_stats st = {.size = sizeof st};
    weft_device_stats(dev, &st);
    return st;
}

static inline void try_device(weft_device *d)
{
    ck_assert_msg(d != NULL, "%s", err.text);
    ck_assert_int_eq(weft_device_info(d)->index, -1);
    weft_scope *on = weft_scope_create(d, NULL, &err);
    weft_tensor *x = weft_from_host(on, WEFT_F32, 1, (int64_t[]){2}, (float[]){3, 4});
    ck_assert_double_eq(weft_item(on, weft_sum(on, weft_square(on, x), NULL)), 25);
    weft_scope_destroy(&on);
}

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

static inline weft_tensor *import_layout(const struct layout *l, float *values)
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

static inline TCase *test_case(const char *name)
{
    TCase *t = tcase_create(name);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 120);
    return t;
}

// A command on a queue of its own that sets the buffer to 7 once `gate` opens.
struct writer {
    cl_command_queue queue;
    cl_event gate, written;
    cl_int (*open)(cl_event event, cl_int status);
};

static inline void writer_init(struct writer *w)
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

static inline void writer_finish(struct writer *w)
{
    cl.clReleaseEvent(w->gate);
    cl.clReleaseCommandQueue(w->queue);
}

static inline void *open_later(void *priv)
{
    struct writer *w = priv;
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    w->open(w->gate, CL_COMPLETE);
    return NULL;
}

// Lets go of its event at once, as weft must hold it.
static inline weft_tensor *import_written(struct writer *w)
{
    weft_tensor *x = weft_opencl_import(
        s, buffer,
        weft_opencl_import_params(.dtype = WEFT_F32, .ndim = 1, .shape = (int64_t[]){FLOATS},
                                  .wait = &w->written, .wait_count = 1));
    ck_assert_msg(x != NULL, "%s", weft_scope_error(s)->text);
    cl.clReleaseEvent(w->written);
    return x;
}

#endif
