// The matrix product: shapes and gradient. Its variants are in matmul_variants.c and its
// neighbours.
#include "op/matmul.h"
#include "op/op.h"

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return wf_matmul_run(dev, r, NULL, r->out[0], err);
}

// x y. Of an operand that is itself a transposition, the gradient is made transposed: the second
// transposition then gives it back dense, as the parameter lies.
static weft_tensor *product_like(weft_scope *s, const weft_tensor *operand, const weft_tensor *x,
                                 const weft_tensor *y)
{
    weft_tensor *g;
    if (wf_is_transposed(operand))
        g = weft_transpose(
            s, weft_matmul(s, weft_transpose(s, y, -1, -2), weft_transpose(s, x, -1, -2)), -1, -2);
    else
        g = weft_matmul(s, x, y);
    return g ? wf_sum_to(s, g, operand) : NULL;
}

// The gradient of a matrix that all matrices of the batch share: one product over all their rows.
static weft_tensor *shared_gradient(weft_scope *s, const weft_tensor *a, const weft_tensor *b,
                                    const weft_tensor *gy)
{
    a = weft_reshape(s, a, 2, (int64_t[]){-1, b->shape[0]});
    gy = weft_reshape(s, gy, 2, (int64_t[]){-1, b->shape[1]});
    return product_like(s, b, weft_transpose(s, a, 0, 1), gy);
}

static bool grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy, weft_tensor **gx)
{
    const weft_tensor *a = &r->in[0]->pub, *b = &r->in[1]->pub;
    if (wf_wants(r, 0) && !(gx[0] = product_like(s, a, gy[0], weft_transpose(s, b, -1, -2))))
        return false;
    if (!wf_wants(r, 1))
        return true;
    bool shared = b->ndim == 2 && a->ndim > 2 && weft_count(b);
    gx[1] = shared ? shared_gradient(s, a, b, gy[0])
                   : product_like(s, b, weft_transpose(s, a, -1, -2), gy[0]);
    return gx[1] != NULL;
}

static const struct wf_op op_matmul = {.name = "matmul",
                                       .run = run,
                                       .fuser = &wf_matmul_fuser,
                                       .grad = grad,
                                       .saves = WF_SAVES_INPUTS};

bool wf_matmul_fuses(const struct wf_record *r)
{
    return r->op == &op_matmul && wf_dtype_is_float(r->out[0]->pub.dtype);
}

// Bytes alone, of which nobody asks for a gradient.
static const struct wf_op op_matmul_int = {.name = "matmul_int", .run = run};

static bool is_byte(const weft_tensor *t)
{
    return t->dtype == WEFT_I8 || t->dtype == WEFT_U8;
}

static bool check_dtypes(weft_scope *s, const struct wf_op *op, const weft_tensor *a,
                         const weft_tensor *b)
{
    bool bytes = op == &op_matmul_int;
    bool ok = bytes ? is_byte(a) && is_byte(b) : a->dtype == b->dtype && a->dtype != WEFT_BOOL;
    return ok || wf_scope_fail(s, WEFT_DTYPE, "%s: the operands are %s and %s; %s were wanted",
                               op->name, weft_dtype_name(a->dtype), weft_dtype_name(b->dtype),
                               bytes ? "I8 or U8" : "two of the same dtype, not BOOL,");
}

static bool check(weft_scope *s, const struct wf_op *op, const weft_tensor *a, const weft_tensor *b)
{
    if (!check_dtypes(s, op, a, b))
        return false;
    if (!a->ndim || !b->ndim)
        return wf_scope_fail(s, WEFT_SHAPE, "%s: a is %s, b is %s; no scalar was wanted", op->name,
                             WF_SHAPE(a->ndim, a->shape), WF_SHAPE(b->ndim, b->shape));
    int64_t ak = a->shape[a->ndim - 1], bk = b->shape[b->ndim > 1 ? b->ndim - 2 : 0];
    return ak == bk || wf_scope_fail(s, WEFT_SHAPE,
                                     "%s: a is %s, b is %s: %lld columns of a meet %lld rows of b",
                                     op->name, WF_SHAPE(a->ndim, a->shape),
                                     WF_SHAPE(b->ndim, b->shape), (long long)ak, (long long)bk);
}

// Do the dimensions before the matrices broadcast? Both operands have two or more.
static bool check_batches(weft_scope *s, const struct wf_op *op, const weft_tensor *a,
                          const weft_tensor *b)
{
    bool fits = true;
    for (int i = a->ndim - 3, k = b->ndim - 3; i >= 0 && k >= 0; i--, k--)
        fits = fits && (a->shape[i] == b->shape[k] || a->shape[i] == 1 || b->shape[k] == 1);
    return fits ||
           wf_scope_fail(s, WEFT_SHAPE,
                         "%s: a is %s, b is %s: leading dimensions that broadcast were "
                         "wanted",
                         op->name, WF_SHAPE(a->ndim, a->shape), WF_SHAPE(b->ndim, b->shape));
}

// Likewise.
static weft_tensor *record(weft_scope *s, const struct wf_op *op, const weft_tensor *a,
                           const weft_tensor *b)
{
    weft_tensor a_batch = *a, b_batch = *b;
    const weft_tensor *in[] = {a, b};
    enum weft_dtype dtype = op == &op_matmul_int ? WEFT_I32 : a->dtype;
    int ndim;
    int64_t shape[WEFT_MAX_DIMS];
    a_batch.ndim -= 2;
    b_batch.ndim -= 2;
    if (!check_batches(s, op, a, b) || !wf_broadcast(s, op->name, &a_batch, &b_batch, &ndim, shape))
        return NULL;
    shape[ndim] = a->shape[a->ndim - 2];
    shape[ndim + 1] = b->shape[b->ndim - 1];
    if (!wf_scope_shape(s, op->name, dtype, ndim + 2, shape))
        return NULL;
    return wf_record(
        s, &(struct wf_call){
               .op = op, .nin = 2, .in = in, .dtype = dtype, .ndim = ndim + 2, .shape = shape});
}

static weft_tensor *product(weft_scope *s, const struct wf_op *op, const weft_tensor *a,
                            const weft_tensor *b)
{
    if (!wf_scope_takes(s, op->name, a) || !wf_scope_takes(s, op->name, b) || !check(s, op, a, b))
        return NULL;
    bool row = a->ndim == 1, column = b->ndim == 1;
    if (!row && !column)
        return record(s, op, a, b);
    if (row)
        a = weft_reshape(s, a, 2, (int64_t[]){1, a->shape[0]});
    if (column)
        b = weft_reshape(s, b, 2, (int64_t[]){b->shape[0], 1});
    weft_tensor *c = a && b ? record(s, op, a, b) : NULL;
    if (!c)
        return NULL;
    int64_t shape[WEFT_MAX_DIMS];
    int ndim = 0, last = c->ndim - 1;
    for (int i = 0; i < c->ndim; i++) {
        if (!(row && i == last - 1) && !(column && i == last))
            shape[ndim++] = c->shape[i];
    }
    return weft_reshape(s, c, ndim, shape);
}

weft_tensor *weft_matmul(weft_scope *s, const weft_tensor *a, const weft_tensor *b)
{
    return product(s, &op_matmul, a, b);
}

weft_tensor *weft_matmul_int(weft_scope *s, const weft_tensor *a, const weft_tensor *b)
{
    return product(s, &op_matmul_int, a, b);
}

const struct wf_op *const wf_matmul_rows[] = {&op_matmul, &op_matmul_int, NULL};
