// The rows of softmax. See rows.h.
#include "rows.h"

static weft_tensor *call_softmax(struct call *c)
{
    return weft_softmax(c->s, c->x[0], (int)option_number(c->sample, "axis", 0));
}

static weft_tensor *call_log_softmax(struct call *c)
{
    return weft_log_softmax(c->s, c->x[0], (int)option_number(c->sample, "axis", 0));
}

const struct op_row op_rows_softmax[] = {
    {"softmax", .call = call_softmax},
    {"log_softmax", .call = call_log_softmax},
    {0},
};
