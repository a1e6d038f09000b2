// Cross-entropy: one row of the loss for each row of the batch in one kernel, which never stores
// the softmax; the mean is the reduction's. The gradient computes the softmax again from x.
#include "core/view.h"
#include "op/op.h"
#include <stdio.h>

enum { LOCAL_GPU = 64 };

// `struct rows` of the kernel.
struct rows {
    int64_t v[8];
    char packed[8 * 8];
};

static bool launch(weft_device *dev, const char *kernel, struct wf_record *r, int n,
                   struct weft_error *err)
{
    const struct wf_tensor *x = r->in[0], *label = r->in[1], *g = n > 2 ? r->in[2] : NULL;
    struct rows rows = {.v = {x->pub.shape[1], x->stride[0], x->stride[1], label->stride[0],
                              g ? g->stride[0] : 0, x->offset, label->offset, g ? g->offset : 0}};
    bool wide =
        x->offset + x->pub.shape[0] * (x->stride[0] + 1) + x->pub.shape[1] * (x->stride[1] + 1) >
            INT32_MAX / 2 ||
        label->offset > INT32_MAX / 2;
    size_t index = wide ? 8 : 4;
    for (size_t i = 0; i < 8; i++) {
        int32_t narrow = (int32_t)rows.v[i];
        memcpy(rows.packed + i * index, wide ? (void *)&rows.v[i] : (void *)&narrow, index);
    }
    int local = dev->info.type == WEFT_DEVICE_CPU ? 1 : LOCAL_GPU;
    while ((size_t)local > dev->info.max_group)
        local /= 2;
    char defines[128];
    snprintf(defines, sizeof defines, "%s%s#define LOCAL %d\n", wide ? "#define INDEX long\n" : "",
             x->pub.dtype == WEFT_F64 ? "#define USE_F64\n#define T double\n" : "", local);
    struct wf_request request = {"cross_entropy", kernel, defines, r->op->name};
    struct wf_kernel *k = wf_kernel_get(dev, &request, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k,
                          .op = r->op->name,
                          .tasks = x->pub.shape[0],
                          .local = (size_t)local,
                          .wide = wide};
    wf_launch_value(&l, 8 * index, rows.packed);
    for (int i = 0; i < n; i++)
        wf_launch_mem(&l, &r->in[i]->storage->mem);
    wf_launch_mem(&l, &r->out[0]->storage->mem);
    return wf_launch(dev, &l, err);
}

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return launch(dev, "cross_entropy", r, 2, err);
}

static bool run_grad(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return launch(dev, "cross_entropy_grad", r, 3, err);
}

static const struct wf_op op_grad = {.name = "cross_entropy_grad", .run = run_grad};

static bool grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy, weft_tensor **gx)
{
    const weft_tensor *x = &r->in[0]->pub, *in[] = {x, &r->in[1]->pub, gy[0]};
    gx[0] = wf_record(
        s,
        &(struct wf_call){
            .op = &op_grad, .nin = 3, .in = in, .dtype = x->dtype, .ndim = 2, .shape = x->shape});
    return gx[0];
}

static const struct wf_op op_cross_entropy = {
    .name = "cross_entropy", .run = run, .grad = grad, .saves = WF_SAVES_INPUTS};

static bool check(weft_scope *s, const weft_tensor *x, const weft_tensor *label)
{
    if ((x->dtype != WEFT_F32 && x->dtype != WEFT_F64) || label->dtype != WEFT_I64)
        return wf_scope_fail(s, WEFT_DTYPE,
                             "cross_entropy: x is %s and label %s; F32 or F64 and I64 "
                             "were wanted",
                             weft_dtype_name(x->dtype), weft_dtype_name(label->dtype));
    if (x->ndim != 2 || label->ndim != 1 || x->shape[0] != label->shape[0] || !x->shape[1])
        return wf_scope_fail(s, WEFT_SHAPE,
                             "cross_entropy: x is %s and label %s; [batch,class] and [batch] were "
                             "wanted",
                             WF_SHAPE(x->ndim, x->shape), WF_SHAPE(label->ndim, label->shape));
    return true;
}

weft_tensor *weft_cross_entropy(weft_scope *s, const weft_tensor *x, const weft_tensor *label)
{
    if (!wf_scope_takes(s, "cross_entropy", x) || !wf_scope_takes(s, "cross_entropy", label) ||
        !check(s, x, label))
        return NULL;
    const weft_tensor *in[] = {x, label};
    weft_tensor *rows = wf_record(s, &(struct wf_call){.op = &op_cross_entropy,
                                                       .nin = 2,
                                                       .in = in,
                                                       .dtype = x->dtype,
                                                       .ndim = 1,
                                                       .shape = x->shape});
    return rows ? weft_mean(s, rows, NULL) : NULL;
}

const struct wf_op *const wf_cross_entropy_rows[] = {&op_cross_entropy, NULL};
