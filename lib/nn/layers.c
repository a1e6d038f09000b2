// Layers: functions that find or make their parameters by name and call operations.
#include "nn/params.h"
#include "op/op.h"
#include <math.h>
#include <stdio.h>

enum { NAME = 256 };

static const char *join(weft_scope *s, char *to, const char *name, const char *part)
{
    if (name && snprintf(to, NAME, "%s.%s", name, part) < NAME)
        return to;
    wf_scope_fail(s, WEFT_PARAM, "%s: the layer's name is %s", part, name ? "too long" : "NULL");
    return NULL;
}

// [..., in] -> [rows, in].
static const weft_tensor *as_rows(weft_scope *s, const weft_tensor *x, int64_t in)
{
    return x->ndim == 2 ? x : weft_reshape(s, x, 2, (int64_t[]){-1, in});
}

weft_tensor *weft_linear(weft_scope *s, weft_params *p, const char *name, const weft_tensor *x,
                         const struct weft_linear_params *params)
{
    struct weft_linear_params o;
    char weight[NAME], bias[NAME];
    WF_PARAMS(o, params);
    if (!wf_scope_takes(s, "linear", x) || !join(s, weight, name, "weight") ||
        !join(s, bias, name, "bias"))
        return NULL;
    if (o.out < 1 || !x->ndim || x->dtype != WEFT_F32 || x->shape[x->ndim - 1] < 1) {
        wf_scope_fail(s,
                      o.out < 1              ? WEFT_PARAM
                      : x->dtype != WEFT_F32 ? WEFT_DTYPE
                                             : WEFT_SHAPE,
                      "linear: x is %s %s and .out %d; [..., in] F32 and 1 or more were wanted",
                      WF_SHAPE(x->ndim, x->shape), weft_dtype_name(x->dtype), o.out);
        return NULL;
    }
    int64_t in = x->shape[x->ndim - 1], shape[WEFT_MAX_DIMS];
    double bound = 1 / sqrt((double)in);
    const struct weft_init usual = {WEFT_INIT_UNIFORM, -bound, bound};
    weft_tensor *w =
        weft_param(s, p, weight, o.weight.kind ? o.weight : usual, 2, (int64_t[]){o.out, in});
    const weft_tensor *rows = w ? as_rows(s, x, in) : NULL;
    weft_tensor *y = rows ? weft_matmul(s, rows, weft_transpose(s, w, 0, 1)) : NULL;
    if (y && !o.no_bias) {
        weft_tensor *b =
            weft_param(s, p, bias, o.bias.kind ? o.bias : usual, 1, (int64_t[]){o.out});
        y = b ? weft_add(s, y, b) : NULL;
    }
    if (!y || x->ndim == 2)
        return y;
    memcpy(shape, x->shape, sizeof shape);
    shape[x->ndim - 1] = o.out;
    return weft_reshape(s, y, x->ndim, shape);
}

weft_tensor *weft_embedding_layer(weft_scope *s, weft_params *p, const char *name,
                                  const weft_tensor *index,
                                  const struct weft_embedding_params *params)
{
    struct weft_embedding_params o;
    char weight[NAME];
    WF_PARAMS(o, params);
    if (!wf_scope_takes(s, "embedding", index) || !join(s, weight, name, "weight"))
        return NULL;
    if (o.rows < 1 || o.width < 1 || (o.padded && (o.padding < 0 || o.padding >= o.rows))) {
        wf_scope_fail(s, WEFT_PARAM,
                      "embedding: .rows %lld, .width %lld, .padding %lld; 1 or more of both, and a "
                      "row's number, were wanted",
                      (long long)o.rows, (long long)o.width, (long long)o.padding);
        return NULL;
    }
    struct wf_param_spec spec = {
        .name = weight, .init = o.weight, .padded = o.padded, .padding = o.padding};
    if (!o.weight.kind)
        spec.init = (struct weft_init){WEFT_INIT_NORMAL, 0, 1};
    weft_tensor *w = wf_param(s, p, &spec, 2, (int64_t[]){o.rows, o.width});
    return w ? weft_embedding(s, w, index, o.padded ? o.padding : -1) : NULL;
}
