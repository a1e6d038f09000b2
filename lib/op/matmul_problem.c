// From the record of a matrix product to the problem that variants solve.
#include "op/matmul.h"

// The leading dimensions of a tensor of the product.
static struct wf_tensor leading(const struct wf_tensor *t)
{
    struct wf_tensor l = *t;
    l.pub.ndim = l.pub.ndim > 2 ? l.pub.ndim - 2 : 0;
    return l;
}

// The stride of dimension `back` from the last; 0 where it is not there, or repeated.
static int64_t stride_at(const struct wf_tensor *t, int back)
{
    int d = t->pub.ndim - back;
    return d < 0 || t->pub.shape[d] == 1 ? 0 : t->stride[d];
}

static int64_t *row_stride(struct wf_matmul *p, int view)
{
    return view ? &p->e_m[view - 2] : &p->a_m;
}

// Do the matrices of this view lie one below the other, along the last dimension of the batch?
static bool stacks(struct wf_matmul *p, int view)
{
    int64_t stride = p->batch.stride[view][p->batch.rank - 1];
    return p->m == 1 || stride == p->m * *row_stride(p, view);
}

// Where all matrices share b, they are one taller matrix.
static void stack_matrices(struct wf_matmul *p)
{
    struct wf_dims *d = &p->batch;
    int last = d->rank - 1;
    bool all = d->shape[last] > 1 && d->stride[1][last] == 0;
    for (int view = 0; view < d->views; view++)
        all = all && (view == 1 || stacks(p, view));
    if (!all)
        return;
    for (int view = 0; view < d->views; view++) {
        if (p->m == 1 && view != 1)
            *row_stride(p, view) = d->stride[view][last];
        d->stride[view][last] = 0;
    }
    p->m *= d->shape[last];
    p->count /= d->shape[last];
    d->shape[last] = 1;
    wf_dims_collapse(d);
}

// The last element that is read along rows and columns.
static int64_t reach(int64_t rows, int64_t row, int64_t columns, int64_t column)
{
    return (rows ? rows - 1 : 0) * row + (columns ? columns - 1 : 0) * column;
}

static bool is_wide(const weft_device *dev, const struct wf_matmul *p)
{
    struct wf_dims d = p->batch;
    d.offset[0] += reach(p->m, p->a_m, p->k, p->a_k);
    d.offset[1] += reach(p->k, p->b_k, p->n, p->b_n);
    for (int view = 2; view < d.views; view++)
        d.offset[view] += reach(p->m, p->e_m[view - 2], p->n, p->e_n[view - 2]);
    // A loop may step past the last row or column by a tile.
    int64_t most = p->count * p->m * p->n + 128 * (p->n + 128);
    return wf_dims_wide(dev, &d) || wf_wide(dev, most) || wf_wide(dev, p->k + 1024);
}

static void add_inputs(struct wf_matmul *p, const struct wf_epilogue *e)
{
    p->epilogue = e;
    for (int i = 0; e && i < e->nin; i++) {
        struct wf_tensor batch = leading(e->in[i]);
        wf_dims_add(&p->batch, &batch);
        p->e_m[i] = stride_at(e->in[i], 2);
        p->e_n[i] = stride_at(e->in[i], 1);
    }
}

struct wf_matmul wf_matmul_problem(const struct wf_record *matmul, const struct wf_epilogue *e,
                                   const struct wf_tensor *out)
{
    const struct wf_tensor *a = matmul->in[0], *b = matmul->in[1];
    const weft_tensor *c = &matmul->out[0]->pub;
    int da = a->pub.ndim, db = b->pub.ndim;
    struct wf_matmul p = {.dtype = a->pub.dtype,
                          .b_dtype = b->pub.dtype,
                          .out = out->pub.dtype,
                          .m = c->shape[c->ndim - 2],
                          .n = c->shape[c->ndim - 1],
                          .k = a->pub.shape[da - 1],
                          .count = wf_shape_count(c->ndim - 2, c->shape),
                          .a_m = a->stride[da - 2],
                          .a_k = a->stride[da - 1],
                          .b_k = b->stride[db - 2],
                          .b_n = b->stride[db - 1],
                          .a = a->storage->mem,
                          .b = b->storage->mem,
                          .c = out->storage ? out->storage->mem : NULL};
    struct wf_tensor a_batch = leading(a), b_batch = leading(b);
    wf_dims_init(&p.batch, c->ndim - 2, c->shape);
    wf_dims_add(&p.batch, &a_batch);
    wf_dims_add(&p.batch, &b_batch);
    add_inputs(&p, e);
    p.plain_m = p.m;
    p.plain_count = p.count;
    if (b->variable && b->variable->storage == b->storage) {
        p.b_from = b->storage;
        p.b_version = b->version;
    }
    if (!weft_count(&out->pub))
        return p;
    struct wf_matmul plain = p;
    plain.batch.views = 2;
    wf_dims_collapse(&plain.batch);
    stack_matrices(&plain);
    p.plain_m = plain.m;
    p.plain_count = plain.count;
    wf_dims_collapse(&p.batch);
    stack_matrices(&p);
    p.wide = is_wide(a->dev, &p);
    return p;
}
