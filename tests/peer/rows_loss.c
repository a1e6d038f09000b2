// The rows of losses. See rows.h.
#include "rows.h"

static weft_tensor *call_cross_entropy(struct call *c)
{
    const struct sample *m = c->sample;
    if (option_flag(m, "weight"))
        return unable(c, "class weights");
    if (option_number(m, "smoothing", 0) != 0)
        return unable(c, "label smoothing");
    if (!option_is(m, "reduction", "mean"))
        return unable(c, "a reduction that is not the mean");
    if (c->x[1]->dtype != WEFT_I64)
        return unable(c, "probabilities as targets");
    if (c->x[0]->ndim != 2)
        return unable(c, "dimensions other than batch and class");
    for (int64_t i = 0; i < m->in[1].count; i++) {
        if (((const int64_t *)m->in[1].data)[i] == (int64_t)option_number(m, "ignore", -100))
            return unable(c, "labels to ignore");
    }
    return weft_cross_entropy(c->s, c->x[0], c->x[1]);
}

const struct op_row op_rows_loss[] = {
    {"cross_entropy", .call = call_cross_entropy},
    {0},
};
