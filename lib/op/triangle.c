// Matrices with one side of a diagonal zero.
#include "core/copy.h"
#include "core/view.h"
#include "op/op.h"
#include <stdio.h>

// The matrices of x one after the other: as few dimensions as they need, then rows and columns.
static struct wf_dims make_dims(const struct wf_tensor *x)
{
    struct wf_dims d;
    int outer = x->pub.ndim - 2;
    wf_dims_init(&d, outer, x->pub.shape);
    d.views = 1;
    d.offset[0] = x->offset;
    memcpy(d.stride[0], x->stride, sizeof d.stride[0]);
    wf_dims_collapse(&d);
    d.rank = d.shape[0] == 1 ? 0 : d.rank;
    for (int i = outer; i < outer + 2; i++) {
        d.shape[d.rank] = x->pub.shape[i];
        d.stride[0][d.rank++] = x->stride[i];
    }
    return d;
}

static bool run(weft_device *dev, struct wf_record *r, bool upper, struct weft_error *err)
{
    const struct wf_tensor *x = r->in[0];
    int64_t diagonal = *(const int64_t *)r->attr, n = weft_count(&x->pub);
    int64_t rows = x->pub.shape[x->pub.ndim - 2], columns = x->pub.shape[x->pub.ndim - 1];
    if (!n)
        return true;
    // Rows that do not lie side by side are copied by tiles; then only the zeros are left.
    cl_int side = upper, keeps = x->stride[x->pub.ndim - 1] != 1;
    if (keeps && !wf_copy_elements(dev, x, r->out[0], err))
        return false;
    x = keeps ? r->out[0] : x;
    struct wf_dims d = make_dims(x);
    bool wide = wf_dims_wide(dev, &d) || wf_wide(dev, rows + columns);
    char defines[120];
    snprintf(defines, sizeof defines, "%s#define RANK %d\n#define E %s\n%s",
             wide ? "#define INDEX long\n" : "", d.rank,
             wf_bits_type(weft_dtype_size(x->pub.dtype)), keeps ? "#define IN_PLACE\n" : "");
    struct wf_kernel *k =
        wf_kernel_get(dev, &(struct wf_request){"triangle", "triangle", defines, r->op->name}, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k,
                          .op = r->op->name,
                          .tasks = n / columns,
                          .local = wf_loop_local(dev, k),
                          .wide = wide};
    // Beyond the corners nothing changes.
    diagonal = diagonal < -rows ? -rows : diagonal > columns ? columns : diagonal;
    struct wf_index room;
    struct wf_dims_arg arg;
    wf_launch_index(&l, &room, diagonal);
    wf_launch_value(&l, sizeof side, &side);
    wf_dims_pack(&d, wide, &arg);
    wf_launch_value(&l, arg.bytes, &arg.u);
    if (!keeps)
        wf_launch_mem(&l, &x->storage->mem);
    wf_launch_mem(&l, &r->out[0]->storage->mem);
    return wf_launch(dev, &l, err);
}

static bool tril_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return run(dev, r, false, err);
}

static bool triu_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return run(dev, r, true, err);
}

static bool tril_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                      weft_tensor **gx)
{
    gx[0] = weft_tril(s, gy[0], *(const int64_t *)r->attr);
    return gx[0];
}

static bool triu_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                      weft_tensor **gx)
{
    gx[0] = weft_triu(s, gy[0], *(const int64_t *)r->attr);
    return gx[0];
}

static const struct wf_op op_tril = {.name = "tril", .run = tril_run, .grad = tril_grad};
static const struct wf_op op_triu = {.name = "triu", .run = triu_run, .grad = triu_grad};

static weft_tensor *record(weft_scope *s, const struct wf_op *op, const weft_tensor *x,
                           int64_t diagonal)
{
    if (!wf_scope_takes(s, op->name, x))
        return NULL;
    if (x->ndim < 2) {
        wf_scope_fail(s, WEFT_SHAPE, "%s: x is %s; a matrix was wanted", op->name,
                      WF_SHAPE(x->ndim, x->shape));
        return NULL;
    }
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = 1,
                                          .in = &x,
                                          .dtype = x->dtype,
                                          .ndim = x->ndim,
                                          .shape = x->shape,
                                          .attr = &diagonal,
                                          .attr_bytes = sizeof diagonal});
}

weft_tensor *weft_tril(weft_scope *s, const weft_tensor *x, int64_t diagonal)
{
    return record(s, &op_tril, x, diagonal);
}

weft_tensor *weft_triu(weft_scope *s, const weft_tensor *x, int64_t diagonal)
{
    return record(s, &op_triu, x, diagonal);
}

const struct wf_op *const wf_triangle_rows[] = {&op_tril, &op_triu, NULL};
