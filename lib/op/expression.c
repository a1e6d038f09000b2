// Elementwise records as one kernel: alone or as a group.
#include "op/expression.h"
#include "base/hash.h"
#include "core/copy.h"
#include <math.h>

enum { CHUNK_CPU = 4096, CHUNK_GPU = 2048, MAX_OPTIONS = 16, MAX_STORED = 8, SCATTERED = 1 << 14 };

static int options_of(const struct wf_record *r)
{
    return ((const struct wf_expression *)r->attr)->na;
}

// A constant fits everywhere, if nothing else reads it: it is not stored.
static bool joins(const struct wf_group *g, const struct wf_record *r)
{
    if (r->op->fuser != &wf_expression_fuser || g->options + options_of(r) > MAX_OPTIONS)
        return false;
    return g->shape ? wf_same_shape(g->shape, &r->out[0]->pub) : wf_is_passed_on(g->last->out[0]);
}

// The tensors of a program and the walk over them.
struct program {
    struct wf_program_text text;
    struct wf_dims dims;
    const struct wf_tensor *in[WF_GROUP_INPUTS];
    // Inputs that are read from a dense copy.
    struct {
        const struct wf_tensor *of;
        struct wf_tensor dense;
        struct wf_storage storage;
        struct wf_block *block;
    } copy[WF_GROUP_INPUTS];
    int copies;
};

// Is input j of record i made by one of the n records?
static bool is_inside(struct wf_record *const *r, int n, int i, int j)
{
    const struct wf_record *from = r[i]->in[j]->record;
    return n > 1 && from && from->slot < i && r[from->slot] == from;
}

static bool is_f64(enum weft_dtype d)
{
    return d == WEFT_F64;
}

static int input_number(struct program *p, const struct wf_tensor *t)
{
    struct wf_program_text *x = &p->text;
    for (int i = 0; i < p->copies; i++)
        t = p->copy[i].of == t ? &p->copy[i].dense : t;
    for (int i = 0; i < x->inputs; i++) {
        if (p->in[i] == t)
            return i;
    }
    p->in[x->inputs] = t;
    x->in[x->inputs].dtype = t->pub.dtype;
    x->f64 = x->f64 || is_f64(t->pub.dtype);
    wf_dims_add(&p->dims, t);
    return x->inputs++;
}

static void add_node(struct program *p, struct wf_record *const *r, int i, int n)
{
    struct wf_node *node = &p->text.node[i];
    const weft_tensor *y = &r[i]->out[0]->pub;
    *node = (struct wf_node){.e = r[i]->attr, .dtype = y->dtype, .nin = r[i]->nin};
    node->compute = node->e->compute ? node->e->compute
                    : r[i]->nin      ? r[i]->in[0]->pub.dtype
                                     : y->dtype;
    node->stored = r[i]->out[0]->storage;
    p->text.f64 = p->text.f64 || is_f64(y->dtype) || is_f64(node->compute);
    for (int j = 0; j < r[i]->nin; j++) {
        const struct wf_tensor *t = r[i]->in[j];
        node->from[j] = is_inside(r, n, i, j) ? t->record->slot : -1 - input_number(p, t);
    }
}

static void make_program(const weft_device *dev, struct program *p, int n,
                         struct wf_record *const *r)
{
    const weft_tensor *y = &r[n - 1]->out[0]->pub;
    struct wf_program_text *x = &p->text;
    wf_dims_init(&p->dims, y->ndim, y->shape);
    for (int i = 0; i < n; i++)
        add_node(p, r, i, n);
    x->nodes = n;
    wf_dims_collapse(&p->dims);
    // A struct has no member of length 0: without inputs there is a view that nothing reads.
    if (!p->dims.views)
        p->dims.views = 1;
    x->views = p->dims.views;
    for (int i = 0; i < x->inputs; i++) {
        int64_t stride = p->dims.stride[i][p->dims.rank - 1];
        x->in[i].inner = stride == 1 ? WF_DENSE : stride == 0 ? WF_REPEATED : WF_STRIDED;
    }
    x->rank = p->dims.rank;
    x->wide = wf_dims_wide(dev, &p->dims);
    x->cpu = dev->info.type == WEFT_DEVICE_CPU;
    // PoCL 3.1's fmod and pow of eight doubles are wrong where one of them is 0; those of four are
    // right.
    x->vec = x->cpu && !x->f64 ? 16 : 4;
}

// What the text depends on, short: the text itself is only written for a kernel that is new.
static struct wf_hash key_of(const struct wf_program_text *x)
{
    unsigned char key[16 + 2 * WF_GROUP_INPUTS + WF_GROUP_RECORDS * (12 + WF_EXPRESSION_ARGS)];
    size_t n = 0;
    key[n++] = (unsigned char)x->nodes;
    key[n++] = (unsigned char)x->inputs;
    key[n++] = (unsigned char)x->rank;
    key[n++] = (unsigned char)x->vec;
    key[n++] = (unsigned char)(x->wide | x->cpu << 1);
    for (int i = 0; i < x->inputs; i++) {
        key[n++] = (unsigned char)x->in[i].dtype;
        key[n++] = (unsigned char)x->in[i].inner;
    }
    for (int i = 0; i < x->nodes; i++) {
        const struct wf_node *node = &x->node[i];
        uint64_t text = wf_hash64(node->e->text, strlen(node->e->text));
        memcpy(key + n, &text, sizeof text);
        n += sizeof text;
        key[n++] = (unsigned char)(node->compute << 4 | (int)node->dtype);
        key[n++] = (unsigned char)(node->nin << 4 | node->e->na << 1 | node->stored);
        for (int j = 0; j < node->nin; j++)
            key[n++] = (unsigned char)node->from[j];
    }
    return wf_hash(key, n);
}

// The option in the computing type.
struct option {
    union {
        float f32;
        double f64;
        int32_t i32;
        int64_t i64;
    } u;
    size_t bytes;
};

static struct option make_option(double a, enum weft_dtype d)
{
    struct option o;
    // What is no number is 0 in integers, as in a cast.
    if (isnan(a) && !wf_dtype_is_float(d))
        a = 0;
    if (d == WEFT_F64) {
        o.u.f64 = a;
        o.bytes = 8;
    } else if (wf_dtype_is_float(d)) {
        o.u.f32 = (float)a;
        o.bytes = 4;
    } else if (d == WEFT_I64) {
        o.u.i64 = a >= 9.2233720368547758e18 ? INT64_MAX : a > -9.2e18 ? (int64_t)a : INT64_MIN;
        o.bytes = 8;
    } else {
        o.u.i32 = a >= 2147483647.0 ? INT32_MAX : a > -2147483648.0 ? (int32_t)a : INT32_MIN;
        o.bytes = 4;
    }
    return o;
}

// Bytes of all arguments.
static size_t argument_bytes(const struct program *p)
{
    const struct wf_program_text *x = &p->text;
    size_t index = x->wide ? 8 : 4, rank = (size_t)x->rank, views = (size_t)x->views;
    size_t bytes = 5 * index + index * (rank + views * rank + views);
    for (int i = 0; i < x->nodes; i++)
        bytes += sizeof(cl_mem) * x->node[i].stored + 8 * (size_t)x->node[i].e->na;
    return bytes + sizeof(cl_mem) * (size_t)x->inputs;
}

static bool fits(weft_device *dev, int n, struct wf_record *const *r)
{
    struct program p = {.copies = 0};
    int stored = 0;
    for (int i = 0; i < n; i++)
        stored += r[i]->out[0]->storage != NULL;
    // The most that a group can have is below 1024 bytes.
    if (stored > MAX_STORED || dev->argument_bytes >= 1024)
        return stored <= MAX_STORED;
    make_program(dev, &p, n, r);
    return argument_bytes(&p) <= dev->argument_bytes;
}

static bool launch(weft_device *dev, struct program *p, struct wf_record *const *r,
                   struct wf_kernel *k, const char *op, struct weft_error *err)
{
    const struct wf_program_text *x = &p->text;
    int64_t inner = p->dims.shape[p->dims.rank - 1];
    int64_t chunk = dev->info.type == WEFT_DEVICE_CPU ? CHUNK_CPU : CHUNK_GPU;
    int64_t chunks = (inner + chunk - 1) / chunk;
    struct wf_launch l = {.kernel = k,
                          .op = op,
                          .tasks = wf_shape_count(p->dims.rank, p->dims.shape) / inner * chunks,
                          .local = wf_loop_local(dev, k),
                          .wide = x->wide};
    struct wf_index index[3];
    struct wf_dims_arg arg;
    struct option a[MAX_OPTIONS + WF_EXPRESSION_OPTIONS], *next = a;
    wf_dims_pack(&p->dims, x->wide, &arg);
    wf_launch_index(&l, &index[0], inner);
    wf_launch_index(&l, &index[1], chunks);
    wf_launch_index(&l, &index[2], chunk);
    wf_launch_value(&l, arg.bytes, &arg.u);
    for (int i = 0; i < x->nodes; i++) {
        if (x->node[i].stored)
            wf_launch_mem(&l, &r[i]->out[0]->storage->mem);
    }
    for (int i = 0; i < x->inputs; i++)
        wf_launch_mem(&l, &p->in[i]->storage->mem);
    for (int i = 0; i < x->nodes; i++) {
        for (int j = 0; j < x->node[i].e->na; j++, next++) {
            *next = make_option(x->node[i].e->a[j], x->node[i].compute);
            wf_launch_value(&l, next->bytes, &next->u);
        }
    }
    return wf_launch(dev, &l, err);
}

// "mul+add+relu", as much of it as there is room for.
static const char *name_of(int n, struct wf_record *const *r, char *buffer, size_t room)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        size_t length = strlen(r[i]->op->name);
        if (at + length + 5 > room) {
            memcpy(buffer + at, "...", 4);
            break;
        }
        if (i)
            buffer[at++] = '+';
        memcpy(buffer + at, r[i]->op->name, length + 1);
        at += length;
    }
    return buffer;
}

// Are elements that follow each other far apart in memory, one for each of the shape?
static bool is_scattered(const struct wf_tensor *t)
{
    int last = t->pub.ndim - 1;
    while (last > 0 && t->pub.shape[last] == 1)
        last--;
    bool repeated = false;
    for (int i = 0; i <= last; i++)
        repeated = repeated || (!t->stride[i] && t->pub.shape[i] > 1);
    return last >= 0 && t->stride[last] != 1 && !repeated && weft_count(&t->pub) >= SCATTERED;
}

static bool copy_input(weft_device *dev, struct program *p, const struct wf_tensor *t,
                       struct weft_error *err)
{
    for (int i = 0; i < p->copies; i++) {
        if (p->copy[i].of == t)
            return true;
    }
    struct wf_block *b = wf_pool_take(dev, wf_tensor_bytes(t), err);
    if (!b)
        return false;
    int c = p->copies++;
    p->copy[c].of = t;
    p->copy[c].block = b;
    p->copy[c].storage.mem = b->mem;
    p->copy[c].dense = (struct wf_tensor){.pub = t->pub, .storage = &p->copy[c].storage};
    wf_dense_strides(t->pub.ndim, t->pub.shape, p->copy[c].dense.stride);
    return wf_copy_elements(dev, t, &p->copy[c].dense, err);
}

// A copy goes by tiles, which is many times as fast as gathering the elements one by one.
static bool copy_scattered(weft_device *dev, struct program *p, int n, struct wf_record *const *r,
                           struct weft_error *err)
{
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < r[i]->nin; j++) {
            if (!is_inside(r, n, i, j) && is_scattered(r[i]->in[j]) &&
                !copy_input(dev, p, r[i]->in[j], err))
                return false;
        }
    }
    return true;
}

static bool build_and_launch(weft_device *dev, struct program *p, int n, struct wf_record *const *r,
                             struct weft_error *err)
{
    char name[64];
    make_program(dev, p, n, r);
    struct wf_hash key = key_of(&p->text);
    struct wf_request q = {.file = "elementwise",
                           .kernel = "elementwise",
                           .op = name_of(n, r, name, sizeof name),
                           .id = &key,
                           .write = wf_expression_write,
                           .priv = &p->text};
    struct wf_kernel *k = wf_kernel_get(dev, &q, err);
    return k && launch(dev, p, r, k, q.op, err);
}

static bool run(weft_device *dev, int n, struct wf_record *const *r, struct weft_error *err)
{
    struct program p = {.copies = 0};
    if (!weft_count(&r[n - 1]->out[0]->pub))
        return true;
    bool ok = copy_scattered(dev, &p, n, r, err) && build_and_launch(dev, &p, n, r, err);
    for (int i = 0; i < p.copies; i++)
        wf_pool_give(dev, p.copy[i].block);
    return ok;
}

bool wf_expression_run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    return run(dev, 1, &r, err);
}

const struct wf_fuser wf_expression_fuser = {
    .joins = joins, .fits = fits, .run = run, .options = options_of, .merges = true};
