// The rows of random operations. See rows.h.
#include "rows.h"

// The samples drop nothing or everything: PyTorch draws other numbers.
static weft_tensor *call_dropout(struct call *c)
{
    return weft_dropout(c->s, c->x[0], option_number(c->sample, "p", 0));
}

const struct op_row op_rows_random[] = {
    {"dropout", .call = call_dropout},
    {0},
};
