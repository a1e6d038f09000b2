// What a kernel of the matrix product is built with and given: cl/matmul.h says what it expects.
#include "op/expression.h"
#include "op/matmul.h"
#include <stdio.h>

// The type that is computed in: integers without a sign, for what exceeds them is cut off.
static const char *product_type(enum weft_dtype d)
{
    const char *type = wf_compute_type(d);
    return wf_dtype_is_float(d) ? type : !strcmp(type, "long") ? "ulong" : "uint";
}

static bool uses_f64(const struct wf_matmul *p)
{
    bool yes = p->dtype == WEFT_F64 || p->out == WEFT_F64;
    for (int i = 0; p->epilogue && i < p->epilogue->nin; i++)
        yes = yes || p->epilogue->in[i]->pub.dtype == WEFT_F64;
    return yes;
}

// How the kernel is to get input i for LANES columns, the first `count` of which are there.
static void write_input(struct wf_text *t, const struct wf_matmul *p, int i, const char *count)
{
    const char *type = wf_storage_type(p->epilogue->in[i]->pub.dtype);
    if (p->e_n[i] == 0)
        wf_text_add(t, " E_REPEAT(b%d, %s, q%d + (m) * es->m[%d])", i, type, i, i);
    else if (p->e_n[i] == 1 && !count)
        wf_text_add(t, " E_VECTOR(b%d, %s, q%d + (m) * es->m[%d] + (n))", i, type, i, i);
    else
        wf_text_add(t, " E_GATHER(b%d, %s, q%d + (m) * es->m[%d] + (n) * es->n[%d], es->n[%d], %s)",
                    i, type, i, i, i, i, count ? count : "LANES");
}

static void write_parameters(struct wf_text *t, const struct wf_matmul *p)
{
    const struct wf_epilogue *e = p->epilogue;
    static const char *const form[] = {"#define E_PARAMS , const struct steps steps",
                                       "#define E_TAKES , const struct steps *es",
                                       "#define E_ARGS , &steps", "#define E_PASS , es"};
    for (int f = 0; f < 4; f++) {
        wf_text_add(t, "%s", form[f]);
        for (int i = 0; i < e->nin; i++) {
            if (f < 2)
                wf_text_add(t, ", global const %s *%s%d", wf_storage_type(e->in[i]->pub.dtype),
                            f ? "q" : "restrict p", i);
            else
                wf_text_add(t, ", q%d", i);
        }
        for (int i = 0; i < e->na; i++)
            wf_text_add(t, f < 2 ? ", const T a%d" : ", a%d", i);
        wf_text_add(t, "\n");
    }
}

static void write_epilogue(struct wf_text *t, const struct wf_matmul *p)
{
    const struct wf_epilogue *e = p->epilogue;
    wf_text_add(t, "#define INPUTS %d\n#define EPILOGUE(T) (%s)\n#define EPILOGUE_STEPS(T) %s\n",
                e->nin, e->text, e->steps ? e->steps : "");
    write_parameters(t, p);
    wf_text_add(t, "#define E_AT(matrix)");
    for (int i = 0; i < e->nin; i++)
        wf_text_add(t, " global const %s *q%d = p%d + dims_at(&batch, %d, matrix, RANK);",
                    wf_storage_type(e->in[i]->pub.dtype), i, i, i + 2);
    static const char *const form[] = {"E_WHOLE(m, n)", "E_EDGE(m, n, count)"};
    for (int f = 0; f < 2; f++) {
        wf_text_add(t, "\n#define %s", form[f]);
        for (int i = 0; i < e->nin; i++)
            write_input(t, p, i, f ? "count" : NULL);
    }
    wf_text_add(t, "\n#define E_ONE(m, n)");
    for (int i = 0; i < e->nin; i++)
        wf_text_add(t, " E_SINGLE(b%d, %s, q%d + (m) * es->m[%d] + (n) * es->n[%d])", i,
                    wf_storage_type(e->in[i]->pub.dtype), i, i, i);
    wf_text_add(t, "\n");
}

void wf_matmul_defines(struct wf_text *t, const struct wf_matmul *p)
{
    const char *type = product_type(p->dtype), *storage = wf_storage_type(p->dtype);
    bool is_float = wf_dtype_is_float(p->dtype);
    wf_text_add(t, "%s%s%s%s", p->wide ? "#define INDEX long\n" : "",
                uses_f64(p) ? "#define USE_F64\n" : "", is_float ? "" : "#define WHOLE\n",
                is_float && strcmp(type, storage) != 0 ? "#define NARROW\n" : "");
    wf_text_add(t, "#define X %s\n#define T %s\n#define Y %s\n#define RANK %d\n#define VIEWS %d\n",
                storage, type, wf_storage_type(p->out), p->batch.rank, p->batch.views);
    if (wf_matmul_b_dtype(p) != p->dtype)
        wf_text_add(t, "#define XA %s\n#define XB %s\n", storage,
                    wf_storage_type(wf_matmul_b_dtype(p)));
    if (p->epilogue)
        write_epilogue(t, p);
}

// Writes n numbers as INDEX; returns their bytes.
static size_t pack(char *to, bool wide, int n, const int64_t *v)
{
    size_t index = wide ? 8 : 4;
    for (int i = 0; i < n; i++) {
        int32_t narrow = (int32_t)v[i];
        memcpy(to + (size_t)i * index, wide ? (const void *)&v[i] : (const void *)&narrow, index);
    }
    return (size_t)n * index;
}

static void add_epilogue(struct wf_launch *l, struct wf_matmul_args *room,
                         const struct wf_matmul *p)
{
    const struct wf_epilogue *e = p->epilogue;
    int64_t v[2 * (WF_EPILOGUE_INPUTS + 1)] = {0};
    for (int i = 0; i < e->nin; i++) {
        v[i] = p->e_m[i];
        v[e->nin + 1 + i] = p->e_n[i];
    }
    wf_launch_value(l, pack(room->steps, p->wide, 2 * (e->nin + 1), v), room->steps);
    for (int i = 0; i < e->nin; i++)
        wf_launch_mem(l, &e->in[i]->storage->mem);
    for (int i = 0; i < e->na; i++) {
        float narrow = (float)e->a[i];
        bool f64 = p->dtype == WEFT_F64;
        room->option[i] = e->a[i];
        if (!f64)
            memcpy(&room->option[i], &narrow, sizeof narrow);
        wf_launch_value(l, f64 ? sizeof e->a[i] : sizeof narrow, &room->option[i]);
    }
}

void wf_matmul_add_args(struct wf_launch *l, struct wf_matmul_args *room, const struct wf_matmul *p,
                        int64_t rows)
{
    const int64_t v[] = {p->m, p->n, p->k, p->a_m, p->a_k, p->b_k, p->b_n};
    wf_launch_value(l, pack(room->product, p->wide, 7, v), room->product);
    if (rows)
        wf_launch_index(l, &room->rows, rows);
    wf_dims_pack(&p->batch, p->wide, &room->batch);
    wf_launch_value(l, room->batch.bytes, &room->batch.u);
    wf_launch_mem(l, &p->a);
    wf_launch_mem(l, &p->b);
    wf_launch_mem(l, &p->c);
    if (p->epilogue)
        add_epilogue(l, room, p);
}

size_t wf_matmul_computed_size(const struct wf_matmul *p)
{
    return p->dtype == WEFT_F64 || p->dtype == WEFT_I64 ? 8 : 4;
}

struct wf_kernel *wf_matmul_kernel(weft_device *dev, const struct wf_matmul *p, const char *text,
                                   const struct wf_matmul_variant *v, const int *knob,
                                   struct weft_error *err)
{
    char name[64];
    struct wf_text all = {0};
    snprintf(name, sizeof name, "matmul_%s", v->name);
    wf_matmul_defines(&all, p);
    for (int i = 0; v->knobs && v->knobs[i].name; i++) {
        if (!v->knobs[i].launch)
            wf_text_add(&all, "#define %s %d\n", v->knobs[i].name, knob[i]);
    }
    wf_text_add(&all, "%s", text);
    struct wf_request r = {v->file, name, all.data, "matmul"};
    struct wf_kernel *k = all.failed ? NULL : wf_kernel_get(dev, &r, err);
    if (all.failed)
        wf_fail_nomem(err, "kernel");
    wf_text_finish(&all);
    return k;
}
