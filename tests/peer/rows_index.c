// The rows of picking, adding and sorting. See rows.h.
#include "rows.h"

static int axis_of(const struct call *c)
{
    return (int)option_number(c->sample, "axis", 0);
}

static weft_tensor *call_gather(struct call *c)
{
    return weft_gather(c->s, c->x[0], axis_of(c), c->x[1]);
}

static weft_tensor *call_scatter_add(struct call *c)
{
    const weft_tensor *index = c->x[1], *src = c->x[2];
    for (int i = 0; i < index->ndim && i < src->ndim; i++) {
        if (index->shape[i] != src->shape[i])
            return unable(c, "a src larger than the index");
    }
    return weft_scatter_add(c->s, c->x[0], axis_of(c), index, src);
}

static weft_tensor *call_index_select(struct call *c)
{
    weft_tensor *index = c->x[1];
    if (!index->ndim)
        index = weft_reshape(c->s, index, 1, (int64_t[]){1});
    return weft_index_select(c->s, c->x[0], axis_of(c), index);
}

static weft_tensor *call_one_hot(struct call *c)
{
    return weft_one_hot(c->s, c->x[0], (int64_t)option_number(c->sample, "classes", 0), WEFT_I64);
}

// PyTorch counts a negative row of padding from the end.
static weft_tensor *call_embedding(struct call *c)
{
    int64_t rows = c->x[0]->shape[0];
    int64_t padding = (int64_t)option_number(c->sample, "padding", (double)-rows - 1);
    return weft_embedding(c->s, c->x[0], c->x[1], padding < 0 ? padding + rows : padding);
}

// Which of equal elements are taken is not told: an index at which x has the value is as good as
// PyTorch's.
static weft_tensor *call_topk(struct call *c)
{
    const struct npy *want = &c->sample->out[1];
    weft_tensor *index = NULL;
    weft_tensor *y = weft_topk(
        c->s, c->x[0], axis_of(c), (int64_t)option_number(c->sample, "k", 0),
        weft_topk_params(.smallest = option_flag(c->sample, "smallest"), .indices = &index));
    weft_tensor *same = weft_eq(c->s, weft_gather(c->s, c->x[0], axis_of(c), index), y);
    weft_tensor *theirs = weft_from_host(c->s, want->dtype, want->ndim, want->shape, want->data);
    c->y[1] = weft_where(c->s, same, theirs, index);
    return y;
}

static weft_tensor *call_sort(struct call *c)
{
    bool descending = option_flag(c->sample, "descending");
    return weft_sort(c->s, c->x[0], axis_of(c),
                     weft_sort_params(.descending = descending, .indices = &c->y[1]));
}

const struct op_row op_rows_index[] = {
    {"gather", .call = call_gather},
    {"scatter_add", .call = call_scatter_add},
    {"index_select", .call = call_index_select},
    {"one_hot", .call = call_one_hot},
    {"embedding", .call = call_embedding},
    {"topk", .call = call_topk},
    {"sort", .call = call_sort},
    {0},
};
