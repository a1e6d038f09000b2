// The rows of shapes and of tensors from nothing. See rows.h.
#include "rows.h"
#include <math.h>

static int axis_of(const struct call *c)
{
    return (int)option_number(c->sample, "axis", 0);
}

static weft_tensor *call_reshape(struct call *c)
{
    int64_t shape[PEER_TENSORS];
    int ndim = option_list(c->sample, "shape", shape);
    return weft_reshape(c->s, c->x[0], ndim, shape);
}

static weft_tensor *call_expand(struct call *c)
{
    int64_t shape[PEER_TENSORS];
    int ndim = option_list(c->sample, "shape", shape);
    return weft_expand(c->s, c->x[0], ndim, shape);
}

static weft_tensor *call_transpose(struct call *c)
{
    return weft_transpose(c->s, c->x[0], (int)option_number(c->sample, "dim0", 0),
                          (int)option_number(c->sample, "dim1", 0));
}

static weft_tensor *call_full(struct call *c)
{
    int64_t shape[PEER_TENSORS];
    int ndim = option_list(c->sample, "shape", shape);
    return weft_full(c->s, option_dtype(c->sample, "dtype"), ndim, shape,
                     option_number(c->sample, "value", 0));
}

static weft_tensor *call_slice(struct call *c)
{
    int64_t start = (int64_t)option_number(c->sample, "start", 0);
    int64_t stop = start + (int64_t)option_number(c->sample, "length", 0);
    return weft_slice(c->s, c->x[0], axis_of(c), start, stop);
}

static weft_tensor *call_split(struct call *c)
{
    int64_t sizes[PEER_TENSORS];
    int n = option_list(c->sample, "sizes", sizes);
    weft_split(c->s, c->x[0], axis_of(c), (struct weft_sizes){n, sizes}, c->y);
    return c->y[0];
}

static weft_tensor *call_concat(struct call *c)
{
    return weft_concat(c->s, c->sample->nin, (const weft_tensor *const *)c->x, axis_of(c));
}

static weft_tensor *call_stack(struct call *c)
{
    return weft_stack(c->s, c->sample->nin, (const weft_tensor *const *)c->x, axis_of(c));
}

// PyTorch lists the last dimension first, and of each what comes before and after.
static weft_tensor *call_pad(struct call *c)
{
    static const char *const mode[] = {"constant", "reflect", "replicate", "circular"};
    int64_t list[PEER_TENSORS], before[PEER_TENSORS], after[PEER_TENSORS];
    int ndim = option_list(c->sample, "pad", list) / 2;
    struct weft_pad_params o = *weft_pad_params(.ndim = ndim, .before = before, .after = after);
    for (int i = 0; i < ndim; i++) {
        before[ndim - 1 - i] = list[2 * i];
        after[ndim - 1 - i] = list[2 * i + 1];
    }
    for (int m = 0; m < 4; m++) {
        if (option_is(c->sample, "mode", mode[m]))
            o.mode = (enum weft_pad_mode)m;
    }
    o.value = option_number(c->sample, "value", 0);
    return weft_pad(c->s, c->x[0], &o);
}

static weft_tensor *call_flip(struct call *c)
{
    int64_t list[PEER_TENSORS];
    int axes[PEER_TENSORS], n = option_list(c->sample, "axes", list);
    for (int i = 0; i < n; i++)
        axes[i] = (int)list[i];
    return weft_flip(c->s, c->x[0], n, axes);
}

static weft_tensor *call_tril(struct call *c)
{
    return weft_tril(c->s, c->x[0], (int64_t)option_number(c->sample, "diagonal", 0));
}

static weft_tensor *call_triu(struct call *c)
{
    return weft_triu(c->s, c->x[0], (int64_t)option_number(c->sample, "diagonal", 0));
}

static weft_tensor *call_arange(struct call *c)
{
    const struct sample *m = c->sample;
    enum weft_dtype dtype = option_dtype(m, "dtype");
    double start = option_number(m, "start", 0), step = option_number(m, "step", 1);
    if (dtype == WEFT_I64 && (start != trunc(start) || step != trunc(step)))
        return unable(c, "integers from or by a fraction");
    return weft_arange(c->s, dtype, start, option_number(m, "end", 0), step);
}

static weft_tensor *call_eye(struct call *c)
{
    int64_t shape[PEER_TENSORS] = {0};
    option_list(c->sample, "shape", shape);
    return weft_eye(c->s, option_dtype(c->sample, "dtype"), shape[0], shape[1]);
}

const struct op_row op_rows_shape[] = {
    {"reshape", .call = call_reshape},
    {"flatten", .call = call_reshape},
    {"transpose", .call = call_transpose},
    {"expand", .call = call_expand},
    {"slice", .call = call_slice},
    {"split", .call = call_split},
    {"concat", .call = call_concat},
    {"stack", .call = call_stack},
    {"pad", .call = call_pad},
    {"flip", .call = call_flip},
    {"tril", .call = call_tril},
    {"triu", .call = call_triu},
    {"full", .call = call_full},
    {"arange", .call = call_arange},
    {"eye", .call = call_eye},
    {0},
};
