// Picking by an index: gather, index_select, embedding, and one_hot. The gradients of the first
// three add up by the same index (scatter.c).
//
// All are one kernel that copies bits, so it knows the size of an element and not its dtype.
// Where whole rows are picked, 16 bytes at a time may count as one element.
#include "op/index.h"
#include "core/copy.h"
#include "op/op.h"
#include <stdio.h>

enum { CHUNK = 1024, LOCAL_GPU = 128 };

size_t wf_index_local(const weft_device *dev)
{
    size_t local = dev->info.type == WEFT_DEVICE_CPU ? 1 : LOCAL_GPU;
    return local < dev->info.max_group ? local : dev->info.max_group;
}

void wf_index_defines(const weft_device *dev, bool wide, enum weft_dtype index, int rank, char *out,
                      size_t room)
{
    snprintf(out, room, "%s#define I %s\n#define RANK %d\n#define CHUNK %d\n%s",
             wide ? "#define INDEX long\n" : "", index == WEFT_I32 ? "int" : "long", rank, CHUNK,
             dev->info.type == WEFT_DEVICE_CPU ? "" : "#define ONE_BY_ONE\n");
}

// What the kernel needs to know; the views are x and the index.
struct take {
    struct wf_dims d;
    int64_t count, n, step;
    size_t bytes; // of an element
};

static void take_init(struct take *t, const struct wf_record *r)
{
    const struct wf_indexed *a = r->attr;
    const struct wf_tensor *x = r->in[0], *index = r->in[1], *y = r->out[0];
    wf_dims_init(&t->d, y->pub.ndim, y->pub.shape);
    t->d.views = 2;
    t->d.offset[0] = x->offset;
    t->d.offset[1] = index->offset;
    for (int i = 0; i < y->pub.ndim; i++) {
        t->d.stride[0][i] = i == a->axis ? 0 : x->stride[i];
        t->d.stride[1][i] = !a->shared ? index->stride[i] : i == a->axis ? index->stride[0] : 0;
    }
    wf_dims_collapse(&t->d);
    t->count = weft_count(&y->pub);
    t->n = x->pub.shape[a->axis];
    t->step = x->stride[a->axis];
    t->bytes = weft_dtype_size(x->pub.dtype);
}

// Counts 16 bytes as one element, if rows allow it.
static void take_widen(struct take *t)
{
    struct wf_dims *d = &t->d;
    int last = d->rank - 1;
    int64_t each = 16 / (int64_t)t->bytes;
    bool fits = d->stride[0][last] == 1 && d->stride[1][last] == 0 && d->shape[last] % each == 0 &&
                d->offset[0] % each == 0 && t->step % each == 0;
    for (int i = 0; i < last; i++)
        fits = fits && d->stride[0][i] % each == 0;
    if (!fits)
        return;
    for (int i = 0; i < last; i++)
        d->stride[0][i] /= each;
    d->shape[last] /= each;
    d->offset[0] /= each;
    t->step /= each;
    t->count /= each;
    t->bytes = 16;
}

// NaN of a floating dtype, to fill elements of any size; else 0.
static void make_fill(enum weft_dtype dtype, bool zero, char fill[16])
{
    uint64_t nan = zero                 ? 0
                   : dtype == WEFT_F32  ? 0x7fc000007fc00000
                   : dtype == WEFT_F64  ? 0x7ff8000000000000
                   : dtype == WEFT_F16  ? 0x7e007e007e007e00
                   : dtype == WEFT_BF16 ? 0x7fc07fc07fc07fc0
                                        : 0;
    memcpy(fill, &nan, 8);
    memcpy(fill + 8, &nan, 8);
}

static bool take_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct wf_indexed *a = r->attr;
    const struct wf_tensor *x = r->in[0], *index = r->in[1], *y = r->out[0];
    struct take t;
    char defines[200];
    char fill[16];
    take_init(&t, r);
    // The loops of a CPU become vectors of more than that by themselves.
    if (dev->info.type != WEFT_DEVICE_CPU)
        take_widen(&t);
    make_fill(x->pub.dtype, a->zero, fill);
    bool wide = wf_dims_wide(dev, &t.d) || wf_tensor_wide(dev, x);
    wf_index_defines(dev, wide, index->pub.dtype, t.d.rank, defines, sizeof defines);
    size_t used = strlen(defines);
    snprintf(defines + used, sizeof defines - used, "#define VIEWS 2\n#define E %s\n",
             wf_bits_type(t.bytes));
    struct wf_request request = {"index", "take", defines, r->op->name};
    struct wf_kernel *k = wf_kernel_get(dev, &request, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k,
                          .op = r->op->name,
                          .tasks = (t.count + CHUNK - 1) / CHUNK,
                          .local = wf_index_local(dev),
                          .task_ns = CHUNK * 10,
                          .wide = wide};
    struct wf_index v[3];
    struct wf_dims_arg dims;
    wf_dims_pack(&t.d, wide, &dims);
    wf_launch_index(&l, &v[0], t.count);
    wf_launch_index(&l, &v[1], t.n);
    wf_launch_index(&l, &v[2], t.step);
    wf_launch_value(&l, t.bytes, fill);
    wf_launch_value(&l, dims.bytes, &dims.u);
    wf_launch_mem(&l, &x->storage->mem);
    wf_launch_mem(&l, &index->storage->mem);
    wf_launch_mem(&l, &y->storage->mem);
    return wf_launch(dev, &l, err);
}

static bool take_grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy,
                      weft_tensor **gx)
{
    gx[0] = wf_scatter(s, &r->in[0]->pub, &r->in[1]->pub, gy[0], r->attr);
    return gx[0];
}

enum { SAVES_INDEX = WF_SAVES_INPUT << 1 };
const struct wf_op wf_op_gather = {
    .name = "gather", .run = take_run, .grad = take_grad, .saves = SAVES_INDEX};
static const struct wf_op op_index_select = {
    .name = "index_select", .run = take_run, .grad = take_grad, .saves = SAVES_INDEX};
static const struct wf_op op_embedding = {
    .name = "embedding", .run = take_run, .grad = take_grad, .saves = SAVES_INDEX};

bool wf_want_index(weft_scope *s, const char *op, const weft_tensor *index)
{
    return index->dtype == WEFT_I64 || index->dtype == WEFT_I32 ||
           wf_scope_fail(s, WEFT_DTYPE, "%s: the index is %s; I64 or I32 was wanted", op,
                         weft_dtype_name(index->dtype));
}

weft_tensor *wf_take(weft_scope *s, const struct wf_op *op, const weft_tensor *x,
                     const weft_tensor *index, const struct wf_indexed *a)
{
    int64_t shape[WEFT_MAX_DIMS];
    const weft_tensor *in[] = {x, index};
    memcpy(shape, a->shared ? x->shape : index->shape, sizeof shape);
    if (a->shared)
        shape[a->axis] = index->shape[0];
    if (!wf_scope_shape(s, op->name, x->dtype, x->ndim, shape))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = op,
                                          .nin = 2,
                                          .in = in,
                                          .dtype = x->dtype,
                                          .ndim = x->ndim,
                                          .shape = shape,
                                          .attr = a,
                                          .attr_bytes = sizeof *a});
}

weft_tensor *weft_gather(weft_scope *s, const weft_tensor *x, int axis, const weft_tensor *index)
{
    struct wf_indexed a = {.skip = -1};
    if (!wf_scope_takes(s, "gather", x) || !wf_scope_takes(s, "gather", index) ||
        !wf_want_index(s, "gather", index) || (a.axis = wf_axis(s, "gather", axis, x->ndim)) < 0)
        return NULL;
    bool fits = index->ndim == x->ndim;
    for (int i = 0; fits && i < x->ndim; i++)
        fits = i == a.axis || index->shape[i] <= x->shape[i];
    if (!fits) {
        wf_scope_fail(s, WEFT_SHAPE,
                      "gather: x is %s and the index %s; as many dimensions were wanted, each at "
                      "most that of x but for axis %d",
                      WF_SHAPE(x->ndim, x->shape), WF_SHAPE(index->ndim, index->shape), a.axis);
        return NULL;
    }
    return wf_take(s, &wf_op_gather, x, index, &a);
}

weft_tensor *weft_index_select(weft_scope *s, const weft_tensor *x, int axis,
                               const weft_tensor *index)
{
    struct wf_indexed a = {.shared = true, .skip = -1};
    if (!wf_scope_takes(s, "index_select", x) || !wf_scope_takes(s, "index_select", index) ||
        !wf_want_index(s, "index_select", index) ||
        (a.axis = wf_axis(s, "index_select", axis, x->ndim)) < 0)
        return NULL;
    if (index->ndim != 1) {
        wf_scope_fail(s, WEFT_SHAPE, "index_select: the index is %s; one dimension was wanted",
                      WF_SHAPE(index->ndim, index->shape));
        return NULL;
    }
    return wf_take(s, &op_index_select, x, index, &a);
}

static bool check_embedding(weft_scope *s, const weft_tensor *weight, const weft_tensor *index,
                            int64_t padding)
{
    if (!wf_scope_takes(s, "embedding", weight) || !wf_scope_takes(s, "embedding", index) ||
        !wf_want_index(s, "embedding", index))
        return false;
    if (weight->ndim != 2)
        return wf_scope_fail(s, WEFT_SHAPE, "embedding: weight is %s; [rows,width] was wanted",
                             WF_SHAPE(weight->ndim, weight->shape));
    if (index->ndim == WEFT_MAX_DIMS)
        return wf_scope_fail(s, WEFT_SHAPE,
                             "embedding: the index is %s; at most %d dimensions "
                             "were wanted",
                             WF_SHAPE(index->ndim, index->shape), WEFT_MAX_DIMS - 1);
    return (padding >= -1 && padding < weight->shape[0]) ||
           wf_scope_fail(s, WEFT_PARAM,
                         "embedding: padding %lld; a row of %s, or -1 for none, was wanted",
                         (long long)padding, WF_SHAPE(2, weight->shape));
}

weft_tensor *weft_embedding(weft_scope *s, const weft_tensor *weight, const weft_tensor *index,
                            int64_t padding)
{
    if (!check_embedding(s, weight, index, padding))
        return NULL;
    struct wf_indexed a = {.shared = true, .skip = padding};
    int64_t shape[WEFT_MAX_DIMS], n = weft_count(index);
    memcpy(shape, index->shape, sizeof shape);
    shape[index->ndim] = weight->shape[1];
    weft_tensor *flat = index->ndim == 1 ? (weft_tensor *)index : weft_reshape(s, index, 1, &n);
    weft_tensor *y = flat ? wf_take(s, &op_embedding, weight, flat, &a) : NULL;
    return y && index->ndim != 1 ? weft_reshape(s, y, index->ndim + 1, shape) : y;
}

// 1 in each dtype, as bits.
static uint64_t one_of(enum weft_dtype d)
{
    return d == WEFT_F32    ? 0x3f800000
           : d == WEFT_F64  ? 0x3ff0000000000000
           : d == WEFT_F16  ? 0x3c00
           : d == WEFT_BF16 ? 0x3f80
                            : 1;
}

static bool one_hot_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct wf_tensor *index = r->in[0], *y = r->out[0];
    size_t bytes = weft_dtype_size(y->pub.dtype);
    int64_t count = weft_count(&y->pub);
    struct wf_dims d;
    wf_dims_init(&d, index->pub.ndim, index->pub.shape);
    wf_dims_add(&d, index);
    wf_dims_collapse(&d);
    bool wide = wf_dims_wide(dev, &d) || wf_wide(dev, 2 * count);
    char defines[200];
    wf_index_defines(dev, wide, index->pub.dtype, d.rank, defines, sizeof defines);
    size_t used = strlen(defines);
    snprintf(defines + used, sizeof defines - used, "#define E %s\n", wf_bits_type(bytes));
    struct wf_request request = {"index", "one_hot", defines, r->op->name};
    struct wf_kernel *k = wf_kernel_get(dev, &request, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k,
                          .op = r->op->name,
                          .tasks = (count + CHUNK - 1) / CHUNK,
                          .local = wf_index_local(dev),
                          .wide = wide};
    struct wf_index v[2];
    struct wf_dims_arg dims;
    union {
        uint64_t u64;
        uint32_t u32;
        uint16_t u16;
        uint8_t u8;
    } one;
    uint64_t bits = one_of(y->pub.dtype);
    if (bytes == 8)
        one.u64 = bits;
    else if (bytes == 4)
        one.u32 = (uint32_t)bits;
    else if (bytes == 2)
        one.u16 = (uint16_t)bits;
    else
        one.u8 = (uint8_t)bits;
    wf_dims_pack(&d, wide, &dims);
    wf_launch_index(&l, &v[0], count);
    wf_launch_index(&l, &v[1], y->pub.shape[y->pub.ndim - 1]);
    wf_launch_value(&l, bytes, &one);
    wf_launch_value(&l, dims.bytes, &dims.u);
    wf_launch_mem(&l, &index->storage->mem);
    wf_launch_mem(&l, &y->storage->mem);
    return wf_launch(dev, &l, err);
}

static const struct wf_op op_one_hot = {.name = "one_hot", .run = one_hot_run, .flat = true};

weft_tensor *weft_one_hot(weft_scope *s, const weft_tensor *index, int64_t classes,
                          enum weft_dtype dtype)
{
    int64_t shape[WEFT_MAX_DIMS + 1];
    if (!wf_scope_takes(s, "one_hot", index) || !wf_want_index(s, "one_hot", index))
        return NULL;
    memcpy(shape, index->shape, sizeof index->shape);
    shape[index->ndim] = classes;
    dtype = dtype == WEFT_DTYPE_NONE ? WEFT_I64 : dtype;
    if (!wf_scope_shape(s, "one_hot", dtype, index->ndim + 1, shape))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = &op_one_hot,
                                          .nin = 1,
                                          .in = &index,
                                          .dtype = dtype,
                                          .ndim = index->ndim + 1,
                                          .shape = shape});
}

const struct wf_op *const wf_index_rows[] = {&wf_op_gather, &op_index_select, &op_embedding,
                                             &op_one_hot, NULL};
