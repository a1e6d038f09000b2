// A program with an OpenCL context, queue and buffer of its own has weft work in them. Nothing is
// copied: weft reads the program's buffer in place, and the program reads weft's.
// usage: opencl_host
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/opencl.h>
#include <weft/weft.h>

// The program's frame, in floats: a header, then rows with unused room at their end.
enum { HEADER = 16, ROWS = 1000, PITCH = 6, IN = 4, OUT = 3 };

static const float weight[IN][OUT] = {{1, -1, 0.5f}, {-2, 0.25f, 1}, {0.5f, 2, -1}, {1, 1, 1}};
static const float bias[OUT] = {0.5f, -1, 0};

static const char source[] =
    "kernel void sense(global float *frame, int at, int pitch)\n"
    "{\n"
    "    int row = get_global_id(0), column = get_global_id(1);\n"
    "    frame[at + row * pitch + column] = (row * 7 + column * 3) % 11 - 5;\n"
    "}\n"
    "kernel void decide(global const float *y, int at, int count, global float *decision)\n"
    "{\n"
    "    int row = get_global_id(0);\n"
    "    float sum = 0;\n"
    "    for (int i = 0; i < count; i++)\n"
    "        sum += y[at + row * count + i];\n"
    "    decision[row] = sum;\n"
    "}\n";

struct host {
    cl_device_id device;
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    cl_mem frame, decision;
};

static void check(const char *what, cl_int code)
{
    if (code) {
        fprintf(stderr, "opencl_host: %s: OpenCL error %d\n", what, code);
        exit(1);
    }
}

static cl_mem new_buffer(const struct host *h, size_t floats)
{
    cl_int code;
    cl_mem mem = clCreateBuffer(h->context, CL_MEM_READ_WRITE, floats * sizeof(float), NULL, &code);
    check("clCreateBuffer", code);
    return mem;
}

static void host_init(struct host *h)
{
    cl_int code;
    cl_platform_id platform;
    check("clGetPlatformIDs", clGetPlatformIDs(1, &platform, NULL));
    check("clGetDeviceIDs", clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &h->device, NULL));
    h->context = clCreateContext(NULL, 1, &h->device, NULL, NULL, &code);
    check("clCreateContext", code);
    h->queue = clCreateCommandQueue(h->context, h->device, 0, &code); // in order, as weft needs it
    check("clCreateCommandQueue", code);
    h->program = clCreateProgramWithSource(h->context, 1, (const char *[]){source}, NULL, &code);
    check("clCreateProgramWithSource", code);
    check("clBuildProgram", clBuildProgram(h->program, 1, &h->device, "", NULL, NULL));
    h->frame = new_buffer(h, HEADER + ROWS * PITCH);
    h->decision = new_buffer(h, ROWS);
}

static void host_finish(struct host *h)
{
    clReleaseMemObject(h->decision);
    clReleaseMemObject(h->frame);
    clReleaseProgram(h->program);
    clReleaseCommandQueue(h->queue);
    clReleaseContext(h->context);
}

// The program's kernels. Both are enqueued and not waited for.
static void sense(const struct host *h)
{
    cl_int code, at = HEADER, pitch = PITCH;
    cl_kernel k = clCreateKernel(h->program, "sense", &code);
    check("clCreateKernel", code);
    clSetKernelArg(k, 0, sizeof h->frame, &h->frame);
    clSetKernelArg(k, 1, sizeof at, &at);
    clSetKernelArg(k, 2, sizeof pitch, &pitch);
    check("sense",
          clEnqueueNDRangeKernel(h->queue, k, 2, NULL, (size_t[]){ROWS, IN}, NULL, 0, NULL, NULL));
    clReleaseKernel(k);
}

static void decide(const struct host *h, const struct weft_opencl_view *y)
{
    cl_int code, at = (cl_int)(y->offset / sizeof(float)), count = OUT;
    cl_kernel k = clCreateKernel(h->program, "decide", &code);
    check("clCreateKernel", code);
    clSetKernelArg(k, 0, sizeof y->mem, &y->mem);
    clSetKernelArg(k, 1, sizeof at, &at);
    clSetKernelArg(k, 2, sizeof count, &count);
    clSetKernelArg(k, 3, sizeof h->decision, &h->decision);
    check("decide",
          clEnqueueNDRangeKernel(h->queue, k, 1, NULL, (size_t[]){ROWS}, NULL, 0, NULL, NULL));
    clReleaseKernel(k);
}

// relu(x w + b) of every row of the frame, then the program's `decide` on it.
static void infer(const struct host *h, weft_scope *s)
{
    // weft retains the frame until the scope is reset or destroyed. `sense` runs before weft reads,
    // because both use one queue; after another queue's work, name its events in .wait.
    weft_tensor *x = weft_opencl_import(
        s, h->frame,
        weft_opencl_import_params(.dtype = WEFT_F32, .ndim = 2, .shape = (int64_t[]){ROWS, IN},
                                  .stride = (int64_t[]){PITCH, 1},
                                  .offset = HEADER * sizeof(float)));
    weft_tensor *w = weft_from_host(s, WEFT_F32, 2, (int64_t[]){IN, OUT}, weight);
    weft_tensor *b = weft_from_host(s, WEFT_F32, 1, (int64_t[]){OUT}, bias);
    weft_tensor *y = weft_relu(s, weft_add(s, weft_matmul(s, x, w), b));

    // The buffer stays weft's, and is valid as long as y: to be read, not written or released. The
    // event is ours. Commands on the same queue do not need it.
    struct weft_opencl_view view;
    if (weft_opencl_export(s, y, &view)) {
        decide(h, &view);
        clReleaseEvent(view.event);
    }
}

// What the device decided against the same in plain C.
static double largest_difference(const struct host *h)
{
    static float decision[ROWS];
    check("clEnqueueReadBuffer", clEnqueueReadBuffer(h->queue, h->decision, CL_TRUE, 0,
                                                     sizeof decision, decision, 0, NULL, NULL));
    double worst = 0;
    for (int row = 0; row < ROWS; row++) {
        double sum = 0;
        for (int j = 0; j < OUT; j++) {
            double y = bias[j];
            for (int i = 0; i < IN; i++)
                y += ((row * 7 + i * 3) % 11 - 5) * weight[i][j];
            sum += fmax(y, 0);
        }
        worst = fmax(worst, fabs(sum - decision[row]));
    }
    return worst;
}

int main(void)
{
    struct host h;
    host_init(&h);
    sense(&h);

    // The device retains context and queue; the program's own references stay its own.
    struct weft_error err = {0};
    weft_device *dev = weft_opencl_device_create(
        weft_opencl_params(.context = h.context, .device = h.device, .queue = h.queue), &err);
    weft_scope *s = weft_scope_create(dev, NULL, &err);
    if (!err.status) {
        infer(&h, s);
        err = *weft_scope_error(s);
    }
    weft_scope_destroy(&s);
    weft_device_destroy(&dev);
    double worst = err.status ? 0 : largest_difference(&h);
    host_finish(&h);

    if (err.status)
        fprintf(stderr, "opencl_host: %s\n", err.text);
    else if (worst > 1e-4)
        fprintf(stderr, "opencl_host: the results differ by %g\n", worst);
    else
        printf("%d rows through the program's own queue and buffer: as computed in C\n", ROWS);
    return err.status || worst > 1e-4;
}
