// What the rows of the ops share. See rows.h.
#include "rows.h"
#include <string.h>

weft_tensor *unable(struct call *c, const char *why)
{
    c->unable = why;
    return NULL;
}

const struct op_row *op_row_of(const char *name)
{
#define X(family) op_rows_##family,
    static const struct op_row *const families[] = {PEER_FAMILIES(X)};
#undef X
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        for (const struct op_row *r = families[f]; r->name; r++) {
            if (!strcmp(r->name, name))
                return r;
        }
    }
    return NULL;
}

static weft_tensor *call_reduce(const struct op_row *r, struct call *c)
{
    int64_t list[PEER_TENSORS];
    int axes[PEER_TENSORS], n = option_list(c->sample, "axes", list);
    for (int i = 0; i < n; i++)
        axes[i] = (int)list[i];
    return r->reduce(
        c->s, c->x[0],
        weft_reduce_params(.axes = axes, .naxes = n, .keep_dims = option_flag(c->sample, "keep")));
}

void op_row_call(const struct op_row *r, struct call *c)
{
    c->y[0] = r->unary    ? r->unary(c->s, c->x[0])
              : r->binary ? r->binary(c->s, c->x[0], c->x[1])
              : r->reduce ? call_reduce(r, c)
                          : r->call(c);
}
