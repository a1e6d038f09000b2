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
    struct weft_init init = {WEFT_INIT_UNIFORM, -bound, bound};
    weft_tensor *w = weft_param(s, p, weight, init, 2, (int64_t[]){o.out, in});
    const weft_tensor *rows = w ? as_rows(s, x, in) : NULL;
    weft_tensor *y = rows ? weft_matmul(s, rows, weft_transpose(s, w, 0, 1)) : NULL;
    if (y && !o.no_bias) {
        weft_tensor *b = weft_param(s, p, bias, init, 1, (int64_t[]){o.out});
        y = b ? weft_add(s, y, b) : NULL;
    }
    if (!y || x->ndim == 2)
        return y;
    memcpy(shape, x->shape, sizeof shape);
    shape[x->ndim - 1] = o.out;
    return weft_reshape(s, y, x->ndim, shape);
}
