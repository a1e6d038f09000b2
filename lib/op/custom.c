// Operations with a kernel of the program's own: a row is made for each call, in the scope's arena;
// the callbacks see the record as a struct weft_op_call.
#include "op/custom.h"
#include "dev/launch.h"
#include <stdio.h>
#include <weft/custom.h>

enum { ROOM = 64 }; // for a name, as in struct wf_kernel

struct custom_row {
    struct wf_op op; // first: a record points to it
    struct weft_op user;
};

char *wf_custom_copy(weft_scope *s, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = wf_arena_take(&s->arena, n);
    if (!copy) {
        wf_scope_nomem(s, "custom op");
        return NULL;
    }
    return memcpy(copy, text, n);
}

bool wf_custom_name(weft_scope *s, const char *call, const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./";
    if (!wf_scope_ok(s))
        return false;
    if (!name || !*name)
        return wf_scope_fail(s, WEFT_PARAM, "%s: there is no name", call);
    if (strlen(name) >= ROOM || name[strspn(name, allowed)])
        return wf_scope_fail(s, WEFT_PARAM,
                             "%s: the name \"%.*s\" is not of up to %d letters, digits or _-./",
                             call, ROOM, name, ROOM - 1);
    return true;
}

// The record as the callbacks see it; `x` has room for the inputs.
static struct weft_op_call call_of(const struct wf_record *r, const weft_tensor **x)
{
    const struct custom_row *row = (const struct custom_row *)r->op;
    for (int i = 0; i < r->nin; i++)
        x[i] = &r->in[i]->pub;
    return (struct weft_op_call){
        .op = &row->user, .x = x, .y = &r->out[0]->pub, .options = r->attr};
}

void weft_op_arg(struct weft_op_launch *l, size_t bytes, const void *value)
{
    int i = l->args++;
    if (i >= WEFT_OP_ARGS)
        return;
    l->arg[i].bytes = bytes;
    l->arg[i].local = !value;
    if (value && bytes <= sizeof l->arg[i].value.data)
        memcpy(l->arg[i].value.data, value, bytes);
}

static bool check_args(const struct weft_op_launch *l, struct weft_error *err)
{
    if (l->args > WEFT_OP_ARGS)
        return wf_fail(err, WEFT_PARAM, "launch gave %d arguments; %d are possible", l->args,
                       WEFT_OP_ARGS);
    for (int i = 0; i < l->args; i++) {
        if (!l->arg[i].local && l->arg[i].bytes > sizeof l->arg[i].value.data)
            return wf_fail(err, WEFT_PARAM, "argument %d of launch has %zu bytes; %zu are possible",
                           i, l->arg[i].bytes, sizeof l->arg[i].value.data);
    }
    return true;
}

// What .launch says, or the defaults.
static bool fill(const struct weft_op_call *c, struct weft_op_launch *l, struct weft_error *err)
{
    int64_t n = weft_count(c->y);
    if (!c->op->launch)
        weft_op_arg(l, sizeof n, &n);
    else if (!c->op->launch(c, l, err))
        return wf_fail(err, WEFT_PARAM, "launch failed");
    l->defines[sizeof l->defines - 1] = 0;
    if (!l->global[0])
        l->global[0] = (size_t)n;
    return check_args(l, err);
}

// A driver that knows a value from an earlier launch says nothing where none is given.
static bool check_count(weft_device *dev, const struct wf_launch *l, int inputs,
                        struct weft_error *err)
{
    cl_uint has;
    if (!WF_CL(&dev->cl, err, clGetKernelInfo, l->kernel->kernel, CL_KERNEL_NUM_ARGS, sizeof has,
               &has, NULL))
        return false;
    return (int)has == l->nargs ||
           wf_fail(err, WEFT_PARAM,
                   "the kernel has %d argument%s, %d were given (%d input%s, 1 output, %d more)",
                   (int)has, has == 1 ? "" : "s", l->nargs, inputs, inputs == 1 ? "" : "s",
                   l->nargs - inputs - 1);
}

static struct wf_range range_of(const struct weft_op_launch *l, size_t max_group)
{
    struct wf_range r = {.item_ns = l->item_ns > 0 ? l->item_ns : 100, .whole = l->whole};
    while (r.dims < 3 && l->global[r.dims]) {
        r.global[r.dims] = l->global[r.dims];
        r.local[r.dims] = l->local[r.dims] ? l->local[r.dims] : 1;
        r.dims++;
    }
    if (!l->local[0] && !l->local[1] && !l->local[2])
        r.local[0] = max_group < 64 ? max_group : 64;
    return r;
}

static bool run(weft_device *dev, struct wf_record *r, struct weft_error *err)
{
    const weft_tensor *x[WEFT_OP_INPUTS];
    struct weft_op_call c = call_of(r, x);
    struct weft_op_launch how = {0};
    if (!weft_count(c.y))
        return true;
    if (!fill(&c, &how, err))
        return false;
    struct wf_request request = {.file = r->op->name,
                                 .kernel = c.op->kernel,
                                 .defines = how.defines,
                                 .op = r->op->name,
                                 .text = c.op->source};
    struct wf_launch l = {.kernel = wf_kernel_get(dev, &request, err), .op = r->op->name};
    if (!l.kernel)
        return false;
    for (int i = 0; i < r->nin; i++)
        wf_launch_mem(&l, &r->in[i]->storage->mem);
    wf_launch_mem(&l, &r->out[0]->storage->mem);
    for (int i = 0; i < how.args; i++)
        wf_launch_value(&l, how.arg[i].bytes, how.arg[i].local ? NULL : how.arg[i].value.data);
    struct wf_range range = range_of(&how, l.kernel->max_group);
    return (dev->dry || check_count(dev, &l, r->nin, err)) && wf_launch_range(dev, &l, &range, err);
}

static bool check_gradient(weft_scope *s, const struct wf_record *r, int i, const weft_tensor *g)
{
    const weft_tensor *x = &r->in[i]->pub;
    if (!wf_scope_takes(s, r->op->name, g))
        return false;
    return (wf_same_shape(g, x) && g->dtype == x->dtype) ||
           wf_scope_fail(s, WEFT_SHAPE, "%s: the gradient of x%d is %s %s; %s %s was wanted",
                         r->op->name, i, WF_SHAPE(g->ndim, g->shape), weft_dtype_name(g->dtype),
                         WF_SHAPE(x->ndim, x->shape), weft_dtype_name(x->dtype));
}

static bool grad(weft_scope *s, const struct wf_record *r, weft_tensor *const *gy, weft_tensor **gx)
{
    const weft_tensor *x[WEFT_OP_INPUTS];
    bool wants[WEFT_OP_INPUTS];
    struct weft_op_call c = call_of(r, x);
    for (int i = 0; i < r->nin; i++)
        wants[i] = wf_wants(r, i);
    c.wants = wants;
    if (!c.op->grad)
        return wf_scope_fail(s, WEFT_UNSUPPORTED, "%s: the operation has no grad", r->op->name);
    if (!c.op->grad(s, &c, gy[0], gx))
        return wf_scope_fail(s, WEFT_PARAM, "%s: grad failed", r->op->name);
    for (int i = 0; i < r->nin; i++) {
        if (gx[i] && !check_gradient(s, r, i, gx[i]))
            return false;
    }
    return wf_scope_ok(s);
}

static bool check_op(weft_scope *s, const struct weft_op *o)
{
    if (!wf_custom_name(s, "op", o->name))
        return false;
    if (!o->source || !*o->source)
        return wf_scope_fail(s, WEFT_PARAM, "%s: the operation has no source", o->name);
    if (strlen(o->kernel) >= ROOM)
        return wf_scope_fail(s, WEFT_PARAM, "%s: the kernel's name is longer than %d", o->name,
                             ROOM - 1);
    if (o->inputs < 0 || o->inputs > WEFT_OP_INPUTS)
        return wf_scope_fail(s, WEFT_PARAM, "%s: the operation has %d inputs; 0 to %d are possible",
                             o->name, o->inputs, WEFT_OP_INPUTS);
    return o->inputs || o->shape ||
           wf_scope_fail(s, WEFT_PARAM, "%s: without an input, .shape must say what y is", o->name);
}

// The dtype and shape of the result.
static bool shape(weft_scope *s, const struct weft_op *o, const weft_tensor *const *x,
                  const void *options, weft_tensor *y)
{
    struct weft_error e = {0};
    struct weft_op_call c = {.op = o, .x = x, .options = options};
    *y = (weft_tensor){0};
    if (!o->shape)
        *y = *x[0];
    else if (!o->shape(&c, y, &e))
        return wf_scope_fail(s, e.status ? e.status : WEFT_SHAPE, "%s: %s", o->name,
                             e.status ? e.text : "the inputs do not fit");
    return wf_scope_shape(s, o->name, y->dtype, y->ndim, y->shape);
}

static struct custom_row *make_row(weft_scope *s, const struct weft_op *o)
{
    struct custom_row *row = wf_arena_take(&s->arena, sizeof *row);
    if (!row) {
        wf_scope_nomem(s, o->name);
        return NULL;
    }
    row->user = *o;
    row->user.name = wf_custom_copy(s, o->name);
    row->user.source = wf_custom_copy(s, o->source);
    row->user.kernel = wf_custom_copy(s, o->kernel);
    row->op = (struct wf_op){.name = row->user.name, .run = run, .grad = grad, .flat = o->flat};
    if (o->grad)
        row->op.saves = (o->grad_without_x ? 0u : (unsigned)WF_SAVES_INPUTS) |
                        (o->grad_without_y ? 0u : (unsigned)WF_SAVES_OUTPUT);
    return wf_scope_ok(s) ? row : NULL;
}

weft_tensor *weft_op(weft_scope *s, const struct weft_op *op, const weft_tensor *const *x,
                     const void *options)
{
    struct weft_op o;
    const weft_tensor *in[WEFT_OP_INPUTS];
    weft_tensor y;
    if (wf_scope_ok(s) && !op)
        wf_scope_wrong(s, "op: the operation is NULL");
    WF_PARAMS(o, op);
    o.kernel = o.kernel ? o.kernel : o.name;
    if (!check_op(s, &o))
        return NULL;
    if ((o.inputs && !x) || (o.option_bytes && !options)) {
        wf_scope_wrong(s, "%s: the %s are NULL", o.name, o.inputs && !x ? "inputs" : "options");
        return NULL;
    }
    for (int i = 0; i < o.inputs; i++) {
        if (!wf_scope_takes(s, o.name, x[i]))
            return NULL;
    }
    if (!shape(s, &o, x, options, &y))
        return NULL;
    for (int i = 0; i < o.inputs; i++) {
        if (!(in[i] = wf_dense(s, x[i])))
            return NULL;
    }
    const struct custom_row *row = make_row(s, &o);
    return row ? wf_record(s, &(struct wf_call){.op = &row->op,
                                                .nin = o.inputs,
                                                .in = in,
                                                .dtype = y.dtype,
                                                .ndim = y.ndim,
                                                .shape = y.shape,
                                                .attr = options,
                                                .attr_bytes = o.option_bytes})
               : NULL;
}
