// Copies elements between any strides.
//
// The dimensions are put in the order in which they are written. Where x then runs along another
// one than y, or the last is short, tiles of two dimensions are copied; else rows.
#include "core/copy.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    CHUNK = 1024,         // elements of a task of copy_each
    ROW = 1 << 14,        // of copy_rows
    SHORT = 16,           // a row that is too short for a loop of its own
    TILE = 16,            // the width of a tile, whose rows of x then are long
    TILE_COUNT = 1 << 14, // elements of a tile
    BLOCK_CPU = 16,       // the side of a square that is turned in registers
    BLOCK_GPU = 32,       // the side of a tile that a group turns in local memory
    LOCAL_GPU = 256       // its work-items
};

size_t wf_loop_local(const weft_device *dev, const struct wf_kernel *k)
{
    size_t local = dev->info.type == WEFT_DEVICE_CPU ? 1 : 128;
    return local < k->max_group ? local : k->max_group;
}

static int64_t steps(const struct wf_dims *d, int view, int dim)
{
    return llabs(d->stride[view][dim]);
}

static void swap_dims(struct wf_dims *d, int a, int b)
{
    int64_t t = d->shape[a];
    d->shape[a] = d->shape[b];
    d->shape[b] = t;
    for (int v = 0; v < d->views; v++) {
        t = d->stride[v][a];
        d->stride[v][a] = d->stride[v][b];
        d->stride[v][b] = t;
    }
}

// From the longest step of y to the shortest.
static void order_dims(struct wf_dims *d)
{
    for (int i = 1; i < d->rank; i++) {
        for (int j = i; j > 0 && steps(d, 1, j - 1) < steps(d, 1, j); j--)
            swap_dims(d, j - 1, j);
    }
}

// The dimension that x runs along, if it is worth tiles with the last one; else -1.
static int tile_dim(const struct wf_dims *d)
{
    int last = d->rank - 1, k = -1;
    for (int i = 0; i < last; i++) {
        if (k < 0 || steps(d, 0, i) < steps(d, 0, k))
            k = i;
    }
    if (k >= 0 && steps(d, 0, last) > 1 && steps(d, 0, k) < steps(d, 0, last) && d->shape[k] > 3)
        return k;
    if (d->shape[last] >= SHORT)
        return -1;
    for (int i = 0; i < last; i++)
        k = d->shape[i] > d->shape[k] ? i : k;
    return k >= 0 && d->shape[k] > d->shape[last] ? k : -1;
}

// How a copy is launched.
struct copy {
    struct wf_dims d;
    size_t bytes;
    const cl_mem *mem;
    bool wide, cpu;
};

const char *wf_bits_type(size_t bytes)
{
    return bytes == 1   ? "uchar"
           : bytes == 2 ? "ushort"
           : bytes == 4 ? "uint"
           : bytes == 8 ? "ulong"
                        : "uint4";
}

static struct wf_kernel *kernel_of(weft_device *dev, const struct copy *c, const char *name,
                                   bool square, struct weft_error *err)
{
    char defines[200];
    snprintf(
        defines, sizeof defines,
        "%s#define E %s\n#define RANK %d\n#define CHUNK %d\n#define LOCAL %d\n#define BLOCK %d\n",
        c->wide ? "#define INDEX long\n" : "", wf_bits_type(c->bytes), c->d.rank, CHUNK,
        square ? LOCAL_GPU : 1, square ? BLOCK_GPU : BLOCK_CPU);
    return wf_kernel_get(dev, &(struct wf_request){"copy", name, defines, "copy"}, err);
}

static bool launch(weft_device *dev, const struct copy *c, struct wf_launch *l, int nindex,
                   const int64_t *index, struct weft_error *err)
{
    struct wf_index room[4];
    struct wf_dims_arg arg;
    l->op = "copy";
    l->wide = c->wide;
    for (int i = 0; i < nindex; i++)
        wf_launch_index(l, &room[i], index[i]);
    wf_dims_pack(&c->d, c->wide, &arg);
    wf_launch_value(l, arg.bytes, &arg.u);
    wf_launch_mem(l, &c->mem[0]);
    wf_launch_mem(l, &c->mem[1]);
    return wf_launch(dev, l, err);
}

static bool copy_each(weft_device *dev, const struct copy *c, struct weft_error *err)
{
    int64_t n = wf_shape_count(c->d.rank, c->d.shape);
    struct wf_kernel *k = kernel_of(dev, c, "copy_each", false, err);
    struct wf_launch l = {.kernel = k, .tasks = (n + CHUNK - 1) / CHUNK};
    if (!k)
        return false;
    l.local = wf_loop_local(dev, k);
    return launch(dev, c, &l, 1, &n, err);
}

static bool copy_rows(weft_device *dev, const struct copy *c, struct weft_error *err)
{
    int64_t inner = c->d.shape[c->d.rank - 1], count = wf_shape_count(c->d.rank - 1, c->d.shape);
    int64_t chunk = inner < ROW ? inner : ROW, chunks = (inner + chunk - 1) / chunk;
    int64_t rows = chunks > 1 ? 1 : ROW / inner;
    struct wf_kernel *k = kernel_of(dev, c, "copy_rows", false, err);
    struct wf_launch l = {.kernel = k, .tasks = (count + rows - 1) / rows * chunks, .local = 1};
    return k && launch(dev, c, &l, 4, (int64_t[]){count, rows, chunks, chunk}, err);
}

static bool copy_tiles(weft_device *dev, const struct copy *c, struct weft_error *err)
{
    int64_t nk = c->d.shape[c->d.rank - 2], nl = c->d.shape[c->d.rank - 1];
    int64_t l = c->cpu ? TILE : BLOCK_GPU, k = l;
    if (c->cpu) {
        l = nk < TILE ? TILE_COUNT / nk : nl < l ? nl : l;
        k = TILE_COUNT / l;
    }
    struct wf_kernel *kernel = kernel_of(dev, c, "copy_tiles", !c->cpu, err);
    if (!kernel)
        return false;
    if (!c->cpu && kernel->max_group < LOCAL_GPU)
        return copy_each(dev, c, err);
    struct wf_launch launched = {.kernel = kernel, .local = c->cpu ? 1 : LOCAL_GPU};
    launched.tasks =
        wf_shape_count(c->d.rank - 2, c->d.shape) * ((nk + k - 1) / k) * ((nl + l - 1) / l);
    return launch(dev, c, &launched, 2, (int64_t[]){k, l}, err);
}

bool wf_copy_view(weft_device *dev, const struct wf_dims *dims, size_t bytes, const cl_mem mem[2],
                  struct weft_error *err)
{
    struct copy c = {.d = *dims, .bytes = bytes, .mem = mem};
    if (!wf_shape_count(dims->rank, dims->shape))
        return true;
    order_dims(&c.d);
    wf_dims_collapse(&c.d);
    c.wide = wf_dims_wide(dev, &c.d);
    c.cpu = dev->info.type == WEFT_DEVICE_CPU;
    int k = tile_dim(&c.d), last = c.d.rank - 1;
    // Groups make their way through short rows element by element.
    if (k >= 0 && (c.cpu || (c.d.shape[k] >= SHORT && c.d.shape[last] >= SHORT))) {
        for (int i = k; i < last - 1; i++)
            swap_dims(&c.d, i, i + 1);
        return copy_tiles(dev, &c, err);
    }
    return c.cpu ? copy_rows(dev, &c, err) : copy_each(dev, &c, err);
}

bool wf_copy_elements(weft_device *dev, const struct wf_tensor *from, struct wf_tensor *to,
                      struct weft_error *err)
{
    struct wf_dims d;
    struct wf_tensor dense = *from;
    wf_dense_strides(from->pub.ndim, from->pub.shape, dense.stride);
    dense.offset = to->offset;
    wf_dims_init(&d, from->pub.ndim, from->pub.shape);
    wf_dims_add(&d, from);
    wf_dims_add(&d, &dense);
    const cl_mem mem[] = {from->storage->mem, to->storage->mem};
    return wf_copy_view(dev, &d, weft_dtype_size(to->pub.dtype), mem, err);
}

bool wf_copy_into(weft_device *dev, const struct wf_tensor *from, struct wf_tensor *to,
                  const struct wf_slice *at, struct weft_error *err)
{
    struct wf_dims d;
    wf_dims_init(&d, from->pub.ndim, from->pub.shape);
    wf_dims_add(&d, from);
    wf_dims_add(&d, to);
    // Both have the slice's shape, but for dimensions of 1, whose strides do not count.
    memcpy(d.stride[1], to->stride, sizeof d.stride[1]);
    d.offset[1] += at->start * to->stride[at->axis];
    d.stride[1][at->axis] *= at->step;
    const cl_mem mem[] = {from->storage->mem, to->storage->mem};
    return wf_copy_view(dev, &d, weft_dtype_size(to->pub.dtype), mem, err);
}
