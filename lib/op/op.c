// What the fronts of the operations share.
#include "op/op.h"

bool wf_broadcast(weft_scope *s, const char *op, const weft_tensor *a, const weft_tensor *b,
                  int *ndim, int64_t *shape)
{
    *ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    for (int i = 1; i <= *ndim; i++) {
        int64_t da = i <= a->ndim ? a->shape[a->ndim - i] : 1;
        int64_t db = i <= b->ndim ? b->shape[b->ndim - i] : 1;
        if (da != db && da != 1 && db != 1)
            return wf_scope_fail(s, WEFT_SHAPE, "%s: %s and %s do not broadcast", op,
                                 WF_SHAPE(a->ndim, a->shape), WF_SHAPE(b->ndim, b->shape));
        shape[*ndim - i] = da == 1 ? db : da;
    }
    return true;
}

int wf_axis(weft_scope *s, const char *op, int axis, int ndim)
{
    int from_start = axis < 0 ? axis + ndim : axis;
    if (from_start >= 0 && from_start < ndim)
        return from_start;
    if (ndim)
        wf_scope_fail(s, WEFT_PARAM, "%s: axis %d of %d dimensions; %d to %d were wanted", op, axis,
                      ndim, -ndim, ndim - 1);
    else
        wf_scope_fail(s, WEFT_PARAM, "%s: axis %d of a scalar, which has none", op, axis);
    return -1;
}

bool wf_check_axes(weft_scope *s, const char *op, int naxes, const int *axes, int ndim)
{
    if (naxes < 0 || naxes > ndim)
        return wf_scope_fail(s, WEFT_PARAM, "%s: naxes is %d; 0 to %d were wanted", op, naxes,
                             ndim);
    return !naxes || axes || wf_scope_wrong(s, "%s: axes is NULL, naxes is %d", op, naxes);
}

bool wf_want_float(weft_scope *s, const char *op, const weft_tensor *x)
{
    return wf_dtype_is_float(x->dtype) ||
           wf_scope_fail(s, WEFT_DTYPE, "%s: the input is %s; a floating dtype was wanted", op,
                         weft_dtype_name(x->dtype));
}

const struct wf_op *const *const wf_op_families[] = {
#define X(family) wf_##family##_rows,
    WF_OP_FAMILIES(X)
#undef X
        NULL,
};
