// Elementwise kernels made from an expression: the text that loads the inputs, evaluates the
// expression and stores the result is written here, for one vector width and for single elements.
#include "op/expression.h"
#include "base/text.h"
#include "core/copy.h"
#include "core/view.h"
#include <stdio.h>

enum { CHUNK_CPU = 4096, CHUNK_GPU = 2048 };
enum inner_kind { REPEATED, DENSE, STRIDED };

static const struct type {
    const char *storage, *compute;
} types[] = {
    [WEFT_F32] = {"float", "float"},   [WEFT_F16] = {"half", "float"},
    [WEFT_BF16] = {"ushort", "float"}, [WEFT_F64] = {"double", "double"},
    [WEFT_I8] = {"char", "int"},       [WEFT_U8] = {"uchar", "int"},
    [WEFT_I32] = {"int", "int"},       [WEFT_I64] = {"long", "long"},
    [WEFT_BOOL] = {"uchar", "int"},
};

const char *wf_storage_type(enum weft_dtype d)
{
    return types[d].storage;
}

const char *wf_compute_type(enum weft_dtype d)
{
    return types[d].compute;
}

// "16", or "" for single elements.
static const char *width_text(int vec)
{
    return vec == 16 ? "16" : vec == 8 ? "8" : vec == 4 ? "4" : "";
}

// `const float16 x0 = ...;`
static void write_load(struct wf_text *t, int input, const struct wf_expression *e,
                       enum weft_dtype dtype, enum inner_kind kind, int vec)
{
    const char *w = kind == DENSE ? width_text(vec) : "", *full = width_text(vec);
    const char *compute = types[e->compute].compute, *name = e->arg[input];
    char at[96];
    snprintf(at, sizeof at,
             kind == DENSE      ? "p%d + b%d + (i)"
             : kind == REPEATED ? "p%d + b%d"
                                : "p%d + b%d + (i) * d.stride[%d][RANK - 1]",
             input, input, input);
    wf_text_add(t, "const %s%s %s = (%s%s)(", compute, full, name, compute, full);
    if (dtype == WEFT_F16)
        wf_text_add(t, "convert_%s%s(vload_half%s(0, %s))", compute, w, w, at);
    else if (dtype == WEFT_BF16 && *w)
        wf_text_add(t, "convert_%s%s(BF16_TO(float%s, uint%s, vload%s(0, %s)))", compute, w, w, w,
                    w, at);
    else if (dtype == WEFT_BF16)
        wf_text_add(t, "BF16_TO(float, uint, *(%s))", at);
    else if (*w)
        wf_text_add(t, "convert_%s%s(vload%s(0, %s))", compute, w, w, at);
    else
        wf_text_add(t, "(%s)*(%s)", compute, at);
    wf_text_add(t, "); ");
}

// Stores `v`, which is of the computing type of `from`.
static void write_store(struct wf_text *t, enum weft_dtype from, enum weft_dtype to, int vec)
{
    const char *w = width_text(vec);
    bool saturate = wf_dtype_is_float(from) && !wf_dtype_is_float(to);
    if (to == WEFT_F16) {
        wf_text_add(t, "vstore_half%s(convert_float%s(v), 0, yr + (i));", w, w);
        return;
    }
    if (to == WEFT_BF16)
        wf_text_add(t,
                    "const uint%s u = as_uint%s(convert_float%s(v)); const ushort%s r = "
                    "convert_ushort%s((u & 0x7fffffffu) > (uint%s)0x7f800000u ? BF16_NAN(u) : "
                    "BF16_ROUND(uint%s, u)); ",
                    w, w, w, w, w, w, w);
    else
        wf_text_add(t, "const %s%s r = convert_%s%s%s(v); ", types[to].storage, w,
                    types[to].storage, w, saturate ? "_sat" : "");
    if (*w)
        wf_text_add(t, "vstore%s(r, 0, yr + (i));", w);
    else
        wf_text_add(t, "yr[i] = r;");
}

static void write_body(struct wf_text *t, const char *macro, const struct wf_expression *e, int nin,
                       struct wf_tensor *const *in, const enum inner_kind *kind,
                       const struct wf_tensor *out, int vec)
{
    enum weft_dtype from = e->compute;
    wf_text_add(t, "#define %s(i) { ", macro);
    for (int i = 0; i < nin; i++)
        write_load(t, i, e, in[i]->pub.dtype, kind[i], vec);
    wf_text_add(t, "const %s%s v = EXPR(%s%s); ", types[from].compute, width_text(vec),
                types[from].compute, width_text(vec));
    write_store(t, from, out->pub.dtype, vec);
    wf_text_add(t, " }\n");
}

static bool uses_f64(int nin, struct wf_tensor *const *in, const struct wf_tensor *out)
{
    bool yes = out->pub.dtype == WEFT_F64;
    for (int i = 0; i < nin; i++)
        yes = yes || in[i]->pub.dtype == WEFT_F64;
    return yes;
}

static void write_defines(struct wf_text *t, const struct wf_expression *e, int nin,
                          struct wf_tensor *const *in, const struct wf_tensor *out,
                          const struct wf_dims *d, bool wide, int vec)
{
    enum weft_dtype from = e->compute;
    enum inner_kind kind[WF_EXPRESSION_ARGS];
    for (int i = 0; i < nin; i++) {
        int64_t stride = d->stride[i][d->rank - 1];
        kind[i] = stride == 1 ? DENSE : stride == 0 ? REPEATED : STRIDED;
    }
    wf_text_add(t, "%s%s%s", wide ? "#define INDEX long\n" : "",
                uses_f64(nin, in, out) ? "#define USE_F64\n" : "",
                wf_dtype_is_float(from) ? "" : "#define INTEGER\n");
    wf_text_add(t, "#define RANK %d\n#define VIEWS %d\n#define VEC %d\n#define Y %s\n", d->rank,
                d->views ? d->views : 1, vec, types[out->pub.dtype].storage);
    wf_text_add(t, "#define INPUTS");
    for (int i = 0; i < nin; i++)
        wf_text_add(t, " , global const %s *restrict p%d", types[in[i]->pub.dtype].storage, i);
    for (int i = 0; i < e->na; i++)
        wf_text_add(t, " , %s a%d", types[from].compute, i);
    wf_text_add(t, "\n#define BASES");
    for (int i = 0; i < nin; i++)
        wf_text_add(t, " const INDEX b%d = dims_at(&d, %d, row, RANK - 1);", i, i);
    wf_text_add(t, "\n#define EXPR(T) (%s)\n", e->text);
    write_body(t, "BODY_V", e, nin, in, kind, out, vec);
    write_body(t, "BODY_1", e, nin, in, kind, out, 1);
}

static int choose_width(const weft_device *dev, const struct wf_dims *d, bool f64)
{
    for (int i = 0; i < d->views; i++) {
        if (d->stride[i][d->rank - 1] > 1)
            return 1;
    }
    return dev->info.type == WEFT_DEVICE_CPU ? f64 ? 8 : 16 : 4;
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

bool wf_expression_run(weft_device *dev, const char *op, const struct wf_expression *expression,
                       int nin, struct wf_tensor *const *in, struct wf_tensor *out,
                       struct weft_error *err)
{
    struct wf_expression full = *expression, *e = &full;
    if (!e->compute)
        e->compute = nin ? in[0]->pub.dtype : out->pub.dtype;
    struct wf_dims d;
    wf_dims_init(&d, out->pub.ndim, out->pub.shape);
    for (int i = 0; i < nin; i++)
        wf_dims_add(&d, in[i]);
    wf_dims_collapse(&d);
    int64_t n = weft_count(&out->pub), inner = d.shape[d.rank - 1];
    if (!n)
        return true;
    bool wide = wf_dims_wide(&d);
    int vec = choose_width(dev, &d, uses_f64(nin, in, out));
    struct wf_text defines = {0};
    write_defines(&defines, e, nin, in, out, &d, wide, vec);
    struct wf_request r = {"elementwise", "elementwise", defines.data, op};
    struct wf_kernel *k = defines.failed ? NULL : wf_kernel_get(dev, &r, err);
    wf_text_finish(&defines);
    if (!k)
        return wf_fail_nomem(err, "kernel text");
    int64_t chunk = dev->info.type == WEFT_DEVICE_CPU ? CHUNK_CPU : CHUNK_GPU;
    int64_t chunks = (inner + chunk - 1) / chunk;
    struct wf_launch l = {.kernel = k,
                          .op = op,
                          .tasks = n / inner * chunks,
                          .local = wf_loop_local(dev, k),
                          .wide = wide};
    struct wf_index index[3];
    struct wf_dims_arg arg;
    struct option a[WF_EXPRESSION_OPTIONS];
    wf_dims_pack(&d, wide, &arg);
    wf_launch_index(&l, &index[0], inner);
    wf_launch_index(&l, &index[1], chunks);
    wf_launch_index(&l, &index[2], chunk);
    wf_launch_value(&l, arg.bytes, &arg.u);
    wf_launch_mem(&l, &out->storage->mem);
    for (int i = 0; i < nin; i++)
        wf_launch_mem(&l, &in[i]->storage->mem);
    for (int i = 0; i < e->na; i++) {
        a[i] = make_option(e->a[i], e->compute);
        wf_launch_value(&l, a[i].bytes, &a[i].u);
    }
    return wf_launch(dev, &l, err);
}
