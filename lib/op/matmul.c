// The matrix product: shapes, gradient, and its variant rows. The kernels and their pictures are in
// cl/matmul.cl.
#include "op/matmul.h"
#include "op/op.h"
#include <stdio.h>

// A tile in registers: what AVX-512 and its 32 registers like; narrower devices take fewer lanes.
struct tile {
    int mr, nv, lanes, kc;
};

static struct tile choose_tile(const weft_device *dev, const struct wf_matmul *p)
{
    int lanes = p->dtype == WEFT_F64 ? 8 : 16;
    struct tile t = {.mr = 4, .nv = 4, .lanes = lanes, .kc = 256};
    if (p->n <= 2 * lanes) {
        t.nv = p->n <= lanes ? 1 : 2;
        t.mr = p->m <= 4 ? 4 : 8;
    }
    size_t row = (size_t)(t.nv * t.lanes) * weft_dtype_size(p->dtype);
    while (t.kc > 16 && (uint64_t)(t.kc * (int64_t)row) > dev->info.local_memory / 2)
        t.kc /= 2;
    return t;
}

static bool cpu_tile_applies(const weft_device *dev, const struct wf_matmul *p)
{
    struct tile t = choose_tile(dev, p);
    size_t panel = (size_t)(t.kc * t.nv * t.lanes) * weft_dtype_size(p->dtype);
    return dev->info.type == WEFT_DEVICE_CPU && panel <= dev->info.local_memory;
}

// Rows of a task: all of them, so that a panel is packed once, unless that leaves cores idle.
static int64_t rows_of_task(const weft_device *dev, const struct wf_matmul *p, const struct tile *t)
{
    int64_t panels = p->count * ((p->n + t->nv * t->lanes - 1) / (t->nv * t->lanes));
    int64_t blocks = (p->m + t->mr - 1) / t->mr, parts = 1;
    while (parts * 2 <= blocks && panels * parts < 4 * (int64_t)dev->info.compute_units)
        parts *= 2;
    // Large products keep their rows of a in the second-level cache.
    while (parts < blocks && (blocks + parts - 1) / parts * t->mr * p->k > 256 << 10)
        parts *= 2;
    int64_t rows = (blocks + parts - 1) / parts * t->mr;
    return rows > 0 ? rows : t->mr;
}

static const char *type_defines(const struct wf_matmul *p, char *buffer, size_t room)
{
    snprintf(buffer, room, "%s%s#define RANK %d\n#define VIEWS 2\n",
             p->wide ? "#define INDEX long\n" : "",
             p->dtype == WEFT_F64 ? "#define USE_F64\n#define T double\n" : "", p->batch.rank);
    return buffer;
}

// The arguments that all kernels have: `struct product`, [rows], `struct dims`, the buffers.
struct args {
    struct wf_index rows;
    struct wf_dims_arg batch;
    char packed[7 * 8];
};

static void add_args(struct wf_launch *l, struct args *room, const struct wf_matmul *p,
                     int64_t rows, const cl_mem *abc)
{
    const int64_t v[] = {p->m, p->n, p->k, p->a_m, p->a_k, p->b_k, p->b_n};
    size_t index = p->wide ? 8 : 4;
    for (size_t i = 0; i < 7; i++) {
        int32_t narrow = (int32_t)v[i];
        memcpy(room->packed + i * index, p->wide ? (const void *)&v[i] : (const void *)&narrow,
               index);
    }
    wf_launch_value(l, 7 * index, room->packed);
    if (rows)
        wf_launch_index(l, &room->rows, rows);
    wf_dims_pack(&p->batch, p->wide, &room->batch);
    wf_launch_value(l, room->batch.bytes, &room->batch.u);
    for (int i = 0; i < 3; i++)
        wf_launch_mem(l, &abc[i]);
}

static bool cpu_tile_run(weft_device *dev, const struct wf_matmul *p, const cl_mem *abc,
                         struct weft_error *err)
{
    struct tile t = choose_tile(dev, p);
    char types[96], defines[320];
    snprintf(defines, sizeof defines,
             "%s#define CPU_TILE\n#define MR %d\n#define NV %d\n#define LANES %d\n#define KC %d\n"
             "#define B_ROWS %d\n#define B_COLUMNS %d\n",
             type_defines(p, types, sizeof types), t.mr, t.nv, t.lanes, t.kc, p->b_n == 1,
             p->b_n != 1 && p->b_k == 1);
    struct wf_request r = {"matmul", "matmul_cpu_tile", defines, "matmul"};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    int64_t nr = t.nv * t.lanes, rows = rows_of_task(dev, p, &t);
    struct wf_launch l = {.kernel = k, .op = "matmul", .local = 1, .wide = p->wide};
    l.tasks = p->count * ((p->n + nr - 1) / nr) * ((p->m + rows - 1) / rows);
    struct args room;
    add_args(&l, &room, p, rows, abc);
    return wf_launch(dev, &l, err);
}

enum { TILE = 64, KT = 16, TILE_ITEMS = TILE / 4 * (TILE / 4) };

static bool gpu_tile_applies(const weft_device *dev, const struct wf_matmul *p)
{
    size_t local = 2 * KT * (TILE + 1) * weft_dtype_size(p->dtype);
    return dev->info.max_group >= TILE_ITEMS && dev->info.local_memory >= local;
}

static bool gpu_tile_run(weft_device *dev, const struct wf_matmul *p, const cl_mem *abc,
                         struct weft_error *err)
{
    char types[96], defines[200];
    snprintf(defines, sizeof defines, "%s#define GPU_TILE\n#define TILE %d\n#define KT %d\n",
             type_defines(p, types, sizeof types), TILE, KT);
    struct wf_request r = {"matmul", "matmul_gpu_tile", defines, "matmul"};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    // At 10 flops a nanosecond for each compute unit.
    struct wf_launch l = {.kernel = k,
                          .op = "matmul",
                          .local = TILE_ITEMS,
                          .wide = p->wide,
                          .task_ns = 2.0 * TILE * TILE * (double)p->k / 10};
    l.tasks = p->count * ((p->m + TILE - 1) / TILE) * ((p->n + TILE - 1) / TILE);
    struct args room;
    add_args(&l, &room, p, 0, abc);
    return wf_launch(dev, &l, err);
}

static bool always(const weft_device *dev, const struct wf_matmul *p)
{
    (void)dev, (void)p;
    return true;
}

static bool plain_run(weft_device *dev, const struct wf_matmul *p, const cl_mem *abc,
                      struct weft_error *err)
{
    char types[96], defines[160];
    snprintf(defines, sizeof defines, "%s#define PLAIN\n", type_defines(p, types, sizeof types));
    struct wf_request r = {"matmul", "matmul_plain", defines, "matmul"};
    struct wf_kernel *k = wf_kernel_get(dev, &r, err);
    if (!k)
        return false;
    struct wf_launch l = {.kernel = k,
                          .op = "matmul",
                          .tasks = p->count * p->m,
                          .wide = p->wide,
                          .task_ns = (double)p->n * (double)p->k};
    l.local = k->max_group < 64 ? k->max_group : 64;
    struct args room;
    add_args(&l, &room, p, 0, abc);
    return wf_launch(dev, &l, err);
}

const struct wf_matmul_variant wf_matmul_variants[] = {
    {"cpu_tile", cpu_tile_applies, cpu_tile_run},
    {"gpu_tile", gpu_tile_applies, gpu_tile_run},
    {"plain", always, plain_run},
    {0},
};

static struct wf_matmul make_problem(const struct wf_tensor *a, const struct wf_tensor *b,
                                     const struct wf_tensor *c)
{
    int da = a->pub.ndim, db = b->pub.ndim, dc = c->pub.ndim;
    struct wf_matmul p = {.dtype = c->pub.dtype,
                          .m = a->pub.shape[da - 2],
                          .n = b->pub.shape[db - 1],
                          .k = a->pub.shape[da - 1],
                          .a_m = a->stride[da - 2],
                          .a_k = a->stride[da - 1],
                          .b_k = b->stride[db - 2],
                          .b_n = b->stride[db - 1]};
    struct wf_tensor a_batch = *a, b_batch = *b;
    a_batch.pub.ndim -= 2;
    b_batch.pub.ndim -= 2;
    wf_dims_init(&p.batch, dc - 2, c->pub.shape);
    wf_dims_add(&p.batch, &a_batch);
    wf_dims_add(&p.batch, &b_batch);
    wf_dims_collapse(&p.batch);
    p.count = wf_shape_count(dc - 2, c->pub.shape);
    int64_t spans[] = {a->offset + weft_count(&a->pub), b->offset + weft_count(&b->pub),
                       weft_count(&c->pub), a->offset + p.m * p.a_m + p.k * p.a_k,
                       b->offset + p.k * p.b_k + p.n * p.b_n};
    p.wide = wf_dims_wide(&p.batch);
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        p.wide = p.wide || spans[i] > INT32_MAX / 2;
    return p;
}

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const struct wf_tensor *a = r->in[0], *b = r->in[1];
    struct wf_matmul p = make_problem(a, b, r->out[0]);
    const cl_mem abc[] = {a->storage->mem, b->storage->mem, r->out[0]->storage->mem};
    const struct wf_matmul_variant *v = wf_matmul_variants;
    if (!weft_count(&r->out[0]->pub))
        return true;
    while (!v->applies(dev, &p))
        v++;
    return v->run(dev, &p, abc, err);
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

static bool grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy, weft_tensor **gx)
{
    const weft_tensor *a = &r->in[0]->pub, *b = &r->in[1]->pub;
    if (wf_wants(r, 0) && !(gx[0] = product_like(s, a, gy[0], weft_transpose(s, b, -1, -2))))
        return false;
    return !wf_wants(r, 1) || (gx[1] = product_like(s, b, weft_transpose(s, a, -1, -2), gy[0]));
}

static const struct wf_op op_matmul = {
    .name = "matmul", .run = run, .grad = grad, .saves = WF_SAVES_INPUTS};

static bool check(weft_scope *s, const weft_tensor *a, const weft_tensor *b)
{
    if (a->dtype != b->dtype || (a->dtype != WEFT_F32 && a->dtype != WEFT_F64))
        return wf_scope_fail(s, WEFT_DTYPE,
                             "matmul: the operands are %s and %s; both F32 or both F64 were wanted",
                             weft_dtype_name(a->dtype), weft_dtype_name(b->dtype));
    if (!a->ndim || !b->ndim)
        return wf_scope_fail(s, WEFT_SHAPE, "matmul: an operand is a scalar; a is %s, b is %s",
                             WF_SHAPE(a->ndim, a->shape), WF_SHAPE(b->ndim, b->shape));
    int64_t ak = a->shape[a->ndim - 1], bk = b->shape[b->ndim > 1 ? b->ndim - 2 : 0];
    return ak == bk || wf_scope_fail(s, WEFT_SHAPE,
                                     "matmul: a is %s, b is %s: %lld columns of a meet %lld rows "
                                     "of b",
                                     WF_SHAPE(a->ndim, a->shape), WF_SHAPE(b->ndim, b->shape),
                                     (long long)ak, (long long)bk);
}

// Both operands have two dimensions or more.
static weft_tensor *record(weft_scope *s, const weft_tensor *a, const weft_tensor *b)
{
    weft_tensor a_batch = *a, b_batch = *b;
    const weft_tensor *in[] = {a, b};
    int ndim;
    int64_t shape[WEFT_MAX_DIMS];
    a_batch.ndim -= 2;
    b_batch.ndim -= 2;
    if (!wf_broadcast(s, "matmul", &a_batch, &b_batch, &ndim, shape))
        return NULL;
    shape[ndim] = a->shape[a->ndim - 2];
    shape[ndim + 1] = b->shape[b->ndim - 1];
    if (!wf_scope_shape(s, "matmul", a->dtype, ndim + 2, shape))
        return NULL;
    return wf_record(s, &(struct wf_call){.op = &op_matmul,
                                          .nin = 2,
                                          .in = in,
                                          .dtype = a->dtype,
                                          .ndim = ndim + 2,
                                          .shape = shape});
}

weft_tensor *weft_matmul(weft_scope *s, const weft_tensor *a, const weft_tensor *b)
{
    if (!wf_scope_takes(s, "matmul", a) || !wf_scope_takes(s, "matmul", b) || !check(s, a, b))
        return NULL;
    bool row = a->ndim == 1, column = b->ndim == 1;
    if (!row && !column)
        return record(s, a, b);
    if (row)
        a = weft_reshape(s, a, 2, (int64_t[]){1, a->shape[0]});
    if (column)
        b = weft_reshape(s, b, 2, (int64_t[]){b->shape[0], 1});
    weft_tensor *c = a && b ? record(s, a, b) : NULL;
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

const struct wf_op *const wf_matmul_rows[] = {&op_matmul, NULL};
